//! One error for the whole engine: a variant a stage, a stable code, and what to do.

mod authority;

use thiserror::Error;

pub use self::authority::AuthorityError;
use crate::{
    account::AccountError,
    alias::InvalidAlias,
    archive::ArchiveError,
    certificate::CredentialError,
    certificate_file::CertificateFileError,
    export::ExportError,
    issuance::IssuanceError,
    jks::JksError,
    pkcs12::Pkcs12Error,
    private_file::FileError,
    remedy::Remedy,
    seal::{SealError, UnlockError},
    secret::InvalidSecret,
    store::StoreError,
    validate::ValidationError,
    web_server::WebServerError,
};

/// Why an operation on the keystore failed.
///
/// One variant for each stage; the stage's own error says what went wrong in it. No message holds a secret.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The alias is not one.
    #[error(transparent)]
    Alias(#[from] InvalidAlias),
    /// A secret is not one.
    #[error(transparent)]
    Secret(#[from] InvalidSecret),
    /// The PKCS #12 file could not be opened.
    #[error(transparent)]
    Pkcs12(#[from] Pkcs12Error),
    /// The keystore of Java could not be opened.
    #[error(transparent)]
    Jks(JksError),
    /// An entry could not be exported.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// A key, certificate or request was not made, or the reply to a request not taken.
    #[error(transparent)]
    Issuance(#[from] IssuanceError),
    /// The ZIP archive could not be unpacked.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// One of several files, and what is wrong with it.
    #[error("{file}: {error}")]
    InFile {
        /// The file.
        file: String,
        /// What is wrong with it.
        error: Box<Self>,
    },
    /// The file gives no server credential.
    #[error(transparent)]
    Credential(CredentialError),
    /// A file of certificates could not be read.
    #[error(transparent)]
    CertificateFile(CertificateFileError),
    /// What should be imported as a CA certificate is none, or is one of several.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The certificate was judged and refused.
    #[error(transparent)]
    Validation(#[from] ValidationError),
    /// Sealing or unsealing failed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// What opens the store could not be found or read.
    #[error(transparent)]
    Unlock(UnlockError),
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file beside the store cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// An administrator could not be added.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The web server of the store cannot be set up so.
    #[error(transparent)]
    WebServer(#[from] WebServerError),
}

impl From<CertificateFileError> for Error {
    /// What is wrong with a PKCS #12 file is that, whoever reads it.
    fn from(error: CertificateFileError) -> Self {
        match error {
            CertificateFileError::Pkcs12(error) => Self::Pkcs12(error),
            CertificateFileError::Jks(error) => error.into(),
            other => Self::CertificateFile(other),
        }
    }
}

impl From<JksError> for Error {
    /// What a keystore has in common with a PKCS #12 file has the same name.
    fn from(error: JksError) -> Self {
        match error {
            JksError::Pkcs12(error) => Self::Pkcs12(error),
            other => Self::Jks(other),
        }
    }
}

impl From<UnlockError> for Error {
    /// What is wrong with a key file or a key is that, whoever reads it.
    fn from(error: UnlockError) -> Self {
        match error {
            UnlockError::File(error) => Self::File(error),
            UnlockError::Key(error) => Self::Secret(error),
            other => Self::Unlock(other),
        }
    }
}

/// What kind of failure it is; decides exit codes and replies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Something in the request is not well formed.
    Usage,
    /// There is no such entry, user or store.
    NotFound,
    /// There is something of that name already.
    Exists,
    /// A password is wrong or missing.
    Password,
    /// A file cannot be read or is not supported.
    File,
    /// A certificate was judged and refused.
    Validation,
    /// The store is busy, not accessible, or damaged.
    Store,
}

impl From<CredentialError> for Error {
    /// What does not open is an error of the file, wherever it is found.
    fn from(error: CredentialError) -> Self {
        match error {
            CredentialError::Locked(reason) => Self::Pkcs12(reason),
            other => Self::Credential(other),
        }
    }
}

impl Error {
    /// Whether the same may succeed a little later, without anybody changing anything: another process holds the store.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_transient())
    }

    /// A stable code for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Alias(_) => "invalid_alias",
            Self::Secret(_) => "invalid_secret",
            Self::Pkcs12(error) => error.code(),
            Self::Jks(error) => error.code(),
            Self::Archive(error) => error.code(),
            Self::Export(error) => error.code(),
            Self::Issuance(error) => error.code(),
            Self::InFile { error, .. } => error.code(),
            Self::Credential(error) => error.code(),
            Self::CertificateFile(error) => error.code(),
            Self::Authority(error) => error.code(),
            Self::Validation(error) => error.code(),
            Self::Seal(error) => error.code(),
            Self::Unlock(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::File(error) => error.code(),
            Self::Account(_) => "invalid_user",
            Self::WebServer(error) => error.code(),
        }
    }

    /// The stage that refused, for example `mac`, `match` or `chain`.
    #[must_use]
    pub fn stage(&self) -> &'static str {
        match self {
            Self::Alias(_) => "alias",
            Self::Secret(_) => "password",
            Self::Unlock(UnlockError::NoKeyFile { .. }) => "store",
            Self::Unlock(_) => "password",
            Self::Pkcs12(error) => error.stage(),
            Self::Jks(error) => error.stage(),
            Self::Archive(_) => "container",
            Self::Export(_) => "export",
            Self::Issuance(error) => error.stage(),
            Self::InFile { error, .. } => error.stage(),
            Self::Credential(error) => error.stage(),
            Self::Authority(AuthorityError::AliasTaken { .. } | AuthorityError::IsServer { .. }) => "store",
            Self::CertificateFile(_) | Self::Authority(_) => "certificate",
            Self::Validation(_) => "chain",
            Self::Seal(_) | Self::Store(StoreError::Seal(_)) => "seal",
            Self::Store(_) | Self::File(_) => "store",
            Self::Account(_) => "user",
            Self::WebServer(_) => "web server",
        }
    }

    /// What the user can do: one of these is enough, and the best comes first.
    #[must_use]
    pub fn remedies(&self) -> Vec<Remedy> {
        match self {
            Self::Pkcs12(error) => error.remedies(),
            Self::Jks(error) => error.remedies(),
            Self::Archive(error) => error.remedies(),
            Self::Export(error) => error.remedies(),
            Self::Issuance(error) => error.remedies(),
            Self::InFile { error, .. } => error.remedies(),
            Self::Credential(error) => error.remedies(),
            Self::CertificateFile(error) => error.remedies(),
            Self::Authority(error) => error.remedies(),
            Self::Validation(error) => error.remedies().to_vec(),
            Self::Seal(error) => error.remedies(),
            Self::Unlock(error) => error.remedies(),
            Self::Store(error) => error.remedies(),
            Self::File(error) => error.remedies(),
            Self::WebServer(error) => error.remedies(),
            Self::Alias(_) | Self::Secret(_) | Self::Account(_) => Vec::new(),
        }
    }

    /// The remedies in one sentence, in the words of the command.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        Remedy::sentence(&self.remedies(), ToString::to_string)
    }

    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Alias(_) | Self::Secret(_) | Self::Account(_) => ErrorKind::Usage,
            Self::WebServer(WebServerError::CaCertificate { .. } | WebServerError::UnsupportedKey { .. }) => {
                ErrorKind::Validation
            }
            Self::WebServer(_) => ErrorKind::Usage,
            Self::Pkcs12(error) => match error {
                Pkcs12Error::WrongPassword
                | Pkcs12Error::KeyPassword
                | Pkcs12Error::KeyFilePassword { .. }
                | Pkcs12Error::SafePassword => ErrorKind::Password,
                _ => ErrorKind::File,
            },
            Self::Jks(JksError::WrongPassword) => ErrorKind::Password,
            Self::Jks(_) | Self::Archive(_) => ErrorKind::File,
            Self::InFile { error, .. } => error.kind(),
            Self::Export(error) => match error {
                ExportError::NoPassword | ExportError::ShortPassword { .. } => ErrorKind::Password,
                ExportError::Exists { .. } | ExportError::Changed { .. } => ErrorKind::Exists,
                ExportError::Nothing => ErrorKind::NotFound,
                ExportError::UnsupportedKey { .. } => ErrorKind::Validation,
                ExportError::Iterations { .. } | ExportError::NoTraditionalForm { .. } => ErrorKind::Usage,
                _ => ErrorKind::Store,
            },
            Self::Issuance(error) => match error {
                IssuanceError::Failed | IssuanceError::RequestDamaged { .. } => ErrorKind::Store,
                IssuanceError::Pending { .. } => ErrorKind::Exists,
                IssuanceError::NotPending { .. } | IssuanceError::NothingWaits { .. } => ErrorKind::NotFound,
                IssuanceError::ReplyWithKey
                | IssuanceError::ReplyIsRequest { .. }
                | IssuanceError::NoKey { .. } => ErrorKind::File,
                IssuanceError::WrongRequest { .. } | IssuanceError::ReplyMismatch { .. } => {
                    ErrorKind::Validation
                }
                _ => ErrorKind::Usage,
            },
            Self::Unlock(UnlockError::NoKeyFile { .. }) => ErrorKind::Store,
            Self::Unlock(error) if error.code() == "password_missing" => ErrorKind::Password,
            Self::Unlock(_) => ErrorKind::Usage,
            Self::Credential(CredentialError::KeyMismatch | CredentialError::NoPair { .. }) => {
                ErrorKind::Validation
            }
            Self::Credential(CredentialError::WeakKey { .. } | CredentialError::UnsupportedKey { .. }) => {
                ErrorKind::Validation
            }
            Self::Credential(CredentialError::EntryNotFound { .. }) => ErrorKind::NotFound,
            Self::Credential(_) => ErrorKind::File,
            Self::CertificateFile(CertificateFileError::Locked { .. }) => ErrorKind::Password,
            Self::CertificateFile(_) => ErrorKind::File,
            Self::Authority(AuthorityError::AliasTaken { .. }) => ErrorKind::Exists,
            Self::Authority(AuthorityError::IsServer { .. }) => ErrorKind::NotFound,
            Self::Authority(AuthorityError::Several { .. } | AuthorityError::TooMany { .. }) => {
                ErrorKind::File
            }
            Self::Authority(_) | Self::Validation(_) => ErrorKind::Validation,
            Self::Seal(error) | Self::Store(StoreError::Seal(error)) => match error {
                SealError::WrongUnlockKey | SealError::KeyOfAnotherStore | SealError::SlotLeftOut { .. } => {
                    ErrorKind::Password
                }
                SealError::WrongKind => ErrorKind::Usage,
                SealError::NoSuchSlot => ErrorKind::NotFound,
                SealError::NoFreeSlot | SealError::AlreadyOpens { .. } => ErrorKind::Exists,
                _ => ErrorKind::Store,
            },
            Self::Store(
                StoreError::NotFound { .. }
                | StoreError::NoSuchUser { .. }
                | StoreError::NoSuchVersion { .. }
                | StoreError::VersionPruned { .. }
                | StoreError::NothingToUndo { .. }
                | StoreError::SameVersion { .. }
                | StoreError::Removed { .. }
                | StoreError::HostNotBound { .. }
                | StoreError::Missing { .. },
            ) => ErrorKind::NotFound,
            Self::Store(StoreError::HostNotNamed { .. }) => ErrorKind::Validation,
            Self::Store(
                StoreError::AliasTaken { .. }
                | StoreError::UserExists { .. }
                | StoreError::InUse { .. }
                | StoreError::Needed { .. }
                | StoreError::FileExists { .. }
                | StoreError::Exists { .. },
            ) => ErrorKind::Exists,
            Self::Store(StoreError::LogSegment { .. }) => ErrorKind::File,
            Self::Store(StoreError::InvalidValue { .. } | StoreError::NotAGuard { .. }) => ErrorKind::Usage,
            Self::Store(_) | Self::File(_) => ErrorKind::Store,
        }
    }
}
