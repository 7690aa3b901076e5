//! What imports store of a chain, and what the store then lends to the next import.

use strongroom::keystore::{CredentialRequest, Outcome};
use strongroom_tests::{
    authority::{TestCa, ca_params, leaf_params, now, root},
    scratch::Scratch,
};

/// A store with a root, the root, and a CA below it.
fn with_root() -> (Scratch, TestCa, TestCa) {
    let scratch = Scratch::new(now());
    let root = root("Root");
    let issuing = root.issue_ca(ca_params("Issuing"));
    scratch.keystore.import_authority(&"root".parse().unwrap(), root.file(), now()).unwrap();
    (scratch, root, issuing)
}

#[test]
fn a_stored_chain_serves_the_next_import_but_anchors_nothing() {
    let (scratch, _, issuing) = with_root();
    let keystore = &scratch.keystore;
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

    keystore.remove(&"root".parse().unwrap(), true, now()).unwrap();
    let third = issuing.issue(&leaf_params("c.test"), &[]);
    let error =
        keystore.import_credential(CredentialRequest::new("c".parse().unwrap(), third, now())).unwrap_err();
    assert_eq!(error.code(), "no_anchor");
}

#[test]
fn an_embedded_root_is_trusted_only_on_request() {
    let scratch = Scratch::new(now());
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
    let scratch = Scratch::new(now());
    let keystore = &scratch.keystore;
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
    let entry = keystore.entry(&"a_intermediate2".parse().unwrap(), now()).unwrap();
    assert_eq!(entry.certificate.subject(), "CN=Second");
}

#[test]
fn importing_a_stored_chain_certificate_as_ca_makes_it_an_anchor() {
    let (scratch, root, issuing) = with_root();
    let keystore = &scratch.keystore;
    let first = issuing.issue(&leaf_params("a.test"), &[&issuing.certificate]);
    keystore.import_credential(CredentialRequest::new("a".parse().unwrap(), first, now())).unwrap();
    keystore.remove(&"root".parse().unwrap(), true, now()).unwrap();

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

#[test]
fn a_crowded_store_is_narrowed_by_key_identifier() {
    let scratch = Scratch::new(now());
    let roots: Vec<TestCa> = (0..150).map(|_| root("Same")).collect();
    for (n, ca) in roots.iter().enumerate() {
        scratch.keystore.import_authority(&format!("root{n}").parse().unwrap(), ca.file(), now()).unwrap();
    }
    for n in [0, 74, 149] {
        let credential = roots[n].issue(&leaf_params("a.test"), &[]);
        let request = CredentialRequest::new(format!("server{n}").parse().unwrap(), credential, now());
        assert_eq!(scratch.keystore.import_credential(request).unwrap().chain.len(), 2);
    }
}
