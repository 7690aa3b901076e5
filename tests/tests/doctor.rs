//! `doctor`: each finding from a store that has it, each command that it names run as it stands.
#![cfg(unix)]

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command, time::Duration as Time};

use rcgen::{CertificateParams, KeyPair};
use serde_json::Value;
use strongroom::{
    Keystore, UnixTime, UnlockKey,
    certificate::{Fingerprint, ServerCredential},
    issuance::CertificateTemplate,
    keystore::{CredentialRequest, RequestOptions, ServedEntry, ServerFile, ServerReport},
    secret::PrivateKey,
};
use strongroom_tests::{
    armour::has_openssl,
    command::{Run, Shop, binary, fine},
    dated::{self, ca, import, import_ca},
};
use time::OffsetDateTime;

fn leaf(host: &str, until: i64) -> CertificateParams {
    dated::leaf(host, -300, until)
}

fn key() -> KeyPair {
    KeyPair::generate().unwrap()
}

/// What doctor finds.
fn findings(run: &Run, code: i32) -> Vec<Value> {
    assert_eq!(run.code, code, "{}{}", run.out, run.err);
    run.json()["result"]["findings"].as_array().unwrap().clone()
}

/// The findings of a code: severity and aliases of each.
fn of(found: &[Value], code: &str) -> Vec<(String, String)> {
    let of_code = found.iter().filter(|finding| finding["code"] == code);
    let text = |finding: &Value| {
        let aliases: Vec<&str> =
            finding["aliases"].as_array().unwrap().iter().map(|alias| alias.as_str().unwrap()).collect();
        (finding["severity"].as_str().unwrap().to_owned(), aliases.join(" "))
    };
    of_code.map(text).collect()
}

fn one(severity: &str, aliases: &str) -> Vec<(String, String)> {
    vec![(severity.to_owned(), aliases.to_owned())]
}

/// The command that a finding names.
fn help<'f>(found: &'f [Value], code: &str) -> &'f str {
    let finding = found.iter().find(|finding| finding["code"] == code);
    finding.unwrap_or_else(|| panic!("no {code}"))["help"].as_str().unwrap()
}

/// Runs a command as it was printed, in the folder of the store.
fn paste(shop: &Shop, line: &str) -> Run {
    let path = format!("{}:/usr/bin:/bin", binary().parent().unwrap().display());
    let mut shell = Command::new("/bin/sh");
    shell.env_clear().env("PATH", path).current_dir(shop.folder.path()).args(["-c", line]);
    shell.output().unwrap().into()
}

fn pasted(shop: &Shop, line: &str) {
    let run = paste(shop, line);
    assert_eq!(run.code, 0, "{line}: {}", run.err);
}

fn keystore(shop: &Shop) -> Keystore {
    let unlock = UnlockKey::read_file(&shop.folder.path().join("keystore.key")).unwrap();
    Keystore::open(shop.store(), &unlock).unwrap()
}

fn days_ago(days: u64) -> UnixTime {
    let now = u64::try_from(OffsetDateTime::now_utc().unix_timestamp()).unwrap();
    UnixTime::since_unix_epoch(Time::from_secs(now - days * 86_400))
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_ends_and_what_clients_refuse_is_found_and_its_commands_work() {
    let shop = Shop::open();
    let (root, gone) = (ca("Root", None, 3000), ca("Gone", None, 3000));
    let issuing = ca("Issuing", Some(&root), 60);
    let ending = ca("Ending", None, 20);
    for (alias, ca) in [("root", &root), ("issuing", &issuing), ("gone", &gone), ("ending", &ending)] {
        import_ca(&shop, alias, ca);
    }
    import_ca(&shop, "idle", &ca("Idle", None, 3000));
    import(&shop, "fine", &root, &leaf("fine.test", 300), &key(), &[]);
    import(&shop, "soon", &root, &leaf("soon.test", 9), &key(), &[]);
    import(&shop, "old", &root, &leaf("old.test", -4), &key(), &["--allow", "expired"]);
    import(&shop, "long-a", &issuing, &leaf("long-a.test", 300), &key(), &[]);
    import(&shop, "long-b", &issuing, &leaf("long-b.test", 300), &key(), &[]);
    import(&shop, "low", &ending, &leaf("low.test", 15), &key(), &[]);
    import(&shop, "lost", &gone, &leaf("lost.test", 300), &key(), &[]);
    let stranger = ca("Stranger", None, 3000);
    import(&shop, "known", &stranger, &leaf("known.test", 300), &key(), &["--allow", "no_anchor"]);
    let mut bare = leaf("bare.test", 300);
    bare.use_authority_key_identifier_extension = false;
    import(&shop, "bare", &root, &bare, &key(), &[]);
    fine(&shop.json(["rm", "gone", "--force", "--yes"]));
    fine(&shop.json(["generate", "own", "--name", "own.test", "--days", "400"]));

    let found = findings(&shop.json(["doctor"]), 7);
    assert_eq!(of(&found, "expired"), one("error", "old"));
    let soon: Vec<String> = of(&found, "expires_soon").into_iter().map(|(_, alias)| alias).collect();
    assert_eq!(soon, ["low", "soon"]);
    assert_eq!(of(&found, "intermediate_expires_first"), one("warning", "long-a long-b"));
    assert_eq!(of(&found, "anchor_expires_soon"), one("warning", "low"));
    let incomplete = of(&found, "chain_incomplete");
    assert_eq!(incomplete, [one("error", "lost"), one("warning", "known")].concat());
    assert_eq!(of(&found, "missing_aki"), one("warning", "bare"));
    assert_eq!(of(&found, "self_signed"), one("note", "own"));
    assert_eq!(of(&found, "unused_authority"), one("note", "idle"));
    assert_eq!(of(&found, "name_shared"), []);
    assert_eq!(of(&found, "key_reused"), []);
    // The gravest stands first, and nothing is said of what is sound.
    assert_eq!(found[0]["severity"], "error");
    assert!(found.iter().all(|finding| !finding["aliases"].to_string().contains("\"fine\"")));

    // A sound answer of `chain` has another exit where the chain is broken: it is the command that was named.
    for code in ["expired", "expires_soon", "unused_authority"] {
        pasted(&shop, help(&found, code));
    }
    assert!(shop.folder.path().join("old.csr").exists());
    let shown = paste(&shop, help(&found, "chain_incomplete"));
    assert!(shown.out.contains("CN=Gone") || shown.err.contains("CN=Gone"), "{}{}", shown.out, shown.err);
    // What is under way already is shown, and not asked for twice.
    let found = findings(&shop.json(["doctor"]), 7);
    assert_eq!(of(&found, "unused_authority"), []);
    assert!(help(&found, "expired").ends_with(" csr show old"), "{}", help(&found, "expired"));
    pasted(&shop, help(&found, "expired"));
    // The new CA certificates, as the help has it.
    let renewed = ca("Ending", None, 900);
    let file = shop.folder.path().join("renewed.ca");
    fs::write(&file, renewed.file()).unwrap();
    let line = help(&found, "anchor_expires_soon").replace("ALIAS FILE", "ending-2 renewed.ca");
    pasted(&shop, &line);

    let text = shop.run(["doctor"]);
    assert!(text.out.contains("\nwarning[expires_soon] soon: its certificate ends on "), "{}", text.out);
    assert!(text.out.contains("\n  help: strongroom --store "), "{}", text.out);
}

#[test]
fn a_renewed_self_signed_certificate_is_generated_as_the_help_says() {
    let shop = Shop::open();
    let mut params = leaf("own.test", 5);
    params.subject_alt_names.push(rcgen::SanType::IpAddress("10.0.0.1".parse().unwrap()));
    let key = key();
    let own = params.self_signed(&key).unwrap();
    let file = shop.folder.path().join("own.pem");
    fs::write(&file, own.pem() + &key.serialize_pem()).unwrap();
    fine(&shop.json(["import", "own", file.to_str().unwrap()]));
    let found = findings(&shop.json(["doctor"]), 0);
    let line = help(&found, "expires_soon");
    assert!(line.ends_with(" generate own --name own.test --name 10.0.0.1 --replace"), "{line}");
    pasted(&shop, line);
    assert_eq!(of(&findings(&shop.json(["doctor"]), 0), "expires_soon"), []);
}

#[test]
fn names_and_keys_of_several_entries_are_found_until_one_is_bound() {
    let shop = Shop::open();
    let root = ca("Root", None, 3000);
    import_ca(&shop, "root", &root);
    import(&shop, "a", &root, &leaf("x.test", 300), &key(), &[]);
    import(&shop, "b", &root, &leaf("X.test", 200), &key(), &[]);
    import(&shop, "stays", &root, &leaf("y.test", 300), &key(), &[]);
    import(&shop, "ended", &root, &leaf("y.test", -2), &key(), &["--allow", "expired"]);
    import(&shop, "w1", &root, &leaf("*.w.test", 300), &key(), &[]);
    import(&shop, "w2", &root, &leaf("*.w.test", 300), &key(), &[]);
    let same = key();
    import(&shop, "k1", &root, &leaf("k1.test", 300), &same, &[]);
    import(&shop, "k2", &root, &leaf("k2.test", 300), &same, &[]);
    let file = shop.folder.path().join("a.pem");
    fine(&shop.json(["import", "twin", file.to_str().unwrap()]));

    let found = findings(&shop.json(["doctor"]), 7);
    let mut named: Vec<String> = of(&found, "name_shared").into_iter().map(|(_, aliases)| aliases).collect();
    named.sort();
    assert_eq!(named, ["a b twin", "ended stays", "w1 w2"]);
    let mut keys: Vec<String> = of(&found, "key_reused").into_iter().map(|(_, aliases)| aliases).collect();
    keys.sort();
    assert_eq!(keys, ["a twin", "k1 k2"]);
    for finding in
        found.iter().filter(|finding| finding["code"] == "key_reused" || finding["code"] == "name_shared")
    {
        pasted(&shop, finding["help"].as_str().unwrap());
    }
    let found = findings(&shop.json(["doctor"]), 0);
    // The wildcard was compared alone: no host can be bound for it.
    assert_eq!(of(&found, "name_shared"), one("warning", "w1 w2"));
    assert_eq!(of(&found, "key_reused"), one("warning", "k1 k2"));
    assert!(help(&found, "key_reused").ends_with(" csr show k2"));
}

#[test]
fn a_store_is_opened_once_nobody_else_can_reach_its_files() {
    let shop = Shop::open();
    let (key, backup) = (shop.folder.path().join("keystore.key"), shop.folder.path().join("b.db"));
    fine(&shop.json(["backup", backup.to_str().unwrap()]));
    for path in [&key, &backup, &shop.store()] {
        set_mode(path, 0o644);
    }
    let found = findings(&shop.json(["doctor"]), 7);
    let said = of(&found, "permissions");
    assert_eq!(said.iter().map(|(severity, _)| severity.as_str()).collect::<Vec<_>>(), ["error", "warning"]);
    assert_eq!(of(&found, "slot_alone"), [], "it was not opened");
    assert_eq!(
        [&key, &backup, &shop.store()].map(|path| mode(path)),
        [0o644; 3],
        "nothing was asked to be mended"
    );
    pasted(&shop, help(&found, "permissions"));

    let fixed = shop.json(["doctor", "--fix"]);
    let found = findings(&fixed, 0);
    assert_eq!(of(&found, "permissions"), []);
    assert_eq!(of(&found, "slot_alone"), one("note", ""));
    assert_eq!(fixed.json()["result"]["fixed"].as_array().unwrap().len(), 2);
    assert_eq!([&key, &backup, &shop.store()].map(|path| mode(path)), [0o600; 3]);
    // What a link leads to is not touched.
    let elsewhere = shop.folder.path().join("elsewhere");
    fs::rename(&key, &elsewhere).unwrap();
    set_mode(&elsewhere, 0o644);
    std::os::unix::fs::symlink(&elsewhere, &key).unwrap();
    assert_eq!(shop.json(["doctor", "--fix"]).code, 8);
    assert_eq!(mode(&elsewhere), 0o644);
}

#[test]
fn backups_requests_slots_and_the_guard_are_looked_after() {
    let shop = Shop::open();
    let old = shop.folder.path().join("old.db");
    keystore(&shop).backup(&old, days_ago(31)).unwrap();
    fine(&shop.json(["csr", "new", "--name", "new.test"]));
    let template = CertificateTemplate::new(vec!["late.test".parse().unwrap()]);
    let requested = RequestOptions::new(days_ago(31));
    keystore(&shop).request(&"late".parse().unwrap(), &template, requested).unwrap();
    let found = findings(&shop.json(["doctor"]), 0);
    assert_eq!(of(&found, "no_backup"), one("warning", ""));
    assert_eq!(of(&found, "pending_request_old"), one("warning", "late"));
    pasted(&shop, help(&found, "pending_request_old"));
    assert_eq!(of(&found, "key_file_beside_backup"), one("warning", ""));
    let elsewhere = tempfile::tempdir().unwrap();
    let here = |line: &str| line.replace("/path/to/another/disk", elsewhere.path().to_str().unwrap());
    pasted(&shop, &here(help(&found, "key_file_beside_backup")));
    pasted(&shop, help(&found, "no_backup"));
    // It asks for a passphrase on a terminal.
    let line = help(&found, "slot_alone");
    assert!(line.ends_with(" slot add prompt --label rescue"), "{line}");
    let source = shop.folder.path().join("second.key");
    pasted(&shop, &line.replace("prompt", &format!("file:{}", source.display())));
    let line = here(help(&found, "no_rollback_guard"));
    pasted(&shop, &line);
    let guard = elsewhere.path().join("keystore.guard");
    let found = findings(&shop.json(["--rollback-guard", guard.to_str().unwrap(), "doctor"]), 0);
    for code in ["no_backup", "slot_alone", "no_rollback_guard"] {
        assert_eq!(of(&found, code), [], "{code}");
    }
    // The new backup stands beside the key file: it was made there.
    assert_eq!(of(&found, "key_file_beside_backup"), one("warning", ""));
}

#[test]
fn servers_that_lag_behind_are_found_and_what_others_left_is_removed() {
    let shop = Shop::open();
    let file = shop.folder.path().join("pw");
    fs::write(&file, "changeit").unwrap();
    shop.import_root();
    fine(&shop.json(["ca", "import", "issuing", "chains/intermediate-rsa.pem"]));
    fine(&shop.json(["import", "www", "pkcs12/www.p12", "--pass-in", &format!("file:{}", file.display())]));
    let mut report = ServerReport::of_this_process("shop", UnixTime::since_unix_epoch(Time::from_secs(1)));
    report.refused = vec![("www".parse().unwrap(), "its key is damaged".to_owned())];
    report.failure = Some("no such file".to_owned());
    report.served = vec![ServedEntry::new("www".parse().unwrap(), 7, Fingerprint::of(b""))];
    let server = ServerFile::create(&shop.store(), &report).unwrap();
    let folder = shop.folder.path().join("keystore.db.servers");
    let left = folder.join("99-0");
    fs::write(&left, "strongroom-server 1\npid 99\nend 0\n").unwrap();
    set_mode(&left, 0o600);
    let found = findings(&shop.json(["doctor"]), 7);
    assert_eq!(of(&found, "server_cannot_read"), one("error", ""));
    // The change is a moment old: the server may still come to it.
    assert_eq!(of(&found, "not_served"), one("error", "www"));
    assert_eq!(of(&found, "stale_server_file"), one("note", ""));
    assert_eq!(of(&found, "no_default"), one("note", ""));
    pasted(&shop, help(&found, "not_served"));
    assert!(left.exists());
    // Its exit is that of the other findings.
    assert_eq!(paste(&shop, help(&found, "stale_server_file")).code, 7);
    assert!(!left.exists());
    drop(server);
    let found = findings(&shop.json(["doctor"]), 0);
    assert_eq!(of(&found, "stale_server_file"), []);
}

#[test]
fn a_server_that_serves_a_former_version_a_minute_after_the_change_is_found() {
    let shop = Shop::empty();
    let unlock = UnlockKey::generate().unwrap();
    unlock.create_file(&shop.folder.path().join("keystore.key")).unwrap();
    let made = Keystore::create(shop.store(), &unlock, days_ago(2)).unwrap();
    let (root, key) = (ca("Root", None, 3000), key());
    made.import_authority(&"root".parse().unwrap(), root.file(), days_ago(2)).unwrap();
    let leaf = root.issue_leaf_for(&leaf("www.test", 300), &key);
    let credential =
        ServerCredential::pair(PrivateKey::from_pkcs8_der(key.serialize_der()), vec![leaf.clone()]).unwrap();
    let request = CredentialRequest::new("www".parse().unwrap(), credential, days_ago(1));
    made.import_credential(request).unwrap();
    let mut report = ServerReport::of_this_process("shop", UnixTime::since_unix_epoch(Time::from_secs(1)));
    let served = |version| vec![ServedEntry::new("www".parse().unwrap(), version, leaf.fingerprint())];
    report.served = served(7);
    let mut server = ServerFile::create(&shop.store(), &report).unwrap();
    let found = findings(&shop.json(["doctor"]), 0);
    assert_eq!(of(&found, "not_served"), one("warning", "www"));
    pasted(&shop, help(&found, "not_served"));
    // It has seen the last change, or serves what that left as it was.
    report.served = served(1);
    server.write(&report).unwrap();
    assert_eq!(of(&findings(&shop.json(["doctor"]), 0), "not_served"), []);
}

#[test]
fn a_web_server_whose_entry_is_gone_is_told_how_it_comes_back() {
    let shop = Shop::open();
    let root = ca("Root", None, 3000);
    import_ca(&shop, "root", &root);
    for alias in ["www", "other"] {
        import(&shop, alias, &root, &leaf(&format!("{alias}.test"), 300), &key(), &[]);
    }
    fine(&shop.json(["web-server", "--alias", "www"]));
    assert_eq!(of(&findings(&shop.json(["doctor"]), 0), "no_default"), []);
    fine(&shop.json(["rm", "www", "--force"]));
    let found = findings(&shop.json(["doctor"]), 7);
    assert_eq!(of(&found, "no_default"), one("error", "www"));
    assert!(help(&found, "no_default").ends_with(" undo www"), "{}", help(&found, "no_default"));
    pasted(&shop, help(&found, "no_default"));
    assert_eq!(of(&findings(&shop.json(["doctor"]), 0), "no_default"), []);
    fine(&shop.json(["rm", "www", "--force"]));
    fine(&shop.json(["prune", "www", "--yes"]));
    let found = findings(&shop.json(["doctor"]), 7);
    let line = help(&found, "no_default");
    pasted(&shop, &line.replace("ALIAS", "other"));
    assert_eq!(of(&findings(&shop.json(["doctor"]), 0), "no_default"), []);
}

#[test]
fn a_key_file_of_any_slot_that_others_can_read_is_found_and_closed() {
    let shop = Shop::open();
    let second = shop.folder.path().join("second.key");
    fine(&shop.json(["slot", "add", &format!("file:{}", second.display())]));
    assert_eq!(of(&findings(&shop.json(["doctor"]), 0), "permissions"), []);
    set_mode(&second, 0o640);
    let found = findings(&shop.json(["doctor"]), 7);
    assert_eq!(of(&found, "permissions"), one("error", ""));
    let run = shop.run(["doctor"]);
    let said = format!("the key file of slot 1 {} has the mode 0640: others can read it", second.display());
    assert!(run.out.contains(&said), "{}", run.out);
    let mended = shop.json(["doctor", "--fix"]);
    assert_eq!(of(&findings(&mended, 0), "permissions"), []);
    let mode = fs::metadata(&second).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    // The command that is named does the same.
    set_mode(&second, 0o644);
    pasted(&shop, help(&findings(&shop.json(["doctor"]), 7), "permissions"));
    assert_eq!(of(&findings(&shop.json(["doctor"]), 0), "permissions"), []);
}

#[test]
fn an_authority_with_a_short_key_is_found() {
    if !has_openssl() {
        eprintln!("skipped: there is no openssl");
        return;
    }
    let shop = Shop::open();
    let make = "openssl req -x509 -newkey rsa:1024 -nodes -keyout k.pem -out short.pem -days 900 -subj /CN=Short \
                -addext basicConstraints=critical,CA:TRUE 2>&1";
    pasted(&shop, make);
    let file = shop.folder.path().join("short.pem");
    assert_eq!(shop.run(["ca", "import", "short", file.to_str().unwrap()]).code, 0);
    assert_eq!(of(&findings(&shop.json(["doctor"]), 0), "weak_key"), one("warning", "short"));
}
