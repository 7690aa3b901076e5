//! Which machine a request is about: the one in its path, or else the one whose name it came by.

use strongroom::certificate::printable;

use crate::{
    error::ApiError,
    machine::host_name,
    request::Request,
    state::ApiState,
    wire::{NOT_FOR_SEVERAL_MACHINES, Operation, Root},
};

/// The state for the machine of a request.
///
/// Where a path names none, that is the machine whose name the client used. A client that came by another name, as by an
/// address, gets the first machine where nothing hangs on it, and a refusal where certificates do.
pub(crate) fn of_request(state: &ApiState, request: &Request) -> Result<ApiState, ApiError> {
    if let Some(name) = &request.address.machine {
        return state.for_machine(name).ok_or_else(|| unknown(state, name));
    }
    if state.machines().len() == 1 {
        return Ok(state.clone());
    }
    let named = request.host.as_deref().and_then(|host| state.for_machine(host_name(host)));
    let matters = request.address.root == Root::PortalSecurity
        || matches!(
            request.address.row.operation,
            Operation::SecurityConfig | Operation::UpdateSecurityConfig
        );
    match named {
        Some(named) => Ok(named),
        None if matters => {
            let details =
                vec![format!("the machines are {}", names(state)), "code: several_machines".to_owned()];
            Err(ApiError::new(400, NOT_FOR_SEVERAL_MACHINES, details))
        }
        None => Ok(state.clone()),
    }
}

fn unknown(state: &ApiState, name: &str) -> ApiError {
    let name = printable(name);
    let message = match state.machines() {
        [_] => format!("Machine '{name}' is not this machine; this is '{}'", state.machine().name()),
        _ => format!("Machine '{name}' is none of this site; its machines are {}", names(state)),
    };
    ApiError::new(404, message, Vec::new())
}

fn names(state: &ApiState) -> String {
    let names: Vec<String> = state.machines().iter().map(|machine| format!("'{}'", machine.name())).collect();
    names.join(", ")
}
