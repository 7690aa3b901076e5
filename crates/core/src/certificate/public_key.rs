//! The public half of a private key as its PKCS #8 has it: for keys that no library here loads, and never a proof.

use x509_parser::asn1_rs::{Any, FromDer as _, Integer, Sequence};

use super::algorithm::KeyAlgorithm;
use crate::secret::PrivateKey;

const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;
/// `[1]`, explicit, in ECPrivateKey (RFC 5915).
const EXPLICIT_1: u32 = 1;

/// What a private key says of its public key.
pub(super) struct WrittenPublicKey {
    /// AlgorithmIdentifier in DER.
    algorithm: Vec<u8>,
    /// The content of subjectPublicKey.
    pub(super) bits: Vec<u8>,
}

impl WrittenPublicKey {
    /// Reads the public key out of a PKCS #8; `None` if it is not in there.
    pub(super) fn of(key: &PrivateKey) -> Option<Self> {
        let kind = KeyAlgorithm::of_private(key)?;
        // EXPOSE: the public values are read.
        let (_, info) = Sequence::from_der(key.expose_pkcs8_der()).ok()?;
        let (rest, _version) = Integer::from_der(info.content.as_ref()).ok()?;
        let (after, _algorithm) = Any::from_der(rest).ok()?;
        let algorithm = rest.get(..rest.len().checked_sub(after.len())?)?.to_vec();
        let (optional, octets) = Any::from_der(after).ok()?;
        let bits = match kind {
            KeyAlgorithm::Rsa { .. } | KeyAlgorithm::RsaPss { .. } => rsa(octets.data)?,
            KeyAlgorithm::Ec { .. } => ec(octets.data).or_else(|| beside(optional))?,
            _ => beside(optional)?,
        };
        Some(Self { algorithm, bits })
    }

    /// subjectPublicKeyInfo in DER.
    pub(super) fn spki(&self) -> Vec<u8> {
        let bits = tlv(BIT_STRING, &[&[0], self.bits.as_slice()].concat());
        tlv(SEQUENCE, &[self.algorithm.as_slice(), &bits].concat())
    }
}

/// RSAPublicKey out of an RSAPrivateKey (RFC 8017, appendix A.1).
fn rsa(private: &[u8]) -> Option<Vec<u8>> {
    let (_, key) = Sequence::from_der(private).ok()?;
    let (numbers, _version) = Integer::from_der(key.content.as_ref()).ok()?;
    let (rest, _modulus) = Integer::from_der(numbers).ok()?;
    let (rest, _exponent) = Integer::from_der(rest).ok()?;
    Some(tlv(SEQUENCE, numbers.get(..numbers.len().checked_sub(rest.len())?)?))
}

/// publicKey of an ECPrivateKey (RFC 5915, section 3).
fn ec(private: &[u8]) -> Option<Vec<u8>> {
    let (_, key) = Sequence::from_der(private).ok()?;
    let (rest, _version) = Integer::from_der(key.content.as_ref()).ok()?;
    let (mut rest, _scalar) = Any::from_der(rest).ok()?;
    while !rest.is_empty() {
        let (after, field) = Any::from_der(rest).ok()?;
        if field.header.tag().0 == EXPLICIT_1 && field.header.is_constructed() {
            let (_, bits) = Any::from_der(field.data).ok()?;
            return whole_octets(bits.data);
        }
        rest = after;
    }
    None
}

/// publicKey of a OneAsymmetricKey (RFC 5958, section 2): `[1]`, implicit, behind the attributes.
fn beside(mut optional: &[u8]) -> Option<Vec<u8>> {
    while !optional.is_empty() {
        let (after, field) = Any::from_der(optional).ok()?;
        if field.header.tag().0 == EXPLICIT_1 {
            return whole_octets(field.data);
        }
        optional = after;
    }
    None
}

/// The content of a BIT STRING without unused bits.
fn whole_octets(bits: &[u8]) -> Option<Vec<u8>> {
    bits.strip_prefix(&[0]).map(<[u8]>::to_vec)
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> = content.len().to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(length) if length < 0x80 => out.push(length),
        _ => {
            out.push(0x80 | u8::try_from(digits.len()).unwrap_or(0));
            out.extend(digits);
        }
    }
    out.extend_from_slice(content);
    out
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::{
        encoding::{AsDer as _, Pkcs8V1Der},
        rand::SystemRandom,
        rsa::{KeyPair as RsaKeyPair, KeySize},
        signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair},
    };

    use super::*;
    use crate::certificate::key_pair::{KeyPair, public_key_der};

    #[test]
    fn what_is_written_of_a_public_key_is_what_the_loaded_key_has() {
        let random = SystemRandom::new();
        let ec = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let ed25519 = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        let rsa: Pkcs8V1Der<'_> = RsaKeyPair::generate(KeySize::Rsa2048).unwrap().as_der().unwrap();
        for der in [ec.as_ref(), ed25519.as_ref(), rsa.as_ref()] {
            let key = PrivateKey::from_pkcs8_der(der.to_vec());
            let algorithm = KeyAlgorithm::of_private(&key).unwrap();
            assert!(KeyPair::load(&key, &algorithm).is_some(), "{algorithm}");
            assert_eq!(Some(WrittenPublicKey::of(&key).unwrap().spki()), public_key_der(&key), "{algorithm}");
        }
    }

    #[test]
    fn lengths_are_written_in_the_fewest_bytes() {
        assert_eq!(tlv(4, &[7; 127])[..2], [4, 127]);
        assert_eq!(tlv(4, &[7; 128])[..3], [4, 0x81, 128]);
        assert_eq!(tlv(4, &[7; 256])[..4], [4, 0x82, 1, 0]);
    }
}
