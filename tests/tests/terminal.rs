//! The command on a terminal: questions, Ctrl-C, widths, colours. Python's `pty` plays the terminal; without it these are
//! skipped, and say so.
#![cfg(target_os = "linux")]

use std::process::Command;

use strongroom_tests::{
    command::{Run, Shop, binary},
    screen::Screen,
};

/// Runs on a terminal; `None` without Python.
fn on_terminal(
    shop: &Shop,
    wait: &str,
    keys: &str,
    columns: u32,
    environment: &[(&str, &str)],
    arguments: &[&str],
) -> Option<(i32, Vec<String>, String)> {
    let mut command = Command::new(binary());
    command.arg("--store").arg(shop.store()).args(arguments).current_dir("../fixtures");
    command.env_clear().env("PATH", "/usr/bin:/bin").env("TERM", "xterm").envs(environment.iter().copied());
    let typed = [(wait, keys)];
    let shown = Screen { columns, typed: if wait.is_empty() { &[] } else { &typed } }.run(&command)?;
    Some((shown.status, shown.echo, shown.text))
}

fn shop() -> Shop {
    let shop = Shop::open();
    shop.import_root();
    let import = ["import", "www", "pkcs12/www.p12", "--pass-in", "pass:changeit"];
    assert_eq!(shop.run(import).code, 0);
    shop
}

#[test]
fn ctrl_c_at_a_prompt_gives_the_terminal_back() {
    let shop = shop();
    let import = ["import", "x", "pkcs12/www.p12", "--pass-in", "prompt"];
    let Some((status, echo, shown)) = on_terminal(&shop, "file: ", "\\x03", 80, &[], &import) else {
        return;
    };
    assert_eq!(status, 130, "{shown}");
    assert_eq!(echo, ["echo", "silent", "echo"], "{shown}");
}

#[test]
fn a_prompt_reads_a_password_and_shows_nothing_of_it() {
    let shop = shop();
    let import = ["import", "x", "pkcs12/www.p12", "--pass-in", "prompt"];
    let typed = on_terminal(&shop, "file: ", "changeix\\x7ft\\n", 80, &[], &import);
    let Some((status, echo, shown)) = typed else { return };
    assert_eq!((status, echo), (0, vec!["echo".into(), "silent".into(), "echo".into()]), "{shown}");
    assert!(shown.contains("imported x") && !shown.contains("change"), "{shown}");
    // Ctrl-D: there is no answer.
    let (status, echo, shown) = on_terminal(&shop, "file: ", "\\x04", 80, &[], &import).unwrap();
    assert_eq!((status, echo[2].as_str()), (5, "echo"), "{shown}");
}

#[test]
fn rm_asks_and_yes_answers() {
    let shop = shop();
    let Some((status, _, shown)) = on_terminal(&shop, "[y/N]", "n\\n", 80, &[], &["rm", "www"]) else {
        return;
    };
    assert_eq!(status, 1, "{shown}");
    assert!(shown.contains("Remove www (CN=www.fixture.test)? [y/N]"), "{shown}");
    assert!(shown.contains("error[declined]") && shown.contains("nothing was changed"), "{shown}");
    assert_eq!(shop.run(["show", "www"]).code, 0);
    // A refusal is no question: force overrides it, yes does not.
    let (status, _, shown) = on_terminal(&shop, "", "", 80, &[], &["rm", "root", "--yes"]).unwrap();
    assert_eq!(status, 4, "{shown}");
    let (status, _, shown) = on_terminal(&shop, "[y/N]", "y\\n", 80, &[], &["rm", "www"]).unwrap();
    assert_eq!(status, 0, "{shown}");
    let (status, _, shown) =
        on_terminal(&shop, "", "", 80, &[], &["rm", "www_intermediate", "--yes"]).unwrap();
    assert_eq!(status, 0, "{shown}");
    let (status, _, shown) = on_terminal(&shop, "[y/N]", "\\n", 80, &[], &["prune", "--all"]).unwrap();
    assert_eq!(status, 1, "{shown}");
    assert_eq!(shop.run(["undo", "www"]).code, 0);
}

#[test]
fn tables_fit_the_terminal_and_colours_stay_on_it() {
    let shop = shop();
    let Some((_, _, wide)) = on_terminal(&shop, "", "", 200, &[], &["ls"]) else { return };
    let plain = shop.run(["ls"]).out;
    // Of several names a terminal has the first, and how many more there are.
    let names = "www.fixture.test,fixture.test";
    assert!(plain.contains(names), "{plain}");
    let shortened = plain.replace(names, &format!("{:1$}", "www.fixture.test +1", names.len()));
    assert_eq!(wide, shortened, "nothing expires soon, so that nothing is coloured");
    for columns in [110, 80, 60, 40] {
        let (_, _, shown) = on_terminal(&shop, "", "", columns, &[], &["ls"]).unwrap();
        let columns = usize::try_from(columns).unwrap();
        assert_eq!(shown.lines().count(), plain.lines().count());
        assert!(shown.lines().all(|line| line.chars().count() <= columns), "{columns}:\n{shown}");
        assert!(shown.contains("www"), "{shown}");
    }
    let (_, _, told) = on_terminal(&shop, "", "", 200, &[("COLUMNS", "50")], &["ls"]).unwrap();
    assert!(told.lines().all(|line| line.chars().count() <= 50), "{told}");

    // An entry without an anchor is marked.
    assert_eq!(shop.run(["rm", "root", "--force"]).code, 0);
    let escaped = |environment: &[(&str, &str)], arguments: &[&str]| {
        on_terminal(&shop, "", "", 200, environment, arguments).unwrap().2.contains('\u{1b}')
    };
    assert!(escaped(&[], &["ls"]));
    assert!(!escaped(&[("TERM", "dumb")], &["ls"]));
    assert!(!escaped(&[("NO_COLOR", "1")], &["ls"]));
    assert!(!escaped(&[], &["--color", "never", "ls"]));
    assert!(!escaped(&[], &["--json", "ls"]));
    assert!(!escaped(&[("TERM", "dumb")], &["show", "nobody"]));
    assert!(escaped(&[], &["show", "nobody"]));
    assert!(!shop.run(["ls"]).out.contains('\u{1b}'), "off a terminal");
    assert!(shop.run(["--color", "always", "ls"]).out.contains('\u{1b}'));
}

#[test]
fn a_server_that_was_just_started_ends_well_and_leaves_nothing_behind() {
    let shop = shop();
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    let Some((status, _, shown)) = on_terminal(&shop, "stop with Ctrl-C", "\\x03", 200, &[], &serve) else {
        return;
    };
    assert_eq!(status, 0, "{shown}");
    assert!(shown.ends_with("stopped\n"), "{shown}");
    let servers = shop.folder.path().join("keystore.db.servers");
    assert_eq!(std::fs::read_dir(servers).unwrap().count(), 0, "what says that it runs");
}

#[test]
fn passphrases_of_slots_and_backups_are_asked_for_by_name() {
    let shop = shop();
    let phrases = [("RESCUE", "the rescue passphrase"), ("NEW", "a new passphrase")];
    let with = |arguments: &[&str]| -> Run { shop.command(arguments).envs(phrases).output().unwrap().into() };
    assert_eq!(with(&["slot", "add", "passphrase:env:RESCUE", "--label", "rescue"]).code, 0);
    let copy = shop.folder.path().join("copy.db");
    let copy = copy.to_str().unwrap();
    assert_eq!(with(&["backup", copy]).code, 0);
    let asked = "Passphrase of slot 1, \"rescue\": ";
    let Some((status, _, shown)) = on_terminal(&shop, asked, "not that one\\n", 120, &[], &["rekey"]) else {
        return;
    };
    assert_eq!(status, 5, "{shown}");
    assert!(shown.contains("the passphrase does not open slot 1"), "{shown}");
    let typed = on_terminal(&shop, asked, "the rescue passphrase\\n", 120, &[], &["rekey"]);
    let (status, echo, shown) = typed.unwrap();
    assert_eq!((status, echo[1].as_str()), (0, "silent"), "{shown}");
    assert!(shown.contains("kept slots 0, 1") && !shown.contains("the rescue"), "{shown}");

    // The key file of today is another; the passphrase of then is known to a person.
    assert_eq!(with(&["slot", "rm", "1"]).code, 0);
    let key = shop.folder.path().join("keystore.key");
    std::fs::rename(&key, shop.folder.path().join("former.key")).unwrap();
    let (former, new) =
        (format!("file:{}/former.key", shop.folder.path().display()), format!("file:{}", key.display()));
    assert_eq!(with(&["--unlock", &former, "passwd", "--to", &new]).code, 0);
    let restore = ["restore", "--yes", copy];
    let typed =
        on_terminal(&shop, "Passphrase of the backup: ", "the rescue passphrase\\n", 120, &[], &restore);
    let (status, _, shown) = typed.unwrap();
    assert_eq!(status, 0, "{shown}");
    assert!(shown.contains("restored"), "{shown}");
}
