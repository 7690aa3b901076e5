//! What is asked of an import of authorities, and what it answers.

use rustls_pki_types::UnixTime;

use super::super::request::Outcome;
use crate::{
    alias::Alias,
    certificate::Fingerprint,
    certificate_file::{CertificateFile, Location},
    diagnostic::Diagnostic,
    error::AuthorityError,
};

/// The import of every CA certificate of some files.
#[derive(Debug)]
#[non_exhaustive]
pub struct AuthoritiesRequest {
    /// The files, read.
    pub files: Vec<AuthorityFile>,
    /// How the certificates are called.
    pub names: AuthorityNames,
    /// Whether certificates that are not a CA's are passed over and reported. Otherwise one such refuses the import.
    pub pass_over: bool,
    /// The instant by which certificates are judged and entries dated.
    pub at: UnixTime,
}

impl AuthoritiesRequest {
    /// A request that passes over what is no CA's, and takes the aliases from the subjects.
    #[must_use]
    pub fn new(files: Vec<AuthorityFile>, at: UnixTime) -> Self {
        let names = AuthorityNames::FromSubject { prefix: String::new() };
        Self { files, names, pass_over: true, at }
    }
}

/// A file whose CA certificates are imported.
#[derive(Debug)]
#[non_exhaustive]
pub struct AuthorityFile {
    /// Its name, for reports; empty where there is only one.
    pub name: String,
    /// What is in it.
    pub content: CertificateFile,
}

impl AuthorityFile {
    /// A file with its name.
    #[must_use]
    pub fn new(name: impl Into<String>, content: CertificateFile) -> Self {
        Self { name: name.into(), content }
    }
}

/// How imported authorities are called.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum AuthorityNames {
    /// By their common name, or else their organisation: `isrg-root-x1`, and `isrg-root-x1-2` where that is taken.
    FromSubject {
        /// What stands before it.
        prefix: String,
    },
    /// `alias`, `alias_2`, `alias_3` and so on.
    Numbered(Alias),
}

/// What came of an import of authorities. It is given only after all was committed and read back.
#[derive(Debug)]
#[non_exhaustive]
pub struct AuthoritiesReport {
    /// Every certificate of the files, once, in their order.
    pub certificates: Vec<AuthorityReport>,
    /// Warnings.
    pub findings: Vec<Diagnostic>,
}

impl AuthoritiesReport {
    /// How many were imported, were there already, and are not a CA's.
    #[must_use]
    pub fn counts(&self) -> (usize, usize, usize) {
        let count = |is_it: fn(&AuthorityOutcome) -> bool| {
            self.certificates.iter().filter(|one| is_it(&one.outcome)).count()
        };
        (
            count(|outcome| matches!(outcome, AuthorityOutcome::Imported)),
            count(|outcome| matches!(outcome, AuthorityOutcome::AlreadyPresent)),
            count(|outcome| matches!(outcome, AuthorityOutcome::NotImported(_))),
        )
    }
}

/// What came of one certificate.
#[derive(Debug)]
#[non_exhaustive]
pub struct AuthorityReport {
    /// Its alias; `None` for what was not imported.
    pub alias: Option<Alias>,
    /// What was done.
    pub outcome: AuthorityOutcome,
    /// SHA-256 over its DER.
    pub sha256: Fingerprint,
    /// Its subject.
    pub subject: String,
    /// The name of its file.
    pub file: String,
    /// Its location in the file.
    pub location: Location,
}

/// What was done with one certificate.
#[derive(Debug)]
#[non_exhaustive]
pub enum AuthorityOutcome {
    /// It is a new authority.
    Imported,
    /// It was one before.
    AlreadyPresent,
    /// It is not a CA's.
    NotImported(AuthorityError),
}

impl AuthorityOutcome {
    /// The word used in JSON.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Imported => Outcome::Imported.as_str(),
            Self::AlreadyPresent => Outcome::AlreadyPresent.as_str(),
            Self::NotImported(_) => "not_imported",
        }
    }
}
