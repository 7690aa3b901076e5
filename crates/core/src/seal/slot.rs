//! Slots: the root key, wrapped once for each way to unlock the store.

use argon2::{Algorithm, Argon2, Params, Version};
use rustls_pki_types::UnixTime;
use sha2::{Digest as _, Sha256};

use super::{
    FORMAT, RootKey, SealError, StoreId, Unlock, UnlockSource,
    cipher::{SealingKey, fields, random_id},
};
use crate::instant;

/// The most slots that a store has.
pub const MAX_SLOTS: usize = 8;

/// The cost of Argon2id (RFC 9106): memory in KiB, passes, lanes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Cost {
    pub(crate) memory: u32,
    pub(crate) passes: u32,
    pub(crate) lanes: u32,
}

impl Cost {
    /// The second recommendation of RFC 9106, section 4.
    const DEFAULT: Self = Self { memory: 64 * 1024, passes: 3, lanes: 4 };
    /// The most that is done for a store's asking: somebody may have changed it.
    const MOST: Self = Self { memory: 1 << 20, passes: 16, lanes: 16 };

    /// Whether it is the one that is written: another was put there by somebody else.
    pub(crate) fn is_default(self) -> bool {
        self == Self::DEFAULT
    }

    fn is_bounded(self) -> bool {
        let most = Self::MOST;
        self.memory <= most.memory && self.passes <= most.passes && self.lanes <= most.lanes
    }
}

/// The most work for all slots together: memory in KiB times passes. Eight of [`Cost::DEFAULT`] are a third of it.
const MOST_WORK: u64 = 4 << 20;

/// Judges what all slots ask for, before any of it is done: somebody may have changed them.
pub(super) fn bounded(slots: &[Slot]) -> Result<(), SealError> {
    let costs = || slots.iter().filter_map(|slot| slot.cost);
    let work =
        costs().fold(0_u64, |sum, cost| sum.saturating_add(u64::from(cost.memory) * u64::from(cost.passes)));
    if slots.len() > MAX_SLOTS || work > MOST_WORK || !costs().all(Cost::is_bounded) {
        return Err(SealError::TooMuchWork);
    }
    Ok(())
}

/// The root key as it is stored: wrapped under a key derived from an unlock key or a passphrase.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub(crate) number: u32,
    pub(crate) source: UnlockSource,
    /// What its owner calls it.
    pub(crate) label: Option<String>,
    pub(crate) salt: Vec<u8>,
    /// Only for a passphrase.
    pub(crate) cost: Option<Cost>,
    pub(crate) wrapped: Vec<u8>,
    pub(crate) created_at: i64,
    /// SHA-256 over the rest: tells damage from a wrong key before there is a key.
    pub(crate) checksum: Vec<u8>,
}

impl Slot {
    /// Wraps `root` as slot `number`.
    pub(super) fn wrap(
        store: &StoreId,
        epoch: u32,
        root: &SealingKey,
        number: u32,
        source: UnlockSource,
        unlock: Unlock<'_>,
        at: i64,
    ) -> Result<Self, SealError> {
        // Such a slot would never open: a key for another store is refused before a slot is looked at.
        if unlock.store().is_some_and(|of| of != *store) {
            return Err(SealError::KeyOfAnotherStore);
        }
        let cost = match (&source, unlock) {
            (UnlockSource::Passphrase, Unlock::Passphrase(_)) => Some(Cost::DEFAULT),
            (UnlockSource::Passphrase, _) | (_, Unlock::Passphrase(_)) => return Err(SealError::WrongKind),
            _ => None,
        };
        let mut slot = Self {
            number,
            source,
            label: None,
            salt: [random_id()?, random_id()?].concat(),
            cost,
            wrapped: Vec::new(),
            created_at: at,
            checksum: Vec::new(),
        };
        let kek = slot.key(unlock)?.ok_or(SealError::WrongKind)?;
        slot.wrapped = kek.encrypt(root.0.as_ref(), &slot.data(store, epoch))?;
        slot.checksum = slot.sum(store, epoch);
        Ok(slot)
    }

    /// The root key, if `unlock` fits.
    pub(super) fn open(
        &self,
        store: &StoreId,
        epoch: u32,
        unlock: Unlock<'_>,
    ) -> Result<Option<SealingKey>, SealError> {
        let Some(kek) = self.key(unlock)? else {
            return Ok(None);
        };
        Ok(kek.unwrap_key(&self.wrapped, &self.data(store, epoch)))
    }

    /// Whether the slot is as it was written. Without a key, only accidents are seen.
    pub(super) fn is_whole(&self, store: &StoreId, epoch: u32) -> bool {
        self.sum(store, epoch) == self.checksum
    }

    /// The key that wraps the root key; `None` if the slot is of another kind than `unlock`.
    fn key(&self, unlock: Unlock<'_>) -> Result<Option<SealingKey>, SealError> {
        match (unlock, self.cost) {
            (Unlock::Key(key), None) => {
                // EXPOSE: input of the key derivation.
                SealingKey::derive(
                    FORMAT,
                    key.expose(),
                    &self.salt,
                    &[b"slot", self.source.kind().as_bytes()],
                )
                .map(Some)
            }
            (Unlock::Passphrase(passphrase), Some(cost)) => {
                if !cost.is_bounded() {
                    return Err(SealError::TooMuchWork);
                }
                let params = Params::new(cost.memory, cost.passes, cost.lanes, Some(32))
                    .map_err(|_| SealError::Damaged)?;
                let mut key = SealingKey(Box::new([0; 32]));
                // EXPOSE: input of the key derivation.
                Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
                    .hash_password_into(passphrase.expose().as_bytes(), &self.salt, key.0.as_mut())
                    .map_err(|_| SealError::Encrypt)?;
                Ok(Some(key))
            }
            _ => Ok(None),
        }
    }

    fn data(&self, store: &StoreId, epoch: u32) -> Vec<u8> {
        let [memory, passes, lanes] = self.costs();
        fields(
            FORMAT,
            &[
                b"slot",
                store,
                &epoch.to_be_bytes(),
                &self.number.to_be_bytes(),
                self.source.kind().as_bytes(),
                self.source.name().as_bytes(),
                &self.salt,
                &memory,
                &passes,
                &lanes,
                &self.created_at.to_be_bytes(),
            ],
        )
    }

    fn sum(&self, store: &StoreId, epoch: u32) -> Vec<u8> {
        let mut digest = Sha256::new_with_prefix(self.data(store, epoch));
        digest.update(&self.wrapped);
        digest.finalize().to_vec()
    }

    fn costs(&self) -> [[u8; 4]; 3] {
        self.cost.map_or([[0; 4]; 3], |cost| [cost.memory, cost.passes, cost.lanes].map(u32::to_be_bytes))
    }
}

/// A slot as people see it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SlotReport {
    /// 0 to 7.
    pub number: u32,
    /// Where its key is kept.
    pub source: UnlockSource,
    /// What its owner calls it.
    pub label: Option<String>,
    /// When it was made.
    pub created_at: UnixTime,
}

impl SlotReport {
    pub(crate) fn of(slot: &Slot) -> Self {
        Self {
            number: slot.number,
            source: slot.source.clone(),
            label: slot.label.clone(),
            created_at: instant::at(slot.created_at),
        }
    }
}

impl RootKey {
    /// A new slot for this root key.
    pub(crate) fn slot(
        &self,
        number: u32,
        source: UnlockSource,
        unlock: Unlock<'_>,
        at: i64,
    ) -> Result<Slot, SealError> {
        Slot::wrap(&self.store, self.epoch, &self.root, number, source, unlock, at)
    }

    /// Whether `unlock` opens `slot`.
    pub(crate) fn fits(&self, slot: &Slot, unlock: Unlock<'_>) -> Result<bool, SealError> {
        Ok(slot.open(&self.store, self.epoch, unlock)?.is_some())
    }
}
