//! Imports of CA certificates: one, all of a bundle or a folder, by the library and by the command.

#[path = "authorities/command.rs"]
mod command;

use strongroom::{
    certificate_file::{CertificateFileRequest, read_certificates},
    keystore::{AuthoritiesRequest, AuthorityFile, AuthorityNames},
};
use strongroom_tests::{
    armour::pem,
    authority::{TestCa, ca_params, leaf_params, now, root, self_signed},
    scratch::Scratch,
};

fn file(name: &str, bytes: &[u8]) -> AuthorityFile {
    AuthorityFile::new(name, read_certificates(CertificateFileRequest::new(bytes)).unwrap())
}

/// Alias and outcome of each certificate.
fn import(scratch: &mut Scratch, files: Vec<AuthorityFile>) -> Vec<(Option<String>, &'static str)> {
    let report = scratch.keystore.import_authorities(AuthoritiesRequest::new(files, now())).unwrap();
    report
        .certificates
        .iter()
        .map(|one| (one.alias.as_ref().map(ToString::to_string), one.outcome.as_str()))
        .collect()
}

fn named(aliases: &[&str], outcome: &'static str) -> Vec<(Option<String>, &'static str)> {
    aliases.iter().map(|alias| (Some((*alias).to_owned()), outcome)).collect()
}

fn aliases(scratch: &mut Scratch) -> Vec<String> {
    scratch.keystore.page(None, 1000, now()).unwrap().iter().map(|entry| entry.alias.to_string()).collect()
}

fn bundle(cas: &[&TestCa]) -> String {
    cas.iter().map(|ca| pem("CERTIFICATE", ca.file())).collect()
}

#[test]
fn aliases_come_from_the_subjects_and_stay() {
    let mut scratch = Scratch::new(now());
    let (first, second, accents) = (root("Example Root"), root("Example  Root"), root("Rôot (G2)"));
    let mut params = ca_params("x");
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::OrganizationName, "Ministry");
    let by_organisation = self_signed(params, rcgen::KeyPair::generate().unwrap());
    let other_script = root("根证书");
    let digits = other_script.certificate.fingerprint().to_string();
    let all = [&first, &second, &accents, &by_organisation, &other_script];
    let nameless = format!("ca-{}", &digits[..8]);
    let expected = ["example-root", "example-root-2", "root-g2", "ministry", nameless.as_str()];
    let text = bundle(&all);
    assert_eq!(import(&mut scratch, vec![file("a.pem", text.as_bytes())]), named(&expected, "imported"));
    let again = bundle(&[&second, &other_script, &first, &accents, &by_organisation]);
    assert_eq!(
        import(&mut scratch, vec![file("b.pem", again.as_bytes())]),
        named(&["example-root-2", &nameless, "example-root", "root-g2", "ministry"], "already_present")
    );
    assert_eq!(aliases(&mut scratch).len(), 5);
    // One of the same name takes the next number, and is there to be read.
    let third = root("EXAMPLE ROOT");
    let content = vec![file("c.pem", bundle(&[&first, &third]).as_bytes())];
    let got = import(&mut scratch, content);
    assert_eq!(got[1], (Some("example-root-3".to_owned()), "imported"));
    let entry = scratch.keystore.entry(&"example-root-3".parse().unwrap(), now()).unwrap();
    assert_eq!(entry.certificate.fingerprint(), third.certificate.fingerprint());
}

#[test]
fn a_prefix_stands_before_each_alias_and_must_make_one() {
    let scratch = Scratch::new(now());
    let ca = root("Root");
    let with = |prefix: &str| {
        let mut request = AuthoritiesRequest::new(vec![file("a.pem", ca.file())], now());
        request.names = AuthorityNames::FromSubject { prefix: prefix.to_owned() };
        request
    };
    let refused = scratch.keystore.import_authorities(with("-corp ")).unwrap_err();
    assert_eq!(refused.code(), "invalid_alias");
    let report = scratch.keystore.import_authorities(with("corp-")).unwrap();
    assert_eq!(report.certificates[0].alias.as_ref().unwrap().as_str(), "corp-root");
}

#[test]
fn numbered_aliases_are_those_asked_for_or_nothing_is_stored() {
    let mut scratch = Scratch::new(now());
    let (first, second, third) = (root("First"), root("Second"), root("Third"));
    let keystore = &scratch.keystore;
    let request = |alias: &str, cas: &[&TestCa]| {
        let mut request = AuthoritiesRequest::new(vec![file("", bundle(cas).as_bytes())], now());
        request.names = AuthorityNames::Numbered(alias.parse().unwrap());
        request.pass_over = false;
        request
    };
    keystore.import_authority(&"ca_2".parse().unwrap(), third.file(), now()).unwrap();
    keystore.import_authorities(request("ca", &[&first, &second])).unwrap();
    assert_eq!(aliases(&mut scratch), ["ca", "ca_2", "ca_3"]);
    let fourth = root("Fourth");
    let taken = scratch.keystore.import_authorities(request("CA", &[&fourth, &root("Fifth")])).unwrap_err();
    assert_eq!(
        (taken.code(), taken.to_string().as_str()),
        ("alias_taken", "the alias \"ca\" is taken by another entry")
    );
    // There is no --replace here.
    assert_eq!(taken.help().as_deref(), Some("choose another alias"));
    let one = scratch.keystore.import_authority(&"ca".parse().unwrap(), fourth.file(), now()).unwrap_err();
    assert_eq!((one.code(), one.help().as_deref()), ("alias_taken", Some("choose another alias")));
    let leaf = first.issue(&leaf_params("www.test"), &[]).leaf().clone();
    let mixed = format!("{}{}", bundle(&[&fourth]), pem("CERTIFICATE", leaf.der()));
    let mut request = AuthoritiesRequest::new(vec![file("", mixed.as_bytes())], now());
    request.pass_over = false;
    let before = scratch.bytes();
    assert_eq!(scratch.keystore.import_authorities(request).unwrap_err().code(), "not_a_ca");
    assert!(scratch.bytes() == before);
}

#[test]
fn what_is_no_ca_is_said_and_alone_it_is_an_error() {
    let mut scratch = Scratch::new(now());
    let ca = root("Root");
    let leaf = ca.issue(&leaf_params("www.test"), &[]).leaf().clone();
    let alone = leaf_params("self.test").self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
    let text =
        format!("{}{}{}", pem("CERTIFICATE", leaf.der()), bundle(&[&ca]), pem("CERTIFICATE", alone.der()));
    let report = scratch
        .keystore
        .import_authorities(AuthoritiesRequest::new(vec![file("b.pem", text.as_bytes())], now()))
        .unwrap();
    assert_eq!(report.counts(), (1, 0, 2));
    let told: Vec<String> = report
        .certificates
        .iter()
        .map(|one| match &one.outcome {
            strongroom::keystore::AuthorityOutcome::NotImported(error) => {
                format!("{}: {error}", error.code())
            }
            outcome => outcome.as_str().to_owned(),
        })
        .collect();
    assert_eq!(
        told,
        [
            "not_a_ca: CN=www.test is not a CA certificate",
            "imported",
            "no_basic_constraints: CN=self.test is self-signed and lacks cA in basicConstraints, so it is no CA certificate",
        ]
    );
    let refuse = |scratch: &mut Scratch, bytes: &[u8]| {
        let request = AuthoritiesRequest::new(vec![file("x", bytes)], now());
        let error = scratch.keystore.import_authorities(request).unwrap_err();
        (error.code(), error.to_string())
    };
    assert_eq!(
        refuse(&mut scratch, leaf.der()),
        ("not_a_ca", "CN=www.test is not a CA certificate".to_owned())
    );
    assert_eq!(refuse(&mut scratch, alone.der()).0, "no_basic_constraints");
    let both = [leaf.der().as_ref(), alone.der().as_ref()].concat();
    assert_eq!(
        refuse(&mut scratch, &both),
        ("not_a_ca", "none of the 2 certificates is a CA certificate".to_owned())
    );
}

#[test]
fn a_certificate_of_a_chain_becomes_an_authority_of_its_own() {
    let mut scratch = Scratch::new(now());
    let root = root("Root");
    let issuing = root.issue_ca(ca_params("Issuing"));
    scratch.keystore.import_authority(&"root".parse().unwrap(), root.file(), now()).unwrap();
    let credential = issuing.issue(&leaf_params("a.test"), &[&issuing.certificate]);
    let request = strongroom::keystore::CredentialRequest::new("a".parse().unwrap(), credential, now());
    scratch.keystore.import_credential(request).unwrap();
    let got = import(&mut scratch, vec![file("i.pem", issuing.file())]);
    assert_eq!(got, named(&["issuing"], "imported"));
    assert_eq!(aliases(&mut scratch), ["a", "a_intermediate", "issuing", "root"]);
}

#[test]
fn many_of_one_name_are_stored_in_bounded_time() {
    let mut scratch = Scratch::new(now());
    let cas: Vec<TestCa> = (0..300).map(|_| root("Same")).collect();
    let text = bundle(&cas.iter().collect::<Vec<_>>());
    let start = std::time::Instant::now();
    let got = import(&mut scratch, vec![file("a.pem", text.as_bytes())]);
    assert_eq!(got.last().unwrap().0.as_deref(), Some("same-300"));
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}
