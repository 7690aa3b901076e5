//! What is removed, what comes back, and what is gone for good.

use std::{
    io::Read as _,
    process::{Command, Stdio},
};

use strongroom::{Alias, Keystore, UnixTime, Unlock};
use strongroom_tests::command::{Shop, WWW, fine, refused, shop};

#[test]
fn a_removed_entry_is_seen_by_nobody_and_comes_back() {
    let shop = shop();
    let removed = fine(&shop.json(["rm", "WWW"]));
    assert_eq!((&removed["alias"], &removed["outcome"]), (&"www".into(), &"removed".into()));
    for arguments in [&["show", "www"][..], &["chain", "www"], &["verify", "www"], &["history", "www"]] {
        let run = shop.json(arguments.iter().copied());
        assert_eq!((run.code, run.error_code().as_str()), (3, "not_found"), "{arguments:?}");
    }
    let help = refused(&shop.json(["show", "www"]), 3, "not_found");
    assert!(help.ends_with(" undo www"), "{help}");
    let listed = shop.json(["ls"]).out;
    assert!(!listed.contains("\"www\"") && !shop.run(["ls"]).out.contains("www.fixture"), "{listed}");
    assert_eq!(fine(&shop.json(["ls", "--removed"]))["removed"][0]["alias"], "www");
    let whole = fine(&shop.json(["verify-store"]));
    assert_eq!((&whole["entries"], &whole["removed"], &whole["keys"]), (&2.into(), &1.into(), &1.into()));

    // Its alias is free; what has it then is never displaced.
    let other = ["import", "www", "pkcs12/www-direct.p12", "--pass-in", "pass:changeit"];
    fine(&shop.json(other));
    let help = refused(&shop.json(["undo", "www"]), 3, "nothing_to_undo");
    assert!(help.contains("rename www NEW") && help.contains("undo www"), "{help}");
    fine(&shop.json(["rename", "www", "shop"]));
    let back = fine(&shop.json(["undo", "www"]));
    assert_eq!((&back["outcome"], &back["version"]), (&"brought_back".into(), &1.into()));
    assert_eq!(fine(&shop.json(["show", "www"]))["subject"], "CN=www.fixture.test");
    assert_eq!(fine(&shop.json(["verify-store"]))["problems"], serde_json::Value::Null);

    // A removed CA anchors nothing.
    fine(&shop.json(["rm", "www"]));
    fine(&shop.json(["rm", "shop"]));
    fine(&shop.json(["rm", "root"]));
    let import = shop.json(other);
    assert_eq!((import.code, import.error_code().as_str()), (7, "no_anchor"), "{}", import.out);
    fine(&shop.json(["undo", "root"]));
    fine(&shop.json(other));
    // A second rm of the alias: the last removed one comes back first.
    fine(&shop.json(["rm", "www"]));
    assert_eq!(fine(&shop.json(["undo", "www"]))["subject"], "CN=shop.fixture.test");
}

/// The sealed keys in a store.
fn sealed_keys(shop: &Shop) -> Vec<Vec<u8>> {
    let connection = rusqlite::Connection::open(shop.store()).unwrap();
    let mut statement = connection.prepare("SELECT data FROM blob WHERE substr(data, 1, 1) = x'01'").unwrap();
    let keys = statement.query_map([], |row| row.get(0)).unwrap();
    keys.map(|key| key.unwrap()).collect()
}

/// Whether a file of the store has the beginning or the end of a sealed key; the rest may lie on another page.
fn holds(shop: &Shop, key: &[u8]) -> bool {
    let parts = [&key[..64], &key[key.len() - 64..]];
    let has = |content: &[u8]| content.windows(64).any(|window| parts.contains(&window));
    shop.content().iter().any(|(_, content)| has(content))
}

#[test]
fn the_key_stays_in_the_file_until_it_is_pruned() {
    let shop = shop();
    let said = shop.run(["rm", "www"]);
    let store = shop.store();
    let quoted = format!("the key stays in the file until: strongroom --store {} prune www", store.display());
    assert!(said.out.contains(&quoted), "{}", said.out);
    let keys = sealed_keys(&shop);
    assert_eq!(keys.len(), 1);
    assert!(holds(&shop, &keys[0]));
    // It cannot be undone, and nobody can be asked.
    let help = refused(&shop.json(["prune", "--all"]), 2, "confirmation_needed");
    assert!(help.contains("--yes"), "{help}");
    assert!(holds(&shop, &keys[0]));
    let pruned = fine(&shop.json(["prune", "www"]));
    assert_eq!((&pruned["removed_entries"], &pruned["versions"]), (&1.into(), &1.into()));
    assert!(!holds(&shop, &keys[0]), "it is gone from every file");
    refused(&shop.json(["undo", "www"]), 3, "not_found");
    refused(&shop.json(["prune", "www", "--yes"]), 3, "not_found");
    assert_eq!(fine(&shop.json(["prune", "--all", "--yes"]))["outcome"], "nothing_to_prune");

    // Former versions of an entry that stays.
    assert_eq!(shop.run(WWW).code, 0);
    let replace = ["import", "www", "pkcs12/www-direct.p12", "--pass-in", "pass:changeit", "--replace"];
    fine(&shop.json(replace));
    let keys = sealed_keys(&shop);
    assert_eq!(fine(&shop.json(["prune", "www", "--yes"]))["versions"], 1);
    assert_eq!(sealed_keys(&shop).len(), 1);
    assert_eq!(keys.iter().filter(|key| holds(&shop, key)).count(), 1);
    let history = fine(&shop.json(["history", "www"]));
    assert_eq!(history["versions"].as_array().unwrap().len(), 1);
    assert_eq!(history["versions"][0]["version"], 2, "numbers stay");
    refused(&shop.json(["undo", "www"]), 3, "version_pruned");
    refused(&shop.json(["show", "www@1"]), 3, "version_pruned");
    refused(&shop.json(["show", "www@3"]), 3, "version_not_found");
    fine(&shop.json(["import", "www", "pkcs12/www.p12", "--pass-in", "pass:changeit", "--replace"]));
    assert_eq!(fine(&shop.json(["undo", "www"]))["version"], 4);
    fine(&shop.json(["rename", "www", "shop"]));
    assert_eq!(fine(&shop.json(["verify-store"]))["versions"], 5);
}

#[test]
fn a_new_root_key_keeps_the_past_unless_it_is_pruned() {
    let shop = shop();
    fine(&shop.json(["rm", "www"]));
    let before = sealed_keys(&shop);
    assert_eq!(fine(&shop.json(["rekey"]))["pruned_versions"], 0);
    let after = sealed_keys(&shop);
    assert_eq!((after.len(), holds(&shop, &before[0])), (1, false), "sealed anew");
    fine(&shop.json(["undo", "www"]));
    fine(&shop.json(["rm", "www"]));
    assert_eq!(fine(&shop.json(["rekey", "--prune"]))["pruned_versions"], 1);
    assert_eq!(sealed_keys(&shop).len(), 0);
    refused(&shop.json(["undo", "www"]), 3, "not_found");
    assert_eq!(fine(&shop.json(["verify-store"]))["removed"], 0);
}

#[cfg(unix)]
#[test]
fn the_mark_of_a_server_that_is_gone_goes() {
    let shop = shop();
    let serve = || {
        let mut child = shop
            .command(["serve", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut first = [0; 8];
        child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
        child
    };
    let own = ["rm", "selfsignedcertificate"];
    let mut server = serve();
    refused(&shop.json(own), 4, "alias_in_use");
    refused(&shop.json(["rename", "selfsignedcertificate", "x"]), 4, "alias_in_use");
    assert_eq!(fine(&shop.json(["show", "selfsignedcertificate"]))["in_use_by"], "strongroom serve");
    server.kill().unwrap();
    server.wait().unwrap();
    assert_eq!(fine(&shop.json(["show", "selfsignedcertificate"]))["in_use_by"], serde_json::Value::Null);
    fine(&shop.json(own));
    // It makes another one, and a clean end takes its mark along.
    let mut server = serve();
    let pid = server.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(server.wait().unwrap().success());
    let left: Vec<_> = shop.content().into_iter().map(|(path, _)| path).collect();
    assert!(left.iter().all(|path| !path.to_string_lossy().contains("-used-")), "{left:?}");
    fine(&shop.json(["rename", "selfsignedcertificate", "x"]));
}

#[test]
fn a_ca_is_removed_as_what_it_is_and_not_while_it_is_needed() {
    let shop = shop();
    let root = shop.folder.path().join("other.pem");
    std::fs::write(
        &root,
        strongroom_tests::armour::pem("CERTIFICATE", strongroom_tests::authority::root("Other").file()),
    )
    .unwrap();
    fine(&shop.json(["ca", "import", "other", root.to_str().unwrap()]));
    let aliases = |run: &strongroom_tests::command::Run| {
        let listed = fine(run)["entries"].as_array().unwrap().clone();
        listed.iter().map(|entry| entry["alias"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(aliases(&shop.json(["ca", "ls", "--unused"])), ["other"]);
    // A server certificate is no CA, and stays.
    for command in [&["ca", "rm", "www"][..], &["ca", "rm", "www", "--dry-run"], &["ca", "show", "www"]] {
        let help = refused(&shop.json(command.iter().copied()), 3, "not_an_authority");
        assert!(help.ends_with(" ca ls"), "{help}");
    }
    assert_eq!(fine(&shop.json(["ca", "show", "root"]))["alias"], "root");
    refused(&shop.json(["ca", "rm", "nobody"]), 3, "not_found");

    let commit = |shop: &Shop| fine(&shop.json(["status"]))["sequence"].clone();
    let before = commit(&shop);
    refused(&shop.json(["ca", "rm", "root", "--dry-run"]), 4, "in_use");
    let would = fine(&shop.json(["ca", "rm", "root", "--force", "--dry-run"]));
    assert_eq!((&would["dry_run"], &would["chain_lost"]), (&true.into(), &serde_json::json!(["www"])));
    let said = shop.run(["ca", "rm", "other", "--dry-run"]);
    assert_eq!(said.out, "would remove other (CN=Other); nothing was removed\n");
    let would = fine(&shop.json(["rm", "www", "--dry-run"]));
    assert_eq!((&would["dry_run"], &would["key_kept"]), (&true.into(), &true.into()));
    assert_eq!(commit(&shop), before, "a dry run writes nothing");

    refused(&shop.json(["ca", "rm", "root"]), 4, "in_use");
    let gone = fine(&shop.json(["ca", "rm", "other"]));
    assert_eq!((&gone["outcome"], &gone["dry_run"]), (&"removed".into(), &false.into()));
    assert_eq!(
        shop.run(["ca", "ls", "--unused"]).out,
        "a server certificate leads to each of the CA certificates\n"
    );
    assert_eq!(fine(&shop.json(["ca", "rm", "root", "--force"]))["chain_lost"], serde_json::json!(["www"]));
    fine(&shop.json(["undo", "root"]));
}

#[test]
fn several_entries_go_together_or_none_does() {
    let shop = shop();
    fine(&shop.json(["ca", "import", "stranger", "chains/stranger-root.pem"]));
    fine(&shop.json(["ca", "import", "other", "chains/root-ec.pem"]));
    let store = shop.store();
    let discovered = Unlock::discover(&store, &[], &|_: &str| None).unwrap().unwrap();
    let keystore = Keystore::open(&store, &discovered).unwrap();
    let aliases = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect::<Vec<Alias>>();
    let removals = || {
        let log = fine(&shop.json(["log"]));
        let events = log["log"].as_array().unwrap().iter();
        let removed = events.filter(|event| event["action"] == "rm" && event["outcome"] == "removed");
        removed.map(|event| event["alias"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    // An entry leads to the root.
    let refused = keystore.remove_all(&aliases(&["stranger", "root", "other"]), UnixTime::now()).unwrap_err();
    assert_eq!(refused.to_string(), "\"root\" is in the chain of 1 entry: www");
    assert!(fine(&shop.json(["show", "stranger"])).is_object() && removals().is_empty());
    keystore.remove_all(&aliases(&["stranger", "other"]), UnixTime::now()).unwrap();
    assert_eq!(removals(), ["stranger", "other"]);
    for alias in ["stranger", "other"] {
        fine(&shop.json(["undo", alias]));
    }
    keystore.remove_all(&[], UnixTime::now()).unwrap();
    assert_eq!(fine(&shop.json(["verify-store"]))["problems"], serde_json::Value::Null);
}

#[test]
fn chain_certificates_go_when_no_version_leads_to_them_and_imported_ones_stay() {
    let shop = shop();
    let stranger = shop.run(["ca", "import", "stranger", "chains/stranger-root.pem"]);
    assert_eq!(stranger.code, 0, "{}", stranger.err);
    let (stays, with_root) = (&["stranger"][..], &["root", "stranger"][..]);
    let unused = |more: &[&str], imports: &[&str]| {
        let run = shop.json(["ca", "rm", "--unused", "--yes"].into_iter().chain(more.iter().copied()));
        let result = fine(&run);
        assert_eq!(result["unused_imports"], serde_json::json!(imports), "{}", run.out);
        let gone = result["removed_aliases"].as_array().unwrap().len();
        assert_eq!(result["outcome"], if gone == 0 { "unchanged" } else { "removed" });
        gone
    };
    assert_eq!(unused(&["--dry-run"], stays), 0, "the entry leads to its chain certificate");
    // A former version does, and a removed entry.
    let direct = ["import", "www", "pkcs12/www-direct.p12", "--pass-in", "pass:changeit", "--replace"];
    assert_eq!(shop.run(direct).code, 0);
    assert_eq!(unused(&[], stays), 0);
    assert_eq!(shop.run(["undo", "www"]).code, 0);
    assert_eq!(shop.run(["rm", "www", "--yes"]).code, 0);
    assert_eq!(unused(&[], stays), 0);
    assert_eq!(shop.run(["prune", "www"]).code, 0);

    assert_eq!(unused(&["--dry-run"], with_root), 1);
    assert_eq!(shop.run(["ca", "show", "www_intermediate"]).code, 0, "a dry run removes nothing");
    let run = shop.run(["ca", "rm", "--unused"]);
    let said = "removed 1 chain certificate\n  www_intermediate\nto bring one back: strongroom --store ";
    assert!(run.code == 0 && run.out.starts_with(said), "{}{}", run.out, run.err);
    assert!(run.out.contains("which somebody imported: root, stranger\n"), "{}", run.out);
    assert_eq!(shop.run(["ca", "show", "www_intermediate"]).code, 3);
    assert_eq!(unused(&[], with_root), 0);
    assert_eq!(shop.run(["undo", "www_intermediate"]).code, 0);
    assert_eq!(unused(&["--dry-run"], with_root), 1, "it is a chain certificate still");
    assert_eq!(shop.run(["verify-store"]).code, 0);
    // Either one is named, or all that nobody needs are meant.
    for call in [&["ca", "rm"][..], &["ca", "rm", "root", "--unused"], &["ca", "rm", "--unused", "--force"]] {
        assert_eq!(shop.run(call).code, 2, "{call:?}");
    }
}
