//! Bodies of those who have no token.

use std::{
    io::Write as _,
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

use strongroom_tests::https::{exchange, read};

use super::bystander::{IMPORT, Site, scale, stranger};

/// Just below the largest that is read.
const LENGTH: usize = 1_060_000;

#[test]
fn bodies_without_a_token_take_no_memory_from_others() {
    let (count, hold) = scale((500, 20), (120, 1));
    let site = Site::open();
    let https = &site.https;
    let mut held = Vec::new();
    site.during(|_: &AtomicBool| {
        let head = format!(
            "POST {IMPORT} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {LENGTH}\r\n\r\n"
        );
        // All but the last byte.
        let request = [head.into_bytes(), vec![b'a'; LENGTH - 1]].concat();
        for n in 0..count {
            if let Ok(mut stream) = https.connect(stranger(n)) {
                // A server that needs the memory may refuse it before all is sent.
                let _ = stream.write_all(&request);
                held.push(stream);
            }
        }
        std::thread::sleep(Duration::from_secs(hold));
    });
    assert!(held.len() > count / 2);
}

#[test]
fn token_that_is_not_good_is_refused_without_waiting_for_the_body() {
    let site = Site::open();
    let token = "0".repeat(64);
    let kinds = [
        (format!("{IMPORT}?f=json&token={token}"), String::new()),
        (format!("{IMPORT}?f=json"), format!("Authorization: Bearer {token}\r\n")),
        (format!("{IMPORT}?f=json"), format!("X-Esri-Authorization: Bearer {token}\r\n")),
    ];
    for (path, header) in kinds {
        let mut stream = site.https.connect(stranger(0)).unwrap();
        let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\n{header}Content-Length: 1000000\r\n\r\na=b");
        let begun = Instant::now();
        let reply = exchange(&mut stream, head.as_bytes()).unwrap();
        assert!(reply.body.starts_with("{\"error\":{\"code\":498,"), "{}", reply.body);
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        // A client that keeps connections would send its next request on one that is gone.
        assert!(reply.head.contains("\r\nconnection: close"), "{}", reply.head);
    }
}

#[test]
fn body_that_stops_is_answered_before_it_is_let_go() {
    let site = Site::open();
    let mut stream = site.https.connect(stranger(0)).unwrap();
    let head = format!("POST {IMPORT}?f=json HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\na=b");
    stream.write_all(head.as_bytes()).unwrap();
    let reply = read(&mut stream).unwrap();
    assert_eq!(
        reply.body,
        "{\"error\":{\"code\":408,\"message\":\"The request took too long\",\"details\":[]}}"
    );
}
