//! What validation gives: a path to an anchor, or why there is none.

use thiserror::Error;

use crate::{
    certificate::{Certificate, Fingerprint},
    diagnostic::Diagnostic,
    remedy::Remedy,
};

/// The place of a certificate in a chain.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Role {
    /// The server's own certificate.
    Leaf,
    /// Between leaf and anchor.
    Intermediate,
    /// An imported authority in which the path ends.
    Anchor,
}

impl Role {
    /// The word used in the store and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Leaf => "leaf",
            Self::Intermediate => "intermediate",
            Self::Anchor => "anchor",
        }
    }
}

/// A certificate with its place in a chain.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PathCertificate {
    /// The certificate.
    pub certificate: Certificate,
    /// Its place.
    pub role: Role,
}

impl PathCertificate {
    /// The leaf of a path.
    pub(crate) fn leaf(certificate: Certificate) -> Self {
        Self { certificate, role: Role::Leaf }
    }
}

/// A leaf with the path that was found for it. Only validation makes one, and nothing changes it afterwards:
///
/// ```compile_fail,E0451
/// fn forge() -> strongroom::validate::ValidatedChain {
///     strongroom::validate::ValidatedChain { path: Vec::new(), findings: Vec::new(), signatures: 0 }
/// }
/// ```
#[derive(Debug)]
pub struct ValidatedChain {
    pub(super) path: Vec<PathCertificate>,
    pub(super) findings: Vec<Diagnostic>,
    pub(super) signatures: u32,
}

impl ValidatedChain {
    /// The certificates from the leaf to the anchor, inclusive. A self-signed leaf stands alone.
    #[must_use]
    pub fn path(&self) -> &[PathCertificate] {
        &self.path
    }

    /// The fingerprint of the leaf.
    #[must_use]
    pub fn leaf(&self) -> Option<Fingerprint> {
        self.path.first().map(|leaf| leaf.certificate.fingerprint)
    }

    /// Warnings, and errors that the caller allowed.
    #[must_use]
    pub fn findings(&self) -> &[Diagnostic] {
        &self.findings
    }

    /// How many signatures were checked to find the path; at most 100.
    #[must_use]
    pub fn signatures(&self) -> u32 {
        self.signatures
    }
}

/// The credential was refused. The first finding is the reason; others may follow.
#[derive(Clone, Debug, Error, Eq, PartialEq)]
#[error("{}", .findings.first().map_or("the certificate is not valid", |finding| finding.message.as_str()))]
#[non_exhaustive]
pub struct ValidationError {
    /// What was found, the reason first.
    pub findings: Vec<Diagnostic>,
    /// How many signatures were checked; at most 100.
    pub signatures: u32,
}

impl ValidationError {
    /// A stable code for programs: that of the first finding.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.findings.first().map_or("invalid", |finding| finding.code.as_str())
    }

    /// What the user can do.
    #[must_use]
    pub fn remedies(&self) -> &[Remedy] {
        self.findings.first().map_or(&[], |finding| finding.remedies.as_slice())
    }
}
