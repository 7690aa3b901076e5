//! The way back from a backup that is opened by something else than the store is today, and signing in after each way.

use std::{fs, path::PathBuf, process::Command};

use serde_json::json;
use strongroom::{Keystore, Password, UnlockKey, engine::MemoryEngine};
use strongroom_tests::{
    authority::now,
    command::{Run, Shop, fine, refused, shop},
    server::{Server, has_curl},
};

const ADMIN: [&str; 5] = ["user", "add", "siteadmin", "--pass-in", "env:P"];

/// A store whose key was changed after a backup was made of it.
struct Changed {
    shop: Shop,
    backup: PathBuf,
    /// The key file of then.
    old: PathBuf,
}

impl Changed {
    fn new() -> Self {
        let shop = shop();
        let (backup, old) = (shop.folder.path().join("old.db"), shop.folder.path().join("old.key"));
        fine(&run(&shop, &ADMIN));
        fine(&run(&shop, &["backup", backup.to_str().unwrap()]));
        let beside = shop.folder.path().join("keystore.key");
        fs::rename(&beside, &old).unwrap();
        let then = format!("file:{}", old.display());
        let now = format!("file:{}", beside.display());
        fine(&run(&shop, &["--unlock", &then, "passwd", "--to", &now]));
        fine(&run(&shop, &["rekey"]));
        fine(&run(&shop, &["rm", "www"]));
        Self { shop, backup, old }
    }

    fn backup(&self) -> &str {
        self.backup.to_str().unwrap()
    }

    fn then(&self) -> String {
        format!("file:{}", self.old.display())
    }
}

fn run(shop: &Shop, arguments: &[&str]) -> Run {
    let mut command: Command = shop.command(["--json"].iter().chain(arguments));
    command.env("P", "a long password").env("OLD", "the old passphrase").env("NEW", "the new passphrase");
    command.output().unwrap().into()
}

#[test]
fn a_backup_from_before_another_key_is_opened_by_its_own_in_every_form() {
    let changed = Changed::new();
    let (shop, backup, then) = (&changed.shop, changed.backup(), changed.then());
    let forms: [&[&str]; 4] = [
        &["restore", "--yes", backup],
        &["restore", "--only", "www", "--from", backup],
        &["restore", "--only", "www", "--replace", "--from", backup],
        &["restore", "--with-access", "--yes", backup],
    ];
    for form in forms {
        if form.contains(&"--only") && !form.contains(&"--replace") {
            // Whole, it is not displaced; and what is said of that is so.
            let taken = run(shop, &[form, &["--backup-unlock", &then]].concat());
            let help = refused(&taken, 4, "alias_taken");
            assert!(help.ends_with("all its versions, add: --replace"), "{help}");
            fine(&run(shop, &["rm", "www"]));
        }
        // The key of today does not open it, which is said with what does.
        let refusal = run(shop, form);
        let help = refused(&refusal, 5, "wrong_unlock_key");
        assert!(refusal.out.contains("what opens the store does not open the backup"), "{}", refusal.out);
        assert!(help.ends_with("add: --backup-unlock SRC"), "{help}");
        let wrong = format!("file:{}", shop.folder.path().join("keystore.key").display());
        let refusal = run(shop, &[form, &["--backup-unlock", &wrong]].concat());
        refused(&refusal, 5, "wrong_unlock_key");
        assert!(
            refusal.out.contains("what --backup-unlock gives does not open the backup"),
            "{}",
            refusal.out
        );
        fine(&run(shop, &[form, &["--backup-unlock", &then]].concat()));
        fine(&run(shop, &["show", "www"]));
        fine(&run(shop, &["verify-store"]));
    }
    // With its administrators it brought what opened it, under the name that this has now.
    let slots = fine(&run(shop, &["slot", "ls"]))["slots"].clone();
    assert_eq!(slots[1]["name"], changed.old.to_str().unwrap(), "{slots}");
    fine(&run(shop, &["--unlock", &then, "show", "www"]));
    fine(&run(shop, &["slot", "rm", "1"]));
    refused(&run(shop, &["--unlock", &then, "ls"]), 5, "wrong_unlock_key");

    // Where there is no store, it becomes one, opened as it was then; and a new one has a key of its own.
    let elsewhere = Shop::empty();
    refused(&run(&elsewhere, &["restore", backup]), 8, "key_file_missing");
    fine(&run(&elsewhere, &["restore", backup, "--backup-unlock", &then]));
    fine(&run(&elsewhere, &["--unlock", &then, "show", "www"]));
    let third = elsewhere.folder.path().join("third.key");
    fs::copy(&changed.old, &third).unwrap();
    let third = format!("file:{}", third.display());
    for (more, unlock) in [
        (&[][..], None),
        (&["--unlock", "passphrase:env:NEW"][..], Some("passphrase:env:NEW")),
        // A key that is for the former store gives way to a new one.
        (&["--unlock", &third], Some(third.as_str())),
    ] {
        let made =
            run(&elsewhere, &[more, &["restore", "--new-store", backup, "--backup-unlock", &then]].concat());
        let file = fine(&made)["file"].clone();
        assert!(file.as_str().unwrap().contains(".before-restore"), "{file}");
        let with = unlock.map(|unlock| vec!["--unlock", unlock]).unwrap_or_default();
        assert_eq!(fine(&run(&elsewhere, &[&with[..], &["verify-store"]].concat()))["keys"], 1, "{more:?}");
        // It has another name, and a key that says so.
        let refusal = run(&elsewhere, &[&with[..], &["restore", "--yes", backup]].concat());
        if unlock == Some("passphrase:env:NEW") {
            refused(&refusal, 5, "wrong_unlock_key");
        } else {
            let help = refused(&refusal, 5, "key_of_another_store");
            assert!(help.ends_with("add: --other-store --backup-unlock SRC"), "{help}");
        }
        let other = [
            &with[..],
            &["restore", "--yes", "--other-store", "--with-access", backup, "--backup-unlock", &then],
        ]
        .concat();
        let taken = run(&elsewhere, &other);
        fine(&taken);
        assert!(taken.err.contains("does not open this one"), "{}", taken.err);
        assert_eq!(
            fine(&run(&elsewhere, &[&with[..], &["slot", "ls"]].concat()))["slots"].as_array().unwrap().len(),
            1
        );
        let without = [&with[..], &["restore", "--yes", backup, "--backup-unlock", &then]].concat();
        refused(&run(&elsewhere, &without), 8, "other_store");
    }
}

#[test]
fn a_backup_from_before_another_passphrase_is_opened_by_the_old_one() {
    let shop = Shop::empty();
    let (old, new) = (["--unlock", "passphrase:env:OLD"], ["--unlock", "passphrase:env:NEW"]);
    let with = |unlock: [&'static str; 2], more: &[&str]| run(&shop, &[&unlock[..], more].concat());
    fine(&with(old, &["init"]));
    fine(&with(old, &["ca", "import", "root", "chains/root-rsa.pem"]));
    let backup = shop.folder.path().join("old.db");
    let backup = backup.to_str().unwrap();
    fine(&with(old, &["backup", backup]));
    fine(&with(old, &["passwd", "--to", "passphrase:env:NEW"]));
    fine(&with(new, &["rekey"]));
    fine(&with(new, &["rm", "root"]));
    let help = refused(&with(new, &["restore", "--yes", backup]), 5, "wrong_unlock_key");
    assert!(help.contains("--backup-unlock SRC"), "{help}");
    refused(&with(new, &["restore", backup, "--backup-unlock", "prompt"]), 5, "password_missing");
    fine(&with(new, &["restore", "--yes", backup, "--backup-unlock", "passphrase:env:OLD"]));
    fine(&with(new, &["show", "root"]));
    refused(&with(old, &["ls"]), 5, "wrong_unlock_key");
    // Two things are not read from one standard input.
    let twice = ["--unlock", "passphrase:stdin", "restore", backup, "--backup-unlock", "passphrase:stdin"];
    refused(&run(&shop, &twice), 2, "stdin_taken");
}

#[test]
fn administrators_sign_in_after_a_rekey_a_restore_and_on_another_server() {
    if !has_curl() {
        return;
    }
    let changed = Changed::new();
    let (shop, backup, then) = (&changed.shop, changed.backup(), changed.then());
    fine(&run(shop, &["user", "add", "second", "--pass-in", "env:NEW"]));
    let server = Server::start(shop);
    let both = || {
        drop(server.token("siteadmin", "a long password"));
        drop(server.token("second", "the new passphrase"));
    };
    both();
    // Under a running server; hashes are sealed under the new root key.
    fine(&run(shop, &["rekey"]));
    both();
    fine(&run(shop, &["restore", "--yes", backup, "--backup-unlock", &then]));
    both();
    fine(&run(shop, &["restore", "--with-access", "--yes", backup, "--backup-unlock", &then]));
    drop(server.token("siteadmin", "a long password"));
    let gone = [
        "--data-urlencode",
        "username=second",
        "--data-urlencode",
        "password=the new passphrase",
        "-d",
        "client=referer&referer=x&f=json",
    ];
    assert_eq!(server.json("/sharing/rest/generateToken", gone)["error"]["code"], 400);
    assert_eq!(fine(&run(shop, &["user", "ls"]))["users"].as_array().unwrap().len(), 1);
    fine(&run(shop, &["user", "add", "second", "--pass-in", "env:OLD"]));
    drop(server.token("second", "the old passphrase"));
    drop(server);
    // A new store of it, and a server that has only that.
    fine(&run(shop, &["restore", "--new-store", backup, "--backup-unlock", &then]));
    let server = Server::start(shop);
    drop(server.token("siteadmin", "a long password"));
    fine(&run(shop, &["user", "rm", "siteadmin"]));
    assert_eq!(fine(&run(shop, &["user", "ls"]))["users"], json!([]));
}

#[test]
fn administrators_sign_in_after_a_copy_from_one_engine_to_another() {
    let folder = tempfile::tempdir().unwrap();
    let unlock = UnlockKey::generate().unwrap();
    let password = Password::new("a long password").unwrap();
    let name = "siteadmin".parse().unwrap();
    let path = folder.path().join("keystore.db");
    let keystore = Keystore::create(&path, &unlock, now()).unwrap();
    keystore.add_administrator(&name, &password, now()).unwrap();
    let signs_in = |keystore: &Keystore| {
        let mut memory = strongroom::account::HashMemory::new().unwrap();
        let found = keystore.verify_administrator(&name, &password, &mut memory).unwrap();
        assert_eq!(found.unwrap().name, "siteadmin");
        let wrong = Password::new("another password").unwrap();
        assert!(keystore.verify_administrator(&name, &wrong, &mut memory).unwrap().is_none());
        assert_eq!(keystore.administrators().unwrap().len(), 1);
    };
    signs_in(&keystore);
    let memory = MemoryEngine::new(false);
    assert_eq!(keystore.copy_to_engine(Box::new(memory.clone())).unwrap().administrators, 1);
    assert_eq!(keystore.copy_to_engine(Box::new(memory.clone())).unwrap_err().code(), "invalid_value");
    let copy = Keystore::open_on_engine(Box::new(memory), &unlock).unwrap();
    signs_in(&copy);
    // It goes on there, and comes back.
    let keep = [strongroom::keystore::KeptSlot::new(
        0,
        strongroom::seal::UnlockSource::KeyFile(String::new()),
        &unlock,
    )];
    copy.rekey(&keep, now()).unwrap();
    signs_in(&copy);
    let back = folder.path().join("back.db");
    assert_eq!(copy.backup(&back, now()).unwrap().administrators, 1);
    signs_in(&Keystore::open(&back, &unlock).unwrap());
}
