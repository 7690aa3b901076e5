//! SHA-NI, AVX2 and AVX-512.
//!
//! The functions that use them are safe in themselves; calling one is unsafe where the processor may not have them. Each
//! kind of instructions is a type that only asking the processor makes: holding one is the proof.

#![allow(
    unsafe_code,
    reason = "functions for one kind of processor are called where a value says that this is one"
)]
#![allow(clippy::indexing_slicing, reason = "lanes and words are counted by the lengths of the arrays")]

use std::arch::{
    is_x86_feature_detected,
    x86_64::{
        __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_and_si128, _mm_extract_epi32, _mm_or_si128,
        _mm_set_epi32, _mm_setzero_si128, _mm_sha1msg1_epu32, _mm_sha1msg2_epu32, _mm_sha1nexte_epu32,
        _mm_sha1rnds4_epu32, _mm_sha256msg1_epu32, _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32,
        _mm_shuffle_epi32, _mm_unpackhi_epi64, _mm_unpacklo_epi64, _mm_xor_si128,
    },
};

use crate::{
    chain::Chain,
    hash::{Sha1, Sha256, Sha512},
    portable::{self, K32},
    processor::in_lanes,
};

/// The processor has AVX2.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Avx2(());

/// The processor has AVX-512 with vectors of every length.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Avx512(());

/// The processor has the SHA extensions, and SSE4.1 beside them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct ShaNi(());

impl Avx2 {
    pub(crate) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2"))
        .then_some(Self(()))
    }

    /// Eight chains together.
    pub(crate) fn run(self, chains: &mut [&mut Chain<Sha256>], pairs: u32) {
        // SAFETY: the processor has AVX2, or `self` would not be.
        in_lanes::<Sha256, 8>(chains, 3, pairs, |group, pairs| unsafe { avx2(group, pairs) });
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2")]
fn avx2<const L: usize>(chains: &mut [&mut Chain<Sha256>; L], pairs: u32) {
    portable::run(chains, pairs);
}

impl Avx512 {
    pub(crate) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl")).then_some(Self(()))
    }

    /// Eight chains together.
    pub(crate) fn run(self, chains: &mut [&mut Chain<Sha512>], pairs: u32) {
        // SAFETY: the processor has AVX-512, or `self` would not be.
        in_lanes::<Sha512, 8>(chains, 3, pairs, |group, pairs| unsafe { avx512(group, pairs) });
    }
}

#[target_feature(enable = "avx512f,avx512vl")]
fn avx512<const L: usize>(chains: &mut [&mut Chain<Sha512>; L], pairs: u32) {
    portable::run(chains, pairs);
}

impl ShaNi {
    pub(crate) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("sha")
            && is_x86_feature_detected!("sse4.1")
            && is_x86_feature_detected!("ssse3"))
        .then_some(Self(()))
    }

    /// Up to four chains together.
    pub(crate) fn run_sha1(self, chains: &mut [&mut Chain<Sha1>], pairs: u32) {
        in_fours!(sha1, chains, pairs);
    }

    /// Up to four chains together.
    pub(crate) fn run_sha256(self, chains: &mut [&mut Chain<Sha256>], pairs: u32) {
        in_fours!(sha256, chains, pairs);
    }
}

/// Four words, the first the highest.
#[target_feature(enable = "sse2")]
fn high_first([a, b, c, d]: [u32; 4]) -> __m128i {
    _mm_set_epi32(a.cast_signed(), b.cast_signed(), c.cast_signed(), d.cast_signed())
}

/// Four words, the first the lowest.
#[target_feature(enable = "sse2")]
fn low_first([a, b, c, d]: [u32; 4]) -> __m128i {
    high_first([d, c, b, a])
}

/// The words of a vector, the lowest first.
#[target_feature(enable = "sse4.1")]
fn words(vector: __m128i) -> [u32; 4] {
    [
        _mm_extract_epi32::<0>(vector),
        _mm_extract_epi32::<1>(vector),
        _mm_extract_epi32::<2>(vector),
        _mm_extract_epi32::<3>(vector),
    ]
    .map(i32::cast_unsigned)
}

/// Puts the digest of SHA-256 at the beginning of a block. A state is A, B, E, F from above, and C, D, G, H.
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn overwrite_256(block: &mut [__m128i; 4], [abef, cdgh]: [__m128i; 2], [mask, padding]: [__m128i; 2]) {
    let [first, second, ..] = block;
    // A, B, C, D from below.
    *first = _mm_shuffle_epi32::<0b00_01_10_11>(_mm_unpackhi_epi64(cdgh, abef));
    // E, F, G, H from below; of these the digest may leave the last ones out.
    let high = _mm_shuffle_epi32::<0b00_01_10_11>(_mm_unpacklo_epi64(cdgh, abef));
    *second = _mm_or_si128(_mm_and_si128(high, mask), padding);
}

#[target_feature(enable = "sha,sse4.1,ssse3")]
fn sha256<const L: usize>(chains: &mut [&mut Chain<Sha256>; L], pairs: u32) {
    let zero = _mm_setzero_si128();
    let (mut starts, mut blocks, mut ends, mut sums) =
        ([[[zero; 2]; 2]; L], [[zero; 4]; L], [[zero; 2]; L], [[zero; 2]; L]);
    for (lane, chain) in chains.iter().enumerate() {
        for (to, [a, b, c, d, e, f, g, h]) in starts[lane].iter_mut().zip(chain.starts) {
            *to = [high_first([a, b, e, f]), high_first([c, d, g, h])];
        }
        let [a, b, c, d, e, f, g, h, rest @ ..] = chain.block;
        let [i, j, k, l, m, n, o, p] = rest;
        blocks[lane] = [[a, b, c, d], [e, f, g, h], [i, j, k, l], [m, n, o, p]].map(|four| low_first(four));
        let [_, _, _, _, mask @ ..] = chain.mask;
        let padding =
            [[e, mask[0]], [f, mask[1]], [g, mask[2]], [h, mask[3]]].map(|[word, mask]| word & !mask);
        ends[lane] = [low_first(mask), low_first(padding)];
        let [a, b, c, d, e, f, g, h] = chain.sum;
        sums[lane] = [high_first([a, b, e, f]), high_first([c, d, g, h])];
    }
    for _ in 0..pairs {
        for turn in [0, 1] {
            let mut states = [[zero; 2]; L];
            for lane in 0..L {
                states[lane] = starts[lane][turn];
            }
            compress_256(&mut states, &blocks);
            for lane in 0..L {
                for half in [0, 1] {
                    states[lane][half] = _mm_add_epi32(states[lane][half], starts[lane][turn][half]);
                }
                overwrite_256(&mut blocks[lane], states[lane], ends[lane]);
                if turn == 1 {
                    for half in [0, 1] {
                        sums[lane][half] = _mm_xor_si128(sums[lane][half], states[lane][half]);
                    }
                }
            }
        }
    }
    for (lane, chain) in chains.iter_mut().enumerate() {
        let digest = [words(blocks[lane][0]), words(blocks[lane][1])];
        chain.block.iter_mut().zip(digest.as_flattened()).for_each(|(word, new)| *word = *new);
        let ([f, e, b, a], [h, g, d, c]) = (words(sums[lane][0]), words(sums[lane][1]));
        chain.sum = [a, b, c, d, e, f, g, h];
    }
}

/// The 64 rounds of SHA-256, four at a time in each lane.
#[target_feature(enable = "sha,sse4.1,ssse3")]
#[inline]
fn compress_256<const L: usize>(states: &mut [[__m128i; 2]; L], blocks: &[[__m128i; 4]; L]) {
    let mut schedules = *blocks;
    macro_rules! four_rounds {
        ($four:literal) => {
            let k = low_first([K32[$four * 4], K32[$four * 4 + 1], K32[$four * 4 + 2], K32[$four * 4 + 3]]);
            for ([abef, cdgh], schedule) in states.iter_mut().zip(&mut schedules) {
                let word = schedule[$four % 4];
                let added = _mm_add_epi32(word, k);
                *cdgh = _mm_sha256rnds2_epu32(*cdgh, *abef, added);
                *abef = _mm_sha256rnds2_epu32(*abef, *cdgh, _mm_shuffle_epi32::<0x0e>(added));
                // The words of sixteen rounds later.
                if $four < 12 {
                    let [second, third, fourth] =
                        [schedule[($four + 1) % 4], schedule[($four + 2) % 4], schedule[($four + 3) % 4]];
                    let low = _mm_add_epi32(
                        _mm_sha256msg1_epu32(word, second),
                        _mm_alignr_epi8::<4>(fourth, third),
                    );
                    schedule[$four % 4] = _mm_sha256msg2_epu32(low, fourth);
                }
            }
        };
    }
    four_rounds!(0);
    four_rounds!(1);
    four_rounds!(2);
    four_rounds!(3);
    four_rounds!(4);
    four_rounds!(5);
    four_rounds!(6);
    four_rounds!(7);
    four_rounds!(8);
    four_rounds!(9);
    four_rounds!(10);
    four_rounds!(11);
    four_rounds!(12);
    four_rounds!(13);
    four_rounds!(14);
    four_rounds!(15);
}

#[target_feature(enable = "sha,sse4.1,ssse3")]
fn sha1<const L: usize>(chains: &mut [&mut Chain<Sha1>; L], pairs: u32) {
    let zero = _mm_setzero_si128();
    let (mut starts, mut blocks, mut ends, mut sums) =
        ([[[zero; 2]; 2]; L], [[zero; 4]; L], [zero; L], [[zero; 2]; L]);
    for (lane, chain) in chains.iter().enumerate() {
        for (to, [a, b, c, d, e, ..]) in starts[lane].iter_mut().zip(chain.starts) {
            *to = [high_first([a, b, c, d]), high_first([e, 0, 0, 0])];
        }
        let [a, b, c, d, e, f, g, h, rest @ ..] = chain.block;
        let [i, j, k, l, m, n, o, p] = rest;
        blocks[lane] = [[a, b, c, d], [e, f, g, h], [i, j, k, l], [m, n, o, p]].map(|four| high_first(four));
        ends[lane] = high_first([0, f, g, h]);
        let [a, b, c, d, e, ..] = chain.sum;
        sums[lane] = [high_first([a, b, c, d]), high_first([e, 0, 0, 0])];
    }
    for _ in 0..pairs {
        for turn in [0, 1] {
            let mut states = [[zero; 2]; L];
            for lane in 0..L {
                states[lane] = starts[lane][turn];
            }
            compress_1(&mut states, &blocks);
            for lane in 0..L {
                let [abcd, e] = &mut states[lane];
                *abcd = _mm_add_epi32(*abcd, starts[lane][turn][0]);
                *e = _mm_sha1nexte_epu32(*e, starts[lane][turn][1]);
                blocks[lane][0] = *abcd;
                blocks[lane][1] = _mm_or_si128(*e, ends[lane]);
                if turn == 1 {
                    for half in [0, 1] {
                        sums[lane][half] = _mm_xor_si128(sums[lane][half], states[lane][half]);
                    }
                }
            }
        }
    }
    for (lane, chain) in chains.iter_mut().enumerate() {
        let ([d, c, b, a], [_, _, _, e]) = (words(blocks[lane][0]), words(blocks[lane][1]));
        chain.block.iter_mut().zip([a, b, c, d, e]).for_each(|(word, new)| *word = new);
        let ([d, c, b, a], [_, _, _, e]) = (words(sums[lane][0]), words(sums[lane][1]));
        chain.sum = [a, b, c, d, e, 0, 0, 0];
    }
}

/// The 80 rounds of SHA-1, four at a time in each lane. A state is A, B, C, D from above, and E at the top; afterwards the
/// second vector is A, B, C, D of four rounds before, of which the next E is made.
#[target_feature(enable = "sha,sse4.1,ssse3")]
#[inline]
fn compress_1<const L: usize>(states: &mut [[__m128i; 2]; L], blocks: &[[__m128i; 4]; L]) {
    let mut schedules = *blocks;
    macro_rules! four_rounds {
        ($four:literal, $function:literal) => {
            for ([abcd, e], schedule) in states.iter_mut().zip(&mut schedules) {
                let word = schedule[$four % 4];
                let added = if $four == 0 { _mm_add_epi32(*e, word) } else { _mm_sha1nexte_epu32(*e, word) };
                *e = *abcd;
                *abcd = _mm_sha1rnds4_epu32::<$function>(*abcd, added);
                // The words of sixteen rounds later.
                if $four < 16 {
                    let [second, third, fourth] =
                        [schedule[($four + 1) % 4], schedule[($four + 2) % 4], schedule[($four + 3) % 4]];
                    let low = _mm_xor_si128(_mm_sha1msg1_epu32(word, second), third);
                    schedule[$four % 4] = _mm_sha1msg2_epu32(low, fourth);
                }
            }
        };
    }
    four_rounds!(0, 0);
    four_rounds!(1, 0);
    four_rounds!(2, 0);
    four_rounds!(3, 0);
    four_rounds!(4, 0);
    four_rounds!(5, 1);
    four_rounds!(6, 1);
    four_rounds!(7, 1);
    four_rounds!(8, 1);
    four_rounds!(9, 1);
    four_rounds!(10, 2);
    four_rounds!(11, 2);
    four_rounds!(12, 2);
    four_rounds!(13, 2);
    four_rounds!(14, 2);
    four_rounds!(15, 3);
    four_rounds!(16, 3);
    four_rounds!(17, 3);
    four_rounds!(18, 3);
    four_rounds!(19, 3);
}
