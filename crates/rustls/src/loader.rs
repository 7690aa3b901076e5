//! Reads entries from the store, and makes of them what a handshake needs.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::{crypto::CryptoProvider, pki_types::UnixTime};
use strongroom::{
    Alias, Error, Keystore,
    certificate::Certificate,
    select::ServerKey,
    store::{StoreError, TrustAnchors},
};

use crate::{
    cache::Cache,
    entry::{Entry, Served},
    event::Events,
    key::{Keys, LazyKey},
};

/// Why an entry was not loaded.
#[derive(Debug)]
pub(crate) enum NotLoaded {
    /// There is none of that alias, or it has no key.
    Gone,
    /// It cannot be served as it is.
    Refused(String),
    /// The store cannot be read.
    Store(String),
}

/// Whether the key is opened at once, and proved to belong to the leaf.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Proof {
    Now,
    /// When it signs first.
    Later,
}

pub(crate) struct Loader {
    pub(crate) keystore: Keystore,
    /// Chains and sealed keys.
    pub(crate) entries: Cache<Entry>,
    pub(crate) keys: Arc<Keys>,
    events: Arc<Events>,
    clock: fn() -> UnixTime,
    /// CA certificates that could not be read the last time.
    damaged: Mutex<Vec<Alias>>,
}

impl Loader {
    /// `entries` and `keys` are the bytes that are kept of each.
    pub(crate) fn new(
        keystore: Keystore,
        provider: Arc<CryptoProvider>,
        (entries, keys): (usize, usize),
        events: Arc<Events>,
        clock: fn() -> UnixTime,
    ) -> Self {
        Self {
            keystore,
            entries: Cache::new(entries),
            keys: Arc::new(Keys::new(provider, Arc::clone(&events), keys)),
            events,
            clock,
            damaged: Mutex::default(),
        }
    }

    /// The CA certificates that clients are verified against. A damaged one is reported, and nothing is trusted under it.
    pub(crate) fn trust_anchors(&self) -> Result<Vec<Certificate>, Error> {
        let TrustAnchors { certificates, damaged, .. } = self.keystore.trust_anchors()?;
        let reason = "the CA certificate is damaged, and nothing is trusted under it";
        damaged.iter().for_each(|alias| self.events.refused(alias, reason, false));
        let before = {
            let mut known = self.damaged.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *known, damaged.clone())
        };
        // Mended, or removed.
        let well = before.iter().filter(|alias| !damaged.contains(alias));
        well.for_each(|alias| self.events.works_again(alias, true));
        Ok(certificates)
    }

    /// Reads an entry as it is now.
    pub(crate) fn load(&self, alias: &Alias, proof: Proof) -> Result<Served, NotLoaded> {
        let mut credential = self.keystore.sealed_credential(alias, (self.clock)()).map_err(not_loaded)?;
        let served = credential.take_served();
        let leaf = served.first().ok_or(NotLoaded::Gone)?;
        if ServerKey::of(leaf.key()) == ServerKey::Unusable {
            return Err(NotLoaded::Refused(format!(
                "TLS has no signature for a key of the kind {}",
                leaf.key()
            )));
        }
        let of = (credential.alias().clone(), credential.version());
        let until = credential.chain_until();
        let key = LazyKey::new(credential, leaf, &self.keys);
        let open = match proof {
            Proof::Now => Some(key.prove(leaf).map_err(NotLoaded::Refused)?),
            Proof::Later => None,
        };
        Served::new(of, until, &served, key, open).ok_or(NotLoaded::Gone)
    }

    /// Puts what was loaded into an entry, where it may be dropped again. Not if its key is of another kind, or its names
    /// are others.
    pub(crate) fn keep(&self, entry: &Arc<Entry>, served: Served) -> bool {
        let (loaded, open) = (Arc::clone(&served.loaded), served.is_open());
        if loaded.names != entry.names || !entry.put(served) {
            return false;
        }
        self.entries.made(entry, loaded.bytes());
        if open {
            loaded.key.was_opened();
        }
        true
    }

    /// An entry of its own for what was loaded.
    pub(crate) fn entry_of(&self, served: Served) -> Arc<Entry> {
        let loaded = &served.loaded;
        let entry = Arc::new(Entry::new(loaded.alias.key(), loaded.names.to_vec()));
        self.keep(&entry, served);
        entry
    }
}

/// What is wrong with one entry, and what with the store.
fn not_loaded(error: Error) -> NotLoaded {
    match error {
        Error::Store(StoreError::NotFound { .. } | StoreError::Removed { .. }) => NotLoaded::Gone,
        Error::Store(StoreError::Corrupt { .. }) | Error::Seal(_) => NotLoaded::Refused(error.to_string()),
        other => NotLoaded::Store(other.to_string()),
    }
}

impl std::fmt::Debug for Loader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loader").field("entries", &self.entries).field("keys", &self.keys.open).finish()
    }
}
