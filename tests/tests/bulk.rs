//! `import --all`: folders, Java keystores, keys beside their certificates, a manifest; all of it or nothing.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    thread::sleep,
    time::{Duration, Instant},
};

use rcgen::KeyPair;
use serde_json::Value;
use strongroom::{
    Keystore, UnlockKey,
    keystore::{BulkAlias, BulkItem, BulkRequest, BulkResult, CredentialRequest, VerifiedAhead},
};
use strongroom_tests::{
    armour::{has_openssl, pem},
    authority::{TestCa, leaf_params, now, root},
    command::{Run, Shop, fine, refused},
};

#[path = "bulk/inputs.rs"]
mod inputs;

const PASSWORD: &str = "changeit";

/// A store that trusts a root, and a folder for what it issued.
struct Desk {
    shop: Shop,
    ca: TestCa,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { shop: Shop::open(), ca: root("Root") };
        fs::write(desk.path("root.pem"), pem("CERTIFICATE", desk.ca.file())).unwrap();
        fs::create_dir(desk.path("in")).unwrap();
        assert_eq!(desk.run(&["ca", "import", "root", "root.pem"]).code, 0);
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.shop.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.shop.command(arguments);
        command.current_dir(self.shop.folder.path()).env("P", PASSWORD).stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Run {
        self.command(&[&["--json"], arguments].concat()).output().unwrap().into()
    }

    fn import(&self, arguments: &[&str]) -> Run {
        self.run(&[&["import", "--all", "--pass-in", "env:P"], arguments].concat())
    }

    /// A new certificate for a host with its key, as PEM.
    fn issue(&self, host: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let leaf = self.ca.issue_leaf_for(&leaf_params(host), &key);
        (pem("CERTIFICATE", leaf.der()), pem("PRIVATE KEY", &key.serialize_der()))
    }

    /// A PKCS #12 file that OpenSSL writes.
    fn p12(&self, file: &str, host: &str, name: Option<&str>, iterations: u32) {
        let (certificate, key) = self.issue(host);
        let both = self.path("both.pem");
        fs::write(&both, certificate + &key).unwrap();
        let mut command = Command::new("openssl");
        command.args(["pkcs12", "-export", "-passout", "env:P", "-in"]).arg(&both);
        command.args(["-iter", &iterations.to_string(), "-out"]).arg(self.path(file));
        if let Some(name) = name {
            command.args(["-name", name]);
        }
        assert!(command.env("P", PASSWORD).status().unwrap().success());
    }

    fn aliases(&self) -> Vec<String> {
        let listed = fine(&self.run(&["ls"]))["entries"].clone();
        let alias = |entry: &Value| entry["alias"].as_str().unwrap().to_owned();
        listed.as_array().unwrap().iter().map(alias).filter(|alias| alias != "root").collect()
    }
}

/// Of each entry of an answer one text.
fn each(result: &Value, field: &str) -> Vec<String> {
    let entries = result["entries"].as_array().unwrap();
    entries.iter().map(|entry| entry[field].as_str().unwrap_or_default().to_owned()).collect()
}

fn warnings(run: &Run) -> Vec<String> {
    let all = run.json()["warnings"].clone();
    all.as_array().unwrap().iter().map(|one| one["message"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_folder_of_files_is_imported_once_and_renewed() {
    if !has_openssl() {
        return;
    }
    let desk = Desk::new();
    for number in 0..300 {
        desk.p12(&format!("in/file{number:03}.pfx"), &format!("host{number:03}.test"), None, 1);
    }
    let dry = fine(&desk.import(&["in", "--dry-run"]));
    assert_eq!(dry["counts"]["imported"], 300);
    assert_eq!(dry["entries"][0]["dry_run"], true);
    assert!(desk.aliases().is_empty());

    let first = fine(&desk.import(&["in"]));
    assert_eq!(first["counts"]["imported"], 300);
    assert_eq!(first["entries"][7]["alias"], "host007.test");
    assert_eq!(first["entries"][7]["file"], "in/file007.pfx");
    assert_eq!(first["entries"][7]["sources"][0]["format"], "pkcs12");
    assert_eq!(desk.aliases().len(), 300);

    let before = desk.shop.database();
    let second = fine(&desk.import(&["in"]));
    assert_eq!(second["counts"]["already_present"], 300);
    assert!(desk.shop.database() == before);

    // One transaction, and a row for each.
    let log = fine(&desk.run(&["log"]));
    let rows = log["log"].as_array().unwrap();
    assert_eq!(rows.iter().filter(|row| row["action"] == "import").count(), 300);
    assert_eq!(rows.iter().filter(|row| row["action"] == "import-many").count(), 1);

    desk.p12("in/file007.pfx", "host007.test", None, 1);
    let taken = fine(&desk.import(&["in"]));
    assert_eq!(taken["entries"][7]["alias"], "host007.test-2");
    desk.p12("in/file008.pfx", "host008.test", None, 1);
    let renewed = fine(&desk.import(&["in", "--replace"]));
    assert_eq!(renewed["counts"]["replaced"], 1);
    assert_eq!(
        (renewed["entries"][8]["outcome"].as_str(), renewed["entries"][8]["alias"].as_str()),
        (Some("replaced"), Some("host008.test"))
    );
    assert_eq!(renewed["entries"][7]["outcome"], "already_present");
}

#[test]
fn one_bad_file_leaves_the_store_as_it_was_unless_the_import_goes_on() {
    if !has_openssl() {
        return;
    }
    let desk = Desk::new();
    desk.p12("in/a.p12", "a.test", None, 1);
    desk.p12("in/b.p12", "b.test", None, 1);
    desk.p12("in/d.p12", "d.test", None, 1);
    let whole = fs::read(desk.path("in/b.p12")).unwrap();
    fs::write(desk.path("in/c.p12"), &whole[..whole.len() - 9]).unwrap();
    fs::write(desk.path("in/notes.txt"), "which is which").unwrap();
    let before = desk.shop.database();
    let run = desk.import(&["in"]);
    assert_eq!(run.code, 6, "{}{}", run.out, run.err);
    let result = &run.json()["result"];
    assert_eq!(each(result, "outcome"), ["not_stored", "not_stored", "refused", "not_stored"]);
    assert_eq!(result["entries"][2]["error"]["code"], "truncated", "{result}");
    assert_eq!(result["counts"]["passed_over"], 1);
    assert!(warnings(&run).contains(&"in/notes.txt holds no private key, and was passed over".to_owned()));
    assert!(desk.shop.database() == before && desk.aliases().is_empty());
    let log = fine(&desk.run(&["log"]));
    let last: Vec<&Value> = log["log"].as_array().unwrap().iter().rev().take(2).collect();
    assert!(last.iter().any(|row| row["alias"] == "c" && row["outcome"] == "truncated"), "{log}");

    let text: Run = desk.command(&["import", "--all", "in", "--pass-in", "env:P"]).output().unwrap().into();
    assert!(text.out.ends_with("nothing was stored: 1 of 4 refused\n"), "{}", text.out);
    assert!(text.err.contains("strongroom: error[truncated] in/c.p12: "), "{}", text.err);
    assert!(
        text.err.ends_with("help: to import the others all the same, add: --keep-going\n"),
        "{}",
        text.err
    );

    let run = desk.import(&["in", "--keep-going"]);
    assert_eq!(run.code, 6);
    assert_eq!(each(&run.json()["result"], "outcome"), ["imported", "imported", "refused", "imported"]);
    assert_eq!(desk.aliases(), ["a.test", "b.test", "d.test"]);

    // A certificate that is refused, and one whose password is another, with the code of the first.
    let stranger = root("Stranger");
    let key = KeyPair::generate().unwrap();
    let leaf = stranger.issue_leaf_for(&leaf_params("x.test"), &key);
    fs::write(desk.path("x.pem"), pem("CERTIFICATE", leaf.der()) + &pem("PRIVATE KEY", &key.serialize_der()))
        .unwrap();
    desk.p12("e.p12", "e.test", None, 1);
    let run = desk.run(&[
        "import",
        "--all",
        "x.pem",
        "e.p12",
        "gone.p12",
        "--keep-going",
        "--pass-in",
        "pass:wrong",
    ]);
    assert_eq!(run.code, 7);
    let codes: Vec<Value> = run.json()["result"]["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["error"]["code"].clone())
        .collect();
    assert_eq!(codes, ["no_anchor", "wrong_password", "file_not_found"]);
    refused(&desk.run(&["import", "--all", "gone.p12"]), 3, "file_not_found");
    let none = desk.run(&["import", "--all", "e.p12"]);
    assert_eq!(
        (none.code, none.json()["result"]["entries"][0]["error"]["code"].as_str()),
        (5, Some("password_missing"))
    );
}

#[test]
fn aliases_are_made_of_what_is_asked_for() {
    if !has_openssl() {
        return;
    }
    let desk = Desk::new();
    desk.p12("in/one.p12", "*.a.test", Some("Web Server (old)"), 1);
    desk.p12("in/two.p12", "b.test", Some("Web Server (old)"), 1);
    desk.p12("in/update.p12", "c.test", None, 1);
    let run = desk.import(&["in"]);
    assert_eq!(each(&fine(&run), "alias"), ["web-server-old", "web-server-old-2", "c.test"]);
    let said = "web-server-old-2: the alias \"web-server-old\" stands for something else, so it has \"web-server-old-2\"";
    assert!(warnings(&run).contains(&said.to_owned()), "{}", run.out);
    assert_eq!(fine(&desk.import(&["in"]))["counts"]["already_present"], 3);
    let by_name = fine(&desk.import(&["in", "--alias-from", "cn", "--dry-run"]));
    assert_eq!(each(&by_name, "alias"), ["a.test", "b.test", "c.test"]);
    // A name of the API is none of an entry.
    let by_file = fine(&desk.import(&["in", "--alias-from", "file", "--dry-run"]));
    assert_eq!(each(&by_file, "alias"), ["one", "two", "update-1"]);
    // Renewed in another order, each replaces its own.
    let swapped = fine(&desk.import(&["in/two.p12", "in/one.p12", "--replace"]));
    assert_eq!(each(&swapped, "alias"), ["web-server-old-2", "web-server-old"]);
    assert_eq!(swapped["counts"]["already_present"], 2);
}

#[test]
fn folders_are_not_entered_and_links_out_of_them_not_followed() {
    if !has_openssl() {
        return;
    }
    let desk = Desk::new();
    desk.p12("outside.p12", "outside.test", None, 1);
    desk.p12("in/inside.p12", "inside.test", None, 1);
    fs::copy(desk.path("in/inside.p12"), desk.path("in/.hidden.p12")).unwrap();
    fs::create_dir(desk.path("in/deeper")).unwrap();
    std::os::unix::fs::symlink(desk.path("outside.p12"), desk.path("in/link.p12")).unwrap();
    std::os::unix::fs::symlink("inside.p12", desk.path("in/same.p12")).unwrap();
    let run = desk.import(&["in"]);
    assert_eq!(each(&fine(&run), "alias"), ["inside.test"]);
    let said = warnings(&run);
    for what in [
        "in/.hidden.p12 is hidden, and was passed over",
        "in/deeper is a folder, and was passed over",
        "in/link.p12 is a link out of the folder, and was passed over",
    ] {
        assert!(said.contains(&what.to_owned()), "{said:?}");
    }
    let too_many = desk.import(&["in", "outside.p12", "--limit", "1"]);
    assert_eq!(refused(&too_many, 6, "too_many"), "if all of them are meant, add: --limit 2");
    assert_eq!(fine(&desk.import(&["in", "outside.p12", "--limit", "2"]))["counts"]["imported"], 1);
    refused(&desk.import(&["-"]), 2, "usage");
}

#[test]
fn keys_and_certificates_in_files_of_their_own_find_each_other() {
    let desk = Desk::new();
    for host in ["a", "b", "c"] {
        let (certificate, key) = desk.issue(&format!("{host}.test"));
        fs::write(desk.path(&format!("in/{host}.crt")), certificate).unwrap();
        fs::write(desk.path(&format!("in/{host}.key")), key).unwrap();
    }
    fs::copy(desk.path("root.pem"), desk.path("in/root.pem")).unwrap();
    let run = desk.run(&["import", "--all", "in"]);
    let result = fine(&run);
    assert_eq!(each(&result, "alias"), ["a.test", "b.test", "c.test"]);
    assert_eq!(result["entries"][1]["file"], "in/b.key, in/b.crt");
    // The leaves of the others are nothing odd, and not said to be left out.
    let said = warnings(&run);
    assert!(
        said.len() == 1 && said[0].starts_with("in/root.pem holds CA certificates and no private key"),
        "{said:?}"
    );
    assert_eq!(fine(&desk.run(&["import", "--all", "in/a.crt", "in/a.key"]))["counts"]["already_present"], 1);
    // Alone it has none.
    let alone = desk.run(&["import", "--all", "in/a.crt"]);
    assert_eq!(alone.code, 6);
    assert_eq!(alone.json()["result"]["entries"][0]["error"]["code"], "no_private_key");
    fs::remove_file(desk.path("in/b.crt")).unwrap();
    let lonely = desk.run(&["import", "--all", "in"]);
    assert_eq!(lonely.code, 6);
    assert_eq!(lonely.json()["result"]["entries"][1]["error"]["code"], "no_certificate", "{}", lonely.out);
}

#[test]
fn killed_in_the_middle_it_leaves_nothing() {
    if !has_openssl() {
        return;
    }
    let desk = Desk::new();
    for number in 0..4 {
        desk.p12(&format!("in/{number}.p12"), &format!("h{number}.test"), None, 4_000_000);
    }
    let before = desk.shop.database();
    let mut child = desk
        .command(&["import", "--all", "in", "--pass-in", "env:P"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    sleep(Duration::from_millis(700));
    assert!(child.try_wait().unwrap().is_none(), "it was done within {:?}", begun.elapsed());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(desk.shop.database() == before && desk.aliases().is_empty());
    assert_eq!(fine(&desk.run(&["verify-store"]))["entries"], 1);
}

/// Imports one credential that was verified ahead; gives the code of the refusal.
fn import_verified(keystore: &Keystore, request: CredentialRequest) -> Option<&'static str> {
    let alias = BulkAlias::Made(request.alias.clone());
    let item = BulkItem::new("file".to_owned(), alias, Ok(request));
    let report = keystore.import_all(BulkRequest::new(vec![item], now())).unwrap();
    match &report.entries[0].result {
        BulkResult::Refused(error) => Some(error.code()),
        _ => None,
    }
}

/// What was verified before is which key signed what, and no more: whom the store trusts is asked at the import.
#[test]
fn what_was_verified_ahead_is_judged_by_what_the_store_holds_at_the_import() {
    let folder = tempfile::tempdir().unwrap();
    let keystore =
        Keystore::create(folder.path().join("s/keystore.db"), &UnlockKey::generate().unwrap(), now())
            .unwrap();
    let (ca, verified) = (root("Root"), Arc::new(VerifiedAhead::default()));
    let (name, imported) = ("root".parse().unwrap(), |file: &[u8]| {
        keystore.import_authority(&"root".parse().unwrap(), file, now()).unwrap()
    });
    let ahead = |host: &str, ca: &TestCa| {
        let mut params = leaf_params(host);
        // Names alone lead to the CA.
        params.use_authority_key_identifier_extension = false;
        let credential = ca.issue(&params, &[]);
        let mut request = CredentialRequest::new(host.parse().unwrap(), credential, now());
        keystore.verify_ahead(&verified, &mut request);
        request
    };
    // Of a CA that is imported only then, and of one that is gone by then.
    let early = ahead("early.test", &ca);
    imported(ca.file());
    assert_eq!(import_verified(&keystore, early), None);
    let late = ahead("late.test", &ca);
    keystore.remove(&name, true, now()).unwrap();
    assert_eq!(import_verified(&keystore, late), Some("no_anchor"));
    // Signed by another key of the same name: verified, and refused.
    imported(ca.file());
    let forged = ahead("forged.test", &root("Root"));
    assert_eq!(import_verified(&keystore, forged), Some("bad_signature"));
    let again = ahead("again.test", &ca);
    assert_eq!(import_verified(&keystore, again), None);
}
