//! `find`, the narrowings of `ls` and `log`, and what the command says of itself: `config`, `help`, `man`, `completions`.
#![cfg(unix)]

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use serde_json::Value;
use strongroom_tests::command::{Run, Shop, fine, refused, shop};

fn aliases(run: &Run) -> Vec<String> {
    let listed = fine(run);
    listed["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["alias"].as_str().unwrap().to_owned())
        .collect()
}

fn filled() -> Shop {
    let shop = shop();
    assert_eq!(shop.run(["ca", "import", "other", "chains/root-ec.pem"]).code, 0);
    shop
}

#[test]
fn an_entry_is_found_by_whatever_is_known_of_it() {
    let shop = filled();
    let shown = fine(&shop.json(["show", "www"]));
    let text = |field: &str| shown[field].as_str().unwrap().to_owned();
    let (serial, sha256, sha1) = (text("serial"), text("sha256"), text("sha1"));
    let name = shown["names"][0].as_str().unwrap().to_owned();
    let colons: Vec<String> =
        sha256.as_bytes().chunks(2).map(|two| String::from_utf8_lossy(two).to_uppercase()).collect();
    for (wanted, place) in [
        ("WWW", "alias"),
        (name.as_str(), "name"),
        (&serial, "serial"),
        (&colons.join(":"), "sha256"),
        (&sha256[..12], "sha256"),
        (&sha1, "sha1"),
    ] {
        let found = fine(&shop.json(["find", wanted]));
        let entry = found["entries"].as_array().unwrap().iter().find(|entry| entry["alias"] == "www");
        let entry = entry.unwrap_or_else(|| panic!("{wanted}: {found}"));
        let places: Vec<&str> =
            entry["found_in"].as_array().unwrap().iter().map(|place| place.as_str().unwrap()).collect();
        assert!(places.contains(&place), "{wanted}: {places:?}");
    }
    // The issuer of one is the subject of the other.
    let issuer = text("issuer");
    assert_eq!(aliases(&shop.json(["find", &issuer])), ["www", "www_intermediate"]);
    let run = shop.run(["find", &name]);
    assert!(run.out.lines().nth(1).unwrap().contains(&format!("name {name}")), "{}", run.out);
    refused(&shop.json(["find", "nobody.test"]), 3, "nothing_found");
}

#[test]
fn a_listing_is_narrowed_down_and_sorted() {
    let shop = filled();
    let all = aliases(&shop.json(["ls"]));
    let mut by_end: Vec<(String, String)> = fine(&shop.json(["ls"]))["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            (entry["not_after"].as_str().unwrap().to_owned(), entry["alias"].as_str().unwrap().to_owned())
        })
        .collect();
    by_end.sort();
    let sorted = aliases(&shop.json(["ls", "--sort", "expires"]));
    assert_eq!(sorted, by_end.into_iter().map(|(_, alias)| alias).collect::<Vec<_>>());
    assert_eq!(sorted.len(), all.len());

    let name = fine(&shop.json(["show", "www"]))["names"][0].as_str().unwrap().to_owned();
    let wildcard = format!("*.{}", name.split_once('.').unwrap().1);
    assert_eq!(aliases(&shop.json(["ls", "--name", &wildcard])), ["www"]);
    assert_eq!(aliases(&shop.json(["ls", "--name", &name.to_uppercase()])), ["www"]);
    let issuer = fine(&shop.json(["show", "www"]))["issuer"].as_str().unwrap().to_uppercase();
    assert_eq!(aliases(&shop.json(["ls", "--issuer", &issuer, "--name", "*"])), ["www"]);
    assert!(aliases(&shop.json(["ls", "--within", "100%"])).contains(&"www".to_owned()));
    let none = shop.run(["ls", "--name", "nobody.test"]);
    assert_eq!((none.code, none.out.as_str()), (0, "no entry is like that\n"));
    refused(&shop.json(["ls", "--within", "soon"]), 2, "usage");
    refused(&shop.json(["ls", "--removed", "--name", "x"]), 2, "usage");
}

#[test]
fn the_log_is_shown_from_its_end_of_one_alias_and_since_a_time() {
    let shop = filled();
    let rows = |arguments: &[&str]| -> Vec<(u64, String)> {
        let run = shop.json(["log"].iter().chain(arguments).copied());
        let listed = fine(&run);
        let rows = listed["log"].as_array().unwrap().iter();
        rows.map(|row| (row["number"].as_u64().unwrap(), row["alias"].as_str().unwrap().to_owned())).collect()
    };
    let all = rows(&[]);
    assert!(all.len() >= 4, "{all:?}");
    assert_eq!(rows(&["--tail", "2"]), all[all.len() - 2..]);
    assert_eq!(rows(&["--tail", "0"]), []);
    assert!(rows(&["--alias", "WWW"]).iter().all(|(_, alias)| alias == "www"));
    assert_eq!(rows(&["--since", "1h"]), all);
    assert_eq!(rows(&["--since", "2099-01-01T00:00:00Z"]), []);
    refused(&shop.json(["log", "--since", "yesterday"]), 2, "bad_time");
    refused(&shop.json(["log", "--verify", "--tail", "1"]), 2, "usage");
}

#[test]
fn the_log_is_followed_while_others_write() {
    let shop = filled();
    let mut followed =
        shop.command(["--json", "log", "--follow", "--tail", "1"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(followed.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    assert_eq!(next()["result"]["alias"], "other");
    assert_eq!(shop.run(["rename", "www", "shop"]).code, 0);
    let renamed = next();
    assert_eq!(renamed["schema"], "strongroom/v1");
    assert_eq!(renamed["result"]["action"], "rename");
    followed.kill().unwrap();
    followed.wait().unwrap();
}

#[test]
fn config_says_where_each_setting_comes_from() {
    let shop = shop();
    let mut command = shop.command(["--json", "config"]);
    command
        .env("STRONGROOM_KEY_FILE", "/keys/own.key")
        .env("STRONGROOM_UNLOCK", "passphrase:pass:hunter2hunter2");
    let run: Run = command.output().unwrap().into();
    assert!(!run.out.contains("hunter2"), "{}", run.out);
    let settings = fine(&run)["settings"].clone();
    let setting = |name: &str| {
        let all = settings.as_array().unwrap();
        all.iter().find(|setting| setting["name"] == name).unwrap().clone()
    };
    assert_eq!(setting("store")["origin"], "option");
    assert_eq!(setting("store")["value"], shop.store().display().to_string());
    assert_eq!(setting("key-file")["origin"], "environment");
    assert_eq!(setting("key-file")["value"], "/keys/own.key");
    assert_eq!(setting("rollback-guard")["origin"], "default");
    assert_eq!(setting("rollback-guard")["value"], Value::Null);
    let text = shop.run(["config"]).out;
    let has = |words: &str| {
        text.lines().any(|line| line.split_whitespace().collect::<Vec<_>>().join(" ").starts_with(words))
    };
    assert!(has("store --store STRONGROOM_STORE /"), "{text}");
    assert!(has("key-file default STRONGROOM_KEY_FILE /"), "{text}");
}

#[test]
fn help_has_the_commands_and_the_topics() {
    let shop = Shop::empty();
    let topic = shop.run(["help", "passwords"]);
    assert_eq!(topic.code, 0, "{}", topic.err);
    assert!(topic.out.starts_with("Passwords of files\n"), "{}", topic.out);
    assert!(topic.out.lines().all(|line| line.chars().count() <= 120));
    let command = shop.run(["help", "ca", "import"]);
    assert_eq!(command.code, 0, "{}", command.err);
    assert!(command.out.contains("strongroom ca import [OPTIONS] ALIAS FILE"), "{}", command.out);
    assert!(shop.run(["help"]).out.starts_with("A keystore for server certificates"));
    let help = shop.json(["help", "nonsense"]);
    assert_eq!(help.error_code(), "usage");
    // What the topics quote are calls of the command.
    for topic in ["passwords", "chains", "unlock-keys", "exit-codes", "retention"] {
        let text = shop.run(["help", topic]).out;
        for line in text.lines().filter_map(|line| line.strip_prefix("  strongroom ")) {
            let words: Vec<&str> = line.split("  ").next().unwrap().split(' ').collect();
            let run = shop.run(words.iter().copied().chain(["--help"]));
            assert_eq!(run.code, 0, "{line}: {}", run.err);
        }
    }
}

#[test]
fn manual_pages_and_completions_are_well_formed() {
    let shop = Shop::empty();
    let folder = shop.folder.path().join("man1");
    let run = shop.run(["man", "--dir", folder.to_str().unwrap()]);
    assert_eq!(run.code, 0, "{}", run.err);
    let pages: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|page| page.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    for page in ["strongroom.1", "strongroom-import.1", "strongroom-ca-import.1", "strongroom-check.1"] {
        assert!(pages.contains(&page.to_owned()), "{page}: {pages:?}");
    }
    assert!(shop.run(["man"]).out.contains(".TH strongroom 1"));
    if Command::new("groff").arg("--version").output().is_ok() {
        for page in &pages {
            let output = Command::new("groff")
                .args(["-man", "-Tutf8", "-ww", "-z"])
                .arg(folder.join(page))
                .output()
                .unwrap();
            assert!(output.status.success() && output.stderr.is_empty(), "{page}: {output:?}");
        }
    } else {
        eprintln!("skipped: groff is not installed");
    }
    let script = shop.folder.path().join("completions");
    // What asks the program while one types, and what lists all commands itself.
    for (shell, arguments) in ["bash", "zsh", "fish"].into_iter().flat_map(|shell| {
        [(shell, vec!["completions", shell]), (shell, vec!["completions", shell, "--static"])]
    }) {
        let run = shop.run(&arguments);
        assert_eq!(run.code, 0, "{}", run.err);
        assert!(run.out.contains("strongroom"));
        assert_eq!(run.out.contains("verify-store"), arguments.contains(&"--static"), "{shell}");
        fs::write(&script, &run.out).unwrap();
        match Command::new(shell).arg("-n").arg(&script).output() {
            Ok(output) => assert!(output.status.success(), "{shell}: {output:?}"),
            Err(_) => eprintln!("skipped: {shell} is not installed"),
        }
    }
}
