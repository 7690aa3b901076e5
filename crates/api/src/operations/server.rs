//! Resources beside the certificates that clients read on their way.

use super::{Answer, directory::platform, resource};
use crate::{
    error::{ApiError, Task},
    machine::Machine,
    request::Request,
    session::{DEFAULT_MINUTES, MAX_MINUTES},
    state::ApiState,
    wire::{
        Flavour,
        object::{Object, Resources},
        server_object::{
            LocalMachine, LogSettings, Ports, SecurityTokens, ServerLogSettings, ServerMachine,
            TokenProperties,
        },
    },
};

pub(super) fn local(state: &ApiState, request: &Request) -> Answer {
    resource(request, "Local machine", Object::LocalMachine(local_machine(state, state.machine(), request)))
}

pub(super) fn local_machine(state: &ApiState, machine: &Machine, request: &Request) -> LocalMachine {
    LocalMachine {
        machine_name: machine.name().to_owned(),
        admin_url: format!("{}/admin", request.url_of(state, machine)),
    }
}

pub(super) async fn machine(state: &ApiState, request: &Request) -> Result<ServerMachine, ApiError> {
    let LocalMachine { machine_name, admin_url } = local_machine(state, state.machine(), request);
    let web_server = state.run(Task::Read, |keystore| keystore.web_server()).await?;
    Ok(ServerMachine {
        machine_name,
        admin_url,
        platform: platform(),
        ports: Ports { https: request.port() },
        web_server_max_heap_size: -1,
        soc_max_heap_size: 64,
        web_server_ssl_enabled: true,
        web_server_certificate_alias: state.machine().shown(&web_server),
        configured_state: "STARTED",
        synchronize: false,
        under_maintenance: false,
    })
}

pub(super) fn log_settings(request: &Request) -> Answer {
    let settings =
        LogSettings { log_dir: "", log_level: "INFO", max_error_reports_count: 0, max_log_file_age: 0 };
    let object = match request.address.flavour() {
        Flavour::Portal => Object::LogSettings(settings),
        Flavour::Server => Object::ServerLogSettings(ServerLogSettings { settings }),
    };
    resource(request, "Log settings", object)
}

pub(super) fn security_tokens(request: &Request) -> Answer {
    let properties = TokenProperties { short_timeout: DEFAULT_MINUTES, long_timeout: MAX_MINUTES };
    resource(request, "Tokens", Object::SecurityTokens(SecurityTokens { kind: "BUILTIN", properties }))
}

pub(super) fn system(request: &Request) -> Answer {
    resource(request, "System", Object::Resources(Resources { resources: Vec::new() }))
}
