//! The keystore: the one way through the house.
//!
//! Bytes are opened, the credential is proved and validated, sealed, stored, and read back; only then is anything
//! acknowledged. A failure at any stage leaves the store as it was.

mod certificates;
mod import;
mod request;

use std::{path::Path, sync::Arc};

use rustls_pki_types::UnixTime;

pub use self::certificates::read_certificates;
pub use self::request::{
    Administrator, ChainLink, ChainState, CredentialRequest, Entry, EntryKind, ImportOptions, ImportReport,
    OpenedCredential, Outcome, ServerCertificateRequest,
};
use crate::{
    account::{AccountHash, AccountName},
    alias::Alias,
    certificate::{Certificate, Fingerprint, ServerCredential},
    error::Error,
    seal::{RootKey, SealError, SealedKey, random_id},
    secret::{Password, UnlockKey},
    store::{EntryRow, Read, Store, StoreError},
    validate::{Policy, Role, Trust, ValidatedChain, verify},
};

/// An open keystore.
///
/// Many may be open on one file, in one process or in several: writers wait for each other, readers for nobody.
#[derive(Debug)]
pub struct Keystore {
    store: Store,
    root: Arc<RootKey>,
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
    pub fn create(path: &Path, unlock: &UnlockKey, at: UnixTime) -> Result<Self, Error> {
        let id = random_id()?;
        let (root, slot) = RootKey::generate(id, unlock)?;
        let store = Store::create(path, &id, &slot, seconds(at))?;
        Ok(Self { store, root: Arc::new(root) })
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
    pub fn open(path: &Path, unlock: &UnlockKey) -> Result<Self, Error> {
        Self::open_as(path, unlock, false)
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
    /// let refused = keystore.remove(&"www".parse()?);
    /// assert!(matches!(refused, Err(Error::Store(StoreError::ReadOnly))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    pub fn open_read_only(path: &Path, unlock: &UnlockKey) -> Result<Self, Error> {
        Self::open_as(path, unlock, true)
    }

    fn open_as(path: &Path, unlock: &UnlockKey, read_only: bool) -> Result<Self, Error> {
        let store = Store::open(path, read_only)?;
        let (id, slots) = store.header()?;
        let root = RootKey::unlock(id, &slots, unlock)?;
        Ok(Self { store, root: Arc::new(root) })
    }

    /// Opens another connection to the same store, with the same rights and without the unlock key.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    pub fn reopen(&self) -> Result<Self, Error> {
        let store = Store::open(self.store.path(), self.store.is_read_only())?;
        Ok(Self { store, root: Arc::clone(&self.root) })
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
        let read = self.store.read()?;
        let rows = read.entries(&after.map(Alias::key).unwrap_or_default(), limit)?;
        rows.into_iter().map(|row| Ok(describe(row, &read)?)).collect()
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
        let read = self.store.read()?;
        let row = read.entry(alias)?.ok_or_else(|| StoreError::NotFound { alias: alias.clone() })?;
        Ok(describe(row, &read)?)
    }

    /// Judges a server entry against the authorities that are in the store now; nothing is unsealed.
    ///
    /// # Errors
    ///
    /// [`ValidationError`](crate::ValidationError) with what refuses it; [`StoreError::NotFound`] if there is no such
    /// entry or it has no key.
    pub fn verify(&mut self, alias: &Alias, policy: &Policy, at: UnixTime) -> Result<ValidatedChain, Error> {
        let not_found = || StoreError::NotFound { alias: alias.clone() };
        let read = self.store.read()?;
        let row = read.entry(alias)?.filter(|row| row.trust.is_none()).ok_or_else(not_found)?;
        let mut certificates = row.chain.into_iter().map(|(certificate, _)| certificate);
        let leaf = certificates.next().ok_or_else(not_found)?;
        let others: Vec<Certificate> = certificates.collect();
        let authorities = import::load_authorities(&read, &leaf, &others)?;
        Ok(verify(&leaf, &others, &authorities, policy, at)?)
    }

    /// Unseals a server credential and proves again that key and leaf belong together: the path that a server uses.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] if there is no such entry or it has no key; [`SealError::Damaged`] if the sealed
    /// key, or anything that it is bound to, was changed.
    pub fn credential(&mut self, alias: &Alias) -> Result<OpenedCredential, Error> {
        let row =
            self.store.read()?.entry(alias)?.ok_or_else(|| StoreError::NotFound { alias: alias.clone() })?;
        open_row(&self.root, row)
    }

    /// Removes an entry with all its versions.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let unlock = strongroom::UnlockKey::generate()?;
    /// # let path = folder.path().join("keystore.db");
    /// # let mut keystore = strongroom::Keystore::create(&path, &unlock, strongroom::UnixTime::now())?;
    /// # let root = std::fs::read("../../fixtures/chains/root-rsa.pem")?;
    /// # keystore.import_authority(&"root".parse()?, &root, strongroom::UnixTime::now())?;
    /// keystore.remove(&"root".parse()?)?;
    /// assert!(keystore.entry(&"root".parse()?).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], or another if the store cannot be written.
    pub fn remove(&mut self, alias: &Alias) -> Result<(), Error> {
        let write = self.store.write()?;
        let row =
            write.as_read().entry(alias)?.ok_or_else(|| StoreError::NotFound { alias: alias.clone() })?;
        write.remove(&row.id)?;
        write.commit()?;
        match self.store.read()?.entry(alias) {
            Ok(None) => Ok(()),
            _ => Err(StoreError::OutcomeUnknown.into()),
        }
    }

    /// Adds an administrator of the API.
    ///
    /// # Errors
    ///
    /// [`StoreError::UserExists`]; [`AccountError`](crate::AccountError) for a password of fewer than 8 characters.
    pub fn add_administrator(
        &mut self,
        name: &AccountName,
        password: &Password,
        at: UnixTime,
    ) -> Result<(), Error> {
        let hash = AccountHash::of(password)?;
        let write = self.store.write()?;
        write.insert_account(name, &hash, seconds(at))?;
        write.commit()?;
        match self.verify_administrator(name, password) {
            Ok(Some(_)) => Ok(()),
            _ => Err(StoreError::OutcomeUnknown.into()),
        }
    }

    /// Removes an administrator.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoSuchUser`].
    pub fn remove_administrator(&mut self, name: &AccountName) -> Result<(), Error> {
        let write = self.store.write()?;
        write.remove_account(name)?;
        write.commit()?;
        match self.administrator(name) {
            Ok(None) => Ok(()),
            _ => Err(StoreError::OutcomeUnknown.into()),
        }
    }

    /// Lists the administrators.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn administrators(&mut self) -> Result<Vec<Administrator>, Error> {
        let rows = self.store.read()?.accounts()?;
        Ok(rows.into_iter().map(|row| Administrator { name: row.name, created_at: row.created_at }).collect())
    }

    /// The administrator of that name, if there is one.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn administrator(&mut self, name: &AccountName) -> Result<Option<Administrator>, Error> {
        let found = self.store.read()?.account(name)?;
        Ok(found.map(|row| Administrator { name: row.name, created_at: row.created_at }))
    }

    /// Whether name and password belong to an administrator: the name as stored, or `None`. Takes as long for a
    /// name that does not exist.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn verify_administrator(
        &mut self,
        name: &AccountName,
        password: &Password,
    ) -> Result<Option<String>, Error> {
        let found = self.store.read()?.account_hash(name)?;
        Ok(match found {
            Some((stored, hash)) => hash.matches(password).then_some(stored),
            None => {
                AccountHash::waste(password);
                None
            }
        })
    }
}

fn seconds(at: UnixTime) -> i64 {
    i64::try_from(at.as_secs()).unwrap_or(i64::MAX)
}

/// Unseals a row, and proves it.
fn open_row(root: &RootKey, row: EntryRow) -> Result<OpenedCredential, Error> {
    let (Some(sealed_key), Some(wrapped_data_key)) = (&row.sealed_key, &row.wrapped_data_key) else {
        return Err(StoreError::NotFound { alias: row.alias }.into());
    };
    let fingerprints: Vec<Fingerprint> =
        row.chain.iter().map(|(certificate, _)| certificate.fingerprint).collect();
    let key = root.unseal(&SealedKey {
        alias: &row.alias,
        entry: row.id,
        version: row.version,
        sealed_key,
        wrapped_data_key,
        chain: &fingerprints,
    })?;
    let mut certificates: Vec<_> = row.chain.into_iter().map(|(certificate, _)| certificate).collect();
    // A client has the root, or does not trust it.
    if certificates.len() > 1 && certificates.last().is_some_and(|last| last.is_self_issued()) {
        certificates.pop();
    }
    let proved = ServerCredential::pair(key, certificates).map_err(|_| SealError::Damaged)?;
    let (key, leaf, others) = proved.into_parts();
    let served = std::iter::once(leaf).chain(others).collect();
    Ok(OpenedCredential { key, served })
}

/// Adds to a row what depends on the rest of the store.
fn describe(row: EntryRow, read: &Read<'_>) -> Result<Entry, StoreError> {
    let Some((certificate, _)) = row.chain.first().cloned() else {
        return Err(StoreError::Corrupt { detail: "an entry has no certificate" });
    };
    let kind = row.trust.map_or(EntryKind::Server, |trust| EntryKind::Authority { trust });
    let chain_state = match (&kind, row.chain.last()) {
        (EntryKind::Authority { .. }, _) if certificate.is_self_issued() => ChainState::Root,
        (EntryKind::Authority { .. }, _) => ChainState::Intermediate,
        (EntryKind::Server, Some((anchor, Role::Anchor))) => {
            let trusted = read.authority_aliases(&anchor.fingerprint)?;
            match trusted.iter().any(|(_, trust)| *trust == Trust::Anchor) {
                true if anchor.is_self_issued() => ChainState::Complete,
                true => ChainState::Intermediate,
                false => ChainState::NoAnchor,
            }
        }
        (EntryKind::Server, _) if certificate.is_self_issued() => ChainState::SelfSigned,
        (EntryKind::Server, _) => ChainState::NoAnchor,
    };
    Ok(Entry {
        alias: row.alias,
        kind,
        version: row.version,
        created_at: row.created_at,
        certificate,
        chain: row.chain,
        chain_state,
        allowed: row.allowed,
    })
}
