//! Keys of 256 bits, authenticated encryption under them, and what is bound to a ciphertext.

use chacha20poly1305::{
    Key, KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use hkdf::Hkdf;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::SealError;

const NONCE_LEN: usize = 24;

/// A 256-bit key, wiped on drop.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct SealingKey(pub(super) Box<[u8; 32]>);

impl SealingKey {
    pub(super) fn generate() -> Result<Self, SealError> {
        let mut key = Self(Box::new([0; 32]));
        getrandom::fill(key.0.as_mut()).map_err(|_| SealError::NoRandomness)?;
        Ok(key)
    }

    pub(super) fn from_slice(bytes: &[u8]) -> Option<Self> {
        Some(Self(Box::new(bytes.try_into().ok()?)))
    }

    /// HKDF-SHA256 (RFC 5869); `info` is the format and the length-prefixed `purpose`.
    pub(super) fn derive(
        format: &[u8],
        secret: &[u8],
        salt: &[u8],
        purpose: &[&[u8]],
    ) -> Result<Self, SealError> {
        let mut key = Self(Box::new([0; 32]));
        Hkdf::<Sha256>::new(Some(salt), secret)
            .expand(&fields(format, purpose), key.0.as_mut())
            .map_err(|_| SealError::Encrypt)?;
        Ok(key)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(*self.0))
    }

    /// A random nonce, then ciphertext and tag.
    pub(super) fn encrypt(&self, plain: &[u8], aad: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0_u8; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|_| SealError::NoRandomness)?;
        let sealed = self
            .cipher()
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad })
            .map_err(|_| SealError::Encrypt)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    pub(super) fn decrypt(&self, sealed: &[u8], aad: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, ciphertext) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce: [u8; NONCE_LEN] = nonce.try_into().ok()?;
        self.cipher().decrypt(&XNonce::from(nonce), Payload { msg: ciphertext, aad }).ok().map(Zeroizing::new)
    }

    /// Opens a wrapped key.
    pub(super) fn unwrap_key(&self, wrapped: &[u8], aad: &[u8]) -> Option<Self> {
        self.decrypt(wrapped, aad).and_then(|bytes| Self::from_slice(&bytes))
    }
}

/// Length-prefixed fields after the format, so that no two lists of fields give the same bytes.
pub(super) fn fields(format: &[u8], fields: &[&[u8]]) -> Vec<u8> {
    let mut bytes =
        Vec::with_capacity(format.len() + fields.iter().map(|field| field.len() + 8).sum::<usize>());
    bytes.extend_from_slice(format);
    for field in fields {
        bytes.extend_from_slice(&u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
        bytes.extend_from_slice(field);
    }
    bytes
}

/// Whether two values are the same, in a time that does not depend on where they differ.
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// 16 random bytes.
pub(crate) fn random_id() -> Result<[u8; 16], SealError> {
    let mut id = [0_u8; 16];
    getrandom::fill(&mut id).map_err(|_| SealError::NoRandomness)?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_unambiguous() {
        assert_ne!(fields(b"f", &[b"ab", b"c"]), fields(b"f", &[b"a", b"bc"]));
        assert_ne!(fields(b"f", &[b"ab"]), fields(b"f", &[b"ab", b""]));
    }
}
