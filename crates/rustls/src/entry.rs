//! One alias in memory: compact until it is asked for, then with its chain and its sealed key.

use std::{
    fmt,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use arc_swap::ArcSwapOption;
use rustls::sign::CertifiedKey;
use strongroom::{
    Alias,
    certificate::{AlternativeName, Certificate, Fingerprint},
    keystore::NameDigest,
    select::{Contender, NameMatch, ServerKey},
};

use crate::{cache::Evict, key::LazyKey};

/// A name in the map: half of its SHA-256 digest. To find two names with one key takes 2^64 tries, and both would be the
/// finder's own; to find one for a name of somebody else takes 2^128.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct NameKey([u8; 16]);

impl NameKey {
    pub(crate) fn of(name: &str) -> Self {
        Self::from_digest(&NameDigest::of(name))
    }

    pub(crate) fn from_digest(digest: &NameDigest) -> Self {
        let mut key = [0; 16];
        key.iter_mut().zip(digest.as_bytes()).for_each(|(to, from)| *to = *from);
        Self(key)
    }

    /// Its bytes as two numbers.
    pub(crate) fn halves(self) -> (u64, u64) {
        let whole = u128::from_le_bytes(self.0);
        let half = |number: u128| u64::try_from(number & u128::from(u64::MAX)).unwrap_or_default();
        (half(whole), half(whole >> 64))
    }
}

/// An alias with its names. Another version of the entry is another value.
pub(crate) struct Entry {
    /// In lower case.
    pub(crate) alias: Box<str>,
    /// In order.
    pub(crate) names: Box<[NameKey]>,
    pub(crate) loaded: ArcSwapOption<Loaded>,
}

/// What a handshake needs of an entry. What every handshake looks at comes first, and lies in one line of the cache: with
/// many names most lines are far away.
#[repr(C)]
pub(crate) struct Loaded {
    pub(crate) certified: Arc<CertifiedKey>,
    pub(crate) key: ServerKey,
    used: AtomicBool,
    answered: AtomicBool,
    pub(crate) alias: Alias,
    pub(crate) version: u32,
    pub(crate) leaf: Fingerprint,
    pub(crate) not_before: i64,
    pub(crate) not_after: i64,
    /// When the first certificate of the chain ends: what is sent is judged again then.
    pub(crate) chain_until: Option<i64>,
    /// In order.
    pub(crate) names: Box<[NameKey]>,
    pub(crate) addresses: Box<[IpAddr]>,
    bytes: usize,
}

impl Loaded {
    pub(crate) fn new(
        (alias, version): (Alias, u32),
        chain_until: Option<i64>,
        served: &[Certificate],
        key: Arc<LazyKey>,
    ) -> Option<Self> {
        let leaf = served.first()?;
        let chain: Vec<_> = served.iter().map(|certificate| certificate.der().clone()).collect();
        let names = names_of(leaf);
        let addresses = leaf.alternative_names().iter().filter_map(|name| match name {
            AlternativeName::Ip(text) => text.parse().ok(),
            _ => None,
        });
        let bytes = chain.iter().map(|der| der.len()).sum::<usize>()
            + key.sealed_size()
            + size_of_val(&*names)
            + size_of::<Self>();
        Some(Self {
            alias,
            version,
            leaf: leaf.fingerprint(),
            not_before: leaf.not_before(),
            not_after: leaf.not_after(),
            key: ServerKey::of(leaf.key()),
            chain_until,
            names,
            addresses: addresses.collect(),
            certified: Arc::new(CertifiedKey::new(chain, key)),
            bytes,
            used: AtomicBool::new(true),
            answered: AtomicBool::new(false),
        })
    }

    pub(crate) fn contender<'l>(&'l self, matched: NameMatch, bound: bool) -> Contender<'l> {
        let alias = self.alias.as_str();
        Contender::new(alias, matched, self.key, self.not_before, self.not_after).bound(bound)
    }

    /// Bytes that it takes, without the opened key.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether it is what `other` is: the same leaf, key and chain.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.version == other.version
            && self.leaf == other.leaf
            && self.certified.cert == other.certified.cert
    }

    /// It answers a client; says whether it does for the first time. Flags are written only where they change: the line
    /// stays shared between processors.
    pub(crate) fn answers(&self) -> bool {
        if !self.used.load(Ordering::Relaxed) {
            self.used.store(true, Ordering::Relaxed);
        }
        !self.answered.load(Ordering::Relaxed) && !self.answered.swap(true, Ordering::Relaxed)
    }
}

/// The names of a certificate as keys of the map, each once.
fn names_of(leaf: &Certificate) -> Box<[NameKey]> {
    let mut names: Vec<NameKey> = leaf.hosts().map(NameKey::of).collect();
    names.sort_unstable();
    names.dedup();
    names.into()
}

impl Entry {
    pub(crate) fn new(alias: impl Into<Box<str>>, mut names: Vec<NameKey>) -> Self {
        names.sort_unstable();
        names.dedup();
        Self { alias: alias.into(), names: names.into(), loaded: ArcSwapOption::empty() }
    }

    /// One that is loaded already.
    pub(crate) fn of(loaded: Arc<Loaded>) -> Self {
        let (alias, names) = (loaded.alias.key().into(), loaded.names.clone());
        Self { alias, names, loaded: ArcSwapOption::from(Some(loaded)) }
    }
}

impl Evict for Entry {
    fn evict(&self) -> bool {
        if self.loaded.load().as_ref().is_some_and(|loaded| loaded.used.swap(false, Ordering::Relaxed)) {
            return false;
        }
        self.loaded.store(None);
        true
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entry({}, {} names)", self.alias, self.names.len())
    }
}
