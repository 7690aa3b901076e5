//! Commits that failed in a way that leaves it open whether they happened, and what can be seen of them afterwards.

use std::fmt;

use super::Store;
use crate::seal::Digest;

/// A change that may be there or not.
///
/// Nothing that is seen is durable for sure: a crash may still bring the change or take it. The next commit settles it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UncertainCommit {
    row: Option<LogRow>,
    seen: CommitOutcome,
}

/// The row of the log that the change would have written with it: nobody else can have written the same.
#[derive(Clone, Debug, Eq, PartialEq)]
struct LogRow {
    number: i64,
    hash: Digest,
}

/// What a new connection sees of a change.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum CommitOutcome {
    /// It is there now.
    Present,
    /// It is not there now.
    Absent,
    /// The store could not be read again, or not all of it.
    Unreadable,
}

impl UncertainCommit {
    /// The commit failed that would have written row `number` of the log.
    pub(super) fn of_commit(number: i64, hash: Digest) -> Self {
        Self { row: Some(LogRow { number, hash }), seen: CommitOutcome::Unreadable }
    }

    /// The commit succeeded, and what it wrote did not come back whole.
    pub(crate) fn of_reading_back() -> Self {
        Self { row: None, seen: CommitOutcome::Unreadable }
    }

    /// What a new connection saw.
    #[must_use]
    pub fn seen(&self) -> CommitOutcome {
        self.seen
    }
}

impl fmt::Display for UncertainCommit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.seen {
            CommitOutcome::Unreadable if self.row.is_some() => {
                "the commit failed, and the store could not be read again"
            }
            CommitOutcome::Present => "the commit failed; read again, the change is there now",
            CommitOutcome::Absent => "the commit failed; read again, the change is not there now",
            CommitOutcome::Unreadable => "the change was written, but could not be read back",
        })
    }
}

impl Store {
    /// Opens the connection again after a commit that failed, and looks for the change.
    pub(crate) fn look_again(&mut self, mut uncertain: UncertainCommit) -> UncertainCommit {
        self.in_doubt = true;
        let Some(row) = &uncertain.row else {
            return uncertain;
        };
        let found = self
            .reconnect()
            .and_then(|()| self.read().and_then(|read| read.has_log_row(row.number, &row.hash)));
        uncertain.seen = match found {
            Ok(true) => CommitOutcome::Present,
            Ok(false) => CommitOutcome::Absent,
            Err(_) => CommitOutcome::Unreadable,
        };
        uncertain
    }
}
