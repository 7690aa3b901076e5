//! Authorities under which nothing is accepted, or not this: what is said of them, and what to do.

use strongroom::{
    certificate::Certificate,
    diagnostic::DiagnosticCode,
    remedy::Remedy,
    validate::{Authorities, Policy, Trust, verify},
};
use strongroom_tests::{
    authority::{TestCa, ca_params, judge, leaf_params, now, root},
    forge::der::{sequence, tlv},
    remake::{Extension, changed_root, leaf_of},
    scratch::Scratch,
};

const NAME_CONSTRAINTS: u8 = 30;

/// A subjectPublicKeyInfo by the contents of its algorithm and of its key.
fn public_key(algorithm: &[Vec<u8>], key: &[u8]) -> Vec<u8> {
    sequence(&[sequence(algorithm), tlv(3, &[&[0], key].concat())])
}

#[test]
fn a_ca_under_which_nothing_can_be_accepted_is_imported_with_a_warning() {
    let rsa = |oid: u8| {
        let algorithm = [tlv(6, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, oid]), vec![5, 0]];
        let bytes = if oid == 1 { 128 } else { 256 };
        let modulus = [&[0, 0xc1][..], &vec![1; bytes - 1]].concat();
        public_key(&algorithm, &sequence(&[tlv(2, &modulus), tlv(2, &[1, 0, 1])]))
    };
    let ec = |parameters: Vec<u8>| {
        public_key(&[tlv(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]), parameters], &[4; 65])
    };
    let brainpool = tlv(6, &[0x2b, 0x24, 3, 3, 2, 8, 1, 1, 7]);
    for (spki, code, why) in [
        (rsa(1), DiagnosticCode::AuthorityNotUsable, "its RSA key has 1024 bits; at least 2048 are required"),
        (
            public_key(&[tlv(6, &[0x2b, 0x65, 0x71])], &[7; 57]),
            DiagnosticCode::AuthorityNotUsable,
            "its key is of the kind Ed448, under which no TLS client checks signatures",
        ),
        (
            ec(brainpool),
            DiagnosticCode::AuthorityNotUsable,
            "its key is on the curve brainpoolP256r1, and TLS clients take P-256, P-384 and P-521",
        ),
        (
            ec(sequence(&[tlv(2, &[1])])),
            DiagnosticCode::AuthorityNotUsable,
            "its key is EC with explicit parameters, and TLS clients take P-256, P-384 and P-521",
        ),
        (
            rsa(10),
            DiagnosticCode::RustlsClientsRefuse,
            "its RSA key is restricted to PSS, which they do not know",
        ),
    ] {
        let (ca, anchor) = changed_root("Odd", |fields| fields.spki = spki);
        let scratch = Scratch::new(now());
        let report = scratch.keystore.import_authority(&"odd".parse().unwrap(), anchor.der(), now()).unwrap();
        let [finding] = report.findings.as_slice() else {
            panic!("{:?}", report.findings);
        };
        assert_eq!(finding.code, code);
        assert!(finding.message.ends_with(why), "{}", finding.message);
        // Below it, the key of the CA is the reason.
        if code == DiagnosticCode::AuthorityNotUsable {
            let error = judge(&leaf_of(&ca, |_| {}), &[], &anchor, &Policy::verification()).unwrap_err();
            assert_eq!(error.code(), "unsupported_signature");
            let reason = format!("the signature of CN=a.test cannot be judged: the CA is CN=Odd, and {why}");
            assert_eq!(error.to_string(), reason);
            assert!(
                error.remedies()[0].to_string().starts_with("ask the CA for a certificate under a CA key of")
            );
        }
    }
    let (_, malformed) = changed_root("Odd", |fields| {
        fields.extensions.push(Extension::of_arc(NAME_CONSTRAINTS, true, &[0x30, 0]));
    });
    let report = Scratch::new(now())
        .keystore
        .import_authority(&"odd".parse().unwrap(), malformed.der(), now())
        .unwrap();
    assert_eq!(report.findings[0].code, DiagnosticCode::AuthorityNotUsable);
    assert!(report.findings[0].message.ends_with("(nameConstraints) cannot be read: it constrains nothing"));
}

#[test]
fn a_ca_of_the_right_name_with_another_key_is_said_to_be_that() {
    let root = root("Root");
    let (right, wrong) = (root.issue_ca(ca_params("Issuing")), root.issue_ca(ca_params("Issuing")));
    let hex = |ca: &TestCa| -> String {
        ca.certificate.subject_key_id().unwrap_or_default().iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let leaf = right.issue(&leaf_params("a.test"), &[]).leaf().clone();
    let judge = |imported: &[&TestCa], others: &[&Certificate]| {
        let mut authorities = Authorities::new();
        imported.iter().for_each(|ca| authorities.add(ca.certificate.clone(), Trust::Anchor));
        let others: Vec<Certificate> = others.iter().map(|one| (*one).clone()).collect();
        verify(&leaf, &others, &authorities, &Policy::default(), now())
    };
    for (imported, others, place) in
        [(vec![&root, &wrong], vec![], "imported"), (vec![&root], vec![&wrong.certificate], "in the file")]
    {
        let error = judge(&imported, &others).unwrap_err();
        assert_eq!(
            (error.code(), error.to_string()),
            (
                "no_anchor",
                format!(
                    "no path to an imported authority: a CA named \"CN=Issuing\" is {place}, but it has another key: wanted is the key id {}, and it has the key id {}",
                    hex(&right),
                    hex(&wrong)
                )
            )
        );
        assert_eq!(error.remedies(), [Remedy::ImportAuthorityWithKey { key_id: Some(hex(&right)) }]);
    }
    // With the right one beside it the other does no harm, and the advice does not loop.
    assert_eq!(judge(&[&root, &wrong, &right], &[]).unwrap().path().len(), 3);
    assert_eq!(judge(&[], &[]).unwrap_err().remedies(), [Remedy::ImportAuthority]);

    // A root that the file embeds, beside an imported one of the same name.
    let (real, other) = (self::root("Top"), self::root("Top"));
    let leaf = real.issue(&leaf_params("a.test"), &[]).leaf().clone();
    let mut authorities = Authorities::new();
    authorities.add(other.certificate.clone(), Trust::Anchor);
    let error =
        verify(&leaf, std::slice::from_ref(&real.certificate), &authorities, &Policy::default(), now())
            .unwrap_err();
    assert!(error.to_string().ends_with(&format!(
        "the key id {}, and it has the key id {}",
        hex(&real),
        hex(&other)
    )));
    assert_eq!(error.remedies()[0], Remedy::ImportWithEmbeddedCa);
}

#[test]
fn self_issued_cas_do_not_count_against_the_greatest_length() {
    let old = root("Root");
    // The root's new key, certified with the old one under the same name (RFC 4210, section 4.4).
    let rolled = old.issue_ca(ca_params("Root"));
    let issuing = rolled.issue_ca(ca_params("Issuing"));
    let leaf = issuing.issue(&leaf_params("a.test"), &[]).leaf().clone();
    let between = [&rolled.certificate, &issuing.certificate];
    let judge = |most: usize| {
        let mut policy = Policy::verification();
        policy.max_intermediates = most;
        judge(&leaf, &between, &old.certificate, &policy)
    };
    assert_eq!(judge(1).unwrap().path().len(), 4);
    assert_eq!(judge(0).unwrap_err().code(), "path_too_complex");
    // Those that are not self-issued do.
    let second = issuing.issue_ca(ca_params("Second"));
    let leaf = second.issue(&leaf_params("a.test"), &[]).leaf().clone();
    let between = [&rolled.certificate, &issuing.certificate, &second.certificate];
    let mut policy = Policy::verification();
    policy.max_intermediates = 1;
    assert_eq!(
        self::judge(&leaf, &between, &old.certificate, &policy).unwrap_err().code(),
        "path_too_complex"
    );
}
