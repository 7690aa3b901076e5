//! Why a file gives no certificates.

use thiserror::Error;

use super::Location;
use crate::{
    certificate::InvalidCertificate, file_format::FileFormat, jks::JksError, pem::PemError,
    pkcs12::Pkcs12Error, remedy::Remedy,
};

/// Why the certificates of a file cannot be had.
#[derive(Clone, Debug, Error, Eq, PartialEq)]
#[non_exhaustive]
pub enum CertificateFileError {
    /// The file is larger than [`Limits::max_file_len`](crate::limits::Limits::max_file_len).
    #[error("the file has {found} bytes; the limit is {limit}")]
    TooLarge {
        /// Bytes found.
        found: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// More certificates, or other things, than are read.
    #[error("the file has more than {limit} {what}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// The file holds something else.
    #[error("the file holds no certificate: {}", instead(*format, found))]
    NoCertificate {
        /// What the file is.
        format: FileFormat,
        /// What it holds, each kind once.
        found: Vec<FileFormat>,
    },
    /// The text, or a block of it, cannot be read.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// A certificate that cannot be decoded.
    #[error("{}{source}", before(location))]
    Certificate {
        /// Where it stands.
        location: Location,
        /// Why.
        source: InvalidCertificate,
    },
    /// Something that is no certificate stands behind one.
    #[error("the last {length} bytes of {location} are no certificate")]
    TrailingData {
        /// Where.
        location: Location,
        /// How many.
        length: usize,
    },
    /// A PKCS #7 structure that cannot be read.
    #[error("{}the PKCS #7 cannot be read: {source}", before(location))]
    Pkcs7 {
        /// Where it stands.
        location: Location,
        /// Why.
        source: Box<Pkcs12Error>,
    },
    /// A PKCS #12 file under a password that was not given.
    #[error("the file is {format}, and its password was not given")]
    Locked {
        /// What the file is.
        format: FileFormat,
    },
    /// A keystore of Java that cannot be opened.
    #[error(transparent)]
    Jks(#[from] JksError),
    /// A PKCS #12 file that anybody may have changed.
    #[error("the PKCS #12 file has no MAC, so changes to it cannot be detected")]
    Unauthenticated,
    /// A PKCS #12 file that cannot be opened.
    #[error(transparent)]
    Pkcs12(#[from] Pkcs12Error),
    /// A set of certificates of which none stands out.
    #[error("the file is a set of {found} certificates and does not tell which one is meant")]
    NoLeaf {
        /// How many.
        found: usize,
    },
}

fn before(location: &Location) -> String {
    if *location == Location::default() { String::new() } else { format!("{location}: ") }
}

fn instead(format: FileFormat, found: &[FileFormat]) -> String {
    match found {
        // Of the text as well: with a certificate it would have been read.
        [] if matches!(
            format,
            FileFormat::Pkcs7 | FileFormat::Base64 | FileFormat::Pem { certificate: true, .. }
        ) =>
        {
            "it is a PKCS #7 bundle without any".to_owned()
        }
        [] => format!("it is {format}"),
        [one] => format!("it is {one}"),
        several => {
            let names: Vec<String> = several.iter().take(8).map(ToString::to_string).collect();
            format!("it holds {}", names.join(", "))
        }
    }
}

impl CertificateFileError {
    /// A stable code for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "file_too_large",
            Self::TooMany { .. } => "too_many",
            Self::NoCertificate { .. } => "not_a_certificate",
            Self::Pem(_) => "broken_text",
            Self::Certificate { .. } => "invalid_certificate",
            Self::TrailingData { .. } | Self::Pkcs7 { .. } => "malformed",
            Self::Locked { .. } => "wrong_password",
            Self::Jks(error) => error.code(),
            Self::Unauthenticated => "no_mac",
            Self::Pkcs12(error) => error.code(),
            Self::NoLeaf { .. } => "several_certificates",
        }
    }

    /// What the user can do.
    #[must_use]
    pub fn remedies(&self) -> Vec<Remedy> {
        vec![match self {
            Self::TooLarge { .. } | Self::TooMany { .. } => {
                Remedy::Advice("split the file; is this the right one?")
            }
            Self::NoCertificate { format, found } => {
                return found.first().unwrap_or(format).remedies_for_certificates();
            }
            Self::Pem(error) => return error.remedies(),
            Self::Certificate { .. } | Self::TrailingData { .. } | Self::Pkcs7 { .. } => Remedy::Advice(
                "get that certificate again from where it came from; nothing of the file was used",
            ),
            Self::Jks(error) => return error.remedies(),
            Self::Locked { .. } => {
                Remedy::Advice("give its password, or the certificates alone as PEM, DER or PKCS #7")
            }
            Self::Unauthenticated => Remedy::Advice(
                "export the file again with a MAC, or give the certificates as PEM, DER or PKCS #7",
            ),
            Self::Pkcs12(error) => return error.remedies(),
            Self::NoLeaf { .. } => {
                Remedy::Advice("give that certificate in a file of its own, or first in PEM text")
            }
        }]
    }
}
