//! How long the past is kept: which versions a prune takes, and that nothing of them is left.

use std::{fs, num::NonZeroU32, time::Duration};

use strongroom::{
    Alias, Keystore, UnixTime,
    certificate::Fingerprint,
    keystore::{Backup, CredentialRequest, KeptSlot, Pruned, RestoreOptions, Retention},
    keystore::{ServedEntry, ServerFile, ServerReport},
    seal::UnlockSource,
};
use strongroom_tests::{
    authority::{TestCa, leaf_params, now, root},
    command::{fine, refused, shop},
    scratch::Scratch,
};

const DAY: u64 = 86_400;

/// So many days after the beginning.
fn day(days: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(now().as_secs() + days * DAY))
}

fn alias(name: &str) -> Alias {
    name.parse().unwrap()
}

fn import(keystore: &Keystore, ca: &TestCa, name: &str, at: UnixTime) {
    let credential = ca.issue(&leaf_params(&format!("{name}.test")), &[]);
    let mut request = CredentialRequest::new(alias(name), credential, at);
    request.options.replace = true;
    keystore.import_credential(request).unwrap();
}

fn retention(keep: Option<u32>, days: Option<u32>) -> Retention {
    let mut retention = Retention::default();
    retention.keep = keep.map(|keep| NonZeroU32::new(keep).unwrap());
    retention.older_than = days.map(|days| Duration::from_secs(u64::from(days) * DAY));
    retention
}

/// `www` with five versions, of the days 0, 10, 20, 30 and 40; `api` with two, of the days 0 and 39; `old`, which was
/// replaced on day 5 and removed on day 12.
fn past() -> (Scratch, TestCa) {
    let (scratch, ca) = (Scratch::new(now()), root("Root"));
    let keystore = &scratch.keystore;
    keystore.import_authority(&alias("root"), ca.file(), now()).unwrap();
    for days in [0, 10, 20, 30, 40] {
        import(keystore, &ca, "www", day(days));
    }
    for days in [0, 39] {
        import(keystore, &ca, "api", day(days));
    }
    for days in [0, 5] {
        import(keystore, &ca, "old", day(days));
    }
    keystore.remove(&alias("old"), false, day(12)).unwrap();
    (scratch, ca)
}

/// `www 1-2`, with `!` behind what went as a whole.
fn words(pruned: &Pruned) -> Vec<String> {
    let of = pruned.of.iter().map(|entry| {
        let removed = if entry.removed { " removed" } else { "" };
        format!(
            "{} {}-{}{removed}{}",
            entry.alias,
            entry.first,
            entry.last,
            if entry.whole { "!" } else { "" }
        )
    });
    of.collect()
}

#[test]
fn a_version_goes_only_if_everything_that_is_asked_says_so() {
    let cases: [(Retention, &[&str]); 8] = [
        (retention(None, None), &["api 1-1", "old 1-2 removed!", "www 1-4"]),
        (retention(Some(1), None), &["api 1-1", "old 1-1 removed", "www 1-4"]),
        (retention(Some(3), None), &["www 1-2"]),
        (retention(Some(9), None), &[]),
        // Version 2 of www was replaced on day 20, 25 days before; old was removed 33 days before.
        (retention(None, Some(25)), &["old 1-2 removed!", "www 1-2"]),
        (retention(None, Some(34)), &["old 1-1 removed", "www 1-1"]),
        (retention(Some(4), Some(25)), &["old 1-2 removed!", "www 1-1"]),
        (retention(Some(2), Some(46)), &[]),
    ];
    let (scratch, _) = past();
    for (retention, expected) in cases {
        let planned = scratch.keystore.plan_prune(None, &retention, day(45)).unwrap();
        assert_eq!(words(&planned), expected, "{retention:?}");
    }
    // What was planned is what is done, and of the named alone where any is.
    let log = scratch.keystore.log_tail(1).unwrap()[0].number;
    let rule = retention(None, Some(25));
    let planned = scratch.keystore.plan_prune(None, &rule, day(45)).unwrap();
    assert_eq!(scratch.keystore.log_tail(1).unwrap()[0].number, log, "a plan changes nothing");
    let named = scratch.keystore.prune_by(Some(&[alias("api")]), &rule, day(45)).unwrap();
    assert_eq!(words(&named), [""; 0]);
    let before = scratch.keystore.generation().unwrap().sequence();
    assert_eq!(scratch.keystore.prune_by(None, &rule, day(45)).unwrap(), planned);
    assert_eq!(scratch.keystore.generation().unwrap().sequence(), before + 1, "one change");
    let rows: Vec<String> = scratch
        .keystore
        .log(log, 10)
        .unwrap()
        .iter()
        .map(|row| format!("{} {} {}", row.action, row.alias, row.outcome))
        .collect();
    assert_eq!(
        rows,
        ["prune old pruned the removed entry: versions 1 to 2", "prune www pruned versions 1 to 2"]
    );
    assert_eq!(words(&scratch.keystore.prune_by(None, &rule, day(45)).unwrap()), [""; 0]);
    assert_eq!(scratch.keystore.verify_store().unwrap().problems, []);
    let left: Vec<u32> =
        scratch.keystore.history(&alias("www")).unwrap().iter().map(|version| version.number).collect();
    assert_eq!(left, [5, 4, 3]);
    assert_eq!(
        scratch.keystore.prune_by(Some(&[alias("www"), alias("nobody")]), &rule, day(45)).unwrap_err().code(),
        "not_found"
    );
}

#[test]
fn who_asks_for_a_pruned_version_learns_when_it_went() {
    let (scratch, ca) = past();
    let keystore = &scratch.keystore;
    keystore.prune_by(Some(&[alias("www")]), &retention(Some(3), None), day(50)).unwrap();
    let expected = "version 2 of \"www\" is gone: the versions before 3 were pruned, the last of them on 2027-01-12T12:00:00Z";
    let asked = |keystore: &Keystore| {
        let errors = [
            keystore.undo_to(&alias("www"), 2, day(51)).map(drop),
            keystore.entry_at(&alias("www"), 2).map(drop),
        ];
        for error in errors.map(Result::unwrap_err) {
            assert_eq!((error.code(), error.to_string().as_str()), ("version_pruned", expected));
        }
        let never = keystore.undo_to(&alias("www"), 12, day(51)).unwrap_err();
        assert_eq!(never.code(), "version_not_found");
    };
    asked(keystore);
    // It is remembered through everything that an entry goes through.
    keystore.rename(&alias("www"), &alias("shop"), day(52)).unwrap();
    keystore.rename(&alias("shop"), &alias("www"), day(52)).unwrap();
    keystore.remove(&alias("www"), false, day(53)).unwrap();
    keystore.undo(&alias("www"), day(54)).unwrap();
    asked(keystore);
    import(keystore, &ca, "www", day(55));
    keystore
        .rekey(&[KeptSlot::new(0, UnlockSource::KeyFile(String::new()), &scratch.unlock)], day(56))
        .unwrap();
    asked(keystore);
    let file = scratch.folder.path().join("copy.db");
    keystore.backup(&file, day(57)).unwrap();
    let backup = Backup::open(&file, &scratch.path(), &scratch.unlock).unwrap();
    keystore.restore(&backup, None, RestoreOptions::default(), day(58)).unwrap();
    asked(keystore);
    // Without a version that is left before, an undo says the same.
    keystore.prune(Some(&alias("www")), day(59)).unwrap();
    assert_eq!(keystore.undo(&alias("www"), day(60)).unwrap_err().code(), "version_pruned");
    assert_eq!(keystore.verify_store().unwrap().problems, []);
}

/// When an entry was removed is kept, whatever became of the store since.
#[test]
fn a_removed_entry_ages_from_its_removal() {
    let (scratch, _) = past();
    let keystore = &scratch.keystore;
    keystore
        .rekey(&[KeptSlot::new(0, UnlockSource::KeyFile(String::new()), &scratch.unlock)], day(41))
        .unwrap();
    let file = scratch.folder.path().join("copy.db");
    keystore.backup(&file, day(42)).unwrap();
    let backup = Backup::open(&file, &scratch.path(), &scratch.unlock).unwrap();
    keystore.restore(&backup, None, RestoreOptions::default(), day(43)).unwrap();
    let of = |days| {
        words(&keystore.plan_prune(Some(&[alias("old")]), &retention(None, Some(30)), day(days)).unwrap())
    };
    assert_eq!(of(41), ["old 1-1 removed"], "removed on day 12");
    assert_eq!(of(42), ["old 1-2 removed!"]);
    keystore.undo(&alias("old"), day(44)).unwrap();
    assert_eq!(of(200), ["old 1-1"], "it is there again: its current version stays");
}

/// The sealed keys in a store, by SQL.
fn sealed_keys(scratch: &Scratch) -> Vec<Vec<u8>> {
    let connection = rusqlite::Connection::open(scratch.path()).unwrap();
    let mut statement = connection.prepare("SELECT data FROM blob WHERE substr(data, 1, 1) = x'01'").unwrap();
    let keys = statement.query_map([], |row| row.get(0)).unwrap();
    keys.map(Result::unwrap).collect()
}

#[test]
fn nothing_of_what_was_pruned_is_left_in_any_file_and_all_else_is() {
    let (scratch, _) = past();
    let keystore = &scratch.keystore;
    let mut files = vec![scratch.path()];
    files.extend(["-wal", "-journal"].map(|end| scratch.path().with_extension(format!("db{end}"))));
    let holds = |part: &[u8]| {
        let content = files.iter().filter_map(|file| fs::read(file).ok());
        content.into_iter().any(|content| content.windows(part.len()).any(|window| window == part))
    };
    let ends = |bytes: &[u8]| [bytes[..48].to_vec(), bytes[bytes.len() - 48..].to_vec()];
    let leaves: Vec<_> = keystore.history(&alias("www")).unwrap();
    let keys = sealed_keys(&scratch);
    assert_eq!(keys.len(), 9);
    assert!(keys.iter().flat_map(|key| ends(key)).all(|part| holds(&part)));
    assert!(leaves.iter().all(|version| holds(&ends(version.certificate.der())[0])));
    keystore.prune_by(None, &retention(Some(3), None), day(45)).unwrap();
    let left = sealed_keys(&scratch);
    assert_eq!(left.len(), 7);
    for key in &keys {
        let found = ends(key).iter().filter(|part| holds(part)).count();
        assert_eq!(found, if left.contains(key) { 2 } else { 0 });
    }
    // The certificates as well, newest first: 5, 4, 3 stay.
    let found: Vec<bool> =
        leaves.iter().map(|version| ends(version.certificate.der()).iter().any(|part| holds(part))).collect();
    assert_eq!(found, [true, true, true, false, false]);
    assert_eq!(keystore.verify_store().unwrap().problems, []);
}

#[cfg(unix)]
#[test]
fn a_version_that_a_server_still_serves_stays_and_those_after_it() {
    let (scratch, _) = past();
    let mut report = ServerReport::of_this_process("a server", now());
    report.served = vec![ServedEntry::new(alias("www"), 2, Fingerprint::of(b""))];
    let file = ServerFile::create(&scratch.path(), &report).unwrap();
    let pruned = scratch.keystore.prune_by(None, &retention(Some(1), None), day(45)).unwrap();
    assert_eq!(words(&pruned), ["api 1-1", "old 1-1 removed", "www 1-1"]);
    let served: Vec<_> = pruned.served.iter().map(|one| (one.alias.as_str(), one.version)).collect();
    assert_eq!(served, [("www", 2)]);
    drop(file);
    let pruned = scratch.keystore.prune_by(None, &retention(Some(1), None), day(45)).unwrap();
    assert_eq!((words(&pruned), pruned.served.len()), (vec!["www 2-4".to_owned()], 0));
}

#[test]
fn the_command_shows_what_goes_before_it_goes() {
    let shop = shop();
    let replace = ["import", "www", "pkcs12/www-direct.p12", "--pass-in", "pass:changeit", "--replace"];
    fine(&shop.json(replace));
    fine(&shop.json(["undo", "www"]));
    let would = fine(&shop.json(["prune", "--keep", "2", "--dry-run"]));
    assert_eq!(
        (&would["dry_run"], &would["versions"], &would["alias"]),
        (&true.into(), &1.into(), &().into())
    );
    let entry = serde_json::json!({
        "alias": "www", "of_removed": false, "nothing_left": false, "first_version": 1, "last_version": 1,
    });
    assert_eq!(would["pruned"], serde_json::json!([entry]));
    let said = shop.run(["prune", "--keep", "1", "--dry-run"]).out;
    assert_eq!(
        said,
        "ALIAS  VERSIONS  OF\nwww    1 to 2    an entry, which stays\nwould delete 2 former versions; nothing was deleted\n"
    );
    // Of all entries it needs a yes, where nobody can be asked.
    refused(&shop.json(["prune", "--keep", "2"]), 2, "confirmation_needed");
    let pruned = fine(&shop.json(["prune", "--keep", "2", "-y"]));
    assert_eq!((&pruned["dry_run"], &pruned["pruned"]), (&false.into(), &would["pruned"]));
    assert_eq!(
        shop.run(["prune", "--older-than", "1d", "-y"]).out,
        "there is nothing to prune of all entries\n"
    );
    let help = refused(&shop.json(["undo", "www", "--to", "1"]), 3, "version_pruned");
    assert!(help.ends_with(" history www"), "{help}");
    let file = shop.folder.path().join("old.pem");
    refused(&shop.json(["export", "www@1", "-o", file.to_str().unwrap()]), 3, "version_pruned");
    assert!(!file.exists());
    for wrong in [
        &["prune"][..],
        &["prune", "--keep", "0"],
        &["prune", "--older-than", "33%"],
        &["prune", "--all", "www"],
    ] {
        assert_eq!(shop.run(wrong.iter().copied()).code, 2, "{wrong:?}");
    }
    assert_eq!(
        shop.run(["prune", "www"]).out,
        "ALIAS  VERSIONS  OF\nwww    2         an entry, which stays\ndeleted 1 former version\n"
    );
    assert_eq!(fine(&shop.json(["verify-store"]))["versions"], 3);
}
