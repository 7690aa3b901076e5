//! How often the disk is waited for: as often as durability asks, and not once more.

use strongroom::store::Journal;

use crate::{
    bench::Bench,
    power::{Event, parse, record},
};

/// What is synced up to the acknowledgement of each of three imports by one process, and then until its end: `db` the
/// database, `log` its write-ahead log or journal, `folder` the folder.
fn syncs(journal: Journal) -> [String; 4] {
    let bench = Bench::new(journal);
    let folder = bench.dir();
    let events = parse(&record(&bench, &["import", folder.to_str().unwrap(), "more", "3"]));
    let mut parts: [Vec<&str>; 4] = Default::default();
    let mut acknowledged = 0;
    for event in &events {
        match event {
            Event::Ack(what) if what.starts_with("ACK") => acknowledged += 1,
            Event::Sync(path) if path.ends_with("keystore.db") => parts[acknowledged].push("db"),
            Event::Sync(path) if path.starts_with(bench.db().to_str().unwrap()) => {
                parts[acknowledged].push("log");
            }
            Event::Sync(path) if *path == folder.to_str().unwrap() => parts[acknowledged].push("folder"),
            Event::Sync(path) => panic!("{path}"),
            _ => {}
        }
    }
    assert_eq!(acknowledged, 3);
    parts.map(|part| part.join(" "))
}

/// The first one of a process makes the log: its head is synced before the frames that it vouches for, and its name. After
/// that a commit is one sync. The process that closes the store last copies the log into the database.
#[test]
fn a_commit_in_the_write_ahead_log_is_one_sync() {
    assert_eq!(syncs(Journal::Wal), ["log folder log", "log", "log", "log db"]);
}

/// The journal and its name before the database is touched, its head once it is whole, the database, and the name of the
/// journal that is gone: without any of these a power cut can lose the change, or half of it.
#[test]
fn a_commit_with_a_rollback_journal_syncs_each_file_once() {
    let each = "log folder log db folder";
    assert_eq!(syncs(Journal::Rollback), [each, each, each, ""]);
}
