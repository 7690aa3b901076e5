//! The commands, and what OpenSSL and keytool make of what they write.

use std::{fs, path::PathBuf, process::Command};

use strongroom_tests::command::{Run, Shop, fine, refused};

/// A store, and a folder of files with a CA of OpenSSL's.
struct Office(Shop);

impl Office {
    fn open() -> Self {
        Self(Shop::open())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn run(&self, arguments: &[&str]) -> Run {
        self.0.command(arguments).current_dir(self.0.folder.path()).output().unwrap().into()
    }

    fn works(&self, arguments: &[&str]) -> Run {
        let run = self.run(arguments);
        assert_eq!(run.code, 0, "{arguments:?}: {}{}", run.out, run.err);
        run
    }

    /// Runs a program in the folder; gives what it says on both streams.
    #[track_caller]
    fn tool(&self, program: &str, line: &str) -> String {
        let mut command = Command::new(program);
        let output = command.args(line.split(' ')).current_dir(self.0.folder.path()).output().unwrap();
        let text =
            [output.stdout, output.stderr].map(|part| String::from_utf8_lossy(&part).into_owned()).concat();
        assert!(output.status.success(), "{program} {line}: {text}");
        text
    }

    /// A root and an issuing CA of OpenSSL's, the root imported.
    fn with_ca() -> Self {
        let office = Self::open();
        office.tool(
            "openssl",
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout root.key -out root.pem -subj /CN=Office -days 30",
        );
        office.tool("openssl", "req -newkey rsa:2048 -nodes -keyout ca.key -out ca.csr -subj /CN=Issuing");
        fs::write(
            office.path("ca.ext"),
            "basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign\n",
        )
        .unwrap();
        office.tool(
            "openssl",
            "x509 -req -in ca.csr -CA root.pem -CAkey root.key -days 30 -extfile ca.ext -out ca.pem",
        );
        office.works(&["ca", "import", "office", "root.pem"]);
        office
    }

    /// Has OpenSSL sign a request, with the extensions that it asks for.
    fn sign(&self, request: &str, reply: &str) {
        self.tool(
            "openssl",
            &format!("x509 -req -in {request} -CA ca.pem -CAkey ca.key -days 20 -copy_extensions copyall -out {reply}"),
        );
    }
}

fn has(program: &str) -> bool {
    let found = Command::new(program).arg("version").output().is_ok();
    if !found {
        println!("skipped: {program} is not installed");
    }
    found
}

const KINDS: [&str; 6] = ["p256", "p384", "rsa2048", "rsa3072", "rsa4096", "ed25519"];

#[test]
fn openssl_and_keytool_accept_what_is_made_of_every_kind_of_key() {
    if !has("openssl") {
        return;
    }
    let office = Office::open();
    for kind in KINDS {
        let file = format!("{kind}.csr");
        let run = office.works(&[
            "csr",
            kind,
            "--key",
            kind,
            "--name",
            "www.a.test",
            "--name",
            "*.a.test",
            "--name",
            "10.0.0.1",
            "--name",
            "email:me@a.test",
            "--name",
            "uri:https://a.test/x",
            "--subject",
            "CN=www.a.test, OU=Unit, O=Example\\, Inc., L=Köln, ST=NRW, C=DE",
            "-o",
            &file,
        ]);
        assert!(run.out.starts_with(&format!("wrote {file} (")), "{}", run.out);
        assert!(run.err.contains(&format!("csr install {kind} REPLY")), "{}", run.err);
        let said = office.tool("openssl", &format!("req -in {file} -noout -verify"));
        assert!(said.contains("verify OK"), "{said}");
        let text =
            office.tool("openssl", &format!("req -in {file} -noout -text -nameopt utf8,sep_comma_plus"));
        for part in [
            "C=DE,ST=NRW,L=Köln,O=Example, Inc.,OU=Unit,CN=www.a.test",
            "DNS:www.a.test, DNS:*.a.test, IP Address:10.0.0.1, email:me@a.test, URI:https://a.test/x",
            "TLS Web Server Authentication",
            "Digital Signature",
        ] {
            assert!(text.contains(part), "{kind}: {part}: {text}");
        }
        assert_eq!(text.contains("Key Encipherment"), kind.starts_with("rsa"), "{kind}: {text}");
        let alias = format!("self-{kind}");
        office.works(&["generate", &alias, "--key", kind, "--name", "www.a.test", "--days", "9"]);
        fs::write(office.path("self.pem"), office.works(&["show", &alias, "--pem"]).out).unwrap();
        let said = office.tool("openssl", "verify -x509_strict -CAfile self.pem self.pem");
        assert!(said.contains("self.pem: OK"), "{kind}: {said}");
        if has("keytool") {
            let said = office.tool("keytool", &format!("-printcertreq -file {file}"));
            assert!(
                said.contains("DNSName: *.a.test") && said.contains("IPAddress: 10.0.0.1"),
                "{kind}: {said}"
            );
            let said = office.tool("keytool", "-printcert -file self.pem");
            assert!(said.contains("DNSName: www.a.test") && said.contains("CA:false"), "{kind}: {said}");
        }
    }
}

#[test]
fn a_reply_of_openssl_is_installed_in_every_form() {
    if !has("openssl") {
        return;
    }
    let office = Office::with_ca();
    let forms: [(&str, &[&str], &[&str]); 4] = [
        ("leaf-and-chain", &[], &["reply.pem", "ca.pem"]),
        ("chain-first", &[], &["ca.pem", "root.pem", "reply.pem"]),
        ("der", &["x509 -in reply.pem -outform DER -out reply.der"], &["ca.pem", "reply.der"]),
        (
            "p7b",
            &["crl2pkcs7 -nocrl -certfile root.pem -certfile ca.pem -certfile reply.pem -out reply.p7b"],
            &["reply.p7b"],
        ),
    ];
    for (alias, commands, files) in forms {
        office.works(&["csr", alias, "--name", "www.a.test", "-o", "www.csr", "--force"]);
        office.sign("www.csr", "reply.pem");
        for line in commands {
            office.tool("openssl", line);
        }
        let run = office.works(&[&["--json", "csr", "install", alias], files].concat());
        let result = &run.json()["result"];
        assert_eq!(
            (&result["outcome"], result["chain"].as_array().unwrap().len()),
            (&"imported".into(), 3),
            "{alias}"
        );
        assert_eq!(result["names"], serde_json::json!(["www.a.test"]));
        // OpenSSL finds the key of the export in the certificate.
        office.works(&["export", alias, "-o", "key.pem", "--format", "pem", "--force"]);
        let public = office.tool("openssl", "pkey -in key.pem -pubout");
        assert_eq!(public.trim(), office.tool("openssl", "x509 -in reply.pem -noout -pubkey").trim());
    }
    assert_eq!(fine(&office.0.json(["csr", "ls"]))["requests"], serde_json::json!([]));
    // The renewal: the same names and subject, a new key, and the entry serves until its certificate comes.
    office.works(&["csr", "p7b", "--like", "p7b", "-o", "renewal.csr"]);
    assert!(office.works(&["show", "p7b"]).out.contains("a request of "), "show says so");
    office.sign("renewal.csr", "renewal.pem");
    let run = office.works(&["csr", "install", "p7b", "renewal.pem"]);
    assert!(run.out.starts_with("replaced p7b"), "{}", run.out);
    assert_eq!(fine(&office.0.json(["history", "p7b"]))["versions"].as_array().unwrap().len(), 2);
}

#[test]
fn a_request_is_listed_shown_again_and_given_up() {
    let office = Office::open();
    let printed = office.works(&["csr", "www", "--name", "www.a.test", "--name", "b.test"]);
    assert!(printed.out.starts_with("-----BEGIN CERTIFICATE REQUEST-----\n"), "{}", printed.out);
    let listed = fine(&office.0.json(["csr", "ls"]))["requests"][0].clone();
    assert_eq!(
        (&listed["alias"], &listed["key"], &listed["beside_entry"]),
        (&"www".into(), &"P-256".into(), &false.into())
    );
    assert_eq!(listed["names"], serde_json::json!(["www.a.test", "b.test"]));
    assert_eq!(listed["pem"], printed.out);
    let table = office.works(&["csr", "ls"]).out;
    assert!(table.contains("www.a.test,b.test") && table.contains("a new entry"), "{table}");
    let ls = office.works(&["ls"]).out;
    assert!(ls.lines().any(|line| line.starts_with("www ") && line.contains("pending")), "{ls}");
    assert_eq!(fine(&office.0.json(["ls"]))["entries"], serde_json::json!([]));
    assert_eq!(fine(&office.0.json(["status"]))["pending_requests"], serde_json::json!(["www"]));
    assert!(office.works(&["status"]).out.contains("1 pending: www"));
    assert_eq!(office.works(&["csr", "show", "WWW"]).out, printed.out);
    let help = refused(&office.0.json(["show", "www"]), 3, "not_found");
    assert!(help.ends_with("csr show www"), "{help}");
    office.works(&["csr", "show", "www", "-o", "www.der", "--format", "der"]);
    if has("openssl") {
        office.tool("openssl", "req -in www.der -inform DER -noout -verify");
    }
    refused(&office.0.json(["csr", "rm", "www"]), 2, "confirmation_needed");
    assert_eq!(fine(&office.0.json(["csr", "rm", "www", "--yes"]))["outcome"], "removed");
    refused(&office.0.json(["csr", "show", "www"]), 3, "request_not_found");
    refused(&office.0.json(["csr", "rm", "www", "--yes"]), 3, "request_not_found");
    assert!(office.works(&["csr", "ls"]).out.starts_with("no request is pending"));
}

#[test]
fn a_file_that_is_there_stays_and_no_request_is_made() {
    let office = Office::open();
    fs::write(office.path("www.csr"), "mine").unwrap();
    let run = office.run(&["--json", "csr", "www", "--name", "a.test", "-o", "www.csr"]);
    refused(&run, 4, "file_exists");
    assert_eq!(office.text("www.csr"), "mine");
    assert_eq!(fine(&office.0.json(["csr", "ls"]))["requests"], serde_json::json!([]));
    office.works(&["csr", "www", "--name", "a.test", "-o", "www.csr", "--force"]);
    assert!(office.text("www.csr").starts_with("-----BEGIN CERTIFICATE REQUEST-----"));
}

#[test]
fn what_is_not_made_is_refused_with_what_is() {
    let office = Office::open();
    for (arguments, said) in [
        (&["csr", "www", "--name", "dns:10.0.0.1"][..], "write ip:10.0.0.1"),
        (
            &["csr", "www", "--name", "a.test", "--key", "rsa1024"],
            "it is p256, p384, rsa2048, rsa3072, rsa4096 or ed25519",
        ),
        (
            &["csr", "www", "--name", "a.test", "--key", "dsa2048"],
            "it is p256, p384, rsa2048, rsa3072, rsa4096 or ed25519",
        ),
        (&["csr", "www", "--name", "a.test", "--subject", "C=Germany"], "a country has two letters"),
        (&["generate", "www", "--name", "a.test", "--days", "826"], "826 is not in 1..=825"),
        (&["generate", "www"], "--name <NAME>"),
        (&["csr", "www"], "--name <NAME>"),
        (&["csr"], "<ALIAS>"),
    ] {
        let run = office.run(arguments);
        assert_eq!(run.code, 2, "{arguments:?}: {}{}", run.out, run.err);
        assert!(run.err.contains(said), "{arguments:?}: {}", run.err);
    }
    let run = office.0.json(["csr", "www", "--name", "a.test", "--hash", "sha384"]);
    refused(&run, 2, "unsupported_key");
    refused(&office.0.json(["csr", "www", "--like", "nobody"]), 3, "not_found");
    // An alias with the name of a word below csr is given behind --.
    office.works(&["csr", "--name", "a.test", "--", "ls"]);
    assert_eq!(fine(&office.0.json(["csr", "ls"]))["requests"][0]["alias"], "ls");
}
