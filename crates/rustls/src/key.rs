//! A signing key that is unsealed when it signs: `resolve` costs nothing, and a resumed handshake opens no key.

use std::{
    fmt,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use arc_swap::ArcSwapOption;
use rustls::{
    SignatureAlgorithm, SignatureScheme,
    crypto::CryptoProvider,
    pki_types::SubjectPublicKeyInfoDer,
    sign::{Signer, SigningKey},
};
use strongroom::{certificate::Certificate, keystore::SealedCredential, select::ServerKey};

use crate::{
    cache::{Cache, Evict},
    event::Events,
};

/// Bytes that an opened key takes, after its first signature (measured with aws-lc-rs).
const RSA_BYTES: usize = 10_000;
const OTHER_BYTES: usize = 2_000;

/// The key of one version of an entry. What every signature looks at comes first, and lies in one line of the cache.
#[repr(C)]
pub(crate) struct LazyKey {
    opened: ArcSwapOption<Opened>,
    kind: ServerKey,
    /// What a signer holds that opens the key.
    me: Weak<Self>,
    spki: Vec<u8>,
    provider: Arc<CryptoProvider>,
    cache: Arc<Cache>,
    events: Arc<Events>,
    credential: SealedCredential,
}

struct Opened {
    key: Arc<dyn SigningKey>,
    used: AtomicBool,
}

impl LazyKey {
    /// Takes the sealed key of `leaf`; it is not opened yet.
    pub(crate) fn new(
        credential: SealedCredential,
        leaf: &Certificate,
        (provider, cache, events): (&Arc<CryptoProvider>, &Arc<Cache>, &Arc<Events>),
    ) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            me: Weak::clone(me),
            kind: ServerKey::of(leaf.key()),
            spki: leaf.spki_der().to_vec(),
            credential,
            provider: Arc::clone(provider),
            cache: Arc::clone(cache),
            events: Arc::clone(events),
            opened: ArcSwapOption::empty(),
        })
    }

    /// Opens the key, proves that it belongs to `leaf`, and signs something once: what a handshake does not wait for then.
    pub(crate) fn prove(self: &Arc<Self>, leaf: &Certificate) -> Result<(), String> {
        // EXPOSE: rustls signs handshakes with it.
        let key = self.credential.open_for(leaf).map_err(|error| error.to_string())?.into();
        let key = self.load(key).map_err(|error| error.to_string())?;
        let schemes = schemes(self.kind);
        let signer = key.choose_scheme(&schemes).ok_or("TLS has no signature for its key")?;
        // The first signature of an RSA key takes twice as long as those that follow.
        signer.sign(b"").map_err(|error| error.to_string())?;
        self.keep(key);
        Ok(())
    }

    pub(crate) fn sealed_size(&self) -> usize {
        self.credential.size() + self.spki.len()
    }

    fn load(
        &self,
        key: rustls::pki_types::PrivateKeyDer<'static>,
    ) -> Result<Arc<dyn SigningKey>, rustls::Error> {
        let key = self.provider.key_provider.load_private_key(key)?;
        // Sealing bound it to this public key already; this is what a handshake would fail at.
        match key.public_key() {
            Some(found) if found.as_ref() != self.spki => Err(rustls::InconsistentKeys::KeyMismatch.into()),
            _ => Ok(key),
        }
    }

    fn keep(self: &Arc<Self>, key: Arc<dyn SigningKey>) {
        self.opened.store(Some(Arc::new(Opened { key, used: AtomicBool::new(true) })));
        let bytes = if self.kind == ServerKey::Rsa { RSA_BYTES } else { OTHER_BYTES };
        self.cache.made(self, bytes);
    }

    /// Signs with the key if it is open.
    fn open_signer(&self, scheme: SignatureScheme) -> Option<Box<dyn Signer>> {
        let opened = self.opened.load();
        let opened = opened.as_ref()?;
        // Written only where it changes: the line stays shared between processors.
        if !opened.used.load(Ordering::Relaxed) {
            opened.used.store(true, Ordering::Relaxed);
        }
        opened.key.choose_scheme(&[scheme])
    }

    /// Signs with the key, which is opened for it.
    fn signer(self: &Arc<Self>, scheme: SignatureScheme) -> Result<Box<dyn Signer>, rustls::Error> {
        // Another handshake may have opened it meanwhile.
        if let Some(signer) = self.open_signer(scheme) {
            return Ok(signer);
        }
        let opened = self.credential.open().map_err(|error| rustls::Error::General(error.to_string()));
        // EXPOSE: as above.
        let key = opened.and_then(|opened| self.load(opened.into())).inspect_err(|error| {
            self.events.refused(self.credential.alias(), &error.to_string(), false);
        })?;
        self.keep(Arc::clone(&key));
        let signer = key.choose_scheme(&[scheme]);
        signer.ok_or_else(|| rustls::Error::General("the key does not sign so".to_owned()))
    }
}

impl Evict for LazyKey {
    fn evict(&self) -> bool {
        if self.opened.load().as_ref().is_some_and(|opened| opened.used.swap(false, Ordering::Relaxed)) {
            return false;
        }
        // Whoever signs with it now has it until then; rustls's providers wipe it as it is dropped.
        self.opened.store(None);
        true
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
        if let Some(signer) = self.open_signer(scheme) {
            return Some(signer);
        }
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
