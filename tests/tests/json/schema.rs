//! `schema`: what is printed is as it says, and nothing else would be.

use jsonschema::Validator;
use serde_json::{Map, json};
use strongroom_tests::command::{WWW, fine, shop};

use super::*;

/// The schemas of all commands.
fn published() -> Map<String, Value> {
    let whole = Shop::empty().run(["schema"]);
    assert_eq!(whole.code, 0, "{}", whole.err);
    assert!(jsonschema::meta::is_valid(&whole.json()), "it is no JSON Schema");
    assert_eq!(whole.json()["$schema"], "https://json-schema.org/draft/2020-12/schema");
    validator(&whole.json());
    whole.json()["$defs"].as_object().unwrap().clone()
}

fn validator(schema: &Value) -> Validator {
    jsonschema::options().should_validate_formats(true).build(schema).unwrap()
}

/// The command of some words.
fn command<'a>(published: &'a Map<String, Value>, arguments: &[String]) -> &'a str {
    let words: Vec<&str> =
        arguments.iter().map(String::as_str).skip_while(|word| word.starts_with("--")).collect();
    let two = words.iter().take(2).copied().collect::<Vec<_>>().join(" ");
    let found = published.get_key_value(&two).or_else(|| published.get_key_value(words[0]));
    found.unwrap_or_else(|| panic!("{arguments:?} has no schema")).0
}

#[track_caller]
fn fits(published: &Map<String, Value>, arguments: &[String], value: &Value) {
    let name = command(published, arguments);
    let validator = validator(&published[name]);
    let faults: Vec<String> = validator.iter_errors(value).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{arguments:?}: {faults:#?}\n{value}");
}

fn words(arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn what_every_command_prints_is_as_its_schema_says() {
    let published = published();
    let mut seen = BTreeSet::new();
    let mut check = |arguments: &[String], value: &Value| {
        fits(&published, arguments, value);
        seen.insert(command(&published, arguments).to_owned());
    };
    for (arguments, value) in printed() {
        check(&arguments, &value);
    }
    // A store with nothing in it.
    let empty = Shop::open();
    for arguments in [
        &["ls"][..],
        &["ls", "--removed"],
        &["ca", "ls"],
        &["csr", "ls"],
        &["user", "ls"],
        &["bind"],
        &["check"],
        &["doctor"],
        &["status"],
        &["status", "--unlock", "none"],
        &["log"],
        &["verify"],
        &["prune", "--all", "--yes"],
        &["web-server"],
        &["verify-store"],
    ] {
        check(&words(arguments), &empty.json(arguments.iter().copied()).json());
    }
    // What the other list has no place for, and refusals.
    let shop = shop();
    let copy = shop.folder.path().join("copy.db");
    let copy = copy.to_str().unwrap();
    for arguments in [
        &["bind", "www.fixture.test", "www"][..],
        &["bind"],
        &["unbind", "www.fixture.test"],
        &["why", "www.fixture.test"],
        &["why", "other.test"],
        &["backup", copy],
        &["restore", copy, "--yes"],
        &["restore", "--only", "www", "--replace", "--from", copy, "--yes"],
        &["ca", "show", "root"],
        &["ca", "rm", "root"],
        &["ca", "rm", "root", "--dry-run", "--force"],
        &["import", "--all", "pkcs12", "--pass-in", "pass:changeit", "--keep-going"],
        &["import", "shop", "pkcs12/www.p12", "--pass-in", "pass:wrong"],
        &[
            "import",
            "shop",
            "pkcs12/gnutls-3.7.9.rsa2048-p256.pbes2-aes128-sha256.two-entries.p12",
            "--pass-in",
            "pass:changeit",
        ],
        &["csr", "soon", "--name", "soon.test"],
        &["show", "soon"],
        &["csr", "install", "soon", "chains/root-rsa.pem"],
        &["verify", "--leaf", "chains/root-rsa.pem", "--anchor", "chains/root-rsa.pem"],
        &["verify", "www", "--at", "2099-01-01T00:00:00Z"],
        &["show", "nobody"],
        &["ls", "--no-such-option"],
    ] {
        check(&words(arguments), &shop.json(arguments.iter().copied()).json());
    }
    let asked = [("csr", "install"), ("serve", ""), ("watch", "")];
    for (name, _) in &published {
        // Of these the tests of the server and of the watch take the first line.
        let elsewhere = asked.iter().any(|(one, two)| format!("{one} {two}").trim() == name);
        assert!(seen.contains(name) || elsewhere, "{name} was not run");
    }
}

#[test]
fn a_watch_a_server_and_a_log_that_goes_on_print_lines_that_fit() {
    use std::io::{BufRead as _, BufReader};
    let published = published();
    let shop = shop();
    for (arguments, lines) in [
        (&["watch", "--exec", "exit 3"][..], 2),
        (&["serve", "--listen", "127.0.0.1:0"], 1),
        (&["log", "--follow"], 2),
    ] {
        let mut command = shop.command(std::iter::once(&"--json").chain(arguments));
        let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
        for line in BufReader::new(child.stdout.take().unwrap()).lines().take(lines) {
            fits(&published, &words(arguments), &serde_json::from_str(&line.unwrap()).unwrap());
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

/// Every change of one place: a field that nobody knows, a value of another type, a field that is left out.
fn spoiled(value: &Value) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    let other = |value: &Value| match value {
        Value::String(_) | Value::Null => json!(7.5),
        Value::Array(_) => json!({}),
        _ => json!("text"),
    };
    match value {
        Value::Object(fields) => {
            let mut more = fields.clone();
            more.insert("unknown_field".to_owned(), json!("x"));
            all.push(("an unknown field".to_owned(), Value::Object(more)));
            for (name, field) in fields {
                let with = |new: Value| {
                    let mut changed = fields.clone();
                    changed.insert(name.clone(), new);
                    Value::Object(changed)
                };
                all.push((format!("{name} of another type"), with(other(field))));
                let mut fewer = fields.clone();
                fewer.remove(name);
                all.push((format!("{name} left out"), Value::Object(fewer)));
                all.extend(
                    spoiled(field).into_iter().map(|(what, new)| (format!("{name}: {what}"), with(new))),
                );
            }
        }
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate().take(3) {
                for (what, new) in spoiled(item).into_iter().chain([("another type".to_owned(), other(item))])
                {
                    let mut changed = items.clone();
                    changed[place] = new;
                    all.push((format!("{place}: {what}"), Value::Array(changed)));
                }
            }
        }
        _ => {}
    }
    all
}

#[test]
fn whatever_is_not_as_it_was_printed_does_not_fit() {
    let published = published();
    let shop = shop();
    let mut tried = 0;
    // What may be there or not.
    const OPTIONAL: [&str; 2] = ["error", "findings"];
    for arguments in [
        &["ls"][..],
        &["show", "www"],
        &["chain", "www"],
        &["log"],
        &["status"],
        &["check"],
        &["doctor"],
        &["inspect", "pkcs12/www.p12", "--pass-in", "pass:changeit"],
        &["show", "nobody"],
        &["verify"],
        &["history", "www"],
        &["config"],
        &WWW,
    ] {
        let value = shop.json(arguments.iter().copied()).json();
        fits(&published, &words(arguments), &value);
        let validator = validator(&published[command(&published, &words(arguments))]);
        for (what, changed) in spoiled(&value) {
            let optional = OPTIONAL.iter().any(|name| what.ends_with(&format!("{name} left out")));
            assert!(optional || !validator.is_valid(&changed), "{arguments:?} takes {what}: {changed}");
            tried += 1;
        }
    }
    assert!(tried > 500, "{tried}");
}

#[test]
fn every_field_that_a_schema_has_stands_on_the_page_with_one_type() {
    let published = published();
    let page = fs::read_to_string("../docs/json.md").unwrap();
    let named: BTreeSet<&str> =
        page.split('`').skip(1).step_by(2).map(|name| name.trim_end_matches("[]")).collect();
    let mut types: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    fn collect(schema: &Value, of: &str, types: &mut BTreeMap<String, BTreeMap<String, String>>) {
        match schema {
            Value::Object(parts) => {
                for (name, field) in parts.get("properties").and_then(Value::as_object).into_iter().flatten()
                {
                    let kinds = match &field["type"] {
                        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
                        Value::String(kind) => vec![kind.as_str()],
                        _ => Vec::new(),
                    };
                    for kind in kinds.into_iter().filter(|kind| *kind != "null") {
                        types
                            .entry(name.clone())
                            .or_default()
                            .entry(kind.to_owned())
                            .or_insert_with(|| of.to_owned());
                    }
                    types.entry(name.clone()).or_default();
                }
                parts.values().for_each(|part| collect(part, of, types));
            }
            Value::Array(parts) => parts.iter().for_each(|part| collect(part, of, types)),
            _ => {}
        }
    }
    for (name, schema) in &published {
        collect(schema, name, &mut types);
    }
    assert!(types.len() > 150, "{}", types.len());
    for (name, seen) in &types {
        assert!(
            named.contains(name.as_str())
                || ["schema", "result", "warnings", "error"].contains(&name.as_str()),
            "{name} is not on the page: {seen:?}"
        );
        // `chain` is a text in lists, as the page says; `refused` a number among counts, and of a chain the reason.
        let known = COUNTS.contains(&name.as_str()) || ["chain", "refused"].contains(&name.as_str());
        assert!(seen.len() < 2 || known, "{name} has several types: {seen:?}");
    }
}

#[test]
fn a_command_without_json_has_no_schema() {
    let shop = Shop::empty();
    let run = shop.json(["schema", "man"]);
    assert_eq!((run.code, run.error_code().as_str()), (2, "usage"));
    let one = shop.run(["schema", "ca", "ls"]).json();
    assert_eq!(one["title"], "what strongroom ca ls prints with --json");
    assert!(jsonschema::meta::is_valid(&one));
    let _ = fine;
}
