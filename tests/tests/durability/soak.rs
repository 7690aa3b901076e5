//! D7: processes that write, read, checkpoint and copy one store at once; and readers beside a write that is held open.

use std::{
    collections::BTreeSet,
    io::Read as _,
    path::Path,
    process::{Child, Command},
    thread::{self, JoinHandle},
};

use rusqlite::Connection;
use strongroom::{Keystore, store::Journal};

use crate::bench::{Bench, acknowledged, scaled};

#[test]
fn d7_twelve_writers_and_four_readers_keep_everything() {
    let bench = Bench::new(Journal::Wal);
    let dir = bench.dir();
    let each = scaled(10, 50);
    let start = |arguments: &[&str]| finish(bench.worker(arguments.iter().copied()));
    let writers: Vec<_> = (0..12)
        .map(|n| start(&["import", dir.to_str().unwrap(), &format!("w{n}"), &each.to_string()]))
        .collect();
    let readers: Vec<_> = (0..4).map(|_| start(&["read", dir.to_str().unwrap(), "5"])).collect();
    let kept: usize = writers.into_iter().map(|writer| acknowledged(&writer.join().unwrap()).len()).sum();
    for reader in readers {
        reader.join().unwrap();
    }
    let report = bench.open().verify_store().unwrap();
    assert_eq!(report.problems, []);
    assert_eq!(kept, 12 * each);
    assert_eq!(report.entries, u64::try_from(kept).unwrap() + 2, "and root and kept");
    println!("D7: 12 writers x {each} imports with 4 readers: {kept} of {} kept", 12 * each);
}

/// Reads all that a process says; fails unless it ends well.
pub(crate) fn finish(mut command: Command) -> JoinHandle<String> {
    let mut child: Child = command.spawn().unwrap();
    thread::spawn(move || {
        let mut text = String::new();
        child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        let output = child.wait_with_output().unwrap();
        let end = text.lines().last().unwrap_or_default();
        assert!(output.status.success(), "{end} {}", String::from_utf8_lossy(&output.stderr));
        text
    })
}

/// The numbers of a line `SUM name n`, of all outputs.
pub(crate) fn numbers(outputs: &[String], name: &str) -> Vec<u64> {
    let lines = outputs.iter().flat_map(|output| output.lines());
    let found = lines.filter_map(|line| line.strip_prefix(&format!("SUM {name} "))?.parse().ok());
    found.collect()
}

/// Writers that import, replace and remove, readers, and a process that checkpoints and copies, for a time. What a
/// writer was told last of an alias holds in the end.
#[track_caller]
fn soak(journal: Journal, seconds: usize) {
    let bench = Bench::new(journal);
    let (dir, seconds) = (bench.dir(), seconds.to_string());
    let start = |role: &str, n: usize| {
        finish(bench.worker(["soak", dir.to_str().unwrap(), role, &format!("{role}{n}"), &seconds]))
    };
    let writers: Vec<_> = (0..4).map(|n| start("write", n)).collect();
    let readers: Vec<_> = (0..8).map(|n| start("read", n)).collect();
    let keeper = start("keep", 0);
    let end = |workers: Vec<JoinHandle<String>>| -> Vec<String> {
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    };
    let (writers, readers, keeper) = (end(writers), end(readers), end(vec![keeper]));
    let mut expected = BTreeSet::from(["kept".to_owned(), "root".to_owned()]);
    let mut changes = 0;
    for line in writers.iter().flat_map(|output| acknowledged(output)) {
        let (what, alias) = line.split_once(' ').unwrap();
        changes += 1;
        match what {
            "put" => expected.insert(alias.to_owned()),
            "rm" => expected.remove(alias),
            other => panic!("{other}"),
        };
    }
    let keystore = bench.open();
    let report = keystore.verify_store().unwrap();
    assert_eq!(report.problems, []);
    let found: BTreeSet<String> = keystore
        .page(None, 10_000, strongroom_tests::authority::now())
        .unwrap()
        .iter()
        .map(|entry| entry.alias.to_string())
        .collect();
    assert_eq!(found, expected);
    let (reads, copies) = (numbers(&readers, "reads"), numbers(&keeper, "copies"));
    assert!(reads.len() == 8 && reads.iter().all(|reads| *reads > 0), "{reads:?}");
    assert!(copies[0] > 0 && changes > 0);
    let longest = |outputs: &[String], name: &str| numbers(outputs, name).into_iter().max().unwrap() / 1000;
    println!(
        "D7 {}: 4 writers, 8 readers, 1 that checkpoints and copies, {seconds} s: {changes} changes acknowledged, {} \
         reads, {} checkpoints, {} copies; 0 lost, no reader failed; longest wait of a reader {} ms, of a writer {} ms",
        journal.as_str(),
        reads.iter().sum::<u64>(),
        numbers(&keeper, "checkpoints")[0],
        copies[0],
        longest(&readers, "longest"),
        longest(&writers, "longest"),
    );
}

#[test]
fn d7_soak_with_a_write_ahead_log() {
    soak(Journal::Wal, scaled(3, 600));
}

/// Readers go on while a write is held open, and see nothing of it.
#[track_caller]
fn readers_pass_a_writer(journal: Journal) {
    let bench = Bench::new(journal);
    let mut before = Keystore::open_read_only(bench.db(), &bench.unlock()).unwrap();
    let writer = Connection::open(bench.db()).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE; DELETE FROM log; DELETE FROM record;").unwrap();
    // A reader that had to wait would get store_busy after ten seconds: the write is open as long as this test runs.
    let mut after = Keystore::open_read_only(bench.db(), &bench.unlock()).unwrap();
    for reader in [&mut before, &mut after] {
        assert_eq!(reader.page(None, 10, strongroom_tests::authority::now()).unwrap().len(), 2);
        reader.credential(&"kept".parse().unwrap(), strongroom_tests::authority::now()).unwrap();
        assert_eq!(reader.verify_store().unwrap().problems, []);
    }
    let copy: &Path = &bench.folder.path().join("copy.db");
    assert_eq!(before.backup(copy, strongroom_tests::authority::now()).unwrap().keys, 1);
    writer.execute_batch("ROLLBACK").unwrap();
    assert_eq!(before.verify_store().unwrap().problems, []);
}

#[test]
fn d7_readers_do_not_wait_for_an_open_write_with_a_write_ahead_log() {
    readers_pass_a_writer(Journal::Wal);
}

#[test]
fn d7_readers_do_not_wait_for_an_open_write_with_a_rollback_journal() {
    readers_pass_a_writer(Journal::Rollback);
}

/// With a write-ahead log not even a commit waits for a reader in the middle of a read, nor the reader for the commit.
#[test]
fn d7_a_commit_does_not_wait_for_a_reader() {
    let bench = Bench::new(Journal::Wal);
    let reader = Connection::open(bench.db()).unwrap();
    let count = |reader: &Connection| -> i64 {
        reader
            .query_row("SELECT count(*) FROM record WHERE key >= x'10' AND key < x'20'", [], |row| row.get(0))
            .unwrap()
    };
    reader.execute_batch("BEGIN").unwrap();
    assert_eq!(count(&reader), 2);
    bench.open().import_credential(bench.request("new", "a")).unwrap();
    assert_eq!(count(&reader), 2, "the reader keeps its view");
    reader.execute_batch("COMMIT").unwrap();
    assert_eq!(count(&reader), 3);
}
