//! Why the store refused or failed.

use std::path::PathBuf;

use rusqlite::ErrorCode;
use thiserror::Error;

use crate::{alias::Alias, private_file::FileError};

/// Why the store refused or failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no store at the path.
    #[error("there is no store at {}", path.display())]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// There is a file at the path already.
    #[error("there is a file at {} already", path.display())]
    Exists {
        /// The path.
        path: PathBuf,
    },
    /// The files of the store are not safe to use.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is a database of another program, or none at all.
    #[error("the file is not a Strongroom store")]
    NotAStore,
    /// A newer program made the store.
    #[error("the store has schema version {found}; this program knows up to {known}")]
    SchemaFromFuture {
        /// The version found.
        found: i64,
        /// The newest that is known.
        known: i64,
    },
    /// Another process kept the store locked for the whole timeout.
    #[error("another process kept the store locked for 10 seconds")]
    Busy,
    /// The store was opened for reading only, or its medium allows no writing.
    #[error("the store cannot be written")]
    ReadOnly,
    /// The disk is full.
    #[error("no space is left for the store")]
    Full,
    /// The database file is damaged.
    #[error("the store is damaged: {detail}")]
    Corrupt {
        /// What was found.
        detail: &'static str,
    },
    /// SQLite failed otherwise.
    #[error("the store failed: {0}")]
    Sqlite(rusqlite::Error),
    /// The commit, or what was read back after it, failed: the change may be there or not.
    #[error("the outcome is unknown: the change was written, but could not be read back")]
    OutcomeUnknown,
    /// No entry has the alias.
    #[error("there is no entry \"{alias}\"")]
    NotFound {
        /// The alias.
        alias: Alias,
    },
    /// Another entry has the alias.
    #[error("the alias \"{alias}\" is taken by another entry")]
    AliasTaken {
        /// The alias as it stands in the store.
        alias: Alias,
    },
    /// No administrator has the name.
    #[error("there is no user \"{name}\"")]
    NoSuchUser {
        /// The name.
        name: String,
    },
    /// An administrator has the name already.
    #[error("there is a user \"{name}\" already")]
    UserExists {
        /// The name.
        name: String,
    },
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(ErrorCode::ReadOnly) => Self::ReadOnly,
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::NotADatabase) => Self::NotAStore,
            Some(ErrorCode::DatabaseCorrupt) => Self::Corrupt { detail: "SQLite found its structure broken" },
            _ => Self::Sqlite(error),
        }
    }
}

impl StoreError {
    /// A stable code for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "store_missing",
            Self::Exists { .. } => "store_exists",
            Self::File(_) => "store_permission",
            Self::NotAStore => "not_a_store",
            Self::SchemaFromFuture { .. } => "schema_from_future",
            Self::Busy => "store_busy",
            Self::ReadOnly => "store_read_only",
            Self::Full => "store_full",
            Self::Corrupt { .. } => "store_corrupt",
            Self::Sqlite(_) => "store_failed",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::NotFound { .. } => "not_found",
            Self::AliasTaken { .. } => "alias_taken",
            Self::NoSuchUser { .. } => "user_not_found",
            Self::UserExists { .. } => "user_exists",
        }
    }

    /// What the user can do.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        let text = match self {
            Self::Missing { path } => {
                return Some(format!("make one first: strongroom --store '{}' init", path.display()));
            }
            Self::File(error) => return error.help(),
            Self::Exists { .. } => "choose another path with --store, or use the store that is there",
            Self::NotAStore => "give the path of a store with --store",
            Self::SchemaFromFuture { .. } => "use the program that made it, or a newer one",
            Self::Busy => "try again; if it stays, look for a process that holds the store open",
            Self::ReadOnly => "run the command as the owner of the store, on a medium that can be written",
            Self::Full => "free some space and try again; the store is unchanged",
            Self::Corrupt { .. } => "leave the file where it is and restore a backup beside it",
            Self::OutcomeUnknown => "run the command again: an import of the same file is harmless",
            Self::AliasTaken { .. } => "choose another alias, or replace the entry with --replace",
            Self::NotFound { .. } => "list the entries with: strongroom ls",
            Self::UserExists { .. } | Self::NoSuchUser { .. } => "list the users with: strongroom user ls",
            Self::Sqlite(_) => return None,
        };
        Some(text.to_owned())
    }
}
