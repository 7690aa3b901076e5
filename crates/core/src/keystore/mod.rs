//! The keystore: the one way through the house.
//!
//! Bytes are opened, the credential is proved and validated, sealed, stored, and read back; only then is anything
//! acknowledged. A failure at any stage leaves the store as it was.

mod accounts;
mod authorities;
mod commit_credential;
mod copies;
mod embedded;
mod history;
mod import;
mod in_use;
mod maintenance;
mod neighbours;
mod new_store;
mod open;
mod options;
mod protocol;
mod removal;
mod request;
mod row;
mod slots;
#[cfg(all(test, unix))]
mod tests;

use std::sync::Arc;

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
    open::unlock_store,
    row::{describe, open_row, unseal},
};
use crate::{
    alias::Alias,
    certificate::Certificate,
    error::Error,
    seal::{RootKey, SealError, Unlock},
    store::{EntryRow, Read, Store, StoreError},
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
        let authorities = self.reading(|read| commit_credential::load_authorities(read, &leaf, &others))?;
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
