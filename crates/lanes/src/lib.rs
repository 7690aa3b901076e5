//! Chains of SHA-1 and SHA-2, each over its own output, and tests of primes, run side by side on one core.
//!
//! Key derivations by iteration (PBKDF1, PBKDF2, and the derivation of PKCS #12) compute a hash, or HMAC, of its own last
//! output, thousands of times. Within one such chain every step waits for the one before, and the processor is idle for
//! half of the time or more. Several chains, interleaved, take hardly longer than one.
//!
//! ```
//! use strongroom_lanes::{Chain, Processor, SHA256};
//!
//! // 1,000 times HMAC-SHA-256 under each of two keys, as PBKDF2 has it after its first step.
//! let mut one = Chain::hmac(&SHA256, b"a key", &[1; 32], 1000).unwrap();
//! let mut other = Chain::hmac(&SHA256, b"another", &[2; 32], 1000).unwrap();
//! Processor::detect().advance(&mut [&mut one, &mut other], 1000);
//! assert!(one.is_finished() && other.is_finished());
//! assert_ne!(one.sum(), other.sum());
//! ```
//!
//! Which instructions run is decided at run time: SHA-NI or AVX-512 or AVX2 on x86-64, the SHA-2 extension on aarch64, and
//! elsewhere what every processor of the target has. All of them give the same bytes.
//!
//! [`are_strong_probable_primes`] tests the two factors of an RSA key together, with the products of 52 bits that AVX-512 has
//! (IFMA): a seventh of the time that they take one after the other with what every processor has.
//!
//! `unsafe` stands in one place, where the functions for one kind of processor are called.

/// Runs a kernel over chains, up to four at a time. Only for methods of a value that exists where the processor has what the
/// kernel needs.
macro_rules! in_fours {
    ($kernel:ident, $chains:ident, $pairs:ident) => {
        let (groups, rest) = $chains.as_chunks_mut::<4>();
        for group in groups {
            // SAFETY: the processor has what the kernel needs, or the caller's `self` would not be.
            unsafe { $kernel(group, $pairs) };
        }
        match rest {
            [] => {}
            // SAFETY: as above.
            [a] => unsafe { $kernel(&mut [&mut **a], $pairs) },
            // SAFETY: as above.
            [a, b] => unsafe { $kernel(&mut [&mut **a, &mut **b], $pairs) },
            // SAFETY: as above.
            [a, b, c, ..] => unsafe { $kernel(&mut [&mut **a, &mut **b, &mut **c], $pairs) },
        }
    };
}

mod chain;
mod hash;
mod portable;
mod primes;
mod processor;

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "x86_64")]
mod ifma;
#[cfg(target_arch = "x86_64")]
mod x86_64;

pub use self::{
    chain::Chain,
    hash::{
        Algorithm, Hash, SHA1, SHA224, SHA256, SHA384, SHA512, SHA512_224, SHA512_256, Sha1, Sha256, Sha512,
    },
    primes::are_strong_probable_primes,
    processor::Processor,
};

#[cfg(test)]
mod tests;
