//! Against primes of RFC 2409 and RFC 3526, and another implementation.

#![allow(clippy::as_conversions, reason = "lengths of a few hundred bytes, and a byte of a number below 18")]

use crypto_bigint::{
    BoxedUint, Odd, Resize as _,
    modular::{BoxedMontyForm, BoxedMontyParams},
};

use super::*;

/// The moduli of RFC 2409 (second group) and RFC 3526 (groups 5, 14 and 16). Each is prime, and so is half of it.
const MODULI: [&str; 4] = [
    "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404ddef95\
     19b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7edee386bfb\
     5a899fa5ae9f24117c4b1fe649286651ece65381ffffffffffffffff",
    "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404ddef95\
     19b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7edee386bfb\
     5a899fa5ae9f24117c4b1fe649286651ece45b3dc2007cb8a163bf0598da48361c55d39a69163fa8fd24cf5f83655d23dca3\
     ad961c62f356208552bb9ed529077096966d670c354e4abc9804f1746c08ca237327ffffffffffffffff",
    "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404ddef95\
     19b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7edee386bfb\
     5a899fa5ae9f24117c4b1fe649286651ece45b3dc2007cb8a163bf0598da48361c55d39a69163fa8fd24cf5f83655d23dca3\
     ad961c62f356208552bb9ed529077096966d670c354e4abc9804f1746c08ca18217c32905e462e36ce3be39e772c180e8603\
     9b2783a2ec07a28fb5c55df06f4c52c9de2bcbf6955817183995497cea956ae515d2261898fa051015728e5a8aacaa68ffff\
     ffffffffffff",
    "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404ddef95\
     19b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7edee386bfb\
     5a899fa5ae9f24117c4b1fe649286651ece45b3dc2007cb8a163bf0598da48361c55d39a69163fa8fd24cf5f83655d23dca3\
     ad961c62f356208552bb9ed529077096966d670c354e4abc9804f1746c08ca18217c32905e462e36ce3be39e772c180e8603\
     9b2783a2ec07a28fb5c55df06f4c52c9de2bcbf6955817183995497cea956ae515d2261898fa051015728e5a8aaac42dad33\
     170d04507a33a85521abdf1cba64ecfb850458dbef0a8aea71575d060c7db3970f85a6e1e4c7abf5ae8cdb0933d71e8c94e0\
     4a25619dcee3d2261ad2ee6bf12ffa06d98a0864d87602733ec86a64521f2b18177b200cbbe117577a615d6c770988c0bad9\
     46e208e24fa074e5ab3143db5bfce0fd108e4b82d120a92108011a723c12a787e6d788719a10bdba5b2699c327186af4e23c\
     1a946834b6150bda2583e9ca2ad44ce8dbbbc2db04de8ef92e8efc141fbecaa6287c59474e6bc05d99b2964fa090c3a2233b\
     a186515be7ed1f612970cee2d7afb81bdd762170481cd0069127d5b05aa993b4ea988d8fddc186ffb7dc90a6c08f4df435c9\
     34063199ffffffffffffffff",
];
/// Of p(2p - 1), both prime: a quarter of all bases are none the wiser. 2 is one of them.
const HALF_OF_PSEUDOPRIME: &str = "b504e91cc0b8342a66f179565599427b8cadcdeab58f139dddf5cecf16864eeebdeb1436237faaea6b15e74bcaa1cfa9a46753c2d49913f06203e3dc3467381d";

fn number(hex: &str, bits: u32) -> BoxedUint {
    let text = format!("{hex:0>width$}", width = bits as usize / 4);
    BoxedUint::from_be_hex(&text, bits).unwrap()
}

fn bytes(number: &BoxedUint) -> Vec<u8> {
    number.to_be_bytes().iter().copied().skip_while(|byte| *byte == 0).collect()
}

fn primes() -> impl Iterator<Item = [Vec<u8>; 2]> {
    MODULI.into_iter().map(|hex| {
        let modulus = number(hex, 4 * hex.len() as u32);
        [bytes(&modulus), bytes(&modulus.wrapping_shr(1))]
    })
}

fn pseudoprime() -> Vec<u8> {
    let half = number(HALF_OF_PSEUDOPRIME, 1024);
    let twice = half.wrapping_add(&half).wrapping_sub(BoxedUint::one());
    bytes(&half.wrapping_mul(&twice))
}

/// The same by another implementation.
fn reference(number: &[u8], word: u64) -> bool {
    let bits = 8 * number.len().next_multiple_of(8) as u32;
    let n = BoxedUint::from_be_slice(number, bits).unwrap();
    let parameters = BoxedMontyParams::new(Odd::new(n.clone()).unwrap());
    let form = |word: u64| BoxedMontyForm::new(BoxedUint::from(word).resize(bits), &parameters);
    let base = form(word) * form(1 << DIGIT).invert().unwrap();
    let one = BoxedMontyForm::one(&parameters);
    let less_one = n.wrapping_sub(BoxedUint::one());
    let twos = less_one.trailing_zeros();
    let mut power = base.pow(&less_one.wrapping_shr(twos));
    let mut passes = power == one || power == one.neg();
    for _ in 1..twos {
        power = power.square();
        passes |= power == one.neg();
    }
    passes
}

/// Whether this processor has the instructions; if it has none, that is said, and nothing else is tested.
fn is_covered() -> bool {
    let [first, second] = primes().next().unwrap();
    let covered = are_strong_probable_primes([&first, &second], 3).is_some();
    if !covered {
        println!("left out: this processor has no AVX-512 with IFMA, or the feature portable is on");
    }
    covered
}

#[test]
fn primes_of_every_length_pass() {
    if !is_covered() {
        return;
    }
    for [whole, half] in primes() {
        for word in [2, 3, 0x000f_ffff_ffff_ffff, 0x0123_4567_89ab_cdef, u64::MAX, 0] {
            for pair in [[&whole[..], &half[..]], [&half, &whole], [&whole, &whole]] {
                assert_eq!(
                    are_strong_probable_primes(pair, word),
                    Some(true),
                    "{} bytes, {word}",
                    whole.len()
                );
            }
        }
    }
}

#[test]
fn the_verdict_is_that_of_another_implementation() {
    if !is_covered() {
        return;
    }
    for [prime, _] in primes() {
        let (length, mut seen) = (prime.len(), 0);
        let mut number = prime.clone();
        for word in 2..18_u64 {
            // Numbers next to a prime, of which some are 1 modulo a high power of two.
            let last = number.len() - 1;
            number[last - 2..].copy_from_slice(&[word as u8, if word & 4 == 0 { 0 } else { 0x5a }, 1]);
            let wanted = reference(&number, word);
            let pairs = [[&number[..], &prime[..]], [&prime, &number]];
            for pair in pairs {
                assert_eq!(are_strong_probable_primes(pair, word), Some(wanted), "{length} bytes, {word}");
            }
            seen += usize::from(!wanted);
        }
        assert!(seen > 0, "{length} bytes");
    }
}

#[test]
fn bases_that_a_product_deceives_are_those_of_another_implementation() {
    if !is_covered() {
        return;
    }
    let (product, [prime, _]) = (pseudoprime(), primes().next().unwrap());
    assert_eq!(product.len(), 128);
    let mut deceived = 0;
    for word in 2..66 {
        let wanted = reference(&product, word);
        assert_eq!(are_strong_probable_primes([&product, &prime], word), Some(wanted), "{word}");
        assert_eq!(are_strong_probable_primes([&prime, &product], word), Some(wanted), "{word}");
        deceived += usize::from(wanted);
    }
    assert!((1..40).contains(&deceived), "{deceived} of 64");
}

#[test]
fn what_it_is_not_made_for_is_left_to_others() {
    if !is_covered() {
        return;
    }
    let [prime, half] = primes().next().unwrap();
    let mut even = prime.clone();
    even[127] -= 1;
    let padded = [&[0], &prime[..127]].concat();
    let long = [&[1], &[0xff; 512][..]].concat();
    for other in [&[][..], &[1], &prime[..16], &prime[65..], &even, &padded, &long] {
        assert_eq!(are_strong_probable_primes([&prime, other], 3), None, "{} bytes", other.len());
        assert_eq!(are_strong_probable_primes([other, &half], 3), None, "{} bytes", other.len());
    }
    assert_eq!(are_strong_probable_primes([&prime[..63], &prime[..63]], 3), None);
    // Numbers of unequal length, as 2^521 - 1 and 2^607 - 1 are.
    let mersenne = |bits: usize| {
        let mut bytes = vec![0xff; 1 + bits / 8];
        bytes[0] = (1 << (bits % 8)) - 1;
        bytes
    };
    assert_eq!(are_strong_probable_primes([&mersenne(521), &mersenne(607)], 3), Some(true));
    assert_eq!(are_strong_probable_primes([&mersenne(521), &mersenne(605)], 3), Some(false));
}
