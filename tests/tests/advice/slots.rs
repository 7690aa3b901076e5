//! Advice about what opens a store, and about the ways back to one.

use std::fs;

use rusqlite::Connection;
use strongroom_tests::command::Shop;

use super::{Desk, WWW};

#[test]
fn slots_are_kept_dropped_and_mended_as_the_help_says() {
    let desk = Desk::with_roots();
    let start = "strongroom --store";
    desk.works(&WWW);
    desk.works(&["backup", "copy.db"]);
    desk.works(&["slot", "add", "passphrase:env:NEW"]);
    // The slot is kept by what the help asks for, and dropped by what it adds.
    let help = desk.help("password_missing", &["rekey"]);
    assert!(help.contains("one more --unlock behind rekey"), "{help}");
    desk.works(&["rekey", "--unlock", "file:keystore.key", "--unlock", "passphrase:env:NEW"]);
    desk.again("password_missing", &["rekey"], &[]);

    // What opened the store before still opens copies: what is said of that works as it stands.
    let warning = |arguments: &[&str]| -> String {
        let run = desk.works(&[&["--json"], arguments].concat());
        run.json()["warnings"][0]["help"].as_str().unwrap().to_owned()
    };
    desk.works(&["slot", "add", "file:second.key"]);
    let help = warning(&["slot", "rm", "1"]);
    desk.follow(&help, start, &[]);
    let help = warning(&["passwd", "--to", "passphrase:env:NEW"]);
    desk.follow(&help, start, &[]);
    // And so where what is removed is what opened the store.
    desk.works(&["--unlock", "passphrase:env:NEW", "slot", "add", "file:again.key"]);
    let help = warning(&["--unlock", "passphrase:env:NEW", "slot", "rm", "0"]);
    assert!(help.ends_with("again.key rekey"), "{help}");
    desk.follow(&help, start, &[]);
    fs::rename(desk.path("keystore.key"), desk.path("former.key")).unwrap();
    fs::rename(desk.path("again.key"), desk.path("keystore.key")).unwrap();

    // What opens a slot already is neither added nor changed to.
    for again in [&["slot", "add", "file:keystore.key"][..], &["passwd", "--to", "file:keystore.key"]] {
        let help = desk.help("already_opens", again);
        desk.follow(help.split_once("; ").unwrap().1, start, &[]);
    }

    // A backup of before, with what opened the store then.
    let names = [("SRC", "file:former.key")];
    desk.again("wrong_unlock_key", &["restore", "--yes", "copy.db"], &names);
    desk.again(
        "alias_taken",
        &["restore", "--only", "www", "--from", "copy.db", "--backup-unlock", "file:former.key"],
        &[],
    );

    // A damaged slot, and one that was put there.
    desk.works(&["slot", "add", "passphrase:env:NEW"]);
    let outside = Connection::open(desk.0.store()).unwrap();
    outside.execute_batch("UPDATE record SET value = substr(value, 1, 30) WHERE key = x'b000'").unwrap();
    let help = desk.help("store_corrupt", &["rm", "www", "--yes"]);
    desk.follow(&help, start, &[]);
    let (_, add) = help.split_once("; then").unwrap();
    desk.follow(add, start, &[("SRC", "passphrase:env:NEW")]);
    desk.works(&["rm", "www", "--yes"]);
    outside
        .execute_batch("INSERT INTO record SELECT x'b005', value FROM record WHERE key = x'b000'")
        .unwrap();
    let help = desk.help("store_corrupt", &["verify-store"]);
    desk.follow(&help, start, &[]);
    desk.works(&["verify-store"]);

    // The backup of another store, with the key of that.
    let (one, two) = (Desk::with_roots(), Desk::new());
    one.works(&["backup", "copy.db"]);
    fs::copy(one.path("copy.db"), two.path("copy.db")).unwrap();
    fs::copy(one.path("keystore.key"), two.path("other.key")).unwrap();
    two.again("key_of_another_store", &["restore", "--yes", "copy.db"], &[("SRC", "file:other.key")]);
    two.works(&["show", "root"]);
}

#[test]
fn a_store_is_opened_and_brought_back_as_the_help_says() {
    let desk = Desk::new();
    desk.works(&["--rollback-guard", "guard", "--accept-rollback", "ls"]);
    desk.again("store_guarded", &["ls"], &[]);

    // Two stores of one passphrase.
    let of = |more: &[&'static str]| [&["--unlock", "passphrase:env:NEW"], more].concat();
    let (one, two) = (Desk(Shop::empty()), Desk(Shop::empty()));
    one.works(&of(&["init"]));
    two.works(&of(&["init"]));
    two.works(&of(&["backup", "copy.db"]));
    fs::copy(two.path("copy.db"), one.path("copy.db")).unwrap();
    one.again("other_store", &of(&["restore", "copy.db", "--yes"]), &[]);

    // A file that the store names is used by who names it.
    let apart = Desk(Shop::empty());
    apart.works(&["--unlock", "file:own.key", "init"]);
    apart.again("key_file_missing", &["ls"], &[]);

    let desk = Desk::with_roots();
    desk.works(&["backup", "copy.db"]);
    fs::write(desk.0.store(), "no database at all, but long enough to be looked at as one").unwrap();
    let help = desk.help("not_a_store", &["restore", "copy.db", "--yes"]);
    desk.follow(&help, "strongroom --store", &[("FILE", "copy.db")]);
    desk.works(&["show", "root"]);
}
