//! Nanoseconds a compression, by hash, kind of processor and number of chains.

#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use strongroom_lanes::{Algorithm, Chain, Hash, Processor, SHA1, SHA256, SHA512};

const PAIRS: u32 = 60_000;

/// Nanoseconds that this thread was on a processor.
fn on_processor() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or_default()
}

fn row<A: Algorithm>(name: &str, hash: &Hash<A>, len: usize) {
    for processor in Processor::all() {
        let mut line = format!("{name:>8} {:>60} ", format!("{processor:?}"));
        for lanes in [1, 2, 3, 4, 8] {
            let best = (0..7)
                .map(|_| {
                    let mut chains: Vec<Chain<A>> =
                        (0..lanes).filter_map(|_| Chain::hmac(hash, b"key", &vec![7; len], PAIRS)).collect();
                    let mut all: Vec<&mut Chain<A>> = chains.iter_mut().collect();
                    let before = on_processor();
                    processor.advance(&mut all, PAIRS);
                    (on_processor() - before) / f64::from(2 * PAIRS * lanes)
                })
                .fold(f64::INFINITY, f64::min);
            line.push_str(&format!(" {lanes}:{best:6.1}"));
        }
        println!("{line}");
    }
}

fn main() {
    row("SHA-256", &SHA256, 32);
    row("SHA-1", &SHA1, 20);
    row("SHA-512", &SHA512, 64);
}
