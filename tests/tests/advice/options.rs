//! Advice that adds an option to the command.

use super::{Desk, WWW};

#[test]
fn options_are_added_as_the_help_says() {
    let desk = Desk::with_roots();
    let with = |more: &[&'static str]| [&WWW[..], more].concat();
    desk.again("no_anchor", &with(&["--import-certificate-chain", "false"]), &[]);
    desk.works(&["rm", "www", "--yes"]);
    desk.again("no_mac", &["import", "bare", "no-mac.p12", "--pass-in", "env:P"], &[]);
    let help = desk.help("several_entries", &["import", "two", "two.p12", "--pass-in", "env:P"]);
    assert!(help.starts_with("choose one with --entry: "), "{help}");
    desk.works(&["import", "two", "two.p12", "--pass-in", "env:P", "--entry", "#1"]);
    desk.again("too_much_work", &with(&["--max-work", "3000"]), &[]);
    desk.works(&["rm", "www", "--yes"]);
    desk.again("file_too_large", &with(&["--max-size", "1000"]), &[]);
    desk.again("alias_taken", &["import", "www", "two.p12", "--pass-in", "env:P", "--entry", "#2"], &[]);
    let many = ["import", "--all", "www.p12", "two.p12", "--pass-in", "env:P", "--dry-run"];
    let limited = [&many[..], &["--allow", "no_server_auth", "--limit", "1"]].concat();
    let done = desk.again("too_many", &limited, &[]);
    assert!(done.out.contains("a dry run"), "{}", done.out);
    let refused = desk.run(&[&many[..], &["root.pem"]].concat());
    assert_eq!(refused.code, 6, "{}", refused.err);
    let (_, option) = refused.err.rsplit_once("add: ").unwrap();
    let going = desk.run(&[&many[..], &["root.pem", option.trim()]].concat());
    assert!(going.out.contains(" 1 refused"), "{}", going.out);
    desk.again("in_use", &["rm", "root", "--yes"], &[]);
    desk.again("confirmation_needed", &["prune", "--all"], &[]);
}
