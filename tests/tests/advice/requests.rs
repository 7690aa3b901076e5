//! Advice about certificate signing requests, and the replies to them.

use std::fs;

use super::{Desk, program};

#[test]
fn requests_are_made_and_answered_as_the_help_says() {
    let desk = Desk::with_roots();
    let start = "strongroom --store";
    desk.works(&["csr", "www", "--name", "www.test", "-o", "www.csr"]);
    let again = ["csr", "www", "--name", "www.test", "-o", "new.csr"];
    let help = desk.help("request_pending", &again);
    let shown = desk.follow(&help, start, &[]);
    assert_eq!(shown.out, fs::read_to_string(desk.path("www.csr")).unwrap());
    desk.again("request_pending", &again, &[]);

    // A CA of OpenSSL's answers the request of another alias.
    program(
        &desk,
        "openssl",
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=Desk -days 9",
    );
    desk.works(&["ca", "import", "desk", "ca.pem"]);
    program(
        &desk,
        "openssl",
        "x509 -req -in new.csr -CA ca.pem -CAkey ca.key -days 9 -copy_extensions copyall -out reply.pem",
    );
    let help = desk.help("wrong_request", &["csr", "install", "shop", "reply.pem"]);
    assert!(help.ends_with("csr install www reply.pem"), "{help}");
    let installed = desk.follow(&help, start, &[]);
    assert!(installed.out.starts_with("installed www"), "{}", installed.out);
    let help = desk.help("request_not_found", &["csr", "install", "shop", "root-ec.pem"]);
    desk.follow(&help, start, &[]);
    let help = desk.help("reply_with_key", &["csr", "install", "www", "two.p12"]);
    assert!(help.contains("import ALIAS FILE"), "{help}");

    // The reply brings its CA with it.
    program(
        &desk,
        "openssl",
        "req -x509 -newkey rsa:2048 -nodes -keyout far.key -out far.pem -subj /CN=Far -days 9",
    );
    desk.works(&["csr", "far", "--name", "far.test", "-o", "far.csr"]);
    program(
        &desk,
        "openssl",
        "x509 -req -in far.csr -CA far.pem -CAkey far.key -days 9 -copy_extensions copyall -out far-reply.pem",
    );
    let help = desk.help("no_anchor", &["csr", "install", "far", "far-reply.pem", "far.pem", "--yes"]);
    assert!(help.contains("csr install far far-reply.pem far.pem --with-embedded-ca"), "{help}");
    desk.works(&["csr", "install", "far", "far-reply.pem", "far.pem", "--with-embedded-ca", "--yes"]);

    // A subject that is not written here.
    program(
        &desk,
        "openssl",
        "req -x509 -newkey rsa:2048 -nodes -keyout odd.key -out odd.pem -subj /OU=a/OU=b/CN=odd.test -addext subjectAltName=DNS:odd.test -days 9 -addext basicConstraints=critical,CA:false",
    );
    desk.works(&["import", "odd", "odd.pem", "odd.key"]);
    let names = [("CN=NAME", "CN=odd.test"), ("NAME", "odd.test")];
    desk.again("invalid_subject", &["csr", "odd", "--like", "odd", "-o", "odd.csr"], &names);
}
