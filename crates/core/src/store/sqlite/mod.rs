//! The engine over SQLite: one file, and what SQLite keeps beside it. All SQL of the project is in this folder.

mod connection;
mod error;
mod files;
mod rows;
mod schema;

use std::{
    cell::Cell,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use rusqlite::{Connection, Transaction, TransactionBehavior};

pub(crate) use self::files::{Prepared, beside, free_name, side_files};
use self::{
    connection::connect,
    rows::{Changing, Viewing, state_row},
};
use super::{
    StoreError,
    engine::{Announcement, Change, Connector, Engine, LongChange, View},
};
use crate::{
    private_file::{self, FileError, Identity},
    word::words,
};

/// How often a connection looks for a change that it waits for.
const LOOK: Duration = Duration::from_millis(25);
/// How long readers may hold pages that should be gone.
const PATIENCE: Duration = Duration::from_secs(10);

/// How a store keeps its transactions whole.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Journal {
    /// A write-ahead log: readers never wait. For local disks.
    #[default]
    Wal,
    /// A rollback journal, for network file systems and media that are also read elsewhere.
    Rollback,
}

words!(Journal, "wal or rollback");

impl Journal {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Wal, Self::Rollback];

    /// The word of the command line and of JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wal => "wal",
            Self::Rollback => "rollback",
        }
    }

    /// SQLite's name of the mode.
    fn mode(self) -> &'static str {
        match self {
            Self::Wal => "wal",
            Self::Rollback => "delete",
        }
    }
}

/// One connection to a database file.
#[derive(Debug)]
pub(crate) struct SqliteEngine {
    connection: Connection,
    path: PathBuf,
    read_only: bool,
    patience: Duration,
    /// The file that was opened; another one under the same name is not written to.
    identity: Option<Identity>,
    /// The tables are made with the first change, so that they are there with a store in them or not at all.
    empty: Cell<bool>,
}

impl SqliteEngine {
    /// Makes an empty database at `path`, 0600 in a folder that is made 0700.
    pub(crate) fn create(path: &Path, journal: Journal) -> Result<Self, StoreError> {
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
            let wanted = format!("PRAGMA journal_mode = {}", journal.mode());
            let mode: String = connection.query_row(&wanted, [], |row| row.get(0))?;
            if mode != journal.mode() {
                return Err(StoreError::Corrupt { detail: "the journal mode could not be set" });
            }
            let identity = private_file::identity(path);
            let empty = Cell::new(true);
            Ok(Self {
                connection,
                path: path.to_owned(),
                read_only: false,
                patience: connection::PATIENCE,
                identity,
                empty,
            })
        });
        if made.is_err() {
            // Nobody can have stored anything in it yet.
            remove(path);
        }
        made
    }

    /// Opens the database at `path` after checking who can reach its files.
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
        let checked = |connection: Connection| schema::check(&connection).map(|()| connection);
        let writable = private_file::is_writable(private_file::parent(path));
        let connection = match connect(path, read_only).and_then(checked) {
            Err(StoreError::NeedsRecovery) if read_only && writable => {
                connection::recover(path)?;
                connect(path, true).and_then(checked)?
            }
            Err(StoreError::ReadOnly | StoreError::NeedsRecovery) if read_only && !writable => {
                without_log(path).and_then(checked)?
            }
            other => other?,
        };
        if private_file::is_on_network(path) && connection::is_wal(&connection)? {
            return Err(StoreError::Network { path: path.to_owned() });
        }
        Ok(Self {
            connection,
            path: path.to_owned(),
            read_only,
            patience: connection::PATIENCE,
            identity,
            empty: Cell::new(false),
        })
    }

    /// Goes over to a journal, if nobody else has the file open.
    pub(crate) fn set_journal(&self, journal: Journal) -> Result<(), StoreError> {
        let wanted = format!("PRAGMA journal_mode = {}", journal.mode());
        let _: String = self.connection.query_row(&wanted, [], |row| row.get(0))?;
        Ok(())
    }

    /// Leaves a file that is whole by itself, and durable.
    pub(crate) fn close(self) -> Result<(), StoreError> {
        let Self { connection, path, .. } = self;
        connection.close().map_err(|(_, error)| StoreError::from(error))?;
        Ok(private_file::sync(&path)?)
    }

    fn snapshot(&self) -> Result<Viewing<'_>, StoreError> {
        connection::wait_at_most(self.patience);
        // A deferred transaction pins its snapshot at the first query.
        let transaction = Transaction::new_unchecked(&self.connection, TransactionBehavior::Deferred)?;
        if self.read_only {
            // A writer that was killed left its journal: who only reads cannot roll it back.
            match state_row(&transaction) {
                Err(error) if connection::needs_recovery(&error) => {
                    drop(transaction);
                    connection::recover(&self.path)?;
                    let again = Transaction::new_unchecked(&self.connection, TransactionBehavior::Deferred)?;
                    return Ok(Viewing::new(again));
                }
                other => drop(other?),
            }
        }
        Ok(Viewing::new(transaction))
    }
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
    connection::connect_unchanging(path)
}

/// Removes a database, and what lies beside it.
pub(crate) fn remove(path: &Path) {
    for file in side_files(path).iter().chain([&path.to_owned()]) {
        let _ = std::fs::remove_file(file);
    }
}

/// A database file that may be opened again.
#[derive(Debug)]
struct SqliteFile {
    path: PathBuf,
    read_only: bool,
    patience: Duration,
}

impl Connector for SqliteFile {
    fn connect(&self) -> Result<Box<dyn Engine>, StoreError> {
        let engine = SqliteEngine::open(&self.path, self.read_only)?;
        Ok(Box::new(SqliteEngine { patience: self.patience, ..engine }))
    }

    fn announce(&self, change: LongChange) -> Result<Option<Announcement>, StoreError> {
        let mark = files::announce(&self.path, change)?;
        Ok(mark.map(|mark| -> Announcement { Box::new(mark) }))
    }

    fn announced(&self) -> Option<LongChange> {
        files::announced(&self.path)
    }
}

impl Engine for SqliteEngine {
    fn view(&self) -> Result<Box<dyn View + '_>, StoreError> {
        Ok(Box::new(self.snapshot()?))
    }

    fn begin(&self) -> Result<Box<dyn Change + '_>, StoreError> {
        if self.read_only {
            return Err(StoreError::ReadOnly);
        }
        connection::wait_at_most(self.patience);
        let transaction = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        if self.empty.take() {
            schema::create(&transaction)?;
        }
        Ok(Box::new(Changing(Viewing::new(transaction))))
    }

    fn reconnect(&mut self) -> Result<(), StoreError> {
        *self = Self { patience: self.patience, ..Self::open(&self.path, self.read_only)? };
        Ok(())
    }

    fn set_busy_timeout(&mut self, timeout: Duration) {
        self.patience = timeout;
    }

    fn connector(&self) -> Arc<dyn Connector> {
        let Self { read_only, patience, .. } = *self;
        Arc::new(SqliteFile { path: self.path.clone(), read_only, patience })
    }

    fn wait_change(&self, since: &[u8], max: Duration) -> Result<Vec<u8>, StoreError> {
        let until = Instant::now() + max;
        loop {
            let now = self.snapshot()?.state_row()?.unwrap_or_default();
            let left = until.saturating_duration_since(Instant::now());
            if now != since || left.is_zero() {
                return Ok(now);
            }
            std::thread::sleep(left.min(LOOK));
        }
    }

    fn self_check(&self) -> Result<Vec<String>, StoreError> {
        let mut problems: Vec<String> =
            schema::check(&self.connection).err().iter().map(ToString::to_string).collect();
        let mut statement = self.connection.prepare("PRAGMA integrity_check(10)")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let text: String = row.get(0)?;
            if text != "ok" && problems.len() < 20 {
                problems.push(format!("pages: {text}"));
            }
        }
        Ok(problems)
    }

    fn scrub(&mut self, whole: bool) -> Result<(), StoreError> {
        let not_compacted = |error: StoreError| StoreError::NotCompacted(Box::new(error));
        if whole {
            connection::vacuum(&self.connection).map_err(not_compacted)?;
        }
        let until = Instant::now() + PATIENCE;
        while !connection::truncate_log(&mut self.connection).map_err(not_compacted)? {
            if !whole {
                // The next checkpoint does it.
                return Ok(());
            }
            if Instant::now() > until {
                return Err(not_compacted(StoreError::Held));
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    fn trust(&self) -> Result<(), StoreError> {
        connection::trusts(&self.connection)
    }

    fn still_there(&self) -> Result<(), StoreError> {
        if private_file::identity(&self.path) == self.identity {
            Ok(())
        } else {
            Err(StoreError::Replaced { path: self.path.clone() })
        }
    }

    fn is_read_only(&self) -> bool {
        self.read_only
    }

    fn is_remote(&self) -> bool {
        false
    }
}
