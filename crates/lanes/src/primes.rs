//! Whether two numbers are prime, by one round of Miller and Rabin's test, side by side.
//!
//! Nothing that is done depends on the numbers, only on their lengths, and nothing of them leaves but the one verdict.

#![cfg_attr(
    not(target_arch = "x86_64"),
    allow(dead_code, reason = "only this kind of processor has instructions for it")
)]

use zeroize::Zeroizing;

#[cfg(target_arch = "x86_64")]
use crate::ifma::Ifma;

/// Bits of a digit.
pub(crate) const DIGIT: usize = 52;
pub(crate) const MASK: u64 = (1 << DIGIT) - 1;

/// A number in digits, the lowest first, eight to a vector.
pub(crate) type Number<const V: usize> = [[u64; 8]; V];

/// What the test of one number needs.
pub(crate) struct Plan<const V: usize> {
    /// The number n itself.
    pub(crate) modulus: Zeroizing<Number<V>>,
    /// -1 / n modulo a digit.
    pub(crate) inverse: Zeroizing<u64>,
    /// What stands for 1, and for -1: that below n, and with n added once and twice.
    pub(crate) one: Zeroizing<[Number<V>; 3]>,
    pub(crate) minus_one: Zeroizing<[Number<V>; 3]>,
    /// For each bit of n: the bit, and 1 if all bits below it, but that of 1, are 0.
    pub(crate) bits: Zeroizing<Vec<[u8; 2]>>,
}

/// Whether each of two odd numbers, big endian and without leading zeros, is prime, as far as one round of Miller and
/// Rabin's test says.
///
/// The base is `word`, of which 52 bits count, by 2^52 modulo the number: whoever makes the numbers should not know it.
/// `None` where the processor has no instructions for this, or for a length that it is not made for: 64 to 512 bytes.
///
/// ```
/// let mersenne = |bits: u32| {
///     let mut bytes = vec![0xff; 1 + bits as usize / 8];
///     bytes[0] = (1 << (bits % 8)) - 1;
///     bytes
/// };
/// // 2^521 - 1 and 2^607 - 1 are prime, 2^523 - 1 is not, although 2 is no witness of that.
/// let word = 0x000a_5a5a_1234_5678;
/// let both = strongroom_lanes::are_strong_probable_primes([&mersenne(521), &mersenne(607)], word);
/// let one = strongroom_lanes::are_strong_probable_primes([&mersenne(521), &mersenne(523)], word);
/// assert!(both != Some(false) && one != Some(true));
/// ```
#[must_use]
pub fn are_strong_probable_primes(numbers: [&[u8]; 2], word: u64) -> Option<bool> {
    if cfg!(feature = "portable") {
        return None;
    }
    test(numbers, (word & MASK).max(2))
}

#[cfg(target_arch = "x86_64")]
fn test(numbers: [&[u8]; 2], word: u64) -> Option<bool> {
    let ifma = Ifma::detect()?;
    match numbers.iter().map(|number| number.len()).max()? {
        64..=128 => Some(ifma.test(&plans::<3>(numbers, 20)?, 20, word)),
        129..=192 => Some(ifma.test(&plans::<4>(numbers, 30)?, 30, word)),
        193..=256 => Some(ifma.test(&plans::<5>(numbers, 40)?, 40, word)),
        257..=512 => Some(ifma.test(&plans::<10>(numbers, 79)?, 79, word)),
        _ => None,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn test(_: [&[u8]; 2], _: u64) -> Option<bool> {
    None
}

fn plans<const V: usize>(numbers: [&[u8]; 2], digits: usize) -> Option<[Plan<V>; 2]> {
    let length = numbers.iter().map(|number| number.len()).max()?;
    let [first, second] = numbers;
    Some([Plan::new(first, length, digits)?, Plan::new(second, length, digits)?])
}

impl<const V: usize> Plan<V> {
    /// For numbers of up to `length` bytes, and products that are divided by 2^52 so many times as there are digits.
    fn new(number: &[u8], length: usize, digits: usize) -> Option<Self> {
        let n = Zeroizing::new(read::<V>(number)?);
        let (first, last) = (*number.first()?, *number.last()?);
        // Half as long as the other is no prime that belongs to it. The smallest lengths have no base.
        if first == 0 || last & 1 == 0 || number.len() < length.div_ceil(2).max(16) {
            return None;
        }
        // n^-1 modulo 2^64: each round doubles the bits that are right, of which there are three.
        let low = n.as_flattened().iter().copied().next()? | (n.as_flattened().get(1)? << DIGIT);
        let mut inverse = Zeroizing::new(low);
        for _ in 0..5 {
            *inverse = inverse.wrapping_mul(2_u64.wrapping_sub(low.wrapping_mul(*inverse)));
        }
        *inverse = inverse.wrapping_neg() & MASK;
        // 1 stands as 2^(52 digits) modulo n. It begins below n as a power of two, and is doubled.
        let known = 8 * (number.len() - 1);
        let mut one = Zeroizing::new([[0_u64; 8]; V]);
        *one.as_flattened_mut().get_mut(known / DIGIT)? = 1 << (known % DIGIT);
        for _ in known..DIGIT * digits {
            let twice = Zeroizing::new(add(&one, &one));
            let (less, below) = subtract(&twice, &n);
            *one = select(below, &twice, &less);
        }
        let minus = subtract(&n, &one).0;
        let with_more = |least: Number<V>| {
            let once = add(&least, &n);
            Zeroizing::new([least, once, add(&once, &n)])
        };
        let mut bits = Zeroizing::new(Vec::with_capacity(8 * length));
        let mut zeros = 1;
        for place in 0..8 * length {
            let byte = number.iter().rev().nth(place / 8).copied().unwrap_or(0);
            let bit = (byte >> (place % 8)) & 1;
            bits.push([bit, zeros]);
            if place > 0 {
                zeros &= 1 - bit;
            }
        }
        let (one, minus_one) = (with_more(*one), with_more(minus));
        Some(Self { modulus: n, inverse, one, minus_one, bits })
    }
}

/// Splits bytes into digits; `None` if they are more.
fn read<const V: usize>(bytes: &[u8]) -> Option<Number<V>> {
    let mut number = [[0; 8]; V];
    for (place, byte) in bytes.iter().rev().enumerate() {
        let (digit, shift) = (8 * place / DIGIT, 8 * place % DIGIT);
        let digits = number.as_flattened_mut();
        let byte = u64::from(*byte);
        *digits.get_mut(digit)? |= (byte << shift) & MASK;
        if shift > DIGIT - 8 {
            *digits.get_mut(digit + 1)? |= byte >> (DIGIT - shift);
        }
    }
    Some(number)
}

fn add<const V: usize>(a: &Number<V>, b: &Number<V>) -> Number<V> {
    let mut sum = [[0; 8]; V];
    let mut carry = 0;
    for ((to, a), b) in sum.as_flattened_mut().iter_mut().zip(a.as_flattened()).zip(b.as_flattened()) {
        let digit = a + b + carry;
        (*to, carry) = (digit & MASK, digit >> DIGIT);
    }
    sum
}

/// The difference, and 1 if it is below zero.
fn subtract<const V: usize>(a: &Number<V>, b: &Number<V>) -> (Number<V>, u64) {
    let mut difference = [[0; 8]; V];
    let mut borrow = 0;
    for ((to, a), b) in difference.as_flattened_mut().iter_mut().zip(a.as_flattened()).zip(b.as_flattened()) {
        let digit = a.wrapping_sub(b + borrow);
        (*to, borrow) = (digit & MASK, digit >> 63);
    }
    (difference, borrow)
}

/// The first for 1, the second for 0.
fn select<const V: usize>(which: u64, one: &Number<V>, zero: &Number<V>) -> Number<V> {
    let mask = std::hint::black_box(which).wrapping_neg();
    let mut chosen = *zero;
    for (to, one) in chosen.as_flattened_mut().iter_mut().zip(one.as_flattened()) {
        *to ^= (*to ^ one) & mask;
    }
    chosen
}

#[cfg(test)]
mod tests;
