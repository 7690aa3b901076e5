//! D6: no space. A small file system in memory, a small ext4 on a disk image; the third way, a limit on the size of
//! files, is tested with the command (`administration.rs`).

use std::{collections::BTreeSet, fs, path::Path};

use strongroom::{Alias, Error, Keystore, keystore::KeptSlot, seal::UnlockSource, store::Journal};
use strongroom_tests::{
    authority::now,
    machine::{is_root, may_mount, mount, runs},
};

use crate::bench::Bench;

/// Fills the file system of a store with imports, then tries each kind of change in the full one. `ballast` KiB are
/// taken from the start, and given back in the end.
#[track_caller]
fn fill(name: &str, journal: Journal, ballast: usize, mounted: impl FnOnce(&Path)) {
    let bench = Bench::on(journal, mounted);
    let spare = bench.dir().join("spare");
    fs::write(&spare, vec![1; ballast << 10]).unwrap();
    let alias = |name: &str| name.parse::<Alias>().unwrap();
    let keystore = bench.open();
    let mut kept = vec!["kept".to_owned()];
    let mut refused = Vec::new();
    let mut note = |what: &str, done: Result<(), Error>| match done {
        Ok(()) => true,
        Err(error) => {
            refused.push((what.to_owned(), error.code()));
            false
        }
    };
    while kept.len() < 10_000 {
        let name = format!("f-{}", kept.len());
        if !note("import", keystore.import_credential(bench.request(&name, "a")).map(drop)) {
            break;
        }
        kept.push(name);
    }
    let imported = kept.len() - 1;
    let mut other = bench.request("kept", "b");
    other.options.replace = true;
    note("replace", keystore.import_credential(other).map(drop));
    if note("rename", keystore.rename(&alias("kept"), &alias("moved"), now())) {
        kept[0] = "moved".to_owned();
    }
    if note("remove", keystore.remove(&alias("f-1"), false, now()).map(drop)) {
        kept.remove(1);
    }
    let (unlock, source) = (bench.unlock(), || UnlockSource::KeyFile(String::new()));
    note("passwd", keystore.change_unlock(&unlock, source(), &unlock, now()).map(drop));
    note("rekey", keystore.rekey(&[KeptSlot::new(0, source(), &unlock)], now()));
    note("second process", Keystore::open(bench.db(), &unlock).map(drop));
    println!("D6 {name}, {}: {imported} imported, then {refused:?}", journal.as_str());
    whole(&keystore, &kept);
    drop(keystore);

    fs::remove_file(spare).unwrap();
    let keystore = bench.open();
    whole(&keystore, &kept);
    keystore.import_credential(bench.request("after", "a")).unwrap();
    keystore.remove(&alias(&kept[0]), false, now()).unwrap();
    keystore.rekey(&[KeptSlot::new(0, source(), &unlock)], now()).unwrap();
    kept[0] = "after".to_owned();
    whole(&keystore, &kept);
    assert!(imported > 0);
    let codes: BTreeSet<&str> = refused.iter().map(|(_, code)| *code).collect();
    assert_eq!(codes, BTreeSet::from(["store_full"]), "{refused:?}");
    assert_eq!(refused[0].0, "import");
}

/// The store verifies, and has these servers and the root.
#[track_caller]
fn whole(keystore: &Keystore, kept: &[String]) {
    let report = keystore.verify_store().unwrap();
    assert_eq!(report.problems, []);
    assert_eq!(report.entries, u64::try_from(kept.len()).unwrap() + 1);
    for name in kept {
        keystore.credential(&name.parse().unwrap(), now()).unwrap();
    }
}

#[test]
fn d6_small_file_system_in_memory() {
    if may_mount("full::d6_small_file_system_in_memory") {
        for journal in [Journal::Wal, Journal::Rollback] {
            fill("tmpfs of 2 MiB", journal, 1664, |dir| {
                mount(&["-t", "tmpfs", "-o", "size=2m", "none", dir.to_str().unwrap()]);
            });
        }
    }
}

#[test]
fn d6_small_file_system_on_a_disk_image() {
    let test = "d6_small_file_system_on_a_disk_image";
    if !is_root() || !Path::new("/dev/loop-control").exists() || !runs("mkfs.ext4", &["-V"]) {
        println!("D6 {test}: SKIPPED: needs root, loop devices and mkfs.ext4");
        return;
    }
    if may_mount(&format!("full::{test}")) {
        for journal in [Journal::Wal, Journal::Rollback] {
            fill("ext4 of 4 MiB", journal, 3456, |dir| {
                let image = dir.with_extension("image");
                fs::File::create(&image).unwrap().set_len(4 << 20).unwrap();
                let image = image.to_str().unwrap();
                assert!(runs("mkfs.ext4", &["-q", "-F", "-m", "0", "-O", "^has_journal", image]));
                mount(&["-o", "loop", image, dir.to_str().unwrap()]);
            });
        }
    }
}
