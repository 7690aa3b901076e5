//! The public half of a private key as its PKCS #8 has it: for keys that no library here loads, and never a proof.

use super::{
    algorithm::KeyAlgorithm,
    der::{BIT_STRING, INTEGER, OCTET_STRING, Reader, SEQUENCE, encode, whole_bytes},
};
use crate::secret::PrivateKey;

/// `[1]`, explicit, in ECPrivateKey (RFC 5915).
const EXPLICIT_1: u8 = 0xa1;
/// `[1]`, implicit, in OneAsymmetricKey (RFC 5958).
const IMPLICIT_1: u8 = 0x81;

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
        let mut info = Reader::new(Reader::new(key.expose_pkcs8_der()).content(SEQUENCE).ok()?);
        info.content(INTEGER).ok()?;
        let algorithm = info.value(SEQUENCE).ok()?.encoded.to_vec();
        let private = info.content(OCTET_STRING).ok()?;
        let bits = match kind {
            KeyAlgorithm::Rsa { .. } | KeyAlgorithm::RsaPss { .. } => rsa(private)?,
            KeyAlgorithm::Ec { .. } => ec(private).or_else(|| beside(info))?,
            _ => beside(info)?,
        };
        Some(Self { algorithm, bits })
    }

    /// subjectPublicKeyInfo in DER.
    pub(super) fn spki(&self) -> Vec<u8> {
        let bits = encode(BIT_STRING, &[&[0], self.bits.as_slice()].concat());
        encode(SEQUENCE, &[self.algorithm.as_slice(), &bits].concat())
    }
}

/// RSAPublicKey out of an RSAPrivateKey (RFC 8017, appendix A.1).
fn rsa(private: &[u8]) -> Option<Vec<u8>> {
    let mut key = Reader::new(Reader::new(private).content(SEQUENCE).ok()?);
    key.content(INTEGER).ok()?;
    let [modulus, exponent] = [key.value(INTEGER).ok()?.encoded, key.value(INTEGER).ok()?.encoded];
    Some(encode(SEQUENCE, &[modulus, exponent].concat()))
}

/// publicKey of an ECPrivateKey (RFC 5915, section 3), behind the parameters.
fn ec(private: &[u8]) -> Option<Vec<u8>> {
    let mut key = Reader::new(Reader::new(private).content(SEQUENCE).ok()?);
    let public = find(&mut key, EXPLICIT_1)?;
    let bits = Reader::new(public).content(BIT_STRING).ok()?;
    whole_bytes(bits).ok().map(<[u8]>::to_vec)
}

/// publicKey of a OneAsymmetricKey (RFC 5958, section 2), behind the attributes.
fn beside(mut info: Reader<'_>) -> Option<Vec<u8>> {
    whole_bytes(find(&mut info, IMPLICIT_1)?).ok().map(<[u8]>::to_vec)
}

/// The content of the first value with this tag among those that are left.
fn find<'a>(reader: &mut Reader<'a>, tag: u8) -> Option<&'a [u8]> {
    while !reader.is_empty() {
        let value = reader.any().ok()?;
        if value.tag == tag {
            return Some(value.content);
        }
    }
    None
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
            let loaded = KeyPair::load(&key, &algorithm).unwrap();
            let written = Some(WrittenPublicKey::of(&key).unwrap().spki());
            assert_eq!(written, loaded.spki(), "{algorithm}");
            assert_eq!(written, public_key_der(&key), "{algorithm}");
        }
    }
}
