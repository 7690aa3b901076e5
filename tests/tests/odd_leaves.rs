//! Server certificates that are accepted although clients will not take them: each is said, in words.

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256, SanType};
use strongroom::{
    certificate::Certificate,
    diagnostic::{Diagnostic, DiagnosticCode, Severity},
    validate::Policy,
};
use strongroom_tests::{
    armour::{has_openssl, pem},
    authority::{TestCa, judge, leaf_params, root},
    command::{Shop, fine, refused},
};

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

/// A leaf with these DNS names and no other, which may be what no host is called.
fn named(root: &TestCa, names: &[&str]) -> Certificate {
    let mut params = leaf_params("a.test");
    params.subject_alt_names =
        names.iter().map(|name| SanType::DnsName((*name).try_into().unwrap())).collect();
    root.issue_leaf_for(&params, &KeyPair::generate().unwrap())
}

#[test]
fn a_name_that_no_client_matches_is_a_warning() {
    let root = root("Root");
    let found = |names: &[&str]| {
        let leaf = named(&root, names);
        judge(&leaf, &[], &root.certificate, &Policy::verification()).unwrap().findings().to_vec()
    };
    let label = "x".repeat(64);
    let long = [["y"; 60].join("").as_str(); 5].join(".");
    let star = "a wildcard is the whole first label, with a name behind it";
    let no_host = "it has a character that no host name has";
    let dots = "there is nothing between two dots, or before the first";
    for (name, shown, reason) in [
        ("", "", "it is empty"),
        ("*", "*", star),
        ("*.*.h.test", "*.*.h.test", star),
        ("www.*.test", "www.*.test", star),
        ("w*.h.test", "w*.h.test", star),
        ("h.test.", "h.test.", "it ends in a dot, which names in certificates do not"),
        (".h.test", ".h.test", dots),
        ("*.", "*.", "it is empty"),
        ("a\0.test", "a\\u{0}.test", no_host),
        ("a.test\nb.test", "a.test\\u{a}b.test", no_host),
        ("\u{1b}[31m.test", "\\u{1b}[31m.test", no_host),
        ("a b.test", "a b.test", no_host),
        ("a.test, b.test", "a.test, b.test", no_host),
        ("10.0.0.1", "10.0.0.1", "clients compare IP addresses only with iPAddress"),
        (
            &format!("{label}.test"),
            &format!("{label}..."),
            "a part between two dots has more than 63 characters",
        ),
        (&long, &format!("{}...", &long[..64]), "it has more than 253 characters"),
    ] {
        let found = found(&[name]);
        let expected = format!("no client matches a host with the name \"{shown}\" ({reason})");
        assert_eq!(said(&found, DiagnosticCode::UnmatchableName), [expected], "{name:?}");
    }
    let found = found(&["a.test", "", "*.a.test", "*", "_a.b.test", "localhost"]);
    assert_eq!(
        said(&found, DiagnosticCode::UnmatchableName),
        [format!("no client matches a host with the names \"\" (it is empty), \"*\" ({star})")]
    );
}

#[test]
fn a_name_that_the_certificate_lacks_is_told_with_those_that_it_has() {
    let root = root("Root");
    let leaf = named(&root, &["10.1.2.3", "b.test", "w*.h.test", "a.test, c.test"]);
    for (name, message) in [
        (
            "10.1.2.3",
            "the certificate names 10.1.2.3 as a DNS name, not as an IP address; clients compare IP addresses only with iPAddress; it names 10.1.2.3, b.test, w*.h.test, \"a.test, c.test\"",
        ),
        (
            "www.h.test",
            "the star of w*.h.test is not the whole first label, and clients take it for no host; it names 10.1.2.3, b.test, w*.h.test, \"a.test, c.test\"",
        ),
        ("w.w.h.test", "it names 10.1.2.3, b.test, w*.h.test, \"a.test, c.test\""),
        (
            "a.test",
            "it is the CN of the subject, which clients do not look at; it names 10.1.2.3, b.test, w*.h.test, \"a.test, c.test\"",
        ),
    ] {
        let mut policy = Policy::verification();
        policy.names = vec![name.parse().unwrap()];
        let error = judge(&leaf, &[], &root.certificate, &policy).unwrap_err();
        assert_eq!(error.to_string(), format!("the certificate is not for {name}: {message}"));
    }
}

/// OpenSSL, asked for a server, refuses it too.
#[test]
fn any_purpose_is_not_that_of_a_server() {
    let root = root("Root");
    let mut params = leaf_params("a.test");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any];
    let leaf = root.issue_leaf_for(&params, &KeyPair::generate().unwrap());
    let chain = judge(&leaf, &[], &root.certificate, &Policy::verification()).unwrap();
    assert_eq!(
        said(chain.findings(), DiagnosticCode::RustlsClientsRefuse),
        [
            "rustls clients will refuse this: they take anyExtendedKeyUsage for no purpose, and ask for serverAuth by name"
        ]
    );
    let remedies =
        &chain.findings().iter().find(|f| f.code == DiagnosticCode::RustlsClientsRefuse).unwrap().remedies;
    assert_eq!(
        remedies[0].to_string(),
        "ask the CA for a certificate with the purpose serverAuth; OpenSSL asks for it by name as well"
    );
    if !has_openssl() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let anchor = folder.path().join("root.pem");
    std::fs::write(&anchor, pem("CERTIFICATE", root.certificate.der())).unwrap();
    let at = strongroom_tests::authority::NOW.to_string();
    let verify = |purpose: &str| {
        let anchor = anchor.to_str().unwrap();
        let mut command = std::process::Command::new("openssl");
        command.args(["verify", "-attime", &at, "-purpose", purpose, "-CAfile", anchor]);
        let file = folder.path().join("leaf.pem");
        std::fs::write(&file, pem("CERTIFICATE", leaf.der())).unwrap();
        command.arg(file).output().unwrap().status.success()
    };
    assert!(verify("any") && !verify("sslserver"));
}

#[test]
fn names_that_no_client_matches_are_shown_apart_and_not_asked_for_again() {
    let (shop, root) = (Shop::open(), root("Root"));
    let folder = shop.folder.path();
    let key = KeyPair::generate().unwrap();
    for (alias, names) in
        [("two", &["a.test, b.test"][..]), ("empty", &[""]), ("star", &["*", "b.test"]), ("none", &[])]
    {
        let mut params = leaf_params("a.test");
        strongroom_tests::authority::valid_today(&mut params);
        params.subject_alt_names =
            names.iter().map(|name| SanType::DnsName((*name).try_into().unwrap())).collect();
        let leaf = root.issue_leaf_for(&params, &key);
        std::fs::write(folder.join("all.pem"), key.serialize_pem() + &pem("CERTIFICATE", leaf.der()))
            .unwrap();
        let file = folder.join("all.pem");
        let run = shop.json(["import", alias, file.to_str().unwrap(), "--allow", "no_anchor"]);
        fine(&run);
        assert_eq!(run.out.contains("\"unmatchable_name\""), alias != "none", "{}", run.out);
    }
    let shown = shop.run(["show", "two"]).out;
    assert!(shown.contains("\"a.test, b.test\"\n"), "{shown}");
    assert!(shop.run(["ls"]).out.contains("  \"\"  "), "{}", shop.run(["ls"]).out);
    for (alias, found) in [("two", "a.test, b.test"), ("empty", ""), ("star", "*")] {
        let run = shop.json(["csr", "new", "--like", alias]);
        refused(&run, 2, "invalid_name");
        let message = run.json()["error"]["message"].as_str().unwrap().to_owned();
        let begin = format!(
            "the certificate has the name {found:?}, which is not asked for again, since no client matches a host with it: "
        );
        assert!(message.starts_with(&begin), "{message}");
    }
    // What the help says.
    fine(&shop.json(["csr", "new", "--like", "star", "--subject", "CN=b.test", "--name", "b.test"]));
    // Without a name, that is said.
    let run = shop.json(["csr", "nameless", "--like", "none"]);
    fine(&run);
    assert_eq!(run.json()["warnings"][0]["code"], "no_san", "{}", run.out);
    let to = folder.join("n.csr");
    let run = shop.run(["csr", "nameless", "--like", "none", "--replace", "-o", to.to_str().unwrap()]);
    assert!(run.out.ends_with("(P-256: no name, subject CN=a.test)\n"), "{}", run.out);
    // No A-label.
    refused(&shop.json(["csr", "other", "--name", "xn--"]), 2, "usage");
}
