//! What the server says to requests that are none.

use std::io::{Read as _, Write as _};

use strongroom_tests::https::{Https, exchange};

use super::bystander::{OWNER, Site};

/// Headers of every answer, also of those that the HTTP library makes by itself.
const HEADERS: [&str; 3] = [
    "\r\nx-content-type-options: nosniff",
    "\r\ncache-control: no-store",
    "\r\ncontent-security-policy: default-src 'none'",
];

#[test]
fn requests_that_are_none_are_refused_with_all_headers() {
    let site = Site::open();
    let long = format!("GET / HTTP/1.1\r\nHost: x\r\nX-A: {}\r\n\r\n", "a".repeat(40_000));
    let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "X-A: b\r\n".repeat(200));
    let target = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(70_000));
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
        ("nonsense\r\n\r\n", 400),
        ("GET / HTTP/9.9\r\nHost: x\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: x\r\nX A: b\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (long.as_str(), 431),
        (many.as_str(), 431),
        (target.as_str(), 431),
    ] {
        let mut stream = site.https.connect(OWNER).unwrap();
        let shown = request.chars().take(60).collect::<String>();
        let reply =
            exchange(&mut stream, request.as_bytes()).unwrap_or_else(|error| panic!("{shown:?}: {error}"));
        assert_eq!(reply.status, status, "{shown:?}: {}", reply.head);
        for header in HEADERS {
            assert!(reply.head.contains(header), "{shown:?}: {}", reply.head);
        }
        assert!(reply.head.contains("\r\nconnection: close"), "{shown:?}: {}", reply.head);
        assert!(!reply.body.is_empty(), "{shown:?}");
    }
}

#[test]
fn a_client_that_still_sends_gets_its_refusal_all_the_same() {
    let site = Site::open();
    let head = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(70_000));
    let body = format!(
        "POST /arcgis/portaladmin/machines/x/sslCertificates/importExistingServerCertificate?f=json HTTP/1.1\r\n\
         Host: x\r\nContent-Type: text/plain\r\nContent-Length: 400000\r\n\r\n{}",
        "a".repeat(400_000)
    );
    for _ in 0..40 {
        for request in [&head, &body] {
            let mut stream = site.https.connect(OWNER).unwrap();
            let reply = exchange(&mut stream, request.as_bytes());
            let reply = reply.unwrap_or_else(|error| panic!("{:?}: {error}", &request[..20]));
            assert_eq!(reply.status, if request == &head { 431 } else { 200 }, "{}", reply.head);
            assert!(!reply.body.is_empty(), "{}", reply.head);
        }
    }
}

#[test]
fn http_2_is_neither_offered_nor_spoken() {
    let site = Site::open();
    let both = Https::offering(site.server.socket(), &["h2", "http/1.1"]);
    let stream = both.connect(OWNER).unwrap();
    assert_eq!(stream.conn.alpn_protocol(), Some(b"http/1.1".as_slice()));
    let alone = Https::offering(site.server.socket(), &["h2"]);
    assert!(alone.connect(OWNER).is_err(), "no protocol in common");
    let mut stream = site.https.connect(OWNER).unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"\0"), "no frame of HTTP/2: {answer:?}");
}
