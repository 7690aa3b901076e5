//! What the operations that set the web server up have in common: the fields, the change, and that it is in force.

use std::sync::Arc;

use strongroom::{
    Alias,
    diagnostic::Diagnostic,
    keystore::{WebServerChange, WebServerReport},
    web_server::{Chosen, TlsOption},
};

use super::{Answer, as_message, resource};
use crate::{
    error::{ApiError, Task, reply},
    request::{Request, User},
    state::ApiState,
    wire::{
        field,
        object::{Object, Success},
    },
};

const TASK: Task = Task::UpdateWebServer;

/// What a request wants to be another, and what there is to say of it.
pub(super) struct Wanted {
    change: WebServerChange,
    messages: Vec<String>,
}

impl Wanted {
    /// What the fields of a request say; what they do not name stays as it is.
    pub(super) fn of(request: &Request) -> Result<Self, ApiError> {
        let mut change = WebServerChange::default();
        let mut findings = Vec::new();
        let alias = request.fields.text(field::WEB_SERVER_ALIAS)?;
        change.alias = alias
            .map(|alias| alias.parse::<Alias>().map_err(|error| reply(TASK, &strongroom::Error::from(error))))
            .transpose()?;
        change.versions = chosen(request, field::SSL_PROTOCOLS, &mut findings)?;
        change.suites = chosen(request, field::CIPHER_SUITES, &mut findings)?;
        change.hsts = request.fields.boolean(field::HSTS)?;
        Ok(Self { change, messages: findings.iter().map(as_message).collect() })
    }

    /// Something else to tell the client.
    pub(super) fn say(&mut self, message: String) {
        self.messages.push(message);
    }

    /// Makes the change, and waits until the web server serves by it. The entry that was shown before stays in the store.
    pub(super) async fn apply(
        self,
        state: &ApiState,
        request: &Request,
        user: &User,
    ) -> Result<Answer, ApiError> {
        let Self { mut change, mut messages } = self;
        let (machine, at, actor) = (Arc::clone(state.machine()), state.now(), user.actor());
        change.names = machine.peer_names();
        let done = state.run(TASK, move |keystore| {
            change.shown = machine.shown(&keystore.web_server()?).parse().ok();
            let report = keystore.acting_as(&actor).set_web_server(&change, at)?;
            // Also where nothing changed: another process may have changed it a moment ago.
            let applied = machine.apply(&report.web_server);
            Ok((report, applied))
        });
        let (WebServerReport { findings, .. }, applied) = done.await?;
        if let Err(reason) = applied {
            return Err(ApiError::fault(format!("the web server does not serve what was chosen: {reason}")));
        }
        messages.extend(findings.iter().map(as_message));
        Ok(resource(request, "Updated", Object::Success(Success::new(messages))))
    }
}

/// A list of names; empty as a field that is not there.
fn chosen<T: TlsOption + std::str::FromStr>(
    request: &Request,
    names: field::Names,
    findings: &mut Vec<Diagnostic>,
) -> Result<Option<Vec<T>>, ApiError> {
    let Some(list) = request.fields.text(names)? else {
        return Ok(None);
    };
    let chosen = Chosen::from_list(list).map_err(|error| reply(TASK, &strongroom::Error::from(error)))?;
    findings.extend(chosen.findings);
    Ok(Some(chosen.offered))
}
