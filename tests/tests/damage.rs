//! One byte of one row flipped, in each kind of row: `verify-store` names it, everything else is listed, shown, served and
//! backed up, and the damaged entry is mended by the commands that are there for it.

use std::fs;

use rusqlite::Connection;
use strongroom::{Keystore, Password, UnlockKey, keystore::CredentialRequest};
use strongroom_tests::{
    authority::{leaf_params, now, root},
    command::{Run, Shop, fine, refused},
    server::{Server, has_curl},
};

const PASSWORD: &str = "a long password";
/// The entries that a list shows.
const ENTRIES: [&str; 5] = ["ca", "one", "selfsignedcertificate", "spare", "two"];

/// One row, and what depends on it.
struct Damage {
    kind: &'static str,
    /// The row, as a condition on its table.
    table: &'static str,
    column: &'static str,
    row: String,
    /// What `verify-store` says.
    said: &'static str,
    /// The entries that cannot be shown.
    lost: &'static [&'static str],
    /// The entry that a backup or an import mends.
    mended: Option<&'static str>,
}

/// A store with at least one of each kind of row, and a backup of it.
fn made() -> Shop {
    let shop = Shop::open();
    let unlock = UnlockKey::read_file(&shop.folder.path().join("keystore.key")).unwrap();
    let keystore = Keystore::open(shop.store(), &unlock).unwrap();
    let ca = root("Damaged");
    keystore.import_authority(&"ca".parse().unwrap(), ca.file(), now()).unwrap();
    keystore.import_authority(&"spare".parse().unwrap(), root("Spare").file(), now()).unwrap();
    for (name, host, replace) in [
        ("one", "one.test", false),
        ("two", "before.test", false),
        ("two", "two.test", true),
        ("gone", "gone.test", false),
    ] {
        let credential = ca.issue(&leaf_params(host), &[]);
        let mut request = CredentialRequest::new(name.parse().unwrap(), credential, now());
        request.options.replace = replace;
        keystore.import_credential(request).unwrap();
    }
    keystore.remove(&"gone".parse().unwrap(), false, now()).unwrap();
    let password = Password::new(PASSWORD).unwrap();
    for user in ["alice", "bob"] {
        keystore.add_administrator(&user.parse().unwrap(), &password, now()).unwrap();
    }
    drop(keystore);
    let second = format!("file:{}", shop.folder.path().join("second.key").display());
    fine(&shop.json(["slot", "add", &second]));
    // It makes its own certificate, and leaves it.
    drop(Server::start(&shop));
    fine(&shop.json(["backup", backup(&shop).to_str().unwrap()]));
    shop
}

fn backup(shop: &Shop) -> std::path::PathBuf {
    shop.folder.path().join("backup.db")
}

/// The same store in another folder.
fn copy(shop: &Shop) -> Shop {
    let copy = Shop::empty();
    for (path, content) in shop.content() {
        let to = copy.folder.path().join(path.file_name().unwrap());
        fs::write(&to, content).unwrap();
        fs::set_permissions(&to, fs::metadata(&path).unwrap().permissions()).unwrap();
    }
    fs::set_permissions(copy.folder.path(), fs::metadata(shop.folder.path()).unwrap().permissions()).unwrap();
    copy
}

fn hex(key: &[u8]) -> String {
    key.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn record(tag: u8, name: &str) -> String {
    format!("substr(key, 1, {}) = x'{}'", name.len() + 1, hex(&[&[tag], name.as_bytes()].concat()))
}

/// The digest of the leaf of an entry, and of the last sealed key of it.
fn leaf(shop: &Shop, alias: &str) -> String {
    let shown = fine(&shop.json(["show", alias]));
    format!("digest = x'{}'", shown["sha256"].as_str().unwrap())
}

fn kinds(shop: &Shop) -> Vec<Damage> {
    let of = |kind, table, column, row: String, said, lost, mended| Damage {
        kind,
        table,
        column,
        row,
        said,
        lost,
        mended,
    };
    vec![
        of("the state", "state", "row", "true".into(), "a copy of the state", &[], None),
        of("the copy of the state", "state_copy", "row", "true".into(), "a copy of the state", &[], None),
        of(
            "the head of a server",
            "record",
            "value",
            record(0x10, "one\0"),
            "one: the entry",
            &["one"],
            Some("one"),
        ),
        of(
            "the head of a CA",
            "record",
            "value",
            record(0x10, "spare\0"),
            "spare: the entry",
            &["spare"],
            Some("spare"),
        ),
        of("a former version", "record", "value", record(0x20, "two\0"), "two: version 1", &[], Some("two")),
        of(
            "an administrator",
            "record",
            "value",
            record(0xa0, "bob\0"),
            "the administrator \"bob\"",
            &[],
            None,
        ),
        of("a slot", "record", "value", "key = x'b001'".into(), "slot 1 of the store", &[], None),
        of(
            "a removed entry",
            "record",
            "value",
            record(0xc0, "gone\0"),
            "gone: the removed entry",
            &[],
            None,
        ),
        of("an inner node", "node", "body", "path = x''".into(), "a row of the tree", &[], None),
        of(
            "a page",
            "node",
            "body",
            "path = (SELECT path FROM node ORDER BY substr(path, -1) DESC, path LIMIT 1)".into(),
            "a row of the tree",
            &[],
            None,
        ),
        of("a leaf", "blob", "data", leaf(shop, "one"), "one", &["one"], Some("one")),
        of("a row of the log", "log", "row", "number = 3".into(), "the audit log", &[], None),
    ]
}

/// Flips one bit in the middle of a row.
fn flip(shop: &Shop, damage: &Damage) {
    let outside = Connection::open(shop.store()).unwrap();
    let Damage { table, column, row, kind, .. } = damage;
    let found: Vec<Vec<u8>> = outside
        .prepare(&format!("SELECT {column} FROM {table} WHERE {row}"))
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(found.len(), 1, "{kind}");
    let mut changed = found[0].clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    outside.execute(&format!("UPDATE {table} SET {column} = ?1 WHERE {row}"), [changed]).unwrap();
}

fn all(run: &Run) -> String {
    format!("{}{}", run.out, run.err)
}

#[track_caller]
fn whole(shop: &Shop, kind: &str) {
    let run = shop.json(["verify-store"]);
    assert_eq!(run.code, 0, "{kind}: {}", all(&run));
}

/// What a list has, by alias.
fn listed(run: &Run) -> Vec<String> {
    let entries = run.json()["result"]["entries"].clone();
    entries.as_array().unwrap().iter().map(|entry| entry["alias"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn one_byte_of_each_kind_of_row_is_named_and_costs_nothing_else() {
    if !has_curl() {
        return;
    }
    let shop = made();
    for damage in kinds(&shop) {
        let kind = damage.kind;
        let shop = copy(&shop);
        whole(&shop, kind);
        flip(&shop, &damage);
        let verified = shop.json(["verify-store"]);
        assert_eq!((verified.code, verified.error_code().as_str()), (8, "store_corrupt"), "{kind}");
        assert!(all(&verified).contains(damage.said), "{kind}: {}", all(&verified));

        let others: Vec<&str> = ENTRIES.into_iter().filter(|name| !damage.lost.contains(name)).collect();
        let list = shop.json(["ls"]);
        assert_eq!(list.code, 0, "{kind}: {}", all(&list));
        assert_eq!(listed(&list), others, "{kind}");
        for lost in damage.lost {
            assert!(all(&list).contains(&format!("\"{lost}\" cannot be shown")), "{kind}: {}", all(&list));
            refused(&shop.json(["show", lost]), 8, "store_corrupt");
        }
        for name in &others {
            fine(&shop.json(["show", name]));
        }
        serves(&shop, &damage, &others);

        let salvaged = shop.folder.path().join("salvaged.db");
        let copied = shop.json(["backup", "--salvage", salvaged.to_str().unwrap()]);
        assert_eq!(copied.code, 0, "{kind}: {}", all(&copied));
        // Whole entries only: one that lost a former version is named as well.
        let left_out: Vec<&str> = ENTRIES.into_iter().filter(|name| damage.mended == Some(name)).collect();
        for name in &left_out {
            let said = format!("not in the copy, since it is damaged: {name}");
            assert!(all(&copied).contains(&said), "{kind}: {}", all(&copied));
        }
        let elsewhere = Shop::empty();
        let key = shop.folder.path().join("keystore.key");
        fs::copy(key, elsewhere.folder.path().join("keystore.key")).unwrap();
        fine(&elsewhere.json(["restore", salvaged.to_str().unwrap()]));
        let taken: Vec<&str> = ENTRIES.into_iter().filter(|name| !left_out.contains(name)).collect();
        assert_eq!(listed(&elsewhere.json(["ls"])), taken, "{kind}");
        whole(&elsewhere, kind);
    }
}

/// The server starts, signs in and shows what is whole.
#[track_caller]
fn serves(shop: &Shop, damage: &Damage, others: &[&str]) {
    let server = Server::start(shop);
    let token = server.token("alice", PASSWORD);
    let list = server.json(&format!("/portaladmin/security/sslCertificates?f=json&token={token}"), []);
    // Aliases alone: that of a damaged entry is proved.
    assert_eq!(list["sslCertificates"], serde_json::json!(ENTRIES), "{}: {list}", damage.kind);
    let one = |name: &str| {
        server.json(&format!("/portaladmin/security/sslCertificates/{name}?f=json&token={token}"), [])
    };
    others.iter().for_each(|name| assert_eq!(one(name)["aliasName"], *name, "{}", damage.kind));
    damage.lost.iter().for_each(|name| assert_eq!(one(name)["error"]["code"], 500, "{}", damage.kind));
}

#[test]
fn a_damaged_entry_is_mended_from_a_backup_or_by_another_import() {
    let shop = made();
    for damage in kinds(&shop).iter().filter(|damage| damage.mended.is_some()) {
        let (kind, alias) = (damage.kind, damage.mended.unwrap());
        let backup = backup(&shop);
        let from_backup = copy(&shop);
        flip(&from_backup, damage);
        let mut restore = vec!["restore", "--yes", "--only", alias, "--from", backup.to_str().unwrap()];
        if damage.lost.is_empty() {
            // What is whole is taken away only when that is asked for.
            restore.push("--replace");
        }
        let restored = from_backup.json(restore.iter().copied());
        assert_eq!(restored.code, 0, "{kind}: {}", all(&restored));
        whole(&from_backup, kind);
        assert_eq!(listed(&from_backup.json(["ls"])), ENTRIES, "{kind}");

        let by_import = copy(&shop);
        flip(&by_import, damage);
        let imported = if alias == "spare" {
            by_import.json(["rm", "spare", "--force"]);
            by_import.json(["ca", "import", "spare", "chains/stranger-root.pem"])
        } else {
            by_import.json([
                "import",
                alias,
                "pkcs12/www.p12",
                "--pass-in",
                "pass:changeit",
                "--allow",
                "no_anchor",
                "--replace",
            ])
        };
        assert_eq!(imported.code, 0, "{kind}: {}", all(&imported));
        let found = listed(&by_import.json(["ls"]));
        assert!(ENTRIES.iter().all(|name| found.contains(&(*name).to_owned())), "{kind}: {found:?}");
        if damage.lost.is_empty() {
            // The former version stays what it is.
            assert_eq!(by_import.json(["verify-store"]).code, 8, "{kind}");
        } else {
            whole(&by_import, kind);
        }
    }
}

/// A damaged administrator cannot sign in; the others can, and it is removed and added anew.
#[test]
fn a_damaged_administrator_is_named_removed_and_added_anew() {
    let shop = made();
    let damage = kinds(&shop).into_iter().find(|damage| damage.kind == "an administrator").unwrap();
    flip(&shop, &damage);
    let list = shop.json(["user", "ls"]);
    assert_eq!(fine(&list)["users"].as_array().unwrap().len(), 1);
    assert!(
        all(&list).contains("\\\"bob\\\" cannot be shown") || all(&list).contains("\"bob\" cannot be shown"),
        "{}",
        all(&list)
    );
    refused(&shop.json(["user", "add", "bob", "--pass-in", "pass:another long one"]), 8, "store_corrupt");
    fine(&shop.json(["user", "rm", "bob"]));
    whole(&shop, damage.kind);
    fine(&shop.json(["user", "add", "bob", "--pass-in", "pass:another long one"]));
    whole(&shop, damage.kind);
}

/// The schema is ours to the letter, or nothing is believed; what there was comes back from a backup.
#[test]
fn one_byte_of_the_text_of_the_schema_is_named_and_the_way_back_is_a_new_store() {
    let shop = made();
    let outside = Connection::open(shop.store()).unwrap();
    let tables: Vec<String> = outside
        .prepare("SELECT name FROM sqlite_schema WHERE sql IS NOT NULL")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    drop(outside);
    assert_eq!(tables.len(), 7);
    for table in tables {
        let shop = copy(&shop);
        let change = format!(
            "PRAGMA writable_schema = ON; \
             UPDATE sqlite_schema SET sql = replace(sql, 'STRICT', 'STRiCT') WHERE name = '{table}'"
        );
        Connection::open(shop.store()).unwrap().execute_batch(&change).unwrap();
        for command in ["verify-store", "ls"] {
            let run = shop.json([command]);
            assert_eq!((run.code, run.error_code().as_str()), (8, "store_corrupt"), "{table}");
            assert!(run.out.contains("schema"), "{table}: {}", run.out);
        }
        let backup = backup(&shop);
        fine(&shop.json(["restore", "--yes", "--new-store", backup.to_str().unwrap()]));
        assert_eq!(listed(&shop.json(["ls"])), ENTRIES, "{table}");
        whole(&shop, &table);
    }
}

#[test]
fn a_prune_of_everything_leaves_what_is_damaged_names_it_and_goes_on() {
    let shop = made();
    let prunable = ["gone", "two"];
    for damage in kinds(&shop) {
        let damaged = match damage.kind {
            "the head of a server" => "one",
            "a former version" => "two",
            "a removed entry" => "gone",
            _ => continue,
        };
        let shop = copy(&shop);
        flip(&shop, &damage);
        for dry_run in [true, false] {
            let dry = dry_run.then_some("--dry-run");
            let run = shop.json(["prune", "--all", "--yes"].into_iter().chain(dry));
            assert_eq!(run.code, 8, "{}: {}{}", damage.kind, run.out, run.err);
            let result = &run.json()["result"];
            let unreadable = result["unreadable_entries"].as_array().unwrap();
            assert_eq!((unreadable.len(), &unreadable[0]["alias"]), (1, &damaged.into()), "{}", run.out);
            assert_eq!(unreadable[0]["code"], "store_corrupt");
            let pruned = result["pruned"].as_array().unwrap();
            let pruned: Vec<&str> = pruned.iter().map(|entry| entry["alias"].as_str().unwrap()).collect();
            let sound: Vec<&str> = prunable.into_iter().filter(|alias| *alias != damaged).collect();
            assert_eq!(pruned, sound, "{}", damage.kind);
        }
        // The rest is gone, and the damaged one stands as it was.
        let run = shop.run(["prune", "--all", "--yes"]);
        assert_eq!(run.code, 8);
        assert!(run.out.starts_with("there is nothing to prune of all entries\n"), "{}", run.out);
        let said = format!("warning: \"{damaged}\" stays as it is: the store is damaged");
        assert!(run.err.contains(&said) && run.err.contains("verify-store"), "{}", run.err);
        assert!(all(&shop.json(["verify-store"])).contains(damage.said), "{}", damage.kind);
    }
}
