//! What unlocks a keystore: slots, passphrases, and a new root key.

use std::sync::Arc;

use rustls_pki_types::UnixTime;

use super::{Keystore, event_of, seconds, unseal};
use crate::{
    error::Error,
    seal::{MAX_SLOTS, RootKey, SealError, Slot, SlotReport, Unlock, UnlockSource},
    store::{Event, Point, StoreError},
};

impl Keystore {
    /// The slots: what opens the store.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn slots(&mut self) -> Result<Vec<SlotReport>, Error> {
        Ok(self.store.view(|read| read.slots())?.iter().map(SlotReport::of).collect())
    }

    /// Whether `unlock` opens a slot.
    ///
    /// # Errors
    ///
    /// [`SealError::NoSuchSlot`].
    pub fn slot_opens<'u>(&mut self, number: u32, unlock: impl Into<Unlock<'u>>) -> Result<bool, Error> {
        let slots = self.store.view(|read| read.slots())?;
        let slot = slots.iter().find(|slot| slot.number == number).ok_or(SealError::NoSuchSlot)?;
        Ok(self.root.fits(slot, unlock.into())?)
    }

    /// Adds a slot, so that `unlock` opens the store as well; gives its number.
    ///
    /// # Errors
    ///
    /// [`SealError::NoFreeSlot`], or another if the store cannot be written.
    pub fn add_slot<'u>(
        &mut self,
        source: UnlockSource,
        unlock: impl Into<Unlock<'u>>,
        at: UnixTime,
    ) -> Result<u32, Error> {
        let unlock = unlock.into();
        let taken: Vec<u32> = self.slots()?.iter().map(|slot| slot.number).collect();
        let limit = u32::try_from(MAX_SLOTS).unwrap_or(8);
        let number = (0..limit).find(|number| !taken.contains(number)).ok_or(SealError::NoFreeSlot)?;
        let slot = self.root.slot(number, source, unlock, seconds(at))?;
        self.store_slot(&slot, "slot-add", seconds(at))?;
        Ok(number)
    }

    /// Removes a slot; the last one stays.
    ///
    /// # Errors
    ///
    /// [`SealError::NoSuchSlot`], or [`StoreError::NotCompacted`] if the slot is gone, and there was no room to rewrite the
    /// file.
    pub fn remove_slot(&mut self, number: u32, at: UnixTime) -> Result<(), Error> {
        let actor = self.actor.clone();
        let name = number.to_string();
        let event = Event { alias: &name, outcome: "removed", ..event_of("slot-rm", &actor, seconds(at)) };
        let write = self.store.write()?;
        let slots = write.as_read().slots()?;
        if slots.len() < 2 || slots.iter().all(|slot| slot.number != number) {
            return Err(SealError::NoSuchSlot.into());
        }
        write.remove_slot(number)?;
        let done = write.commit(&event);
        self.settle(done)?;
        // What opened the store once must not lie in the log or in a free page.
        Ok(self.store.compact()?)
    }

    /// Replaces the slot that `old` opens by one that `new` opens: the work is the same whatever the store holds.
    ///
    /// # Errors
    ///
    /// [`SealError::WrongUnlockKey`] if `old` opens no slot.
    pub fn change_unlock<'u>(
        &mut self,
        old: impl Into<Unlock<'u>>,
        source: UnlockSource,
        new: impl Into<Unlock<'u>>,
        at: UnixTime,
    ) -> Result<u32, Error> {
        let old = old.into();
        let slots = self.store.view(|read| read.slots())?;
        let mut number = None;
        for slot in &slots {
            if number.is_none() && self.root.fits(slot, old)? {
                number = Some(slot.number);
            }
        }
        let number = number.ok_or(SealError::WrongUnlockKey)?;
        let slot = self.root.slot(number, source, new.into(), seconds(at))?;
        self.store_slot(&slot, "passwd", seconds(at))?;
        self.store.truncate_log();
        Ok(number)
    }

    fn store_slot(&mut self, slot: &Slot, action: &str, at: i64) -> Result<(), Error> {
        let actor = self.actor.clone();
        let name = slot.number.to_string();
        let event = Event { alias: &name, outcome: slot.source.kind(), ..event_of(action, &actor, at) };
        let write = self.store.write()?;
        write.put_slot(slot)?;
        let done = write.commit(&event);
        self.settle(done)
    }

    /// Gives the store a new root key, seals and authenticates everything anew, in one transaction, and leaves nothing
    /// of the former in the file. Only `keep` open it from then on. Other processes that have it open must
    /// unlock it again.
    ///
    /// # Errors
    ///
    /// [`SealError::NoSuchSlot`] if `keep` is empty, [`SealError::NoFreeSlot`] if it has more than eight;
    /// [`StoreError::Corrupt`] if anything in the store is not authentic: it is then as it was.
    /// [`StoreError::NotCompacted`] if the new root key is in force, and there was no room to rewrite the file.
    pub fn rekey(&mut self, keep: &[(UnlockSource, Unlock<'_>)], at: UnixTime) -> Result<(), Error> {
        let at = seconds(at);
        if keep.is_empty() {
            return Err(SealError::NoSuchSlot.into());
        }
        if keep.len() > MAX_SLOTS {
            return Err(SealError::NoFreeSlot.into());
        }
        let former = Arc::clone(&self.root);
        let root = former.next()?;
        let slots: Result<Vec<Slot>, SealError> = (0_u32..)
            .zip(keep)
            .map(|(number, (source, unlock))| root.slot(number, source.clone(), *unlock, at))
            .collect();
        let actor = self.actor.clone();
        let event = Event { outcome: "rekeyed", ..event_of("rekey", &actor, at) };
        let done = self.store.rekey(
            &root.ledger(),
            &slots?,
            &|row| {
                let Some(key) = unseal(&former, row)? else {
                    return Ok(None);
                };
                let chain = row.content.fingerprints();
                let place = row.place(&chain).ok_or(SealError::Damaged)?;
                root.seal(&key, &place).map(Some)
            },
            &event,
        );
        self.settle_rekey(done, root)?;
        Ok(self.store.compact()?)
    }

    fn settle_rekey(&mut self, done: Result<Point, StoreError>, root: RootKey) -> Result<(), Error> {
        if done.is_ok() {
            self.root = Arc::new(root);
        }
        self.settle(done)
    }
}
