//! The SQLite database: sealed rows in, sealed rows out. All SQL of the project is in this folder.
//!
//! Knows nothing of passwords or private keys; what it stores was sealed before.

mod accounts;
mod entries;
mod error;
mod schema;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{
    Connection, OpenFlags, Transaction, TransactionBehavior, config::DbConfig, limits::Limit, named_params,
};

pub(crate) use self::entries::{EntryRow, NewAuthority};
pub use self::error::StoreError;
use crate::{
    private_file::{self, FileError},
    seal::{Slot, StoreId},
};

/// How long a writer waits for another.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// One connection to a store.
#[derive(Debug)]
pub(crate) struct Store {
    connection: Connection,
    path: PathBuf,
    read_only: bool,
}

/// A write in progress; dropped without [`commit`](Self::commit), it leaves no trace.
pub(crate) struct Write<'s> {
    transaction: Transaction<'s>,
}

/// A consistent view for reading.
pub(crate) struct Read<'s> {
    connection: &'s Connection,
    /// Keeps the view; absent inside a write.
    _snapshot: Option<Transaction<'s>>,
}

impl Store {
    /// Makes a new store at `path`, 0600 in a folder that is made 0700.
    pub(crate) fn create(path: &Path, id: &StoreId, slot: &Slot, at: i64) -> Result<Self, StoreError> {
        private_file::create_parent(path)?;
        private_file::check_owned(private_file::parent(path), true)?;
        // Ours before SQLite opens it, whatever the umask is; -wal and -shm inherit the mode.
        private_file::create(path, b"").map_err(|error| match error {
            FileError::Exists { path } => StoreError::Exists { path },
            other => other.into(),
        })?;
        let made = Self::connect(path, false).and_then(|mut store| {
            store.initialise(id, slot, at)?;
            Ok(store)
        });
        if made.is_err() {
            // Nobody can have stored anything in it yet.
            let _ = std::fs::remove_file(path);
        }
        made
    }

    fn initialise(&mut self, id: &StoreId, slot: &Slot, at: i64) -> Result<(), StoreError> {
        let mode: String = self.connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
        if mode != "wal" {
            return Err(StoreError::Corrupt { detail: "write-ahead logging could not be turned on" });
        }
        schema::migrate(&mut self.connection)?;
        let write = self.write()?;
        write.transaction.execute(
            "INSERT INTO store (only, id, created_at) VALUES (1, :id, :at)",
            named_params! { ":id": id.as_slice(), ":at": at },
        )?;
        write.transaction.execute(
            "INSERT INTO slot (number, kind, salt, wrapped_root_key, created_at) VALUES (0, :kind, :salt, :wrapped, :at)",
            named_params! { ":kind": slot.kind, ":salt": slot.salt, ":wrapped": slot.wrapped, ":at": at },
        )?;
        write.commit()
    }

    /// Opens the store at `path` after checking who can reach its files.
    pub(crate) fn open(path: &Path, read_only: bool) -> Result<Self, StoreError> {
        private_file::check_owned(path, false).map_err(|error| match error {
            FileError::Missing { path } => StoreError::Missing { path },
            other => other.into(),
        })?;
        for suffix in ["-wal", "-shm"] {
            let mut side = path.as_os_str().to_owned();
            side.push(suffix);
            match private_file::check_owned(Path::new(&side), false) {
                Ok(()) | Err(FileError::Missing { .. }) => {}
                Err(other) => return Err(other.into()),
            }
        }
        private_file::check_owned(private_file::parent(path), true)?;
        let mut store = Self::connect(path, read_only)?;
        let found = schema::version(&store.connection)?;
        if found == 0 {
            return Err(StoreError::NotAStore);
        }
        if found < schema::VERSION && !read_only {
            schema::migrate(&mut store.connection)?;
        }
        Ok(store)
    }

    fn connect(path: &Path, read_only: bool) -> Result<Self, StoreError> {
        let access =
            if read_only { OpenFlags::SQLITE_OPEN_READ_ONLY } else { OpenFlags::SQLITE_OPEN_READ_WRITE };
        let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        // SQLite refuses any symbolic link in the path; only the last component is ours to judge.
        let resolved = match (private_file::parent(path).canonicalize(), path.file_name()) {
            (Ok(folder), Some(name)) => folder.join(name),
            _ => path.to_owned(),
        };
        let connection = Connection::open_with_flags(&resolved, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        for (option, on) in [
            (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
            (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
            (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
            (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
            (DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, true),
        ] {
            connection.set_db_config(option, on)?;
        }
        for (limit, value) in [
            (Limit::SQLITE_LIMIT_LENGTH, 16 << 20),
            (Limit::SQLITE_LIMIT_SQL_LENGTH, 100_000),
            (Limit::SQLITE_LIMIT_ATTACHED, 0),
        ] {
            connection.set_limit(limit, value)?;
        }
        // FULL: with WAL, NORMAL would lose acknowledged commits in a power cut.
        for (pragma, value) in [
            ("synchronous", "FULL"),
            ("secure_delete", "ON"),
            ("cell_size_check", "ON"),
            ("temp_store", "MEMORY"),
        ] {
            connection.pragma_update(None, pragma, value)?;
        }
        Ok(Self { connection, path: path.to_owned(), read_only })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// The random name of the store and its slots.
    pub(crate) fn header(&self) -> Result<(StoreId, Vec<Slot>), StoreError> {
        let id: Vec<u8> =
            self.connection.query_row("SELECT id FROM store WHERE only = 1", [], |row| row.get("id"))?;
        let id =
            StoreId::try_from(id).map_err(|_| StoreError::Corrupt { detail: "the store has no name" })?;
        let mut statement =
            self.connection.prepare("SELECT kind, salt, wrapped_root_key FROM slot ORDER BY number")?;
        let slots = statement
            .query_map([], |row| {
                Ok(Slot {
                    kind: row.get("kind")?,
                    salt: row.get("salt")?,
                    wrapped: row.get("wrapped_root_key")?,
                })
            })?
            .collect::<Result<_, _>>()?;
        Ok((id, slots))
    }

    /// Takes the write lock at once, so that what is read before the write cannot change under it.
    pub(crate) fn write(&mut self) -> Result<Write<'_>, StoreError> {
        if self.read_only {
            return Err(StoreError::ReadOnly);
        }
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        Ok(Write { transaction })
    }

    /// A consistent view of the last commit.
    pub(crate) fn read(&mut self) -> Result<Read<'_>, StoreError> {
        // A deferred transaction pins its snapshot at the first query.
        let snapshot = self.connection.unchecked_transaction()?;
        Ok(Read { connection: &self.connection, _snapshot: Some(snapshot) })
    }
}

impl<'s> Write<'s> {
    /// What the write sees.
    pub(crate) fn as_read(&self) -> Read<'_> {
        Read { connection: &self.transaction, _snapshot: None }
    }

    /// Makes the write durable.
    pub(crate) fn commit(self) -> Result<(), StoreError> {
        self.transaction.commit().map_err(|error| match StoreError::from(error) {
            // These say for certain that nothing was written.
            certain @ (StoreError::Busy | StoreError::Full | StoreError::ReadOnly) => certain,
            _ => StoreError::OutcomeUnknown,
        })
    }
}
