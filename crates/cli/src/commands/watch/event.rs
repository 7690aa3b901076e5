//! What happened to an entry, for people and for programs.

use schemars::JsonSchema;
use serde::Serialize;
use strongroom::{
    Alias,
    certificate::{Certificate, Fingerprint},
    instant::{day, rfc3339},
};

/// What became of an entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// It was there when the watch began.
    Present,
    /// There was none of its alias before.
    Added,
    /// It has another certificate.
    Replaced,
    /// The same certificate with others above it: a server sends another chain.
    ChainChanged,
    /// There is none of its alias any more.
    Removed,
    /// It cannot be read.
    Unreadable,
    /// It can be read again, and is what it was.
    Readable,
}

impl Kind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Added => "added",
            Self::Replaced => "replaced",
            Self::ChainChanged => "chain_changed",
            Self::Removed => "removed",
            Self::Unreadable => "unreadable",
            Self::Readable => "readable",
        }
    }
}

/// What a server sends of an entry, and what a person wants to know of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Facts {
    /// In the case in which it was given.
    pub(super) alias: Alias,
    pub(super) version: u32,
    /// Of a CA certificate, whether paths may end there.
    pub(super) trust: Option<&'static str>,
    /// The leaf and the certificates above it.
    pub(super) served: Vec<Fingerprint>,
    pub(super) not_after: i64,
    /// When the first certificate above the leaf ends.
    pub(super) until: Option<i64>,
}

impl Facts {
    pub(super) fn new(
        alias: Alias,
        version: u32,
        served: &[Certificate],
        until: Option<i64>,
    ) -> Option<Self> {
        Some(Self {
            alias,
            version,
            trust: None,
            not_after: served.first()?.not_after(),
            served: served.iter().map(Certificate::fingerprint).collect(),
            until,
        })
    }

    /// The digest of the leaf.
    pub(super) fn sha256(&self) -> String {
        self.served.first().map(ToString::to_string).unwrap_or_default()
    }

    /// What `now` is to one who knows this; nothing if it is the same.
    pub(super) fn became(&self, now: &Self) -> Option<Kind> {
        if self.served.first() != now.served.first() || self.trust != now.trust {
            Some(Kind::Replaced)
        } else if self.served != now.served {
            Some(Kind::ChainChanged)
        } else {
            None
        }
    }
}

/// One thing that happened to one entry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Event {
    pub(super) at: i64,
    pub(super) kind: Kind,
    pub(super) alias: Alias,
    /// As it is now; of a removed entry, as it was last.
    pub(super) facts: Option<Facts>,
    /// Of an entry that was renamed: its former alias where it was added, its new one where it was removed.
    pub(super) other: Option<Alias>,
    /// Why it cannot be read.
    pub(super) reason: Option<String>,
}

impl Event {
    pub(super) fn former(&self) -> Option<&Alias> {
        self.other.as_ref().filter(|_| self.kind == Kind::Added)
    }

    pub(super) fn renamed_to(&self) -> Option<&Alias> {
        self.other.as_ref().filter(|_| self.kind == Kind::Removed)
    }

    /// A sentence for people.
    pub(super) fn text(&self) -> String {
        let Self { alias, .. } = self;
        let mut text = match (self.kind, &self.other) {
            (Kind::Present, _) => format!("{alias} is there"),
            (Kind::Added, Some(former)) => format!("{alias} was {former} before"),
            (Kind::Added, None) => format!("{alias} was added"),
            (Kind::Replaced, _) => format!("{alias} was replaced"),
            (Kind::ChainChanged, _) => format!("{alias} has another chain"),
            (Kind::Removed, Some(new)) => format!("{alias} was renamed to {new}"),
            (Kind::Removed, None) => format!("{alias} was removed"),
            (Kind::Readable, _) => format!("{alias} can be read again"),
            (Kind::Unreadable, _) => {
                let reason = self.reason.as_deref().unwrap_or_default();
                format!("{alias} cannot be read: {reason}")
            }
        };
        if let Some(facts) = self.facts.as_ref().filter(|_| self.kind != Kind::Removed) {
            let digest: String = facts.sha256().chars().take(16).collect();
            let until = day(facts.not_after);
            text.push_str(&format!(": version {}, SHA-256 {digest}..., until {until}", facts.version));
        }
        text
    }

    pub(super) fn view(&self) -> EventView {
        EventView {
            at: rfc3339(self.at),
            event: self.kind.as_str(),
            alias: Some(self.alias.to_string()),
            former: self.former().map(ToString::to_string),
            renamed_to: self.renamed_to().map(ToString::to_string),
            version: self.facts.as_ref().map(|facts| facts.version),
            sha256: self.facts.as_ref().map(Facts::sha256),
            not_after: self.facts.as_ref().map(|facts| rfc3339(facts.not_after)),
            message: self.reason.clone(),
            ..EventView::default()
        }
    }
}

/// A line of `--json`: of an entry, of a run, or of the store.
#[derive(Default, JsonSchema, Serialize)]
pub(in crate::commands) struct EventView {
    pub(super) at: String,
    pub(super) event: &'static str,
    pub(super) alias: Option<String>,
    pub(super) former: Option<String>,
    pub(super) renamed_to: Option<String>,
    pub(super) version: Option<u32>,
    pub(super) sha256: Option<String>,
    pub(super) not_after: Option<String>,
    /// The exit code of a run that ended by itself.
    pub(super) exit_code: Option<i32>,
    pub(super) attempt: Option<u32>,
    /// When a run that failed is tried again.
    pub(super) retry_in_seconds: Option<u64>,
    pub(super) message: Option<String>,
}
