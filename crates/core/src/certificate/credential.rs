//! Chooses the private key and the leaf of a server, and proves that they belong together.

use std::{fmt, str::FromStr};

use thiserror::Error;

use super::{
    Certificate, Fingerprint, InvalidCertificate, algorithm::KeyAlgorithm, key_pair::KeyPair, name::printable,
};
use crate::{
    pkcs12::{CertificateBag, Contents, KeyBag},
    secret::PrivateKey,
};

/// A private key that was proved, by signing and verifying, to belong to its leaf certificate.
#[derive(Debug)]
#[non_exhaustive]
pub struct ServerCredential {
    key: PrivateKey,
    /// The end-entity certificate.
    pub leaf: Certificate,
    /// The other certificates that came with it, in the order of the file. Nothing is known of them.
    pub others: Vec<Certificate>,
    /// Layers of encryption in the file that current programs no longer write.
    pub legacy: Vec<String>,
}

impl ServerCredential {
    /// Pairs `key` with the first of `certificates`; the others follow as they are.
    ///
    /// # Errors
    ///
    /// [`CredentialError`] if there is no certificate, or the key does not belong to the first one.
    pub fn pair(key: PrivateKey, mut certificates: Vec<Certificate>) -> Result<Self, CredentialError> {
        if certificates.is_empty() {
            return Err(CredentialError::NoCertificate);
        }
        let leaf = certificates.remove(0);
        let pair = load(&key)?;
        if !pair.has_public_key(&leaf.spki_der) || !pair.signs_for(&leaf.spki_der) {
            return Err(CredentialError::KeyMismatch);
        }
        Ok(Self { key, leaf, others: certificates, legacy: Vec::new() })
    }

    /// Pairs the keys and certificates of a file by public key, and takes the only pair or the selected one.
    ///
    /// localKeyId and friendlyName never decide; they only help a person to choose.
    ///
    /// # Errors
    ///
    /// [`CredentialError`] says what is missing, or lists the pairs to choose from.
    pub fn choose(contents: Contents, selector: Option<&EntrySelector>) -> Result<Self, CredentialError> {
        let Contents { keys, certificates: bags, .. } = contents;
        if keys.is_empty() {
            return Err(CredentialError::NoPrivateKey);
        }
        if bags.is_empty() {
            return Err(CredentialError::NoCertificate);
        }
        let legacy = legacy_layers(&keys, &bags);
        let certificates = parse_once(&bags)?;
        let (pairs, problem) = find_pairs(&keys, &certificates);
        let chosen = match selector {
            None => match pairs.as_slice() {
                [only] => *only,
                [] => return Err(problem.unwrap_or(CredentialError::KeyMismatch)),
                _ => {
                    return Err(CredentialError::Several {
                        candidates: describe(&pairs, &keys, &certificates),
                    });
                }
            },
            Some(selector) => select(selector, &pairs, &keys, &certificates)?,
        };
        take(chosen, keys, certificates, legacy)
    }

    /// The private key.
    #[must_use]
    pub fn key(&self) -> &PrivateKey {
        &self.key
    }

    /// Gives up the private key and the leaf.
    #[must_use]
    pub fn into_parts(self) -> (PrivateKey, Certificate, Vec<Certificate>) {
        (self.key, self.leaf, self.others)
    }
}

/// A key and a certificate by their places in the file.
#[derive(Clone, Copy)]
struct Pair {
    key: usize,
    certificate: usize,
}

/// A parsed certificate with the name that its bag had.
struct Named {
    certificate: Certificate,
    friendly_name: Option<String>,
}

/// Parses the certificates, each only once. A broken one is passed over unless it is all there is.
fn parse_once(bags: &[CertificateBag]) -> Result<Vec<Named>, CredentialError> {
    let mut parsed: Vec<Named> = Vec::new();
    let mut broken = None;
    for bag in bags {
        match Certificate::from_der(&bag.der) {
            Ok(certificate) => {
                if parsed.iter().all(|named| named.certificate.fingerprint != certificate.fingerprint) {
                    parsed.push(Named { certificate, friendly_name: bag.friendly_name.clone() });
                }
            }
            Err(error) => broken = Some(error),
        }
    }
    match (parsed.is_empty(), broken) {
        (true, Some(error)) => Err(CredentialError::Certificate(error)),
        _ => Ok(parsed),
    }
}

/// All pairs with the same public key, proved; and the reason why a key took no part.
fn find_pairs(keys: &[KeyBag], certificates: &[Named]) -> (Vec<Pair>, Option<CredentialError>) {
    let mut pairs = Vec::new();
    let mut problem = None;
    let mut seen: Vec<Fingerprint> = Vec::new();
    for (index, bag) in keys.iter().enumerate() {
        let digest = Fingerprint::of(bag.key.expose_pkcs8_der()); // EXPOSE: to pass over a key written twice.
        if seen.contains(&digest) {
            continue;
        }
        seen.push(digest);
        let pair = match load(&bag.key) {
            Ok(pair) => pair,
            Err(error) => {
                problem = Some(error);
                continue;
            }
        };
        for (place, named) in certificates.iter().enumerate() {
            let spki = &named.certificate.spki_der;
            if pair.has_public_key(spki) && pair.signs_for(spki) {
                pairs.push(Pair { key: index, certificate: place });
            }
        }
    }
    (pairs, problem)
}

fn load(key: &PrivateKey) -> Result<KeyPair, CredentialError> {
    let algorithm = KeyAlgorithm::of_private(key).ok_or(CredentialError::InvalidKey)?;
    if let Some(pair) = KeyPair::load(key, &algorithm) {
        return Ok(pair);
    }
    Err(match algorithm {
        KeyAlgorithm::Rsa { bits } if bits < 2048 => CredentialError::WeakKey { bits },
        KeyAlgorithm::Rsa { bits } if bits <= 8192 => CredentialError::InvalidKey,
        KeyAlgorithm::Ec { ref curve } if matches!(curve.as_str(), "P-256" | "P-384" | "P-521") => {
            CredentialError::InvalidKey
        }
        KeyAlgorithm::Ed25519 => CredentialError::InvalidKey,
        algorithm => CredentialError::UnsupportedKey { algorithm: algorithm.to_string() },
    })
}

fn describe(pairs: &[Pair], keys: &[KeyBag], certificates: &[Named]) -> Vec<Candidate> {
    pairs
        .iter()
        .enumerate()
        .filter_map(|(n, pair)| {
            let named = certificates.get(pair.certificate)?;
            let key = keys.get(pair.key)?;
            Some(Candidate {
                number: n + 1,
                friendly_name: key.friendly_name.clone().or_else(|| named.friendly_name.clone()),
                subject: named.certificate.subject.clone(),
                fingerprint: named.certificate.fingerprint,
            })
        })
        .collect()
}

fn select(
    selector: &EntrySelector,
    pairs: &[Pair],
    keys: &[KeyBag],
    certificates: &[Named],
) -> Result<Pair, CredentialError> {
    let candidates = describe(pairs, keys, certificates);
    let matching: Vec<usize> = candidates
        .iter()
        .filter(|candidate| match selector {
            EntrySelector::Number(number) => candidate.number == *number,
            EntrySelector::Fingerprint(fingerprint) => candidate.fingerprint == *fingerprint,
            EntrySelector::FriendlyName(name) => candidate.friendly_name.as_ref() == Some(name),
        })
        .map(|candidate| candidate.number)
        .collect();
    match matching.as_slice() {
        [number] => pairs.get(number - 1).copied().ok_or(CredentialError::KeyMismatch),
        [] => Err(CredentialError::EntryNotFound { candidates }),
        _ => Err(CredentialError::Several {
            candidates: candidates
                .into_iter()
                .filter(|candidate| matching.contains(&candidate.number))
                .collect(),
        }),
    }
}

fn take(
    pair: Pair,
    mut keys: Vec<KeyBag>,
    certificates: Vec<Named>,
    legacy: Vec<String>,
) -> Result<ServerCredential, CredentialError> {
    let mut leaf = None;
    let mut others = Vec::new();
    for (place, named) in certificates.into_iter().enumerate() {
        if place == pair.certificate {
            leaf = Some(named.certificate);
        } else {
            others.push(named.certificate);
        }
    }
    if pair.key >= keys.len() {
        return Err(CredentialError::KeyMismatch);
    }
    let key = keys.swap_remove(pair.key).key;
    let leaf = leaf.ok_or(CredentialError::KeyMismatch)?;
    Ok(ServerCredential { key, leaf, others, legacy })
}

fn legacy_layers(keys: &[KeyBag], certificates: &[CertificateBag]) -> Vec<String> {
    let layers = keys
        .iter()
        .flat_map(|bag| &bag.protection)
        .chain(certificates.iter().flat_map(|bag| &bag.protection));
    let mut names: Vec<String> =
        layers.filter(|layer| layer.legacy).map(|layer| layer.algorithm.clone()).collect();
    names.sort();
    names.dedup();
    names
}

/// Which pair of a file is meant.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum EntrySelector {
    /// `#n`, counted from 1 in the order of the file.
    Number(usize),
    /// The SHA-256 digest of the certificate.
    Fingerprint(Fingerprint),
    /// The friendlyName, to the letter.
    FriendlyName(String),
}

impl FromStr for EntrySelector {
    type Err = std::convert::Infallible;

    /// `#n`, 64 hexadecimal digits (colons allowed), or else a friendlyName.
    fn from_str(input: &str) -> Result<Self, Self::Err> {
        if let Some(Ok(number)) = input.strip_prefix('#').map(str::parse) {
            return Ok(Self::Number(number));
        }
        let digits: String = input.chars().filter(|c| *c != ':').collect();
        let mut bytes = [0_u8; 32];
        let complete = digits.len() == 64
            && bytes.iter_mut().enumerate().all(|(n, byte)| {
                digits.get(2 * n..2 * n + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()).is_some_and(
                    |value| {
                        *byte = value;
                        true
                    },
                )
            });
        if complete {
            return Ok(Self::Fingerprint(Fingerprint::from_bytes(bytes)));
        }
        Ok(Self::FriendlyName(input.to_owned()))
    }
}

/// One key-and-certificate pair of a file, for a person to choose from.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Candidate {
    /// Its number, from 1.
    pub number: usize,
    /// Its friendlyName, if it has one.
    pub friendly_name: Option<String>,
    /// The certificate's subject.
    pub subject: String,
    /// The certificate's SHA-256 digest.
    pub fingerprint: Fingerprint,
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.number)?;
        if let Some(name) = &self.friendly_name {
            write!(f, " \"{}\"", printable(name))?;
        }
        write!(f, " {} (SHA-256 {})", self.subject, self.fingerprint)
    }
}

/// Why a file gives no server credential.
#[derive(Clone, Debug, Error, Eq, PartialEq)]
#[non_exhaustive]
pub enum CredentialError {
    /// Certificates, but no private key.
    #[error("the file contains no private key")]
    NoPrivateKey,
    /// A private key, but no certificate.
    #[error("the file contains no certificate")]
    NoCertificate,
    /// No certificate has the public key of a private key.
    #[error("the private key does not match any certificate in the file")]
    KeyMismatch,
    /// More than one pair.
    #[error("the file contains {} keys with certificates: {}", .candidates.len(), list(.candidates))]
    Several {
        /// The pairs to choose from.
        candidates: Vec<Candidate>,
    },
    /// No pair fits the selector.
    #[error("no key with certificate fits the selection; there is {}", list(.candidates))]
    EntryNotFound {
        /// The pairs to choose from.
        candidates: Vec<Candidate>,
    },
    /// A kind of key that TLS libraries do not serve.
    #[error("a {algorithm} key cannot serve TLS")]
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
    /// The only certificate cannot be read.
    #[error(transparent)]
    Certificate(#[from] InvalidCertificate),
}

fn list(candidates: &[Candidate]) -> String {
    if candidates.is_empty() {
        return "none".to_owned();
    }
    candidates.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl CredentialError {
    /// A stable code for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoPrivateKey => "no_private_key",
            Self::NoCertificate => "no_certificate",
            Self::KeyMismatch => "key_mismatch",
            Self::Several { .. } => "several_entries",
            Self::EntryNotFound { .. } => "entry_not_found",
            Self::UnsupportedKey { .. } => "unsupported_key",
            Self::WeakKey { .. } => "weak_key",
            Self::InvalidKey => "invalid_key",
            Self::Certificate(_) => "invalid_certificate",
        }
    }

    /// The stage that refused: `key`, `match` or `certificate bag`.
    #[must_use]
    pub fn stage(&self) -> &'static str {
        match self {
            Self::UnsupportedKey { .. } | Self::WeakKey { .. } | Self::InvalidKey => "key",
            Self::Certificate(_) => "certificate bag",
            _ => "match",
        }
    }

    /// What the user can do.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        Some(
            match self {
                Self::NoPrivateKey => "export the certificate again together with its private key",
                Self::NoCertificate => "export the key again together with its certificate",
                Self::KeyMismatch => "put the key and the certificate that was issued for it into one file",
                Self::Several { .. } | Self::EntryNotFound { .. } => {
                    "choose one with --entry: its friendly name, #n, or its SHA-256 fingerprint"
                }
                Self::UnsupportedKey { .. } => {
                    "ask for a certificate with a P-256 or RSA-2048 key, which every TLS client accepts"
                }
                Self::WeakKey { .. } => {
                    "ask for a certificate with an RSA key of 2048 bits or more, or a P-256 key"
                }
                Self::InvalidKey | Self::Certificate(_) => {
                    "export the file again from the program that made it"
                }
            }
            .to_owned(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_told_apart_by_form() {
        let parse = |text: &str| text.parse::<EntrySelector>().unwrap();
        assert_eq!(parse("#2"), EntrySelector::Number(2));
        assert_eq!(parse("#two"), EntrySelector::FriendlyName("#two".to_owned()));
        let hex = "ab".repeat(32);
        assert_eq!(parse(&hex), EntrySelector::Fingerprint(Fingerprint::from_bytes([0xab; 32])));
        let colons = ["AB"; 32].join(":");
        assert_eq!(parse(&colons), EntrySelector::Fingerprint(Fingerprint::from_bytes([0xab; 32])));
        assert_eq!(parse("www"), EntrySelector::FriendlyName("www".to_owned()));
        assert_eq!(parse(&"é".repeat(32)), EntrySelector::FriendlyName("é".repeat(32)));
    }

    #[test]
    fn candidates_show_names_without_control_characters() {
        let candidate = Candidate {
            number: 1,
            friendly_name: Some("a\u{1b}[2Jb".to_owned()),
            subject: "CN=x".to_owned(),
            fingerprint: Fingerprint::from_bytes([0; 32]),
        };
        assert_eq!(candidate.to_string(), format!("#1 \"a\\u{{1b}}[2Jb\" CN=x (SHA-256 {})", "0".repeat(64)));
    }
}
