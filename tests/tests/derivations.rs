//! What a file costs, in iterations: derivations are run together, and none that is not needed.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use strongroom::{
    Password,
    limits::{Cancel, KdfBudget, Limits},
    pkcs12::{Contents, Pfx, Pkcs12Error},
};
use strongroom_tests::{
    authority::{leaf_params, root},
    forge::{Bag, Cipher, Forge, Hash, Mac, Pbes1, Scheme, Secret},
};

const PASSWORD: &str = "changeit";

/// Opens a file; gives what came of it, and the iterations that were done before the last check: up to 10,000 fewer than in
/// all, for each thread.
fn open(
    file: &[u8],
    password: &str,
    key_password: Option<&str>,
    max_work: u64,
) -> (Result<Contents, Pkcs12Error>, u64) {
    let limits = Limits::default().with_max_work(max_work);
    let done = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&done);
    let mut budget = KdfBudget::new(&limits).with_cancel(Cancel::when(move |done| {
        seen.fetch_max(done, Ordering::Relaxed);
        false
    }));
    let password = Password::new(password).unwrap();
    let key_password = key_password.map(|text| Password::new(text).unwrap());
    let opened = Pfx::from_bytes(file, &limits)
        .and_then(|pfx| pfx.verify(&password, &mut budget))
        .and_then(|pfx| pfx.decrypt(key_password.as_ref(), &mut budget));
    (opened, done.load(Ordering::Relaxed))
}

fn pbkdf2(iterations: u64, salt: &[u8]) -> Scheme {
    Scheme::pbkdf2(Cipher::Aes256, Hash::Sha256, iterations).salt(salt)
}

/// A file with as many keys as there are schemes, under a password of their own or the file's.
fn file(secret: &Secret, keys: &[Scheme], key_secret: &Secret, mac: Mac) -> Vec<u8> {
    let issuer = root("Derivation Root");
    let mut forge = Forge::new(secret.clone()).mac(mac);
    for (number, scheme) in keys.iter().enumerate() {
        let credential = issuer.issue(&leaf_params(&format!("www{number}.test")), &[]);
        let key = Bag::shrouded(credential.key().expose_pkcs8_der(), scheme, key_secret);
        forge = forge.plain(&[Bag::certificate(credential.leaf().der()), key]);
    }
    forge.build()
}

#[test]
fn a_wrong_password_costs_the_mac_and_not_the_keys() {
    let secret = Secret::of(PASSWORD);
    // Too little for another thread, which would go on while this one waits for a processor.
    let keys: Vec<Scheme> = (0..3).map(|number| pbkdf2(60_000, &[number; 8])).collect();
    let bytes = file(&secret, &keys, &secret, Mac::pkcs12(Hash::Sha256, 5_000));
    let (opened, done) = open(&bytes, "wrong", None, 5_000_000);
    assert_eq!(opened.unwrap_err(), Pkcs12Error::WrongPassword);
    // Four lanes as long as the MAC, of whose iterations each is half of one of the others.
    assert!(done < 60_000, "{done} iterations");
    let (opened, done) = open(&bytes, PASSWORD, None, 5_000_000);
    assert_eq!(opened.unwrap().keys.len(), 3);
    assert!((170_000..=185_000).contains(&done), "{done} iterations");
}

#[test]
fn equal_derivations_are_run_once_and_charged_for_each_use() {
    let secret = Secret::of(PASSWORD);
    let keys: Vec<Scheme> = (0..5).map(|_| pbkdf2(100_000, b"the same")).collect();
    let bytes = file(&secret, &keys, &secret, Mac::pkcs12(Hash::Sha256, 1));
    let (opened, done) = open(&bytes, PASSWORD, None, 500_001);
    assert_eq!(opened.unwrap().keys.len(), 5);
    assert!((80_000..100_000).contains(&done), "{done} iterations");
    let (opened, done) = open(&bytes, PASSWORD, None, 500_000);
    assert!(matches!(opened, Err(Pkcs12Error::Work(_))), "one iteration too many");
    assert_eq!(done, 0);
}

#[test]
fn keys_under_a_password_of_their_own_are_tried_as_before() {
    let (secret, own) = (Secret::of(PASSWORD), Secret::of("a key's own"));
    let keys: Vec<Scheme> = (0..4).map(|number| pbkdf2(50_000, &[number; 8])).collect();
    let bytes = file(&secret, &keys, &own, Mac::pkcs12(Hash::Sha256, 1000));
    let work = 1000 + 8 * 50_000;
    let (opened, done) = open(&bytes, PASSWORD, Some("a key's own"), work);
    let contents = opened.unwrap();
    assert_eq!((contents.keys.len(), contents.locked.len()), (4, 0));
    assert!((370_000..=work).contains(&done), "{done} iterations for two tries of each");
    let (opened, _) = open(&bytes, PASSWORD, Some("a key's own"), work - 1);
    assert!(
        matches!(opened, Err(Pkcs12Error::Work(_))),
        "a password that was given is tried, or it is an error"
    );
}

#[test]
fn readings_that_only_may_fit_end_with_the_budget() {
    let (secret, own) = (Secret::of(PASSWORD), Secret::of("unknown"));
    let bytes = file(&secret, &[pbkdf2(50_000, b"saltsalt")], &own, Mac::pkcs12(Hash::Sha256, 1000));
    // The second reading, UTF-16 in place of UTF-8, does not fit into the budget: the key stays locked.
    let (opened, done) = open(&bytes, PASSWORD, None, 1000 + 50_000);
    assert_eq!(opened.unwrap().locked.len(), 1);
    assert!(done <= 51_000, "{done} iterations");
    let (opened, done) = open(&bytes, PASSWORD, None, 1000 + 100_000);
    assert_eq!(opened.unwrap().locked.len(), 1);
    assert!(done > 80_000, "{done} iterations");
}

#[test]
fn other_readings_of_a_password_find_the_mac() {
    // A decomposed accent, as macOS writes it, where the file was made with the composed one.
    let (typed, meant) = ("re\u{301}sume\u{301}", "r\u{e9}sum\u{e9}");
    let secret = Secret::of(meant);
    let mac = || Mac::pkcs12(Hash::Sha256, 20_000);
    let bytes = file(&secret, &[Scheme::pbes1(Pbes1::TripleDes3, 20_000)], &secret, mac());
    // The MAC twice, and three chains for the key.
    let (opened, _) = open(&bytes, typed, None, 2 * 20_000 + 3 * 20_000);
    let contents = opened.unwrap();
    assert_eq!((contents.keys.len(), contents.locked.len()), (1, 0));
    assert_eq!(contents.readings, [strongroom::pkcs12::PasswordReading::Composed]);
    let (opened, _) = open(&bytes, "re\u{301}sume", None, 5_000_000);
    assert_eq!(opened.unwrap_err(), Pkcs12Error::WrongPassword);
}
