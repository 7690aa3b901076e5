//! A private key as `rcgen` asks for one: it signs, and stays where it is.

use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RsaEncoding};
use rcgen::{
    Error, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ECDSA_P521_SHA512, PKCS_ED25519,
    PKCS_RSA_SHA256, PKCS_RSA_SHA384, PKCS_RSA_SHA512, PublicKeyData, SignatureAlgorithm, SigningKey,
};

use super::{IssuanceError, SignatureHash};
use crate::{
    certificate::{KeyAlgorithm, KeyPair, load_key},
    secret::PrivateKey,
};

pub(super) struct Signer {
    pair: KeyPair,
    kind: KeyAlgorithm,
    algorithm: &'static SignatureAlgorithm,
    rsa: &'static dyn RsaEncoding,
}

impl Signer {
    /// Loads a key. ECDSA signs with the hash of its curve's size, Ed25519 with its own; RSA with the one that is asked for,
    /// or SHA-256.
    pub(super) fn of(key: &PrivateKey, hash: Option<SignatureHash>) -> Result<Self, IssuanceError> {
        use SignatureHash::{Sha256, Sha384, Sha512};
        let pair = load_key(key).map_err(|_| IssuanceError::Failed)?;
        let kind = KeyAlgorithm::of_private(key).ok_or(IssuanceError::Failed)?;
        let (rsa, rsa_algorithm): (&'static dyn RsaEncoding, _) = match hash {
            None | Some(Sha256) => (&RSA_PKCS1_SHA256, &PKCS_RSA_SHA256),
            Some(Sha384) => (&RSA_PKCS1_SHA384, &PKCS_RSA_SHA384),
            Some(Sha512) => (&RSA_PKCS1_SHA512, &PKCS_RSA_SHA512),
        };
        let (algorithm, only) = match &kind {
            KeyAlgorithm::Rsa { .. } => (rsa_algorithm, hash),
            KeyAlgorithm::Ec { curve } => match curve.as_str() {
                "P-256" => (&PKCS_ECDSA_P256_SHA256, Some(Sha256)),
                "P-384" => (&PKCS_ECDSA_P384_SHA384, Some(Sha384)),
                "P-521" => (&PKCS_ECDSA_P521_SHA512, Some(Sha512)),
                _ => return Err(IssuanceError::UnsupportedKey { found: kind.to_string() }),
            },
            KeyAlgorithm::Ed25519 => (&PKCS_ED25519, None),
            _ => return Err(IssuanceError::UnsupportedKey { found: kind.to_string() }),
        };
        if let Some(hash) = hash
            && only != Some(hash)
        {
            return Err(IssuanceError::UnsupportedHash { hash, key: kind.to_string(), only });
        }
        Ok(Self { pair, kind, algorithm, rsa })
    }

    pub(super) fn kind(&self) -> &KeyAlgorithm {
        &self.kind
    }
}

impl PublicKeyData for Signer {
    fn der_bytes(&self) -> &[u8] {
        self.pair.public_key()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.algorithm
    }
}

impl SigningKey for Signer {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.pair.sign(self.rsa, message).ok_or(Error::RemoteKeyError)
    }
}
