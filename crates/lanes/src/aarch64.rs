//! The SHA-2 extension of aarch64, which has SHA-1 as well.
//!
//! The functions that use it are safe in themselves; calling one is unsafe where the processor may not have it. [`Sha2`]
//! is a type that only asking the processor makes: holding one is the proof.

#![allow(
    unsafe_code,
    reason = "functions for one kind of processor are called where a value says that this is one"
)]
#![allow(clippy::indexing_slicing, reason = "lanes and words are counted by the lengths of the arrays")]

use std::arch::{
    aarch64::{
        uint32x4_t, vaddq_u32, vandq_u32, vdupq_n_u32, veorq_u32, vgetq_lane_u32, vorrq_u32, vsetq_lane_u32,
        vsha1cq_u32, vsha1h_u32, vsha1mq_u32, vsha1pq_u32, vsha1su0q_u32, vsha1su1q_u32, vsha256h2q_u32,
        vsha256hq_u32, vsha256su0q_u32, vsha256su1q_u32,
    },
    is_aarch64_feature_detected,
};

use crate::{
    chain::Chain,
    hash::{Sha1, Sha256},
    portable::{K_SHA1, K32},
};

/// The processor has the SHA-2 extension.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Sha2(());

impl Sha2 {
    pub(crate) fn detect() -> Option<Self> {
        (is_aarch64_feature_detected!("neon") && is_aarch64_feature_detected!("sha2")).then_some(Self(()))
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

#[target_feature(enable = "neon")]
fn vector([a, b, c, d]: [u32; 4]) -> uint32x4_t {
    let vector = vdupq_n_u32(a);
    let vector = vsetq_lane_u32::<1>(b, vector);
    let vector = vsetq_lane_u32::<2>(c, vector);
    vsetq_lane_u32::<3>(d, vector)
}

#[target_feature(enable = "neon")]
fn words(vector: uint32x4_t) -> [u32; 4] {
    [
        vgetq_lane_u32::<0>(vector),
        vgetq_lane_u32::<1>(vector),
        vgetq_lane_u32::<2>(vector),
        vgetq_lane_u32::<3>(vector),
    ]
}

#[target_feature(enable = "neon,sha2")]
fn sha256<const L: usize>(chains: &mut [&mut Chain<Sha256>; L], pairs: u32) {
    let zero = vdupq_n_u32(0);
    let (mut starts, mut blocks, mut ends, mut sums) =
        ([[[zero; 2]; 2]; L], [[zero; 4]; L], [[zero; 2]; L], [[zero; 2]; L]);
    for (lane, chain) in chains.iter().enumerate() {
        for (to, [a, b, c, d, e, f, g, h]) in starts[lane].iter_mut().zip(chain.starts) {
            *to = [vector([a, b, c, d]), vector([e, f, g, h])];
        }
        let [a, b, c, d, e, f, g, h, rest @ ..] = chain.block;
        let [i, j, k, l, m, n, o, p] = rest;
        blocks[lane] =
            [vector([a, b, c, d]), vector([e, f, g, h]), vector([i, j, k, l]), vector([m, n, o, p])];
        let [_, _, _, _, mask @ ..] = chain.mask;
        let padding = [e & !mask[0], f & !mask[1], g & !mask[2], h & !mask[3]];
        ends[lane] = [vector(mask), vector(padding)];
        let [a, b, c, d, e, f, g, h] = chain.sum;
        sums[lane] = [vector([a, b, c, d]), vector([e, f, g, h])];
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
                    states[lane][half] = vaddq_u32(states[lane][half], starts[lane][turn][half]);
                }
                blocks[lane][0] = states[lane][0];
                // The digest may leave the last words out.
                blocks[lane][1] = vorrq_u32(vandq_u32(states[lane][1], ends[lane][0]), ends[lane][1]);
                if turn == 1 {
                    for half in [0, 1] {
                        sums[lane][half] = veorq_u32(sums[lane][half], states[lane][half]);
                    }
                }
            }
        }
    }
    for (lane, chain) in chains.iter_mut().enumerate() {
        let digest = [words(blocks[lane][0]), words(blocks[lane][1])];
        chain.block.iter_mut().zip(digest.as_flattened()).for_each(|(word, new)| *word = *new);
        let ([a, b, c, d], [e, f, g, h]) = (words(sums[lane][0]), words(sums[lane][1]));
        chain.sum = [a, b, c, d, e, f, g, h];
    }
}

/// The 64 rounds of SHA-256, four at a time in each lane.
#[target_feature(enable = "neon,sha2")]
#[inline]
fn compress_256<const L: usize>(states: &mut [[uint32x4_t; 2]; L], blocks: &[[uint32x4_t; 4]; L]) {
    let mut schedules = *blocks;
    macro_rules! four_rounds {
        ($four:literal) => {
            let k = vector([K32[$four * 4], K32[$four * 4 + 1], K32[$four * 4 + 2], K32[$four * 4 + 3]]);
            for ([abcd, efgh], schedule) in states.iter_mut().zip(&mut schedules) {
                let word = schedule[$four % 4];
                let (added, before) = (vaddq_u32(word, k), *abcd);
                *abcd = vsha256hq_u32(before, *efgh, added);
                *efgh = vsha256h2q_u32(*efgh, before, added);
                // The words of sixteen rounds later.
                if $four < 12 {
                    let low = vsha256su0q_u32(word, schedule[($four + 1) % 4]);
                    schedule[$four % 4] =
                        vsha256su1q_u32(low, schedule[($four + 2) % 4], schedule[($four + 3) % 4]);
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

#[target_feature(enable = "neon,sha2")]
fn sha1<const L: usize>(chains: &mut [&mut Chain<Sha1>; L], pairs: u32) {
    let zero = vdupq_n_u32(0);
    let (mut starts, mut blocks, mut sums) = ([[(zero, 0); 2]; L], [[zero; 4]; L], [(zero, 0); L]);
    for (lane, chain) in chains.iter().enumerate() {
        for (to, [a, b, c, d, e, ..]) in starts[lane].iter_mut().zip(chain.starts) {
            *to = (vector([a, b, c, d]), e);
        }
        let [a, b, c, d, e, f, g, h, rest @ ..] = chain.block;
        let [i, j, k, l, m, n, o, p] = rest;
        blocks[lane] =
            [vector([a, b, c, d]), vector([e, f, g, h]), vector([i, j, k, l]), vector([m, n, o, p])];
        let [a, b, c, d, e, ..] = chain.sum;
        sums[lane] = (vector([a, b, c, d]), e);
    }
    for _ in 0..pairs {
        for turn in [0, 1] {
            let mut states = [(zero, 0); L];
            for lane in 0..L {
                states[lane] = starts[lane][turn];
            }
            compress_1(&mut states, &blocks);
            for lane in 0..L {
                let (abcd, e) = &mut states[lane];
                *abcd = vaddq_u32(*abcd, starts[lane][turn].0);
                *e = e.wrapping_add(starts[lane][turn].1);
                blocks[lane][0] = *abcd;
                blocks[lane][1] = vsetq_lane_u32::<0>(*e, blocks[lane][1]);
                if turn == 1 {
                    sums[lane] = (veorq_u32(sums[lane].0, *abcd), sums[lane].1 ^ *e);
                }
            }
        }
    }
    for (lane, chain) in chains.iter_mut().enumerate() {
        let ([a, b, c, d], [e, ..]) = (words(blocks[lane][0]), words(blocks[lane][1]));
        chain.block.iter_mut().zip([a, b, c, d, e]).for_each(|(word, new)| *word = new);
        let [a, b, c, d] = words(sums[lane].0);
        chain.sum = [a, b, c, d, sums[lane].1, 0, 0, 0];
    }
}

/// The 80 rounds of SHA-1, four at a time in each lane.
#[target_feature(enable = "neon,sha2")]
#[inline]
fn compress_1<const L: usize>(states: &mut [(uint32x4_t, u32); L], blocks: &[[uint32x4_t; 4]; L]) {
    let mut schedules = *blocks;
    macro_rules! four_rounds {
        ($four:literal, $rounds:ident) => {
            let k = vdupq_n_u32(K_SHA1[$four / 5]);
            for ((abcd, e), schedule) in states.iter_mut().zip(&mut schedules) {
                let word = schedule[$four % 4];
                let next = vsha1h_u32(vgetq_lane_u32::<0>(*abcd));
                *abcd = $rounds(*abcd, *e, vaddq_u32(word, k));
                *e = next;
                // The words of sixteen rounds later.
                if $four < 16 {
                    let low = vsha1su0q_u32(word, schedule[($four + 1) % 4], schedule[($four + 2) % 4]);
                    schedule[$four % 4] = vsha1su1q_u32(low, schedule[($four + 3) % 4]);
                }
            }
        };
    }
    four_rounds!(0, vsha1cq_u32);
    four_rounds!(1, vsha1cq_u32);
    four_rounds!(2, vsha1cq_u32);
    four_rounds!(3, vsha1cq_u32);
    four_rounds!(4, vsha1cq_u32);
    four_rounds!(5, vsha1pq_u32);
    four_rounds!(6, vsha1pq_u32);
    four_rounds!(7, vsha1pq_u32);
    four_rounds!(8, vsha1pq_u32);
    four_rounds!(9, vsha1pq_u32);
    four_rounds!(10, vsha1mq_u32);
    four_rounds!(11, vsha1mq_u32);
    four_rounds!(12, vsha1mq_u32);
    four_rounds!(13, vsha1mq_u32);
    four_rounds!(14, vsha1mq_u32);
    four_rounds!(15, vsha1pq_u32);
    four_rounds!(16, vsha1pq_u32);
    four_rounds!(17, vsha1pq_u32);
    four_rounds!(18, vsha1pq_u32);
    four_rounds!(19, vsha1pq_u32);
}
