//! Every bound on the work that a hostile file can ask for, with its origin.
//!
//! Work is charged before it is done, so that a refusal costs nothing.

use thiserror::Error;

/// Upper bounds on what one file may hold and one import may cost.
///
/// `Limits::default()` opens what real producers write; an operator may raise a field up to the ceiling
/// that its documentation names, a request never can.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// The largest file, in bytes. Ordinary files stay under 20 KB.
    pub max_file_len: usize,
    /// The most iterations of one key derivation; OpenJDK and Bouncy Castle accept as many. Ceiling 10,000,000
    /// (RFC 8018, section 4.2).
    pub max_iterations: u64,
    /// The most iterations of a whole import: MAC, every bag and every retry, times output blocks.
    pub max_work: u64,
    /// The most memory of one scrypt derivation, in bytes (128 * N * r).
    pub max_scrypt_memory: u64,
    /// The deepest nesting of encoded values, through every layer of encryption; Bouncy Castle allows 64.
    pub max_depth: u16,
    /// The most bags in one file. .NET allows 200 keys and 200 certificates.
    pub max_bags: usize,
    /// The most private keys in one file.
    pub max_keys: usize,
    /// The most certificates in one file.
    pub max_certificates: usize,
    /// The largest certificate, in bytes; rustls-webpki refuses 64 KiB and above.
    pub max_certificate_len: usize,
    /// The longest salt, in bytes. Real files have 8 to 64.
    pub max_salt_len: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_file_len: 1 << 20,
            max_iterations: 5_000_000,
            max_work: 10_000_000,
            max_scrypt_memory: 256 << 20,
            max_depth: 32,
            max_bags: 512,
            max_keys: 32,
            max_certificates: 200,
            max_certificate_len: 64 * 1024,
            max_salt_len: 1024,
        }
    }
}

/// The most iterations of one derivation that an operator may allow (RFC 8018, section 4.2).
const CEILING_ITERATIONS: u64 = 10_000_000;
/// The most work of one import that an operator may allow.
const CEILING_WORK: u64 = 50_000_000;

impl Limits {
    /// Allows more, or less, key-derivation work: `work` iterations in all, up to 50,000,000, and up to 10,000,000
    /// of them in one derivation.
    #[must_use]
    pub fn with_max_work(mut self, work: u64) -> Self {
        self.max_work = work.min(CEILING_WORK);
        self.max_iterations = self.max_work.min(CEILING_ITERATIONS);
        self
    }
}

/// What is left of [`Limits::max_work`] in one import.
#[derive(Debug)]
pub struct Budget {
    left: u64,
    limit: u64,
}

impl Budget {
    /// A full budget under `limits`.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self { left: limits.max_work, limit: limits.max_work }
    }

    /// Charges `iterations` for each of `blocks` output blocks, before they are computed.
    ///
    /// # Errors
    ///
    /// [`BudgetExceeded`] if the import would ask for more than its whole budget.
    pub(crate) fn charge(&mut self, iterations: u64, blocks: u64) -> Result<(), BudgetExceeded> {
        let wanted = iterations.saturating_mul(blocks.max(1));
        match self.left.checked_sub(wanted) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(BudgetExceeded {
                found: (self.limit - self.left).saturating_add(wanted),
                limit: self.limit,
            }),
        }
    }
}

/// A file asks for more key-derivation work than one import may cost.
#[derive(Clone, Copy, Debug, Error, Eq, PartialEq)]
#[error("the file asks for {found} KDF iterations in all; the limit is {limit}")]
#[non_exhaustive]
pub struct BudgetExceeded {
    /// Iterations asked for so far.
    pub found: u64,
    /// The limit, [`Limits::max_work`].
    pub limit: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_raises_the_work_up_to_the_ceilings() {
        let raised = Limits::default().with_max_work(20_000_000);
        assert_eq!((raised.max_work, raised.max_iterations), (20_000_000, 10_000_000));
        let highest = Limits::default().with_max_work(u64::MAX);
        assert_eq!((highest.max_work, highest.max_iterations), (50_000_000, 10_000_000));
        let lowered = Limits::default().with_max_work(1000);
        assert_eq!((lowered.max_work, lowered.max_iterations), (1000, 1000));
    }

    #[test]
    fn budget_is_a_total_and_holds_at_its_boundary() {
        let limits = Limits { max_work: 10, ..Limits::default() };
        let mut budget = Budget::new(&limits);
        budget.charge(3, 2).unwrap();
        budget.charge(4, 1).unwrap();
        assert_eq!(budget.charge(1, 1).unwrap_err(), BudgetExceeded { found: 11, limit: 10 });
        let mut overflow = Budget::new(&limits);
        assert_eq!(overflow.charge(u64::MAX, 2).unwrap_err(), BudgetExceeded { found: u64::MAX, limit: 10 });
    }
}
