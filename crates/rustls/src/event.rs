//! What happens to a running server, for whoever listens.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
};

use strongroom::Alias;

/// Events that a listener may leave unread; later ones are dropped.
const BACKLOG: usize = 1_024;

/// What happened to a running server.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TlsEvent {
    /// Every name of the store is known.
    Ready {
        /// How many names.
        names: usize,
        /// The commit of the store that is served.
        sequence: u64,
    },
    /// A commit of the store is served from now on.
    Reloaded {
        /// Which one.
        sequence: u64,
        /// Entries that are new, or have another certificate or chain.
        changed: Vec<Alias>,
        /// Entries that are gone.
        removed: Vec<Alias>,
    },
    /// An entry cannot be served as it is in the store now.
    Refused {
        /// Its alias.
        alias: Alias,
        /// Why not.
        reason: String,
        /// Whether its last good version stays served.
        served_before: bool,
    },
    /// An entry that was refused can be served again.
    Recovered {
        /// Its alias.
        alias: Alias,
    },
    /// The store cannot be read; what was read last stays served.
    StoreFailed {
        /// Why not.
        reason: String,
    },
    /// The store can be read again.
    StoreBack,
    /// There are other trust anchors for client certificates; sessions that began before are not resumed.
    TrustChanged {
        /// How many there are now.
        anchors: usize,
    },
    /// An entry that is served has expired.
    Expired {
        /// Its alias.
        alias: Alias,
        /// When, in seconds since 1970.
        not_after: i64,
    },
    /// No entry has the alias of the default entry any more.
    NoDefault {
        /// The alias.
        alias: Alias,
    },
}

/// Everybody who listens.
#[derive(Debug, Default)]
pub(crate) struct Events {
    listeners: Mutex<Vec<SyncSender<TlsEvent>>>,
    /// The last failure of each thing: one that repeats is told once.
    failures: Mutex<HashMap<String, String>>,
}

/// Of the store itself, among failures by alias.
const STORE: &str = "";

impl Events {
    pub(crate) fn listen(&self) -> Receiver<TlsEvent> {
        let (sender, receiver) = sync_channel(BACKLOG);
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        receiver
    }

    pub(crate) fn tell(&self, event: TlsEvent) {
        match &event {
            TlsEvent::Ready { names, sequence } => tracing::info!(names, sequence, "serving"),
            TlsEvent::Reloaded { sequence, changed, removed } => {
                tracing::info!(sequence, changed = changed.len(), removed = removed.len(), "reloaded");
            }
            TlsEvent::Refused { alias, reason, served_before } => {
                tracing::error!(%alias, reason, served_before, "entry refused");
            }
            TlsEvent::Recovered { alias } => tracing::info!(%alias, "entry is served again"),
            TlsEvent::StoreFailed { reason } => tracing::error!(reason, "the store cannot be read"),
            TlsEvent::StoreBack => tracing::info!("the store can be read again"),
            TlsEvent::TrustChanged { anchors } => tracing::info!(anchors, "trust anchors changed"),
            TlsEvent::Expired { alias, not_after } => {
                tracing::warn!(%alias, not_after, "an expired certificate is served");
            }
            TlsEvent::NoDefault { alias } => tracing::error!(%alias, "the default entry is gone"),
        }
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|listener| {
            !matches!(listener.try_send(event.clone()), Err(TrySendError::Disconnected(_)))
        });
    }

    fn fails(&self, what: &str, reason: &str) -> bool {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.insert(what.to_owned(), reason.to_owned()).as_deref() != Some(reason)
    }

    fn works(&self, what: &str) -> bool {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(what).is_some()
    }

    pub(crate) fn store_failed(&self, reason: &str) {
        if self.fails(STORE, reason) {
            self.tell(TlsEvent::StoreFailed { reason: reason.to_owned() });
        }
    }

    pub(crate) fn store_works(&self) {
        if self.works(STORE) {
            self.tell(TlsEvent::StoreBack);
        }
    }

    pub(crate) fn refused(&self, alias: &Alias, reason: &str, served_before: bool) {
        if self.fails(&alias.key(), reason) {
            let (alias, reason) = (alias.clone(), reason.to_owned());
            self.tell(TlsEvent::Refused { alias, reason, served_before });
        }
    }

    /// An entry is well; `told` where somebody is to hear that it was not.
    pub(crate) fn works_again(&self, alias: &Alias, told: bool) {
        if self.works(&alias.key()) && told {
            self.tell(TlsEvent::Recovered { alias: alias.clone() });
        }
    }

    pub(crate) fn expired(&self, alias: &Alias, not_after: i64) {
        // No alias begins so.
        if self.fails(&format!("expired {}", alias.key()), &not_after.to_string()) {
            self.tell(TlsEvent::Expired { alias: alias.clone(), not_after });
        }
    }

    /// Aliases that were refused last, with the reason.
    pub(crate) fn refusals(&self) -> Vec<(Alias, String)> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let named = failures.iter().filter_map(|(alias, reason)| Some((alias.parse().ok()?, reason.clone())));
        let mut all: Vec<(Alias, String)> = named.collect();
        all.sort_by_key(|(alias, _)| alias.key());
        all
    }

    /// Why the store cannot be read, if that is so.
    pub(crate) fn store_failure(&self) -> Option<String> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).get(STORE).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_that_repeats_is_told_once_and_its_end_as_well() {
        let events = Events::default();
        let heard = events.listen();
        let www: Alias = "www".parse().unwrap();
        for _ in 0..3 {
            events.store_failed("locked");
            events.refused(&www, "damaged", true);
        }
        assert_eq!(events.refusals(), [(www.clone(), "damaged".to_owned())]);
        events.store_works();
        events.store_works();
        events.works_again(&www, true);
        let told: Vec<TlsEvent> = heard.try_iter().collect();
        assert_eq!(
            told,
            [
                TlsEvent::StoreFailed { reason: "locked".to_owned() },
                TlsEvent::Refused { alias: www.clone(), reason: "damaged".to_owned(), served_before: true },
                TlsEvent::StoreBack,
                TlsEvent::Recovered { alias: www },
            ]
        );
    }

    #[test]
    fn nobody_who_stopped_listening_costs_anything() {
        let events = Events::default();
        drop(events.listen());
        let slow = events.listen();
        for _ in 0..BACKLOG + 10 {
            events.tell(TlsEvent::StoreBack);
        }
        assert_eq!(events.listeners.lock().unwrap().len(), 1);
        assert_eq!(slow.try_iter().count(), BACKLOG);
    }
}
