//! Looking after a store with the command: versions, slots, passphrases, copies, the log, and what it refuses.

use std::{fs, path::Path, process::Command};

use rusqlite::Connection;
use strongroom_tests::command::{Run, Shop, fine};

/// The command on a store with the root, ready for `pkcs12/www.p12` and `pkcs12/www-direct.p12`.
fn shop() -> Shop {
    let shop = Shop::open();
    shop.import_root();
    shop
}

fn import(shop: &Shop, arguments: &[&str]) -> Run {
    let mut command = shop.command(["--json", "import", "--pass-in", "env:P"].iter().chain(arguments));
    command.env("P", "changeit").output().unwrap().into()
}

/// Runs with a passphrase in the environment.
fn with_phrase(shop: &Shop, phrase: &str, arguments: &[&str]) -> Run {
    let mut command = shop.command(["--json", "--unlock", "passphrase:env:PHRASE"].iter().chain(arguments));
    command
        .env("PHRASE", phrase)
        .env("NEW", "a new long phrase")
        .env("P", "changeit")
        .output()
        .unwrap()
        .into()
}

#[test]
fn versions_are_kept_compared_and_undone() {
    let shop = shop();
    fine(&import(&shop, &["www", "pkcs12/www.p12"]));
    let taken = import(&shop, &["www", "pkcs12/www-direct.p12"]);
    assert_eq!((taken.code, taken.error_code().as_str()), (4, "alias_taken"));
    assert_eq!(fine(&import(&shop, &["www", "pkcs12/www-direct.p12", "--replace"]))["outcome"], "replaced");
    let history = fine(&shop.json(["history", "www"]));
    assert_eq!(history["versions"].as_array().unwrap().len(), 2);
    assert_eq!(history["versions"][0]["current"], true);
    let first = fine(&shop.json(["show", "www@1"]));
    assert_eq!((&first["version"], &first["subject"]), (&1.into(), &"CN=www.fixture.test".into()));
    let diff = fine(&shop.json(["diff", "www@1", "www"]));
    assert_eq!(diff["gained"], serde_json::json!(["shop.fixture.test"]));
    assert!(diff["lost"].as_array().unwrap().contains(&"www.fixture.test".into()));
    assert_eq!((&diff["key_reused"], &diff["same"]), (&false.into(), &false.into()));
    let undone = fine(&shop.json(["undo", "www"]));
    assert_eq!((&undone["version"], &undone["restored_from"]), (&3.into(), &1.into()));
    assert_eq!(fine(&shop.json(["show", "www"]))["subject"], "CN=www.fixture.test");
    let again = fine(&shop.json(["undo", "www"]));
    assert_eq!((&again["version"], &again["restored_from"]), (&4.into(), &2.into()), "an undo is undone");
    let same = shop.json(["undo", "www", "--to", "2"]);
    assert_eq!((same.code, same.error_code().as_str()), (3, "nothing_to_undo"), "it is that already");
    assert_eq!(fine(&shop.json(["undo", "www", "--to", "1"]))["version"], 5);
    let missing = shop.json(["show", "www@9"]);
    assert_eq!((missing.code, missing.error_code().as_str()), (3, "version_not_found"));
    fine(&shop.json(["rename", "www", "shop"]));
    assert_eq!(shop.json(["show", "www"]).error_code(), "not_found");
    assert_eq!(fine(&shop.json(["history", "shop"]))["versions"].as_array().unwrap().len(), 5);
    assert_eq!(shop.json(["rename", "shop", "root"]).error_code(), "alias_taken");
    fine(&shop.json(["rename", "shop", "SHOP"]));
    fine(&shop.json(["rm", "shop"]));
    assert_eq!(fine(&shop.json(["verify-store"]))["entries"], 2, "root and the intermediate of www");
}

#[test]
fn the_log_has_what_was_done_and_what_was_refused() {
    let shop = shop();
    fine(&import(&shop, &["www", "pkcs12/www.p12"]));
    import(&shop, &["www", "pkcs12/www-direct.p12"]);
    shop.json(["rm", "nobody"]);
    let log = fine(&shop.json(["log"]));
    let rows: Vec<(&str, &str, &str)> = log["log"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let text = |name: &str| row[name].as_str().unwrap();
            (text("action"), text("alias"), text("outcome"))
        })
        .collect();
    assert_eq!(
        rows,
        [
            ("init", "", "made"),
            ("ca-import", "root", "imported"),
            ("import", "www", "imported"),
            ("import", "www", "alias_taken"),
            ("rm", "nobody", "not_found"),
        ]
    );
    let actor = log["log"][0]["actor"].as_str().unwrap();
    let user = Command::new("id").arg("-un").output().unwrap();
    let user = String::from_utf8(user.stdout).unwrap();
    // The system may have no name for it.
    assert!(if user.trim().is_empty() { actor.starts_with("uid ") } else { actor == user.trim() }, "{actor}");
    assert_eq!(fine(&shop.json(["log", "--verify"]))["verified"], 5);
    for damage in [
        "UPDATE log SET row = CAST(row || x'00' AS BLOB) WHERE number = 4",
        "DELETE FROM log WHERE number = 5",
        "UPDATE log SET number = 9 WHERE number = 5",
    ] {
        let copy = Shop::empty();
        fs::copy(shop.store(), copy.store()).unwrap();
        let wal = shop.folder.path().join("keystore.db-wal");
        if wal.exists() {
            fs::copy(wal, copy.folder.path().join("keystore.db-wal")).unwrap();
        }
        fs::copy(shop.folder.path().join("keystore.key"), copy.folder.path().join("keystore.key")).unwrap();
        Connection::open(copy.store()).unwrap().execute_batch(damage).unwrap();
        for arguments in [&["log"][..], &["log", "--verify"], &["verify-store"]] {
            let run = copy.json(arguments.iter().copied());
            assert_eq!((run.code, run.error_code().as_str()), (8, "store_corrupt"), "{damage} {arguments:?}");
        }
    }
}

#[test]
fn a_passphrase_opens_the_store_until_it_is_changed() {
    let shop = Shop::empty();
    let short = with_phrase(&shop, "short", &["init"]);
    assert_eq!((short.code, short.error_code().as_str()), (2, "invalid_secret"));
    let old = "correct horse battery";
    assert_eq!(fine(&with_phrase(&shop, old, &["init"]))["unlock"], "passphrase");
    assert!(!shop.folder.path().join("keystore.key").exists());
    fine(&with_phrase(&shop, old, &["ca", "import", "root", "chains/root-rsa.pem"]));
    fine(&with_phrase(&shop, old, &["import", "www", "pkcs12/www.p12", "--pass-in", "env:P"]));
    fine(&with_phrase(&shop, old, &["passwd", "--to", "passphrase:env:NEW"]));
    let refused = with_phrase(&shop, old, &["ls"]);
    assert_eq!((refused.code, refused.error_code().as_str()), (5, "wrong_unlock_key"));
    let new = "a new long phrase";
    fine(&with_phrase(&shop, new, &["import", "two", "pkcs12/www-direct.p12", "--pass-in", "env:P"]));
    assert_eq!(fine(&with_phrase(&shop, new, &["verify-store"]))["keys"], 2);
    let locked = shop.json(["ls"]);
    assert_eq!((locked.code, locked.error_code().as_str()), (5, "password_missing"), "locked, and says so");
    for phrase in [old, new] {
        assert!(!holds(shop.folder.path(), phrase.as_bytes()));
    }
}

/// Whether a file of the folder has these bytes.
fn holds(folder: &Path, needle: &[u8]) -> bool {
    fs::read_dir(folder).unwrap().any(|file| {
        let content = fs::read(file.unwrap().path()).unwrap();
        content.windows(needle.len()).any(|window| window == needle)
    })
}

#[test]
fn slots_are_added_removed_and_survive_a_new_root_key() {
    let shop = shop();
    fine(&import(&shop, &["www", "pkcs12/www.p12"]));
    let secret = "8f14e45fceea167a5a36dedd4bea2543c9f0f895fb98ab9159f51fd0297e236d";
    let with_env = |arguments: &[&str]| -> Run {
        let mut command = shop.command(std::iter::once(&"--json").chain(arguments));
        command.env("SR_KEY", secret).output().unwrap().into()
    };
    assert_eq!(fine(&with_env(&["slot", "add", "env:SR_KEY"]))["slot"], 1);
    assert_eq!(fine(&with_env(&["slot", "ls"]))["slots"].as_array().unwrap().len(), 2);
    let missing = shop.json(["rekey"]);
    assert_eq!((missing.code, missing.error_code().as_str()), (5, "password_missing"));
    assert!(missing.out.contains("slot 1 (environment SR_KEY)"), "{}", missing.out);
    assert_eq!(fine(&with_env(&["rekey"]))["kept"], serde_json::json!([0, 1]));
    assert_eq!(fine(&shop.json(["verify-store"]))["keys"], 1);
    assert_eq!(fine(&with_env(&["--unlock", "env:SR_KEY", "verify-store"]))["keys"], 1);
    assert_eq!(fine(&shop.json(["rekey", "--drop-slot", "1"]))["dropped"], serde_json::json!([1]));
    assert_eq!(with_env(&["--unlock", "env:SR_KEY", "ls"]).error_code(), "wrong_unlock_key");
    let last = shop.json(["slot", "rm", "0"]);
    assert_eq!((last.code, last.error_code().as_str()), (3, "slot_not_found"));
    for n in 0..7 {
        let source = format!("file:{}", shop.folder.path().join(format!("k{n}")).display());
        fine(&shop.json(["slot", "add", &source]));
    }
    let ninth = with_env(&["slot", "add", "env:SR_KEY"]);
    assert_eq!((ninth.code, ninth.error_code().as_str()), (4, "no_free_slot"));
    // Any of them opens it, where the user names it: what the store says of them is only a hint.
    fs::remove_file(shop.folder.path().join("keystore.key")).unwrap();
    let unnamed = shop.json(["ls"]);
    assert_eq!((unnamed.code, unnamed.error_code().as_str()), (8, "key_file_missing"));
    assert!(unnamed.out.contains("--unlock file:"), "{}", unnamed.out);
    let source = format!("file:{}", shop.folder.path().join("k3").display());
    fine(&shop.json(["--unlock", &source, "slot", "rm", "0"]));
    fine(&shop.json(["--unlock", &source, "ls"]));
}

#[test]
fn a_backup_is_put_back_and_a_broken_one_changes_nothing() {
    let shop = shop();
    fine(&import(&shop, &["www", "pkcs12/www.p12"]));
    let copy = shop.folder.path().join("copy.db");
    let copy = copy.to_str().unwrap();
    assert_eq!(fine(&shop.json(["backup", copy]))["keys"], 1);
    let again = shop.json(["backup", copy]);
    assert_eq!((again.code, again.error_code().as_str()), (4, "store_exists"), "a backup overwrites nothing");
    fine(&shop.json(["rm", "www"]));

    let broken = shop.folder.path().join("broken.db");
    let mut content = fs::read(copy).unwrap();
    for at in (8192..content.len()).step_by(512) {
        content[at..at + 16].fill(0x55);
    }
    fs::write(&broken, content).unwrap();
    let before = shop.database();
    let refused = shop.json(["restore", broken.to_str().unwrap()]);
    assert_eq!((refused.code, refused.error_code().as_str()), (8, "bad_backup"), "{}", refused.out);
    let other = shop.json(["restore", "chains/root-rsa.pem"]);
    assert_eq!((other.code, other.error_code().as_str()), (8, "not_a_store"), "{}", other.out);
    assert!(!other.out.contains("--store "), "{}", other.out);
    assert!(before == shop.database());
    let names =
        |shop: &Shop| -> usize { shop.json(["ls"]).json()["result"]["entries"].as_array().unwrap().len() };
    assert_eq!(names(&shop), 2);

    let unasked = shop.json(["restore", copy]);
    assert_eq!((unasked.code, unasked.error_code().as_str()), (2, "confirmation_needed"));
    assert!(unasked.out.contains("entries that come back: www"), "{}", unasked.out);
    let seq = |shop: &Shop| fine(&shop.json(["verify-store"]))["seq"].as_u64().unwrap();
    let before = seq(&shop);
    fine(&shop.json(["restore", "--yes", copy]));
    assert_eq!(names(&shop), 3);
    let report = fine(&shop.json(["verify-store"]));
    assert_eq!(report["keys"], 1);
    assert_eq!(report["seq"].as_u64().unwrap(), before + 1, "a change like any other");
    let log = fine(&shop.json(["log"]));
    assert_eq!(log["log"].as_array().unwrap().last().unwrap()["outcome"], "restored");
    // Over a store that is no database any more: a new one, and what stood there is kept.
    fs::write(shop.store(), b"nothing that SQLite would read, and long enough to be looked at as a file")
        .unwrap();
    let refused = shop.json(["restore", "--yes", copy]);
    assert_eq!((refused.code, refused.error_code().as_str()), (8, "not_a_store"));
    assert!(refused.out.contains("restore --new-store FILE"), "{}", refused.out);
    fine(&shop.json(["restore", "--new-store", copy]));
    assert_eq!(names(&shop), 3);
    assert!(holds_names(shop.folder.path(), ".before-restore"));
    assert_eq!(shop.json(["restore", copy]).error_code(), "key_of_another_store", "it has a name of its own");
    // Where there is none, the store goes on from its backup.
    let elsewhere = Shop::empty();
    let former = shop.folder.path().join("keystore.key.before-restore.0");
    fs::copy(former, elsewhere.folder.path().join("keystore.key")).unwrap();
    fine(&elsewhere.json(["restore", copy]));
    assert_eq!(names(&elsewhere), 3);
    assert!(!holds_names(shop.folder.path(), ".restore"), "nothing is left over");
}

fn holds_names(folder: &Path, suffix: &str) -> bool {
    fs::read_dir(folder).unwrap().any(|file| file.unwrap().path().to_string_lossy().ends_with(suffix))
}

#[test]
fn an_older_copy_in_place_of_the_store_is_seen_by_its_rollback_guard() {
    let shop = Shop::empty();
    let outside = tempfile::tempdir().unwrap();
    let guard = outside.path().join("guard");
    let guard = guard.to_str().unwrap();
    fine(&shop.json(["--rollback-guard", guard, "init", "--journal", "rollback"]));
    let old = fs::read(shop.store()).unwrap();
    fine(&shop.json(["--rollback-guard", guard, "ca", "import", "root", "chains/root-rsa.pem"]));
    fine(&shop.json(["--rollback-guard", guard, "ls"]));
    fs::write(shop.store(), old).unwrap();
    let refused = shop.json(["--rollback-guard", guard, "ls"]);
    assert_eq!((refused.code, refused.error_code().as_str()), (8, "store_rolled_back"));
    fine(&shop.json(["--rollback-guard", guard, "--accept-rollback", "ls"]));
    fine(&shop.json(["--rollback-guard", guard, "ls"]));
    assert_eq!(shop.json(["ls"]).error_code(), "store_guarded");
    let log = fine(&shop.json(["--without-rollback-guard", "log"]));
    assert_eq!(log["log"][1]["action"], "accept-rollback");

    // A store from before a new root key is older as well, and what is no guard is not made one.
    let old = fs::read(shop.store()).unwrap();
    fine(&shop.json(["--rollback-guard", guard, "rekey"]));
    fine(&shop.json(["--rollback-guard", guard, "ls"]));
    fs::write(shop.store(), old).unwrap();
    let refused = shop.json(["--rollback-guard", guard, "ls"]);
    assert_eq!((refused.code, refused.error_code().as_str()), (8, "store_rolled_back"), "{}", refused.out);
    let other = outside.path().join("root.pem");
    fs::copy("../fixtures/chains/root-rsa.pem", &other).unwrap();
    let before = fs::read(&other).unwrap();
    for more in [&["ls"][..], &["--accept-rollback", "ls"], &["verify", "www"]] {
        let arguments = ["--rollback-guard", other.to_str().unwrap()];
        let refused = shop.json(arguments.iter().chain(more).copied());
        assert_eq!((refused.code, refused.error_code().as_str()), (2, "not_a_rollback_guard"));
        assert!(!refused.out.contains("damaged") && !refused.out.contains("chmod"), "{}", refused.out);
    }
    assert_eq!(fs::read(&other).unwrap(), before);
    let missing = outside.path().join("none");
    let missing = missing.to_str().unwrap();
    let refused = shop.json(["--rollback-guard", missing, "ls"]);
    assert_eq!((refused.code, refused.error_code().as_str()), (8, "rollback_guard_missing"));
    fine(&shop.json(["--rollback-guard", missing, "--accept-rollback", "ls"]));
    fine(&shop.json(["--rollback-guard", missing, "ls"]));
}

#[test]
fn rows_put_back_to_an_older_state_are_seen() {
    let shop = Shop::empty();
    fine(&shop.json(["init", "--journal", "rollback"]));
    shop.import_root();
    let old = fs::read(shop.store()).unwrap();
    fine(&import(&shop, &["www", "pkcs12/www-direct.p12"]));
    let former = shop.folder.path().join("former.db");
    fs::write(&former, old).unwrap();
    // The state of the store as it was before www: authentic by itself.
    let outside = Connection::open(shop.store()).unwrap();
    outside.execute("ATTACH ?1 AS former", [former.to_str().unwrap()]).unwrap();
    outside
        .execute_batch(
            "DELETE FROM main.state; INSERT INTO main.state SELECT * FROM former.state;
             DELETE FROM main.state_copy; INSERT INTO main.state_copy SELECT * FROM former.state_copy;",
        )
        .unwrap();
    drop(outside);
    let run = shop.json(["verify-store"]);
    assert_eq!((run.code, run.error_code().as_str()), (8, "store_corrupt"));

    // An entry that was deleted with all its rows is missed by who asks for it, and by the listing.
    let shop = self::shop();
    fine(&import(&shop, &["www", "pkcs12/www-direct.p12"]));
    let outside = Connection::open(shop.store()).unwrap();
    outside.execute_batch("DELETE FROM record WHERE key = x'1077777700'").unwrap();
    for arguments in [&["show", "www"][..], &["verify", "www"], &["verify-store"]] {
        let run = shop.json(arguments.iter().copied());
        assert_eq!((run.code, run.error_code().as_str()), (8, "store_corrupt"), "{arguments:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn files_that_others_can_reach_are_refused_with_the_repair() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let shop = shop();
    let wal = shop.folder.path().join("keystore.db-wal");
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let refused = |shop: &Shop, help: &str| {
        let run = shop.json(["ls"]);
        assert_eq!((run.code, run.error_code().as_str()), (8, "store_permission"), "{}", run.out);
        assert!(run.json()["error"]["help"].as_str().unwrap().contains(help), "{}", run.out);
    };
    mode(&shop.store(), 0o644);
    refused(&shop, "chmod 0600");
    mode(&shop.store(), 0o600);
    mode(shop.folder.path(), 0o777);
    refused(&shop, "chmod 0700");
    mode(shop.folder.path(), 0o700);
    let _ = fs::remove_file(&wal);
    symlink("/dev/null", &wal).unwrap();
    refused(&shop, "the file or folder itself");
    fs::remove_file(&wal).unwrap();
    fine(&shop.json(["ls"]));

    // The log of another store is not taken for this one's, and does no harm.
    let foreign = self::shop();
    let mut writer = Connection::open(foreign.store()).unwrap();
    let hold = writer.transaction().unwrap();
    let _: i64 = hold.query_row("SELECT count(*) FROM log", [], |row| row.get(0)).unwrap();
    fine(&import(&foreign, &["www", "pkcs12/www-direct.p12"]));
    let log = fs::read(foreign.folder.path().join("keystore.db-wal")).unwrap();
    assert!(!log.is_empty());
    let before = fs::read(shop.store()).unwrap();
    fs::write(&wal, log).unwrap();
    mode(&wal, 0o600);
    let run = shop.json(["ls"]);
    assert!(matches!(run.code, 5 | 8), "{}", run.out);
    assert!(fs::read(shop.store()).unwrap() == before, "the store is as it was");
    for suffix in ["-wal", "-shm"] {
        let _ = fs::remove_file(shop.folder.path().join(format!("keystore.db{suffix}")));
    }
    fine(&shop.json(["verify-store"]));
}

#[cfg(target_os = "linux")]
#[test]
fn a_limit_on_the_size_of_files_is_an_error_and_the_store_stays_whole() {
    for journal in ["rollback", "wal"] {
        let shop = Shop::empty();
        fine(&shop.json(["init", "--journal", journal]));
        shop.import_root();
        // The signal is ignored, the write fails. In units of 512 bytes.
        let limit = fs::metadata(shop.store()).unwrap().len() / 512;
        let inner = shop.command(["--json", "import", "www", "pkcs12/www.p12", "--pass-in", "env:P"]);
        let mut limited = Command::new("sh");
        limited.arg("-c").arg(format!("ulimit -f {limit}; exec \"$0\" \"$@\"")).arg(inner.get_program());
        limited.args(inner.get_args()).current_dir(inner.get_current_dir().unwrap());
        let run: Run = limited.env_clear().env("P", "changeit").output().unwrap().into();
        // To SQLite it is a failed write like any other: before the commit nothing was changed, and of the commit it is
        // said what is seen afterwards.
        let code = run.error_code();
        assert!(
            run.code == 8 && ["outcome_unknown", "store_failed"].contains(&code.as_str()),
            "{journal}: {}",
            run.out
        );
        if code == "outcome_unknown" {
            assert!(run.out.contains("the change is not there now"), "{}", run.out);
        }
        assert_eq!(fine(&shop.json(["verify-store"]))["entries"], 1);
        fine(&import(&shop, &["www", "pkcs12/www.p12"]));
    }
}
