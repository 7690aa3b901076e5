//! How much of a file is read, and that nothing of it is lost by a changed byte.

use strongroom::{
    certificate_file::{CertificateFileError, CertificateFileRequest, read_certificates},
    limits::Limits,
};
use strongroom_tests::{
    armour::{pem, pkcs7},
    authority::root,
};

use super::read;

#[test]
fn bounds_hold_at_their_last_value() {
    let ca = root("Root");
    let mut limits = Limits::default();
    limits.max_bundle = 3;
    let text = pem("CERTIFICATE", ca.file());
    let read = |file: &[u8]| {
        let mut request = CertificateFileRequest::new(file);
        request.limits = limits;
        read_certificates(request).map(|found| found.certificates.len()).map_err(|error| error.code())
    };
    let p7 = |count: usize| pkcs7(&vec![ca.file(); count], &[]);
    for (count, expected) in [(3, Ok(1)), (4, Err("too_many"))] {
        assert_eq!(read(text.repeat(count).as_bytes()), expected);
        assert_eq!(read(&ca.file().repeat(count)), expected);
        let expected = if count == 4 { Err("malformed") } else { expected };
        assert_eq!(read(&p7(count)), expected);
    }
    let mut limits = Limits::default();
    limits.max_file_len = text.len();
    let mut request = CertificateFileRequest::new(text.as_bytes());
    request.limits = limits;
    assert!(read_certificates(request).is_ok());
    let longer = format!("{text}\n");
    let mut request = CertificateFileRequest::new(longer.as_bytes());
    request.limits = limits;
    let too_large = CertificateFileError::TooLarge { found: text.len() + 1, limit: text.len() };
    assert_eq!(read_certificates(request).unwrap_err(), too_large);
    // Half a million empty values, within the size of a file.
    let many = b"\x30\x07\x30\x05\x02\x01\x00\x30\x00".repeat(100_000);
    assert_eq!(read_certificates(CertificateFileRequest::new(&many)).unwrap_err().code(), "too_many");
}

/// Each byte of `file` replaced, taken out, and something put before it; and each of its beginnings but those that end
/// between two certificates: all is read, or it is an error or a remark.
#[track_caller]
fn no_mutant_loses_in_silence(what: &str, file: &[u8], between: std::ops::Range<usize>) {
    let count = 2;
    let mut read_whole = 0;
    let mut check = |mutant: Vec<u8>, change: &str| {
        let Ok(found) = read(&mutant) else { return };
        let said = found
            .findings
            .iter()
            .any(|finding| matches!(finding.code.as_str(), "other_content" | "repeated_certificate"));
        assert!(found.certificates.len() == count || said, "{what}, {change}: {}", found.certificates.len());
        read_whole += 1;
    };
    for at in 0..file.len() {
        for byte in *b"-A\n\r #:=\\\0\xff" {
            let mut replaced = file.to_vec();
            replaced[at] = byte;
            check(replaced, &format!("byte {at} is {byte:#04x}"));
            let mut inserted = file.to_vec();
            inserted.insert(at, byte);
            check(inserted, &format!("{byte:#04x} before byte {at}"));
        }
        let mut cut = file.to_vec();
        cut.remove(at);
        check(cut, &format!("without byte {at}"));
        if !between.contains(&at) {
            check(file[..at].to_vec(), &format!("the first {at} bytes"));
        }
    }
    assert!(read_whole > 0, "{what}");
}

#[test]
fn no_mutant_of_a_bundle_loses_a_certificate_in_silence() {
    let (first, second) = (root("First"), root("Second"));
    let (a, b) = (first.file(), second.file());
    let one = format!("# first\n{}", pem("CERTIFICATE", a));
    let text = format!("{one}\n# second\n{}", pem("X509 CERTIFICATE", b));
    let second = text.find("-----BEGIN X509").unwrap();
    // Five hyphens alone may be anything.
    no_mutant_loses_in_silence("PEM", text.as_bytes(), one.trim_end().len()..second + 6);
    no_mutant_loses_in_silence("DER", &[a, b].concat(), a.len()..a.len() + 1);
    let p7 = pem("PKCS7", &pkcs7(&[a, b], &[]));
    no_mutant_loses_in_silence("PKCS #7 in PEM", p7.as_bytes(), 0..0);
}
