//! What ends, what is there, who answers.

use std::process::{Child, Stdio};

use rcgen::KeyPair;
use strongroom_tests::{
    armour::pem,
    authority::{ca_params, leaf_params, root, valid},
    command::fine,
};

use super::Desk;

impl Desk {
    /// An entry that ends in ten days from the day of the other test certificates.
    fn with_one_that_ends(&self) {
        let (mut params, key) = (leaf_params("soon.shop.test"), KeyPair::generate().unwrap());
        valid(&mut params, -300, 12);
        let leaf = pem("CERTIFICATE", self.issuing.issue_leaf_for(&params, &key).der());
        self.write(
            "soon.pem",
            &(leaf + &self.read("issuing.pem") + &pem("PRIVATE KEY", &key.serialize_der())),
        );
        self.sh("strongroom import soon soon.pem");
    }
}

#[test]
fn task_01_what_ends_within_30_days() {
    let desk = Desk::new();
    desk.with_one_that_ends();
    let said = &desk.task(1)[0].out;
    assert!(said.contains("soon ") && said.contains("1 expiring"), "{said}");
    assert!(!said.lines().any(|line| line.starts_with("www ")), "{said}");
    // OpenSSL asks one file at a time.
    if desk.peer("openssl version").is_some() {
        assert_eq!(desk.run("openssl x509 -checkend 2592000 -noout -in soon.pem").code, 1);
        assert_eq!(desk.run("openssl x509 -checkend 2592000 -noout -in cert.pem").code, 0);
    }
}

#[test]
fn task_02_what_ends_first() {
    let desk = Desk::new();
    desk.with_one_that_ends();
    let said = &desk.task(2)[0].out;
    let rows: Vec<&str> = said.lines().skip(1).filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(rows[0], "soon", "{said}");
    assert!(rows.contains(&"www"), "{said}");
}

#[test]
fn task_03_those_of_a_ca_and_with_a_name() {
    let desk = Desk::new();
    desk.with_one_that_ends();
    let said = &desk.task(3)[0].out;
    let rows: Vec<&str> = said.lines().skip(1).filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(rows, ["soon"], "{said}");
}

#[test]
fn task_20_who_answers_for_a_host() {
    let desk = Desk::new();
    let said = &desk.task(20)[0].out;
    assert!(said.starts_with("www answers"), "{said}");
    assert_eq!(desk.run("strongroom why other.test").code, 3);
}

#[test]
fn task_21_who_else_has_the_name() {
    let desk = Desk::new();
    desk.issue("www.test", "second-");
    desk.sh("strongroom import twin second-fullchain.pem second-privkey.pem");
    let said = &desk.task(21)[0].out;
    assert!(said.contains("www") && said.contains("twin"), "{said}");
}

#[test]
fn task_22_why_a_client_says_unknown_ca() {
    let desk = Desk::new();
    let stranger = root("Unknown Root").issue_ca(ca_params("Unknown Issuing"));
    let key = KeyPair::generate().unwrap();
    let leaf = stranger.issue_leaf_for(&leaf_params("orphan.test"), &key);
    desk.write("orphan-cert.pem", &pem("CERTIFICATE", leaf.der()));
    desk.write("orphan.pem", &(desk.read("orphan-cert.pem") + &pem("PRIVATE KEY", &key.serialize_der())));
    desk.sh("strongroom import orphan orphan.pem --allow no_anchor");
    let runs = desk.task(22);
    assert!(runs[0].out.contains("CN=Unknown Issuing"), "{}", runs[0].out);
    assert!(
        runs[1].err.contains("error[no_anchor]") && runs[1].err.contains("CN=Unknown Issuing"),
        "{}",
        runs[1].err
    );
    // OpenSSL says that the issuer is missing, and not which one.
    if desk.peer("openssl version").is_some() {
        let theirs = desk.run("openssl verify -CAfile root.pem orphan-cert.pem");
        assert!(theirs.code != 0 && theirs.err.contains("error 20"), "{}", theirs.err);
        assert!(!theirs.err.contains("Unknown Issuing"));
    }
}

#[test]
fn task_23_whether_a_key_belongs_to_a_certificate() {
    let desk = Desk::new();
    let runs = desk.task(23);
    for said in [
        "  private key P-256 of privkey.pem\n    belongs to  certificate 1 of fullchain.pem\n",
        "    issued by   certificate 2 of fullchain.pem\n",
    ] {
        assert!(runs[0].out.contains(said), "{said}: {}", runs[0].out);
    }
    desk.issue("other.test", "other-");
    let wrong = desk.run("strongroom --json inspect fullchain.pem other-privkey.pem privkey.pem");
    assert_eq!(wrong.code, 7, "{}", wrong.out);
    let shown = &wrong.json()["result"]["together"];
    let place = |number: u32| serde_json::json!({ "file": "fullchain.pem", "number": number });
    assert_eq!(shown["keys"][0]["certificates"], serde_json::json!([]));
    assert_eq!(shown["keys"][1]["certificates"], serde_json::json!([place(1)]));
    assert_eq!(shown["certificates"][0]["issuer_certificate"], place(2));
    assert_eq!(wrong.json()["warnings"][0]["code"], "key_mismatch", "{}", wrong.out);
    let wrong = desk.run("strongroom import www fullchain.pem other-privkey.pem --dry-run");
    assert!(wrong.code == 7 && wrong.err.contains("error[key_mismatch]"), "{} {}", wrong.code, wrong.err);
    // What OpenSSL has for it: the public keys of both, to be compared by eye.
    if let Some(of_key) = desk.peer("openssl pkey -in privkey.pem -pubout") {
        assert_eq!(Some(&of_key), desk.peer("openssl x509 -in cert.pem -noout -pubkey").as_ref());
        assert_ne!(Some(of_key), desk.peer("openssl pkey -in other-privkey.pem -pubout"));
    }
}

#[test]
fn task_24_what_is_in_a_file() {
    let desk = Desk::new();
    let Some(_) = desk.peer(
        "openssl pkcs12 -export -inkey privkey.pem -in fullchain.pem -name www -passout env:P -out www.pfx",
    ) else {
        return;
    };
    let runs = desk.task(24);
    for part in ["CN=www.test", "CN=Issuing", "www"] {
        assert!(runs[0].out.contains(part), "{part}: {}", runs[0].out);
    }
    let shown = fine(&desk.run("strongroom --json inspect www.pfx --pass-in env:P"));
    let theirs = desk.peer("openssl x509 -in cert.pem -noout -fingerprint -sha256").unwrap();
    let theirs = theirs.trim().rsplit('=').next().unwrap().replace(':', "").to_lowercase();
    assert_eq!(shown["certificates"][0]["sha256"], theirs);
    let listed = desk.peer("openssl pkcs12 -in www.pfx -passin env:P -noout -info").unwrap();
    let iterations = shown["mac"]["iterations"].as_u64().unwrap();
    assert!(listed.contains(&format!("Iteration {iterations}")), "{listed}");
    if let Some(listed) = desk.peer("pk12util -l www.pfx -W changeit") {
        assert!(listed.contains("CN=www.test"), "{listed}");
    }
}

#[test]
fn task_25_who_can_open_a_file() {
    let desk = Desk::new();
    desk.sh("strongroom export www -o old.pfx --profile windows-2016 --pass-out env:P");
    let said = &desk.task(25)[0].out;
    assert!(said.contains("Windows Server 2016") && said.contains("FIPS mode"), "{said}");
    // Those of the list that are here do as it says.
    desk.peer("openssl pkcs12 -in old.pfx -passin env:P -noout");
    desk.peer("keytool -list -storepass:env P -keystore old.pfx");
    desk.peer("pk12util -l old.pfx -W changeit");
    desk.peer("certtool --p12-info --inder --password changeit --infile old.pfx");
}

#[test]
fn task_26_whether_a_server_sends_what_is_stored() {
    struct Server(Child);
    impl Drop for Server {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
    let desk = Desk::new();
    if desk.peer("openssl version").is_none() {
        return;
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = std::process::Command::new("openssl")
        .args([
            "s_server",
            "-quiet",
            "-accept",
            &port.to_string(),
            "-key",
            "privkey.pem",
            "-cert",
            "cert.pem",
        ])
        .args(["-cert_chain", "chain.pem"])
        .current_dir(desk.shop.folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let _server = Server(server.unwrap());
    let address = format!("127.0.0.1:{port}");
    for _ in 0..200 {
        if std::net::TcpStream::connect(&address).is_ok() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(25));
    }
    for (line, code) in super::task(26) {
        let line = line.replace("127.0.0.1:8443", &address);
        let run = desk.run(&line);
        assert_eq!(run.code, code, "{line}: {}{}", run.out, run.err);
    }
    desk.issue("www.test", "new-");
    desk.sh("strongroom import www new-fullchain.pem new-privkey.pem --replace");
    let former = desk.run(&format!("strongroom verify www --connect {address}"));
    assert!(former.code == 7 && former.err.contains("error[not_served]"), "{}", former.err);
}

#[test]
fn task_38_who_changed_what() {
    let desk = Desk::new();
    let runs = desk.task(38);
    let has = |words: [&str; 2]| runs[0].out.lines().any(|line| words.iter().all(|word| line.contains(word)));
    assert!(has(["import", "www"]) && has(["ca-import", "root"]), "{}", runs[0].out);
    assert!(runs[1].out.contains("1 (current)"), "{}", runs[1].out);
}

#[test]
fn task_39_the_log_of_one_entry() {
    let desk = Desk::new();
    let said = &desk.task(39)[0].out;
    assert!(said.contains("www") && !said.contains("ca-import"), "{said}");
}
