//! The drills of docs/operations.md, word by word.

use std::{
    fs,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use rusqlite::Connection;
use strongroom_tests::command::{Run, Shop, WWW, binary, fine};

const PHRASE: &str = "correct horse battery";

/// The page, by its headings; what stands before the first is under the empty one.
fn sections() -> Vec<(String, String)> {
    let page = fs::read_to_string("../docs/operations.md").unwrap();
    let mut sections = vec![(String::new(), page.split("\n## ").next().unwrap().to_owned())];
    sections.extend(page.split("\n## ").skip(1).map(|section| {
        let (heading, text) = section.split_once('\n').unwrap();
        (heading.to_owned(), text.to_owned())
    }));
    sections
}

/// A store, and the folders that the page speaks of.
struct Drill {
    shop: Shop,
    heading: &'static str,
}

impl Drill {
    fn new(heading: &'static str) -> Self {
        let shop = Shop::empty();
        for folder in ["backup", "safe", "media", "metrics", "tls"] {
            fs::create_dir(shop.folder.path().join(folder)).unwrap();
        }
        Self { shop, heading }
    }

    /// With a key file in slot 0, a rescue passphrase in slot 1, an entry and the backup of Monday.
    fn usual(heading: &'static str) -> Self {
        let drill = Self::new(heading);
        drill.works("strongroom init");
        drill.works("strongroom slot add prompt --label rescue");
        drill.filled();
        drill
    }

    fn filled(&self) {
        self.shop.import_root();
        fine(&self.shop.json(WWW));
        self.works("strongroom backup /backup/monday.db");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.shop.folder.path().join(name)
    }

    /// Runs a line in a shell.
    fn run(&self, line: &str) -> Run {
        self.shell(line).output().unwrap().into()
    }

    #[expect(clippy::disallowed_methods, reason = "the programs of the machine are looked for where it says")]
    fn shell(&self, line: &str) -> Command {
        let folder = self.shop.folder.path().display().to_string();
        let mut line = line.replace(" prompt", " passphrase:env:PHRASE");
        for name in ["/backup", "/safe", "/media", "/metrics", "/tls"] {
            line = line.replace(name, &format!("{folder}{name}"));
        }
        // What is asked on a terminal.
        if line.contains(" restore ") {
            line.push_str(" --yes");
        }
        let program = binary().parent().unwrap().display().to_string();
        let mut shell = Command::new("sh");
        shell.args(["-c", &line]).current_dir(&folder).env("STRONGROOM_STORE", self.shop.store());
        shell.env("PATH", format!("{program}:{}", std::env::var("PATH").unwrap())).env("PHRASE", PHRASE);
        shell
    }

    #[track_caller]
    fn works(&self, line: &str) -> Run {
        let run = self.run(line);
        assert_eq!(run.code, 0, "{}: {line}: {}{}", self.heading, run.out, run.err);
        run
    }

    #[track_caller]
    fn refused(&self, line: &str, code: &str) {
        let run = self.run(line);
        assert!(
            run.err.contains(&format!("error[{code}]")),
            "{}: {line}: {}{}",
            self.heading,
            run.out,
            run.err
        );
    }

    /// The lines of the drill.
    fn lines(&self) -> Vec<String> {
        let sections = sections();
        let (_, text) = sections.iter().find(|(heading, _)| heading == self.heading).expect("the drill");
        let blocks = text.split("```sh\n").skip(1);
        blocks.flat_map(|block| block.split("```").next().unwrap().lines()).map(str::to_owned).collect()
    }

    /// Runs each of them.
    fn follow(&self) {
        let lines = self.lines();
        assert!(lines.len() > 1, "{}: {lines:?}", self.heading);
        for line in lines {
            self.works(&line);
        }
    }

    fn is_whole(&self, unlock: &str) {
        let run = self.works(&format!("strongroom --json {unlock} verify-store"));
        assert_eq!(fine(&run)["keys"], 1, "{}", self.heading);
    }
}

fn two_slots() {
    let drill = Drill::new("");
    drill.works("strongroom init");
    drill.shop.import_root();
    fine(&drill.shop.json(WWW));
    drill.follow();
    drill.is_whole("--unlock prompt");
    assert!(drill.path("backup/monday.db").exists());
}

fn lost_key_file() {
    let drill = Drill::usual("The key file is lost");
    fs::rename(drill.path("keystore.key"), drill.path("safe/found.key")).unwrap();
    drill.follow();
    drill.is_whole("");
    drill.is_whole("--unlock prompt");
    drill.refused("strongroom --unlock file:/safe/found.key ls", "wrong_unlock_key");
    // What the page says of backups is so.
    drill.works("strongroom --store /backup/monday.db --unlock file:/safe/found.key ls");
}

fn forgotten_passphrase() {
    let drill = Drill::new("The passphrase is forgotten");
    drill.works("PHRASE='what nobody remembers' strongroom --unlock prompt init");
    drill.works("PHRASE='what nobody remembers' strongroom --unlock prompt slot add file:/media/rescue.key");
    drill.refused("strongroom --unlock prompt ls", "wrong_unlock_key");
    drill.follow();
    drill.works("strongroom --unlock prompt ls");
    drill.works("strongroom --unlock file:/media/rescue.key ls");
    drill.refused("PHRASE='what nobody remembers' strongroom --unlock prompt ls", "wrong_unlock_key");
}

fn another_key() {
    let drill = Drill::usual("The key is rotated");
    drill.follow();
    drill.is_whole("");
    drill.is_whole("--unlock prompt");
    drill.refused("strongroom --unlock file:former.key ls", "wrong_unlock_key");
    for (backup, key) in [("monday", "former"), ("tuesday", "keystore")] {
        drill.works(&format!("strongroom --store /backup/{backup}.db --unlock file:{key}.key ls"));
    }
}

fn older_backup() {
    let drill = Drill::usual("A backup is older than the key");
    drill.works("mv keystore.key /safe/former.key");
    drill.works("strongroom --unlock file:/safe/former.key passwd --to file:keystore.key");
    drill.works("strongroom rekey --unlock file:keystore.key --unlock prompt");
    drill.works("strongroom rm www --yes");
    // Monday's rescue passphrase is today's as well; the key file is not.
    drill.refused("strongroom restore /backup/monday.db", "wrong_unlock_key");
    drill.follow();
    drill.is_whole("");
    drill.refused("strongroom --unlock file:/safe/former.key ls", "wrong_unlock_key");
}

fn damaged_slot() {
    let drill = Drill::usual("A slot is damaged");
    let outside = Connection::open(drill.shop.store()).unwrap();
    outside.execute_batch("UPDATE record SET value = substr(value, 1, 30) WHERE key = x'b001'").unwrap();
    let run = drill.works("strongroom ls");
    assert!(run.err.contains("slot 1"), "{}", run.err);
    drill.refused("strongroom rm www --yes", "store_corrupt");
    drill.follow();
    drill.is_whole("--unlock prompt");
}

fn nothing_opens() {
    let drill = Drill::usual("What opens the store is damaged, or the store itself");
    let outside = Connection::open(drill.shop.store()).unwrap();
    outside
        .execute_batch("UPDATE record SET value = substr(value, 1, 30) WHERE key IN (x'b000', x'b001')")
        .unwrap();
    drill.refused("strongroom ls", "store_corrupt");
    drill.refused("strongroom --unlock prompt ls", "store_corrupt");
    drill.follow();
    drill.is_whole("");
}

fn alerts() {
    let drill = Drill::usual("Alerts before certificates end");
    drill.follow();
    let metrics = fs::read_to_string(drill.path("metrics/strongroom.prom")).unwrap();
    assert!(metrics.contains("x509_cert_not_after{alias=\"www\",role=\"leaf\""), "{metrics}");
    assert!(fs::read_to_string(drill.path("safe/check.txt")).unwrap().contains("1 entry checked"));
}

/// A server that notes each reload, and fails at the first of them.
const NGINX: &str = "#!/bin/sh\ntest \"$*\" = '-s reload' || exit 2\ntest -e \"$0.failed\" || { touch \"$0.failed\"; exit 1; }\nopenssl x509 -noout -fingerprint -sha256 -in TLS/www/cert.pem >>\"$0.log\"\n";

fn pem_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let drill = Drill::usual("A server that reads PEM files");
    let programs = drill.path("safe");
    let nginx = programs.join("nginx");
    fs::write(&nginx, NGINX.replace("TLS", &drill.path("tls").display().to_string())).unwrap();
    fs::set_permissions(&nginx, fs::Permissions::from_mode(0o700)).unwrap();
    let line = drill.lines().remove(0);
    let line = format!("PATH={}:$PATH; exec {line}", programs.display());
    let mut watch = drill.shell(&line).spawn().unwrap();
    let log = programs.join("nginx.log");
    let reloaded = |times: usize| {
        let until = Instant::now() + Duration::from_secs(40);
        loop {
            let reloads = fs::read_to_string(&log).unwrap_or_default();
            let last = reloads.lines().last().and_then(|line| line.split('=').nth(1));
            if reloads.lines().count() >= times {
                return last.unwrap().replace(':', "").to_ascii_lowercase();
            }
            assert!(Instant::now() < until, "{reloads}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    let leaf = || fine(&drill.works("strongroom --json show www"))["sha256"].as_str().unwrap().to_owned();
    let first = leaf();
    assert_eq!(reloaded(1), first, "tried again, since the first reload failed");
    let renewal = ["import", "www", "pkcs12/www-direct.p12", "--pass-in", "pass:changeit", "--replace"];
    fine(&drill.shop.json(renewal));
    assert_eq!(reloaded(2), leaf());
    assert_ne!(leaf(), first);
    let ended = Command::new("kill").arg(watch.id().to_string()).status().unwrap();
    assert!(ended.success() && watch.wait().unwrap().success());
}

#[test]
fn every_drill_of_the_page_is_run() {
    let drills: &[(&str, fn())] = &[
        ("", two_slots),
        ("The key file is lost", lost_key_file),
        ("The passphrase is forgotten", forgotten_passphrase),
        ("The key is rotated", another_key),
        ("A backup is older than the key", older_backup),
        ("A slot is damaged", damaged_slot),
        ("What opens the store is damaged, or the store itself", nothing_opens),
        ("Alerts before certificates end", alerts),
        ("A server that reads PEM files", pem_files),
    ];
    let headings: Vec<String> = sections().into_iter().map(|(heading, _)| heading).collect();
    assert_eq!(headings, drills.iter().map(|(heading, _)| *heading).collect::<Vec<_>>());
    for (_, drill) in drills {
        drill();
    }
}
