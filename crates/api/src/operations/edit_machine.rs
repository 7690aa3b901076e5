//! `machines/<machine>/edit`: which certificate the web server of a GIS server shows.
//!
//! Clients send every property of the machine back. Those that this server does not let anybody change are taken where
//! they are what they were, and otherwise the answer says that they stay.

use serde_json::Value;

use super::{Answer, server, web_server::Wanted};
use crate::{
    error::ApiError,
    request::{Request, User},
    state::ApiState,
    wire::field,
};

/// Properties that a client may send back, and that stay what they are.
const FIXED: [field::Names; 10] = [
    field::WEB_SERVER_MAX_HEAP_SIZE,
    field::SOC_MAX_HEAP_SIZE,
    field::ADMIN_URL,
    field::MACHINE_NAME,
    field::PLATFORM,
    field::PORTS,
    field::WEB_SERVER_SSL_ENABLED,
    field::CONFIGURED_STATE,
    field::SYNCHRONIZE,
    field::UNDER_MAINTENANCE,
];

pub(super) async fn edit(state: &ApiState, request: &mut Request, user: &User) -> Result<Answer, ApiError> {
    let mut wanted = Wanted::of(request)?;
    let machine = server::machine(state, request).await?;
    let machine = serde_json::to_value(machine).map_err(|error| ApiError::fault(error.to_string()))?;
    for names in FIXED {
        let name = names.first().copied().unwrap_or_default();
        let (Some(sent), Some(is)) = (request.fields.text(names)?, machine.get(name)) else {
            continue;
        };
        if !is_same(sent.trim(), is) {
            let is = text(is);
            wanted.say(format!("not_changed: {name} is {is} on this server and was not changed"));
        }
    }
    wanted.apply(state, request, user).await
}

/// Whether a client means that by what it sends: an object it may write in its own manner.
fn is_same(sent: &str, is: &Value) -> bool {
    sent.eq_ignore_ascii_case(&text(is)) || serde_json::from_str::<Value>(sent).is_ok_and(|sent| sent == *is)
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
