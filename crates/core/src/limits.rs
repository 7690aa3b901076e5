//! Every bound on the work that a hostile file can ask for, with its origin.
//!
//! Work is charged before it is done, so that a refusal costs nothing.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

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
    /// The most memory of one scrypt derivation, in bytes (128 * N * r). 256 MiB, as much as N = 2^18 with r = 8 takes;
    /// Bouncy Castle and p12-keystore allow 1 GiB, OpenSSL less than 4. It is the one derivation that takes memory: all
    /// else about a hostile file stays far below it.
    pub max_scrypt_memory: u64,
    /// The deepest nesting of encoded values, through every layer of encryption; Bouncy Castle allows 64.
    pub max_depth: u16,
    /// The most bags in one file, nested ones included.
    pub max_bags: usize,
    /// The most safes in one file; NSS writes two a key.
    pub max_safes: usize,
    /// The most private keys in one file, those that stay locked included. .NET allows 200.
    pub max_keys: usize,
    /// The most certificates in one file.
    pub max_certificates: usize,
    /// The most certificates in a file of certificates alone. Windows' list of roots has about 500.
    pub max_bundle: usize,
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
            max_bags: 1024,
            max_safes: 1024,
            max_keys: 256,
            max_certificates: 512,
            max_bundle: 1000,
            max_certificate_len: 64 * 1024,
            max_salt_len: 1024,
        }
    }
}

/// The most iterations of one derivation that an operator may allow (RFC 8018, section 4.2).
const CEILING_ITERATIONS: u64 = 10_000_000;
/// The most work of one import that an operator may allow: 256 keys of NSS, about a minute.
pub(crate) const CEILING_WORK: u64 = 320_000_000;
/// The largest file that an operator may allow, in bytes; NSS is tested up to this size.
pub(crate) const CEILING_FILE_LEN: usize = 16 << 20;

impl Limits {
    /// The work that the command allows unless it is told otherwise: 20 keys of NSS, with 600,000 iterations for each
    /// key and each certificate.
    pub const COMMAND_WORK: u64 = 25_000_000;

    /// Allows more, or less, key-derivation work: `work` iterations in all, up to [`max_work_ceiling`](Self::max_work_ceiling),
    /// and up to 10,000,000 of them in one derivation.
    #[must_use]
    pub fn with_max_work(mut self, work: u64) -> Self {
        self.max_work = work.min(CEILING_WORK);
        self.max_iterations = self.max_work.min(CEILING_ITERATIONS);
        self
    }

    /// Allows larger, or only smaller, files: `length` bytes, up to [`max_file_len_ceiling`](Self::max_file_len_ceiling).
    #[must_use]
    pub fn with_max_file_len(mut self, length: usize) -> Self {
        self.max_file_len = length.min(CEILING_FILE_LEN);
        self
    }

    /// The lesser of each bound.
    pub(crate) fn at_most(self, other: &Self) -> Self {
        Self {
            max_file_len: self.max_file_len.min(other.max_file_len),
            max_iterations: self.max_iterations.min(other.max_iterations),
            max_work: self.max_work.min(other.max_work),
            max_scrypt_memory: self.max_scrypt_memory.min(other.max_scrypt_memory),
            max_depth: self.max_depth.min(other.max_depth),
            max_bags: self.max_bags.min(other.max_bags),
            max_safes: self.max_safes.min(other.max_safes),
            max_keys: self.max_keys.min(other.max_keys),
            max_certificates: self.max_certificates.min(other.max_certificates),
            max_bundle: self.max_bundle.min(other.max_bundle),
            max_certificate_len: self.max_certificate_len.min(other.max_certificate_len),
            max_salt_len: self.max_salt_len.min(other.max_salt_len),
        }
    }

    /// The most that [`with_max_work`](Self::with_max_work) allows, in iterations.
    #[must_use]
    pub fn max_work_ceiling() -> u64 {
        CEILING_WORK
    }

    /// The most that [`with_max_file_len`](Self::with_max_file_len) allows, in bytes.
    #[must_use]
    pub fn max_file_len_ceiling() -> usize {
        CEILING_FILE_LEN
    }
}

/// What is left of [`Limits::max_work`] in one import.
#[derive(Debug)]
pub struct KdfBudget {
    left: u64,
    limit: u64,
    done: u64,
    cancel: Cancel,
}

/// Iterations of a derivation between two questions whether it was cancelled: one to three milliseconds.
const BETWEEN_QUESTIONS: u32 = 10_000;

impl KdfBudget {
    /// A full budget under `limits`.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self { left: limits.max_work, limit: limits.max_work, done: 0, cancel: Cancel::default() }
    }

    /// Asks `cancel` between every 10,000 iterations, by each thread that does them, and before a derivation by scrypt, which runs to its end.
    #[must_use]
    pub fn with_cancel(mut self, cancel: Cancel) -> Self {
        self.cancel = cancel;
        self
    }

    /// Refuses `work` iterations that are foreseen, before the first of them is done. Nothing is charged.
    ///
    /// # Errors
    ///
    /// [`BudgetExceeded`] if they are more than what is left.
    pub(crate) fn foresee(&self, work: u64) -> Result<(), BudgetExceeded> {
        if work <= self.left {
            return Ok(());
        }
        Err(BudgetExceeded { found: (self.limit - self.left).saturating_add(work), limit: self.limit })
    }

    /// Charges `iterations` for each of `blocks` output blocks, before they are computed.
    ///
    /// # Errors
    ///
    /// [`BudgetExceeded`] if the import would ask for more than its whole budget.
    pub(crate) fn charge(&mut self, iterations: u64, blocks: u64) -> Result<(), BudgetExceeded> {
        let wanted = iterations.saturating_mul(blocks.max(1));
        self.foresee(wanted)?;
        self.left = self.left.saturating_sub(wanted);
        Ok(())
    }

    /// Takes back the charge for iterations that turned out not to be needed.
    pub(crate) fn give_back(&mut self, iterations: u64) {
        self.left = self.left.saturating_add(iterations).min(self.limit);
    }

    /// Lets `work` count its iterations, on as many threads as it likes.
    pub(crate) fn counting<T>(&mut self, work: impl FnOnce(&Progress<'_>) -> T) -> T {
        let progress = Progress { cancel: &self.cancel, done: AtomicU64::new(self.done) };
        let result = work(&progress);
        self.done = progress.done.into_inner();
        result
    }

    /// Whether to go on.
    ///
    /// # Errors
    ///
    /// [`Cancelled`] if not.
    pub(crate) fn check(&self) -> Result<(), Cancelled> {
        self.cancel.check(self.done)
    }
}

/// Iterations as they are done, by one thread or several.
pub(crate) struct Progress<'b> {
    cancel: &'b Cancel,
    done: AtomicU64,
}

impl Progress<'_> {
    /// The most iterations that a thread does, in all of its lanes, between two checks.
    pub(crate) const BETWEEN_CHECKS: u32 = BETWEEN_QUESTIONS;

    /// Whether to go on.
    ///
    /// # Errors
    ///
    /// [`Cancelled`] if not.
    pub(crate) fn check(&self) -> Result<(), Cancelled> {
        self.cancel.check(self.done.load(Ordering::Relaxed))
    }

    /// The iterations that were done.
    #[cfg(test)]
    pub(crate) fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    pub(crate) fn add(&self, iterations: u64) {
        self.done.fetch_add(iterations, Ordering::Relaxed);
    }

    /// Runs the iterations of a derivation after its first: `run` does as many as it is told.
    ///
    /// # Errors
    ///
    /// [`Cancelled`] in between.
    pub(crate) fn repeat(&self, iterations: u32, mut run: impl FnMut(u32)) -> Result<(), Cancelled> {
        let mut left = iterations.saturating_sub(1);
        while left > 0 {
            self.check()?;
            let times = left.min(BETWEEN_QUESTIONS);
            run(times);
            left -= times;
            self.add(u64::from(times));
        }
        Ok(())
    }
}

/// Whether the caller still wants the work done: a flag, a deadline, a client that may go away.
///
/// ```
/// use std::sync::{Arc, atomic::{AtomicBool, Ordering}};
/// use strongroom::limits::Cancel;
///
/// let stop = Arc::new(AtomicBool::new(false));
/// let asked = Arc::clone(&stop);
/// let cancel = Cancel::when(move |_done| asked.load(Ordering::Relaxed));
/// // From any thread:
/// stop.store(true, Ordering::Relaxed);
/// # drop(cancel);
/// ```
#[derive(Clone, Default)]
pub struct Cancel(Option<Arc<Question>>);

type Question = dyn Fn(u64) -> bool + Send + Sync;

impl Cancel {
    /// Cancels as soon as `asked` gives true. It is given the iterations that were done so far, and must be quick.
    #[must_use]
    pub fn when(asked: impl Fn(u64) -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(asked)))
    }

    fn check(&self, done: u64) -> Result<(), Cancelled> {
        match &self.0 {
            Some(asked) if asked(done) => Err(Cancelled { done }),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Cancel(when asked)" } else { "Cancel(never)" })
    }
}

/// The caller stopped a key derivation.
#[derive(Clone, Copy, Debug, Error, Eq, PartialEq)]
#[error("the work was cancelled after {done} KDF iterations")]
#[non_exhaustive]
pub struct Cancelled {
    /// Iterations done until then.
    pub done: u64,
}

/// A file asks for more key-derivation work than one import may cost.
#[derive(Clone, Copy, Debug, Error, Eq, PartialEq)]
#[error("the file asks for {found} KDF iterations in all; the limit is {limit}")]
#[non_exhaustive]
pub struct BudgetExceeded {
    /// Iterations that the file asks for, as far as that is known.
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
        assert_eq!((highest.max_work, highest.max_iterations), (320_000_000, 10_000_000));
        let lowered = Limits::default().with_max_work(1000);
        assert_eq!((lowered.max_work, lowered.max_iterations), (1000, 1000));
    }

    #[test]
    fn budget_is_a_total_and_holds_at_its_boundary() {
        let limits = Limits { max_work: 10, ..Limits::default() };
        let mut budget = KdfBudget::new(&limits);
        budget.charge(3, 2).unwrap();
        budget.charge(4, 1).unwrap();
        assert_eq!(budget.charge(1, 1).unwrap_err(), BudgetExceeded { found: 11, limit: 10 });
        budget.give_back(4);
        budget.charge(4, 1).unwrap();
        budget.give_back(u64::MAX);
        assert_eq!(budget.charge(11, 1).unwrap_err(), BudgetExceeded { found: 11, limit: 10 });
        let mut overflow = KdfBudget::new(&limits);
        assert_eq!(overflow.charge(u64::MAX, 2).unwrap_err(), BudgetExceeded { found: u64::MAX, limit: 10 });
    }

    #[test]
    fn a_derivation_is_stopped_between_blocks_of_iterations() {
        let mut runs = Vec::new();
        let mut budget = KdfBudget::new(&Limits::default());
        budget.counting(|progress| progress.repeat(25_001, |times| runs.push(times))).unwrap();
        assert_eq!(runs, [10_000, 10_000, 5_000]);
        runs.clear();
        // The count goes on from one derivation to the next.
        let mut budget = KdfBudget::new(&Limits::default()).with_cancel(Cancel::when(|done| done >= 30_000));
        budget.counting(|progress| progress.repeat(20_001, |times| runs.push(times))).unwrap();
        let stopped = budget.counting(|progress| progress.repeat(5_000_000, |times| runs.push(times)));
        assert_eq!(stopped, Err(Cancelled { done: 30_000 }));
        assert_eq!(runs, [10_000, 10_000, 10_000]);
        assert_eq!(budget.check(), Err(Cancelled { done: 30_000 }));
    }

    #[test]
    fn nothing_runs_for_a_derivation_of_one_iteration() {
        let mut budget = KdfBudget::new(&Limits::default()).with_cancel(Cancel::when(|_| true));
        for iterations in [0, 1] {
            budget
                .counting(|progress| progress.repeat(iterations, |_| panic!("nothing is left to do")))
                .unwrap();
        }
        let stopped = budget.counting(|progress| progress.repeat(2, |_| panic!("it was cancelled")));
        assert_eq!(stopped, Err(Cancelled { done: 0 }));
    }

    #[test]
    fn whether_it_can_be_cancelled_is_seen() {
        assert_eq!(format!("{:?}", Cancel::default()), "Cancel(never)");
        assert_eq!(format!("{:?}", Cancel::when(|_| true)), "Cancel(when asked)");
    }
}
