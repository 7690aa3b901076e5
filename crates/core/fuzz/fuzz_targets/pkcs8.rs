//! Private keys: one that loads pairs with a certificate of its own public key, and with no other.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom::{
    certificate::{Certificate, ServerCredential},
    fuzz,
    secret::PrivateKey,
};
use strongroom_fuzz::certificate_of;

/// An Ed25519 key that no private key here belongs to: its point has no known logarithm.
const STRANGER: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00nobody has the private key of it";

fuzz_target!(|der: &[u8]| {
    let key = || PrivateKey::from_pkcs8_der(der.to_vec());
    let algorithm = fuzz::key_algorithm(&key());
    let spki = fuzz::public_key_der(&key());
    assert!(algorithm.is_some() || spki.is_none());
    let pair = |spki: &[u8]| {
        let certificate = Certificate::from_der(&certificate_of(spki)).expect("a certificate");
        ServerCredential::pair(key(), vec![certificate])
    };
    assert!(pair(STRANGER).is_err());
    if let Some(spki) = spki {
        pair(&spki).expect("a key pairs with its own public key");
    }
});
