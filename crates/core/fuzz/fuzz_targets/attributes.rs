//! bagAttributes of a certificate and of a key.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom::{Password, limits::Limits};
use strongroom_fuzz::{Bag, bag, certificate_bag, check, data, open, pfx, tlv};

fuzz_target!(|bytes: &[u8]| {
    let set = tlv(0x31, &[bytes]);
    let certificate = bag(Bag::Certificate, &certificate_bag(b"\x30\x00"), &set);
    let file = pfx(&data(&tlv(0x30, &[&certificate, &bag(Bag::Key, b"\x30\x00", &set)])), &[]);
    check(&file);
    let password = Password::new("").expect("an empty password");
    if let Ok(contents) = open(&file, &password, &Limits::default()) {
        for (key, certificate) in contents.keys.iter().zip(&contents.certificates) {
            let found = &key.attributes;
            assert_eq!(found, &certificate.attributes);
            // Two bytes of a BMPString are three of UTF-8 at most.
            assert!(found.friendly_name.as_ref().is_none_or(|name| name.len() <= bytes.len() / 2 * 3));
            assert!(found.local_key_id.as_ref().is_none_or(|id| id.len() <= bytes.len()));
        }
    }
});
