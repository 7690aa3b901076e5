//! Whether the factors of an RSA key are prime, by Fermat's test.
//!
//! What loading proves of an RSA key holds as well where p or q is itself a product, as in a key of three primes that
//! is written as one of two. Such a key makes signatures that nothing verifies. The base is made from the modulus, so
//! that no factor can be chosen to fit it; a Carmichael number passes, and RSA works with one.
//!
//! Powers are computed in constant time. Nothing but the verdict leaves.

use crypto_bigint::{
    BoxedUint, Odd,
    modular::{BoxedMontyForm, BoxedMontyParams},
};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::der::{INTEGER, OCTET_STRING, Reader, SEQUENCE};
use crate::secret::PrivateKey;

/// The longest factor, in bytes: of a modulus of 8,192 bits, the largest that is loaded.
const MAX_LEN: usize = 1024;

/// Whether both factors pass. Their product, and what else belongs to them, was checked when the key was loaded.
pub(super) fn are_prime(key: &PrivateKey) -> bool {
    factors(key).is_some_and(|[modulus, p, q]| {
        let seed = Sha256::digest(modulus);
        is_prime(p, &seed) && is_prime(q, &seed)
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

/// Whether a^(n-1) = 1 modulo n, where a is one byte shorter than n, or as long as the seed.
fn is_prime(number: &[u8], seed: &[u8]) -> bool {
    let length = number.len();
    if length > MAX_LEN {
        return false;
    }
    let base = seed.get(..seed.len().min(length.saturating_sub(1))).unwrap_or_default();
    let Ok(bits) = u32::try_from(length.next_multiple_of(8) * 8) else {
        return false;
    };
    let of = |bytes: &[u8]| BoxedUint::from_be_slice(bytes, bits).ok().map(Zeroizing::new);
    let (Some(n), Some(base)) = (of(number), of(base)) else {
        return false;
    };
    let Some(modulus) = Odd::new((*n).clone()).into_option() else {
        return false;
    };
    let exponent = Zeroizing::new(n.wrapping_sub(BoxedUint::one()));
    let parameters = BoxedMontyParams::new(modulus);
    let power = BoxedMontyForm::new((*base).clone(), &parameters).pow(&exponent);
    bool::from(Zeroizing::new(power.retrieve()).is_one())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(decimal: u128) -> bool {
        let bytes = decimal.to_be_bytes();
        is_prime(without_zeros(&bytes), &Sha256::digest(b"a modulus"))
    }

    #[test]
    fn primes_pass_and_products_do_not() {
        for prime in [257, 65_537, 4_294_967_291, (1 << 61) - 1, (1 << 89) - 1, (1 << 127) - 1] {
            assert!(passes(prime), "{prime}");
        }
        let large: u128 = (1 << 61) - 1;
        for product in [large * large, large * 65_537, 341 * 65_537, (1 << 67) - 1, 4_294_967_291 * 3] {
            assert!(!passes(product), "{product}");
        }
    }

    #[test]
    fn numbers_without_a_base_and_even_ones_do_not_pass() {
        for number in [0, 1, 2, 3, 251, 255, 256, 65_536, (1 << 127) - 2] {
            assert!(!passes(number), "{number}");
        }
        assert!(!is_prime(&[0xff; MAX_LEN + 1], &[7; 32]), "longer than any factor");
    }
}
