//! Commits that failed in a way that leaves it open whether they happened, and what can be seen of them afterwards.

use std::fmt;

use super::Store;
use crate::seal::Digest;

/// A change that may be there or not.
///
/// Nothing that is seen is durable for sure: a crash may still bring the change or take it. The next commit settles it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Doubt {
    row: Option<LogRow>,
    seen: Seen,
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
pub enum Seen {
    /// It is there now.
    There,
    /// It is not there now.
    NotThere,
    /// The store could not be read again, or not all of it.
    Nothing,
}

impl Doubt {
    /// The commit failed that would have written row `number` of the log.
    pub(super) fn of_commit(number: i64, hash: Digest) -> Self {
        Self { row: Some(LogRow { number, hash }), seen: Seen::Nothing }
    }

    /// The commit succeeded, and what it wrote did not come back whole.
    pub(crate) fn of_reading_back() -> Self {
        Self { row: None, seen: Seen::Nothing }
    }

    /// What a new connection saw.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.seen
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.seen {
            Seen::Nothing if self.row.is_some() => "the commit failed, and the store could not be read again",
            Seen::There => "the commit failed; read again, the change is there now",
            Seen::NotThere => "the commit failed; read again, the change is not there now",
            Seen::Nothing => "the change was written, but could not be read back",
        })
    }
}

impl Store {
    /// Opens the connection anew after a commit that failed, and looks for the change.
    pub(crate) fn look_again(&mut self, mut doubt: Doubt) -> Doubt {
        self.in_doubt = true;
        let Some(row) = &doubt.row else {
            return doubt;
        };
        let found = self
            .reconnect()
            .and_then(|()| self.read().and_then(|read| read.has_log_row(row.number, &row.hash)));
        doubt.seen = match found {
            Ok(true) => Seen::There,
            Ok(false) => Seen::NotThere,
            Err(_) => Seen::Nothing,
        };
        doubt
    }
}
