//! What the commands print of imports and files: as JSON, and as text.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;
use strongroom::{
    Entry,
    certificate::{Candidate, printable},
    inspect::{CertificateReport, FileReport, KeyReport},
    instant::{day, rfc3339, seconds},
    keystore::{Administrator, EntryKind, ImportReport},
    pkcs12::Encryption,
    privilege::Privilege,
    validate::{PathCertificate, Role, Trust},
};

use super::entries::names_lines;

/// One link of a chain.
#[derive(JsonSchema, Serialize)]
pub(crate) struct LinkView {
    sha256: String,
    subject: String,
    role: &'static str,
}

impl LinkView {
    /// The chain of an entry.
    pub(crate) fn of_entry(entry: &Entry) -> Vec<Self> {
        Self::of_path(entry, &entry.chain)
    }

    /// A path that begins with an entry; a CA certificate stands there for what it is to others.
    pub(crate) fn of_path(entry: &Entry, path: &[PathCertificate]) -> Vec<Self> {
        with_own_role(entry, path).iter().map(Self::of).collect()
    }

    pub(crate) fn of(link: &PathCertificate) -> Self {
        Self {
            sha256: link.certificate.fingerprint().to_string(),
            subject: link.certificate.subject().to_owned(),
            role: link.role.as_str(),
        }
    }
}

/// A path that begins with an entry; a CA certificate stands there for what it is to others.
pub(crate) fn with_own_role(entry: &Entry, path: &[PathCertificate]) -> Vec<PathCertificate> {
    let mut path = path.to_vec();
    let own = match entry.kind {
        EntryKind::Authority { trust: Trust::Anchor } => Some(Role::Anchor),
        EntryKind::Authority { .. } => Some(Role::Intermediate),
        _ => None,
    };
    if let (Some(first), Some(own)) = (path.first_mut(), own) {
        first.role = own;
    }
    path
}

/// The answer to an import.
#[derive(JsonSchema, Serialize)]
pub(crate) struct ImportView {
    alias: String,
    outcome: &'static str,
    /// Whether nothing was stored, and all this says what would be.
    dry_run: bool,
    chain: Vec<LinkView>,
    imported: Vec<String>,
}

impl ImportView {
    pub(crate) fn of(report: &ImportReport) -> Self {
        Self {
            alias: report.alias.to_string(),
            outcome: report.outcome.as_str(),
            dry_run: report.dry_run,
            chain: report
                .chain
                .iter()
                .map(|link| LinkView {
                    sha256: link.sha256.to_string(),
                    subject: link.subject.clone(),
                    // A CA certificate that is imported by itself anchors paths.
                    role: if report.authority { Role::Anchor.as_str() } else { link.role.as_str() },
                })
                .collect(),
            imported: report.imported.iter().map(ToString::to_string).collect(),
        }
    }
}

/// An administrator.
#[derive(JsonSchema, Serialize)]
pub(crate) struct UserView {
    pub(crate) name: String,
    pub(crate) created_at: String,
    privileges: Vec<&'static str>,
    pub(crate) last_sign_in: Option<String>,
    pub(crate) last_sign_in_from: Option<String>,
    tokens_not_before: Option<String>,
}

impl UserView {
    pub(crate) fn of(administrator: &Administrator) -> Self {
        let last = administrator.sign_ins.first();
        Self {
            name: administrator.name.clone(),
            created_at: rfc3339(seconds(administrator.created_at)),
            privileges: administrator.privileges.iter().map(Privilege::as_str).collect(),
            last_sign_in: last.map(|last| rfc3339(seconds(last.at))),
            last_sign_in_from: last.map(|last| last.address.to_string()),
            tokens_not_before: administrator.tokens_not_before.map(|at| rfc3339(seconds(at))),
        }
    }

    /// What the administrator may do, in a table.
    pub(crate) fn may(&self) -> String {
        if self.privileges.len() == Privilege::ALL.len() {
            return "all".to_owned();
        }
        self.privileges.join(",")
    }
}

/// An import in a few lines.
pub(crate) fn import_text(report: &ImportReport) -> String {
    let mut text = match report.outcome.as_str() {
        "already_present" => format!("{} is already present: same certificate, same key\n", report.alias),
        word if report.dry_run => format!("would be {word}: {}; nothing was stored\n", report.alias),
        word => format!("{word} {}\n", report.alias),
    };
    // A CA certificate stands alone; its role in a path is not known yet.
    let only_name = report.authority;
    for (depth, link) in report.chain.iter().enumerate() {
        let role = if only_name { "CA" } else { link.role.as_str() };
        let _ = writeln!(text, "{:indent$}{role} {}", "", link.subject, indent = 2 + 2 * depth);
    }
    let others = report.imported.iter().filter(|written| **written != report.alias);
    let others: Vec<&str> = others.map(strongroom::Alias::as_str).collect();
    if !others.is_empty() {
        let stored = if report.dry_run { "would be stored" } else { "stored" };
        let _ = writeln!(text, "  {stored} beside it: {}", others.join(", "));
    }
    text
}

/// A path as a tree, leaf first: role, subject, key, and the last day.
pub(crate) fn path_text(path: &[PathCertificate]) -> String {
    let mut text = String::new();
    for (depth, PathCertificate { certificate, role, .. }) in path.iter().enumerate() {
        let until = day(certificate.not_after());
        let _ = writeln!(
            text,
            "{:indent$}{} {} ({}, until {until})",
            "",
            role.as_str(),
            certificate.subject(),
            certificate.key(),
            indent = 2 + 2 * depth
        );
    }
    text
}

/// A file, as `inspect` shows it.
/// `file` is its name, where there are several: what belongs together is then said over all of them.
pub(crate) fn file_text(report: &FileReport, file: Option<&str>) -> String {
    let mut text = file.map(|file| format!("file        {file}\n")).unwrap_or_default();
    let _ = write!(text, "format      {}", report.format);
    if let Some(encoding) = report.encoding {
        let word = if matches!(encoding, strongroom::pkcs12::Encoding::Ber) { "BER" } else { "DER" };
        let _ = write!(text, " ({word})");
    }
    text.push('\n');
    if report.format == "pkcs12" {
        let mac = report.mac.as_ref();
        let mac = mac.map_or_else(
            || "none".to_owned(),
            |mac| format!("{}, {} iterations", mac.algorithm, mac.iterations),
        );
        let _ = writeln!(text, "MAC         {mac}");
    }
    for (n, safe) in report.safes.iter().enumerate() {
        let encryption = safe.encryption.as_slice();
        let content = match &safe.locked {
            Some(reason) => format!("locked: {reason}"),
            None => format!("{}: {}", layers(encryption), counted(&safe.bags)),
        };
        let _ = writeln!(text, "{:<12}{content}", format!("safe {}", n + 1));
    }
    // With one key that can be taken there is nothing to choose.
    if report.entries.len() > 1 || report.entries.iter().any(|entry| entry.problem.is_some()) {
        text.push_str("\nentries, by the number for import --entry\n");
        for entry in &report.entries {
            let _ = writeln!(text, "  {entry}");
        }
    }
    for key in &report.keys {
        key_text(&mut text, key, report, file.is_none());
    }
    for key in &report.locked_keys {
        let name = named(key.friendly_name.as_deref());
        let _ = writeln!(text, "\nprivate key, locked{name}{}", numbered(&key.entries));
        line(&mut text, "locked", &key.problem.message);
        if let Some(id) = &key.local_key_id {
            line(&mut text, "local id", id);
        }
        line(&mut text, "protected", &layers(&key.protection));
    }
    for (n, certificate) in report.certificates.iter().enumerate() {
        certificate_text(&mut text, n + 1, certificate);
    }
    if !report.readers.is_empty() {
        text.push_str("\nopened by\n");
    }
    for reader in &report.readers {
        let verdict = if reader.opens {
            "yes".to_owned()
        } else {
            format!("no: {}", reader.reason.as_deref().unwrap_or("-"))
        };
        let _ = writeln!(text, "  {:<29} {verdict}", reader.name);
    }
    text
}

/// `2 certBag, 1 keyBag`.
fn counted(bags: &[String]) -> String {
    let mut kinds: Vec<(&str, usize)> = Vec::new();
    for bag in bags {
        match kinds.iter_mut().find(|(kind, _)| *kind == bag.as_str()) {
            Some((_, count)) => *count += 1,
            None => kinds.push((bag, 1)),
        }
    }
    if kinds.is_empty() {
        return "no bag".to_owned();
    }
    kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect::<Vec<_>>().join(", ")
}

fn key_text(text: &mut String, key: &KeyReport, report: &FileReport, alone: bool) {
    let size = key.name();
    let name = named(key.friendly_name.as_deref());
    let _ = writeln!(text, "\nprivate key {size}{name}{}", numbered(&key.entries));
    let own = |certificate: &CertificateReport| {
        key.spki_sha256.is_some() && certificate.spki_sha256 == key.spki_sha256
    };
    // By their public key; or by their localKeyId, where nothing proves it.
    let listed = |entry: &&Candidate| key.entries.contains(&entry.number);
    let of_entries = report.entries.iter().filter(listed).filter_map(|entry| entry.certificate_place);
    let mut places: Vec<usize> = of_entries.collect();
    if report.entries.is_empty() {
        places.extend(report.certificates.iter().position(own).map(|index| index + 1));
    }
    let is_own = |place: &usize| report.certificates.get(place - 1).is_some_and(own);
    let proved = places.iter().all(is_own);
    let numbers: Vec<String> = places.iter().map(ToString::to_string).collect();
    if let Some(problem) = &key.problem {
        line(text, "unusable", &problem.message);
    }
    match (numbers.join(", "), proved && !key.is_damaged()) {
        (none, _) if none.is_empty() && (key.spki_sha256.is_none() || key.is_damaged() || !alone) => {}
        (none, _) if none.is_empty() => line(text, "belongs to", "no certificate in this file"),
        (numbers, true) => line(text, "belongs to", &format!("certificate {numbers}")),
        (numbers, false) => line(text, "belongs to", &format!("certificate {numbers}, by all appearances")),
    }
    if let Some(id) = &key.local_key_id {
        line(text, "local id", id);
    }
    let provider = key.csp_name.as_deref().map(printable);
    let store = key.local_key_set.then(|| "for the store of the machine".to_owned());
    if provider.is_some() || store.is_some() {
        line(text, "Windows", &provider.into_iter().chain(store).collect::<Vec<_>>().join(", "));
    }
    line(text, "protected", &layers(&key.protection));
}

/// ` (#1, #2)`: the numbers of an entry, for a file with several.
fn numbered(entries: &[usize]) -> String {
    let numbers: Vec<String> = entries.iter().map(|number| format!("#{number}")).collect();
    if numbers.is_empty() { String::new() } else { format!(" ({})", numbers.join(", ")) }
}

fn line(text: &mut String, label: &str, value: &str) {
    let _ = writeln!(text, "  {label:<12}{value}");
}

fn certificate_text(text: &mut String, number: usize, certificate: &CertificateReport) {
    let subject = certificate.subject.as_deref().unwrap_or("(cannot be decoded)");
    let _ = writeln!(text, "\ncertificate {number} {subject}{}", named(certificate.friendly_name.as_deref()));
    let mut line = |label: &str, value: &str| line(text, label, value);
    if let Some(issuer) = &certificate.issuer {
        line("issuer", issuer);
    }
    if !certificate.names.is_empty() {
        names_lines(&mut line, &certificate.names);
    }
    if let (Some(key), Some(algorithm)) = (&certificate.key, &certificate.signature_algorithm) {
        line("key", &format!("{key}, signed with {algorithm}{}", if certificate.ca { ", CA" } else { "" }));
    }
    if let (Some(from), Some(until)) = (&certificate.not_before, &certificate.not_after) {
        line("valid", &format!("{from} to {until}"));
    }
    line("sha256", &certificate.sha256.to_string());
    if let Some(id) = &certificate.local_key_id {
        line("local id", id);
    }
    if certificate.trusted {
        line("Java", "a trusted certificate");
    }
    line("protected", &layers(&certificate.protection));
}

fn named(friendly_name: Option<&str>) -> String {
    friendly_name.map(|name| format!(" \"{}\"", printable(name))).unwrap_or_default()
}

fn layers(protection: &[Encryption]) -> String {
    if protection.is_empty() {
        return "not encrypted".to_owned();
    }
    protection
        .iter()
        .map(|layer| {
            let iterations = if layer.iterations == 1 { "iteration" } else { "iterations" };
            format!("{}, {} {iterations}", layer.algorithm, layer.iterations)
        })
        .collect::<Vec<_>>()
        .join("; then ")
}
