//! Keystores of Java: the bytes as they are, and as the entries of one whose beginning is whole.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom::{
    Password,
    certificate::ServerCredential,
    jks::JavaKeystore,
    limits::{KdfBudget, Limits},
};
use strongroom_fuzz::{assert_printable, tight};

fuzz_target!(|bytes: &[u8]| {
    let password = Password::new("changeit").expect("a short password");
    let own = [Password::new("own").expect("a short password")];
    // A digest behind it, which matches here whatever it is.
    let whole = [b"\xfe\xed\xfe\xed\0\0\0\x02", bytes, &[0; 20]].concat();
    for file in [bytes, &whole] {
        for limits in [Limits::default(), tight()] {
            let mut budget = KdfBudget::new(&limits);
            let opened = match JavaKeystore::open(file, &password, &own, &limits, &mut budget) {
                Ok(opened) => opened,
                Err(error) => {
                    assert_printable(&error.to_string());
                    assert!(!error.code().is_empty() && !error.remedies().is_empty());
                    continue;
                }
            };
            if let Err(error) = opened.require_all() {
                assert_printable(&error.to_string());
            }
            let contents = opened.contents;
            assert!(contents.keys.len() + contents.locked.len() <= limits.max_keys);
            assert!(contents.certificates.len() <= limits.max_bundle);
            contents.skipped.iter().for_each(|text| assert_printable(text));
            for candidate in ServerCredential::candidates(&contents) {
                assert_printable(&candidate.to_string());
            }
        }
    }
});
