//! One schema: a field has one type in every command, and stands on the page.

#[path = "json/schema.rs"]
mod schema;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use serde_json::Value;
use strongroom_tests::command::{Run, Shop};

/// Numbers in reports on a whole store, and lists elsewhere: how many there are is another fact than which.
const COUNTS: [&str; 7] = ["imported", "entries", "removed", "versions", "keys", "certificates", "log"];

type Types = BTreeMap<String, BTreeMap<&'static str, String>>;

/// Notes the type of each field.
fn walk(value: &Value, path: &str, command: &str, types: &mut Types) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let kind = match value {
                    Value::Null => None,
                    Value::Bool(_) => Some("bool"),
                    Value::Number(_) => Some("number"),
                    Value::String(_) => Some("text"),
                    Value::Array(_) => Some("list"),
                    Value::Object(_) => Some("object"),
                };
                let seen = types.entry(name.clone()).or_default();
                if let Some(kind) = kind {
                    seen.entry(kind).or_insert_with(|| format!("{command}: {path}.{name}"));
                }
                walk(value, &format!("{path}.{name}"), command, types);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| walk(item, path, command, types)),
        _ => {}
    }
}

/// What commands print in a store's life, each with its words.
fn printed() -> Vec<(Vec<String>, Value)> {
    let shop = Shop::empty();
    let copy = shop.folder.path().join("copy.db");
    let copy = copy.to_str().unwrap();
    let files = ["out.p12", "out.pem", "log.jsonl", "cut.jsonl"]
        .map(|name| shop.folder.path().join(name).display().to_string());
    let [pfx, bundle, log, rotated] = files.each_ref().map(String::as_str);
    let key = format!("file:{}", shop.folder.path().join("new.key").display());
    let commands: &[&[&str]] = &[
        &["init"],
        &["ca", "import", "root", "chains/root-rsa.pem"],
        &["ca", "import", "--all", "chains/intermediate-rsa.pem", "other/openssl-3.0.19.rsa2048.pkcs7.p7b"],
        &["import", "www", "pkcs12/www.p12", "--pass-in", "env:P"],
        &["import", "www", "pkcs12/www-direct.p12", "--pass-in", "env:P", "--replace"],
        &["import", "--all", "pkcs12/www.p12", "--pass-in", "env:P", "--dry-run"],
        &["ls"],
        &["check", "--within", "0"],
        &["doctor"],
        &["find", "www"],
        &["config"],
        &["ca", "ls"],
        &["show", "www"],
        &["show", "root"],
        &["chain", "www"],
        &["verify", "www"],
        &["verify"],
        &["undo", "www"],
        &["history", "www"],
        &["diff", "www@2", "www"],
        &["log"],
        &["log", "--verify"],
        &["log", "export", "-o", log],
        &["log", "verify", log, "--against-store"],
        &["prune", "--keep", "9", "--yes"],
        &["slot", "add", "env:K"],
        &["slot", "ls"],
        &["slot", "rm", "1"],
        &["user", "add", "admin", "--pass-in", "env:K"],
        &["user", "passwd", "admin", "--pass-in", "env:K"],
        &["user", "privileges", "admin", "list,audit"],
        &["user", "revoke", "admin"],
        &["user", "ls"],
        &["user", "rm", "admin"],
        &["web-server", "--hsts", "on"],
        &["export", "www", "-o", pfx, "--pass-out", "env:P"],
        &["ca", "export", "-o", bundle],
        &["generate", "test", "--name", "test.test"],
        &["csr", "www", "--like", "www"],
        &["csr", "show", "www"],
        &["csr", "ls"],
        &["status"],
        &["csr", "rm", "www", "--yes"],
        &["rename", "www", "shop"],
        &["rm", "shop"],
        &["ls", "--removed"],
        &["verify-store"],
        &["backup", copy],
        &["prune", "--all", "--yes", "--dry-run"],
        &["prune", "--all", "--yes"],
        &["log", "rotate", "-o", rotated],
        &["log"],
        &["log", "--verify"],
        &["rekey"],
        &["passwd", "--to", &key],
        &["inspect", "pkcs12/www.p12", "--pass-in", "env:P"],
        &["inspect", "chains/root-rsa.pem"],
        &["inspect", "pkcs12/www.p12", "chains/root-rsa.pem", "--pass-in", "env:P"],
    ];
    let mut all = Vec::new();
    for &arguments in commands {
        let mut command = shop.command(["--json"].iter().chain(arguments));
        command
            .env("P", "changeit")
            .env("K", "8f14e45fceea167a5a36dedd4bea2543c9f0f895fb98ab9159f51fd0297e236d");
        let run: Run = command.output().unwrap().into();
        assert_eq!(run.code, 0, "{arguments:?}: {}", run.out);
        all.push((arguments.iter().map(|word| (*word).to_owned()).collect(), run.json()));
    }
    all
}

#[test]
fn a_field_has_one_type_in_every_command_and_stands_on_the_page() {
    let mut types = Types::new();
    for (arguments, printed) in printed() {
        let mut result = printed["result"].clone();
        if arguments.iter().any(|word| word == "ls") {
            // The one exception, which the page tells of.
            for entry in result["entries"].as_array_mut().into_iter().flatten() {
                let chain = entry.as_object_mut().unwrap().remove("chain").unwrap();
                assert_eq!(chain, entry["chain_state"]);
            }
        }
        walk(&result, "", &arguments.join(" "), &mut types);
    }
    let page = fs::read_to_string("../docs/json.md").unwrap();
    let named: BTreeSet<&str> =
        page.split('`').skip(1).step_by(2).map(|name| name.trim_end_matches("[]")).collect();
    for (name, seen) in &types {
        assert!(named.contains(name.as_str()), "{name} is not on the page: {seen:?}");
        let count =
            COUNTS.contains(&name.as_str()) && seen.keys().all(|kind| matches!(*kind, "list" | "number"));
        assert!(seen.len() < 2 || count, "{name} has several types: {seen:?}");
    }
}

#[test]
fn show_has_what_a_certificate_says() {
    let shop = Shop::open();
    shop.import_root();
    let run = shop.run(["import", "www", "pkcs12/www.p12", "--pass-in", "pass:changeit"]);
    assert_eq!(run.code, 0);
    let shown = shop.json(["show", "www"]).json()["result"].clone();
    assert_eq!(shown["alternative_names"][0], serde_json::json!({"kind": "dns", "name": "www.fixture.test"}));
    assert_eq!(shown["key_usage"], serde_json::json!(["digitalSignature", "keyEncipherment"]));
    assert_eq!(shown["extended_key_usage"], serde_json::json!(["serverAuth"]));
    let pem = shop.run(["show", "www", "--pem"]).out;
    assert_eq!(shown["pem"], pem);
    assert_eq!(pem.matches("BEGIN CERTIFICATE").count(), 3);
    let roles = |of: &Value| -> Vec<String> {
        let chain = of["chain"].as_array().unwrap();
        chain.iter().map(|link| link["role"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(roles(&shown), ["leaf", "intermediate", "anchor"]);
    assert_eq!(roles(&shop.json(["show", "root"]).json()["result"]), ["anchor"]);
    assert_eq!(roles(&shop.json(["show", "www_intermediate"]).json()["result"]), ["intermediate"]);
    // The same by OpenSSL, who has nothing of ours.
    let file = shop.folder.path().join("www.pem");
    fs::write(&file, pem).unwrap();
    let openssl = |arguments: &[&str]| -> String {
        let mut command = std::process::Command::new("openssl");
        let output = command.args(["x509", "-noout", "-in"]).arg(&file).args(arguments).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap().to_ascii_lowercase();
        text.trim().rsplit('=').next().unwrap().replace(':', "")
    };
    assert_eq!(shown["sha1"], openssl(&["-fingerprint", "-sha1"]));
    assert_eq!(shown["sha256"], openssl(&["-fingerprint", "-sha256"]));
    assert_eq!(shown["serial"], openssl(&["-serial"]));
}
