//! The log out of the store: what is cut is proved, and all who read the log go on.

#[path = "rotation/attacks.rs"]
mod attacks;
#[path = "rotation/command.rs"]
mod command;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use strongroom::{
    Alias, Error, Keystore, UnixTime, UnlockKey,
    engine::{Engine as _, MemoryEngine, Row, Table},
    export::{Export, ExportFormat, Overwrite, PresentFile},
    keystore::{Backup, LogRetention, OpenOptions, Refusals, RestoreOptions},
    store::{LogSegment, StoreError},
};
use strongroom_tests::{
    authority::{leaf_params, now, root},
    command::{Shop, WWW, fine, refused},
    scratch::Scratch,
};
use tempfile::TempDir;

fn later(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(now().as_secs() + seconds))
}

fn alias(name: &str) -> Alias {
    name.parse().unwrap()
}

/// So many rows more: nothing but refused sign-ins.
fn rows(keystore: &Keystore, count: usize) {
    for _ in 0..count {
        keystore.log_refusals(Refusals::one([192, 0, 2, 1].into()), now()).unwrap();
    }
}

fn keep(rows: u32) -> LogRetention {
    let mut retention = LogRetention::default();
    retention.keep = Some(rows);
    retention
}

fn rotate(keystore: &Keystore, to: &Path, retention: LogRetention) -> LogSegment {
    keystore.rotate_log(to, retention, now()).unwrap().unwrap()
}

fn code<T>(done: Result<T, Error>) -> &'static str {
    done.map(drop).map_or_else(|error| error.code(), |()| "done")
}

/// A store in a file, with its guard and a copy of that outside.
struct Guarded {
    folder: TempDir,
    unlock: UnlockKey,
    outside: TempDir,
}

impl Guarded {
    fn new() -> Self {
        let Scratch { folder, unlock, keystore, .. } = Scratch::new(now());
        drop(keystore);
        let guarded = Self { folder, unlock, outside: tempfile::tempdir().unwrap() };
        drop(guarded.options().accept_rollback(now()).open(&guarded.unlock).unwrap());
        guarded
    }

    fn path(&self, name: &str) -> PathBuf {
        self.outside.path().join(name)
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("keystore.db")
    }

    fn options(&self) -> OpenOptions {
        Keystore::options(self.store()).rollback_guard(self.path("guard"))
    }

    fn open(&self) -> Keystore {
        self.options().open(&self.unlock).unwrap()
    }

    fn keep_guard(&self, name: &str) {
        fs::copy(self.path("guard"), self.path(name)).unwrap();
    }

    /// Opened with the guard of another machine, which was kept under a name.
    fn with(&self, guard: &str, segment: Option<&str>) -> Result<Keystore, Error> {
        let options = Keystore::options(self.store()).rollback_guard(self.path(guard));
        let options = match segment {
            Some(segment) => options.log_segment(self.path(segment)),
            None => options,
        };
        options.open(&self.unlock)
    }
}

/// More than a thousand rows, of which all but the last go in two cuts; guards from before, between and after.
#[test]
fn a_guard_at_a_row_that_was_cut_is_taken_with_the_file_that_has_it() {
    let guarded = Guarded::new();
    let keystore = guarded.open();
    rows(&keystore, 500);
    guarded.keep_guard("early");
    let at = keystore.log_tail(1).unwrap()[0].number;
    rows(&keystore, usize::try_from(1_000 - at).unwrap());
    guarded.keep_guard("thousand");
    rows(&keystore, 300);
    guarded.keep_guard("between");
    rows(&keystore, 300);
    let first = rotate(&keystore, &guarded.path("one"), keep(100));
    assert_eq!((first.first, first.last), (1, 1_500));
    rows(&keystore, 1_400);
    guarded.keep_guard("late");
    let second = rotate(&keystore, &guarded.path("two"), keep(10));
    assert_eq!((second.first, second.last), (1_501, 2_991));
    rows(&keystore, 5);
    drop(keystore);

    // The one at the thousandth row and the one shortly before the cut are known without a file.
    for guard in ["thousand", "late", "guard"] {
        assert_eq!(code(guarded.with(guard, None)), "done", "{guard}");
    }
    for guard in ["early", "between"] {
        let error = guarded.with(guard, None).unwrap_err();
        assert_eq!(error.code(), "log_rotated", "{guard}");
        assert!(
            error.to_string().contains("rows up to 2991") && !error.to_string().contains("older copy"),
            "{error}"
        );
        assert!(error.help().unwrap().contains("--log-segment FILE"), "{error}");
        assert_eq!(code(guarded.with(guard, Some("two"))), "bad_log_segment", "{guard}");
        // A reader needs it each time, and after a change nobody does.
        let read = guarded.options().rollback_guard(guarded.path(guard)).log_segment(guarded.path("one"));
        let read = read.read_only().open(&guarded.unlock).unwrap();
        assert_eq!(read.log_tail(1).unwrap()[0].action, "refusals");
        drop(read);
        assert_eq!(code(guarded.with(guard, None)), "log_rotated", "{guard}");
        let write = guarded.with(guard, Some("one")).unwrap();
        rows(&write, 1);
        drop(write);
        assert_eq!(code(guarded.with(guard, None)), "done", "{guard}: moved on");
    }
}

/// An older copy that has grown, and whose log was cut behind where the guard stands, is no way around the guard.
#[test]
fn a_fork_whose_log_was_cut_does_not_pass_the_guard() {
    let guarded = Guarded::new();
    let keystore = guarded.open();
    rows(&keystore, 50);
    drop(keystore);
    let old = fs::read(guarded.store()).unwrap();
    let keystore = guarded.open();
    keystore.import_authority(&alias("acknowledged"), root("A").file(), now()).unwrap();
    drop(keystore);
    guarded.keep_guard("kept");
    fs::write(guarded.store(), old).unwrap();
    let fork = Keystore::options(guarded.store()).without_rollback_guard();
    let fork = fork.open(&guarded.unlock).unwrap();
    rows(&fork, 1_600);
    rotate(&fork, &guarded.path("fork"), LogRetention::default());
    drop(fork);
    // What is known of the rows does not go back so far; the file shows that the row is another.
    assert_eq!(code(guarded.with("kept", None)), "log_rotated");
    let error = guarded.with("kept", Some("fork")).unwrap_err();
    assert_eq!(error.code(), "store_rolled_back");
    assert!(error.to_string().contains("another history"), "{error}");
    // Nor with a file that he made himself: it does not lead to what the store has a record of.
    let lines = fs::read_to_string(guarded.path("fork")).unwrap();
    let cut: Vec<&str> = lines.lines().take(3).collect();
    fs::write(guarded.path("made"), cut.join("\n") + "\n").unwrap();
    assert_eq!(code(guarded.with("kept", Some("made"))), "bad_log_segment");
    // By name it is taken, as everything else.
    drop(guarded.options().accept_rollback(now()).open(&guarded.unlock).unwrap());
    drop(guarded.open());
}

/// A process that has not looked for more rows than are remembered says so, and no other store passes for this one.
#[test]
fn a_process_that_was_away_for_long_says_that_the_log_was_rotated() {
    let engine = MemoryEngine::new(false);
    let unlock = UnlockKey::generate().unwrap();
    let keystore = Keystore::create_on_engine(Box::new(engine.clone()), &unlock, now()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let open = || Keystore::open_on_engine(Box::new(engine.clone()), &unlock).unwrap();
    let long = open();
    rows(&keystore, 1_100);
    let short = open();
    let generation = short.generation().unwrap();
    rows(&keystore, 700);
    rotate(&keystore, &folder.path().join("log"), LogRetention::default());
    assert_eq!(short.log(0, 10).unwrap().len(), 1);
    let changes = short.wait_change(&generation, Duration::ZERO).unwrap().unwrap();
    assert!(changes.everything, "what the rows said is not known any more");
    let error = long.log(0, 10).unwrap_err();
    assert_eq!(error.code(), "log_rotated");
    assert!(error.to_string().contains("this process saw the store last at row 1"), "{error}");
    assert_eq!(code(long.import_authority(&alias("a"), root("A").file(), now())), "log_rotated");
    assert_eq!(open().verify_store().unwrap().problems, []);
}

/// Everybody who reads the log has the answers of before.
#[test]
fn who_asks_the_log_for_the_past_has_the_same_answers_after_a_cut() {
    let scratch = Scratch::new(now());
    let keystore = &scratch.keystore;
    let ca = root("Root");
    keystore.import_authority(&alias("root"), ca.file(), now()).unwrap();
    let credential = ca.issue(&leaf_params("www.test"), &[]);
    keystore
        .import_credential(strongroom::keystore::CredentialRequest::new(alias("www"), credential, now()))
        .unwrap();
    let target = "/srv/my_site/www.pem";
    let export = || {
        let mut export = Export::new(ExportFormat::Pem);
        export.target = target.to_owned();
        export
    };
    let first = keystore.export(&alias("www"), &export(), now()).unwrap().files.remove(0);
    let credential = ca.issue(&leaf_params("www.test"), &[]);
    let mut request = strongroom::keystore::CredentialRequest::new(alias("www"), credential, now());
    request.options.replace = true;
    keystore.import_credential(request).unwrap();
    keystore.backup(&scratch.folder.path().join("copy.db"), later(5)).unwrap();
    keystore.rename(&alias("root"), &alias("root-2"), later(6)).unwrap();
    rows(keystore, 5);
    assert_eq!(code(keystore.remove(&alias("nobody"), false, later(7))), "not_found");
    let asked = |keystore: &Keystore| {
        let (change, backup) = (keystore.last_change().unwrap(), keystore.last_backup().unwrap());
        (change, backup, format!("{:?}", keystore.history(&alias("www")).unwrap()))
    };
    let truth = asked(keystore);
    assert_eq!(
        (truth.0.as_ref().unwrap().action.as_str(), truth.0.as_ref().unwrap().at),
        ("rename", later(6))
    );
    assert_eq!(truth.1.as_ref().unwrap().at, later(5));
    // Twice: what stays of the first cut stays over the second.
    for name in ["one", "two"] {
        rotate(keystore, &scratch.folder.path().join(name), LogRetention::default());
        assert_eq!(asked(keystore), truth, "{name}");
    }
    // The file there is the one of the last export, so it may be replaced; another one may not.
    let mut again = export();
    again.overwrite = Overwrite::IfChanged;
    let present = [PresentFile::new(target, b"somebody else's")];
    again.present = &present;
    assert_eq!(code(keystore.export(&alias("www"), &again, now())), "file_changed");
    let present = [PresentFile::new(target, &first.bytes)];
    again.present = &present;
    assert_eq!(keystore.export(&alias("www"), &again, now()).unwrap().files.len(), 1);
}

#[test]
fn copies_and_the_ways_back_keep_the_log_as_it_is() {
    let scratch = Scratch::new(now());
    let keystore = &scratch.keystore;
    let path = |name: &str| scratch.folder.path().join(name);
    keystore.import_authority(&alias("root"), root("Root").file(), now()).unwrap();
    rows(keystore, 20);
    keystore.backup(&path("before.db"), now()).unwrap();
    let segment = rotate(keystore, &path("log"), keep(4));
    keystore.backup(&path("after.db"), now()).unwrap();
    keystore.salvage(&path("salvaged.db"), now()).unwrap();
    let cut = keystore.log_cut().unwrap();
    for copy in ["after.db", "salvaged.db"] {
        let opened = Keystore::open_read_only(path(copy), &scratch.unlock).unwrap();
        assert_eq!(
            (opened.verify_store().unwrap().problems, opened.log_cut().unwrap()),
            (vec![], cut),
            "{copy}"
        );
        assert_eq!(opened.proven_rows(&segment).unwrap(), segment.last, "{copy}");
    }
    // The log goes on from today's, whatever the backup had of it.
    for backup in ["before.db", "after.db"] {
        let backup = Backup::open(&path(backup), &scratch.path(), &scratch.unlock).unwrap();
        keystore.restore(&backup, None, RestoreOptions::default(), now()).unwrap();
        assert_eq!(keystore.log_cut().unwrap(), cut);
        assert_eq!(keystore.verify_store().unwrap().problems, []);
    }
    assert_eq!(keystore.log(0, 100).unwrap()[0].number, segment.last + 1);
}

#[test]
fn rows_that_stay_are_those_that_both_say_and_nothing_of_the_others_is_in_the_store() {
    let scratch = Scratch::new(now());
    let keystore = &scratch.keystore;
    let path = |name: &str| scratch.folder.path().join(name);
    for n in 1..=10_u64 {
        let from = Refusals::one([203, 0, 113, u8::try_from(n).unwrap()].into());
        keystore.log_refusals(from, later(n * 100)).unwrap();
    }
    let mut both = keep(3);
    // Row 1 made the store; row n + 1 came after n times 100 seconds.
    both.since = Some(later(500));
    assert_eq!(rotate(keystore, &path("a"), both).last, 5, "rows from 500 seconds on stay");
    both.keep = Some(20);
    assert_eq!(keystore.rotate_log(&path("none"), both, now()).unwrap(), None);
    assert!(!path("none").exists());
    let of_address = |last: u8| {
        let address = format!("from 203.0.113.{last}\u{0}");
        let address = address.trim_end_matches('\u{0}').as_bytes().to_vec();
        let files = ["keystore.db", "keystore.db-wal"].map(|name| fs::read(path(name)).unwrap_or_default());
        files.iter().any(|content| content.windows(address.len()).any(|window| window == address))
    };
    assert_eq!((of_address(3), of_address(4), of_address(8)), (false, false, true));
    // A file that is there is never written over, and what failed leaves none.
    let there = fs::read(path("a")).unwrap();
    assert_eq!(code(keystore.rotate_log(&path("a"), LogRetention::default(), now())), "file_exists");
    assert_eq!(fs::read(path("a")).unwrap(), there);
    let missing = scratch.folder.path().join("no/such/folder/log");
    assert!(keystore.rotate_log(&missing, LogRetention::default(), now()).is_err());
    assert_eq!(keystore.log_cut().unwrap().unwrap().number, 5);
    // A writer in between: the cut is refused, and its file goes.
    let read_only = Keystore::open_read_only(scratch.path(), &scratch.unlock).unwrap();
    match read_only.rotate_log(&path("b"), LogRetention::default(), now()) {
        Err(Error::Store(StoreError::ReadOnly)) => {}
        other => panic!("{other:?}"),
    }
    assert!(
        !path("b").exists()
            && fs::read_dir(scratch.folder.path())
                .unwrap()
                .all(|file| { !file.unwrap().file_name().to_string_lossy().contains("partial") })
    );
}
