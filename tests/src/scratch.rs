//! A keystore in a temporary folder of its own.

use std::path::PathBuf;

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
        let keystore = Keystore::create(folder.path().join("keystore.db"), &unlock, at).unwrap();
        Self { folder, keystore, unlock }
    }

    /// The database file.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("keystore.db")
    }

    /// What the database holds, but for the log.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        crate::dump::content(&self.path())
    }
}
