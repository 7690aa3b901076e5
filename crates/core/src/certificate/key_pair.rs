//! Loaded private keys: the public key that belongs to one, and the proof that it belongs to a certificate.
//!
//! The proof is arithmetic and asks for no randomness; a signature would, and the library's generator takes longer to
//! start than all else about a file. Loading derives the public key and compares it: RSA by n = pq, d·e = 1 modulo p-1
//! and q-1, dP, dQ and qInv·q = 1 modulo p (aws-lc's RSA_check_key, in constant time), the NIST curves by d·G
//! (EC_KEY_check_key), Ed25519 from its seed. That p and q are prime, without which RSA does not work, is left to
//! [`primes`].

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    rand::SystemRandom,
    rsa::KeyPair as RsaKeyPair,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
        EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaEncoding,
    },
};
use rustls_pki_types::SignatureVerificationAlgorithm;

use super::{algorithm::KeyAlgorithm, der::public_key_info, primes, public_key::WrittenPublicKey};
use crate::secret::PrivateKey;

/// A private key that TLS libraries can serve, loaded and checked by aws-lc-rs.
pub(crate) struct KeyPair {
    loaded: Loaded,
    /// The verifier of the signatures that it makes.
    verifier: &'static dyn SignatureVerificationAlgorithm,
}

enum Loaded {
    Rsa(Box<RsaKeyPair>),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl KeyPair {
    /// Loads a key: RSA of 2,048 to 8,192 bits, P-256, P-384, P-521 or Ed25519. `None` for all else, and for a key
    /// whose parts do not belong together.
    pub(super) fn load(key: &PrivateKey, algorithm: &KeyAlgorithm) -> Option<Self> {
        use webpki::aws_lc_rs as verifiers;
        // EXPOSE: the key is parsed.
        let der = key.expose_pkcs8_der();
        let (loaded, verifier) = match algorithm {
            KeyAlgorithm::Rsa { bits } if *bits >= 2048 => {
                let pair = RsaKeyPair::from_pkcs8(der).ok()?;
                (Loaded::Rsa(Box::new(pair)), verifiers::RSA_PKCS1_2048_8192_SHA256)
            }
            KeyAlgorithm::Ec { curve } => {
                let (signing, verifier) = match curve.as_str() {
                    "P-256" => (&ECDSA_P256_SHA256_ASN1_SIGNING, verifiers::ECDSA_P256_SHA256),
                    "P-384" => (&ECDSA_P384_SHA384_ASN1_SIGNING, verifiers::ECDSA_P384_SHA384),
                    "P-521" => (&ECDSA_P521_SHA512_ASN1_SIGNING, verifiers::ECDSA_P521_SHA512),
                    _ => return None,
                };
                (Loaded::Ecdsa(EcdsaKeyPair::from_pkcs8(signing, der).ok()?), verifier)
            }
            KeyAlgorithm::Ed25519 => {
                let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok()?;
                (Loaded::Ed25519(pair), verifiers::ED25519)
            }
            _ => return None,
        };
        Some(Self { loaded, verifier })
    }

    /// The content of subjectPublicKey that belongs to the key.
    pub(crate) fn public_key(&self) -> &[u8] {
        match &self.loaded {
            Loaded::Rsa(pair) => pair.public_key().as_ref(),
            Loaded::Ecdsa(pair) => pair.public_key().as_ref(),
            Loaded::Ed25519(pair) => pair.public_key().as_ref(),
        }
    }

    /// The subjectPublicKeyInfo that belongs to the key; `None` if the library fails.
    pub(super) fn spki(&self) -> Option<Vec<u8>> {
        let der: PublicKeyX509Der<'_> = match &self.loaded {
            Loaded::Rsa(pair) => pair.public_key().as_der().ok()?,
            Loaded::Ecdsa(pair) => pair.public_key().as_der().ok()?,
            Loaded::Ed25519(pair) => pair.public_key().as_der().ok()?,
        };
        Some(der.as_ref().to_vec())
    }

    /// Signs: RSA with that padding and hash, ECDSA with the hash that goes with the curve. `None` if the library fails.
    pub(crate) fn sign(&self, rsa: &'static dyn RsaEncoding, message: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match &self.loaded {
            Loaded::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(rsa, &random, message, &mut signature).ok()?;
                Some(signature)
            }
            Loaded::Ecdsa(pair) => Some(pair.sign(&random, message).ok()?.as_ref().to_vec()),
            Loaded::Ed25519(pair) => Some(pair.sign(message).as_ref().to_vec()),
        }
    }

    /// Whether `key`, from which this was loaded, makes signatures that verify under its public key: what loading
    /// leaves open of it.
    pub(super) fn works(&self, key: &PrivateKey) -> bool {
        !matches!(self.loaded, Loaded::Rsa(_)) || primes::are_prime(key)
    }

    /// Whether `spki_der` is the public half of this key: the same kind of key, and the same key.
    pub(super) fn belongs_to(&self, spki_der: &[u8]) -> bool {
        holds_key_of(self.verifier, spki_der)
            && public_key_info(spki_der).is_ok_and(|(_, key)| key == self.public_key())
    }
}

/// Whether a key is of the kind that `algorithm` verifies under, by the encoding of its identifier.
pub(super) fn holds_key_of(algorithm: &dyn SignatureVerificationAlgorithm, spki_der: &[u8]) -> bool {
    public_key_info(spki_der).is_ok_and(|(kind, _)| kind == algorithm.public_key_alg_id().as_ref())
}

/// The subjectPublicKeyInfo that belongs to a private key: of a key that cannot be loaded, what its PKCS #8 says of
/// it; `None` if that says nothing.
pub(crate) fn public_key_der(key: &PrivateKey) -> Option<Vec<u8>> {
    let algorithm = KeyAlgorithm::of_private(key)?;
    if matches!(algorithm, KeyAlgorithm::Rsa { .. }) {
        // Loading it would give the same two numbers, after proving all the others.
        return Some(WrittenPublicKey::of(key)?.spki());
    }
    let loaded = KeyPair::load(key, &algorithm).and_then(|pair| pair.spki());
    loaded.or_else(|| Some(WrittenPublicKey::of(key)?.spki()))
}

#[cfg(test)]
mod tests;
