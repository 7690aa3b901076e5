//! Encryption at rest.
//!
//! A random root key is wrapped in slots, each under a key derived from an [`UnlockKey`]. Each version of an entry
//! has a data key of its own, wrapped under a key derived from the root key. All of it is XChaCha20-Poly1305 with
//! random 192-bit nonces; the associated data binds every private key to its store, entry, version, alias, leaf and
//! chain, so that no ciphertext can be moved to another place.

use std::fmt;

use chacha20poly1305::{
    Key, KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use hkdf::Hkdf;
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{
    alias::Alias,
    certificate::{Certificate, Fingerprint},
    secret::{PrivateKey, UnlockKey},
    validate::{Role, ValidatedChain},
};

/// The format of associated data and derivations; written into both.
const FORMAT: &[u8] = b"strongroom/v1";
const NONCE_LEN: usize = 24;

/// The random name of a store.
pub(crate) type StoreId = [u8; 16];
/// The random name of an entry.
pub(crate) type EntryId = [u8; 16];

/// A 256-bit key, wiped on drop.
#[derive(Zeroize, ZeroizeOnDrop)]
struct SealingKey(Box<[u8; 32]>);

impl SealingKey {
    fn generate() -> Result<Self, SealError> {
        let mut key = Self(Box::new([0; 32]));
        getrandom::fill(key.0.as_mut()).map_err(|_| SealError::NoRandomness)?;
        Ok(key)
    }

    fn from_slice(bytes: &[u8]) -> Option<Self> {
        Some(Self(Box::new(bytes.try_into().ok()?)))
    }

    /// HKDF-SHA256 (RFC 5869).
    fn derive(secret: &[u8], salt: &[u8], purpose: &str) -> Result<Self, SealError> {
        let mut key = Self(Box::new([0; 32]));
        let info = associated_data(&[purpose.as_bytes()]);
        Hkdf::<Sha256>::new(Some(salt), secret)
            .expand(&info, key.0.as_mut())
            .map_err(|_| SealError::Encrypt)?;
        Ok(key)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(*self.0))
    }

    /// A random nonce, then ciphertext and tag.
    fn encrypt(&self, plain: &[u8], aad: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0_u8; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|_| SealError::NoRandomness)?;
        let sealed = self
            .cipher()
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad })
            .map_err(|_| SealError::Encrypt)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    fn decrypt(&self, sealed: &[u8], aad: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, ciphertext) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce: [u8; NONCE_LEN] = nonce.try_into().ok()?;
        self.cipher().decrypt(&XNonce::from(nonce), Payload { msg: ciphertext, aad }).ok().map(Zeroizing::new)
    }
}

/// Length-prefixed fields after the format, so that no two lists of fields give the same bytes.
fn associated_data(fields: &[&[u8]]) -> Vec<u8> {
    let mut bytes =
        Vec::with_capacity(FORMAT.len() + fields.iter().map(|field| field.len() + 8).sum::<usize>());
    bytes.extend_from_slice(FORMAT);
    for field in fields {
        bytes.extend_from_slice(&u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
        bytes.extend_from_slice(field);
    }
    bytes
}

/// 16 random bytes.
pub(crate) fn random_id() -> Result<[u8; 16], SealError> {
    let mut id = [0_u8; 16];
    getrandom::fill(&mut id).map_err(|_| SealError::NoRandomness)?;
    Ok(id)
}

/// The root key of one store, unlocked.
pub(crate) struct RootKey {
    store: StoreId,
    /// Derived from the root key; wraps data keys.
    wrapping: SealingKey,
}

/// The root key as it is stored: wrapped under a key derived from an unlock key.
#[derive(Debug)]
pub(crate) struct Slot {
    /// How the unlock key is kept. Only `key-file` so far.
    pub(crate) kind: String,
    pub(crate) salt: Vec<u8>,
    pub(crate) wrapped: Vec<u8>,
}

/// The kind of slot that a high-entropy unlock key opens.
pub(crate) const KEY_FILE_SLOT: &str = "key-file";

impl RootKey {
    /// Makes the root key of a new store, and the slot that keeps it.
    pub(crate) fn generate(store: StoreId, unlock: &UnlockKey) -> Result<(Self, Slot), SealError> {
        let root = SealingKey::generate()?;
        let salt = [random_id()?, random_id()?].concat();
        let kek = Self::slot_key(unlock, &salt, KEY_FILE_SLOT)?;
        let wrapped = kek.encrypt(root.0.as_ref(), &slot_data(&store, KEY_FILE_SLOT))?;
        let slot = Slot { kind: KEY_FILE_SLOT.to_owned(), salt, wrapped };
        Ok((Self::of(store, &root)?, slot))
    }

    /// Opens the first slot that `unlock` fits.
    pub(crate) fn unlock(store: StoreId, slots: &[Slot], unlock: &UnlockKey) -> Result<Self, SealError> {
        for slot in slots.iter().filter(|slot| slot.kind == KEY_FILE_SLOT) {
            let kek = Self::slot_key(unlock, &slot.salt, &slot.kind)?;
            let root = kek.decrypt(&slot.wrapped, &slot_data(&store, &slot.kind));
            if let Some(root) = root.and_then(|bytes| SealingKey::from_slice(&bytes)) {
                return Self::of(store, &root);
            }
        }
        Err(SealError::WrongUnlockKey)
    }

    fn of(store: StoreId, root: &SealingKey) -> Result<Self, SealError> {
        Ok(Self { store, wrapping: SealingKey::derive(root.0.as_ref(), &store, "wrap data keys")? })
    }

    fn slot_key(unlock: &UnlockKey, salt: &[u8], kind: &str) -> Result<SealingKey, SealError> {
        // EXPOSE: input of the key derivation.
        SealingKey::derive(unlock.expose(), salt, &format!("slot {kind}"))
    }

    /// Seals the key of a validated chain as version `version` of entry `entry`.
    pub(crate) fn seal(
        &self,
        key: &PrivateKey,
        chain: &ValidatedChain,
        alias: &Alias,
        entry: EntryId,
        version: u32,
    ) -> Result<SealedEntry, SealError> {
        let path: Vec<(Certificate, Role)> = chain.path().to_vec();
        let data_key = SealingKey::generate()?;
        let aad = entry_data(&self.store, &entry, version, alias, path.iter().map(|(c, _)| c.fingerprint));
        Ok(SealedEntry {
            alias: alias.clone(),
            entry,
            version,
            // EXPOSE: sealed here.
            sealed_key: data_key.encrypt(key.expose_pkcs8_der(), &aad)?,
            wrapped_data_key: self.wrapping.encrypt(data_key.0.as_ref(), &aad)?,
            path,
        })
    }

    /// Opens what [`seal`](Self::seal) made, if nothing that it is bound to was changed.
    pub(crate) fn unseal(&self, sealed: &SealedKey<'_>) -> Result<PrivateKey, SealError> {
        let aad = entry_data(
            &self.store,
            &sealed.entry,
            sealed.version,
            sealed.alias,
            sealed.chain.iter().copied(),
        );
        let data_key = self
            .wrapping
            .decrypt(sealed.wrapped_data_key, &aad)
            .and_then(|bytes| SealingKey::from_slice(&bytes))
            .ok_or(SealError::Damaged)?;
        let mut der = data_key.decrypt(sealed.sealed_key, &aad).ok_or(SealError::Damaged)?;
        Ok(PrivateKey::from_pkcs8_der(std::mem::take(&mut *der)))
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootKey([redacted])")
    }
}

fn slot_data(store: &StoreId, kind: &str) -> Vec<u8> {
    associated_data(&[b"slot", store, kind.as_bytes()])
}

fn entry_data(
    store: &StoreId,
    entry: &EntryId,
    version: u32,
    alias: &Alias,
    chain: impl Iterator<Item = Fingerprint>,
) -> Vec<u8> {
    let mut leaf = None;
    let mut digest = Sha256::new();
    for fingerprint in chain {
        leaf.get_or_insert(fingerprint);
        digest.update(fingerprint.as_bytes());
    }
    let leaf = leaf.map(|leaf| *leaf.as_bytes()).unwrap_or_default();
    associated_data(&[
        b"entry",
        store,
        entry,
        &version.to_be_bytes(),
        alias.key().as_bytes(),
        &leaf,
        digest.finalize().as_slice(),
    ])
}

/// A server credential that is ready to be stored. Only sealing a validated chain makes one.
pub(crate) struct SealedEntry {
    pub(crate) alias: Alias,
    pub(crate) entry: EntryId,
    pub(crate) version: u32,
    pub(crate) sealed_key: Vec<u8>,
    pub(crate) wrapped_data_key: Vec<u8>,
    pub(crate) path: Vec<(Certificate, Role)>,
}

/// A sealed private key as it was read from the store, with all that it is bound to.
pub(crate) struct SealedKey<'a> {
    pub(crate) alias: &'a Alias,
    pub(crate) entry: EntryId,
    pub(crate) version: u32,
    pub(crate) sealed_key: &'a [u8],
    pub(crate) wrapped_data_key: &'a [u8],
    pub(crate) chain: &'a [Fingerprint],
}

/// Why something could not be sealed or unsealed.
#[derive(Clone, Copy, Debug, Error, Eq, PartialEq)]
#[non_exhaustive]
pub enum SealError {
    /// No slot opens under the unlock key.
    #[error("the unlock key does not open this store")]
    WrongUnlockKey,
    /// A sealed key does not open: it, or what it is bound to, was changed.
    #[error("the sealed private key does not open: the store was damaged or changed")]
    Damaged,
    /// The system's random source failed.
    #[error("the system gave no random bytes")]
    NoRandomness,
    /// The cipher refused its input.
    #[error("the private key could not be sealed")]
    Encrypt,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(root: &RootKey, alias: &Alias, chain: &[Fingerprint]) -> (Vec<u8>, Vec<u8>) {
        let aad = entry_data(&root.store, &[7; 16], 1, alias, chain.iter().copied());
        let data_key = SealingKey::generate().unwrap();
        (data_key.encrypt(b"pkcs8", &aad).unwrap(), root.wrapping.encrypt(data_key.0.as_ref(), &aad).unwrap())
    }

    #[test]
    fn a_sealed_key_opens_only_in_its_place() {
        let unlock = UnlockKey::generate().unwrap();
        let (root, slot) = RootKey::generate([1; 16], &unlock).unwrap();
        let www: Alias = "www".parse().unwrap();
        let other: Alias = "other".parse().unwrap();
        let chain = [Fingerprint::from_bytes([1; 32]), Fingerprint::from_bytes([2; 32])];
        let (sealed_key, wrapped_data_key) = sample(&root, &www, &chain);
        let sealed = |alias, version, chain| SealedKey {
            alias,
            entry: [7; 16],
            version,
            sealed_key: &sealed_key,
            wrapped_data_key: &wrapped_data_key,
            chain,
        };
        let again = RootKey::unlock([1; 16], &[slot], &unlock).unwrap();
        assert_eq!(again.unseal(&sealed(&www, 1, &chain)).unwrap().expose_pkcs8_der(), b"pkcs8");
        assert_eq!(again.unseal(&sealed(&www, 2, &chain)).err(), Some(SealError::Damaged));
        assert_eq!(again.unseal(&sealed(&other, 1, &chain)).err(), Some(SealError::Damaged));
        assert_eq!(again.unseal(&sealed(&www, 1, &chain[..1])).err(), Some(SealError::Damaged));
        let reversed = [chain[1], chain[0]];
        assert_eq!(again.unseal(&sealed(&www, 1, &reversed)).err(), Some(SealError::Damaged));
        let moved = SealedKey { entry: [8; 16], ..sealed(&www, 1, &chain) };
        assert_eq!(again.unseal(&moved).err(), Some(SealError::Damaged));
    }

    #[test]
    fn a_slot_opens_only_under_its_key_and_in_its_store() {
        let unlock = UnlockKey::generate().unwrap();
        let (_, slot) = RootKey::generate([1; 16], &unlock).unwrap();
        let slots = [slot];
        let wrong = UnlockKey::generate().unwrap();
        assert_eq!(RootKey::unlock([1; 16], &slots, &wrong).err(), Some(SealError::WrongUnlockKey));
        assert_eq!(RootKey::unlock([2; 16], &slots, &unlock).err(), Some(SealError::WrongUnlockKey));
    }

    #[test]
    fn associated_data_is_unambiguous() {
        assert_ne!(associated_data(&[b"ab", b"c"]), associated_data(&[b"a", b"bc"]));
        assert_ne!(associated_data(&[b"ab"]), associated_data(&[b"ab", b""]));
    }
}
