//! The locks of servers that use entries: a file each beside the store, with a lock that ends with the process.
//!
//! The mark in the store says who, the lock whether that is still so: the system lets go of it however the process ends.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    hexadecimal::hex,
    private_file::{self, FileError},
    seal::EntryId,
    store::{EntryHead, EntryRow, StoreError, beside},
};

/// How often the lock is tried: another process that looks has it for an instant.
const LOOKS: u32 = 3;
/// How often a server tries to take it.
const TAKES: u32 = 500;
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(2);
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
        let id = hex(id);
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

    /// Takes the lock of an entry, which other servers may have as well.
    pub(super) fn take(&self, id: &EntryId) -> Result<Option<File>, StoreError> {
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
                    return Err(FileError::io("lock", &path, error).into());
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
