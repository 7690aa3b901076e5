//! Whole files put back or in another's place, with a rollback guard and without, and schemas that are not ours.

use std::fs;

use rusqlite::Connection;
use strongroom::{Keystore, UnlockKey, keystore::OpenOptions};
use strongroom_tests::{
    authority::{now, root},
    scratch::Scratch,
};

/// A store in a file, with its guard outside.
fn guarded() -> (Scratch, OpenOptions, tempfile::TempDir) {
    let scratch = Scratch::new(now());
    let outside = tempfile::tempdir().unwrap();
    let options = Keystore::options(scratch.path()).rollback_guard(outside.path().join("guard"));
    drop(options.clone().accept_rollback(now()).open(&scratch.unlock).unwrap());
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
    let keystore = options.clone().open(unlock).unwrap();
    keystore.import_authority(&"acknowledged".parse().unwrap(), root("A").file(), now()).unwrap();
    drop(keystore);
    for (path, content) in &copy {
        fs::write(path, content).unwrap();
    }
    let older = options.clone().open(unlock).unwrap_err();
    assert_eq!(older.code(), "store_rolled_back");
    let fork = Keystore::options(&path).without_rollback_guard().open(unlock).unwrap();
    for n in 0..5 {
        let alias = format!("x{n}").parse().unwrap();
        fork.import_authority(&alias, root(&format!("X{n}")).file(), now()).unwrap();
    }
    drop(fork);
    let grown = options.clone().open(unlock).unwrap_err();
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
        let error = Keystore::open(scratch.path(), &scratch.unlock).unwrap_err();
        assert_eq!(error.code(), "store_corrupt", "{change}: {error}");
        assert!(error.to_string().contains("schema"), "{change}: {error}");
        // Who has it open reads on only what he can prove.
        if let Ok(entries) = scratch.keystore.page(None, 10, now()) {
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
