//! The page of one certificate.

use askama::Template;
use strongroom::{
    certificate::{Certificate, printable},
    hexadecimal::hex,
    instant::{rfc3339, seconds},
    keystore::{ChainState, Comparison, EntryKind, Version},
    validate::PathCertificate,
};

use super::{
    forms::Problem,
    html::{Frame, Warning},
    words::{Link, Toned, ago, chain, expiry, kind, standing},
};
use crate::{
    operations::CertificatePage,
    overview::{DAY, Glance, Overview},
    wire::{calendar_date, certificate::CertificateObject, percent_encode},
};

#[derive(Template)]
#[template(path = "certificate.html")]
struct CertificateTemplate<'a> {
    frame: &'a Frame<'a>,
    list: String,
    /// Its own address.
    here: String,
    alias: String,
    kind: &'static str,
    is_server: bool,
    is_web_server: bool,
    standing: Toned,
    chain: Toned,
    expiry: Toned,
    from: String,
    until: String,
    names: Vec<String>,
    facts: Vec<(&'static str, String)>,
    fingerprints: Vec<(&'static str, String)>,
    /// From the anchor down.
    links: Vec<Link>,
    missing: Option<Missing>,
    findings: Vec<Warning>,
    versions: Vec<VersionRow>,
    bound_to: Option<String>,
    may_export_key: bool,
    problem: Problem,
}

/// The issuer that is not there.
struct Missing {
    issuer: String,
    key_id: Option<String>,
    url: Option<String>,
}

struct VersionRow {
    number: u32,
    is_current: bool,
    restored_from: Option<u32>,
    who: String,
    when: String,
    instant: String,
    expires: String,
    /// What differs from the version before it.
    differences: Vec<String>,
}

pub(super) fn certificate(frame: &Frame<'_>, page: CertificatePage) -> Result<String, askama::Error> {
    let (entry, now) = (&page.entry, page.now);
    let certificate = &entry.certificate;
    let (alias, glance) = (entry.alias.key(), Glance::of(entry));
    let object = CertificateObject::from(entry);
    CertificateTemplate {
        frame,
        here: format!("{}/{}", page.list, percent_encode(&alias)),
        list: page.list,
        alias,
        kind: kind(entry.kind),
        is_server: entry.kind == EntryKind::Server,
        is_web_server: page.is_web_server,
        standing: standing(&glance, now),
        chain: chain(entry),
        expiry: expiry(certificate.not_after(), now),
        from: calendar_date(certificate.not_before()),
        until: calendar_date(certificate.not_after()),
        names: certificate.hosts().map(str::to_owned).collect(),
        facts: facts(certificate, entry.version),
        fingerprints: vec![
            ("SHA-256", certificate.fingerprint().to_string()),
            ("SHA-1", object.sha1_fingerprint),
        ],
        links: links(&page.path, entry.chain_state, page.overview.as_deref(), now),
        missing: missing(entry.chain_state, page.path.last().map(|top| &top.certificate)),
        findings: page.findings.into_iter().map(Warning::from).collect(),
        versions: version_rows(&page.versions, now),
        bound_to: entry.bound_to.as_deref().map(printable),
        may_export_key: page.may_export_key,
        problem: Problem::none(),
    }
    .render()
}

fn facts(certificate: &Certificate, version: u32) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("Subject", certificate.subject().to_owned()),
        ("Issuer", certificate.issuer().to_owned()),
        ("Key", certificate.key().to_string()),
        ("Signature", certificate.signature_algorithm().to_owned()),
        ("Serial number", certificate.serial().to_owned()),
    ];
    if let Some(usage) = certificate.key_usage() {
        facts.push(("Key usage", usage.names.join(", ").replace('_', " ")));
    }
    facts.push(("Version of the entry", version.to_string()));
    facts
}

/// From the top down.
fn links(path: &[PathCertificate], state: ChainState, overview: Option<&Overview>, now: i64) -> Vec<Link> {
    let mut links: Vec<Link> = path.iter().rev().map(|link| Link::of(link, overview, now)).collect();
    let ends = path.len() > 1 && path.last().is_some_and(|top| top.certificate.is_self_issued());
    if let Some(top) = links.first_mut().filter(|_| ends && state == ChainState::NoAnchor) {
        // A root that came with the entry, and that nobody has imported.
        top.role = "not an imported authority";
    }
    links
}

fn missing(state: ChainState, top: Option<&Certificate>) -> Option<Missing> {
    let top = top.filter(|top| state == ChainState::NoAnchor && !top.is_self_issued())?;
    Some(Missing {
        issuer: top.issuer().to_owned(),
        key_id: top.authority_key_id().map(hex),
        url: top.issuer_urls().first().map(|url| printable(url)),
    })
}

fn version_rows(versions: &[Version], now: i64) -> Vec<VersionRow> {
    let former = versions.iter().skip(1).map(Some).chain(std::iter::once(None));
    let rows = versions.iter().zip(former).map(|(version, former)| VersionRow {
        number: version.number,
        is_current: version.current,
        restored_from: (version.origin != version.number).then_some(version.origin),
        who: printable(version.actor.strip_prefix("api ").unwrap_or(&version.actor)),
        when: ago(seconds(version.created_at), now),
        instant: rfc3339(seconds(version.created_at)),
        expires: calendar_date(version.certificate.not_after()),
        differences: former
            .map(|former| differences(&former.certificate, &version.certificate))
            .unwrap_or_default(),
    });
    rows.collect()
}

/// What differs between two certificates, a phrase each.
pub(super) fn differences(first: &Certificate, second: &Certificate) -> Vec<String> {
    let compared = Comparison::of(first, second);
    if compared.same {
        return vec!["the same certificate".to_owned()];
    }
    let mut phrases = Vec::new();
    if !compared.gained.is_empty() {
        phrases.push(format!("new names: {}", compared.gained.join(", ")));
    }
    if !compared.lost.is_empty() {
        phrases.push(format!("names lost: {}", compared.lost.join(", ")));
    }
    if compared.gained.is_empty() && compared.lost.is_empty() {
        phrases.push("the same names".to_owned());
    }
    let days = compared.expiry_moved / DAY;
    phrases.push(match days {
        0 => "ends on the same day".to_owned(),
        1 => "ends 1 day later".to_owned(),
        -1 => "ends 1 day earlier".to_owned(),
        days if days > 0 => format!("ends {days} days later"),
        days => format!("ends {} days earlier", days.saturating_neg()),
    });
    phrases.push(if compared.key_reused { "the same key" } else { "another key" }.to_owned());
    if !compared.same_issuer {
        phrases.push(format!("another issuer: {}", second.issuer()));
    }
    phrases
}
