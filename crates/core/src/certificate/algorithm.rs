//! Keys and signatures by name: what a key is, before anything is done with it.

use std::fmt;

use super::{
    curve::{curve_bits, curve_name},
    der::{INTEGER, OCTET_STRING, Oid, Reader, SEQUENCE, Value, algorithm, integer, only, public_key_info},
};
use crate::secret::PrivateKey;

const RSA_ENCRYPTION: &str = "1.2.840.113549.1.1.1";
const RSASSA_PSS: &str = "1.2.840.113549.1.1.10";
const EC_PUBLIC_KEY: &str = "1.2.840.10045.2.1";
const DSA: &str = "1.2.840.10040.4.1";

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
        /// `P-256`, `P-384`, `P-521`, another known name, the dotted object identifier, or
        /// `EC with explicit parameters`.
        curve: String,
    },
    /// X25519 (RFC 8410): agrees on keys, signs nothing.
    X25519,
    /// X448 (RFC 8410): agrees on keys, signs nothing.
    X448,
    /// Ed25519 (RFC 8410).
    Ed25519,
    /// Ed448 (RFC 8410).
    Ed448,
    /// DSA.
    Dsa {
        /// Bits of the prime p; 0 if the key inherits it.
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
    /// Reads a subjectPublicKeyInfo.
    pub(super) fn of_public(spki: &[u8]) -> Self {
        let read = public_key_info(spki).and_then(|(kind, key)| Ok((algorithm(kind)?, key)));
        match read {
            // An RSA key that is restricted to PSS is encoded as any other of RSA.
            Ok(((oid, parameters), key)) => Self::named(&oid, parameters, rsa_modulus_bits(key)),
            // Structure has read it before.
            Err(_) => Self::Other { oid: String::new() },
        }
    }

    /// Reads only the outside of a PKCS #8 key, and the modulus of an RSA key.
    pub(crate) fn of_private(key: &PrivateKey) -> Option<Self> {
        // EXPOSE: the algorithm identifier and the public modulus are read.
        let mut outside = Reader::new(key.expose_pkcs8_der());
        let mut info = Reader::new(outside.content(SEQUENCE).ok()?);
        info.content(INTEGER).ok()?;
        let (oid, parameters) = algorithm(info.content(SEQUENCE).ok()?).ok()?;
        let private = info.content(OCTET_STRING).ok()?;
        Some(Self::named(&oid, parameters, rsa_private_modulus_bits(private).unwrap_or(0)))
    }

    fn named(oid: &Oid, parameters: Option<Value<'_>>, bits: usize) -> Self {
        match oid.to_string().as_str() {
            RSA_ENCRYPTION => Self::Rsa { bits },
            RSASSA_PSS => Self::RsaPss { bits },
            EC_PUBLIC_KEY => Self::Ec { curve: curve_name(parameters) },
            "1.3.101.110" => Self::X25519,
            "1.3.101.111" => Self::X448,
            "1.3.101.112" => Self::Ed25519,
            "1.3.101.113" => Self::Ed448,
            DSA => Self::Dsa { bits: parameters.and_then(dsa_prime_bits).unwrap_or(0) },
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
            Self::Ec { curve } => curve_bits(curve),
            Self::X25519 => Some(256),
            Self::X448 => Some(448),
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
            Self::X25519 => f.write_str("X25519"),
            Self::X448 => f.write_str("X448"),
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

/// The size of the modulus of an RSAPublicKey (RFC 8017, appendix A.1.1); 0 if it is none.
fn rsa_modulus_bits(der: &[u8]) -> usize {
    let read = || {
        let mut key = Reader::new(only(der, SEQUENCE)?);
        let modulus = integer(key.content(INTEGER)?)?;
        integer(key.content(INTEGER)?)?;
        key.end()?;
        Ok::<_, super::der::Fault>(modulus_bits(modulus))
    };
    read().unwrap_or(0)
}

/// The size of the modulus of an RSAPrivateKey (RFC 8017, appendix A.1.2).
fn rsa_private_modulus_bits(der: &[u8]) -> Option<usize> {
    let mut outside = Reader::new(der);
    let mut key = Reader::new(outside.content(SEQUENCE).ok()?);
    key.content(INTEGER).ok()?;
    key.content(INTEGER).ok().map(modulus_bits)
}

/// The size of p, the first of Dss-Parms (RFC 3279, section 2.3.2).
fn dsa_prime_bits(parameters: Value<'_>) -> Option<usize> {
    let mut parameters = Reader::new(only(parameters.encoded, SEQUENCE).ok()?);
    let prime = parameters.content(INTEGER).ok().map(modulus_bits)?;
    parameters.content(INTEGER).ok()?;
    parameters.content(INTEGER).ok()?;
    parameters.end().ok()?;
    Some(prime)
}

fn modulus_bits(big_endian: &[u8]) -> usize {
    let digits: &[u8] = match big_endian.iter().position(|byte| *byte != 0) {
        Some(start) => big_endian.get(start..).unwrap_or_default(),
        None => &[],
    };
    digits.first().map_or(0, |first| digits.len() * 8 - usize::try_from(first.leading_zeros()).unwrap_or(0))
}

/// The signature algorithm of a certificate, in the spelling that Java programs print.
///
/// Takes the content of an AlgorithmIdentifier.
pub(super) fn signature_name(identifier: &[u8]) -> String {
    let oid = algorithm(identifier).map_or_else(|fault| fault.to_string(), |(oid, _)| oid.to_string());
    match oid.as_str() {
        "1.2.840.113549.1.1.2" => "MD2withRSA",
        "1.2.840.113549.1.1.4" => "MD5withRSA",
        "1.2.840.113549.1.1.5" => "SHA1withRSA",
        "1.2.840.113549.1.1.14" => "SHA224withRSA",
        "1.2.840.113549.1.1.11" => "SHA256withRSA",
        "1.2.840.113549.1.1.12" => "SHA384withRSA",
        "1.2.840.113549.1.1.13" => "SHA512withRSA",
        "1.2.840.113549.1.1.10" => "RSASSA-PSS",
        "2.16.840.1.101.3.4.3.13" => "SHA3-224withRSA",
        "2.16.840.1.101.3.4.3.14" => "SHA3-256withRSA",
        "2.16.840.1.101.3.4.3.15" => "SHA3-384withRSA",
        "2.16.840.1.101.3.4.3.16" => "SHA3-512withRSA",
        "1.2.156.10197.1.501" => "SM3withSM2",
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
    use super::{super::der::encode, *};

    fn named(content: &[u8]) -> KeyAlgorithm {
        KeyAlgorithm::named(&Oid::of_content(content).unwrap(), None, 0)
    }

    #[test]
    fn keys_of_fips_203_and_204_have_their_names() {
        for (last, name) in [(17, "ML-DSA-44"), (18, "ML-DSA-65"), (19, "ML-DSA-87")] {
            assert_eq!(named(&[0x60, 0x86, 0x48, 1, 101, 3, 4, 3, last]).to_string(), name);
        }
        for (last, name) in [(1, "ML-KEM-512"), (2, "ML-KEM-768"), (3, "ML-KEM-1024")] {
            assert_eq!(named(&[0x60, 0x86, 0x48, 1, 101, 3, 4, 4, last]).family(), name);
        }
        for (last, name) in [(110, "X25519"), (111, "X448"), (112, "Ed25519"), (113, "Ed448")] {
            assert_eq!(named(&[0x2b, 101, last]).to_string(), name);
        }
    }

    #[test]
    fn a_dsa_key_is_as_long_as_its_prime() {
        let prime = [&[0x02, 0x09, 0x00, 0x80][..], &[1; 7]].concat();
        let parameters = encode(SEQUENCE, &[prime, vec![0x02, 1, 7, 0x02, 1, 2]].concat());
        let oid = [0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01];
        let kind = encode(SEQUENCE, &[&oid[..], &parameters].concat());
        let y = [0x03, 0x04, 0x00, 0x02, 0x01, 0x05];
        let spki = encode(SEQUENCE, &[kind, y.to_vec()].concat());
        assert_eq!(KeyAlgorithm::of_public(&spki), KeyAlgorithm::Dsa { bits: 64 });
        let inherited = encode(SEQUENCE, &[encode(SEQUENCE, &oid), y.to_vec()].concat());
        assert_eq!(KeyAlgorithm::of_public(&inherited).to_string(), "DSA");
    }

    #[test]
    fn modulus_bits_count_from_the_first_set_bit() {
        assert_eq!(modulus_bits(&[0, 0x80, 0, 0]), 24);
        assert_eq!(modulus_bits(&[0x01, 0xff]), 9);
        assert_eq!(modulus_bits(&[]), 0);
    }
}
