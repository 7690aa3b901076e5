//! Imports: open, prove, validate, seal, store, read back.

use rustls_pki_types::UnixTime;

use super::{
    Keystore, event_of, open_row,
    place::{Placed, place},
    request::{ChainLink, CredentialRequest, ImportReport, Outcome, ServerCertificateRequest},
    seconds,
};
use crate::{
    alias::Alias,
    certificate::ServerCredential,
    error::Error,
    inspect::{Wrapping, about_pfx},
    limits::Budget,
    pkcs12::{Pfx, Pkcs12Error, danger},
    store::{Event, StoreError},
    validate::{Finding, FindingCode, ValidatedChain},
};

impl Keystore {
    /// Imports a PKCS #12 file: opens it, proves that its key belongs to its certificate, validates that against the
    /// imported authorities, seals and stores it, and reads it back.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let unlock = strongroom::UnlockKey::generate()?;
    /// # let path = folder.path().join("keystore.db");
    /// use strongroom::{Keystore, Outcome, Password, ServerCertificateRequest, UnixTime};
    ///
    /// let mut keystore = Keystore::create(&path, &unlock, UnixTime::now())?;
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
        &mut self,
        request: ServerCertificateRequest<'_>,
    ) -> Result<ImportReport, Error> {
        let (alias, at) = (request.alias.clone(), seconds(request.options.at));
        if request.options.dry_run {
            return self.open_and_import(request);
        }
        let done = self.open_and_import(request);
        self.told("import", alias.as_str(), at, done)
    }

    fn open_and_import(&mut self, request: ServerCertificateRequest<'_>) -> Result<ImportReport, Error> {
        self.import_opened(open_file(request)?)
    }

    /// Opens a PKCS #12 file as [`import_server_certificate`](Self::import_server_certificate) does, and stores nothing
    /// yet: [`import_credential`](Self::import_credential) goes on from here.
    ///
    /// # Errors
    ///
    /// [`Error`] of the stage that refused; it is in the log.
    pub fn open_server_certificate(
        &mut self,
        request: ServerCertificateRequest<'_>,
    ) -> Result<CredentialRequest, Error> {
        let (alias, at, dry_run) =
            (request.alias.clone(), seconds(request.options.at), request.options.dry_run);
        let done = open_file(request);
        if dry_run { done } else { self.told("import", alias.as_str(), at, done) }
    }

    /// Imports a credential that is open already, with the same checks.
    ///
    /// # Errors
    ///
    /// [`Error`] of the stage that refused; the store is then as it was.
    pub fn import_credential(&mut self, request: CredentialRequest) -> Result<ImportReport, Error> {
        let (alias, at) = (request.alias.clone(), seconds(request.options.at));
        if request.options.dry_run {
            return self.import_opened(request);
        }
        let done = self.import_opened(request);
        self.told("import", alias.as_str(), at, done)
    }

    fn import_opened(&mut self, request: CredentialRequest) -> Result<ImportReport, Error> {
        let (at, dry_run) = (seconds(request.options.at), request.options.dry_run);
        let actor = self.actor.clone();
        let write = self.store.write()?;
        let placed = match place(&write, &self.root, &actor, request)? {
            Placed::Present { alias, findings } => {
                drop(write);
                return self.already_present(&alias, findings, dry_run);
            }
            Placed::Written(placed) => placed,
        };
        if dry_run {
            // The transaction goes without a trace.
            drop(write);
            return Ok(placed.report);
        }
        let done = write.commit(&placed.event(&actor, at));
        self.settle(done)?;
        self.read_back(&placed.report.alias, &placed.chain)?;
        Ok(placed.report)
    }

    /// Imports several credentials in one transaction: all of them, or none. Each is read back.
    ///
    /// # Errors
    ///
    /// [`Error`] of the first that was refused; the store is then as it was.
    pub fn import_credentials(
        &mut self,
        requests: Vec<CredentialRequest>,
        at: UnixTime,
    ) -> Result<Vec<ImportReport>, Error> {
        let (at, actor) = (seconds(at), self.actor.clone());
        let write = self.store.write()?;
        let mut all = Vec::with_capacity(requests.len());
        for request in requests {
            let placed = match place(&write, &self.root, &actor, request)? {
                Placed::Present { alias, .. } => return Err(StoreError::AliasTaken { alias }.into()),
                Placed::Written(placed) => placed,
            };
            write.audit(&placed.event(&actor, at))?;
            all.push(placed);
        }
        let event = Event { alias: "", fingerprint: String::new(), ..event_of("import-many", &actor, at) };
        let done = write.commit(&event);
        self.settle(done)?;
        for placed in &all {
            self.read_back(&placed.report.alias, &placed.chain)?;
        }
        Ok(all.into_iter().map(|placed| placed.report).collect())
    }

    /// Reads an entry through the path that a server uses; what does not come back whole is not acknowledged.
    fn read_back(&mut self, alias: &Alias, chain: &ValidatedChain) -> Result<(), Error> {
        let stored = self.store.view(|read| read.entry(alias));
        let opened = match stored {
            Ok(Some(row)) if row.content.leaf().map(|leaf| leaf.fingerprint) == chain.leaf() => {
                open_row(&self.root, row)
            }
            _ => return Err(StoreError::unread().into()),
        };
        match opened {
            Ok(_) => Ok(()),
            Err(_) => Err(StoreError::unread().into()),
        }
    }

    fn already_present(
        &mut self,
        alias: &Alias,
        findings: Vec<Finding>,
        dry_run: bool,
    ) -> Result<ImportReport, Error> {
        let row = self.row(alias)?;
        let (alias, chain) = (row.head.alias.clone(), ChainLink::of(&row.content.chain));
        open_row(&self.root, row)?;
        Ok(ImportReport {
            alias,
            outcome: Outcome::AlreadyPresent,
            dry_run,
            authority: false,
            chain,
            imported: Vec::new(),
            findings,
        })
    }
}

/// Opens a file, and finds the key and certificate that are meant.
fn open_file(request: ServerCertificateRequest<'_>) -> Result<CredentialRequest, Error> {
    let ServerCertificateRequest { alias, file, password, key_passwords, entry, limits, cancel, options } =
        request;
    let mut budget = Budget::new(&limits).with_cancel(cancel);
    let pfx = Pfx::from_bytes(file, &limits)?;
    let wrapping = Wrapping::of(&pfx);
    let verified = if pfx.mac().is_none() && options.policy.allows(FindingCode::NoMac) {
        danger::skip_absent_mac(pfx, password).map_err(|_| Pkcs12Error::NoMac)?
    } else {
        pfx.verify(password, &mut budget)?
    };
    let contents = verified.decrypt(key_passwords, &mut budget)?;
    contents.require_credential()?;
    let findings = about_pfx(&contents, &wrapping);
    let credential = ServerCredential::choose(contents, entry.as_ref())?;
    Ok(CredentialRequest { alias, credential, findings, options })
}
