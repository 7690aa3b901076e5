//! What pages say of entries.

use strongroom::{
    Entry,
    certificate::Certificate,
    diagnostic::DiagnosticCode,
    keystore::{ChainState, EntryKind},
    validate::{Role, Trust},
};

use crate::wire::{calendar_date, percent_encode};

const DAY: i64 = 24 * 60 * 60;
/// Fewer days than these are shown as a warning.
const SOON: i64 = 30;
/// Names of one certificate that a row shows.
const NAMES: usize = 3;

/// A fact and how it is meant: `good`, `warn` or `bad`.
pub(super) struct Toned {
    pub(super) text: String,
    pub(super) tone: &'static str,
}

/// A row of the list.
pub(super) struct Row {
    pub(super) alias: String,
    pub(super) href: String,
    pub(super) kind: &'static str,
    pub(super) subject: String,
    pub(super) names: Vec<String>,
    pub(super) more_names: usize,
    pub(super) expires: String,
    pub(super) remaining: Toned,
    pub(super) chain: Toned,
}

impl Row {
    pub(super) fn of(entry: &Entry, list: &str, now: i64) -> Self {
        let certificate = &entry.certificate;
        let alias = entry.alias.key();
        Self {
            href: format!("{list}/{}", percent_encode(&alias)),
            alias,
            kind: kind(entry.kind),
            subject: certificate.subject().to_owned(),
            names: certificate.hosts().take(NAMES).map(str::to_owned).collect(),
            more_names: certificate.hosts().count().saturating_sub(NAMES),
            expires: calendar_date(certificate.not_after()),
            remaining: remaining(certificate.not_after(), now),
            chain: chain(entry),
        }
    }
}

pub(super) fn kind(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Server => "Server certificate",
        EntryKind::Authority { trust: Trust::Anchor } => "CA certificate",
        _ => "Chain certificate",
    }
}

pub(super) fn remaining(not_after: i64, now: i64) -> Toned {
    let days = not_after.saturating_sub(now).div_euclid(DAY);
    let (text, tone) = match days {
        i64::MIN..=-2 => (format!("expired {} days ago", days.saturating_neg().saturating_sub(1)), "bad"),
        -1 => ("expired today".to_owned(), "bad"),
        0 => ("within a day".to_owned(), "bad"),
        1 => ("in 1 day".to_owned(), "warn"),
        2..SOON => (format!("in {days} days"), "warn"),
        _ => (format!("in {days} days"), "good"),
    };
    Toned { text, tone }
}

pub(super) fn chain(entry: &Entry) -> Toned {
    let ends_first = entry.chain_not_after.filter(|ends| *ends < entry.certificate.not_after());
    let (text, tone) = match (entry.chain_state, entry.kind) {
        (ChainState::Complete | ChainState::Intermediate, EntryKind::Server) if ends_first.is_some() => {
            let whole = entry.chain_state == ChainState::Complete;
            let text = if whole { "Complete" } else { "Ends at an intermediate" };
            let until = ends_first.map(calendar_date).unwrap_or_default();
            return Toned { text: format!("{text}, only until {until}"), tone: "warn" };
        }
        (ChainState::Complete, _) => ("Complete", "good"),
        (ChainState::Intermediate, EntryKind::Authority { .. }) => ("Intermediate", "good"),
        (ChainState::Intermediate, _) => ("Ends at an intermediate", "warn"),
        (ChainState::SelfSigned, _) => ("Self-signed", "warn"),
        (ChainState::NoAnchor, _) => ("No imported CA", "bad"),
        (ChainState::Refused(DiagnosticCode::PathExpired), _) => ("A CA certificate has ended", "bad"),
        (ChainState::Refused(code), _) => {
            return Toned { text: format!("Refused: {code}"), tone: "bad" };
        }
        (ChainState::Root, _) => ("Root", "good"),
        _ => ("Unknown", "warn"),
    };
    Toned { text: text.to_owned(), tone }
}

/// A certificate of a chain.
pub(super) struct Link {
    pub(super) subject: String,
    pub(super) role: &'static str,
    pub(super) expires: String,
}

impl Link {
    pub(super) fn of((certificate, role): &(Certificate, Role)) -> Self {
        Self {
            subject: certificate.subject().to_owned(),
            role: role_name(*role),
            expires: calendar_date(certificate.not_after()),
        }
    }
}

pub(super) fn role_name(role: Role) -> &'static str {
    match role {
        Role::Leaf => "this certificate",
        Role::Intermediate => "intermediate",
        Role::Anchor => "trust anchor",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(left: i64, text: &str, tone: &str) {
        let got = remaining(1_000_000_000 + left, 1_000_000_000);
        assert_eq!((got.text.as_str(), got.tone), (text, tone));
    }

    #[test]
    fn remaining_days_are_whole_days() {
        check(365 * DAY, "in 365 days", "good");
        check(30 * DAY, "in 30 days", "good");
        check(30 * DAY - 1, "in 29 days", "warn");
        check(DAY, "in 1 day", "warn");
        check(DAY - 1, "within a day", "bad");
        check(-1, "expired today", "bad");
        check(-DAY - 1, "expired 1 days ago", "bad");
        check(-9 * DAY, "expired 8 days ago", "bad");
    }
}
