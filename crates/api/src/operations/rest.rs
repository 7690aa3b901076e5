//! rest/info of a server: where its tokens are made.

use super::{Answer, resource};
use crate::{
    request::Request,
    state::ApiState,
    wire::{
        object::{AuthInfo, Object},
        server_object::{RestInfo, version_number},
    },
};

pub(super) fn info(state: &ApiState, request: &Request) -> Answer {
    let version = &state.settings().version;
    let info = RestInfo {
        current_version: version_number(version),
        full_version: version.clone(),
        auth_info: AuthInfo {
            token_services_url: format!("{}/tokens/", request.url(state)),
            is_token_based_security: true,
        },
    };
    resource(request, "Info", Object::RestInfo(info))
}
