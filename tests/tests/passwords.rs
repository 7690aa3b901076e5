//! Passwords as other programs took them, and private keys with a password of their own.

use strongroom::{
    Error, Password, ServerCertificateRequest,
    certificate::ServerCredential,
    diagnostic::DiagnosticCode,
    limits::{KdfBudget, Limits},
    pkcs12::{Contents, PasswordReading, Pfx, Pkcs12Error},
};
use strongroom_tests::{
    authority::{TestCa, leaf_params, now, root},
    forge::{Bag, Cipher, Forge, Hash, Mac, Pbes1, Scheme, Secret},
    scratch::Scratch,
};

/// A usual file whose MAC, safe and key are protected under the given octets.
fn file(ca: &TestCa, mac: &Secret, safe: &Secret, key: &Secret) -> Vec<u8> {
    let credential = ca.issue(&leaf_params("a.test"), &[]);
    let scheme = Scheme::pbkdf2(Cipher::Aes256, Hash::Sha256, 3);
    let certificate = Bag::certificate(credential.leaf().der());
    Forge::new(mac.clone())
        .safe(strongroom_tests::forge::encrypted_safe(&[certificate], &scheme, safe))
        .plain(&[Bag::shrouded(credential.key().expose_pkcs8_der(), &scheme, key)])
        .mac(Mac::pkcs12(Hash::Sha256, 3))
        .build()
}

fn open(file: &[u8], password: &str, key_password: Option<&str>) -> Result<Contents, Pkcs12Error> {
    let limits = Limits::default();
    let mut budget = KdfBudget::new(&limits);
    let password = Password::new(password).unwrap();
    let key_password = key_password.map(|text| Password::new(text).unwrap());
    let contents = Pfx::from_bytes(file, &limits)?
        .verify(&password, &mut budget)?
        .decrypt(key_password.as_ref(), &mut budget)?;
    contents.require_credential()?;
    match contents.locked.first() {
        Some(locked) => Err(locked.reason.clone()),
        None => Ok(contents),
    }
}

#[track_caller]
fn reads(file: &[u8], password: &str, readings: &[PasswordReading]) {
    let contents = open(file, password, None).unwrap_or_else(|error| panic!("{password:?}: {error}"));
    assert_eq!((contents.keys.len(), contents.certificates.len()), (1, 1));
    assert_eq!(contents.readings, readings, "{password:?}");
}

fn utf8_only(bytes: &[u8], of: &str) -> Secret {
    let mut secret = Secret::of(of);
    secret.utf8 = bytes.to_vec();
    secret
}

#[test]
fn other_readings_are_tried_after_the_standard_one_and_named() {
    let ca = root("CA");
    let plain = Secret::of("é");
    reads(&file(&ca, &plain, &plain, &plain), "é", &[]);
    // Written composed, typed decomposed, and the reverse.
    reads(&file(&ca, &plain, &plain, &plain), "e\u{301}", &[PasswordReading::Composed]);
    let decomposed = Secret::of("e\u{301}");
    reads(&file(&ca, &decomposed, &decomposed, &decomposed), "é", &[PasswordReading::Decomposed]);
    // OpenSSL before 1.1: UTF-8 bytes as characters in the MAC.
    let mut widened = plain.clone();
    widened.bmp = b"\0\xc3\0\xa9\0\0".to_vec();
    reads(&file(&ca, &widened, &plain, &plain), "é", &[PasswordReading::Utf8AsLatin1]);
    // node-forge and others: Latin-1 in PBES2, and only there.
    let latin1 = utf8_only(b"\xe9", "é");
    reads(&file(&ca, &plain, &latin1, &latin1), "é", &[PasswordReading::Latin1]);
    // pki.js: the low byte of each unit of UTF-16 in PBES2, beyond Latin-1 as well.
    let polish = Secret::of("żółw");
    let low = utf8_only(b"\x7c\xf3\x42w", "żółw");
    reads(&file(&ca, &polish, &low, &low), "żółw", &[PasswordReading::LowBytes]);
    // NSS up to 3.21: UTF-16 in PBES2, of ASCII as well.
    let ascii = Secret::of("secret");
    let utf16 = utf8_only(&ascii.bmp, "secret");
    reads(&file(&ca, &ascii, &utf16, &utf16), "secret", &[PasswordReading::Utf16]);
}

#[test]
fn a_key_with_a_password_of_its_own_opens_with_both() {
    let ca = root("CA");
    let (outer, inner) = (Secret::of("outer"), Secret::of("inner"));
    let bytes = file(&ca, &outer, &outer, &inner);
    assert_eq!(open(&bytes, "outer", None).unwrap_err(), Pkcs12Error::KeyPassword);
    assert_eq!(open(&bytes, "outer", Some("wrong")).unwrap_err(), Pkcs12Error::KeyPassword);
    assert_eq!(open(&bytes, "inner", Some("inner")).unwrap_err(), Pkcs12Error::WrongPassword);
    assert_eq!(open(&bytes, "outer", Some("inner")).unwrap().keys.len(), 1);
}

#[test]
fn no_wrong_password_of_thousands_opens_a_key() {
    let ca = root("CA");
    let credential = ca.issue(&leaf_params("a.test"), &[]);
    // RC4 has no padding: every wrong password gives a plaintext.
    let scheme = Scheme::pbes1(Pbes1::Rc4_128, 1);
    let bytes = Forge::new(Secret::of("outer"))
        .plain(&[
            Bag::certificate(credential.leaf().der()),
            Bag::shrouded(credential.key().expose_pkcs8_der(), &scheme, &Secret::of("inner")),
        ])
        .mac(Mac::pkcs12(Hash::Sha256, 1))
        .build();
    assert_eq!(open(&bytes, "outer", Some("inner")).unwrap().keys.len(), 1);
    for n in 0..4000 {
        let wrong = format!("wrong {n}");
        assert_eq!(open(&bytes, "outer", Some(&wrong)).err(), Some(Pkcs12Error::KeyPassword), "{wrong}");
    }
}

#[test]
fn an_import_reports_the_reading_and_takes_the_key_password() {
    let ca = root("CA");
    let scratch = Scratch::new(now());
    scratch.keystore.import_authority(&"ca".parse().unwrap(), ca.file(), now()).unwrap();
    let plain = Secret::of("é");
    let bytes = file(&ca, &plain, &plain, &Secret::of("inner"));
    let (password, inner) = (Password::new("e\u{301}").unwrap(), Password::new("inner").unwrap());
    let request = || ServerCertificateRequest::new("a".parse().unwrap(), &bytes, &password, now());
    let refused = scratch.keystore.import_server_certificate(request()).unwrap_err();
    assert!(matches!(refused, Error::Pkcs12(Pkcs12Error::KeyPassword)), "{refused}");
    let mut with_key = request();
    with_key.opening.key_passwords = std::slice::from_ref(&inner);
    let report = scratch.keystore.import_server_certificate(with_key).unwrap();
    let codes: Vec<DiagnosticCode> = report.findings.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, [DiagnosticCode::WeakIterations, DiagnosticCode::PasswordReading]);
}

#[test]
fn a_budget_that_only_other_readings_exhaust_leaves_the_answer_as_it_is() {
    let ca = root("CA");
    let (plain, other) = (Secret::of("é"), Secret::of("other"));
    let bytes = file(&ca, &plain, &plain, &other);
    // MAC, safe and key once; then nothing is left for further readings.
    let limits = Limits::default().with_max_work(3 + 3 + 3);
    let mut budget = KdfBudget::new(&limits);
    let password = Password::new("é").unwrap();
    let contents = Pfx::from_bytes(&bytes, &limits)
        .unwrap()
        .verify(&password, &mut budget)
        .unwrap()
        .decrypt(None, &mut budget);
    assert_eq!(contents.unwrap().locked[0].reason, Pkcs12Error::KeyPassword);
}

#[test]
fn every_key_finds_its_password_among_those_that_are_given() {
    let ca = root("CA");
    let scheme = Scheme::pbkdf2(Cipher::Aes256, Hash::Sha256, 3);
    let [one, two] = ["one.test", "two.test"].map(|host| ca.issue(&leaf_params(host), &[]));
    let key = |credential: &ServerCredential, password: &str| {
        Bag::shrouded(credential.key().expose_pkcs8_der(), &scheme, &Secret::of(password))
    };
    let bytes = Forge::new(Secret::of("store"))
        .plain(&[key(&one, "k1"), key(&two, "k2"), Bag::certificate(one.leaf().der())])
        .mac(Mac::pkcs12(Hash::Sha256, 3))
        .build();
    let opened = |limits: &Limits, given: &[&str]| {
        let mut budget = KdfBudget::new(limits);
        let keys: Vec<Password> = given.iter().map(|text| Password::new(*text).unwrap()).collect();
        let pfx = Pfx::from_bytes(&bytes, limits)?;
        let contents =
            pfx.verify(&Password::new("store").unwrap(), &mut budget)?.decrypt(&keys, &mut budget)?;
        let places: Vec<usize> = contents.keys.iter().map(|key| key.place).collect();
        let locked: Vec<usize> = contents.locked.iter().map(|key| key.place).collect();
        Ok::<_, Pkcs12Error>((places, locked))
    };
    let usual = Limits::default();
    assert_eq!(opened(&usual, &[]), Ok((vec![], vec![1, 2])));
    assert_eq!(opened(&usual, &["k2"]), Ok((vec![2], vec![1])));
    assert_eq!(opened(&usual, &["k2", "k1"]), Ok((vec![1, 2], vec![])));
    // The MAC, then "store", "k1" and "k2" as they should be read; the last try is one too many.
    let error = opened(&usual.with_max_work(3 + 6 + 8), &["k1", "k2"]).unwrap_err();
    assert_eq!(error.code(), "too_much_work");
    assert_eq!(opened(&usual.with_max_work(3 + 6 + 9), &["k1", "k2"]), Ok((vec![1, 2], vec![])));
}
