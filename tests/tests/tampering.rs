//! An attacker who can write every row, keeps every old copy, and knows no key: nothing that he does is shown as content.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use rusqlite::Connection;
use strongroom::{
    CredentialRequest, Error, Keystore, OpenOptions, Password, UnlockKey,
    engine::{Engine as _, MemoryEngine, Row, Table},
};
use strongroom_tests::{
    authority::{TestCa, leaf_params, now, root},
    scratch::Scratch,
};

const NAMES: [&str; 6] = ["root", "a", "b", "c", "evil-root", "gone"];

/// A store in memory with a past: of each kind of row some, and copies from three moments.
struct Victim {
    engine: MemoryEngine,
    old: Vec<MemoryEngine>,
    unlock: UnlockKey,
}

fn import(keystore: &Keystore, ca: &TestCa, name: &str, replace: bool) {
    let credential = ca.issue(&leaf_params(&format!("{name}.test")), &[]);
    let mut request = CredentialRequest::new(name.parse().unwrap(), credential, now());
    request.options.replace = replace;
    keystore.import_credential(request).unwrap();
}

impl Victim {
    fn new() -> Self {
        let engine = MemoryEngine::new(false);
        let unlock = UnlockKey::generate().unwrap();
        let keystore = Keystore::create_on_engine(Box::new(engine.clone()), &unlock, now()).unwrap();
        let ca = root("Root");
        let mut old = Vec::new();
        keystore.import_authority(&"root".parse().unwrap(), ca.file(), now()).unwrap();
        keystore.import_authority(&"evil-root".parse().unwrap(), root("Evil").file(), now()).unwrap();
        // Enough for a tree with inner nodes.
        for n in 0..24 {
            let alias = format!("ca-{n}").parse().unwrap();
            keystore.import_authority(&alias, root(&format!("CA {n}")).file(), now()).unwrap();
        }
        import(&keystore, &ca, "a", false);
        import(&keystore, &ca, "gone", false);
        let password = Password::new("a long password").unwrap();
        keystore.add_administrator(&"mallory".parse().unwrap(), &password, now()).unwrap();
        keystore.add_administrator(&"alice".parse().unwrap(), &password, now()).unwrap();
        let second = UnlockKey::generate().unwrap();
        keystore.add_slot(strongroom::UnlockSource::Environment("X".into()), &second, now()).unwrap();
        old.push(engine.copy());
        import(&keystore, &ca, "a", true);
        import(&keystore, &ca, "b", false);
        keystore.remove(&"evil-root".parse().unwrap(), false, now()).unwrap();
        keystore.remove_administrator(&"mallory".parse().unwrap(), now()).unwrap();
        old.push(engine.copy());
        keystore.remove(&"gone".parse().unwrap(), false, now()).unwrap();
        keystore.prune(None, now()).unwrap();
        keystore.remove_slot(1, now()).unwrap();
        import(&keystore, &ca, "c", false);
        import(&keystore, &ca, "c", true);
        old.push(engine.copy());
        import(&keystore, &ca, "b", true);
        Self { engine, old, unlock }
    }

    fn open(&self, engine: &MemoryEngine) -> Result<Keystore, Error> {
        Keystore::open_on_engine(Box::new(engine.clone()), &self.unlock)
    }
}

/// Each question to a store, with its answer or the code of the refusal.
type Answers = BTreeMap<String, Result<String, &'static str>>;

fn answers(keystore: &Keystore) -> Answers {
    let mut all = Answers::new();
    let mut ask = |question: String, answer: Result<String, Error>| {
        all.insert(question, answer.map_err(|error| error.code()));
    };
    for name in NAMES {
        let alias = name.parse().unwrap();
        ask(format!("show {name}"), keystore.entry(&alias).map(|entry| format!("{entry:?}")));
        let served = keystore.credential(&alias);
        let served = served.map(|opened| format!("{:?} {:?}", opened.key.expose_pkcs8_der(), opened.served));
        ask(format!("serve {name}"), served);
        ask(format!("history {name}"), keystore.history(&alias).map(|versions| format!("{versions:?}")));
        let host = format!("{name}.test");
        ask(format!("who has {host}"), keystore.aliases_named(&host, 10).map(|found| format!("{found:?}")));
        let verified = keystore.verify(&alias, &strongroom::Policy::default(), now());
        ask(format!("verify {name}"), verified.map(|chain| format!("{:?}", chain.path())));
    }
    ask("ls".into(), keystore.entries(None, 100).map(|entries| format!("{entries:?}")));
    ask("removed".into(), keystore.removed_entries(100).map(|entries| format!("{entries:?}")));
    ask("log".into(), keystore.log(0, 1_000).map(|log| format!("{log:?}")));
    ask("users".into(), keystore.administrators().map(|users| format!("{users:?}")));
    ask("slots".into(), keystore.slots().map(|slots| format!("{slots:?}")));
    all
}

fn rows(engine: &MemoryEngine, table: Table) -> Vec<Row> {
    engine.view().unwrap().range(table, &[], None, usize::MAX).unwrap()
}

fn set(engine: &MemoryEngine, table: Table, key: &[u8], value: Option<&[u8]>) {
    let mut change = engine.begin().unwrap();
    match value {
        Some(value) => change.put(table, key, value).unwrap(),
        None => change.delete(table, key).unwrap(),
    }
    change.commit().unwrap();
}

/// Puts whole tables of one store into another.
fn put_back(from: &MemoryEngine, to: &MemoryEngine, tables: &[Table]) {
    let mut change = to.begin().unwrap();
    for table in tables {
        for (key, _) in rows(to, *table) {
            change.delete(*table, &key).unwrap();
        }
        for (key, value) in rows(from, *table) {
            change.put(*table, &key, &value).unwrap();
        }
    }
    change.commit().unwrap();
}

/// What came of attacks of one kind.
#[derive(Default)]
struct Tally {
    tried: usize,
    refused: usize,
    unseen: usize,
}

struct Trial {
    victim: Victim,
    truth: Answers,
    tally: BTreeMap<String, Tally>,
}

impl Trial {
    /// Lets an attack loose on a copy, and asks everything: of who opens the store then, and of who had it open before.
    fn attack(&mut self, kind: &str, attack: impl Fn(&MemoryEngine)) {
        self.judge(kind, true, attack);
    }

    /// The same where the state itself is an old one. Who opens the store only then, and without a guard, cannot know;
    /// who had it open does.
    fn attack_state(&mut self, kind: &str, attack: impl Fn(&MemoryEngine)) {
        self.judge(kind, false, attack);
    }

    fn judge(&mut self, kind: &str, fresh: bool, attack: impl Fn(&MemoryEngine)) {
        let copy = self.victim.engine.copy();
        let running = self.victim.open(&copy).unwrap();
        running.entries(None, 1).unwrap();
        attack(&copy);
        let tally = self.tally.entry(kind.to_owned()).or_default();
        tally.tried += 1;
        let mut refused = false;
        let opened = match self.victim.open(&copy) {
            Ok(_) if !fresh => {
                assert_eq!(running.entries(None, 1).unwrap_err().code(), "store_rolled_back", "{kind}");
                None
            }
            Ok(opened) => {
                let report = opened.verify_store();
                let whole = report.is_ok_and(|report| report.problems.is_empty());
                tally.unseen += usize::from(whole);
                Some(opened)
            }
            Err(_) => {
                refused = true;
                None
            }
        };
        for keystore in opened.into_iter().chain([running]) {
            for (question, answer) in answers(&keystore) {
                match answer {
                    Ok(answer) => {
                        let truth = self.truth[&question].as_ref();
                        assert_eq!(Ok(&answer), truth, "{kind}: {question} shows other content");
                    }
                    Err(code) if self.truth[&question] == Err(code) => {}
                    Err("not_found") => panic!("{kind}: {question} hides what is there"),
                    Err(code) => {
                        assert!(
                            ["store_corrupt", "store_rolled_back", "store_rekeyed"].contains(&code),
                            "{code}"
                        );
                        refused = true;
                    }
                }
            }
        }
        tally.refused += usize::from(refused);
    }
}

#[test]
fn no_row_that_is_changed_dropped_swapped_doubled_or_put_back_is_shown() {
    let victim = Victim::new();
    let truth = answers(&mut victim.open(&victim.engine).unwrap());
    assert_eq!(truth["show evil-root"], Err("not_found"));
    assert!(truth["serve b"].is_ok());
    let old: Vec<MemoryEngine> = victim.old.iter().map(MemoryEngine::copy).collect();
    let now_rows: BTreeMap<Table, Vec<Row>> =
        Table::ALL.iter().map(|table| (*table, rows(&victim.engine, *table))).collect();
    let mut trial = Trial { victim, truth, tally: BTreeMap::new() };
    for table in Table::ALL {
        let present = &now_rows[&table];
        for (n, (key, value)) in present.iter().enumerate() {
            if !value.is_empty() {
                let mut flipped = value.clone();
                flipped[(n * 31) % value.len()] ^= 1 << (n % 8);
                trial.attack(&format!("{table:?} flipped"), |at| set(at, table, key, Some(&flipped)));
            }
            trial.attack(&format!("{table:?} dropped"), |at| set(at, table, key, None));
            let (other_key, other) = &present[(n + 1) % present.len()];
            if other != value {
                trial.attack(&format!("{table:?} swapped"), |at| {
                    set(at, table, key, Some(other));
                    set(at, table, other_key, Some(value));
                });
            }
            let mut near = key.clone();
            match near.last_mut() {
                Some(last) => *last ^= 1,
                // The path of the root.
                None => near.push(9),
            }
            if table != Table::State {
                trial.attack(&format!("{table:?} doubled under a neighbour's key"), |at| {
                    set(at, table, &near, Some(value));
                });
            }
        }
        // Every row of each old copy that is not there now, or is another, put back by itself.
        let mut tried = BTreeSet::new();
        for copy in &old {
            for (key, value) in rows(copy, table) {
                if !present.contains(&(key.clone(), value.clone()))
                    && tried.insert((key.clone(), value.clone()))
                {
                    trial.attack(&format!("{table:?} put back"), |at| set(at, table, &key, Some(&value)));
                }
            }
            let others: Vec<Table> = Table::ALL.into_iter().filter(|other| *other != table).collect();
            let (all, but) = (format!("all of {table:?} put back"), format!("all but {table:?} put back"));
            if table == Table::State {
                trial.attack_state(&all, |at| put_back(copy, at, &[table]));
                trial.attack(&but, |at| put_back(copy, at, &others));
            } else {
                trial.attack(&all, |at| put_back(copy, at, &[table]));
                trial.attack_state(&but, |at| put_back(copy, at, &others));
            }
        }
    }
    // One copy of the state is enough, and only one of them an old one does nothing.
    for copy in &old {
        let (key, value) = rows(copy, Table::State).remove(0);
        trial.attack("one of two states put back", |at| set(at, Table::State, &key, Some(&value)));
    }
    let (mut tried, mut refused) = (0, 0);
    for (kind, tally) in &trial.tally {
        println!(
            "{kind}: {} tried, {} refused when read, {} unseen by verify-store",
            tally.tried, tally.refused, tally.unseen
        );
        tried += tally.tried;
        refused += tally.refused;
        // Of the rows that prove nothing, one whose value says nothing is all that may go unseen.
        assert!(
            tally.unseen == 0 || kind.starts_with("one of two") || kind.contains("Use"),
            "{kind}: {}",
            tally.unseen
        );
    }
    println!("{tried} attacks, {refused} refused by a read, 0 showed other content");
    assert!(tried > 500);
}

#[test]
fn the_whole_put_back_under_a_running_process_is_seen_with_a_guard_and_without() {
    let victim = Victim::new();
    for copy in &victim.old {
        let engine = victim.engine.copy();
        let running = victim.open(&engine).unwrap();
        running.entries(None, 1).unwrap();
        put_back(copy, &engine, &Table::ALL);
        assert_eq!(running.entries(None, 1).unwrap_err().code(), "store_rolled_back");
        let refused = running.import_authority(&"new".parse().unwrap(), root("New").file(), now());
        assert_eq!(refused.unwrap_err().code(), "store_rolled_back");
        // The copy grows beyond what the process saw: another history.
        let other = victim.open(&engine).unwrap();
        for n in 0..20 {
            let alias = format!("x{n}").parse().unwrap();
            other.import_authority(&alias, root(&format!("X{n}")).file(), now()).unwrap();
        }
        let error = running.entries(None, 1).unwrap_err();
        assert_eq!(error.code(), "store_rolled_back");
        assert!(error.to_string().contains("another history"), "{error}");
    }
}

/// A store in a file, with its guard outside.
fn guarded() -> (Scratch, OpenOptions, tempfile::TempDir) {
    let scratch = Scratch::new(now());
    let outside = tempfile::tempdir().unwrap();
    let mut options = OpenOptions::default();
    options.rollback_guard = Some(outside.path().join("guard"));
    options.accept_rollback = Some(now());
    drop(Keystore::open_with(&scratch.path(), &scratch.unlock, &options).unwrap());
    options.accept_rollback = None;
    (scratch, options, outside)
}

#[test]
fn a_guarded_store_says_so_and_a_fork_that_has_grown_is_seen() {
    let (scratch, options, _outside) = guarded();
    let (path, unlock) = (scratch.path(), &scratch.unlock);
    drop(scratch.keystore);
    let refused = Keystore::open(&path, unlock).unwrap_err();
    assert_eq!(refused.code(), "store_guarded");
    let copy: Vec<(std::path::PathBuf, Vec<u8>)> = fs::read_dir(scratch.folder.path())
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.to_string_lossy().contains("keystore.db"))
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    let keystore = Keystore::open_with(&path, unlock, &options).unwrap();
    keystore.import_authority(&"acknowledged".parse().unwrap(), root("A").file(), now()).unwrap();
    drop(keystore);
    for (path, content) in &copy {
        fs::write(path, content).unwrap();
    }
    let older = Keystore::open_with(&path, unlock, &options).unwrap_err();
    assert_eq!(older.code(), "store_rolled_back");
    let mut without = OpenOptions::default();
    without.without_guard = true;
    let fork = Keystore::open_with(&path, unlock, &without).unwrap();
    for n in 0..5 {
        let alias = format!("x{n}").parse().unwrap();
        fork.import_authority(&alias, root(&format!("X{n}")).file(), now()).unwrap();
    }
    drop(fork);
    let grown = Keystore::open_with(&path, unlock, &options).unwrap_err();
    assert_eq!(grown.code(), "store_rolled_back");
    assert!(grown.to_string().contains("another history"), "{grown}");
}

#[test]
fn every_change_of_the_schema_is_refused() {
    let changes = [
        "CREATE TABLE further (x)",
        "CREATE TRIGGER t AFTER INSERT ON record BEGIN DELETE FROM log; END",
        "CREATE VIEW v AS SELECT * FROM record",
        "CREATE INDEX lying ON record (substr(value, 1, 1))",
        "DROP TABLE usage",
        "DROP TABLE node; CREATE TABLE node (path BLOB PRIMARY KEY, body BLOB NOT NULL)",
        "DROP TABLE record; CREATE TABLE record (key BLOB, value BLOB NOT NULL, number INTEGER AS (1)) STRICT",
        "ALTER TABLE log ADD COLUMN more BLOB",
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'STRICT', 'strict') WHERE name = 'state'",
    ];
    for change in changes {
        let scratch = Scratch::new(now());
        scratch.keystore.import_authority(&"root".parse().unwrap(), root("Root").file(), now()).unwrap();
        Connection::open(scratch.path()).unwrap().execute_batch(change).unwrap();
        let error = Keystore::open(&scratch.path(), &scratch.unlock).unwrap_err();
        assert_eq!(error.code(), "store_corrupt", "{change}: {error}");
        assert!(error.to_string().contains("schema"), "{change}: {error}");
        // Who has it open reads on only what he can prove.
        if let Ok(entries) = scratch.keystore.entries(None, 10) {
            assert_eq!(entries.len(), 1, "{change}");
        }
    }
}

#[test]
fn a_store_of_another_put_in_place_opens_under_no_key_that_was_made_for_this_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keystore.db");
    let unlock = UnlockKey::generate_bound().unwrap();
    drop(Keystore::create(&path, &unlock, now()).unwrap());
    fs::remove_file(&path).unwrap();
    for suffix in ["-wal", "-shm"] {
        let _ = fs::remove_file(folder.path().join(format!("keystore.db{suffix}")));
    }
    // He even knows a key of his own that opens it.
    drop(Keystore::create(&path, &UnlockKey::generate_bound().unwrap(), now()).unwrap());
    let error = Keystore::open(&path, &unlock).unwrap_err();
    assert_eq!(error.code(), "key_of_another_store");
}

#[test]
fn more_than_eight_slots_are_refused_before_any_work() {
    let victim = Victim::new();
    let engine = victim.engine.copy();
    let slot = rows(&engine, Table::Record).into_iter().find(|(key, _)| key[0] == 0xb0).unwrap();
    for number in 1..200_u8 {
        set(&engine, Table::Record, &[0xb0, number], Some(&slot.1));
    }
    let error = victim.open(&engine).unwrap_err();
    assert_eq!(error.code(), "store_corrupt");
    assert!(error.to_string().contains("eight slots"), "{error}");
}

#[test]
fn a_former_slot_put_back_opens_nothing() {
    let victim = Victim::new();
    let engine = victim.engine.copy();
    let keystore = victim.open(&engine).unwrap();
    let next = UnlockKey::generate().unwrap();
    let former = rows(&engine, Table::Record).into_iter().find(|(key, _)| key == &[0xb0, 0]).unwrap();
    let source = strongroom::UnlockSource::KeyFile(String::new());
    keystore.change_unlock(&victim.unlock, source, &next, now()).unwrap();
    set(&engine, Table::Record, &former.0, Some(&former.1));
    let error = victim.open(&engine).unwrap_err();
    assert_eq!(error.code(), "store_corrupt");
    assert!(error.to_string().contains("the slot that opens the store"), "{error}");
}
