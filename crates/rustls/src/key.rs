//! A key that is unsealed when it signs first: `resolve` costs nothing, and a resumed handshake opens no key. From then on
//! the entry hands out the provider's own key, until that is evicted.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
};

use rustls::{
    SignatureAlgorithm, SignatureScheme,
    crypto::CryptoProvider,
    pki_types::SubjectPublicKeyInfoDer,
    sign::{Signer, SigningKey},
};
use strongroom::{certificate::Certificate, keystore::SealedCredential, select::ServerKey};

use crate::{
    cache::{Cache, Evict},
    entry::Entry,
    event::Events,
};

/// Bytes that an opened key takes, after its first signature (measured with aws-lc-rs).
const RSA_BYTES: usize = 10_000;
const OTHER_BYTES: usize = 2_000;

/// What all keys of a server have in common.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) provider: Arc<CryptoProvider>,
    pub(crate) events: Arc<Events>,
    /// Those that are open.
    pub(crate) open: Cache<LazyKey>,
    /// Held while what an entry is served with is changed: its two parts go together. No handshake waits for it that has an
    /// open key.
    writing: Mutex<()>,
}

impl Keys {
    /// Keeps so many bytes of open keys.
    pub(crate) fn new(provider: Arc<CryptoProvider>, events: Arc<Events>, bytes: usize) -> Self {
        Self { provider, events, open: Cache::new(bytes), writing: Mutex::new(()) }
    }
}

/// The sealed key of one version of an entry.
pub(crate) struct LazyKey {
    kind: ServerKey,
    /// What a signer holds that opens the key.
    me: Weak<Self>,
    /// The entry that is served with it.
    entry: OnceLock<Weak<Entry>>,
    spki: Vec<u8>,
    keys: Arc<Keys>,
    credential: SealedCredential,
}

impl LazyKey {
    /// Takes the sealed key of `leaf`; it is not opened yet.
    pub(crate) fn new(credential: SealedCredential, leaf: &Certificate, keys: &Arc<Keys>) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            me: Weak::clone(me),
            entry: OnceLock::new(),
            kind: ServerKey::of(leaf.key()),
            spki: leaf.spki_der().to_vec(),
            credential,
            keys: Arc::clone(keys),
        })
    }

    /// Opens the key, proves that it belongs to `leaf`, and signs something once: what a handshake does not wait for then.
    pub(crate) fn prove(&self, leaf: &Certificate) -> Result<Arc<dyn SigningKey>, String> {
        // EXPOSE: rustls signs handshakes with it.
        let key = self.credential.open_for(leaf).map_err(|error| error.to_string())?.into();
        let key = self.load(key).map_err(|error| error.to_string())?;
        let schemes = schemes(self.kind);
        let signer = key.choose_scheme(&schemes).ok_or("TLS has no signature for its key")?;
        // The first signature of an RSA key takes twice as long as those that follow.
        signer.sign(b"").map_err(|error| error.to_string())?;
        Ok(key)
    }

    pub(crate) fn sealed_size(&self) -> usize {
        self.credential.size() + self.spki.len() + size_of::<Self>()
    }

    /// To be held while what an entry is served with is changed.
    pub(crate) fn writing(&self) -> MutexGuard<'_, ()> {
        self.keys.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The entry that is served with it: where its open key goes.
    pub(crate) fn is_of(&self, entry: &Arc<Entry>) {
        let _ = self.entry.set(Arc::downgrade(entry));
    }

    /// Its open key is kept from now on, until others are that were used later.
    pub(crate) fn was_opened(self: &Arc<Self>) {
        let bytes = if self.kind == ServerKey::Rsa { RSA_BYTES } else { OTHER_BYTES };
        self.keys.open.made(self, bytes);
    }

    fn entry(&self) -> Option<Arc<Entry>> {
        self.entry.get()?.upgrade()
    }

    fn load(
        &self,
        key: rustls::pki_types::PrivateKeyDer<'static>,
    ) -> Result<Arc<dyn SigningKey>, rustls::Error> {
        let key = self.keys.provider.key_provider.load_private_key(key)?;
        // Sealing bound it to this public key already; this is what a handshake would fail at.
        match key.public_key() {
            Some(found) if found.as_ref() != self.spki => Err(rustls::InconsistentKeys::KeyMismatch.into()),
            _ => Ok(key),
        }
    }

    /// The provider's key: opened by another handshake meanwhile, or now.
    fn open(self: &Arc<Self>) -> Result<Arc<dyn SigningKey>, rustls::Error> {
        let entry = self.entry();
        if let Some(open) = entry.as_ref().and_then(|entry| entry.open_key(self)) {
            return Ok(open);
        }
        let opened = self.credential.open().map_err(|error| rustls::Error::General(error.to_string()));
        // EXPOSE: as above.
        let key = opened.and_then(|opened| self.load(opened.into())).inspect_err(|error| {
            self.keys.events.refused(self.credential.alias(), &error.to_string(), false);
        })?;
        if entry.is_some_and(|entry| entry.open(self, Arc::clone(&key))) {
            self.was_opened();
        }
        Ok(key)
    }

    /// Signs with the key, which is opened for it.
    fn signer(self: &Arc<Self>, scheme: SignatureScheme) -> Result<Box<dyn Signer>, rustls::Error> {
        let signer = self.open()?.choose_scheme(&[scheme]);
        signer.ok_or_else(|| rustls::Error::General("the key does not sign so".to_owned()))
    }
}

impl Evict for LazyKey {
    fn evict(&self) -> bool {
        let both = self.entry().zip(self.me.upgrade());
        both.is_none_or(|(entry, me)| entry.close(&me))
    }
}

/// The signatures of a kind of key, as rustls names them.
pub(crate) fn schemes(kind: ServerKey) -> Vec<SignatureScheme> {
    kind.schemes().iter().map(|scheme| SignatureScheme::from(*scheme)).collect()
}

impl SigningKey for LazyKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let mut ours = self.kind.schemes().iter().map(|scheme| SignatureScheme::from(*scheme));
        let scheme = ours.find(|scheme| offered.contains(scheme))?;
        Some(Box::new(LazySigner { key: self.me.upgrade()?, scheme }))
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        Some(self.spki.as_slice().into())
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        match self.kind {
            ServerKey::Rsa => SignatureAlgorithm::RSA,
            ServerKey::Ed25519 => SignatureAlgorithm::ED25519,
            _ => SignatureAlgorithm::ECDSA,
        }
    }
}

impl fmt::Debug for LazyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LazyKey({:?})", self.credential)
    }
}

/// Stands for a key that the client cannot use. With its own kind rustls would go on in TLS 1.2 up to the signature, and
/// end without an alert.
#[derive(Debug)]
pub(crate) struct NoKeyInCommon;

impl SigningKey for NoKeyInCommon {
    fn choose_scheme(&self, _offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        None
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::Anonymous
    }
}

/// Opens the key when it signs: a handshake that is given up before opens none.
struct LazySigner {
    key: Arc<LazyKey>,
    scheme: SignatureScheme,
}

impl Signer for LazySigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        self.key.signer(self.scheme)?.sign(message)
    }

    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }
}

impl fmt::Debug for LazySigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LazySigner({:?})", self.scheme)
    }
}
