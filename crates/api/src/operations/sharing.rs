//! The few resources of the sharing API that clients ask before they reach the administrator directory.

use super::{Answer, resource};
use crate::{
    error::ApiError,
    request::{self, Request},
    state::ApiState,
    wire::object::{
        AuthInfo, Object, PRIVILEGES, PortalSelf, PortalServer, PortalServers, SHARING_VERSION, SharingInfo,
        SharingRoot, User,
    },
};

pub(super) fn root(state: &ApiState, request: &Request) -> Answer {
    let object = SharingRoot {
        current_version: SHARING_VERSION,
        enterprise_version: state.settings().version.clone(),
    };
    resource(request, "Sharing", Object::SharingRoot(object))
}

/// Where tokens are made, by the host name that the client used.
pub(super) fn info(state: &ApiState, request: &Request) -> Answer {
    let system = request.url(state);
    let object = SharingInfo {
        auth_info: AuthInfo {
            token_services_url: format!("{system}/sharing/rest/generateToken"),
            is_token_based_security: true,
        },
        owning_system_url: system,
    };
    resource(request, "Info", Object::SharingInfo(object))
}

pub(super) fn portal(state: &ApiState, request: &Request, user: &request::User) -> Answer {
    let object = PortalSelf {
        id: "0123456789ABCDEF",
        name: "Strongroom",
        portal_name: "Strongroom",
        portal_hostname: request.host.clone().unwrap_or_else(|| state.settings().machine.clone()),
        portal_mode: "singletenant",
        is_portal: true,
        all_ssl: true,
        current_version: SHARING_VERSION,
        user: User::of(&user.name),
    };
    resource(request, "Portal", Object::PortalSelf(object))
}

/// Servers that are federated with the portal: this one, as what clients look for before they go to its machines.
pub(super) fn servers(state: &ApiState, request: &Request) -> Answer {
    let url = request.url(state);
    let server = |id, server_type, server_function| PortalServer {
        id,
        name: request.host.clone().unwrap_or_else(|| state.settings().machine.clone()),
        admin_url: url.clone(),
        url: url.clone(),
        is_hosted: false,
        server_type,
        server_role: "FEDERATED_SERVER",
        server_function,
    };
    let servers = vec![
        server("mission", "ARCGIS_MISSION_SERVER", "MissionServer"),
        server("notebook", "ARCGIS_NOTEBOOK_SERVER", "NotebookServer"),
    ];
    resource(request, "Servers", Object::PortalServers(PortalServers { servers }))
}

/// An administrator sees no one but itself.
pub(super) fn user(request: &Request, user: &request::User) -> Result<Answer, ApiError> {
    if request.address.name.as_deref().is_some_and(|asked| !asked.eq_ignore_ascii_case(&user.name)) {
        return Err(ApiError::new(404, "User does not exist or is inaccessible", Vec::new()));
    }
    Ok(resource(request, "User", Object::User(User::of(&user.name))))
}

impl User {
    fn of(name: &str) -> Self {
        Self {
            username: name.to_owned(),
            full_name: name.to_owned(),
            role: "org_admin",
            privileges: PRIVILEGES,
        }
    }
}
