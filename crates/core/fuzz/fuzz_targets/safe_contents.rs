//! SafeContents behind the encryption: in the clear, and under a scheme.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_fuzz::{check, data, encrypted_data, pfx};

/// pbeWithSHAAnd3-KeyTripleDES-CBC with a salt and 2,048 iterations.
const SCHEME: &[u8] =
    b"\x30\x1c\x06\x0a\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01\x03\x30\x0e\x04\x08saltsalt\x02\x02\x08\x00";

fuzz_target!(|bytes: &[u8]| {
    check(&pfx(&data(bytes), &[]));
    check(&pfx(&encrypted_data(SCHEME, bytes), &[]));
});
