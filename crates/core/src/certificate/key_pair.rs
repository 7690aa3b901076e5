//! Private keys at work: the public key that belongs to one, and the proof that it signs for a certificate.

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    rand::SystemRandom,
    rsa::KeyPair as RsaKeyPair,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
        EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    },
};
use rustls_pki_types::SignatureVerificationAlgorithm;

use super::{algorithm::KeyAlgorithm, der::public_key_info, public_key::WrittenPublicKey};
use crate::secret::PrivateKey;

/// A private key that TLS libraries can serve, loaded and checked by aws-lc-rs.
pub(super) enum KeyPair {
    Rsa(Box<RsaKeyPair>),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// What a key signs to prove itself.
const PROOF: &[u8] = b"strongroom: this private key belongs to this certificate";

impl KeyPair {
    /// Loads a key: RSA of 2,048 to 8,192 bits, P-256, P-384, P-521 or Ed25519. `None` for all else.
    pub(super) fn load(key: &PrivateKey, algorithm: &KeyAlgorithm) -> Option<Self> {
        // EXPOSE: the key is parsed.
        let der = key.expose_pkcs8_der();
        match algorithm {
            KeyAlgorithm::Rsa { bits } if *bits >= 2048 => {
                RsaKeyPair::from_pkcs8(der).ok().map(|pair| Self::Rsa(Box::new(pair)))
            }
            KeyAlgorithm::Ec { curve } => {
                let signing = match curve.as_str() {
                    "P-256" => &ECDSA_P256_SHA256_ASN1_SIGNING,
                    "P-384" => &ECDSA_P384_SHA384_ASN1_SIGNING,
                    "P-521" => &ECDSA_P521_SHA512_ASN1_SIGNING,
                    _ => return None,
                };
                EcdsaKeyPair::from_pkcs8(signing, der).ok().map(Self::Ecdsa)
            }
            KeyAlgorithm::Ed25519 => Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok().map(Self::Ed25519),
            _ => None,
        }
    }

    /// The content of subjectPublicKey that belongs to the key.
    pub(super) fn public_key(&self) -> &[u8] {
        match self {
            Self::Rsa(pair) => pair.public_key().as_ref(),
            Self::Ecdsa(pair) => pair.public_key().as_ref(),
            Self::Ed25519(pair) => pair.public_key().as_ref(),
        }
    }

    fn spki(&self) -> Option<Vec<u8>> {
        let der: PublicKeyX509Der<'_> = match self {
            Self::Rsa(pair) => pair.public_key().as_der().ok()?,
            Self::Ecdsa(pair) => pair.public_key().as_der().ok()?,
            Self::Ed25519(pair) => pair.public_key().as_der().ok()?,
        };
        Some(der.as_ref().to_vec())
    }

    fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).ok()?;
                Some(signature)
            }
            Self::Ecdsa(pair) => Some(pair.sign(&random, message).ok()?.as_ref().to_vec()),
            Self::Ed25519(pair) => Some(pair.sign(message).as_ref().to_vec()),
        }
    }

    /// Whether a certificate with `spki_der` has this key's public half.
    pub(super) fn has_public_key(&self, spki_der: &[u8]) -> bool {
        public_key_info(spki_der).is_ok_and(|(_, key)| key == self.public_key())
    }

    /// Signs the message of the proof: once for a key, however many certificates there are.
    pub(super) fn proof(&self) -> Option<Vec<u8>> {
        self.sign(PROOF)
    }

    /// Whether `proof` verifies under `spki_der`: then key and certificate belong together.
    pub(super) fn proves(&self, proof: &[u8], spki_der: &[u8]) -> bool {
        self.has_public_key(spki_der)
            && self
                .verifier(spki_der)
                .is_some_and(|algorithm| algorithm.verify_signature(self.public_key(), PROOF, proof).is_ok())
    }

    /// The verifier of the signatures that [`sign`](Self::sign) makes.
    fn verifier(&self, spki_der: &[u8]) -> Option<&'static dyn SignatureVerificationAlgorithm> {
        let wanted = match self {
            Self::Rsa(_) => webpki::aws_lc_rs::RSA_PKCS1_2048_8192_SHA256,
            Self::Ed25519(_) => webpki::aws_lc_rs::ED25519,
            Self::Ecdsa(_) => [
                webpki::aws_lc_rs::ECDSA_P256_SHA256,
                webpki::aws_lc_rs::ECDSA_P384_SHA384,
                webpki::aws_lc_rs::ECDSA_P521_SHA512,
            ]
            .into_iter()
            .find(|algorithm| holds_key_of(*algorithm, spki_der))?,
        };
        holds_key_of(wanted, spki_der).then_some(wanted)
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
    let loaded = KeyPair::load(key, &algorithm).and_then(|pair| pair.spki());
    loaded.or_else(|| Some(WrittenPublicKey::of(key)?.spki()))
}
