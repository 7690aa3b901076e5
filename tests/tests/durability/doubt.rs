//! Commits of which nobody knows whether they happened: what the error says is what is seen.

use std::{fs, path::PathBuf};

use strongroom::store::Journal;

use crate::bench::{Bench, acknowledged, scaled};

/// Lets the nth call of one kind fail, from the first to the last that there is, each time from the same files; gives
/// what the worker said.
fn sweep(bench: &Bench, start: &[(PathBuf, Vec<u8>)], op: &str) -> Vec<String> {
    let (dir, fired) = (bench.dir(), bench.folder.path().join("fired"));
    let mut outputs = Vec::new();
    for n in 1_usize.. {
        bench.put_back(start);
        let _ = fs::remove_file(&fired);
        let mut command = bench.shimmed(["doubt", dir.to_str().unwrap()]);
        command.env("SHIM_OP", op).env("SHIM_N", n.to_string()).env("SHIM_ERRNO", "5");
        let output = command.env("SHIM_FIRED", &fired).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{op} {n}: {text}{}", String::from_utf8_lossy(&output.stderr));
        if !fired.exists() {
            break;
        }
        let report = bench.open().verify_store().unwrap();
        assert_eq!(report.problems, [], "{op} {n}: {text}");
        outputs.push(text);
    }
    outputs
}

/// The worker imports `one`, tells the error, and whether it then finds `one`; then it imports `one` again.
#[test]
fn an_unknown_outcome_says_what_is_seen() {
    let (mut there, mut not_there) = (0, 0);
    for journal in [Journal::Wal, Journal::Rollback] {
        let bench = Bench::new(journal);
        let start = bench.snapshot();
        for op in ["write", "fsync", "unlink"] {
            for output in sweep(&bench, &start, op) {
                if let Some(told) = output.lines().find_map(|line| line.strip_prefix("ERR outcome_unknown "))
                {
                    let (seen, found) = told.split_once(' ').unwrap();
                    match (seen, found) {
                        ("Present", "present") => there += 1,
                        ("Absent", "absent") => not_there += 1,
                        _ => panic!("{op} {}: {output}", journal.as_str()),
                    }
                    // Run again on the new connection, it is done or was done; that settles it.
                    assert_eq!(acknowledged(&output), ["again"], "{output}");
                }
            }
        }
    }
    println!("commits in doubt: {there} there, {not_there} not there, as the error said");
    assert!(there > 0 && not_there > 0, "{there} there, {not_there} not there");
}

/// A new root key that is in force, in a file that could not be rewritten, is told apart from one that is not.
#[test]
fn a_new_root_key_without_room_to_wipe_the_former_says_so() {
    let bench = Bench::new(Journal::Wal);
    let before = bench.open().verify_store().unwrap().seq;
    let dir = bench.dir();
    let mut not_wiped = 0;
    let start = bench.snapshot();
    let fired = bench.folder.path().join("fired");
    for n in (1_usize..).step_by(scaled(3, 1)) {
        bench.put_back(&start);
        let _ = fs::remove_file(&fired);
        let mut command = bench.shimmed(["rekey", dir.to_str().unwrap()]);
        command.env("SHIM_OP", "write").env("SHIM_N", n.to_string()).env("SHIM_ERRNO", "28");
        let output = command.env("SHIM_STICKY", "1").env("SHIM_FIRED", &fired).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let report = bench.open().verify_store().unwrap();
        assert_eq!(report.problems, [], "{n}: {text}");
        let code = text.lines().find_map(|line| line.strip_prefix("ERR "));
        match code {
            Some("store_full") => assert_eq!(report.seq, before, "{n}"),
            Some("store_not_compacted") => {
                assert_eq!(report.seq, before + 1, "{n}");
                not_wiped += 1;
            }
            Some(other) => panic!("{n}: {other}"),
            None => assert_eq!(acknowledged(&text), ["rekey"], "{n}"),
        }
        if !fired.exists() {
            break;
        }
    }
    println!("a new root key without room to wipe the former: said {not_wiped} times");
    assert!(not_wiped > 0);
}
