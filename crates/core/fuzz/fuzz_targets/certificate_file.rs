//! Files of certificates in any form, and the text around a PFX.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom::{
    Password,
    certificate_file::{CertificateFileRequest, read_certificates},
    limits::Limits,
};
use strongroom_fuzz::{assert_printable, tight};

fuzz_target!(|bytes: &[u8]| {
    let password = Password::new("changeit").expect("a short password");
    for limits in [Limits::default(), tight()] {
        let mut request = CertificateFileRequest::new(bytes);
        request.password = Some(&password);
        request.limits = limits;
        let file = match read_certificates(request) {
            Ok(file) => file,
            Err(error) => {
                assert_printable(&error.to_string());
                assert!(!error.code().is_empty());
                continue;
            }
        };
        assert!(!file.certificates.is_empty() && file.certificates.len() <= limits.max_bundle);
        file.findings.iter().for_each(|finding| assert_printable(&finding.message));
        // What was found in a file is, alone, a file of the same certificate.
        for found in &file.certificates {
            let alone = read_certificates(CertificateFileRequest::new(found.certificate.der()));
            let alone = alone.expect("a certificate that was read before");
            assert_eq!(alone.certificates.len(), 1);
            assert_eq!(alone.certificates[0].certificate.fingerprint(), found.certificate.fingerprint());
        }
    }
});
