//! A server certificate out of whatever files there are: every form of key, every order, strangers, archives, folders.

use std::{
    fs,
    io::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use rcgen::KeyPair;
use strongroom::certificate::Certificate;
use strongroom_tests::{
    armour::{has_openssl, pem, pkcs7},
    authority::{TestCa, ca_params, leaf_params, root, valid},
    command::{Run, Shop, fine, refused},
};

/// A store that trusts the root, and beside it the files that a CA and an administrator have.
struct Desk {
    shop: Shop,
    issuing: TestCa,
    leaf: Certificate,
}

impl Desk {
    fn new() -> Self {
        let (shop, root) = (Shop::open(), root("Root"));
        let issuing = root.issue_ca(ca_params("Issuing"));
        let key = KeyPair::generate().unwrap();
        let leaf = issuing.issue_leaf_for(&leaf_params("www.test"), &key);
        let desk = Self { shop, issuing, leaf };
        let certificate = |der: &[u8]| pem("CERTIFICATE", der);
        let (leaf, between, root) = (desk.leaf.der(), desk.issuing.file(), root.file());
        desk.write("root.pem", certificate(root));
        desk.write("leaf.pem", certificate(leaf));
        desk.write("leaf.der", leaf);
        desk.write("chain.pem", certificate(between));
        desk.write("chain.p7b", pkcs7(&[root, between], &[]));
        desk.write("fullchain.pem", [certificate(leaf), certificate(between)].concat());
        desk.write("root-first.pem", [certificate(root), certificate(between), certificate(leaf)].concat());
        desk.write("key.pem", pem("PRIVATE KEY", &key.serialize_der()));
        desk.write("key.der", key.serialize_der());
        desk.write("stranger.pem", pem("PRIVATE KEY", &KeyPair::generate().unwrap().serialize_der()));
        desk.write("request.pem", pem("CERTIFICATE REQUEST", &[0x30, 7, 0x30, 5, 2, 1, 0, 0x30, 0]));
        assert_eq!(desk.run(&["ca", "import", "root", "root.pem"]).code, 0);
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.shop.folder.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let mut command = self.shop.command([&["--json"], arguments].concat());
        command.current_dir(self.shop.folder.path()).env("K", "a key's password");
        command.output().unwrap().into()
    }

    /// Imports files; they have to give the entry. It goes again.
    #[track_caller]
    fn imports(&self, files: &[&str]) -> Run {
        let run = self.run(&[&["import", "www"], files].concat());
        let result = fine(&run);
        assert_eq!(result["outcome"], "imported", "{files:?}");
        assert_eq!(result["chain"][0]["sha256"], self.leaf.fingerprint().to_string(), "{files:?}");
        assert_eq!(result["chain"].as_array().unwrap().len(), 3, "{files:?}: {}", run.out);
        assert_eq!(self.run(&["rm", "www", "--yes"]).code, 0);
        run
    }

    fn openssl(&self, arguments: &str) {
        let mut command = Command::new("openssl");
        command.args(arguments.split(' ')).current_dir(self.shop.folder.path()).env("K", "a key's password");
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

fn warnings(run: &Run) -> Vec<String> {
    let all = run.json()["warnings"].clone();
    all.as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn certificates_come_in_any_order_and_form() {
    let desk = Desk::new();
    for files in [
        &["fullchain.pem", "key.pem"][..],
        &["key.der", "root-first.pem"],
        &["leaf.der", "key.pem", "chain.p7b"],
        &["chain.pem", "leaf.pem", "fullchain.pem", "key.pem", "key.der"],
    ] {
        let run = desk.imports(files);
        assert!(!warnings(&run).contains(&"unused_key".to_owned()), "{files:?}");
    }
    let run = desk.imports(&["fullchain.pem", "key.pem", "request.pem"]);
    assert!(warnings(&run).contains(&"other_content".to_owned()));
    let sources = &run.json()["result"]["sources"];
    assert_eq!(sources[1]["file"], "key.pem");
    assert_eq!(sources[1]["parts"][0]["kind"], "private_key");
    assert_eq!(sources[1]["parts"][0]["spki_sha256"], sources[0]["parts"][0]["spki_sha256"]);
    let mut text = desk.shop.command(["import", "www", "fullchain.pem", "key.pem"]);
    let text = Run::from(text.current_dir(desk.shop.folder.path()).output().unwrap()).out;
    assert!(
        text.starts_with("imported www (2 certificates from fullchain.pem, key from key.pem)\n"),
        "{text}"
    );
}

#[test]
fn private_keys_come_in_every_form_of_openssl() {
    if !has_openssl() {
        return;
    }
    let desk = Desk::new();
    for (make, more) in [
        ("ec -in key.pem -out k", ""),
        ("ec -in key.pem -outform der -out k", ""),
        ("pkcs8 -topk8 -in key.pem -v2 aes-256-cbc -passout env:K -out k", "env:K"),
        ("pkcs8 -topk8 -in key.pem -v1 PBE-SHA1-3DES -passout env:K -outform der -out k", "env:K"),
        ("pkcs8 -topk8 -in key.pem -scrypt -passout env:K -out k", "env:K"),
        ("ec -in key.pem -aes256 -passout env:K -out k", "env:K"),
        ("ec -in key.pem -aes128 -passout env:K -out k", "env:K"),
        ("ec -in key.pem -aes192 -passout env:K -out k", "env:K"),
        ("ec -in key.pem -des3 -passout env:K -out k", "env:K"),
    ] {
        desk.openssl(make);
        let files = ["fullchain.pem", "k"];
        if more.is_empty() {
            desk.imports(&files);
            continue;
        }
        for option in ["--key-pass-in", "--pass-in"] {
            desk.imports(&[&files[..], &[option, more]].concat());
        }
        let import = ["import", "www", "fullchain.pem", "k"];
        let missing = desk.run(&import);
        refused(&missing, 5, "key_password");
        let said = missing.json()["error"]["message"].clone();
        assert_eq!(said, "k: the private key has a password, and none was given", "{make}");
        let wrong = desk.run(&[&import[..], &["--key-pass-in", "pass:wrong"]].concat());
        refused(&wrong, 5, "key_password");
        // A key alone is inspected as well.
        let report = fine(&desk.run(&["inspect", "k", "--key-pass-in", more]));
        assert_eq!(report["keys"][0]["curve"], "P-256", "{make}");
        assert_eq!(report["keys"][0]["spki_sha256"], desk.leaf.spki_fingerprint().to_string());
        assert_eq!(report["keys"][0]["protection"].as_array().unwrap().len(), 1);
        assert_eq!(fine(&desk.run(&["inspect", "k"]))["locked_keys"].as_array().unwrap().len(), 1);
        refused(&desk.run(&["inspect", "k", "--key-pass-in", "pass:wrong"]), 5, "key_password");
    }
    // The other family: PKCS #1.
    desk.openssl("req -x509 -newkey rsa:2048 -nodes -keyout rsa.pem -out own.pem -subj /CN=own.test");
    for make in ["rsa -in rsa.pem -traditional -out k", "rsa -in rsa.pem -traditional -outform der -out k"] {
        desk.openssl(make);
        assert_eq!(fine(&desk.run(&["import", "own", "own.pem", "k", "--dry-run"]))["outcome"], "imported");
        assert_eq!(fine(&desk.run(&["inspect", "k"]))["keys"][0]["bits"], 2048);
    }
}

#[test]
fn keys_that_do_not_belong_are_said_and_never_used() {
    let desk = Desk::new();
    let run = desk.imports(&["stranger.pem", "fullchain.pem", "key.pem"]);
    let about = run.json()["warnings"][0].clone();
    assert_eq!(about["code"], "unused_key");
    assert_eq!(
        about["message"],
        "the private key P-256 in stranger.pem belongs to none of the certificates, and was not used"
    );
    let mismatch = desk.run(&["import", "www", "stranger.pem", "fullchain.pem"]);
    refused(&mismatch, 7, "key_mismatch");
    let said = mismatch.json()["error"]["message"].as_str().unwrap().to_owned();
    let digits = &desk.leaf.spki_fingerprint().to_string()[..16];
    for part in ["keys P-256 ", "(stranger.pem); certificates CN=www.test ", digits, "(fullchain.pem)"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    // A second host: neither is chosen.
    let key = KeyPair::generate().unwrap();
    let other = desk.issuing.issue_leaf_for(&leaf_params("mail.test"), &key);
    let both = [pem("CERTIFICATE", other.der()), pem("PRIVATE KEY", &key.serialize_der())].concat();
    desk.write("mail.pem", both);
    let several = ["import", "www", "fullchain.pem", "key.pem", "mail.pem"];
    refused(&desk.run(&several), 6, "several_entries");
    let chosen = desk.run(&[&several[..], &["--entry", "#2"]].concat());
    assert_eq!(fine(&chosen)["chain"][0]["sha256"], other.fingerprint().to_string());
    refused(&desk.run(&["import", "x", "leaf.pem"]), 6, "no_private_key");
    refused(&desk.run(&["import", "x", "key.pem"]), 6, "no_certificate");
}

#[test]
fn a_renewal_without_a_key_takes_the_one_of_its_entry() {
    let desk = Desk::new();
    let key = KeyPair::generate().unwrap();
    let issue = |from, until| {
        let mut params = leaf_params("shop.test");
        valid(&mut params, from, until);
        desk.issuing.issue_leaf_for(&params, &key)
    };
    let (old, new) = (issue(-100, 50), issue(-10, 300));
    desk.write("old.pem", pem("CERTIFICATE", old.der()));
    desk.write("new.pem", pem("CERTIFICATE", new.der()));
    desk.write("shop.key", pem("PRIVATE KEY", &key.serialize_der()));
    assert_eq!(
        fine(&desk.run(&["import", "shop", "old.pem", "chain.pem", "shop.key"]))["outcome"],
        "imported"
    );
    refused(&desk.run(&["import", "shop", "new.pem"]), 6, "no_private_key");
    let run = desk.run(&["import", "shop", "new.pem", "chain.pem", "--replace"]);
    assert_eq!(fine(&run)["outcome"], "replaced");
    assert!(warnings(&run).contains(&"key_kept".to_owned()), "{}", run.out);
    refused(&desk.run(&["import", "shop", "leaf.pem", "--replace"]), 7, "key_mismatch");
    // Both in one folder: the newest, and the other is named.
    let run = desk.run(&["import", "both", "old.pem", "new.pem", "shop.key", "chain.pem"]);
    assert_eq!(fine(&run)["chain"][0]["sha256"], new.fingerprint().to_string());
    assert!(run.out.contains("not the one in old.pem"), "{}", run.out);
}

#[test]
fn a_folder_is_read_as_acme_clients_keep_it() {
    let desk = Desk::new();
    fs::create_dir_all(desk.path("live/sub")).unwrap();
    for name in ["leaf.pem", "chain.pem", "key.pem"] {
        #[cfg(unix)]
        std::os::unix::fs::symlink(format!("../{name}"), desk.path(&format!("live/{name}"))).unwrap();
    }
    desk.write("live/README", "do not touch these files");
    desk.write("live/.hidden", "nor this");
    let run = desk.imports(&["live"]);
    let said = run.out;
    assert!(said.contains("live/README: plain text, which was not used"), "{said}");
    assert!(said.contains("live/sub is a folder, which was passed over"), "{said}");
    assert!(!said.contains("hidden"), "{said}");
    desk.write("live/broken.pem", "-----BEGIN CERTIFICATE-----\nMIIB");
    refused(&desk.run(&["import", "www", "live"]), 6, "broken_text");
    fs::create_dir(desk.path("empty")).unwrap();
    refused(&desk.run(&["import", "www", "empty"]), 6, "empty");
}

/// A ZIP archive, by Python; `None` where there is none.
fn zip(desk: &Desk, script: &str) -> Option<()> {
    let mut python = Command::new("python3")
        .arg("-")
        .current_dir(desk.shop.folder.path())
        .stdin(Stdio::piped())
        .spawn()
        .ok()?;
    let start = "import zipfile\nz = zipfile.ZipFile('ca.zip', 'w', zipfile.ZIP_DEFLATED)\n";
    python.stdin.take()?.write_all(format!("{start}{script}\nz.close()\n").as_bytes()).ok()?;
    assert!(python.wait().ok()?.success(), "{script}");
    Some(())
}

#[test]
fn the_archive_of_a_ca_is_read_and_nothing_is_written() {
    let desk = Desk::new();
    let files = "z.write('leaf.pem', 'www_test/www.crt')\nz.write('chain.p7b', '../../chain.p7b')\nz.writestr('__MACOSX/._www.crt', 'junk')\nz.writestr('readme.txt', 'thank you')";
    if zip(&desk, files).is_none() {
        eprintln!("skipped: no python3");
        return;
    }
    let before = desk.shop.content_names().len();
    let run = desk.imports(&["ca.zip", "key.pem"]);
    assert_eq!(desk.shop.content_names().len(), before);
    assert!(run.out.contains("ca.zip: readme.txt: plain text, which was not used"), "{}", run.out);
    assert_eq!(run.json()["result"]["sources"][0]["file"], "ca.zip: www_test/www.crt");
    for (what, script, code) in [
        ("empty", "", "not_pkcs12"),
        ("junk alone", "z.writestr('a', 'junk')", "not_pkcs12"),
        ("257 entries", "for n in range(257): z.writestr(str(n), 'a')", "too_many"),
        ("a bomb", "z.writestr('leaf.pem', b'\\0' * 100_000_000)", "file_too_large"),
        (
            "many small bombs",
            "import os\nfor n in range(100): z.writestr(str(n), os.urandom(700) * 90)",
            "file_too_large",
        ),
        ("bzip2", "z.write('leaf.pem', 'leaf.pem', zipfile.ZIP_BZIP2)", "unsupported_algorithm"),
    ] {
        zip(&desk, script).unwrap();
        let start = std::time::Instant::now();
        let run = desk.run(&["import", "www", "ca.zip", "key.pem"]);
        assert_eq!((run.code, run.error_code().as_str()), (6, code), "{what}: {}", run.out);
        assert!(start.elapsed().as_secs() < 5, "{what}");
    }
    zip(&desk, "z.write('leaf.pem')").unwrap();
    let whole = fs::read(desk.path("ca.zip")).unwrap();
    for length in (0..whole.len()).step_by(7) {
        desk.write("ca.zip", &whole[..length]);
        assert_ne!(desk.run(&["import", "www", "ca.zip", "key.pem"]).code, 0, "{length}");
    }
    let at = whole.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    let mut encrypted = whole.clone();
    (encrypted[6], encrypted[at + 8]) = (1, 1);
    desk.write("ca.zip", &encrypted);
    refused(&desk.run(&["import", "www", "ca.zip", "key.pem"]), 6, "archive_encrypted");
}
