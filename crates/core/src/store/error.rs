//! Why the store refused or failed.

mod remedies;

use std::path::PathBuf;

use rustls_pki_types::UnixTime;
use thiserror::Error;

use super::UncertainCommit;
use crate::{
    alias::Alias,
    instant::{rfc3339, seconds},
    private_file::FileError,
    seal::SealError,
};

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
    /// A program from before the first release made the store.
    #[error("the store was made by a preview of this program, in a format that is not read any more")]
    FromPreview,
    /// A write-ahead log on a network file system.
    #[error("{} is on a network file system, where a write-ahead log is not safe", path.display())]
    Network {
        /// The path.
        path: PathBuf,
    },
    /// The file that was opened, or its folder, was moved away or replaced. A change is not where others look for it.
    #[error("{} is not the file that was opened: it was moved or replaced", path.display())]
    Replaced {
        /// The path.
        path: PathBuf,
    },
    /// The store is older than its rollback guard.
    #[error(
        "the store is at commit {found}, its rollback guard at {known}: an older copy was put in its place"
    )]
    RolledBack {
        /// Commits of the store.
        found: i64,
        /// Commits that the guard knows of.
        known: i64,
    },
    /// The log of the store does not lead on from what its rollback guard, or this process, saw.
    #[error(
        "the log of the store does not continue what was seen at commit {known}: the copy of another history was put in its place"
    )]
    Forked {
        /// The commit that was seen.
        known: i64,
    },
    /// The log was cut behind what is known of it: the rows between are in a file.
    #[error(
        "the log was rotated: its rows up to {cut} were written to files and cut, and {} at row {row}",
        if *guarded { "the rollback guard stands" } else { "this process saw the store last" }
    )]
    LogRotated {
        /// The row that is known.
        row: i64,
        /// The last row that was cut.
        cut: i64,
        /// Whether the store was opened with its rollback guard.
        guarded: bool,
    },
    /// A file of rows of the log is none, was changed, or is not of this log.
    #[error("{} proves nothing: {problem}", path.display())]
    LogSegment {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Another process rotated the log meanwhile.
    #[error("the log was rotated by another process meanwhile")]
    LogCutMeanwhile,
    /// There is something where a file is to be made.
    #[error("there is a file at {} already", path.display())]
    FileExists {
        /// The path.
        path: PathBuf,
    },
    /// The store has a rollback guard, which was not given.
    #[error("the store has a rollback guard, which was not given")]
    Guarded,
    /// The rollback guard is of another store.
    #[error("the rollback guard {} is of another store", path.display())]
    ForeignGuard {
        /// The path of the guard.
        path: PathBuf,
    },
    /// A backup is of another store.
    #[error("the backup is of another store")]
    OtherStore,
    /// There is no rollback guard at the path.
    #[error("there is no rollback guard at {}", path.display())]
    GuardMissing {
        /// The path.
        path: PathBuf,
    },
    /// What was given as rollback guard is none.
    #[error("{} is not a rollback guard", path.display())]
    NotAGuard {
        /// The path.
        path: PathBuf,
    },
    /// A backup is not whole; nothing was restored.
    #[error("the backup is not whole: {problem}")]
    BadBackup {
        /// The first problem.
        problem: String,
    },
    /// The store is damaged, so that no backup of all of it can be written; none was.
    #[error("no backup was written, for the store is damaged: {problem}")]
    NotWhole {
        /// The first problem.
        problem: String,
    },
    /// A server uses the entry.
    #[error("the entry \"{alias}\" is in use by {server}")]
    InUse {
        /// The alias.
        alias: Alias,
        /// The server.
        server: String,
    },
    /// The chains of entries need the CA certificate.
    #[error("\"{alias}\" is in the chain of {}", these(entries))]
    Needed {
        /// The alias of the CA certificate.
        alias: Alias,
        /// Those entries, in order.
        entries: Vec<Alias>,
    },
    /// The entry was removed, and can be brought back.
    #[error("there is no entry \"{alias}\" any more: it was removed")]
    Removed {
        /// The alias.
        alias: Alias,
    },
    /// The entry has no such version.
    #[error("the entry \"{alias}\" has no version {version}")]
    NoSuchVersion {
        /// The alias.
        alias: Alias,
        /// The version asked for.
        version: u32,
    },
    /// The entry had the version, which was pruned.
    #[error("version {version} of \"{alias}\" is gone: the versions before {first} were pruned{}", pruned(*at))]
    VersionPruned {
        /// The alias.
        alias: Alias,
        /// The version asked for.
        version: u32,
        /// The oldest version that is left.
        first: u32,
        /// When versions of the entry were pruned last, where that is known.
        at: Option<UnixTime>,
    },
    /// There is nothing to go back to.
    #[error("the entry \"{alias}\" has no former version{}", if *removed { "; a removed entry of that alias is kept" } else { "" })]
    NothingToUndo {
        /// The alias.
        alias: Alias,
        /// Whether a removed entry had the same alias.
        removed: bool,
    },
    /// The entry is what it would become.
    #[error("the entry \"{alias}\" is what it was at version {version} already")]
    SameVersion {
        /// The alias.
        alias: Alias,
        /// The version asked for.
        version: u32,
    },
    /// A value that the caller gave is outside what the store takes.
    #[error("the store does not take that: {reason}")]
    InvalidValue {
        /// What is wrong with it.
        reason: String,
    },
    /// What is stored could not be sealed or unsealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// Another writer kept the store locked for the whole timeout: 10 seconds, unless it was set otherwise.
    #[error("the store was locked by another writer for as long as this one waits")]
    Busy,
    /// The store was opened for reading only, or its medium allows no writing.
    #[error("the store cannot be written")]
    ReadOnly,
    /// The store needs its write-ahead log or its journal to be read, on a medium that cannot be written.
    #[error("the store cannot be read without {}, and not with it where nothing can be written", log.display())]
    LogOnReadOnly {
        /// The log or journal.
        log: PathBuf,
    },
    /// A writer was killed, and its journal must be rolled back by who can write.
    #[error(
        "a writer was killed, and what it left can only be put right by somebody who can write to the store"
    )]
    NeedsRecovery,
    /// The disk is full.
    #[error("no space is left for the store")]
    Full,
    /// The new root key, or the removal of a slot, is in force; what it replaced could not be wiped from the files.
    #[error("the change is in force, but what it replaced is still in the files of the store: {0}")]
    NotCompacted(Box<Self>),
    /// The database file is damaged.
    #[error("the store is damaged: {detail}")]
    Corrupt {
        /// What was found.
        detail: &'static str,
    },
    /// The current version of an entry is damaged, and what its alias stands for is whole.
    #[error("version {version} of \"{alias}\", the current one, is damaged")]
    VersionDamaged {
        /// The alias.
        alias: Alias,
        /// The version.
        version: u32,
        /// The last former version that is whole.
        whole: Option<u32>,
    },
    /// What an alias stands for is damaged, and former versions that are whole would go with it.
    #[error("what \"{alias}\" stands for is damaged, and {} of it would go that {} whole", if *versions == 1 { "1 former version".to_owned() } else { format!("{versions} former versions") }, if *versions == 1 { "is" } else { "are" })]
    HeadDamaged {
        /// The alias.
        alias: Alias,
        /// How many former versions are whole.
        versions: u32,
    },
    /// A slot does not prove itself: its row was changed, dropped or put there. Another one opened the store.
    #[error("slot {slot} of the store {}", if *foreign { "was not written with a key of the store: its row was put there" } else { "is damaged: its row is missing, or not as it was written" })]
    SlotDamaged {
        /// Its number.
        slot: u32,
        /// Whether the store has no such slot, and somebody put the row there.
        foreign: bool,
    },
    /// A reader holds pages that should be gone.
    #[error("a process that reads the store held its former pages for 10 seconds")]
    Held,
    /// The engine failed otherwise.
    #[error("the store failed: {detail}")]
    Failed {
        /// What it said.
        detail: String,
        /// The engine's own error, where there is one.
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The commit, or what was read back after it, failed: the change may be there or not.
    #[error("the outcome is unknown: {0}")]
    OutcomeUnknown(UncertainCommit),
    /// No entry has the alias.
    #[error("there is no entry \"{alias}\"")]
    NotFound {
        /// The alias.
        alias: Alias,
    },
    /// The certificate of an entry is not for a host.
    #[error("the certificate of \"{alias}\" is not for {host}: {but}")]
    HostNotNamed {
        /// The alias.
        alias: Alias,
        /// The host.
        host: String,
        /// What it is for, or why it looks as if it was.
        but: String,
    },
    /// No entry is bound to the host.
    #[error("no entry is bound to {host}")]
    HostNotBound {
        /// The host.
        host: String,
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

/// `, the last of them on 2026-11-23T12:00:00Z`, where that is known.
fn pruned(at: Option<UnixTime>) -> String {
    at.map(|at| format!(", the last of them on {}", rfc3339(seconds(at)))).unwrap_or_default()
}

/// `2 entries: api, www`; of many the first ten.
fn these(entries: &[Alias]) -> String {
    const SHOWN: usize = 10;
    let count = if entries.len() == 1 { "1 entry".to_owned() } else { format!("{} entries", entries.len()) };
    let names: Vec<&str> = entries.iter().take(SHOWN).map(Alias::as_str).collect();
    let more = entries.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{count}: {}{more}", names.join(", "))
}

impl StoreError {
    /// The commit succeeded, and what it wrote did not come back whole.
    pub(crate) fn unread() -> Self {
        Self::OutcomeUnknown(UncertainCommit::of_reading_back())
    }

    /// Whether the same may succeed a little later, without anybody changing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Busy | Self::Held)
    }

    /// A stable code for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "store_missing",
            Self::Exists { .. } => "store_exists",
            Self::File(FileError::Missing { .. } | FileError::Exists { .. }) => "file_failed",
            Self::File(error) => error.code(),
            Self::NotAStore => "not_a_store",
            Self::SchemaFromFuture { .. } => "schema_from_future",
            Self::FromPreview => "store_from_preview",
            Self::Network { .. } => "store_on_network",
            Self::Replaced { .. } => "store_replaced",
            Self::RolledBack { .. } | Self::Forked { .. } | Self::ForeignGuard { .. } => "store_rolled_back",
            Self::LogRotated { .. } | Self::LogCutMeanwhile => "log_rotated",
            Self::LogSegment { .. } => "bad_log_segment",
            Self::FileExists { .. } => "file_exists",
            Self::Guarded => "store_guarded",
            Self::OtherStore => "other_store",
            Self::GuardMissing { .. } => "rollback_guard_missing",
            Self::NotAGuard { .. } => "not_a_rollback_guard",
            Self::BadBackup { .. } => "bad_backup",
            Self::InUse { .. } => "alias_in_use",
            Self::Needed { .. } => "in_use",
            Self::Removed { .. } => "not_found",
            Self::NoSuchVersion { .. } => "version_not_found",
            Self::VersionPruned { .. } => "version_pruned",
            Self::NothingToUndo { .. } | Self::SameVersion { .. } => "nothing_to_undo",
            Self::InvalidValue { .. } => "invalid_value",
            Self::Seal(error) => error.code(),
            Self::Busy | Self::Held => "store_busy",
            Self::ReadOnly | Self::LogOnReadOnly { .. } | Self::NeedsRecovery => "store_read_only",
            Self::Full => "store_full",
            Self::NotCompacted(_) => "store_not_compacted",
            Self::Corrupt { .. } | Self::NotWhole { .. } | Self::SlotDamaged { .. } => "store_corrupt",
            Self::VersionDamaged { .. } | Self::HeadDamaged { .. } => "store_corrupt",
            Self::Failed { .. } => "store_failed",
            Self::OutcomeUnknown(_) => "outcome_unknown",
            Self::NotFound { .. } => "not_found",
            Self::HostNotNamed { .. } => "host_not_named",
            Self::HostNotBound { .. } => "host_not_bound",
            Self::AliasTaken { .. } => "alias_taken",
            Self::NoSuchUser { .. } => "user_not_found",
            Self::UserExists { .. } => "user_exists",
        }
    }
}
