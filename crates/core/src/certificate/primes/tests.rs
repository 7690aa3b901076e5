use super::*;

/// p of p(2p - 1), both prime, of 1,024 bits: 2 is no witness that it is a product.
const OF_PSEUDOPRIME: &str = "b504e91cc0b8342a66f179565599427b8cadcdeab58f139dddf5cecf16864eeebdeb1436237faaea6b15e74bcaa1cfa9a46753c2d49913f06203e3dc3467381d";
/// k of (6k + 1)(12k + 1)(18k + 1), all prime, of 1,024 bits: a Carmichael number.
const OF_CARMICHAEL: &str =
    "3b2ab4d8b0660975f0ca94b154c22ef104a0e2803296f0bb5c00dcde33ea99b1454cf36a36871439087ad";
/// The modulus of the second group of RFC 2409.
const PRIME: &str = "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404ddef95\
     19b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7edee386bfb\
     5a899fa5ae9f24117c4b1fe649286651ece65381ffffffffffffffff";
const BITS: u32 = 1024;

fn hexadecimal(text: &str) -> BoxedUint {
    BoxedUint::from_be_hex(&format!("{text:0>256}"), BITS).unwrap()
}

fn number(small: u64) -> BoxedUint {
    BoxedUint::from(small).resize(BITS)
}

/// A prime.
pub(in crate::certificate) fn prime() -> BoxedUint {
    hexadecimal(PRIME)
}

/// p(2p - 1), which passes the test to the base 2.
pub(in crate::certificate) fn pseudoprime() -> BoxedUint {
    let half = hexadecimal(OF_PSEUDOPRIME);
    half.wrapping_mul(half.wrapping_add(&half).wrapping_sub(number(1)))
}

/// A number that passes Fermat's test to every base.
pub(in crate::certificate) fn carmichael() -> BoxedUint {
    let k = hexadecimal(OF_CARMICHAEL);
    let factor = |times: u64| k.wrapping_mul(number(times)).wrapping_add(number(1));
    factor(6).wrapping_mul(factor(12)).wrapping_mul(factor(18))
}

/// 2^1021 - 1, a product that passes the test to the base 2 as all such numbers do.
fn mersenne() -> BoxedUint {
    number(1).shl(1021).wrapping_sub(number(1))
}

fn bytes(number: &BoxedUint) -> Vec<u8> {
    without_zeros(&number.to_be_bytes()).to_vec()
}

fn passes(decimal: u128) -> bool {
    is_prime(without_zeros(&decimal.to_be_bytes()), 0x6d_6f64_756c_7573)
}

/// a^(n-1) = 1 modulo n, which is Fermat's test.
fn passes_fermat(n: &BoxedUint, base: u64) -> bool {
    let parameters = BoxedMontyParams::new(Odd::new(n.clone()).unwrap());
    BoxedMontyForm::new(number(base), &parameters).pow(&n.wrapping_sub(number(1)))
        == BoxedMontyForm::one(&parameters)
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
    assert!(!is_prime(&[0xff; MAX_LEN + 1], 7), "longer than any factor");
}

/// Whether a number of 1,024 bits passes Miller and Rabin's test to the base 2.
fn passes_to_two(n: &BoxedUint) -> bool {
    let parameters = BoxedMontyParams::new(Odd::new(n.clone()).unwrap());
    let less_one = n.wrapping_sub(number(1));
    let twos = less_one.trailing_zeros();
    let mut power = BoxedMontyForm::new(number(2), &parameters).pow(&less_one.wrapping_shr(twos));
    let one = BoxedMontyForm::one(&parameters);
    let mut passes = power == one;
    for _ in 0..twos {
        passes |= power == one.neg();
        power = power.square();
    }
    passes
}

#[test]
fn products_that_deceive_one_base_pass_to_few_and_the_same_with_any_instructions() {
    assert!(passes_to_two(&mersenne()) && passes_to_two(&pseudoprime()), "the controls");
    for base in [2, 3, 5, 7, 65_537] {
        assert!(passes_fermat(&carmichael(), base), "{base}");
    }
    for (name, product, most) in
        [("Carmichael", carmichael(), 16), ("p(2p - 1)", pseudoprime(), 24), ("2^1021 - 1", mersenne(), 0)]
    {
        let product = bytes(&product);
        assert_eq!(product.len(), 128, "{name}");
        let mut deceived = 0;
        for seed in 0..64_u8 {
            let word = u64::from_be_bytes(*Sha256::digest([seed]).first_chunk().unwrap());
            let passes = is_prime(&product, word);
            deceived += usize::from(passes);
            // None on a processor without the instructions.
            let together = are_strong_probable_primes([&product, &product], word);
            assert_eq!(together.unwrap_or(passes), passes, "{name}, {seed}");
        }
        assert!(deceived <= most, "{name}: {deceived} of 64");
    }
    for small in [561, 1105, 1729, 41041, 825_265, 321_197_185] {
        assert!(!passes(small), "{small}");
    }
}

#[test]
fn a_prime_passes_however_often_two_divides_what_is_below_it() {
    // 2^16 + 1, 3 2^30 + 1, 27 2^59 + 1, 10 2^120 + ... as k 2^n + 1.
    for (k, n) in [(1_u128, 16_u32), (3, 30), (27, 56), (5, 75)] {
        assert!(passes((k << n) + 1), "{k} 2^{n} + 1");
    }
}
