//! Encryption at rest, and authentication of what lies there in the clear.
//!
//! A random root key is wrapped in slots, each under a key derived from what unlocks it. Each version of an entry
//! has a data key of its own, wrapped under a key derived from the root key. All of it is XChaCha20-Poly1305 with
//! random 192-bit nonces; the associated data binds every private key to its store, entry, version, alias, public
//! key and chain, so that no ciphertext can be moved to another binding. Public rows carry an HMAC (`Ledger`).

mod cipher;
mod ledger;
mod slot;
mod unlock;

use std::{fmt, sync::Arc};

use sha2::{Digest as _, Sha256};
use thiserror::Error;

use self::cipher::{SealingKey, fields};
pub(crate) use self::{
    cipher::{random_id, same},
    ledger::{Digest, Ledger, audit_hash},
    slot::{Cost, Slot},
};
pub use self::{
    slot::{MAX_SLOTS, SlotReport},
    unlock::{Environment, InvalidUnlockSource, OwnedUnlock, Unlock, UnlockError, UnlockSource},
};
use crate::{alias::Alias, certificate::Fingerprint, remedy::Remedy, secret::PrivateKey};

/// The format of associated data and derivations; written into both.
const FORMAT: &[u8] = b"strongroom/1";

/// The random name of a store.
pub(crate) type StoreId = [u8; 16];
/// The random name of an entry.
pub(crate) type EntryId = [u8; 16];

/// The root key of one store, unlocked.
pub(crate) struct RootKey {
    store: StoreId,
    /// 1 at first; each re-key makes a new root key and adds one.
    epoch: u32,
    root: SealingKey,
    /// Derived from the root key; wraps data keys.
    wrapping: SealingKey,
    ledger: Arc<Ledger>,
}

impl RootKey {
    /// Makes the root key of a store at an epoch.
    pub(crate) fn generate(store: StoreId, epoch: u32) -> Result<Self, SealError> {
        Self::of(store, epoch, SealingKey::generate()?)
    }

    /// Opens the first slot that `unlock` fits.
    ///
    /// All slots are judged before any work is done for them. One that is not as it was written makes the failure
    /// [`SealError::SlotsDamaged`]; so does a root key that does not give the store's key-check value.
    pub(crate) fn unlock(
        store: StoreId,
        epoch: u32,
        check_value: &[u8],
        slots: &[Slot],
        unlock: Unlock<'_>,
    ) -> Result<(Self, Slot), SealError> {
        if unlock.store().is_some_and(|of| of != store) {
            return Err(SealError::KeyOfAnotherStore);
        }
        slot::bounded(slots)?;
        for slot in slots.iter().filter(|slot| slot.is_whole(&store, epoch)) {
            if let Some(root) = slot.open(&store, epoch, unlock)? {
                let root = Self::of(store, epoch, root)?;
                return if same(&root.ledger.check_value(), check_value) {
                    Ok((root, slot.clone()))
                } else {
                    Err(SealError::SlotsDamaged)
                };
            }
        }
        let whole = !slots.is_empty() && slots.iter().all(|slot| slot.is_whole(&store, epoch));
        Err(if whole { SealError::WrongUnlockKey } else { SealError::SlotsDamaged })
    }

    /// The root key of the next epoch.
    pub(crate) fn next(&self) -> Result<Self, SealError> {
        Self::generate(self.store, self.epoch.saturating_add(1))
    }

    fn of(store: StoreId, epoch: u32, root: SealingKey) -> Result<Self, SealError> {
        let wrapping =
            SealingKey::derive(FORMAT, root.0.as_ref(), &store, &[b"wrap data keys", &epoch.to_be_bytes()])?;
        let ledger = Arc::new(Ledger::derive(store, epoch, &root)?);
        Ok(Self { store, epoch, root, wrapping, ledger })
    }

    /// The keys that authenticate rows.
    pub(crate) fn ledger(&self) -> Arc<Ledger> {
        Arc::clone(&self.ledger)
    }

    /// Seals a private key in its binding.
    pub(crate) fn seal(&self, key: &PrivateKey, binding: &SealBinding<'_>) -> Result<SealedKey, SealError> {
        let data_key = SealingKey::generate()?;
        let aad = self.data(binding);
        Ok(SealedKey {
            // EXPOSE: sealed here.
            sealed_key: data_key.encrypt(key.expose_pkcs8_der(), &aad)?,
            wrapped_data_key: self.wrapping.encrypt(data_key.0.as_ref(), &aad)?,
        })
    }

    /// Opens what [`seal`](Self::seal) made, if nothing that it is bound to was changed.
    pub(crate) fn unseal(
        &self,
        sealed: &SealedKey,
        binding: &SealBinding<'_>,
    ) -> Result<PrivateKey, SealError> {
        let aad = self.data(binding);
        let data_key = self.wrapping.unwrap_key(&sealed.wrapped_data_key, &aad).ok_or(SealError::Damaged)?;
        let mut der = data_key.decrypt(&sealed.sealed_key, &aad).ok_or(SealError::Damaged)?;
        Ok(PrivateKey::from_pkcs8_der(std::mem::take(&mut *der)))
    }

    fn data(&self, binding: &SealBinding<'_>) -> Vec<u8> {
        let mut chain = Sha256::new();
        binding.chain.iter().for_each(|fingerprint| chain.update(fingerprint.as_bytes()));
        fields(
            FORMAT,
            &[
                b"entry",
                &self.store,
                &self.epoch.to_be_bytes(),
                &binding.entry,
                &binding.version.to_be_bytes(),
                binding.alias.key().as_bytes(),
                binding.spki.as_bytes(),
                chain.finalize().as_slice(),
            ],
        )
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootKey([redacted])")
    }
}

/// All that a sealed private key is bound to, beside its store.
pub(crate) struct SealBinding<'a> {
    pub(crate) alias: &'a Alias,
    pub(crate) entry: EntryId,
    pub(crate) version: u32,
    /// SHA-256 over the leaf's subjectPublicKeyInfo.
    pub(crate) spki: Fingerprint,
    /// From the leaf to the anchor.
    pub(crate) chain: &'a [Fingerprint],
}

/// A sealed private key. Only sealing makes a new one.
#[derive(Debug)]
pub(crate) struct SealedKey {
    pub(crate) sealed_key: Vec<u8>,
    pub(crate) wrapped_data_key: Vec<u8>,
}

/// Why something could not be sealed or unsealed.
#[derive(Clone, Copy, Debug, Error, Eq, PartialEq)]
#[non_exhaustive]
pub enum SealError {
    /// No slot opens under the unlock key.
    #[error("the unlock key does not open this store")]
    WrongUnlockKey,
    /// A sealed key, a slot or a MAC is wrong: it, or what it is bound to, was changed.
    #[error("the sealed private key does not open: the store was damaged or changed")]
    Damaged,
    /// No slot that is as it was written opens under the unlock key, and one is not.
    #[error(
        "what opens the store is damaged: a slot is not as it was written, and no other opens under this key"
    )]
    SlotsDamaged,
    /// The key file says that it is of another store.
    #[error("the key file is of another store")]
    KeyOfAnotherStore,
    /// A passphrase where a slot takes a key, or the reverse.
    #[error("a passphrase slot takes a passphrase, every other slot a key of at least 32 random bytes")]
    WrongKind,
    /// A slot asks for more Argon2id work than is ever done.
    #[error(
        "the slots ask for more Argon2id work than is ever done: 1 GiB, 16 passes and 16 lanes each, and 4 GiB times passes for all"
    )]
    TooMuchWork,
    /// All slots are taken.
    #[error("the store has {MAX_SLOTS} slots already")]
    NoFreeSlot,
    /// What is to open a slot opens another one.
    #[error("it opens slot {slot} of this store already")]
    AlreadyOpens {
        /// 0 to 7.
        slot: u32,
    },
    /// There is no such slot, or it is the last one.
    #[error("there is no such slot, or it is the last one")]
    NoSuchSlot,
    /// A new root key closes every slot whose key is not given.
    #[error("what opens slot {slot} was not given, and a new root key would close it")]
    SlotLeftOut {
        /// 0 to 7.
        slot: u32,
    },
    /// Another process gave the store a new root key since it was opened.
    #[error("the store was re-keyed since it was opened")]
    Rekeyed,
    /// The system's random source failed.
    #[error("the system gave no random bytes")]
    NoRandomness,
    /// The cipher refused its input.
    #[error("the private key could not be sealed")]
    Encrypt,
}

impl SealError {
    /// A stable code for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::WrongUnlockKey => "wrong_unlock_key",
            Self::Damaged | Self::SlotsDamaged => "store_corrupt",
            Self::KeyOfAnotherStore => "key_of_another_store",
            Self::WrongKind => "wrong_slot_kind",
            Self::TooMuchWork => "slot_too_much_work",
            Self::NoFreeSlot => "no_free_slot",
            Self::AlreadyOpens { .. } => "already_opens",
            Self::NoSuchSlot => "slot_not_found",
            Self::SlotLeftOut { .. } => "slot_left_out",
            Self::Rekeyed => "store_rekeyed",
            Self::NoRandomness | Self::Encrypt => "seal_failed",
        }
    }

    /// What the user can do.
    #[must_use]
    pub fn remedies(&self) -> Vec<Remedy> {
        vec![match self {
            Self::WrongUnlockKey => {
                Remedy::Advice("use the key file or passphrase of one of the store's slots")
            }
            Self::Damaged => Remedy::Restore,
            Self::SlotsDamaged => {
                return vec![Remedy::Advice("use what opens another of the store's slots"), Remedy::NewStore];
            }
            Self::TooMuchWork => return vec![Remedy::ListSlots, Remedy::NewStore],
            Self::SlotLeftOut { slot } => Remedy::KeepOrDropSlots { slots: vec![*slot] },
            Self::KeyOfAnotherStore => Remedy::GiveKeyFile,
            Self::NoFreeSlot => Remedy::RemoveSlot,
            Self::AlreadyOpens { .. } => {
                return vec![
                    Remedy::Advice("give a key or a passphrase that no slot has"),
                    Remedy::ListSlots,
                ];
            }
            Self::NoSuchSlot | Self::WrongKind => Remedy::ListSlots,
            Self::Rekeyed => Remedy::Advice("open the store again, with the unlock key of one of its slots"),
            Self::NoRandomness | Self::Encrypt => return Vec::new(),
        }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::{Password, UnlockKey};

    fn slot(root: &RootKey, unlock: &UnlockKey) -> Slot {
        root.slot(0, UnlockSource::KeyFile(String::new()), unlock.into(), 0).unwrap()
    }

    #[test]
    fn a_sealed_key_opens_only_in_its_place() {
        let unlock = UnlockKey::generate().unwrap();
        let root = RootKey::generate([1; 16], 1).unwrap();
        let slots = [slot(&root, &unlock)];
        let (www, other): (Alias, Alias) = ("www".parse().unwrap(), "other".parse().unwrap());
        let chain = [Fingerprint::from_bytes([1; 32]), Fingerprint::from_bytes([2; 32])];
        let reversed = [chain[1], chain[0]];
        let spki = Fingerprint::from_bytes([3; 32]);
        let binding = || SealBinding { alias: &www, entry: [7; 16], version: 1, spki, chain: &chain };
        let sealed = root.seal(&PrivateKey::from_pkcs8_der(b"pkcs8".to_vec()), &binding()).unwrap();
        let again =
            RootKey::unlock([1; 16], 1, &root.ledger().check_value(), &slots, (&unlock).into()).unwrap().0;
        assert_eq!(again.unseal(&sealed, &binding()).unwrap().expose_pkcs8_der(), b"pkcs8");
        for moved in [
            SealBinding { version: 2, ..binding() },
            SealBinding { alias: &other, ..binding() },
            SealBinding { chain: &chain[..1], ..binding() },
            SealBinding { chain: &reversed, ..binding() },
            SealBinding { entry: [8; 16], ..binding() },
            SealBinding { spki: chain[0], ..binding() },
        ] {
            assert_eq!(again.unseal(&sealed, &moved).err(), Some(SealError::Damaged));
        }
        let next = RootKey::of([1; 16], 2, SealingKey(Box::new(*root.root.0))).unwrap();
        assert_eq!(next.unseal(&sealed, &binding()).err(), Some(SealError::Damaged), "another epoch");
    }

    #[test]
    fn a_wrong_key_and_a_damaged_slot_are_told_apart() {
        let unlock = UnlockKey::generate().unwrap();
        let root = RootKey::generate([1; 16], 1).unwrap();
        let value = root.ledger().check_value();
        let good = slot(&root, &unlock);
        let open = |store, value: &[u8], slot: &Slot, unlock: Unlock<'_>| {
            RootKey::unlock(store, 1, value, std::slice::from_ref(slot), unlock).err()
        };
        assert_eq!(open([1; 16], &value, &good, (&unlock).into()), None);
        let wrong = UnlockKey::generate().unwrap();
        assert_eq!(open([1; 16], &value, &good, (&wrong).into()), Some(SealError::WrongUnlockKey));
        assert_eq!(open([2; 16], &value, &good, (&unlock).into()), Some(SealError::SlotsDamaged));
        assert_eq!(open([1; 16], &[0; 16], &good, (&unlock).into()), Some(SealError::SlotsDamaged));
        let mut damaged = good.clone();
        damaged.salt[0] ^= 1;
        assert_eq!(open([1; 16], &value, &damaged, (&unlock).into()), Some(SealError::SlotsDamaged));
        assert_eq!(open([1; 16], &value, &damaged, (&wrong).into()), Some(SealError::SlotsDamaged));
        let nine = vec![good; 9];
        let many = RootKey::unlock([1; 16], 1, &value, &nine, (&unlock).into()).err();
        assert_eq!(many, Some(SealError::TooMuchWork));
    }

    #[test]
    fn a_passphrase_opens_its_slot_and_asks_for_bounded_work() {
        let (phrase, wrong) = (Password::new("correct horse").unwrap(), Password::new("wrong").unwrap());
        let root = RootKey::generate([1; 16], 1).unwrap();
        let slot = root.slot(3, UnlockSource::Passphrase, (&phrase).into(), 0).unwrap();
        assert_eq!(slot.cost, Some(Cost { memory: 65_536, passes: 3, lanes: 4 }));
        assert!(root.fits(&slot, (&phrase).into()).unwrap());
        assert!(!root.fits(&slot, (&wrong).into()).unwrap());
        let key = UnlockKey::generate().unwrap();
        assert!(!root.fits(&slot, (&key).into()).unwrap());
        for cost in [
            Cost { memory: (1 << 20) + 1, passes: 1, lanes: 1 },
            Cost { memory: 1 << 10, passes: 17, lanes: 1 },
            Cost { memory: 1 << 10, passes: 1, lanes: 17 },
        ] {
            let greedy = Slot { cost: Some(cost), ..slot.clone() };
            assert_eq!(root.fits(&greedy, (&phrase).into()), Err(SealError::TooMuchWork));
        }
        // Each of them is bounded, all of them together are not.
        let costly = Slot { cost: Some(Cost { memory: 1 << 20, passes: 3, lanes: 4 }), ..slot };
        let value = root.ledger().check_value();
        let both = RootKey::unlock([1; 16], 1, &value, &[costly.clone(), costly], (&wrong).into()).err();
        assert_eq!(both, Some(SealError::TooMuchWork));
        let refused = root.slot(0, UnlockSource::Passphrase, (&key).into(), 0);
        assert_eq!(refused.err(), Some(SealError::WrongKind));
    }
}
