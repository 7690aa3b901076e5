//! Pages for people. Everything is escaped by the templates.

use askama::Template;
use strongroom::{
    Alias,
    diagnostic::{Diagnostic, Severity},
    keystore::{AuthorityOutcome, Outcome},
    privilege::Privilege,
};

use super::{
    certificate::certificate,
    forms::{self, Problem},
    home::home,
    json,
    list::certificates,
    words::role_name,
};
use crate::{
    advice,
    error::ApiError,
    operations::{AuthoritiesPage, DonePage, ImportedPage, LinksPage, OAuthPage, Page, SigningRequestPage},
    request::{Hidden, User},
    state::ApiState,
    wire::{Address, Flavour, Format, address::certificates_of, percent_encode},
};

/// What all pages have: where they are, and for whom.
pub(crate) struct Frame<'a> {
    /// The path of the directory.
    pub(crate) base: String,
    /// The shape of failures.
    pub(super) flavour: Flavour,
    pub(super) machine: &'a str,
    pub(super) user: Option<User>,
}

impl<'a> Frame<'a> {
    pub(crate) fn new(address: &Address, state: &'a ApiState, user: Option<User>) -> Self {
        let (base, flavour) = (address.base(), address.flavour());
        Self { base, flavour, machine: state.machine().name(), user }
    }

    /// Where the certificates of this machine are listed.
    pub(super) fn list(&self) -> String {
        format!("{}/{}", self.base, certificates_of(self.machine))
    }

    /// Whether the user has the privilege; nobody does who is not signed in.
    fn may(&self, privilege: Privilege) -> bool {
        self.user.as_ref().is_some_and(|user| user.require(privilege).is_ok())
    }

    pub(super) fn may_list(&self) -> bool {
        self.may(Privilege::List)
    }

    pub(super) fn may_import(&self) -> bool {
        self.may(Privilege::Import)
    }

    pub(super) fn may_delete(&self) -> bool {
        self.may(Privilege::Delete)
    }

    pub(super) fn may_export(&self) -> bool {
        self.may(Privilege::Export)
    }

    pub(super) fn may_administer(&self) -> bool {
        self.may(Privilege::Administer)
    }

    /// Where the certificate of the web server is chosen, and with a portal all the rest of it.
    pub(super) fn web_server(&self) -> String {
        match self.flavour {
            Flavour::Portal => format!("{}/update", self.list()),
            Flavour::Server => format!("{}/machines/{}/edit", self.base, percent_encode(self.machine)),
        }
    }

    /// Where a server has the rest.
    pub(super) fn server_tls(&self) -> Option<String> {
        (self.flavour == Flavour::Server).then(|| format!("{}/security/config/update", self.base))
    }

    pub(super) fn hidden(&self) -> Option<&Hidden> {
        self.user.as_ref().and_then(|user| user.hidden.as_ref())
    }
}

#[derive(Template)]
#[template(path = "links.html")]
struct LinksTemplate<'a> {
    frame: &'a Frame<'a>,
    page: LinksPage,
}

#[derive(Template)]
#[template(path = "imported.html")]
struct ImportedTemplate<'a> {
    frame: &'a Frame<'a>,
    list: String,
    alias: String,
    outcome: &'static str,
    written: Vec<String>,
    chain: Vec<(String, &'static str)>,
    warnings: Vec<Warning>,
}

/// A finding.
pub(super) struct Warning {
    pub(super) tone: &'static str,
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) help: String,
}

#[derive(Template)]
#[template(path = "authorities.html")]
struct AuthoritiesTemplate<'a> {
    frame: &'a Frame<'a>,
    list: String,
    summary: String,
    /// Alias, subject, digest and what was done.
    certificates: Vec<(String, String, String, String)>,
    warnings: Vec<Warning>,
}

#[derive(Template)]
#[template(path = "object.html")]
struct ObjectTemplate<'a> {
    frame: &'a Frame<'a>,
    title: &'static str,
    text: String,
}

#[derive(Template)]
#[template(path = "oauth.html")]
struct OAuthTemplate<'a> {
    frame: &'a Frame<'a>,
    /// JSON that this crate makes of hexadecimal digits and plain words.
    info: String,
    failure: Option<ApiError>,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInTemplate<'a> {
    frame: &'a Frame<'a>,
    form_secret: String,
    next: String,
    username: String,
    problem: Problem,
}

#[derive(Template)]
#[template(path = "token.html")]
struct TokenTemplate<'a> {
    frame: &'a Frame<'a>,
    username: String,
    failure: Option<ApiError>,
}

#[derive(Template)]
#[template(path = "signing_request.html")]
struct SigningRequestTemplate<'a> {
    frame: &'a Frame<'a>,
    list: String,
    /// The page of the entry.
    here: String,
    alias: String,
    names: Vec<String>,
    facts: Vec<(&'static str, String)>,
    pem: String,
}

#[derive(Template)]
#[template(path = "done.html")]
struct DoneTemplate<'a> {
    frame: &'a Frame<'a>,
    page: DonePage,
    warnings: Vec<Warning>,
}

#[derive(Template)]
#[template(path = "failure.html")]
struct FailureTemplate<'a> {
    frame: &'a Frame<'a>,
    failure: &'a ApiError,
}

pub(super) fn page(frame: &Frame<'_>, page: Page) -> Result<String, askama::Error> {
    match page {
        Page::Authorities(page) => authorities(frame, page),
        Page::Certificate(page) => certificate(frame, *page),
        Page::Certificates(page) => certificates(frame, &page),
        Page::Checked(page) => forms::checked(frame, *page),
        Page::Done(mut page) => {
            let findings = std::mem::take(&mut page.findings);
            let warnings = findings.into_iter().map(Warning::from).collect();
            DoneTemplate { frame, page, warnings }.render()
        }
        Page::Generate(page) => forms::generate(frame, page),
        Page::Home(page) => home(frame, &page),
        Page::Import(page) => forms::import(frame, page),
        Page::Imported(page) => imported(frame, page),
        Page::Links(page) => LinksTemplate { frame, page }.render(),
        Page::OAuth(OAuthPage { info, failure }) => OAuthTemplate { frame, info, failure }.render(),
        Page::Object { title, object } => {
            ObjectTemplate { frame, title, text: json(&object, Format::Pjson) }.render()
        }
        Page::Question(page) => forms::question(frame, *page),
        Page::SignIn(page) => {
            let (next, username, problem) = (page.next, page.username, Problem::new(page.failure));
            SignInTemplate { frame, form_secret: page.key.secret(), next, username, problem }.render()
        }
        Page::SigningRequest(page) => signing_request(frame, *page),
        Page::WebServer(page) => forms::web_server(frame, page),
        Page::Token(page) => TokenTemplate { frame, username: page.username, failure: page.failure }.render(),
    }
}

pub(super) fn failure(frame: &Frame<'_>, failure: &ApiError) -> Result<String, askama::Error> {
    FailureTemplate { frame, failure }.render()
}

fn imported(frame: &Frame<'_>, page: ImportedPage) -> Result<String, askama::Error> {
    let ImportedPage { report, list } = page;
    let outcome = match report.outcome {
        Outcome::Imported => "was imported",
        Outcome::Replaced => "was replaced; the former version is kept",
        _ if !report.imported.is_empty() => "is there already; certificates of its chain were stored",
        _ => "is there already, with the same certificate; nothing was changed",
    };
    ImportedTemplate {
        frame,
        list,
        alias: report.alias.key(),
        outcome,
        written: report.imported.iter().filter(|written| **written != report.alias).map(Alias::key).collect(),
        chain: report.chain.into_iter().map(|link| (link.subject, role_name(link.role))).collect(),
        warnings: report.findings.into_iter().map(Warning::from).collect(),
    }
    .render()
}

fn signing_request(frame: &Frame<'_>, page: SigningRequestPage) -> Result<String, askama::Error> {
    let SigningRequestPage { alias, request, list } = page;
    let names = request.alternative_names().iter().filter_map(|name| name.host().map(str::to_owned));
    SigningRequestTemplate {
        frame,
        here: format!("{list}/{}", percent_encode(&alias)),
        list,
        names: names.collect(),
        facts: vec![("Subject", request.subject().to_owned()), ("Key", request.key().to_string())],
        pem: request.pem(),
        alias,
    }
    .render()
}

fn authorities(frame: &Frame<'_>, page: AuthoritiesPage) -> Result<String, askama::Error> {
    let AuthoritiesPage { report, list } = page;
    let (imported, present, refused) = report.counts();
    let summary = format!("{imported} imported, {present} already present, {refused} not imported.");
    let certificates = report.certificates.into_iter().map(|one| {
        let outcome = match &one.outcome {
            AuthorityOutcome::Imported => "was imported".to_owned(),
            AuthorityOutcome::NotImported(error) => format!("not imported: {error}"),
            _ => "is there already".to_owned(),
        };
        let alias = one.alias.map(|alias| alias.key()).unwrap_or_default();
        (alias, one.subject, one.sha256.to_string(), outcome)
    });
    AuthoritiesTemplate {
        frame,
        list,
        summary,
        certificates: certificates.collect(),
        warnings: report.findings.into_iter().map(Warning::from).collect(),
    }
    .render()
}

impl From<Diagnostic> for Warning {
    fn from(finding: Diagnostic) -> Self {
        Self {
            tone: if finding.severity == Severity::Warning { "warn" } else { "bad" },
            code: finding.code.as_str(),
            help: advice::sentence(&finding.remedies).unwrap_or_default(),
            message: finding.message,
        }
    }
}
