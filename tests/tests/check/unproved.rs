//! `--unlock none`: what a monitor sees that must not have the key, and what it may conclude.

use rusqlite::{Connection, params};
use strongroom::certificate::{Certificate, Fingerprint};

use super::*;

/// Nothing in the folder opens the store any more.
fn locked(shop: Shop) -> Shop {
    fs::remove_file(shop.folder.path().join("keystore.key")).unwrap();
    shop
}

fn without_key<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [arguments, &["--unlock", "none"]].concat()
}

#[test]
fn without_the_unlock_key_the_entries_stand_as_with_it_and_nothing_is_proved() {
    let shop = shop();
    let mut opened = result(&shop.json(["check"]), 11);
    assert_eq!(opened["proved"], true);
    let shop = locked(shop);
    refused(&shop.json(["check"]), 8, "key_file_missing");
    let mut closed = result(&shop.json(without_key(&["check"])), 11);
    assert_eq!(closed["proved"], false);
    for judged in [&mut opened, &mut closed] {
        let judged = judged.as_object_mut().unwrap();
        judged.remove("proved");
        judged.remove("checked_at");
        for entry in judged["entries"].as_array_mut().unwrap() {
            entry.as_object_mut().unwrap().remove("seconds_left");
        }
    }
    assert_eq!(opened, closed);
}

#[test]
fn a_good_answer_that_nothing_proves_is_none_unless_it_is_accepted() {
    let shop = locked(shop());
    let run = shop.run(without_key(&["check", "fine"]));
    assert_eq!(run.code, 8, "{}", run.err);
    assert!(
        run.out.ends_with(
            "\nnot proved: the store was not opened, and whoever can write its file can have written this\n"
        ),
        "{}",
        run.out
    );
    assert_eq!(
        run.err,
        "warning: nothing that was read is proved, so the exit code is 8; with --accept-unproved it is 0\n"
    );
    let accepted = shop.run(without_key(&["check", "fine", "--accept-unproved"]));
    assert_eq!((accepted.code, accepted.out, accepted.err.as_str()), (0, run.out, ""));
    // Bad news is news.
    assert_eq!(shop.run(without_key(&["check", "soon"])).code, 10);
    assert_eq!(shop.run(without_key(&["check", "soon", "old", "--accept-unproved"])).code, 11);

    let nagios = |arguments: &[&str]| {
        let run = shop.run(without_key(&[&["check", "--format", "nagios"], arguments].concat()));
        (run.code, run.out.split(" | ").next().unwrap().to_owned())
    };
    let line = |word: &str, rest: &str| format!("STRONGROOM {word} - {rest}, not proved");
    assert_eq!(nagios(&["fine"]), (3, line("UNKNOWN", "0 of 1 need attention")));
    assert_eq!(nagios(&["fine", "--accept-unproved"]), (0, line("OK", "0 of 1 need attention")));
    assert_eq!(nagios(&["soon"]), (1, line("WARNING", "1 of 1 need attention: soon in 9 days")));

    let metrics = shop.run(without_key(&["check", "fine", "--format", "openmetrics"]));
    assert_eq!(metrics.code, 8);
    assert!(metrics.out.contains("\nstrongroom_proved 0\n") && metrics.out.ends_with("# EOF\n"));
    let empty = locked(Shop::open());
    let metrics = empty.run(without_key(&["check", "--format", "openmetrics"]));
    assert!(metrics.out.contains("\nstrongroom_proved 0\n"), "also of no entry: {}", metrics.out);
}

#[test]
fn a_store_that_is_opened_says_that_it_is_proved() {
    let shop = shop();
    let metrics = shop.run(["check", "--format", "openmetrics"]);
    assert!(metrics.out.contains("\nstrongroom_proved 1\n"), "{}", metrics.out);
    assert!(!shop.run(["check"]).out.contains("not proved"));
    refused(&shop.json(["check", "--accept-unproved"]), 2, "usage");
    refused(&shop.json(["why", "fine.test", "--accept-unproved"]), 2, "usage");
}

#[test]
fn other_commands_take_nothing_that_is_not_proved() {
    let shop = shop();
    for command in [
        ["ls"].as_slice(),
        &["show", "fine"],
        &["verify", "fine"],
        &["verify", "fine", "--connect", "127.0.0.1:9"],
        &["chain", "fine"],
        &["doctor"],
        &["find", "fine"],
        &["export", "fine", "-o", "fine.pem"],
        &["ca", "ls"],
        &["rm", "fine"],
        &["log"],
        &["bind", "fine.test", "fine"],
        &["backup", "copy.db"],
        &["verify-store"],
    ] {
        refused(&shop.json(without_key(command)), 2, "unlock_none");
    }
    // What is served is compared with what is proved.
    let run = shop.json(without_key(&["check", "--connect", "127.0.0.1:9"]));
    refused(&run, 2, "usage");
}

#[test]
fn the_files_must_be_this_users_alone_all_the_same() {
    let shop = locked(shop());
    fs::set_permissions(shop.store(), fs::Permissions::from_mode(0o644)).unwrap();
    let run = shop.json(without_key(&["check"]));
    assert_eq!((run.code, run.error_code().as_str()), (8, "store_permission"), "{}", run.out);
    refused(&Shop::empty().json(without_key(&["check"])), 3, "store_missing");
    let other = Shop::empty();
    fs::write(other.store(), "no store").unwrap();
    fs::set_permissions(other.store(), fs::Permissions::from_mode(0o600)).unwrap();
    let run = other.json(without_key(&["check"]));
    assert_eq!((run.code, run.error_code().as_str()), (8, "not_a_store"), "{}", run.out);
}

/// The record of an entry, as it stands.
fn head(alias: &str) -> Vec<u8> {
    [&[0x10], alias.as_bytes(), &[0]].concat()
}

fn write_blob(database: &Connection, der: &[u8]) {
    let digest = Fingerprint::of(der);
    let values = params![digest.as_bytes().as_slice(), der];
    database.execute("INSERT INTO blob (digest, data) VALUES (?1, ?2)", values).unwrap();
}

/// Puts another certificate in the place of one in the record of an entry.
fn swap(database: &Connection, alias: &str, from: &Certificate, to: &Certificate) {
    let key = head(alias);
    let read = "SELECT value FROM record WHERE key = ?1";
    let mut value: Vec<u8> = database.query_row(read, [&key], |row| row.get(0)).unwrap();
    let (from, to) = (from.fingerprint(), to.fingerprint());
    let at = value.windows(32).position(|part| part == from.as_bytes()).expect("it names its certificate");
    value[at..at + 32].copy_from_slice(to.as_bytes());
    database.execute("UPDATE record SET value = ?2 WHERE key = ?1", params![key, value]).unwrap();
}

/// The record of an entry says by which path it was validated. Whoever wrote it in need not have a key of that path.
#[test]
fn signatures_are_verified_anew_whatever_the_rows_say_of_them() {
    let shop = Shop::open();
    let (root, forger) = (ca("Root", None, 3000), ca("Root", None, 3000));
    import_ca(&shop, "root", &root);
    let key = KeyPair::generate().unwrap();
    let params = leaf("www.test", -30, 300);
    dated::import(&shop, "www", &root, &params, &key, &[]);
    let shop = locked(shop);
    let state_of = || state(&shop.json(without_key(&["check"])).json()["result"], "www");
    assert_eq!(state_of().0, "ok");

    let true_leaf = pem_of(&shop, "www.pem");
    let forged = forger.issue_leaf_for(&params, &KeyPair::generate().unwrap());
    let database = Connection::open(shop.store()).unwrap();
    write_blob(&database, forged.der());
    swap(&database, "www", &true_leaf, &forged);
    let (state, _, finding) = state_of();
    assert_ne!(state, "ok", "{finding}");
}

fn pem_of(shop: &Shop, file: &str) -> Certificate {
    let text = fs::read(shop.folder.path().join(file)).unwrap();
    let der = pem::parse_many(text).unwrap().into_iter().find(|block| block.tag() == "CERTIFICATE").unwrap();
    Certificate::from_der(der.contents()).unwrap()
}

#[test]
fn rows_that_cannot_be_read_are_counted_and_the_others_judged() {
    let shop = shop();
    let database = Connection::open(shop.store()).unwrap();
    database.execute("UPDATE record SET value = x'00' WHERE key = ?1", [head("fine")]).unwrap();
    let leaf = pem_of(&shop, "soon.pem").fingerprint();
    database
        .execute("UPDATE blob SET data = x'3000' WHERE digest = ?1", [leaf.as_bytes().as_slice()])
        .unwrap();
    let listed = result(&shop.json(without_key(&["check"])), 11);
    let unreadable: Vec<&str> = listed["unreadable_entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["alias"].as_str().unwrap())
        .collect();
    assert_eq!(unreadable, ["fine", "soon"]);
    assert_eq!(
        (listed["counts"]["checked"].as_u64(), listed["counts"]["unreadable"].as_u64()),
        (Some(6), Some(2))
    );
    assert_eq!(state(&listed, "short").0, "ok");
    let said = shop.run(without_key(&["why", "a.wide.test"])).err;
    for alias in ["fine", "soon"] {
        assert!(
            said.contains(&format!("\"{alias}\" cannot be read, so whether it would answer is not known")),
            "{said}"
        );
    }
    // A CA that is gone from the rows is missing to those below it.
    database.execute("DELETE FROM record WHERE key = ?1", [head("root")]).unwrap();
    let listed = result(&shop.json(without_key(&["check"])), 11);
    assert_eq!(state(&listed, "short"), ("broken".to_owned(), "chain".to_owned(), "no_anchor".into()));
    // A row whose key is no alias is damage of the whole.
    database.execute("INSERT INTO record (key, value) VALUES (x'10ff00', x'00')", []).unwrap();
    let help = refused(&shop.json(without_key(&["check"])), 8, "store_corrupt");
    assert!(help.contains("keystore.db verify-store;"), "what opens nothing is of no use there: {help}");
}

#[test]
fn why_answers_by_the_rows_and_says_so() {
    let shop = shop();
    let opened = result(&shop.json(["why", "fine.test"]), 0);
    assert_eq!((&opened["proved"], &opened["selected"]["alias"]), (&Value::Bool(true), &"fine".into()));
    dated_wildcard(&shop);
    let answers = |arguments: &[&str]| shop.json(arguments.iter().copied());
    let host = "fine.test";
    let others = result(&answers(&["why", "own.wide.test"]), 0)["others"].clone();
    assert_eq!(others.as_array().unwrap().len(), 1, "{others}");
    for host in [host, "a.wide.test", "own.wide.test"] {
        let mut opened = result(&answers(&["why", host]), 0);
        let closed = answers(&without_key(&["why", host]));
        assert_eq!(closed.code, 8, "{}", closed.err);
        opened["proved"] = false.into();
        assert_eq!(result(&answers(&without_key(&["why", host, "--accept-unproved"])), 0), opened);
        assert_eq!(result(&closed, 8), opened);
    }
    let text = shop.run(without_key(&["why", host])).out;
    assert!(text.starts_with("fine answers: ") && text.contains("\nnot proved: "), "{text}");
    for command in [["why", "b.a.wide.test"].as_slice(), &["why", "--no-sni"]] {
        let (opened, closed) = (answers(command), answers(&without_key(command)));
        assert_eq!(
            (closed.code, closed.json()["error"]["message"].clone()),
            (3, opened.json()["error"]["message"].clone())
        );
    }
}

/// An entry with a wildcard, and one more with the same.
fn dated_wildcard(shop: &Shop) {
    let root = ca("Wide", None, 3000);
    import_ca(shop, "wide-root", &root);
    for alias in ["wide", "wider"] {
        let key = KeyPair::generate().unwrap();
        // With the name itself as well, by which it is asked once.
        let mut params = leaf("*.wide.test", -30, 300);
        params.subject_alt_names.push(rcgen::SanType::DnsName("own.wide.test".try_into().unwrap()));
        dated::import(shop, alias, &root, &params, &key, &[]);
    }
    assert_eq!(shop.run(["bind", "a.wide.test", "wider"]).code, 0);
}
