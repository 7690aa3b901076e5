//! What is damaged: each advice is run where it is given.

use std::fs;

use rusqlite::Connection;

use super::{Desk, WWW};

const START: &str = "strongroom --store";

/// A desk with an entry of two versions, a binding and a user, and a backup of it.
fn made() -> Desk {
    let desk = Desk::with_roots();
    desk.works(&WWW);
    let two = ["import", "www", "two.p12", "--pass-in", "env:P", "--entry", "#1", "--replace"];
    desk.works(&[&two[..], &["--allow", "no_anchor"]].concat());
    desk.works(&["undo", "www", "--to", "1"]);
    desk.works(&["bind", "www.fixture.test", "www"]);
    desk.works(&["user", "add", "bob", "--pass-in", "env:NEW"]);
    desk.works(&["backup", "copy.db"]);
    desk
}

/// Changes one row of the store from outside.
fn damage(desk: &Desk, change: &str) {
    let outside = Connection::open(desk.0.store()).unwrap();
    assert!(outside.execute(change, []).unwrap() > 0, "{change}");
}

/// Damages the record of a tag and a name.
fn damage_record(desk: &Desk, tag: u8, name: &str) {
    let key: String = std::iter::once(tag).chain(name.bytes()).map(|byte| format!("{byte:02x}")).collect();
    damage(desk, &format!("UPDATE record SET value = zeroblob(40) WHERE key = x'{key}00'"));
}

/// The sealed key of the current version goes: it is the one blob that came last.
fn damage_current(desk: &Desk) {
    damage(desk, "DELETE FROM blob WHERE rowid = (SELECT max(rowid) FROM blob)");
}

/// Tries something on a copy of the store, which is put back afterwards.
fn tried(desk: &Desk, work: impl FnOnce()) {
    let kept = fs::read(desk.0.store()).unwrap();
    work();
    fs::write(desk.0.store(), kept).unwrap();
}

#[test]
fn what_is_damaged_is_mended_as_the_help_says() {
    let desk = made();
    tried(&desk, || {
        damage_record(&desk, 0xd0, "www.fixture.test");
        let run = desk.works(&["--json", "bind"]);
        let help = run.json()["warnings"][0]["help"].as_str().unwrap().to_owned();
        desk.follow(&help, START, &[]);
        desk.works(&["verify-store"]);
    });
    tried(&desk, || {
        damage_current(&desk);
        let help = desk.help("store_corrupt", &["show", "www"]);
        desk.follow(&help, START, &[]);
        desk.works(&["show", "www"]);
    });
    tried(&desk, || {
        damage_current(&desk);
        desk.works(&["rm", "www", "--yes"]);
        let help = desk.help("store_corrupt", &["undo", "www"]);
        let (back, restore) = help.split_once("; or ").unwrap();
        tried(&desk, || {
            desk.follow(back, START, &[]);
            desk.works(&["show", "www"]);
        });
        desk.follow(restore, START, &[("FILE", "copy.db")]);
        desk.works(&["show", "www"]);
    });
    tried(&desk, || {
        damage_record(&desk, 0x10, "www");
        let help = desk.help("store_corrupt", &["rm", "www", "--yes"]);
        let (restore, remove) = help.split_once("; or ").unwrap();
        tried(&desk, || {
            desk.follow(restore, START, &[("FILE", "copy.db")]);
            desk.works(&["verify-store"]);
        });
        desk.follow(remove, START, &[]);
        desk.works(&["verify-store"]);
    });
}

/// What `verify-store` and a restore say of a store that is damaged as a whole.
#[test]
fn a_store_that_a_restore_does_not_mend_says_so_and_what_does() {
    let desk = made();
    let verify = ["verify-store"];
    let restore = ["restore", "copy.db", "--yes"];
    // A restore goes on with the log as it is.
    tried(&desk, || {
        damage(&desk, "DELETE FROM log WHERE number = 4");
        for arguments in [&verify[..], &restore] {
            let help = desk.help("store_corrupt", arguments);
            assert!(help.contains(" backup --salvage FILE; "), "{arguments:?}: {help}");
        }
        let said = desk.run(&restore);
        assert!(said.err.contains("the backup was restored, and the store is damaged still"), "{}", said.err);
        let help = desk.help("store_corrupt", &verify);
        desk.follow(&help, START, &[("FILE", "whole.db")]);
        let (_, second) = help.split_once("; ").unwrap();
        desk.follow(second, START, &[("FILE", "whole.db")]);
        desk.works(&verify);
    });
    let desk = made();
    // A backup of what is damaged is none.
    tried(&desk, || {
        damage_current(&desk);
        let run = desk.run(&["backup", "more.db"]);
        assert!(
            run.err.contains("no backup was written, for the store is damaged: www: a certificate or"),
            "{}",
            run.err
        );
        let help = desk.help("store_corrupt", &["backup", "more.db"]);
        let (_, salvage) = help.split_once("; or ").unwrap();
        desk.follow(salvage, START, &[("FILE", "salvaged.db")]);
        let help = desk.help("store_corrupt", &verify);
        desk.follow(&help, START, &[("FILE", "copy.db --yes")]);
        desk.works(&verify);
    });
    // A damaged user goes, as a damaged slot does.
    tried(&desk, || {
        damage_record(&desk, 0xa0, "bob");
        let help = desk.help("store_corrupt", &verify);
        let run = desk.follow(&help, START, &[("FILE", "copy.db --yes")]);
        assert!(run.err.contains("the user \"bob\" was damaged, and is gone"), "{}", run.err);
        desk.works(&verify);
    });
    // One copy of the state mends itself.
    tried(&desk, || {
        damage(&desk, "DELETE FROM state");
        assert_eq!(desk.help("store_corrupt", &verify), "nothing: the next change mends it");
        desk.works(&["user", "rm", "bob"]);
        desk.works(&verify);
    });
    // Nothing of the tree is left.
    damage(&desk, "DELETE FROM node");
    for arguments in [&restore[..], &verify] {
        let help = desk.help("store_corrupt", arguments);
        assert!(help.contains(" restore --new-store FILE"), "{arguments:?}: {help}");
    }
    let help = desk.help("store_corrupt", &verify);
    desk.follow(&help, START, &[("FILE", "copy.db")]);
    desk.works(&verify);
}
