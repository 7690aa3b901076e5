//! What every engine must do, held over each that there is: SQLite with both journals, and memory, near and far.

#[path = "conformance/snapshots.rs"]
mod snapshots;

use std::{
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use strongroom::{
    Keystore, Password, UnlockKey,
    certificate::{Certificate, ServerCredential},
    engine::{Engine, Fault, MemoryEngine, Table, open_sqlite},
    keystore::{CredentialRequest, KeptSlot, NewKeystore},
    seal::UnlockSource,
    secret::PrivateKey,
    store::{CommitOutcome, Journal, StoreError},
};
use strongroom_tests::authority::{leaf_params, now, root};

/// One engine with a store on it.
struct Subject {
    name: &'static str,
    unlock: UnlockKey,
    memory: Option<MemoryEngine>,
    path: Option<PathBuf>,
    _folder: tempfile::TempDir,
}

impl Subject {
    fn all() -> Vec<Self> {
        let sqlite = |name, journal| {
            let folder = tempfile::tempdir().unwrap();
            let unlock = UnlockKey::generate().unwrap();
            let mut wanted = NewKeystore::default();
            wanted.journal = journal;
            let path = folder.path().join("keystore.db");
            drop(Keystore::create_with(&path, &unlock, &wanted, now()).unwrap());
            Self { name, unlock, memory: None, path: Some(path), _folder: folder }
        };
        let memory = |name, remote| {
            let unlock = UnlockKey::generate().unwrap();
            let engine = MemoryEngine::new(remote);
            drop(Keystore::create_on_engine(Box::new(engine.clone()), &unlock, now()).unwrap());
            Self { name, unlock, memory: Some(engine), path: None, _folder: tempfile::tempdir().unwrap() }
        };
        vec![
            sqlite("SQLite, write-ahead log", Journal::Wal),
            sqlite("SQLite, rollback journal", Journal::Rollback),
            memory("memory", false),
            memory("memory, far away", true),
        ]
    }

    fn engine(&self) -> Box<dyn Engine> {
        match (&self.memory, &self.path) {
            (Some(memory), _) => Box::new(memory.clone()),
            (None, Some(path)) => open_sqlite(path, false).unwrap(),
            (None, None) => unreachable!(),
        }
    }

    fn open(&self) -> Keystore {
        Keystore::open_on_engine(self.engine(), &self.unlock).unwrap()
    }
}

#[test]
fn rows_are_ordered_bytewise_and_a_change_happens_whole_or_not_at_all() {
    for subject in Subject::all() {
        let name = subject.name;
        let engine = subject.engine();
        let keys: Vec<Vec<u8>> = vec![vec![0xf0], vec![0xf0, 0], vec![0xf0, 1], vec![0xf1], vec![0xff, 0xff]];
        for table in [Table::Record, Table::Node, Table::Blob] {
            let mut change = engine.begin().unwrap();
            for key in keys.iter().rev() {
                change.put(table, key, &[7, key[0]]).unwrap();
            }
            drop(change);
            let view = engine.view().unwrap();
            assert!(
                view.range(table, &[0xf0], None, 10).unwrap().is_empty(),
                "{name}: dropped without a trace"
            );
            drop(view);
            let mut change = engine.begin().unwrap();
            for key in keys.iter().rev() {
                change.put(table, key, b"first").unwrap();
                change.put(table, key, &[7, key[0]]).unwrap();
            }
            change.put(table, &[0xf5], b"x").unwrap();
            change.delete(table, &[0xf5]).unwrap();
            change.delete(table, &[0xf6]).unwrap();
            change.commit().unwrap();
            let view = engine.view().unwrap();
            let found = view.range(table, &[0xf0], None, 10).unwrap();
            assert_eq!(
                found.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>(),
                keys,
                "{name} {table:?}"
            );
            assert_eq!(found[3].1, [7, 0xf1]);
            let part = view.range(table, &[0xf0, 0], Some(&[0xf1]), 10).unwrap();
            assert_eq!(part.len(), 2, "{name}");
            assert_eq!(view.range(table, &[0xf0], None, 2).unwrap().len(), 2, "{name}");
            assert!(view.range(table, &[0xf1], Some(&[0xf0]), 2).unwrap().is_empty(), "{name}");
            let many = view.get_many(&[(table, &[0xf1]), (table, &[0xf9]), (table, &[0xf0])]).unwrap();
            assert_eq!(many, [Some(vec![7, 0xf1]), None, Some(vec![7, 0xf0])], "{name}");
        }
        let mut change = engine.begin().unwrap();
        for number in [900_i64, 901, 902] {
            change.put(Table::Log, &number.to_be_bytes(), &number.to_be_bytes()).unwrap();
        }
        change.commit().unwrap();
        let view = engine.view().unwrap();
        let log = view.range(Table::Log, &900_i64.to_be_bytes(), Some(&902_i64.to_be_bytes()), 10).unwrap();
        assert_eq!(log.len(), 2, "{name}");
        assert_eq!(log[1].0, 901_i64.to_be_bytes(), "{name}");
    }
}

#[test]
fn a_view_is_of_one_commit_and_writers_take_turns() {
    for subject in Subject::all() {
        let (reader, writer) = (subject.engine(), subject.engine());
        let put = |value: u8| {
            let mut change = writer.begin().unwrap();
            for key in [0xf0_u8, 0xf1] {
                change.put(Table::Record, &[key], &[value]).unwrap();
            }
            change.commit().unwrap();
        };
        put(1);
        let view = reader.view().unwrap();
        let first = view.get_many(&[(Table::Record, &[0xf0])]).unwrap();
        // With a rollback journal a writer waits for readers: the view would keep it.
        if !subject.name.contains("rollback journal") {
            put(2);
            let second = view.get_many(&[(Table::Record, &[0xf1])]).unwrap();
            assert_eq!(first, second, "{}", subject.name);
        }
        drop(view);
        let held = writer.begin().unwrap();
        let other = subject.engine();
        thread::scope(|scope| {
            let waiting = scope.spawn(move || {
                let started = Instant::now();
                drop(other.begin().unwrap());
                started.elapsed()
            });
            thread::sleep(Duration::from_millis(300));
            drop(held);
            assert!(waiting.join().unwrap() >= Duration::from_millis(200), "{}", subject.name);
        });
    }
}

#[test]
fn a_change_by_another_is_waited_for() {
    for subject in Subject::all() {
        let (waiting, other) = (subject.open(), subject.open());
        let before = waiting.generation().unwrap();
        let none = waiting.wait_change(&before, Duration::from_millis(60)).unwrap();
        assert_eq!(none, None, "{}", subject.name);
        thread::scope(|scope| {
            let seen =
                scope.spawn(|| waiting.wait_change(&before, Duration::from_secs(10)).unwrap().unwrap());
            thread::sleep(Duration::from_millis(100));
            other.import_authority(&"root".parse().unwrap(), root("Root").file(), now()).unwrap();
            let seen = seen.join().unwrap();
            assert_eq!(seen.generation, other.generation().unwrap(), "{}", subject.name);
            assert!(seen.authorities && !seen.access && !seen.everything, "{}", subject.name);
        });
    }
}

fn copy(credential: &ServerCredential) -> ServerCredential {
    let key = PrivateKey::from_pkcs8_der(credential.key().expose_pkcs8_der().to_vec());
    ServerCredential::pair(key, vec![Certificate::from_der(credential.leaf().der()).unwrap()]).unwrap()
}

#[test]
fn a_life_of_a_store_is_the_same_on_every_engine() {
    let ca = root("Root");
    let leaves: Vec<ServerCredential> =
        ["a", "b"].iter().map(|name| ca.issue(&leaf_params(&format!("{name}.test")), &[])).collect();
    let mut lives = Vec::new();
    for subject in Subject::all() {
        let keystore = subject.open();
        let alias = |name: &str| name.parse::<strongroom::Alias>().unwrap();
        keystore.import_authority(&alias("root"), ca.file(), now()).unwrap();
        for (name, leaf, replace) in
            [("www", 0, false), ("www", 1, true), ("api", 0, false), ("old", 1, false)]
        {
            let mut request = CredentialRequest::new(alias(name), copy(&leaves[leaf]), now());
            request.options.replace = replace;
            keystore.import_credential(request).unwrap();
        }
        keystore.rename(&alias("api"), &alias("API-2"), now()).unwrap();
        keystore.remove(&alias("old"), false, now()).unwrap();
        keystore.undo(&alias("www"), now()).unwrap();
        let password = Password::new("a long password").unwrap();
        keystore.add_administrator(&"alice".parse().unwrap(), &password, now()).unwrap();
        let mut shown = strongroom::keystore::WebServerChange::default();
        (shown.alias, shown.hsts) = (Some(alias("api-2")), Some(true));
        let shown = keystore.set_web_server(&shown, now()).unwrap().web_server;
        keystore
            .rekey(&[KeptSlot::new(0, UnlockSource::KeyFile(String::new()), &subject.unlock)], now())
            .unwrap();
        let mut memory = strongroom::account::HashMemory::new().unwrap();
        let alice = keystore.verify_administrator(&"alice".parse().unwrap(), &password, &mut memory).unwrap();
        keystore.log_sign_in(&alice.unwrap(), [192, 0, 2, 1].into(), now()).unwrap();
        assert_eq!(keystore.web_server().unwrap(), shown, "{}", subject.name);
        assert_eq!(keystore.undo(&alias("old"), now()).unwrap().number, 1, "{}", subject.name);
        keystore.prune(None, now()).unwrap();
        drop(keystore);
        let again = subject.open();
        let report = again.verify_store().unwrap();
        assert_eq!(report.problems, [], "{}", subject.name);
        let entries: Vec<String> = again
            .page(None, 10, now())
            .unwrap()
            .iter()
            .map(|entry| format!("{} {} {}", entry.alias, entry.version, entry.certificate.fingerprint()))
            .collect();
        let log: Vec<String> = again
            .log(0, 100)
            .unwrap()
            .iter()
            .map(|row| format!("{} {} {} {}", row.number, row.action, row.alias, row.outcome))
            .collect();
        lives.push((entries, log, report.entries, report.versions, report.keys));
    }
    assert!(lives.windows(2).all(|pair| pair[0] == pair[1]), "{lives:#?}");
}

/// The same rows are cut on every engine, and the log goes on from there.
#[test]
fn a_log_is_cut_alike_on_every_engine() {
    for subject in Subject::all() {
        let name = subject.name;
        let keystore = subject.open();
        let ca = root("Root");
        for n in 0..12 {
            keystore.import_authority(&format!("ca-{n}").parse().unwrap(), ca.file(), now()).unwrap();
        }
        // Who had it open before goes on.
        let running = subject.open();
        let since = running.generation().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut retention = strongroom::keystore::LogRetention::default();
        retention.keep = Some(3);
        let file = folder.path().join("log");
        let segment = keystore.rotate_log(&file, retention, now()).unwrap().unwrap();
        assert_eq!((segment.first, segment.last), (1, 10), "{name}");
        assert_eq!(keystore.proven_rows(&segment).unwrap(), 10, "{name}");
        let changes = running.wait_change(&since, Duration::ZERO).unwrap().unwrap();
        assert!(!changes.everything && changes.aliases.is_empty(), "{name}: nothing of an entry was changed");
        for keystore in [&keystore, &running, &subject.open()] {
            let numbers: Vec<i64> = keystore.log(0, 100).unwrap().iter().map(|row| row.number).collect();
            assert_eq!(numbers, [11, 12, 13, 14], "{name}");
            assert_eq!(keystore.verify_log().unwrap(), 4, "{name}");
            assert_eq!(keystore.log_cut().unwrap().unwrap().number, 10, "{name}");
        }
        running.import_authority(&"later".parse().unwrap(), ca.file(), now()).unwrap();
        keystore
            .rekey(&[KeptSlot::new(0, UnlockSource::KeyFile(String::new()), &subject.unlock)], now())
            .unwrap();
        let second = folder.path().join("log-2");
        let segment = keystore
            .rotate_log(&second, strongroom::keystore::LogRetention::default(), now())
            .unwrap()
            .unwrap();
        assert_eq!((segment.first, segment.last), (11, 16), "{name}");
        drop((keystore, running));
        let again = subject.open();
        assert_eq!(again.verify_store().unwrap().problems, [], "{name}");
        assert_eq!(again.log(0, 10).unwrap()[0].action, "log-rotate", "{name}");
        for file in [&file, &second] {
            let segment = strongroom::store::LogSegment::open(file).unwrap();
            assert_eq!(again.proven_rows(&segment).unwrap(), segment.last, "{name}");
        }
    }
}

#[test]
fn many_who_write_at_once_all_have_their_changes() {
    for subject in Subject::all() {
        let mut others: Vec<Keystore> = (0..4).map(|_| subject.open()).collect();
        let files: Vec<Vec<u8>> = (0..20).map(|n| root(&format!("CA {n}")).file().to_vec()).collect();
        thread::scope(|scope| {
            for (who, keystore) in others.iter_mut().enumerate() {
                let files = &files;
                scope.spawn(move || {
                    for n in 0..5 {
                        let alias = format!("ca-{who}-{n}").parse().unwrap();
                        keystore.import_authority(&alias, &files[who * 5 + n], now()).unwrap();
                    }
                });
            }
        });
        let keystore = subject.open();
        assert_eq!(keystore.page(None, 100, now()).unwrap().len(), 20, "{}", subject.name);
        assert_eq!(keystore.verify_store().unwrap().problems, [], "{}", subject.name);
    }
}

#[test]
fn a_doubt_says_what_is_seen_and_a_refusal_leaves_nothing() {
    for remote in [false, true] {
        let unlock = UnlockKey::generate().unwrap();
        let engine = MemoryEngine::new(remote);
        let keystore = Keystore::create_on_engine(Box::new(engine.clone()), &unlock, now()).unwrap();
        let ca = root("Root");
        let import = |name: &str, keystore: &Keystore| {
            keystore.import_authority(&name.parse().unwrap(), ca.file(), now()).map(drop)
        };
        engine.fail_next(Fault::Refused);
        assert_eq!(import("one", &keystore).unwrap_err().code(), "store_full");
        assert!(keystore.entry(&"one".parse().unwrap(), now()).is_err());
        for (fault, seen) in
            [(Fault::DoubtThere, CommitOutcome::Present), (Fault::DoubtNotThere, CommitOutcome::Absent)]
        {
            engine.fail_next(fault);
            match import("one", &keystore).unwrap_err() {
                strongroom::Error::Store(StoreError::OutcomeUnknown(uncertain)) => {
                    assert_eq!(uncertain.seen(), seen)
                }
                other => panic!("{other}"),
            }
            assert_eq!(
                keystore.entry(&"one".parse().unwrap(), now()).is_ok(),
                seen == CommitOutcome::Present
            );
            // Run again, it is done or was done.
            import("one", &keystore).unwrap();
            keystore.remove(&"one".parse().unwrap(), false, now()).unwrap();
        }
        // A re-key in doubt goes on with the key that is in force.
        let keep = [KeptSlot::new(0, UnlockSource::KeyFile(String::new()), &unlock)];
        for (fault, seen) in
            [(Fault::DoubtThere, CommitOutcome::Present), (Fault::DoubtNotThere, CommitOutcome::Absent)]
        {
            engine.fail_next(fault);
            match keystore.rekey(&keep, now()).unwrap_err() {
                strongroom::Error::Store(StoreError::OutcomeUnknown(uncertain)) => {
                    assert_eq!(uncertain.seen(), seen)
                }
                other => panic!("{other}"),
            }
            import(&format!("after-{seen:?}"), &keystore).unwrap();
        }
        assert_eq!(keystore.verify_store().unwrap().problems, []);
    }
}

/// A far engine is asked for the state, and then for a whole path with its record.
#[test]
fn a_read_takes_two_trips_and_a_small_change_three_whatever_the_size() {
    let unlock = UnlockKey::generate().unwrap();
    let mut trips = Vec::new();
    for size in [10, 300] {
        let engine = MemoryEngine::new(true);
        let keystore = Keystore::create_on_engine(Box::new(engine.clone()), &unlock, now()).unwrap();
        let password = Password::new("a long password").unwrap();
        keystore.add_administrator(&"alice".parse().unwrap(), &password, now()).unwrap();
        let ca = root("Root");
        keystore.import_authority(&"root".parse().unwrap(), ca.file(), now()).unwrap();
        let leaf = ca.issue(&leaf_params("www.test"), &[]);
        let batch = (0..size)
            .map(|n| CredentialRequest::new(format!("entry-{n}").parse().unwrap(), copy(&leaf), now()));
        keystore.import_credentials(batch.collect(), now()).unwrap();
        // A process that has seen nothing yet: no node is known.
        let cold = Keystore::open_on_engine(Box::new(engine.clone()), &unlock).unwrap();
        let before = engine.trips();
        assert!(cold.administrator(&"alice".parse().unwrap()).unwrap().is_some());
        let present = engine.trips() - before;
        let before = engine.trips();
        assert!(cold.administrator(&"bob".parse().unwrap()).unwrap().is_none());
        let absent = engine.trips() - before;
        let before = engine.trips();
        let from = [192, 0, 2, 1].into();
        cold.log_refusals(strongroom::keystore::Refusals::one(from), now()).unwrap();
        let change = engine.trips() - before;
        println!(
            "{size} entries: {present} trips for a read, {absent} for an absence, {change} for a change and its reading back"
        );
        assert!(present <= 2 && absent <= 2, "{present} {absent}");
        // The last one reads back.
        assert!(change <= 3, "{change}");
        trips.push((present, absent, change));
    }
    assert_eq!(trips[0], trips[1]);
}
