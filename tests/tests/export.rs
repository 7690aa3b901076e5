//! Exports: opened by programs that nobody here wrote, never over a file that is not ours, in the log.

#[path = "export/forms.rs"]
mod forms;
#[path = "export/rounds.rs"]
mod rounds;
#[path = "export/sources.rs"]
mod sources;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use rcgen::KeyPair;
use strongroom::certificate::Certificate;
use strongroom_tests::{
    armour::pem,
    authority::{ca_params, leaf_params, root},
    command::{Run, Shop, fine, refused},
};

const PASSWORD: &str = "changeit";
const LONG: &str = "fourteen bytes and more";

/// A store with one entry of three certificates.
struct Desk {
    shop: Shop,
    leaf: Certificate,
}

impl Desk {
    fn empty() -> Self {
        Self { shop: Shop::open(), leaf: root("Nobody").certificate }
    }

    fn new() -> Self {
        let (shop, root) = (Shop::open(), root("Root"));
        let issuing = root.issue_ca(ca_params("Issuing"));
        let key = KeyPair::generate().unwrap();
        let leaf = issuing.issue_leaf_for(&leaf_params("www.test"), &key);
        let desk = Self { shop, leaf };
        let certificates: Vec<String> =
            [desk.leaf.der().as_ref(), issuing.file()].iter().map(|der| pem("CERTIFICATE", der)).collect();
        fs::write(desk.path("root.pem"), pem("CERTIFICATE", root.file())).unwrap();
        fs::write(desk.path("in.pem"), certificates.concat() + &pem("PRIVATE KEY", &key.serialize_der()))
            .unwrap();
        fine(&desk.run(&["ca", "import", "root", "root.pem"]));
        fine(&desk.run(&["import", "www", "in.pem"]));
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.shop.folder.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let mut command = self.shop.command([&["--json"], arguments].concat());
        command.current_dir(self.shop.folder.path()).envs([("P", PASSWORD), ("LONG", LONG)]);
        command.output().unwrap().into()
    }

    fn export(&self, more: &[&str]) -> Run {
        self.run(&[&["export", "www", "-o"], more].concat())
    }

    /// What a foreign program says; `None` where it is not installed.
    fn program(&self, line: &str) -> Option<(bool, String)> {
        let words: Vec<&str> = line.split(' ').collect();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).current_dir(self.shop.folder.path()).env("P", PASSWORD);
        let Ok(output) = command.stdin(Stdio::null()).output() else {
            eprintln!("skipped: {} is not installed", words[0]);
            return None;
        };
        let said = [output.stdout, output.stderr].concat();
        Some((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
    }

    #[track_caller]
    fn opens(&self, line: &str, says: &[&str]) {
        if let Some((done, said)) = self.program(line) {
            assert!(done, "{line}: {said}");
            for part in says {
                assert!(said.contains(part), "{line}: {part:?} is not in {said}");
            }
        }
    }

    /// The private key that is stored, as OpenSSL writes it.
    fn key_of(&self, file: &str) -> Option<String> {
        self.program(&format!("openssl pkey -in {file} -passin env:P")).map(|(done, said)| {
            assert!(done, "{file}: {said}");
            said
        })
    }
}

#[test]
fn pkcs_12_of_each_profile_opens_where_its_name_says() {
    let desk = Desk::new();
    fs::create_dir(desk.path("nss")).unwrap();
    desk.program("certutil -N -d sql:nss --empty-password");
    for (profile, mac, cipher) in [
        ("modern", "MAC: sha256, Iteration 100000", "AES-256-CBC, Iteration 100000"),
        ("java8", "MAC: sha1, Iteration 100000", "TripleDES-CBC, Iteration 50000"),
        ("windows-2016", "MAC: sha1, Iteration 100000", "TripleDES-CBC, Iteration 50000"),
        ("macos", "MAC: sha1, Iteration 100000", "TripleDES-CBC, Iteration 50000"),
    ] {
        let file = format!("{profile}.p12");
        let result = fine(&desk.export(&[&file, "--profile", profile, "--pass-out", "env:P"]));
        assert_eq!((&result["profile"], &result["outcome"]), (&profile.into(), &"written".into()));
        assert_eq!(result["files"][0]["contains"], serde_json::json!(["key", "3 certificates"]));
        let info = format!("openssl pkcs12 -in {file} -passin env:P -nodes -info");
        desk.opens(&info, &[mac, cipher, "friendlyName: www", "CN = www.test", "CN = Issuing", "CN = Root"]);
        let listed = "keytool -J-Duser.language=en -list -v -storepass changeit -keystore";
        desk.opens(
            &format!("{listed} {file}"),
            &["Alias name: www", "PrivateKeyEntry", "Certificate chain length: 3"],
        );
        desk.opens(&format!("pk12util -i {file} -d sql:nss -W changeit"), &["IMPORT SUCCESSFUL"]);
        desk.opens(
            &format!("certtool --p12-info --inder --password changeit --infile {file}"),
            &["BEGIN CERTIFICATE"],
        );
        // Back again: the same certificate and key.
        let again = fine(&desk.run(&["import", "again", &file, "--pass-in", "env:P", "--dry-run"]));
        assert_eq!(again["chain"][0]["sha256"], desk.leaf.fingerprint().to_string());
        let readers = result["readers"].as_array().unwrap();
        for name in ["OpenSSL 3 without -legacy", "Java 17 and 21", "NSS 3.87 (Firefox)", "GnuTLS 3.7"] {
            assert!(readers.iter().any(|reader| reader["name"] == name && reader["opens"] == true), "{name}");
        }
    }
}

#[test]
fn the_profile_for_fips_is_opened_by_who_knows_pbmac1() {
    let desk = Desk::new();
    let run = desk.export(&["f.p12", "--profile", "fips", "--pass-out", "env:LONG"]);
    fine(&run);
    assert_eq!(run.json()["warnings"][0]["code"], "readers_refuse");
    let script = format!(
        "from cryptography.hazmat.primitives.serialization import pkcs12\nk = pkcs12.load_pkcs12(open('f.p12', 'rb').read(), b'{LONG}')\nprint(k.cert.friendly_name, len(k.additional_certs))"
    );
    fs::write(desk.path("f.py"), script).unwrap();
    match desk.program("python3 f.py") {
        Some((true, said)) => assert_eq!(said, "b'www' 2\n"),
        other => eprintln!("skipped: no cryptography of Python that knows PBMAC1: {other:?}"),
    }
    let shown = fine(&desk.run(&["inspect", "f.p12", "--pass-in", "env:LONG"]));
    assert_eq!(shown["mac"]["algorithm"], "PBMAC1 PBKDF2-HMAC-SHA-256 HMAC-SHA-256");
    // OpenSSL 3.0 does not know it: so the warning says.
    if let Some((_, version)) = desk.program("openssl version")
        && version.starts_with("OpenSSL 3.0")
    {
        assert_eq!(
            desk.program("openssl pkcs12 -in f.p12 -passin env:LONG -noout").map(|run| run.0),
            Some(false)
        );
    }
    refused(&desk.export(&["g.p12", "--profile", "fips", "--pass-out", "env:P"]), 5, "short_password");
    refused(&desk.export(&["g.p12"]), 5, "export_password");
    assert!(!desk.path("g.p12").exists());
}

#[test]
fn text_and_folders_are_what_servers_read() {
    let desk = Desk::new();
    let Some(key) = desk.key_of("in.pem") else { return };
    fine(&desk.export(&["www.pem"]));
    fine(&desk.export(&["proxy.pem", "--layout", "haproxy"]));
    fine(&desk.export(&["live", "--layout", "certbot"]));
    fine(&desk.export(&["k8s", "--layout", "kubernetes"]));
    fine(&desk.export(&["locked.pem", "--key-pass-out", "env:P"]));
    for file in ["www.pem", "proxy.pem", "live/privkey.pem", "k8s/tls.key", "locked.pem"] {
        assert_eq!(desk.key_of(file).unwrap(), key, "{file}");
        assert_eq!(fs::metadata(desk.path(file)).unwrap().permissions().mode() & 0o777, 0o600, "{file}");
    }
    assert!(fs::read_to_string(desk.path("locked.pem")).unwrap().contains("BEGIN ENCRYPTED PRIVATE KEY"));
    let count = |file: &str| {
        let text = fs::read_to_string(desk.path(file)).unwrap();
        text.matches("BEGIN CERTIFICATE").count()
    };
    for (file, certificates) in [
        ("www.pem", 2),
        ("live/cert.pem", 1),
        ("live/chain.pem", 1),
        ("live/fullchain.pem", 2),
        ("live/privkey.pem", 0),
        ("k8s/tls.crt", 2),
        ("k8s/ca.crt", 1),
    ] {
        assert_eq!(count(file), certificates, "{file}");
    }
    desk.opens("openssl verify -CAfile k8s/ca.crt -untrusted live/chain.pem live/cert.pem", &["OK"]);
    for (file, chain, certificates) in [("a.crt", "leaf", 1), ("b.pem", "full", 3)] {
        fine(&desk.export(&[file, "--chain", chain]));
        assert_eq!(count(file), certificates);
    }
    assert!(!fs::read_to_string(desk.path("a.crt")).unwrap().contains("KEY"));
    fine(&desk.export(&["a.p7b"]));
    fine(&desk.export(&["a.der"]));
    desk.opens("openssl pkcs7 -inform der -in a.p7b -print_certs -noout", &["CN = www.test", "CN = Issuing"]);
    desk.opens("keytool -printcert -file a.p7b", &["CN=www.test", "CN=Issuing"]);
    assert_eq!(fs::read(desk.path("a.der")).unwrap(), desk.leaf.der().as_ref());
    // The folder comes in again as it went out.
    let again = fine(&desk.run(&["import", "again", "live", "--dry-run"]));
    assert_eq!(again["chain"][0]["sha256"], desk.leaf.fingerprint().to_string());
    let mut to_stdout = desk.shop.command(["export", "www", "-o", "-", "--format", "pem"]);
    let to_stdout = to_stdout.output().unwrap();
    assert_eq!(to_stdout.stdout, fs::read(desk.path("www.pem")).unwrap());
    for arguments in [
        &["x.bin"][..],
        &["-", "--layout", "certbot"],
        &["x.pem", "--profile", "modern"],
        &["x.p12", "--key-pass-out", "env:P", "--pass-out", "env:P"],
        &["-", "--format", "pem"],
        &["in.pem", "--layout", "certbot"],
    ] {
        refused(&desk.export(arguments), 2, "usage");
    }
}

#[test]
fn nothing_is_overwritten_that_is_not_ours() {
    let desk = Desk::new();
    fs::write(desk.path("www.pem"), "somebody's file").unwrap();
    let content = || fs::read_to_string(desk.path("www.pem")).unwrap();
    assert!(refused(&desk.export(&["www.pem"]), 4, "file_exists").ends_with("--force"));
    refused(&desk.export(&["www.pem", "--if-changed"]), 4, "file_changed");
    assert_eq!(content(), "somebody's file");
    fine(&desk.export(&["www.pem", "--force"]));
    let first = content();
    let same = desk.export(&["www.pem", "--if-changed"]);
    assert_eq!((same.code, &same.json()["result"]["outcome"]), (9, &"unchanged".into()));
    refused(&desk.export(&["www.pem"]), 4, "file_exists");
    assert_eq!(content(), first);
    // Another content over what we wrote, and over an older one of ours that was put back.
    fine(&desk.export(&["www.pem", "--if-changed", "--chain", "full"]));
    assert_ne!(content(), first);
    fs::write(desk.path("www.pem"), &first).unwrap();
    fine(&desk.export(&["www.pem", "--if-changed", "--chain", "leaf"]));
    fs::write(desk.path("www.pem"), format!("{first} ")).unwrap();
    refused(&desk.export(&["www.pem", "--if-changed"]), 4, "file_changed");
    // The same file elsewhere is not ours.
    fs::copy(desk.path("in.pem"), desk.path("copy.pem")).unwrap();
    refused(&desk.export(&["copy.pem", "--if-changed", "--chain", "leaf"]), 4, "file_changed");
    // Salts differ with every write, and the content does not.
    let pfx = ["www.p12", "--pass-out", "env:P", "--if-changed"];
    fine(&desk.export(&pfx));
    assert_eq!(desk.export(&pfx).code, 9);
    fine(&desk.export(&[&pfx[..], &["--profile", "java8"]].concat()));
    let folder = ["live", "--layout", "certbot", "--if-changed"];
    fine(&desk.export(&folder));
    assert_eq!(desk.export(&folder).code, 9);
    fs::remove_file(desk.path("live/chain.pem")).unwrap();
    fine(&desk.export(&folder));
    // A link is not followed, whatever is said.
    std::os::unix::fs::symlink("in.pem", desk.path("link.pem")).unwrap();
    refused(&desk.export(&["link.pem", "--force"]), 4, "not_a_file");
    refused(&desk.export(&["nowhere/www.pem"]), 8, "file_unwritable");
    let left: Vec<_> = desk.shop.content_names().into_iter().filter(|name| name.ends_with(".new")).collect();
    assert_eq!(left, [""; 0]);
    // A mode that was widened is set again with the next write.
    fs::set_permissions(desk.path("www.p12"), fs::Permissions::from_mode(0o666)).unwrap();
    fine(&desk.export(&["www.p12", "--pass-out", "env:P", "--force"]));
    assert_eq!(fs::metadata(desk.path("www.p12")).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn every_export_is_in_the_log_before_it_is_given() {
    let desk = Desk::new();
    let exported = fine(&desk.export(&["www.pem"]));
    let log = fine(&desk.run(&["log"]));
    let last = log["log"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["action"], &last["alias"]), (&"export".into(), &"www".into()));
    assert_eq!(last["sha256"], desk.leaf.fingerprint().to_string());
    let sha256 = exported["files"][0]["sha256"].as_str().unwrap();
    let outcome = last["outcome"].as_str().unwrap();
    assert!(outcome.starts_with(&format!("sha256 {sha256} /")) && outcome.ends_with("/www.pem"), "{outcome}");
    refused(&desk.export(&["other.pem", "--layout", "certbot", "--format", "pem"]), 2, "usage");
    refused(&desk.run(&["export", "nobody", "-o", "x.pem"]), 3, "not_found");
    refused(&desk.run(&["export", "root", "-o", "x.pem"]), 6, "no_private_key");
    assert_eq!(fine(&desk.run(&["log", "--verify"]))["verified"], log["log"].as_array().unwrap().len() + 2);
}

#[test]
fn certificates_of_cas_become_bundles_and_a_trust_store_of_java() {
    let desk = Desk::new();
    refused(&Desk::empty().run(&["ca", "export", "-o", "x.pem"]), 3, "nothing_to_export");
    fs::write(desk.path("other.pem"), pem("CERTIFICATE", root("Second Root").file())).unwrap();
    fine(&desk.run(&["ca", "import", "second", "other.pem"]));
    fine(&desk.run(&["ca", "export", "-o", "trust.p12", "--pass-out", "env:P"]));
    let listed = "keytool -J-Duser.language=en -list -storepass changeit -keystore trust.p12";
    desk.opens(listed, &["contains 2 entries", "root, ", "second, ", "trustedCertEntry"]);
    let shown = fine(&desk.run(&["inspect", "trust.p12", "--pass-in", "env:P"]));
    let certificates = shown["certificates"].as_array().unwrap();
    assert!(certificates.len() == 2 && certificates.iter().all(|one| one["trusted"] == true));
    fine(&desk.run(&["ca", "export", "-o", "ca.pem"]));
    desk.opens("openssl verify -CAfile ca.pem root.pem", &["OK"]);
    fine(&desk.run(&["ca", "export", "second", "-o", "one.der"]));
    fine(&desk.run(&["ca", "export", "-o", "ca.p7b"]));
    let back = Shop::open();
    for file in ["trust.p12", "ca.pem", "ca.p7b"] {
        let path = desk.path(file).display().to_string();
        let all = back.json(["ca", "import", "--all", &path, "--pass-in", "pass:changeit"]);
        assert_eq!(fine(&all)["certificates"].as_array().unwrap().len(), 2, "{file}");
    }
    refused(&desk.run(&["ca", "export", "-o", "ca.der"]), 2, "usage");
    refused(&desk.run(&["ca", "export", "www", "-o", "ca2.pem"]), 3, "not_an_authority");
    refused(&desk.run(&["ca", "export", "-o", "ca.pem"]), 4, "file_exists");
}
