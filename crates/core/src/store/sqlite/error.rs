//! What SQLite's errors mean for a store.

use rusqlite::{ErrorCode, ffi};

use crate::store::StoreError;

/// A writer was killed, and who only reads cannot roll back what it left.
const RECOVERY: [i32; 2] = [ffi::SQLITE_READONLY_ROLLBACK, ffi::SQLITE_READONLY_RECOVERY];

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        // The shared memory of a write-ahead log could not be made as large as it must be.
        if error.sqlite_error().is_some_and(|code| code.extended_code == ffi::SQLITE_IOERR_SHMSIZE) {
            return Self::Full;
        }
        if error.sqlite_error().is_some_and(|code| RECOVERY.contains(&code.extended_code)) {
            return Self::NeedsRecovery;
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            // The second where a folder takes no journal: the database itself was looked at before.
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen) => Self::ReadOnly,
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::NotADatabase) => Self::NotAStore,
            Some(ErrorCode::DatabaseCorrupt) => Self::Corrupt { detail: "SQLite found its structure broken" },
            // A check of a column refuses what is written, not what is stored.
            Some(ErrorCode::ConstraintViolation) if refuses_a_value(&error) => {
                Self::InvalidValue { reason: error.to_string() }
            }
            Some(ErrorCode::ConstraintViolation) => Self::Corrupt { detail: "a row contradicts the rest" },
            Some(_) => failed(error),
            None => match error {
                rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::Utf8Error(..)
                | rusqlite::Error::QueryReturnedNoRows => {
                    Self::Corrupt { detail: "a value is missing, or not of its type" }
                }
                other => failed(other),
            },
        }
    }
}

fn failed(error: rusqlite::Error) -> StoreError {
    StoreError::Failed { detail: error.to_string(), source: Some(Box::new(error)) }
}

/// Whether a constraint is about one value that is written.
fn refuses_a_value(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    matches!(
        code,
        Some(ffi::SQLITE_CONSTRAINT_CHECK | ffi::SQLITE_CONSTRAINT_NOTNULL | ffi::SQLITE_CONSTRAINT_DATATYPE)
    )
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    #[test]
    fn what_sqlite_said_is_the_source_of_the_failure() {
        let connection = Connection::open_in_memory().unwrap();
        let error = connection.execute("SELECT nothing FROM nowhere", []).unwrap_err();
        let said = error.to_string();
        let failure = StoreError::from(error);
        assert_eq!(failure.code(), "store_failed");
        let source = std::error::Error::source(&failure).unwrap();
        assert_eq!(source.to_string(), said);
        assert!(!failure.is_transient() && StoreError::Busy.is_transient());
    }

    #[test]
    fn a_refused_value_is_no_damage_and_a_contradiction_is() {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch("CREATE TABLE t (a TEXT PRIMARY KEY NOT NULL CHECK (length(a) < 3)) STRICT")
            .unwrap();
        let insert = |value: Option<&str>| {
            StoreError::from(connection.execute("INSERT INTO t VALUES (?1)", [value]).unwrap_err())
        };
        for value in [None, Some("long")] {
            let refused = insert(value);
            assert!(matches!(refused, StoreError::InvalidValue { .. }), "{refused}");
            assert!(!refused.to_string().contains("damaged"), "{refused}");
        }
        connection.execute("INSERT INTO t VALUES ('a')", []).unwrap();
        assert!(matches!(insert(Some("a")), StoreError::Corrupt { .. }));
    }
}
