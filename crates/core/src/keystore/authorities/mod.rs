//! Imports of CA certificates: one under its alias, or all of several files in one transaction.

mod names;
mod request;

use std::collections::HashSet;

use rustls_pki_types::UnixTime;

use self::names::Names;
pub use self::request::{
    AuthoritiesReport, AuthoritiesRequest, AuthorityFile, AuthorityNames, AuthorityOutcome, AuthorityReport,
};
use super::{
    Keystore,
    commit_credential::insert_authority,
    protocol::{Asked, By, LogNote, Step},
    request::{ChainLink, ImportReport, Outcome},
};
use crate::{
    alias::Alias,
    certificate::{Certificate, Fingerprint},
    certificate_file::{CertificateFile, CertificateFileRequest, FoundCertificate, read_certificates},
    diagnostic::{Diagnostic, DiagnosticCode},
    error::{AuthorityError, Error},
    instant::seconds,
    store::{Action, Happened, Read, StoreError, Write},
    trace::{Operation, traced},
    validate::{PathCertificate, Trust, about_authority},
};

/// The most certificates of one import.
const MAX_CERTIFICATES: usize = 10_000;

impl Keystore {
    /// Imports one CA certificate, root or intermediate: paths may end there from now on. The file may be of any form
    /// that [`read_certificates`] reads without a password.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let unlock = strongroom::UnlockKey::generate()?;
    /// # let path = folder.path().join("keystore.db");
    /// # let keystore = strongroom::Keystore::create(&path, &unlock, strongroom::UnixTime::now())?;
    /// use strongroom::{UnixTime, keystore::Outcome};
    ///
    /// let root = std::fs::read("../../fixtures/chains/root-rsa.pem")?;
    /// let report = keystore.import_authority(&"root".parse()?, &root, UnixTime::now())?;
    /// assert_eq!(report.outcome, Outcome::Imported);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`CertificateFileError`](crate::certificate_file::CertificateFileError) if the file cannot be read; [`AuthorityError`] if it does
    /// not hold exactly one CA certificate, or the alias stands for something else.
    pub fn import_authority(&self, alias: &Alias, file: &[u8], at: UnixTime) -> Result<ImportReport, Error> {
        let read = read_certificates(CertificateFileRequest::new(file)).map_err(Error::from);
        self.import_authority_file(alias, read, at)
    }

    /// Imports the one CA certificate of a file that was read, or logs that it could not be.
    ///
    /// # Errors
    ///
    /// As for [`import_authority`](Self::import_authority), and the error of reading it.
    pub fn import_authority_file(
        &self,
        alias: &Alias,
        file: Result<CertificateFile, Error>,
        at: UnixTime,
    ) -> Result<ImportReport, Error> {
        traced(Operation::Import, Some(alias), || self.import_one(alias, file, at))
    }

    fn import_one(
        &self,
        alias: &Alias,
        file: Result<CertificateFile, Error>,
        at: UnixTime,
    ) -> Result<ImportReport, Error> {
        let asked = Asked { action: Action::CaImport, about: alias.as_str(), at: seconds(at) };
        let read = file.and_then(|file| {
            let CertificateFile { certificates, mut findings, .. } = file;
            let [FoundCertificate { certificate, .. }] = <[FoundCertificate; 1]>::try_from(certificates)
                .map_err(|several| AuthorityError::Several { found: several.len() })?;
            check_ca(&certificate)?;
            findings.extend(about_authority(&certificate, asked.at));
            Ok((certificate, findings))
        });
        let (certificate, findings) = self.log_refusal(asked, read)?;
        let fingerprint = certificate.fingerprint;
        self.change(
            asked,
            |write, by| import_ca(write, by, alias, certificate, findings),
            |read, _, report| anchors(read, &report.alias, fingerprint),
        )
    }

    /// Imports every CA certificate of some files in one transaction: all of them, or none. A certificate that is an
    /// authority already, or stands in several files, is stored once.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let unlock = strongroom::UnlockKey::generate()?;
    /// # let path = folder.path().join("keystore.db");
    /// # let keystore = strongroom::Keystore::create(&path, &unlock, strongroom::UnixTime::now())?;
    /// use strongroom::{
    ///     UnixTime,
    ///     certificate_file::{CertificateFileRequest, read_certificates},
    ///     keystore::{AuthoritiesRequest, AuthorityFile},
    /// };
    ///
    /// let mut files = Vec::new();
    /// for name in ["root-rsa.pem", "intermediate-rsa.pem"] {
    ///     let bytes = std::fs::read(format!("../../fixtures/chains/{name}"))?;
    ///     let content = read_certificates(CertificateFileRequest::new(&bytes))?;
    ///     files.push(AuthorityFile::new(name, content));
    /// }
    /// let report = keystore.import_authorities(AuthoritiesRequest::new(files, UnixTime::now()))?;
    /// for one in &report.certificates {
    ///     println!("{:?} {} {}", one.alias, one.outcome.as_str(), one.sha256);
    /// }
    /// assert_eq!(report.counts(), (2, 0, 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`AuthorityError`] if nothing is a CA certificate, if one is not and was not to be passed over, if there are too
    /// many, or if the given alias stands for something else; the store is then as it was.
    pub fn import_authorities(&self, request: AuthoritiesRequest) -> Result<AuthoritiesReport, Error> {
        traced(Operation::Import, None, || self.import_several(request))
    }

    fn import_several(&self, request: AuthoritiesRequest) -> Result<AuthoritiesReport, Error> {
        // Each of them is a row of the log; together they are the commit's.
        let asked = Asked { action: Action::CaImport, about: "", at: seconds(request.at) };
        let AuthoritiesRequest { files, names, pass_over, .. } = request;
        let gathered = gather(files).and_then(|(mut all, findings)| {
            check_all(&mut all, pass_over)?;
            Ok((all, findings))
        });
        let (all, findings) = self.log_refusal(asked, gathered)?;
        let names = Names::new(names);
        let together = Asked { action: Action::CaImportAll, ..asked };
        let done = self.attempt(
            together,
            |write, by| import_cas(write, by, all, findings, names),
            |read, _, (_, written)| {
                for (alias, fingerprint) in written {
                    if !anchors(read, alias, *fingerprint)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            },
        );
        Ok(self.log_refusal(asked, done)?.0)
    }
}

/// Writes one CA certificate, unless it is there.
fn import_ca(
    write: &Write<'_>,
    by: &By<'_>,
    alias: &Alias,
    certificate: Certificate,
    mut findings: Vec<Diagnostic>,
) -> Result<Step<ImportReport>, Error> {
    let report = |alias: &Alias, outcome, imported, findings| ImportReport {
        alias: alias.clone(),
        outcome,
        dry_run: false,
        authority: true,
        chain: ChainLink::of(&[PathCertificate::leaf(certificate.clone())]),
        imported,
        findings,
    };
    if let Some(row) = write.as_read().entry(alias)? {
        let same = row.content.leaf().is_some_and(|known| known.fingerprint == certificate.fingerprint);
        let stored = row.head.alias.clone();
        return match row.head.trust {
            Some(Trust::Anchor) if same => {
                Ok(Step::Same(report(&stored, Outcome::AlreadyPresent, Vec::new(), findings)))
            }
            // It came with a server certificate; now an administrator vouches for it.
            Some(Trust::Path) if same => {
                write.promote(&row.head)?;
                let imported = vec![stored.clone()];
                let report = report(&stored, Outcome::Imported, imported, findings);
                Ok(Step::Changed(report, log_note(alias, &certificate)))
            }
            _ => Err(AuthorityError::AliasTaken { alias: stored }.into()),
        };
    }
    if let Some(other) = anchored(write, &certificate)? {
        findings.push(Diagnostic::new(
            DiagnosticCode::DuplicateAuthority,
            format!("the same certificate is in the store as \"{other}\""),
        ));
    }
    insert_authority(write, alias, Trust::Anchor, &certificate, by.actor, by.at)?;
    let report = report(alias, Outcome::Imported, vec![alias.clone()], findings);
    Ok(Step::Changed(report, log_note(alias, &certificate)))
}

type Imported = (AuthoritiesReport, Vec<(Alias, Fingerprint)>);

/// Writes every CA certificate that is not there.
fn import_cas(
    write: &Write<'_>,
    by: &By<'_>,
    mut all: Vec<Gathered>,
    mut findings: Vec<Diagnostic>,
    mut names: Names,
) -> Result<Step<Imported>, Error> {
    let mut written = Vec::new();
    for Gathered { certificate, report } in &mut all {
        if matches!(report.outcome, AuthorityOutcome::NotImported(_)) {
            continue;
        }
        if let Some(known) = anchored(write, certificate)? {
            (report.alias, report.outcome) = (Some(known), AuthorityOutcome::AlreadyPresent);
            continue;
        }
        findings.extend(about_authority(certificate, by.at));
        let alias = names.next(write, certificate)?;
        insert_authority(write, &alias, Trust::Anchor, certificate, by.actor, by.at)?;
        write.audit(log_note(&alias, certificate).event(Action::CaImport, by));
        written.push((alias.clone(), certificate.fingerprint));
        report.alias = Some(alias);
    }
    let certificates = all.into_iter().map(|gathered| gathered.report).collect();
    let report = AuthoritiesReport { certificates, findings };
    // Nothing to commit, and nothing to log.
    if written.is_empty() {
        return Ok(Step::Same((report, written)));
    }
    Ok(Step::Changed((report, written), LogNote::plain("", Happened::Imported)))
}

/// Whether an alias stands for an anchor with this certificate.
fn anchors(read: &Read<'_>, alias: &Alias, sha256: Fingerprint) -> Result<bool, Error> {
    Ok(read.entry(alias)?.is_some_and(|row| {
        row.head.trust == Some(Trust::Anchor)
            && row.content.leaf().is_some_and(|stored| stored.fingerprint == sha256)
    }))
}

/// A certificate with what will be said of it.
struct Gathered {
    certificate: Certificate,
    report: AuthorityReport,
}

/// Every certificate of the files once, and what there is to say of the files.
fn gather(files: Vec<AuthorityFile>) -> Result<(Vec<Gathered>, Vec<Diagnostic>), Error> {
    let mut all = Vec::new();
    let mut findings = Vec::new();
    let mut seen = HashSet::new();
    let mut repeated = 0_usize;
    for AuthorityFile { name, content } in files {
        findings.extend(content.findings.into_iter().map(|finding| {
            let message =
                if name.is_empty() { finding.message } else { format!("{name}: {}", finding.message) };
            Diagnostic { message, ..finding }
        }));
        for FoundCertificate { certificate, location } in content.certificates {
            if !seen.insert(certificate.fingerprint) {
                repeated += 1;
                continue;
            }
            if all.len() >= MAX_CERTIFICATES {
                return Err(AuthorityError::TooMany { limit: MAX_CERTIFICATES }.into());
            }
            let report = AuthorityReport {
                alias: None,
                outcome: AuthorityOutcome::Imported,
                sha256: certificate.fingerprint,
                subject: certificate.subject.clone(),
                file: name.clone(),
                location,
            };
            all.push(Gathered { certificate, report });
        }
    }
    if repeated > 0 {
        findings.push(Diagnostic::new(
            DiagnosticCode::RepeatedCertificate,
            format!("{repeated} certificate(s) stand in more than one of the files"),
        ));
    }
    Ok((all, findings))
}

/// Marks what is not a CA's, or refuses it.
fn check_all(all: &mut [Gathered], pass_over: bool) -> Result<(), AuthorityError> {
    let found = all.len();
    let mut refused = Vec::new();
    for Gathered { certificate, report } in all {
        if let Err(error) = check_ca(certificate) {
            if !pass_over {
                return Err(error);
            }
            refused.push(error.clone());
            report.outcome = AuthorityOutcome::NotImported(error);
        }
    }
    match refused.pop() {
        Some(only) if found == 1 => Err(only),
        Some(_) if refused.len() + 1 == found => Err(AuthorityError::NoneIsCa { found }),
        _ => Ok(()),
    }
}

/// Whether a certificate may be imported as an authority.
fn check_ca(certificate: &Certificate) -> Result<(), AuthorityError> {
    // A version 1 root has no extension to say that it is a CA.
    if certificate.is_ca == Some(true) || (certificate.version < 3 && certificate.is_self_issued()) {
        return Ok(());
    }
    let subject = certificate.subject.clone();
    Err(if certificate.is_self_signed() {
        AuthorityError::NoBasicConstraints { subject }
    } else {
        AuthorityError::NotCa { subject }
    })
}

/// The alias under which a certificate is an anchor already.
fn anchored(write: &Write<'_>, certificate: &Certificate) -> Result<Option<Alias>, StoreError> {
    let known = write.as_read().authority_aliases(&certificate.fingerprint)?;
    Ok(known.into_iter().find(|(_, trust)| *trust == Trust::Anchor).map(|(alias, _)| alias))
}

fn log_note(alias: &Alias, certificate: &Certificate) -> LogNote {
    let fingerprint = certificate.fingerprint.to_string();
    LogNote { fingerprint, ..LogNote::plain(alias.as_str(), Happened::Imported) }
}
