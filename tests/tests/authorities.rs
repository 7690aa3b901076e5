//! Imports of CA certificates: one, all of a bundle or a folder, by the library and by the command.

use std::{fs, path::Path};

use serde_json::{Value, json};
use strongroom::{
    AuthoritiesRequest, AuthorityFile, AuthorityNames, CertificateFileRequest, read_certificates,
};
use strongroom_tests::{
    armour::{has_openssl, openssl, pem, pkcs7},
    authority::{TestCa, ca_params, leaf_params, now, root, self_signed},
    command::{Run, Shop},
    forge::{Bag, Forge, Secret},
    scratch::Scratch,
};

/// Where Debian keeps Mozilla's roots, a file each.
const DEBIAN: &str = "/usr/share/ca-certificates/mozilla";

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
    scratch.keystore.entries(None, 1000).unwrap().iter().map(|entry| entry.alias.to_string()).collect()
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
    let digits = other_script.certificate.fingerprint.to_string();
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
    let entry = scratch.keystore.entry(&"example-root-3".parse().unwrap()).unwrap();
    assert_eq!(entry.certificate.fingerprint, third.certificate.fingerprint);
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
    let leaf = first.issue(&leaf_params("www.test"), &[]).leaf;
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
    let leaf = ca.issue(&leaf_params("www.test"), &[]).leaf;
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
            strongroom::AuthorityOutcome::NotImported(error) => format!("{}: {error}", error.code()),
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
    let request = strongroom::CredentialRequest::new("a".parse().unwrap(), credential, now());
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

/// Files in a folder of their own, beside the store.
fn folder(shop: &Shop, files: &[(&str, &[u8])]) -> String {
    let folder = shop.folder.path().join("in");
    fs::create_dir_all(&folder).unwrap();
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes).unwrap();
    }
    folder.display().to_string()
}

/// How many were imported, were there already, and were not imported.
fn counts(run: &Run) -> (usize, usize, usize) {
    let json = run.json();
    let all = json["result"]["certificates"].as_array().unwrap();
    let count = |outcome: &str| all.iter().filter(|one| one["outcome"] == outcome).count();
    (count("imported"), count("already_present"), count("not_imported"))
}

fn warnings(run: &Run) -> Vec<String> {
    let json = run.json();
    let all = json["warnings"].as_array().unwrap();
    all.iter().map(|warning| warning["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_command_takes_files_and_folders_in_one_transaction() {
    let shop = Shop::open();
    let (a, b) = (root("A"), root("B"));
    let leaf = a.issue(&leaf_params("www.test"), &[]).leaf;
    let (text_a, p7) = (bundle(&[&a]), pkcs7(&[b.file(), leaf.der()], &[]));
    let files: [(&str, &[u8]); 4] = [
        ("a.crt", text_a.as_bytes()),
        ("again.der", a.file()),
        ("b.p7b", &p7),
        ("README", b"roots of the company"),
    ];
    let path = folder(&shop, &files);
    fs::create_dir(Path::new(&path).join("more")).unwrap();
    let run = shop.json(["ca", "import", "--all", "--prefix", "corp-", &path]);
    assert_eq!(run.code, 0, "{}", run.out);
    let result = &run.json()["result"];
    assert_eq!(counts(&run), (2, 0, 1));
    assert_eq!(result["imported"], json!(["corp-a", "corp-b"]));
    let first = &result["certificates"][0];
    let fields =
        ["alias", "outcome", "sha256", "subject", "file", "location"].map(|name| first[name].clone());
    let sha256 = a.certificate.fingerprint.to_string();
    let expected: [Value; 6] = [
        "corp-a".into(),
        "imported".into(),
        sha256.into(),
        "CN=A".into(),
        format!("{path}/a.crt").into(),
        "block 1 (CERTIFICATE, line 1)".into(),
    ];
    assert_eq!(fields, expected);
    let last = &result["certificates"][2];
    assert_eq!(
        (&last["alias"], &last["outcome"], &last["reason"]),
        (&Value::Null, &"not_imported".into(), &"not_a_ca".into())
    );
    assert_eq!(last["location"], "certificate 2");
    // README, the folder in it, and the certificate that stands twice.
    assert_eq!(warnings(&run), ["other_content", "other_content", "repeated_certificate"]);
    let again = shop.json(["ca", "import", "--all", &path]);
    assert_eq!((again.code, counts(&again)), (0, (0, 2, 1)));
    assert_eq!(again.json()["result"]["imported"], json!([]));
    let text = shop.run(["ca", "import", "--all", &path]);
    assert!(text.out.ends_with("\n0 imported, 2 already present, 1 not imported\n"), "{}", text.out);
    assert!(text.err.contains("README: the file holds no certificate: it is plain text"), "{}", text.err);
}

/// Must fail with this exit code and error code, and leave the store as it was.
#[track_caller]
fn refused(shop: &Shop, arguments: &[&str], code: i32, error: &str) -> Value {
    let before = shop.database();
    let run = shop.json(arguments.iter().copied());
    assert_eq!((run.code, run.error_code().as_str()), (code, error), "{arguments:?}: {}", run.out);
    assert!(before == shop.database(), "{arguments:?} changed the store");
    run.json()["error"].clone()
}

#[test]
fn nothing_is_kept_where_one_file_cannot_be_read() {
    let shop = Shop::open();
    let (a, b) = (root("A"), root("B"));
    let (whole, broken) = (bundle(&[&a]), bundle(&[&b]).replacen("\nMII", "\nM*I", 1));
    let path = folder(&shop, &[("a.pem", whole.as_bytes()), ("b.pem", broken.as_bytes())]);
    let error = refused(&shop, &["ca", "import", "--all", &path], 6, "broken_text");
    assert_eq!(
        error["message"],
        format!(
            "{path}/b.pem: block 1 (CERTIFICATE, line 1) cannot be read: a character that is not base64, in line 2"
        )
    );
    refused(&shop, &["ca", "import", "--all", &format!("{path}/a.pem"), "no-such-file"], 3, "file_not_found");
    fs::write(format!("{path}/b.pem"), "no certificate").unwrap();
    // Named, it is an error; in a folder it is said.
    refused(&shop, &["ca", "import", "--all", &format!("{path}/b.pem")], 6, "not_a_certificate");
    assert_eq!(shop.run(["ca", "import", "--all", &path]).code, 0);
    fs::remove_file(format!("{path}/a.pem")).unwrap();
    refused(&shop, &["ca", "import", "--all", &path], 6, "not_a_certificate");
    refused(&shop, &["ca", "import", "only-an-alias"], 2, "usage");
    refused(&shop, &["ca", "import", "a", "b", "c"], 2, "usage");
    refused(&shop, &["ca", "import", "not an alias", "chains/root-rsa.pem"], 2, "invalid_alias");
    refused(&shop, &["ca", "import", "a", &path], 6, "file_unreadable");
}

/// The command in a help text, as a shell takes it apart, without the program and what this store is called with.
fn quoted(shop: &Shop, help: &str, from: &str) -> Vec<String> {
    let store = format!("strongroom --store {} ", shop.store().display());
    let at = help.find(from).unwrap_or_else(|| panic!("no {from:?} in {help}"));
    let command = help[at..].split("; or ").next().unwrap();
    let command = &command[command.find(&store).unwrap() + store.len()..];
    command.split(' ').map(|word| word.trim_matches('\'').to_owned()).collect()
}

#[test]
fn several_certificates_under_one_alias_are_refused_with_the_command_that_takes_them() {
    let shop = Shop::open();
    let path = folder(&shop, &[("b.pem", bundle(&[&root("A"), &root("B")]).as_bytes())]);
    let error = refused(&shop, &["ca", "import", "a", &format!("{path}/b.pem")], 6, "several_certificates");
    assert_eq!(error["message"], "the file holds 2 certificates, and only one fits under one alias");
    let help = error["help"].as_str().unwrap();
    let run = shop.run(quoted(&shop, help, "import every CA certificate"));
    assert_eq!(
        (run.code, shop.json(["ca", "ls"]).json()["result"]["entries"].as_array().unwrap().len()),
        (0, 2)
    );
}

#[test]
fn a_pkcs12_file_gives_the_command_its_ca_certificates_alone() {
    let shop = Shop::open();
    let ca = root("A");
    let leaf = ca.issue(&leaf_params("www.test"), &[]).leaf;
    let bags = [Bag::certificate(leaf.der()), Bag::certificate(ca.file())];
    let pfx = Forge::new(Secret::of("secret")).plain(&bags).build();
    let path = folder(&shop, &[("a.p12", &pfx), ("b.pem", bundle(&[&root("B")]).as_bytes())]);
    let error = refused(&shop, &["ca", "import", "--all", &path], 5, "password_missing");
    assert!(
        error["message"].as_str().unwrap().contains("a.p12 is a PKCS #12 file with a password"),
        "{error}"
    );
    refused(&shop, &["ca", "import", "--all", &path, "--pass-in", "pass:wrong"], 5, "wrong_password");
    let run = shop.json(["ca", "import", "--all", &path, "--pass-in", "pass:secret"]);
    assert_eq!((run.code, counts(&run)), (0, (2, 0, 1)), "{}", run.out);
    let one = shop.json(["ca", "import", "x", &format!("{path}/a.p12"), "--pass-in", "pass:secret"]);
    assert_eq!(one.error_code(), "several_certificates");
}

#[test]
fn debians_roots_come_in_by_one_command_in_every_form() {
    let Ok(files) = fs::read_dir(DEBIAN) else {
        eprintln!("skipped: the package ca-certificates is not installed");
        return;
    };
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    let text: String = paths.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let listed = |shop: &Shop| {
        let list = shop.json(["ca", "ls"]).json();
        let mut aliases: Vec<String> = list["result"]["entries"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["alias"].as_str().unwrap().to_owned())
            .collect();
        aliases.sort();
        aliases
    };
    let mut forms = vec![("folder", None), ("bundle.pem", Some(text.clone().into_bytes()))];
    if has_openssl() {
        let file = Shop::empty();
        let bundle = file.folder.path().join("bundle.pem");
        fs::write(&bundle, &text).unwrap();
        let crl2pkcs7 = |form| {
            openssl(&["crl2pkcs7", "-nocrl", "-certfile", bundle.to_str().unwrap(), "-outform", form], b"")
        };
        forms.push(("bundle.p7b", Some(crl2pkcs7("DER"))));
        forms.push(("bundle.p7b.pem", Some(crl2pkcs7("PEM"))));
    }
    let mut all = Vec::new();
    for (name, bytes) in forms {
        let shop = Shop::open();
        let path = match bytes {
            Some(bytes) => format!("{}/{name}", folder(&shop, &[(name, &bytes)])),
            None => DEBIAN.to_owned(),
        };
        let run = shop.json(["ca", "import", "--all", &path]);
        assert_eq!((run.code, counts(&run)), (0, (paths.len(), 0, 0)), "{name}: {}", run.out);
        all.push(listed(&shop));
        assert_eq!(all.last().unwrap().len(), paths.len(), "{name}");
        let again = shop.json(["ca", "import", "--all", &path]);
        assert_eq!(counts(&again), (0, paths.len(), 0), "{name}");
    }
    assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "each form gives the same aliases");
}

#[test]
fn a_refused_import_is_in_the_log() {
    let shop = Shop::open();
    let path = folder(&shop, &[("b.pem", bundle(&[&root("A"), &root("B")]).as_bytes())]);
    shop.run(["ca", "import", "a", &format!("{path}/b.pem")]);
    shop.run(["ca", "import", "--all", &path]);
    let log = shop.run(["log"]).out;
    assert!(log.contains("several_certificates") && log.contains("ca-import-all"), "{log}");
}
