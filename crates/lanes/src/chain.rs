//! One chain: a hash, or HMAC, of its own last output.

use zeroize::{Zeroize, Zeroizing};

use crate::{
    hash::{Algorithm, Hash, Word},
    portable,
};

/// A hash, or HMAC, of its own last output, as far as it has come.
///
/// Either message is a digest behind nothing or behind one block of key, so it is one block, padded once; only its first
/// words change. Every step is one compression from a state that is known beforehand.
#[derive(Clone)]
pub struct Chain<A: Algorithm> {
    /// The states from which steps start in turn: of HMAC, the one behind the inner key and the one behind the outer;
    /// of a hash, twice its own.
    pub(crate) starts: [[A::Word; 8]; 2],
    pub(crate) block: [A::Word; 16],
    /// The bits of a state that are the digest.
    pub(crate) mask: [A::Word; 8],
    /// Every second state, by exclusive or.
    pub(crate) sum: [A::Word; 8],
    digest_len: usize,
    /// Iterations that a pair of steps makes: 2 of a hash, 1 of HMAC.
    per_pair: u32,
    /// Iterations that are left.
    left: u32,
}

impl<A: Algorithm> Chain<A> {
    /// `times` times the hash of the last digest, beginning with `digest`; `None` if that is no digest of the hash.
    #[must_use]
    pub fn iterated(hash: &Hash<A>, digest: &[u8], times: u32) -> Option<Self> {
        Self::new(hash, [hash.initial; 2], digest, 0, 2, times)
    }

    /// `times` times HMAC (RFC 2104) of the last code, beginning with `mac`, under a key of one block at the most; `None`
    /// if the key is longer, or `mac` is no digest of the hash.
    ///
    /// PBKDF2 is the sum of such codes ([`sum`](Self::sum)) and of the first, which `mac` is here.
    #[must_use]
    pub fn hmac(hash: &Hash<A>, key: &[u8], mac: &[u8], times: u32) -> Option<Self> {
        let block_len = 16 * A::Word::LEN;
        if key.len() > block_len {
            return None;
        }
        let behind = |mask: u8| {
            let mut bytes = Zeroizing::new(vec![mask; block_len]);
            bytes.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
            let mut state = hash.initial.map(|word| [word]);
            let block = Zeroizing::new(words::<A, 16>(&bytes));
            A::compress(&mut state, &block.map(|word| [word]));
            state.map(|[word]| word)
        };
        Self::new(hash, [behind(0x36), behind(0x5c)], mac, block_len, 1, times)
    }

    fn new(
        hash: &Hash<A>,
        starts: [[A::Word; 8]; 2],
        digest: &[u8],
        before: usize,
        per_pair: u32,
        left: u32,
    ) -> Option<Self> {
        let digest_len = hash.digest_len;
        if digest.len() != digest_len {
            return None;
        }
        let block_len = 16 * A::Word::LEN;
        let mut bytes = Zeroizing::new(digest.to_vec());
        bytes.push(0x80);
        bytes.resize(block_len, 0);
        // The length in bits ends the block; it fits two bytes.
        let bits = u16::try_from((before + digest_len) * 8).ok()?.to_be_bytes();
        bytes.iter_mut().rev().zip(bits.iter().rev()).for_each(|(byte, new)| *byte = *new);
        let mut mask = vec![0xff; digest_len];
        mask.resize(8 * A::Word::LEN, 0);
        Some(Self {
            starts,
            block: words::<A, 16>(&bytes),
            mask: words::<A, 8>(&mask),
            sum: [A::Word::default(); 8],
            digest_len,
            per_pair,
            left,
        })
    }

    /// The iterations that are left.
    #[must_use]
    pub fn left(&self) -> u32 {
        self.left
    }

    /// Whether no iteration is left.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.left == 0
    }

    /// The last digest or code.
    #[must_use]
    pub fn digest(&self) -> Zeroizing<Vec<u8>> {
        self.bytes(&self.block)
    }

    /// All codes since the first, that one not included, by exclusive or (RFC 8018, section 5.2). Of HMAC alone.
    #[must_use]
    pub fn sum(&self) -> Zeroizing<Vec<u8>> {
        self.bytes(&self.sum)
    }

    fn bytes(&self, words: &[A::Word]) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(16 * A::Word::LEN));
        for word in words {
            word.write(&mut bytes);
        }
        bytes.truncate(self.digest_len);
        bytes
    }

    /// The pairs of steps that `iterations` more, or all that are left, make: one at the least, for the last iteration of
    /// a hash may be half a pair.
    pub(crate) fn pairs(&self, iterations: u32) -> u32 {
        self.left.min(iterations.max(self.per_pair)) / self.per_pair
    }

    /// Notes that so many pairs were run.
    pub(crate) fn advanced(&mut self, pairs: u32) {
        self.left = self.left.saturating_sub(pairs.saturating_mul(self.per_pair));
    }

    /// Runs the last iteration of a hash, if it is half a pair.
    pub(crate) fn finish(&mut self) {
        if self.left == 0 || self.left >= self.per_pair {
            return;
        }
        let mut state = self.starts[0].map(|word| [word]);
        A::compress(&mut state, &self.block.map(|word| [word]));
        portable::overwrite(&mut self.block, &state.map(|[word]| word), &self.mask);
        self.left = 0;
    }
}

/// The first `N` words of bytes, big endian.
fn words<A: Algorithm, const N: usize>(bytes: &[u8]) -> [A::Word; N] {
    let mut words = [A::Word::default(); N];
    for (word, bytes) in words.iter_mut().zip(bytes.chunks(A::Word::LEN)) {
        *word = A::Word::read(bytes);
    }
    words
}

impl<A: Algorithm> Drop for Chain<A> {
    fn drop(&mut self) {
        self.starts.zeroize();
        self.block.zeroize();
        self.sum.zeroize();
    }
}
