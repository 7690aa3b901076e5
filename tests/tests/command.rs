//! The command as scripts see it: exit codes, JSON, and a store that a refusal leaves alone.

use strongroom_tests::{command::Shop, manifest};

/// Runs a command that must fail; its exit code and error code are as given, and nothing has changed.
#[track_caller]
fn refused(shop: &Shop, arguments: &[&str], code: i32, error: &str) -> String {
    let before = (shop.json(["ls"]).out, shop.database());
    let run = shop.json(arguments.iter().copied());
    assert_eq!((run.code, run.error_code().as_str()), (code, error), "{arguments:?}: {}", run.out);
    assert!(before == (shop.json(["ls"]).out, shop.database()), "{arguments:?} changed the store");
    run.out
}

#[test]
fn import_follows_the_main_job_from_refusal_to_refusal() {
    let shop = Shop::open();
    let www = ["import", "www", "pkcs12/www.p12", "--pass-in", "pass:changeit"];

    let missing = refused(&shop, &www, 7, "no_anchor");
    assert!(missing.contains("CN=Strongroom Fixture Root R1, O=Strongroom Fixtures"), "{missing}");
    shop.import_root();

    let first = shop.json(www);
    assert_eq!(first.code, 0, "{}", first.out);
    let result = &first.json()["result"];
    assert_eq!(result["outcome"], "imported");
    assert_eq!(result["imported"], serde_json::json!(["www", "www_intermediate"]));
    let roles: Vec<&str> =
        result["chain"].as_array().unwrap().iter().map(|link| link["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["leaf", "intermediate", "anchor"]);

    let again = shop.json(www);
    assert_eq!((again.code, &again.json()["result"]["outcome"]), (0, &"already_present".into()));
    refused(
        &shop,
        &["import", "WWW", "pkcs12/www-direct.p12", "--pass-in", "pass:changeit"],
        4,
        "alias_taken",
    );
    let wrong =
        refused(&shop, &["import", "x", "pkcs12/www.p12", "--pass-in", "pass:changeIt"], 5, "wrong_password");
    assert!(wrong.contains("wrong password") && !wrong.contains("changeIt"), "{wrong}");
    let pem =
        refused(&shop, &["import", "x", "chains/root-rsa.pem", "--pass-in", "none"], 6, "no_private_key");
    assert!(pem.contains("the file contains no private key"), "{pem}");
    let text = refused(&shop, &["import", "x", "manifest.toml", "--pass-in", "none"], 6, "not_pkcs12");
    assert!(text.contains("this is plain text, not a PKCS #12 file"), "{text}");
    refused(&shop, &["import", "x", "no-such-file.p12", "--pass-in", "none"], 3, "file_not_found");
    refused(&shop, &["import", "x", "pkcs12/www.p12"], 5, "password_missing");
    refused(&shop, &["show", "nobody"], 3, "not_found");
    refused(&shop, &["rm", "nobody"], 3, "not_found");
}

#[test]
fn replace_keeps_the_alias_and_counts_a_version() {
    let shop = Shop::open();
    shop.import_root();
    assert_eq!(shop.run(["import", "www", "pkcs12/www.p12", "--pass-in", "pass:changeit"]).code, 0);
    let replaced =
        shop.json(["import", "WWW", "pkcs12/www-direct.p12", "--pass-in", "pass:changeit", "--replace"]);
    assert_eq!(replaced.json()["result"]["outcome"], "replaced", "{}", replaced.out);
    assert_eq!(replaced.json()["result"]["alias"], "www");
    let shown = shop.json(["show", "www"]).json();
    assert_eq!(
        (&shown["result"]["version"], &shown["result"]["names"][0]),
        (&2.into(), &"shop.fixture.test".into())
    );
}

#[test]
fn chain_is_stored_only_when_asked_for() {
    let shop = Shop::open();
    shop.import_root();
    let without = [
        "import",
        "www",
        "pkcs12/www.p12",
        "--pass-in",
        "pass:changeit",
        "--import-certificate-chain",
        "false",
    ];
    let missing = refused(&shop, &without, 7, "no_anchor");
    assert!(missing.contains("CN=Strongroom Fixture Intermediate R2"), "{missing}");
    assert!(missing.contains("the file embeds that CA; to see and import it as well: "), "{missing}");
    assert_eq!(shop.run(["ca", "import", "issuing", "chains/intermediate-rsa.pem"]).code, 0);
    let imported = shop.json(without).json();
    assert_eq!(imported["result"]["imported"], serde_json::json!(["www"]));
    assert_eq!(imported["result"]["chain"].as_array().unwrap().len(), 3);
    assert_eq!(imported["warnings"], serde_json::json!([]));
}

#[test]
fn overridable_findings_are_allowed_by_name_and_recorded() {
    let shop = Shop::open();
    let www = ["import", "www", "pkcs12/www.p12", "--pass-in", "pass:changeit", "--allow", "no_anchor"];
    let run = shop.json(www).json();
    assert_eq!(
        (&run["result"]["outcome"], &run["warnings"][0]["code"]),
        (&"imported".into(), &"no_anchor".into())
    );
    let shown = shop.json(["show", "www"]).json();
    assert_eq!(shown["result"]["allowed"], serde_json::json!(["no_anchor"]));
    assert_eq!(shown["result"]["chain_state"], "no_anchor");
    let usage = shop.run(["import", "x", "pkcs12/www.p12", "--allow", "bad_signature"]);
    assert_eq!(usage.code, 2);
    assert!(usage.err.contains("bad_signature cannot be allowed"), "{}", usage.err);
}

#[test]
fn removing_an_authority_shows_in_the_chain_of_its_entries() {
    let shop = Shop::open();
    shop.import_root();
    assert_eq!(shop.run(["import", "www", "pkcs12/www.p12", "--pass-in", "pass:changeit"]).code, 0);
    let state = |shop: &Shop| shop.json(["show", "www"]).json()["result"]["chain_state"].clone();
    assert_eq!(state(&shop), "complete");
    let needed = refused(&shop, &["rm", "ROOT"], 4, "in_use");
    assert!(needed.contains("in the chain of 1 entry: www"), "{needed}");
    refused(&shop, &["rm", "ROOT", "--yes"], 4, "in_use");
    assert_eq!(shop.run(["rm", "ROOT", "--force"]).code, 0);
    assert_eq!(state(&shop), "no_anchor");
}

#[test]
fn without_a_store_the_way_to_make_one_is_told() {
    let shop = Shop::empty();
    let run = shop.json(["import", "www", "pkcs12/www.p12", "--pass-in", "pass:changeit"]);
    assert_eq!((run.code, run.error_code().as_str()), (3, "store_missing"));
    assert!(run.json()["error"]["help"].as_str().unwrap().ends_with("init"), "{}", run.out);
    assert_eq!(shop.content(), [], "nothing was made");
}

#[test]
fn a_variable_for_the_unlock_key_that_is_not_set_gets_advice_about_the_unlock_key() {
    let shop = Shop::open();
    let run = shop.json(["--unlock", "env:STRONGROOM_TESTS_NOT_SET", "ls"]);
    assert_eq!((run.code, run.error_code().as_str()), (5, "password_missing"));
    let help = run.json()["error"]["help"].as_str().unwrap().to_owned();
    assert_eq!(help, "give it the unlock key, or name what else opens the store");
}

#[test]
fn init_makes_private_files_and_never_overwrites() {
    let shop = Shop::open();
    let before = shop.content();
    let run = shop.json(["init"]);
    assert_eq!((run.code, run.error_code().as_str()), (4, "store_exists"));
    assert_eq!(before, shop.content());
    #[cfg(unix)]
    for (path, _) in before {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
    }
}

#[cfg(unix)]
#[test]
fn wide_modes_are_refused_with_the_command_that_repairs_them() {
    use std::{fs, os::unix::fs::PermissionsExt as _};
    let shop = Shop::open();
    for name in ["keystore.db", "keystore.key"] {
        let path = shop.folder.path().join(name);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let run = shop.json(["ls"]);
        assert_eq!((run.code, run.error_code().as_str()), (8, "store_permission"), "{}", run.out);
        assert_eq!(run.json()["error"]["help"], format!("chmod 0600 {}", path.display()));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    assert_eq!(shop.run(["ls"]).code, 0);
}

#[test]
fn another_key_file_does_not_open_the_store() {
    let (shop, other) = (Shop::open(), Shop::open());
    let key = other.folder.path().join("keystore.key");
    let run = shop.json(["ls", "--key-file", key.to_str().unwrap()]);
    assert_eq!((run.code, run.error_code().as_str()), (5, "key_of_another_store"));
}

#[test]
fn every_password_source_opens_the_same_file() {
    use std::{io::Write as _, process::Stdio};
    let password = "p@ss wörd&+%!#";
    let row = manifest::load()
        .fixture
        .into_iter()
        .find(|row| row.password == password && row.expect == "ok" && row.producer == "openssl")
        .expect("a fixture with that password");
    let shop = Shop::open();
    let folder = shop.folder.path();
    std::fs::write(folder.join("password"), format!("{password}\r\n")).unwrap();
    let file_source = format!("file:{}", folder.join("password").display());
    let text_source = format!("pass:{password}");
    for source in [file_source.as_str(), text_source.as_str(), "env:SECRET", "cred:password", "stdin", "fd:0"]
    {
        let mut command = shop.command(["--json", "inspect", &row.file, "--pass-in", source]);
        command.env("SECRET", password).env("CREDENTIALS_DIRECTORY", folder);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let _ = child.stdin.take().unwrap().write_all(format!("{password}\n").as_bytes());
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{source}: {}", String::from_utf8_lossy(&output.stdout));
    }
    let twice = shop.json(["inspect", &row.file, "--pass-in", &format!("pass:{password}\n")]);
    assert_eq!((twice.code, twice.error_code().as_str()), (5, "wrong_password"));
}

#[test]
fn a_mistyped_password_source_is_not_repeated() {
    let shop = Shop::open();
    for arguments in [
        &["import", "www", "x", "--pass-in", "hunter2"][..],
        &["--json", "user", "add", "a", "--pass-in", "hunter2"],
    ] {
        let run = shop.run(arguments);
        assert_eq!(run.code, 2);
        assert!(!run.err.contains("hunter2") && !run.out.contains("hunter2"), "{}{}", run.out, run.err);
        assert!(run.err.contains("--pass-in") || run.out.contains("--pass-in"), "{}{}", run.out, run.err);
    }
}

#[test]
fn inspect_shows_people_the_attributes_of_bags() {
    let shop = Shop::open();
    let shown = |name: &str| {
        let file = format!("pkcs12/{name}.p12");
        shop.run(["inspect", &file, "--pass-in", "pass:changeit"]).out
    };
    let windows = shown("openssl-3.0.19.p256.pbes2-aes256-sha256.microsoft-attributes");
    assert!(
        windows.contains(
            "  Windows     Microsoft Enhanced RSA and AES Cryptographic Provider, for the store of the machine\n"
        ),
        "{windows}"
    );
    assert_eq!(windows.matches("  local id    ").count(), 2, "{windows}");
    let java = shown("keytool-17.0.15.pbes2-aes256-sha256.trust-store");
    assert_eq!(java.matches("  Java        a trusted certificate\n").count(), 2, "{java}");
}

#[test]
fn inspect_shows_algorithms_and_counts_without_a_store() {
    let shop = Shop::empty();
    let run = shop.json(["inspect", "pkcs12/www.p12", "--pass-in", "pass:changeit"]);
    let result = &run.json()["result"];
    assert_eq!((&result["format"], &result["encoding"]), (&"pkcs12".into(), &"der".into()));
    assert_eq!(
        (&result["mac"]["algorithm"], &result["mac"]["iterations"]),
        (&"HMAC-SHA-256".into(), &2048.into())
    );
    assert_eq!(result["keys"][0]["protection"][0]["algorithm"], "PBES2 PBKDF2-HMAC-SHA-256 AES-256-CBC");
    assert_eq!(result["keys"][0]["spki_sha256"], result["certificates"][0]["spki_sha256"]);
    assert_eq!(result["certificates"].as_array().unwrap().len(), 2);
    let pem = shop.json(["inspect", "chains/root-rsa.pem"]).json();
    assert_eq!(
        (&pem["result"]["format"], &pem["result"]["certificates"][0]["ca"]),
        (&"pem".into(), &true.into())
    );
    let wrong = shop.json(["inspect", "pkcs12/www.p12", "--pass-in", "pass:no"]);
    assert_eq!((wrong.code, wrong.error_code().as_str()), (5, "wrong_password"));
}

#[test]
fn users_are_added_listed_and_removed() {
    let shop = Shop::open();
    let add = |name: &str, password: &str| {
        let run: strongroom_tests::command::Run = shop
            .command(["--json", "user", "add", name, "--pass-in", "env:P"])
            .env("P", password)
            .output()
            .unwrap()
            .into();
        run
    };
    assert_eq!(add("siteadmin", "p@ss wörd&+%!#").code, 0);
    let second = add("SiteAdmin", "another password");
    assert_eq!((second.code, second.error_code().as_str()), (4, "user_exists"));
    let short = add("other", "seven77");
    assert_eq!((short.code, short.error_code().as_str()), (2, "invalid_user"));
    assert_eq!(shop.json(["user", "ls"]).json()["result"]["users"][0]["name"], "siteadmin");
    assert_eq!(shop.json(["user", "rm", "SITEADMIN"]).code, 0);
    let gone = shop.json(["user", "rm", "siteadmin"]);
    assert_eq!((gone.code, gone.error_code().as_str()), (3, "user_not_found"));
}

#[test]
fn a_listing_of_several_pages_is_one_object_and_one_table() {
    use strongroom::{Keystore, UnlockKey};
    use strongroom_tests::authority::{now, root};
    let shop = Shop::open();
    let unlock = UnlockKey::read_file(&shop.folder.path().join("keystore.key")).unwrap();
    let keystore = Keystore::open(shop.store(), &unlock).unwrap();
    let ca = root("One CA");
    for n in 0..1003 {
        keystore.import_authority(&format!("ca-{n:04}").parse().unwrap(), ca.file(), now()).unwrap();
    }
    for arguments in [&["ls"][..], &["ca", "ls"]] {
        let json = shop.json(arguments.iter().copied()).json();
        let entries = json["result"]["entries"].as_array().unwrap();
        let aliases: Vec<&str> = entries.iter().map(|entry| entry["alias"].as_str().unwrap()).collect();
        assert_eq!((aliases.len(), aliases[0], aliases[1002]), (1003, "ca-0000", "ca-1002"));
        assert_eq!(json["warnings"], serde_json::json!([]));
        let text = shop.run(arguments).out;
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!((lines.len(), lines[0].split_whitespace().next()), (1004, Some("ALIAS")));
        let column = lines[0].find("KIND").unwrap();
        assert!(lines[1..].iter().all(|line| line[column..].starts_with("ca anchor")), "{}", lines[1003]);
    }
}
