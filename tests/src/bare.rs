//! The compressions of key derivations, interleaved and bare: what the processor allows, and a quick way to make files.

use sha2::{Digest as _, Sha256};
use strongroom_lanes::{Algorithm, Chain, Hash, Processor, SHA1, SHA256};

use crate::forge::{Hash as Hmac, Secret};

/// Chains of one file that are as long as each other.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Chains {
    /// Of HMAC, of two compressions an iteration.
    pub hmac: usize,
    /// Of a hash, of one.
    pub iterated: usize,
    /// The iterations of each.
    pub iterations: u32,
    /// Whether they are of SHA-1; of SHA-256 otherwise.
    pub sha1: bool,
}

impl Chains {
    /// Of SHA-256.
    #[must_use]
    pub fn new(hmac: usize, iterated: usize, iterations: u32) -> Self {
        Self { hmac, iterated, iterations, sha1: false }
    }

    /// The same of SHA-1.
    #[must_use]
    pub fn of_sha1(self) -> Self {
        Self { sha1: true, ..self }
    }

    /// Runs them interleaved, on this thread, and does nothing else.
    pub fn run(&self) {
        if self.sha1 { self.run_of(&SHA1, 20) } else { self.run_of(&SHA256, 32) }
    }

    fn run_of<A: Algorithm>(&self, hash: &Hash<A>, len: usize) {
        let (digest, times) = (vec![7; len], self.iterations - 1);
        let hmac = (0..self.hmac).map(|_| Chain::hmac(hash, b"key", &digest, times).unwrap());
        let iterated = (0..self.iterated).map(|_| Chain::iterated(hash, &digest, times).unwrap());
        advance(&mut hmac.chain(iterated).collect::<Vec<_>>());
    }
}

/// Runs chains to their end, as many at a time as the processor has lanes for.
fn advance<A: Algorithm>(chains: &mut [Chain<A>]) {
    let processor = Processor::detect();
    let mut waiting: Vec<&mut Chain<A>> = chains.iter_mut().collect();
    let mut active: Vec<&mut Chain<A>> = Vec::new();
    loop {
        active.retain(|chain| !chain.is_finished());
        while active.len() < processor.width::<A>() && !waiting.is_empty() {
            active.extend(waiting.pop());
        }
        if active.is_empty() {
            return;
        }
        processor.advance(&mut active, u32::MAX);
    }
}

/// The keys of a file with SHA-256 that has a MAC by the derivation of PKCS #12, and two parts by PBKDF2: first that of the
/// MAC, then those of the parts. Each salt is the number, and the place of its key.
#[must_use]
pub fn keys_of_file(secret: &Secret, number: u32, iterations: u32) -> [(Vec<u8>, Vec<u8>); 3] {
    let salts = [0, 1, 2_u8].map(|place| [&number.to_be_bytes()[..], &[place; 4]].concat());
    // RFC 7292, appendix B.2: one block of output, so that only its first step is taken.
    let stretched = |bytes: &[u8]| -> Vec<u8> {
        bytes.iter().copied().cycle().take(bytes.len().div_ceil(64) * 64).collect()
    };
    let first = Sha256::digest([vec![3; 64], stretched(&salts[0]), stretched(&secret.bmp)].concat());
    let codes =
        [1, 2].map(|place| Hmac::Sha256.hmac(&secret.utf8, &[&salts[place][..], &[0, 0, 0, 1]].concat()));
    let mut chains = vec![Chain::iterated(&SHA256, &first, iterations - 1).unwrap()];
    chains.extend(codes.iter().map(|code| Chain::hmac(&SHA256, &secret.utf8, code, iterations - 1).unwrap()));
    advance(&mut chains);
    let xor = |sum: &[u8], code: &[u8]| sum.iter().zip(code).map(|(one, other)| one ^ other).collect();
    let keys =
        [chains[0].digest().to_vec(), xor(&chains[1].sum(), &codes[0]), xor(&chains[2].sum(), &codes[1])];
    let [mac, certificates, key] = salts;
    let [for_mac, for_certificates, for_key] = keys;
    [(mac, for_mac), (certificates, for_certificates), (key, for_key)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge::kdf::Purpose;

    #[test]
    fn keys_are_those_of_the_other_implementation() {
        let secret = Secret::of("changeit");
        for iterations in [1, 2, 77] {
            let [mac, certificates, key] = keys_of_file(&secret, 7, iterations);
            let rounds = u64::from(iterations);
            assert_eq!(mac.1, Hmac::Sha256.pkcs12(Purpose::Mac, &secret.bmp, &mac.0, rounds, 32));
            for (salt, derived) in [certificates, key] {
                assert_eq!(derived, Hmac::Sha256.pbkdf2(&secret.utf8, &salt, rounds, 32));
            }
        }
    }
}
