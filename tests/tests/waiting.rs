//! Who waits for the write lock: without limit for a re-key or a restore of another process, which is said after ten
//! seconds, and for ten seconds for anybody else.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread::{scope, sleep},
    time::{Duration, Instant},
};

use rusqlite::Connection;
use strongroom::{
    Keystore,
    certificate::{Certificate, ServerCredential},
    engine::{MemoryEngine, open_sqlite},
    keystore::CredentialRequest,
    secret::PrivateKey,
    store::{LongChange, WaitNotice},
};
use strongroom_tests::{
    authority::{leaf_params, now, root},
    command::{Run, Shop, binary, fine, refused, shop},
    scratch::Scratch,
};

/// Longer than anybody waits without a word.
const LONG: Duration = Duration::from_millis(13_500);

/// Holds the write lock of a store for a while, as a change of everything does, or as one that is nothing of the kind.
fn hold<T: Send>(store: &Path, change: Option<LongChange>, work: impl FnOnce() -> T + Send) -> (T, Duration) {
    let engine = open_sqlite(store, false).unwrap();
    let announced = change.map(|change| engine.connector().announce(change).unwrap().unwrap());
    let lock = engine.begin().unwrap();
    let started = Instant::now();
    scope(|scope| {
        let working = scope.spawn(move || (work(), started.elapsed()));
        sleep(LONG);
        drop(lock);
        drop(announced);
        working.join().unwrap()
    })
}

fn in_shop(change: Option<LongChange>, arguments: &[&str]) -> (Shop, Run, Duration) {
    let shop = shop();
    let key = format!("file:{}", shop.folder.path().join("new.key").display());
    let arguments = arguments.iter().map(|word| if *word == "file:KEY" { &key } else { *word });
    let (run, took) = hold(&shop.store(), change, || shop.json(arguments));
    (shop, run, took)
}

#[test]
fn a_writer_waits_for_a_rekey_or_a_restore_and_says_so_and_for_nobody_else() {
    scope(|scope| {
        for (change, arguments, said) in [
            (LongChange::Rekey, &["rm", "www"][..], "waiting for a re-key by another process\n"),
            (LongChange::Restore, &["slot", "add", "file:KEY"], "waiting for a restore by another process\n"),
            // One change of everything after the other.
            (LongChange::Restore, &["rekey"], "waiting for a restore by another process\n"),
        ] {
            scope.spawn(move || {
                let (shop, run, took) = in_shop(Some(change), arguments);
                fine(&run);
                assert_eq!(run.err, said, "{arguments:?}");
                assert!(took >= LONG, "{arguments:?} did not wait: {took:?}");
                assert_eq!(fine(&shop.json(["verify-store"]))["keys"], 1);
            });
        }
        scope.spawn(|| {
            let (_, run, took) = in_shop(None, &["rm", "www"]);
            refused(&run, 8, "store_busy");
            assert_eq!(run.err, "");
            assert!(took < LONG, "{took:?}");
        });
    });
}

/// Ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn strongroom(folder: &Path, arguments: &[&str]) -> Running {
    let mut command = Command::new(binary());
    command.arg("--json").arg("--store").arg(folder.join("keystore.db")).args(arguments).env_clear();
    Running(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

fn finished(mut running: Running) -> Run {
    let child = &mut running.0;
    let (mut out, mut err) = (String::new(), String::new());
    std::io::Read::read_to_string(child.stdout.as_mut().unwrap(), &mut out).unwrap();
    std::io::Read::read_to_string(child.stderr.as_mut().unwrap(), &mut err).unwrap();
    let status = child.wait().unwrap();
    std::process::Output { status, stdout: out.into_bytes(), stderr: err.into_bytes() }.into()
}

#[cfg(unix)]
fn signal(name: &str, running: &Running) {
    let sent = Command::new("kill").args([name, &running.0.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

#[cfg(unix)]
#[test]
fn a_rekey_that_is_stopped_with_the_lock_is_waited_for_and_one_that_is_killed_is_not() {
    let scratch = Scratch::new(now());
    let ca = root("Root");
    scratch.keystore.import_authority(&"root".parse().unwrap(), ca.file(), now()).unwrap();
    let leaf = ca.issue(&leaf_params("www.test"), &[]);
    let copy = || {
        let key = PrivateKey::from_pkcs8_der(leaf.key().expose_pkcs8_der().to_vec());
        ServerCredential::pair(key, vec![Certificate::from_der(leaf.leaf().der()).unwrap()]).unwrap()
    };
    let batch =
        (0..400).map(|n| CredentialRequest::new(format!("entry-{n}").parse().unwrap(), copy(), now()));
    scratch.keystore.import_credentials(batch.collect(), now()).unwrap();
    let probe = Connection::open(scratch.path()).unwrap();
    probe.busy_timeout(Duration::ZERO).unwrap();
    let held = || {
        let taken = probe.execute_batch("BEGIN IMMEDIATE");
        if taken.is_ok() {
            probe.execute_batch("ROLLBACK").unwrap();
        }
        taken.is_err()
    };
    for ended in ["-CONT", "-KILL"] {
        let folder = scratch.folder.path();
        let rekey = strongroom(folder, &["rekey"]);
        let mark = folder.join("keystore.db-long");
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            if mark.exists() && held() {
                signal("-STOP", &rekey);
                // It may have come to its end in between.
                if mark.exists() && held() {
                    break;
                }
                signal("-CONT", &rekey);
            }
            assert!(Instant::now() < until, "the re-key was never seen with the lock");
        }
        let started = Instant::now();
        let alias = if ended == "-CONT" { "entry-1" } else { "entry-2" };
        let writer = strongroom(folder, &["rm", alias]);
        // A reader waits for nobody.
        fine(&finished(strongroom(folder, &["show", "entry-0"])));
        sleep(LONG);
        assert!(held(), "the re-key has the lock all the while");
        signal(ended, &rekey);
        if ended == "-CONT" {
            fine(&finished(rekey));
        } else {
            drop(rekey);
        }
        let run = finished(writer);
        fine(&run);
        assert_eq!(run.err, "waiting for a re-key by another process\n");
        assert!(started.elapsed() >= LONG);
        let report = fine(&finished(strongroom(folder, &["verify-store"])));
        assert_eq!(report["entries"], if ended == "-CONT" { 400 } else { 399 });
    }
}

#[derive(Debug, Default)]
struct Heard(Mutex<Vec<LongChange>>);

impl WaitNotice for Heard {
    fn waiting(&self, change: LongChange) {
        self.0.lock().unwrap().push(change);
    }
}

#[test]
fn the_library_is_told_once_and_an_announcement_ends_with_its_owner() {
    let scratch = Scratch::new(now());
    let heard = Arc::new(Heard::default());
    let options = Keystore::options(scratch.path()).waiting(heard.clone());
    let keystore = options.open(&scratch.unlock).unwrap();
    hold(&scratch.path(), Some(LongChange::Rekey), || {
        keystore.import_authority(&"root".parse().unwrap(), root("Root").file(), now()).map(drop).unwrap();
    });
    assert_eq!(*heard.0.lock().unwrap(), [LongChange::Rekey]);

    for engine in [open_sqlite(&scratch.path(), false).unwrap(), Box::new(MemoryEngine::new(false))] {
        let other = engine.connector();
        assert_eq!(other.announced(), None);
        for change in LongChange::ALL {
            let announced = engine.connector().announce(change).unwrap().unwrap();
            assert_eq!(other.announced(), Some(change));
            assert!(other.announce(LongChange::Rekey).unwrap().is_none(), "one at a time");
            drop(announced);
            assert_eq!(other.announced(), None);
        }
    }
    // Many who begin and end at once: never two, and nobody's is left behind.
    let path = scratch.path();
    let owners = Mutex::new(0);
    scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let engine = open_sqlite(&path, false).unwrap();
                for _ in 0..200 {
                    if let Some(announced) = engine.connector().announce(LongChange::Rewrite).unwrap() {
                        *owners.lock().unwrap() += 1;
                        assert_eq!(*owners.lock().unwrap(), 1);
                        assert_eq!(engine.connector().announced(), Some(LongChange::Rewrite));
                        *owners.lock().unwrap() -= 1;
                        drop(announced);
                    }
                }
            });
        }
    });
    assert_eq!(open_sqlite(&path, false).unwrap().connector().announced(), None);
}
