//! Entries, as `ls`, `ca ls` and `show` print them: as JSON, and as text.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;
use sha1::{Digest as _, Sha1};
use strongroom::{
    Entry,
    certificate::{AlternativeName, Certificate, ExtensionText, KeyUsage, purpose_name, shown_host},
    hexadecimal::hex,
    instant::{day, rfc3339, seconds},
    keystore::{EntryKind, RemovedEntry},
    validate::{PathCertificate, Role},
};

use super::LinkView;

const MINUTE: i64 = 60;
const HOUR: i64 = 3600;
const DAY: i64 = 86_400;
const YEAR: i64 = 31_557_600;
/// From so many names on, each stands on a line of its own.
const MANY_NAMES: usize = 4;

/// What every command says of an entry, under the same names.
#[derive(JsonSchema, Serialize)]
pub(crate) struct EntryFacts {
    alias: String,
    kind: &'static str,
    trust: Option<&'static str>,
    names: Vec<String>,
    key: String,
    not_before: String,
    not_after: String,
    /// `complete`, `intermediate`, `self_signed`, `no_anchor`, the code of another refusal, or `root`.
    chain_state: &'static str,
    /// When the first certificate above the leaf ends; null without an authority above it.
    chain_not_after: Option<String>,
    sha256: String,
    subject: String,
    issuer: String,
    version: u32,
    created_at: String,
    actor: String,
    allowed: Vec<&'static str>,
}

impl EntryFacts {
    pub(crate) fn of(entry: &Entry) -> Self {
        let certificate = &entry.certificate;
        let (kind, trust) = match entry.kind {
            EntryKind::Authority { trust } => ("trustedCertEntry", Some(trust.as_str())),
            _ => ("PrivateKeyEntry", None),
        };
        Self {
            alias: entry.alias.to_string(),
            kind,
            trust,
            names: certificate.hosts().map(str::to_owned).collect(),
            key: certificate.key().to_string(),
            not_before: rfc3339(certificate.not_before()),
            not_after: rfc3339(certificate.not_after()),
            chain_state: entry.chain_state.as_str(),
            chain_not_after: entry.chain_not_after.map(rfc3339),
            sha256: certificate.fingerprint().to_string(),
            subject: certificate.subject().to_owned(),
            issuer: certificate.issuer().to_owned(),
            version: entry.version,
            created_at: rfc3339(seconds(entry.created_at)),
            actor: entry.actor.clone(),
            allowed: entry.allowed.iter().map(|code| code.as_str()).collect(),
        }
    }
}

/// An entry in `ls` and `ca ls`.
#[derive(JsonSchema, Serialize)]
pub(crate) struct EntryView {
    #[serde(flatten)]
    facts: EntryFacts,
    /// The same as `chain_state`, under the name that it had first.
    chain: &'static str,
}

impl EntryView {
    pub(crate) fn of(entry: &Entry) -> Self {
        Self { facts: EntryFacts::of(entry), chain: entry.chain_state.as_str() }
    }
}

/// A removed entry in `ls --removed`.
#[derive(JsonSchema, Serialize)]
pub(crate) struct RemovedView {
    alias: String,
    kind: &'static str,
    names: Vec<String>,
    key: String,
    not_after: String,
    sha256: String,
    subject: String,
    version: u32,
    created_at: String,
}

impl RemovedView {
    pub(crate) fn of(entry: &RemovedEntry) -> Self {
        let certificate = &entry.certificate;
        Self {
            alias: entry.alias.to_string(),
            kind: if entry.authority { "trustedCertEntry" } else { "PrivateKeyEntry" },
            names: certificate.hosts().map(str::to_owned).collect(),
            key: certificate.key().to_string(),
            not_after: rfc3339(certificate.not_after()),
            sha256: certificate.fingerprint().to_string(),
            subject: certificate.subject().to_owned(),
            version: entry.version,
            created_at: rfc3339(seconds(entry.created_at)),
        }
    }
}

/// One name of a subjectAltName.
#[derive(JsonSchema, Serialize)]
struct NameView {
    /// `dns`, `ip`, `email`, `uri` or `other`.
    kind: &'static str,
    name: String,
}

impl NameView {
    fn of(name: &AlternativeName) -> Self {
        let (kind, name) = match name {
            AlternativeName::Dns(name) => ("dns", name.as_str()),
            AlternativeName::Ip(name) => ("ip", name.as_str()),
            AlternativeName::Email(name) => ("email", name.as_str()),
            AlternativeName::Uri(name) => ("uri", name.as_str()),
            AlternativeName::Other(name) => ("other", name.as_str()),
            _ => ("other", ""),
        };
        Self { kind, name: name.to_owned() }
    }
}

/// An extension of a certificate.
#[derive(JsonSchema, Serialize)]
struct ExtensionView {
    oid: String,
    name: Option<&'static str>,
    critical: bool,
    /// What it says, a line each.
    values: Vec<String>,
}

impl ExtensionView {
    fn of(extension: ExtensionText) -> Self {
        let ExtensionText { oid, name, critical, lines, .. } = extension;
        Self { oid, name, critical, values: lines }
    }
}

/// An entry in `show`.
#[derive(JsonSchema, Serialize)]
pub(crate) struct ShowView {
    #[serde(flatten)]
    facts: EntryFacts,
    serial: String,
    signature_algorithm: String,
    sha1: String,
    spki_sha256: String,
    ca: bool,
    alternative_names: Vec<NameView>,
    /// The names of RFC 5280, section 4.2.1.3; null without the extension.
    key_usage: Option<Vec<&'static str>>,
    /// Names of RFC 5280, section 4.2.1.12, or dotted identifiers; null without the extension.
    extended_key_usage: Option<Vec<String>>,
    subject_key_id: Option<String>,
    authority_key_id: Option<String>,
    extensions: Vec<ExtensionView>,
    in_use_by: Option<String>,
    /// From the leaf to the anchor.
    chain: Vec<LinkView>,
    /// The same certificates, in the same order.
    pem: String,
}

impl ShowView {
    pub(crate) fn of(entry: &Entry) -> Self {
        let certificate = &entry.certificate;
        let names = |oids: &[String]| oids.iter().map(|oid| purpose_name(oid).to_owned()).collect();
        Self {
            facts: EntryFacts::of(entry),
            serial: certificate.serial().to_owned(),
            signature_algorithm: certificate.signature_algorithm().to_owned(),
            sha1: hex(Sha1::digest(certificate.der().as_ref())),
            spki_sha256: certificate.spki_fingerprint().to_string(),
            ca: certificate.is_ca() == Some(true),
            alternative_names: certificate.alternative_names().iter().map(NameView::of).collect(),
            key_usage: certificate.key_usage().map(KeyUsage::rfc_names),
            extended_key_usage: certificate.extended_key_usage().map(names),
            subject_key_id: certificate.subject_key_id().map(hex),
            authority_key_id: certificate.authority_key_id().map(hex),
            extensions: certificate.extensions().into_iter().map(ExtensionView::of).collect(),
            in_use_by: entry.bound_to.clone(),
            chain: LinkView::of_entry(entry),
            pem: entry.chain.iter().map(|link| link.certificate.pem()).collect(),
        }
    }

    /// The entry in full, for people.
    pub(crate) fn text(&self, entry: &Entry, now: i64) -> String {
        let Self { facts, .. } = self;
        let mut text = String::new();
        let mut line = |label: &str, value: &str| {
            let _ = writeln!(text, "{label:<14}{value}");
        };
        line("alias", &facts.alias);
        line("kind", facts.kind);
        if let Some(trust) = facts.trust {
            line("trust", trust);
        }
        line("subject", &facts.subject);
        line("issuer", &facts.issuer);
        line("serial", &self.serial);
        let named = |name: &NameView| match name.kind {
            "dns" | "ip" => name.name.clone(),
            kind => format!("{kind}: {}", name.name),
        };
        let names: Vec<String> = self.alternative_names.iter().map(named).collect();
        names_lines(&mut line, &names);
        line("key", &facts.key);
        if let Some(usage) = &self.key_usage {
            line("key usage", &usage.join(", "));
        }
        if let Some(purposes) = &self.extended_key_usage {
            line("purposes", &purposes.join(", "));
        }
        line("signature", &self.signature_algorithm);
        line("valid from", &facts.not_before);
        line(
            "valid until",
            &format!("{} ({})", facts.not_after, time_left(entry.certificate.not_after(), now)),
        );
        line("sha256", &facts.sha256);
        line("sha1", &self.sha1);
        line("version", &format!("{} (stored {} by {})", facts.version, facts.created_at, facts.actor));
        if !facts.allowed.is_empty() {
            line("allowed", &facts.allowed.join(", "));
        }
        if let Some(server) = &self.in_use_by {
            line("in use by", server);
        }
        line("chain", &chain_text(entry));
        let above = |(_, link): &(usize, &PathCertificate)| facts.trust.is_none() || link.role != Role::Leaf;
        for (depth, link) in entry.chain.iter().enumerate().filter(above) {
            let indent = 14 + 2 * depth;
            let _ = writeln!(text, "{:indent$}{} {}", "", link.role.as_str(), link.certificate.subject());
        }
        text
    }
}

/// Every field of a certificate, in the order of RFC 5280, for people.
pub(crate) fn certificate_text(certificate: &Certificate, now: i64) -> String {
    let mut text = String::new();
    let mut line = |label: &str, value: &str| {
        let _ = writeln!(text, "{label:<14}{value}");
    };
    line("version", &certificate.version().to_string());
    line("serial", certificate.serial());
    line("signature", certificate.signature_algorithm());
    line("issuer", certificate.issuer());
    line("valid from", &rfc3339(certificate.not_before()));
    let ends = certificate.not_after();
    line("valid until", &format!("{} ({})", rfc3339(ends), time_left(ends, now)));
    line("subject", certificate.subject());
    line("key", &certificate.key().to_string());
    line("key sha256", &certificate.spki_fingerprint().to_string());
    line("sha256", &certificate.fingerprint().to_string());
    line("sha1", &hex(Sha1::digest(certificate.der().as_ref())));
    let extensions = certificate.extensions();
    if extensions.is_empty() {
        line("extensions", "none");
    }
    for ExtensionText { oid, name, critical, lines, .. } in extensions {
        let critical = if critical { ", critical" } else { "" };
        let _ = match name {
            Some(name) => writeln!(text, "{name} ({oid}){critical}"),
            None => writeln!(text, "{oid}{critical}"),
        };
        for line in lines {
            let _ = writeln!(text, "{:14}{line}", "");
        }
    }
    text
}

/// When the chain of a server ends, if that is before its own certificate does.
pub(crate) fn chain_ends_first(entry: &Entry) -> Option<i64> {
    let is_server = entry.kind == EntryKind::Server;
    entry.chain_not_after.filter(|ends| is_server && *ends < entry.certificate.not_after())
}

/// How far the chain reaches, and until when if that is not for as long as the certificate.
pub(crate) fn chain_text(entry: &Entry) -> String {
    let state = entry.chain_state.as_str();
    match chain_ends_first(entry) {
        Some(ends) => {
            let date = day(ends);
            format!("{state} until {date}")
        }
        None => state.to_owned(),
    }
}

/// Names on one line, or if they are many one to a line.
pub(super) fn names_lines(line: &mut impl FnMut(&str, &str), names: &[String]) {
    let names: Vec<_> = names.iter().map(|name| shown_host(name)).collect();
    match names.as_slice() {
        [] => line("names", "-"),
        few if few.len() < MANY_NAMES => line("names", &few.join(", ")),
        [first, others @ ..] => {
            line("names", first);
            others.iter().for_each(|name| line("", name));
        }
    }
}

/// `in 29 years`, `in 12 days`, `in 5 hours`, `expired 3 days ago`.
pub(crate) fn time_left(not_after: i64, now: i64) -> String {
    let left = not_after.saturating_sub(now);
    let size = duration(left.unsigned_abs().try_into().unwrap_or(i64::MAX));
    if left < 0 { format!("expired {size} ago") } else { format!("in {size}") }
}

/// A duration as people say it, rounded down. Under two of a unit the smaller one says more.
fn duration(seconds: i64) -> String {
    let (count, unit) = match seconds {
        seconds if seconds >= 2 * YEAR => (seconds / YEAR, "year"),
        seconds if seconds >= 2 * DAY => (seconds / DAY, "day"),
        seconds if seconds >= 2 * HOUR => (seconds / HOUR, "hour"),
        seconds => (seconds / MINUTE, "minute"),
    };
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_is_told_as_people_say_it() {
        for (left, told) in [
            (29 * YEAR + 5, "in 29 years"),
            (2 * YEAR - 1, "in 730 days"),
            (12 * DAY, "in 12 days"),
            (2 * DAY - 1, "in 47 hours"),
            (5 * HOUR, "in 5 hours"),
            (HOUR, "in 60 minutes"),
            (MINUTE, "in 1 minute"),
            (0, "in 0 minutes"),
            (-3 * DAY, "expired 3 days ago"),
            (-3 * YEAR, "expired 3 years ago"),
        ] {
            assert_eq!(time_left(left, 0), told);
        }
        assert_eq!(time_left(i64::MIN, 1), format!("expired {} years ago", i64::MAX / YEAR));
    }

    #[test]
    fn many_names_stand_one_to_a_line() {
        let told = |count: usize| {
            let names: Vec<String> = (0..count).map(|n| format!("h{n}.test")).collect();
            let mut lines = Vec::new();
            names_lines(&mut |label, value| lines.push(format!("{label}|{value}")), &names);
            lines
        };
        assert_eq!(told(0), ["names|-"]);
        assert_eq!(told(3), ["names|h0.test, h1.test, h2.test"]);
        assert_eq!(told(4), ["names|h0.test", "|h1.test", "|h2.test", "|h3.test"]);
    }
}
