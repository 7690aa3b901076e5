//! `verify`, `chain` and `import --dry-run`, as scripts see them.

use std::{fs, path::PathBuf, process::Stdio};

use serde_json::{Value, json};
use strongroom::certificate::Certificate;
use strongroom_tests::{
    armour::{pem, pkcs7, utf16},
    authority::{TestCa, ca_params, leaf_params, root, valid},
    command::{Run, Shop},
    forge::{Bag, Forge, Secret},
    limbo,
};

/// 2026-11-23T12:00:00Z, the instant around which the certificates are made.
const AT: &str = "2026-11-23T12:00:00Z";

/// Root, issuing CA and leaf as files of a shop.
struct Files {
    shop: Shop,
    root: TestCa,
    issuing: TestCa,
}

impl Files {
    fn new() -> Self {
        let root = root("Root");
        let issuing = root.issue_ca(ca_params("Issuing"));
        let files = Self { shop: Shop::empty(), root, issuing };
        files.write("root.der", files.root.file());
        files.write("issuing.der", files.issuing.file());
        files
    }

    fn write(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.shop.folder.path().join(name)
    }

    fn verify(&self, leaf: &Certificate, more: &[&str]) -> Run {
        let leaf = self.write("leaf.der", leaf.der());
        let (root, issuing) = (self.path("root.der"), self.path("issuing.der"));
        let mut arguments = vec!["verify", "--at", AT, "--leaf", leaf.as_str()];
        arguments.extend(["--anchor", root.to_str().unwrap(), "--intermediate", issuing.to_str().unwrap()]);
        arguments.extend(more);
        self.shop.json(arguments)
    }
}

#[test]
fn certificate_files_are_judged_without_a_store() {
    let files = Files::new();
    let leaf = files.issuing.issue(&leaf_params("a.test"), &[]).leaf().clone();
    let run = files.verify(&leaf, &["--name", "a.test"]);
    assert_eq!(run.code, 0, "{}", run.out);
    let result = &run.json()["result"];
    assert_eq!((&result["outcome"], &result["signatures"]), (&json!("accepted"), &json!(2)));
    let subjects: Vec<&Value> =
        result["chain"].as_array().unwrap().iter().map(|link| &link["subject"]).collect();
    assert_eq!(subjects, ["CN=a.test", "CN=Issuing", "CN=Root"]);

    for (more, code, error) in [
        (["--name", "b.test"], 1, "name_mismatch"),
        (["--purpose", "client"], 1, "no_client_auth"),
        (["--intermediate", "no-such-file"], 2, "file_not_found"),
        (["--intermediate", "pkcs12/www.p12"], 2, "password_missing"),
        (["--intermediate", "other/keytool-17.0.15.rsa2048.jks"], 2, "password_missing"),
    ] {
        let run = files.verify(&leaf, &more);
        assert_eq!((run.code, run.error_code().as_str()), (code, error), "{more:?}: {}", run.out);
    }
    let leaf = files.write("leaf.der", leaf.der());
    let bad_time = files.shop.json(["verify", "--leaf", &leaf, "--at", "yesterday"]);
    assert_eq!((bad_time.code, bad_time.error_code().as_str()), (2, "bad_time"));
    let nothing = files.shop.json(["verify", "--name", "a.test"]);
    assert_eq!((nothing.code, nothing.error_code().as_str()), (2, "nothing_to_verify"));
}

#[test]
fn the_first_block_of_a_file_is_the_leaf_or_an_error() {
    let files = Files::new();
    let leaf = files.issuing.issue(&leaf_params("a.test"), &[]).leaf().clone();
    let foreign = root("Foreign").issue(&leaf_params("a.test"), &[]).leaf().clone();
    let chain = |first: &Certificate, label: &str| {
        [pem(label, first.der()), pem("CERTIFICATE", files.issuing.file())].concat()
    };
    let verify = |text: &[u8], more: &[&str]| {
        let (path, root) = (files.write("chain.pem", text), files.path("root.der"));
        let arguments = ["verify", "--at", AT, "--leaf", &path, "--anchor", root.to_str().unwrap()];
        files.shop.json(arguments.iter().chain(more).copied())
    };
    let codes = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|it| it["code"].as_str().unwrap().to_owned()).collect()
    };
    // Whoever passes over the first block judges the intermediate behind it, and accepts.
    for (first, code, odd) in [(&leaf, 0, "warnings"), (&foreign, 1, "findings")] {
        for (text, remarks) in [
            (chain(first, "CERTIFICATE").into_bytes(), &[][..]),
            (chain(first, "X509 CERTIFICATE").into_bytes(), &[]),
            (format!("\u{feff}{}", chain(first, "CERTIFICATE")).into(), &["unusual_form"]),
            (utf16(&chain(first, "CERTIFICATE"), true), &["unusual_form"]),
            (chain(first, "CERTIFICATE").replace('\n', "\r").into(), &["unusual_form"]),
        ] {
            let run = verify(&text, &[]);
            assert_eq!(run.code, code, "{}", run.out);
            let json = run.json();
            let told = if code == 0 { &json[odd] } else { &json["error"][odd] };
            let told: Vec<String> = if told.is_null() { Vec::new() } else { codes(told) };
            assert!(remarks.iter().all(|code| told.iter().any(|it| it == code)), "{}", run.out);
            if code == 0 {
                assert_eq!(json["result"]["chain"][0]["subject"], "CN=a.test");
            }
        }
        for broken in [
            chain(first, "CERTIFICATE").replacen("\nMII", "\nM*I", 1),
            chain(first, "CERTIFICATE").replacen("-----BEGIN", "----BEGIN", 1),
            chain(first, "CERTIFICATE").replacen("BEGIN CERT", "BEGIN PKCS7 CERT", 1),
        ] {
            let run = verify(broken.as_bytes(), &[]);
            assert_eq!((run.code, run.error_code().as_str()), (2, "broken_text"), "{}", run.out);
            let message = run.json()["error"]["message"].as_str().unwrap().to_owned();
            assert!(message.contains("chain.pem: ") && message.contains("line 1"), "{message}");
        }
    }
    // A key in the file is said.
    let key = pem("PRIVATE KEY", &rcgen::KeyPair::generate().unwrap().serialize_der());
    let run = verify(format!("{key}{}", chain(&leaf, "CERTIFICATE")).as_bytes(), &[]);
    assert_eq!((run.code, codes(&run.json()["warnings"])), (0, vec!["other_content".to_owned()]));
}

#[test]
fn sets_of_certificates_are_read_for_every_option() {
    let files = Files::new();
    let leaf = files.issuing.issue(&leaf_params("a.test"), &[]).leaf().clone();
    let all: [&[u8]; 3] = [files.root.file(), files.issuing.file(), leaf.der()];
    let bags = all.map(Bag::certificate);
    let set = files.write("all.p7b", &pkcs7(&all, &[]));
    let pfx = files.write("all.p12", &Forge::new(Secret::of("secret")).plain(&bags).build());
    for file in [set, pfx] {
        let arguments =
            ["verify", "--at", AT, "--leaf", &file, "--anchor", &file, "--pass-in", "pass:secret"];
        let run = files.shop.json(arguments);
        assert_eq!(
            (run.code, &run.json()["result"]["chain"][0]["subject"]),
            (0, &json!("CN=a.test")),
            "{}",
            run.out
        );
    }
}

#[test]
fn a_refusal_says_what_is_wrong_and_what_to_do() {
    let files = Files::new();
    let mut params = leaf_params("a.test");
    valid(&mut params, -400, -10);
    let run = files.verify(files.issuing.issue(&params, &[]).leaf(), &[]);
    assert_eq!((run.code, run.error_code().as_str()), (1, "expired"));
    let error = &run.json()["error"];
    assert_eq!(error["message"], "the certificate expired 10 days ago");
    assert_eq!(error["stage"], "chain");
    // Nothing can be allowed here, as an import can.
    assert_eq!(error["help"], "renew the certificate");

    let stranger = root("Stranger").issue(&leaf_params("a.test"), &[]).leaf().clone();
    let run = files.verify(&stranger, &[]);
    assert_eq!(run.error_code(), "no_anchor");
    let message = run.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("no path to an imported authority: the issuer \"CN=Stranger\""), "{message}");
    assert_eq!(
        run.json()["error"]["help"],
        "give the CA certificate with --anchor FILE, and what stands between with --intermediate FILE"
    );
}

#[test]
fn openssl_agrees_on_what_is_accepted_and_refused() {
    let openssl = |arguments: &[&str]| std::process::Command::new("openssl").args(arguments).output();
    if openssl(&["version"]).is_err() {
        eprintln!("skipped: no openssl");
        return;
    }
    let files = Files::new();
    let pem = |name: &str, certificate: &Certificate| {
        files.write(name, pem("CERTIFICATE", certificate.der()).as_bytes())
    };
    let (root, issuing) =
        (pem("root.pem", &files.root.certificate), pem("issuing.pem", &files.issuing.certificate));
    let mut old = leaf_params("a.test");
    valid(&mut old, -400, -10);
    let mut client = leaf_params("a.test");
    client.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    for (params, by, accepted) in [
        (leaf_params("a.test"), &files.issuing, true),
        (old, &files.issuing, false),
        (client, &files.issuing, false),
        (leaf_params("a.test"), &strongroom_tests::authority::root("Stranger"), false),
        (leaf_params("b.test"), &files.issuing, false),
    ] {
        let leaf = by.issue(&params, &[]).leaf().clone();
        let ours = files.verify(&leaf, &["--name", "a.test"]).code == 0;
        let path = pem("leaf.pem", &leaf);
        let theirs = openssl(&[
            "verify",
            "-attime",
            "1795435200",
            "-purpose",
            "sslserver",
            "-verify_hostname",
            "a.test",
            "-CAfile",
            &root,
            "-untrusted",
            &issuing,
            &path,
        ]);
        assert_eq!((ours, theirs.unwrap().status.success()), (accepted, accepted), "{}", leaf.subject());
    }
}

#[test]
fn a_ca_key_that_is_restricted_to_pss_is_judged_and_a_short_one_is_unsupported() {
    let files = Files::new();
    let folder = files.shop.folder.path();
    let openssl = |arguments: &str| {
        let arguments = arguments.split_whitespace();
        std::process::Command::new("openssl").args(arguments).current_dir(folder).output()
    };
    if openssl("version").is_err() {
        eprintln!("skipped: no openssl");
        return;
    }
    // rustls-webpki's PSS has a salt as long as the digest.
    let salt = "-sigopt rsa_pss_saltlen:32";
    for (kind, bits, options, code) in [
        ("RSA-PSS", 2048, salt, None),
        ("RSA-PSS", 2048, "-sigopt rsa_pss_saltlen:20", Some("unsupported_signature")),
        ("RSA", 1024, "", Some("unsupported_signature")),
    ] {
        for arguments in [
            &format!("genpkey -algorithm {kind} -pkeyopt rsa_keygen_bits:{bits} -out ca.key"),
            "req -x509 -new -key ca.key -subj /CN=Special -days 30 -sha256 -out special.pem",
            "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out leaf.key",
            "req -new -key leaf.key -subj /CN=a.test -addext subjectAltName=DNS:a.test -out leaf.csr",
            &format!(
                "x509 -req -in leaf.csr -CA special.pem -CAkey ca.key -copy_extensions copy -days 9 -sha256 {options} -out leaf.pem"
            ),
        ] {
            let made = openssl(arguments).unwrap();
            assert!(made.status.success(), "{arguments}: {}", String::from_utf8_lossy(&made.stderr));
        }
        let (leaf, anchor) = (folder.join("leaf.pem"), folder.join("special.pem"));
        let run = files.shop.json([
            "verify",
            "--leaf",
            leaf.to_str().unwrap(),
            "--anchor",
            anchor.to_str().unwrap(),
        ]);
        match code {
            None => {
                assert_eq!(run.code, 0, "{}", run.out);
                let warnings = run.json()["warnings"].to_string();
                assert!(warnings.contains("rustls_clients_refuse"), "{warnings}");
            }
            Some(code) => assert_eq!((run.code, run.error_code().as_str()), (1, code), "{}", run.out),
        }
    }
}

#[test]
fn an_entry_is_judged_by_what_is_in_the_store_now() {
    let shop = Shop::open();
    shop.import_root();
    assert_eq!(shop.run(["import", "www", "pkcs12/www.p12", "--pass-in", "pass:changeit"]).code, 0);
    let accepted = shop.json(["verify", "www", "--name", "www.fixture.test"]);
    assert_eq!(accepted.code, 0, "{}", accepted.out);
    assert_eq!(accepted.json()["result"]["alias"], "www");
    let other = shop.json(["verify", "www", "--name", "other.test"]);
    assert_eq!((other.code, other.error_code().as_str()), (7, "name_mismatch"));
    let later = shop.json(["verify", "www", "--at", "2199-01-01T00:00:00Z"]);
    assert_eq!((later.code, later.error_code().as_str()), (7, "expired"));

    let whole = shop.json(["chain", "www"]).json();
    assert_eq!(
        (&whole["result"]["chain_state"], &whole["result"]["missing"]),
        (&json!("complete"), &Value::Null)
    );
    assert_eq!(whole["result"]["chain"].as_array().unwrap().len(), 3);

    assert_eq!(shop.run(["rm", "root", "--force"]).code, 0);
    let gone = shop.json(["verify", "www"]);
    assert_eq!((gone.code, gone.error_code().as_str()), (7, "no_anchor"));
    let help = gone.json()["error"]["help"].as_str().unwrap().to_owned();
    assert!(help.ends_with(" ca import ALIAS FILE") && !help.contains("; or"), "{help}");
    let text = shop.run(["chain", "www"]);
    assert_eq!(text.code, 0);
    assert!(text.out.starts_with("www (no_anchor)\n  leaf CN="), "{}", text.out);
    assert!(
        text.out.contains("an import would refuse it now: no path to an imported authority"),
        "{}",
        text.out
    );
    assert_eq!(shop.json(["verify", "nobody"]).code, 3);
    // A CA certificate has no key to serve with; its chain is itself.
    shop.import_root();
    assert_eq!(shop.json(["verify", "root"]).error_code(), "no_private_key");
    assert_eq!(shop.json(["chain", "root"]).json()["result"]["chain_state"], "root");
}

#[test]
fn a_missing_issuer_is_shown_above_the_chain() {
    let files = Files::new();
    assert_eq!(files.shop.run(["init"]).code, 0);
    let issuing = files.path("issuing.der");
    assert_eq!(files.shop.run(["ca", "import", "issuing", issuing.to_str().unwrap()]).code, 0);
    let text = files.shop.run(["chain", "issuing"]).out;
    assert!(text.contains("    missing: CN=Root, key id "), "{text}");
}

#[test]
fn a_dry_run_shows_the_plan_and_stores_nothing() {
    let shop = Shop::open();
    let www = ["import", "www", "pkcs12/www.p12", "--pass-in", "pass:changeit", "--dry-run"];
    let refused = shop.json(www);
    assert_eq!((refused.code, refused.error_code().as_str()), (7, "no_anchor"));
    shop.import_root();
    let before = shop.json(["ls"]).out;
    let plan = shop.json(www);
    assert_eq!(plan.code, 0, "{}", plan.out);
    let result = &plan.json()["result"];
    assert_eq!((&result["outcome"], &result["dry_run"]), (&json!("imported"), &json!(true)));
    assert_eq!(result["imported"], json!(["www", "www_intermediate"]));
    assert_eq!(shop.json(["ls"]).out, before);
    let text = shop.run(www).out;
    assert!(text.starts_with("would be imported: www; nothing was stored\n  leaf CN="), "{text}");
    assert!(text.ends_with("  would be stored beside it: www_intermediate\n"), "{text}");

    // The real import then does exactly that, and a second dry run says so.
    let done = shop.json(["import", "www", "pkcs12/www.p12", "--pass-in", "pass:changeit"]);
    assert_eq!(done.json()["result"]["imported"], result["imported"]);
    assert_eq!(shop.json(www).json()["result"]["outcome"], "already_present");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the place of the corpus comes from the environment")]
fn a_batch_gives_the_verdicts_of_the_engine() {
    let Some(corpus) = std::env::var_os("STRONGROOM_CORPUS").map(PathBuf::from) else {
        eprintln!("skipped: STRONGROOM_CORPUS is not set");
        return;
    };
    let shop = Shop::empty();
    let run = |input: fs::File| -> Run {
        shop.command(["verify", "--batch"]).stdin(Stdio::from(input)).output().unwrap().into()
    };
    let answer = run(fs::File::open(corpus.join("validation/cases.json")).unwrap());
    assert_eq!(answer.code, 0, "{}", answer.err);
    let results = answer.json();
    let results = results["results"].as_array().unwrap();
    let cases = limbo::cases(&corpus);
    assert_eq!(results.len(), cases.len());
    for (case, result) in cases.iter().zip(results) {
        assert_eq!(result["id"], case.id);
        assert_eq!(result["actual_result"], case.judge().as_str(), "{}: {}", case.id, result["context"]);
    }
    let none = files_of(&shop, b"{\"testcases\": 1}");
    let refused = run(fs::File::open(none).unwrap());
    assert_eq!(refused.code, 2, "{}", refused.err);
}

fn files_of(shop: &Shop, bytes: &[u8]) -> PathBuf {
    let path = shop.folder.path().join("cases.json");
    fs::write(&path, bytes).unwrap();
    path
}
