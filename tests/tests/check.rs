//! `check`: what expires, as text, JSON, OpenMetrics and a line for Nagios.
#![cfg(unix)]

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use rcgen::KeyPair;
use serde_json::Value;
use strongroom_tests::{
    authority::TestCa,
    command::{Run, Shop, fine, refused},
    dated::{self, ca, import_ca, leaf},
};

#[path = "check/served.rs"]
mod served;
#[path = "check/unproved.rs"]
mod unproved;

/// Imports a certificate for a host of the name of the alias, with a key of its own.
fn import(shop: &Shop, alias: &str, ca: &TestCa, (from, until): (i64, i64), arguments: &[&str]) {
    let (params, key) = (leaf(&format!("{alias}.test"), from, until), KeyPair::generate().unwrap());
    dated::import(shop, alias, ca, &params, &key, arguments);
}

/// A store with an entry of each kind.
fn shop() -> Shop {
    let shop = Shop::open();
    let root = ca("Root", None, 3000);
    let issuing = ca("Issuing", Some(&root), 20);
    let (gone, stranger) = (ca("Gone", None, 3000), ca("Stranger", None, 3000));
    for (alias, ca) in [("root", &root), ("issuing", &issuing), ("gone", &gone)] {
        import_ca(&shop, alias, ca);
    }
    import(&shop, "fine", &root, (-30, 300), &[]);
    import(&shop, "soon", &root, (-300, 9), &[]);
    // A third of 60 days are 20: it has more.
    import(&shop, "short", &root, (-35, 24), &[]);
    import(&shop, "old", &root, (-300, -4), &["--allow", "expired"]);
    import(&shop, "early", &root, (5, 300), &["--allow", "not_yet_valid"]);
    import(&shop, "below", &issuing, (-30, 300), &[]);
    import(&shop, "lost", &gone, (-30, 300), &[]);
    import(&shop, "known", &stranger, (-30, 300), &["--allow", "no_anchor"]);
    assert_eq!(shop.run(["rm", "gone", "--force", "--yes"]).code, 0);
    shop
}

fn state(listed: &Value, alias: &str) -> (String, String, Value) {
    let entries = listed["entries"].as_array().unwrap();
    let entry = entries.iter().find(|entry| entry["alias"] == alias).unwrap_or_else(|| panic!("no {alias}"));
    let text = |field: &str| entry[field].as_str().unwrap().to_owned();
    (text("state"), text("cause"), entry["finding"].clone())
}

fn result(run: &Run, code: i32) -> Value {
    assert_eq!(run.code, code, "{}{}", run.out, run.err);
    run.json()["result"].clone()
}

#[test]
fn each_entry_has_the_state_that_a_client_sees() {
    let shop = shop();
    let listed = result(&shop.json(["check"]), 11);
    let known = |state: &str, cause: &str, finding: Value| (state.to_owned(), cause.to_owned(), finding);
    assert_eq!(state(&listed, "fine"), known("ok", "leaf", Value::Null));
    assert_eq!(state(&listed, "soon"), known("expiring", "leaf", Value::Null));
    assert_eq!(state(&listed, "short"), known("ok", "leaf", Value::Null));
    assert_eq!(state(&listed, "old"), known("expired", "leaf", Value::Null));
    assert_eq!(state(&listed, "early"), known("not_yet_valid", "leaf", Value::Null));
    assert_eq!(state(&listed, "below"), known("expiring", "intermediate", Value::Null));
    assert_eq!(state(&listed, "lost"), known("broken", "chain", "no_anchor".into()));
    // Allowed at its import: said, and not counted.
    assert_eq!(state(&listed, "known"), known("ok", "leaf", "no_anchor".into()));
    let counts = &listed["counts"];
    let count = |name: &str| counts[name].as_u64().unwrap();
    assert_eq!(
        ["checked", "ok", "expiring", "expired", "broken", "not_yet_valid"].map(count),
        [8, 3, 2, 1, 1, 1]
    );
    assert_eq!(listed["unreadable_entries"], Value::Array(Vec::new()));
}

#[test]
fn verify_without_an_alias_judges_every_entry_and_says_what_was_allowed() {
    let shop = shop();
    let judged = result(&shop.json(["verify"]), 7);
    let outcomes: Vec<(&str, &str)> = judged["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (entry["alias"].as_str().unwrap(), entry["outcome"].as_str().unwrap()))
        .collect();
    let expected = [
        ("below", "accepted"),
        ("early", "allowed"),
        ("fine", "accepted"),
        ("known", "allowed"),
        ("lost", "refused"),
        ("old", "allowed"),
        ("short", "accepted"),
        ("soon", "accepted"),
    ];
    assert_eq!(outcomes, expected);
    let text = shop.run(["verify"]).out;
    assert!(text.contains("refused[no_anchor]") && text.contains("allowed[expired]"), "{text}");
    assert!(text.ends_with("8 entries verified: 4 accepted, 3 allowed at the import, 1 refused\n"), "{text}");
    assert_eq!(shop.run(["rm", "lost", "--yes"]).code, 0);
    assert_eq!(shop.run(["verify"]).code, 0);
    // Later more has ended.
    assert_eq!(shop.run(["verify", "--at", "2099-01-01T00:00:00Z"]).code, 7);
}

#[test]
fn exit_codes_tell_the_worst() {
    let shop = shop();
    assert_eq!(shop.run(["check", "fine"]).code, 0);
    assert_eq!(shop.run(["check", "soon", "fine"]).code, 10);
    assert_eq!(shop.run(["check", "soon", "old"]).code, 11);
    assert_eq!(shop.run(["check", "lost"]).code, 11);
    assert_eq!(shop.run(["check", "fine", "--within", "400d"]).code, 10);
    assert_eq!(shop.run(["check", "soon", "--within", "0"]).code, 0);
    assert_eq!(shop.run(["check", "short", "--within", "50%"]).code, 10);
    // A CA that is named is judged by itself.
    assert_eq!(shop.run(["check", "issuing"]).code, 10);
    refused(&shop.json(["check", "nobody"]), 3, "not_found");
    refused(&shop.json(["check", "--within", "2w"]), 2, "usage");
    refused(&shop.json(["check", "-w", "2d"]), 2, "usage");
    refused(&shop.json(["check", "--relative"]), 2, "usage");
    let empty = Shop::open();
    let run = empty.run(["check"]);
    assert_eq!((run.code, run.out.as_str()), (0, "no server certificates to check\n"));
}

#[test]
fn the_table_has_what_needs_attention_and_the_sum() {
    let shop = shop();
    let run = shop.run(["check"]);
    let lines: Vec<String> =
        run.out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let shown: Vec<&str> = lines.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(shown[..6], ["ALIAS", "old", "soon", "below", "early", "lost"], "{}", run.out);
    assert!(lines[1].ends_with("expired 3 days ago ! old.test"), "{}", lines[1]);
    assert!(lines[2].ends_with("in 9 days ! soon.test"), "{}", lines[2]);
    assert!(lines[3].starts_with("below intermediate") && lines[3].ends_with("in 20 days ! CN=Issuing"));
    assert_eq!(lines[5], "lost chain no_anchor ! lost.test");
    assert_eq!(
        lines[6],
        "8 entries checked: 1 expired, 1 with a broken chain, 1 not yet valid, 2 expiring within 30 days, or a third of \
         the lifetime where that is shorter"
    );
    let advice = lines[7].strip_prefix("what is missing: strongroom ").unwrap();
    let words: Vec<&str> = advice.split(' ').skip_while(|word| *word != "chain").collect();
    assert_eq!(words, ["chain", "lost"]);
    assert_eq!(shop.run(words).code, 0);

    let run = shop.run(["check", "fine"]);
    assert!(run.out.contains("1 entry checked: none expires within 30 days"), "{}", run.out);
    assert!(run.out.ends_with("the first to end is fine, in 300 days\n"), "{}", run.out);
}

#[test]
fn nagios_gets_a_line_and_its_own_codes() {
    let shop = shop();
    let line = |arguments: &[&str]| {
        let run = shop.run(["check", "--format", "nagios"].iter().chain(arguments));
        assert_eq!(run.out.lines().count(), 1, "{}", run.out);
        (run.code, run.out.trim_end().to_owned())
    };
    let limits = "expired=0 expiring=0 broken=0";
    assert_eq!(
        line(&["fine"]),
        (0, format!("STRONGROOM OK - 0 of 1 need attention | soonest=300d;30;7;; {limits}"))
    );
    let (code, text) = line(&["fine", "soon"]);
    assert_eq!(code, 1);
    assert_eq!(
        text,
        "STRONGROOM WARNING - 1 of 2 need attention: soon in 9 days | soonest=9d;30;7;; expired=0 expiring=1 broken=0"
    );
    assert_eq!(line(&["soon", "-w", "60d", "-c", "10d"]).0, 2);
    assert_eq!(line(&["soon", "-w", "0"]).0, 0, "a warning of nothing is none, not the usual one");
    let (code, text) = line(&[]);
    assert_eq!(code, 2);
    let head = "STRONGROOM CRITICAL - 5 of 8 need attention: old expired 3 days ago, early not yet valid, lost no_anchor, \
                soon in 9 days, below in 20 days | soonest=-4d;30;7;; expired=1 expiring=2 broken=2";
    assert_eq!(text, head);
    assert_eq!(line(&["nobody"]), (3, "STRONGROOM UNKNOWN - there is no entry \"nobody\"".to_owned()));
    assert_eq!(line(&["--within"]).0, 3);
    assert_eq!(line(&["--nonsense"]).0, 3);
    let empty = Shop::empty();
    let run = empty.run(["check", "--format=nagios"]);
    assert_eq!(run.code, 3);
    assert!(run.out.starts_with("STRONGROOM UNKNOWN - there is no store "), "{}", run.out);
}

/// What Prometheus's own parser reads.
const PARSE: &str = "
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
print(json.dumps([[s.name, s.labels, s.value] for f in parse(sys.stdin.read()) for s in f.samples]))
";

#[test]
fn openmetrics_says_when_and_for_whom() {
    let shop = shop();
    let run = shop.run(["check", "--format", "openmetrics", "--relative"]);
    assert_eq!(run.code, 11, "{}", run.err);
    let samples = |name: &str| run.out.lines().filter(|line| line.starts_with(name)).count();
    // Each server certificate, and what stands above it.
    assert_eq!(samples("x509_cert_not_after{"), samples("x509_cert_expired{"));
    assert_eq!(samples("x509_cert_expires_in_seconds{"), samples("x509_cert_not_after{"));
    assert_eq!(samples("strongroom_chain_complete{"), 8);
    assert!(run.out.contains("strongroom_chain_complete{alias=\"lost\"} 0\n"), "{}", run.out);
    assert!(run.out.contains(
        "x509_cert_expired{alias=\"old\",role=\"leaf\",subject_CN=\"old.test\",issuer_CN=\"Root\""
    ));
    // The CA certificates of the store stand by themselves too, and are counted.
    assert!(run.out.contains("strongroom_entries{kind=\"server\"} 8\n"), "{}", run.out);
    assert!(run.out.contains("strongroom_entries{kind=\"ca\"} 2\n"), "{}", run.out);
    assert!(run.out.contains("x509_cert_expired{alias=\"issuing\",role=\"anchor\""), "{}", run.out);
    assert!(run.out.ends_with("# EOF\n"));
    let has_parser = Command::new("python3").args(["-c", "import prometheus_client"]).output();
    if !has_parser.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: Python has no prometheus_client");
        return;
    }
    let file = shop.folder.path().join("check.prom");
    let read = fs::File::open({
        assert_eq!(shop.run(["check", "--format", "openmetrics", "-o", file.to_str().unwrap()]).code, 11);
        &file
    });
    let parsed = Command::new("python3").args(["-c", PARSE]).stdin(read.unwrap()).output().unwrap();
    assert!(parsed.status.success(), "{}", String::from_utf8_lossy(&parsed.stderr));
    let parsed: Vec<(String, Value, f64)> = serde_json::from_slice(&parsed.stdout).unwrap();
    let old = parsed.iter().find(|(name, labels, _)| name == "x509_cert_expired" && labels["alias"] == "old");
    assert_eq!(old.map(|(.., value)| *value), Some(1.0));
}

#[test]
fn an_answer_in_a_file_is_whole_and_for_everybody() {
    let shop = shop();
    let file = shop.folder.path().join("answer.json");
    let path = file.to_str().unwrap();
    let check = || shop.json(["check", "soon", "--output", path]);
    assert_eq!((check().code, check().code), (10, 10), "again in its place");
    let mode = fs::metadata(&file).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o644);
    let answer: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(answer["result"]["entries"][0]["state"], "expiring");
    let link = shop.folder.path().join("link");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    refused(&shop.json(["check", "soon", "-o", link.to_str().unwrap()]), 4, "not_a_file");
    fine(&shop.json(["check", "fine"]));
}
