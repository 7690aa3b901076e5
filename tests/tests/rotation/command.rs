//! `log export`, `log rotate` and `log verify`.

use super::*;

fn in_folder(shop: &Shop, name: &str) -> String {
    shop.folder.path().join(name).display().to_string()
}

#[test]
fn the_command_exports_rotates_and_verifies() {
    let shop = Shop::open();
    shop.import_root();
    fine(&shop.json(WWW));
    let [all, cut] = ["all.jsonl", "cut.jsonl"].map(|name| in_folder(&shop, name));
    let written = fine(&shop.json(["log", "export", "-o", &all]));
    assert_eq!((&written["outcome"], &written["first_row"]), (&"written".into(), &1.into()));
    let last = written["last_row"].as_i64().unwrap();
    let rotated = fine(&shop.json(["log", "rotate", "--keep", "1", "-o", &cut]));
    assert_eq!((&rotated["outcome"], rotated["last_row"].as_i64()), (&"rotated".into(), Some(last - 1)));
    let verified = fine(&shop.json(["log", "verify", &cut, "--against-store"]));
    assert_eq!(verified["proven_rows"], rotated["last_row"]);
    assert_eq!(fine(&shop.json(["log", "verify", &all, "--against-store"]))["proven_rows"], last);
    assert_eq!(fine(&shop.json(["log", "verify", &cut]))["proven_rows"], serde_json::Value::Null);
    let said = shop.run(["log"]);
    assert!(
        said.err.contains(&format!("rows 1 to {} are not in the store any more", last - 1)),
        "{}",
        said.err
    );
    let listed = fine(&shop.json(["log"]));
    assert_eq!((&listed["log"][0]["number"], &listed["rotated_rows"]), (&last.into(), &(last - 1).into()));
    assert_eq!(shop.run(["log", "--verify"]).out, format!("the log is whole: 2 rows, from row {last} on\n"));
    assert_eq!(fine(&shop.json(["verify-store"]))["log"], 2);
    // The store goes: the file is whole by itself, in the hands of whoever has it.
    let mode =
        |path: &str| std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).unwrap().permissions());
    assert_eq!((mode(&all) & 0o777, mode(&cut) & 0o777), (0o600, 0o600));
    refused(&shop.json(["log", "rotate", "-o", &cut]), 4, "file_exists");
    refused(&shop.json(["log", "verify", "chains/root-rsa.pem"]), 6, "bad_log_segment");
    refused(&shop.json(["log", "verify", "no-such-file"]), 3, "file_not_found");
    assert_eq!(shop.run(["log", "rotate", "--keep", "100", "-o", "x"]).out, "there is no row to rotate\n");
}

/// What docs/store.md says of the file is enough to check it with.
#[test]
fn a_third_party_checks_the_chain_with_the_script_of_the_page() {
    let shop = Shop::open();
    shop.import_root();
    fine(&shop.json(WWW));
    let [file, changed, script] =
        ["log.jsonl", "changed.jsonl", "check.py"].map(|name| in_folder(&shop, name));
    let head = fine(&shop.json(["log", "export", "-o", &file]))["head"].as_str().unwrap().to_owned();
    let page = fs::read_to_string("../docs/store.md").unwrap();
    let program = page.split("```python\n").nth(1).expect("a script").split("```").next().unwrap();
    fs::write(&script, program).unwrap();
    let run = |file: &str| std::process::Command::new("python3").args([&script, file]).output();
    let Ok(checked) = run(&file) else {
        println!("SKIPPED: there is no python3 here");
        return;
    };
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    assert_eq!(String::from_utf8_lossy(&checked.stdout).trim(), head);
    fs::write(
        &changed,
        fs::read_to_string(&file).unwrap().replacen("\"alias\":\"root\"", "\"alias\":\"toor\"", 1),
    )
    .unwrap();
    assert!(!run(&changed).unwrap().status.success());
    refused(&shop.json(["log", "verify", &changed]), 6, "bad_log_segment");
}

#[test]
fn the_command_takes_the_file_where_the_guard_is_of_another_machine() {
    let shop = Shop::empty();
    let outside = tempfile::tempdir().unwrap();
    let [guard, kept] = ["guard", "kept"].map(|name| outside.path().join(name).display().to_string());
    fine(&shop.json(["--rollback-guard", &guard, "init"]));
    fs::copy(&guard, &kept).unwrap();
    let unlock = UnlockKey::read_file(&shop.folder.path().join("keystore.key")).unwrap();
    let keystore = Keystore::options(shop.store()).rollback_guard(&guard).open(&unlock).unwrap();
    rows(&keystore, 1_010);
    drop(keystore);
    let [one, two] = ["one", "two"].map(|name| in_folder(&shop, name));
    fine(&shop.json(["--rollback-guard", &guard, "log", "rotate", "-o", &one]));
    fine(&shop.json(["--rollback-guard", &guard, "log", "rotate", "-o", &two]));
    let help = refused(&shop.json(["--rollback-guard", &kept, "ls"]), 8, "log_rotated");
    assert!(help.contains("that has row 1, add: --log-segment FILE"), "{help}");
    let with =
        |file: &str, command: &str| shop.json(["--rollback-guard", &kept, "--log-segment", file, command]);
    refused(&with(&two, "ls"), 6, "bad_log_segment");
    fine(&with(&one, "ls"));
    assert_eq!(shop.run(["--log-segment", &one, "ls"]).code, 2, "it is for a guard");
}
