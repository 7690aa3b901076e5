//! The store under hands that are not ours: damage, swaps, links and other programs' files give typed errors.

use std::fs;

use rusqlite::Connection;
use strongroom::{
    Alias, Error, Keystore,
    keystore::{Backup, CredentialRequest, RestoreOptions},
    store::StoreError,
};
use strongroom_tests::{
    authority::{leaf_params, now, root},
    scratch::Scratch,
};

fn alias(text: &str) -> Alias {
    text.parse().unwrap()
}

/// A store with the servers `a` and `b`.
fn two_servers() -> Scratch {
    let scratch = Scratch::new(now());
    let root = root("Root");
    scratch.keystore.import_authority(&alias("root"), root.file(), now()).unwrap();
    for name in ["a", "b"] {
        let credential = root.issue(&leaf_params(&format!("{name}.test")), &[]);
        scratch.keystore.import_credential(CredentialRequest::new(alias(name), credential, now())).unwrap();
    }
    scratch
}

#[track_caller]
fn damaged(scratch: &mut Scratch, name: &str) {
    let error = scratch.keystore.credential(&alias(name), now()).unwrap_err();
    assert!(matches!(error, Error::Store(StoreError::Corrupt { .. })), "{error}");
}

/// The key of an entry's head.
fn head(name: &str) -> Vec<u8> {
    [&[0x10], name.as_bytes(), &[0]].concat()
}

fn value(outside: &Connection, key: &[u8]) -> Vec<u8> {
    outside.query_row("SELECT value FROM record WHERE key = ?1", [key], |row| row.get(0)).unwrap()
}

#[test]
fn entries_swapped_by_sql_are_refused_and_the_others_are_read() {
    let mut scratch = two_servers();
    let outside = Connection::open(scratch.path()).unwrap();
    let (a, b) = (value(&outside, &head("a")), value(&outside, &head("b")));
    outside.execute("UPDATE record SET value = ?1 WHERE key = ?2", (&b, head("a"))).unwrap();
    damaged(&mut scratch, "a");
    assert_eq!(scratch.keystore.entry(&alias("a"), now()).unwrap_err().code(), "store_corrupt");
    assert!(scratch.keystore.credential(&alias("b"), now()).is_ok());
    // A list shows what is whole, and names what is not.
    let listed = scratch.keystore.listing(None, 10, now()).unwrap();
    let shown: Vec<(String, bool)> =
        listed.iter().map(|(alias, entry)| (alias.to_string(), entry.is_ok())).collect();
    assert_eq!(shown, [("a".to_owned(), false), ("b".to_owned(), true), ("root".to_owned(), true)]);
    let problems = scratch.keystore.verify_store().unwrap().problems;
    assert!(problems.iter().any(|problem| problem.alias == "a"), "{problems:?}");
    assert!(problems.iter().all(|problem| problem.alias != "b"), "{problems:?}");
    outside.execute("UPDATE record SET value = ?1 WHERE key = ?2", (&a, head("a"))).unwrap();
    assert_eq!(scratch.keystore.verify_store().unwrap().problems, []);
}

#[test]
fn one_changed_byte_of_a_certificate_or_a_sealed_key_is_seen() {
    let scratch = two_servers();
    let outside = Connection::open(scratch.path()).unwrap();
    let blobs: Vec<(i64, Vec<u8>)> = outside
        .prepare("SELECT id, data FROM blob")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(blobs.len(), 5, "the root, two leaves, two sealed keys");
    for (id, data) in blobs {
        let mut changed = data.clone();
        let last = changed.len() - 1;
        changed[last] ^= 1;
        outside.execute("UPDATE blob SET data = ?1 WHERE id = ?2", (&changed, id)).unwrap();
        let problems = scratch.keystore.verify_store().unwrap().problems;
        assert!(!problems.is_empty());
        let refused = ["a", "b"].map(|name| scratch.keystore.credential(&alias(name), now()).is_err());
        assert_ne!(refused, [false, false], "{id}");
        outside.execute("UPDATE blob SET data = ?1 WHERE id = ?2", (&data, id)).unwrap();
    }
    assert_eq!(scratch.keystore.verify_store().unwrap().problems, []);
}

#[test]
fn a_damaged_entry_is_removed_replaced_or_taken_from_a_backup() {
    let scratch = two_servers();
    let copy = scratch.folder.path().join("copy.db");
    scratch.keystore.backup(&copy, now()).unwrap();
    let before = scratch.keystore.credential(&alias("a"), now()).unwrap();
    let outside = Connection::open(scratch.path()).unwrap();
    let damage = || outside.execute("UPDATE record SET value = x'01' WHERE key = ?1", [head("a")]).unwrap();
    damage();
    assert_eq!(
        scratch.keystore.backup(&scratch.folder.path().join("no.db"), now()).unwrap_err().code(),
        "store_corrupt"
    );
    assert!(!scratch.folder.path().join("no.db").exists());
    let (report, lost) = scratch.keystore.salvage(&scratch.folder.path().join("whole.db"), now()).unwrap();
    assert_eq!((report.entries, lost), (2, vec!["a".to_owned()]));

    let unlock = &scratch.unlock;
    let backup = Backup::open(&copy, &scratch.path(), unlock).unwrap();
    let options = RestoreOptions::default();
    let taken = scratch.keystore.restore_only(&backup, &alias("b"), false, options, now()).unwrap_err();
    assert_eq!(taken.code(), "alias_taken", "a whole one is not taken away");
    scratch.keystore.restore_only(&backup, &alias("a"), false, options, now()).unwrap();
    let after = scratch.keystore.credential(&alias("a"), now()).unwrap();
    assert_eq!(after.key().expose_pkcs8_der(), before.key().expose_pkcs8_der());
    assert_eq!(scratch.keystore.verify_store().unwrap().problems, []);

    damage();
    let credential = root("Other").issue(&leaf_params("a.test"), &[]);
    let mut request = CredentialRequest::new(alias("a"), credential, now());
    request.options.policy.allow = vec![strongroom::diagnostic::DiagnosticCode::NoAnchor];
    request.options.replace = true;
    assert_eq!(
        scratch.keystore.import_credential(request).unwrap().outcome,
        strongroom::keystore::Outcome::Replaced
    );
    assert_eq!(scratch.keystore.verify_store().unwrap().problems, []);

    damage();
    scratch.keystore.remove(&alias("a"), false, now()).unwrap();
    assert_eq!(scratch.keystore.entry(&alias("a"), now()).unwrap_err().code(), "not_found");
    assert_eq!(scratch.keystore.aliases_named("a.test", 10).unwrap(), []);
    assert_eq!(scratch.keystore.verify_store().unwrap().problems, []);
}

#[test]
fn a_store_of_a_preview_is_told_as_that() {
    let scratch = two_servers();
    let Scratch { folder, keystore, unlock, .. } = scratch;
    drop(keystore);
    let path = folder.path().join("keystore.db");
    Connection::open(&path).unwrap().pragma_update(None, "application_id", 0x5352_4d31).unwrap();
    let error = Keystore::open(&path, &unlock).unwrap_err();
    assert_eq!(error.code(), "store_from_preview");
}

#[test]
fn a_schema_from_the_future_is_refused_and_left_alone() {
    let scratch = two_servers();
    let Scratch { folder, keystore, unlock, .. } = scratch;
    drop(keystore);
    let path = folder.path().join("keystore.db");
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let before = fs::read(&path).unwrap();
    let error = Keystore::open(&path, &unlock).unwrap_err();
    assert!(matches!(error, Error::Store(StoreError::SchemaFromFuture { found: 99, .. })), "{error}");
    assert_eq!(before, fs::read(&path).unwrap());
}

#[test]
fn files_of_other_programs_are_refused_and_left_alone() {
    let scratch = Scratch::new(now());
    let path = scratch.folder.path().join("other.db");
    let make_private = || {
        #[cfg(unix)]
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    };
    let foreign = Connection::open(&path).unwrap();
    foreign.execute_batch("CREATE TABLE t (x)").unwrap();
    drop(foreign);
    make_private();
    assert_eq!(Keystore::open(&path, &scratch.unlock).unwrap_err().code(), "not_a_store");
    for content in
        [&b"not a database at all, but long enough to be taken for one: ........................."[..], b""]
    {
        fs::write(&path, content).unwrap();
        make_private();
        assert_eq!(Keystore::open(&path, &scratch.unlock).unwrap_err().code(), "not_a_store");
        assert_eq!(fs::read(&path).unwrap(), content);
    }
}

#[cfg(unix)]
#[test]
fn links_in_place_of_the_store_are_refused() {
    use std::os::unix::fs::symlink;
    let scratch = Scratch::new(now());
    let link = scratch.folder.path().join("link.db");
    symlink(scratch.path(), &link).unwrap();
    assert_eq!(Keystore::open(&link, &scratch.unlock).unwrap_err().code(), "store_permission");
    let hard = scratch.folder.path().join("hard.db");
    fs::hard_link(scratch.path(), &hard).unwrap();
    assert_eq!(Keystore::open(scratch.path(), &scratch.unlock).unwrap_err().code(), "store_permission");
}

#[test]
fn a_reader_sees_what_another_connection_commits() {
    let scratch = two_servers();
    let reader = Keystore::open_read_only(scratch.path(), &scratch.unlock).unwrap();
    assert_eq!(reader.page(None, 10, now()).unwrap().len(), 3);
    scratch.keystore.remove(&alias("a"), false, now()).unwrap();
    assert_eq!(reader.page(None, 10, now()).unwrap().len(), 2);
    assert!(matches!(reader.remove(&alias("b"), false, now()), Err(Error::Store(StoreError::ReadOnly))));
    let clone = scratch.keystore.clone();
    assert!(clone.credential(&alias("b"), now()).is_ok());
}

#[test]
fn the_listing_pages_in_the_order_of_aliases() {
    let mut scratch = Scratch::new(now());
    for name in ["Delta", "alpha", "charlie", "Bravo"] {
        scratch.keystore.import_authority(&alias(name), root(name).file(), now()).unwrap();
    }
    let names = |after: Option<&Alias>, scratch: &mut Scratch| -> Vec<String> {
        scratch.keystore.page(after, 2, now()).unwrap().iter().map(|entry| entry.alias.to_string()).collect()
    };
    assert_eq!(names(None, &mut scratch), ["alpha", "Bravo"]);
    assert_eq!(names(Some(&alias("BRAVO")), &mut scratch), ["charlie", "Delta"]);
}

#[test]
fn private_keys_and_unlock_key_are_nowhere_on_disk_in_the_clear() {
    let scratch = two_servers();
    let opened = scratch.keystore.credential(&alias("a"), now()).unwrap();
    // The scalar of a P-256 key: 32 bytes after the fixed head of its PKCS #8 form.
    let der = opened.key().expose_pkcs8_der();
    let scalar = &der[36..68];
    for file in fs::read_dir(scratch.folder.path()).unwrap() {
        let path = file.unwrap().path();
        let content = fs::read(&path).unwrap();
        let holds = |needle: &[u8]| content.windows(needle.len()).any(|window| window == needle);
        assert!(!holds(scalar), "{}", path.display());
        let is_key_file = path.ends_with("keystore.key");
        assert_eq!(holds(scratch.unlock.expose()), is_key_file, "{}", path.display());
    }
}
