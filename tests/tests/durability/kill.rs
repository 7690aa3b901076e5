//! D1: processes that are killed while they import. D9: killed while they change the whole store.

use std::{path::PathBuf, thread::sleep, time::Duration};

use strongroom::store::Journal;

use crate::bench::{Bench, Random, Running, scaled};

/// Kills `writers` at once, again and again; every acknowledged alias is there and whole.
#[track_caller]
fn kill_loop(name: &str, journal: Journal, writers: usize, seed: u64) {
    let bench = Bench::new(journal);
    let dir = bench.dir();
    let mut random = Random(seed);
    let cycles = scaled(25, 1_000);
    let mut total = 0;
    for cycle in 0..cycles {
        let running: Vec<Running> = (0..writers)
            .map(|n| {
                let prefix = format!("c{cycle}-{n}");
                Running::start(bench.worker(["import", dir.to_str().unwrap(), &prefix, "1000"]))
            })
            .collect();
        sleep(Duration::from_micros(u64::try_from(random.below(40_000)).unwrap()));
        let acks: Vec<String> = running.into_iter().flat_map(Running::kill).collect();
        let keystore = bench.open();
        for alias in &acks {
            let opened = keystore.credential(&alias.parse().unwrap(), strongroom_tests::authority::now());
            assert!(opened.is_ok(), "{name}: cycle {cycle} lost {alias}: {opened:?}");
        }
        total += acks.len();
        if cycle % 50 == 49 || cycle + 1 == cycles {
            let report = keystore.verify_store().unwrap();
            assert_eq!(report.problems, [], "{name}: cycle {cycle}");
        }
        // The store stays small, so that a cycle is as short as the first.
        for alias in &acks {
            keystore.remove(&alias.parse().unwrap(), false, strongroom_tests::authority::now()).unwrap();
        }
        if cycle % 10 == 9 {
            keystore.prune(None, strongroom_tests::authority::now()).unwrap();
        }
    }
    println!("D1 {name}: {cycles} cycles, {total} acknowledged, 0 lost");
    assert!(total > 0, "nothing was acknowledged: the test sees nothing");
}

#[test]
fn d1_killed_writer_with_a_write_ahead_log() {
    kill_loop("one writer, WAL/FULL", Journal::Wal, 1, 11);
}

#[test]
fn d1_killed_writer_with_a_rollback_journal() {
    kill_loop("one writer, DELETE/EXTRA", Journal::Rollback, 1, 12);
}

#[test]
fn d1_two_killed_writers() {
    kill_loop("two writers, WAL/FULL", Journal::Wal, 2, 13);
}

/// Kills a worker again and again, at most `within` microseconds after its start, each time from the same files; the
/// store opens and is whole each time.
#[track_caller]
fn kill_each(
    name: &str,
    bench: &Bench,
    start: &[(PathBuf, Vec<u8>)],
    within: usize,
    arguments: &[&str],
    entries: &[u64],
) {
    let mut random = Random(91);
    let cycles = scaled(25, 1_000);
    let mut done = 0;
    for cycle in 0..cycles {
        bench.put_back(start);
        let running = Running::start(bench.worker(arguments.iter().copied()));
        sleep(Duration::from_micros(u64::try_from(random.below(within)).unwrap()));
        done += running.kill().len();
        let report = bench.open().verify_store().unwrap();
        assert_eq!(report.problems, [], "{name}: cycle {cycle}");
        assert!(entries.contains(&report.entries), "{name}: cycle {cycle}: {} entries", report.entries);
    }
    println!("D9 {name}: {cycles} kills, {done} acknowledged, the store old or new each time");
    assert!(done > 0 || cycles < 100, "it never came to an end");
}

#[test]
fn d9_killed_during_a_change_of_the_unlock_key() {
    let bench = Bench::new(Journal::Wal);
    let start = bench.snapshot();
    let dir = bench.dir();
    kill_each("passwd", &bench, &start, 40_000, &["passwd", dir.to_str().unwrap()], &[2]);
}

#[test]
fn d9_killed_during_a_restore() {
    let bench = Bench::new(Journal::Wal);
    let backup = bench.folder.path().join("backup.db");
    bench.open().backup(&backup, strongroom_tests::authority::now()).unwrap();
    bench.open().remove(&"kept".parse().unwrap(), false, strongroom_tests::authority::now()).unwrap();
    let start = bench.snapshot();
    let dir = bench.dir();
    let arguments = ["restore", dir.to_str().unwrap(), backup.to_str().unwrap()];
    let within = Running::start(bench.worker(arguments)).measure();
    kill_each("restore", &bench, &start, within, &arguments, &[1, 2]);
}

#[test]
fn d9_killed_during_a_new_root_key() {
    let bench = Bench::new(Journal::Wal);
    let dir = bench.dir();
    let mut random = Random(19);
    let cycles = scaled(25, 1_000);
    let within = Running::start(bench.worker(["rekey", dir.to_str().unwrap()])).measure();
    let mut done = 0;
    for cycle in 0..cycles {
        let running = Running::start(bench.worker(["rekey", dir.to_str().unwrap()]));
        sleep(Duration::from_micros(u64::try_from(random.below(within)).unwrap()));
        done += running.kill().len();
        let report = bench.open().verify_store().unwrap();
        assert_eq!(report.problems, [], "cycle {cycle}");
        assert_eq!(report.keys, 1);
    }
    println!("D9 re-key: {cycles} kills, {done} acknowledged, the store old or new each time");
}
