//! Certificates: nothing that is shown can act on a terminal, and what is read is all that there is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom::certificate::{AlternativeName, Certificate};
use strongroom_fuzz::assert_printable;

fuzz_target!(|der: &[u8]| {
    let Ok(certificate) = Certificate::from_der(der) else {
        return;
    };
    let (subject, issuer) = (certificate.subject(), certificate.issuer());
    let key = certificate.key().to_string();
    for text in [subject, issuer, certificate.serial(), certificate.signature_algorithm(), &key] {
        assert_printable(text);
    }
    // 4,096 characters of one value, each escaped, behind 4,096 bytes.
    assert!(subject.len() <= 60_000 && issuer.len() <= 60_000);
    for name in certificate.alternative_names() {
        match name {
            AlternativeName::Dns(text)
            | AlternativeName::Ip(text)
            | AlternativeName::Email(text)
            | AlternativeName::Uri(text)
            | AlternativeName::Other(text) => assert_printable(text),
            _ => {}
        }
    }
    certificate.issuer_urls().iter().for_each(|url| assert_printable(url));
    certificate.unknown_critical().iter().for_each(|oid| assert_printable(oid));
    certificate.extended_key_usage().unwrap_or_default().iter().for_each(|oid| assert_printable(oid));
    assert_eq!(certificate.der().as_ref(), der);
    assert_eq!(
        certificate.hosts().count(),
        certificate.alternative_names().iter().filter_map(|n| n.host()).count()
    );
    let _ = certificate.is_self_signed();
    // A certificate with a malformed part is shown, and cannot be written again.
    if let Some(again) = strongroom::certificate::reencode(der) {
        assert_eq!(again, der);
    }
});
