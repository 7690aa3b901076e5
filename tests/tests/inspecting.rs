//! `inspect` of several files: what belongs together is said, and the exit code says whether every key has a certificate.

use std::{fs, io::Write as _, process::Stdio};

use rcgen::KeyPair;
use serde_json::{Value, json};
use strongroom_tests::{
    armour::pem,
    authority::{ca_params, leaf_params, root, self_signed},
    command::{Run, Shop, fine, refused},
};

/// Files in a folder of a shop, looked at together.
struct Bench {
    shop: Shop,
}

impl Bench {
    fn new(files: &[(&str, String)]) -> Self {
        let bench = Self { shop: Shop::empty() };
        for (name, text) in files {
            fs::write(bench.shop.folder.path().join(name), text).unwrap();
        }
        bench
    }

    fn inspect(&self, json: bool, arguments: &[&str]) -> Run {
        let mut command = self.shop.command(json.then_some("--json"));
        command.arg("inspect").args(arguments).current_dir(self.shop.folder.path());
        command.output().unwrap().into()
    }
}

fn place(file: &str, number: u32) -> Value {
    json!({ "file": file, "number": number })
}

fn codes(run: &Run) -> Vec<String> {
    let json = run.json();
    let warnings = json["warnings"].as_array().unwrap().iter();
    warnings.map(|warning| warning["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn keys_find_their_certificates_and_certificates_their_issuers_across_files() {
    let (root, key, other) = (root("Root"), KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let issuing = root.issue_ca(ca_params("Issuing"));
    // The same name, another key: it issued nothing of these.
    let namesake = root.issue_ca(ca_params("Issuing"));
    let leaf = issuing.issue_leaf_for(&leaf_params("www.test"), &key);
    let alone = self_signed(leaf_params("alone.test"), KeyPair::generate().unwrap()).certificate;
    let certificate =
        |certificate: &strongroom::certificate::Certificate| pem("CERTIFICATE", certificate.der());
    let bench = Bench::new(&[
        ("key.pem", key.serialize_pem()),
        ("both.pem", certificate(&leaf) + &key.serialize_pem()),
        ("other.pem", other.serialize_pem()),
        ("chain.pem", certificate(&namesake.certificate) + &certificate(&issuing.certificate)),
        ("namesake.pem", certificate(&namesake.certificate)),
        ("alone.pem", certificate(&alone)),
        ("root.pem", certificate(&root.certificate)),
    ]);

    let run = bench.inspect(true, &["key.pem", "both.pem", "chain.pem", "root.pem", "alone.pem"]);
    let together = fine(&run)["together"].clone();
    assert_eq!(codes(&run), Vec::<String>::new());
    let keys = together["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 1, "{keys:?}");
    assert_eq!((&keys[0]["file"], &keys[0]["also"]), (&json!("key.pem"), &json!([place("both.pem", 1)])));
    assert_eq!(keys[0]["certificates"], json!([place("both.pem", 1)]));
    let issued: Vec<(&Value, &Value)> = together["certificates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (&one["issued_by"], &one["issuer_certificate"]))
        .collect();
    let (by, itself) = (json!("certificate"), json!("itself"));
    assert_eq!(
        issued,
        [
            (&by, &place("chain.pem", 2)),
            (&by, &place("root.pem", 1)),
            (&by, &place("root.pem", 1)),
            (&itself, &Value::Null),
            (&itself, &Value::Null),
        ]
    );

    // A CA of the right name and another key is no issuer, and that is said.
    let run = bench.inspect(true, &["both.pem", "namesake.pem"]);
    let of_leaf = &fine(&run)["together"]["certificates"][0];
    assert_eq!(of_leaf["issued_by"], "another_key");
    assert_eq!(of_leaf["issuer_certificate"], place("namesake.pem", 1));
    let text = bench.inspect(false, &["both.pem", "namesake.pem"]).out;
    assert!(
        text.contains(
            "    issued by   another key than that of certificate 1 of namesake.pem, which has the name\n"
        ),
        "{text}"
    );

    // A key of none of the certificates: refused, and the rest is shown all the same.
    let run = bench.inspect(true, &["both.pem", "other.pem"]);
    assert_eq!((run.code, codes(&run)), (7, vec!["key_mismatch".to_owned()]), "{}", run.out);
    assert_eq!(run.json()["result"]["together"]["keys"][1]["certificates"], json!([]));
    let text = bench.inspect(false, &["both.pem", "other.pem"]);
    assert!(text.out.contains("    belongs to  none of the certificates\n"), "{}", text.out);
    let warned = "warning[key_mismatch] the private key of other.pem (P-256, public key ";
    assert!(text.err.starts_with(warned), "{}", text.err);
    // Keys alone have nothing to belong to.
    assert_eq!(bench.inspect(false, &["key.pem", "other.pem"]).code, 0);
}

#[test]
fn a_file_that_cannot_be_read_hides_no_other_and_gives_the_exit_code() {
    let key = KeyPair::generate().unwrap();
    let bench = Bench::new(&[("key.pem", key.serialize_pem()), ("page.pem", "<html></html>".to_owned())]);
    let run = bench.inspect(true, &["key.pem", "page.pem", "gone.pem"]);
    assert_eq!(run.code, 6, "{}", run.out);
    let result = &run.json()["result"];
    let shown: Vec<(bool, &Value)> = result["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| (file["report"].is_object(), &file["error"]["code"]))
        .collect();
    assert_eq!(
        shown,
        [(true, &Value::Null), (false, &json!("not_pkcs12")), (false, &json!("file_not_found"))]
    );
    let text = bench.inspect(false, &["gone.pem", "key.pem"]);
    assert_eq!(text.code, 3);
    assert!(text.out.contains("  private key P-256 of key.pem\n"), "{}", text.out);
    assert!(text.err.contains("error[file_not_found] there is no file gone.pem\n"), "{}", text.err);
}

#[test]
fn one_password_serves_several_files_and_is_read_once() {
    let shop = Shop::empty();
    let www = "pkcs12/www.p12";
    let mut command =
        shop.command(["--json", "inspect", www, "chains/root-rsa.pem", www, "--pass-in", "stdin"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"changeit\n").unwrap();
    let run: Run = child.wait_with_output().unwrap().into();
    let together = &fine(&run)["together"];
    assert_eq!(together["keys"][0]["also"], json!([place(www, 1)]));
    assert_eq!(together["certificates"][1]["issuer_certificate"], place("chains/root-rsa.pem", 1));

    // A wrong one says which file it does not open.
    let run = shop.run(["inspect", "chains/root-rsa.pem", www, "--pass-in", "pass:wrong"]);
    assert_eq!(run.code, 5);
    assert!(run.err.contains(&format!("error[wrong_password] {www}: ")), "{}", run.err);
    // Without one, too.
    let run = shop.run(["inspect", "chains/root-rsa.pem", www]);
    assert!(run.code == 5 && run.err.contains(www), "{}", run.err);
}

#[test]
fn a_key_that_stays_locked_is_no_match() {
    let key = KeyPair::generate().unwrap();
    let leaf = root("Root").issue_leaf_for(&leaf_params("www.test"), &key);
    let bench = Bench::new(&[("key.pem", key.serialize_pem()), ("crt.pem", pem("CERTIFICATE", leaf.der()))]);
    let folder = bench.shop.folder.path();
    let locked = std::process::Command::new("openssl")
        .args(["pkcs8", "-topk8", "-in", "key.pem", "-out", "locked.pem", "-passout", "pass:x"])
        .current_dir(folder)
        .status();
    if !locked.is_ok_and(|status| status.success()) {
        println!("SKIPPED: there is no openssl");
        return;
    }
    let run = bench.inspect(true, &["crt.pem", "locked.pem"]);
    assert_eq!((run.code, run.json()["result"]["together"]["locked_key_count"].as_u64()), (5, Some(1)));
    let opened = bench.inspect(true, &["crt.pem", "locked.pem", "--key-pass-in", "pass:x"]);
    assert_eq!(fine(&opened)["together"]["keys"][0]["certificates"], json!([place("crt.pem", 1)]));
}

/// An RSA key of which one number is not that of the others, and a P-256 key whose scalar is no private key.
fn damaged_keys() -> [(KeyPair, String); 2] {
    let rsa = KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let mut der = rsa.serialize_der();
    // The private exponent stands behind the public one, 65,537.
    let exponent = der.windows(5).position(|bytes| bytes == [2, 3, 1, 0, 1]).unwrap() + 5;
    der[exponent + 100] ^= 1;
    let p256 = KeyPair::generate().unwrap();
    // Without the public key, which rcgen writes behind the scalar.
    let zero = [&[0x30, 0x25, 2, 1, 1, 4, 0x20][..], &[0; 32]].concat();
    let kind =
        [&[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1][..], &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]];
    let info = [&[2, 1, 0, 0x30, 0x13][..], &kind.concat(), &[4, 0x27], &zero].concat();
    let zero = [&[0x30, u8::try_from(info.len()).unwrap()][..], &info].concat();
    [(rsa, pem("PRIVATE KEY", &der)), (p256, pem("PRIVATE KEY", &zero))]
}

#[test]
fn a_damaged_key_is_no_match_in_whatever_file_it_stands() {
    let root = root("Root");
    for (key, damaged) in damaged_keys() {
        let leaf = root.issue_leaf_for(&leaf_params("www.test"), &key);
        let certificate = pem("CERTIFICATE", leaf.der());
        let bench = Bench::new(&[
            ("crt.pem", certificate.clone()),
            ("bad.key", damaged.clone()),
            ("good.key", key.serialize_pem()),
            ("all.pem", certificate + &damaged),
        ]);
        for files in
            [&["all.pem"][..], &["bad.key"], &["crt.pem", "bad.key"], &["crt.pem", "bad.key", "good.key"]]
        {
            let run = bench.inspect(true, files);
            assert_eq!((run.code, codes(&run)), (6, vec!["invalid_key".to_owned()]), "{files:?} {}", run.out);
            let text = bench.inspect(false, files);
            assert!(text.out.contains("  unusable    the private key is damaged\n"), "{}", text.out);
            let proved = ["belongs to  certificate 1\n", "belongs to  certificate 1 of crt.pem\n"];
            let proved = proved.iter().any(|line| text.out.contains(line));
            assert_eq!(proved, files.contains(&"good.key"), "{}", text.out);
        }
        let run = bench.inspect(true, &["bad.key", "crt.pem", "good.key"]);
        let keys = run.json()["result"]["together"]["keys"].clone();
        assert_eq!((&keys[0]["damaged"], &keys[1]["damaged"]), (&json!(true), &json!(false)), "{keys}");
        assert_eq!(keys[1]["certificates"], json!([place("crt.pem", 1)]));
        // The import says the same.
        let shop = Shop::open();
        let folder = bench.shop.folder.path();
        let run: Run = shop
            .command(["--json", "import", "www", "crt.pem", "bad.key"])
            .current_dir(folder)
            .output()
            .unwrap()
            .into();
        refused(&run, 6, "invalid_key");
        assert_eq!(run.json()["error"]["message"], "bad.key: the private key is damaged");
    }
}
