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

/// The certificate, or the sealed key, of the current version of an entry goes.
fn damage_current(shop: &Shop, name: &str) {
    let shown = fine(&shop.json(["show", name]));
    damage(shop, &format!("DELETE FROM blob WHERE digest = x'{}'", shown["sha256"].as_str().unwrap()));
}

fn versions(shop: &Shop, name: &str) -> Vec<u64> {
    let history = fine(&shop.json(["history", name]));
    history["versions"].as_array().unwrap().iter().map(|one| one["version"].as_u64().unwrap()).collect()
}

/// The commands of an advice that end at a semicolon, a line end or the end, without the program.
fn advised(shop: &Shop, text: &str) -> Vec<Vec<String>> {
    let program = format!("strongroom --store {}", shop.store().display());
    let commands = text.split(&program).skip(1).map(|rest| {
        let end = rest.find([';', '\n']).unwrap_or(rest.len());
        let words = rest[..end].split_whitespace().filter(|word| *word != "--no-input");
        words.map(str::to_owned).collect()
    });
    commands.collect()
}

#[test]
fn an_undo_goes_past_a_damaged_version_to_one_that_is_whole() {
    let (shop, _) = made();
    let first = fine(&shop.json(["show", "two@1"]))["sha256"].clone();
    damage_current(&shop, "two");
    let shown = shop.run(["show", "two"]);
    assert_eq!(shown.code, 8);
    let advice = advised(&shop, &shown.err);
    assert_eq!(advice[0], ["undo", "two", "--to", "1"], "{}", shown.err);
    let history = shop.json(["history", "two"]);
    assert_eq!(fine(&history)["versions"][0]["version"], 1);
    assert!(warned(&history)[0].starts_with("version 2 of \"two\" cannot be shown"), "{}", history.out);
    refused(&shop.json(["undo", "two", "--to", "2"]), 8, "store_corrupt");

    let back = fine(&shop.json(["undo", "two", "--to", "1"]));
    assert_eq!((&back["version"], &back["restored_from"], &back["sha256"]), (&3.into(), &1.into(), &first));
    assert_eq!(fine(&shop.json(["why", "two.test"]))["selected"]["sha256"], first);
    assert_eq!(versions(&shop, "two"), [3, 1]);
    // What is damaged goes with the past.
    fine(&shop.json(["prune", "two", "--yes"]));
    fine(&shop.json(["verify-store"]));
}

#[test]
fn a_replacement_keeps_the_whole_versions_of_a_damaged_entry_and_its_numbers_go_on() {
    let (shop, ca) = made();
    damage_current(&shop, "two");
    damage_current(&shop, "www");
    let keystore = open(&shop);
    for (name, number, said) in [
        (
            "two",
            3,
            "version 2, which was replaced, is damaged, and stays in the history as it is; version 1 before it is whole",
        ),
        ("www", 2, "version 1, which was replaced, was damaged, and is gone"),
    ] {
        let credential = ca.issue(&leaf_params(&format!("{name}.test")), &[]);
        let mut request = CredentialRequest::new(name.parse().unwrap(), credential, now());
        request.options.replace = true;
        let report = keystore.import_credential(request).unwrap();
        let finding = report.findings.iter().find(|finding| finding.code.as_str() == "version_damaged");
        assert_eq!(finding.unwrap().message, said);
        assert_eq!(fine(&shop.json(["show", name]))["version"], number);
        assert_eq!(fine(&shop.json(["why", &format!("{name}.test")]))["selected"]["alias"], name);
    }
    assert_eq!((versions(&shop, "two"), versions(&shop, "www")), (vec![3, 1], vec![2]));
    refused(&shop.json(["show", "www@1"]), 3, "version_pruned");
    fine(&shop.json(["undo", "two", "--to", "1"]));
    fine(&shop.json(["prune", "two", "--yes"]));
    fine(&shop.json(["verify-store"]));
}

#[test]
fn rm_keeps_the_whole_versions_of_a_damaged_entry_and_what_it_advises_works() {
    let (shop, _) = made();
    damage_current(&shop, "two");
    let copy = shop.folder.path().join("damaged.db");
    fs::copy(shop.store(), &copy).unwrap();
    let removed = shop.run(["rm", "two"]);
    assert_eq!(removed.code, 0, "{}", removed.err);
    let advice = advised(&shop, &removed.out);
    assert_eq!(advice[0], ["undo", "two", "--to", "1"], "{}", removed.out);
    assert_eq!(names(&fine(&shop.json(["ls"]))["entries"], "alias"), ["ca", "www"]);
    // It cannot be brought back as it was, and the refusal names what can.
    let refusal = shop.run(["undo", "two"]);
    assert_eq!(refusal.code, 8);
    assert!(refusal.err.contains("version 2 of \"two\", the current one, is damaged"), "{}", refusal.err);
    assert_eq!(advised(&shop, &refusal.err)[0], advice[0], "{}", refusal.err);
    assert_eq!(fine(&shop.json(["undo", "two", "--to", "1"]))["version"], 3);
    assert_eq!(fine(&shop.json(["why", "two.test"]))["selected"]["alias"], "two");

    fs::copy(&copy, shop.store()).unwrap();
    let removed = shop.json(["rm", "two"]);
    assert_eq!(fine(&removed)["key_kept"], true);
    assert_eq!(warned(&removed), ["\"two\" is damaged; version 1 of it is whole, and can be brought back"]);
    fine(&shop.json(["prune", "two", "--yes"]));
    fine(&shop.json(["verify-store"]));

    // Of an entry that has nothing whole, nothing is promised.
    damage_current(&shop, "www");
    let removed = shop.json(["rm", "www"]);
    assert_eq!(fine(&removed)["key_kept"], false);
    assert_eq!(warned(&removed), ["\"www\" was damaged, and nothing of it is left"]);
    refused(&shop.json(["undo", "www"]), 3, "not_found");
    fine(&shop.json(["verify-store"]));
}

#[test]
fn whole_versions_go_with_what_their_alias_stands_for_only_by_force() {
    let (shop, ca) = made();
    damage_record(&shop, 0x10, "two");
    let refusal = shop.run(["rm", "two"]);
    assert_eq!(refusal.code, 8, "{}", refusal.err);
    let said = "what \"two\" stands for is damaged, and 1 former version of it would go that is whole";
    assert!(refusal.err.contains(said), "{}", refusal.err);
    let advice = advised(&shop, &refusal.err);
    assert_eq!(advice[0], ["restore", "--only", "two", "--from", "FILE"]);
    assert_eq!(advice[1], ["rm", "two", "--force"]);
    let credential = ca.issue(&leaf_params("two.test"), &[]);
    let mut request = CredentialRequest::new("two".parse().unwrap(), credential, now());
    request.options.replace = true;
    let error = open(&shop).import_credential(request).unwrap_err();
    assert!(error.to_string().contains(said), "{error}");
    let removed = shop.json(["rm", "two", "--force"]);
    fine(&removed);
    assert_eq!(warned(&removed), ["\"two\" was damaged, and nothing of it is left"]);
    fine(&shop.json(["verify-store"]));
}

#[test]
fn doctor_names_each_damaged_part_and_goes_on() {
    let (shop, _) = made();
    for (tag, name) in [(0x10, "www"), (0xa0, "bob"), (0xc0, "mail"), (0xd0, "www.test")] {
        damage_record(&shop, tag, name);
    }
    damage(&shop, "DELETE FROM log WHERE number = (SELECT max(number) FROM log)");
    let run = shop.json(["doctor"]);
    assert_eq!(run.code, 7, "{}{}", run.out, run.err);
    let findings = run.json()["result"]["findings"].clone();
    let of = |start: &str| {
        let has = |one: &&serde_json::Value| one["message"].as_str().unwrap().starts_with(start);
        findings.as_array().unwrap().iter().find(has).unwrap_or_else(|| panic!("{start}: {findings}")).clone()
    };
    for (start, help) in [
        ("the user \"bob\": the store is damaged", " user rm bob"),
        ("the removed entry \"mail\": the store is damaged", " restore FILE"),
        ("the binding of \"www.test\": the store is damaged", " unbind www.test"),
        ("the log: the store is damaged", " backup --salvage FILE; "),
    ] {
        let finding = of(start);
        assert_eq!((&finding["severity"], &finding["code"]), (&"error".into(), &"store_corrupt".into()));
        assert!(finding["help"].as_str().unwrap().contains(help), "{finding}");
    }
    assert_eq!(of("the store is damaged")["aliases"][0], "www");
    let status = shop.json(["status"]);
    assert_eq!(fine(&status)["entries"], 2);
    assert_eq!(warned(&status).len(), 1);
}
