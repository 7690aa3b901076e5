//! Pages for people. Everything is escaped by the templates; nothing runs in the browser.

use askama::Template;
use strongroom::{
    diagnostic::Diagnostic,
    keystore::{AuthorityOutcome, Outcome},
};

use super::{
    json,
    rows::{Link, Row, Toned, chain, kind, remaining, role_name},
};
use crate::{
    advice,
    error::ApiError,
    operations::{
        AuthoritiesPage, CertificatePage, CertificatesPage, Import, ImportPage, ImportedPage, LinksPage, Page,
    },
    request::{Hidden, User},
    state::ApiState,
    wire::{Address, Flavour, Format, calendar_date, certificate::CertificateObject, percent_encode},
};

/// What all pages have: where they are, and for whom.
pub(crate) struct Frame<'a> {
    /// The path of the directory.
    pub(crate) base: String,
    /// The shape of failures.
    pub(super) flavour: Flavour,
    machine: &'a str,
    user: Option<User>,
}

impl<'a> Frame<'a> {
    pub(crate) fn new(address: &Address, state: &'a ApiState, user: Option<User>) -> Self {
        let (base, flavour) = (address.base(), address.flavour());
        Self { base, flavour, machine: &state.settings().machine, user }
    }

    fn hidden(&self) -> Option<&Hidden> {
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
#[template(path = "certificates.html")]
struct CertificatesTemplate<'a> {
    frame: &'a Frame<'a>,
    list: String,
    rows: Vec<Row>,
    damaged: Vec<String>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "certificate.html")]
struct CertificateTemplate<'a> {
    frame: &'a Frame<'a>,
    list: String,
    title: String,
    facts: Vec<(&'static str, String)>,
    names: Vec<String>,
    from: String,
    until: String,
    remaining: Toned,
    chain: Toned,
    links: Vec<Link>,
}

#[derive(Template)]
#[template(path = "import.html")]
struct ImportTemplate<'a> {
    frame: &'a Frame<'a>,
    title: &'static str,
    for_server: bool,
    page: ImportPage,
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

struct Warning {
    message: String,
    help: String,
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
#[template(path = "sign_in.html")]
struct SignInTemplate<'a> {
    frame: &'a Frame<'a>,
    next: String,
    username: String,
    failure: Option<ApiError>,
}

#[derive(Template)]
#[template(path = "token.html")]
struct TokenTemplate<'a> {
    frame: &'a Frame<'a>,
    username: String,
    failure: Option<ApiError>,
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
        Page::Import(page) => import(frame, page),
        Page::Imported(page) => imported(frame, page),
        Page::Links(page) => LinksTemplate { frame, page }.render(),
        Page::Object { title, object } => {
            ObjectTemplate { frame, title, text: json(&object, Format::Pjson) }.render()
        }
        Page::SignIn(page) => {
            let (next, username, failure) = (page.next, page.username, page.failure);
            SignInTemplate { frame, next, username, failure }.render()
        }
        Page::Token(page) => TokenTemplate { frame, username: page.username, failure: page.failure }.render(),
    }
}

pub(super) fn failure(frame: &Frame<'_>, failure: &ApiError) -> Result<String, askama::Error> {
    FailureTemplate { frame, failure }.render()
}

fn certificates(frame: &Frame<'_>, page: &CertificatesPage) -> Result<String, askama::Error> {
    let rows = page.entries.iter().map(|entry| Row::of(entry, &page.list, page.now)).collect();
    let next = page.next.as_ref().map(|after| format!("{}?after={}", page.list, percent_encode(after)));
    let damaged = page.damaged.iter().map(ToString::to_string).collect();
    CertificatesTemplate { frame, list: page.list.clone(), rows, damaged, next }.render()
}

fn certificate(frame: &Frame<'_>, page: CertificatePage) -> Result<String, askama::Error> {
    let CertificatePage { entry, list, now } = page;
    let certificate = &entry.certificate;
    let object = CertificateObject::from(&entry);
    let mut facts = vec![
        ("Type", kind(entry.kind).to_owned()),
        ("Subject", certificate.subject().to_owned()),
        ("Issuer", certificate.issuer().to_owned()),
        ("Key", certificate.key().to_string()),
        ("Signature", certificate.signature_algorithm().to_owned()),
        ("Serial number", certificate.serial().to_owned()),
    ];
    if let Some(usage) = &certificate.key_usage() {
        facts.push(("Key usage", usage.names.join(", ").replace('_', " ")));
    }
    facts.push(("SHA-256", certificate.fingerprint().to_string()));
    facts.push(("SHA-1", object.sha1_fingerprint));
    facts.push(("Version of the entry", entry.version.to_string()));
    CertificateTemplate {
        frame,
        list,
        title: entry.alias.key(),
        facts,
        names: certificate.hosts().map(str::to_owned).collect(),
        from: calendar_date(certificate.not_before()),
        until: calendar_date(certificate.not_after()),
        remaining: remaining(certificate.not_after(), now),
        chain: chain(&entry),
        links: entry.chain.iter().map(Link::of).collect(),
    }
    .render()
}

fn import(frame: &Frame<'_>, page: ImportPage) -> Result<String, askama::Error> {
    let for_server = page.import == Import::ServerCertificate;
    let title = match page.import {
        Import::Authority => "Import root or intermediate certificate",
        Import::ServerCertificate => "Import existing server certificate",
    };
    ImportTemplate { frame, title, for_server, page }.render()
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
        written: report
            .imported
            .iter()
            .filter(|written| **written != report.alias)
            .map(strongroom::Alias::key)
            .collect(),
        chain: report.chain.into_iter().map(|link| (link.subject, role_name(link.role))).collect(),
        warnings: report.findings.into_iter().map(Warning::from).collect(),
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
        Self { message: finding.message, help: advice::sentence(&finding.remedies).unwrap_or_default() }
    }
}
