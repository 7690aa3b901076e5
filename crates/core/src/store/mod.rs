//! The store: records and what proves them, above an engine that keeps bytes.
//!
//! Every read is proved under the state row of its own snapshot: that a record is there, that it is not, and that a range
//! is whole. Every change goes one way: lock, check, apply, log, commit. What the rows say is decided here, how they are
//! kept below, in an engine: SQLite (`sqlite`), or memory for tests.
//!
//! Knows nothing of passwords or private keys; what it stores was sealed before.

mod accounts;
mod action;
mod before_cut;
mod bindings;
mod change;
mod codec;
mod copy;
mod damaged;
pub(crate) mod engine;
mod entries;
mod error;
mod event;
#[cfg(strongroom_fuzzing)]
pub(crate) mod fuzz;
mod generation;
mod guard;
mod hints;
mod key;
mod log;
mod log_cut;
mod memory;
mod origin;
mod pending;
mod read;
mod records;
mod rekey;
mod removed;
mod requests;
mod segment;
mod served;
mod slots;
mod sqlite;
mod state;
mod sweep;
mod tree;
mod uncertain_commit;
mod unproved;
mod verify;
mod waiting;
mod web_server;
mod whole_table;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError},
    time::Duration,
};

pub(crate) use self::verify::{Sealed, Verified};
pub(crate) use self::{
    accounts::AccountRow,
    action::Action,
    bindings::BindingRow,
    change::{NewVersion, Write},
    damaged::Damaged,
    event::{Event, Happened},
    guard::RollbackGuard,
    key::name_digest,
    log_cut::Kept,
    origin::Origin,
    read::Read,
    records::{EntryHead, EntryRow, VersionRow},
    rekey::Reseal,
    removed::Removed,
    requests::RequestRow,
    segment::SegmentError,
    slots::{Claim, Claimed, SlotCheck, claimed},
    sqlite::{Prepared, SqliteEngine, beside, free_name, remove as remove_file, side_files},
    state::Mark,
    unproved::UnprovedRead,
};
use self::{
    engine::{Connector, Engine, View},
    log::leads,
    origin::Shared,
    state::State,
};
pub use self::{
    engine::{LongChange, WaitNotice},
    error::StoreError,
    generation::{Changes, Generation},
    hints::{HintKind, alias_hints},
    log::LogEntry,
    memory::{Fault, MemoryEngine},
    segment::LogSegment,
    served::TrustAnchors,
    sqlite::Journal,
    uncertain_commit::{CommitOutcome, UncertainCommit},
    verify::{DamagedPart, StoreProblem, StoreReport},
};
use crate::seal::{Ledger, RootKey, SealError, Slot, Unlock};

/// One connection to an unlocked store.
#[derive(Debug)]
pub(crate) struct Store {
    engine: Box<dyn Engine>,
    ledger: Arc<Ledger>,
    shared: Arc<Shared>,
    guard: Option<RollbackGuard>,
    /// A guarded store was opened without its guard, by name.
    unguarded: bool,
    /// Where its files are, if it has any.
    path: Option<PathBuf>,
    /// A commit failed, and nothing is written before the connection is a new one.
    in_doubt: bool,
    connector: Arc<dyn Connector>,
    /// Whether the change of everything that is announced is made here.
    announces: bool,
    waiting: Option<Arc<dyn WaitNotice>>,
}

impl Store {
    /// Makes a store with nothing but its first slot.
    pub(crate) fn create(
        engine: Box<dyn Engine>,
        path: Option<PathBuf>,
        ledger: Arc<Ledger>,
        slot: &Slot,
        guard: Option<&Path>,
        event: Event,
    ) -> Result<Self, StoreError> {
        let guard = guard.map(|path| RollbackGuard::at(path, *ledger.store()));
        let store = Self::over(engine, path, ledger);
        let state = State::new(*store.ledger.store(), &store.ledger, guard.is_some(), event.at);
        let write = Write::new(store.engine.begin()?, &store.ledger, &store.shared.cache, state, false);
        write.put_slot(slot);
        let mark = write.commit(event)?;
        store.engine.trust()?;
        store.saw(mark);
        if let Some(guard) = &guard {
            guard.create(mark)?;
        }
        Ok(Self { guard, ..store })
    }

    fn over(engine: Box<dyn Engine>, path: Option<PathBuf>, ledger: Arc<Ledger>) -> Self {
        Self {
            connector: engine.connector(),
            engine,
            ledger,
            shared: Arc::default(),
            guard: None,
            unguarded: false,
            path,
            in_doubt: false,
            announces: false,
            waiting: None,
        }
    }

    /// Opens a store whose root key is known: its state must be authentic, and the slot that opened it be one of its own,
    /// and so the others, unless they are to be mended.
    pub(crate) fn unlock(
        engine: Box<dyn Engine>,
        path: Option<PathBuf>,
        ledger: Arc<Ledger>,
        opened: &Slot,
        check: SlotCheck,
    ) -> Result<Self, StoreError> {
        let store = Self { unguarded: true, ..Self::over(engine, path, ledger) };
        let read = store.read()?;
        read.require_slot(opened)?;
        if check == SlotCheck::All {
            read.slots()?;
        }
        drop(read);
        store.engine.trust()?;
        Ok(Self { unguarded: false, ..store })
    }

    /// Opens the first slot that `unlock` fits. Where the copies of the state differ, each is tried.
    pub(crate) fn find_root(
        engine: &dyn Engine,
        unlock: Unlock<'_>,
        check: SlotCheck,
    ) -> Result<(RootKey, Slot), StoreError> {
        let view = engine.view()?;
        let (claims, Claimed { slots, unreadable }) = (Claim::all(&*view)?, claimed(&*view, check)?);
        let mut refused = None;
        for claim in claims {
            match RootKey::unlock(claim.id, claim.epoch, &claim.check_value, &slots, unlock) {
                Ok(found) => return Ok(found),
                // What is damaged beyond reading may be the one that it opens.
                Err(SealError::WrongUnlockKey) if unreadable => {
                    refused = refused.or(Some(SealError::SlotsDamaged));
                }
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        Err(refused.unwrap_or(SealError::SlotsDamaged).into())
    }

    /// Opens a copy whose root key is known.
    pub(crate) fn unlock_copy(
        engine: Box<dyn Engine>,
        path: Option<&Path>,
        ledger: Arc<Ledger>,
    ) -> Result<Self, StoreError> {
        let store = Self { unguarded: true, ..Self::over(engine, path.map(Path::to_owned), ledger) };
        store.read()?;
        store.engine.trust()?;
        Ok(store)
    }

    /// How long a write waits while others write.
    pub(crate) fn set_busy_timeout(&mut self, timeout: Duration) {
        self.engine.set_busy_timeout(timeout);
    }

    /// Told when a change waits for a re-key or a restore of another process.
    pub(crate) fn set_waiting(&mut self, notice: Option<Arc<dyn WaitNotice>>) {
        self.waiting = notice;
    }

    /// Whether the change of everything that is announced is made on this connection.
    pub(crate) fn set_announces(&mut self, announces: bool) {
        self.announces = announces;
    }

    /// Holds the store against its guard from now on. `without` opens a guarded store without one, by name.
    pub(crate) fn set_guard(&mut self, guard: Option<RollbackGuard>, without: bool) {
        self.guard = guard;
        self.unguarded = without;
    }

    /// Gives up the connection for a new one: after a failure that leaves it in doubt.
    pub(crate) fn reconnect(&mut self) -> Result<(), StoreError> {
        self.engine.reconnect()?;
        self.in_doubt = false;
        State::load(&*self.engine.view()?, &self.ledger)?;
        self.engine.trust()
    }

    pub(crate) fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// Goes on with the root key that is in force now.
    pub(crate) fn set_ledger(&mut self, ledger: Arc<Ledger>) {
        self.ledger = ledger;
    }

    /// Whether a commit failed, and the connection is not a new one yet.
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.in_doubt
    }

    pub(crate) fn still_there(&self) -> Result<(), StoreError> {
        self.engine.still_there()
    }

    /// Takes the write lock at once, so that what is read before the write cannot change under it.
    pub(crate) fn write(&mut self) -> Result<Write<'_>, StoreError> {
        if self.engine.is_read_only() {
            return Err(StoreError::ReadOnly);
        }
        self.engine.still_there()?;
        if self.in_doubt {
            self.reconnect()?;
        }
        let known = self.known()?;
        let change = self.begin()?;
        let state = self.fresh(&*change, known)?;
        let mut write = Write::new(change, &self.ledger, &self.shared.cache, state, self.engine.is_remote());
        if self.guard.is_some() {
            write.set_guarded();
        }
        Ok(write)
    }

    /// A consistent view of the last commit.
    pub(crate) fn read(&self) -> Result<Read<'_>, StoreError> {
        let known = self.known()?;
        let view = self.engine.view()?;
        let state = self.fresh(&*view, known)?;
        Ok(Read::own(view, &self.ledger, &self.shared.cache, state, self.engine.is_remote()))
    }

    /// What the guard and this process know; read before the state, so that nobody can have moved it on since.
    fn known(&self) -> Result<[Option<Mark>; 2], StoreError> {
        let guard = self.guard.as_ref().map(RollbackGuard::known).transpose()?;
        let seen = *self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner);
        Ok([guard, seen])
    }

    /// The state of a snapshot, if it is authentic and continues what is known.
    fn fresh(&self, view: &dyn View, known: [Option<Mark>; 2]) -> Result<State, StoreError> {
        let state = State::load(view, &self.ledger)?;
        if state.guarded && self.guard.is_none() && !self.unguarded {
            return Err(StoreError::Guarded);
        }
        let mark = state.mark();
        for known in known.iter().flatten() {
            if mark.seq < known.seq {
                return Err(StoreError::RolledBack { found: mark.seq, known: known.seq });
            }
            if mark == *known {
                continue;
            }
            if mark.seq == known.seq {
                return Err(StoreError::Forked { known: known.seq });
            }
            let led = leads(view, &self.ledger, known, &mark);
            if !matches!(led, Ok(true)) && !self.leads_past_cut(view, &state, known)? && !led? {
                return Err(StoreError::Forked { known: known.seq });
            }
        }
        self.saw(mark);
        Ok(state)
    }

    fn saw(&self, mark: Mark) {
        let mut seen = self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.is_none_or(|seen| seen.seq < mark.seq) {
            *seen = Some(mark);
        }
    }

    /// A commit is done: the guard moves on.
    pub(crate) fn finish_commit(&self, mark: Mark) -> Result<(), StoreError> {
        self.engine.still_there()?;
        self.saw(mark);
        match &self.guard {
            Some(guard) => guard.advance(mark),
            None => Ok(()),
        }
    }

    /// Takes the store as it stands, whatever this process and its guard saw before.
    pub(crate) fn forget(&self) {
        *self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Reads. What looks like damage is looked at again through a new connection before it is believed: a failed
    /// read of the disk looks the same.
    pub(crate) fn view<T>(
        &mut self,
        work: impl Fn(&Read<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match self.read().and_then(|read| work(&read)) {
            Err(StoreError::Corrupt { .. }) => {
                self.reconnect()?;
                self.read().and_then(|read| work(&read))
            }
            other => other,
        }
    }

    /// Leaves nothing of what was removed: neither in the write-ahead log nor in free pages.
    pub(crate) fn compact(&mut self) -> Result<(), StoreError> {
        self.engine.scrub(true)
    }

    /// Empties the write-ahead log.
    pub(crate) fn truncate_log(&mut self) -> Result<(), StoreError> {
        self.engine.scrub(false)
    }
}
