//! `ca import`: one file, and all of several.

use std::{fs, path::Path};

use serde_json::{Value, json};
use strongroom_tests::{
    armour::{has_openssl, openssl, pkcs7},
    authority::{leaf_params, root},
    command::{Run, Shop},
    forge::{Bag, Forge, Secret},
};

use super::bundle;

/// Where Debian keeps Mozilla's roots, a file each.
const DEBIAN: &str = "/usr/share/ca-certificates/mozilla";

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
    let leaf = a.issue(&leaf_params("www.test"), &[]).leaf().clone();
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
    let sha256 = a.certificate.fingerprint().to_string();
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
    let leaf = ca.issue(&leaf_params("www.test"), &[]).leaf().clone();
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
