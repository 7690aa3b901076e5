#![doc = include_str!("lib.md")]

pub mod account;
pub mod alias;
pub mod archive;
pub mod certificate;
pub mod certificate_file;
pub mod diagnostic;
mod encode;
pub mod error;
pub mod export;
pub mod file_format;
#[cfg(strongroom_fuzzing)]
#[doc(hidden)]
pub mod fuzz;
pub mod inspect;
pub mod instant;
pub mod jks;
pub mod keystore;
pub mod limits;
pub mod pem;
pub mod pkcs12;
pub mod private_file;
pub mod remedy;
pub mod seal;
pub mod secret;
pub mod select;
pub mod store;
mod trace;
pub mod validate;

pub use alias::Alias;
pub use certificate::Certificate;
pub use error::Error;
pub use keystore::{Entry, Keystore, ServerCertificateRequest, open_pfx};
pub use rustls_pki_types::UnixTime;
pub use seal::Unlock;
pub use secret::{Password, UnlockKey};

#[cfg(strongroom_fuzzing)]
#[doc(hidden)]
pub use certificate::reencode;

// The former flat face: goes when every user names the module.
#[doc(hidden)]
pub use account::{AccountError, AccountName};
#[doc(hidden)]
pub use alias::InvalidAlias;
#[doc(hidden)]
pub use archive::ArchiveError;
#[doc(hidden)]
pub use certificate::{
    AlternativeName, Candidate, CredentialError, EntrySelector, Fingerprint, InvalidCertificate,
    InvalidFingerprint, KeyAlgorithm, KeyUsage, ServerCredential, printable,
};
#[doc(hidden)]
pub use certificate_file::{
    CertificateFile, CertificateFileError, CertificateFileRequest, FoundCertificate, Location,
    read_certificates,
};
#[doc(hidden)]
pub use diagnostic::{Diagnostic, DiagnosticCode, Severity, UnknownCode};
#[doc(hidden)]
pub use error::{AuthorityError, ErrorKind};
#[doc(hidden)]
pub use export::{
    Export, ExportError, ExportFormat, ExportedChain, ExportedFile, Overwrite, PresentFile, Profile,
};
#[doc(hidden)]
pub use file_format::{FileFormat, sniff};
#[doc(hidden)]
pub use inspect::{
    CertificateReport, FileReport, InspectRequest, KeyReport, LockedReport, Passwords, Problem, Reader,
    inspect,
};
#[doc(hidden)]
pub use instant::rfc3339;
#[doc(hidden)]
pub use jks::{JavaKeystore, JksError, SecretEntry};
#[doc(hidden)]
pub use keystore::{
    Administrator, AuthoritiesReport, AuthoritiesRequest, AuthorityFile, AuthorityNames, AuthorityOutcome,
    AuthorityReport, Backup, Binding, ChainLink, ChainState, Comparison, CredentialRequest,
    EmbeddedAuthority, Entries, EntryKind, Exported, FilesRequest, ImportOptions, ImportReport, InUse,
    KeptSlot, KeySource, ListedAdministrator, ListedEntry, ListedSlot, NameDigest, NameSink, NamedEntry,
    NewKeystore, OpenOptions, OpenedCredential, OpenedFiles, Outcome, Pruned, RemovedEntry, RestoreOptions,
    RestorePlan, SealedCredential, ServedEntry, ServerFile, ServerReport, Source, SourceFile, SourcePart,
    Version, running_servers,
};
#[doc(hidden)]
pub use limits::{BudgetExceeded, Cancel, Cancelled, KdfBudget, Limits};
#[doc(hidden)]
pub use pem::PemError;
#[doc(hidden)]
pub use pkcs12::{
    Attributes, CertificateBag, Contents, Encoding, Encryption, KeyBag, LockedKey, MacDescription,
    PasswordReading, Pfx, Pkcs12Error, Safe, VerifiedPfx, danger,
};
#[doc(hidden)]
pub use private_file::FileError;
#[doc(hidden)]
pub use remedy::{Invocation, Remedy, shell_word};
#[doc(hidden)]
pub use seal::{MAX_SLOTS, SealError, SlotReport, UnlockSource};
#[doc(hidden)]
pub use secret::{InvalidSecret, PrivateKey};
#[doc(hidden)]
pub use select::{ClientKeys, Contender, Loss, NameMatch, ServerKey, host_name, select_entry, wildcard_of};
#[doc(hidden)]
pub use store::{
    Changes, CommitOutcome, Generation, Journal, LogEntry, StoreError, StoreProblem, StoreReport,
    TrustAnchors, UncertainCommit, WaitNotice, engine::LongChange,
};
#[doc(hidden)]
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
