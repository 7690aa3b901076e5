//! `ls` and `show`: what they show of a certificate, held against OpenSSL, and in which form.
#![cfg(unix)]

use std::{fs, process::Command};

use strongroom_tests::{
    armour::has_openssl,
    command::{Shop, fine, refused, shop},
};

/// A certificate with every kind of extension that OpenSSL writes by itself.
const EXTENSIONS: &str = "
[req]
distinguished_name = name
x509_extensions = all
[name]
[all]
basicConstraints = critical, CA:TRUE, pathlen:3
keyUsage = critical, keyCertSign, cRLSign, digitalSignature
extendedKeyUsage = serverAuth, clientAuth, 1.3.6.1.4.1.311.20.2.2
subjectAltName = DNS:a.test, IP:10.0.0.1, IP:2001:db8::1, email:x@a.test, URI:https://a.test/x, RID:1.2.3.4, dirName:other
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid, issuer:always
authorityInfoAccess = OCSP;URI:http://ocsp.test/, caIssuers;URI:http://ca.test/ca.cer
crlDistributionPoints = URI:http://crl.test/1.crl, URI:http://crl.test/2.crl
nameConstraints = permitted;DNS:.a.test, excluded;IP:10.0.0.0/255.0.0.0
certificatePolicies = 1.2.3.4, @policy
policyConstraints = requireExplicitPolicy:2
inhibitAnyPolicy = 1
tlsfeature = status_request
1.2.3.4.5 = DER:04:02:ab:cd
[other]
CN = Somebody Else
[policy]
policyIdentifier = 1.3.5.8
CPS.1 = http://cps.test/
";

#[test]
fn every_field_of_a_certificate_is_shown_as_openssl_reads_it() {
    if !has_openssl() {
        return;
    }
    let shop = Shop::open();
    let folder = shop.folder.path();
    fs::write(folder.join("all.cnf"), EXTENSIONS).unwrap();
    let openssl = |line: &str| {
        let run = Command::new("openssl").args(line.split(' ')).current_dir(folder).output().unwrap();
        assert!(run.status.success(), "{line}: {}", String::from_utf8_lossy(&run.stderr));
        String::from_utf8(run.stdout).unwrap()
    };
    openssl(
        "req -x509 -newkey rsa:2048 -nodes -keyout k.pem -out ca.pem -days 900 -subj /O=All/CN=Every -config all.cnf -set_serial 0x1234567890abcdef",
    );
    fine(&shop.json(["ca", "import", "all", folder.join("ca.pem").to_str().unwrap()]));
    let text = shop.run(["ca", "show", "all", "--text"]).out;
    let field = |label: &str| {
        let line =
            text.lines().find(|line| line.starts_with(label)).unwrap_or_else(|| panic!("{label}: {text}"));
        line[14..].to_owned()
    };
    assert_eq!(field("serial"), "1234567890abcdef");
    for (label, option) in [("sha256", "-sha256"), ("sha1", "-sha1")] {
        let theirs = openssl(&format!("x509 -in ca.pem -noout -fingerprint {option}"));
        let theirs = theirs.trim().rsplit('=').next().unwrap().replace(':', "").to_lowercase();
        assert_eq!(field(label), theirs);
    }
    let theirs = openssl("x509 -in ca.pem -noout -ext subjectKeyIdentifier");
    let key_id = theirs.lines().last().unwrap().trim().replace(':', "").to_lowercase();
    let extension = |name: &str| {
        let mut lines = text.lines().skip_while(|line| !line.starts_with(name));
        let head = lines.next().unwrap_or_else(|| panic!("{name}: {text}")).to_owned();
        let values = lines.take_while(|line| line.starts_with(' ')).map(|line| line.trim().to_owned());
        (head.contains(", critical"), values.collect::<Vec<_>>())
    };
    let has = |name: &str, critical: bool, lines: &[&str]| {
        assert_eq!(
            extension(name),
            (critical, lines.iter().map(|line| (*line).to_owned()).collect()),
            "{name}"
        );
    };
    has("basicConstraints", true, &["CA, pathLenConstraint 3: up to 3 CA certificates below it"]);
    has("keyUsage", true, &["digitalSignature, keyCertSign, cRLSign"]);
    has("extKeyUsage", false, &["serverAuth", "clientAuth", "1.3.6.1.4.1.311.20.2.2"]);
    has(
        "subjectAltName",
        false,
        &[
            "DNS a.test",
            "IP 10.0.0.1",
            "IP 2001:db8::1",
            "email x@a.test",
            "URI https://a.test/x",
            "registered identifier 1.2.3.4",
            "directory name CN=Somebody Else",
        ],
    );
    has("subjectKeyIdentifier", false, &[&key_id]);
    // Of its own key OpenSSL names the issuer and the serial number alone.
    has("authorityKeyIdentifier", false, &["issuer CN=Every, O=All", "serial 1234567890abcdef"]);
    has("authorityInfoAccess", false, &["OCSP URI http://ocsp.test/", "caIssuers URI http://ca.test/ca.cer"]);
    has("cRLDistributionPoints", false, &["URI http://crl.test/1.crl", "URI http://crl.test/2.crl"]);
    has("nameConstraints", false, &["permitted DNS .a.test", "excluded IP 10.0.0.0/255.0.0.0"]);
    has("certificatePolicies", false, &["1.2.3.4", "1.3.5.8, CPS http://cps.test/"]);
    has("policyConstraints", false, &["a policy is required after 2 certificates"]);
    has("inhibitAnyPolicy", false, &["no anyPolicy after 1 certificates"]);
    has("TLS feature", false, &["status_request: the server must staple an OCSP response"]);
    has("1.2.3.4.5", false, &["0402abcd"]);
    // As many as OpenSSL counts, and the same in JSON.
    let shown = fine(&shop.json(["ca", "show", "all"]));
    let theirs = openssl("x509 -in ca.pem -noout -text");
    let named = theirs.lines().skip_while(|line| !line.contains("X509v3 extensions")).skip(1);
    let count = named
        .take_while(|line| line.starts_with("            "))
        .filter(|line| !line.starts_with("             "));
    let extensions = shown["extensions"].as_array().unwrap();
    assert_eq!(extensions.len(), count.count(), "{theirs}");
    assert_eq!(extensions[0]["name"], "basicConstraints");
    assert_eq!(extensions.last().unwrap()["values"], serde_json::json!(["0402abcd"]));
}

#[test]
fn what_a_server_sends_is_shown_without_the_root() {
    let shop = shop();
    let (all, sent) = (shop.run(["show", "www", "--pem"]).out, shop.run(["show", "www", "--served"]));
    assert_eq!((sent.code, sent.err.as_str()), (0, ""));
    let count = |text: &str| text.matches("-----BEGIN CERTIFICATE-----").count();
    assert_eq!((count(&all), count(&sent.out)), (3, 2));
    assert!(all.starts_with(&sent.out));
    let issuer =
        fine(&shop.json(["show", "www_intermediate"]))["subject_key_id"].as_str().unwrap().to_owned();
    assert!(shop.run(["show", "www", "--text"]).out.contains(&format!("\n              key {issuer}\n")));
    assert_eq!(shop.run(["show", "www@1", "--served"]).out, sent.out);
    let run =
        shop.json(["import", "www", "pkcs12/www-direct.p12", "--pass-in", "pass:changeit", "--replace"]);
    assert_eq!(run.code, 0, "{}", run.out);
    let former = shop.run(["show", "www@1", "--served"]);
    assert_eq!(former.code, 2);
    assert!(former.err.contains("www has version 2 now, and servers send no other"), "{}", former.err);
    let ca = shop.run(["ca", "show", "root", "--served"]);
    assert!(ca.code == 2 && ca.err.contains("error[not_a_server_entry]"), "{}", ca.err);
    for both in [["--served", "--pem"], ["--text", "--pem"], ["--text", "--served"]] {
        assert_eq!(shop.run(["show", "www"].iter().chain(&both)).code, 2, "{both:?}");
    }
    for form in ["--pem", "--served", "--text"] {
        refused(&shop.json(["show", "www", form]), 2, "usage");
    }
}

#[test]
fn a_long_listing_has_more_columns_and_a_row_a_line() {
    let shop = shop();
    let columns = |line: &str| {
        line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    let long = shop.run(["ls", "-l"]).out;
    let lines: Vec<Vec<String>> = long.lines().map(columns).collect();
    assert_eq!(
        lines[0],
        ["ALIAS", "KIND", "NAMES", "KEY", "EXPIRES", "CHAIN", "ISSUER", "SHA256", "VERSION", "STORED", "BY"]
    );
    let www = lines.iter().find(|line| line[0] == "www").unwrap();
    let shown = fine(&shop.json(["show", "www"]));
    assert_eq!(www[2], "www.fixture.test,fixture.test", "nothing is shortened off a terminal");
    assert!(shown["issuer"].as_str().unwrap().starts_with(&www[6]), "{}", www[6]);
    assert_eq!(www[7].len(), 16);
    assert!(shown["sha256"].as_str().unwrap().starts_with(&www[7]));
    assert_eq!((www[8].as_str(), &www[10]), ("1", &shown["actor"].as_str().unwrap().to_owned()));
    assert_eq!(fine(&shop.json(["ls", "-l"])), fine(&shop.json(["ls"])));
    // A digest from the list finds its entry.
    assert_eq!(fine(&shop.json(["find", &www[7]]))["entries"][0]["alias"], "www");
    let sorted = shop.run(["ls", "-l", "--sort", "expires", "--issuer", "intermediate"]).out;
    assert_eq!(sorted.lines().count(), 2, "{sorted}");
    assert_eq!(shop.run(["ca", "ls", "--long"]).out.lines().count(), 3);
    assert_eq!(shop.run(["ls", "-l", "--removed"]).code, 2);
}
