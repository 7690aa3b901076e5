//! `check --connect`: what servers send, beside what the store has.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Barrier},
    thread,
};

use strongroom_tests::server::Server;

use super::*;

/// A port at which nobody listens.
fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("127.0.0.1:{}", listener.local_addr().unwrap().port())
}

#[test]
fn what_is_served_counts_in_every_format() {
    let shop = shop();
    let server = Server::start_with(&shop, |command| {
        command.args(["--alias", "fine"]);
    });
    let host = server.socket().to_string();
    let run = shop.run(["check", "fine", "--connect", &host]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(run.out.ends_with(&format!("{host} serves fine version 1 with its chain\n")), "{}", run.out);
    let good = shop.json(["check", "fine", "--connect", &host]);
    let good = &result(&good, 0)["served"][0];
    assert_eq!(
        (&good["outcome"], &good["alias"], &good["message"]),
        (&"served".into(), &"fine".into(), &Value::Null)
    );

    // Another entry than the one that is served, and a server that is not there.
    let nobody = closed_port();
    let asked = ["check", "short", "--connect", &host, "--connect", &nobody];
    let bad = result(&shop.json(asked), 11);
    let outcomes: Vec<&str> =
        bad["served"].as_array().unwrap().iter().map(|server| server["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["not_served", "cannot_connect"]);
    assert_eq!((bad["counts"]["not_served"].as_u64(), bad["counts"]["ok"].as_u64()), (Some(2), Some(1)));
    let text = shop.run(asked);
    assert_eq!(text.code, 11);
    let line =
        format!("{host} does not serve short: the server sends another certificate: CN=fine.test (SHA-256 ");
    assert!(text.out.contains(&line), "{}", text.out);
    let silent = format!("\nno handshake with {nobody}: Connection refused");
    assert!(text.out.contains(&silent), "{}", text.out);
    assert!(text.out.ends_with(", so whether it serves short is not known\n"), "{}", text.out);

    let nagios = shop.run([asked.as_slice(), &["--format", "nagios"]].concat());
    assert_eq!(nagios.code, 2);
    let begins = format!(
        "STRONGROOM CRITICAL - 0 of 1 need attention, not served: short at {host}, short at {nobody} | "
    );
    assert!(nagios.out.starts_with(&begins) && nagios.out.ends_with(" not_served=2\n"), "{}", nagios.out);
    let nagios = shop.run(["check", "fine", "--connect", &host, "--format", "nagios"]);
    assert_eq!(nagios.code, 0);
    assert!(nagios.out.ends_with(" not_served=0\n"), "{}", nagios.out);

    let metrics = shop.run([asked.as_slice(), &["--format", "openmetrics"]].concat());
    assert_eq!(metrics.code, 11);
    let port = host.rsplit(':').next().unwrap();
    let sample = format!("strongroom_served{{alias=\"short\",host=\"127.0.0.1\",port=\"{port}\"}} 0\n");
    assert!(metrics.out.contains(&sample), "{}", metrics.out);
    assert!(metrics.out.contains("# TYPE strongroom_served gauge\n"));
}

#[test]
fn without_one_entry_the_one_that_answers_for_the_name_is_meant() {
    let shop = Shop::open();
    let root = ca("Root", None, 3000);
    import_ca(&shop, "root", &root);
    for (alias, host) in [("here", "localhost"), ("there", "there.test")] {
        let key = KeyPair::generate().unwrap();
        dated::import(&shop, alias, &root, &leaf(host, -30, 300), &key, &[]);
    }
    let server = Server::start_with(&shop, |command| {
        command.args(["--alias", "here"]);
    });
    let host = format!("localhost:{}", server.socket().port());
    let served = |run: &Run| result(run, 0)["served"][0]["alias"].clone();
    assert_eq!(served(&shop.json(["check", "--connect", &host])), "here");
    assert_eq!(served(&shop.json(["check", "here", "there", "--connect", &host])), "here");
    let run = shop.json(["check", "--connect", "unknown.test:9"]);
    assert_eq!(
        (run.code, run.error_code().as_str(), run.json()["error"]["help"].as_str()),
        (3, "nobody_answers", Some("name the one entry that the server should send, before --connect"))
    );
    let run = shop.json(["check", "root", "--connect", &host]);
    assert_eq!((run.code, run.error_code().as_str()), (2, "not_a_server_entry"));
    // A renewal that the store has, and the server has not.
    drop(server);
    let run = shop.json(["check", "--connect", &host]);
    assert_eq!(result(&run, 11)["served"][0]["outcome"], "cannot_connect");
}

#[test]
fn servers_are_asked_at_the_same_time() {
    const SERVERS: usize = 12;
    let shop = shop();
    // None of them ends a connection before all have one.
    let all = Arc::new(Barrier::new(SERVERS));
    let mut asked = vec!["check".to_owned(), "fine".to_owned()];
    for _ in 0..SERVERS {
        let (listener, all) = (TcpListener::bind("127.0.0.1:0").unwrap(), Arc::clone(&all));
        asked.extend(["--connect".to_owned(), listener.local_addr().unwrap().to_string()]);
        thread::spawn(move || {
            let connection = listener.accept();
            all.wait();
            drop(connection);
        });
    }
    let answered = result(&shop.json(asked.iter().map(String::as_str)), 11);
    let served = answered["served"].as_array().unwrap();
    let places = served.iter().map(|server| format!("127.0.0.1:{}", server["port"]));
    assert!(places.eq(asked.iter().skip(3).step_by(2).cloned()), "in the order of the call: {served:?}");
    for server in served {
        let message = server["message"].as_str().unwrap();
        assert!(server["outcome"] == "cannot_connect" && !message.contains("too long"), "{message}");
    }
}

/// Begins as POP3 does, and then is what listens at `behind`; for so many connections.
fn pop3(behind: SocketAddr, connections: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for connection in listener.incoming().take(connections) {
            let mut client = connection.unwrap();
            client.write_all(b"+OK ready\r\n").unwrap();
            let mut said = [0; 6];
            client.read_exact(&mut said).unwrap();
            assert_eq!(said, *b"STLS\r\n");
            client.write_all(b"+OK begin\r\n").unwrap();
            let server = TcpStream::connect(behind).unwrap();
            let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || io::copy(&mut from, &mut to));
            let _ = io::copy(&mut &server, &mut client);
        }
    });
    address
}

#[test]
fn servers_that_begin_without_tls_are_asked_for_it() {
    let shop = shop();
    let server = Server::start_with(&shop, |command| {
        command.args(["--alias", "fine"]);
    });
    let host = pop3(server.socket(), 2).to_string();
    let asked = ["check", "fine", "--connect", &host, "--connect", &host, "--starttls", "pop3"];
    let run = shop.json(asked);
    let served = &result(&run, 0)["served"];
    assert_eq!(
        (&served[0]["outcome"], &served[1]["outcome"]),
        (&"served".into(), &"served".into()),
        "{}",
        run.out
    );
    let alone = shop.run(["check", "--starttls", "pop3"]);
    assert!(alone.code == 2 && alone.err.contains("--connect <HOST>"), "{}", alone.err);
}
