//! The SQLite database: sealed rows in, sealed rows out. All SQL of the project is in this folder.
//!
//! Knows nothing of passwords or private keys; what it stores was sealed before. It does hold the keys that
//! authenticate rows: no row is given that its MAC does not vouch for, and none can be missing unseen.

mod accounts;
mod audit;
mod backup;
mod change;
mod connection;
mod doubt;
#[allow(dead_code)]
pub mod engine;
mod entries;
mod error;
mod locked;
mod lookup;
#[allow(dead_code)]
mod memory;
mod migrate;
mod rekey;
mod removed;
mod rollback_guard;
mod schema;
mod slots;
mod state;
#[allow(dead_code)]
mod tree;
mod verify;

use std::{
    cell::RefCell,
    path::{Path, PathBuf},
    sync::Arc,
};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use self::state::{State, toggle};
pub(crate) use self::{
    audit::Event,
    backup::{prepare, replace},
    change::NewVersion,
    entries::{EntryHead, EntryRow, VersionRow},
    locked::{LockedStore, create},
    rollback_guard::RollbackGuard,
};
pub use self::{
    audit::LogEntry,
    doubt::{Doubt, Seen},
    error::StoreError,
    state::Journal,
    verify::{StoreProblem, StoreReport},
};
use crate::{
    private_file::{self, Identity},
    seal::{Digest, Ledger},
};

/// One connection to an unlocked store.
#[derive(Debug)]
pub(crate) struct Store {
    connection: Connection,
    path: PathBuf,
    read_only: bool,
    ledger: Arc<Ledger>,
    /// The file that was opened; another one under the same name is not written to.
    identity: Option<Identity>,
    /// A commit failed, and nothing is written before the connection is a new one.
    in_doubt: bool,
}

/// A write in progress; dropped without [`commit`](Self::commit), it leaves no trace.
pub(crate) struct Write<'s> {
    transaction: Transaction<'s>,
    ledger: &'s Ledger,
    state: RefCell<State>,
}

/// A consistent view for reading.
pub(crate) struct Read<'s> {
    connection: &'s Connection,
    ledger: &'s Ledger,
    state: State,
    /// Keeps the view; absent inside a write.
    _snapshot: Option<Transaction<'s>>,
}

/// Where a store stood after a commit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    pub(crate) seq: i64,
    pub(crate) mac: Digest,
}

impl Store {
    /// Another connection to the same store, with the same rights.
    pub(crate) fn reopen(&self) -> Result<Self, StoreError> {
        LockedStore::open(&self.path, self.read_only)?.unlock(Arc::clone(&self.ledger))
    }

    /// Gives up the connection for a new one: after a failure that leaves it in doubt.
    pub(crate) fn reconnect(&mut self) -> Result<(), StoreError> {
        *self = self.reopen()?;
        Ok(())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// Takes the write lock at once, so that what is read before the write cannot change under it.
    pub(crate) fn write(&mut self) -> Result<Write<'_>, StoreError> {
        if self.read_only {
            return Err(StoreError::ReadOnly);
        }
        self.still_there()?;
        if self.in_doubt {
            self.reconnect()?;
        }
        let ledger = &*self.ledger;
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let state = State::load(&transaction, ledger)?;
        Ok(Write { transaction, ledger, state: RefCell::new(state) })
    }

    /// Whether the path still leads to the file that was opened: what is written to another one nobody would see. Asked
    /// before a write, and again after its commit, since the file or its folder may be moved away in between.
    pub(crate) fn still_there(&self) -> Result<(), StoreError> {
        if private_file::identity(&self.path) == self.identity {
            Ok(())
        } else {
            Err(StoreError::Replaced { path: self.path.clone() })
        }
    }

    /// A consistent view of the last commit.
    pub(crate) fn read(&self) -> Result<Read<'_>, StoreError> {
        // A deferred transaction pins its snapshot at the first query.
        let snapshot = self.connection.unchecked_transaction()?;
        let state = State::load(&snapshot, &self.ledger)?;
        Ok(Read { connection: &self.connection, ledger: &self.ledger, state, _snapshot: Some(snapshot) })
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

    /// Where the store stands.
    pub(crate) fn point(&self) -> Result<Point, StoreError> {
        Ok(self.read()?.state.point())
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Leaves nothing of what was removed: neither in the write-ahead log nor in free pages.
    pub(crate) fn compact(&mut self) -> Result<(), StoreError> {
        connection::truncate_log(&mut self.connection);
        connection::vacuum(&self.connection, None).map_err(|error| StoreError::NotCompacted(error.into()))?;
        connection::truncate_log(&mut self.connection);
        Ok(())
    }

    /// Leaves a file that is whole by itself, with a rollback journal.
    pub(crate) fn single_file(&self) -> Result<(), StoreError> {
        let _: String = self.connection.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0))?;
        Ok(())
    }

    /// Empties the write-ahead log, if no reader holds it.
    pub(crate) fn truncate_log(&mut self) {
        connection::truncate_log(&mut self.connection);
    }
}

impl State {
    fn point(&self) -> Point {
        Point { seq: self.seq, mac: self.mac }
    }
}

impl<'s> Write<'s> {
    /// What the write sees.
    pub(crate) fn as_read(&self) -> Read<'_> {
        Read {
            connection: &self.transaction,
            ledger: self.ledger,
            state: self.state.borrow().clone(),
            _snapshot: None,
        }
    }

    fn toggle_row(&self, mac: &Digest) {
        toggle(&mut self.state.borrow_mut().rows, mac);
    }

    /// Makes the write durable, together with its row in the audit log.
    pub(crate) fn commit(self, event: &Event<'_>) -> Result<Point, StoreError> {
        self.audit(event)?;
        let mut state = self.state.into_inner();
        state.seq = state.seq.saturating_add(1);
        state.save(&self.transaction, self.ledger)?;
        self.transaction.commit().map_err(|error| match StoreError::from(error) {
            // These say for certain that nothing was written.
            certain @ (StoreError::Busy | StoreError::Full | StoreError::ReadOnly) => certain,
            _ => StoreError::OutcomeUnknown(Doubt::of_commit(state.audit_number, state.audit_hash)),
        })?;
        Ok(state.point())
    }
}
