//! The examples, as they stand: each serves, a renewal by another process is seen in time, and no handshake fails around it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test panics to fail, and says what it saw"
)]

#[path = "../../crates/rustls/tests/common/mod.rs"]
mod common;

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use common::{Issued, P256, Store, client_of, eventually, import};
use rustls::{ClientConfig, ClientConnection, StreamOwned, pki_types::CertificateDer};

/// A running example. It ends with this value.
struct Example {
    child: Child,
    address: SocketAddr,
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start(name: &str, store: &Store, more: &[String]) -> Example {
    let path = match name {
        "actix_web" => env!("CARGO_BIN_EXE_actix_web"),
        "axum" => env!("CARGO_BIN_EXE_axum"),
        "hyper" => env!("CARGO_BIN_EXE_hyper"),
        "proxy" => env!("CARGO_BIN_EXE_proxy"),
        "tokio_rustls" => env!("CARGO_BIN_EXE_tokio_rustls"),
        _ => env!("CARGO_BIN_EXE_tonic"),
    };
    let mut command = Command::new(path);
    command.arg(store.path()).arg(store.key_file()).arg("127.0.0.1:0").args(more);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("{name} says {line:?}"));
    Example { child, address: address.parse().unwrap() }
}

fn client(alpn: &[&str]) -> ClientConfig {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let mut client = client_of(provider, &[&rustls::version::TLS13, &rustls::version::TLS12]);
    client.alpn_protocols = alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    client.resumption = rustls::client::Resumption::disabled();
    client
}

/// The leaf that a server sends.
fn leaf(
    address: SocketAddr,
    client: &Arc<ClientConfig>,
    name: &str,
) -> std::io::Result<CertificateDer<'static>> {
    let mut tcp = TcpStream::connect(address)?;
    tcp.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut tls = ClientConnection::new(Arc::clone(client), name.to_owned().try_into().unwrap()).unwrap();
    tls.complete_io(&mut tcp)?;
    Ok(tls.peer_certificates().unwrap()[0].clone().into_owned())
}

fn get(address: SocketAddr, name: &str) -> String {
    let tcp = TcpStream::connect(address).unwrap();
    let tls =
        ClientConnection::new(Arc::new(client(&["http/1.1"])), name.to_owned().try_into().unwrap()).unwrap();
    let mut stream = StreamOwned::new(tls, tcp);
    let request = format!("GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // A server may close without a word.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn store() -> (Store, CertificateDer<'static>) {
    let store = Store::new();
    let leaf = store.entry("www", &["www.example.com"]);
    (store, leaf)
}

#[test]
fn each_framework_serves_what_the_store_holds() {
    let (store, first) = store();
    for name in ["axum", "tokio_rustls", "hyper", "actix_web"] {
        let example = start(name, &store, &[]);
        let said = get(example.address, "www.example.com");
        assert!(
            said.starts_with("HTTP/1.") && said.contains(&format!("hello from {}", name.replace('_', "-"))),
            "{name}: {said}"
        );
        assert_eq!(
            leaf(example.address, &Arc::new(client(&[])), "www.example.com").unwrap(),
            first,
            "{name}"
        );
    }
}

#[test]
fn grpc_is_for_clients_under_the_stores_cas_alone() {
    let (store, _) = store();
    let example = start("tonic", &store, &[]);
    let shake = |of: Option<&Issued>| {
        let mut client = client(&["h2"]);
        if let Some(of) = of {
            let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&of.private_key()).unwrap();
            let key = rustls::sign::CertifiedKey::new(of.chain.clone(), key);
            client.client_auth_cert_resolver = Arc::new(rustls::sign::SingleCertAndKey::from(key));
        }
        let tcp = TcpStream::connect(example.address).unwrap();
        tcp.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let tls = ClientConnection::new(Arc::new(client), "www.example.com".try_into().unwrap()).unwrap();
        let mut stream = StreamOwned::new(tls, tcp);
        // The preface of HTTP/2 and empty SETTINGS; a server that lets the client in answers with its own.
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").ok()?;
        let mut head = [0; 9];
        stream.read_exact(&mut head).ok()?;
        Some(head[3])
    };
    let settings = Some(4);
    assert_eq!(shake(Some(&store.ca.issue(&["client.example.com"], P256, (-1, 90)))), settings);
    assert_eq!(shake(None), None);
    let strangers = common::Ca::new("Strangers");
    assert_eq!(shake(Some(&strangers.issue(&["client.example.com"], P256, (-1, 90)))), None);
}

#[test]
fn a_proxy_serves_a_fleet_and_each_new_host() {
    let (store, _) = store();
    let backend = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = backend.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in backend.incoming().flatten() {
            let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            // All of it is read: whoever closes before that resets the connection.
            let request: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            let host = request.iter().find_map(|line| line.strip_prefix("Host: ")).unwrap_or_default();
            let _ = write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nbackend of {host}\n");
        }
    });
    let hosts = ["www.example.com", "shop.example.com"].map(|host| format!("{host}={to}"));
    let example = start("proxy", &store, &hosts);
    assert!(get(example.address, "www.example.com").contains("backend of www.example.com"));
    assert!(leaf(example.address, &Arc::new(client(&[])), "shop.example.com").is_err());
    store.entry("shop", &["shop.example.com"]);
    eventually("the new host is served", || {
        leaf(example.address, &Arc::new(client(&[])), "shop.example.com").is_ok()
    });
    assert!(get(example.address, "shop.example.com").contains("backend of shop.example.com"));
}

/// The leaf that openssl sees; nothing where openssl is missing.
fn openssl_leaf(address: SocketAddr) -> Option<Vec<u8>> {
    let output = Command::new("openssl")
        .args(["s_client", "-connect", &address.to_string(), "-servername", "www.example.com"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let Ok(output) = output else {
        eprintln!("skipped: openssl is not installed");
        return None;
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let from = text.find("-----BEGIN CERTIFICATE-----")?;
    let to = text.find("-----END CERTIFICATE-----")? + "-----END CERTIFICATE-----".len();
    use rustls::pki_types::pem::PemObject as _;
    Some(CertificateDer::from_pem_slice(&text.as_bytes()[from..to]).unwrap().to_vec())
}

#[test]
fn a_renewal_by_another_process_is_seen_in_time_and_no_handshake_fails_around_it() {
    let (store, first) = store();
    let example = start("axum", &store, &[]);
    let address = example.address;
    let wanted: u32 = 10_000;
    let (done, renewed_seen) = (AtomicBool::new(false), AtomicBool::new(false));
    let renewed = store.ca.issue(&["www.example.com"], P256, (-1, 90));
    let renewed_leaf = renewed.leaf();
    std::thread::scope(|scope| {
        let (done, renewed_seen, first, renewed_leaf) = (&done, &renewed_seen, &first, &renewed_leaf);
        let running: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(move || {
                    let client = Arc::new(client(&["http/1.1"]));
                    let mut count = 0_u32;
                    while !done.load(Ordering::Relaxed) || count < wanted / 2 {
                        let met = leaf(address, &client, "www.example.com").expect("no handshake fails");
                        assert!(met == *first || met == *renewed_leaf);
                        renewed_seen.fetch_or(met == *renewed_leaf, Ordering::Relaxed);
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(500));
        // This process is another one than the server's.
        import(&store.writer(), "www", &renewed);
        let imported = Instant::now();
        if let Some(mut seen) = openssl_leaf(address) {
            while seen != *renewed.leaf() {
                assert!(imported.elapsed() < Duration::from_secs(5), "openssl still sees the former one");
                seen = openssl_leaf(address).unwrap();
            }
            println!("openssl sees the renewal {:?} after the import", imported.elapsed());
        }
        done.store(true, Ordering::Relaxed);
        let count: u32 = running.into_iter().map(|thread| thread.join().unwrap()).sum();
        println!("{count} handshakes around the swap, none failed");
        assert!(count >= wanted);
    });
    assert!(renewed_seen.load(Ordering::Relaxed));
}
