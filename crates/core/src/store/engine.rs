//! The seam: what keeps the bytes of a store, below everything that proves them.
//!
//! An engine knows bytes under keys, in a handful of ordered tables, and nothing of what they mean. It may lie: all that
//! it gives is proved above it. What it must do is keep a view whole, let one change at a time happen, and make a commit
//! durable before it says so.
//!
//! Unstable: a release may change it.

use std::{fmt::Debug, sync::Arc, time::Duration};

use super::StoreError;

/// A table of an engine. Keys are ordered bytewise.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "an engine must keep every table")]
pub enum Table {
    /// The state of the store under two keys, one byte each: the same row twice.
    State,
    /// Canonical records. Keys of up to 170 bytes.
    Record,
    /// Nodes and pages of the tree by their path.
    Node,
    /// Certificates and sealed keys by their SHA-256 digest (32 bytes).
    Blob,
    /// Which record names which blob: the digest, then the key of the record. Unproved, for housekeeping alone.
    Use,
    /// The log by its number (8 bytes, big-endian).
    Log,
}

impl Table {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::State, Self::Record, Self::Node, Self::Blob, Self::Use, Self::Log];
}

/// A row: its key and its value.
pub type Row = (Vec<u8>, Vec<u8>);

/// A consistent view of the last commit.
pub trait View {
    /// The values of keys, in the order asked for; `None` where there is none. One trip, however many.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the rows cannot be read.
    fn get_many(&self, wanted: &[(Table, &[u8])]) -> Result<Vec<Option<Vec<u8>>>, StoreError>;

    /// Up to `limit` rows with `from` <= key, and key < `to` where it is given, in the order of their keys. One trip.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the rows cannot be read.
    fn range(
        &self,
        table: Table,
        from: &[u8],
        to: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError>;
}

/// A change in progress; dropped without [`commit`](Self::commit), it leaves no trace.
///
/// It holds the write lock from its beginning, and sees what was committed before. What was put is not read again
/// within the change: an engine may send everything with the commit.
pub trait Change: View {
    /// Writes a row, over the one that stands under the key.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the row cannot be written.
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), StoreError>;

    /// Removes a row, if there is one.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the row cannot be removed.
    fn delete(&mut self, table: Table, key: &[u8]) -> Result<(), StoreError>;

    /// Makes the change durable, all of it or nothing.
    ///
    /// # Errors
    ///
    /// [`CommitError`] says whether it is certain that nothing was written.
    fn commit(self: Box<Self>) -> Result<(), CommitError>;
}

/// Why a commit did not say that it is done.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "whether a change happened is yes, no, or unknown")]
pub enum CommitError {
    /// Nothing was written.
    Refused(StoreError),
    /// It may have happened, or may still happen.
    InDoubt(StoreError),
}

impl CommitError {
    /// What went wrong, where a doubt makes no difference.
    pub(super) fn into_error(self) -> StoreError {
        match self {
            Self::Refused(error) | Self::InDoubt(error) => error,
        }
    }
}

/// A change of everything: it holds the write lock as long as it takes, and whoever waits for that waits on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "an engine must name every one")]
pub enum LongChange {
    /// A new root key: everything is sealed under it.
    Rekey,
    /// A backup is put back.
    Restore,
    /// The file is rewritten, so that nothing is left of what was removed.
    Rewrite,
}

/// Told when a change waits for a re-key or a restore of another process.
pub trait WaitNotice: Debug + Send + Sync {
    /// A change has waited for ten seconds for this one, and waits on. Once for each wait.
    fn waiting(&self, change: LongChange);
}

impl LongChange {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Rekey, Self::Restore, Self::Rewrite];

    /// The name by which processes tell each other.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rekey => "rekey",
            Self::Restore => "restore",
            Self::Rewrite => "rewrite",
        }
    }
}

/// Others see the announcement until this is dropped, or the process ends, however it ends.
pub type Announcement = Box<dyn Debug + Send>;

/// Opens connections to a store, for whichever thread needs one, and tells all who use the store of changes of everything.
pub trait Connector: Debug + Send + Sync {
    /// A new connection.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if there is none to be had.
    fn connect(&self) -> Result<Box<dyn Engine>, StoreError>;

    /// Announces that a change of everything begins; `None` while another is announced.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it cannot be announced.
    fn announce(&self, change: LongChange) -> Result<Option<Announcement>, StoreError>;

    /// The change of everything that is announced now.
    fn announced(&self) -> Option<LongChange>;
}

/// One connection to what keeps the bytes of a store: for one thread at a time.
pub trait Engine: Debug + Send {
    /// A view of the last commit.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if there is none to be had.
    fn view(&self) -> Result<Box<dyn View + '_>, StoreError>;

    /// Takes the write lock, and waits for it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Busy`] if others kept it, [`StoreError::ReadOnly`].
    fn begin(&self) -> Result<Box<dyn Change + '_>, StoreError>;

    /// Gives up the connection for a new one: after a failure that leaves it in doubt. Once it has returned, no commit
    /// of the former one can happen any more.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if there is none to be had.
    fn reconnect(&mut self) -> Result<(), StoreError>;

    /// How long [`begin`](Self::begin) waits while others write; 10 seconds, if nothing is said.
    fn set_busy_timeout(&mut self, timeout: Duration);

    /// What opens further connections to the same store, with the same rights and patience.
    fn connector(&self) -> Arc<dyn Connector>;

    /// Waits until the first row of [`Table::State`] is another than `since`, at most for `max`; gives it. A hint: what
    /// it gives is proved by the next view.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the row cannot be read.
    fn wait_change(&self, since: &[u8], max: Duration) -> Result<Vec<u8>, StoreError>;

    /// What is wrong with the engine's own structures; nothing, if all is well.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if they cannot be looked at.
    fn self_check(&self) -> Result<Vec<String>, StoreError>;

    /// Leaves nothing of what was removed; `whole` also rewrites what stays.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotCompacted`] if something of it may still be there.
    fn scrub(&mut self, whole: bool) -> Result<(), StoreError>;

    /// The state of the store proved authentic: this is no other store's data.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the connection failed.
    fn trust(&self) -> Result<(), StoreError>;

    /// Whether what was opened still stands where others look for it. Asked before a write, and after its commit.
    ///
    /// # Errors
    ///
    /// [`StoreError::Replaced`].
    fn still_there(&self) -> Result<(), StoreError>;

    /// Whether every change is refused.
    fn is_read_only(&self) -> bool;

    /// Whether a trip costs more than asking for rows that may not be there: a whole path is then asked for at once.
    fn is_remote(&self) -> bool;
}
