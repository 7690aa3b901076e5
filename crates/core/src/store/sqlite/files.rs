//! Files beside a database: those that SQLite keeps, and ours.

use std::{
    ffi::OsString,
    fs::{self, File, TryLockError},
    io::{self, ErrorKind, Read as _, Write as _},
    path::{Path, PathBuf},
};

use crate::{
    private_file::{self, FileError},
    store::{StoreError, engine::LongChange},
};

/// The files that SQLite keeps beside a database.
pub(crate) fn side_files(path: &Path) -> [PathBuf; 3] {
    ["-wal", "-shm", "-journal"].map(|suffix| beside(path, suffix))
}

/// The path with something added to its name.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// A name beside a file that nothing has.
pub(crate) fn free_name(path: &Path, suffix: &str) -> PathBuf {
    let mut number = 0_u32;
    loop {
        let end = if number == 0 { suffix.to_owned() } else { format!("{suffix}.{number}") };
        let path = beside(path, &end);
        if path.symlink_metadata().is_err() {
            return path;
        }
        number = number.saturating_add(1);
    }
}

/// A copy of a backup beside the store, so that the backup itself is never opened. Gone when dropped.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) path: PathBuf,
}

impl Prepared {
    /// Copies `backup` to a place beside `store`: 0600 from its first moment.
    pub(crate) fn new(backup: &Path, store: &Path) -> Result<Self, StoreError> {
        private_file::create_parent(store)?;
        private_file::check_owned(private_file::parent(store), true)?;
        let metadata = fs::metadata(backup).map_err(|error| FileError::io("look at", backup, error))?;
        if !metadata.is_file() {
            return Err(FileError::WrongKind { path: backup.to_owned(), expected: "file" }.into());
        }
        let prepared = Self { path: free_name(store, ".restore") };
        private_file::create(&prepared.path, b"")?;
        let copied = File::open(backup).and_then(|mut from| {
            let mut to = fs::OpenOptions::new().write(true).open(&prepared.path)?;
            io::copy(&mut from, &mut to)?;
            to.sync_all()
        });
        copied.map_err(|error| FileError::io("copy", backup, error))?;
        Ok(prepared)
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        super::remove(&self.path);
    }
}

/// The mark of a change of everything: a file beside the database, which says what the change is, and is locked as long as
/// it lasts. The system lets go of the lock however the process ends.
#[derive(Debug)]
pub(super) struct Mark {
    path: PathBuf,
    _lock: File,
}

fn mark_path(store: &Path) -> PathBuf {
    beside(store, "-long")
}

/// Announces a change of everything; `None` while another is announced.
pub(super) fn announce(store: &Path, change: LongChange) -> Result<Option<Mark>, StoreError> {
    let path = mark_path(store);
    loop {
        match private_file::create(&path, b"") {
            Ok(()) | Err(FileError::Exists { .. }) => {}
            Err(other) => return Err(unmarked(other)),
        }
        let mut file = match private_file::open_private(&path, true) {
            Ok(file) => file,
            // Whoever had it has ended meanwhile, and taken it away.
            Err(FileError::HardLinked { links: 0, .. }) => continue,
            Err(FileError::Missing { .. }) => continue,
            Err(_) if path.symlink_metadata().is_err() => continue,
            Err(other) => return Err(other.into()),
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(FileError::io("lock", &path, error).into()),
        }
        if private_file::identity(&path) == private_file::identity_of(&file) {
            let written = file.set_len(0).and_then(|()| file.write_all(change.as_str().as_bytes()));
            written.map_err(|error| unmarked(FileError::io("write", &path, error)))?;
            return Ok(Some(Mark { path, _lock: file }));
        }
        // Taken away between the opening and the lock: nobody else would see it.
    }
}

/// A full disk is what it is for every other change.
fn unmarked(error: FileError) -> StoreError {
    match error {
        FileError::Io { kind: ErrorKind::StorageFull | ErrorKind::QuotaExceeded, .. } => StoreError::Full,
        other => other.into(),
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// The change of everything that is announced.
pub(super) fn announced(store: &Path) -> Option<LongChange> {
    let file = private_file::open_private(&mark_path(store), false).ok()?;
    // Shared, so that two who look do not see each other.
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => {}
        _ => return None,
    }
    let mut name = String::new();
    let read = file.take(16).read_to_string(&mut name);
    let of_name = |change: &LongChange| change.as_str() == name;
    // It is locked a moment before its name is written.
    Some(read.ok().and_then(|_| LongChange::ALL.into_iter().find(of_name)).unwrap_or(LongChange::Rewrite))
}
