//! D2: every call that can fail does, once and from then on, with ENOSPC and with EIO.

use std::collections::BTreeSet;

use strongroom::{
    Alias, Error, Keystore,
    store::{Journal, StoreError},
};

use crate::bench::{Bench, acknowledged, scaled};

fn present(keystore: &Keystore, name: &str) -> bool {
    let alias: Alias = name.parse().unwrap();
    match keystore.credential(&alias, strongroom_tests::authority::now()) {
        Ok(_) => true,
        Err(Error::Store(StoreError::NotFound { .. })) => false,
        Err(other) => panic!("{name}: {other}"),
    }
}

/// What was acknowledged holds; what was refused is as before or done, never half.
#[track_caller]
fn judge(bench: &Bench, output: &str, context: &str) {
    let acks: BTreeSet<String> = acknowledged(output).into_iter().collect();
    let keystore = Keystore::open(bench.db(), &bench.unlock())
        .unwrap_or_else(|error| panic!("{context}: {error}\n{output}"));
    let report = keystore.verify_store().unwrap();
    assert_eq!(report.problems, [], "{context}\n{output}");
    let has = |name: &str| acks.contains(name);
    if has("import one") {
        assert!(present(&keystore, "one"), "{context}: lost one\n{output}");
    }
    if has("replace one") {
        let version =
            keystore.entry(&"one".parse().unwrap(), strongroom_tests::authority::now()).unwrap().version;
        assert_eq!(version, if has("import one") { 2 } else { version }, "{context}\n{output}");
        assert!(version >= 1);
    }
    if has("rename two") {
        assert!(present(&keystore, "three") && !present(&keystore, "two"), "{context}\n{output}");
    } else if has("import two") {
        let (two, three) = (present(&keystore, "two"), present(&keystore, "three"));
        assert!(two ^ three, "{context}: lost two\n{output}");
    }
    if has("remove kept") {
        assert!(!present(&keystore, "kept"), "{context}: kept came back\n{output}");
    }
}

#[track_caller]
fn matrix(journal: Journal) {
    let bench = Bench::new(journal);
    let start = bench.snapshot();
    let dir = bench.dir();
    let fired = bench.folder.path().join("fired");
    // The short form takes every how manyeth call.
    let step = scaled(7, 1);
    let mut points = 0;
    for op in ["write", "fsync", "ftruncate", "unlink", "read"] {
        for (errno, sticky) in [(28, false), (28, true), (5, false), (5, true)] {
            if op == "read" && errno == 28 {
                continue;
            }
            let mut n = 1;
            loop {
                bench.put_back(&start);
                let _ = std::fs::remove_file(&fired);
                let mut command = bench.shimmed(["script", dir.to_str().unwrap()]);
                command.env("SHIM_OP", op).env("SHIM_N", n.to_string()).env("SHIM_ERRNO", errno.to_string());
                command.env("SHIM_FIRED", &fired);
                if sticky {
                    command.env("SHIM_STICKY", "1");
                }
                let output = command.output().unwrap();
                let text = String::from_utf8_lossy(&output.stdout).into_owned();
                let context = format!("{op} {n} errno {errno} sticky {sticky}");
                let stderr = String::from_utf8_lossy(&output.stderr);
                assert!(
                    output.status.code().is_some_and(|code| code == 0 || code == 8),
                    "{context}: {:?} {text}{stderr}",
                    output.status
                );
                judge(&bench, &text, &context);
                if !fired.exists() {
                    break;
                }
                points += 1;
                n += step;
            }
        }
    }
    println!("D2 {}: {points} failing calls, nothing lost, no signal", journal.as_str());
    assert!(points > 10, "the shim failed nothing");
}

#[test]
fn d2_failing_calls_with_a_write_ahead_log() {
    matrix(Journal::Wal);
}

#[test]
fn d2_failing_calls_with_a_rollback_journal() {
    matrix(Journal::Rollback);
}
