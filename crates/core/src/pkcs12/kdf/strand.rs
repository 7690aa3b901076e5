//! The parts of a derivation: chains, of which one may follow from the other.

use strongroom_lanes::{self as lanes, Algorithm, Chain};
use zeroize::Zeroizing;

use super::{Derivation, Method, Purpose, repetitions};
use crate::pkcs12::hash::Hash;

/// A part of a derivation that is one chain, or several of which each follows from the one before.
pub(super) struct Strand<A: Algorithm + 'static> {
    /// The derivation, and the part of it, counted from 0.
    pub(super) place: (usize, usize),
    pub(super) chain: Chain<A>,
    hash: Hash,
    function: &'static lanes::Hash<A>,
    iterations: u32,
    kind: Kind,
}

enum Kind {
    Pkcs12(Pkcs12),
    Pbkdf1,
    /// With the first code, U_1.
    Pbkdf2(Zeroizing<Vec<u8>>),
}

/// What becomes of a strand whose chain is at its end.
pub(super) enum Next<A: Algorithm + 'static> {
    /// It goes on with another chain.
    Chain(Strand<A>),
    /// The bytes of this part; the last may be more than were asked for.
    Output((usize, usize), Zeroizing<Vec<u8>>),
}

impl<A: Algorithm + 'static> Strand<A> {
    /// The strands of a derivation with this hash. None is one whose chain cannot be made, which no hash and no method here
    /// is.
    pub(super) fn all(
        number: usize,
        derivation: &Derivation,
        hash: Hash,
        function: &'static lanes::Hash<A>,
    ) -> Vec<Self> {
        let Derivation { password, salt, len, .. } = derivation;
        match derivation.method {
            Method::Pkcs12 { purpose, iterations, .. } => {
                let state = Pkcs12::new(hash.block_len(), purpose, password, salt, *len);
                let first = hash.digest(&[&state.message()]);
                let kind = Kind::Pkcs12(state);
                let iterations = repetitions(iterations);
                let chain = Chain::iterated(function, &first, iterations.saturating_sub(1));
                let place = (number, 0);
                chain
                    .map(|chain| Self { place, chain, hash, function, iterations, kind })
                    .into_iter()
                    .collect()
            }
            Method::Pbkdf1 { iterations, .. } => {
                let first = hash.digest(&[password, salt]);
                let iterations = repetitions(iterations);
                let chain = Chain::iterated(function, &first, iterations.saturating_sub(1));
                let (place, kind) = ((number, 0), Kind::Pbkdf1);
                chain
                    .map(|chain| Self { place, chain, hash, function, iterations, kind })
                    .into_iter()
                    .collect()
            }
            Method::Pbkdf2 { iterations, .. } => {
                let iterations = repetitions(iterations);
                // HMAC hashes a key that is longer than a block (RFC 2104, section 2).
                let long = password.len() > hash.block_len();
                let key = if long { hash.digest(&[password]) } else { password.clone() };
                let blocks = (1_u32..).zip(0..len.div_ceil(hash.output_len()).max(1));
                let strand = |(index, part): (u32, usize)| {
                    // U_1 = PRF(P, S || INT(i)); the others are each the PRF of the one before.
                    let first = hash.hmac(&key, &[salt, &index.to_be_bytes()]);
                    let chain = Chain::hmac(function, &key, &first, iterations.saturating_sub(1))?;
                    let kind = Kind::Pbkdf2(first);
                    Some(Self { place: (number, part), chain, hash, function, iterations, kind })
                };
                blocks.filter_map(strand).collect()
            }
            Method::Scrypt { .. } => Vec::new(),
        }
    }

    /// Goes on behind the end of a chain.
    pub(super) fn next(mut self) -> Next<A> {
        let last = self.chain.digest();
        let output = match &mut self.kind {
            Kind::Pkcs12(state) => {
                if !state.absorb(&last) {
                    let first = self.hash.digest(&[&state.message()]);
                    if let Some(chain) =
                        Chain::iterated(self.function, &first, self.iterations.saturating_sub(1))
                    {
                        self.chain = chain;
                        return Next::Chain(self);
                    }
                }
                std::mem::take(&mut state.output)
            }
            Kind::Pbkdf1 => last,
            Kind::Pbkdf2(first) => {
                let mut sum = self.chain.sum();
                sum.iter_mut().zip(first.iter()).for_each(|(byte, first)| *byte ^= first);
                sum
            }
        };
        Next::Output(self.place, output)
    }
}

/// The derivation of RFC 7292, appendix B.2, between its chains.
pub(super) struct Pkcs12 {
    /// D: copies of the purpose.
    diversifier: Vec<u8>,
    /// I: S and P, each repeated to a multiple of v.
    i: Zeroizing<Vec<u8>>,
    pub(super) output: Zeroizing<Vec<u8>>,
    len: usize,
}

impl Pkcs12 {
    /// Steps 1 to 4, where `v` is the length of the hash's block.
    pub(super) fn new(v: usize, purpose: Purpose, password: &[u8], salt: &[u8], len: usize) -> Self {
        let repeat = |bytes: &[u8]| {
            bytes.iter().copied().cycle().take(bytes.len().div_ceil(v) * v).collect::<Vec<u8>>()
        };
        let mut i = Zeroizing::new(Vec::with_capacity((salt.len() + password.len()) + 2 * v));
        i.extend_from_slice(&repeat(salt));
        i.extend_from_slice(&Zeroizing::new(repeat(password)));
        Self {
            diversifier: vec![purpose.id(); v],
            i,
            output: Zeroizing::new(Vec::with_capacity(len + v)),
            len,
        }
    }

    /// D || I, of which step 6a takes the hash, and the hash of that, and so on.
    pub(super) fn message(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new([self.diversifier.as_slice(), &self.i].concat())
    }

    /// Takes up the outcome of step 6a; says whether that was the last.
    pub(super) fn absorb(&mut self, a: &[u8]) -> bool {
        self.output.extend_from_slice(a);
        if self.output.len() >= self.len {
            return true;
        }
        // Steps 6b and 6c: B repeats A to v bytes; each block of I grows by B + 1, modulo 2^(8v).
        let v = self.diversifier.len();
        let b: Zeroizing<Vec<u8>> = Zeroizing::new(a.iter().copied().cycle().take(v).collect());
        for block in self.i.chunks_exact_mut(v) {
            let mut sum = 0x0100_u16;
            for (byte, add) in block.iter_mut().zip(b.iter()).rev() {
                sum = (sum >> 8) + u16::from(*byte) + u16::from(*add);
                *byte = sum.to_be_bytes()[1];
            }
        }
        false
    }
}
