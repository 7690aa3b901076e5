//! Handshakes with live TLS against rustls's own resolver with one name, in memory, interleaved: `cargo xtask bench tls`.
//!
//! Prints medians and ratios of the time inside the server's side. `STRONGROOM_NAMES` gives the sizes, `1,1000,100000`
//! without it. From 10,000 names on an entry has 100 of them, so that a store is filled in bearable time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a benchmark panics to fail, reads its sizes and prints"
)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use common::{Issued, P256, Store, client, provider, rsa};
use rcgen::KeyPair;
use rustls::{
    ClientConfig, ClientConnection, ServerConfig, ServerConnection,
    server::{Acceptor, ResolvesServerCertUsingSni},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};
use strongroom::{UnixTime, keystore::CredentialRequest};
use strongroom_rustls::LiveTls;

/// Handshakes of each kind for one ratio.
const HANDSHAKES: usize = 400;
/// Names that are asked for, in turn.
const ASKED: usize = 200;
/// Entries of one transaction.
const BATCH: usize = 500;

fn name(n: usize) -> String {
    format!("host-{n}.fleet-{}.example.com", n % 97)
}

/// A store of so many names; what its first entry was made of.
fn filled(names: usize, key: impl Fn() -> KeyPair) -> (Store, Issued) {
    let store = Store::new();
    let each = if names >= 10_000 { 100 } else { 1 };
    let mut first = None;
    let mut requests = Vec::new();
    for entry in 0..names.div_ceil(each) {
        let of: Vec<String> = (entry * each..((entry + 1) * each).min(names)).map(name).collect();
        let of: Vec<&str> = of.iter().map(String::as_str).collect();
        let issued = store.ca.issue_for(&of, key(), (-1, 90));
        let alias = format!("entry-{entry}").parse().unwrap();
        requests.push(CredentialRequest::new(alias, issued.credential(), UnixTime::now()));
        first.get_or_insert(issued);
        if requests.len() == BATCH {
            store.keystore.import_credentials(std::mem::take(&mut requests), UnixTime::now()).unwrap();
        }
    }
    store.keystore.import_credentials(requests, UnixTime::now()).unwrap();
    (store, first.unwrap())
}

/// The configuration that rustls itself offers for one name, alike in all else.
fn peer(like: &ServerConfig, issued: &Issued) -> Arc<ServerConfig> {
    let mut resolver = ResolvesServerCertUsingSni::new();
    let key = CertifiedKey::from_der(issued.chain.clone(), issued.private_key(), &provider()).unwrap();
    resolver.add(&name(0), key).unwrap();
    let mut config = like.clone();
    config.cert_resolver = Arc::new(resolver);
    Arc::new(config)
}

/// The time inside the server's side of one handshake.
fn server_side(config: &Arc<ServerConfig>, client: &Arc<ClientConfig>, name: &str) -> Duration {
    let mut client = ClientConnection::new(Arc::clone(client), name.to_owned().try_into().unwrap()).unwrap();
    let begun = Instant::now();
    let mut server = ServerConnection::new(Arc::clone(config)).unwrap();
    let mut spent = begun.elapsed();
    while client.is_handshaking() || server.is_handshaking() {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).unwrap();
        }
        let mut answer = Vec::new();
        let begun = Instant::now();
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            server.read_tls(&mut rest).unwrap();
            server.process_new_packets().unwrap();
        }
        while server.wants_write() {
            server.write_tls(&mut answer).unwrap();
        }
        spent += begun.elapsed();
        let mut rest = answer.as_slice();
        while !rest.is_empty() {
            client.read_tls(&mut rest).unwrap();
            client.process_new_packets().unwrap();
        }
    }
    spent
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// What of the one-name resolver's rate is left: the peer's time by ours, pair by pair in one run.
fn ratio(
    ours: &Arc<ServerConfig>,
    theirs: &Arc<ServerConfig>,
    client: &Arc<ClientConfig>,
    names: &[String],
) -> (f64, Duration) {
    let (mut of_ours, mut of_theirs) = (Vec::new(), Vec::new());
    for n in 0..HANDSHAKES {
        of_theirs.push(server_side(theirs, client, &name(0)));
        of_ours.push(server_side(ours, client, &names[n % names.len()]));
    }
    let ours = median(of_ours);
    (median(of_theirs).as_secs_f64() / ours.as_secs_f64(), ours)
}

/// The time of choosing alone.
fn resolve(tls: &LiveTls, client: &Arc<ClientConfig>, names: &[String]) -> Duration {
    let resolver = tls.resolver();
    let times = (0..2_000).map(|n| {
        let mut hello = Vec::new();
        let name = names[n % names.len()].clone().try_into().unwrap();
        ClientConnection::new(Arc::clone(client), name).unwrap().write_tls(&mut hello).unwrap();
        let mut acceptor = Acceptor::default();
        acceptor.read_tls(&mut hello.as_slice()).unwrap();
        let accepted = acceptor.accept().unwrap().unwrap();
        let hello = accepted.client_hello();
        let begun = Instant::now();
        black_box(resolver.resolve(hello)).unwrap();
        begun.elapsed()
    });
    median(times.collect())
}

fn main() {
    let sizes = std::env::var("STRONGROOM_NAMES").unwrap_or_else(|_| "1,1000,100000".to_owned());
    let mut fresh = client();
    fresh.resumption = rustls::client::Resumption::disabled();
    let both = Arc::new(fresh);
    let of = |version| {
        let mut client = common::client_of(rustls::crypto::aws_lc_rs::default_provider(), &[version]);
        client.resumption = rustls::client::Resumption::disabled();
        Arc::new(client)
    };
    let (old, new) = (of(&TLS12), of(&TLS13));
    println!("handshakes a second, ours by rustls's resolver with one name; 1 is as many");
    for size in sizes.split(',').filter_map(|size| size.trim().parse::<usize>().ok()) {
        let (store, first) = filled(size, || KeyPair::generate_for(P256).unwrap());
        let begun = Instant::now();
        let tls = LiveTls::builder(store.reader(), provider()).build().unwrap();
        let returned = begun.elapsed();
        let names: Vec<String> = (0..ASKED.min(size)).map(|n| name(n * (size / ASKED.min(size)))).collect();
        black_box(server_side(&tls.server_config(), &both, &names[0]));
        let answered = begun.elapsed();
        assert!(tls.wait_ready(Duration::from_secs(600)));
        let ready = begun.elapsed();
        println!(
            "{size} names: built {returned:.0?}, first answer after {answered:.0?}, every name known after {ready:.0?}"
        );
        // Keys are warm.
        for name in &names {
            black_box(server_side(&tls.server_config(), &both, name));
        }
        let theirs = peer(&tls.server_config(), &first);
        for (version, client) in [("1.3", &new), ("1.2", &old)] {
            let (ratio, time) = ratio(&tls.server_config(), &theirs, client, &names);
            println!("  P-256 TLS {version}: {ratio:.3} ({:.0} us)", micros(time));
        }
        println!("  choosing: {:.2} us", micros(resolve(&tls, &both, &names)));
        let changes = (0..21).map(|n| {
            let of: Vec<String> = if size >= 10_000 { (0..100).map(name).collect() } else { vec![name(0)] };
            let of: Vec<&str> = of.iter().map(String::as_str).collect();
            common::import(&store.keystore, "entry-0", &store.ca.issue(&of, P256, (-1, 90 + n)));
            let begun = Instant::now();
            tls.reload_now().unwrap();
            begun.elapsed()
        });
        println!("  one entry changed, from wake-up to swap: {:.0} us", micros(median(changes.collect())));
        let cold = LiveTls::builder(store.reader(), provider()).memory(1 << 28, 1).build().unwrap();
        assert!(cold.wait_ready(Duration::from_secs(600)));
        if names.len() > 1 {
            // No more than one key stays open.
            let (ratio, _) = ratio(&cold.server_config(), &theirs, &new, &names[1..]);
            println!("  P-256 TLS 1.3, cold keys: {ratio:.2}");
        }
    }
    let (store, first) = filled(2, rsa);
    let tls = LiveTls::builder(store.reader(), provider()).build().unwrap();
    let theirs = peer(&tls.server_config(), &first);
    let (warm, time) = ratio(&tls.server_config(), &theirs, &new, &[name(0)]);
    println!("RSA-2048 TLS 1.3: {warm:.3} ({:.0} us)", micros(time));
    let cold = LiveTls::builder(store.reader(), provider()).memory(1 << 28, 1).build().unwrap();
    let (ratio, _) = ratio(&cold.server_config(), &theirs, &new, &[name(0), name(1)]);
    println!("RSA-2048 TLS 1.3, cold keys: {ratio:.2}");
}
