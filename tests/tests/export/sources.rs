//! Old versions, backups, and what a dry run says.

use std::{fs, os::unix::fs::PermissionsExt as _, time::Duration};

use rcgen::KeyPair;
use serde_json::Value;
use strongroom::{
    export::{Export, ExportFormat},
    keystore::CredentialRequest,
};
use strongroom_tests::{
    armour::pem,
    authority::{leaf_params, now, root},
    command::{Run, Shop, fine, refused},
    scratch::Scratch,
};

use super::Desk;

/// Servers look again for what changed, and a hook that exports on a change must not wake itself.
#[test]
fn an_export_is_no_change_of_an_entry() {
    let scratch = Scratch::new(now());
    let root = root("Root");
    scratch.keystore.import_authority(&"root".parse().unwrap(), root.file(), now()).unwrap();
    let credential = root.issue(&leaf_params("www.test"), &[]);
    let request = CredentialRequest::new("www".parse().unwrap(), credential, now());
    scratch.keystore.import_credential(request).unwrap();
    let since = scratch.keystore.generation().unwrap();
    let export = Export::new(ExportFormat::Pem);
    scratch.keystore.export(&"www".parse().unwrap(), &export, now()).unwrap();
    scratch.keystore.export_authorities(&[], &export, now()).unwrap();
    let changes = scratch.keystore.wait_change(&since, Duration::ZERO).unwrap().unwrap();
    assert_eq!(changes.generation.sequence(), since.sequence() + 2);
    assert!(!changes.everything && !changes.authorities && changes.aliases.is_empty(), "{changes:?}");
}

impl Desk {
    /// Puts another certificate with another key in the place of the entry.
    fn renew(&self) {
        let (root, key) = (root("New Root"), KeyPair::generate().unwrap());
        let leaf = root.issue_leaf_for(&leaf_params("www.test"), &key);
        let text = pem("CERTIFICATE", leaf.der()) + &pem("PRIVATE KEY", &key.serialize_der());
        fs::write(self.path("new.pem"), text).unwrap();
        fs::write(self.path("new-root.pem"), pem("CERTIFICATE", root.file())).unwrap();
        fine(&self.run(&["ca", "import", "new-root", "new-root.pem"]));
        fine(&self.run(&["import", "www", "new.pem", "--replace"]));
    }

    fn log(&self) -> Vec<Value> {
        fine(&self.run(&["log"]))["log"].as_array().unwrap().clone()
    }

    /// The command on another store, with the key file of this one.
    fn elsewhere(&self, shop: &Shop, arguments: &[&str]) -> Run {
        let key = self.path("keystore.key").display().to_string();
        let mut command = shop.command([&["--json", "--key-file", key.as_str()], arguments].concat());
        command.current_dir(self.shop.folder.path()).env("P", super::PASSWORD);
        command.output().unwrap().into()
    }
}

#[test]
fn an_old_version_goes_out_with_its_own_key() {
    let desk = Desk::new();
    desk.renew();
    let old = fine(&desk.run(&["export", "www@1", "-o", "old.pem"]));
    assert_eq!((&old["version"], &old["alias"]), (&1.into(), &"www".into()));
    fine(&desk.run(&["export", "www@2", "-o", "two.pem"]));
    fine(&desk.export(&["now.pem"]));
    let text = |name: &str| fs::read_to_string(desk.path(name)).unwrap();
    assert_eq!(text("two.pem"), text("now.pem"));
    // The certificates of the file that was imported first, in its order, and its key.
    assert!(text("in.pem").starts_with(text("old.pem").split("-----BEGIN PRIVATE").next().unwrap()));
    assert_eq!(desk.key_of("old.pem"), desk.key_of("in.pem"));
    assert_eq!(desk.key_of("now.pem"), desk.key_of("new.pem"));
    assert_eq!(desk.log().last().unwrap()["alias"], "www");
    let missing = desk.run(&["export", "www@7", "-o", "x.pem"]);
    assert!(refused(&missing, 3, "version_not_found").contains("history www"), "{}", missing.out);
    refused(&desk.run(&["export", "nobody@1", "-o", "x.pem"]), 3, "not_found");
    refused(&desk.run(&["export", "www@", "-o", "x.pem"]), 2, "usage");
    // What is pruned is gone.
    fine(&desk.run(&["prune", "www", "--yes"]));
    refused(&desk.run(&["export", "www@1", "-o", "x.pem"]), 3, "version_pruned");
    assert!(!desk.path("x.pem").exists());
}

#[test]
fn an_entry_comes_out_of_a_backup_and_the_store_stays_as_it_is() {
    let desk = Desk::new();
    fine(&desk.run(&["backup", "monday.db"]));
    desk.renew();
    fine(&desk.run(&["rm", "www"]));
    let (before, rows) = (desk.shop.database(), desk.log().len());
    let monday = fs::read(desk.path("monday.db")).unwrap();
    let from = ["export", "www", "--from", "monday.db"];
    let planned = fine(&desk.run(&[&from[..], &["-o", "old.pem", "--dry-run"]].concat()));
    assert_eq!((&planned["logged"], desk.log().len()), (&false.into(), rows));
    let done = fine(&desk.run(&[&from[..], &["-o", "old.pem"]].concat()));
    assert_eq!((&done["logged"], &done["version"]), (&true.into(), &1.into()));
    assert_eq!(desk.key_of("old.pem"), desk.key_of("in.pem"));
    // A row in the log, and nothing else; the backup is as it was.
    assert!(desk.shop.database() == before);
    assert_eq!(desk.log().len(), rows + 1);
    let last = desk.log().pop().unwrap();
    assert_eq!((&last["action"], &last["alias"]), (&"export".into(), &"www".into()));
    assert_eq!(last["sha256"], desk.leaf.fingerprint().to_string());
    assert!(fs::read(desk.path("monday.db")).unwrap() == monday);
    let left: Vec<_> =
        desk.shop.content_names().into_iter().filter(|name| name.contains("restore")).collect();
    assert_eq!(left, [""; 0]);
    // The log of the store knows what the export wrote.
    fine(&desk.run(&[&from[..], &["-o", "old.pem", "--if-changed", "--chain", "full"]].concat()));
    let same = desk.run(&[&from[..], &["-o", "old.pem", "--if-changed", "--chain", "full"]].concat());
    assert_eq!((same.code, &same.json()["result"]["logged"]), (9, &false.into()));
    refused(&desk.run(&["export", "other", "--from", "monday.db", "-o", "x.pem"]), 3, "not_found");
    assert_eq!(desk.log().last().unwrap()["outcome"], "not_found");
    refused(&desk.run(&["export", "www", "--from", "nowhere.db", "-o", "x.pem"]), 3, "file_not_found");
    refused(&desk.run(&["export", "www", "--from", "in.pem", "-o", "x.pem"]), 8, "not_a_store");
    refused(&desk.export(&["x.pem", "--backup-unlock", "env:K"]), 2, "usage");
    assert!(!desk.path("x.pem").exists());
}

#[test]
fn a_backup_gives_its_entries_when_the_store_is_gone() {
    let desk = Desk::new();
    fine(&desk.run(&["backup", "monday.db"]));
    let from = |name: &'static str| ["export", "www", "--from", "monday.db", "-o", name];
    // No store, and no folder for one: none is left behind.
    let mut shop = Shop::empty();
    fs::remove_dir(shop.folder.path()).unwrap();
    let run = desk.elsewhere(&shop, &from("one.pem"));
    assert_eq!(fine(&run)["logged"], false);
    assert!(run.err.contains("no log has this export: there is no store at "), "{}", run.err);
    assert_eq!(desk.key_of("one.pem"), desk.key_of("in.pem"));
    assert!(!shop.folder.path().exists());
    // Another store, which its own key opens.
    shop = Shop::open();
    let unlock = format!("file:{}", desk.path("keystore.key").display());
    let mut command =
        shop.command([&["--json"], &from("two.pem")[..], &["--backup-unlock", &unlock]].concat());
    let run: Run = command.current_dir(desk.shop.folder.path()).output().unwrap().into();
    assert_eq!(fine(&run)["logged"], false);
    assert!(run.err.contains("is another store than the one that the backup was made of"), "{}", run.err);
    // One that is damaged beyond opening.
    fs::write(shop.store(), vec![7; 8192]).unwrap();
    let run = desk.elsewhere(&shop, &from("three.pem"));
    assert_eq!(fine(&run)["logged"], false);
    assert!(run.err.contains("cannot be opened: "), "{}", run.err);
    for file in ["two.pem", "three.pem"] {
        assert!(fs::read(desk.path(file)).unwrap() == fs::read(desk.path("one.pem")).unwrap());
    }
}

#[test]
fn a_backup_is_opened_by_what_opened_the_store_then() {
    let desk = Desk::new();
    fine(&desk.run(&["backup", "monday.db"]));
    fs::rename(desk.path("keystore.key"), desk.path("former.key")).unwrap();
    fine(&desk.run(&["--unlock", "file:former.key", "passwd", "--to", "file:keystore.key"]));
    fine(&desk.run(&["rekey"]));
    let from = ["export", "www", "--from", "monday.db", "-o", "old.pem"];
    let help = refused(&desk.run(&from), 5, "wrong_unlock_key");
    assert!(help.contains("--backup-unlock"), "{help}");
    let done = fine(&desk.run(&[&from[..], &["--backup-unlock", "file:former.key"]].concat()));
    assert_eq!(done["logged"], true);
    assert_eq!(desk.key_of("old.pem"), desk.key_of("in.pem"));
}

#[test]
fn a_dry_run_says_what_would_be_and_does_nothing() {
    let desk = Desk::new();
    fs::write(desk.path("there.p12"), "somebody's").unwrap();
    let (before, rows, names) = (desk.shop.database(), desk.log().len(), desk.shop.content_names());
    let dry = |more: &[&str]| desk.export(&[more, &["--dry-run", "--pass-out", "env:P"]].concat());
    let plan = fine(&dry(&["new.p12", "--profile", "java8"]));
    assert_eq!(
        (&plan["dry_run"], &plan["outcome"], &plan["profile"]),
        (&true.into(), &"written".into(), &"java8".into())
    );
    let file = &plan["files"][0];
    assert_eq!(
        (&file["path"], &file["mode"], &file["sha256"]),
        (&"new.p12".into(), &"0600".into(), &Value::Null)
    );
    assert_eq!(file["contains"], serde_json::json!(["key", "3 certificates"]));
    let opens = |name: &str| {
        let readers = plan["readers"].as_array().unwrap().iter();
        readers.clone().find(|reader| reader["name"] == name).unwrap()["opens"].clone()
    };
    assert_eq!((opens("Windows Server 2016"), opens("FIPS mode")), (true.into(), false.into()));
    // What would be refused is, and no log has that either.
    refused(&dry(&["there.p12"]), 4, "file_exists");
    refused(&dry(&["there.p12", "--if-changed"]), 4, "file_changed");
    let over = fine(&dry(&["there.p12", "--force"]));
    assert_eq!(over["files"][0]["replaces"], true);
    refused(&desk.run(&["export", "nobody", "-o", "x.pem", "--dry-run"]), 3, "not_found");
    fine(&desk.export(&["live", "--layout", "certbot", "--dry-run"]));
    fine(&desk.export(&["-", "--format", "pem", "--dry-run"]));
    fine(&desk.run(&["ca", "export", "-o", "ca.pem", "--dry-run"]));
    let mut words = desk.shop.command([
        "export",
        "www",
        "-o",
        "there.p12",
        "--force",
        "--dry-run",
        "--pass-out",
        "env:P",
    ]);
    let words: Run =
        words.current_dir(desk.shop.folder.path()).env("P", super::PASSWORD).output().unwrap().into();
    assert!(words.out.starts_with("would write there.p12 (0600): key, 3 certificates, in the profile modern, over the file that is there\n  opened by OpenSSL 3"), "{}", words.out);
    assert!(words.out.contains("\n  not opened by Java before 8u301, Windows Server 2016"), "{}", words.out);
    assert!(desk.shop.database() == before);
    assert_eq!((desk.log().len(), desk.shop.content_names().len()), (rows, names.len()));
    assert_eq!(fs::read_to_string(desk.path("there.p12")).unwrap(), "somebody's");
    // Nothing would change: as the export itself.
    fine(&desk.export(&["www.pem"]));
    let same = desk.export(&["www.pem", "--if-changed", "--dry-run"]);
    assert_eq!((same.code, &same.json()["result"]["outcome"]), (9, &"unchanged".into()));
}

#[test]
fn a_key_that_others_could_read_is_its_owners_again() {
    let desk = Desk::new();
    fine(&desk.export(&["live", "--layout", "certbot"]));
    let mode = |name: &str| fs::metadata(desk.path(name)).unwrap().permissions().mode() & 0o777;
    for wide in [0o644, 0o640] {
        fs::set_permissions(desk.path("live/privkey.pem"), fs::Permissions::from_mode(wide)).unwrap();
        let same = desk.export(&["live", "--layout", "certbot", "--if-changed"]);
        assert_eq!((same.code, mode("live/privkey.pem")), (9, 0o600));
        assert!(
            same.err.contains(&format!("privkey.pem had the mode {wide:04o}, and has 0600 again")),
            "{}",
            same.err
        );
    }
    assert_eq!(mode("live/fullchain.pem"), 0o644);
    let quiet = desk.export(&["live", "--layout", "certbot", "--if-changed"]);
    assert_eq!((quiet.code, quiet.err.as_str()), (9, ""));
    // What another export left of the layout is said.
    let without = desk.export(&["live", "--layout", "certbot", "--no-key", "--force"]);
    fine(&without);
    assert!(without.err.contains("live/privkey.pem is left as it was"), "{}", without.err);
}
