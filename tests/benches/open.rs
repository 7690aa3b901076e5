//! The time to open one file: ours against p12-keystore's on the same bytes, pair by pair in one run.
//!
//! Prints the ratio of the two, not times: `cargo xtask bench open`.

use std::{
    collections::BTreeSet,
    hint::black_box,
    time::{Duration, Instant},
};

use p12_keystore::Pkcs12Archive;
use strongroom::{KdfBudget, Limits, Password, Pfx};
use strongroom_tests::manifest;

/// Pairs of measurements for each file; the ratio of the shortest of either is printed. What else the machine does
/// makes a measurement longer, never shorter.
const PAIRS: usize = 9;
/// Each measurement lasts at least this long.
const LEAST: Duration = Duration::from_millis(2);

fn main() {
    let limits = Limits::default();
    let mut seen = BTreeSet::new();
    let mut ratios = Vec::new();
    println!("{:>6}  file", "ratio");
    for row in manifest::load().fixture {
        let bytes = row.bytes();
        let theirs_opens =
            Pkcs12Archive::from_pkcs12(&bytes, &row.password).is_ok_and(|archive| !archive.keys.is_empty());
        if row.expect != "ok" || !theirs_opens || !seen.insert(row.file.clone()) {
            continue;
        }
        let password = Password::new(row.password.clone()).unwrap();
        let ours = || {
            let mut budget = KdfBudget::new(&limits);
            let pfx = Pfx::from_bytes(&bytes, &limits).unwrap();
            black_box(pfx.verify(&password, &mut budget).unwrap().decrypt(None, &mut budget).unwrap());
        };
        let theirs = || {
            black_box(Pkcs12Archive::from_pkcs12(&bytes, &row.password).unwrap());
        };
        let rounds = rounds(&theirs);
        let pairs: Vec<(f64, f64)> =
            (0..PAIRS).map(|_| (seconds(&ours, rounds), seconds(&theirs, rounds))).collect();
        let (least_ours, least_theirs) =
            pairs.into_iter().reduce(|least, pair| (least.0.min(pair.0), least.1.min(pair.1))).unwrap();
        let ratio = least_ours / least_theirs;
        println!("{ratio:>6.2}  {}", row.file);
        ratios.push(ratio);
    }
    let worst = ratios.iter().copied().fold(0.0, f64::max);
    println!(
        "median {:.2}, worst {worst:.2}, {} files; below 1 is faster than p12-keystore",
        median(&mut ratios),
        ratios.len()
    );
}

/// How often to run `work` for one measurement.
fn rounds(work: &impl Fn()) -> u32 {
    let mut rounds = 1;
    loop {
        let started = Instant::now();
        (0..rounds).for_each(|_| work());
        if started.elapsed() >= LEAST {
            return rounds;
        }
        rounds *= 2;
    }
}

fn seconds(work: &impl Fn(), rounds: u32) -> f64 {
    let started = Instant::now();
    (0..rounds).for_each(|_| work());
    started.elapsed().as_secs_f64()
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
