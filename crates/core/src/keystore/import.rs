//! Imports: open, prove, validate, seal, store, read back.

use rustls_pki_types::UnixTime;

use super::{
    Keystore,
    commit_credential::{Committed, Stored, commit_credential},
    open_row,
    protocol::{Asked, LogNote, Step},
    request::{CredentialRequest, ImportReport, Opening, Outcome, ServerCertificateRequest},
    unseal,
};
use crate::{
    alias::Alias,
    certificate::ServerCredential,
    diagnostic::DiagnosticCode,
    error::Error,
    inspect::{Wrapping, about_pfx},
    instant::seconds,
    limits::{KdfBudget, Limits},
    pkcs12::{Pfx, Pkcs12Error, danger},
    seal::RootKey,
    secret::Password,
    store::{Action, Happened, Read, StoreError},
    trace::{Operation, traced},
};

impl Keystore {
    /// Imports a PKCS #12 file: opens it, proves that its key belongs to its certificate, validates that against the
    /// imported authorities, seals and stores it, and reads it back.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let unlock = strongroom::UnlockKey::generate()?;
    /// # let path = folder.path().join("keystore.db");
    /// use strongroom::{Keystore, Password, ServerCertificateRequest, UnixTime, keystore::Outcome};
    ///
    /// let keystore = Keystore::create(&path, &unlock, UnixTime::now())?;
    /// let root = std::fs::read("../../fixtures/chains/root-rsa.pem")?;
    /// keystore.import_authority(&"root".parse()?, &root, UnixTime::now())?;
    ///
    /// let file = std::fs::read("../../fixtures/pkcs12/www.p12")?;
    /// let password = Password::new("changeit")?;
    /// let request = ServerCertificateRequest::new("www".parse()?, &file, &password, UnixTime::now());
    /// let report = keystore.import_server_certificate(request)?;
    /// assert_eq!(report.outcome, Outcome::Imported);
    /// assert_eq!(report.imported[1].as_str(), "www_intermediate");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error`] of the stage that refused; the store is then as it was.
    pub fn import_server_certificate(
        &self,
        request: ServerCertificateRequest<'_>,
    ) -> Result<ImportReport, Error> {
        let (alias, dry_run) = (request.alias.clone(), request.options.dry_run);
        let asked = Asked { action: Action::Import, about: alias.as_str(), at: seconds(request.options.at) };
        let done = traced(Operation::Import, Some(&alias), || self.open_and_import(request));
        // Who only asks what would happen leaves no trace.
        if dry_run { done } else { self.log_refusal(asked, done) }
    }

    fn open_and_import(&self, request: ServerCertificateRequest<'_>) -> Result<ImportReport, Error> {
        self.import_opened(self.open_file(request)?)
    }

    /// Opens a PKCS #12 file as [`import_server_certificate`](Self::import_server_certificate) does, and stores nothing
    /// yet: [`import_credential`](Self::import_credential) goes on from here.
    ///
    /// # Errors
    ///
    /// [`Error`] of the stage that refused; it is in the log.
    pub fn open_server_certificate(
        &self,
        request: ServerCertificateRequest<'_>,
    ) -> Result<CredentialRequest, Error> {
        let (alias, dry_run) = (request.alias.clone(), request.options.dry_run);
        let asked = Asked { action: Action::Import, about: alias.as_str(), at: seconds(request.options.at) };
        let done = traced(Operation::Import, Some(&alias), || self.open_file(request));
        if dry_run { done } else { self.log_refusal(asked, done) }
    }

    fn open_file(&self, mut request: ServerCertificateRequest<'_>) -> Result<CredentialRequest, Error> {
        if let Some(most) = &self.shared.limits {
            request.opening.limits = request.opening.limits.at_most(most);
        }
        open_file(request)
    }

    /// Imports a credential that is open already, with the same checks.
    ///
    /// # Errors
    ///
    /// [`Error`] of the stage that refused; the store is then as it was.
    pub fn import_credential(&self, request: CredentialRequest) -> Result<ImportReport, Error> {
        let (alias, dry_run) = (request.alias.clone(), request.options.dry_run);
        let asked = Asked { action: request.action, about: alias.as_str(), at: seconds(request.options.at) };
        let done = traced(Operation::Import, Some(&alias), || self.import_opened(request));
        if dry_run { done } else { self.log_refusal(asked, done) }
    }

    pub(super) fn import_opened(&self, request: CredentialRequest) -> Result<ImportReport, Error> {
        let (alias, dry_run) = (request.alias.clone(), request.options.dry_run);
        let asked = Asked { action: request.action, about: alias.as_str(), at: seconds(request.options.at) };
        let (report, _) = self.attempt(
            asked,
            |write, by| match commit_credential(write, by, request)? {
                Committed::AlreadyPresent(report) => Ok(Step::Same((report, None))),
                // The transaction goes without a trace.
                Committed::Written(written) if dry_run => Ok(Step::Same((written.report, None))),
                Committed::Written(written) => {
                    let note = written.log_note();
                    Ok(Step::Changed((written.report, Some(written.stored)), note))
                }
            },
            |read, root, (report, stored)| comes_back(read, root, &report.alias, stored.as_ref()),
        )?;
        Ok(report)
    }

    /// Imports several credentials in one transaction: all of them, or none. Each is read back.
    ///
    /// # Errors
    ///
    /// [`Error`] of the first that was refused; the store is then as it was.
    pub fn import_credentials(
        &self,
        requests: Vec<CredentialRequest>,
        at: UnixTime,
    ) -> Result<Vec<ImportReport>, Error> {
        traced(Operation::Import, None, || self.import_together(requests, at))
    }

    fn import_together(
        &self,
        requests: Vec<CredentialRequest>,
        at: UnixTime,
    ) -> Result<Vec<ImportReport>, Error> {
        let asked = Asked { action: Action::ImportMany, about: "", at: seconds(at) };
        // Nothing is stored if one of them only asks what would be.
        let dry_run = requests.iter().any(|request| request.options.dry_run);
        let done = self.attempt(
            asked,
            |write, by| {
                let mut all = Vec::with_capacity(requests.len());
                for request in requests {
                    let written = match commit_credential(write, by, request)? {
                        Committed::AlreadyPresent(report) => {
                            return Err(StoreError::AliasTaken { alias: report.alias }.into());
                        }
                        Committed::Written(written) if written.report.outcome == Outcome::AlreadyPresent => {
                            return Err(StoreError::AliasTaken { alias: written.report.alias }.into());
                        }
                        Committed::Written(written) => written,
                    };
                    write.audit(written.log_note().event(Action::Import, by));
                    all.push((written.report, Some(written.stored)));
                }
                if dry_run || all.is_empty() {
                    return Ok(Step::Same(all));
                }
                Ok(Step::Changed(all, LogNote::plain("", Happened::Several)))
            },
            |read, root, all| {
                for (report, stored) in all {
                    if !comes_back(read, root, &report.alias, stored.as_ref())? {
                        return Ok(false);
                    }
                }
                Ok(true)
            },
        );
        let done = if dry_run { done } else { self.log_refusal(asked, done) };
        Ok(done?.into_iter().map(|(report, _)| report).collect())
    }
}

/// Whether an entry comes back through the path that a server uses, with the key that was proved.
///
/// This protects from what may have gone wrong since the proof: a change that did not reach the database, a row that holds
/// something else, a key that was sealed for another place, or that changed in memory before it was sealed. A key whose
/// digest is that of the proved one is not proved again.
pub(super) fn comes_back(
    read: &Read<'_>,
    root: &RootKey,
    alias: &Alias,
    stored: Option<&Stored>,
) -> Result<bool, Error> {
    let Some((row, stored)) = read.entry(alias)?.zip(stored) else {
        return Ok(false);
    };
    let is_same = row.content.leaf().is_some_and(|leaf| leaf.fingerprint == stored.leaf);
    Ok(is_same
        && match &stored.key {
            Some(digest) => unseal(root, &row).is_ok_and(|key| key.is_some_and(|key| digest.is_of(&key))),
            None => open_row(root, &row).is_ok(),
        })
}

/// Opens a PKCS #12 file, without any store: the private key, proved to belong to the leaf, and the other certificates.
/// Whom the certificate is trusted by is not looked at; [`verify`](crate::validate::verify) says that.
///
/// The [default bounds](Limits) hold. [`Pfx`] opens a file step by step, where others are wanted, a key has a password of its
/// own, or a file without a MAC is to be read.
///
/// ```
/// use strongroom::{Password, open_pfx};
///
/// let file = std::fs::read("../../fixtures/pkcs12/www.p12")?;
/// let credential = open_pfx(&file, &Password::new("changeit")?)?;
/// assert!(credential.leaf().hosts().any(|host| host == "www.fixture.test"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`Pkcs12Error`] if the file does not open, [`CredentialError`](crate::certificate::CredentialError) if it holds no key
/// with its certificate, or several.
pub fn open_pfx(file: &[u8], password: &Password) -> Result<ServerCredential, Error> {
    let limits = Limits::default();
    let mut budget = KdfBudget::new(&limits);
    let contents =
        Pfx::from_bytes(file, &limits)?.verify(password, &mut budget)?.decrypt(&[], &mut budget)?;
    contents.require_credential()?;
    Ok(ServerCredential::choose(contents, None)?)
}

/// Opens a file, and finds the key and certificate that are meant.
fn open_file(request: ServerCertificateRequest<'_>) -> Result<CredentialRequest, Error> {
    let ServerCertificateRequest { alias, file, opening, options } = request;
    let Opening { password, key_passwords, entry, limits, cancel } = opening;
    let mut budget = KdfBudget::new(&limits).with_cancel(cancel);
    let pfx = Pfx::from_bytes(file, &limits)?;
    let wrapping = Wrapping::of(&pfx);
    let verified = if pfx.mac().is_none() && options.policy.allows(DiagnosticCode::NoMac) {
        danger::skip_absent_mac(pfx, password).map_err(|_| Pkcs12Error::NoMac)?
    } else {
        pfx.verify(password, &mut budget)?
    };
    let contents = verified.decrypt(key_passwords, &mut budget)?;
    contents.require_credential()?;
    let findings = about_pfx(&contents, &wrapping);
    let credential = ServerCredential::choose(contents, entry.as_ref())?;
    let request = CredentialRequest::new(alias, credential, options.at);
    Ok(CredentialRequest { findings, options, ..request })
}
