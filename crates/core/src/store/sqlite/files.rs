//! Files beside a database: those that SQLite keeps, and ours.

use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use crate::{
    private_file::{self, FileError},
    store::StoreError,
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
        let metadata = fs::metadata(backup).map_err(|error| FileError::io("look at", backup, &error))?;
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
        copied.map_err(|error| FileError::io("copy", backup, &error))?;
        Ok(prepared)
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        super::remove(&self.path);
    }
}

/// The mark of a change of everything: who waits for the write lock goes on waiting while it is locked.
#[derive(Debug)]
pub(crate) struct LongChange {
    path: PathBuf,
    _lock: File,
}

impl LongChange {
    /// Says that a change of everything begins.
    pub(crate) fn begin(store: &Path) -> Result<Self, StoreError> {
        let path = beside(store, "-long");
        match private_file::create(&path, b"") {
            Ok(()) | Err(FileError::Exists { .. }) => {}
            Err(other) => return Err(other.into()),
        }
        let file = private_file::open_private(&path, true)?;
        file.lock().map_err(|error| FileError::io("lock", &path, &error))?;
        Ok(Self { path, _lock: file })
    }
}

impl Drop for LongChange {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Whether a change of everything is in progress: the system lets go of the lock however its process ends.
pub(in crate::store) fn is_long_change(store: &Path) -> bool {
    File::open(beside(store, "-long")).is_ok_and(|file| file.try_lock().is_err())
}
