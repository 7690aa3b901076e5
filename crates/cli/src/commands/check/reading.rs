//! What is checked: entries of a store that was opened, or of one that was not.

use strongroom::{
    Alias, Entry, Keystore, UnixTime,
    certificate::Certificate,
    keystore::{EntryKind, Expiry, ExpiryState, ExpiryWindow, Metrics, UnprovedEntry, UnprovedStore},
    store::StoreError,
};

use super::{
    super::{list::named_entry, open_read_only, unproved},
    DamagedView, Summary,
};
use crate::{args::Arguments, failure::Failure, render::Printer};

/// A store to check.
pub(super) enum Store {
    Proved(Keystore),
    Unproved(Box<UnprovedStore>),
}

/// An entry of it.
#[derive(Clone, Copy)]
pub(super) enum Checked<'e> {
    Proved(&'e Entry),
    Unproved(&'e UnprovedEntry),
}

impl<'e> Checked<'e> {
    pub(super) fn alias(self) -> &'e Alias {
        match self {
            Self::Proved(entry) => &entry.alias,
            Self::Unproved(entry) => entry.alias(),
        }
    }

    pub(super) fn certificate(self) -> &'e Certificate {
        match self {
            Self::Proved(entry) => &entry.certificate,
            Self::Unproved(entry) => entry.certificate(),
        }
    }

    fn is_server(self) -> bool {
        let kind = match self {
            Self::Proved(entry) => entry.kind,
            Self::Unproved(entry) => entry.kind(),
        };
        kind == EntryKind::Server
    }

    pub(super) fn expiry(self, window: ExpiryWindow, at: UnixTime) -> Expiry {
        match self {
            Self::Proved(entry) => Expiry::of(entry, window, at),
            Self::Unproved(entry) => entry.expiry(window, at),
        }
    }

    pub(super) fn add_to(self, metrics: &mut Metrics) {
        match self {
            Self::Proved(entry) => metrics.add(entry),
            Self::Unproved(entry) => metrics.add_unproved(entry),
        }
    }
}

impl Store {
    pub(super) fn open(arguments: &Arguments, printer: &Printer) -> Result<Self, Failure> {
        if arguments.opens_nothing() {
            return Ok(Self::Unproved(Box::new(unproved::read(arguments)?)));
        }
        Ok(Self::Proved(open_read_only(arguments, printer)?))
    }

    pub(super) fn is_proved(&self) -> bool {
        matches!(self, Self::Proved(_))
    }

    /// Goes through the entries that were named, or through all of the store. `state` takes each with whether it is judged,
    /// and says how it stands if so: CA certificates are judged where they are named, and with the entries below them.
    pub(super) fn judge(
        &self,
        aliases: &[Alias],
        at: UnixTime,
        mut state: impl FnMut(Checked<'_>, bool) -> Option<ExpiryState>,
    ) -> Result<Summary, Failure> {
        let mut summary = Summary { proved: self.is_proved(), ..Summary::default() };
        let mut take = |summary: &mut Summary, entry: Checked<'_>, named: bool| {
            let state = state(entry, named || entry.is_server());
            state.into_iter().for_each(|state| summary.counts.count(state));
        };
        for alias in aliases {
            match self {
                Self::Proved(keystore) => {
                    take(&mut summary, Checked::Proved(&named_entry(keystore, alias, at)?), true);
                }
                Self::Unproved(store) => {
                    take(&mut summary, Checked::Unproved(&store.entry(alias, at)?), true);
                }
            }
        }
        match self {
            _ if !aliases.is_empty() => {}
            Self::Proved(keystore) => {
                for listed in keystore.listed_entries(at) {
                    match listed? {
                        (_, Ok(entry)) => take(&mut summary, Checked::Proved(&entry), false),
                        (alias, Err(error)) => summary.damaged.push(damaged(&alias, &error)),
                    }
                }
            }
            Self::Unproved(store) => store.each_entry(at, |alias, entry| match entry {
                Ok(entry) => take(&mut summary, Checked::Unproved(&entry), false),
                Err(error) => summary.damaged.push(damaged(alias, &error)),
            })?,
        }
        summary.counts.unreadable = u64::try_from(summary.damaged.len()).unwrap_or(u64::MAX);
        Ok(summary)
    }
}

fn damaged(alias: &Alias, error: &StoreError) -> DamagedView {
    DamagedView { alias: alias.to_string(), code: error.code(), message: error.to_string() }
}
