//! Verdicts on chains that no fixture has.

use rcgen::{BasicConstraints, IsCa, KeyPair};
use strongroom::{
    certificate::{Certificate, InvalidCertificate, ServerCredential},
    diagnostic::DiagnosticCode,
    remedy::Remedy,
    validate::{Authorities, Policy, Trust, ValidatedChain, ValidationError, validate},
};
use strongroom_tests::authority::{TestCa, ca_params, leaf_params, now, root, self_signed, valid};

fn anchors(authorities: &[&TestCa]) -> Authorities {
    let mut all = Authorities::new();
    for authority in authorities {
        all.add(authority.certificate.clone(), Trust::Anchor);
    }
    all
}

fn judge(credential: &ServerCredential, imported: &[&TestCa]) -> Result<ValidatedChain, ValidationError> {
    validate(credential, &anchors(imported), &Policy::default(), now())
}

#[track_caller]
fn accepted(verdict: Result<ValidatedChain, ValidationError>, length: usize, warnings: &[DiagnosticCode]) {
    let chain = verdict.unwrap_or_else(|error| panic!("{}: {error}", error.code()));
    let found: Vec<DiagnosticCode> = chain.findings().iter().map(|finding| finding.code).collect();
    assert_eq!((chain.path().len(), found.as_slice()), (length, warnings));
}

#[track_caller]
fn refused(verdict: Result<ValidatedChain, ValidationError>, code: DiagnosticCode) -> String {
    let error = verdict.map(|chain| chain.path().len()).unwrap_err();
    assert_eq!(error.findings.first().map(|finding| finding.code), Some(code), "{error}");
    error.to_string()
}

#[test]
fn an_imported_intermediate_alone_anchors_a_path() {
    let root = root("Root");
    let issuing = root.issue_ca(ca_params("Issuing"));
    let credential = issuing.issue(&leaf_params("a.test"), &[]);
    accepted(judge(&credential, &[&issuing]), 2, &[DiagnosticCode::AnchoredAtIntermediate]);
    accepted(judge(&credential, &[&issuing, &root]), 3, &[]);
    let missing = refused(judge(&credential, &[&root]), DiagnosticCode::NoAnchor);
    assert!(missing.contains("\"CN=Issuing\" is not imported"), "{missing}");
}

#[test]
fn an_expired_anchor_is_named_and_a_valid_one_beside_it_is_taken() {
    let key = KeyPair::generate().unwrap();
    let again = KeyPair::try_from(key.serialize_der()).unwrap();
    let mut old = ca_params("Renewed");
    valid(&mut old, -2000, -1);
    let old = self_signed(old, key);
    let renewed = self_signed(ca_params("Renewed"), again);
    let credential = old.issue(&leaf_params("a.test"), &[]);
    let reason = refused(judge(&credential, &[&old]), DiagnosticCode::NoAnchor);
    assert_eq!(reason, "the imported authority CN=Renewed cannot be used: it has expired");
    accepted(judge(&credential, &[&old, &renewed]), 2, &[]);
}

#[test]
fn of_two_anchors_with_one_name_and_key_any_whose_path_length_fits_will_do() {
    let key = KeyPair::generate().unwrap();
    let again = KeyPair::try_from(key.serialize_der()).unwrap();
    let mut narrow = ca_params("CA");
    narrow.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let narrow = self_signed(narrow, key);
    let wide = self_signed(ca_params("CA"), again);
    let issuing = wide.issue_ca(ca_params("Issuing"));
    let credential = issuing.issue(&leaf_params("a.test"), &[&issuing.certificate]);
    accepted(judge(&credential, &[&narrow, &wide]), 3, &[]);
    accepted(judge(&credential, &[&wide, &narrow]), 3, &[]);
    refused(judge(&credential, &[&narrow]), DiagnosticCode::PathInvalid);
}

#[test]
fn authorities_that_may_not_sign_anchor_nothing() {
    use rcgen::KeyUsagePurpose;
    let mut silent = ca_params("Silent");
    silent.key_usages = vec![KeyUsagePurpose::CrlSign];
    let silent = self_signed(silent, KeyPair::generate().unwrap());
    let reason =
        refused(judge(&silent.issue(&leaf_params("a.test"), &[]), &[&silent]), DiagnosticCode::NoAnchor);
    assert!(reason.ends_with("its key usage does not allow signing certificates"), "{reason}");

    let mut mail = ca_params("Mail");
    mail.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::EmailProtection];
    let mail = self_signed(mail, KeyPair::generate().unwrap());
    let reason = refused(judge(&mail.issue(&leaf_params("a.test"), &[]), &[&mail]), DiagnosticCode::NoAnchor);
    assert!(reason.ends_with("its extended key usage does not include servers"), "{reason}");
}

#[test]
fn a_certificate_from_the_file_never_becomes_an_anchor() {
    let root = root("Root");
    let issuing = root.issue_ca(ca_params("Issuing"));
    let credential = issuing.issue(&leaf_params("a.test"), &[&issuing.certificate, &root.certificate]);
    let error = judge(&credential, &[]).unwrap_err();
    assert_eq!(error.code(), "no_anchor");
    assert_eq!(error.remedies(), [Remedy::ImportWithEmbeddedCa, Remedy::ImportAuthority]);
    // Nor one that was imported as part of another chain.
    let mut path_only = Authorities::new();
    path_only.add(root.certificate.clone(), Trust::Path);
    assert_eq!(validate(&credential, &path_only, &Policy::default(), now()).unwrap_err().code(), "no_anchor");
}

#[test]
fn a_foreign_ca_of_the_same_name_is_a_missing_issuer_and_a_forged_signature_is_bad() {
    let (real, other) = (root("CA"), root("CA"));
    let credential = other.issue(&leaf_params("a.test"), &[]);
    refused(judge(&credential, &[&real]), DiagnosticCode::NoAnchor);
    accepted(judge(&credential, &[&real, &other]), 2, &[]);

    // Without key identifiers, name and signature are all there is.
    let mut plain = leaf_params("a.test");
    plain.use_authority_key_identifier_extension = false;
    refused(judge(&other.issue(&plain, &[]), &[&real]), DiagnosticCode::BadSignature);
}

#[test]
fn the_order_of_embedded_certificates_does_not_matter() {
    let root = root("Root");
    let first = root.issue_ca(ca_params("First"));
    let second = first.issue_ca(ca_params("Second"));
    for others in [
        [&first.certificate, &second.certificate, &root.certificate],
        [&root.certificate, &second.certificate, &first.certificate],
        [&second.certificate, &root.certificate, &first.certificate],
    ] {
        let credential = second.issue(&leaf_params("a.test"), &others);
        accepted(judge(&credential, &[&root]), 4, &[]);
    }
}

#[test]
fn every_reason_is_reported_and_only_the_allowed_ones_pass() {
    let root = root("Root");
    let mut params = leaf_params("a.test");
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    valid(&mut params, -400, -10);
    let credential = root.issue(&params, &[]);
    let error = judge(&credential, &[]).unwrap_err();
    let codes: Vec<DiagnosticCode> = error.findings.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, [DiagnosticCode::Expired, DiagnosticCode::NoServerAuth, DiagnosticCode::NoAnchor]);
    assert_eq!(error.to_string(), "the certificate expired 10 days ago");

    let mut policy = Policy::default();
    policy.allow = vec![DiagnosticCode::Expired, DiagnosticCode::NoServerAuth];
    assert_eq!(validate(&credential, &anchors(&[]), &policy, now()).unwrap_err().code(), "no_anchor");
    accepted(
        validate(&credential, &anchors(&[&root]), &policy, now()),
        2,
        &[DiagnosticCode::Expired, DiagnosticCode::NoServerAuth],
    );
}

#[test]
fn of_150_roots_of_one_name_the_key_identifier_finds_the_one() {
    let roots: Vec<TestCa> = (0..150).map(|_| root("Same")).collect();
    let all: Vec<&TestCa> = roots.iter().collect();
    for signer in [&roots[0], &roots[75], &roots[149]] {
        let chain = judge(&signer.issue(&leaf_params("a.test"), &[]), &all).unwrap();
        assert_eq!((chain.path().len(), chain.signatures()), (2, 1));
    }
    // Without key identifiers each may be the one, and 100 are tried.
    let mut plain = leaf_params("a.test");
    plain.use_authority_key_identifier_extension = false;
    let foreign = root("Same").issue(&plain, &[]);
    let error = judge(&foreign, &all).unwrap_err();
    assert_eq!((error.code(), error.signatures), ("path_too_complex", 100));
    assert_eq!(error.to_string(), "no path was found within the limit of 100 signatures");
}

#[test]
fn a_cross_signed_ca_leads_to_whichever_root_is_imported() {
    let (old, new) = (root("Old root"), root("New root"));
    let key = KeyPair::generate().unwrap();
    let by_old = old.issue_ca_for(ca_params("Issuing"), KeyPair::try_from(key.serialize_der()).unwrap());
    let by_new = new.issue_ca_for(ca_params("Issuing"), key);
    let others = [&by_old.certificate, &by_new.certificate];
    let credential = by_new.issue(&leaf_params("a.test"), &others);
    for imported in [&old, &new] {
        let chain = judge(&credential, &[imported]).unwrap();
        assert_eq!(chain.path()[2].certificate.fingerprint(), imported.certificate.fingerprint());
    }
    let mut expired = ca_params("Issuing");
    valid(&mut expired, -400, -1);
    let again = old.issue_ca_for(expired, by_old.key());
    let credential = by_new.issue(&leaf_params("a.test"), &[&again.certificate, &by_new.certificate]);
    accepted(judge(&credential, &[&old, &new]), 3, &[DiagnosticCode::UnusedCertificate]);
    let error = judge(&credential, &[&old]).unwrap_err();
    assert_eq!(error.to_string(), "the CA certificate CN=Issuing on the path has expired");
}

#[test]
fn a_chain_comes_together_in_every_order() {
    let root = root("Root");
    let mut cas: Vec<TestCa> = vec![root.issue_ca(ca_params("CA 1"))];
    for n in 2..=4 {
        let below = cas[cas.len() - 1].issue_ca(ca_params(&format!("CA {n}")));
        cas.push(below);
    }
    for order in permutations(4) {
        let others: Vec<&Certificate> = order.iter().map(|n| &cas[*n].certificate).collect();
        let chain = judge(&cas[3].issue(&leaf_params("a.test"), &others), &[&root]).unwrap();
        assert_eq!((chain.path().len(), chain.signatures(), chain.findings().len()), (6, 5, 0));
    }
}

fn permutations(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let shorter = permutations(count - 1);
    let with = |order: &Vec<usize>, place: usize| {
        let mut longer = order.clone();
        longer.insert(place, count - 1);
        longer
    };
    shorter.iter().flat_map(|order| (0..count).map(move |place| with(order, place))).collect()
}

#[test]
fn more_than_six_cas_are_a_path_that_rustls_clients_refuse() {
    let root = root("Root");
    let mut cas: Vec<TestCa> = vec![root.issue_ca(ca_params("CA 1"))];
    for n in 2..=11 {
        let below = cas[cas.len() - 1].issue_ca(ca_params(&format!("CA {n}")));
        cas.push(below);
    }
    let below = |count: usize| {
        let others: Vec<_> = cas.iter().take(count).map(|ca| &ca.certificate).collect();
        cas[count - 1].issue(&leaf_params("a.test"), &others)
    };
    accepted(judge(&below(6), &[&root]), 8, &[]);
    accepted(judge(&below(7), &[&root]), 9, &[DiagnosticCode::RustlsClientsRefuse]);
    accepted(judge(&below(10), &[&root]), 12, &[DiagnosticCode::RustlsClientsRefuse]);
    refused(judge(&below(11), &[&root]), DiagnosticCode::PathTooComplex);
}

#[test]
fn a_name_that_a_ca_may_not_certify_is_named() {
    use rcgen::{GeneralSubtree, NameConstraints};
    let root = root("Root");
    let mut params = ca_params("Issuing");
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName("inside.test".to_owned())],
        excluded_subtrees: vec![GeneralSubtree::DnsName("secret.inside.test".to_owned())],
    });
    let issuing = root.issue_ca(params);
    let judged = |host: &str| judge(&issuing.issue(&leaf_params(host), &[&issuing.certificate]), &[&root]);
    accepted(judged("www.inside.test"), 3, &[]);
    let reason = refused(judged("www.outside.test"), DiagnosticCode::NameNotPermitted);
    assert_eq!(reason, "CN=Issuing does not permit the name \"www.outside.test\" in its name constraints");
    let reason = refused(judged("a.secret.inside.test"), DiagnosticCode::NameNotPermitted);
    assert_eq!(reason, "CN=Issuing excludes the name \"a.secret.inside.test\" in its name constraints");
    refused(judged("*.inside.test"), DiagnosticCode::NameNotPermitted);
    // An anchor's constraints hold as well.
    let alone = judge(&issuing.issue(&leaf_params("www.outside.test"), &[]), &[&issuing]);
    refused(alone, DiagnosticCode::NameNotPermitted);
}

#[test]
fn a_name_that_is_asked_for_must_be_there() {
    let root = root("Root");
    let credential = root.issue(&leaf_params("a.test"), &[]);
    let mut policy = Policy::default();
    policy.names = vec!["A.test".parse().unwrap()];
    assert!(validate(&credential, &anchors(&[&root]), &policy, now()).is_ok());
    policy.names.push("b.test".parse().unwrap());
    let reason =
        refused(validate(&credential, &anchors(&[&root]), &policy, now()), DiagnosticCode::NameMismatch);
    assert_eq!(reason, "the certificate is not for b.test: it names a.test");
}

#[test]
fn a_self_signed_certificate_is_verified_only_among_the_anchors() {
    let alone = self_signed(leaf_params("a.test"), KeyPair::generate().unwrap());
    let verification = Policy::verification();
    let untrusted =
        strongroom::validate::verify(&alone.certificate, &[], &Authorities::new(), &verification, now());
    let reason = refused(untrusted, DiagnosticCode::NoAnchor);
    assert_eq!(reason, "the certificate is self-signed and is not trusted itself");
    let trusted =
        strongroom::validate::verify(&alone.certificate, &[], &anchors(&[&alone]), &verification, now());
    accepted(trusted, 1, &[DiagnosticCode::SelfSigned]);
}

#[test]
fn signatures_of_every_curve_are_judged() {
    for algorithm in [
        &rcgen::PKCS_ECDSA_P256_SHA256,
        &rcgen::PKCS_ECDSA_P384_SHA384,
        &rcgen::PKCS_ECDSA_P521_SHA512,
        &rcgen::PKCS_ED25519,
    ] {
        let root = self_signed(ca_params("Root"), KeyPair::generate_for(algorithm).unwrap());
        let issuing = root.issue_ca_for(ca_params("Issuing"), KeyPair::generate_for(algorithm).unwrap());
        let credential = issuing.issue(&leaf_params("a.test"), &[&issuing.certificate]);
        accepted(judge(&credential, &[&root]), 3, &[]);
        // Under another key of the same kind the signature is bad.
        let mut plain = leaf_params("a.test");
        plain.use_authority_key_identifier_extension = false;
        let other = self_signed(ca_params("Issuing"), KeyPair::generate_for(algorithm).unwrap());
        refused(judge(&issuing.issue(&plain, &[]), &[&other]), DiagnosticCode::BadSignature);
    }
}

#[test]
fn the_two_algorithm_identifiers_are_compared_to_the_byte() {
    let read = |name: &str| {
        let text = std::fs::read(format!("../fixtures/chains/{name}.pem")).unwrap();
        let request = strongroom::certificate_file::CertificateFileRequest::new(&text);
        strongroom::certificate_file::read_certificates(request).unwrap().certificates.remove(0).certificate
    };
    let (root, intermediate) = (read("root-rsa"), read("intermediate-rsa"));
    assert!(intermediate.is_signed_by(&root));
    // The outer one, which nobody signed, is another; with a second NULL behind its parameters it is none at all.
    let sha256_with_rsa = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00";
    let der = intermediate.der().to_vec();
    let outer = der.windows(sha256_with_rsa.len()).rposition(|window| window == sha256_with_rsa).unwrap();
    let mut other = der.clone();
    other[outer + 12] = 0x0c;
    assert!(!Certificate::from_der(&other).unwrap().is_signed_by(&root));
    let mut longer = der;
    longer[outer + 1] += 2;
    let end = outer + sha256_with_rsa.len();
    longer.splice(end..end, [5, 0]);
    let length = u16::from_be_bytes([longer[2], longer[3]]) + 2;
    longer[2..4].copy_from_slice(&length.to_be_bytes());
    assert_eq!(
        Certificate::from_der(&longer).unwrap_err(),
        InvalidCertificate::Malformed { part: "its signature algorithm", why: "bytes are left over" }
    );
}

#[test]
fn a_key_whose_algorithm_is_encoded_otherwise_is_no_key() {
    let root = root("Root");
    let credential = root.issue(&leaf_params("a.test"), &[]);
    let id_ec_public_key = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01";
    let mut der = credential.leaf().der().to_vec();
    let place = der.windows(id_ec_public_key.len()).position(|window| window == id_ec_public_key).unwrap();
    // A tag that a lenient reader takes for that of an OBJECT IDENTIFIER.
    der[place] = 0x86;
    assert_eq!(
        Certificate::from_der(&der).unwrap_err().to_string(),
        "the certificate cannot be decoded: there is a value of another type than expected in its public key"
    );
}
