//! What the operations that set the web server up have in common: the fields, the change, and that it is in force.

use std::sync::Arc;

use strongroom::{
    Alias,
    diagnostic::Diagnostic,
    keystore::{WebServerChange, WebServerReport},
    web_server::{Chosen, TlsOption, WebServer, list_of},
};

use super::{Answer, DonePage, Offers, Page, Undo, WebServerPage, as_message};
use crate::{
    error::{ApiError, Task, reply},
    request::{Request, User},
    state::ApiState,
    wire::{
        Format,
        address::certificates_of,
        field::{self, Names},
        object::{Object, Success},
    },
};

const TASK: Task = Task::UpdateWebServer;
/// What the form with the boxes says of itself: a box that is not ticked is absent there.
const BOXES: &str = "boxes";

/// What a request wants to be another, and what there is to say of it.
pub(super) struct Wanted {
    change: WebServerChange,
    findings: Vec<Diagnostic>,
    /// In words of the operation.
    said: Vec<String>,
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
        let unticked = (has_boxes(request) && takes(request, field::HSTS)).then_some(false);
        change.hsts = request.fields.boolean(field::HSTS)?.or(unticked);
        Ok(Self { change, findings, said: Vec::new() })
    }

    /// Something else to tell the client.
    pub(super) fn say(&mut self, message: String) {
        self.said.push(message);
    }

    /// Makes the change, and waits until the web server serves by it. The entry that was shown before stays in the store.
    pub(super) async fn apply(
        self,
        state: &ApiState,
        request: &Request,
        user: &User,
    ) -> Result<Answer, ApiError> {
        let Self { mut change, mut findings, said } = self;
        let (machine, at, actor) = (Arc::clone(state.machine()), state.now(), user.actor());
        change.names = machine.peer_names();
        let is_choice = change.alias.is_some();
        let done = state.run(TASK, move |keystore| {
            change.shown = machine.shown(&keystore.web_server()?).parse().ok();
            let report = keystore.acting_as(&actor).set_web_server(&change, at)?;
            // Also where nothing changed: another process may have changed it a moment ago.
            let applied = machine.apply(&report.web_server);
            Ok((report, applied))
        });
        let (report, applied) = done.await?;
        let WebServerReport { findings: found, web_server, changed, .. } = report;
        if let Err(reason) = applied {
            return Err(ApiError::fault(format!("the web server does not serve what was chosen: {reason}")));
        }
        findings.extend(found);
        Ok(match request.format {
            Format::Html => {
                let undo = web_server.former.as_ref().filter(|_| is_choice && changed);
                let page = done_page(state, request, &web_server, undo, said);
                Answer::Page(Page::Done(DonePage { findings, ..page }))
            }
            Format::Json | Format::Pjson => {
                let messages = findings.iter().map(as_message);
                Answer::Object(Object::Success(Success::new(said.into_iter().chain(messages).collect())))
            }
        })
    }
}

fn done_page(
    state: &ApiState,
    request: &Request,
    now: &WebServer,
    undo: Option<&Alias>,
    said: Vec<String>,
) -> DonePage {
    let machine = state.machine();
    let suites = now.suites().len();
    let plural = if suites == 1 { "" } else { "s" };
    let hsts = if now.hsts { "tells browsers to come by HTTPS alone" } else { "does not use HSTS" };
    let offers = format!(
        "It offers {} with {suites} cipher suite{plural}, and {hsts}.",
        list_of(&now.versions()).replace(',', " and ")
    );
    DonePage {
        title: "Updated",
        message: format!(
            "From the next connection on, the web server shows the certificate {}.",
            machine.shown(now)
        ),
        notes: std::iter::once(offers).chain(said).collect(),
        findings: Vec::new(),
        next: format!("{}/{}", request.address.base(), certificates_of(machine.name())),
        next_label: "Certificates",
        undo: undo.map(|former| Undo {
            address: request.address.link(),
            label: format!("Show {} again", former.key()),
            fields: vec![("webServerCertificateAlias", former.key())],
        }),
    }
}

/// The form: with what is in force, or again with what was typed and ticked.
pub(super) async fn form(
    state: &ApiState,
    request: &Request,
    failure: Option<ApiError>,
) -> Result<Answer, ApiError> {
    let now = state.run(Task::Read, |keystore| keystore.web_server()).await?;
    let typed = request.fields.text(field::WEB_SERVER_ALIAS).ok().flatten().map(str::to_owned);
    let alias = || typed.unwrap_or_else(|| state.machine().shown(&now));
    let offers = || Offers {
        versions: ticks(request, &now.versions()),
        suites: ticks(request, &now.suites()),
        hsts: match has_boxes(request) {
            true => request.fields.is_ticked("HSTSEnabled"),
            false => now.hsts,
        },
    };
    // Beside a field that this form does not have, nothing can be said.
    let failure = failure.map(|failure| {
        let has = |name: &&str| request.address.row.fields.iter().any(|field| field.names.contains(name));
        ApiError { field: failure.field.filter(has), ..failure }
    });
    Ok(Answer::Page(Page::WebServer(WebServerPage {
        action: request.address.link(),
        alias: takes(request, field::WEB_SERVER_ALIAS).then(alias),
        offers: takes(request, field::CIPHER_SUITES).then(offers),
        failure,
    })))
}

/// Every option, and whether its box is ticked.
fn ticks<T: TlsOption>(request: &Request, now: &[T]) -> Vec<(&'static str, bool)> {
    let is_ticked = |option: T| match has_boxes(request) {
        true => request.fields.is_ticked(option.as_str()),
        false => now.contains(&option),
    };
    T::ALL.iter().map(|option| (option.as_str(), is_ticked(*option))).collect()
}

fn takes(request: &Request, names: Names) -> bool {
    request.address.row.fields.iter().any(|field| field.names == names)
}

/// Whether the request is the form with a box for each option.
fn has_boxes(request: &Request) -> bool {
    request.fields.text(field::FORM).is_ok_and(|form| form == Some(BOXES))
}

/// A list of names; empty as a field that is not there.
fn chosen<T: TlsOption + std::str::FromStr>(
    request: &Request,
    names: Names,
    findings: &mut Vec<Diagnostic>,
) -> Result<Option<Vec<T>>, ApiError> {
    let ticked = || {
        let all = ticks::<T>(request, &[]).into_iter();
        all.filter_map(|(name, is_ticked)| is_ticked.then_some(name)).collect::<Vec<_>>().join(",")
    };
    let list = match request.fields.text(names)? {
        Some(list) => list.to_owned(),
        None if has_boxes(request) && takes(request, names) => ticked(),
        None => return Ok(None),
    };
    let chosen = Chosen::from_list(&list)
        .map_err(|error| reply(TASK, &strongroom::Error::from(error)).at_field(names))?;
    findings.extend(chosen.findings);
    Ok(Some(chosen.offered))
}
