//! SafeContents and whole files without encryption: what p12-keystore opens, Strongroom opens with the same content.
//!
//! p12-keystore takes a PFX without a MAC, so its cryptography, which no seam replaces, stands in no one's way.
#![no_main]

use libfuzzer_sys::fuzz_target;
use p12_keystore::Pkcs12Archive;
use strongroom::{Password, limits::Limits, pkcs12::Pkcs12Error};
use strongroom_fuzz::{data, open, pfx};

/// The identifier of safeContentsBag (RFC 7292, section 4.2.6).
const SAFE_CONTENTS_BAG: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01\x06";

fuzz_target!(|bytes: &[u8]| {
    compare(bytes);
    compare(&pfx(&data(bytes), &[]));
});

fn compare(file: &[u8]) {
    let Ok(theirs) = Pkcs12Archive::from_pkcs12(file, "") else {
        return;
    };
    // An archive without anything in it is the answer to structures that p12-keystore passes over.
    if theirs.keys.is_empty() && theirs.certs.is_empty() {
        return;
    }
    let password = Password::new("").expect("an empty password");
    let ours = match open(file, &password, &Limits::default()) {
        Ok(ours) => ours,
        // Bounds that p12-keystore does not have.
        Err(Pkcs12Error::TooMany { .. } | Pkcs12Error::TooLarge { .. } | Pkcs12Error::Parameter { .. }) => {
            return;
        }
        // p12-keystore does not look into bags of a type that it does not know.
        Err(Pkcs12Error::Malformed { what: "the value of a bag is missing", .. }) => return,
        // Nor into SafeContents in a bag; here, as in OpenSSL, what is no SafeContents there refuses the file.
        Err(Pkcs12Error::Malformed { .. }) if file.windows(11).any(|bytes| bytes == SAFE_CONTENTS_BAG) => {
            return;
        }
        Err(error) => panic!("p12-keystore opens it, and here: {error}"),
    };
    let keys: Vec<&[u8]> = ours.keys.iter().map(|bag| bag.key.expose_pkcs8_der()).collect();
    let their_keys: Vec<&[u8]> = theirs.keys.iter().map(|bag| bag.key.as_der()).collect();
    assert_eq!(keys, their_keys, "the keys differ");
    let certificates: Vec<&[u8]> = ours.certificates.iter().map(|bag| bag.der.as_slice()).collect();
    let their_certificates: Vec<&[u8]> = theirs.certs.iter().map(|bag| bag.cert.as_der()).collect();
    assert_eq!(certificates, their_certificates, "the certificates differ");
}
