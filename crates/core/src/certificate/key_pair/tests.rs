//! Pairs that were forged: every part of a key that does not belong to the others is noticed.

use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der, Pkcs8V2Der},
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
        EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair,
    },
};
use crypto_bigint::{BoxedUint, NonZero};

use super::*;
use crate::certificate::der::{INTEGER, OCTET_STRING, Reader, SEQUENCE, encode};

/// What an RSAPrivateKey of two primes holds, in its order (RFC 8017, appendix A.1.2).
const PARTS: [&str; 9] = ["version", "n", "e", "d", "p", "q", "dP", "dQ", "qInv"];
const RSA: &[u8] =
    &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
/// Wide enough for every product below.
const BITS: u32 = 8192;

/// The numbers of an RSA key, big endian.
type Parts = [Vec<u8>; 9];

fn rsa() -> Parts {
    let der: Pkcs8V1Der<'_> = RsaKeyPair::generate(KeySize::Rsa2048).unwrap().as_der().unwrap();
    let mut info = Reader::new(Reader::new(der.as_ref()).content(SEQUENCE).unwrap());
    info.any().unwrap();
    info.any().unwrap();
    let mut key = Reader::new(Reader::new(info.content(OCTET_STRING).unwrap()).content(SEQUENCE).unwrap());
    std::array::from_fn(|_| key.content(INTEGER).unwrap().to_vec())
}

fn uint(bytes: &[u8]) -> BoxedUint {
    let digits: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
    BoxedUint::from_be_slice(&digits, BITS).unwrap()
}

fn bytes(number: &BoxedUint) -> Vec<u8> {
    let digits: Vec<u8> = number.to_be_bytes().iter().copied().skip_while(|byte| *byte == 0).collect();
    let sign = digits.first().is_none_or(|first| *first >= 0x80);
    [vec![0; usize::from(sign)], digits].concat()
}

fn pkcs8(algorithm: &[u8], private: &[u8]) -> PrivateKey {
    let private = encode(OCTET_STRING, private);
    PrivateKey::from_pkcs8_der(encode(SEQUENCE, &[&[2, 1, 0][..], algorithm, &private].concat()))
}

fn rsa_key(parts: &[Vec<u8>]) -> PrivateKey {
    let numbers: Vec<u8> = parts.iter().flat_map(|part| encode(INTEGER, part)).collect();
    pkcs8(RSA, &encode(SEQUENCE, &numbers))
}

/// Whether the key is proved, as a pairing asks for it.
fn is_proved(key: &PrivateKey) -> bool {
    let algorithm = KeyAlgorithm::of_private(key).unwrap();
    KeyPair::load(key, &algorithm).is_some_and(|pair| pair.works(key))
}

/// The parts of a key with these factors, which fit each other.
fn of_factors(p: &BoxedUint, q: &BoxedUint) -> Parts {
    let one = BoxedUint::one_with_precision(BITS);
    let (e, p1, q1) = (uint(&[1, 0, 1]), p.wrapping_sub(&one), q.wrapping_sub(&one));
    let modulo = |number: &BoxedUint, by: &BoxedUint| number.rem(&NonZero::new(by.clone()).unwrap());
    let d = e.invert_mod(&NonZero::new(p1.wrapping_mul(&q1)).unwrap()).unwrap();
    let inverse = q.invert_mod(&NonZero::new(p.clone()).unwrap());
    let inverse = inverse.into_option().unwrap_or_else(|| one.clone());
    let (d_p, d_q) = (modulo(&d, &p1), modulo(&d, &q1));
    [
        vec![0],
        bytes(&p.wrapping_mul(q)),
        bytes(&e),
        bytes(&d),
        bytes(p),
        bytes(q),
        bytes(&d_p),
        bytes(&d_q),
        bytes(&inverse),
    ]
}

#[test]
fn every_part_of_an_rsa_key_has_to_fit_the_others() {
    let (parts, other) = (rsa(), rsa());
    assert!(is_proved(&rsa_key(&parts)), "the control");
    for (place, name) in PARTS.iter().enumerate().skip(1) {
        let with = |part: Vec<u8>| {
            let mut forged = parts.clone();
            forged[place] = part;
            rsa_key(&forged)
        };
        let number = uint(&parts[place]);
        // The number next to it that is odd or even as it is, and the next of all, which is not.
        for step in [1_u8, 2] {
            assert!(!is_proved(&with(bytes(&number.wrapping_add(uint(&[step]))))), "{name} + {step}");
        }
        assert!(!is_proved(&with(vec![0])), "{name} = 0");
        assert!(!is_proved(&with(vec![1])), "{name} = 1");
        if *name != "e" {
            assert!(!is_proved(&with(other[place].clone())), "{name} of another key");
        }
    }
}

#[test]
fn exponents_that_are_no_exponents_are_refused() {
    let parts = rsa();
    for exponent in
        [vec![1], vec![2], vec![1, 0, 0], vec![3], vec![4, 0, 0, 0, 1], vec![0x7f; 300], vec![0x81]]
    {
        let mut forged = parts.clone();
        forged[2] = exponent;
        assert!(!is_proved(&rsa_key(&forged)), "e = {:x?}", forged[2]);
    }
}

#[test]
fn factors_that_change_places_or_are_the_same_are_refused() {
    let parts = rsa();
    let mut swapped = parts.clone();
    swapped.swap(4, 5);
    assert!(!is_proved(&rsa_key(&swapped)), "dP, dQ and qInv are those of the other");
    swapped.swap(6, 7);
    assert!(!is_proved(&rsa_key(&swapped)), "qInv is that of the other");
    let (p, q) = (uint(&parts[4]), uint(&parts[5]));
    assert!(is_proved(&rsa_key(&of_factors(&p, &q))), "the control: d modulo (p-1)(q-1)");
    assert!(is_proved(&rsa_key(&of_factors(&q, &p))), "a larger q than p");
    assert!(!is_proved(&rsa_key(&of_factors(&p, &p))), "p = q");
    let one = BoxedUint::one_with_precision(BITS);
    assert!(!is_proved(&rsa_key(&of_factors(&p.wrapping_mul(&q), &uint(&[2])))), "an even factor");
    let trivial = [vec![0], parts[1].clone(), vec![1, 0, 1], parts[3].clone(), bytes(&one), parts[1].clone()];
    assert!(!is_proved(&rsa_key(&[&trivial[..], &parts[6..]].concat())), "p = 1");
}

#[test]
fn keys_of_more_than_two_primes_are_refused() {
    let (first, second) = (rsa(), rsa());
    let product = uint(&first[4]).wrapping_mul(uint(&first[5]));
    let prime = uint(&second[4]);
    for (p, q) in [(&product, &prime), (&prime, &product)] {
        let key = rsa_key(&of_factors(p, q));
        let algorithm = KeyAlgorithm::of_private(&key).unwrap();
        let pair = KeyPair::load(&key, &algorithm).expect("all that loading checks holds");
        assert!(!pair.works(&key), "three primes written as two");
    }
    let mut declared = first.to_vec();
    declared[0] = vec![1];
    assert!(!is_proved(&rsa_key(&declared)), "version 1 without further primes");
    let numbers: Vec<u8> = declared.iter().flat_map(|part| encode(INTEGER, part)).collect();
    let further = encode(
        SEQUENCE,
        &[encode(INTEGER, &second[4]), encode(INTEGER, &second[6]), encode(INTEGER, &second[8])].concat(),
    );
    let more = encode(SEQUENCE, &[numbers, encode(SEQUENCE, &further)].concat());
    assert!(!is_proved(&pkcs8(RSA, &more)), "a multi-prime key");
}

#[test]
fn products_that_deceive_a_weaker_test_are_refused() {
    use primes::tests::{carmichael, prime, pseudoprime};
    // The modulus says to which base is tested: with these it is one that is not deceived.
    let [q, carmichael, pseudoprime] =
        [prime(), carmichael(), pseudoprime()].map(|number| uint(&number.to_be_bytes()));
    for (name, product) in [("Carmichael", &carmichael), ("to the base 2", &pseudoprime)] {
        for (p, q) in [(product, &q), (&q, product)] {
            let key = rsa_key(&of_factors(p, q));
            let algorithm = KeyAlgorithm::of_private(&key).unwrap();
            let pair = KeyPair::load(&key, &algorithm).expect("all that loading checks holds");
            assert!(!pair.works(&key), "{name}");
        }
    }
    assert!(!is_proved(&rsa_key(&of_factors(&carmichael, &pseudoprime))), "two products");
}

#[test]
fn a_key_without_factors_proves_nothing() {
    let parts = rsa();
    for kept in [&[1, 3][..], &[1, 2, 3], &[1, 2, 3, 4, 5]] {
        let key: Vec<Vec<u8>> =
            (0..9).map(|place| if kept.contains(&place) { parts[place].clone() } else { vec![0] }).collect();
        assert!(!is_proved(&rsa_key(&key)), "only the parts {kept:?}");
    }
}

fn ec(algorithm: &'static EcdsaSigningAlgorithm) -> Vec<u8> {
    EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).unwrap().as_ref().to_vec()
}

#[test]
fn a_point_that_is_not_the_keys_own_is_refused() {
    for (algorithm, length) in [
        (&ECDSA_P256_SHA256_ASN1_SIGNING, 65),
        (&ECDSA_P384_SHA384_ASN1_SIGNING, 97),
        (&ECDSA_P521_SHA512_ASN1_SIGNING, 133),
    ] {
        let (own, other) = (ec(algorithm), ec(algorithm));
        assert!(is_proved(&PrivateKey::from_pkcs8_der(own.clone())), "the control");
        // The point stands at the end.
        let forged = [&own[..own.len() - length], &other[other.len() - length..]].concat();
        assert!(!is_proved(&PrivateKey::from_pkcs8_der(forged)), "the point of another key");
        let mut off_curve = own.clone();
        *off_curve.last_mut().unwrap() ^= 1;
        assert!(!is_proved(&PrivateKey::from_pkcs8_der(off_curve)), "no point of the curve");
    }
}

#[test]
fn a_point_that_is_not_written_is_derived() {
    let own = ec(&ECDSA_P256_SHA256_ASN1_SIGNING);
    let mut info = Reader::new(Reader::new(&own).content(SEQUENCE).unwrap());
    info.any().unwrap();
    let algorithm = info.any().unwrap().encoded;
    let mut key = Reader::new(Reader::new(info.content(OCTET_STRING).unwrap()).content(SEQUENCE).unwrap());
    let [version, scalar] = [key.any().unwrap(), key.any().unwrap()];
    let of_scalar = |scalar: &[u8]| {
        pkcs8(algorithm, &encode(SEQUENCE, &[version.encoded, &encode(OCTET_STRING, scalar)].concat()))
    };
    let bare = of_scalar(scalar.content);
    assert!(is_proved(&bare));
    assert_eq!(public_key_der(&bare), public_key_der(&PrivateKey::from_pkcs8_der(own.clone())));
    assert!(!is_proved(&of_scalar(&[0; 32])), "0");
    assert!(!is_proved(&of_scalar(&[0xff; 32])), "more than the order of the curve");
}

#[test]
fn the_public_half_of_an_edwards_key_is_its_seeds() {
    let own = Ed25519KeyPair::generate().unwrap();
    let v2: Pkcs8V2Der<'_> = own.as_der().unwrap();
    assert!(is_proved(&PrivateKey::from_pkcs8_der(v2.as_ref().to_vec())), "the control");
    let mut forged = v2.as_ref().to_vec();
    *forged.last_mut().unwrap() ^= 1;
    assert!(!is_proved(&PrivateKey::from_pkcs8_der(forged)), "another public key beside the seed");
}

#[test]
fn a_key_belongs_to_its_own_kind_and_its_own_public_key_alone() {
    let random = SystemRandom::new();
    let rsa = rsa_key(&rsa()).expose_pkcs8_der().to_vec();
    let ed25519 = Ed25519KeyPair::generate_pkcs8(&random).unwrap().as_ref().to_vec();
    let all = [
        rsa,
        ec(&ECDSA_P256_SHA256_ASN1_SIGNING),
        ec(&ECDSA_P256_SHA256_ASN1_SIGNING),
        ec(&ECDSA_P384_SHA384_ASN1_SIGNING),
        ec(&ECDSA_P521_SHA512_ASN1_SIGNING),
        ed25519,
    ]
    .map(PrivateKey::from_pkcs8_der);
    let spkis: Vec<Vec<u8>> = all.iter().map(|key| public_key_der(key).unwrap()).collect();
    for (index, key) in all.iter().enumerate() {
        let pair = KeyPair::load(key, &KeyAlgorithm::of_private(key).unwrap()).unwrap();
        for (place, spki) in spkis.iter().enumerate() {
            assert_eq!(pair.belongs_to(spki), index == place, "key {index}, public key {place}");
        }
    }
    // The same point, said to lie on another curve.
    let p256 = KeyPair::load(&all[1], &KeyAlgorithm::Ec { curve: "P-256".to_owned() }).unwrap();
    let point = p256.public_key();
    let (kind, _) = public_key_info(&spkis[3]).unwrap();
    let bits = encode(0x03, &[&[0], point].concat());
    assert!(!p256.belongs_to(&encode(SEQUENCE, &[encode(SEQUENCE, kind), bits].concat())));
}
