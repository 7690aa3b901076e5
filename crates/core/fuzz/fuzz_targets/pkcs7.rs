//! PKCS #7 bundles, and what a file is taken for.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom::{FileFormat, Limits, Pfx, fuzz::pkcs7_certificates, sniff};
use strongroom_fuzz::tight;

fuzz_target!(|bytes: &[u8]| {
    let format = sniff(bytes);
    assert!(!format.word().is_empty() && !format.to_string().is_empty());
    for limits in [Limits::default(), tight()] {
        if let Ok(found) = pkcs7_certificates(bytes, &limits) {
            assert!(found.len() <= limits.max_certificates);
            assert!(found.iter().map(Vec::len).sum::<usize>() < bytes.len());
        }
        if Pfx::from_bytes(bytes, &limits).is_ok() {
            // PEM may be the armour of a PFX.
            assert!(matches!(format, FileFormat::Pkcs12 | FileFormat::Pem { .. }), "{format}");
        }
    }
});
