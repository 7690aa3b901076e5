//! What is damaged is named wherever it is missing: in copies of what is whole, in lists, in JSON, and by `doctor`. What is
//! whole beside it stays.

use std::fs;

use rusqlite::Connection;
use strongroom::{Keystore, Password, UnlockKey, keystore::CredentialRequest};
use strongroom_tests::{
    authority::{TestCa, leaf_params, now, root},
    command::{Run, Shop, fine, refused},
};

/// A store with removed entries, bindings, a user and entries with former versions; and the CA of all.
fn made() -> (Shop, TestCa) {
    let shop = Shop::open();
    let keystore = open(&shop);
    let ca = root("Losses");
    keystore.import_authority(&"ca".parse().unwrap(), ca.file(), now()).unwrap();
    for name in ["mail", "shop", "www", "two"] {
        put(&keystore, &ca, name);
    }
    put(&keystore, &ca, "two");
    for name in ["mail", "shop"] {
        keystore.remove(&name.parse().unwrap(), false, now()).unwrap();
    }
    for (host, name) in [("www.test", "www"), ("two.test", "two")] {
        keystore.bind(&host.parse().unwrap(), &name.parse().unwrap(), now()).unwrap();
    }
    let password = Password::new("a long password").unwrap();
    for user in ["alice", "bob"] {
        keystore.add_administrator(&user.parse().unwrap(), &password, now()).unwrap();
    }
    (shop, ca)
}

fn open(shop: &Shop) -> Keystore {
    let unlock = UnlockKey::read_file(&shop.folder.path().join("keystore.key")).unwrap();
    Keystore::open(shop.store(), &unlock).unwrap()
}

/// Another version of an entry for `NAME.test`, or the first.
fn put(keystore: &Keystore, ca: &TestCa, name: &str) {
    let credential = ca.issue(&leaf_params(&format!("{name}.test")), &[]);
    let mut request = CredentialRequest::new(name.parse().unwrap(), credential, now());
    request.options.replace = true;
    keystore.import_credential(request).unwrap();
}

/// Changes rows of the store from outside, one at least.
fn damage(shop: &Shop, change: &str) {
    let outside = Connection::open(shop.store()).unwrap();
    assert!(outside.execute(change, []).unwrap() > 0, "{change}");
}

/// Damages the record that begins with a tag and a name.
fn damage_record(shop: &Shop, tag: u8, name: &str) {
    let key: String = std::iter::once(tag).chain(name.bytes()).map(|byte| format!("{byte:02X}")).collect();
    damage(shop, &format!("UPDATE record SET value = zeroblob(40) WHERE hex(key) LIKE '{key}00%'"));
}

/// The messages of the warnings in JSON, each of which is of damage.
#[track_caller]
fn warned(run: &Run) -> Vec<String> {
    let json = run.json();
    let warnings = json["warnings"].as_array().unwrap_or_else(|| panic!("{}{}", run.out, run.err));
    let text = |warning: &serde_json::Value| {
        assert_eq!(warning["code"], "store_corrupt", "{json}");
        warning["message"].as_str().unwrap().to_owned()
    };
    warnings.iter().map(text).collect()
}

/// A store made of a file.
fn store_of(shop: &Shop, file: &str) -> Shop {
    let elsewhere = Shop::empty();
    let key = elsewhere.folder.path().join("keystore.key");
    fs::copy(shop.folder.path().join("keystore.key"), key).unwrap();
    fine(&elsewhere.json(["restore", file]));
    fine(&elsewhere.json(["verify-store"]));
    elsewhere
}

fn names(list: &serde_json::Value, field: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|one| one[field].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_copy_of_what_is_whole_takes_each_whole_part_and_names_each_that_it_leaves_out() {
    let (shop, _) = made();
    damage_record(&shop, 0xc0, "mail");
    damage_record(&shop, 0xd0, "www.test");
    damage(&shop, "DELETE FROM log WHERE number = 4");
    let file = shop.folder.path().join("whole.db");
    let copied = shop.json(["backup", "--salvage", file.to_str().unwrap()]);
    assert_eq!(fine(&copied)["removed"], 1);
    let said = |what: &str| format!("not in the copy, since it is damaged: ({what})");
    assert_eq!(
        warned(&copied),
        ["the log", "the removed entry mail", "the binding of \"www.test\""].map(said)
    );
    assert!(copied.err.contains("the binding of \"www.test\""), "{}", copied.err);

    let whole = store_of(&shop, file.to_str().unwrap());
    assert_eq!(names(&fine(&whole.json(["ls", "--removed"]))["removed"], "alias"), ["shop"]);
    assert_eq!(names(&fine(&whole.json(["bind"]))["bindings"], "host"), ["two.test"]);
    assert_eq!(names(&fine(&whole.json(["ls"]))["entries"], "alias"), ["ca", "two", "www"]);
}

#[test]
fn lists_name_in_json_what_they_cannot_show() {
    let (shop, _) = made();
    fine(&shop.json(["csr", "later", "--name", "later.test"]));
    fine(&shop.json(["csr", "soon", "--name", "soon.test"]));
    for (tag, name) in [(0x10, "www"), (0xa0, "bob"), (0xc0, "mail"), (0xd0, "www.test"), (0xf0, "later")] {
        damage_record(&shop, tag, name);
    }
    for (words, list, field, whole, named) in [
        (&["ls"][..], "entries", "alias", &["ca", "two"][..], "\"www\" cannot be shown"),
        (&["ls", "--sort", "expires"], "entries", "alias", &["two", "ca"], "\"www\" cannot be shown"),
        (&["ls", "--removed"], "removed", "alias", &["shop"], "the removed entry \"mail\" cannot be shown"),
        (&["user", "ls"], "users", "name", &["alice"], "\"bob\" cannot be shown"),
        (&["bind"], "bindings", "host", &["two.test"], "the binding of \"www.test\" cannot be shown"),
        (&["csr", "ls"], "requests", "alias", &["soon"], "the request for \"later\" cannot be shown"),
    ] {
        let run = shop.json(words.iter().copied());
        assert_eq!(names(&fine(&run)[list], field), whole, "{words:?}");
        let warnings = warned(&run);
        assert!(warnings[0].starts_with(named), "{words:?}: {warnings:?}");
        // A list of all entries has the pending requests below them.
        assert_eq!(warnings.len(), if words.len() == 1 && words[0] == "ls" { 2 } else { 1 }, "{warnings:?}");
    }
}

#[test]
fn a_verdict_on_all_entries_fails_where_one_cannot_be_read() {
    let (shop, _) = made();
    damage_record(&shop, 0x10, "www");
    let run = shop.json(["verify"]);
    assert_eq!(run.code, 8, "{}{}", run.out, run.err);
    let counts = &run.json()["result"]["counts"];
    assert_eq!((&counts["verified"], &counts["unreadable"]), (&1.into(), &1.into()));
    assert!(warned(&run)[0].starts_with("\"www\" cannot be shown"), "{}", run.out);
    let run = shop.run(["verify"]);
    assert_eq!(run.code, 8);
    assert!(
        run.out.ends_with("1 of 2 entries verified: 1 accepted, 1 damaged, and not verified\n"),
        "{}",
        run.out
    );
    let run = shop.run(["check"]);
    assert!(run.out.contains("1 of 2 entries checked: 1 damaged"), "{}", run.out);
}

#[test]
fn a_damaged_binding_is_replaced_or_ended_and_costs_no_other_anything() {
    let (shop, _) = made();
    damage_record(&shop, 0xd0, "www.test");
    // The other holds.
    assert_eq!(fine(&shop.json(["why", "two.test"]))["selected"]["alias"], "two");
    let why = shop.json(["why", "www.test"]);
    assert_eq!(fine(&why)["selected"]["alias"], "www");
    assert!(warned(&why)[0].starts_with("what www.test is bound to cannot be shown"), "{}", why.out);
    let help = why.json()["warnings"][0]["help"].as_str().unwrap().to_owned();
    assert!(help.starts_with("end it with: ") && help.ends_with(" unbind www.test"), "{help}");
    let rekeyed = shop.json(["rekey"]);
    refused(&rekeyed, 8, "store_corrupt");

    let copy = shop.folder.path().join("damaged.db");
    fs::copy(shop.store(), &copy).unwrap();
    let ended = shop.json(["unbind", "www.test"]);
    assert_eq!(fine(&ended)["alias"], serde_json::Value::Null);
    fine(&shop.json(["verify-store"]));

    fs::copy(&copy, shop.store()).unwrap();
    let said = shop.run(["unbind", "www.test"]);
    assert_eq!(said.out, "www.test is no longer bound: the binding was damaged; www answers\n");
    fs::copy(&copy, shop.store()).unwrap();
    let bound = shop.json(["bind", "www.test", "www"]);
    assert_eq!(fine(&bound)["outcome"], "bound");
    assert!(warned(&bound)[0].contains("that binding was damaged"), "{}", bound.out);
    fine(&shop.json(["verify-store"]));
    fine(&shop.json(["rekey"]));
}
