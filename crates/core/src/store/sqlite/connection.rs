//! Opens SQLite the way that a store needs it.

use std::{
    cell::Cell,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, config::DbConfig, limits::Limit};

use super::StoreError;
use crate::private_file;

/// How far apart a writer tries while another writes.
///
/// SQLite's own timeout tries every 100 ms, and between writers that work without a pause it hardly ever finds the lock free.
const PAUSE: Duration = Duration::from_millis(5);
/// How long it tries, unless it is told otherwise.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

const WAIT: fn(i32) -> bool = wait;

std::thread_local! {
    /// How long the connection in use waits: what SQLite calls takes nothing with it.
    static PATIENT: Cell<Duration> = const { Cell::new(PATIENCE) };
}

/// How long what this thread does next on a connection waits for others.
pub(super) fn wait_at_most(patience: Duration) {
    PATIENT.set(patience);
}

fn wait(tries: i32) -> bool {
    let waited = PAUSE.saturating_mul(u32::try_from(tries).unwrap_or(u32::MAX));
    if waited >= PATIENT.get() {
        return false;
    }
    std::thread::sleep(PAUSE);
    true
}

/// What a connection refuses to do for whoever changed the file (sqlite.org/security.html).
const LIMITS: [(Limit, i32); 10] = [
    (Limit::SQLITE_LIMIT_LENGTH, 16 << 20),
    (Limit::SQLITE_LIMIT_SQL_LENGTH, 100_000),
    (Limit::SQLITE_LIMIT_COLUMN, 100),
    (Limit::SQLITE_LIMIT_EXPR_DEPTH, 20),
    (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 3),
    (Limit::SQLITE_LIMIT_VDBE_OP, 25_000),
    (Limit::SQLITE_LIMIT_FUNCTION_ARG, 8),
    (Limit::SQLITE_LIMIT_ATTACHED, 0),
    (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 50),
    (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 10),
];

/// Opens the database file, which exists, with all that protects it and its content.
///
/// Until [`trusts`], closing the connection does not copy a write-ahead log into the file: it may be another store's.
pub(super) fn connect(path: &Path, read_only: bool) -> Result<Connection, StoreError> {
    let access = if read_only { OpenFlags::SQLITE_OPEN_READ_ONLY } else { OpenFlags::SQLITE_OPEN_READ_WRITE };
    prepare(Connection::open_with_flags(resolved(path), access | FLAGS)?)
}

/// Opens a database file in a folder that takes no file, as it stands: a store that keeps a write-ahead log needs one
/// beside it to be read in the usual way. Nobody can write to it, so nothing is locked.
pub(super) fn connect_unchanging(path: &Path) -> Result<Connection, StoreError> {
    let mut uri = "file:".to_owned();
    for byte in resolved(path).as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(byte) {
            uri.push(char::from(*byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri.push_str("?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | FLAGS;
    prepare(Connection::open_with_flags(uri, flags)?)
}

const FLAGS: OpenFlags = OpenFlags::SQLITE_OPEN_NO_MUTEX.union(OpenFlags::SQLITE_OPEN_NOFOLLOW);

/// SQLite refuses any symbolic link in the path; only the last component is ours to judge.
fn resolved(path: &Path) -> PathBuf {
    match (private_file::parent(path).canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

#[allow(
    unused_mut,
    reason = "the older versions of rusqlite that are allowed set limits by a shared reference"
)]
fn prepare(mut connection: Connection) -> Result<Connection, StoreError> {
    connection.busy_handler(Some(WAIT))?;
    for (option, on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, true),
        (DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true),
    ] {
        connection.set_db_config(option, on)?;
    }
    for (limit, value) in LIMITS {
        connection.set_limit(limit, value)?;
    }
    // EXTRA is FULL in WAL mode; with a rollback journal it also makes the journal's removal durable. With less,
    // a power cut loses acknowledged commits.
    for (pragma, value) in [
        ("synchronous", "EXTRA"),
        ("secure_delete", "ON"),
        ("cell_size_check", "ON"),
        ("temp_store", "MEMORY"),
        ("mmap_size", "0"),
        ("wal_autocheckpoint", "1000"),
    ] {
        connection.pragma_update(None, pragma, value)?;
    }
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// The state of the store was authentic: the last connection to close may empty the write-ahead log.
pub(super) fn trusts(connection: &Connection) -> Result<(), StoreError> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    Ok(())
}

/// Rewrites the file, so that nothing is left in free pages. `VACUUM` attaches a database by itself.
pub(super) fn vacuum(connection: &Connection) -> Result<(), StoreError> {
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 1)?;
    let done = connection.execute("VACUUM", []);
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    done?;
    Ok(())
}

/// Empties the write-ahead log, so that nothing removed stays in it; false where a reader holds it back.
///
/// It does not wait for them: that would be with the write lock held, and a few that read all the time would keep every
/// other writer out.
pub(super) fn truncate_log(connection: &mut Connection) -> Result<bool, StoreError> {
    connection.busy_handler(None::<fn(i32) -> bool>)?;
    let done = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
        let (busy, log, copied): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(busy == 0 && log == copied)
    });
    connection.busy_handler(Some(WAIT))?;
    match done.map_err(StoreError::from) {
        Err(StoreError::Busy) => Ok(false),
        other => other,
    }
}

pub(super) fn is_wal(connection: &Connection) -> Result<bool, StoreError> {
    let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
    Ok(mode == "wal")
}

/// Whether a journal lies beside the file that only a writer can deal with.
pub(super) fn needs_recovery(error: &StoreError) -> bool {
    matches!(error, StoreError::NeedsRecovery)
}

/// Opens the file for writing once, which rolls back what a killed writer left half done.
pub(super) fn recover(path: &Path) -> Result<(), StoreError> {
    let connection = connect(path, false)?;
    let recovered =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0));
    recovered.map(drop).map_err(|error| match StoreError::from(error) {
        StoreError::NeedsRecovery => StoreError::ReadOnly,
        other => other,
    })
}
