//! The administrator directory around the certificates: root, machines, security, health.

use super::{Answer, LinksPage, Page, resource, server};
use crate::{
    error::{ApiError, Task},
    request::Request,
    state::ApiState,
    wire::{
        Flavour, Format,
        address::{CERTIFICATES_OF_SITE, certificates_of},
        object::{AdminRoot, Machine, Machines, Object, Resources, Success},
        server_object::{ServerMachines, ServerRoot, version_number},
    },
};

pub(super) fn root(state: &ApiState, request: &Request) -> Answer {
    let resources = vec!["logs", "machines", "security", "system"];
    let version = state.settings().version.clone();
    if request.address.flavour() == Flavour::Server {
        let current_version = version_number(&version);
        return Answer::Object(Object::ServerRoot(ServerRoot {
            resources,
            current_version,
            full_version: version,
        }));
    }
    Answer::Object(Object::AdminRoot(AdminRoot {
        is_post_upgrade: true,
        is_license_populated: true,
        is_portal_licensed: true,
        resources,
        version,
    }))
}

pub(super) fn machines(state: &ApiState, request: &Request) -> Answer {
    let machines: Vec<Machine> =
        state.machines().iter().map(|machine| Machine::of(state, machine, request)).collect();
    if request.format == Format::Html {
        let all = machines.into_iter().map(|machine| (machine.machine_name.clone(), machine.path()));
        return links("Machines".to_owned(), Vec::new(), all.collect());
    }
    if request.address.flavour() == Flavour::Server {
        let machines = state.machines().iter().map(|machine| server::local_machine(state, machine, request));
        return Answer::Object(Object::ServerMachines(ServerMachines { machines: machines.collect() }));
    }
    Answer::Object(Object::Machines(Machines { machines }))
}

pub(super) async fn machine(state: &ApiState, request: &Request) -> Result<Answer, ApiError> {
    let machine = Machine::of(state, state.machine(), request);
    if request.format == Format::Html {
        let certificates = certificates_of(&machine.machine_name);
        return Ok(links(
            machine.machine_name,
            vec![
                ("Address", machine.admin_url),
                ("Role", machine.role.to_owned()),
                ("Platform", machine.platform),
            ],
            vec![("Certificates".to_owned(), certificates)],
        ));
    }
    if request.address.flavour() == Flavour::Server {
        let machine = server::machine(state, request).await?;
        return Ok(Answer::Object(Object::ServerMachine(Box::new(machine))));
    }
    Ok(Answer::Object(Object::Machine(machine)))
}

pub(super) fn security(state: &ApiState, request: &Request) -> Answer {
    if request.format == Format::Html {
        let certificates = match request.address.flavour() {
            Flavour::Portal => CERTIFICATES_OF_SITE.to_owned(),
            Flavour::Server => certificates_of(state.machine().name()),
        };
        return links("Security".to_owned(), Vec::new(), vec![("Certificates".to_owned(), certificates)]);
    }
    let resources = match request.address.flavour() {
        Flavour::Portal => vec!["config", "sslCertificates", "tokens"],
        Flavour::Server => vec!["config", "tokens"],
    };
    Answer::Object(Object::Resources(Resources { resources }))
}

/// Says that the server answers and the store can be read; clients wait for it before they sign in.
pub(super) async fn health(state: &ApiState, request: &Request) -> Result<Answer, ApiError> {
    let at = state.now();
    state.run(Task::Read, move |keystore| keystore.page(None, 1, at)).await?;
    Ok(resource(request, "Health", Object::Success(Success::new(Vec::new()))))
}

pub(super) fn platform() -> String {
    format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH)
}

fn links(title: String, facts: Vec<(&'static str, String)>, links: Vec<(String, String)>) -> Answer {
    Answer::Page(Page::Links(LinksPage { title, facts, links }))
}

impl Machine {
    fn of(state: &ApiState, machine: &crate::Machine, request: &Request) -> Self {
        Self {
            admin_url: request.url_of(state, machine),
            machine_name: machine.name().to_owned(),
            role: if machine.is(&state.settings().machine) { "primary" } else { "standby" },
            platform: platform(),
        }
    }

    /// Its path below the directory.
    fn path(&self) -> String {
        format!("machines/{}", crate::wire::percent_encode(&self.machine_name))
    }
}
