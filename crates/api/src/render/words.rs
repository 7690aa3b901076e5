//! What pages say of entries, in the words that people use.

use strongroom::{
    Entry,
    certificate::Fingerprint,
    diagnostic::DiagnosticCode,
    keystore::{ChainState, EntryKind},
    validate::{PathCertificate, Role, Trust},
};

use crate::{
    overview::{DAY, Glance, Overview, SOON_DAYS, Standing},
    wire::calendar_date,
};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
/// The mean ones of the calendar.
const MONTH: i64 = 2_629_746;
const YEAR: i64 = 12 * MONTH;

/// A fact and how it is meant: `good`, `warn` or `bad`.
pub(super) struct Toned {
    pub(super) text: String,
    pub(super) tone: &'static str,
}

impl Toned {
    fn new(text: impl Into<String>, tone: &'static str) -> Self {
        Self { text: text.into(), tone }
    }
}

pub(super) fn kind(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Server => "Server certificate",
        EntryKind::Authority { trust: Trust::Anchor } => "CA certificate",
        _ => "Chain certificate",
    }
}

/// How long, in the unit in which people say it: days up to three months, months up to two years.
fn span(seconds: i64) -> String {
    let (count, unit) = match seconds {
        _ if seconds < MINUTE => return "less than a minute".to_owned(),
        _ if seconds < HOUR => (seconds / MINUTE, "minute"),
        _ if seconds < DAY => (seconds / HOUR, "hour"),
        _ if seconds < 90 * DAY => (seconds / DAY, "day"),
        _ if seconds < 2 * YEAR => (seconds / MONTH, "month"),
        _ => (seconds / YEAR, "year"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// How long ago something was.
pub(super) fn ago(then: i64, now: i64) -> String {
    format!("{} ago", span(now.saturating_sub(then).max(0)))
}

/// When a certificate ends or ended.
pub(super) fn expiry(not_after: i64, now: i64) -> Toned {
    let left = not_after.saturating_sub(now);
    if left < 0 {
        return Toned::new(format!("expired {}", ago(not_after, now)), "bad");
    }
    let tone = match left {
        ..DAY => "bad",
        _ if left < SOON_DAYS * DAY => "warn",
        _ => "good",
    };
    Toned::new(format!("in {}", span(left)), tone)
}

/// How an entry stands, in a few words.
pub(super) fn standing(entry: &Glance, now: i64) -> Toned {
    let standing = entry.standing(now);
    let tone = match standing {
        Standing::Expired | Standing::Broken | Standing::NotYetValid => "bad",
        Standing::Soon => "warn",
        Standing::Good => "good",
    };
    Toned::new(standing_label(standing), tone)
}

pub(super) fn standing_label(standing: Standing) -> &'static str {
    match standing {
        Standing::Expired => "Expired",
        Standing::Broken => "Chain broken",
        Standing::NotYetValid => "Not yet valid",
        Standing::Soon => "Expires soon",
        Standing::Good => "Good",
    }
}

pub(super) fn chain(entry: &Entry) -> Toned {
    let ends_first = entry.chain_not_after.filter(|ends| *ends < entry.certificate.not_after());
    chain_of(entry.kind, entry.chain_state, ends_first)
}

/// `ends_first` is when a certificate above ends before the entry does.
pub(super) fn chain_of(kind: EntryKind, state: ChainState, ends_first: Option<i64>) -> Toned {
    let (text, tone) = match (state, kind) {
        (ChainState::Complete | ChainState::Intermediate, EntryKind::Server) if ends_first.is_some() => {
            let whole = state == ChainState::Complete;
            let text = if whole { "Complete" } else { "Ends at an intermediate" };
            let until = ends_first.map(calendar_date).unwrap_or_default();
            return Toned::new(format!("{text}, only until {until}"), "warn");
        }
        (ChainState::Complete, _) => ("Complete", "good"),
        (ChainState::Intermediate, EntryKind::Authority { .. }) => ("Intermediate", "good"),
        (ChainState::Intermediate, _) => ("Ends at an intermediate", "warn"),
        (ChainState::SelfSigned, _) => ("Self-signed", "warn"),
        (ChainState::NoAnchor, _) => ("No imported CA", "bad"),
        (ChainState::Refused(DiagnosticCode::PathExpired), _) => ("A CA certificate has ended", "bad"),
        (ChainState::Refused(code), _) => return Toned::new(format!("Refused: {code}"), "bad"),
        (ChainState::Root, _) => ("Root", "good"),
        _ => ("Unknown", "warn"),
    };
    Toned::new(text, tone)
}

pub(super) fn role_name(role: Role) -> &'static str {
    match role {
        Role::Leaf => "this certificate",
        Role::Intermediate => "intermediate",
        Role::Anchor => "trust anchor",
        _ => "",
    }
}

/// A certificate of a chain.
pub(super) struct Link {
    pub(super) subject: String,
    pub(super) role: &'static str,
    pub(super) expires: String,
    pub(super) expiry: Toned,
    /// Its entry, where that is known.
    pub(super) alias: Option<String>,
}

impl Link {
    pub(super) fn of(
        PathCertificate { certificate, role, .. }: &PathCertificate,
        overview: Option<&Overview>,
        now: i64,
    ) -> Self {
        Self {
            subject: certificate.subject().to_owned(),
            role: role_name(*role),
            expires: calendar_date(certificate.not_after()),
            expiry: expiry(certificate.not_after(), now),
            alias: overview.and_then(|overview| alias_of(overview, &certificate.fingerprint())),
        }
    }
}

fn alias_of(overview: &Overview, sha256: &Fingerprint) -> Option<String> {
    let found = overview.entries.iter().find(|glance| glance.sha256 == *sha256);
    found.map(|glance| glance.alias.key())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(left: i64, text: &str, tone: &str) {
        let got = expiry(1_000_000_000 + left, 1_000_000_000);
        assert_eq!((got.text.as_str(), got.tone), (text, tone));
    }

    #[test]
    fn expiry_is_said_as_people_say_it() {
        check(9 * YEAR + 40 * DAY, "in 9 years", "good");
        check(365 * DAY, "in 11 months", "good");
        check(89 * DAY, "in 89 days", "good");
        check(30 * DAY, "in 30 days", "good");
        check(30 * DAY - 1, "in 29 days", "warn");
        check(DAY, "in 1 day", "warn");
        check(DAY - 1, "in 23 hours", "bad");
        check(90, "in 1 minute", "bad");
        check(0, "in less than a minute", "bad");
        check(-1, "expired less than a minute ago", "bad");
        check(-2 * HOUR, "expired 2 hours ago", "bad");
        check(-DAY, "expired 1 day ago", "bad");
        check(-9 * DAY, "expired 9 days ago", "bad");
        check(-3 * YEAR, "expired 3 years ago", "bad");
    }

    #[test]
    fn what_is_in_the_future_was_just_now() {
        assert_eq!(ago(2000, 1000), "less than a minute ago");
        assert_eq!(ago(1000, 1000 + 3 * HOUR), "3 hours ago");
    }
}
