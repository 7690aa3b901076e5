//! Derivations against the values of others, and derivations together against each by itself.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::{
    limits::{BudgetExceeded, Cancel, KdfBudget, Limits},
    pkcs12::error::Pkcs12Error,
};

fn budget() -> KdfBudget {
    KdfBudget::new(&Limits::default())
}

fn derivation(method: Method, password: &[u8], salt: &[u8], len: usize) -> Derivation {
    Derivation { salt: salt.to_vec(), method, len, password: Zeroizing::new(password.to_vec()) }
}

fn key(method: Method, password: &[u8], salt: &[u8], len: usize) -> Vec<u8> {
    let one = [derivation(method, password, salt, len)];
    let mut keys = lanes::derive(&one, None, &mut budget()).unwrap();
    keys.remove(0).unwrap().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[test]
fn derivation_gives_the_values_of_openssl() {
    // openssl kdf -keylen 60 -kdfopt digest:D -kdfopt id:N -kdfopt iter:100 .. PKCS12KDF; 60 bytes take
    // several blocks of every hash but SHA-512.
    let password = b"\0g\0e\0@\0\xe4\0h\0e\0i\0m\0\0";
    let salt = [1, 2, 3, 4, 5, 6, 7, 8];
    for (hash, purpose, expected) in [
        (
            Hash::Sha1,
            Purpose::Key,
            "f681007c3c547572a78d9f8b6abd8d66a418b2d29bc055af5d066da027f1ba15ba928d796fbeaa9b6d62d2cef2a033ad7662c99edef8f473dff6d6ba",
        ),
        (
            Hash::Sha256,
            Purpose::Iv,
            "e5ff813bc6547de5155b14d2fada85b3201a977349db6e26ccc998d9e8f83d6c9c616479e156abbbcd87876c74e49313b2ffe58b03c5e646cd115212",
        ),
        (
            Hash::Sha256,
            Purpose::Mac,
            "136355ed9434516682534f46d63956db5ff06b844702c2c1f3b46321e2524a4d20010bdbf1fb75534734491c9bcc30ad3673e71e9c9256491e85af0c",
        ),
        (
            Hash::Sha512,
            Purpose::Mac,
            "ff1ad3d0b3d71e9be4afa449a3694368400c08c6a58e4bc11ae723808052fbeb6679f88ec9bb13b27b2ca936167676537a4f9d81a5702a522e4fca8a",
        ),
    ] {
        let method = Method::Pkcs12 { hash, purpose, iterations: 100 };
        assert_eq!(hex(&key(method, password, &salt, 60)), expected, "{hash:?}");
    }
}

#[cfg(feature = "legacy-pfx")]
#[test]
fn pbkdf1_gives_the_values_of_python() {
    // t = sha1(b"password" + bytes(range(8))); 999 times t = sha1(t); t[:16]
    let salt = [0, 1, 2, 3, 4, 5, 6, 7];
    for (hash, expected) in
        [(Hash::Sha1, "4d53d6526a464af75fb0e300bbf73fa3"), (Hash::Md5, "37393a7dccec61c97ff50e194cca8940")]
    {
        let method = Method::Pbkdf1 { hash, iterations: 1000 };
        assert_eq!(hex(&key(method, b"password", &salt, 16)), expected);
    }
}

#[test]
fn pbkdf2_gives_the_values_of_another_implementation() {
    type Pbkdf2 = fn(&[u8], &[u8], u32, &mut [u8]);
    let all: [(Hash, Pbkdf2); 7] = [
        (Hash::Sha1, pbkdf2::pbkdf2_hmac::<sha1::Sha1>),
        (Hash::Sha224, pbkdf2::pbkdf2_hmac::<sha2::Sha224>),
        (Hash::Sha256, pbkdf2::pbkdf2_hmac::<sha2::Sha256>),
        (Hash::Sha384, pbkdf2::pbkdf2_hmac::<sha2::Sha384>),
        (Hash::Sha512, pbkdf2::pbkdf2_hmac::<sha2::Sha512>),
        (Hash::Sha512_224, pbkdf2::pbkdf2_hmac::<sha2::Sha512_224>),
        (Hash::Sha512_256, pbkdf2::pbkdf2_hmac::<sha2::Sha512_256>),
    ];
    for (hash, theirs) in all {
        // Around a block of either size, and around one output block.
        for password_len in [0, 1, 63, 64, 65, 127, 128, 129, 300] {
            let (password, salt) = (vec![b'p'; password_len], vec![b's'; password_len / 3]);
            for (iterations, len) in [(1, 16), (2, hash.output_len()), (5, hash.output_len() + 1), (3, 130)] {
                let mut expected = vec![0; len];
                theirs(&password, &salt, iterations, &mut expected);
                let ours = key(Method::Pbkdf2 { prf: hash, iterations }, &password, &salt, len);
                assert_eq!(hex(&ours), hex(&expected), "{hash:?} {password_len} {iterations} {len}");
            }
        }
    }
}

#[test]
fn pbkdf2_gives_the_value_of_rfc_6070() {
    let key = key(Method::Pbkdf2 { prf: Hash::Sha1, iterations: 4096 }, b"password", b"salt", 20);
    assert_eq!(hex(&key), "4b007901b765489abead49d926f721d065a429c1");
}

const HASHES: &[Hash] = &[
    Hash::Sha1,
    Hash::Sha224,
    Hash::Sha256,
    Hash::Sha384,
    Hash::Sha512,
    Hash::Sha512_224,
    Hash::Sha512_256,
    #[cfg(feature = "legacy-pfx")]
    Hash::Md5,
    #[cfg(feature = "legacy-pfx")]
    Hash::Ripemd160,
    Hash::Sha3_224,
    Hash::Sha3_256,
    Hash::Sha3_384,
    Hash::Sha3_512,
    #[cfg(feature = "legacy-pfx")]
    Hash::Blake2b512,
    #[cfg(feature = "legacy-pfx")]
    Hash::Whirlpool,
];

/// Derivations of every method with every hash, of different lengths and iterations.
fn of_all_kinds(times: impl Fn(usize) -> u32) -> Vec<Derivation> {
    let mut all = Vec::new();
    for hash in HASHES.iter().copied() {
        for (purpose, len) in [(Purpose::Key, 24), (Purpose::Iv, 8), (Purpose::Mac, hash.output_len())] {
            let iterations = times(all.len());
            let method = Method::Pkcs12 { hash, purpose, iterations };
            all.push(derivation(method, &vec![b'p'; all.len() * 5], &vec![b's'; all.len()], len));
        }
        let method = Method::Pbkdf1 { hash, iterations: times(all.len()) };
        all.push(derivation(method, b"password", &[7; 8], 16));
        let method = Method::Pbkdf2 { prf: hash, iterations: times(all.len()) };
        // A password longer than any block now and then, and keys of up to seven output blocks.
        all.push(derivation(method, &vec![b'q'; all.len() * 4], &[9; 16], 32 + all.len() % 3 * 50));
    }
    all
}

/// Each of them by itself, one hash after the other.
fn by_itself(derivation: &Derivation) -> Vec<u8> {
    let (Method::Pkcs12 { hash, .. } | Method::Pbkdf1 { hash, .. } | Method::Pbkdf2 { prf: hash, .. }) =
        derivation.method
    else {
        panic!("no hash");
    };
    let mut key = budget().counting(|progress| lanes::alone(hash, derivation, progress)).unwrap().to_vec();
    key.truncate(derivation.len);
    key
}

#[test]
fn together_gives_what_each_gives_by_itself() {
    let all = of_all_kinds(|place| u32::try_from(1 + place * 7 % 40).unwrap());
    let keys = lanes::derive(&all, None, &mut budget()).unwrap();
    for (place, (one, key)) in all.iter().zip(&keys).enumerate() {
        assert_eq!(key.as_ref().unwrap().to_vec(), by_itself(one), "{place}: {:?}", one.method);
    }
    // In another order, in which another hash is the first.
    let mut turned = all.clone();
    turned.rotate_left(37);
    let again = lanes::derive(&turned, None, &mut budget()).unwrap();
    assert!(again.iter().eq(keys.iter().cycle().skip(37).take(keys.len())));
}

#[test]
fn threads_give_the_same() {
    let method = |place: usize| Method::Pbkdf2 {
        prf: [Hash::Sha256, Hash::Sha1, Hash::Sha512, Hash::Sha224][place % 4],
        iterations: 9_000 + u32::try_from(place).unwrap() * 100,
    };
    let all: Vec<Derivation> = (0..27)
        .map(|place| derivation(method(place), b"changeit", &[u8::try_from(place).unwrap(); 8], 32))
        .collect();
    let mut spent = budget();
    let keys = lanes::derive(&all, None, &mut spent).unwrap();
    for (one, key) in all.iter().zip(keys) {
        assert_eq!(key.unwrap().to_vec(), by_itself(one), "{:?}", one.method);
    }
}

#[test]
fn every_iteration_is_counted_and_asked_about() {
    for count in [1, 3, 9] {
        let method = Method::Pbkdf2 { prf: Hash::Sha256, iterations: 40_001 };
        let all: Vec<Derivation> =
            (0..count).map(|place| derivation(method, b"changeit", &[place; 8], 32)).collect();
        let asked = std::sync::Arc::new(AtomicUsize::new(0));
        let counter = std::sync::Arc::clone(&asked);
        let mut counted = budget().with_cancel(Cancel::when(move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
            false
        }));
        lanes::derive(&all, None, &mut counted).unwrap();
        let total = 40_000 * usize::from(count);
        assert!(asked.load(Ordering::Relaxed) >= total / 10_000, "{count}: asked {asked:?} times");
        let done = counted.counting(|progress| progress.done());
        assert_eq!(done, u64::try_from(total).unwrap(), "{count}");
        let mut stopped = budget().with_cancel(Cancel::when(|done| done >= 20_000));
        let cancelled = lanes::derive(&all, None, &mut stopped).unwrap_err();
        assert!((20_000..60_000).contains(&cancelled.done), "{count}: {cancelled}");
    }
}

#[test]
fn what_stands_behind_a_shut_gate_is_not_derived() {
    let mac = Method::Pkcs12 { hash: Hash::Sha256, purpose: Purpose::Mac, iterations: 2000 };
    // Too little for another thread, which would go on while this one waits for a processor.
    let bag = Method::Pbkdf2 { prf: Hash::Sha256, iterations: 150_000 };
    let all = [derivation(mac, b"p", b"salt", 32), derivation(bag, b"p", b"salt", 32)];
    let mut spent = budget();
    let keys = lanes::derive(&all, Some(&|key: &[u8]| key.len() != 32), &mut spent).unwrap();
    assert!(keys[0].is_some() && keys[1].is_none());
    let done = spent.counting(|progress| progress.done());
    assert!(done < 50_000, "{done} iterations for a MAC of 2,000");
    let open = [derivation(mac, b"p", b"salt", 32), derivation(mac, b"q", b"salt", 32)];
    let keys = lanes::derive(&open, Some(&|key: &[u8]| key.len() == 32), &mut budget()).unwrap();
    assert!(keys.iter().all(Option::is_some));
}

fn pbkdf2(password: &[u8], iterations: u32) -> Derivation {
    derivation(Method::Pbkdf2 { prf: Hash::Sha256, iterations }, password, b"salt", 32)
}

#[test]
fn every_use_of_a_key_is_charged_once_and_it_is_derived_once() {
    let limits = Limits { max_work: 100, ..Limits::default() };
    let (mut keys, mut budget) = (Keys::default(), KdfBudget::new(&limits));
    for _ in 0..2 {
        keys.want(pbkdf2(b"a", 20), &mut budget).unwrap();
    }
    keys.want(pbkdf2(b"b", 20), &mut budget).unwrap();
    assert_eq!(keys.get(&pbkdf2(b"a", 20)), None, "it is only asked for");
    keys.derive(None, &mut budget).unwrap();
    assert_eq!(budget.counting(|progress| progress.done()), 38, "two derivations of 19");
    assert_eq!(keys.get(&pbkdf2(b"a", 20)).unwrap(), by_itself(&pbkdf2(b"a", 20)));
    keys.rewind();
    // Read again: the same uses cost nothing, one more does.
    for _ in 0..3 {
        keys.want(pbkdf2(b"a", 20), &mut budget).unwrap();
    }
    assert_eq!(budget.charge(21, 1).unwrap_err(), BudgetExceeded { found: 101, limit: 100 });
    let refused = keys.want(pbkdf2(b"c", 21), &mut budget).unwrap_err();
    assert_eq!(refused, BudgetExceeded { found: 101, limit: 100 });
    keys.derive(None, &mut budget).unwrap();
    assert_eq!(keys.get(&pbkdf2(b"c", 21)), None, "what was refused is not derived");
}

#[test]
fn what_is_given_up_is_paid_back() {
    let limits = Limits { max_work: 100, ..Limits::default() };
    let (mut keys, mut budget) = (Keys::default(), KdfBudget::new(&limits));
    keys.want(pbkdf2(b"a", 40), &mut budget).unwrap();
    keys.derive(None, &mut budget).unwrap();
    keys.want(pbkdf2(b"b", 30), &mut budget).unwrap();
    keys.want(pbkdf2(b"b", 30), &mut budget).unwrap();
    keys.give_up(&mut budget);
    assert!(keys.get(&pbkdf2(b"a", 40)).is_some());
    assert_eq!(budget.charge(61, 1).unwrap_err(), BudgetExceeded { found: 101, limit: 100 });
    budget.charge(60, 1).unwrap();
}

#[test]
fn scrypt_is_derived_with_the_others_and_asks_before_it_begins() {
    let scrypt = Method::Scrypt { log_n: 4, r: 1, p: 1 };
    let wanted = derivation(scrypt, b"", b"", 64);
    let mut keys = Keys::default();
    let mut budget = budget();
    keys.want(wanted.clone(), &mut budget).unwrap();
    keys.derive(None, &mut budget).unwrap();
    // RFC 7914, section 12.
    assert!(hex(keys.get(&wanted).unwrap()).starts_with("77d6576238657b203b19ca42c18a0497"));
    let mut stopped = KdfBudget::new(&Limits::default()).with_cancel(Cancel::when(|_| true));
    keys.want(derivation(scrypt, b"a", b"", 64), &mut stopped).unwrap();
    assert!(matches!(keys.derive(None, &mut stopped), Err(Pkcs12Error::Cancelled(_))));
}
