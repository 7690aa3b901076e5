//! Kinds of keys that are made, and the hashes that they sign with.

use std::{fmt, str::FromStr};

use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der},
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    },
};

use super::IssuanceError;
use crate::{certificate::KeyAlgorithm, secret::PrivateKey};

/// A kind of key that is made here.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum KeyKind {
    /// ECDSA on P-256: what every current client takes, and the quickest to sign with.
    #[default]
    P256,
    /// ECDSA on P-384.
    P384,
    /// RSA of 2,048 bits.
    Rsa2048,
    /// RSA of 3,072 bits.
    Rsa3072,
    /// RSA of 4,096 bits.
    Rsa4096,
    /// Ed25519. Public CAs issue no certificates for it, and browsers take none.
    Ed25519,
}

impl KeyKind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::P256, Self::P384, Self::Rsa2048, Self::Rsa3072, Self::Rsa4096, Self::Ed25519];

    /// The word for it: `p256`, `rsa2048` and so on.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::P256 => "p256",
            Self::P384 => "p384",
            Self::Rsa2048 => "rsa2048",
            Self::Rsa3072 => "rsa3072",
            Self::Rsa4096 => "rsa4096",
            Self::Ed25519 => "ed25519",
        }
    }

    /// RSA of so many bits.
    ///
    /// # Errors
    ///
    /// [`IssuanceError::UnsupportedKey`] unless they are 2,048, 3,072 or 4,096.
    pub fn rsa(bits: u32) -> Result<Self, IssuanceError> {
        match bits {
            2048 => Ok(Self::Rsa2048),
            3072 => Ok(Self::Rsa3072),
            4096 => Ok(Self::Rsa4096),
            other => Err(IssuanceError::UnsupportedKey { found: format!("RSA-{other}") }),
        }
    }

    /// The kind of a key, for another of its kind.
    ///
    /// # Errors
    ///
    /// [`IssuanceError::UnsupportedKey`] if none of its kind is made here.
    pub fn of(key: &KeyAlgorithm) -> Result<Self, IssuanceError> {
        let found = match key {
            KeyAlgorithm::Rsa { bits } => Self::rsa(u32::try_from(*bits).unwrap_or(u32::MAX)).ok(),
            KeyAlgorithm::Ec { curve } if curve == "P-256" => Some(Self::P256),
            KeyAlgorithm::Ec { curve } if curve == "P-384" => Some(Self::P384),
            KeyAlgorithm::Ed25519 => Some(Self::Ed25519),
            _ => None,
        };
        found.ok_or_else(|| IssuanceError::UnsupportedKey { found: key.to_string() })
    }

    /// Makes a key, as PKCS #8.
    pub(crate) fn generate(self) -> Result<PrivateKey, IssuanceError> {
        let random = SystemRandom::new();
        let rsa = |size| -> Result<PrivateKey, IssuanceError> {
            let pair = RsaKeyPair::generate(size).map_err(|_| IssuanceError::Failed)?;
            let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| IssuanceError::Failed)?;
            Ok(PrivateKey::from_pkcs8_der(der.as_ref().to_vec()))
        };
        // The library wipes what it made.
        let document = match self {
            Self::Rsa2048 => return rsa(KeySize::Rsa2048),
            Self::Rsa3072 => return rsa(KeySize::Rsa3072),
            Self::Rsa4096 => return rsa(KeySize::Rsa4096),
            Self::P256 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random),
            Self::P384 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_ASN1_SIGNING, &random),
            // Version 1: OpenSSL refuses one that has its public key beside it.
            Self::Ed25519 => Ed25519KeyPair::generate_pkcs8v1(&random),
        };
        let document = document.map_err(|_| IssuanceError::Failed)?;
        Ok(PrivateKey::from_pkcs8_der(document.as_ref().to_vec()))
    }
}

impl FromStr for KeyKind {
    type Err = IssuanceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let word = text.to_ascii_lowercase().replace('-', "");
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == word);
        found.ok_or_else(|| IssuanceError::UnsupportedKey { found: text.to_owned() })
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The hash of a signature.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum SignatureHash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl fmt::Display for SignatureHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        })
    }
}
