//! The keystore: the one way through the house.
//!
//! Bytes are opened, the credential is proved and validated, sealed, stored, and read back; only then is anything
//! acknowledged. A failure at any stage leaves the store as it was.

mod accounts;
mod authorities;
mod bindings;
mod bulk;
mod chains;
mod changes;
mod commit_credential;
mod copies;
mod dependents;
mod discover;
mod embedded;
mod entries;
mod expiry;
mod export;
mod files;
mod generate;
mod history;
mod holds;
mod import;
mod in_use;
mod log_files;
mod maintenance;
mod metrics;
mod neighbours;
mod new_store;
mod open;
mod options;
mod protocol;
mod rekey;
mod removal;
mod replies;
mod request;
mod requests;
mod reseal;
mod retention;
mod row;
mod sealed;
mod servers;
mod serving;
mod shared;
mod slots;
#[cfg(all(test, unix))]
mod tests;
mod unneeded;
mod unproved;
mod verified;
mod waiting_key;
mod web_server;

use std::sync::Arc;

use rustls_pki_types::UnixTime;

pub use self::{
    accounts::{ListedAdministrator, Refusals},
    authorities::{
        AuthoritiesReport, AuthoritiesRequest, AuthorityFile, AuthorityNames, AuthorityOutcome,
        AuthorityReport,
    },
    bindings::{Binding, ListedBinding},
    bulk::{AliasFrom, BulkAlias, BulkEntry, BulkItem, BulkReport, BulkRequest, BulkResult},
    copies::{Backup, RestoreOptions, RestorePlan},
    embedded::EmbeddedAuthority,
    entries::{Entries, EntryCounts, ListedEntries},
    expiry::{Expiry, ExpiryCause, ExpiryState, ExpiryWindow, InvalidWindow},
    export::{ExportPlan, Exported, PlannedFile},
    files::{
        FilesRequest, OpenedCredentialFile, OpenedEvery, OpenedFiles, Source, SourceFile, SourcePart,
        open_every,
    },
    generate::GenerateRequest,
    history::{Comparison, ListedVersion, Version},
    import::open_pfx,
    in_use::InUse,
    log_files::{LogCut, LogRetention},
    metrics::Metrics,
    options::{NewKeystore, OpenOptions},
    rekey::KeptSlot,
    removal::{ListedRemoved, RemovedEntry},
    request::{
        Administrator, ChainLink, ChainState, CredentialRequest, Entry, EntryKind, ImportOptions,
        ImportReport, OpenedCredential, Opening, Outcome, ServerCertificateRequest,
    },
    requests::{ListedRequest, PendingRequest, RequestOptions},
    retention::{DamagedEntry, Pruned, PrunedEntry, Retention, ServedVersion},
    sealed::SealedCredential,
    servers::{ServedEntry, ServerFile, ServerReport, running_servers, stale_server_files},
    serving::{NameDigest, NameSink, NamedEntry},
    slots::ListedSlot,
    unneeded::UnneededAuthorities,
    unproved::{UnprovedEntry, UnprovedNamed, UnprovedStore},
    verified::VerifiedAhead,
    web_server::{WebServerChange, WebServerReport},
};
use self::{
    chains::ChainView,
    holds::Holds,
    open::unlock_store,
    options::SharedOptions,
    row::{describe, describe_as_stored, open_row, serve_row, unseal},
    shared::Shared,
};
use crate::{
    alias::Alias,
    error::Error,
    instant::seconds,
    issuance::IssuanceError,
    seal::{RootKey, Unlock},
    store::{EntryRow, Read, Store, StoreError},
    trace::{Operation, traced},
    validate::{PathCertificate, Policy, ValidatedChain},
};

/// An open keystore, for all threads of a program: clones share its connections, and cost nothing.
///
/// One of its threads writes at a time, a few read beside it. Many keystores may be open on one file, in one process or in
/// several: writers wait for each other, readers for nobody. Its methods block: an asynchronous program calls them where
/// that is allowed, for example in `spawn_blocking`.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let unlock = strongroom::UnlockKey::generate()?;
/// # let path = folder.path().join("keystore.db");
/// # let root = std::fs::read("../../fixtures/chains/root-rsa.pem")?;
/// use strongroom::{Keystore, UnixTime};
///
/// let keystore = Keystore::create(&path, &unlock, UnixTime::now())?;
/// let reader = keystore.clone();
/// let writing = std::thread::spawn(move || keystore.import_authority(&"root".parse()?, &root, UnixTime::now()));
/// println!("{} entries so far", reader.page(None, 100, UnixTime::now())?.len());
/// writing.join().unwrap()?;
/// assert_eq!(reader.page(None, 100, UnixTime::now())?.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Keystore {
    shared: Arc<Shared>,
    /// Who changes the store, as the audit log names them.
    actor: Arc<str>,
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
    fn new(store: Store, root: Arc<RootKey>, actor: &str, options: SharedOptions) -> Self {
        Self { shared: Arc::new(Shared::new(store, root, options)), actor: named(actor) }
    }

    /// What opens the store again after another process gave it a new root key. Without it this keystore and its clones
    /// say [`SealError::Rekeyed`](crate::seal::SealError::Rekeyed) from then on.
    pub fn set_key_source(&self, source: Arc<dyn KeySource>) {
        self.shared.set_source(source);
    }

    /// The same keystore for another who changes the store, as the audit log names them: at most 128 characters.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let unlock = strongroom::UnlockKey::generate()?;
    /// # let path = folder.path().join("keystore.db");
    /// # let keystore = strongroom::Keystore::create(&path, &unlock, strongroom::UnixTime::now())?;
    /// # let root = std::fs::read("../../fixtures/chains/root-rsa.pem")?;
    /// keystore.acting_as("alice").import_authority(&"root".parse()?, &root, strongroom::UnixTime::now())?;
    /// assert_eq!(keystore.log(1, 1)?[0].actor, "alice");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn acting_as(&self, actor: &str) -> Self {
        Self { shared: Arc::clone(&self.shared), actor: named(actor) }
    }

    /// Reads in one snapshot; where another process re-keyed the store meanwhile, with the root key that is in force now.
    fn reading<T>(&self, work: impl Fn(&Read<'_>) -> Result<T, StoreError>) -> Result<T, Error> {
        self.shared.read(|read, _| work(read))
    }

    /// The locks of the store's servers.
    fn holds(&self) -> Holds {
        Holds::of(self.shared.origin.path())
    }

    /// The chains of what is read.
    fn chains_of<'c>(&'c self, read: &'c Read<'c>) -> ChainView<'c> {
        self.shared.chains.seen_by(read)
    }

    fn row(&self, alias: &Alias) -> Result<EntryRow, Error> {
        let found = self.reading(|read| read.entry(alias))?;
        Ok(found.ok_or_else(|| StoreError::NotFound { alias: alias.clone() })?)
    }

    /// Whether writes are refused.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.shared.origin.is_read_only()
    }

    /// Lists up to `limit` entries in the order of their aliases, after the alias `after` if one is given, with their
    /// chains as they are at the instant `at`. [`entries`](Self::entries) goes through all of them.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let unlock = strongroom::UnlockKey::generate()?;
    /// # let path = folder.path().join("keystore.db");
    /// # let keystore = strongroom::Keystore::create(&path, &unlock, strongroom::UnixTime::now())?;
    /// # let root = std::fs::read("../../fixtures/chains/root-rsa.pem")?;
    /// # keystore.import_authority(&"root".parse()?, &root, strongroom::UnixTime::now())?;
    /// for entry in keystore.page(None, 100, strongroom::UnixTime::now())? {
    ///     println!("{} {}", entry.alias, entry.certificate.subject());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn page(&self, after: Option<&Alias>, limit: u32, at: UnixTime) -> Result<Vec<Entry>, Error> {
        let after = after.map(Alias::key).unwrap_or_default();
        let holds = self.holds();
        self.reading(|read| {
            let chains = self.chains_of(read);
            let rows = read.entries(&after, limit)?.into_iter();
            rows.map(|(_, row)| describe(holds.now(row?), &chains, seconds(at))).collect()
        })
    }

    /// The same list with what is damaged in its place: each alias stands with its entry, or with why it cannot be shown.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read, or not even its aliases can be proved.
    pub fn listing(
        &self,
        after: Option<&Alias>,
        limit: u32,
        at: UnixTime,
    ) -> Result<Vec<ListedEntry>, Error> {
        let after = after.map(Alias::key).unwrap_or_default();
        let holds = self.holds();
        self.reading(|read| {
            let chains = self.chains_of(read);
            let described = |row| describe(holds.now(row), &chains, seconds(at));
            let rows = read.entries(&after, limit)?.into_iter();
            let listed = rows.map(|(key, row)| match row.and_then(described) {
                Ok(entry) => Ok((entry.alias.clone(), Ok(entry))),
                Err(error @ StoreError::Corrupt { .. }) => {
                    let alias = key.parse();
                    let alias = alias.map_err(|_| StoreError::Corrupt { detail: "an alias is not valid" })?;
                    Ok((alias, Err(error)))
                }
                Err(other) => Err(other),
            });
            listed.collect()
        })
    }

    /// The entry with an alias, whatever its case, with its chain as it is at the instant `at`.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let unlock = strongroom::UnlockKey::generate()?;
    /// # let path = folder.path().join("keystore.db");
    /// # let keystore = strongroom::Keystore::create(&path, &unlock, strongroom::UnixTime::now())?;
    /// # let root = std::fs::read("../../fixtures/chains/root-rsa.pem")?;
    /// keystore.import_authority(&"Root".parse()?, &root, strongroom::UnixTime::now())?;
    /// let entry = keystore.entry(&"root".parse()?, strongroom::UnixTime::now())?;
    /// assert_eq!(entry.alias.as_str(), "Root");
    /// assert!(keystore.entry(&"other".parse()?, strongroom::UnixTime::now()).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], or another if the store cannot be read.
    pub fn entry(&self, alias: &Alias, at: UnixTime) -> Result<Entry, Error> {
        let holds = self.holds();
        let found = self.reading(|read| {
            let row = read.entry(alias)?;
            row.map(|row| describe(holds.now(row), &self.chains_of(read), seconds(at))).transpose()
        })?;
        Ok(found.ok_or_else(|| StoreError::NotFound { alias: alias.clone() })?)
    }

    /// The certificates from an entry upwards, itself first, at the instant `at`: to an authority that ends the path, or
    /// without one as far as issuers are known. Of a CA certificate as well.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let unlock = strongroom::UnlockKey::generate()?;
    /// # let path = folder.path().join("keystore.db");
    /// # let keystore = strongroom::Keystore::create(&path, &unlock, strongroom::UnixTime::now())?;
    /// for ca in ["intermediate-rsa", "root-rsa"] {
    ///     let file = std::fs::read(format!("../../fixtures/chains/{ca}.pem"))?;
    ///     keystore.import_authority(&ca.parse()?, &file, strongroom::UnixTime::now())?;
    /// }
    /// let chain = keystore.chain(&"intermediate-rsa".parse()?, strongroom::UnixTime::now())?;
    /// assert_eq!(chain.len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], or another if the store cannot be read.
    pub fn chain(&self, alias: &Alias, at: UnixTime) -> Result<Vec<PathCertificate>, Error> {
        let found = self.reading(|read| {
            let row = read.entry(alias)?;
            row.map(|row| self.chains_of(read).chain(&row, seconds(at))).transpose()
        })?;
        Ok(found.ok_or_else(|| StoreError::NotFound { alias: alias.clone() })?.path)
    }

    /// Judges a server entry at the instant `at` against the authorities that are in the store now, by the chain that a
    /// server sends; nothing is unsealed.
    ///
    /// # Errors
    ///
    /// [`ValidationError`](crate::validate::ValidationError) with what refuses it; [`StoreError::NotFound`] if there is no such
    /// entry; [`IssuanceError::NoKey`] for a CA certificate.
    pub fn verify(&self, alias: &Alias, policy: &Policy, at: UnixTime) -> Result<ValidatedChain, Error> {
        traced(Operation::Verify, Some(alias), || {
            let judged = self.reading(|read| {
                let Some(row) = read.entry(alias)? else { return Ok(None) };
                let judged = match row.head.trust {
                    None => Ok(self.chains_of(read).verify(&row, policy, at)?),
                    Some(_) => Err(row.head.alias),
                };
                Ok(Some(judged))
            })?;
            let judged = judged.ok_or_else(|| StoreError::NotFound { alias: alias.clone() })?;
            Ok(judged.map_err(|alias| IssuanceError::NoKey { alias })??)
        })
    }

    /// Unseals a server credential, and proves again that key and leaf belong together. With it goes what a server sends:
    /// the chain that the store gives at the instant `at`, whatever it was at the import.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let unlock = strongroom::UnlockKey::generate()?;
    /// # let path = folder.path().join("keystore.db");
    /// use strongroom::{Keystore, Password, ServerCertificateRequest, UnixTime, diagnostic::DiagnosticCode};
    ///
    /// let keystore = Keystore::create(&path, &unlock, UnixTime::now())?;
    /// let (file, password) = (std::fs::read("../../fixtures/pkcs12/www.p12")?, Password::new("changeit")?);
    /// let mut request = ServerCertificateRequest::new("www".parse()?, &file, &password, UnixTime::now());
    /// request.options.policy.use_embedded = false;
    /// request.options.policy.allow = vec![DiagnosticCode::NoAnchor];
    /// keystore.import_server_certificate(request)?;
    /// assert_eq!(keystore.credential(&"www".parse()?, UnixTime::now())?.chain().len(), 1);
    ///
    /// // Its CA is imported afterwards.
    /// for ca in ["intermediate-rsa", "root-rsa"] {
    ///     let file = std::fs::read(format!("../../fixtures/chains/{ca}.pem"))?;
    ///     keystore.import_authority(&ca.parse()?, &file, UnixTime::now())?;
    /// }
    /// assert_eq!(keystore.credential(&"www".parse()?, UnixTime::now())?.chain().len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] if there is no such entry or it has no key; [`SealError::Damaged`](crate::seal::SealError::Damaged) if the sealed
    /// key, or anything that it is bound to, was changed.
    pub fn credential(&self, alias: &Alias, at: UnixTime) -> Result<OpenedCredential, Error> {
        let (row, chain, root) = self.server_row(alias, at)?;
        serve_row(&root, &row, chain)
    }
}

/// The name of an actor, as the log takes it.
fn named(actor: &str) -> Arc<str> {
    actor.chars().take(128).collect::<String>().into()
}
