//! AVX-512 with products of 52 bits (IFMA): two numbers at a time are multiplied by Montgomery's method.
//!
//! S. Gueron, "Efficient Software Implementations of Modular Exponentiation" (2011): products are divided by so many digits
//! that they never need to be reduced, as long as n has some bits fewer.

#![allow(
    unsafe_code,
    reason = "functions for one kind of processor are called where a value says that this is one"
)]
#![allow(
    clippy::indexing_slicing,
    clippy::needless_range_loop,
    reason = "vectors are counted by the lengths of the arrays, and several arrays at a time"
)]

use std::arch::{
    is_x86_feature_detected,
    x86_64::{
        __m512i, _mm512_add_epi64, _mm512_alignr_epi64, _mm512_and_si512, _mm512_broadcastq_epi64,
        _mm512_castsi512_si128, _mm512_cmpeq_epi64_mask, _mm512_cmpgt_epu64_mask, _mm512_madd52hi_epu64,
        _mm512_madd52lo_epu64, _mm512_mask_blend_epi64, _mm512_mask_sub_epi64, _mm512_maskz_srli_epi64,
        _mm512_permutexvar_epi64, _mm512_set_epi64, _mm512_set1_epi64, _mm512_setzero_si512,
        _mm512_srli_epi64,
    },
};

use crate::primes::{MASK, Number, Plan};

/// The processor has AVX-512 with IFMA.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Ifma(());

impl Ifma {
    pub(crate) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512ifma")).then_some(Self(()))
    }

    /// Whether both numbers pass, with products that are divided by so many digits.
    pub(crate) fn test<const V: usize>(self, plans: &[Plan<V>; 2], digits: usize, word: u64) -> bool {
        // SAFETY: the processor has AVX-512 with IFMA, or `self` would not be.
        unsafe { test(plans, digits, word) }
    }
}

type Vectors<const V: usize> = [__m512i; V];

/// A modulus, and -1 by it modulo a digit.
#[derive(Clone, Copy)]
struct Modulus<const V: usize> {
    n: Vectors<V>,
    inverse: __m512i,
}

#[target_feature(enable = "avx512f")]
fn load<const V: usize>(number: &Number<V>) -> Vectors<V> {
    let mut vectors = [_mm512_setzero_si512(); V];
    for (to, digits) in vectors.iter_mut().zip(number) {
        let [a, b, c, d, e, f, g, h] = digits.map(u64::cast_signed);
        *to = _mm512_set_epi64(h, g, f, e, d, c, b, a);
    }
    vectors
}

/// Adds `digit` times `by`, and so many times n that the lowest digit is 0, which is then shifted out.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn step<const V: usize>(sum: &mut Vectors<V>, digit: __m512i, by: &Vectors<V>, modulus: &Modulus<V>) {
    let zero = _mm512_setzero_si512();
    for v in 0..V {
        sum[v] = _mm512_madd52lo_epu64(sum[v], digit, by[v]);
    }
    let times = _mm512_madd52lo_epu64(zero, sum[0], modulus.inverse);
    let times = _mm512_broadcastq_epi64(_mm512_castsi512_si128(times));
    for v in 0..V {
        sum[v] = _mm512_madd52lo_epu64(sum[v], times, modulus.n[v]);
    }
    let carry = _mm512_maskz_srli_epi64::<52>(1, sum[0]);
    for v in 0..V {
        let above = if v + 1 < V { sum[v + 1] } else { zero };
        sum[v] = _mm512_alignr_epi64::<1>(above, sum[v]);
    }
    sum[0] = _mm512_add_epi64(sum[0], carry);
    for v in 0..V {
        sum[v] = _mm512_madd52hi_epu64(sum[v], digit, by[v]);
        sum[v] = _mm512_madd52hi_epu64(sum[v], times, modulus.n[v]);
    }
}

/// The squares of two numbers, each divided by the digits, with digits that are too large.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn squares<const V: usize>(
    [a, b]: &[Vectors<V>; 2],
    [mod_a, mod_b]: &[Modulus<V>; 2],
    digits: usize,
) -> [Vectors<V>; 2] {
    let zero = _mm512_setzero_si512();
    let (mut sum_a, mut sum_b) = ([zero; V], [zero; V]);
    for v in 0..V {
        let mut lane = zero;
        for _ in 0..digits.saturating_sub(8 * v).min(8) {
            step(&mut sum_a, _mm512_permutexvar_epi64(lane, a[v]), a, mod_a);
            step(&mut sum_b, _mm512_permutexvar_epi64(lane, b[v]), b, mod_b);
            lane = _mm512_add_epi64(lane, _mm512_set1_epi64(1));
        }
    }
    [sum_a, sum_b]
}

/// Brings what is too much of each digit into the next one.
#[inline]
#[target_feature(enable = "avx512f")]
fn carry<const V: usize>(number: &mut Vectors<V>) {
    let mask = _mm512_set1_epi64(MASK.cast_signed());
    let mut below = _mm512_setzero_si512();
    // Digits that are one too large now, and those that are if one comes from below.
    let (mut over, mut full) = (0_u128, 0_u128);
    for (v, vector) in number.iter_mut().enumerate() {
        let high = _mm512_srli_epi64::<52>(*vector);
        *vector = _mm512_add_epi64(_mm512_and_si512(*vector, mask), _mm512_alignr_epi64::<7>(high, below));
        below = high;
        over |= u128::from(_mm512_cmpgt_epu64_mask(*vector, mask)) << (8 * v);
        full |= u128::from(_mm512_cmpeq_epi64_mask(*vector, mask)) << (8 * v);
    }
    let carries = ((over << 1) + full) ^ full;
    for (vector, carries) in number.iter_mut().zip(carries.to_le_bytes()) {
        // Less a full digit is one more, but for what is cut off.
        let one_more = _mm512_mask_sub_epi64(*vector, carries, *vector, mask);
        *vector = _mm512_and_si512(one_more, mask);
    }
}

/// 1 if it is one of these.
#[inline]
#[target_feature(enable = "avx512f")]
fn is_one_of<const V: usize>(number: &Vectors<V>, these: &[Vectors<V>; 3]) -> u8 {
    let mut found = 0;
    for this in these {
        let mut same = u8::MAX;
        for v in 0..V {
            same &= _mm512_cmpeq_epi64_mask(number[v], this[v]);
        }
        let [_, full] = (u16::from(same) + 1).to_le_bytes();
        found |= full;
    }
    found
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn test<const V: usize>(plans: &[Plan<V>; 2], digits: usize, word: u64) -> bool {
    let zero = _mm512_setzero_si512();
    let word = _mm512_set1_epi64(word.cast_signed());
    let mut moduli = [Modulus { n: [zero; V], inverse: zero }; 2];
    let (mut one, mut minus_one) = ([[[zero; V]; 3]; 2], [[[zero; V]; 3]; 2]);
    let mut power = [[zero; V]; 2];
    for (at, plan) in plans.iter().enumerate() {
        moduli[at] =
            Modulus { n: load(&plan.modulus), inverse: _mm512_set1_epi64(plan.inverse.cast_signed()) };
        for k in 0..3 {
            one[at][k] = load(&plan.one[k]);
            minus_one[at][k] = load(&plan.minus_one[k]);
        }
        power[at] = one[at][0];
    }
    let mut passes = [0; 2];
    // From the highest bit of n - 1 to its second: the power is then that of n - 1 without the bits below.
    for place in (1..plans[0].bits.len()).rev() {
        power = squares(&power, &moduli, digits);
        for at in 0..2 {
            carry(&mut power[at]);
            let [bit, zeros] = plans[at].bits[place];
            let mut more = [zero; V];
            step(&mut more, word, &power[at], &moduli[at]);
            let chosen = bit.wrapping_neg();
            for v in 0..V {
                power[at][v] = _mm512_mask_blend_epi64(chosen, power[at][v], more[v]);
            }
            carry(&mut power[at]);
            // Where all bits below are 0, the rest is squares; and the first of these places is the one with a bit.
            let is_one = is_one_of(&power[at], &one[at]) & bit;
            passes[at] |= zeros & (is_one | is_one_of(&power[at], &minus_one[at]));
        }
    }
    passes == [1, 1]
}
