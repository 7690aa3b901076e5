//! The choice of a server's credential out of a file: what it says stays in proportion, what it gives fits together.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom::{Password, certificate::ServerCredential, fuzz::public_key_der, limits::Limits};
use strongroom_fuzz::open;

fuzz_target!(|bytes: &[u8]| {
    let password = Password::new("changeit").expect("a short password");
    let Ok(contents) = open(bytes, &password, &Limits::default()) else {
        return;
    };
    match ServerCredential::choose(contents, None) {
        Ok(credential) => {
            assert_eq!(public_key_der(credential.key()), Some(credential.leaf().spki_der().to_vec()))
        }
        Err(error) => assert!(error.to_string().len() <= 8 * bytes.len() + 16_384),
    }
});
