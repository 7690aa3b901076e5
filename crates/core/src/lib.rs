//! A keystore for server certificates.
//!
//! Strongroom imports a PKCS #12 file under an alias: it decrypts the file, proves that the private key belongs to
//! the certificate, validates the certificate against the CA certificates imported before, and keeps the result,
//! sealed, in SQLite. [`Keystore`] is the way in; everything else is a stage that can be used by itself.
//!
//! The engine prints nothing, reads neither clock nor environment, and knows nothing of HTTP.

mod account;
mod alias;
mod archive;
mod certificate;
mod certificate_file;
mod diagnostic;
mod encode;
mod error;
mod export;
mod file_format;
#[cfg(strongroom_fuzzing)]
#[doc(hidden)]
pub mod fuzz;
mod inspect;
mod instant;
mod jks;
mod keystore;
mod limits;
mod pem;
mod pkcs12;
mod private_file;
mod remedy;
mod seal;
mod secret;
mod store;
mod trace;
mod validate;

pub use account::{AccountError, AccountName};
pub use alias::{Alias, InvalidAlias};
pub use archive::ArchiveError;
#[cfg(strongroom_fuzzing)]
#[doc(hidden)]
pub use certificate::reencode;
pub use certificate::{
    AlternativeName, Candidate, Certificate, CredentialError, EntrySelector, Fingerprint, InvalidCertificate,
    InvalidFingerprint, KeyAlgorithm, KeyUsage, ServerCredential, printable,
};
pub use certificate_file::{
    CertificateFile, CertificateFileError, CertificateFileRequest, FoundCertificate, Location,
    read_certificates,
};
pub use diagnostic::{Diagnostic, DiagnosticCode, Severity, UnknownCode};
pub use error::{AuthorityError, Error, ErrorKind};
pub use export::{
    Export, ExportError, ExportFormat, ExportedChain, ExportedFile, Overwrite, PresentFile, Profile,
};
pub use file_format::{FileFormat, sniff};
pub use inspect::{
    CertificateReport, FileReport, InspectRequest, KeyReport, LockedReport, Passwords, Problem, Reader,
    inspect,
};
pub use instant::rfc3339;
pub use jks::{JavaKeystore, JksError, SecretEntry};
pub use keystore::{
    Administrator, AuthoritiesReport, AuthoritiesRequest, AuthorityFile, AuthorityNames, AuthorityOutcome,
    AuthorityReport, Backup, ChainLink, ChainState, Comparison, CredentialRequest, EmbeddedAuthority,
    Entries, Entry, EntryKind, Exported, FilesRequest, ImportOptions, ImportReport, InUse, KeptSlot,
    KeySource, Keystore, ListedAdministrator, ListedEntry, ListedSlot, NewKeystore, OpenOptions,
    OpenedCredential, OpenedFiles, Outcome, Pruned, RemovedEntry, RestoreOptions, RestorePlan,
    ServerCertificateRequest, Source, SourceFile, SourcePart, Version,
};
pub use limits::{BudgetExceeded, Cancel, Cancelled, KdfBudget, Limits};
pub use pem::PemError;
pub use pkcs12::{
    Attributes, CertificateBag, Contents, Encoding, Encryption, KeyBag, LockedKey, MacDescription,
    PasswordReading, Pfx, Pkcs12Error, Safe, VerifiedPfx, danger,
};
pub use private_file::FileError;
pub use remedy::{Invocation, Remedy, shell_word};
pub use rustls_pki_types::UnixTime;
pub use seal::{MAX_SLOTS, SealError, SlotReport, Unlock, UnlockSource};
pub use secret::{InvalidSecret, Password, PrivateKey, UnlockKey};
pub use store::{
    Changes, CommitOutcome, Generation, Journal, LogEntry, StoreError, StoreProblem, StoreReport,
    UncertainCommit, WaitNotice, engine::LongChange,
};
pub use validate::{
    Authorities, InvalidPeerName, PeerName, Policy, Purpose, Role, Trust, ValidatedChain, ValidationError,
    validate, verify,
};

/// The seam below the store, for other engines. Unstable.
#[doc(hidden)]
pub mod engine {
    use std::path::Path;

    pub use crate::store::{
        Fault, MemoryEngine,
        engine::{Announcement, Change, CommitError, Connector, Engine, Row, Table, View},
    };

    /// The engine over a database file that is there.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError) if it cannot be opened.
    pub fn open_sqlite(path: &Path, read_only: bool) -> Result<Box<dyn Engine>, crate::StoreError> {
        Ok(Box::new(crate::store::SqliteEngine::open(path, read_only)?))
    }
}
