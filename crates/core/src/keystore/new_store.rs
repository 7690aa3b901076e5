//! Stores that are made of a backup: a new one with a name of its own, or one where there is none.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls_pki_types::UnixTime;

use super::{
    Backup, Keystore, NewKeystore, RestoreOptions,
    copies::{read_copy, whole},
    protocol::{Asked, LogNote, Step},
    unlock_store,
};
use crate::{
    error::Error,
    instant::seconds,
    private_file::{self, FileError},
    seal::{SealError, Unlock, UnlockSource},
    store::{
        Action, Happened, Journal, SlotCheck, SqliteEngine, Store, StoreError, StoreReport,
        engine::{Engine, Table},
        free_name, remove_file, side_files,
    },
};

impl Keystore {
    /// Makes a store of its own, with a new name, from a backup: where today's state cannot be proved. What stood at the
    /// path stays beside it, at the path that is given back; servers that have it open refuse the new one.
    ///
    /// # Errors
    ///
    /// As for [`create_with`](Self::create_with); [`SealError::KeyOfAnotherStore`] for a key that is for the store of the
    /// backup: the new one has another name.
    pub fn restore_as_new<'u>(
        backup: &Backup,
        path: &Path,
        unlock: impl Into<Unlock<'u>>,
        wanted: &NewKeystore,
        at: UnixTime,
    ) -> Result<(StoreReport, Option<PathBuf>), Error> {
        let unlock = unlock.into();
        // It would give the new store the name of the former.
        if unlock.store().is_some_and(|of| of == *backup.keystore.shared.root().ledger().store()) {
            return Err(SealError::KeyOfAnotherStore.into());
        }
        let fresh = free_name(path, ".new");
        let mut wanted = wanted.clone();
        let guard = wanted.rollback_guard.take();
        wanted.source = wanted.source.or_else(|| Some(backup.source.clone()));
        // The name of the backup's store is not taken: nobody may take this one for that.
        let made = Self::create_renamed(&fresh, unlock, &wanted, at)?;
        let options = RestoreOptions { other_store: true, with_access: true };
        let restored = made.restore(backup, None, options, at);
        drop(made);
        if restored.is_err() {
            remove_file(&fresh);
        }
        let report = restored?;
        let former = set_aside(path)?;
        for (from, to) in [fresh.clone()]
            .iter()
            .chain(&side_files(&fresh))
            .zip([path.to_owned()].iter().chain(&side_files(path)))
        {
            if from.symlink_metadata().is_ok() {
                fs::rename(from, to).map_err(|error| FileError::io("rename", from, error))?;
            }
        }
        private_file::sync(private_file::parent(path))?;
        if let Some(guard) = guard {
            let (mut store, _) = unlock_store(path, unlock, false, SlotCheck::All)?;
            store.accept(&guard, "other_store", &wanted.actor, seconds(at))?;
        }
        Ok((report, former))
    }

    /// Puts a backup where there is no store: it goes on as the store that it is a copy of.
    ///
    /// # Errors
    ///
    /// [`StoreError::Exists`] if there is a file at `path`.
    pub fn restore_missing(
        backup: Backup,
        path: &Path,
        actor: &str,
        journal: Journal,
        at: UnixTime,
    ) -> Result<StoreReport, Error> {
        if path.symlink_metadata().is_ok() {
            return Err(StoreError::Exists { path: path.to_owned() }.into());
        }
        let Backup { keystore, prepared, .. } = backup;
        let root = keystore.shared.root();
        drop(keystore);
        let engine = SqliteEngine::open(&prepared.path, false)?;
        let store = Store::unlock_copy(Box::new(engine), Some(&prepared.path), root.ledger())?;
        let copy = read_copy(store, root).acting_as(actor);
        copy.change(
            Asked { action: Action::Restore, about: "", at: seconds(at) },
            |_, _| Ok(Step::Changed((), LogNote::plain("", Happened::Restored))),
            |_, _, ()| Ok(true),
        )?;
        let report = whole(copy.verify_store()?)?;
        drop(copy);
        set_aside(path)?;
        fs::rename(&prepared.path, path).map_err(|error| FileError::io("rename", &prepared.path, error))?;
        private_file::sync(path)?;
        SqliteEngine::open(path, false)?.set_journal(journal)?;
        Ok(report)
    }

    /// Copies the store as it is into an engine that is empty: it goes on there under the same keys. Unstable, as engines
    /// are.
    ///
    /// # Errors
    ///
    /// [`StoreError::InvalidValue`] if the engine holds a store; [`StoreError::BadBackup`] if the copy is not whole.
    #[doc(hidden)]
    pub fn copy_to_engine(&self, to: Box<dyn Engine>) -> Result<StoreReport, Error> {
        if !to.view()?.range(Table::State, &[], None, 1)?.is_empty() {
            let reason = "a store is copied into an engine that is empty".to_owned();
            return Err(StoreError::InvalidValue { reason }.into());
        }
        let root = self.shared.read_for_long(|store, root| {
            store.copy_to(&*to)?;
            Ok(Arc::clone(root))
        })?;
        let copy = Store::unlock_copy(to, None, root.ledger())?;
        whole(read_copy(copy, root).verify_store()?)
    }

    fn create_renamed(
        path: &Path,
        unlock: Unlock<'_>,
        wanted: &NewKeystore,
        at: UnixTime,
    ) -> Result<Self, Error> {
        let source = wanted.source.clone().unwrap_or(UnlockSource::KeyFile(String::new()));
        let engine = Box::new(SqliteEngine::create(path, wanted.journal)?);
        Self::create_on(engine, Some(path), source, unlock, wanted, seconds(at))
    }
}

/// Moves what stands at a path aside; gives its new name.
fn set_aside(path: &Path) -> Result<Option<PathBuf>, Error> {
    let former = free_name(path, ".before-restore");
    for (from, to) in side_files(path).iter().zip(side_files(&former)) {
        if from.symlink_metadata().is_ok() {
            fs::rename(from, &to).map_err(|error| FileError::io("rename", from, error))?;
        }
    }
    if path.symlink_metadata().is_err() {
        return Ok(None);
    }
    fs::rename(path, &former).map_err(|error| FileError::io("rename", path, error))?;
    Ok(Some(former))
}
