//! What tells an import of many which files belong together: a manifest, and keystores of Java.

use super::*;

#[test]
fn a_manifest_gives_each_its_alias_and_password() {
    if !has_openssl() {
        return;
    }
    let desk = Desk::new();
    desk.p12("in/one.p12", "a.test", None, 1);
    let (certificate, key) = desk.issue("b.test");
    fs::write(desk.path("in/b.crt"), certificate).unwrap();
    fs::write(desk.path("in/b.key"), key).unwrap();
    fs::write(desk.path("in/p.txt"), PASSWORD).unwrap();
    let write = |text: &str| fs::write(desk.path("in/list.toml"), text).unwrap();
    let good = "[[entry]]\nalias = \"Shop\"\nfiles = [\"one.p12\"]\npass_in = \"file:p.txt\"\n\n[[entry]]\nalias = \"api\"\nfiles = [\"b.crt\", \"b.key\"]\n";
    write(good);
    let result = fine(&desk.run(&["import", "--all", "--manifest", "in/list.toml"]));
    assert_eq!(each(&result, "alias"), ["Shop", "api"]);
    assert_eq!(result["entries"][1]["sources"][1]["file"], "in/b.key");
    assert_eq!(
        fine(&desk.run(&["import", "--all", "--manifest", "in/list.toml"]))["counts"]["already_present"],
        2
    );

    // An alias that was given is not made another one.
    desk.p12("in/one.p12", "a.test", None, 1);
    let taken = desk.run(&["import", "--all", "--manifest", "in/list.toml"]);
    assert_eq!(taken.code, 4);
    assert_eq!(taken.json()["result"]["entries"][0]["error"]["code"], "alias_taken");
    let renewed = fine(&desk.run(&["import", "--all", "--manifest", "in/list.toml", "--replace"]));
    assert_eq!(each(&renewed, "outcome"), ["replaced", "already_present"]);

    for (text, said) in [
        ("", "in/list.toml: it names no entry"),
        (
            "[[entry]]\nalias = \"a b\"\nfiles = [\"x\"]\n",
            "in/list.toml, line 1: the alias has the character ' '",
        ),
        ("[[entry]]\nalias = \"a\"\nfiles = []\n", "in/list.toml, line 1: \"a\" has no files"),
        (
            "[[entry]]\nalias = \"a\"\nfiles = [\"x\"]\n[[entry]]\nalias = \"A\"\nfiles = [\"y\"]\n",
            "in/list.toml, line 4: the alias \"A\" stands in line 1 already",
        ),
        (
            "[[entry]]\nalias = \"a\"\nfiles = [\"x\"]\npassword = \"y\"\n",
            "in/list.toml, line 4: unknown field",
        ),
        (
            "[[entry]]\nalias = \"a\"\nfiles = [\"x\"]\nallow = [\"weak_key\"]\n",
            "in/list.toml, line 1: weak_key cannot be allowed",
        ),
    ] {
        write(text);
        let run = desk.run(&["import", "--all", "--manifest", "in/list.toml"]);
        refused(&run, 2, "invalid_manifest");
        let message = run.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.starts_with(said), "{message}");
    }
}

/// Runs keytool in a folder; `None` where there is none.
fn keytool(folder: &Path, arguments: &str) -> Option<()> {
    let mut command = Command::new("keytool");
    let Ok(output) = command.args(arguments.split(' ')).current_dir(folder).stdin(Stdio::null()).output()
    else {
        eprintln!("skipped: keytool is not installed");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    Some(())
}

#[test]
fn every_entry_of_a_keystore_of_java_is_imported() {
    for kind in ["JKS", "PKCS12"] {
        let desk = Desk::new();
        for alias in ["alpha", "beta", "gamma"] {
            let pair = format!(
                "-genkeypair -keyalg EC -groupname secp256r1 -validity 300 -ext san=dns:{alias}.test -ext ku=digitalSignature -ext eku=serverAuth -alias {alias} -dname CN={alias} -keystore store -storetype {kind} -storepass {PASSWORD} -keypass {PASSWORD}"
            );
            if keytool(desk.shop.folder.path(), &pair).is_none() {
                return;
            }
        }
        let run = desk.import(&["store"]);
        let result = fine(&run);
        // A JKS has them in an order of its own.
        let mut files = each(&result, "file");
        files.sort();
        assert_eq!(files, ["store: alpha", "store: beta", "store: gamma"], "{kind}");
        assert_eq!(desk.aliases(), ["alpha", "beta", "gamma"], "{kind}");
        let parts = &result["entries"][1]["sources"][0]["parts"];
        assert_eq!(parts.as_array().unwrap().len(), 2, "{kind}: its key and its certificate: {parts}");
        assert_eq!(fine(&desk.import(&["store"]))["counts"]["already_present"], 3, "{kind}");
        // An alias that a person gives stands for one.
        fs::write(desk.path("list.toml"), "[[entry]]\nalias = \"one\"\nfiles = [\"store\"]\n").unwrap();
        let several = desk.import(&["--manifest", "list.toml"]);
        assert_eq!(several.json()["result"]["entries"][0]["error"]["code"], "several_entries", "{kind}");
    }
}
