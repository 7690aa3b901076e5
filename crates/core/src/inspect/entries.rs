//! What can be chosen from a file, and what stays locked in it.

use serde::{Serialize, Serializer};

use super::hex;
use crate::{
    certificate::{Candidate, Certificate, CredentialError, Fingerprint, InvalidCertificate},
    instant::rfc3339,
    pkcs12::{Contents, Encryption, LockedKey, Pkcs12Error},
};

/// A code, and a sentence.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Problem {
    /// A stable code.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
}

impl From<&CredentialError> for Problem {
    fn from(error: &CredentialError) -> Self {
        Self { code: error.code(), message: error.to_string() }
    }
}

impl From<&Pkcs12Error> for Problem {
    fn from(error: &Pkcs12Error) -> Self {
        Self { code: error.code(), message: error.to_string() }
    }
}

/// A candidate as it is written.
#[derive(Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
struct Written<'a> {
    number: usize,
    friendly_names: &'a [String],
    key: Option<String>,
    subject: Option<&'a str>,
    names: &'a [String],
    not_after: Option<String>,
    sha256: Option<Fingerprint>,
    /// Which of the certificates.
    certificate: Option<usize>,
    /// Why it cannot be used.
    problem: Option<Problem>,
}

impl Serialize for Candidate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = Written {
            number: self.number,
            friendly_names: &self.friendly_names,
            key: self.key.as_ref().map(ToString::to_string),
            subject: self.subject.as_deref(),
            names: &self.hosts,
            not_after: self.not_after.map(rfc3339),
            sha256: self.fingerprint,
            certificate: self.certificate_place,
            problem: self.problem.as_deref().map(Problem::from),
        };
        written.serialize(serializer)
    }
}

#[cfg(feature = "schemars")]
impl schemars::JsonSchema for Candidate {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Candidate".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Written::json_schema(generator)
    }
}

/// A private key that stays locked: all that is known of it.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct LockedReport {
    /// Why it stays locked.
    pub problem: Problem,
    /// The friendlyName, raw.
    pub friendly_name: Option<String>,
    /// The localKeyId in hexadecimal.
    pub local_key_id: Option<String>,
    /// Layers of encryption, outermost first, as far as they are known.
    pub protection: Vec<Encryption>,
    /// Its numbers among the entries of the file.
    pub entries: Vec<usize>,
}

impl LockedReport {
    pub(super) fn of(key: &LockedKey, entries: &[Candidate]) -> Self {
        Self {
            entries: numbers(entries, key.place),
            friendly_name: key.attributes.friendly_name.clone(),
            local_key_id: key.attributes.local_key_id.as_deref().map(hex),
            ..Self::alone(&key.reason, key.protection.clone())
        }
    }

    /// A key that stands in no container.
    pub(super) fn alone(reason: &Pkcs12Error, protection: Vec<Encryption>) -> Self {
        Self {
            problem: Problem::from(reason),
            friendly_name: None,
            local_key_id: None,
            protection,
            entries: Vec::new(),
        }
    }
}

/// The entries of a private key by its place.
pub(super) fn numbers(entries: &[Candidate], place: usize) -> Vec<usize> {
    let of_key = entries.iter().filter(|entry| entry.key_places.contains(&place));
    of_key.map(|entry| entry.number).collect()
}

/// How many keys that opened, and are not damaged, have no certificate in the file, where all certificates can be
/// decoded.
pub(super) fn without_certificate(entries: &[Candidate]) -> usize {
    let lonely = entries.iter().filter(|entry| entry.certificate_place.is_none() && entry.key.is_some());
    lonely
        .filter(|entry| {
            !matches!(
                entry.problem.as_deref(),
                Some(CredentialError::Certificate { .. } | CredentialError::InvalidKey)
            )
        })
        .count()
}

/// The certificates that cannot be decoded: place and name.
pub(super) fn undecodable(contents: &Contents) -> Vec<(usize, Option<&str>, String)> {
    let numbered = contents.certificates.iter().enumerate();
    numbered
        .filter_map(|(index, bag)| {
            let error = Certificate::from_der(&bag.der).err()?;
            Some((index + 1, bag.attributes.friendly_name.as_deref(), error.to_string()))
        })
        .collect()
}

/// Whether a certificate cannot be decoded for another reason than that something follows it.
pub(super) fn is_malformed(contents: &Contents) -> bool {
    let mut read = contents.certificates.iter().map(|bag| Certificate::from_der(&bag.der));
    read.any(|found| matches!(found, Err(InvalidCertificate::Malformed { .. })))
}
