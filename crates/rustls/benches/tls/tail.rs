//! The slowest handshakes, with a reload beside them and without.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use rcgen::KeyPair;
use rustls::ClientConfig;
use strongroom_rustls::LiveTls;

use crate::{
    common::{self, P256, Store, provider},
    filled, micros, name, processor, server_side,
};

/// Names of the store, each with an entry of its own.
const NAMES: usize = 1_000;
/// Handshakes of one figure, and how many pairs of figures.
const HANDSHAKES: usize = 5_000;
const PAIRS: usize = 5;
/// How long a writer rests between two renewals.
const REST: Duration = Duration::from_millis(100);

/// The 99.9th percentile of the processor time inside the server's side: what others do with the processor meanwhile is
/// not in it.
fn slowest(tls: &LiveTls, client: &Arc<ClientConfig>) -> Duration {
    let config = tls.server_config();
    let mut times: Vec<Duration> =
        (0..HANDSHAKES).map(|n| server_side(&config, client, &name(n % NAMES), processor)).collect();
    times.sort();
    times[HANDSHAKES - HANDSHAKES / 1_000 - 1]
}

/// Renews one entry after the other until told to end; says how many.
fn renew(store: &Store, done: &AtomicBool) -> usize {
    let writer = store.writer();
    let mut count = 0;
    while !done.load(Ordering::Relaxed) {
        let entry = count % NAMES;
        let issued = store.ca.issue(&[&name(entry)], P256, (-1, 91));
        common::import(&writer, &format!("entry-{entry}"), &issued);
        count += 1;
        thread::sleep(REST);
    }
    count
}

pub(crate) fn beside_reload(client: &Arc<ClientConfig>) {
    let (store, _) = filled(NAMES, || KeyPair::generate_for(P256).unwrap());
    let tls = LiveTls::builder(store.reader(), provider()).build().unwrap();
    assert!(tls.wait_ready(Duration::from_secs(60)));
    // Keys are warm.
    slowest(&tls, client);
    let mut pairs: Vec<(Duration, Duration)> = Vec::new();
    let mut renewals = 0;
    for _ in 0..PAIRS {
        let without = slowest(&tls, client);
        let done = AtomicBool::new(false);
        let with = thread::scope(|scope| {
            let writer = scope.spawn(|| renew(&store, &done));
            let with = slowest(&tls, client);
            done.store(true, Ordering::Relaxed);
            renewals += writer.join().unwrap();
            with
        });
        pairs.push((without, with));
    }
    let mut ratios: Vec<f64> =
        pairs.iter().map(|(without, with)| with.as_secs_f64() / without.as_secs_f64()).collect();
    ratios.sort_by(f64::total_cmp);
    let (without, with) = pairs[PAIRS / 2];
    println!(
        "99.9th percentile with {renewals} reloads beside: {:.2} of that without ({:.0} and {:.0} us of processor time, {NAMES} names)",
        ratios[PAIRS / 2],
        micros(with),
        micros(without)
    );
}
