//! A new root key.

use std::{collections::BTreeSet, sync::Arc};

use rustls_pki_types::UnixTime;

use super::{
    Keystore, maintenance::prove, protocol::Asked, reseal::Between, shared::Writer, slots::is_there,
};
use crate::{
    error::Error,
    instant::seconds,
    seal::{RootKey, SealError, Slot, SlotReport, Unlock, UnlockSource},
    store::{Action, CommitOutcome, Event, Happened, Mark, Read, StoreError, engine::LongChange},
    trace::{Operation, traced},
};

/// A slot that stays under a new root key.
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
    /// Gives the store a new root key, seals everything under it, in one transaction, and leaves nothing of the former in the
    /// file. Every slot has to be in `keep`, opened by what opens it now: a new root key closes what is left out. Former
    /// versions and removed entries are sealed again with the rest. Other processes go on where they know what opens the
    /// store.
    ///
    /// # Errors
    ///
    /// [`SealError::SlotLeftOut`] with the first slot that is not kept, or by something that does not open it;
    /// [`SealError::NoSuchSlot`] if `keep` is empty, names a number twice or one that the store does not have;
    /// [`StoreError::Corrupt`] if anything in the store is not authentic: it is then as it was.
    /// [`StoreError::NotCompacted`] if the new root key is in force, and there was no room to rewrite the file, or a reader
    /// holds what was in it.
    pub fn rekey(&self, keep: &[KeptSlot<'_>], at: UnixTime) -> Result<(), Error> {
        self.rekey_dropping(keep, &[], at)
    }

    /// The same without the slots whose numbers are in `drop`, whole or damaged: nothing opens them any more.
    ///
    /// # Errors
    ///
    /// As for [`rekey`](Self::rekey); [`SealError::NoSuchSlot`] also if `drop` names a number that is kept, or one that the
    /// store does not have.
    pub fn rekey_dropping(&self, keep: &[KeptSlot<'_>], drop: &[u32], at: UnixTime) -> Result<(), Error> {
        let asked = Asked { action: Action::Rekey, about: "", at: seconds(at) };
        let checked = well_formed(keep, drop).map_err(Error::from);
        self.log_refusal(asked, checked)?;
        self.still_there()?;
        // Who waits for the lock meanwhile waits on, also while the file is rewritten.
        let announced = self.shared.announce(LongChange::Rekey)?;
        let event = Event {
            at: asked.at,
            actor: self.actor.to_string(),
            action: Action::Rekey,
            alias: String::new(),
            fingerprint: String::new(),
            outcome: Happened::Rekeyed,
        };
        let done =
            traced(Operation::Rekey, None, || self.shared.write(|writer| writer.rekey(keep, drop, &event)));
        let done = done.and_then(|()| self.compact());
        std::mem::drop(announced);
        self.log_refusal(asked, done)
    }
}

impl Writer<'_> {
    fn rekey(&mut self, keep: &[KeptSlot<'_>], drop: &[u32], event: &Event) -> Result<(), Error> {
        let mut renewed = false;
        loop {
            let former = Arc::clone(&self.root);
            let root = Arc::new(former.next()?);
            let slots = rewrapped(&root, keep, event.at)?;
            self.announce(&root);
            let done = self.store.rekey(
                &root.ledger(),
                &slots,
                &|read| none_left_out(read, &former, keep, drop),
                &Between { from: &former, to: &root },
                event.clone(),
            );
            match done {
                // Another process re-keyed the store, perhaps while this one waited for it.
                Err(StoreError::Seal(SealError::Rekeyed)) if !renewed => {
                    renewed = true;
                    self.renew()?;
                }
                done => {
                    let seq = done.as_ref().map(|mark| mark.seq).unwrap_or_default();
                    self.finish_rekey(done, former, root)?;
                    return self.whole_again(&slots, seq);
                }
            }
        }
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
    fn whole_again(&mut self, slots: &[Slot], seq: i64) -> Result<(), Error> {
        let root = Arc::clone(&self.root);
        let report = self.store.verify(&mut |sealed, found| prove(&root, sealed, found));
        let kept = self.store.view(|read| Ok((read.seq(), read.slots()?)));
        match (report, kept) {
            (Ok(report), Ok((now, kept)))
                if report.problems.is_empty()
                    // Another may have changed a slot since.
                    && (now != seq
                        || kept.len() == slots.len() && slots.iter().all(|slot| is_there(&kept, slot))) =>
            {
                Ok(())
            }
            // Another process has re-keyed the store since.
            (Err(StoreError::Seal(SealError::Rekeyed)), _)
            | (_, Err(StoreError::Seal(SealError::Rekeyed))) => Ok(()),
            _ => Err(StoreError::unread().into()),
        }
    }
}

/// What can be said of a request before the store is looked at.
fn well_formed(keep: &[KeptSlot<'_>], drop: &[u32]) -> Result<(), SealError> {
    let numbers: BTreeSet<u32> = keep.iter().map(|slot| slot.number).collect();
    if keep.is_empty() || numbers.len() < keep.len() || drop.iter().any(|number| numbers.contains(number)) {
        return Err(SealError::NoSuchSlot);
    }
    Ok(())
}

/// The kept slots under a new root key.
fn rewrapped(root: &RootKey, keep: &[KeptSlot<'_>], at: i64) -> Result<Vec<Slot>, SealError> {
    let slots = keep.iter().map(|kept| {
        let slot = root.slot(kept.number, kept.source.clone(), kept.unlock, at)?;
        // What does not open again would be found out too late.
        if !root.fits(&slot, kept.unlock)? {
            return Err(SealError::Encrypt);
        }
        Ok(Slot { label: kept.label.clone(), ..slot })
    });
    slots.collect()
}

/// Asked with the lock held: another process may have added, changed or removed a slot since the caller looked.
fn none_left_out(
    read: &Read<'_>,
    root: &RootKey,
    keep: &[KeptSlot<'_>],
    drop: &[u32],
) -> Result<(), StoreError> {
    let present = read.slot_rows()?;
    let has = |number: &u32| present.iter().any(|(of, _)| of == number);
    if !keep.iter().all(|kept| has(&kept.number)) || !drop.iter().all(has) {
        return Err(SealError::NoSuchSlot.into());
    }
    for (number, slot) in present.into_iter().filter(|(number, _)| !drop.contains(number)) {
        let kept = keep.iter().find(|kept| kept.number == number);
        let kept = kept.ok_or(SealError::SlotLeftOut { slot: number })?;
        if !root.fits(&slot?, kept.unlock)? {
            return Err(SealError::SlotLeftOut { slot: number }.into());
        }
    }
    Ok(())
}
