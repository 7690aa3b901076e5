//! D8: the store's place under other hands: another owner, files that cannot be changed, a folder that is moved away.
//! Modes, links and a foreign `-wal` are in `administration.rs` and `store.rs`.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, chown},
    path::Path,
    process::Command,
};

use strongroom::{
    Alias, Error, Keystore,
    keystore::KeptSlot,
    store::{Journal, StoreError},
};
use strongroom_tests::authority::now;

use crate::bench::{Bench, write_private};

fn alias(name: &str) -> Alias {
    name.parse().unwrap()
}

fn open(bench: &Bench) -> Result<Keystore, Error> {
    Keystore::open(bench.db(), &bench.unlock())
}

#[test]
fn d8_files_of_another_user_are_refused() {
    let own = fs::metadata("/proc/self").unwrap().uid();
    let bench = Bench::new(Journal::Wal);
    let stranger = own + 4321;
    if chown(bench.db(), Some(stranger), None).is_err() {
        println!("D8 another owner: SKIPPED: only root can give a file away");
        return;
    }
    let check = |path: &Path| {
        chown(path, Some(stranger), None).unwrap();
        let error = open(&bench).unwrap_err();
        assert_eq!(error.code(), "store_permission", "{}", path.display());
        assert_eq!(error.to_string(), format!("{} belongs to another user (uid {stranger})", path.display()));
        assert!(error.help().unwrap().ends_with(&format!("chown \"$(id -u)\" {}", path.display())));
        chown(path, Some(own), None).unwrap();
    };
    check(&bench.db());
    check(&bench.dir());
    for side in ["-wal", "-shm", "-journal"] {
        let path = bench.dir().join(format!("keystore.db{side}"));
        let made = !path.exists();
        if made {
            write_private(&path, b"");
        }
        check(&path);
        if made {
            fs::remove_file(path).unwrap();
        }
    }
    assert_eq!(open(&bench).unwrap().verify_store().unwrap().problems, []);
}

/// Sets or takes the immutable flag (chattr(1)); false where that is not possible.
fn immutable(path: &Path, on: bool) -> bool {
    let flag = if on { "+i" } else { "-i" };
    Command::new("chattr").arg(flag).arg(path).output().is_ok_and(|output| output.status.success())
}

/// Gives the flag back also when a test fails, so that its folder can be removed.
struct Immutable<'p>(&'p Path);

impl Drop for Immutable<'_> {
    fn drop(&mut self) {
        immutable(self.0, false);
    }
}

#[test]
fn d8_an_immutable_store_is_read_and_not_written() {
    for journal in [Journal::Wal, Journal::Rollback] {
        let bench = Bench::new(journal);
        let path = bench.db();
        if !immutable(&path, true) {
            println!("D8 immutable: SKIPPED: chattr +i needs root, and a file system that has the flag");
            return;
        }
        let flag = Immutable(&path);
        let keystore = open(&bench).unwrap();
        keystore.credential(&alias("kept"), now()).unwrap();
        let refused = keystore.import_credential(bench.request("new", "a")).unwrap_err();
        assert_eq!(refused.code(), "store_read_only", "{}", journal.as_str());
        assert_eq!(keystore.remove(&alias("kept"), false, now()).unwrap_err().code(), "store_read_only");
        drop(keystore);
        drop(flag);
        let keystore = open(&bench).unwrap();
        keystore.import_credential(bench.request("new", "a")).unwrap();
        assert_eq!(keystore.verify_store().unwrap().problems, []);
    }
}

#[test]
fn d8_an_immutable_folder_is_read_and_not_written() {
    let bench = Bench::new(Journal::Rollback);
    let dir = bench.dir();
    if !immutable(&dir, true) {
        println!("D8 immutable folder: SKIPPED: chattr +i needs root, and a file system that has the flag");
        return;
    }
    let flag = Immutable(&dir);
    let keystore = open(&bench).unwrap();
    keystore.credential(&alias("kept"), now()).unwrap();
    let refused = keystore.import_credential(bench.request("new", "a")).unwrap_err();
    assert_eq!(refused.code(), "store_read_only");
    drop(flag);
    keystore.import_credential(bench.request("new", "a")).unwrap();
    assert_eq!(keystore.verify_store().unwrap().problems, []);
}

/// The folder is moved away while the store is open, and something else stands in its place: an import that nobody
/// would find is not acknowledged, and what stands there is not touched.
#[test]
fn d8_a_folder_that_is_swapped_while_the_store_is_open_gets_no_acknowledged_import() {
    for journal in [Journal::Wal, Journal::Rollback] {
        for replacement in ["nothing", "a copy", "another store"] {
            let bench = Bench::new(journal);
            let keystore = open(&bench).unwrap();
            keystore.import_credential(bench.request("early", "a")).unwrap();
            let (dir, away) = (bench.dir(), bench.folder.path().join("away"));
            let copy = bench.snapshot();
            fs::rename(&dir, &away).unwrap();
            match replacement {
                "a copy" => {
                    fs::create_dir(&dir).unwrap();
                    crate::bench::narrow(&dir, 0o700);
                    copy.iter().for_each(|(path, content)| write_private(path, content));
                }
                "another store" => fs::rename(Bench::new(journal).dir(), &dir).unwrap(),
                _ => {}
            }
            let before = dir.exists().then(|| crate::bench::files(&dir));
            let context = format!("{} {replacement}", journal.as_str());
            let replaced = |done: Result<(), Error>| match done {
                Err(Error::Store(StoreError::Replaced { path })) => assert_eq!(path, bench.db(), "{context}"),
                other => panic!("{context}: {other:?}"),
            };
            replaced(keystore.import_credential(bench.request("late", "a")).map(drop));
            replaced(keystore.remove(&alias("kept"), false, now()).map(drop));
            replaced(keystore.rename(&alias("kept"), &alias("moved"), now()));
            let unlock = bench.unlock();
            let source = strongroom::seal::UnlockSource::KeyFile(String::new());
            replaced(keystore.rekey(&[KeptSlot::new(0, source, &unlock)], now()));
            assert!(dir.exists().then(|| crate::bench::files(&dir)) == before, "{context}: it was touched");

            // Put back, it goes on.
            if dir.exists() {
                fs::rename(&dir, bench.folder.path().join("other")).unwrap();
            }
            fs::rename(&away, &dir).unwrap();
            keystore.import_credential(bench.request("late", "a")).unwrap();
            assert_eq!(keystore.verify_store().unwrap().problems, []);
            assert_eq!(
                keystore.page(None, 10, now()).unwrap().len(),
                4,
                "{context}: early, kept, late, root"
            );
        }
    }
}
