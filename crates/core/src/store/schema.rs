//! The schema, and the steps that lead to it.
//!
//! - `store`: one row; the random name of the store.
//! - `slot`: the root key, wrapped once for each unlock key.
//! - `certificate`: every certificate once, by its SHA-256 digest, with its names in DER for lookups.
//! - `entry`: an alias. `kind` is `server` or `authority`; an authority's `trust` is `anchor` or `path`.
//! - `version`: what an entry was at a time. A server's key is sealed; an authority has none.
//! - `chain`: the certificates of a version, from the leaf (position 0) to the anchor.
//! - `administrator`: who may use the API.
//!
//! Times are seconds since 1970-01-01T00:00:00Z. A shipped step is never edited; a new one is added.

use rusqlite::{Connection, TransactionBehavior};

use super::error::StoreError;

/// `application_id` of the database file: `SRM1`.
pub(super) const APPLICATION_ID: i64 = 0x5352_4d31;

/// `MIGRATIONS[n]` goes from version `n` to `n + 1`.
const MIGRATIONS: [&str; 1] = ["
CREATE TABLE store (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    id BLOB NOT NULL CHECK (length(id) = 16),
    created_at INTEGER NOT NULL
) STRICT;
CREATE TABLE slot (
    number INTEGER PRIMARY KEY CHECK (number BETWEEN 0 AND 7),
    kind TEXT NOT NULL,
    salt BLOB NOT NULL,
    wrapped_root_key BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE TABLE certificate (
    sha256 BLOB PRIMARY KEY CHECK (length(sha256) = 32),
    der BLOB NOT NULL,
    subject BLOB NOT NULL,
    issuer BLOB NOT NULL
) STRICT;
CREATE INDEX certificate_subject ON certificate (subject);
CREATE TABLE entry (
    id BLOB PRIMARY KEY CHECK (length(id) = 16),
    alias TEXT NOT NULL CHECK (length(alias) BETWEEN 1 AND 128),
    alias_key TEXT NOT NULL UNIQUE CHECK (alias_key = lower(alias)),
    kind TEXT NOT NULL CHECK (kind IN ('server', 'authority')),
    trust TEXT CHECK (trust IN ('anchor', 'path')),
    version INTEGER NOT NULL CHECK (version >= 1),
    CHECK ((kind = 'authority') = (trust IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE TABLE version (
    entry BLOB NOT NULL REFERENCES entry (id) ON DELETE CASCADE,
    number INTEGER NOT NULL CHECK (number >= 1),
    sealed_key BLOB,
    wrapped_data_key BLOB,
    allowed TEXT NOT NULL,
    created_at INTEGER NOT NULL,
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
CREATE TABLE administrator (
    name_key TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"];

/// The newest schema that this program knows.
pub(super) const VERSION: i64 = 1;

/// Checks that the file is a store, and brings its schema up to [`VERSION`] in one transaction.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = version(&transaction)?;
    if found == VERSION {
        return Ok(());
    }
    let done = usize::try_from(found).unwrap_or(usize::MAX);
    for step in MIGRATIONS.iter().skip(done) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    Ok(())
}

/// The version of the schema; a file of another program or of a newer version is refused.
pub(super) fn version(connection: &Connection) -> Result<i64, StoreError> {
    let application: i64 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let fresh = application == 0 && found == 0 && tables == 0;
    if !fresh && application != APPLICATION_ID {
        return Err(StoreError::NotAStore);
    }
    if found > VERSION {
        return Err(StoreError::SchemaFromFuture { found, known: VERSION });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_migration_has_its_version() {
        assert_eq!(usize::try_from(VERSION), Ok(MIGRATIONS.len()));
    }
}
