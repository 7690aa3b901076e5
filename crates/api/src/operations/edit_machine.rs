//! `machines/<machine>/edit`: which certificate the web server of a GIS server shows.
//!
//! Clients send every property of the machine back. Those that this server does not let anybody change are taken where
//! they are what they were, and otherwise the answer says that they stay.

use super::{Answer, server::local_machine, web_server::Wanted};
use crate::{
    error::ApiError,
    request::{Request, User},
    state::ApiState,
    wire::field,
};

/// Properties that a client may send back, with what they are here.
const FIXED: [(field::Names, &str); 2] =
    [(field::WEB_SERVER_MAX_HEAP_SIZE, "-1"), (field::SOC_MAX_HEAP_SIZE, "64")];

pub(super) async fn edit(state: &ApiState, request: &mut Request, user: &User) -> Result<Answer, ApiError> {
    let mut wanted = Wanted::of(request)?;
    let admin_url = local_machine(state, state.machine(), request).admin_url;
    for (names, is) in FIXED.into_iter().chain([(field::ADMIN_URL, admin_url.as_str())]) {
        let name = names.first().copied().unwrap_or_default();
        if request.fields.text(names)?.is_some_and(|sent| !sent.trim().eq_ignore_ascii_case(is)) {
            wanted.say(format!("not_changed: {name} is {is} on this server and was not changed"));
        }
    }
    wanted.apply(state, request, user).await
}
