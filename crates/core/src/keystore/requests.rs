//! Certificate signing requests: made, listed, and removed. Their private keys wait in the store, sealed.

use std::collections::BTreeMap;

use rustls_pki_types::UnixTime;

use super::{
    Keystore,
    protocol::{Asked, By, LogNote, Step},
    reseal::unseal_request,
    row::open_row,
};
use crate::{
    alias::Alias,
    certificate::{Fingerprint, SigningRequest, public_key_der},
    error::{AuthorityError, Error},
    instant::{self, day, seconds},
    issuance::{CertificateTemplate, IssuanceError, KeyKind, signing_request},
    seal::{RootKey, SealBinding, SealError, random_id},
    secret::PrivateKey,
    store::{Action, EntryRow, Happened, Read, RequestRow, StoreError, Write},
};

/// A certificate signing request whose certificate has not come yet.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PendingRequest {
    /// The alias that the certificate will have.
    pub alias: Alias,
    /// When it was made.
    pub created_at: UnixTime,
    /// Who made it.
    pub actor: String,
    /// The request itself.
    pub request: SigningRequest,
    /// Whether an entry has the alias: the certificate will be its next version.
    pub beside_entry: bool,
}

/// An alias in lower case with its request, or with why that cannot be shown.
pub type ListedRequest = (String, Result<PendingRequest, StoreError>);

/// How a request is made.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RequestOptions {
    /// The kind of the new key; `None` for the key that the entry has.
    pub key: Option<KeyKind>,
    /// Whether a pending request of the alias is given up, with its key.
    pub replace: bool,
    /// When, for its date.
    pub at: UnixTime,
}

impl RequestOptions {
    /// The defaults: a new P-256 key.
    #[must_use]
    pub fn new(at: UnixTime) -> Self {
        Self { key: Some(KeyKind::default()), replace: false, at }
    }
}

impl Keystore {
    /// Makes a certificate signing request for an alias, which may have an entry or not, and keeps it with its private key
    /// until its certificate comes: [`install`](Self::install) takes that. An entry is served as before meanwhile.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let unlock = strongroom::UnlockKey::generate()?;
    /// # let path = folder.path().join("keystore.db");
    /// # let keystore = strongroom::Keystore::create(&path, &unlock, strongroom::UnixTime::now())?;
    /// use strongroom::{UnixTime, issuance::CertificateTemplate, keystore::RequestOptions};
    ///
    /// let template = CertificateTemplate::new(vec!["www.example.test".parse()?]);
    /// let pending = keystore.request(&"www".parse()?, &template, RequestOptions::new(UnixTime::now()))?;
    /// assert!(pending.request.pem().starts_with("-----BEGIN CERTIFICATE REQUEST-----"));
    /// assert_eq!(keystore.pending_requests()?.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`IssuanceError::Pending`] if there is one already, unless it is to be given up; [`StoreError::AliasTaken`] if the alias
    /// is a CA certificate's; [`StoreError::NotFound`] if the key of an entry is asked for that is not there.
    pub fn request(
        &self,
        alias: &Alias,
        template: &CertificateTemplate,
        options: RequestOptions,
    ) -> Result<PendingRequest, Error> {
        let asked = Asked { action: Action::Csr, about: alias.as_str(), at: seconds(options.at) };
        let made = self.make_request(alias, template, options);
        let (key, request) = self.log_refusal(asked, made)?;
        let spki = request.spki_fingerprint;
        self.change(
            asked,
            |write, by| {
                may_request(&write.as_read(), alias, options.replace)?;
                let entry = write.as_read().head(alias)?;
                if options.key.is_none() {
                    // Another may have replaced the entry since its key was read.
                    let present = write.as_read().entry(alias)?;
                    if !present.as_ref().is_some_and(|row| has_key(row, spki)) {
                        return Err(StoreError::NotFound { alias: alias.clone() }.into());
                    }
                }
                let alias = entry.as_ref().map_or_else(|| alias.clone(), |head| head.alias.clone());
                let id = random_id()?;
                let chain = [request.fingerprint()];
                let binding = SealBinding { alias: &alias, entry: id, version: 0, spki, chain: &chain };
                let sealed = by.root.seal(&key, &binding)?;
                let actor = by.actor.to_owned();
                let row = RequestRow { alias, id, actor, at: by.at, request: request.clone(), sealed };
                write.put_request(&row);
                let note = LogNote {
                    fingerprint: request.fingerprint().to_string(),
                    ..LogNote::plain(row.alias.as_str(), Happened::Requested)
                };
                Ok(Step::Changed(described(row, entry.is_some()), note))
            },
            |read, root, made| {
                let row = read.request(alias)?;
                Ok(row.is_some_and(|row| {
                    row.request.der() == made.request.der() && open_request(root, &row).is_ok()
                }))
            },
        )
    }

    fn make_request(
        &self,
        alias: &Alias,
        template: &CertificateTemplate,
        options: RequestOptions,
    ) -> Result<(PrivateKey, SigningRequest), Error> {
        template.check()?;
        let may = self.shared.read(|read, _| Ok(may_request(read, alias, options.replace)))?;
        may?;
        let key = match options.key {
            Some(kind) => kind.generate()?,
            None => self.present_key(alias)?.0,
        };
        let request = signing_request(&key, template)?;
        Ok((key, request))
    }

    /// The private key that a server entry has now, and its row.
    pub(super) fn present_key(&self, alias: &Alias) -> Result<(PrivateKey, EntryRow), Error> {
        let (row, root) =
            self.shared.read(|read, root| Ok((read.entry(alias)?, std::sync::Arc::clone(root))))?;
        let row = row.ok_or_else(|| StoreError::NotFound { alias: alias.clone() })?;
        if row.head.trust.is_some() {
            return Err(IssuanceError::NoKey { alias: row.head.alias }.into());
        }
        Ok((open_row(&root, &row)?.0, row))
    }

    /// The pending request of an alias again; or else a request with key, subject and names of its entry, of which nothing
    /// is kept: the certificate that comes for it belongs to the entry by its key.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] if the alias has neither; [`IssuanceError::NoKey`] for a CA certificate;
    /// [`IssuanceError::NotRepeatable`] if the certificate has a subject or
    /// names that are not written here.
    pub fn signing_request(&self, alias: &Alias) -> Result<SigningRequest, Error> {
        match self.present_key(alias) {
            Ok((key, row)) => {
                let leaf = row.content.leaf().ok_or(SealError::Damaged)?;
                Ok(signing_request(&key, &CertificateTemplate::like(leaf)?)?)
            }
            Err(Error::Store(StoreError::NotFound { .. })) => {
                match self.reading(|read| read.request(alias))? {
                    Some(row) => Ok(row.request),
                    None => Err(StoreError::NotFound { alias: alias.clone() }.into()),
                }
            }
            Err(other) => Err(other),
        }
    }

    /// All pending requests in the order of their aliases.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn pending_requests(&self) -> Result<Vec<PendingRequest>, Error> {
        let listed = self.listed_requests()?;
        Ok(listed.into_iter().map(|(_, row)| row).collect::<Result<_, _>>()?)
    }

    /// The same with what is damaged in its place.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read, or not even the aliases can be proved.
    pub fn listed_requests(&self) -> Result<Vec<ListedRequest>, Error> {
        self.reading(|read| {
            let rows = read.listed_requests()?.into_iter().map(|(key, row)| {
                let shown = row.and_then(|row| {
                    let beside = read.head(&row.alias)?.is_some();
                    Ok(described(row, beside))
                });
                Ok((key, shown))
            });
            rows.collect()
        })
    }

    /// The pending request of an alias, whatever its case.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn pending_request(&self, alias: &Alias) -> Result<Option<PendingRequest>, Error> {
        self.reading(|read| {
            let row = read.request(alias)?;
            row.map(|row| Ok(described(row, read.head(alias)?.is_some()))).transpose()
        })
    }

    /// Gives up a pending request, whole or damaged, with its private key: no certificate for it can be installed then.
    ///
    /// # Errors
    ///
    /// [`IssuanceError::NotPending`].
    pub fn remove_request(&self, alias: &Alias, at: UnixTime) -> Result<(), Error> {
        let asked = Asked { action: Action::CsrRemove, about: alias.as_str(), at: seconds(at) };
        self.change(
            asked,
            |write, _| {
                if write.delete_request(alias)? {
                    Ok(Step::Changed((), LogNote::plain(alias.as_str(), Happened::Removed)))
                } else {
                    Err(IssuanceError::NotPending { alias: alias.clone() }.into())
                }
            },
            |read, _, ()| Ok(read.request(alias)?.is_none()),
        )
    }
}

/// Whether a request can be made for an alias.
fn may_request(read: &Read<'_>, alias: &Alias, replace: bool) -> Result<(), Error> {
    if let Some(head) = read.head(alias)?
        && head.trust.is_some()
    {
        return Err(AuthorityError::AliasTaken { alias: head.alias }.into());
    }
    match read.request(alias) {
        Ok(Some(row)) if !replace => {
            Err(IssuanceError::Pending { alias: row.alias, day: day(row.at) }.into())
        }
        Err(StoreError::Corrupt { .. }) if replace => Ok(()),
        Ok(_) => Ok(()),
        Err(other) => Err(other.into()),
    }
}

fn described(row: RequestRow, beside_entry: bool) -> PendingRequest {
    let RequestRow { alias, actor, at, request, .. } = row;
    PendingRequest { alias, created_at: instant::at(at), actor, request, beside_entry }
}

/// Whether the certificate of an entry has a public key.
pub(super) fn has_key(row: &EntryRow, spki: Fingerprint) -> bool {
    row.head.trust.is_none() && row.content.leaf().is_some_and(|leaf| leaf.spki_fingerprint == spki)
}

/// Unseals the key of a request, and proves that it is the one that the request names.
pub(super) fn open_request(root: &RootKey, row: &RequestRow) -> Result<PrivateKey, SealError> {
    let key = unseal_request(root, row)?;
    let spki = public_key_der(&key).map(|spki| Fingerprint::of(&spki));
    if spki == Some(row.request.spki_fingerprint) { Ok(key) } else { Err(SealError::Damaged) }
}

/// The request of an alias goes with its entry to the new one.
pub(super) fn rename_request(write: &Write<'_>, by: &By<'_>, from: &Alias, to: &Alias) -> Result<(), Error> {
    let Some(row) = write.as_read().request(from)? else {
        return Ok(());
    };
    if from.key() != to.key()
        && let Some(other) = write.as_read().request(to)?
    {
        return Err(IssuanceError::Pending { alias: other.alias, day: day(other.at) }.into());
    }
    let key = open_request(by.root, &row)?;
    write.delete_request(from)?;
    let mut renamed = RequestRow { alias: to.clone(), ..row };
    let chain = renamed.chain();
    renamed.sealed = by.root.seal(&key, &renamed.binding(&chain))?;
    write.put_request(&renamed);
    Ok(())
}

/// The requests by their aliases in lower case: the alias, and the public key. What is damaged is left out.
pub(super) type Pending = BTreeMap<String, (Alias, Fingerprint)>;

pub(super) fn pending(read: &Read<'_>) -> Result<Pending, StoreError> {
    let rows = read.listed_requests()?.into_iter();
    let known =
        rows.filter_map(|(key, row)| row.ok().map(|row| (key, (row.alias, row.request.spki_fingerprint))));
    Ok(known.collect())
}
