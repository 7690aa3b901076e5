//! Parameters of PBES2, and what they open.

use aes_gcm::{Aes256Gcm, KeyInit as _, aead::Aead as _};

use super::*;
use crate::{
    limits::{KdfBudget, Limits},
    pkcs12::{ber::Reader, kdf::Keys},
};

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    [&[tag, u8::try_from(content.len()).unwrap()], content].concat()
}

fn algorithm(oid: &[u8], parameters: &[u8]) -> Vec<u8> {
    tlv(0x30, &[tlv(0x06, oid), parameters.to_vec()].concat())
}

/// The same with AES-256-GCM.
fn gcm(nonce: &[u8], tag_len: u8) -> Vec<u8> {
    pbes2(oid::AES256_GCM, &tlv(0x30, &[tlv(4, nonce), tlv(2, &[tag_len])].concat()))
}

/// PBES2 with PBKDF2-HMAC-SHA-256, salt `salt`, 3 iterations, and a cipher.
fn pbes2(cipher: &[u8], parameters: &[u8]) -> Vec<u8> {
    let prf = algorithm(oid::HMAC_SHA256, &[5, 0]);
    let pbkdf2 = tlv(0x30, &[tlv(4, b"salt"), tlv(2, &[3]), prf].concat());
    let schemes = [algorithm(oid::PBKDF2, &pbkdf2), algorithm(cipher, parameters)].concat();
    algorithm(oid::PBES2, &tlv(0x30, &schemes))
}

fn parse(der: &[u8]) -> Result<Option<Pbes2>, Pkcs12Error> {
    let limits = Limits::default();
    let walk = Walk::new(&limits);
    let algorithm = AlgorithmIdentifier::parse(&mut Reader::of_file(der, &walk), &walk)?;
    Pbes2::parse(&algorithm, "key bag", &walk)
}

#[test]
fn gcm_opens_what_was_sealed_and_refuses_a_changed_byte() {
    let nonce = [7_u8; 12];
    let mut key = [0; 32];
    pbkdf2::pbkdf2_hmac::<sha2::Sha256>(b"secret", b"salt", 3, &mut key);
    let cipher = Aes256Gcm::new_from_slice(key.as_slice()).unwrap();
    let mut sealed = cipher.encrypt(&nonce.into(), b"PrivateKeyInfo".as_slice()).unwrap();
    let scheme = parse(&gcm(&nonce, 16)).unwrap().unwrap();
    assert_eq!(scheme.name(), "PBES2 PBKDF2-HMAC-SHA-256 AES-256-GCM");
    let mut budget = KdfBudget::new(&Limits::default());
    let mut open = |data: &[u8], password: &[u8]| {
        let derivation = scheme.derivation(&password.to_vec().into());
        let mut keys = Keys::default();
        keys.want(derivation.clone(), &mut budget).unwrap();
        keys.derive(None, &mut budget).unwrap();
        scheme.decrypt(data, keys.get(&derivation).unwrap()).map(|plain| plain.to_vec())
    };
    assert_eq!(open(&sealed, b"secret").as_deref(), Some(b"PrivateKeyInfo".as_slice()));
    assert_eq!(open(&sealed, b"Secret"), None);
    sealed[0] ^= 1;
    assert_eq!(open(&sealed, b"secret"), None);
}

#[cfg(not(feature = "legacy-pfx"))]
#[test]
fn algorithms_that_this_build_is_without_are_named() {
    for (cipher, name) in [
        (oid::CAST5_CBC, "CAST5-CBC (1.2.840.113533.7.66.10)"),
        (oid::DES_CBC, "DES-CBC (1.3.14.3.2.7)"),
        (oid::RC2_CBC, "RC2-CBC (1.2.840.113549.3.2)"),
    ] {
        let refused = parse(&pbes2(cipher, &tlv(4, &[7; 8]))).map(|scheme| scheme.is_some());
        let expected = Pkcs12Error::LegacyAlgorithm { field: "key bag", name: name.to_owned() };
        assert_eq!(refused, Err(expected));
    }
    assert!(parse(&pbes2(oid::DES_EDE3_CBC, &tlv(4, &[7; 8]))).is_ok_and(|scheme| scheme.is_some()));
}

#[cfg(feature = "legacy-pfx")]
#[test]
fn cast5_and_rc2_have_the_key_length_that_their_parameters_say() {
    let iv = tlv(4, &[7; 8]);
    let cast5 = |bits: &[u8]| tlv(0x30, &[iv.clone(), bits.to_vec()].concat());
    let rc2 = |version: &[u8]| tlv(0x30, &[version.to_vec(), iv.clone()].concat());
    for (cipher, parameters, key_len) in [
        (oid::CAST5_CBC, iv.clone(), 16),
        (oid::CAST5_CBC, cast5(&[]), 16),
        (oid::CAST5_CBC, cast5(&tlv(2, &[40])), 5),
        (oid::CAST5_CBC, cast5(&tlv(2, &[80])), 10),
        (oid::RC2_CBC, rc2(&[]), 4),
        (oid::RC2_CBC, rc2(&tlv(2, &[0, 160])), 5),
        (oid::RC2_CBC, rc2(&tlv(2, &[120])), 8),
        (oid::RC2_CBC, rc2(&tlv(2, &[58])), 16),
        (oid::RC2_CBC, rc2(&tlv(2, &[4, 0])), 128),
    ] {
        let scheme = parse(&pbes2(cipher, &parameters)).unwrap().unwrap();
        assert_eq!((scheme.key_len, scheme.iv.as_slice()), (key_len, [7; 8].as_slice()), "{parameters:?}");
    }
    for (cipher, parameters, what, found) in [
        (oid::CAST5_CBC, cast5(&tlv(2, &[32])), "the key of CAST5", "4 bytes long"),
        (oid::CAST5_CBC, tlv(4, &[7; 9]), "an initialisation vector", "9 bytes long"),
        (oid::RC2_CBC, rc2(&tlv(2, &[57])), "the RC2 version", "57"),
        (oid::RC2_CBC, rc2(&tlv(2, &[4, 1])), "the RC2 version", "1025"),
    ] {
        match parse(&pbes2(cipher, &parameters)).map(|scheme| scheme.is_some()) {
            Err(Pkcs12Error::Parameter { what: of, found: value, .. }) => {
                assert_eq!((of, value.as_str()), (what, found));
            }
            other => panic!("{what}: {other:?}"),
        }
    }
}

#[test]
fn an_initialisation_vector_is_an_octet_string() {
    let refused = parse(&pbes2(oid::AES256_CBC, &tlv(2, &[7; 16]))).map(|scheme| scheme.is_some());
    let what = "an initialisation vector expected";
    assert!(matches!(refused, Err(Pkcs12Error::Malformed { what: found, .. }) if found.starts_with(what)));
}

#[test]
fn nonce_and_tag_of_gcm_have_one_length_each() {
    let refused = |nonce: &[u8], tag| parse(&gcm(nonce, tag)).map(|scheme| scheme.is_some()).unwrap_err();
    for (nonce, tag, what) in
        [(&[7; 11][..], 16, "an initialisation vector"), (&[7; 12], 12, "the tag of GCM")]
    {
        assert!(matches!(refused(nonce, tag), Pkcs12Error::Parameter { what: found, .. } if found == what));
    }
}
