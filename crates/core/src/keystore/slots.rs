//! What unlocks a keystore: slots, passphrases, and a new root key.

use std::sync::Arc;

use rustls_pki_types::UnixTime;

use super::{
    Keystore, open_row,
    protocol::{Asked, LogNote, Step},
    seconds,
    shared::Writer,
    unseal,
};
use crate::{
    error::Error,
    seal::{MAX_SLOTS, RootKey, SealError, Slot, SlotReport, Unlock, UnlockSource},
    secret::UnlockKey,
    store::{Action, CommitOutcome, Event, Happened, LongChange, Mark, StoreError},
};

/// The longest label of a slot, in characters.
const MAX_LABEL: usize = 64;

/// A slot that a new root key is to have.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct KeptSlot<'a> {
    /// 0 to 7.
    pub number: u32,
    /// Where its key is kept.
    pub source: UnlockSource,
    /// What its owner calls it.
    pub label: Option<String>,
    /// What opens it.
    pub unlock: Unlock<'a>,
}

impl<'a> KeptSlot<'a> {
    /// Slot `number`, opened by `unlock`.
    #[must_use]
    pub fn new(number: u32, source: UnlockSource, unlock: impl Into<Unlock<'a>>) -> Self {
        Self { number, source, label: None, unlock: unlock.into() }
    }

    /// The slot that a report tells of, opened by `unlock` as before.
    #[must_use]
    pub fn of(report: &SlotReport, unlock: impl Into<Unlock<'a>>) -> Self {
        let (source, label) = (report.source.clone(), report.label.clone());
        Self { number: report.number, source, label, unlock: unlock.into() }
    }
}

impl Keystore {
    /// The slots: what opens the store.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn slots(&self) -> Result<Vec<SlotReport>, Error> {
        Ok(self.reading(|read| read.slots())?.iter().map(SlotReport::of).collect())
    }

    /// Whether `unlock` opens a slot.
    ///
    /// # Errors
    ///
    /// [`SealError::NoSuchSlot`].
    pub fn slot_opens<'u>(&self, number: u32, unlock: impl Into<Unlock<'u>>) -> Result<bool, Error> {
        let slots = self.reading(|read| read.slots())?;
        let slot = slots.iter().find(|slot| slot.number == number).ok_or(SealError::NoSuchSlot)?;
        Ok(self.shared.root().fits(slot, unlock.into())?)
    }

    /// A new key for a slot of this store: its file says that it is for no other.
    ///
    /// # Errors
    ///
    /// [`InvalidSecret`](crate::InvalidSecret) if the system gives no random bytes.
    pub fn generate_key(&self) -> Result<UnlockKey, Error> {
        Ok(UnlockKey::generate()?.bound_to(*self.shared.root().ledger().store()))
    }

    /// Adds a slot, so that `unlock` opens the store as well; gives its number.
    ///
    /// # Errors
    ///
    /// [`SealError::NoFreeSlot`], or another if the store cannot be written.
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
                let slot = Slot { label, ..by.root.slot(number, source, unlock, by.at)? };
                write.put_slot(&slot);
                let note = LogNote::plain(number.to_string(), Happened::Opens(slot.source.kind()));
                Ok(Step::Changed(slot, note))
            },
            |read, root, slot| Ok(is_there(&read.slots()?, slot) && root.fits(slot, unlock)?),
        )?;
        Ok(slot.number)
    }

    /// Removes a slot; the last one stays. Older copies of the store still open with it, until the store is re-keyed.
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
                let slots = write.as_read().slots()?;
                if slots.len() < 2 || slots.iter().all(|slot| slot.number != number) {
                    return Err(SealError::NoSuchSlot.into());
                }
                write.remove_slot(number);
                Ok(Step::Changed((), LogNote::plain(number.to_string(), Happened::Removed)))
            },
            |read, _, ()| Ok(read.slots()?.iter().all(|slot| slot.number != number)),
        )?;
        // What opened the store once must not lie in the log or in a free page.
        self.compact()
    }

    /// Replaces the slot that `old` opens by one that `new` opens: the work is the same whatever the store holds. Older
    /// copies of the store still open with `old`, until the store is re-keyed.
    ///
    /// # Errors
    ///
    /// [`SealError::WrongUnlockKey`] if `old` opens no slot.
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
                let mut found = None;
                for slot in write.as_read().slots()? {
                    if found.is_none() && by.root.fits(&slot, old)? {
                        found = Some(slot);
                    }
                }
                let former = found.ok_or(SealError::WrongUnlockKey)?;
                let slot = Slot { label: former.label, ..by.root.slot(former.number, source, new, by.at)? };
                write.put_slot(&slot);
                let note = LogNote::plain(slot.number.to_string(), Happened::Opens(slot.source.kind()));
                Ok(Step::Changed(slot, note))
            },
            |read, root, slot| Ok(is_there(&read.slots()?, slot) && root.fits(slot, new)?),
        )?;
        self.shared.write(|writer| Ok(writer.store.truncate_log()?))?;
        Ok(slot.number)
    }

    /// Gives the store a new root key, seals everything anew, in one transaction, and leaves nothing of the former in the
    /// file. Only `keep` open it from then on. Former versions and removed entries are sealed anew with the rest. Other processes go on where they know what opens the store.
    ///
    /// # Errors
    ///
    /// [`SealError::NoSuchSlot`] if `keep` is empty or names a number twice, [`SealError::NoFreeSlot`] if it has more than
    /// eight; [`StoreError::Corrupt`] if anything in the store is not authentic: it is then as it was.
    /// [`StoreError::NotCompacted`] if the new root key is in force, and there was no room to rewrite the file, or a reader
    /// holds what was in it.
    pub fn rekey(&self, keep: &[KeptSlot<'_>], at: UnixTime) -> Result<(), Error> {
        let asked = Asked { action: Action::Rekey, about: "", at: seconds(at) };
        let done = self.go_over(keep, asked.at);
        self.log_refusal(asked, done)?;
        self.compact()
    }

    fn go_over(&self, keep: &[KeptSlot<'_>], at: i64) -> Result<(), Error> {
        let numbers: std::collections::BTreeSet<u32> = keep.iter().map(|slot| slot.number).collect();
        if keep.is_empty() || numbers.len() < keep.len() {
            return Err(SealError::NoSuchSlot.into());
        }
        if keep.len() > MAX_SLOTS
            || keep.iter().any(|slot| usize::try_from(slot.number).unwrap_or(8) >= MAX_SLOTS)
        {
            return Err(SealError::NoFreeSlot.into());
        }
        self.still_there()?;
        // Who waits for the lock meanwhile waits on.
        let _long = self.shared.origin.path().map(LongChange::begin).transpose()?;
        let event = Event {
            at,
            actor: self.actor.to_string(),
            action: Action::Rekey,
            alias: String::new(),
            fingerprint: String::new(),
            outcome: Happened::Rekeyed,
        };
        self.shared.write(|writer| writer.rekey(keep, event))
    }
}

impl Writer<'_> {
    fn rekey(&mut self, keep: &[KeptSlot<'_>], event: Event) -> Result<(), Error> {
        if let Err(StoreError::Seal(SealError::Rekeyed)) = self.store.read().map(drop) {
            self.renew()?;
        }
        let former = Arc::clone(&self.root);
        let root = Arc::new(former.next()?);
        let slots: Result<Vec<Slot>, SealError> = keep
            .iter()
            .map(|kept| {
                let slot = root.slot(kept.number, kept.source.clone(), kept.unlock, event.at)?;
                // What does not open again would be found out too late.
                if !root.fits(&slot, kept.unlock)? {
                    return Err(SealError::Encrypt);
                }
                Ok(Slot { label: kept.label.clone(), ..slot })
            })
            .collect();
        let slots = slots?;
        self.announce(&root);
        let done = self.store.rekey(
            &root.ledger(),
            &slots,
            &|row| {
                let Some(key) = unseal(&former, row)? else {
                    return Ok(None);
                };
                let chain = row.content.fingerprints();
                let binding = row.binding(&chain).ok_or(SealError::Damaged)?;
                let sealed = root.seal(&key, &binding)?;
                root.unseal(&sealed, &binding)?;
                Ok(Some(sealed))
            },
            event,
        );
        self.finish_rekey(done, former, root)?;
        self.whole_again(&slots)
    }

    /// The commit of a re-key is treated as any other: in doubt, it may have happened.
    fn finish_rekey(
        &mut self,
        done: Result<Mark, StoreError>,
        former: Arc<RootKey>,
        root: Arc<RootKey>,
    ) -> Result<(), Error> {
        match done {
            Ok(mark) => {
                self.go_on_with(root);
                self.finish_commit(Ok(mark))
            }
            Err(StoreError::OutcomeUnknown(uncertain)) => {
                // What is in force decides which key reads the log again.
                self.store.set_ledger(root.ledger());
                let uncertain = self.store.look_again(uncertain);
                if uncertain.seen() == CommitOutcome::Present {
                    self.go_on_with(root);
                    return Err(StoreError::OutcomeUnknown(uncertain).into());
                }
                self.go_on_with(former);
                let uncertain = self.store.look_again(uncertain);
                Err(StoreError::OutcomeUnknown(uncertain).into())
            }
            Err(other) => {
                self.go_on_with(former);
                self.finish_commit(Err(other))
            }
        }
    }

    /// Everything is read once more, as whoever opens the store next will read it.
    fn whole_again(&mut self, slots: &[Slot]) -> Result<(), Error> {
        let root = Arc::clone(&self.root);
        let report = self.store.verify(&mut |row, found| {
            let alias = row.head.alias.to_string();
            if row.content.sealed.is_some()
                && let Err(error) = open_row(&root, &row)
            {
                found.problem(&alias, error.to_string());
            }
        });
        let kept = self.store.view(|read| read.slots());
        match (report, kept) {
            (Ok(report), Ok(kept))
                if report.problems.is_empty()
                    && kept.len() == slots.len()
                    && slots.iter().all(|slot| is_there(&kept, slot)) =>
            {
                Ok(())
            }
            // Another process has re-keyed the store since.
            (Err(StoreError::Seal(SealError::Rekeyed)), _) => Ok(()),
            _ => Err(StoreError::unread().into()),
        }
    }
}

fn is_there(slots: &[Slot], wanted: &Slot) -> bool {
    slots.iter().any(|slot| slot.number == wanted.number && slot.wrapped == wanted.wrapped)
}
