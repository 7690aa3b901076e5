//! One keystore for all threads of a program, and what a server learns of changes.

use std::{
    fs,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use strongroom::{
    Alias, Error, Keystore, Password, Unlock, UnlockKey,
    certificate::{Certificate, ServerCredential},
    export::{Export, ExportFormat},
    keystore::{Backup, CredentialRequest, KeptSlot, KeySource, RestoreOptions},
    seal::UnlockSource,
    secret::PrivateKey,
    store::{Changes, Generation, StoreError},
};
use strongroom_tests::{
    authority::{TestCa, ca_params, leaf_params, now, root},
    scratch::Scratch,
};

fn alias(text: &str) -> Alias {
    text.parse().unwrap()
}

fn copy(credential: &ServerCredential) -> ServerCredential {
    let key = PrivateKey::from_pkcs8_der(credential.key().expose_pkcs8_der().to_vec());
    ServerCredential::pair(key, vec![Certificate::from_der(credential.leaf().der()).unwrap()]).unwrap()
}

fn with_root() -> (Scratch, TestCa) {
    let scratch = Scratch::new(now());
    let authority = root("Root");
    scratch.keystore.import_authority(&alias("root"), authority.file(), now()).unwrap();
    (scratch, authority)
}

fn import(keystore: &Keystore, name: &str, credential: &ServerCredential, replace: bool) {
    let mut request = CredentialRequest::new(alias(name), copy(credential), now());
    request.options.replace = replace;
    keystore.import_credential(request).unwrap();
}

fn keep(unlock: &UnlockKey) -> [KeptSlot<'_>; 1] {
    [KeptSlot::new(0, UnlockSource::KeyFile(String::new()), unlock)]
}

#[derive(Debug)]
struct KnownKey(UnlockKey);

impl KeySource for KnownKey {
    fn with(&self, open: &mut dyn FnMut(Unlock<'_>) -> Result<(), Error>) -> Result<(), Error> {
        open((&self.0).into())
    }
}

/// How many file handles this process has on a file.
fn handles(path: &std::path::Path) -> usize {
    let links = fs::read_dir("/proc/self/fd").unwrap();
    links.filter(|link| fs::read_link(link.as_ref().unwrap().path()).is_ok_and(|to| to == path)).count()
}

#[test]
fn threads_read_while_one_writes_and_connections_are_bounded() {
    const READERS: usize = 24;
    let (scratch, authority) = with_root();
    let leaf = authority.issue(&leaf_params("www.test"), &[]);
    let done = Arc::new(AtomicBool::new(false));
    let path = scratch.path().canonicalize().unwrap();
    thread::scope(|scope| {
        let mut readers = Vec::new();
        for _ in 0..READERS {
            let (keystore, done) = (scratch.keystore.clone(), Arc::clone(&done));
            readers.push(scope.spawn(move || {
                let (mut seen, mut reads) = (0, 0_u32);
                while !done.load(Ordering::Relaxed) || reads == 0 {
                    let entries = keystore.page(None, 100, now()).unwrap();
                    assert!(entries.len() >= seen, "a reader went back from {seen} to {}", entries.len());
                    seen = entries.len();
                    if seen > 1 {
                        keystore.credential(&alias("www-0"), now()).unwrap();
                    }
                    reads += 1;
                }
                seen
            }));
        }
        let mut most = 0;
        for n in 0..20 {
            import(&scratch.keystore, &format!("www-{n}"), &leaf, false);
            most = most.max(handles(&path));
        }
        done.store(true, Ordering::Relaxed);
        for reader in readers {
            assert!(reader.join().unwrap() <= 21);
        }
        // Eight that read, and one that writes.
        assert!((1..=9).contains(&most), "{most} connections for {READERS} readers");
    });
    assert_eq!(scratch.keystore.page(None, 100, now()).unwrap().len(), 21);
}

#[test]
fn writers_of_one_process_take_turns_and_each_is_named_in_the_log() {
    let scratch = Scratch::new(now());
    thread::scope(|scope| {
        for n in 0..6 {
            let keystore = scratch.keystore.acting_as(&format!("actor-{n}"));
            scope.spawn(move || {
                for round in 0..3 {
                    let name = format!("root-{n}-{round}");
                    keystore.import_authority(&alias(&name), root(&name).file(), now()).unwrap();
                }
            });
        }
    });
    let log = scratch.keystore.log(1, 100).unwrap();
    assert_eq!(log.len(), 18);
    for row in log {
        let actor = row.actor.strip_prefix("actor-").unwrap();
        assert!(row.alias.starts_with(&format!("root-{actor}-")), "{row:?}");
    }
    assert_eq!(scratch.keystore.verify_store().unwrap().problems, []);
}

#[test]
fn clones_go_on_after_a_re_key_of_their_own_process_without_being_told_the_key() {
    let (scratch, authority) = with_root();
    import(&scratch.keystore, "www", &authority.issue(&leaf_params("www.test"), &[]), false);
    let done = Arc::new(AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..4 {
            let (clone, done) = (scratch.keystore.clone(), Arc::clone(&done));
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    clone.credential(&alias("www"), now()).unwrap();
                }
            });
        }
        for _ in 0..5 {
            let rekeyed = scratch.keystore.rekey(&keep(&scratch.unlock), now());
            // The readers may hold the former pages: the new root key is in force all the same.
            assert!(rekeyed.is_ok() || rekeyed.unwrap_err().code() == "store_not_compacted");
        }
        done.store(true, Ordering::Relaxed);
    });
    import(&scratch.keystore.clone(), "api", &authority.issue(&leaf_params("api.test"), &[]), false);
    assert_eq!(scratch.keystore.verify_store().unwrap().problems, []);
}

/// What changed since, and where the store is then.
fn next(keystore: &Keystore, since: &mut Generation) -> Changes {
    let changes = keystore.wait_change(since, Duration::from_secs(5)).unwrap().expect("a change");
    *since = changes.generation;
    assert_eq!(keystore.generation().unwrap(), *since);
    changes
}

fn names(changes: &Changes) -> Vec<String> {
    changes.aliases.iter().map(Alias::to_string).collect()
}

#[test]
fn a_change_names_the_entries_and_what_else_is_another() {
    let (scratch, authority) = with_root();
    // Another process, as good as.
    let other = Keystore::open(scratch.path(), &scratch.unlock).unwrap();
    let server = &scratch.keystore;
    let leaves: Vec<ServerCredential> =
        ["a", "b"].iter().map(|name| authority.issue(&leaf_params(&format!("{name}.test")), &[])).collect();
    let mut since = server.generation().unwrap();
    assert_eq!(server.wait_change(&since, Duration::ZERO).unwrap(), None);
    let backup = scratch.folder.path().join("backup.db");

    type Step<'s> = (&'s str, Box<dyn Fn() + 's>, &'s [&'s str], [bool; 3]);
    let steps: Vec<Step<'_>> = vec![
        ("import", Box::new(|| import(&other, "Www", &leaves[0], false)), &["Www"], [false; 3]),
        ("replace", Box::new(|| import(&other, "www", &leaves[1], true)), &["Www"], [false; 3]),
        (
            "refused",
            Box::new(|| {
                let request = CredentialRequest::new(alias("www"), copy(&leaves[0]), now());
                assert_eq!(other.import_credential(request).unwrap_err().code(), "alias_taken");
            }),
            &[],
            [false; 3],
        ),
        (
            "rename",
            Box::new(|| other.rename(&alias("www"), &alias("api"), now()).unwrap()),
            &["api", "Www"],
            [false; 3],
        ),
        ("undo", Box::new(|| drop(other.undo(&alias("api"), now()).unwrap())), &["api"], [false; 3]),
        (
            "hold",
            Box::new(|| {
                let held = other.hold(&alias("api"), "a server", now()).unwrap();
                other.release(held, now()).unwrap();
            }),
            &["api"],
            [false; 3],
        ),
        ("backup", Box::new(|| drop(other.backup(&backup, now()).unwrap())), &[], [false; 3]),
        (
            "export",
            Box::new(|| {
                drop(other.export(&alias("api"), &Export::new(ExportFormat::Pem), now()).unwrap());
                drop(other.export_authorities(&[], &Export::new(ExportFormat::Pem), now()).unwrap());
            }),
            &[],
            [false; 3],
        ),
        (
            "ca import",
            Box::new(|| {
                drop(other.import_authority(&alias("second"), root("Second").file(), now()).unwrap())
            }),
            &["second"],
            [true, false, false],
        ),
        (
            "ca rm",
            Box::new(|| drop(other.remove(&alias("second"), false, now()).unwrap())),
            &["second"],
            [true, false, false],
        ),
        (
            "user add",
            Box::new(|| {
                let password = Password::new("a long password").unwrap();
                other.add_administrator(&"alice".parse().unwrap(), &password, now()).unwrap();
            }),
            &[],
            [false, true, false],
        ),
        ("rm", Box::new(|| drop(other.remove(&alias("API"), false, now()).unwrap())), &["api"], [false; 3]),
        ("prune", Box::new(|| assert_eq!(other.prune(None, now()).unwrap().entries, 2)), &[], [false; 3]),
        (
            "restore",
            Box::new(|| {
                let backup = Backup::open(&backup, &scratch.path(), &scratch.unlock).unwrap();
                other.restore(&backup, None, RestoreOptions::default(), now()).unwrap();
            }),
            &[],
            [true; 3],
        ),
    ];
    for (step, act, expected, [authorities, access, everything]) in steps {
        act();
        let changes = next(server, &mut since);
        assert_eq!(names(&changes), *expected, "{step}");
        let got = [changes.authorities, changes.access, changes.everything];
        assert_eq!(got, [authorities, access, everything], "{step}: authorities, access, everything");
    }
    // Several at once, from where one stood before.
    let before = since;
    import(&other, "one", &leaves[0], false);
    import(&other, "two", &leaves[1], false);
    other.rename(&alias("one"), &alias("three"), now()).unwrap();
    assert_eq!(other.rename(&alias("two"), &alias("three"), now()).unwrap_err().code(), "alias_taken");
    let changes = next(server, &mut since);
    assert_eq!(names(&changes), ["one", "three", "two"]);
    assert_eq!(changes.renamed, [(alias("one"), alias("three"))]);
    assert_eq!(changes.generation.sequence(), before.sequence() + 4);
}

#[test]
fn ca_certificates_that_come_with_a_file_are_a_change_of_authorities() {
    let (scratch, authority) = with_root();
    let intermediate = authority.issue_ca(ca_params("Between"));
    let leaf = intermediate.issue(&leaf_params("www.test"), &[&intermediate.certificate]);
    let mut since = scratch.keystore.generation().unwrap();
    scratch.keystore.import_credential(CredentialRequest::new(alias("www"), leaf, now())).unwrap();
    let changes = next(&scratch.keystore, &mut since);
    assert!(changes.authorities);
    assert_eq!(names(&changes), ["www"]);
}

#[test]
fn a_commit_of_another_process_is_seen_within_half_a_second() {
    // As the worker looks for it: the store, and beside it its key and what is imported.
    let folder = tempfile::tempdir().unwrap();
    let (store, pool) = (folder.path().join("store"), folder.path().join("store.pool"));
    let unlock = UnlockKey::generate().unwrap();
    unlock.create_file(&folder.path().join("store.key")).unwrap();
    let keystore = Keystore::create(store.join("keystore.db"), &unlock, now()).unwrap();
    let authority = root("Root");
    keystore.import_authority(&alias("root"), authority.file(), now()).unwrap();
    let leaf = authority.issue(&leaf_params("www.test"), &[]);
    fs::create_dir(&pool).unwrap();
    fs::write(pool.join("a.key"), leaf.key().expose_pkcs8_der()).unwrap();
    fs::write(pool.join("a.der"), leaf.leaf().der()).unwrap();
    let since = keystore.generation().unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let changes = keystore.wait_change(&since, Duration::from_secs(60)).unwrap().unwrap();
            (Instant::now(), changes)
        });
        let worker = Command::new(env!("CARGO_BIN_EXE_store-worker"))
            .args(["import", store.to_str().unwrap(), "www", "1"])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let committed = Instant::now();
        assert!(worker.status.success(), "{worker:?}");
        let (seen, changes) = waiting.join().unwrap();
        assert!(seen.saturating_duration_since(committed) < Duration::from_millis(500));
        assert_eq!(names(&changes), ["www-0"]);
    });
    assert!(keystore.credential(&alias("www-0"), now()).is_ok());
}

#[test]
fn a_re_key_by_another_process_ends_the_wait_of_those_who_do_not_know_the_key() {
    let (scratch, _) = with_root();
    let waiting = Keystore::open(scratch.path(), &scratch.unlock).unwrap();
    let mut since = waiting.generation().unwrap();
    let next_key = UnlockKey::generate().unwrap();
    let source = UnlockSource::KeyFile(String::new());
    scratch.keystore.change_unlock(&scratch.unlock, source, &next_key, now()).unwrap();
    scratch.keystore.rekey(&keep(&next_key), now()).unwrap();
    let error = waiting.wait_change(&since, Duration::from_secs(5)).unwrap_err();
    assert_eq!(error.code(), "store_rekeyed");
    waiting.set_key_source(Arc::new(KnownKey(next_key)));
    let changes = next(&waiting, &mut since);
    assert!(changes.access && changes.aliases.is_empty() && !changes.everything);
}

#[test]
fn a_file_that_was_moved_away_or_replaced_is_reported_and_its_return_noticed() {
    let (scratch, _) = with_root();
    let waiting = Keystore::open(scratch.path(), &scratch.unlock).unwrap();
    let mut since = waiting.generation().unwrap();
    let away = scratch.folder.path().join("away.db");
    // As a rename does, without what SQLite keeps beside the file.
    scratch.keystore.import_authority(&alias("late"), root("Late").file(), now()).unwrap();
    next(&waiting, &mut since);
    let move_to = |from: &std::path::Path, to: &std::path::Path| {
        for suffix in ["", "-wal", "-shm"] {
            let named = |path: &std::path::Path| format!("{}{suffix}", path.display());
            if fs::exists(named(from)).unwrap() {
                fs::rename(named(from), named(to)).unwrap();
            }
        }
    };
    move_to(&scratch.path(), &away);
    let error = waiting.wait_change(&since, Duration::from_millis(200)).unwrap_err();
    assert!(matches!(error, Error::Store(StoreError::Replaced { .. })), "{error:?}");
    let error = waiting.wait_change(&since, Duration::from_millis(200)).unwrap_err();
    assert_eq!(error.code(), "store_missing");

    let foreign = Keystore::create(scratch.path(), &scratch.unlock, now()).unwrap();
    let error = waiting.wait_change(&since, Duration::from_millis(200)).unwrap_err();
    assert!(matches!(error, Error::Store(StoreError::Replaced { .. })), "{error:?}");
    drop(foreign);

    move_to(&scratch.path(), &scratch.folder.path().join("foreign.db"));
    move_to(&away, &scratch.path());
    assert_eq!(waiting.wait_change(&since, Duration::from_millis(60)).unwrap(), None);
    let again = Keystore::open(scratch.path(), &scratch.unlock).unwrap();
    again.remove(&alias("late"), false, now()).unwrap();
    assert_eq!(names(&next(&waiting, &mut since)), ["late"]);
}

#[test]
fn an_older_copy_is_no_change_but_a_refusal() {
    let (scratch, _) = with_root();
    let older = scratch.folder.path().join("older.db");
    scratch.keystore.backup(&older, now()).unwrap();
    scratch.keystore.import_authority(&alias("late"), root("Late").file(), now()).unwrap();
    let since = scratch.keystore.generation().unwrap();
    drop(scratch.keystore);
    let opened = Keystore::open(&older, &scratch.unlock).unwrap();
    let error = opened.wait_change(&since, Duration::ZERO).unwrap_err();
    assert_eq!(error.code(), "store_rolled_back");
}
