//! The schema, and the steps that lead to it.
//!
//! - `store`: one row; the random name of the store, and the state of the whole: its sequence, the digests of its
//!   rows, the head of its audit log, under a MAC.
//! - `slot`: the root key, wrapped once for each way to unlock the store.
//! - `certificate`: every certificate once, by its SHA-256 digest.
//! - `entry`: what an alias stands for. `kind` is `server` or `authority`; an authority's `trust` is `anchor` or `path`.
//! - `version`: what an entry was at a time. A server's key is sealed; an authority has none.
//! - `chain`: the certificates of a version, from the leaf (position 0) to the anchor. Under the MAC of the version.
//! - `lookup`: aliases, names, fingerprints, public keys, subjects and issuers, each row naming the next: see `lookup.rs`.
//! - `administrator`: who may use the API.
//! - `audit`: what was done and refused; see `audit.rs`.
//!
//! Times are seconds since 1970-01-01T00:00:00Z. A shipped step is never edited; a new one is added.

use rusqlite::Connection;

use super::error::StoreError;

/// `application_id` of the database file: `SRM1`.
pub(super) const APPLICATION_ID: i64 = 0x5352_4d31;

/// The newest schema that this program knows.
pub(super) const VERSION: i64 = 2;

/// All tables of [`VERSION`].
pub(super) const TABLES: &str = "
CREATE TABLE store (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    id BLOB NOT NULL CHECK (length(id) = 16),
    created_at INTEGER NOT NULL,
    epoch INTEGER NOT NULL CHECK (epoch >= 1),
    check_value BLOB NOT NULL CHECK (length(check_value) = 16),
    journal TEXT NOT NULL CHECK (journal IN ('wal', 'rollback')),
    seq INTEGER NOT NULL CHECK (seq >= 0),
    rows BLOB NOT NULL CHECK (length(rows) = 32),
    accounts BLOB NOT NULL CHECK (length(accounts) = 32),
    slots BLOB NOT NULL CHECK (length(slots) = 32),
    audit_number INTEGER NOT NULL CHECK (audit_number >= 0),
    audit_hash BLOB NOT NULL CHECK (length(audit_hash) = 32),
    mac BLOB NOT NULL CHECK (length(mac) = 32)
) STRICT;
CREATE TABLE slot (
    number INTEGER PRIMARY KEY CHECK (number BETWEEN 0 AND 7),
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    salt BLOB NOT NULL,
    memory INTEGER,
    passes INTEGER,
    lanes INTEGER,
    wrapped_root_key BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    checksum BLOB NOT NULL CHECK (length(checksum) = 32),
    mac BLOB NOT NULL CHECK (length(mac) = 32),
    CHECK ((kind = 'passphrase') = (memory IS NOT NULL AND passes IS NOT NULL AND lanes IS NOT NULL))
) STRICT;
CREATE TABLE certificate (
    sha256 BLOB PRIMARY KEY CHECK (length(sha256) = 32),
    der BLOB NOT NULL,
    mac BLOB NOT NULL CHECK (length(mac) = 32)
) STRICT, WITHOUT ROWID;
CREATE TABLE entry (
    id BLOB PRIMARY KEY CHECK (length(id) = 16),
    alias TEXT NOT NULL CHECK (length(alias) BETWEEN 1 AND 128),
    kind TEXT NOT NULL CHECK (kind IN ('server', 'authority')),
    trust TEXT CHECK (trust IN ('anchor', 'path')),
    version INTEGER NOT NULL CHECK (version >= 1),
    bound_to TEXT CHECK (length(bound_to) BETWEEN 1 AND 256),
    mac BLOB NOT NULL CHECK (length(mac) = 32),
    CHECK ((kind = 'authority') = (trust IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE TABLE version (
    entry BLOB NOT NULL REFERENCES entry (id) ON DELETE CASCADE,
    number INTEGER NOT NULL CHECK (number >= 1),
    origin INTEGER NOT NULL CHECK (origin BETWEEN 1 AND number),
    sealed_key BLOB,
    wrapped_data_key BLOB,
    allowed TEXT NOT NULL,
    actor TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    mac BLOB NOT NULL CHECK (length(mac) = 32),
    PRIMARY KEY (entry, number),
    CHECK ((sealed_key IS NULL) = (wrapped_data_key IS NULL))
) STRICT, WITHOUT ROWID;
CREATE TABLE chain (
    entry BLOB NOT NULL,
    version INTEGER NOT NULL,
    position INTEGER NOT NULL CHECK (position >= 0),
    certificate BLOB NOT NULL REFERENCES certificate (sha256),
    role TEXT NOT NULL CHECK (role IN ('leaf', 'intermediate', 'anchor')),
    PRIMARY KEY (entry, version, position),
    FOREIGN KEY (entry, version) REFERENCES version (entry, number) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX chain_certificate ON chain (certificate);
CREATE TABLE lookup (
    key BLOB PRIMARY KEY,
    value BLOB NOT NULL,
    next BLOB NOT NULL,
    mac BLOB NOT NULL CHECK (length(mac) = 32)
) STRICT, WITHOUT ROWID;
CREATE TABLE administrator (
    name_key TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    mac BLOB NOT NULL CHECK (length(mac) = 32)
) STRICT, WITHOUT ROWID;
CREATE TABLE audit (
    number INTEGER PRIMARY KEY CHECK (number >= 1),
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    alias TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    outcome TEXT NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    mac BLOB NOT NULL CHECK (length(mac) = 32)
) STRICT;
";

/// Makes the tables of a new store.
pub(super) fn create(connection: &Connection) -> Result<(), StoreError> {
    connection.execute_batch(TABLES)?;
    stamp(connection)
}

/// Says what the file is, and of which version.
pub(super) fn stamp(connection: &Connection) -> Result<(), StoreError> {
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", VERSION)?;
    Ok(())
}

/// The version of the schema; a file of another program or of a newer version is refused.
pub(super) fn version(connection: &Connection) -> Result<i64, StoreError> {
    let application: i64 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if application != APPLICATION_ID || found < 1 {
        return Err(StoreError::NotAStore);
    }
    if found > VERSION {
        return Err(StoreError::SchemaFromFuture { found, known: VERSION });
    }
    Ok(found)
}
