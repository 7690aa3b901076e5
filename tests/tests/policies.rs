//! Certificate policies (RFC 5280, section 6.1), for a caller to whom any policy is acceptable; OpenSSL is asked as well.

use std::{fs, process::Command};

use rcgen::{CertificateParams, CustomExtension};
use strongroom::{
    certificate::Certificate,
    diagnostic::DiagnosticCode,
    validate::{Policy, validate},
};
use strongroom_tests::authority::{NOW, TestCa, ca_params, leaf_params, now, root};

const ANY: &[u8] = &[0x55, 0x1d, 0x20, 0x00];
/// 1.2.3 and 1.2.4.
const GOLD: &[u8] = &[0x2a, 0x03];
const SILVER: &[u8] = &[0x2a, 0x04];

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    [&[tag, u8::try_from(content.len()).unwrap()], content].concat()
}

/// An extension 2.5.29.`arc`.
fn extension(arc: u64, critical: bool, content: Vec<u8>) -> CustomExtension {
    let mut extension = CustomExtension::from_oid_content(&[2, 5, 29, arc], content);
    extension.set_criticality(critical);
    extension
}

/// certificatePolicies.
fn policies(list: &[&[u8]]) -> CustomExtension {
    let each: Vec<Vec<u8>> = list.iter().map(|oid| der(0x30, &der(0x06, oid))).collect();
    extension(32, true, der(0x30, &each.concat()))
}

/// policyMappings with one pair.
fn mapping(from: &[u8], to: &[u8]) -> CustomExtension {
    extension(33, true, der(0x30, &der(0x30, &[der(0x06, from), der(0x06, to)].concat())))
}

/// policyConstraints with a value of requireExplicitPolicy.
fn require_explicit(skip: u8) -> CustomExtension {
    extension(36, true, der(0x30, &[0x80, 1, skip]))
}

/// policyConstraints with a value of inhibitPolicyMapping.
fn inhibit_mapping(skip: u8) -> CustomExtension {
    extension(36, true, der(0x30, &[0x81, 1, skip]))
}

fn inhibit_any(skip: u8) -> CustomExtension {
    extension(54, true, vec![0x02, 1, skip])
}

fn with(mut params: CertificateParams, extensions: &[CustomExtension]) -> CertificateParams {
    params.custom_extensions = extensions.to_vec();
    params
}

/// Root, then a CA for each of `cas`, then a leaf; `message` is that of the refusal.
#[track_caller]
fn check(cas: &[&[CustomExtension]], leaf: &[CustomExtension], message: Option<&str>) {
    let root = root("Root");
    let mut chain: Vec<TestCa> = Vec::new();
    for (n, extensions) in cas.iter().enumerate() {
        let params = with(ca_params(&format!("CA {}", n + 1)), extensions);
        let below = chain.last().unwrap_or(&root).issue_ca(params);
        chain.push(below);
    }
    let others: Vec<&Certificate> = chain.iter().map(|ca| &ca.certificate).collect();
    let credential = chain.last().unwrap().issue(&with(leaf_params("a.test"), leaf), &others);
    let mut authorities = strongroom::validate::Authorities::new();
    authorities.add(root.certificate.clone(), strongroom::validate::Trust::Anchor);
    let verdict = validate(&credential, &authorities, &Policy::default(), now());
    match (&verdict, message) {
        (Ok(found), None) => {
            assert_eq!(found.path().len(), cas.len() + 2);
            let codes: Vec<_> = found.findings().iter().map(|finding| finding.code).collect();
            assert_eq!(codes, [DiagnosticCode::RustlsClientsRefuse], "all of these are critical");
        }
        (Err(error), Some(message)) => {
            assert_eq!((error.code(), error.to_string().as_str()), ("path_invalid", message));
        }
        (Ok(_), Some(message)) => panic!("accepted, not: {message}"),
        (Err(error), None) => panic!("{error}"),
    }
    if let Some(theirs) = openssl(&root.certificate, &others, credential.leaf()) {
        assert_eq!(verdict.is_ok(), theirs, "OpenSSL thinks otherwise");
    }
}

/// What `openssl verify -policy_check` says; `None` without the program.
fn openssl(root: &Certificate, others: &[&Certificate], leaf: &Certificate) -> Option<bool> {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, certificates: &[&Certificate]| {
        let blocks = certificates
            .iter()
            .map(|certificate| pem::encode(&pem::Pem::new("CERTIFICATE", certificate.der().as_ref())));
        fs::write(folder.path().join(name), blocks.collect::<String>()).unwrap();
    };
    write("root.pem", &[root]);
    write("others.pem", others);
    write("leaf.pem", &[leaf]);
    let time = NOW.to_string();
    let run = Command::new("openssl")
        .args(["verify", "-policy_check", "-policy", "2.5.29.32.0", "-attime", &time, "-CAfile", "root.pem"])
        .args(["-untrusted", "others.pem", "leaf.pem"])
        .current_dir(folder.path())
        .output();
    match run {
        Ok(output) => Some(output.status.success()),
        Err(_) => {
            eprintln!("not held against OpenSSL: it is not here");
            None
        }
    }
}

const REQUIRED: &str = "policies of CN=a.test: a policy is required that the certificates below do not have";

#[test]
fn critical_policies_alone_break_nothing() {
    check(&[&[policies(&[GOLD])]], &[], None);
    check(&[&[policies(&[GOLD])]], &[policies(&[SILVER])], None);
    check(&[&[policies(&[GOLD]), require_explicit(2)]], &[], None);
}

#[test]
fn a_policy_that_is_required_must_be_on_the_whole_path() {
    let issuing = [policies(&[GOLD]), require_explicit(0)];
    check(&[&issuing], &[policies(&[GOLD])], None);
    check(&[&issuing], &[policies(&[SILVER, GOLD])], None);
    check(&[&issuing], &[policies(&[ANY])], None);
    check(&[&issuing], &[policies(&[SILVER])], Some(REQUIRED));
    check(&[&issuing], &[], Some(REQUIRED));
    check(&[&[require_explicit(0)]], &[policies(&[GOLD])], Some(REQUIRED));
    check(&[&[policies(&[ANY]), require_explicit(0)]], &[policies(&[SILVER])], None);
    check(&[&issuing, &[policies(&[SILVER])]], &[policies(&[GOLD])], Some(REQUIRED));
    // requireExplicitPolicy in the leaf itself.
    check(&[&[policies(&[GOLD])]], &[policies(&[GOLD]), require_explicit(0)], None);
    check(&[&[policies(&[GOLD])]], &[require_explicit(0)], Some(REQUIRED));
}

#[test]
fn any_policy_may_be_inhibited() {
    let issuing = [policies(&[ANY]), require_explicit(0), inhibit_any(0)];
    check(&[&issuing], &[policies(&[GOLD])], None);
    check(&[&issuing], &[policies(&[ANY])], Some(REQUIRED));
    let later = [policies(&[ANY]), require_explicit(0), inhibit_any(1)];
    check(&[&later, &[policies(&[ANY])]], &[policies(&[GOLD])], None);
    check(&[&later, &[policies(&[ANY])]], &[policies(&[ANY])], Some(REQUIRED));
}

#[test]
fn policies_are_mapped_on_the_way_down() {
    let mapped = [policies(&[GOLD]), mapping(GOLD, SILVER), require_explicit(0)];
    check(&[&mapped], &[policies(&[SILVER])], None);
    check(&[&mapped], &[policies(&[GOLD])], Some(REQUIRED));
    let of_any = [policies(&[ANY]), mapping(GOLD, SILVER), require_explicit(0)];
    check(&[&of_any], &[policies(&[SILVER])], None);
    let forbidden = "policies of CN=a.test: anyPolicy stands in a policy mapping";
    check(&[&[policies(&[GOLD]), mapping(GOLD, ANY)]], &[policies(&[GOLD])], Some(forbidden));
    // Where mapping is inhibited, the mapped policy is lost.
    let first = [policies(&[GOLD]), inhibit_mapping(0)];
    let second = [policies(&[GOLD]), mapping(GOLD, SILVER), require_explicit(0)];
    check(&[&first, &second], &[policies(&[SILVER])], Some(REQUIRED));
    check(&[&first, &second], &[policies(&[GOLD])], Some(REQUIRED));
}
