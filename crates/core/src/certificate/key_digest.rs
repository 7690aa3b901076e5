//! What is kept of a key that was proved, to know it again.

use std::fmt;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::ZeroizeOnDrop;

use crate::secret::PrivateKey;

/// The SHA-256 of a private key: it says of a key that is read back whether it is the one that was proved, bit for bit,
/// and holds nothing of it. Compared in constant time, and wiped on drop, for it is known of nobody else's key.
#[derive(ZeroizeOnDrop)]
pub(crate) struct KeyDigest([u8; 32]);

impl KeyDigest {
    pub(crate) fn of(key: &PrivateKey) -> Self {
        // EXPOSE: its digest is taken.
        Self(Sha256::digest(key.expose_pkcs8_der()).into())
    }

    /// Whether `key` is the one that this was taken of.
    pub(crate) fn is_of(&self, key: &PrivateKey) -> bool {
        self.0.ct_eq(&Self::of(key).0).into()
    }
}

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyDigest([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_of_a_key_counts() {
        let bytes: Vec<u8> = (0..=255).collect();
        let digest = KeyDigest::of(&PrivateKey::from_pkcs8_der(bytes.clone()));
        assert!(digest.is_of(&PrivateKey::from_pkcs8_der(bytes.clone())));
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            *changed.get_mut(bit / 8).unwrap() ^= 1 << (bit % 8);
            assert!(!digest.is_of(&PrivateKey::from_pkcs8_der(changed)), "bit {bit}");
        }
        assert_eq!(format!("{digest:?}"), "KeyDigest([redacted])");
    }
}
