//! Readers between writers: what one reads is of one commit, on every engine.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use strongroom::{
    Alias, Keystore,
    engine::{Engine as _, Table},
};
use strongroom_tests::authority::{now, root};

use super::Subject;

/// Lists read of each engine in memory, and of each in files, where a commit waits for the disk.
const READS: [usize; 2] = [5_000, 300];
/// How long writers may take to write something meanwhile.
const PATIENCE: Duration = Duration::from_secs(30);

fn alias(name: &str, who: usize) -> Alias {
    format!("{name}-{who}").parse().unwrap()
}

/// Two writers rename an entry of theirs there and back: each commit has one of its two names, and never both or none.
#[test]
fn a_reader_between_two_writers_sees_one_commit_at_a_time() {
    for subject in Subject::all() {
        let keystore = subject.open();
        for who in 0..2 {
            let file = root(&format!("CA {who}"));
            keystore.import_authority(&alias("here", who), file.file(), now()).unwrap();
        }
        let reads = READS[usize::from(subject.path.is_some())];
        let stop = &AtomicBool::new(false);
        let (mut seen, mut done) = (BTreeSet::new(), 0);
        thread::scope(|scope| {
            for who in 0..2 {
                let own = subject.open();
                scope.spawn(move || {
                    let (mut from, mut to) = (alias("here", who), alias("there", who));
                    while !stop.load(Ordering::Relaxed) {
                        own.rename(&from, &to, now()).unwrap();
                        (from, to) = (to, from);
                    }
                });
            }
            let until = Instant::now() + PATIENCE;
            // On a busy machine the writers may come to nothing for a while.
            while done < reads || (seen.len() < 2 && Instant::now() < until) {
                done += 1;
                let names: Vec<String> = keystore
                    .page(None, 10, now())
                    .unwrap()
                    .iter()
                    .map(|entry| entry.alias.to_string())
                    .collect();
                let one_of_two = |who: usize| {
                    ["here", "there"].iter().filter(|name| names.contains(&format!("{name}-{who}"))).count()
                        == 1
                };
                if names.len() != 2 || !one_of_two(0) || !one_of_two(1) {
                    stop.store(true, Ordering::Relaxed);
                    panic!("{}: {names:?}", subject.name);
                }
                seen.insert(names);
            }
            stop.store(true, Ordering::Relaxed);
        });
        println!(
            "{}: {done} lists between two writers, each of one commit; {} of 4 seen",
            subject.name,
            seen.len()
        );
        assert!(seen.len() > 1, "{}: nothing was written meanwhile", subject.name);
        assert_eq!(keystore.verify_store().unwrap().problems, []);
    }
}

/// The rows of one commit under the state of the next are refused, by a process that knows both and by one that knows
/// neither.
#[test]
fn a_torn_view_is_refused() {
    for subject in Subject::all().into_iter().filter(|subject| subject.memory.is_some()) {
        let engine = subject.memory.as_ref().unwrap();
        let running = subject.open();
        running.import_authority(&alias("a", 0), root("A").file(), now()).unwrap();
        running.page(None, 10, now()).unwrap();
        let before = engine.copy();
        running.import_authority(&alias("b", 0), root("B").file(), now()).unwrap();
        running.page(None, 10, now()).unwrap();
        let rows = before.view().unwrap().range(Table::Record, &[0x10], Some(&[0x20]), 100).unwrap();
        let mut change = engine.begin().unwrap();
        for (key, _) in engine.view().unwrap().range(Table::Record, &[0x10], Some(&[0x20]), 100).unwrap() {
            change.delete(Table::Record, &key).unwrap();
        }
        for (key, value) in rows {
            change.put(Table::Record, &key, &value).unwrap();
        }
        change.commit().unwrap();
        let anew = Keystore::open_on_engine(Box::new(engine.clone()), &subject.unlock).unwrap();
        for keystore in [&running, &anew] {
            assert_eq!(
                keystore.entry(&alias("b", 0), now()).unwrap_err().code(),
                "store_corrupt",
                "{}",
                subject.name
            );
            assert_eq!(
                keystore.page(None, 10, now()).unwrap_err().code(),
                "store_corrupt",
                "{}",
                subject.name
            );
            assert!(keystore.entry(&alias("a", 0), now()).is_ok(), "{}", subject.name);
        }
    }
}
