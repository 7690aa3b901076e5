//! Keys and signatures by name: what a key is, before anything is done with it.

use std::fmt;

use x509_parser::{
    asn1_rs::{Any, FromDer, Integer, Oid, Sequence},
    public_key::PublicKey,
    x509::{AlgorithmIdentifier, SubjectPublicKeyInfo},
};

use crate::secret::PrivateKey;

const RSA_ENCRYPTION: &str = "1.2.840.113549.1.1.1";
const RSASSA_PSS: &str = "1.2.840.113549.1.1.10";
const EC_PUBLIC_KEY: &str = "1.2.840.10045.2.1";

/// The kind and size of a key, public or private.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum KeyAlgorithm {
    /// RSA with the size of its modulus in bits.
    Rsa {
        /// Bits of the modulus.
        bits: usize,
    },
    /// RSA restricted to PSS signatures (RFC 4055).
    RsaPss {
        /// Bits of the modulus; 0 if unknown.
        bits: usize,
    },
    /// Elliptic curve with the usual name of its curve.
    Ec {
        /// `P-256`, `P-384`, `P-521`, another known name, or the dotted object identifier.
        curve: String,
    },
    /// Ed25519 (RFC 8410).
    Ed25519,
    /// Ed448 (RFC 8410).
    Ed448,
    /// DSA.
    Dsa {
        /// Bits of the public value; 0 if unknown.
        bits: usize,
    },
    /// ML-DSA (FIPS 204) with its parameter set.
    MlDsa {
        /// 44, 65 or 87.
        set: u8,
    },
    /// ML-KEM (FIPS 203) with its parameter set.
    MlKem {
        /// 512, 768 or 1024.
        set: u16,
    },
    /// Another algorithm by its dotted object identifier.
    Other {
        /// The identifier.
        oid: String,
    },
}

impl KeyAlgorithm {
    pub(super) fn of_public(spki: &SubjectPublicKeyInfo<'_>) -> Self {
        let bits = match spki.parsed() {
            Ok(PublicKey::RSA(rsa)) => modulus_bits(rsa.modulus),
            Ok(PublicKey::DSA(y)) => y.len() * 8,
            // Restricted to PSS, the key is encoded as any other of RSA.
            _ => rsa_modulus_bits(&spki.subject_public_key.data).unwrap_or(0),
        };
        Self::named(&spki.algorithm.algorithm, spki.algorithm.parameters.as_ref(), bits)
    }

    /// Reads only the outside of a PKCS #8 key, and the modulus of an RSA key.
    pub(crate) fn of_private(key: &PrivateKey) -> Option<Self> {
        // EXPOSE: the algorithm identifier and the public modulus are read.
        let (_, info) = Sequence::from_der(key.expose_pkcs8_der()).ok()?;
        let (rest, _version) = Integer::from_der(info.content.as_ref()).ok()?;
        let (rest, algorithm) = AlgorithmIdentifier::from_der(rest).ok()?;
        let (_, octets) = Any::from_der(rest).ok()?;
        let bits = Sequence::from_der(octets.data)
            .ok()
            .and_then(|(_, rsa)| {
                let (rest, _version) = Integer::from_der(rsa.content.as_ref()).ok()?;
                let (_, modulus) = Any::from_der(rest).ok()?;
                Some(modulus_bits(modulus.data))
            })
            .unwrap_or(0);
        Some(Self::named(&algorithm.algorithm, algorithm.parameters.as_ref(), bits))
    }

    fn named(oid: &Oid<'_>, parameters: Option<&Any<'_>>, bits: usize) -> Self {
        match oid.to_id_string().as_str() {
            RSA_ENCRYPTION => Self::Rsa { bits },
            RSASSA_PSS => Self::RsaPss { bits },
            EC_PUBLIC_KEY => Self::Ec { curve: curve_name(parameters) },
            "1.3.101.112" => Self::Ed25519,
            "1.3.101.113" => Self::Ed448,
            "1.2.840.10040.4.1" => Self::Dsa { bits },
            "2.16.840.1.101.3.4.3.17" => Self::MlDsa { set: 44 },
            "2.16.840.1.101.3.4.3.18" => Self::MlDsa { set: 65 },
            "2.16.840.1.101.3.4.3.19" => Self::MlDsa { set: 87 },
            "2.16.840.1.101.3.4.4.1" => Self::MlKem { set: 512 },
            "2.16.840.1.101.3.4.4.2" => Self::MlKem { set: 768 },
            "2.16.840.1.101.3.4.4.3" => Self::MlKem { set: 1024 },
            other => Self::Other { oid: other.to_owned() },
        }
    }

    /// The family in one word: `RSA`, `EC`, `Ed25519` and so on.
    #[must_use]
    pub fn family(&self) -> String {
        match self {
            Self::Rsa { .. } => "RSA".to_owned(),
            Self::RsaPss { .. } => "RSA-PSS".to_owned(),
            Self::Ec { .. } => "EC".to_owned(),
            Self::Dsa { .. } => "DSA".to_owned(),
            other => other.to_string(),
        }
    }

    /// The size in bits of the modulus or of the curve's field; `None` where the name says it all.
    #[must_use]
    pub fn bits(&self) -> Option<usize> {
        match self {
            Self::Rsa { bits } | Self::RsaPss { bits } | Self::Dsa { bits } => Some(*bits),
            Self::Ec { curve } => match curve.as_str() {
                "P-256" | "secp256k1" | "brainpoolP256r1" => Some(256),
                "P-384" | "brainpoolP384r1" => Some(384),
                "P-521" => Some(521),
                "P-224" => Some(224),
                "P-192" => Some(192),
                "brainpoolP512r1" => Some(512),
                _ => None,
            },
            Self::Ed25519 => Some(256),
            Self::Ed448 => Some(456),
            _ => None,
        }
    }

    /// The curve, for an elliptic-curve key.
    #[must_use]
    pub fn curve(&self) -> Option<&str> {
        match self {
            Self::Ec { curve } => Some(curve),
            _ => None,
        }
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa { bits } => write!(f, "RSA-{bits}"),
            Self::RsaPss { bits: 0 } => f.write_str("RSA-PSS"),
            Self::RsaPss { bits } => write!(f, "RSA-PSS-{bits}"),
            Self::Ec { curve } => f.write_str(curve),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::Ed448 => f.write_str("Ed448"),
            Self::Dsa { bits: 0 } => f.write_str("DSA"),
            Self::Dsa { bits } => write!(f, "DSA-{bits}"),
            Self::MlDsa { set } => write!(f, "ML-DSA-{set}"),
            Self::MlKem { set } => write!(f, "ML-KEM-{set}"),
            Self::Other { oid } => f.write_str(oid),
        }
    }
}

/// The size of the first INTEGER of an RSAPublicKey (RFC 8017, appendix A.1.1).
fn rsa_modulus_bits(der: &[u8]) -> Option<usize> {
    let (_, key) = Sequence::from_der(der).ok()?;
    let (_, modulus) = Integer::from_der(key.content.as_ref()).ok()?;
    Some(modulus_bits(modulus.as_ref()))
}

fn modulus_bits(big_endian: &[u8]) -> usize {
    let digits: &[u8] = match big_endian.iter().position(|byte| *byte != 0) {
        Some(start) => big_endian.get(start..).unwrap_or_default(),
        None => &[],
    };
    digits.first().map_or(0, |first| digits.len() * 8 - usize::try_from(first.leading_zeros()).unwrap_or(0))
}

fn curve_name(parameters: Option<&Any<'_>>) -> String {
    let Some(oid) = parameters.and_then(|any| any.as_oid().ok()) else {
        return "EC with explicit parameters".to_owned();
    };
    match oid.to_id_string().as_str() {
        "1.2.840.10045.3.1.7" => "P-256",
        "1.3.132.0.34" => "P-384",
        "1.3.132.0.35" => "P-521",
        "1.3.132.0.33" => "P-224",
        "1.2.840.10045.3.1.1" => "P-192",
        "1.3.132.0.10" => "secp256k1",
        "1.3.36.3.3.2.8.1.1.7" => "brainpoolP256r1",
        "1.3.36.3.3.2.8.1.1.11" => "brainpoolP384r1",
        "1.3.36.3.3.2.8.1.1.13" => "brainpoolP512r1",
        other => return other.to_owned(),
    }
    .to_owned()
}

/// The signature algorithm of a certificate, in the spelling that Java programs print.
pub(super) fn signature_name(oid: &str) -> String {
    match oid {
        "1.2.840.113549.1.1.4" => "MD5withRSA",
        "1.2.840.113549.1.1.5" => "SHA1withRSA",
        "1.2.840.113549.1.1.14" => "SHA224withRSA",
        "1.2.840.113549.1.1.11" => "SHA256withRSA",
        "1.2.840.113549.1.1.12" => "SHA384withRSA",
        "1.2.840.113549.1.1.13" => "SHA512withRSA",
        "1.2.840.113549.1.1.10" => "RSASSA-PSS",
        "1.2.840.10045.4.1" => "SHA1withECDSA",
        "1.2.840.10045.4.3.1" => "SHA224withECDSA",
        "1.2.840.10045.4.3.2" => "SHA256withECDSA",
        "1.2.840.10045.4.3.3" => "SHA384withECDSA",
        "1.2.840.10045.4.3.4" => "SHA512withECDSA",
        "1.2.840.10040.4.3" => "SHA1withDSA",
        "2.16.840.1.101.3.4.3.2" => "SHA256withDSA",
        "1.3.101.112" => "Ed25519",
        "1.3.101.113" => "Ed448",
        "2.16.840.1.101.3.4.3.17" => "ML-DSA-44",
        "2.16.840.1.101.3.4.3.18" => "ML-DSA-65",
        "2.16.840.1.101.3.4.3.19" => "ML-DSA-87",
        other => other,
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_fips_203_and_204_have_their_names() {
        for (last, name) in [(17, "ML-DSA-44"), (18, "ML-DSA-65"), (19, "ML-DSA-87")] {
            let oid = Oid::from(&[2, 16, 840, 1, 101, 3, 4, 3, last]).unwrap();
            assert_eq!(KeyAlgorithm::named(&oid, None, 0).to_string(), name);
        }
        for (last, name) in [(1, "ML-KEM-512"), (2, "ML-KEM-768"), (3, "ML-KEM-1024")] {
            let oid = Oid::from(&[2, 16, 840, 1, 101, 3, 4, 4, last]).unwrap();
            assert_eq!(KeyAlgorithm::named(&oid, None, 0).family(), name);
        }
    }

    #[test]
    fn modulus_bits_count_from_the_first_set_bit() {
        assert_eq!(modulus_bits(&[0, 0x80, 0, 0]), 24);
        assert_eq!(modulus_bits(&[0x01, 0xff]), 9);
        assert_eq!(modulus_bits(&[]), 0);
    }
}
