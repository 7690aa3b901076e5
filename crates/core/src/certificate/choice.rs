//! Which key and certificate of a file are meant, and why none could be taken.

use std::{fmt, str::FromStr};

use thiserror::Error;

use super::{Fingerprint, InvalidCertificate, name::printable};
use crate::remedy::Remedy;

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
    let shown = candidates.iter().take(MAX_LISTED).map(ToString::to_string).collect::<Vec<_>>().join("; ");
    match candidates.len().checked_sub(MAX_LISTED) {
        None | Some(0) => shown,
        Some(more) => format!("{shown}; and {more} more"),
    }
}

/// The most candidates that a message lists.
const MAX_LISTED: usize = 20;

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
    pub fn remedies(&self) -> Vec<Remedy> {
        vec![match self {
            Self::NoPrivateKey => {
                Remedy::Advice("export the certificate again together with its private key")
            }
            Self::NoCertificate => Remedy::Advice("export the key again together with its certificate"),
            Self::KeyMismatch => {
                Remedy::Advice("put the key and the certificate that was issued for it into one file")
            }
            Self::Several { .. } | Self::EntryNotFound { .. } => Remedy::ChooseEntry,
            Self::UnsupportedKey { .. } => Remedy::Advice(
                "ask for a certificate with a P-256 or RSA-2048 key, which every TLS client accepts",
            ),
            Self::WeakKey { .. } => {
                Remedy::Advice("ask for a certificate with an RSA key of 2048 bits or more, or a P-256 key")
            }
            Self::InvalidKey | Self::Certificate(_) => {
                Remedy::Advice("export the file again from the program that made it")
            }
        }]
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
