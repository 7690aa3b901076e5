//! What administrators ask about servers: who answers, what is bound, what is served, and whether it is what is stored.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use strongroom_tests::command::{Run, Shop};

/// A store with `www` (www.fixture.test and fixture.test) and the entries of further files.
fn shop(more: &[(&str, &str)]) -> Shop {
    let shop = Shop::open();
    shop.import_root();
    for (alias, file) in [("www", "pkcs12/www.p12")].iter().chain(more) {
        assert_eq!(import(&shop, alias, file).code, 0, "{file}");
    }
    shop
}

fn import(shop: &Shop, alias: &str, file: &str) -> Run {
    let mut command = shop.command(["import", alias, file, "--pass-in", "env:P", "--replace"]);
    command.env("P", "changeit").output().unwrap().into()
}

#[test]
fn why_says_who_answers_and_by_what_each_other_lost() {
    let shop = shop(&[("second", "pkcs12/www.p12")]);
    let run = shop.run(["why", "https://WWW.fixture.test:8443/shop", "--default", "www"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(
        run.out,
        "second answers: it has the name www.fixture.test\n\
         also have it:\n  \
           www  the same in all else, and second comes first in the alphabet\n\
         a client without a name, or with another one, gets: www (the default)\n"
    );
    let view = shop.json(["why", "fixture.test."]).json();
    let result = &view["result"];
    assert_eq!(result["host"], "fixture.test");
    assert_eq!(
        (&result["selected"]["alias"], &result["selected"]["rule"]),
        (&json!("second"), &json!("exact"))
    );
    assert_eq!(result["others"], json!([{"alias": "www", "reason": "later_alias"}]));
    assert_eq!((&result["ties"], &result["default"]), (&json!(["www"]), &Value::Null));
    let run = shop.run(["why", "--no-sni", "--default", "www"]);
    assert_eq!(run.out, "www answers: it is the default, and the client sends no name\n");
    let run = shop.run(["why", "a.fixture.test"]);
    assert_eq!(run.code, 3);
    assert!(
        run.err.contains("error[nobody_answers] no entry answers for a.fixture.test; nearest: second has fixture.test, www has fixture.test"),
        "{}",
        run.err
    );
    assert_eq!(shop.run(["why", "*.fixture.test"]).code, 2);
}

#[test]
fn what_is_bound_answers_among_equals_and_goes_with_its_entry() {
    let shop = shop(&[("second", "pkcs12/www.p12")]);
    let run = shop.run(["bind", "www.fixture.test", "www"]);
    assert_eq!((run.code, run.out.as_str()), (0, "www.fixture.test is bound to www\n"));
    let answers = |host: &str| shop.json(["why", host]).json()["result"]["selected"]["alias"].clone();
    assert_eq!(answers("www.fixture.test"), "www");
    assert_eq!(answers("fixture.test"), "second");
    let again = shop.json(["bind", "www.fixture.test", "WWW"]).json();
    assert_eq!(again["result"]["outcome"], "already_bound");
    // Of a host that the certificate is not for.
    let run = shop.json(["bind", "example.org", "www"]);
    assert_eq!((run.code, run.error_code().as_str()), (7, "host_not_named"));
    assert_eq!(shop.json(["bind", "www.fixture.test", "root"]).error_code(), "no_private_key");
    assert_eq!(shop.run(["rename", "www", "shop"]).code, 0);
    assert_eq!(answers("www.fixture.test"), "shop");
    // It is proved, logged, and in a backup.
    assert_eq!(shop.run(["verify-store"]).code, 0);
    let log = shop.run(["log"]).out;
    assert!(log.contains("bind-host") && log.contains("bound to www"), "{log}");
    let copy = shop.folder.path().join("copy.db");
    assert_eq!(shop.run(["backup", copy.to_str().unwrap()]).code, 0);
    let run = shop.run(["unbind", "www.fixture.test"]);
    assert_eq!(run.out, "www.fixture.test is no longer bound to shop; second answers\n");
    assert_eq!(shop.run(["bind"]).out, "no host is bound to an entry\n");
    assert_eq!(shop.json(["unbind", "www.fixture.test"]).error_code(), "host_not_bound");
    assert_eq!(shop.run(["restore", copy.to_str().unwrap(), "--yes"]).code, 0);
    assert_eq!(answers("www.fixture.test"), "shop");
    assert_eq!(shop.run(["rm", "shop"]).code, 0);
    let bindings = shop.json(["bind"]).json();
    assert_eq!(
        (&bindings["result"]["bindings"][0]["alias"], &bindings["result"]["bindings"][0]["in_force"]),
        (&json!("shop"), &json!(false))
    );
    assert_eq!(answers("www.fixture.test"), "second");
    assert_eq!(shop.run(["undo", "shop"]).code, 0);
    assert_eq!(answers("www.fixture.test"), "shop");
}

/// `strongroom serve`; it ends with this value.
struct Serving {
    child: Child,
    port: String,
}

impl Serving {
    fn start(shop: &Shop, arguments: &[&str]) -> Self {
        Self::begin(shop, arguments, Stdio::null())
    }

    /// One whose words are kept for the end.
    fn told(shop: &Shop, arguments: &[&str]) -> Self {
        Self::begin(shop, arguments, Stdio::piped())
    }

    /// Ends it, and gives what it said.
    fn end(&mut self) -> String {
        self.child.kill().unwrap();
        let mut told = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
        told
    }

    fn begin(shop: &Shop, arguments: &[&str], stderr: Stdio) -> Self {
        let mut command = shop.command(["--json", "serve", "--listen", "127.0.0.1:0"]);
        let mut child = command.args(arguments).stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let url = ready["result"]["url"].as_str().unwrap().to_owned();
        let port = url.split([':', '/']).nth(4).unwrap().to_owned();
        Self { child, port }
    }

    fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[track_caller]
fn eventually(what: &str, mut is: impl FnMut() -> bool) {
    for _ in 0..100 {
        if is() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("not within 5 s: {what}");
}

#[test]
fn a_renewal_is_served_without_a_restart_and_seen_from_outside() {
    let shop = shop(&[]);
    let server = Serving::start(&shop, &["--alias", "www"]);
    let host = server.host();
    let compare = |alias: &str| shop.run(["verify", alias, "--connect", &host]);
    let run = compare("www");
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        run.out.contains("serves www version 1 with its chain, over TLSv1.3, valid until 2036"),
        "{}",
        run.out
    );
    assert_eq!(import(&shop, "www", "pkcs12/www-direct.p12").code, 0);
    eventually("the renewal is served", || compare("www").code == 0);
    eventually("it is seen", || {
        let status = shop.json(["status"]).json();
        let server = &status["result"]["servers"][0];
        server["served"]
            == json!([{
                "alias": "www", "version": 2, "current": true,
                "sha256": shop.json(["show", "www"]).json()["result"]["sha256"],
            }])
    });
    let run = shop.json(["rm", "www"]);
    assert_eq!((run.code, run.error_code().as_str()), (4, "alias_in_use"));
    let run = shop.run(["why", "nobody.fixture.test"]);
    assert!(
        run.out.contains(
            "www answers: the server that runs shows it to every client, whatever name it asks for\n"
        ),
        "{}",
        run.out
    );
    // Another entry than the one that is served.
    assert_eq!(import(&shop, "other", "pkcs12/www.p12").code, 0);
    let run = shop.json(["verify", "other", "--connect", &host]);
    assert_eq!((run.code, run.error_code().as_str()), (7, "not_served"));
    assert!(run.out.contains("the server sends another certificate: CN=shop.fixture.test"), "{}", run.out);
    // The name is of the other alone, and the server asks for none.
    let run = shop.json(["why", "www.fixture.test"]);
    let why = &run.json()["result"];
    assert_eq!((&why["selected"]["alias"], &why["selected"]["rule"]), (&json!("www"), &json!("default")));
    assert_eq!(why["others"], json!([{"alias": "other", "reason": "not_shown"}]));
    assert_eq!(why["shown_to_all"][0]["alias"], "www");
    let ruled = shop.json(["why", "www.fixture.test", "--default", "www"]).json();
    assert_eq!(ruled["result"]["selected"]["alias"], "other");
    let named = format!("localhost:{}", server.port);
    for host in [&host, &named] {
        let run = shop.json(["check", "--connect", host]);
        let served = &run.json()["result"]["served"][0];
        assert_eq!((&served["alias"], &served["outcome"]), (&json!("www"), &json!("served")), "{}", run.out);
    }
    let run = shop.run(["rm", "www", "--force", "--dry-run"]);
    assert!(run.err.contains("strongroom serve uses www, and would go on with its last"), "{}", run.err);
    let run = shop.run(["rm", "www", "--force"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        run.err
            .contains("strongroom serve used www: its last certificate stays shown until that server stops"),
        "{}",
        run.err
    );
}

const RSA_SUITE: &str = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";

#[test]
fn suites_that_go_with_no_certificate_lock_nobody_out() {
    let shop = Shop::open();
    let fine = |arguments: &[&str]| {
        let run = shop.run(arguments);
        assert_eq!(run.code, 0, "{arguments:?}: {}{}", run.out, run.err);
        run
    };
    fine(&["generate", "www", "--name", "www.fixture.test", "--key", "rsa2048"]);
    let server = Serving::start(&shop, &["--alias", "www"]);
    fine(&["web-server", "--protocols", "TLSv1.2", "--cipher-suites", RSA_SUITE]);
    let renew = ["generate", "www", "--name", "www.fixture.test", "--replace"];
    let run = shop.json(renew);
    assert_eq!((run.code, run.error_code().as_str()), (2, "tls_not_offered"), "{}", run.out);
    let host = server.host();
    fine(&["verify", "www", "--connect", &host]);
    // Nobody knows what a server shows that does not run: it says so when it starts, and while it runs.
    drop(server);
    fine(&renew);
    let mut server = Serving::told(&shop, &["--alias", "www"]);
    let host = server.host();
    fine(&["verify", "www", "--connect", &host]);
    fine(&renew);
    eventually("the renewal is served", || shop.run(["verify", "www", "--connect", &host]).code == 0);
    fine(&["web-server", "--cipher-suites", "all"]);
    fine(&["verify", "www", "--connect", &host]);
    let told = server.end();
    assert_eq!(
        told.matches("the cipher suites that were chosen do not go with the key of www, so nobody could connect: every one is offered until others are chosen").count(),
        1,
        "{told}"
    );
    assert!(told.contains("the cipher suites that were chosen are offered again"), "{told}");
}

#[cfg(unix)]
#[test]
fn a_hangup_reloads_and_does_not_end_the_server() {
    let shop = shop(&[]);
    let mut server = Serving::start(&shop, &["--machine", "gis.fixture.test"]);
    let pid = server.child.id().to_string();
    assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    std::thread::sleep(Duration::from_millis(300));
    assert!(server.child.try_wait().unwrap().is_none(), "it goes on");
    let host = server.host();
    assert_eq!(shop.run(["verify", "selfsignedcertificate", "--connect", &host]).code, 0);
    drop(server);
    // For another machine it makes another certificate, and the former one stays as a version.
    let server = Serving::start(&shop, &["--machine", "other.fixture.test"]);
    let host = server.host();
    let shown = shop.json(["show", "selfsignedcertificate"]).json();
    assert!(shown["result"]["names"].as_array().unwrap().contains(&json!("other.fixture.test")), "{shown}");
    assert_eq!(shown["result"]["version"], 2);
    assert_eq!(shop.run(["verify", "selfsignedcertificate", "--connect", &host]).code, 0);
}

#[test]
fn a_second_server_leaves_the_first_one_its_names() {
    let shop = Shop::open();
    let first = Serving::start(&shop, &["--machine", "gis.fixture.test"]);
    let names = || {
        let shown = shop.json(["show", "selfsignedcertificate"]).json();
        let names = shown["result"]["names"].as_array().unwrap();
        names.iter().map(|name| name.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let alone = names();
    assert!(alone.contains(&"gis.fixture.test".to_owned()), "{alone:?}");
    let mut second = Serving::told(&shop, &["--machine", "other.fixture.test"]);
    let both = names();
    for name in alone.iter().map(String::as_str).chain(["other.fixture.test"]) {
        assert!(both.iter().any(|known| known == name), "{name}: {both:?}");
    }
    let shown = shop.json(["show", "selfsignedcertificate"]).json();
    assert_eq!(shown["result"]["subject"], "CN=gis.fixture.test, O=SelfSignedCertificate");
    for server in [&first, &second] {
        let host = server.host();
        eventually("it is shown", || {
            shop.run(["verify", "selfsignedcertificate", "--connect", &host]).code == 0
        });
    }
    let told = second.end();
    assert!(
        told.contains("shows selfsignedcertificate as well: there is a new one, for the names of this machine beside gis.fixture.test, 127.0.0.1, ::1; who trusted"),
        "{told}"
    );
    // The first one starts again, and finds what it needs.
    let second = Serving::start(&shop, &["--machine", "other.fixture.test"]);
    drop(first);
    let mut first = Serving::told(&shop, &["--machine", "gis.fixture.test"]);
    assert_eq!(names(), both);
    let told = first.end();
    assert!(!told.contains("selfsignedcertificate"), "{told}");
    drop(second);
}

#[test]
fn a_ca_certificate_is_not_served() {
    let shop = shop(&[]);
    let run = shop.json(["serve", "--listen", "127.0.0.1:0", "--alias", "ROOT"]);
    assert_eq!((run.code, run.error_code().as_str()), (7, "ca_certificate"), "{}", run.out);
    assert!(
        run.out.contains("\\\"root\\\" is the certificate of a CA, and has no key to serve with"),
        "{}",
        run.out
    );
}

#[test]
fn entries_of_one_day_are_told_apart_by_the_time() {
    let shop = Shop::open();
    for alias in ["one", "two"] {
        assert_eq!(shop.run(["generate", alias, "--name", "a.fixture.test"]).code, 0);
        // notBefore is in whole seconds.
        std::thread::sleep(Duration::from_millis(1_100));
    }
    let run = shop.run(["why", "a.fixture.test"]);
    let line = run.out.lines().find(|line| line.contains("older")).unwrap_or_else(|| panic!("{}", run.out));
    let times: Vec<&str> =
        line.split([' ', ',']).filter(|word| word.contains('T') && word.ends_with('Z')).collect();
    assert!(times.len() == 2 && times[0] < times[1], "{line}");
}

#[test]
fn a_machine_has_the_name_of_a_host() {
    let shop = Shop::open();
    for name in ["a b/<x>", "", "gis:7443", "\u{fc}.test"] {
        let run = shop.json(["serve", "--listen", "127.0.0.1:0", "--machine", name]);
        assert_eq!((run.code, run.error_code().as_str()), (2, "usage"), "{name}: {}", run.out);
    }
}

/// openssl's server with a chain of its own; `None` where openssl is missing.
fn openssl_server(shop: &Shop, chain: &str) -> Option<(Child, String)> {
    let folder = shop.folder.path();
    let key = folder.join("key.pem");
    let made = Command::new("openssl")
        .args(["pkcs12", "-in", "pkcs12/www.p12", "-passin", "pass:changeit", "-nocerts", "-nodes", "-out"])
        .arg(&key)
        .current_dir(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures"))
        .stderr(Stdio::null())
        .status();
    let Ok(true) = made.map(|made| made.success()) else {
        eprintln!("skipped: openssl is not installed");
        return None;
    };
    let certificates = folder.join("chain.pem");
    std::fs::write(&certificates, chain).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let child = Command::new("openssl")
        .args(["s_server", "-quiet", "-accept", &port.to_string(), "-key"])
        .arg(&key)
        .arg("-cert")
        .arg(&certificates)
        .arg("-cert_chain")
        .arg(&certificates)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    eventually("it listens", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    Some((child, format!("127.0.0.1:{port}")))
}

#[test]
fn a_server_without_its_intermediate_and_one_with_the_former_version_are_told_apart() {
    let shop = shop(&[]);
    let pem = shop.run(["show", "www", "--pem"]).out;
    let end = "-----END CERTIFICATE-----\n";
    let leaf = pem.split_inclusive(end).next().unwrap().to_owned();
    let Some((mut child, host)) = openssl_server(&shop, &leaf) else {
        return;
    };
    let run = shop.json(["verify", "www", "--connect", &host]);
    assert_eq!((run.code, run.error_code().as_str()), (7, "not_served"));
    assert!(
        run.out.contains("the server sends the right certificate without what is above it: CN=Strongroom Fixture Intermediate"),
        "{}",
        run.out
    );
    assert_eq!(import(&shop, "www", "pkcs12/www-direct.p12").code, 0);
    let run = shop.run(["verify", "www", "--connect", &host]);
    assert!(run.err.contains("the server still sends version 1 of www, stored "), "{}", run.err);
    let run = shop.json(["verify", "www", "--connect", &host, "--starttls", "postgres"]);
    assert_eq!((run.code, run.error_code().as_str()), (1, "cannot_connect"));
    let _ = child.kill();
    let _ = child.wait();
    let run = shop.json(["verify", "www", "--connect", &host]);
    assert_eq!((run.code, run.error_code().as_str()), (1, "cannot_connect"));
    assert_eq!(shop.json(["verify", "root", "--connect", &host]).error_code(), "not_a_server_entry");
}

#[test]
fn a_key_for_rsassa_pss_alone_is_refused_with_the_reason() {
    let shop = Shop::open();
    let folder = shop.folder.path();
    let openssl = |arguments: &[&str]| {
        let run = Command::new("openssl").args(arguments).current_dir(folder).stderr(Stdio::null()).status();
        run.is_ok_and(|status| status.success())
    };
    let made =
        openssl(&["genpkey", "-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "k.pem"])
            && openssl(&[
                "req",
                "-x509",
                "-key",
                "k.pem",
                "-subj",
                "/CN=a.test",
                "-addext",
                "subjectAltName=DNS:a.test",
                "-days",
                "30",
                "-out",
                "c.pem",
            ])
            && openssl(&[
                "pkcs12",
                "-export",
                "-inkey",
                "k.pem",
                "-in",
                "c.pem",
                "-passout",
                "pass:changeit",
                "-out",
                "pss.p12",
            ]);
    if !made {
        eprintln!("skipped: openssl is not installed, or makes no such key");
        return;
    }
    let file = folder.join("pss.p12");
    let mut command = shop.command(["--json", "import", "pss", file.to_str().unwrap(), "--pass-in", "env:P"]);
    let run: Run = command.env("P", "changeit").output().unwrap().into();
    assert_eq!((run.code, run.error_code().as_str()), (7, "unsupported_key"), "{}", run.out);
    assert!(run.out.contains("a key of the kind RSA-PSS-2048 cannot serve TLS"), "{}", run.out);
}
