//! What unlocks a keystore: slots and passphrases.

use rustls_pki_types::UnixTime;

use super::{
    Keystore,
    protocol::{Asked, LogNote, Step},
};
use crate::{
    error::Error,
    instant::seconds,
    seal::{MAX_SLOTS, RootKey, SealError, Slot, SlotReport, Unlock, UnlockSource},
    secret::UnlockKey,
    store::{Action, Happened, StoreError},
};

/// The longest label of a slot, in characters.
const MAX_LABEL: usize = 64;

/// A slot by its number, or why it cannot be shown: [`StoreError::SlotDamaged`].
pub type ListedSlot = (u32, Result<SlotReport, StoreError>);

impl Keystore {
    /// The slots: what opens the store.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn slots(&self) -> Result<Vec<SlotReport>, Error> {
        Ok(self.reading(|read| read.slots())?.iter().map(SlotReport::of).collect())
    }

    /// The same list with those that do not prove themselves in their place, and what was put among them.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn slot_listing(&self) -> Result<Vec<ListedSlot>, Error> {
        let rows = self.reading(|read| read.slot_rows())?;
        Ok(rows.into_iter().map(|(number, slot)| (number, slot.map(|slot| SlotReport::of(&slot)))).collect())
    }

    /// Whether `unlock` opens a slot.
    ///
    /// # Errors
    ///
    /// [`SealError::NoSuchSlot`]; [`StoreError::SlotDamaged`] if the slot does not prove itself.
    pub fn slot_opens<'u>(&self, number: u32, unlock: impl Into<Unlock<'u>>) -> Result<bool, Error> {
        let slots = self.reading(|read| read.slot_rows())?;
        let slot = slots.into_iter().find(|(of, _)| *of == number).ok_or(SealError::NoSuchSlot)?.1?;
        Ok(self.shared.root().fits(&slot, unlock.into())?)
    }

    /// The first slot that `unlock` opens; `None` if it opens none that proves itself.
    ///
    /// # Errors
    ///
    /// [`SealError::TooMuchWork`], or [`StoreError`] if the store cannot be read.
    pub fn slot_of<'u>(&self, unlock: impl Into<Unlock<'u>>) -> Result<Option<u32>, Error> {
        let rows = self.reading(|read| read.slot_rows())?;
        let slots: Vec<Slot> = rows.into_iter().filter_map(|(_, slot)| slot.ok()).collect();
        let found = opened_by(&self.shared.root(), &slots, unlock.into())?;
        Ok(found.map(|slot| slot.number))
    }

    /// A new key for a slot of this store: its file says that it is for no other.
    ///
    /// # Errors
    ///
    /// [`InvalidSecret`](crate::secret::InvalidSecret) if the system gives no random bytes.
    pub fn generate_key(&self) -> Result<UnlockKey, Error> {
        Ok(UnlockKey::generate()?.bound_to(*self.shared.root().ledger().store()))
    }

    /// Adds a slot, so that `unlock` opens the store as well; gives its number.
    ///
    /// # Errors
    ///
    /// [`SealError::NoFreeSlot`], [`SealError::AlreadyOpens`], or another if the store cannot be written.
    pub fn add_slot<'u>(
        &self,
        source: UnlockSource,
        unlock: impl Into<Unlock<'u>>,
        at: UnixTime,
    ) -> Result<u32, Error> {
        self.add_labelled_slot(source, None, unlock, at)
    }

    /// The same with a name by which its owner knows it again: at most 64 characters.
    ///
    /// # Errors
    ///
    /// As for [`add_slot`](Self::add_slot); [`StoreError::InvalidValue`] for another label.
    pub fn add_labelled_slot<'u>(
        &self,
        source: UnlockSource,
        label: Option<&str>,
        unlock: impl Into<Unlock<'u>>,
        at: UnixTime,
    ) -> Result<u32, Error> {
        if label.is_some_and(|label| label.is_empty() || label.chars().count() > MAX_LABEL) {
            let reason = format!("the label of a slot has 1 to {MAX_LABEL} characters");
            return Err(StoreError::InvalidValue { reason }.into());
        }
        let (unlock, label) = (unlock.into(), label.map(str::to_owned));
        let asked = Asked { action: Action::SlotAdd, about: "", at: seconds(at) };
        let slot = self.change(
            asked,
            // The number is chosen with the lock held: two who add at once get two.
            move |write, by| {
                let slots = write.as_read().slots()?;
                let limit = u32::try_from(MAX_SLOTS).unwrap_or(8);
                let free = (0..limit).find(|number| slots.iter().all(|slot| slot.number != *number));
                let number = free.ok_or(SealError::NoFreeSlot)?;
                if let Some(present) = opened_by(by.root, &slots, unlock)? {
                    return Err(SealError::AlreadyOpens { slot: present.number }.into());
                }
                let slot = Slot { label, ..by.root.slot(number, source, unlock, by.at)? };
                write.put_slot(&slot);
                let note = LogNote::plain(number.to_string(), Happened::Opens(slot.source.kind()));
                Ok(Step::Changed(slot, note))
            },
            |read, root, slot| Ok(is_there(&read.slots()?, slot) && root.fits(slot, unlock)?),
        )?;
        Ok(slot.number)
    }

    /// Removes a slot, whole or damaged; the last one that is whole stays. What opened it still opens older copies, and
    /// with their root key this store, until it is re-keyed.
    ///
    /// # Errors
    ///
    /// [`SealError::NoSuchSlot`], or [`StoreError::NotCompacted`] if the slot is gone, and there was no room to rewrite the
    /// file, or a reader holds what was in it.
    pub fn remove_slot(&self, number: u32, at: UnixTime) -> Result<(), Error> {
        let name = number.to_string();
        let asked = Asked { action: Action::SlotRemove, about: &name, at: seconds(at) };
        self.change(
            asked,
            |write, _| {
                let slots = write.as_read().slot_rows()?;
                let others = slots.iter().any(|(of, slot)| *of != number && slot.is_ok());
                if !others || slots.iter().all(|(of, _)| *of != number) {
                    return Err(SealError::NoSuchSlot.into());
                }
                write.remove_slot(number);
                Ok(Step::Changed((), LogNote::plain(number.to_string(), Happened::Removed)))
            },
            |read, _, ()| Ok(read.slot_rows()?.iter().all(|(of, _)| *of != number)),
        )?;
        // What opened the store once must not lie in the log or in a free page.
        self.compact()
    }

    /// Replaces the slot that `old` opens by one that `new` opens: the work is the same whatever the store holds. `old`
    /// still opens older copies, and with their root key this store, until it is re-keyed. `new` may be `old` itself, which
    /// is wrapped again then.
    ///
    /// # Errors
    ///
    /// [`SealError::WrongUnlockKey`] if `old` opens no slot, [`SealError::AlreadyOpens`] if `new` opens another one.
    pub fn change_unlock<'u>(
        &self,
        old: impl Into<Unlock<'u>>,
        source: UnlockSource,
        new: impl Into<Unlock<'u>>,
        at: UnixTime,
    ) -> Result<u32, Error> {
        let (old, new) = (old.into(), new.into());
        let asked = Asked { action: Action::ChangeUnlock, about: "", at: seconds(at) };
        let slot = self.change(
            asked,
            // Looked for with the lock held: another may have changed it meanwhile.
            move |write, by| {
                let slots = write.as_read().slots()?;
                let former = opened_by(by.root, &slots, old)?.ok_or(SealError::WrongUnlockKey)?;
                if let Some(other) =
                    opened_by(by.root, &slots, new)?.filter(|other| other.number != former.number)
                {
                    return Err(SealError::AlreadyOpens { slot: other.number }.into());
                }
                let label = former.label.clone();
                let slot = Slot { label, ..by.root.slot(former.number, source, new, by.at)? };
                write.put_slot(&slot);
                let note = LogNote::plain(slot.number.to_string(), Happened::Opens(slot.source.kind()));
                Ok(Step::Changed(slot, note))
            },
            |read, root, slot| Ok(is_there(&read.slots()?, slot) && root.fits(slot, new)?),
        )?;
        self.shared.write(|writer| Ok(writer.store.truncate_log()?))?;
        Ok(slot.number)
    }
}

/// The first of the slots that something opens.
fn opened_by<'s>(
    root: &RootKey,
    slots: &'s [Slot],
    unlock: Unlock<'_>,
) -> Result<Option<&'s Slot>, SealError> {
    for slot in slots {
        if root.fits(slot, unlock)? {
            return Ok(Some(slot));
        }
    }
    Ok(None)
}

/// Whether a slot stands there as it was written.
pub(super) fn is_there(slots: &[Slot], wanted: &Slot) -> bool {
    slots.iter().any(|slot| slot.number == wanted.number && slot.wrapped == wanted.wrapped)
}
