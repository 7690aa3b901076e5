//! Why bytes are no certificate, or a part of one cannot be read.

use std::fmt;

use thiserror::Error;

/// A part of a certificate that cannot be read to its last byte, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Malformed {
    /// Whether it is an extension; else it is a name.
    pub(crate) in_extension: bool,
    pub(super) part: String,
    pub(super) why: &'static str,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot be read: {}", self.part, self.why)
    }
}

/// Why bytes are not a certificate.
#[derive(Clone, Debug, Error, Eq, PartialEq)]
#[non_exhaustive]
pub enum InvalidCertificate {
    /// The structure is not that of RFC 5280, or is not in DER.
    #[error("the certificate cannot be decoded: {why} in {part}")]
    Malformed {
        /// Which part.
        part: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Something follows the certificate.
    #[error("{length} bytes follow the certificate")]
    TrailingData {
        /// How many bytes.
        length: usize,
    },
}
