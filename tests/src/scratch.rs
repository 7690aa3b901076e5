//! A keystore in a temporary folder of its own.

use std::{fs, path::PathBuf};

use strongroom::{Keystore, UnixTime, UnlockKey};
use tempfile::TempDir;

/// A new keystore; its folder goes with it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Scratch {
    /// The folder.
    pub folder: TempDir,
    /// The keystore, open.
    pub keystore: Keystore,
    /// What unlocks it.
    pub unlock: UnlockKey,
}

impl Scratch {
    /// Makes one.
    #[must_use]
    pub fn new(at: UnixTime) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let unlock = UnlockKey::generate().unwrap();
        unlock.create_file(&folder.path().join("keystore.key")).unwrap();
        let keystore = Keystore::create(&folder.path().join("keystore.db"), &unlock, at).unwrap();
        Self { folder, keystore, unlock }
    }

    /// The database file.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("keystore.db")
    }

    /// The bytes of the database and of its write-ahead log.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut all = fs::read(self.path()).unwrap();
        all.extend(fs::read(self.folder.path().join("keystore.db-wal")).unwrap_or_default());
        all
    }
}
