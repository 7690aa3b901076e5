//! Where the parts of an import came from.

use serde::Serialize;

use crate::certificate::Fingerprint;

/// A file of an import, and what is in it.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Source {
    /// Its name; of a file in an archive the name of the archive, a colon, and its own.
    pub file: String,
    /// `pkcs12`, `pem`, `der`, `pkcs7`, `jks`, `key` and so on.
    pub format: &'static str,
    /// What is in it, in its order.
    pub parts: Vec<SourcePart>,
}

/// A part of a file.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct SourcePart {
    /// `certificate`, `private_key` or `other`.
    pub kind: &'static str,
    /// Subject of a certificate, kind of a key, or what else it is.
    pub name: String,
    /// Digest of a certificate.
    pub sha256: Option<Fingerprint>,
    /// Digest of subjectPublicKeyInfo, where it is known.
    pub spki_sha256: Option<Fingerprint>,
}
