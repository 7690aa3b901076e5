//! Secrets as types: redacted, wiped on drop, never cloned.
//!
//! Knows nothing of files, algorithms or storage.

use std::fmt;

use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The longest password that is accepted, in bytes of UTF-8.
pub(crate) const MAX_PASSWORD_LEN: usize = 1024;

/// The fewest bytes that an unlock key may have; 32 random bytes are 256 bits.
pub(crate) const MIN_UNLOCK_KEY_LEN: usize = 32;

/// A password that opens a PFX, in UTF-8.
///
/// Not `Clone`, wiped on drop, and its `Debug` form is redacted. At most 1,024 bytes;
/// it may hold any character, NUL included.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Password(String);

impl Password {
    /// Takes over `text` as a password.
    ///
    /// # Errors
    ///
    /// [`InvalidSecret::TooLong`] above 1,024 bytes.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidSecret> {
        let secret = Self(text.into());
        if secret.0.len() > MAX_PASSWORD_LEN {
            return Err(InvalidSecret::TooLong { found: secret.0.len(), limit: MAX_PASSWORD_LEN });
        }
        Ok(secret)
    }

    /// Takes over the UTF-8 bytes of a password.
    ///
    /// # Errors
    ///
    /// [`InvalidSecret::NotUtf8`] for other bytes, [`InvalidSecret::TooLong`] above 1,024 bytes.
    pub fn from_utf8(bytes: Vec<u8>) -> Result<Self, InvalidSecret> {
        match String::from_utf8(bytes) {
            Ok(text) => Self::new(text),
            Err(error) => {
                drop(Zeroizing::new(error.into_bytes()));
                Err(InvalidSecret::NotUtf8)
            }
        }
    }

    /// Borrows the text. Every caller states its reason in an `EXPOSE:` comment.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password([redacted])")
    }
}

/// The secret that opens a store: at least 32 bytes of high entropy.
///
/// Never stored: the store keeps only its root key, wrapped under a key derived from this one.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct UnlockKey {
    bytes: Vec<u8>,
    /// The store that it was made for, if it says so.
    #[zeroize(skip)]
    store: Option<[u8; 16]>,
}

/// The fewest different bytes of a key that we did not make; 32 random ones have about 30.
const MIN_DISTINCT: usize = 10;

impl UnlockKey {
    /// Takes over `bytes`, which must come from a random source and not from a person.
    ///
    /// # Errors
    ///
    /// [`InvalidSecret::TooShort`] below 32 bytes.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, InvalidSecret> {
        let key = Self { bytes, store: None };
        let bytes = &key.bytes;
        if bytes.len() < MIN_UNLOCK_KEY_LEN {
            return Err(InvalidSecret::TooShort { found: bytes.len(), limit: MIN_UNLOCK_KEY_LEN });
        }
        let mut seen = [false; 256];
        bytes.iter().for_each(|byte| {
            if let Some(seen) = seen.get_mut(usize::from(*byte)) {
                *seen = true;
            }
        });
        let distinct = seen.iter().filter(|seen| **seen).count();
        if distinct < MIN_DISTINCT || is_sentence(bytes) {
            return Err(InvalidSecret::Weak);
        }
        Ok(key)
    }

    /// The store that the key says it is for.
    pub(crate) fn store(&self) -> Option<[u8; 16]> {
        self.store
    }

    /// Whether the key says that it is for one store alone.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        self.store.is_some()
    }

    /// The same key, for one store alone: its file says so.
    #[must_use]
    pub(crate) fn bound_to(mut self, store: [u8; 16]) -> Self {
        self.store = Some(store);
        self
    }

    /// Generates a new key for a store that is to be made: the store takes the name that the key has.
    ///
    /// # Errors
    ///
    /// [`InvalidSecret::NoRandomness`] if the system gives no random bytes.
    pub fn generate_bound() -> Result<Self, InvalidSecret> {
        let mut store = [0; 16];
        getrandom::fill(&mut store).map_err(|_| InvalidSecret::NoRandomness)?;
        Ok(Self::generate()?.bound_to(store))
    }

    /// Generates a new key: 32 random bytes, as 64 lower-case hexadecimal digits.
    ///
    /// # Errors
    ///
    /// [`InvalidSecret::NoRandomness`] if the system gives no random bytes.
    pub fn generate() -> Result<Self, InvalidSecret> {
        let mut raw = Zeroizing::new([0_u8; 32]);
        getrandom::fill(raw.as_mut()).map_err(|_| InvalidSecret::NoRandomness)?;
        // Full size at once, so that growth leaves no copy behind.
        let mut text = Vec::with_capacity(64);
        for byte in raw.iter() {
            for nibble in [byte >> 4, byte & 15] {
                text.push(if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 });
            }
        }
        Ok(Self { bytes: text, store: None })
    }

    /// Borrows the bytes. Every caller states its reason in an `EXPOSE:` comment.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.bytes
    }
}

/// Whether the bytes are text, but not the hexadecimal or base64 form of 32 bytes or more: what a person made up.
fn is_sentence(bytes: &[u8]) -> bool {
    if !bytes.iter().all(|byte| (0x20..0x7f).contains(byte)) {
        return false;
    }
    let hexadecimal = bytes.len() >= 64 && bytes.iter().all(u8::is_ascii_hexdigit);
    let digits = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_=".contains(byte);
    let mixed = [u8::is_ascii_uppercase, u8::is_ascii_lowercase, u8::is_ascii_digit];
    let base64 =
        bytes.len() >= 43 && bytes.iter().all(digits) && mixed.iter().all(|kind| bytes.iter().any(kind));
    !hexadecimal && !base64
}

impl fmt::Debug for UnlockKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnlockKey([redacted])")
    }
}

/// A private key in the clear, as the DER of a PKCS #8 `PrivateKeyInfo` (RFC 5958).
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct PrivateKey(Vec<u8>);

impl PrivateKey {
    /// Takes over PKCS #8 DER. Nothing is parsed here: a key proves itself in
    /// [`ServerCredential`](crate::certificate::ServerCredential).
    #[must_use]
    pub fn from_pkcs8_der(der: Vec<u8>) -> Self {
        Self(der)
    }

    /// Borrows the PKCS #8 DER. Every caller states its reason in an `EXPOSE:` comment.
    #[must_use]
    pub fn expose_pkcs8_der(&self) -> &[u8] {
        &self.0
    }
}

impl From<PrivateKey> for PrivateKeyDer<'static> {
    /// Moves the key: no copy of it stays behind. Whoever has it wipes it.
    fn from(mut key: PrivateKey) -> Self {
        PrivatePkcs8KeyDer::from(std::mem::take(&mut key.0)).into()
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey([redacted])")
    }
}

/// Why bytes cannot serve as a secret. Says nothing of their content.
#[derive(Clone, Copy, Debug, Error, Eq, PartialEq)]
#[non_exhaustive]
pub enum InvalidSecret {
    /// A password is longer than the limit.
    #[error("the password has {found} bytes; the limit is {limit}")]
    TooLong {
        /// The length in bytes.
        found: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// An unlock key has too few bytes to be a random key.
    #[error("the unlock key has {found} bytes; at least {limit} are needed")]
    TooShort {
        /// The length in bytes.
        found: usize,
        /// The minimum in bytes.
        limit: usize,
    },
    /// An unlock key that no random source made.
    #[error(
        "the unlock key is not random: it has few different bytes, or is text that is neither hexadecimal nor base64 of 32 bytes"
    )]
    Weak,
    /// A password is not UTF-8.
    #[error("the password is not valid UTF-8")]
    NotUtf8,
    /// The system's random source failed.
    #[error("the system gave no random bytes")]
    NoRandomness,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_forms_are_redacted() {
        let password = Password::new("hunter2").unwrap();
        let unlock = UnlockKey::from_bytes((0..32).collect()).unwrap();
        let key = PrivateKey::from_pkcs8_der(vec![1, 2, 3]);
        assert_eq!(format!("{password:?}"), "Password([redacted])");
        assert_eq!(format!("{unlock:?}"), "UnlockKey([redacted])");
        assert_eq!(format!("{key:?}"), "PrivateKey([redacted])");
    }

    #[test]
    fn a_key_moves_to_rustls_without_a_copy() {
        let key = PrivateKey::from_pkcs8_der(vec![7; 64]);
        let at = key.expose_pkcs8_der().as_ptr();
        let moved = PrivateKeyDer::from(key);
        assert_eq!((moved.secret_der().as_ptr(), moved.secret_der()), (at, &[7; 64][..]));
    }

    #[test]
    fn password_length_is_bounded() {
        let at_limit = "x".repeat(MAX_PASSWORD_LEN);
        let above = "x".repeat(MAX_PASSWORD_LEN + 1);
        assert!(Password::new(at_limit).is_ok());
        assert_eq!(
            Password::new(above).unwrap_err(),
            InvalidSecret::TooLong { found: MAX_PASSWORD_LEN + 1, limit: MAX_PASSWORD_LEN }
        );
        assert_eq!(Password::from_utf8(vec![0xff]).unwrap_err(), InvalidSecret::NotUtf8);
    }

    #[test]
    fn unlock_key_needs_32_bytes() {
        assert_eq!(
            UnlockKey::from_bytes(vec![0; 31]).unwrap_err(),
            InvalidSecret::TooShort { found: 31, limit: 32 }
        );
        let weak = |bytes: &[u8]| UnlockKey::from_bytes(bytes.to_vec()).err() == Some(InvalidSecret::Weak);
        assert!(weak(&[b'x'; 32]) && weak(&[0; 40]));
        assert!(weak(b"this is a sentence of a person!!"));
        assert!(weak(b"summer2026summer2026summer2026summer2026summer2026"));
        assert!(!weak(b"q5rLT0x7vYk3mP9sWz2aBcDeFgHiJkLmNoPqRsTuVwE="));
        assert!(!weak(b"8f14e45fceea167a5a36dedd4bea2543c9f0f895fb98ab9159f51fd0297e236d"));
        let generated = UnlockKey::generate().unwrap();
        assert_eq!(generated.expose().len(), 64);
        assert_ne!(generated.expose(), UnlockKey::generate().unwrap().expose());
    }
}
