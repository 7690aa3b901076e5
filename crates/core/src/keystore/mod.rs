//! The keystore: the one way through the house.
//!
//! Bytes are opened, the credential is proved and validated, sealed, stored, and read back; only then is anything
//! acknowledged. A failure at any stage leaves the store as it was.

mod accounts;
mod authorities;
mod care;
mod copies;
mod embedded;
mod history;
mod import;
mod in_use;
mod neighbours;
mod options;
mod place;
mod protocol;
mod removal;
mod request;
mod row;
mod slots;
#[cfg(all(test, unix))]
mod tests;

use std::{path::Path, sync::Arc};

use rustls_pki_types::UnixTime;

pub use self::{
    authorities::{
        AuthoritiesReport, AuthoritiesRequest, AuthorityFile, AuthorityNames, AuthorityOutcome,
        AuthorityReport,
    },
    copies::{Backup, RestoreOptions, RestorePlan},
    embedded::EmbeddedAuthority,
    history::{Comparison, Version},
    in_use::InUse,
    options::{NewKeystore, OpenOptions},
    removal::{Pruned, RemovedEntry},
    request::{
        Administrator, ChainLink, ChainState, CredentialRequest, Entry, EntryKind, ImportOptions,
        ImportReport, OpenedCredential, Outcome, ServerCertificateRequest,
    },
    slots::KeptSlot,
};
use self::{
    in_use::Holds,
    row::{describe, open_row, unseal},
};
use crate::{
    alias::Alias,
    certificate::Certificate,
    error::Error,
    seal::{RootKey, SealError, Unlock, UnlockSource, random_id},
    store::{
        Action, Claim, EntryRow, Event, Happened, Read, RollbackGuard, SqliteEngine, Store, StoreError,
        claimed, engine::Engine,
    },
    validate::{Policy, ValidatedChain, verify},
};

/// An open keystore.
///
/// Many may be open on one file, in one process or in several: writers wait for each other, readers for nobody.
#[derive(Debug)]
pub struct Keystore {
    store: Store,
    root: Arc<RootKey>,
    actor: String,
    /// What opens the store again after another process re-keyed it.
    source: Option<Arc<dyn KeySource>>,
}

/// An alias with its entry, or with why that cannot be shown.
pub type ListedEntry = (Alias, Result<Entry, StoreError>);

/// What opens a store: asked again when another process gave the store a new root key.
pub trait KeySource: std::fmt::Debug + Send + Sync {
    /// Hands what opens the store to `open`, which says whether it did.
    ///
    /// # Errors
    ///
    /// [`Error`] if nothing of it opens the store any more.
    fn with(&self, open: &mut dyn FnMut(Unlock<'_>) -> Result<(), Error>) -> Result<(), Error>;
}

impl Keystore {
    /// Makes a new, empty keystore at `path`, readable by its owner alone.
    ///
    /// ```
    /// use strongroom::{Keystore, UnixTime, UnlockKey};
    ///
    /// let folder = tempfile::tempdir()?;
    /// let unlock = UnlockKey::generate()?;
    /// unlock.create_file(&folder.path().join("keystore.key"))?;
    /// let keystore = Keystore::create(&folder.path().join("keystore.db"), &unlock, UnixTime::now())?;
    /// assert!(!keystore.is_read_only());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`StoreError::Exists`] if there is a file at `path`; [`StoreError::File`] if it cannot be made.
    pub fn create<'u>(path: &Path, unlock: impl Into<Unlock<'u>>, at: UnixTime) -> Result<Self, Error> {
        Self::create_with(path, unlock, &NewKeystore::default(), at)
    }

    /// Makes a new, empty keystore as `wanted` says.
    ///
    /// # Errors
    ///
    /// As for [`create`](Self::create); [`StoreError::Network`] for a write-ahead log on a network file system.
    pub fn create_with<'u>(
        path: &Path,
        unlock: impl Into<Unlock<'u>>,
        wanted: &NewKeystore,
        at: UnixTime,
    ) -> Result<Self, Error> {
        let unlock = unlock.into();
        let at = seconds(at);
        let source = match (&wanted.source, unlock) {
            (Some(source), _) => source.clone(),
            (None, Unlock::Passphrase(_)) => UnlockSource::Passphrase,
            (None, Unlock::Key(_)) => UnlockSource::KeyFile(String::new()),
        };
        let engine = Box::new(SqliteEngine::create(path, wanted.journal)?);
        let made = Self::create_on(engine, Some(path), source, unlock, &wanted.options, at);
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
        Self::create_on(engine, None, source, unlock.into(), &OpenOptions::default(), seconds(at))
    }

    fn create_on(
        engine: Box<dyn Engine>,
        path: Option<&Path>,
        source: UnlockSource,
        unlock: Unlock<'_>,
        options: &OpenOptions,
        at: i64,
    ) -> Result<Self, Error> {
        let root = RootKey::generate(unlock.store().map_or_else(random_id, Ok)?, 1)?;
        let slot = root.slot(0, source, unlock, at)?;
        let actor = options.actor.clone();
        let event = Event {
            at,
            actor: actor.clone(),
            action: Action::Init,
            alias: String::new(),
            fingerprint: String::new(),
            outcome: Happened::Made,
        };
        let guard = options.rollback_guard.as_deref();
        let store = Store::create(engine, path.map(Path::to_owned), root.ledger(), &slot, guard, event)?;
        Ok(Self { store, root: Arc::new(root), actor, source: None })
    }

    /// Opens the keystore on an engine. Unstable, as engines are.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    #[doc(hidden)]
    pub fn open_on_engine<'u>(engine: Box<dyn Engine>, unlock: impl Into<Unlock<'u>>) -> Result<Self, Error> {
        let (store, root) = unlock_engine(engine, None, unlock.into())?;
        Ok(Self { store, root: Arc::new(root), actor: OpenOptions::default().actor, source: None })
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
    /// let mut keystore = Keystore::open(&path, &unlock)?;
    /// assert!(keystore.entries(None, 100)?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`], [`StoreError::File`] with the repair if others can reach the files,
    /// [`StoreError::NotAStore`], [`StoreError::SchemaFromFuture`], or [`SealError::WrongUnlockKey`].
    pub fn open<'u>(path: &Path, unlock: impl Into<Unlock<'u>>) -> Result<Self, Error> {
        Self::open_with(path, unlock, &OpenOptions::default())
    }

    /// Opens the keystore at `path`; every write is refused.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("keystore.db");
    /// # let unlock = strongroom::UnlockKey::generate()?;
    /// # drop(strongroom::Keystore::create(&path, &unlock, strongroom::UnixTime::now())?);
    /// use strongroom::{Error, Keystore, StoreError};
    ///
    /// let mut keystore = Keystore::open_read_only(&path, &unlock)?;
    /// let refused = keystore.remove(&"www".parse()?, false, strongroom::UnixTime::now());
    /// assert!(matches!(refused, Err(Error::Store(StoreError::ReadOnly))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    pub fn open_read_only<'u>(path: &Path, unlock: impl Into<Unlock<'u>>) -> Result<Self, Error> {
        Self::open_with(path, unlock, &OpenOptions { read_only: true, ..OpenOptions::default() })
    }

    /// Opens the keystore at `path` as `options` say.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open); [`StoreError::RolledBack`] if the store is older than its rollback guard.
    pub fn open_with<'u>(
        path: &Path,
        unlock: impl Into<Unlock<'u>>,
        options: &OpenOptions,
    ) -> Result<Self, Error> {
        let unlock = unlock.into();
        let (store, root) = match unlock_store(path, unlock, options.read_only) {
            // A failed read of the disk looks like damage: looked at again before it is believed.
            Err(
                Error::Store(StoreError::Corrupt { .. } | StoreError::Seal(SealError::SlotsDamaged))
                | Error::Seal(SealError::SlotsDamaged),
            ) => unlock_store(path, unlock, options.read_only)?,
            other => other?,
        };
        let mut keystore = Self { store, root: Arc::new(root), actor: options.actor.clone(), source: None };
        keystore.check_guard(options)?;
        Ok(keystore)
    }

    fn check_guard(&mut self, options: &OpenOptions) -> Result<(), Error> {
        let guard = options.rollback_guard.as_deref();
        let of_store = guard.map(|path| RollbackGuard::at(path, *self.store.ledger().store()));
        self.store.set_guard(of_store, options.without_guard);
        let Err(error) = self.store.read().map(drop) else {
            return Ok(());
        };
        // Another file than a guard is never written to.
        if matches!(error, StoreError::NotAGuard { .. }) {
            return Err(error.into());
        }
        let refused = Error::from(error);
        match (guard, options.accept_rollback) {
            (Some(guard), Some(at)) => {
                let actor = self.actor.clone();
                Ok(self.store.accept(guard, refused.code(), &actor, seconds(at))?)
            }
            _ => Err(refused),
        }
    }

    /// Where the unlock keys of the store at `path` are kept, as the store itself says. Nothing vouches for it yet: it is
    /// a hint, and never a reason to use a key that the user did not name.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    pub fn unlock_sources(path: &Path) -> Result<Vec<UnlockSource>, Error> {
        let engine = SqliteEngine::open(path, true)?;
        let view = engine.view()?;
        Claim::all(&*view)?;
        Ok(claimed(&*view)?.into_iter().map(|slot| slot.source).collect())
    }

    /// Opens another connection to the same store, with the same rights and without the unlock key.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open); [`SealError::Rekeyed`] if the store has another root key by now.
    pub fn reopen(&self) -> Result<Self, Error> {
        let store = self.store.reopen()?;
        let (root, actor) = (Arc::clone(&self.root), self.actor.clone());
        Ok(Self { store, root, actor, source: self.source.clone() })
    }

    /// What opens the store again after another process gave it a new root key. Without it such a keystore says
    /// [`SealError::Rekeyed`] from then on.
    pub fn set_key_source(&mut self, source: Arc<dyn KeySource>) {
        self.source = Some(source);
    }

    /// Goes on with the root key that is in force now.
    fn renew(&mut self) -> Result<(), Error> {
        let source = self.source.clone().ok_or(SealError::Rekeyed)?;
        let store = &mut self.store;
        let mut found = None;
        source.with(&mut |unlock| {
            found = Some(store.unlock_again(unlock)?);
            Ok(())
        })?;
        self.root = Arc::new(found.ok_or(SealError::Rekeyed)?);
        Ok(())
    }

    /// Reads; where another process re-keyed the store meanwhile, with the root key that is in force now.
    fn reading<T>(&mut self, work: impl Fn(&Read<'_>) -> Result<T, StoreError>) -> Result<T, Error> {
        match self.store.view(&work) {
            Err(StoreError::Seal(SealError::Rekeyed)) if self.source.is_some() => {
                self.renew()?;
                Ok(self.store.view(work)?)
            }
            other => Ok(other?),
        }
    }

    /// Who changes the store from now on, as the audit log names them: at most 128 characters.
    pub fn act_as(&mut self, actor: &str) {
        self.actor = actor.chars().take(128).collect();
    }

    fn row(&mut self, alias: &Alias) -> Result<EntryRow, Error> {
        let found = self.reading(|read| read.entry(alias))?;
        Ok(found.ok_or_else(|| StoreError::NotFound { alias: alias.clone() })?)
    }

    /// Whether writes are refused.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.store.is_read_only()
    }

    /// Lists up to `limit` entries in the order of their aliases, after the alias `after` if one is given.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let unlock = strongroom::UnlockKey::generate()?;
    /// # let path = folder.path().join("keystore.db");
    /// # let mut keystore = strongroom::Keystore::create(&path, &unlock, strongroom::UnixTime::now())?;
    /// # let root = std::fs::read("../../fixtures/chains/root-rsa.pem")?;
    /// # keystore.import_authority(&"root".parse()?, &root, strongroom::UnixTime::now())?;
    /// for entry in keystore.entries(None, 100)? {
    ///     println!("{} {}", entry.alias, entry.certificate.subject);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn entries(&mut self, after: Option<&Alias>, limit: u32) -> Result<Vec<Entry>, Error> {
        let after = after.map(Alias::key).unwrap_or_default();
        let holds = Holds::of(&self.store);
        self.reading(|read| {
            let rows = read.entries(&after, limit)?;
            rows.into_iter().map(|(_, row)| describe(holds.now(row?), read)).collect()
        })
    }

    /// The same list with what is damaged in its place: each alias stands with its entry, or with why it cannot be shown.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read, or not even its aliases can be proved.
    pub fn listing(&mut self, after: Option<&Alias>, limit: u32) -> Result<Vec<ListedEntry>, Error> {
        let after = after.map(Alias::key).unwrap_or_default();
        let holds = Holds::of(&self.store);
        self.reading(|read| {
            let rows = read.entries(&after, limit)?;
            let listed =
                rows.into_iter().map(|(key, row)| match row.and_then(|row| describe(holds.now(row), read)) {
                    Ok(entry) => Ok((entry.alias.clone(), Ok(entry))),
                    Err(error @ StoreError::Corrupt { .. }) => {
                        let alias = key.parse();
                        let alias =
                            alias.map_err(|_| StoreError::Corrupt { detail: "an alias is not valid" })?;
                        Ok((alias, Err(error)))
                    }
                    Err(other) => Err(other),
                });
            listed.collect()
        })
    }

    /// The entry with an alias, whatever its case.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let unlock = strongroom::UnlockKey::generate()?;
    /// # let path = folder.path().join("keystore.db");
    /// # let mut keystore = strongroom::Keystore::create(&path, &unlock, strongroom::UnixTime::now())?;
    /// # let root = std::fs::read("../../fixtures/chains/root-rsa.pem")?;
    /// keystore.import_authority(&"Root".parse()?, &root, strongroom::UnixTime::now())?;
    /// let entry = keystore.entry(&"root".parse()?)?;
    /// assert_eq!(entry.alias.as_str(), "Root");
    /// assert!(keystore.entry(&"other".parse()?).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], or another if the store cannot be read.
    pub fn entry(&mut self, alias: &Alias) -> Result<Entry, Error> {
        let holds = Holds::of(&self.store);
        let found =
            self.reading(|read| read.entry(alias)?.map(|row| describe(holds.now(row), read)).transpose())?;
        Ok(found.ok_or_else(|| StoreError::NotFound { alias: alias.clone() })?)
    }

    /// Judges a server entry against the authorities that are in the store now; nothing is unsealed.
    ///
    /// # Errors
    ///
    /// [`ValidationError`](crate::ValidationError) with what refuses it; [`StoreError::NotFound`] if there is no such
    /// entry or it has no key.
    pub fn verify(&mut self, alias: &Alias, policy: &Policy, at: UnixTime) -> Result<ValidatedChain, Error> {
        let not_found = || StoreError::NotFound { alias: alias.clone() };
        let row = self.row(alias)?;
        let mut certificates = row.content.chain.into_iter().map(|(certificate, _)| certificate);
        let leaf = certificates.next().filter(|_| row.head.trust.is_none()).ok_or_else(not_found)?;
        let others: Vec<Certificate> = certificates.collect();
        let authorities = self.reading(|read| place::load_authorities(read, &leaf, &others))?;
        Ok(verify(&leaf, &others, &authorities, policy, at)?)
    }

    /// Unseals a server credential and proves again that key and leaf belong together: the path that a server uses.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] if there is no such entry or it has no key; [`SealError::Damaged`] if the sealed
    /// key, or anything that it is bound to, was changed.
    pub fn credential(&mut self, alias: &Alias) -> Result<OpenedCredential, Error> {
        let row = self.row(alias)?;
        open_row(&self.root, row)
    }
}

fn seconds(at: UnixTime) -> i64 {
    i64::try_from(at.as_secs()).unwrap_or(i64::MAX)
}

/// Finds the root key of the store at `path`.
fn unlock_store(path: &Path, unlock: Unlock<'_>, read_only: bool) -> Result<(Store, RootKey), Error> {
    let engine = SqliteEngine::open(path, read_only)?;
    unlock_engine(Box::new(engine), Some(path), unlock)
}

fn unlock_engine(
    engine: Box<dyn Engine>,
    path: Option<&Path>,
    unlock: Unlock<'_>,
) -> Result<(Store, RootKey), Error> {
    let (root, slot) = Store::find_root(&*engine, unlock).map_err(|error| match error {
        StoreError::Seal(error) => Error::Seal(error),
        other => other.into(),
    })?;
    Ok((Store::unlock(engine, path.map(Path::to_owned), root.ledger(), &slot)?, root))
}
