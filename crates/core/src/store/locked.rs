//! A store before it is unlocked: how it is made, found, judged by its files, and opened.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
};

use rusqlite::{Connection, TransactionBehavior};

use super::{
    Store, StoreError, Write,
    audit::Event,
    connection::{connect, connect_unchanging, trusts},
    migrate, schema, slots,
    state::{Journal, State},
};
use crate::{
    private_file::{self, FileError, Identity},
    seal::{Ledger, Slot, StoreId},
};

/// An open database whose root key is not known yet.
#[derive(Debug)]
pub(crate) struct LockedStore {
    connection: Connection,
    path: PathBuf,
    read_only: bool,
    identity: Option<Identity>,
    version: i64,
}

/// What is needed to find the root key. Anybody may have changed it.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) id: StoreId,
    pub(crate) epoch: u32,
    pub(crate) check_value: [u8; 16],
    pub(crate) slots: Vec<Slot>,
}

/// The same of schema 1.
#[derive(Debug)]
pub(crate) struct LegacyHeader {
    pub(crate) id: StoreId,
    pub(crate) created_at: i64,
    pub(crate) salt: Vec<u8>,
    pub(crate) wrapped: Vec<u8>,
}

/// The files that SQLite keeps beside a database.
pub(super) fn side_files(path: &Path) -> [PathBuf; 3] {
    ["-wal", "-shm", "-journal"].map(|suffix| {
        let mut name: OsString = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    })
}

/// Makes a new store at `path`, 0600 in a folder that is made 0700.
pub(crate) fn create(
    path: &Path,
    ledger: Arc<Ledger>,
    slot: &Slot,
    journal: Journal,
    event: &Event<'_>,
) -> Result<Store, StoreError> {
    private_file::create_parent(path)?;
    private_file::check_owned(private_file::parent(path), true)?;
    if journal == Journal::Wal && private_file::is_on_network(path) {
        return Err(StoreError::Network { path: path.to_owned() });
    }
    // Left by a database that is gone, they would be taken for this one's.
    for side in side_files(path) {
        if side.symlink_metadata().is_ok() {
            return Err(StoreError::Exists { path: side });
        }
    }
    // Ours before SQLite opens it, whatever the umask is; -wal and -shm inherit the mode.
    private_file::create(path, b"").map_err(|error| match error {
        FileError::Exists { path } => StoreError::Exists { path },
        other => other.into(),
    })?;
    let made = connect(path, false).and_then(|connection| {
        let mode: String =
            connection
                .query_row(&format!("PRAGMA journal_mode = {}", journal.mode()), [], |row| row.get(0))?;
        if mode != journal.mode() {
            return Err(StoreError::Corrupt { detail: "the journal mode could not be set" });
        }
        let store = initialise(connection, path, ledger, slot, journal, event)?;
        trusts(&store.connection)?;
        Ok(store)
    });
    if made.is_err() {
        // Nobody can have stored anything in it yet.
        let _ = std::fs::remove_file(path);
    }
    made
}

fn initialise(
    mut connection: Connection,
    path: &Path,
    ledger: Arc<Ledger>,
    slot: &Slot,
    journal: Journal,
    event: &Event<'_>,
) -> Result<Store, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    schema::create(&transaction)?;
    let state = State::new(*ledger.store(), &ledger, journal, event.at);
    let write = Write { transaction, ledger: &ledger, state: state.into() };
    write.insert_head()?;
    write.put_slot(slot)?;
    write.commit(event)?;
    let identity = private_file::identity(path);
    Ok(Store { connection, path: path.to_owned(), read_only: false, ledger, identity, in_doubt: false })
}

/// Opens a store on a medium that cannot be written, as its file stands. With a write-ahead log that has changes, or the
/// journal of a change that was not finished, the file alone says nothing.
fn without_log(path: &Path) -> Result<Connection, StoreError> {
    let [log, _, journal] = side_files(path);
    for log in [log, journal] {
        if log.symlink_metadata().is_ok_and(|found| found.len() > 0) {
            return Err(StoreError::LogOnReadOnly { log });
        }
    }
    connect_unchanging(path)
}

impl LockedStore {
    /// Opens the store at `path` after checking who can reach its files.
    pub(crate) fn open(path: &Path, read_only: bool) -> Result<Self, StoreError> {
        private_file::check_owned(path, false).map_err(|error| match error {
            FileError::Missing { path } => StoreError::Missing { path },
            other => other.into(),
        })?;
        for side in side_files(path) {
            match private_file::check_owned(&side, false) {
                Ok(()) | Err(FileError::Missing { .. }) => {}
                Err(other) => return Err(other.into()),
            }
        }
        private_file::check_owned(private_file::parent(path), true)?;
        let identity = private_file::identity(path);
        let versioned = |connection| Ok((schema::version(&connection)?, connection));
        let (version, connection) = match connect(path, read_only).and_then(versioned) {
            Err(StoreError::ReadOnly)
                if read_only && !private_file::is_writable(private_file::parent(path)) =>
            {
                without_log(path).and_then(versioned)?
            }
            other => other?,
        };
        Ok(Self { connection, path: path.to_owned(), read_only, identity, version })
    }

    /// What is needed to find the root key.
    pub(crate) fn header(&self) -> Result<Header, StoreError> {
        let state = State::read(&self.connection)?;
        if state.journal == Journal::Wal && private_file::is_on_network(&self.path) {
            return Err(StoreError::Network { path: self.path.clone() });
        }
        let slots = slots::read(&self.connection)?.into_iter().map(|(slot, _)| slot).collect();
        Ok(Header { id: state.id, epoch: state.epoch, check_value: state.check_value, slots })
    }

    /// The header of schema 1, if the store is still of it.
    pub(crate) fn legacy(&self) -> Result<Option<LegacyHeader>, StoreError> {
        if self.version > 1 {
            return Ok(None);
        }
        if self.read_only {
            return Err(StoreError::SchemaOutdated { found: self.version, known: schema::VERSION });
        }
        migrate::header(&self.connection).map(Some)
    }

    /// Brings schema 1 up to the present one, in one transaction.
    pub(crate) fn migrate(
        &mut self,
        ledger: &Ledger,
        slot: &Slot,
        reseal: migrate::Reseal<'_>,
    ) -> Result<(), StoreError> {
        migrate::from_1(&mut self.connection, ledger, slot, reseal)?;
        self.version = schema::VERSION;
        Ok(())
    }

    /// The store, once its state proved authentic.
    pub(crate) fn unlock(self, ledger: Arc<Ledger>) -> Result<Store, StoreError> {
        let Self { connection, path, read_only, identity, .. } = self;
        let state = State::load(&connection, &ledger)?;
        trusts(&connection)?;
        if !read_only {
            // A backup is a single file with a rollback journal: put back, it returns to its own mode when it can.
            let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
            if mode != state.journal.mode() {
                let wanted = format!("PRAGMA journal_mode = {}", state.journal.mode());
                let _: Result<String, _> = connection.query_row(&wanted, [], |row| row.get(0));
            }
        }
        Ok(Store { connection, path, read_only, ledger, identity, in_doubt: false })
    }
}
