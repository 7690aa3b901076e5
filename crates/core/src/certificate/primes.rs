//! Whether the factors of an RSA key are prime, by one round of Miller and Rabin's test of each.
//!
//! What loading proves of an RSA key holds as well where p or q is itself a product, as in a key of three primes that
//! is written as one of two. Such a key makes signatures that nothing verifies.
//!
//! This is proved against mistakes, of a program or of a disk: of products that come about by chance, hardly one in 2^100
//! passes. It is not proved against whoever made the key, who could as well give it away. The base is made from the modulus,
//! so that a product that deceives one certain base, as 2, has no advantage. Products made to deceive many bases pass with a
//! few moduli: a Carmichael number, with which RSA works all the same, with one in eight, and none with more than one in four.
//!
//! Powers are computed in constant time. Nothing but the verdict leaves.

use crypto_bigint::{
    BoxedUint, Choice, CtEq as _, Odd, Resize as _,
    modular::{BoxedMontyForm, BoxedMontyParams},
};
use sha2::{Digest as _, Sha256};
use strongroom_lanes::are_strong_probable_primes;
use zeroize::Zeroizing;

use super::der::{INTEGER, OCTET_STRING, Reader, SEQUENCE};
use crate::secret::PrivateKey;

/// The longest factor, in bytes: of a modulus of 8,192 bits, the largest that is loaded.
const MAX_LEN: usize = 1024;
/// The bits of the base that count.
const WORD: u64 = (1 << 52) - 1;
/// How often is squared at least, so that the time does not tell how often 2 divides a factor less 1: of a million factors,
/// less than one is divided more often.
const SQUARES: u32 = 20;

/// Whether both factors pass. Their product, and what else belongs to them, was checked when the key was loaded.
pub(super) fn are_prime(key: &PrivateKey) -> bool {
    factors(key).is_some_and(|[modulus, p, q]| {
        let seed = Sha256::digest(modulus);
        let word = seed.iter().take(8).fold(0, |word, byte| (word << 8) | u64::from(*byte));
        // Without the instructions for both together, they are tested as any processor can, to the same base; and so before
        // a key is refused.
        are_strong_probable_primes([p, q], word) == Some(true) || (is_prime(p, word) && is_prime(q, word))
    })
}

/// The modulus and its two factors without leading zeros, out of an RSAPrivateKey (RFC 8017, appendix A.1.2).
fn factors(key: &PrivateKey) -> Option<[&[u8]; 3]> {
    // EXPOSE: the numbers are computed with.
    let mut info = Reader::new(Reader::new(key.expose_pkcs8_der()).content(SEQUENCE).ok()?);
    info.content(INTEGER).ok()?;
    info.content(SEQUENCE).ok()?;
    let mut fields = Reader::new(Reader::new(info.content(OCTET_STRING).ok()?).content(SEQUENCE).ok()?);
    let mut next = || fields.content(INTEGER).ok().map(without_zeros);
    let [_version, modulus, _e, _d, p, q] = [next()?, next()?, next()?, next()?, next()?, next()?];
    Some([modulus, p, q])
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// Whether n - 1 = d 2^s, and a^d is 1 or one of a^d, a^2d, ... below a^(n-1) is -1 modulo n, where a is `word` by 2^52.
fn is_prime(number: &[u8], word: u64) -> bool {
    let length = number.len();
    let Ok(bits) = u32::try_from(length.next_multiple_of(8) * 8) else {
        return false;
    };
    if !(2..=MAX_LEN).contains(&length) {
        return false;
    }
    let Some(n) = BoxedUint::from_be_slice(number, bits).ok().map(Zeroizing::new) else {
        return false;
    };
    let Some(modulus) = Odd::new((*n).clone()).into_option() else {
        return false;
    };
    let parameters = BoxedMontyParams::new(modulus);
    let word = BoxedUint::from((word & WORD).max(2)).resize(bits);
    let base = (0..WORD.count_ones()).fold(BoxedMontyForm::new(word, &parameters), |base, _| base.div_by_2());
    let less_one = Zeroizing::new(n.wrapping_sub(BoxedUint::one()));
    let twos = less_one.trailing_zeros();
    let odd = Zeroizing::new(less_one.wrapping_shr(twos));
    let one = BoxedMontyForm::one(&parameters);
    let minus_one = one.neg();
    let mut power = base.pow(&odd);
    let mut passes = power.ct_eq(&one) | power.ct_eq(&minus_one);
    for squares in 1..twos.max(SQUARES) {
        power = power.square();
        passes |= power.ct_eq(&minus_one) & Choice::from_u32_lt(squares, twos);
    }
    passes.to_bool()
}

#[cfg(test)]
pub(super) mod tests;
