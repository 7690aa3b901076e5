//! PKCS #7 bundles, and what a file is taken for.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom::{
    file_format::{FileFormat, sniff},
    fuzz::pkcs7_certificates,
    limits::Limits,
    pkcs12::Pfx,
};
use strongroom_fuzz::tight;

fuzz_target!(|bytes: &[u8]| {
    let format = sniff(bytes);
    assert!(!format.as_str().is_empty() && !format.to_string().is_empty());
    for limits in [Limits::default(), tight()] {
        if let Ok(found) = pkcs7_certificates(bytes, &limits) {
            assert!(found.len() <= limits.max_certificates);
            assert!(found.iter().map(Vec::len).sum::<usize>() < bytes.len());
        }
        if Pfx::from_bytes(bytes, &limits).is_ok() {
            // PEM or base64 may be the armour of a PFX.
            let armour = matches!(format, FileFormat::Pem { .. } | FileFormat::Base64);
            assert!(armour || format == FileFormat::Pkcs12, "{format}");
        }
    }
});
