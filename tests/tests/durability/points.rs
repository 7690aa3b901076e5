//! D9: killed at every write, sync, truncation and removal of a change; then every command.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Output, Stdio},
};

use strongroom::{
    Keystore,
    store::{Journal, LogSegment},
};
use strongroom_tests::{authority::now, command::binary};

use crate::bench::{Bench, all_files, scaled};

/// The changes that are killed.
const CHANGES: [&str; 9] =
    ["import", "replace", "rename", "remove", "passwd", "rekey", "restore", "prune", "rotate"];

/// Every command that opens a store, with what it needs. `{}` is a free name outside the store's folder, `{backup}` a
/// backup of the store.
const COMMANDS: [&str; 30] = [
    "ls",
    "ls --removed",
    "show root",
    "show kept",
    "ca ls",
    "show root",
    "chain kept",
    "verify kept",
    "history kept",
    "diff kept@1 kept",
    "log",
    "log --verify",
    "slot ls",
    "user ls",
    "verify-store",
    "serve",
    "import www pkcs12/www.p12 --pass-in pass:changeit --allow no_anchor",
    "import kept pkcs12/www.p12 --pass-in pass:changeit --allow no_anchor --replace",
    "ca import other chains/root-rsa.pem",
    "rename root first",
    "rm root --force",
    "undo kept",
    "prune --all --yes",
    "backup {}",
    "backup {} --salvage",
    "restore --yes {backup}",
    "restore --only kept --from {backup}",
    "passwd --to file:{}",
    "rekey",
    "slot add file:{}",
];

/// What a command may say of a store that is whole: that it did what was asked, or that there is no such entry, or one
/// already: `kept` may have been removed or renamed before the kill.
const FINE: [i32; 3] = [0, 3, 4];

/// Alias, version and certificate of each entry.
type Content = Vec<String>;

fn content(keystore: &Keystore) -> Content {
    let entries = keystore.page(None, 100, now()).unwrap();
    entries
        .iter()
        .map(|entry| format!("{} {} {}", entry.alias, entry.version, entry.certificate.fingerprint()))
        .collect()
}

struct Points<'b> {
    bench: &'b Bench,
    journal: &'static str,
    backup: String,
    /// How often each command came after a kill.
    commands: BTreeMap<&'static str, usize>,
    next: usize,
}

impl Points<'_> {
    /// The worker that makes a change; it runs to its end, or is killed.
    fn worker(&self, what: &str) -> Command {
        let dir = self.bench.dir();
        let dir = dir.to_str().unwrap();
        match what {
            "restore" => self.bench.shimmed(["restore", dir, &self.backup]),
            _ => self.bench.shimmed(["change", dir, what]),
        }
    }

    fn run(&self, line: &str, free: &Path) -> Output {
        let words = line
            .split(' ')
            .map(|word| word.replace("{}", free.to_str().unwrap()).replace("{backup}", &self.backup));
        let mut command = Command::new(binary());
        command
            .env_clear()
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures"))
            .args(["--no-input", "--json", "--store"])
            .arg(self.bench.db())
            .arg("--key-file")
            .arg(self.bench.key())
            .args(words);
        if line != "serve" {
            return command.output().unwrap();
        }
        // It serves until it is told to stop.
        command.args(["--listen", "127.0.0.1:0", "--machine", "gis.fixture.test"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut first).unwrap();
        child.kill().unwrap();
        let mut output = child.wait_with_output().unwrap();
        if first.contains("\"url\"") {
            output.status = Command::new("true").status().unwrap();
        }
        output.stdout = first.into_bytes();
        output
    }

    /// Who comes next finds a whole store, as it was or as it became: a reader, a writer, and each command from the
    /// same files.
    fn judge(&mut self, what: &str, expected: &[Content; 2], every: bool) {
        let crashed = all_files(&self.bench.dir());
        // Who only reads comes first: a hot journal must not stop him.
        let read = Keystore::open_read_only(self.bench.db(), &self.bench.unlock());
        let read = read.unwrap_or_else(|error| panic!("{what}: {error}"));
        let found = content(&read);
        assert!(expected.contains(&found), "{what}: {found:?}");
        assert_eq!(read.verify_store().unwrap().problems, [], "{what}");
        // What was cut from the log is in a file that is whole.
        if let Some(cut) = read.log_cut().unwrap() {
            let segment = LogSegment::open(&self.bench.dir().with_extension("segment")).unwrap();
            assert_eq!(
                (segment.last, read.proven_rows(&segment).unwrap()),
                (cut.number, cut.number),
                "{what}"
            );
        }
        drop(read);
        let write = self.bench.open();
        write.import_credential(self.bench.request("after", "a")).unwrap();
        assert_eq!(write.verify_store().unwrap().problems, [], "{what}");
        drop(write);
        let free = self.bench.folder.path().join("free");
        for _ in 0..if every { COMMANDS.len() } else { 1 } {
            let line = COMMANDS[self.next % COMMANDS.len()];
            self.next += 1;
            self.bench.put_back(&crashed);
            let _ = fs::remove_file(&free);
            let output = self.run(line, &free);
            let code = output.status.code();
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(code.is_some_and(|code| FINE.contains(&code)), "{what}: {line}: {code:?} {said}");
            *self.commands.entry(line).or_default() += 1;
            // It may have given the store another key.
            let unlock = if line.starts_with("passwd") {
                strongroom::UnlockKey::read_file(&free).unwrap()
            } else {
                self.bench.unlock()
            };
            let report = Keystore::open(self.bench.db(), &unlock).unwrap().verify_store().unwrap();
            assert_eq!(report.problems, [], "{what}: {line}");
        }
    }

    /// Kills a change at its nth call of each kind, for each n.
    fn change(&mut self, change: &str, start: &[(std::path::PathBuf, Vec<u8>)]) -> usize {
        let fired = self.bench.folder.path().join("fired");
        self.bench.put_back(start);
        let before = content(&self.bench.open());
        assert!(self.worker(change).status().unwrap().success());
        let after = content(&self.bench.open());
        let expected = [before, after];
        let mut points = 0;
        for op in ["write", "fsync", "ftruncate", "unlink"] {
            for n in (1_usize..).step_by(scaled(5, 1)) {
                self.bench.put_back(start);
                let _ = fs::remove_file(&fired);
                let mut command = self.worker(change);
                command.env("SHIM_OP", op).env("SHIM_N", n.to_string()).env("SHIM_KILL", "1");
                command.env("SHIM_FIRED", &fired).output().unwrap();
                if !fired.exists() {
                    break;
                }
                points += 1;
                let what = format!("{} {change} {op} {n}", self.journal);
                self.judge(&what, &expected, scaled(0, 1) == 1);
            }
        }
        points
    }
}

/// In the full form every point is followed by every command, in the short one by one of them in turn.
#[track_caller]
fn killed_at_every_point(journal: Journal) {
    let bench = Bench::new(journal);
    let backup = bench.folder.path().join("backup.db");
    let keystore = bench.open();
    keystore
        .import_credential({
            let mut second = bench.request("kept", "b");
            second.options.replace = true;
            second
        })
        .unwrap();
    keystore.backup(&backup, now()).unwrap();
    // So that a restore brings something back, and takes something away.
    keystore.undo(&"kept".parse().unwrap(), now()).unwrap();
    drop(keystore);
    let start = bench.snapshot();
    let backup = backup.to_str().unwrap().to_owned();
    let mut points =
        Points { bench: &bench, journal: journal.as_str(), backup, commands: BTreeMap::new(), next: 0 };
    let mut total = 0;
    for change in CHANGES {
        let found = points.change(change, &start);
        println!("D9 {} killed at {found} points of {change}: each store opens", journal.as_str());
        assert!(found > 3, "{change}");
        total += found;
    }
    let commands: usize = points.commands.values().sum();
    println!(
        "D9 {}: {total} points of {} changes, {commands} commands after them ({} kinds): 0 stores that do not open",
        journal.as_str(),
        CHANGES.len(),
        points.commands.len(),
    );
}

#[test]
fn d9_killed_at_every_write_point_with_a_write_ahead_log() {
    killed_at_every_point(Journal::Wal);
}

#[test]
fn d9_killed_at_every_write_point_with_a_rollback_journal() {
    killed_at_every_point(Journal::Rollback);
}
