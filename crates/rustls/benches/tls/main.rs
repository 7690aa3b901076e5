//! Handshakes with live TLS against rustls's own resolver, in memory, interleaved, and against nginx over TCP: `cargo xtask
//! bench tls`.
//!
//! Prints medians and ratios of the time inside the server's side. `STRONGROOM_NAMES` gives the sizes, `1,1000,100000`
//! without it; 0 leaves them out. From 10,000 names on an entry has 100 of them, so that a store is filled in bearable time.
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

#[path = "../../tests/common/mod.rs"]
mod common;
mod nginx;
mod tail;

use std::{
    hint::black_box,
    sync::{Arc, Mutex, OnceLock},
    time::{Duration, Instant},
};

use common::{Issued, P256, Store, provider, rsa};
use rcgen::KeyPair;
use rustls::{
    ClientConfig, ClientConnection, ServerConfig, ServerConnection, SupportedProtocolVersion,
    server::{Acceptor, ClientHello, ResolvesServerCert, ResolvesServerCertUsingSni},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};
use strongroom::{
    Alias, UnixTime,
    keystore::{CredentialRequest, NameDigest, NameSink},
};
use strongroom_rustls::LiveTls;

/// Handshakes of each kind for one ratio.
const HANDSHAKES: usize = 2_000;
/// Names that are asked for, in turn.
const ASKED: usize = 200;
/// Entries that the peer has as well, at most, if not all are asked for.
const KEPT: usize = 1_000;
/// RSA keys of a thousand certificates.
const RSA_KEYS: usize = 20;
/// Entries of one transaction.
const BATCH: usize = 10_000;

fn name(n: usize) -> String {
    format!("host-{n}.fleet-{}.example.com", n % 97)
}

/// Names of an entry, in a store of so many.
fn each(names: usize) -> usize {
    if names >= 10_000 { 100 } else { 1 }
}

/// The names that are asked for, of so many: from the first to the last.
fn asked(names: usize) -> Vec<usize> {
    let count = ASKED.min(names);
    (0..count).map(|n| n * (names / count)).collect()
}

/// A store of so many names, and what up to [`KEPT`] of its entries were made of, each with a name: those among them whose
/// names are asked for, and as many as there is room for.
fn filled(names: usize, key: impl Fn() -> KeyPair) -> (Store, Vec<(String, Issued)>) {
    let store = Store::new();
    let each = each(names);
    let mut wanted = asked(names).into_iter().peekable();
    let mut kept = Vec::new();
    let mut requests = Vec::new();
    for entry in 0..names.div_ceil(each) {
        let of: Vec<String> = (entry * each..((entry + 1) * each).min(names)).map(name).collect();
        let of: Vec<&str> = of.iter().map(String::as_str).collect();
        let issued = store.ca.issue_for(&of, key(), (-1, 90));
        let alias = format!("entry-{entry}").parse().unwrap();
        requests.push(CredentialRequest::new(alias, issued.credential(), UnixTime::now()));
        let asked = wanted.next_if(|name| name / each == entry);
        while wanted.next_if(|name| name / each == entry).is_some() {}
        if asked.is_some() || names.div_ceil(each) <= KEPT {
            kept.push((name(asked.unwrap_or(entry * each)), issued));
        }
        if requests.len() == BATCH {
            store.keystore.import_credentials(std::mem::take(&mut requests), UnixTime::now()).unwrap();
        }
    }
    store.keystore.import_credentials(requests, UnixTime::now()).unwrap();
    (store, kept)
}

/// The configuration that rustls itself offers for these names, alike in all else.
fn peer(like: &ServerConfig, entries: &[(String, Issued)]) -> Arc<ServerConfig> {
    let mut resolver = ResolvesServerCertUsingSni::new();
    for (name, issued) in entries {
        let key = CertifiedKey::from_der(issued.chain.clone(), issued.private_key(), &provider()).unwrap();
        resolver.add(name, key).unwrap();
    }
    let mut config = like.clone();
    config.cert_resolver = Arc::new(resolver);
    Arc::new(config)
}

/// A clock: the one on the wall, or the processor time of this thread.
type Clock = fn() -> Duration;

fn wall() -> Duration {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    BEGAN.get_or_init(Instant::now).elapsed()
}

fn processor() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.try_into().unwrap(), now.tv_nsec.try_into().unwrap())
}

/// The time inside the server's side of one handshake.
fn server_side(config: &Arc<ServerConfig>, client: &Arc<ClientConfig>, name: &str, clock: Clock) -> Duration {
    let mut client = ClientConnection::new(Arc::clone(client), name.to_owned().try_into().unwrap()).unwrap();
    let begun = clock();
    let mut server = ServerConnection::new(Arc::clone(config)).unwrap();
    let mut spent = clock() - begun;
    while client.is_handshaking() || server.is_handshaking() {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).unwrap();
        }
        let mut answer = Vec::new();
        let begun = clock();
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            server.read_tls(&mut rest).unwrap();
            server.process_new_packets().unwrap();
        }
        while server.wants_write() {
            server.write_tls(&mut answer).unwrap();
        }
        spent += clock() - begun;
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

/// What of a peer's rate is left: its time by ours, handshake by handshake in one run, and ours.
fn ratio(
    ours: &Arc<ServerConfig>,
    theirs: &Arc<ServerConfig>,
    client: &Arc<ClientConfig>,
    names: &[String],
    of_peer: &[String],
) -> (f64, Duration) {
    let (mut of_ours, mut of_theirs) = (Vec::new(), Vec::new());
    for n in 0..HANDSHAKES {
        of_theirs.push(server_side(theirs, client, &of_peer[n % of_peer.len()], wall));
        // Not the one whose key the peer has just brought into the cache.
        of_ours.push(server_side(ours, client, &names[(n + names.len() / 2) % names.len()], wall));
    }
    let ours = median(of_ours);
    (median(of_theirs).as_secs_f64() / ours.as_secs_f64(), ours)
}

/// Names of so many, at random: what is chosen for one after the other has no line of the cache in common.
fn at_random(names: usize) -> impl FnMut() -> String {
    let mut state = 88_172_645_463_325_252_u64;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        name(usize::try_from(state >> 16).unwrap() % names)
    }
}

/// The time of choosing alone.
fn resolve(
    resolver: &dyn ResolvesServerCert,
    client: &Arc<ClientConfig>,
    mut names: impl FnMut() -> String,
) -> Duration {
    let times = (0..4_000).map(|_| {
        let mut hello = Vec::new();
        let name = names().try_into().unwrap();
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

/// Another resolver, with the time that it takes in each handshake.
#[derive(Debug)]
struct Timed {
    inner: Arc<dyn ResolvesServerCert>,
    times: Mutex<Vec<Duration>>,
}

impl ResolvesServerCert for Timed {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let begun = Instant::now();
        let chosen = self.inner.resolve(hello);
        let spent = begun.elapsed();
        self.times.lock().unwrap().push(spent);
        chosen
    }
}

/// The time of choosing inside of whole handshakes, which leave little of it in the processor's caches: ours and theirs.
fn inside(
    [ours, theirs]: [&Arc<ServerConfig>; 2],
    client: &Arc<ClientConfig>,
    [names, of_peer]: [&[String]; 2],
) -> [Duration; 2] {
    let timed = |config: &ServerConfig| {
        let (inner, mut config) = (Arc::clone(&config.cert_resolver), config.clone());
        let timed = Arc::new(Timed { inner, times: Mutex::default() });
        config.cert_resolver = timed.clone();
        (timed, Arc::new(config))
    };
    let ((of_ours, ours), (of_theirs, theirs)) = (timed(ours), timed(theirs));
    for n in 0..HANDSHAKES {
        server_side(&theirs, client, &of_peer[n % of_peer.len()], wall);
        server_side(&ours, client, &names[(n + names.len() / 2) % names.len()], wall);
    }
    [of_ours, of_theirs].map(|timed| median(std::mem::take(&mut *timed.times.lock().unwrap())))
}

/// A client without resumption, of these versions.
fn fresh(versions: &[&'static SupportedProtocolVersion]) -> Arc<ClientConfig> {
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    // The exchange is no part of the question, and what every server has.
    provider.kx_groups = vec![rustls::crypto::aws_lc_rs::kx_group::X25519];
    let mut client = common::client_of(provider, versions);
    client.resumption = rustls::client::Resumption::disabled();
    Arc::new(client)
}

fn of_size(size: usize, old: &Arc<ClientConfig>, new: &Arc<ClientConfig>) {
    let begun = Instant::now();
    let (store, entries) = filled(size, || KeyPair::generate_for(P256).unwrap());
    println!("{size} names in {} entries, stored in {:.0?}", size.div_ceil(each(size)), begun.elapsed());
    let names: Vec<String> = asked(size).into_iter().map(name).collect();
    let reader = store.reader();
    let begun = Instant::now();
    let mut read = Counted(0);
    reader.served_names(&mut read).unwrap();
    let proved = begun.elapsed();
    assert_eq!(read.0, size);
    let begun = Instant::now();
    let tls = LiveTls::builder(reader, provider()).build().unwrap();
    let returned = begun.elapsed();
    black_box(server_side(&tls.server_config(), new, &names[0], wall));
    let answered = begun.elapsed();
    assert!(tls.wait_ready(Duration::from_secs(600)));
    let ready = begun.elapsed();
    println!("  built {returned:.0?}, first answer after {answered:.0?}, every name known after {ready:.0?}");
    println!("  of which the proved read of all names: {proved:.0?}");
    // Keys are warm.
    for name in &names {
        black_box(server_side(&tls.server_config(), new, name, wall));
    }
    let ours = tls.server_config();
    let one = peer(&ours, &entries[..1]);
    let same = peer(&ours, &entries);
    let of_one = [entries[0].0.clone()];
    let has = |wanted: &&String| entries.iter().any(|(name, _)| name == *wanted);
    let of_same: Vec<String> = names.iter().filter(has).cloned().collect();
    for (version, client) in [("1.3", new), ("1.2", old)] {
        let (by_one, time) = ratio(&ours, &one, client, &names, &of_one);
        let (by_same, _) = ratio(&ours, &same, client, &names, &of_same);
        let (itself, _) = ratio(&same, &one, client, &of_same, &of_one);
        println!(
            "  P-256 TLS {version}: {by_one:.3} of its rate with one name, {by_same:.3} with {} entries ({:.0} us); its own with them {itself:.3}",
            entries.len(),
            micros(time)
        );
    }
    let mut turn = names.iter().cycle();
    let resolver = tls.resolver();
    let in_turn = resolve(&*resolver, new, || turn.next().unwrap().clone());
    let mut turn = of_same.iter().cycle();
    let of_peer = resolve(&*same.cert_resolver, new, || turn.next().unwrap().clone());
    // Every entry is in memory.
    let mut first = (0..size).step_by(each(size)).map(name).cycle();
    for _ in 0..size.div_ceil(each(size)).div_ceil(4_000) {
        resolve(&*resolver, new, || first.next().unwrap());
    }
    let random = resolve(&*resolver, new, at_random(size));
    println!(
        "  choosing: {:.2} us for the {} names in turn (its own {:.2}), {:.2} for any at random",
        micros(in_turn),
        names.len(),
        micros(of_peer),
        micros(random)
    );
    let [of_ours, of_theirs] = inside([&ours, &same], new, [&names, &of_same]);
    println!(
        "  choosing, inside of handshakes: {:.2} us (its own {:.2})",
        micros(of_ours),
        micros(of_theirs)
    );
    let changes = (0..21).map(|n| {
        let of: Vec<String> = (0..each(size)).map(name).collect();
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
        let (ratio, _) = ratio(&cold.server_config(), &one, new, &names[1..], &of_one);
        println!("  P-256 TLS 1.3, cold keys: {ratio:.2}");
    }
}

/// Counts names.
struct Counted(usize);

impl NameSink for Counted {
    fn begin(&mut self) {
        self.0 = 0;
    }

    fn name(&mut self, _: &NameDigest, _: &str) {
        self.0 += 1;
    }

    fn bound(&mut self, _: &str, _: &Alias) {}
}

fn main() {
    let sizes = std::env::var("STRONGROOM_NAMES").unwrap_or_else(|_| "1,1000,100000".to_owned());
    let (old, new) = (fresh(&[&TLS12]), fresh(&[&TLS13]));
    println!("handshakes a second of ours by those of rustls's ResolvesServerCertUsingSni; 1 is as many");
    for size in sizes.split(',').filter_map(|size| size.trim().parse::<usize>().ok()).filter(|size| *size > 0)
    {
        of_size(size, &old, &new);
    }
    let (store, entries) = filled(2, rsa);
    let tls = LiveTls::builder(store.reader(), provider()).build().unwrap();
    let theirs = peer(&tls.server_config(), &entries[..1]);
    let of_one = [name(0)];
    let (warm, time) = ratio(&tls.server_config(), &theirs, &new, &of_one, &of_one);
    println!("RSA-2048 TLS 1.3: {warm:.3} ({:.0} us)", micros(time));
    let cold = LiveTls::builder(store.reader(), provider()).memory(1 << 28, 1).build().unwrap();
    let (ratio, _) = ratio(&cold.server_config(), &theirs, &new, &[name(0), name(1)], &of_one);
    println!("RSA-2048 TLS 1.3, cold keys: {ratio:.2}");
    tail::beside_reload(&new);
    nginx::compare(&new, "P-256", || KeyPair::generate_for(P256).unwrap());
    // To make a thousand RSA keys would take minutes.
    let keys: Vec<Vec<u8>> = (0..RSA_KEYS).map(|_| rsa().serialize_der()).collect();
    let mut keys = keys.iter().cycle();
    nginx::compare(&new, "RSA-2048", || KeyPair::try_from(keys.next().unwrap().as_slice()).unwrap());
}
