//! What a new credential is to what the store holds already: a replacement that is less than what it replaces, names
//! and keys that other entries have as well.

use crate::{
    alias::Alias,
    certificate::{Candidate, Certificate},
    diagnostic::{Diagnostic, DiagnosticCode},
    instant::apart,
    store::{Read, StoreError},
};

/// Entries that are named for one name or key; that there are more is said without looking at them, so that an import
/// costs the same however many there are.
const MAX_NAMESAKES: usize = 4;
/// Names that a sentence lists.
const MAX_LISTED: usize = 5;

/// What a replacement takes away, and what else its file held.
pub(super) fn about_replacement(
    old: &Certificate,
    new: &Certificate,
    beside: &[Candidate],
) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    let has = |name: &str| new.hosts().any(|host| host.eq_ignore_ascii_case(name));
    let lost: Vec<&str> = old.hosts().filter(|name| !has(name)).collect();
    if !lost.is_empty() {
        let message = format!("the new certificate is no longer for {}", listed(&lost));
        findings.push(Diagnostic::new(DiagnosticCode::NamesLost, message));
    }
    if new.not_after < old.not_after {
        let (ends, ended) = apart(new.not_after, old.not_after);
        let message = format!(
            "the new certificate ends on {ends}, sooner than the one that it replaces, which ends on {ended}"
        );
        findings.push(Diagnostic::new(DiagnosticCode::EndsSooner, message));
    }
    if !beside.is_empty() {
        let others: Vec<String> = beside.iter().map(ToString::to_string).collect();
        let others: Vec<&str> = others.iter().map(String::as_str).collect();
        let message = format!("the file holds more than what was chosen: {}", listed(&others));
        findings.push(Diagnostic::new(DiagnosticCode::OtherEntries, message));
    }
    findings
}

/// Which other entries have a name of this certificate, or its key.
pub(super) fn about_others(
    read: &Read<'_>,
    alias: &Alias,
    leaf: &Certificate,
) -> Result<Vec<Diagnostic>, StoreError> {
    let mut findings = Vec::new();
    let mut shared: Vec<(Alias, Vec<&str>)> = Vec::new();
    let mut further = Vec::new();
    for host in leaf.hosts() {
        let (named, more) = first_few(read.aliases_named(host, LOOKED_FOR)?, alias);
        if more {
            further.push(host);
        }
        for other in named {
            match shared.iter_mut().find(|(known, _)| known.key() == other.key()) {
                Some((_, hosts)) if hosts.contains(&host) => {}
                Some((_, hosts)) => hosts.push(host),
                None => shared.push((other, vec![host])),
            }
        }
    }
    let (with_key, more) = first_few(read.aliases_of_key(&leaf.spki_fingerprint, LOOKED_FOR)?, alias);
    for other in with_key {
        let row = read.entry(&other)?;
        let same = row.and_then(|row| Some(row.content.leaf()?.fingerprint == leaf.fingerprint));
        let what = if same == Some(true) {
            // Its names are those of the certificate.
            shared.retain(|(known, _)| known.key() != other.key());
            "certificate and private key"
        } else {
            "private key"
        };
        let message = format!("the entry \"{other}\" has the same {what}");
        findings.push(Diagnostic::new(DiagnosticCode::KeyShared, message));
    }
    if more {
        let message = "further entries have the same private key".to_owned();
        findings.push(Diagnostic::new(DiagnosticCode::KeyShared, message));
    }
    for (other, hosts) in shared {
        let message = format!("the entry \"{other}\" is for {} as well", listed(&hosts));
        findings.push(Diagnostic::new(DiagnosticCode::NameShared, message));
    }
    // Those with the same key have the names of it, too, and were told of already.
    if !further.is_empty() && !more {
        let message = format!("further entries are for {} as well", listed(&further));
        findings.push(Diagnostic::new(DiagnosticCode::NameShared, message));
    }
    Ok(findings)
}

/// As many as are looked for: those that are named, the entry itself, and one that stands for all others.
const LOOKED_FOR: u32 = 6;

/// The first few entries other than `alias`, and whether there are more.
fn first_few(mut found: Vec<Alias>, alias: &Alias) -> (Vec<Alias>, bool) {
    found.retain(|other| other.key() != alias.key());
    let more = found.len() > MAX_NAMESAKES;
    found.truncate(MAX_NAMESAKES);
    (found, more)
}

/// The first few, and how many more.
fn listed(all: &[&str]) -> String {
    let mut text = all.iter().take(MAX_LISTED).copied().collect::<Vec<_>>().join(", ");
    if let Some(more @ 1..) = all.len().checked_sub(MAX_LISTED) {
        text.push_str(&format!(" and {more} more"));
    }
    text
}
