//! How a keystore is made, and opened.

use std::{path::Path, sync::Arc};

use rustls_pki_types::UnixTime;

use super::{
    Keystore, NewKeystore, OpenOptions,
    options::{ACTOR, SharedOptions},
};
use crate::{
    error::Error,
    instant::seconds,
    seal::{RootKey, SealError, Unlock, UnlockSource, random_id},
    store::{
        Action, Claim, Event, Happened, RollbackGuard, SlotCheck, SqliteEngine, Store, StoreError, claimed,
        engine::Engine,
    },
    trace::{Operation, traced},
};

impl Keystore {
    /// Makes a new, empty keystore at `path`, readable by its owner alone.
    ///
    /// ```
    /// use strongroom::{Keystore, UnixTime, UnlockKey};
    ///
    /// let folder = tempfile::tempdir()?;
    /// let unlock = UnlockKey::generate()?;
    /// unlock.create_file(&folder.path().join("keystore.key"))?;
    /// let keystore = Keystore::create(folder.path().join("keystore.db"), &unlock, UnixTime::now())?;
    /// assert!(!keystore.is_read_only());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`StoreError::Exists`] if there is a file at `path`; [`StoreError::File`] if it cannot be made.
    pub fn create<'u>(
        path: impl AsRef<Path>,
        unlock: impl Into<Unlock<'u>>,
        at: UnixTime,
    ) -> Result<Self, Error> {
        Self::create_with(path, unlock, &NewKeystore::default(), at)
    }

    /// Makes a new, empty keystore as `wanted` says.
    ///
    /// # Errors
    ///
    /// As for [`create`](Self::create); [`StoreError::Network`] for a write-ahead log on a network file system.
    pub fn create_with<'u>(
        path: impl AsRef<Path>,
        unlock: impl Into<Unlock<'u>>,
        wanted: &NewKeystore,
        at: UnixTime,
    ) -> Result<Self, Error> {
        let (path, unlock) = (path.as_ref(), unlock.into());
        let at = seconds(at);
        let source = match (&wanted.source, unlock) {
            (Some(source), _) => source.clone(),
            (None, Unlock::Passphrase(_)) => UnlockSource::Passphrase,
            (None, Unlock::Key(_)) => UnlockSource::KeyFile(String::new()),
        };
        let engine = Box::new(SqliteEngine::create(path, wanted.journal)?);
        let made = Self::create_on(engine, Some(path), source, unlock, wanted, at);
        if made.is_err() {
            // Nobody can have stored anything in it yet.
            crate::store::remove_file(path);
        }
        made
    }

    /// Makes a new keystore on an engine that is empty. Unstable, as engines are.
    ///
    /// # Errors
    ///
    /// [`StoreError`] of the engine.
    #[doc(hidden)]
    pub fn create_on_engine<'u>(
        engine: Box<dyn Engine>,
        unlock: impl Into<Unlock<'u>>,
        at: UnixTime,
    ) -> Result<Self, Error> {
        let source = UnlockSource::KeyFile(String::new());
        Self::create_on(engine, None, source, unlock.into(), &NewKeystore::default(), seconds(at))
    }

    pub(super) fn create_on(
        engine: Box<dyn Engine>,
        path: Option<&Path>,
        source: UnlockSource,
        unlock: Unlock<'_>,
        wanted: &NewKeystore,
        at: i64,
    ) -> Result<Self, Error> {
        let root = RootKey::generate(unlock.store().map_or_else(random_id, Ok)?, 1)?;
        let slot = root.slot(0, source, unlock, at)?;
        let event = Event {
            at,
            actor: wanted.actor.clone(),
            action: Action::Init,
            alias: String::new(),
            fingerprint: String::new(),
            outcome: Happened::Made,
        };
        let guard = wanted.rollback_guard.as_deref();
        let store = Store::create(engine, path.map(Path::to_owned), root.ledger(), &slot, guard, event)?;
        Ok(Self::new(store, Arc::new(root), &wanted.actor, SharedOptions::default()))
    }

    /// Opens the keystore on an engine. Unstable, as engines are.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    #[doc(hidden)]
    pub fn open_on_engine<'u>(engine: Box<dyn Engine>, unlock: impl Into<Unlock<'u>>) -> Result<Self, Error> {
        let (store, root) = unlock_engine(engine, None, unlock.into(), SlotCheck::All)?;
        Ok(Self::new(store, Arc::new(root), ACTOR, SharedOptions::default()))
    }

    /// Opens the keystore at `path` for reading and writing.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("keystore.db");
    /// # let key = strongroom::UnlockKey::generate()?;
    /// # key.create_file(&folder.path().join("keystore.key"))?;
    /// # strongroom::Keystore::create(&path, &key, strongroom::UnixTime::now())?;
    /// use strongroom::{Keystore, UnlockKey};
    ///
    /// let unlock = UnlockKey::read_file(&folder.path().join("keystore.key"))?;
    /// let keystore = Keystore::open(&path, &unlock)?;
    /// assert!(keystore.page(None, 100, strongroom::UnixTime::now())?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`], [`StoreError::File`] with the repair if others can reach the files,
    /// [`StoreError::NotAStore`], [`StoreError::SchemaFromFuture`], [`SealError::WrongUnlockKey`], or
    /// [`StoreError::SlotDamaged`] if another slot than the one that opens does not prove itself.
    pub fn open<'u>(path: impl AsRef<Path>, unlock: impl Into<Unlock<'u>>) -> Result<Self, Error> {
        Self::options(path).open(unlock)
    }

    /// Opens the keystore at `path`; every write is refused.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("keystore.db");
    /// # let unlock = strongroom::UnlockKey::generate()?;
    /// # drop(strongroom::Keystore::create(&path, &unlock, strongroom::UnixTime::now())?);
    /// use strongroom::{Error, Keystore, store::StoreError};
    ///
    /// let keystore = Keystore::open_read_only(&path, &unlock)?;
    /// let refused = keystore.remove(&"www".parse()?, false, strongroom::UnixTime::now());
    /// assert!(matches!(refused, Err(Error::Store(StoreError::ReadOnly))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    pub fn open_read_only<'u>(path: impl AsRef<Path>, unlock: impl Into<Unlock<'u>>) -> Result<Self, Error> {
        Self::options(path).read_only().open(unlock)
    }

    /// How the keystore at `path` is opened: for reading and writing, without a rollback guard, by `library`, unless
    /// something else is said.
    pub fn options(path: impl AsRef<Path>) -> OpenOptions {
        OpenOptions::new(path.as_ref())
    }

    pub(super) fn open_as(options: &OpenOptions, unlock: Unlock<'_>) -> Result<Self, Error> {
        traced(Operation::Open, None, || Self::open_at(options, unlock))
    }

    fn open_at(options: &OpenOptions, unlock: Unlock<'_>) -> Result<Self, Error> {
        let path = options.path.as_path();
        let unlocked = || unlock_store(path, unlock, options.read_only, options.slots);
        let (mut store, root) = match unlocked() {
            // A failed read of the disk looks like damage: looked at again before it is believed.
            Err(
                Error::Store(
                    StoreError::Corrupt { .. }
                    | StoreError::SlotDamaged { .. }
                    | StoreError::Seal(SealError::SlotsDamaged),
                )
                | Error::Seal(SealError::SlotsDamaged),
            ) => unlocked()?,
            other => other?,
        };
        store.set_waiting(options.waiting.clone());
        check_guard(&mut store, options)?;
        Ok(Self::new(store, Arc::new(root), &options.actor, options.shared.clone()))
    }

    /// Where the unlock keys of the store at `path` are kept, as the store itself says. Nothing vouches for it yet: it is
    /// a hint, and never a reason to use a key that the user did not name.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    pub fn unlock_sources(path: impl AsRef<Path>) -> Result<Vec<UnlockSource>, Error> {
        let engine = SqliteEngine::open(path.as_ref(), true)?;
        let view = engine.view()?;
        Claim::all(&*view)?;
        Ok(claimed(&*view, SlotCheck::Opener)?.slots.into_iter().map(|slot| slot.source).collect())
    }
}

/// Holds a store against its rollback guard from now on.
fn check_guard(store: &mut Store, options: &OpenOptions) -> Result<(), Error> {
    let guard = options.rollback_guard.as_deref();
    let of_store = guard.map(|path| {
        RollbackGuard::at(path, *store.ledger().store()).with_segment(options.log_segment.clone())
    });
    store.set_guard(of_store, options.without_guard);
    let Err(error) = store.read().map(drop) else {
        return Ok(());
    };
    // Another file than a guard is never written to.
    if matches!(error, StoreError::NotAGuard { .. }) {
        return Err(error.into());
    }
    let refused = Error::from(error);
    match (guard, options.accept_rollback) {
        (Some(guard), Some(at)) => Ok(store.accept(guard, refused.code(), &options.actor, seconds(at))?),
        _ => Err(refused),
    }
}

/// Finds the root key of the store at `path`.
pub(super) fn unlock_store(
    path: &Path,
    unlock: Unlock<'_>,
    read_only: bool,
    check: SlotCheck,
) -> Result<(Store, RootKey), Error> {
    let engine = SqliteEngine::open(path, read_only)?;
    unlock_engine(Box::new(engine), Some(path), unlock, check)
}

fn unlock_engine(
    engine: Box<dyn Engine>,
    path: Option<&Path>,
    unlock: Unlock<'_>,
    check: SlotCheck,
) -> Result<(Store, RootKey), Error> {
    let (root, slot) = Store::find_root(&*engine, unlock, check).map_err(|error| match error {
        StoreError::Seal(error) => Error::Seal(error),
        other => other.into(),
    })?;
    Ok((Store::unlock(engine, path.map(Path::to_owned), root.ledger(), &slot, check)?, root))
}
