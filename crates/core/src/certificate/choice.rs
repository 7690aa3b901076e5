//! Which key and certificate of a file are meant, and why none could be taken.

use std::{fmt, str::FromStr};

use thiserror::Error;

use super::{
    Fingerprint, InvalidCertificate,
    algorithm::KeyAlgorithm,
    name::{printable, shown_host},
};
use crate::{instant::day, pkcs12::Pkcs12Error, remedy::Remedy};

/// Which key and certificate of a file are meant.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum EntrySelector {
    /// `#n`, counted from 1 in the order of the file. What has that as its friendlyName fits as well.
    Number(usize),
    /// The SHA-256 digest of the certificate.
    Fingerprint(Fingerprint),
    /// The friendlyName of the key or the certificate, to the letter.
    FriendlyName(String),
}

impl FromStr for EntrySelector {
    type Err = std::convert::Infallible;

    /// `#n`, 64 hexadecimal digits (colons allowed), or else a friendlyName.
    fn from_str(input: &str) -> Result<Self, Self::Err> {
        if let Some(Ok(number)) = input.strip_prefix('#').map(str::parse) {
            return Ok(Self::Number(number));
        }
        if let Ok(fingerprint) = input.parse() {
            return Ok(Self::Fingerprint(fingerprint));
        }
        Ok(Self::FriendlyName(input.to_owned()))
    }
}

/// One key of a file with one of its certificates, for a person to choose from. A key without a certificate stands
/// alone, a key with several stands once for each.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Candidate {
    /// Its number, from 1, in the order of the file.
    pub number: usize,
    /// The friendlyNames of the key and of the certificate, each once.
    pub friendly_names: Vec<String>,
    /// What the key is; `None` if it is locked or cannot be read.
    pub key: Option<KeyAlgorithm>,
    /// The certificate's subject.
    pub subject: Option<String>,
    /// The DNS names and IP addresses of the certificate.
    pub hosts: Vec<String>,
    /// notAfter of the certificate, in seconds since 1970.
    pub not_after: Option<i64>,
    /// The certificate's SHA-256 digest; `None` if there is no certificate.
    pub fingerprint: Option<Fingerprint>,
    /// Why it cannot be taken.
    pub problem: Option<Box<CredentialError>>,
    /// The places of its private key among the keys of the file, from 1: several if it was written several times.
    pub key_places: Vec<usize>,
    /// The place of its certificate among the certificates of the file, from 1.
    pub certificate_place: Option<usize>,
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.number)?;
        for name in self.friendly_names.iter().take(MAX_NAMES) {
            f.write_str(&in_quotes(Some(name)))?;
        }
        match &self.key {
            Some(key) => write!(f, " {}", shortened(&key.to_string()))?,
            None => f.write_str(" private key")?,
        }
        let names: Vec<String> =
            self.hosts.iter().take(MAX_NAMES).map(|host| shortened(&shown_host(host))).collect();
        if !names.is_empty() {
            write!(f, ", {}", names.join(", "))?;
            if let Some(more @ 1..) = self.hosts.len().checked_sub(MAX_NAMES) {
                write!(f, " and {more} more")?;
            }
        } else if let Some(subject) = &self.subject {
            write!(f, ", {}", shortened(subject))?;
        }
        if let Some(not_after) = self.not_after {
            write!(f, ", until {}", day(not_after))?;
        }
        if let Some(fingerprint) = &self.fingerprint {
            write!(f, ", SHA-256 {fingerprint}")?;
        }
        match &self.problem {
            Some(problem) => write!(f, ": {problem}"),
            None => Ok(()),
        }
    }
}

/// Names of one kind that one line shows.
const MAX_NAMES: usize = 3;
/// Characters of a name that one line shows.
const MAX_NAME: usize = 64;

/// A name of the file as one line shows it.
fn shortened(name: &str) -> String {
    let mut text = printable(&name.chars().take(MAX_NAME).collect::<String>());
    if name.chars().nth(MAX_NAME).is_some() {
        text.push_str("...");
    }
    text
}

/// Why a file gives no server credential.
#[derive(Clone, Debug, Error, Eq, PartialEq)]
#[non_exhaustive]
pub enum CredentialError {
    /// Certificates, but no private key.
    #[error("the file contains no private key")]
    NoPrivateKey,
    /// No private key, but something else that says why, or what was taken for one.
    #[error("the file contains no private key for a server: {instead}")]
    NoPrivateKeyBut {
        /// What there is, each with its place.
        instead: String,
        /// What can be done.
        remedies: Vec<Remedy>,
    },
    /// A private key, but no certificate.
    #[error("the file contains no certificate")]
    NoCertificate,
    /// None of the certificates is that of the key that is meant.
    #[error("the file contains no certificate for this private key")]
    NoCertificateForKey,
    /// No certificate has the public key of a private key.
    #[error("the private key does not match any certificate in the file")]
    KeyMismatch,
    /// None of the private keys of several files belongs to a certificate of them.
    #[error(
        "no private key belongs to a certificate, by the SHA-256 of their public keys: keys {}; certificates {}",
        .keys.join(", "), .certificates.join(", ")
    )]
    NoPair {
        /// Each key: its kind, the beginning of the digest of its public key, its file.
        keys: Vec<String>,
        /// Each certificate: its subject, the same digits, its file.
        certificates: Vec<String>,
    },
    /// More than one key, or a key with more than one certificate.
    #[error("{}: {}", headline(.candidates, .locked_safes), list(.candidates))]
    Several {
        /// What to choose from.
        candidates: Vec<Candidate>,
        /// Why safes stay locked, which may hold further keys.
        locked_safes: Vec<Pkcs12Error>,
    },
    /// Nothing fits the selector.
    #[error("no private key fits the selection; there is {}", list(.candidates))]
    EntryNotFound {
        /// What to choose from.
        candidates: Vec<Candidate>,
    },
    /// The private key, or the safe that its certificate may be in, does not open.
    #[error(transparent)]
    Locked(#[from] Pkcs12Error),
    /// A kind of key that TLS libraries do not serve.
    #[error("a key of the kind {algorithm} cannot serve TLS")]
    UnsupportedKey {
        /// The algorithm.
        algorithm: String,
    },
    /// An RSA key below 2,048 bits.
    #[error("the RSA key has {bits} bits; at least 2048 are required")]
    WeakKey {
        /// Bits of the modulus.
        bits: usize,
    },
    /// The private key is not a key that can be loaded.
    #[error("the private key is damaged")]
    InvalidKey,
    /// A certificate without which there is no credential cannot be read.
    #[error("certificate {place} of the file{} cannot be used: {error}", in_quotes(.name.as_deref()))]
    Certificate {
        /// Its place among the certificates of the file, from 1.
        place: usize,
        /// Its friendlyName.
        name: Option<String>,
        /// What is wrong with it.
        error: InvalidCertificate,
    },
}

/// A friendlyName behind what bears it: a space, and the name in quotes. Nothing without one.
pub(crate) fn in_quotes(name: Option<&str>) -> String {
    name.map(|name| format!(" \"{}\"", shortened(name))).unwrap_or_default()
}

/// How many keys there are, or how many certificates for the one.
fn headline(candidates: &[Candidate], locked_safes: &[Pkcs12Error]) -> String {
    let mut keys: Vec<&[usize]> =
        candidates.iter().map(|candidate| candidate.key_places.as_slice()).collect();
    keys.dedup();
    let mut text = match (keys.len(), candidates.len()) {
        (1, 1) => "the file contains one private key that opens".to_owned(),
        (1, certificates) => format!("the file contains one private key with {certificates} certificates"),
        (keys, _) => format!("the file contains {keys} private keys"),
    };
    if let Some(reason) = locked_safes.first() {
        let safes = match locked_safes.len() {
            1 => "a safe that stays locked".to_owned(),
            more => format!("{more} safes that stay locked"),
        };
        text.push_str(&format!(", and {safes} and may hold others ({reason})"));
    }
    text
}

fn list(candidates: &[Candidate]) -> String {
    if candidates.is_empty() {
        return "none".to_owned();
    }
    let mut lines = Vec::new();
    let mut length = 0;
    for candidate in candidates {
        let line = candidate.to_string();
        length += line.len();
        if length > MAX_LISTED && !lines.is_empty() {
            break;
        }
        lines.push(line);
    }
    let more = candidates.len() - lines.len();
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    lines.join("; ")
}

/// How much of a message lists candidates, in bytes: what a file says must not flood a log.
const MAX_LISTED: usize = 3000;

const WITH_KEY: Remedy = Remedy::Advice("export the certificate again together with its private key");

impl CredentialError {
    /// A stable code for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoPrivateKey | Self::NoPrivateKeyBut { .. } => "no_private_key",
            Self::NoCertificate | Self::NoCertificateForKey => "no_certificate",
            Self::KeyMismatch | Self::NoPair { .. } => "key_mismatch",
            Self::Several { .. } => "several_entries",
            Self::EntryNotFound { .. } => "entry_not_found",
            Self::Locked(reason) => reason.code(),
            Self::UnsupportedKey { .. } => "unsupported_key",
            Self::WeakKey { .. } => "weak_key",
            Self::InvalidKey => "invalid_key",
            Self::Certificate { .. } => "invalid_certificate",
        }
    }

    /// The stage that refused: `key`, `match` or a stage of the file.
    #[must_use]
    pub fn stage(&self) -> &'static str {
        match self {
            Self::Locked(reason) => reason.stage(),
            Self::UnsupportedKey { .. } | Self::WeakKey { .. } | Self::InvalidKey => "key",
            Self::Certificate { .. } => "certificate bag",
            _ => "match",
        }
    }

    /// What there is to choose from, where that is what is asked.
    #[must_use]
    pub fn candidates(&self) -> &[Candidate] {
        match self {
            Self::Several { candidates, .. } | Self::EntryNotFound { candidates } => candidates,
            _ => &[],
        }
    }

    /// The message without the list of [`candidates`](Self::candidates), for those who show them in their own way.
    #[must_use]
    pub fn headline(&self) -> String {
        match self {
            Self::Several { candidates, locked_safes } => headline(candidates, locked_safes),
            Self::EntryNotFound { .. } => "no private key of the file fits the selection".to_owned(),
            other => other.to_string(),
        }
    }

    /// What the user can do.
    #[must_use]
    pub fn remedies(&self) -> Vec<Remedy> {
        vec![match self {
            Self::NoPrivateKey => return vec![Remedy::AddPrivateKey, WITH_KEY],
            Self::NoPrivateKeyBut { remedies, .. } => return remedies.clone(),
            Self::NoCertificate => {
                let again = Remedy::Advice("export the key again together with its certificate");
                return vec![Remedy::JoinKeyAndCertificate, again];
            }
            Self::NoPair { .. } => Remedy::Advice(
                "give the key that the certificate was requested with: the digits of both are the same",
            ),
            Self::KeyMismatch | Self::NoCertificateForKey => {
                Remedy::Advice("put the key and the certificate that was issued for it into one file")
            }
            Self::EntryNotFound { candidates } if candidates.is_empty() => WITH_KEY,
            Self::Several { candidates, .. } | Self::EntryNotFound { candidates } => {
                let locked = |candidate: &Candidate| {
                    matches!(
                        candidate.problem.as_deref(),
                        Some(Self::Locked(Pkcs12Error::KeyPassword | Pkcs12Error::KeyFilePassword { .. }))
                    )
                };
                let open = candidates.iter().any(locked).then_some(Remedy::KeyPassword);
                return std::iter::once(Remedy::ChooseEntry).chain(open).collect();
            }
            Self::Locked(reason) => return reason.remedies(),
            Self::UnsupportedKey { .. } => Remedy::Advice(
                "ask for a certificate with a P-256 or RSA-2048 key, which every TLS client accepts",
            ),
            Self::WeakKey { .. } => {
                Remedy::Advice("ask for a certificate with an RSA key of 2048 bits or more, or a P-256 key")
            }
            Self::InvalidKey | Self::Certificate { .. } => {
                Remedy::Advice("export the file again from the program that made it")
            }
        }]
    }
}

#[cfg(test)]
mod tests;
