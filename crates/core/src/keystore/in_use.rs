//! Which entries servers use: a mark in the store, and a lock on a file beside it that ends with the process.
//!
//! The mark says who, the lock whether that is still so: the system lets go of it however the process ends.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    time::Duration,
};

use rustls_pki_types::UnixTime;

use super::{Keystore, event_of, seconds};
use crate::{
    alias::Alias,
    error::Error,
    private_file::{self, FileError},
    seal::EntryId,
    store::{EntryHead, EntryRow, Event, Store, StoreError},
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
    lock: File,
}

impl Keystore {
    /// Says that `server`, which is this process, uses an entry.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], [`StoreError::InvalidValue`] for a name of no or more than 256 characters, or another if
    /// the store cannot be written.
    pub fn hold(&mut self, alias: &Alias, server: &str, at: UnixTime) -> Result<InUse, Error> {
        if server.is_empty() || server.chars().count() > MAX_NAME {
            let reason = format!("the name of a server has 1 to {MAX_NAME} characters");
            return Err(StoreError::InvalidValue { reason }.into());
        }
        let actor = self.actor.clone();
        let holds = Holds::of(&self.store);
        // The lock is taken, and a mark without one taken away, by whoever has the write lock: never both at once.
        let write = self.store.write()?;
        let head = write.as_read().head(alias)?;
        let head = head.ok_or_else(|| StoreError::NotFound { alias: alias.clone() })?;
        let held = InUse { alias: head.alias.clone(), id: head.id, lock: holds.take(&head.id)? };
        if head.bound_to.as_deref() == Some(server) {
            return Ok(held);
        }
        write.bind(&head, Some(server))?;
        let event =
            Event { alias: head.alias.as_str(), outcome: server, ..event_of("bind", &actor, seconds(at)) };
        let done = write.commit(&event);
        self.settle(done)?;
        Ok(held)
    }

    /// Ends the use of an entry, unless another server goes on with it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be written; the lock is gone all the same.
    pub fn release(&mut self, held: InUse, at: UnixTime) -> Result<(), Error> {
        let InUse { alias, id, lock } = held;
        drop(lock);
        let actor = self.actor.clone();
        let holds = Holds::of(&self.store);
        let write = self.store.write()?;
        let head = write.as_read().head(&alias)?.filter(|head| head.id == id && head.bound_to.is_some());
        let Some(head) = head.filter(|head| holds.server(head).is_none()) else {
            return Ok(());
        };
        write.bind(&head, None)?;
        holds.forget(&head);
        let event =
            Event { alias: head.alias.as_str(), outcome: "unbound", ..event_of("bind", &actor, seconds(at)) };
        let done = write.commit(&event);
        self.settle(done)
    }
}

/// The locks of a store's servers.
pub(super) struct Holds {
    store: PathBuf,
}

impl Holds {
    pub(super) fn of(store: &Store) -> Self {
        Self { store: store.path().to_owned() }
    }

    fn path(&self, id: &EntryId) -> PathBuf {
        let mut name = self.store.as_os_str().to_owned();
        name.push("-used-");
        for byte in id {
            name.push(format!("{byte:02x}"));
        }
        PathBuf::from(name)
    }

    /// The server that uses an entry now. A mark whose server is gone counts for nothing.
    pub(super) fn server<'h>(&self, head: &'h EntryHead) -> Option<&'h str> {
        head.bound_to.as_deref().filter(|_| is_locked(&self.path(&head.id)))
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
        let path = self.path(&head.id);
        if !is_locked(&path) {
            let _ = fs::remove_file(path);
        }
    }

    fn take(&self, id: &EntryId) -> Result<File, StoreError> {
        let path = self.path(id);
        match private_file::create(&path, b"") {
            Ok(()) | Err(FileError::Exists { .. }) => {}
            Err(other) => return Err(other.into()),
        }
        private_file::check_owned(&path, false)?;
        let file = File::open(&path).map_err(|error| FileError::io("open", &path, &error))?;
        // Whoever only looks has it for an instant.
        for _ in 0..TAKES {
            match file.try_lock_shared() {
                Ok(()) => return Ok(file),
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
