//! security/config: how a server speaks TLS.

use strongroom::web_server::list_of;

use super::{Answer, resource, web_server::Wanted};
use crate::{
    error::{ApiError, Task},
    request::{Request, User},
    state::ApiState,
    wire::{
        field,
        object::{Object, SecurityConfig},
    },
};

pub(super) async fn show(state: &ApiState, request: &Request) -> Result<Answer, ApiError> {
    let web_server = state.run(Task::Read, |keystore| keystore.web_server()).await?;
    let config =
        SecurityConfig::new(list_of(&web_server.versions()), list_of(&web_server.suites()), web_server.hsts);
    Ok(resource(request, "Security configuration", Object::SecurityConfig(config)))
}

pub(super) async fn update(state: &ApiState, request: &mut Request, user: &User) -> Result<Answer, ApiError> {
    if let Some(protocol) = request.fields.text(field::PROTOCOL)?
        && !protocol.trim().eq_ignore_ascii_case("HTTPS")
    {
        let details = vec!["send Protocol=HTTPS, or leave the field out".to_owned()];
        return Err(Task::UpdateWebServer.refused("this server speaks HTTPS alone", details));
    }
    Wanted::of(request)?.apply(state, request, user).await
}
