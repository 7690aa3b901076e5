//! Digests that name certificates and public keys.

use std::{fmt, str::FromStr};

use sha2::{Digest, Sha256};
use thiserror::Error;

/// A SHA-256 digest that names a certificate or a public key.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Takes a digest computed elsewhere.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    /// Lower-case hexadecimal without separators.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Fingerprint {
    type Err = InvalidFingerprint;

    /// 64 hexadecimal digits of either case, with or without colons between.
    fn from_str(input: &str) -> Result<Self, Self::Err> {
        let digits: Vec<u8> =
            input.chars().filter(|c| *c != ':').map_while(|c| u8::try_from(c.to_digit(16)?).ok()).collect();
        let length = input.chars().filter(|c| *c != ':').count();
        let mut bytes = [0_u8; 32];
        if digits.len() != 64 || length != 64 {
            return Err(InvalidFingerprint);
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = pair.iter().fold(0, |value, digit| value << 4 | digit);
        }
        Ok(Self(bytes))
    }
}

/// A text that is not a SHA-256 digest.
#[derive(Clone, Copy, Debug, Error, Eq, PartialEq)]
#[error("a SHA-256 digest is 64 hexadecimal digits, with or without colons between them")]
#[non_exhaustive]
pub struct InvalidFingerprint;

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_read_as_it_is_written_and_as_others_write_it() {
        let digest = Fingerprint::of(b"certificate");
        let text = digest.to_string();
        let pairs: Vec<String> = digest.as_bytes().iter().map(|byte| format!("{byte:02X}")).collect();
        let (_, cut) = text.split_at(1);
        for written in [text.clone(), text.to_uppercase(), pairs.join(":")] {
            assert_eq!(written.parse(), Ok(digest), "{written}");
        }
        for wrong in [cut, &format!("{text}0"), &format!("+{}", cut), &format!("{} ", cut), "", "é"] {
            assert_eq!(wrong.parse::<Fingerprint>(), Err(InvalidFingerprint), "{wrong:?}");
        }
    }
}
