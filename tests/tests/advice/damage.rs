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
