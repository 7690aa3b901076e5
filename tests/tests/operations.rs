//! The drills of docs/operations.md, word by word.

#[path = "operations/machine.rs"]
mod machine;

use std::{
    fs,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use rusqlite::Connection;
use strongroom_tests::command::{Run, Shop, WWW, binary, fine};

const PHRASE: &str = "correct horse battery";
/// The folders that the page speaks of, beside `/other`, which is made by the drill.
const FOLDERS: [&str; 5] = ["backup", "safe", "media", "metrics", "tls"];

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
        for folder in FOLDERS {
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
        for name in FOLDERS.into_iter().chain(["other"]) {
            line = line.replace(&format!("/{name}/"), &format!("{folder}/{name}/"));
        }
        // What is asked on a terminal.
        if line.contains(" restore ") {
            line.push_str(" --yes");
        }
        let program = binary().parent().unwrap().display().to_string();
        let mut shell = Command::new("sh");
        shell.args(["-c", &line]).current_dir(&folder).env("STRONGROOM_STORE", self.shop.store());
        shell.env("PATH", format!("{program}:{}", std::env::var("PATH").unwrap())).env("PHRASE", PHRASE);
        shell.env("P", "changeit");
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

    /// The blocks of the drill in a language.
    fn blocks(&self, language: &str) -> Vec<String> {
        let sections = sections();
        let (_, text) = sections.iter().find(|(heading, _)| heading == self.heading).expect("the drill");
        let begin = format!("```{language}\n");
        let blocks = text.split(&begin).skip(1);
        blocks.map(|block| block.split("```").next().unwrap().to_owned()).collect()
    }

    /// Runs every line of the drill.
    fn follow(&self) {
        let blocks = self.blocks("sh");
        assert!(blocks.concat().lines().count() > 1, "{}: {blocks:?}", self.heading);
        blocks.iter().for_each(|block| self.follow_block(block));
    }

    /// Runs the lines of a block, each of which has to end as it says.
    fn follow_block(&self, block: &str) {
        for line in block.lines() {
            let (line, code) = line.split_once("    # exit ").unwrap_or((line, "0"));
            let run = self.run(line);
            assert_eq!(run.code.to_string(), code, "{}: {line}: {}{}", self.heading, run.out, run.err);
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

fn damaged_entry() {
    let drill = Drill::usual("An entry is damaged, or gone for good");
    let outside = Connection::open(drill.shop.store()).unwrap();
    // The record of the entry, under its tag and its name.
    let damaged =
        outside.execute("UPDATE record SET value = x'00' WHERE substr(key, 1, 5) = x'1077777700'", []);
    assert_eq!(damaged.unwrap(), 1);
    drop(outside);
    let run = drill.run("strongroom verify-store");
    assert!(run.code == 8 && run.err.contains("www: the entry"), "{}{}", run.out, run.err);
    drill.follow();
    drill.is_whole("");
    // The file has the key of the entry.
    let digest = |run: Run| fine(&run)["keys"][0]["spki_sha256"].clone();
    let stored = fine(&drill.works("strongroom --json show www"))["spki_sha256"].clone();
    assert_eq!(digest(drill.works("strongroom --json inspect www.pem")), stored);
    drill.works("strongroom rm www --yes");
    drill.works("strongroom prune www --yes");
    drill.works(drill.blocks("sh")[0].lines().next().unwrap());
    drill.is_whole("");
}

fn damaged_page() {
    let drill = Drill::usual("A page of the file is damaged");
    let outside = Connection::open(drill.shop.store()).unwrap();
    outside.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(outside);
    // The page that has the leaf: what begins another certificate stands on it as well.
    let mut bytes = fs::read(drill.shop.store()).unwrap();
    let at = bytes.windows(16).position(|part| part == b"www.fixture.test").expect("the leaf");
    let page = at / 4096 * 4096;
    bytes[page..page + 4096].fill(0xa5);
    fs::write(drill.shop.store(), bytes).unwrap();
    drill.refused("strongroom rm www --yes", "store_corrupt");
    drill.follow();
    drill.is_whole("");
    drill.works("strongroom show www");
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
    machine::timer(&drill, &metrics);
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
    let line = drill.blocks("sh")[0].lines().next().unwrap().to_owned();
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

fn retention() {
    let drill = Drill::usual("How long the past is kept");
    drill.follow();
    drill.is_whole("");
    // Nothing is so old; without a limit everything that is past goes, and into a file.
    assert_eq!(fs::read_dir(drill.path("safe")).unwrap().count(), 1);
    drill.works("strongroom log rotate -o /safe/all.jsonl");
    drill.works("strongroom log verify /safe/all.jsonl --against-store");
    drill.refused("strongroom log rotate -o /safe/all.jsonl", "file_exists");
    drill.is_whole("");
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
        ("An entry is damaged, or gone for good", damaged_entry),
        ("A page of the file is damaged", damaged_page),
        ("What opens the store is damaged, or the store itself", nothing_opens),
        ("To another machine", machine::another_machine),
        ("The program is upgraded, and taken back", machine::upgrade),
        ("The disk is full", machine::full_disk),
        ("The clock is wrong", machine::wrong_clock),
        ("Alerts before certificates end", alerts),
        ("A server that reads PEM files", pem_files),
        ("How long the past is kept", retention),
    ];
    let headings: Vec<String> = sections().into_iter().map(|(heading, _)| heading).collect();
    assert_eq!(headings, drills.iter().map(|(heading, _)| *heading).collect::<Vec<_>>());
    for (_, drill) in drills {
        drill();
    }
}
