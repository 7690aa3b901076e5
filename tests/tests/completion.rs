//! Completion: what a shell offers when somebody presses TAB, asked of bash itself, and of the program as other shells ask.
#![cfg(unix)]

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use strongroom_tests::command::{Run, Shop, binary, fine, shop};

/// What bash offers for the last of some words.
fn bash(words: &[&str]) -> Vec<String> {
    let script = r#"
source <(strongroom completions bash) || exit 1
COMP_WORDS=(strongroom "$@"); COMP_CWORD=$#; COMP_TYPE=9
_clap_complete_strongroom strongroom "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
((${#COMPREPLY[@]})) && printf '%s\n' "${COMPREPLY[@]}"
exit 0
"#;
    let path = format!("{}:/usr/bin:/bin", binary().parent().unwrap().display());
    let mut bash = Command::new("bash");
    bash.args(["--noprofile", "--norc", "-c", script, "bash"]).args(words).current_dir("../fixtures");
    let run: Run = bash.env_clear().env("PATH", path).stdin(Stdio::null()).output().unwrap().into();
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{words:?}");
    run.out.lines().map(str::to_owned).collect()
}

fn has_bash() -> bool {
    let found = Command::new("bash").arg("--version").stdout(Stdio::null()).status().is_ok();
    if !found {
        println!("SKIPPED: bash is not installed");
    }
    found
}

/// The same with the store of a shop.
fn offered(shop: &Shop, words: &[&str]) -> Vec<String> {
    let store = shop.store();
    let all: Vec<&str> =
        ["--store", store.to_str().unwrap()].into_iter().chain(words.iter().copied()).collect();
    bash(&all)
}

fn full() -> Shop {
    let shop = shop();
    fine(&shop.json(["generate", "Web-2", "--name", "web.test"]));
    fine(&shop.json(["generate", "gone", "--name", "gone.test"]));
    fine(&shop.json(["rm", "gone"]));
    fine(&shop.json(["csr", "waiting", "--name", "waiting.test"]));
    // Nothing opens it from here.
    fs::remove_file(shop.folder.path().join("keystore.key")).unwrap();
    shop
}

#[test]
fn bash_offers_the_aliases_that_a_command_is_about_without_a_key() {
    if !has_bash() {
        return;
    }
    let shop = full();
    for (words, expected) in [
        (&["show", "w"][..], &["waiting", "Web-2", "www", "www_intermediate"][..]),
        (&["show", "WW"], &["www", "www_intermediate"]),
        (&["show", "x"], &[]),
        (&["export", ""], &["Web-2", "www"]),
        (&["check", "www", ""], &["Web-2", "www"]),
        (&["watch", "r"], &["root"]),
        (&["rename", "ro"], &["root"]),
        (&["ca", "rm", ""], &["root", "www_intermediate"]),
        (&["ca", "show", "www"], &["www_intermediate"]),
        (&["csr", "install", ""], &["waiting"]),
        (&["csr", "next", "--like", "w"], &["Web-2", "www"]),
        (&["undo", "g"], &["gone"]),
        (&["history", "g"], &[]),
        (&["serve", "--alias", "www"], &["www"]),
        (
            &["import", "www.p12", "x", "--pass-in", ""],
            &["env:", "file:", "fd:", "cred:", "stdin", "prompt", "none"],
        ),
        (&["import", "x", "x", "--pass-in", "p"], &["prompt"]),
        (&["slot", "add", "pass"], &["passphrase:"]),
        (&["slot", "ls", "--unlock", "cr"], &["cred:"]),
        (&["help", "unlock"], &["unlock-keys"]),
        (&["import", "x", "x", "--allow", "expi"], &["expired"]),
        (&["export", "www", "--layout", ""], &["certbot", "kubernetes", "haproxy"]),
        (&["verify-s"], &["verify-store"]),
        (&["history", "--no-i"], &["--no-input"]),
    ] {
        let mut offered = offered(&shop, words);
        let mut expected: Vec<String> = expected.iter().map(|word| (*word).to_owned()).collect();
        offered.sort();
        expected.sort();
        assert_eq!(offered, expected, "{words:?}");
    }
    let options = offered(&shop, &["slot", "ls", ""]);
    assert!(options.contains(&"--json".to_owned()), "{options:?}");
    let commands = offered(&shop, &[""]);
    assert!(!commands.iter().any(|word| word.starts_with('-')), "{commands:?}");
    assert!(
        ["import", "ca", "watch", "help"].iter().all(|name| commands.iter().any(|word| word == name)),
        "{commands:?}"
    );
    // A file, where an alias can be one.
    assert!(offered(&shop, &["import", "pkcs12/www.p1"]).contains(&"pkcs12/www.p12".to_owned()));
}

/// What the program answers a shell, and what it says beside it.
fn asked(shell: &str, store: &Path, words: &[&str]) -> (Run, Duration) {
    let mut command = Command::new(binary());
    command.env_clear().env("_STRONGROOM_COMPLETE", shell).env("STRONGROOM_STORE", store);
    let index = words.len().to_string();
    command.env("_CLAP_COMPLETE_INDEX", index).env("_CLAP_IFS", "\n").args(["--", "strongroom"]).args(words);
    let started = Instant::now();
    let run: Run = command.output().unwrap().into();
    (run, started.elapsed())
}

#[test]
fn every_shell_is_answered_and_every_fault_is_silent() {
    let shop = full();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (run, _) = asked(shell, &shop.store(), &["show", "Web"]);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{shell}");
        assert!(run.out.starts_with("Web-2"), "{shell}: {}", run.out);
        let script = shop.run(["completions", shell]);
        assert_eq!(script.code, 0, "{}", script.err);
        assert!(script.out.contains("_STRONGROOM_COMPLETE"), "{shell}");
        let still = shop.run(["completions", shell, "--static"]);
        assert!(!still.out.contains("_STRONGROOM_COMPLETE") && still.out.contains("verify-store"), "{shell}");
    }
    let garbage = shop.folder.path().join("garbage.db");
    fs::write(&garbage, [7_u8; 70_000]).unwrap();
    let own = fs::read(shop.store()).unwrap();
    let cut = shop.folder.path().join("cut.db");
    fs::write(&cut, &own[..own.len() / 2]).unwrap();
    for store in [&garbage, &cut, Path::new("/no/such/store"), Path::new("/"), Path::new("")] {
        let (run, _) = asked("bash", store, &["show", ""]);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{}", store.display());
    }
    for (shell, words) in [
        ("tcsh", &["show", ""][..]),
        ("bash", &[]),
        ("bash", &["--store"]),
        ("bash", &["nonsense", "--x", ""]),
    ] {
        let (run, _) = asked(shell, &shop.store(), words);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{shell} {words:?}");
    }
}

#[test]
fn an_alias_that_is_none_is_not_offered_and_a_locked_store_keeps_nobody_waiting() {
    let shop = full();
    let outside = rusqlite::Connection::open(shop.store()).unwrap();
    let evil = b"\x10x$(touch /tmp/no)\x1b[2J\x00";
    outside.execute("INSERT INTO record (key, value) SELECT ?1, value FROM record LIMIT 1", [evil]).unwrap();
    drop(outside);
    let (run, _) = asked("bash", &shop.store(), &["show", "x"]);
    assert_eq!(run.out, "");
    let locked = Shop::empty();
    fine(&locked.json(["init", "--journal", "rollback"]));
    fine(&locked.json(["generate", "www", "--name", "www.test"]));
    let (run, _) = asked("bash", &locked.store(), &["show", ""]);
    assert_eq!(run.out, "www");
    let outside = rusqlite::Connection::open(locked.store()).unwrap();
    outside.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let mut best = Duration::MAX;
    for _ in 0..10 {
        let (run, took) = asked("bash", &locked.store(), &["show", "w"]);
        assert_eq!((run.out.as_str(), run.err.as_str()), ("", ""));
        best = best.min(took);
    }
    assert!(best < Duration::from_millis(300), "{best:?}");
}
