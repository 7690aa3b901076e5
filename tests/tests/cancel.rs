//! A derivation is stopped from outside. What is asserted is the work that was done, not the time.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use strongroom::{
    Error, Password, ServerCertificateRequest,
    inspect::{InspectRequest, Passwords, inspect},
    limits::{Cancel, KdfBudget, Limits},
    pkcs12::{Pfx, Pkcs12Error},
};
use strongroom_tests::{
    authority::{leaf_params, now, root},
    forge::{Bag, Cipher, Forge, Hash, Mac, Number, Pbes1, Scheme, Secret, der::unsigned},
    scratch::Scratch,
};

const PASSWORD: &str = "changeit";
/// The most that one derivation may ask for, claimed only: the file itself is made with one iteration.
const MOST: u64 = 5_000_000;

fn claimed() -> Number {
    Number::claimed(&unsigned(MOST))
}

fn secret() -> Secret {
    Secret::of(PASSWORD)
}

fn usual() -> Scheme {
    Scheme::pbkdf2(Cipher::Aes256, Hash::Sha256, 1)
}

/// A file with a certificate under one scheme and its key under another.
fn file(certificate: &Scheme, key: &Scheme) -> Forge {
    let credential = root("Cancel Root").issue(&leaf_params("www.cancel.test"), &[]);
    Forge::new(secret())
        .encrypted(&[Bag::certificate(credential.leaf().der())], certificate)
        .plain(&[Bag::shrouded(credential.key().expose_pkcs8_der(), key, &secret())])
}

/// Opens a file until `stop`; gives how often was asked.
fn open(file: &[u8], stop: impl Fn(u64) -> bool + Send + Sync + 'static) -> (Result<(), Pkcs12Error>, u64) {
    let mut limits = Limits::default();
    limits.max_work = 4 * MOST;
    let asked = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&asked);
    let mut budget = KdfBudget::new(&limits).with_cancel(Cancel::when(move |done| {
        count.fetch_add(1, Ordering::Relaxed);
        stop(done)
    }));
    let password = Password::new(PASSWORD).unwrap();
    let opened = Pfx::from_bytes(file, &limits)
        .and_then(|pfx| pfx.verify(&password, &mut budget))
        .and_then(|pfx| pfx.decrypt(None, &mut budget));
    (opened.map(|_| ()), asked.load(Ordering::Relaxed))
}

/// Stopped after two blocks of iterations, and after none.
fn is_stopped(what: &str, file: &[u8]) {
    let (opened, asked) = open(file, |done| done >= 20_000);
    let Err(Pkcs12Error::Cancelled(cancelled)) = opened else { panic!("{what}: {opened:?}") };
    assert!((20_000..30_000).contains(&cancelled.done), "{what}: {cancelled}");
    assert!(asked <= 4, "{what}: asked {asked} times");
    let (opened, asked) = open(file, |_| true);
    let error = opened.unwrap_err();
    assert_eq!((error.code(), error.stage()), ("cancelled", "container"), "{what}: {error}");
    assert_eq!(error.to_string(), "the work was cancelled after 0 KDF iterations", "{what}");
    assert_eq!(asked, 1, "{what}");
}

#[test]
fn every_derivation_by_iterations_is_stopped() {
    let (fast, pbes1) = (usual(), Scheme::pbes1(Pbes1::TripleDes3, claimed()));
    let pbes2 = Scheme::pbkdf2(Cipher::Aes256, Hash::Sha512, claimed());
    is_stopped("MAC", &file(&fast, &fast).mac(Mac::pkcs12(Hash::Sha256, claimed())).build());
    is_stopped("PBMAC1", &file(&fast, &fast).mac(Mac::pbmac1(Hash::Sha256, claimed(), 32)).build());
    is_stopped("PBES1, safe", &file(&pbes1, &fast).build());
    is_stopped("PBES1, key", &file(&fast, &pbes1).build());
    is_stopped("PBES2, safe", &file(&pbes2, &fast).build());
    is_stopped("PBES2, key", &file(&fast, &pbes2).build());
}

#[test]
fn scrypt_is_not_begun() {
    let scrypt = Scheme::scrypt(1024, 8, 1);
    let built = file(&usual(), &scrypt).build();
    assert_eq!(open(&built, |_| false), (Ok(()), 1), "the control");
    let (opened, asked) = open(&built, |_| true);
    assert_eq!((opened.unwrap_err().code(), asked), ("cancelled", 1));
}

/// A password with several readings: the answer to a later one is not taken for a password that does not fit.
#[test]
fn cancelling_a_further_reading_is_not_a_wrong_password() {
    let other = Secret::of("another");
    let scheme = Scheme::pbkdf2(Cipher::Aes256, Hash::Sha256, 20_000);
    let credential = root("Cancel Root").issue(&leaf_params("www.cancel.test"), &[]);
    let key = Bag::shrouded(credential.key().expose_pkcs8_der(), &scheme, &other);
    let built = Forge::new(secret()).plain(&[Bag::certificate(credential.leaf().der()), key]).build();
    assert_eq!(open(&built, |_| false).0, Ok(()), "the control: a key with a password of its own");
    // The first reading costs 19,999.
    assert_eq!(open(&built, |done| done >= 19_999).0.unwrap_err().code(), "cancelled");
}

#[test]
fn an_inspection_is_stopped_in_the_mac_and_in_a_key() {
    let password = Password::new(PASSWORD).unwrap();
    let looked = |bytes: &[u8], stop: fn(u64) -> bool| {
        let mut request = InspectRequest::new(bytes, Passwords::new(&password), now());
        request.cancel = Cancel::when(stop);
        inspect(request).map(|(report, _)| report.keys.len())
    };
    let long = Scheme::pbkdf2(Cipher::Aes256, Hash::Sha512, claimed());
    let in_mac = file(&usual(), &usual()).mac(Mac::pkcs12(Hash::Sha256, claimed())).build();
    let in_key = file(&usual(), &long).build();
    for (what, bytes) in [("MAC", in_mac), ("key", in_key)] {
        let Err(Error::Pkcs12(Pkcs12Error::Cancelled(cancelled))) = looked(&bytes, |done| done >= 20_000)
        else {
            panic!("{what}: not cancelled");
        };
        assert_eq!(cancelled.done, 20_000, "{what}");
    }
    assert_eq!(looked(&file(&usual(), &usual()).build(), |_| false).unwrap(), 1, "the control");
}

#[test]
fn another_thread_stops_an_import_which_leaves_the_store_as_it_was() {
    let scratch = Scratch::new(now());
    let before = scratch.bytes();
    let bytes = file(&usual(), &usual()).mac(Mac::pkcs12(Hash::Sha512, claimed())).build();
    let password = Password::new(PASSWORD).unwrap();
    let mut request = ServerCertificateRequest::new("www".parse().unwrap(), &bytes, &password, now());
    let (begun, stop) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (in_import, stopped) = (Arc::clone(&begun), Arc::clone(&stop));
    request.opening.cancel = Cancel::when(move |_| {
        in_import.store(true, Ordering::Release);
        stopped.load(Ordering::Acquire)
    });
    let other = std::thread::spawn(move || {
        while !begun.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        stop.store(true, Ordering::Release);
    });
    let error = scratch.keystore.import_server_certificate(request).unwrap_err();
    other.join().unwrap();
    let Error::Pkcs12(Pkcs12Error::Cancelled(cancelled)) = error else { panic!("{error}") };
    assert!(cancelled.done < MOST, "{cancelled}");
    assert!(scratch.bytes() == before, "the store was changed");
}
