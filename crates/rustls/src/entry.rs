//! One alias in memory: compact until it is asked for, then with its chain and its key.
//!
//! What a handshake reads of an entry is its first line of the cache, and from there it goes straight to what rustls sends:
//! with many names each line is far away. What only a choice among several looks at, or the thread that follows the store,
//! is kept beside ([`Loaded`]).

use std::{
    fmt,
    net::IpAddr,
    ptr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
};

use arc_swap::ArcSwapOption;
use rustls::sign::{CertifiedKey, SigningKey};
use strongroom::{
    Alias,
    certificate::{AlternativeName, Certificate, Fingerprint},
    keystore::NameDigest,
    select::{Contender, NameMatch, ServerKey},
};

use crate::{cache::Evict, key::LazyKey};

/// A name in the map: half of its SHA-256 digest. To find two names with one key takes 2^64 tries, and both would be the
/// finder's own; to find one for a name of somebody else takes 2^128.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
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

/// An alias with its names. Other names, or a key of another kind, are another value.
#[repr(C)]
pub(crate) struct Entry {
    /// What rustls gets: with the provider's own key if that is open, otherwise with one that opens when it signs.
    served: ArcSwapOption<CertifiedKey>,
    /// The kind of its key as [`code`] has it; 0 until it was loaded first.
    kind: AtomicU8,
    /// Whether it was asked for since its eviction, and that of its open key, was considered last.
    used: AtomicBool,
    key_used: AtomicBool,
    answered: AtomicBool,
    loaded: ArcSwapOption<Loaded>,
    /// In lower case.
    pub(crate) alias: Box<str>,
    /// In order.
    pub(crate) names: Box<[NameKey]>,
}

/// What is known of an entry that is loaded, beside what rustls gets.
pub(crate) struct Loaded {
    pub(crate) key: Arc<LazyKey>,
    pub(crate) kind: ServerKey,
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

/// What an entry is served with.
#[derive(Clone)]
pub(crate) struct Served {
    pub(crate) certified: Arc<CertifiedKey>,
    pub(crate) loaded: Arc<Loaded>,
}

impl Served {
    /// An entry of the store: `served` are its leaf and what is sent with it, `open` its key if that is open already.
    pub(crate) fn new(
        (alias, version): (Alias, u32),
        chain_until: Option<i64>,
        served: &[Certificate],
        key: Arc<LazyKey>,
        open: Option<Arc<dyn SigningKey>>,
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
            + size_of::<Loaded>()
            + size_of::<CertifiedKey>();
        let signing = open.unwrap_or_else(|| Arc::<LazyKey>::clone(&key));
        let loaded = Loaded {
            alias,
            version,
            leaf: leaf.fingerprint(),
            not_before: leaf.not_before(),
            not_after: leaf.not_after(),
            kind: ServerKey::of(leaf.key()),
            chain_until,
            names,
            addresses: addresses.collect(),
            key,
            bytes,
        };
        Some(Self { certified: Arc::new(CertifiedKey::new(chain, signing)), loaded: Arc::new(loaded) })
    }

    pub(crate) fn contender<'s>(&'s self, matched: NameMatch, bound: bool) -> Contender<'s> {
        let loaded = &*self.loaded;
        let alias = loaded.alias.as_str();
        Contender::new(alias, matched, loaded.kind, loaded.not_before, loaded.not_after).bound(bound)
    }

    /// Whether it is what `other` is: the same leaf, key and chain.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.loaded.version == other.loaded.version
            && self.loaded.leaf == other.loaded.leaf
            && self.certified.cert == other.certified.cert
    }

    /// Whether the provider's own key is in it.
    pub(crate) fn is_open(&self) -> bool {
        !signs_with(&self.certified, &self.loaded.key)
    }
}

impl Loaded {
    /// Bytes that it takes with its chain, without the opened key.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Whether it signs with this key of ours, and not with the provider's that came out of it.
fn signs_with(certified: &CertifiedKey, key: &LazyKey) -> bool {
    ptr::addr_eq(Arc::as_ptr(&certified.key), key)
}

/// The names of a certificate as keys of the map, each once.
fn names_of(leaf: &Certificate) -> Box<[NameKey]> {
    let mut names: Vec<NameKey> = leaf.hosts().map(NameKey::of).collect();
    names.sort_unstable();
    names.dedup();
    names.into()
}

/// A kind of key as one byte that is not 0.
fn code(kind: ServerKey) -> u8 {
    match kind {
        ServerKey::Rsa => 1,
        ServerKey::P256 => 2,
        ServerKey::P384 => 3,
        ServerKey::P521 => 4,
        ServerKey::Ed25519 => 5,
        _ => 6,
    }
}

/// Sets a flag. It is written only where it changes: the line stays shared between processors.
fn set(flag: &AtomicBool) {
    if !flag.load(Ordering::Relaxed) {
        flag.store(true, Ordering::Relaxed);
    }
}

impl Entry {
    pub(crate) fn new(alias: impl Into<Box<str>>, mut names: Vec<NameKey>) -> Self {
        names.sort_unstable();
        names.dedup();
        Self {
            served: ArcSwapOption::empty(),
            kind: AtomicU8::new(0),
            used: AtomicBool::new(false),
            key_used: AtomicBool::new(false),
            answered: AtomicBool::new(false),
            loaded: ArcSwapOption::empty(),
            alias: alias.into(),
            names: names.into(),
        }
    }

    /// The kind of its key, once it was loaded.
    pub(crate) fn kind(&self) -> ServerKey {
        match self.kind.load(Ordering::Acquire) {
            1 => ServerKey::Rsa,
            2 => ServerKey::P256,
            3 => ServerKey::P384,
            4 => ServerKey::P521,
            5 => ServerKey::Ed25519,
            _ => ServerKey::Unusable,
        }
    }

    /// What rustls gets, if it is loaded.
    pub(crate) fn certified(&self) -> Option<Arc<CertifiedKey>> {
        let certified = self.served.load_full()?;
        set(&self.used);
        set(&self.key_used);
        Some(certified)
    }

    /// All that is known of it, if it is loaded. It does not count as asked for.
    ///
    /// Beside a writer the two parts may be of two versions with the same names and kind of key: either may be served then.
    pub(crate) fn served(&self) -> Option<Served> {
        Some(Served { certified: self.served.load_full()?, loaded: self.loaded.load_full()? })
    }

    /// The same for a client.
    pub(crate) fn asked(&self) -> Option<Served> {
        Some(Served { certified: self.certified()?, loaded: self.loaded.load_full()? })
    }

    /// What is known of it beside what rustls gets. It does not count as asked for.
    pub(crate) fn loaded(&self) -> Option<Arc<Loaded>> {
        self.loaded.load_full()
    }

    pub(crate) fn is_loaded(&self) -> bool {
        self.loaded.load().is_some()
    }

    /// Takes what was read of the store; not if it has a key of another kind.
    pub(crate) fn put(self: &Arc<Self>, served: Served) -> bool {
        let Served { certified, loaded } = served;
        let _writing = loaded.key.writing();
        let kind = code(loaded.kind);
        let before = self.kind.compare_exchange(0, kind, Ordering::AcqRel, Ordering::Acquire);
        if before.is_err_and(|before| before != kind) {
            return false;
        }
        loaded.key.is_of(self);
        set(&self.used);
        set(&self.key_used);
        self.loaded.store(Some(Arc::clone(&loaded)));
        self.served.store(Some(certified));
        true
    }

    /// It answers a client; says whether it does for the first time.
    pub(crate) fn answers(&self) -> bool {
        !self.answered.load(Ordering::Relaxed) && !self.answered.swap(true, Ordering::Relaxed)
    }

    /// The provider's key that came out of `key`, if it is open and served.
    pub(crate) fn open_key(&self, key: &LazyKey) -> Option<Arc<dyn SigningKey>> {
        let _writing = key.writing();
        let certified = self.of_key(key)?;
        (!signs_with(&certified, key)).then(|| Arc::clone(&certified.key))
    }

    /// From now on handshakes get the provider's key that came out of `key`; says whether they did not before.
    pub(crate) fn open(&self, key: &LazyKey, open: Arc<dyn SigningKey>) -> bool {
        let _writing = key.writing();
        let closed = self.of_key(key).filter(|certified| signs_with(certified, key));
        let Some(closed) = closed else {
            return false;
        };
        set(&self.key_used);
        self.served.store(Some(Arc::new(CertifiedKey::new(closed.cert.clone(), open))));
        true
    }

    /// Handshakes get `key` again, and not what came out of it, unless it was used since this was asked last; says whether
    /// they do. Whoever has the open key now has it until then; rustls's providers wipe it as it is dropped.
    pub(crate) fn close(&self, key: &Arc<LazyKey>) -> bool {
        let _writing = key.writing();
        let open = self.of_key(key).filter(|certified| !signs_with(certified, key));
        let Some(open) = open else {
            return true;
        };
        if self.key_used.swap(false, Ordering::Relaxed) {
            return false;
        }
        let closed = CertifiedKey::new(open.cert.clone(), Arc::<LazyKey>::clone(key));
        self.served.store(Some(Arc::new(closed)));
        true
    }

    /// What is served if it is the version that has `key`; nobody else is writing.
    fn of_key(&self, key: &LazyKey) -> Option<Arc<CertifiedKey>> {
        let loaded = self.loaded.load();
        loaded.as_ref().filter(|loaded| ptr::eq(&*loaded.key, key))?;
        self.served.load_full()
    }
}

impl Evict for Entry {
    fn evict(&self) -> bool {
        if self.used.swap(false, Ordering::Relaxed) {
            return false;
        }
        let Some(loaded) = self.loaded() else {
            return true;
        };
        let _writing = loaded.key.writing();
        self.served.store(None);
        self.loaded.store(None);
        true
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entry({}, {} names)", self.alias, self.names.len())
    }
}
