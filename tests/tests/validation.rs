//! Verdicts on chains that no fixture has, through the keystore or directly.

use rcgen::{BasicConstraints, IsCa, KeyPair};
use strongroom::{
    Authorities, CredentialRequest, FindingCode, Outcome, Policy, ServerCredential, Trust, ValidatedChain,
    ValidationError, validate,
};
use strongroom_tests::{
    authority::{TestCa, ca_params, leaf_params, now, root, self_signed, valid},
    scratch::Scratch,
};

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
fn accepted(verdict: Result<ValidatedChain, ValidationError>, length: usize, warnings: &[FindingCode]) {
    let chain = verdict.unwrap_or_else(|error| panic!("{}: {error}", error.code()));
    let found: Vec<FindingCode> = chain.findings().iter().map(|finding| finding.code).collect();
    assert_eq!((chain.path().len(), found.as_slice()), (length, warnings));
}

#[track_caller]
fn refused(verdict: Result<ValidatedChain, ValidationError>, code: FindingCode) -> String {
    let error = verdict.map(|chain| chain.path().len()).unwrap_err();
    assert_eq!(error.findings.first().map(|finding| finding.code), Some(code), "{error}");
    error.to_string()
}

#[test]
fn an_imported_intermediate_alone_anchors_a_path() {
    let root = root("Root");
    let issuing = root.issue_ca(ca_params("Issuing"));
    let credential = issuing.issue(&leaf_params("a.test"), &[]);
    accepted(judge(&credential, &[&issuing]), 2, &[FindingCode::AnchoredAtIntermediate]);
    accepted(judge(&credential, &[&issuing, &root]), 3, &[]);
    let missing = refused(judge(&credential, &[&root]), FindingCode::NoAnchor);
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
    let reason = refused(judge(&credential, &[&old]), FindingCode::NoAnchor);
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
    refused(judge(&credential, &[&narrow]), FindingCode::PathInvalid);
}

#[test]
fn authorities_that_may_not_sign_anchor_nothing() {
    use rcgen::KeyUsagePurpose;
    let mut silent = ca_params("Silent");
    silent.key_usages = vec![KeyUsagePurpose::CrlSign];
    let silent = self_signed(silent, KeyPair::generate().unwrap());
    let reason =
        refused(judge(&silent.issue(&leaf_params("a.test"), &[]), &[&silent]), FindingCode::NoAnchor);
    assert!(reason.ends_with("its key usage does not allow signing certificates"), "{reason}");

    let mut mail = ca_params("Mail");
    mail.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::EmailProtection];
    let mail = self_signed(mail, KeyPair::generate().unwrap());
    let reason = refused(judge(&mail.issue(&leaf_params("a.test"), &[]), &[&mail]), FindingCode::NoAnchor);
    assert!(reason.ends_with("its extended key usage does not include servers"), "{reason}");
}

#[test]
fn a_certificate_from_the_file_never_becomes_an_anchor() {
    let root = root("Root");
    let issuing = root.issue_ca(ca_params("Issuing"));
    let credential = issuing.issue(&leaf_params("a.test"), &[&issuing.certificate, &root.certificate]);
    let error = judge(&credential, &[]).unwrap_err();
    assert_eq!(error.code(), "no_anchor");
    assert!(error.help().unwrap().starts_with("the file itself embeds that CA"), "{:?}", error.help());
    // Nor one that was imported as part of another chain.
    let mut path_only = Authorities::new();
    path_only.add(root.certificate.clone(), Trust::Path);
    assert_eq!(validate(&credential, &path_only, &Policy::default(), now()).unwrap_err().code(), "no_anchor");
}

#[test]
fn a_foreign_ca_of_the_same_name_is_a_missing_issuer_and_a_forged_signature_is_bad() {
    let (real, other) = (root("CA"), root("CA"));
    let credential = other.issue(&leaf_params("a.test"), &[]);
    refused(judge(&credential, &[&real]), FindingCode::NoAnchor);
    accepted(judge(&credential, &[&real, &other]), 2, &[]);

    // Without key identifiers, name and signature are all there is.
    let mut plain = leaf_params("a.test");
    plain.use_authority_key_identifier_extension = false;
    refused(judge(&other.issue(&plain, &[]), &[&real]), FindingCode::BadSignature);
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
    let codes: Vec<FindingCode> = error.findings.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, [FindingCode::Expired, FindingCode::NoServerAuth, FindingCode::NoAnchor]);
    assert_eq!(error.to_string(), "the certificate expired 10 days ago");

    let mut policy = Policy::default();
    policy.allow = vec![FindingCode::Expired, FindingCode::NoServerAuth];
    assert_eq!(validate(&credential, &anchors(&[]), &policy, now()).unwrap_err().code(), "no_anchor");
    accepted(
        validate(&credential, &anchors(&[&root]), &policy, now()),
        2,
        &[FindingCode::Expired, FindingCode::NoServerAuth],
    );
}

#[test]
fn a_stored_chain_serves_the_next_import_but_anchors_nothing() {
    let mut scratch = Scratch::new(now());
    let keystore = &mut scratch.keystore;
    let root = root("Root");
    let issuing = root.issue_ca(ca_params("Issuing"));
    keystore.import_authority(&"root".parse().unwrap(), root.file(), now()).unwrap();
    let first = issuing.issue(&leaf_params("a.test"), &[&issuing.certificate]);
    let report =
        keystore.import_credential(CredentialRequest::new("a".parse().unwrap(), first, now())).unwrap();
    assert_eq!(
        report.imported.iter().map(|alias| alias.as_str()).collect::<Vec<_>>(),
        ["a", "a_intermediate"]
    );

    // The second comes without its chain.
    let second = issuing.issue(&leaf_params("b.test"), &[]);
    let report =
        keystore.import_credential(CredentialRequest::new("b".parse().unwrap(), second, now())).unwrap();
    assert_eq!((report.chain.len(), report.imported.len()), (3, 1));

    keystore.remove(&"root".parse().unwrap(), false, now()).unwrap();
    let third = issuing.issue(&leaf_params("c.test"), &[]);
    let error =
        keystore.import_credential(CredentialRequest::new("c".parse().unwrap(), third, now())).unwrap_err();
    assert_eq!(error.code(), "no_anchor");
}

#[test]
fn an_embedded_root_is_trusted_only_on_request() {
    let mut scratch = Scratch::new(now());
    let root = root("Root");
    let issuing = root.issue_ca(ca_params("Issuing"));
    let credential = || issuing.issue(&leaf_params("a.test"), &[&root.certificate, &issuing.certificate]);
    let mut request = CredentialRequest::new("a".parse().unwrap(), credential(), now());
    request.options.trust_embedded_root = true;
    let report = scratch.keystore.import_credential(request).unwrap();
    assert_eq!(report.outcome, Outcome::Imported);
    let written: Vec<&str> = report.imported.iter().map(|alias| alias.as_str()).collect();
    assert_eq!(written, ["a", "a_intermediate", "a_root"]);
    // It is an anchor from now on.
    let next =
        CredentialRequest::new("b".parse().unwrap(), issuing.issue(&leaf_params("b.test"), &[]), now());
    assert_eq!(scratch.keystore.import_credential(next).unwrap().chain.len(), 3);
}

#[test]
fn chain_aliases_take_the_next_free_number() {
    let mut scratch = Scratch::new(now());
    let keystore = &mut scratch.keystore;
    let root = root("Root");
    keystore.import_authority(&"root".parse().unwrap(), root.file(), now()).unwrap();
    keystore.import_authority(&"A_Intermediate".parse().unwrap(), self::root("Other").file(), now()).unwrap();
    let first = root.issue_ca(ca_params("First"));
    let second = first.issue_ca(ca_params("Second"));
    let credential = second.issue(&leaf_params("a.test"), &[&first.certificate, &second.certificate]);
    let report =
        keystore.import_credential(CredentialRequest::new("a".parse().unwrap(), credential, now())).unwrap();
    let written: Vec<&str> = report.imported.iter().map(|alias| alias.as_str()).collect();
    assert_eq!(written, ["a", "a_intermediate2", "a_intermediate3"]);
    // Leaf side first.
    let entry = keystore.entry(&"a_intermediate2".parse().unwrap()).unwrap();
    assert_eq!(entry.certificate.subject, "CN=Second");
}

#[test]
fn importing_a_stored_chain_certificate_as_ca_makes_it_an_anchor() {
    let mut scratch = Scratch::new(now());
    let keystore = &mut scratch.keystore;
    let root = root("Root");
    let issuing = root.issue_ca(ca_params("Issuing"));
    keystore.import_authority(&"root".parse().unwrap(), root.file(), now()).unwrap();
    let first = issuing.issue(&leaf_params("a.test"), &[&issuing.certificate]);
    keystore.import_credential(CredentialRequest::new("a".parse().unwrap(), first, now())).unwrap();
    keystore.remove(&"root".parse().unwrap(), false, now()).unwrap();

    let report =
        keystore.import_authority(&"a_intermediate".parse().unwrap(), issuing.file(), now()).unwrap();
    assert_eq!(report.outcome, Outcome::Imported);
    let again = keystore.import_authority(&"a_intermediate".parse().unwrap(), issuing.file(), now()).unwrap();
    assert_eq!(again.outcome, Outcome::AlreadyPresent);
    let second = issuing.issue(&leaf_params("b.test"), &[]);
    let report =
        keystore.import_credential(CredentialRequest::new("b".parse().unwrap(), second, now())).unwrap();
    assert_eq!(report.chain.len(), 2);
    let taken = keystore.import_authority(&"a".parse().unwrap(), root.file(), now()).unwrap_err();
    assert_eq!(taken.code(), "alias_taken");
}
