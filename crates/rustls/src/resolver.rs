//! Chooses the entry for a client: the adapter of rustls 0.23 to the rule of the engine.

use std::{
    collections::{BTreeSet, HashMap},
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwap;
use rustls::{
    pki_types::UnixTime,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use strongroom::{
    Alias,
    select::{ClientKeys, NameMatch, select_entry, wildcard_of},
};

use crate::{
    entry::{Entry, NameKey, Served},
    event::Events,
    key::NoKeyInCommon,
    loader::{Loader, NotLoaded, Proof},
    snapshot::Root,
};

/// Entries that one handshake reads from the store at most.
const COLD_IN_A_HANDSHAKE: usize = 16;
/// Room that is made for entries that may answer.
const MOST_ASKED: usize = 16;
/// Entries that answered, and are listed.
const MAX_ANSWERED: usize = 1_000;
/// Entries that are kept while the names of a large store are still being read.
const MAX_EARLY: usize = 4_096;

/// What the configuration, the resolver and the thread that follows the store have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) root: ArcSwap<Root>,
    pub(crate) loader: Loader,
    pub(crate) events: Arc<Events>,
    pub(crate) default_alias: Mutex<Option<Alias>>,
    pub(crate) strict_sni: bool,
    /// Whether the default entry answers for every name.
    pub(crate) only_default: bool,
    /// Whether the default entry stays when it is removed from the store.
    pub(crate) keep_default: bool,
    pub(crate) clock: fn() -> UnixTime,
    pub(crate) stop: AtomicBool,
    /// Whether a handshake saw that the snapshot is behind the store.
    pub(crate) behind: AtomicBool,
    /// Handshakes without a name, and for a name that no entry has.
    pub(crate) unnamed: AtomicU64,
    pub(crate) unknown: AtomicU64,
    /// Entries that were found one by one, before all names were read.
    pub(crate) early: Mutex<HashMap<String, Arc<Entry>>>,
    /// Aliases in lower case of the entries that answered.
    pub(crate) answered: Mutex<Answered>,
}

/// Which entries answered, for those who ask what a server serves.
#[derive(Debug, Default)]
pub(crate) struct Answered {
    pub(crate) aliases: BTreeSet<String>,
    /// Whether there are more.
    pub(crate) more: bool,
}

/// An entry that may answer.
struct Asked {
    entry: Arc<Entry>,
    served: Served,
    matched: NameMatch,
    bound: bool,
}

/// What answers a client, and whether the client can use its key.
type Answer = (Arc<CertifiedKey>, bool);

impl Shared {
    pub(crate) fn default_alias(&self) -> Option<Alias> {
        self.default_alias.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What answers a client: by the name that it sends, or by the address that it came to.
    pub(crate) fn answer(
        &self,
        name: Option<&str>,
        address: Option<IpAddr>,
        client: ClientKeys,
    ) -> Option<Answer> {
        let root = self.root.load();
        let found = match (name, address) {
            _ if self.only_default => return self.answer_of(root.default.as_ref()?, client),
            (Some(name), _) if !root.complete => self.early(&root, name, client),
            (Some(name), _) => self.named(&root, name, client),
            (None, Some(address)) => self.addressed(&root, address, client),
            (None, None) => None,
        };
        if found.is_some() {
            return found;
        }
        let count = if name.is_some() { &self.unknown } else { &self.unnamed };
        count.fetch_add(1, Ordering::Relaxed);
        if self.strict_sni {
            return None;
        }
        self.answer_of(root.default.as_ref()?, client)
    }

    /// An entry answers a client.
    pub(crate) fn answered(&self, entry: &Entry) {
        if entry.answers() {
            self.list(entry);
        }
    }

    #[cold]
    fn list(&self, entry: &Entry) {
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        if answered.aliases.len() < MAX_ANSWERED {
            answered.aliases.insert(entry.alias.to_string());
        } else {
            answered.more |= !answered.aliases.contains(&*entry.alias);
        }
    }

    /// The only entry that may answer does.
    #[inline(never)]
    fn answer_of(&self, entry: &Arc<Entry>, client: ClientKeys) -> Option<Answer> {
        let served = self.served(entry, &mut 1)?;
        self.answered(entry);
        Some((served.certified, client.can_use(served.loaded.kind)))
    }

    fn named(&self, root: &Root, name: &str, client: ClientKeys) -> Option<Answer> {
        let key = NameKey::of(name);
        let exact = root.named(key);
        // Nothing goes before the only entry with the name itself, if the client can use it.
        if let [only] = exact
            && client.can_use(only.kind())
            && let Some(certified) = only.certified()
        {
            self.answered(only);
            return Some((certified, true));
        }
        self.contended(root, name, (key, exact), client)
    }

    /// The choice where it is not plain. Its code is kept out of the way of most handshakes.
    #[inline(never)]
    fn contended(
        &self,
        root: &Root,
        name: &str,
        (key, exact): (NameKey, &[Arc<Entry>]),
        client: ClientKeys,
    ) -> Option<Answer> {
        let wildcard = wildcard_of(name).map(|wildcard| NameKey::of(&wildcard));
        let wild = wildcard.map(|key| root.named(key)).unwrap_or_default();
        if let ([], [only]) = (exact, wild) {
            return self.answer_of(only, client);
        }
        let bound = root.bound(key);
        let mut asked = Vec::with_capacity(exact.len().saturating_add(wild.len()).min(MOST_ASKED));
        let mut reads = COLD_IN_A_HANDSHAKE;
        for (entries, matched) in [(exact, NameMatch::Exact), (wild, NameMatch::Wildcard)] {
            for entry in entries {
                if let Some(served) = self.served(entry, &mut reads) {
                    let (entry, bound) = (Arc::clone(entry), bound == Some(&*entry.alias));
                    asked.push(Asked { entry, served, matched, bound });
                }
            }
        }
        self.choose(asked, client)
    }

    #[inline(never)]
    fn addressed(&self, root: &Root, address: IpAddr, client: ClientKeys) -> Option<Answer> {
        let key = NameKey::of(&address.to_string());
        let mut asked = Vec::new();
        let mut reads = COLD_IN_A_HANDSHAKE;
        for entry in root.named(key) {
            let served = self.served(entry, &mut reads);
            // A DNS name that looks like an address is none.
            if let Some(served) = served.filter(|served| served.loaded.addresses.contains(&address)) {
                let (entry, bound) = (Arc::clone(entry), root.bound(key) == Some(&*entry.alias));
                asked.push(Asked { entry, served, matched: NameMatch::Exact, bound });
            }
        }
        self.choose(asked, client)
    }

    fn choose(&self, mut asked: Vec<Asked>, client: ClientKeys) -> Option<Answer> {
        let at = i64::try_from((self.clock)().as_secs()).unwrap_or(i64::MAX);
        let contenders = asked.iter().map(|asked| asked.served.contender(asked.matched, asked.bound));
        let place = select_entry(contenders, client, at).filter(|place| *place < asked.len())?;
        let Asked { entry, served, .. } = asked.swap_remove(place);
        self.answered(&entry);
        Some((served.certified, client.can_use(served.loaded.kind)))
    }

    /// What an entry is served with, read from the store if it must be.
    pub(crate) fn served(&self, entry: &Arc<Entry>, reads: &mut usize) -> Option<Served> {
        if let Some(served) = entry.asked() {
            return Some(served);
        }
        *reads = reads.checked_sub(1)?;
        let alias: Alias = entry.alias.parse().ok()?;
        match self.loader.load(&alias, Proof::Later) {
            Ok(served) => {
                let kept = self.loader.keep(entry, served.clone());
                // The store has another version by now.
                if !kept {
                    self.behind.store(true, Ordering::Relaxed);
                }
                // That need not be for the name that was asked for.
                (kept || served.loaded.names == entry.names).then_some(served)
            }
            Err(NotLoaded::Gone) => {
                self.behind.store(true, Ordering::Relaxed);
                None
            }
            Err(NotLoaded::Refused(reason)) => {
                self.events.refused(&alias, &reason, false);
                None
            }
            Err(NotLoaded::Store(reason)) => {
                self.events.store_failed(&reason);
                None
            }
        }
    }

    /// Asks the store itself: not all of its names were read yet.
    #[inline(never)]
    fn early(&self, root: &Root, name: &str, client: ClientKeys) -> Option<Answer> {
        let limit = u32::try_from(COLD_IN_A_HANDSHAKE).unwrap_or(u32::MAX);
        let mut asked = Vec::new();
        let mut reads = COLD_IN_A_HANDSHAKE;
        let wildcard = wildcard_of(name);
        let keystore = &self.loader.keystore;
        let bound = keystore.bound_alias(name).ok().flatten();
        for (name, matched) in [(Some(name), NameMatch::Exact), (wildcard.as_deref(), NameMatch::Wildcard)] {
            let Some(name) = name else {
                continue;
            };
            let aliases = keystore.aliases_of_name(name, limit);
            let aliases =
                aliases.map_err(|error| self.events.store_failed(&error.to_string())).unwrap_or_default();
            for alias in aliases {
                if let Some((entry, served)) = self.early_entry(root, &alias, &mut reads) {
                    asked.push(Asked { entry, served, matched, bound: bound.as_ref() == Some(&alias) });
                }
            }
        }
        self.choose(asked, client)
    }

    fn early_entry(&self, root: &Root, alias: &Alias, reads: &mut usize) -> Option<(Arc<Entry>, Served)> {
        let key = alias.key();
        let known = self.early.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        let known = known.or_else(|| root.default.clone().filter(|default| *default.alias == *key));
        if let Some(known) = known.and_then(|entry| entry.asked().map(|served| (entry, served))) {
            return Some(known);
        }
        *reads = reads.checked_sub(1)?;
        let served = self.loader.load(alias, Proof::Later).ok()?;
        let entry = self.loader.entry_of(served.clone());
        let mut early = self.early.lock().unwrap_or_else(PoisonError::into_inner);
        if early.len() < MAX_EARLY {
            early.insert(key, Arc::clone(&entry));
        }
        Some((entry, served))
    }
}

/// What rustls asks for a certificate; `address` is the one that the server listens on, if it is known.
#[derive(Debug)]
pub(crate) struct Resolver {
    pub(crate) shared: Arc<Shared>,
    pub(crate) address: Option<IpAddr>,
    /// Whether the configuration has TLS 1.3.
    pub(crate) tls13: bool,
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // A CA asks who controls the name (RFC 8737): not with this certificate.
        if hello.alpn().is_some_and(|mut offered| offered.all(|protocol| protocol == b"acme-tls/1")) {
            return None;
        }
        let client = ClientKeys::offered(
            hello.signature_schemes().iter().map(|scheme| u16::from(*scheme)),
            hello.cipher_suites().iter().map(|suite| u16::from(*suite)),
            hello.named_groups().map(|groups| groups.iter().map(|group| u16::from(*group))),
            self.tls13,
        );
        let (certified, usable) = self.shared.answer(hello.server_name(), self.address, client)?;
        if !usable && certified.key.choose_scheme(hello.signature_schemes()).is_none() {
            // The client is told: handshake_failure.
            return Some(Arc::new(CertifiedKey::new(certified.cert.clone(), Arc::new(NoKeyInCommon))));
        }
        Some(certified)
    }
}
