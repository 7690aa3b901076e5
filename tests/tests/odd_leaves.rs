//! Server certificates that are accepted although clients will not take them: each is said, in words.

use rcgen::{CertificateParams, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256};
use strongroom::{
    diagnostic::{Diagnostic, DiagnosticCode, Severity},
    validate::Policy,
};
use strongroom_tests::authority::{judge, leaf_params, root};

/// What is said of a leaf with these parameters and a P-256 key under a root.
fn findings(params: &CertificateParams) -> Vec<Diagnostic> {
    findings_with(params, &KeyPair::generate().unwrap())
}

fn findings_with(params: &CertificateParams, key: &KeyPair) -> Vec<Diagnostic> {
    let root = root("Root");
    let leaf = root.issue_leaf_for(params, key);
    judge(&leaf, &[], &root.certificate, &Policy::verification()).unwrap().findings().to_vec()
}

/// The messages of one code, each of which has to be a warning.
fn said(findings: &[Diagnostic], code: DiagnosticCode) -> Vec<&str> {
    let found = findings.iter().filter(|finding| finding.code == code);
    found
        .inspect(|finding| assert_eq!(finding.severity, Severity::Warning))
        .map(|f| f.message.as_str())
        .collect()
}

#[test]
fn a_key_that_may_not_sign_a_handshake_is_a_warning() {
    let with = |usages: &[KeyUsagePurpose]| {
        let mut params = leaf_params("a.test");
        params.key_usages = usages.to_vec();
        params
    };
    for (usages, only) in [
        (KeyUsagePurpose::KeyEncipherment, "Key_Encipherment"),
        (KeyUsagePurpose::KeyAgreement, "Key_Agreement"),
        (KeyUsagePurpose::CrlSign, "CRL_Sign"),
    ] {
        let found = findings(&with(&[usages]));
        let expected = format!(
            "the key usage of the certificate lacks Digital_Signature (it is {only} alone): clients refuse it"
        );
        assert_eq!(said(&found, DiagnosticCode::KeyUsage), [expected]);
    }
    let rsa = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
    let found = findings_with(&with(&[KeyUsagePurpose::KeyEncipherment]), &rsa);
    let [message] = said(&found, DiagnosticCode::KeyUsage)[..] else { panic!("{found:?}") };
    assert!(
        message.ends_with("(it is Key_Encipherment alone): GnuTLS and other clients refuse it"),
        "{message}"
    );
    for sound in [
        &[][..],
        &[KeyUsagePurpose::DigitalSignature],
        &[KeyUsagePurpose::KeyAgreement, KeyUsagePurpose::DigitalSignature],
    ] {
        assert_eq!(said(&findings(&with(sound)), DiagnosticCode::KeyUsage), [""; 0]);
    }
}
