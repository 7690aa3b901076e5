//! The store under hands that are not ours: damage, swaps, links and other programs' files give typed errors.

use std::fs;

use rusqlite::Connection;
use strongroom::{Alias, CredentialRequest, Error, Keystore, StoreError};
use strongroom_tests::{
    authority::{leaf_params, now, root},
    scratch::Scratch,
};

fn alias(text: &str) -> Alias {
    text.parse().unwrap()
}

/// A store with the servers `a` and `b`.
fn two_servers() -> Scratch {
    let mut scratch = Scratch::new(now());
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
    let error = scratch.keystore.credential(&alias(name)).unwrap_err();
    assert!(matches!(error, Error::Store(StoreError::Corrupt { .. })), "{error}");
}

#[test]
fn keys_swapped_between_entries_do_not_open() {
    let mut scratch = two_servers();
    Connection::open(scratch.path())
        .unwrap()
        .execute_batch(
            "CREATE TABLE t AS SELECT e.alias k, v.* FROM version v JOIN entry e ON e.id = v.entry;
             UPDATE version SET (sealed_key, wrapped_data_key) =
                 (SELECT sealed_key, wrapped_data_key FROM t WHERE k = 'b')
                 WHERE entry = (SELECT id FROM entry WHERE alias = 'a');
             DROP TABLE t;",
        )
        .unwrap();
    damaged(&mut scratch, "a");
    assert!(scratch.keystore.credential(&alias("b")).is_ok());
    assert_eq!(scratch.keystore.entry(&alias("a")).unwrap_err().code(), "store_corrupt");
    let problems = scratch.keystore.verify_store().unwrap().problems;
    assert!(problems.iter().any(|problem| problem.alias == "a"), "{problems:?}");
}

#[test]
fn an_alias_or_a_leaf_changed_by_sql_does_not_open() {
    let mut scratch = two_servers();
    let outside = Connection::open(scratch.path()).unwrap();
    outside.execute_batch("UPDATE entry SET alias = 'c' WHERE alias = 'a'").unwrap();
    damaged(&mut scratch, "a");
    outside
        .execute_batch(
            "UPDATE chain SET certificate = (SELECT certificate FROM chain WHERE role = 'leaf' AND entry =
                 (SELECT id FROM entry WHERE alias = 'c')) WHERE role = 'leaf' AND entry =
                 (SELECT id FROM entry WHERE alias = 'b')",
        )
        .unwrap();
    damaged(&mut scratch, "b");
}

#[test]
fn one_changed_byte_of_a_sealed_key_is_seen() {
    let mut scratch = two_servers();
    Connection::open(scratch.path())
        .unwrap()
        .execute_batch(
            "UPDATE version SET sealed_key = CAST(substr(sealed_key, 1, length(sealed_key) - 1) ||
                 iif(substr(sealed_key, -1) = x'00', x'01', x'00') AS BLOB) WHERE sealed_key IS NOT NULL",
        )
        .unwrap();
    damaged(&mut scratch, "a");
}

#[test]
fn a_changed_certificate_is_seen() {
    let mut scratch = two_servers();
    Connection::open(scratch.path())
        .unwrap()
        .execute_batch(
            "UPDATE certificate SET der = CAST(substr(der, 1, length(der) - 1) ||
                 iif(substr(der, -1) = x'00', x'01', x'00') AS BLOB)",
        )
        .unwrap();
    let error = scratch.keystore.entry(&alias("a")).unwrap_err();
    assert!(matches!(error, Error::Store(StoreError::Corrupt { .. })), "{error}");
    assert_eq!(error.code(), "store_corrupt");
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
    assert_eq!(Keystore::open(&scratch.path(), &scratch.unlock).unwrap_err().code(), "store_permission");
}

#[test]
fn a_reader_sees_what_another_connection_commits() {
    let mut scratch = two_servers();
    let mut reader = Keystore::open_read_only(&scratch.path(), &scratch.unlock).unwrap();
    assert_eq!(reader.entries(None, 10).unwrap().len(), 3);
    scratch.keystore.remove(&alias("a"), false, now()).unwrap();
    assert_eq!(reader.entries(None, 10).unwrap().len(), 2);
    assert!(matches!(reader.remove(&alias("b"), false, now()), Err(Error::Store(StoreError::ReadOnly))));
    let mut second = scratch.keystore.reopen().unwrap();
    assert!(second.credential(&alias("b")).is_ok());
}

#[test]
fn the_listing_pages_in_the_order_of_aliases() {
    let mut scratch = Scratch::new(now());
    for name in ["Delta", "alpha", "charlie", "Bravo"] {
        scratch.keystore.import_authority(&alias(name), root(name).file(), now()).unwrap();
    }
    let names = |after: Option<&Alias>, scratch: &mut Scratch| -> Vec<String> {
        scratch.keystore.entries(after, 2).unwrap().iter().map(|entry| entry.alias.to_string()).collect()
    };
    assert_eq!(names(None, &mut scratch), ["alpha", "Bravo"]);
    assert_eq!(names(Some(&alias("BRAVO")), &mut scratch), ["charlie", "Delta"]);
}

#[test]
fn private_keys_and_unlock_key_are_nowhere_on_disk_in_the_clear() {
    let mut scratch = two_servers();
    let key = scratch.keystore.credential(&alias("a")).unwrap().key;
    // The scalar of a P-256 key: 32 bytes after the fixed head of its PKCS #8 form.
    let der = key.expose_pkcs8_der();
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
