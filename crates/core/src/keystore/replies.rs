//! Replies to certificate signing requests: a certificate finds the private key that waits for it, by public key.

use super::{
    FilesRequest, ImportReport, Keystore, OpenedFiles, Source,
    files::Gathered,
    protocol::Asked,
    requests::{has_key, open_request},
    waiting_key::{Waiting, named},
};
use crate::{
    alias::Alias,
    certificate::{Certificate, Fingerprint},
    certificate_file::{CertificateFileRequest, read_certificates},
    error::Error,
    instant::{day, seconds},
    issuance::IssuanceError,
    limits::Limits,
    secret::Password,
    store::{Action, Read, RequestRow, StoreError},
};

/// Entries of one key that are looked for.
const LOOKED_FOR: u32 = 8;

impl Keystore {
    /// Installs the certificate that a CA made for a pending request, or for the key that an entry has: PEM, DER or PKCS #7,
    /// with its chain or without, in any order. It is judged as an import, and becomes the next version of the entry, if
    /// the alias has one. The request is done then.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let unlock = strongroom::UnlockKey::generate()?;
    /// # let path = folder.path().join("keystore.db");
    /// # let keystore = strongroom::Keystore::create(&path, &unlock, strongroom::UnixTime::now())?;
    /// # use strongroom::{UnixTime, issuance::CertificateTemplate, keystore::RequestOptions};
    /// # let template = CertificateTemplate::new(vec!["www.example.test".parse()?]);
    /// keystore.request(&"www".parse()?, &template, RequestOptions::new(UnixTime::now()))?;
    ///
    /// // A certificate for another key is not taken.
    /// let reply = std::fs::read("../../fixtures/chains/intermediate-rsa.pem")?;
    /// let refused = keystore.install(&"www".parse()?, &reply, UnixTime::now()).unwrap_err();
    /// assert_eq!(refused.code(), "key_mismatch");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`IssuanceError`] if no key waits for one of the certificates; the errors of an import. The request waits on then.
    pub fn install(
        &self,
        alias: &Alias,
        reply: &[u8],
        at: rustls_pki_types::UnixTime,
    ) -> Result<ImportReport, Error> {
        let password = Password::new("")?;
        let files = [super::SourceFile::new("the reply", reply)];
        Ok(self.install_files(FilesRequest::new(alias.clone(), &files, &password, at))?.0)
    }

    /// The same of several files.
    ///
    /// # Errors
    ///
    /// As for [`install`](Self::install).
    pub fn install_files(&self, request: FilesRequest<'_>) -> Result<(ImportReport, Vec<Source>), Error> {
        let OpenedFiles { request, sources } = self.open_reply(request)?;
        Ok((self.import_credential(request)?, sources))
    }

    /// Finds the private key that waits for one of the certificates of the files, and stores nothing yet:
    /// [`import_credential`](Self::import_credential) goes on from here. An entry of the alias is to be replaced then,
    /// without being asked for.
    ///
    /// # Errors
    ///
    /// [`IssuanceError`] if no key waits; it is in the log.
    pub fn open_reply(&self, mut request: FilesRequest<'_>) -> Result<OpenedFiles, Error> {
        let (alias, dry_run) = (request.alias.clone(), request.options.dry_run);
        let asked =
            Asked { action: Action::CsrInstall, about: alias.as_str(), at: seconds(request.options.at) };
        request.options.replace = true;
        let done = self.gather_reply(request).map(|mut opened| {
            opened.request.action = Action::CsrInstall;
            opened
        });
        if dry_run { done } else { self.log_refusal(asked, done) }
    }

    /// The aliases of the pending requests that a reply answers; or else those of the entries for whose key it is.
    ///
    /// # Errors
    ///
    /// [`IssuanceError::RequestDamaged`] if it is for none of them, and may be for a request that is damaged; others if
    /// the reply cannot be read, or the store.
    pub fn aliases_answered(&self, reply: &[u8], limits: &Limits) -> Result<Vec<Alias>, Error> {
        let found = read_certificates(CertificateFileRequest {
            limits: *limits,
            ..CertificateFileRequest::new(reply)
        })?;
        let keys: Vec<Fingerprint> =
            found.certificates.iter().map(|found| found.certificate.spki_fingerprint).collect();
        let (found, damaged) = self.reading(|read| {
            let Requests { whole, damaged } = requests(read)?;
            let answered = whole.into_iter().filter(|row| keys.contains(&row.request.spki_fingerprint));
            let pending: Vec<Alias> = answered.map(|row| row.alias).collect();
            if !pending.is_empty() {
                return Ok((pending, damaged));
            }
            let mut entries = Vec::new();
            for key in &keys {
                for alias in read.aliases_of_key(key, LOOKED_FOR)? {
                    if read.head(&alias)?.is_some_and(|head| head.trust.is_none())
                        && !entries.contains(&alias)
                    {
                        entries.push(alias);
                    }
                }
            }
            Ok((entries, damaged))
        })?;
        if found.is_empty() && !damaged.is_empty() {
            return Err(IssuanceError::RequestDamaged { aliases: named(damaged) }.into());
        }
        Ok(found)
    }

    /// The private key that waits under an alias for one of the certificates.
    pub(super) fn waiting_for(&self, alias: &Alias, gathered: &Gathered) -> Result<Option<Waiting>, Error> {
        let keys: Vec<Fingerprint> =
            gathered.decoded().map(|certificate| certificate.spki_fingerprint).collect();
        let (row, root) =
            self.shared.read(|read, root| Ok((read.request(alias)?, std::sync::Arc::clone(root))))?;
        let Some(row) = row.filter(|row| keys.contains(&row.request.spki_fingerprint)) else {
            return Ok(None);
        };
        Ok(Some(Waiting {
            key: open_request(&root, &row)?,
            answers: Some(row.id),
            place: format!("the pending request of {}", day(row.at)),
            request: Some(row.request),
        }))
    }

    /// The same of the key that the entry has.
    pub(super) fn present_for(&self, alias: &Alias, gathered: &Gathered) -> Result<Option<Waiting>, Error> {
        if !self.is_for_present(alias, gathered)? {
            return Ok(None);
        }
        let (key, _) = self.present_key(alias)?;
        let place = "the present entry".to_owned();
        Ok(Some(Waiting { key, answers: None, request: None, place }))
    }

    /// Whether one of the certificates is for the key that the entry has.
    pub(super) fn is_for_present(&self, alias: &Alias, gathered: &Gathered) -> Result<bool, Error> {
        let row = self.reading(|read| read.entry(alias))?;
        let fits = |row| gathered.decoded().any(|certificate| has_key(row, certificate.spki_fingerprint));
        Ok(row.as_ref().is_some_and(fits))
    }

    /// Why no key waits under the alias: whose reply it is, or what there is.
    pub(super) fn not_waiting(&self, alias: &Alias, gathered: &Gathered) -> Result<IssuanceError, Error> {
        let Requests { whole: rows, damaged } = self.reading(requests)?;
        let certificates: Vec<Certificate> = gathered.decoded().collect();
        let of_key = |row: &&RequestRow| {
            certificates.iter().any(|known| known.spki_fingerprint == row.request.spki_fingerprint)
        };
        if let Some(other) = rows.iter().find(of_key) {
            return Ok(IssuanceError::WrongRequest { alias: alias.clone(), of: other.alias.clone() });
        }
        let own = rows.iter().find(|row| row.alias.key() == alias.key());
        let entry = self.reading(|read| read.entry(alias))?.filter(|row| row.head.trust.is_none());
        let waited_for = own
            .map(|row| row.request.spki_fingerprint)
            .or_else(|| entry.as_ref()?.content.leaf().map(|leaf| leaf.spki_fingerprint));
        let others = rows.iter().filter(|row| row.alias.key() != alias.key());
        let others: Vec<String> = others
            .map(|row| {
                let RequestRow { alias, request, .. } = row;
                format!("{alias} ({} {})", request.key, digits(request.spki_fingerprint))
            })
            .collect();
        let others = match others.is_empty() {
            true => "there is no other pending request".to_owned(),
            false => format!("pending requests: {}", named(others)),
        };
        let others = match damaged.is_empty() {
            true => others,
            false => format!("{others}; damaged, so that their keys cannot be compared: {}", named(damaged)),
        };
        Ok(match waited_for {
            None => IssuanceError::NothingWaits { alias: alias.clone(), others },
            Some(expected) => {
                let found = certificates
                    .iter()
                    .map(|known| format!("{} has {}", known.subject, digits(known.spki_fingerprint)));
                let found = named(found.collect());
                IssuanceError::ReplyMismatch {
                    alias: alias.clone(),
                    expected: digits(expected),
                    found,
                    others,
                }
            }
        })
    }
}

/// The pending requests, and the aliases of those that are damaged.
struct Requests {
    whole: Vec<RequestRow>,
    damaged: Vec<String>,
}

fn requests(read: &Read<'_>) -> Result<Requests, StoreError> {
    let mut found = Requests { whole: Vec::new(), damaged: Vec::new() };
    for (alias, row) in read.listed_requests()? {
        match row {
            Ok(row) => found.whole.push(row),
            Err(StoreError::Corrupt { .. }) => found.damaged.push(alias),
            Err(other) => return Err(other),
        }
    }
    Ok(found)
}

/// The beginning of a digest, for people to compare.
fn digits(of: Fingerprint) -> String {
    of.to_string().chars().take(16).collect()
}
