//! The key derivations: PKCS #12's own (RFC 7292, appendix B), PBKDF1 and PBKDF2 (RFC 8018), and scrypt (RFC 7914).
//!
//! A derivation is described first and run later: [`Keys`] collects what a file needs, and derives it together. Each
//! step of a derivation waits for the one before, but several derivations, side by side, take hardly longer than one.

mod keys;
mod lanes;
mod strand;

use zeroize::Zeroizing;

pub(super) use self::keys::Keys;
use super::hash::Hash;
use crate::limits::{Cancelled, KdfBudget};

/// One derivation: two that are equal give the same key.
#[derive(Clone, Eq, PartialEq)]
pub(super) struct Derivation {
    pub(super) salt: Vec<u8>,
    pub(super) method: Method,
    /// The length of the key, in bytes.
    pub(super) len: usize,
    /// In the encoding that the method asks for.
    pub(super) password: Zeroizing<Vec<u8>>,
}

/// How a key is derived.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Method {
    /// RFC 7292, appendix B.2.
    Pkcs12 { hash: Hash, purpose: Purpose, iterations: u32 },
    /// RFC 8018, section 5.1. The key is at most as long as the digest.
    #[cfg_attr(
        not(feature = "legacy-pfx"),
        allow(dead_code, reason = "the algorithms that use it are left out")
    )]
    Pbkdf1 { hash: Hash, iterations: u32 },
    /// RFC 8018, section 5.2, with HMAC.
    Pbkdf2 { prf: Hash, iterations: u32 },
    /// RFC 7914, with N = 2^`log_n`.
    Scrypt { log_n: u8, r: u32, p: u32 },
}

/// The diversifier of RFC 7292, appendix B.3.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Purpose {
    Key,
    Iv,
    Mac,
}

impl Purpose {
    fn id(self) -> u8 {
        match self {
            Self::Key => 1,
            Self::Iv => 2,
            Self::Mac => 3,
        }
    }
}

impl Method {
    /// What a key of `len` bytes costs, in iterations.
    pub(super) fn work(self, len: usize) -> u64 {
        match self {
            Self::Pkcs12 { hash, iterations, .. } | Self::Pbkdf2 { prf: hash, iterations } => {
                u64::from(iterations).saturating_mul(hash.blocks(len).max(1))
            }
            Self::Pbkdf1 { iterations, .. } => u64::from(iterations),
            // One round of N*r*p costs about as much as two SHA-256 iterations for each r.
            Self::Scrypt { log_n, r, p } => {
                let n = 1_u64.checked_shl(u32::from(log_n)).unwrap_or(u64::MAX);
                n.saturating_mul(u64::from(r)).saturating_mul(u64::from(p) * 2)
            }
        }
    }

    /// Whether it is made of iterations, and can share lanes with others.
    pub(super) fn is_iterated(self) -> bool {
        !matches!(self, Self::Scrypt { .. })
    }
}

impl Derivation {
    pub(super) fn work(&self) -> u64 {
        self.method.work(self.len)
    }
}

/// Derives one key by itself; `None` by scrypt, which has no iterations.
pub(super) fn derive_alone(
    derivation: Derivation,
    budget: &mut KdfBudget,
) -> Result<Option<Zeroizing<Vec<u8>>>, Cancelled> {
    Ok(lanes::derive(&[derivation], None, budget)?.pop().flatten())
}

/// The iterations that are run: few under a fuzzer, whose time belongs to the parsers.
fn repetitions(iterations: u32) -> u32 {
    if cfg!(strongroom_fuzzing) { iterations.min(16) } else { iterations }
}

#[cfg(test)]
mod tests;
