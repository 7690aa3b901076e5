//! `watch`: what it says of changes, and what it runs. nginx and `systemd-analyze` are asked where they are installed.
#![cfg(unix)]

#[path = "watch/nginx.rs"]
mod nginx;
#[path = "watch/runs.rs"]
mod runs;
#[path = "watch/store.rs"]
mod store;

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::{Duration, Instant},
};

use serde_json::Value;
use strongroom_tests::command::{Shop, WWW, fine, refused, shop};

/// How long anything may take that is waited for.
const LONG: Duration = Duration::from_secs(40);

/// A running watch; it ends with this value.
struct Watch {
    child: Child,
    out: Receiver<String>,
    err: Receiver<String>,
}

fn lines(stream: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (tell, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines() {
            if tell.send(line.unwrap()).is_err() {
                return;
            }
        }
    });
    lines
}

impl Watch {
    fn start<'a>(shop: &Shop, arguments: impl IntoIterator<Item = &'a str>) -> Self {
        Self::start_with(shop, arguments, |_| {})
    }

    fn start_with<'a>(
        shop: &Shop,
        arguments: impl IntoIterator<Item = &'a str>,
        more: impl FnOnce(&mut Command),
    ) -> Self {
        let mut command = shop.command(arguments);
        command.env("PATH", "/usr/sbin:/usr/bin:/bin");
        more(&mut command);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (out, err) = (lines(child.stdout.take().unwrap()), lines(child.stderr.take().unwrap()));
        Self { child, out, err }
    }

    /// The next line of standard output that has a text.
    #[track_caller]
    fn says(&self, text: &str) -> String {
        waited(&self.out, text)
    }

    /// The same of standard error.
    #[track_caller]
    fn tells(&self, text: &str) -> String {
        waited(&self.err, text)
    }

    /// The next line of JSON: its event, and all of it.
    #[track_caller]
    fn event(&self) -> (String, Value) {
        let line: Value = serde_json::from_str(&waited(&self.out, "{")).unwrap();
        let result = line["result"].clone();
        (result["event"].as_str().unwrap().to_owned(), result)
    }

    /// Nothing more is said on standard output for a while.
    #[track_caller]
    fn is_quiet(&self, time: Duration) {
        if let Ok(line) = self.out.recv_timeout(time) {
            panic!("{line}");
        }
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Ends it by SIGTERM: within some time, with exit code 0.
    #[track_caller]
    fn ends(mut self, within: Duration) -> Vec<String> {
        self.signal("-TERM");
        let until = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                assert_eq!(status.code(), Some(0), "{status}");
                return self.err.iter().collect();
            }
            assert!(Instant::now() < until, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[track_caller]
fn waited(lines: &Receiver<String>, text: &str) -> String {
    let until = Instant::now() + LONG;
    let mut before = Vec::new();
    loop {
        match lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(line) if line.contains(text) => return line,
            Ok(line) => before.push(line),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                panic!("{text} was not said: {before:#?}")
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const OTHER: [&str; 6] =
    ["import", "www", "pkcs12/www-direct.p12", "--pass-in", "pass:changeit", "--replace"];

#[test]
fn each_change_is_an_event_with_what_the_entry_is_now() {
    let shop = shop();
    let watch = Watch::start(&shop, ["--json", "watch"]);
    let leaf = |alias: &str| fine(&shop.json(["show", alias]))["sha256"].clone();
    let (event, first) = watch.event();
    assert_eq!((event.as_str(), &first["alias"], &first["version"]), ("present", &"www".into(), &1.into()));
    assert_eq!(first["sha256"], leaf("www"));
    assert_eq!(first["not_after"], fine(&shop.json(["show", "www"]))["not_after"]);

    fine(&shop.json(OTHER));
    let (event, replaced) = watch.event();
    assert_eq!((event.as_str(), &replaced["version"]), ("replaced", &2.into()));
    assert_eq!(replaced["sha256"], leaf("www"));
    assert_ne!(replaced["sha256"], first["sha256"]);
    // The same once more is no change, nor is what servers do not serve.
    fine(&shop.json(OTHER));
    fine(&shop.json(["csr", "soon", "--name", "soon.test"]));
    fine(&shop.json(["slot", "add", &format!("file:{}", shop.folder.path().join("b.key").display())]));
    watch.is_quiet(Duration::from_millis(600));

    fine(&shop.json(["undo", "www"]));
    assert_eq!(watch.event().1["sha256"], first["sha256"]);
    fine(&shop.json(["rename", "www", "shop"]));
    let mut renamed = [watch.event().1, watch.event().1];
    renamed.sort_by_key(|event| event["event"].as_str().unwrap().to_owned());
    let [added, removed] = renamed;
    assert_eq!((&added["event"], &added["alias"]), (&"added".into(), &"shop".into()));
    assert_eq!((&added["former"], &added["renamed_to"]), (&"www".into(), &Value::Null));
    assert_eq!((&removed["event"], &removed["alias"]), (&"removed".into(), &"www".into()));
    assert_eq!((&removed["former"], &removed["renamed_to"]), (&Value::Null, &"shop".into()));
    fine(&shop.json(["rm", "shop"]));
    let (event, removed) = watch.event();
    assert_eq!((event.as_str(), &removed["renamed_to"]), ("removed", &Value::Null));
    assert_eq!(removed["sha256"], first["sha256"], "what it was last");
    fine(&shop.json(["generate", "test", "--name", "test.test"]));
    assert_eq!(watch.event().0, "added");
    assert_eq!(watch.ends(LONG), ["stopped"]);
}

#[test]
fn a_chain_changes_with_the_cas_and_a_ca_that_is_named_is_watched_as_well() {
    let shop = Shop::open();
    shop.import_root();
    let alone = ["--import-certificate-chain", "false", "--allow", "no_anchor"];
    fine(&shop.json(WWW.into_iter().chain(alone)));
    fine(&shop.json(["generate", "own", "--name", "own.test"]));
    let watch = Watch::start(&shop, ["--json", "watch", "www", "own", "issuing", "--no-initial"]);
    assert!(watch.tells("there is no entry").contains("issuing yet"));
    fine(&shop.json(["ca", "import", "issuing", "chains/intermediate-rsa.pem"]));
    let mut events = [watch.event(), watch.event()];
    events.sort_by_key(|(event, _)| event.clone());
    let [(added, ca), (changed, www)] = &events;
    assert_eq!((added.as_str(), &ca["alias"]), ("added", &"issuing".into()));
    assert_eq!((changed.as_str(), &www["alias"]), ("chain_changed", &"www".into()));
    fine(&shop.json(["ca", "rm", "issuing", "--force"]));
    let mut kinds = [watch.event().0, watch.event().0];
    kinds.sort();
    assert_eq!(kinds, ["chain_changed", "removed"]);
    watch.is_quiet(Duration::from_millis(500));
    // Without names no CA is an entry to watch.
    let watch = Watch::start(&shop, ["--json", "watch", "--no-initial"]);
    let at_first = Watch::start(&shop, ["--json", "watch"]);
    let there = [at_first.event().1["alias"].clone(), at_first.event().1["alias"].clone()];
    assert_eq!(there, ["own", "www"]);
    fine(&shop.json(["ca", "import", "other", "chains/root-ec.pem"]));
    watch.is_quiet(Duration::from_millis(500));
}

#[test]
fn text_is_a_line_for_a_change_and_wrong_calls_are_refused() {
    let shop = shop();
    let watch = Watch::start(&shop, ["watch", "WWW"]);
    let line = watch.says("www");
    let sha256 = fine(&shop.json(["show", "www"]))["sha256"].as_str().unwrap().to_owned();
    let expected = format!("Z www is there: version 1, SHA-256 {}..., until 2036-01-01", &sha256[..16]);
    assert!(line.ends_with(&expected), "{line}");
    fine(&shop.json(["rename", "www", "shop"]));
    assert!(watch.says("www").ends_with("Z www was renamed to shop"));
    assert_eq!(watch.ends(LONG), ["stopped"]);
    for arguments in [
        &["watch", "--on-removal"][..],
        &["watch", "--debounce", "2s"],
        &["watch", "--exec", "true", "--debounce", "2"],
        &["watch", "--exec", "true", "--", "true"],
        &["watch", "www", "true;false"],
    ] {
        refused(&shop.json(arguments.iter().copied()), 2, "usage");
    }
    refused(&Shop::empty().json(["watch"]), 3, "store_missing");
}
