//! A process that changes a store and says what was acknowledged: killed, starved and lied to by the tests.

#![expect(clippy::print_stdout, reason = "its standard output is what the tests read")]

use std::{
    env, fs,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use strongroom::{
    Alias, Error, Keystore, Unlock, UnlockKey,
    certificate::{Certificate, ServerCredential},
    keystore::{Backup, CredentialRequest, EntryKind, KeptSlot, KeySource, LogRetention, RestoreOptions},
    seal::UnlockSource,
    secret::PrivateKey,
    store::StoreError,
};
use strongroom_tests::authority::now;

/// The key and the leaf that lie beside the store.
fn request(folder: &Path, alias: &str, leaf: &str, replace: bool) -> CredentialRequest {
    let key = PrivateKey::from_pkcs8_der(fs::read(folder.join(format!("{leaf}.key"))).unwrap());
    let certificate = Certificate::from_der(&fs::read(folder.join(format!("{leaf}.der"))).unwrap()).unwrap();
    let credential = ServerCredential::pair(key, vec![certificate]).unwrap();
    let mut request = CredentialRequest::new(alias.parse().unwrap(), credential, now());
    request.options.replace = replace;
    request
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // One write a line, so that a line is there whole or not at all.
    out.write_all(format!("{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["import", folder, prefix, count] => import(Path::new(folder), prefix, count.parse().unwrap()),
        ["script", folder] => script(Path::new(folder)),
        ["change", folder, what] => change(Path::new(folder), what),
        ["import-until", folder, prefix, stop] => import_until(Path::new(folder), prefix, Path::new(stop)),
        ["doubt", folder] => doubt(Path::new(folder)),
        ["rekey", folder] => rekey(Path::new(folder)),
        ["passwd", folder] => passwd(Path::new(folder)),
        ["restore", folder, backup] => restore(Path::new(folder), Path::new(backup)),
        ["read", folder, rounds] => read(Path::new(folder), rounds.parse().unwrap()),
        ["soak", folder, role, name, seconds] => {
            let until = Instant::now() + Duration::from_secs(seconds.parse().unwrap());
            match *role {
                "write" => soak_writing(Path::new(folder), name, until),
                "read" => soak_reading(Path::new(folder), until),
                "keep" => soak_keeping(Path::new(folder), until),
                _ => panic!("unknown role"),
            }
        }
        ["control", folder, journal, synchronous, count] => {
            control(Path::new(folder), journal, synchronous, count.parse().unwrap());
            Ok(())
        }
        _ => panic!("unknown arguments"),
    };
    if let Err(error) = outcome {
        println!("ERR {}", error.code());
        std::process::exit(8);
    }
}

/// The key file, read again when another process gave the store a new root key.
#[derive(Debug)]
struct KeyFile(PathBuf);

impl KeySource for KeyFile {
    fn with(&self, open: &mut dyn FnMut(Unlock<'_>) -> Result<(), Error>) -> Result<(), Error> {
        open(Unlock::Key(&UnlockKey::read_file(&self.0)?))
    }
}

fn open(folder: &Path) -> Result<Keystore, Error> {
    // The key lies outside the folder whose files fail.
    let file = folder.with_extension("key");
    let keystore = Keystore::open(folder.join("keystore.db"), &UnlockKey::read_file(&file)?)?;
    keystore.set_key_source(Arc::new(KeyFile(file)));
    Ok(keystore)
}

fn import(folder: &Path, prefix: &str, count: u32) -> Result<(), Error> {
    let pool = folder.with_extension("pool");
    let keystore = open(folder)?;
    // The first signature of a process waits for entropy; the kills are meant for the store.
    drop(request(&pool, "warm", "a", false));
    say("OPEN");
    for n in 0..count {
        let alias = format!("{prefix}-{n}");
        keystore.import_credential(request(&pool, &alias, "a", false))?;
        say(&format!("ACK {alias}"));
    }
    Ok(())
}

/// One of each change; goes on after a failure, as a server would.
fn script(folder: &Path) -> Result<(), Error> {
    let pool = folder.with_extension("pool");
    let keystore = open(folder)?;
    let alias = |name: &str| name.parse::<Alias>().unwrap();
    let tell = |name: &str, done: Result<(), Error>| match done {
        Ok(()) => say(&format!("ACK {name}")),
        Err(error) => say(&format!("ERR {name} {}", error.code())),
    };
    let done = keystore.import_credential(request(&pool, "one", "a", false)).map(drop);
    tell("import one", done);
    let done = keystore.import_credential(request(&pool, "one", "b", true)).map(drop);
    tell("replace one", done);
    let done = keystore.import_credential(request(&pool, "two", "a", false)).map(drop);
    tell("import two", done);
    let done = keystore.rename(&alias("two"), &alias("three"), now());
    tell("rename two", done);
    let done = keystore.remove(&alias("kept"), false, now()).map(drop);
    tell("remove kept", done);
    let unlock = UnlockKey::read_file(&folder.with_extension("key"))?;
    let source = UnlockSource::KeyFile(String::new());
    let done = keystore.change_unlock(&unlock, source, &unlock, now()).map(drop);
    tell("passwd", done);
    Ok(())
}

/// One change of a store with the server `kept`.
fn change(folder: &Path, what: &str) -> Result<(), Error> {
    let pool = folder.with_extension("pool");
    let keystore = open(folder)?;
    let kept = "kept".parse().unwrap();
    let unlock = UnlockKey::read_file(&folder.with_extension("key"))?;
    let source = UnlockSource::KeyFile(String::new());
    match what {
        "import" => keystore.import_credential(request(&pool, "one", "a", false)).map(drop),
        "replace" => keystore.import_credential(request(&pool, "kept", "b", true)).map(drop),
        "rename" => keystore.rename(&kept, &"moved".parse().unwrap(), now()),
        "remove" => keystore.remove(&kept, false, now()).map(drop),
        "passwd" => keystore.change_unlock(&unlock, source, &unlock, now()).map(drop),
        "rekey" => keystore.rekey(&[KeptSlot::new(0, source, &unlock)], now()),
        "prune" => keystore.prune(None, now()).map(drop),
        "rotate" => {
            let to = folder.with_extension("segment");
            let _ = fs::remove_file(&to);
            keystore.rotate_log(&to, LogRetention::default(), now()).map(drop)
        }
        _ => panic!("unknown change"),
    }?;
    say(&format!("ACK {what}"));
    Ok(())
}

/// Imports until there is a file `stop`; says how long the longest import took.
fn import_until(folder: &Path, prefix: &str, stop: &Path) -> Result<(), Error> {
    let pool = folder.with_extension("pool");
    let keystore = open(folder)?;
    let mut longest = Duration::ZERO;
    say("OPEN");
    for n in 0_u32.. {
        if stop.exists() {
            break;
        }
        let alias = format!("{prefix}-{n}");
        let new = request(&pool, &alias, "a", false);
        timed(&mut longest, &alias, || keystore.import_credential(new).map(drop))?;
    }
    say(&format!("SUM longest {}", longest.as_micros()));
    Ok(())
}

/// Imports `one`; after a failure says what the error saw and what is found, and imports it again.
fn doubt(folder: &Path) -> Result<(), Error> {
    let pool = folder.with_extension("pool");
    let keystore = match open(folder) {
        Ok(keystore) => keystore,
        Err(error) => {
            say(&format!("ERR {}", error.code()));
            return Ok(());
        }
    };
    let error = match keystore.import_credential(request(&pool, "one", "a", false)) {
        Ok(_) => return Ok(()),
        Err(error) => error,
    };
    if let Error::Store(StoreError::OutcomeUnknown(doubt)) = &error {
        let found =
            if keystore.credential(&"one".parse().unwrap(), now()).is_ok() { "present" } else { "absent" };
        say(&format!("ERR outcome_unknown {:?} {found}", doubt.seen()));
    } else {
        say(&format!("ERR {}", error.code()));
    }
    keystore.import_credential(request(&pool, "one", "a", false))?;
    say("ACK again");
    Ok(())
}

fn rekey(folder: &Path) -> Result<(), Error> {
    let keystore = open(folder)?;
    drop(request(&folder.with_extension("pool"), "warm", "a", false));
    say("OPEN");
    let unlock = UnlockKey::read_file(&folder.with_extension("key"))?;
    keystore.rekey(&[KeptSlot::new(0, UnlockSource::KeyFile(String::new()), &unlock)], now())?;
    say("ACK rekey");
    Ok(())
}

fn passwd(folder: &Path) -> Result<(), Error> {
    let keystore = open(folder)?;
    say("OPEN");
    let unlock = UnlockKey::read_file(&folder.with_extension("key"))?;
    loop {
        let source = UnlockSource::KeyFile(String::new());
        keystore.change_unlock(&unlock, source, &unlock, now())?;
        say("ACK passwd");
    }
}

fn restore(folder: &Path, backup: &Path) -> Result<(), Error> {
    let unlock = UnlockKey::read_file(&folder.with_extension("key"))?;
    drop(request(&folder.with_extension("pool"), "warm", "a", false));
    say("OPEN");
    let keystore = open(folder)?;
    let backup = Backup::open(backup, &folder.join("keystore.db"), &unlock)?;
    keystore.restore(&backup, None, RestoreOptions::default(), now())?;
    say("ACK restore");
    Ok(())
}

fn read(folder: &Path, rounds: u32) -> Result<(), Error> {
    let keystore = open(folder)?;
    for _ in 0..rounds {
        for entry in keystore.page(None, 10_000, now())? {
            if entry.alias.as_str() != "root" {
                keystore.credential(&entry.alias, now())?;
            }
        }
    }
    say("ACK read");
    Ok(())
}

/// Entries of one writer; the oldest goes when a new one comes.
const RING: u32 = 20;

/// Makes one change and says so; keeps how long the longest took.
fn timed(
    longest: &mut Duration,
    line: &str,
    change: impl FnOnce() -> Result<(), Error>,
) -> Result<(), Error> {
    let started = Instant::now();
    change()?;
    *longest = started.elapsed().max(*longest);
    say(&format!("ACK {line}"));
    Ok(())
}

/// Imports, replaces and removes.
fn soak_writing(folder: &Path, name: &str, until: Instant) -> Result<(), Error> {
    let pool = folder.with_extension("pool");
    let keystore = open(folder)?;
    let mut longest = Duration::ZERO;
    for n in 0_u32.. {
        if Instant::now() > until {
            break;
        }
        let alias = format!("{name}-{n}");
        let put = format!("put {alias}");
        let first = request(&pool, &alias, "a", false);
        timed(&mut longest, &put, || keystore.import_credential(first).map(drop))?;
        if n % 4 == 0 {
            let second = request(&pool, &alias, "b", true);
            timed(&mut longest, &put, || keystore.import_credential(second).map(drop))?;
        }
        if n >= RING {
            let oldest = format!("{name}-{}", n - RING);
            let remove = || keystore.remove(&oldest.parse().unwrap(), false, now()).map(drop);
            timed(&mut longest, &format!("rm {oldest}"), remove)?;
        }
    }
    say(&format!("SUM longest {}", longest.as_micros()));
    Ok(())
}

/// Lists, opens `kept`, and an entry that may be gone by then.
fn soak_reading(folder: &Path, until: Instant) -> Result<(), Error> {
    let unlock = UnlockKey::read_file(&folder.with_extension("key"))?;
    let keystore = Keystore::open_read_only(folder.join("keystore.db"), &unlock)?;
    let (mut longest, mut reads) = (Duration::ZERO, 0_u64);
    let kept: Alias = "kept".parse().unwrap();
    while Instant::now() < until {
        let started = Instant::now();
        let entries = keystore.page(None, 10_000, now())?;
        let listed = started.elapsed();
        keystore.credential(&kept, now())?;
        longest = longest.max(listed).max(started.elapsed() - listed);
        let last = entries.iter().rfind(|entry| entry.kind == EntryKind::Server).unwrap();
        match keystore.credential(&last.alias, now()) {
            Ok(_) | Err(Error::Store(StoreError::NotFound { .. })) => {}
            Err(other) => return Err(other),
        }
        reads += 3;
    }
    say(&format!("SUM reads {reads}"));
    say(&format!("SUM longest {}", longest.as_micros()));
    Ok(())
}

/// Checkpoints in each way, and copies.
fn soak_keeping(folder: &Path, until: Instant) -> Result<(), Error> {
    let keystore = open(folder)?;
    let outside = rusqlite::Connection::open(folder.join("keystore.db")).unwrap();
    // It waits for readers with the write lock held.
    outside.busy_timeout(Duration::from_millis(100)).unwrap();
    let copy = folder.with_extension("copy");
    let (mut checkpoints, mut copies) = (0_u64, 0_u64);
    while Instant::now() < until {
        for how in ["PASSIVE", "FULL", "RESTART", "TRUNCATE"] {
            // Readers and writers may hold it back; that is its answer, not a failure.
            let _: i64 =
                outside.query_row(&format!("PRAGMA wal_checkpoint({how})"), [], |row| row.get(0)).unwrap();
            checkpoints += 1;
        }
        keystore.backup(&copy, now())?;
        fs::remove_file(&copy).unwrap();
        copies += 1;
        std::thread::sleep(Duration::from_millis(200));
    }
    say(&format!("SUM checkpoints {checkpoints}"));
    say(&format!("SUM copies {copies}"));
    Ok(())
}

/// Bare SQLite with settings that lose commits: what the harness must be able to see.
fn control(folder: &Path, journal: &str, synchronous: &str, count: u32) {
    let connection = rusqlite::Connection::open(folder.join("keystore.db")).unwrap();
    connection.query_row(&format!("PRAGMA journal_mode = {journal}"), [], |_| Ok(())).unwrap();
    connection.pragma_update(None, "synchronous", synchronous).unwrap();
    connection.execute_batch("CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY, x BLOB)").unwrap();
    for n in 0..count {
        connection.execute("INSERT INTO t VALUES (?1, zeroblob(1500))", [n]).unwrap();
        say(&format!("ACK {n}"));
    }
}
