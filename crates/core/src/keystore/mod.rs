//! The keystore: the one way through the house.
//!
//! Bytes are opened, the credential is proved and validated, sealed, stored, and read back; only then is anything
//! acknowledged. A failure at any stage leaves the store as it was.

mod accounts;
mod authorities;
mod care;
mod embedded;
mod history;
mod import;
mod in_use;
mod neighbours;
mod options;
mod place;
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
    embedded::EmbeddedAuthority,
    history::{Comparison, Version},
    in_use::InUse,
    options::{NewKeystore, OpenOptions},
    removal::{Pruned, RemovedEntry},
    request::{
        Administrator, ChainLink, ChainState, CredentialRequest, Entry, EntryKind, ImportOptions,
        ImportReport, OpenedCredential, Outcome, ServerCertificateRequest,
    },
};
use self::{
    in_use::Holds,
    row::{describe, open_row, unseal},
};
use crate::{
    alias::Alias,
    certificate::{Certificate, Fingerprint},
    error::{Error, ErrorKind},
    seal::{LegacyRoot, Place, RootKey, SealError, Unlock, UnlockSource, random_id},
    store::{self, EntryRow, Event, LockedStore, Point, RollbackGuard, Store, StoreError},
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
    guard: Option<RollbackGuard>,
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
        let root = RootKey::generate(random_id()?, 1)?;
        let slot = root.slot(0, source, unlock, at)?;
        let actor = wanted.options.actor.clone();
        let event = Event { outcome: "made", ..event_of("init", &actor, at) };
        let store = store::create(path, root.ledger(), &slot, wanted.journal, &event)?;
        let guard = match &wanted.options.rollback_guard {
            Some(path) => Some(RollbackGuard::create(path, store.ledger(), store.point()?)?),
            None => None,
        };
        Ok(Self { store, root: Arc::new(root), actor, guard })
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
            Err(Error::Store(StoreError::Corrupt { .. }) | Error::Seal(SealError::Damaged)) => {
                unlock_store(path, unlock, options.read_only)?
            }
            other => other?,
        };
        let guard = options.rollback_guard.as_deref().map(RollbackGuard::at);
        let mut keystore = Self { store, root: Arc::new(root), actor: options.actor.clone(), guard };
        keystore.check_rollback(options)?;
        Ok(keystore)
    }

    fn check_rollback(&mut self, options: &OpenOptions) -> Result<(), Error> {
        let Some(guard) = self.guard.clone() else {
            return Ok(());
        };
        let checked = self.store.point().and_then(|point| guard.check(self.store.ledger(), point));
        match (checked, options.accept_rollback) {
            (Ok(()), _) => Ok(()),
            // Another file than a guard is never written to.
            (Err(error @ StoreError::NotAGuard { .. }), _) => Err(error.into()),
            (Err(error), None) => Err(error.into()),
            (Err(error), Some(at)) => {
                let refused = Error::from(error);
                let actor = self.actor.clone();
                let event =
                    Event { outcome: refused.code(), ..event_of("accept-rollback", &actor, seconds(at)) };
                let point = self.store.write()?.commit(&event)?;
                Ok(guard.reset(self.store.ledger(), point)?)
            }
        }
    }

    /// Where the unlock keys of the store at `path` are kept, as the store itself says. Nothing vouches for it yet.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    pub fn unlock_sources(path: &Path) -> Result<Vec<UnlockSource>, Error> {
        let locked = match LockedStore::open(path, true) {
            Err(StoreError::SchemaOutdated { .. }) => return Ok(vec![UnlockSource::KeyFile(String::new())]),
            other => other?,
        };
        match locked.legacy() {
            Err(StoreError::SchemaOutdated { .. }) => Ok(vec![UnlockSource::KeyFile(String::new())]),
            Err(other) => Err(other.into()),
            Ok(_) => Ok(locked.header()?.slots.into_iter().map(|slot| slot.source).collect()),
        }
    }

    /// Opens another connection to the same store, with the same rights and without the unlock key.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open); [`SealError::Rekeyed`] if the store has another root key by now.
    pub fn reopen(&self) -> Result<Self, Error> {
        let store = self.store.reopen()?;
        let (root, actor) = (Arc::clone(&self.root), self.actor.clone());
        Ok(Self { store, root, actor, guard: self.guard.clone() })
    }

    /// Who changes the store from now on, as the audit log names them: at most 128 characters.
    pub fn act_as(&mut self, actor: &str) {
        self.actor = actor.chars().take(128).collect();
    }

    /// What follows a commit: the rollback guard moves on; after a failure that leaves the outcome open, the connection
    /// is a new one, which says what it sees of the change.
    fn settle(&mut self, done: Result<Point, StoreError>) -> Result<(), Error> {
        match done {
            Ok(point) => {
                self.store.still_there()?;
                if let Some(guard) = &self.guard {
                    guard.advance(self.store.ledger(), point)?;
                }
                Ok(())
            }
            Err(StoreError::OutcomeUnknown(doubt)) => {
                Err(StoreError::OutcomeUnknown(self.store.look_again(doubt)).into())
            }
            Err(other) => {
                self.store.still_there()?;
                Err(other.into())
            }
        }
    }

    /// Writes a refusal into the log. What is wrong with the store itself cannot be written there.
    fn told<T>(&mut self, action: &str, alias: &str, at: i64, done: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &done
            && error.kind() != ErrorKind::Store
        {
            let actor = self.actor.clone();
            let event = Event { alias, outcome: error.code(), ..event_of(action, &actor, at) };
            let logged = self.store.write().and_then(|write| write.commit(&event));
            // The refusal is what the caller must learn.
            let _ = self.settle(logged);
        }
        done
    }

    fn row(&mut self, alias: &Alias) -> Result<EntryRow, Error> {
        let found = self.store.view(|read| read.entry(alias))?;
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
        let found = self.store.view(|read| {
            let rows = read.entries(&after, limit)?;
            rows.into_iter().map(|row| describe(holds.now(row), read)).collect()
        })?;
        Ok(found)
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
        let describe = |row, read: &store::Read<'_>| describe(holds.now(row), read);
        let found = self.store.view(|read| read.entry(alias)?.map(|row| describe(row, read)).transpose())?;
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
        let authorities = self.store.view(|read| place::load_authorities(read, &leaf, &others))?;
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

/// Finds the root key of the store at `path`, and migrates the store if it is of an older schema.
fn unlock_store(path: &Path, unlock: Unlock<'_>, read_only: bool) -> Result<(Store, RootKey), Error> {
    let mut locked = LockedStore::open(path, read_only)?;
    if let Some(header) = locked.legacy()? {
        let Unlock::Key(key) = unlock else {
            return Err(SealError::WrongUnlockKey.into());
        };
        let legacy = LegacyRoot::unlock(header.id, &header.salt, &header.wrapped, key)?;
        let root = legacy.root()?;
        let slot = root.slot(0, UnlockSource::KeyFile(String::new()), unlock, header.created_at)?;
        locked.migrate(&root.ledger(), &slot, &|alias, entry, version, sealed, chain| {
            let fingerprints: Vec<Fingerprint> = chain.iter().map(|(link, _)| link.fingerprint).collect();
            let (leaf, _) = chain.first().ok_or(SealError::Damaged)?;
            let key = legacy.unseal(alias, &entry, version, sealed, &fingerprints)?;
            let place = Place { alias, entry, version, spki: leaf.spki_fingerprint, chain: &fingerprints };
            root.seal(&key, &place)
        })?;
    }
    let header = locked.header()?;
    let root = RootKey::unlock(header.id, header.epoch, &header.check_value, &header.slots, unlock)?;
    Ok((locked.unlock(root.ledger())?, root))
}

/// An event without its details.
fn event_of<'a>(action: &'a str, actor: &'a str, at: i64) -> Event<'a> {
    Event { at, actor, action, alias: "", fingerprint: String::new(), outcome: "" }
}
