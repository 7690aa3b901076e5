//! Which entries servers use: a mark in the store, and a lock on a file beside it that ends with the process.
//!
//! The mark says who, the lock whether that is still so: the system lets go of it however the process ends.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    time::Duration,
};

use rustls_pki_types::UnixTime;

use super::{
    Keystore,
    protocol::{Asked, LogNote, Step},
};
use crate::{
    alias::Alias,
    error::Error,
    instant::seconds,
    private_file::{self, FileError},
    seal::EntryId,
    store::{Action, EntryHead, EntryRow, Happened, StoreError, beside},
};

/// How often the lock is tried: another process that looks has it for an instant.
const LOOKS: u32 = 3;
/// How often a server tries to take it.
const TAKES: u32 = 500;
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(2);
/// The longest name of a server, in characters.
const MAX_NAME: usize = 256;

/// A server's use of an entry: as long as it lasts, the entry is neither removed nor renamed without force. It ends with
/// the process, or with [`Keystore::release`].
#[derive(Debug)]
pub struct InUse {
    alias: Alias,
    id: EntryId,
    _lock: Option<File>,
}

impl Keystore {
    /// Says that `server`, which is this process, uses an entry.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], [`StoreError::InvalidValue`] for a name of no or more than 256 characters, or another if
    /// the store cannot be written.
    pub fn hold(&self, alias: &Alias, server: &str, at: UnixTime) -> Result<InUse, Error> {
        if server.is_empty() || server.chars().count() > MAX_NAME {
            let reason = format!("the name of a server has 1 to {MAX_NAME} characters");
            return Err(StoreError::InvalidValue { reason }.into());
        }
        let asked = Asked { action: Action::Bind, about: alias.as_str(), at: seconds(at) };
        self.change(
            asked,
            // The lock is taken, and a mark without one taken away, by whoever has the write lock: never both at once.
            |write, by| {
                let head = write.as_read().head(alias)?;
                let head = head.ok_or_else(|| StoreError::NotFound { alias: alias.clone() })?;
                let held = InUse { alias: head.alias.clone(), id: head.id, _lock: by.holds.take(&head.id)? };
                if head.bound_to.as_deref() == Some(server) {
                    return Ok(Step::Same(held));
                }
                write.bind(&head, Some(server))?;
                let note = LogNote::plain(head.alias.as_str(), Happened::BoundTo(server.to_owned()));
                Ok(Step::Changed(held, note))
            },
            |read, _, _| Ok(read.head(alias)?.is_some_and(|head| head.bound_to.as_deref() == Some(server))),
        )
    }

    /// Ends the use of an entry, unless another server goes on with it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be written; the lock is gone all the same.
    pub fn release(&self, held: InUse, at: UnixTime) -> Result<(), Error> {
        let InUse { alias, id, _lock } = held;
        drop(_lock);
        let asked = Asked { action: Action::Bind, about: alias.as_str(), at: seconds(at) };
        self.change(
            asked,
            |write, by| {
                let head = write.as_read().head(&alias)?;
                let head = head.filter(|head| head.id == id && head.bound_to.is_some());
                let Some(head) = head.filter(|head| by.holds.server(head).is_none()) else {
                    return Ok(Step::Same(()));
                };
                write.bind(&head, None)?;
                by.holds.forget(&head);
                Ok(Step::Changed((), LogNote::plain(head.alias.as_str(), Happened::Unbound)))
            },
            |_, _, ()| Ok(true),
        )
    }
}

/// The locks of a store's servers.
pub(super) struct Holds {
    /// A store in memory has no place for them.
    store: Option<PathBuf>,
}

impl Holds {
    /// Of the store at a path; one in memory has none.
    pub(super) fn of(store: Option<&Path>) -> Self {
        Self { store: store.map(Path::to_owned) }
    }

    fn path(&self, id: &EntryId) -> Option<PathBuf> {
        let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        self.store.as_ref().map(|store| beside(store, &format!("-used-{id}")))
    }

    /// The server that uses an entry now. A mark whose server is gone counts for nothing.
    pub(super) fn server<'h>(&self, head: &'h EntryHead) -> Option<&'h str> {
        head.bound_to.as_deref().filter(|_| self.path(&head.id).is_none_or(|path| is_locked(&path)))
    }

    /// A row without the mark of a server that is gone.
    pub(super) fn now(&self, mut row: EntryRow) -> EntryRow {
        if row.head.bound_to.is_some() && self.server(&row.head).is_none() {
            row.head.bound_to = None;
        }
        row
    }

    /// Removes the file of a use that has ended.
    pub(super) fn forget(&self, head: &EntryHead) {
        if let Some(path) = self.path(&head.id).filter(|path| !is_locked(path)) {
            let _ = fs::remove_file(path);
        }
    }

    fn take(&self, id: &EntryId) -> Result<Option<File>, StoreError> {
        let Some(path) = self.path(id) else {
            return Ok(None);
        };
        match private_file::create(&path, b"") {
            Ok(()) | Err(FileError::Exists { .. }) => {}
            Err(other) => return Err(other.into()),
        }
        let file = private_file::open_private(&path, false)?;
        // Whoever only looks has it for an instant.
        for _ in 0..TAKES {
            match file.try_lock_shared() {
                Ok(()) => return Ok(Some(file)),
                Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
                Err(TryLockError::Error(error)) => {
                    return Err(FileError::io("lock", &path, &error).into());
                }
            }
        }
        Err(StoreError::Busy)
    }
}

/// Whether a server has the lock. What cannot be told counts as held.
fn is_locked(path: &Path) -> bool {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) => return error.kind() != std::io::ErrorKind::NotFound,
    };
    (0..LOOKS).all(|look| {
        if look > 0 {
            std::thread::sleep(PAUSE);
        }
        file.try_lock().is_err()
    })
}
