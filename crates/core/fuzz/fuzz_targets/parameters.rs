//! Algorithm parameters: the content of a MacData, and an AlgorithmIdentifier of a key bag and of a safe.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_fuzz::{Bag, bag, certificate_bag, check, data, encrypted_data, pfx, shrouded_key, tlv};

fuzz_target!(|bytes: &[u8]| {
    let certificate = tlv(0x30, &[&bag(Bag::Certificate, &certificate_bag(b"\x30\x00"), &[])]);
    check(&pfx(&data(&certificate), &tlv(0x30, &[bytes])));
    check(&pfx(&encrypted_data(bytes, &certificate), &[]));
    let key = tlv(0x30, &[&bag(Bag::ShroudedKey, &shrouded_key(bytes, b"\x30\x00"), &[])]);
    check(&pfx(&data(&key), &[]));
});
