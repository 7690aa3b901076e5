//! Copies of a store: made while it is used, and put back.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::backup::{Backup, StepResult};

use super::{
    Store, StoreError,
    connection::{connect, vacuum},
    locked::side_files,
    schema,
};
use crate::private_file::{self, FileError};

impl Store {
    /// Writes a consistent copy to a new file, 0600, while others read and write.
    pub(crate) fn backup(&self, to: &Path) -> Result<(), StoreError> {
        private_file::create(to, b"").map_err(|error| match error {
            FileError::Exists { path } => StoreError::Exists { path },
            other => other.into(),
        })?;
        let copied = vacuum(&self.connection, Some(to)).and_then(|()| Ok(private_file::sync(to)?));
        if copied.is_err() {
            let _ = fs::remove_file(to);
        }
        copied
    }
}

/// How often, and how long apart, a store that others have locked is tried: ten seconds.
const TRIES: u32 = 200;
const PAUSE: Duration = Duration::from_millis(50);

/// A copy of a backup beside the store, so that the backup itself is never opened for writing. Gone when dropped.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) path: PathBuf,
}

impl Drop for Prepared {
    fn drop(&mut self) {
        for path in side_files(&self.path).iter().chain([&self.path]) {
            let _ = fs::remove_file(path);
        }
    }
}

fn beside(store: &Path, suffix: &str) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// A name beside the store that nothing has.
fn free_name(store: &Path, suffix: &str) -> PathBuf {
    let mut number = 0_u32;
    loop {
        let end = if number == 0 { suffix.to_owned() } else { format!("{suffix}.{number}") };
        let path = beside(store, &end);
        if path.symlink_metadata().is_err() {
            return path;
        }
        number = number.saturating_add(1);
    }
}

/// Copies `backup` to a place beside `store`.
pub(crate) fn prepare(backup: &Path, store: &Path) -> Result<Prepared, StoreError> {
    private_file::create_parent(store)?;
    private_file::check_owned(private_file::parent(store), true)?;
    let metadata = fs::metadata(backup).map_err(|error| FileError::io("look at", backup, &error))?;
    if !metadata.is_file() {
        return Err(FileError::WrongKind { path: backup.to_owned(), expected: "file" }.into());
    }
    let prepared = Prepared { path: free_name(store, ".restore") };
    private_file::create(&prepared.path, b"")?;
    fs::copy(backup, &prepared.path)
        .and_then(|_| private_file::narrow(&prepared.path))
        .map_err(|error| FileError::io("copy", backup, &error))?;
    private_file::sync(&prepared.path)?;
    Ok(prepared)
}

/// Puts a verified copy in place of the store. What was there stays beside it; its path is given.
///
/// A database that SQLite can open is overwritten in one transaction of its own, so that processes which have it
/// open see one or the other. A file that it cannot open is moved aside.
pub(crate) fn replace(prepared: &Prepared, store: &Path) -> Result<Option<PathBuf>, StoreError> {
    if store.symlink_metadata().is_err() {
        for side in side_files(store) {
            if side.symlink_metadata().is_ok() {
                let aside = free_name(&side, ".before-restore");
                fs::rename(&side, &aside).map_err(|error| FileError::io("rename", &side, &error))?;
            }
        }
        move_in(prepared, store)?;
        return Ok(None);
    }
    private_file::check_owned(store, false)?;
    let former = free_name(store, ".before-restore");
    match overwrite(prepared, store, &former) {
        Ok(()) => Ok(Some(former)),
        Err(StoreError::Corrupt { .. } | StoreError::NotAStore) => {
            let _ = fs::remove_file(&former);
            for (from, to) in side_files(store).iter().zip(side_files(&former)) {
                if from.symlink_metadata().is_ok() {
                    fs::rename(from, to).map_err(|error| FileError::io("rename", from, &error))?;
                }
            }
            fs::rename(store, &former).map_err(|error| FileError::io("rename", store, &error))?;
            move_in(prepared, store)?;
            Ok(Some(former))
        }
        Err(other) => {
            let _ = fs::remove_file(&former);
            Err(other)
        }
    }
}

fn move_in(prepared: &Prepared, store: &Path) -> Result<(), StoreError> {
    fs::rename(&prepared.path, store).map_err(|error| FileError::io("rename", &prepared.path, &error))?;
    private_file::sync(store)?;
    Ok(())
}

fn overwrite(prepared: &Prepared, store: &Path, former: &Path) -> Result<(), StoreError> {
    let mut present = connect(store, false)?;
    schema::version(&present)?;
    private_file::create(former, b"")?;
    vacuum(&present, Some(former))?;
    private_file::sync(former)?;
    let source = connect(&prepared.path, true)?;
    // All pages in one step: one transaction, under the store's own journal.
    let copy = Backup::new(&source, &mut present)?;
    let mut tries = 0;
    while copy.step(i32::MAX)? != StepResult::Done {
        tries += 1;
        if tries == TRIES {
            return Err(StoreError::Busy);
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}
