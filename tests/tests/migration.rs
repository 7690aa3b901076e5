//! Stores that older programs made: opened, brought up to date, and whole afterwards.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use strongroom::{Error, Keystore, StoreError, UnlockKey};
use strongroom_tests::{authority::now, manifest};
use tempfile::TempDir;

/// A store of schema 1 as its program left it: entries Root, www (two versions), www_intermediate and Direct.
fn schema_1() -> (TempDir, PathBuf, UnlockKey) {
    let folder = tempfile::tempdir().unwrap();
    for (from, to) in [("schema-1.db", "keystore.db"), ("schema-1.key", "keystore.key")] {
        let path = folder.path().join(to);
        fs::write(&path, manifest::read(&format!("stores/{from}"))).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let unlock = UnlockKey::read_file(&folder.path().join("keystore.key")).unwrap();
    let path = folder.path().join("keystore.db");
    (folder, path, unlock)
}

#[test]
fn schema_1_is_migrated_whole_and_only_for_writing() {
    let (_folder, path, unlock) = schema_1();
    let refused = Keystore::open_read_only(&path, &unlock).unwrap_err();
    assert!(matches!(refused, Error::Store(StoreError::SchemaOutdated { found: 1, known: 2 })), "{refused}");
    let wrong = UnlockKey::generate().unwrap();
    let before = fs::read(&path).unwrap();
    assert_eq!(Keystore::open(&path, &wrong).unwrap_err().code(), "wrong_unlock_key");
    assert_eq!(fs::read(&path).unwrap(), before, "a wrong key changes nothing");

    let mut keystore = Keystore::open(&path, &unlock).unwrap();
    let report = keystore.verify_store().unwrap();
    assert_eq!(report.problems, []);
    assert_eq!((report.entries, report.versions, report.keys, report.administrators), (4, 5, 3, 1));
    let aliases: Vec<String> =
        keystore.entries(None, 10).unwrap().iter().map(|entry| entry.alias.to_string()).collect();
    assert_eq!(aliases, ["Direct", "Root", "www", "www_intermediate"]);
    let www = "www".parse().unwrap();
    assert_eq!(keystore.entry(&www).unwrap().certificate.subject, "CN=shop.fixture.test");
    assert_eq!(keystore.entry_at(&www, 1).unwrap().certificate.subject, "CN=www.fixture.test");
    assert_eq!(keystore.credential(&www).unwrap().served.len(), 1);
    assert_eq!(keystore.undo(&www, now()).unwrap().certificate.subject, "CN=www.fixture.test");
    assert_eq!(keystore.credential(&www).unwrap().served.len(), 2);
    drop(keystore);
    assert_eq!(Keystore::open_read_only(&path, &unlock).unwrap().verify_store().unwrap().problems, []);
}

#[test]
fn two_processes_that_migrate_at_once_both_open_it() {
    let (_folder, path, _) = schema_1();
    let key = path.with_file_name("keystore.key");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let unlock = UnlockKey::read_file(&key).unwrap();
                let mut keystore = Keystore::open(&path, &unlock).unwrap();
                assert_eq!(keystore.entries(None, 10).unwrap().len(), 4);
            });
        }
    });
}
