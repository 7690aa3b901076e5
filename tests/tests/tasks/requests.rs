//! Requests, replies, certificates of one's own.

use strongroom_tests::{armour::pem, command::fine};

use super::Desk;

impl Desk {
    /// The CA answers a request, as OpenSSL does it.
    fn answer(&self, request: &str, names: &str, to: &str) -> bool {
        self.write("issuing.key", &pem("PRIVATE KEY", &self.issuing.key().serialize_der()));
        self.write(
            "names.cnf",
            &format!("subjectAltName={names}\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n"),
        );
        self.peer(&format!(
            "openssl x509 -req -in {request} -CA issuing.pem -CAkey issuing.key -CAcreateserial -days 90 -extfile names.cnf -out {to}"
        ))
        .is_some()
    }
}

#[test]
fn task_27_a_request_with_names() {
    let desk = Desk::new();
    desk.task(27);
    if let Some(said) = desk.peer("openssl req -in api.csr -noout -verify -text") {
        for part in [
            "verify OK",
            "DNS:api.test",
            "IP Address:10.0.0.1",
            "CN = api.test",
            "TLS Web Server Authentication",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
    // keytool reads it as well.
    if let Some(said) = desk.peer("keytool -J-Duser.language=en -printcertreq -file api.csr") {
        assert!(said.contains("CN=api.test") && said.contains("DNSName: api.test"), "{said}");
    }
}

#[test]
fn task_28_install_the_reply() {
    let desk = Desk::new();
    desk.task(27);
    desk.sh("mkdir reply");
    if !desk.answer("api.csr", "DNS:api.test,IP:10.0.0.1", "reply/1-api.pem") {
        return;
    }
    desk.write("up.pem", &(desk.read("root.pem") + &desk.read("issuing.pem")));
    desk.peer("openssl crl2pkcs7 -nocrl -certfile up.pem -out reply/0-chain.p7b");
    desk.task(28);
    desk.sh("strongroom export api -o api.pem");
    let of_request = desk.peer("openssl req -in api.csr -noout -pubkey");
    assert_eq!(desk.peer("openssl pkey -in api.pem -pubout"), of_request);
    let served = desk.peer("openssl x509 -in api.pem -noout -fingerprint -sha256");
    assert_eq!(served, desk.peer("openssl x509 -in reply/1-api.pem -noout -fingerprint -sha256"));
}

#[test]
fn task_29_renew_with_a_new_key() {
    let desk = Desk::new();
    desk.task(29);
    let Some(said) = desk.peer("openssl req -in www.csr -noout -verify -text") else { return };
    assert!(
        said.contains("verify OK") && said.contains("DNS:www.test") && said.contains("CN = www.test"),
        "{said}"
    );
    assert_ne!(
        desk.peer("openssl req -in www.csr -noout -pubkey"),
        desk.peer("openssl pkey -in privkey.pem -pubout")
    );
    // The entry goes on as it is until the reply is there, and the former version stays.
    desk.holds("www", "cert.pem", "privkey.pem");
    assert!(desk.answer("www.csr", "DNS:www.test", "renewed.pem"));
    desk.sh("strongroom csr install www renewed.pem chain.pem");
    desk.sh("strongroom export www@1 -o former.pem");
    desk.same("former.pem", "cert.pem", "privkey.pem");
    let served = desk.sh("strongroom export www -o - --no-key --format pem --chain leaf");
    assert!(desk.read("renewed.pem").ends_with(&served), "{served}");
}

#[test]
fn task_30_a_self_signed_one() {
    let desk = Desk::new();
    let made = fine(&desk.run(&super::task(30)[0].0.replace("strongroom ", "strongroom --json ")));
    desk.sh("strongroom export test -o test.pem");
    if let Some(said) = desk.peer("openssl verify -CAfile test.pem test.pem") {
        assert!(said.contains("OK"), "{said}");
        let theirs = desk.peer("openssl x509 -in test.pem -noout -ext subjectAltName").unwrap();
        assert!(theirs.contains("DNS:test.test"), "{theirs}");
    }
    assert_eq!(made["alias"], "test");
}
