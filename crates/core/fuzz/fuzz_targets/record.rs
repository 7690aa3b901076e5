//! Records and blobs of the store: one content has one encoding, and nothing else is taken for it.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| strongroom::fuzz::check_record(bytes));
