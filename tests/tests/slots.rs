//! What opens a store, with the command: labels, a new root key with several slots, slots that are damaged or were put
//! there, and two who change them at once.

use std::{process::Command, thread};

use rusqlite::Connection;
use serde_json::{Value, json};
use strongroom::{
    Error, Keystore, Password, UnlockKey, keystore::KeptSlot, seal::UnlockSource, store::StoreError,
};
use strongroom_tests::{
    authority::now,
    command::{Run, Shop, fine, refused},
    scratch::Scratch,
};

const RESCUE: &str = "passphrase:env:RESCUE";

/// Runs with two passphrases in the environment.
fn run(shop: &Shop, arguments: &[&str]) -> Run {
    let mut command: Command = shop.command(["--json"].iter().chain(arguments));
    command
        .env("RESCUE", "the rescue passphrase")
        .env("OTHER", "another passphrase")
        .env("THIRD", "a third one of them")
        .env("FOURTH", "and one more of them");
    command.output().unwrap().into()
}

/// A store with an entry, its key file in slot 0 and a passphrase in slot 1.
fn shop() -> Shop {
    let shop = strongroom_tests::command::shop();
    fine(&run(&shop, &["slot", "add", RESCUE, "--label", "rescue"]));
    shop
}

fn slots(shop: &Shop) -> Vec<(u64, bool, Value)> {
    let slots = fine(&run(shop, &["slot", "ls"]))["slots"].as_array().unwrap().clone();
    let of = |slot: &Value| {
        (slot["slot"].as_u64().unwrap(), slot["damaged"].as_bool().unwrap(), slot["label"].clone())
    };
    slots.iter().map(of).collect()
}

#[test]
fn commands_in_advice_have_the_rollback_guard() {
    let shop = strongroom_tests::command::shop();
    let guard = shop.folder.path().join("guard");
    let guard = guard.to_str().unwrap();
    let removed = shop.run(["--rollback-guard", guard, "--accept-rollback", "rm", "www", "--yes"]);
    assert!(
        removed.out.contains(&format!(" --rollback-guard {guard} undo www\n")),
        "{}{}",
        removed.out,
        removed.err
    );
    let without = shop.run(["--without-rollback-guard", "undo", "nothing"]);
    assert!(without.err.contains(" --without-rollback-guard ls"), "{}", without.err);
}

#[test]
fn labels_are_kept_shown_and_escaped() {
    let shop = shop();
    fine(&run(&shop, &["slot", "add", "passphrase:env:FOURTH", "--label", "red \u{1b}[31m\n"]));
    let shown = shop.run(["slot", "ls"]).out;
    assert!(shown.contains("rescue") && shown.contains("red \\u{1b}[31m\\u{a}"), "{shown}");
    assert!(!shown.contains('\u{1b}'), "{shown}");
    for label in ["", &"x".repeat(65)] {
        refused(&run(&shop, &["slot", "add", "passphrase:env:OTHER", "--label", label]), 2, "invalid_value");
    }
    fine(&run(&shop, &["slot", "add", "passphrase:env:THIRD", "--label", &"x".repeat(64)]));
    // A change of the passphrase and a new root key keep it.
    fine(&run(&shop, &["--unlock", RESCUE, "passwd", "--to", "passphrase:env:OTHER"]));
    let kept = ["--unlock", "passphrase:env:OTHER", "--unlock", "passphrase:env:FOURTH"];
    fine(&run(&shop, &[&["rekey", "--drop-slot", "3"][..], &kept].concat()));
    let labels: Vec<Value> = slots(&shop).into_iter().map(|(_, _, label)| label).collect();
    assert_eq!(labels, [Value::Null, json!("rescue"), json!("red \u{1b}[31m\n")]);
    // What an attacker writes into a store that nobody has opened yet is escaped as well.
    let apart = Shop::empty();
    let key = format!("file:{}/odd \u{1b}[31m", apart.folder.path().display());
    fine(&apart.json(["--unlock", &key, "init"]));
    let run = apart.run(["ls"]);
    assert_eq!(run.code, 8);
    assert!(run.err.contains("odd \\u{1b}") && !run.err.contains('\u{1b}'), "{}", run.err);
}

#[test]
fn rekey_keeps_the_slots_whose_keys_it_is_given_and_drops_none_in_silence() {
    let shop = shop();
    let before = shop.database();
    let help = refused(&run(&shop, &["rekey"]), 5, "password_missing");
    assert!(help.ends_with("add: --drop-slot 1"), "{help}");
    let said = run(&shop, &["rekey"]).json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(said.ends_with("slot 1, \"rescue\" (passphrase)"), "{said}");
    for (arguments, code, error) in [
        (&["rekey", "--unlock", RESCUE, "--unlock", "passphrase:env:OTHER"][..], 5, "wrong_unlock_key"),
        (&["rekey", "--drop-slot", "5"], 3, "slot_not_found"),
        (&["rekey", "--drop-slot", "0", "--drop-slot", "1"], 3, "slot_not_found"),
        (&["--unlock", RESCUE, "rekey", "--unlock", "file:none"], 2, "usage"),
        (&["--unlock", RESCUE, "--unlock", "file:none", "ls"], 2, "usage"),
    ] {
        refused(&run(&shop, arguments), code, error);
    }
    assert!(before == shop.database(), "nothing of that changed anything");

    let key = format!("file:{}", shop.folder.path().join("keystore.key").display());
    let rekeyed = fine(&run(&shop, &["rekey", "--unlock", RESCUE, "--unlock", &key]));
    assert_eq!((&rekeyed["kept"], &rekeyed["dropped"]), (&json!([0, 1]), &json!([])));
    for arguments in [&["verify-store"][..], &["--unlock", RESCUE, "verify-store"]] {
        assert_eq!(fine(&run(&shop, arguments))["keys"], 1);
    }
    let rekeyed = fine(&run(&shop, &["rekey", "--drop-slot", "1"]));
    assert_eq!((&rekeyed["kept"], &rekeyed["dropped"]), (&json!([0]), &json!([1])));
    refused(&run(&shop, &["--unlock", RESCUE, "ls"]), 5, "wrong_unlock_key");
}

#[test]
fn what_opens_a_slot_already_is_not_taken_for_another() {
    let shop = shop();
    let key = format!("file:{}", shop.folder.path().join("keystore.key").display());
    for (source, slot) in [(key.as_str(), 0), (RESCUE, 1)] {
        for again in [&["slot", "add", source][..], &["passwd", "--to", source]] {
            let run = run(&shop, &[&["--unlock", RESCUE], again].concat());
            refused(&run, 4, "already_opens");
            let said = format!("it opens slot {slot} of this store already");
            assert_eq!(run.json()["error"]["message"], said, "{again:?}");
        }
    }
    assert_eq!(slots(&shop).len(), 2);
    // The engine wraps a key once more, and takes none that is another slot's.
    let scratch = Scratch::new(now());
    let second = UnlockKey::generate().unwrap();
    let source = || UnlockSource::Environment("X".to_owned());
    assert_eq!(scratch.keystore.add_slot(source(), &second, now()).unwrap(), 1);
    assert_eq!(scratch.keystore.change_unlock(&second, source(), &second, now()).unwrap(), 1);
    let refused = scratch.keystore.change_unlock(&second, source(), &scratch.unlock, now()).unwrap_err();
    assert_eq!(refused.to_string(), "it opens slot 0 of this store already");
}

#[test]
fn passwd_and_slot_rm_say_that_old_copies_still_open() {
    let shop = shop();
    let old = shop.folder.path().join("old.db");
    fine(&run(&shop, &["backup", old.to_str().unwrap()]));
    let warned = |run: &Run| -> String {
        fine(run);
        let warning = run.json()["warnings"][0].clone();
        assert_eq!(warning["code"], "old_copies_open", "{warning}");
        warning["help"].as_str().unwrap().to_owned()
    };
    let help = warned(&run(&shop, &["--unlock", RESCUE, "passwd", "--to", "passphrase:env:OTHER"]));
    assert!(help.ends_with(" --unlock passphrase:env:OTHER rekey") && !help.contains("RESCUE"), "{help}");
    let help = warned(&run(&shop, &["slot", "rm", "1"]));
    assert!(help.ends_with(" rekey") && !help.contains("--unlock"), "{help}");
    // It is so: the slot of the copy has the root key that is in force.
    let old = Connection::open(old).unwrap();
    let slot: Vec<u8> =
        old.query_row("SELECT value FROM record WHERE key = x'b001'", [], |row| row.get(0)).unwrap();
    let outside = Connection::open(shop.store()).unwrap();
    outside.execute("INSERT INTO record (key, value) VALUES (x'b001', ?1)", [slot]).unwrap();
    let run = run(&shop, &["--unlock", RESCUE, "ls"]);
    assert_eq!((run.code, run.error_code().as_str()), (8, "store_corrupt"), "found, and not taken");
}

/// What is done to the row of slot 1, and whether the store has no slot of that row.
const DAMAGE: [(&str, &str, bool); 5] = [
    (
        "flipped",
        "UPDATE record SET value = CAST(substr(value, 1, 40) || x'55' || substr(value, 42) AS BLOB) WHERE key = x'b001'",
        false,
    ),
    ("cut", "UPDATE record SET value = substr(value, 1, 40) WHERE key = x'b001'", false),
    ("dropped", "DELETE FROM record WHERE key = x'b001'", false),
    (
        "swapped",
        "UPDATE record SET value = (SELECT value FROM record WHERE key = x'b002') WHERE key = x'b001'",
        false,
    ),
    ("put there", "INSERT INTO record SELECT x'b003', value FROM record WHERE key = x'b001'", true),
];

#[test]
fn a_slot_that_does_not_prove_itself_is_told_by_all_and_mended_by_its_owner() {
    for (how, damage, foreign) in DAMAGE {
        // Keys, which are quicker than passphrases.
        let shop = strongroom_tests::command::shop();
        let [rescue, other] = ["rescue.key", "other.key"]
            .map(|name| format!("file:{}", shop.folder.path().join(name).display()));
        let (rescue, other) = (rescue.as_str(), other.as_str());
        fine(&run(&shop, &["slot", "add", rescue]));
        fine(&run(&shop, &["slot", "add", other]));
        let good = shop.folder.path().join("good.db");
        let good = good.to_str().unwrap();
        fine(&run(&shop, &["backup", good]));
        let slot = if foreign { 3 } else { 1 };
        Connection::open(shop.store()).unwrap().execute_batch(damage).unwrap();
        let saved = shop.content();
        let named = format!("slot {slot} of the store");

        // The library does not open it, unless it is told to.
        let unlock = UnlockKey::read_file(&shop.folder.path().join("keystore.key")).unwrap();
        let error = Keystore::open(shop.store(), &unlock).unwrap_err();
        assert!(
            matches!(error, Error::Store(StoreError::SlotDamaged { slot: of, foreign: put }) if of == slot && put == foreign),
            "{how}: {error}"
        );
        let keystore = Keystore::options(shop.store()).damaged_slots().open(&unlock).unwrap();
        assert_eq!(keystore.slots().unwrap_err().code(), "store_corrupt");
        assert_eq!(keystore.slot_listing().unwrap().iter().filter(|(_, slot)| slot.is_err()).count(), 1);
        drop(keystore);

        // Reading goes on, and says it; a change does not, but for what mends it.
        for arguments in [&["ls"][..], &["show", "www"], &["log"], &["--unlock", other, "ls"]] {
            let read = run(&shop, arguments);
            fine(&read);
            assert!(
                read.err.contains(&named) && read.err.contains(&format!("slot rm {slot}")),
                "{how}: {}",
                read.err
            );
        }
        let backup = shop.folder.path().join("no.db");
        for arguments in [
            &["rm", "www"][..],
            &["slot", "add", other],
            &["passwd", "--to", rescue],
            &["backup", backup.to_str().unwrap()],
        ] {
            let help = refused(&run(&shop, arguments), 8, "store_corrupt");
            assert!(help.contains(&format!("slot rm {slot}")), "{how}: {help}");
            assert_eq!(help.contains("slot add"), !foreign, "{how}: {help}");
        }
        let help = refused(&run(&shop, &["verify-store"]), 8, "store_corrupt");
        assert!(help.contains(&format!("slot rm {slot}")) && !help.contains("restore"), "{how}: {help}");
        assert!(slots(&shop).contains(&(u64::from(slot), true, Value::Null)), "{how}: {:?}", slots(&shop));

        let salvaged = shop.folder.path().join("salvaged.db");
        let salvaged = salvaged.to_str().unwrap();
        let run_of = run(&shop, &["backup", "--salvage", salvaged]);
        assert_eq!(fine(&run_of)["keys"], 1, "{how}");
        assert!(run_of.err.contains(&format!("(slot {slot})")), "{how}: {}", run_of.err);

        // Each way to mend it, from the same damage.
        let others = ["--unlock", other];
        let restored: &[&str] = &["restore", "--yes", good];
        let again: &[&str] = &["restore", "--yes", salvaged];
        let slot = slot.to_string();
        let rekeyed: &[&str] = &["rekey", others[0], others[1], "--unlock", rescue, "--drop-slot", &slot];
        let rekeyed_less: &[&str] = &["rekey", others[0], others[1], "--drop-slot", &slot];
        let removed: &[&str] = &["slot", "rm", &slot];
        let ways = [removed, restored, again, if foreign { rekeyed } else { rekeyed_less }];
        for way in ways {
            for (path, content) in &saved {
                std::fs::write(path, content).unwrap();
            }
            let mended = run(&shop, way);
            fine(&mended);
            assert_eq!(fine(&run(&shop, &["verify-store"]))["keys"], 1, "{how} {way:?}");
            let left: Vec<(u64, bool)> =
                slots(&shop).into_iter().map(|(n, damaged, _)| (n, damaged)).collect();
            let expected: &[(u64, bool)] =
                if foreign { &[(0, false), (1, false), (2, false)] } else { &[(0, false), (2, false)] };
            assert_eq!(left, expected, "{how} {way:?}");
            let read = run(&shop, &[&others[..], &["ls"]].concat());
            fine(&read);
            assert!(!read.err.contains("slot"), "{}", read.err);
        }
        if !foreign {
            fine(&run(&shop, &["slot", "add", rescue]));
        }
        fine(&run(&shop, &["--unlock", rescue, "show", "www"]));
    }
}

#[test]
fn the_last_whole_slot_stays_and_a_store_full_of_rows_is_mended() {
    let shop = shop();
    let outside = Connection::open(shop.store()).unwrap();
    outside
        .execute_batch("UPDATE record SET value = CAST(value || x'00' AS BLOB) WHERE key = x'b001'")
        .unwrap();
    refused(&run(&shop, &["slot", "rm", "0"]), 3, "slot_not_found");
    // Who gives the key of the damaged slot is not told that it is wrong.
    refused(&run(&shop, &["--unlock", RESCUE, "ls"]), 8, "store_corrupt");
    fine(&run(&shop, &["slot", "rm", "1"]));

    // Two hundred rows: of those that are not slots none is worked on.
    let put = "INSERT INTO record SELECT CAST(x'b0' || unhex(printf('%02x', ?1)) AS BLOB), value FROM record WHERE key = x'b000'";
    for n in 1..200 {
        outside.execute(put, [n]).unwrap();
    }
    let help = refused(&run(&shop, &["rm", "www"]), 8, "store_corrupt");
    assert!(!help.is_empty());
    let listed = slots(&shop);
    assert_eq!(listed.iter().filter(|(_, damaged, _)| *damaged).count(), 199);
    fine(&run(&shop, &["slot", "rm", "199"]));
    assert_eq!(slots(&shop).len(), 199);
    let drop: Vec<String> = (1..199).flat_map(|n| ["--drop-slot".to_owned(), n.to_string()]).collect();
    let arguments: Vec<&str> = ["rekey"].into_iter().chain(drop.iter().map(String::as_str)).collect();
    fine(&run(&shop, &arguments));
    assert_eq!(slots(&shop).len(), 1);
    assert_eq!(fine(&run(&shop, &["verify-store"]))["keys"], 1);
}

#[test]
fn a_key_that_is_for_another_store_gets_no_slot() {
    let (shop, other) = (shop(), Shop::open());
    let key = format!("file:{}", other.folder.path().join("keystore.key").display());
    refused(&run(&shop, &["slot", "add", &key]), 5, "key_of_another_store");
    refused(&run(&shop, &["--unlock", RESCUE, "passwd", "--to", &key]), 5, "key_of_another_store");
    assert_eq!(slots(&shop).len(), 2);
}

/// What one of several does.
type Work<'w> = &'w (dyn Fn(&Keystore) -> Result<(), Error> + Sync);

/// Connections to one store, which work at once.
fn together<const N: usize>(scratch: &Scratch, work: [Work<'_>; N]) -> Vec<Result<(), Error>> {
    let path = scratch.path();
    let open = || Keystore::open(&path, &scratch.unlock).unwrap();
    let keystores: Vec<Keystore> = work.iter().map(|_| open()).collect();
    thread::scope(|scope| {
        let running: Vec<_> =
            keystores.iter().zip(work).map(|(keystore, work)| scope.spawn(move || work(keystore))).collect();
        running.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

fn source() -> UnlockSource {
    UnlockSource::Environment("X".into())
}

#[test]
fn two_who_change_slots_at_once_both_hold_or_one_is_refused() {
    let (one, two) = (UnlockKey::generate().unwrap(), UnlockKey::generate().unwrap());
    let scratch = Scratch::new(now());
    let both = together(
        &scratch,
        [&|keystore| keystore.add_slot(source(), &one, now()).map(drop), &|keystore| {
            keystore.add_slot(source(), &two, now()).map(drop)
        }],
    );
    assert!(both.iter().all(Result::is_ok), "{both:?}");
    for key in [&one, &two] {
        Keystore::open(scratch.path(), key).unwrap();
    }
    // The last two are removed at once: one of them stays.
    let keystore = Keystore::open(scratch.path(), &one).unwrap();
    keystore.remove_slot(0, now()).unwrap();
    drop(keystore);
    let mut scratch = scratch;
    scratch.unlock = one;
    let both = together(
        &scratch,
        [&|keystore| keystore.remove_slot(1, now()), &|keystore| keystore.remove_slot(2, now())],
    );
    assert_eq!(both.iter().filter(|done| done.is_ok()).count(), 1, "{both:?}");

    // Two change the same one: the second is told that what it gave opens nothing any more.
    let scratch = Scratch::new(now());
    let old = UnlockKey::read_file(&scratch.folder.path().join("keystore.key")).unwrap();
    let (one, two) = (UnlockKey::generate().unwrap(), UnlockKey::generate().unwrap());
    let both = together(
        &scratch,
        [&|keystore| keystore.change_unlock(&old, source(), &one, now()).map(drop), &|keystore| {
            keystore.change_unlock(&old, source(), &two, now()).map(drop)
        }],
    );
    let codes: Vec<&str> = both.iter().filter_map(|done| done.as_ref().err()).map(Error::code).collect();
    assert_eq!(codes, ["wrong_unlock_key"]);
    let opens = [&one, &two].map(|key| Keystore::open(scratch.path(), key).is_ok());
    assert_eq!(opens, [both[0].is_ok(), both[1].is_ok()]);
}

#[test]
fn a_slot_that_another_added_or_changed_meanwhile_is_not_lost_by_a_rekey() {
    let scratch = Scratch::new(now());
    let kept = [KeptSlot::new(0, UnlockSource::KeyFile(String::new()), &scratch.unlock)];
    let rescue = Password::new("the rescue passphrase").unwrap();
    // Its owner looked at the slots before this one came.
    let other = Keystore::open(scratch.path(), &scratch.unlock).unwrap();
    other.add_slot(UnlockSource::Passphrase, &rescue, now()).unwrap();
    let error = scratch.keystore.rekey(&kept, now()).unwrap_err();
    assert_eq!(error.code(), "slot_left_out");
    assert!(error.to_string().contains("slot 1"), "{error}");
    let (wrong, next) = (Password::new("not that passphrase").unwrap(), UnlockKey::generate().unwrap());
    let keep = |unlock| {
        [
            KeptSlot::new(0, UnlockSource::KeyFile(String::new()), unlock),
            KeptSlot::new(1, UnlockSource::Passphrase, &wrong),
        ]
    };
    assert_eq!(scratch.keystore.rekey(&keep(&scratch.unlock), now()).unwrap_err().code(), "slot_left_out");
    // A key that was changed since does not come back to life.
    other.change_unlock(&scratch.unlock, source(), &next, now()).unwrap();
    let error = scratch.keystore.rekey_dropping(&kept, &[1], now()).unwrap_err();
    assert_eq!(error.code(), "slot_left_out");
    Keystore::open(scratch.path(), &next).unwrap();
    Keystore::open(scratch.path(), &rescue).unwrap();
    let changed = [KeptSlot::new(0, source(), &next)];
    scratch.keystore.rekey_dropping(&changed, &[1], now()).unwrap();
    assert!(Keystore::open(scratch.path(), &rescue).is_err());
    let log = Keystore::open(scratch.path(), &next).unwrap().log(0, 100).unwrap();
    let refusals: Vec<&str> =
        log.iter().filter(|row| row.action == "rekey").map(|row| row.outcome.as_str()).collect();
    assert_eq!(refusals, ["slot_left_out", "slot_left_out", "slot_left_out", "rekeyed"]);
}
