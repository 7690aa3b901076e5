//! D3: power cuts. Every change to the store's files is recorded; then the files are rebuilt as a cut after each of
//! them could have left them: unsynced writes kept, dropped, torn at 512 bytes, in any combination; names of files as
//! far as the folder was synced, and any number of the changes after that, in order.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use rusqlite::Connection;
use strongroom::{Keystore, UnlockKey, store::Journal};

use crate::bench::{Bench, Random, acknowledged, scaled, write_private};

#[derive(Clone, Debug)]
pub(crate) enum Event {
    Ack(String),
    Create(String),
    Sync(String),
    Truncate(String, usize),
    Unlink(String),
    Write(String, usize, Vec<u8>),
}

pub(crate) fn parse(mut log: &[u8]) -> Vec<Event> {
    let mut events = Vec::new();
    while let Some(end) = log.iter().position(|byte| *byte == b'\n') {
        let head = String::from_utf8(log[..end].to_vec()).unwrap();
        let words: Vec<&str> = head.split(' ').collect();
        let [op, path, offset, length] = words.as_slice() else { panic!("{head}") };
        let (offset, length): (usize, usize) = (offset.parse().unwrap(), length.parse().unwrap());
        let bytes = log[end + 1..end + 1 + length].to_vec();
        log = &log[end + 1 + length..];
        let path = (*path).to_owned();
        events.push(match *op {
            "ack" => Event::Ack(String::from_utf8(bytes).unwrap()),
            "create" => Event::Create(path),
            "sync" => Event::Sync(path),
            "truncate" => Event::Truncate(path, offset),
            "unlink" => Event::Unlink(path),
            "write" => Event::Write(path, offset, bytes),
            other => panic!("{other}"),
        });
    }
    // Shared memory is no part of what a disk keeps.
    events.retain(|event| match event {
        Event::Create(path) | Event::Sync(path) | Event::Truncate(path, _) | Event::Unlink(path) => {
            !path.ends_with("-shm")
        }
        Event::Write(path, ..) => !path.ends_with("-shm"),
        Event::Ack(_) => true,
    });
    events
}

/// A file on the disk: what is surely there, and what was done since.
#[derive(Clone, Default)]
struct Disk {
    durable: Vec<u8>,
    pending: Vec<Event>,
}

impl Disk {
    fn apply(content: &mut Vec<u8>, event: &Event, sectors: impl Fn(usize) -> bool) {
        match event {
            Event::Write(_, offset, bytes) => {
                for (n, chunk) in bytes.chunks(512).enumerate() {
                    if sectors(n) {
                        let (from, to) = (offset + n * 512, offset + n * 512 + chunk.len());
                        content.resize(content.len().max(to), 0);
                        content[from..to].copy_from_slice(chunk);
                    }
                }
            }
            Event::Truncate(_, length) => content.resize(*length, 0),
            _ => {}
        }
    }

    fn sync(&mut self) {
        for event in std::mem::take(&mut self.pending) {
            Self::apply(&mut self.durable, &event, |_| true);
        }
    }

    /// What a cut leaves: variant 0 nothing unsynced, 1 all of it, the others by chance.
    fn after_cut(&self, variant: usize, random: &mut Random) -> Vec<u8> {
        let mut content = self.durable.clone();
        for event in &self.pending {
            let kept = match variant {
                0 => continue,
                1 => true,
                _ => random.below(2) == 0,
            };
            let torn = variant > 1 && random.below(3) == 0;
            let mask = random.below(usize::MAX);
            match (kept, torn) {
                (false, false) => {}
                (_, true) => Self::apply(&mut content, event, |n| mask >> (n % 31) & 1 == 1),
                (true, false) => Self::apply(&mut content, event, |_| true),
            }
        }
        content
    }
}

/// The disk as the events before a cut left it.
struct Model {
    files: BTreeMap<String, Disk>,
    /// Names that are surely there, with the file that they stand for.
    names: BTreeMap<String, String>,
    /// Changes of names since, in order.
    pending: Vec<Event>,
    folder: String,
    generation: usize,
    /// The file behind a name, as the process sees it.
    current: BTreeMap<String, String>,
}

impl Model {
    fn new(folder: &Path, start: &[(PathBuf, Vec<u8>)]) -> Self {
        let mut model = Self {
            files: BTreeMap::new(),
            names: BTreeMap::new(),
            pending: Vec::new(),
            folder: folder.to_str().unwrap().to_owned(),
            generation: 0,
            current: BTreeMap::new(),
        };
        for (path, content) in start {
            let name = path.to_str().unwrap().to_owned();
            model.files.insert(name.clone(), Disk { durable: content.clone(), pending: Vec::new() });
            model.names.insert(name.clone(), name.clone());
            model.current.insert(name.clone(), name);
        }
        model
    }

    fn file(&mut self, path: &str) -> &mut Disk {
        let id = self.current.get(path).cloned().unwrap_or_else(|| path.to_owned());
        self.files.entry(id).or_default()
    }

    fn settle(&mut self, count: usize) {
        for event in self.pending.drain(..count).collect::<Vec<_>>() {
            Self::rename(&mut self.names, &event);
        }
    }

    fn rename(names: &mut BTreeMap<String, String>, event: &Event) {
        match event {
            // The file is named in the second word.
            Event::Write(path, _, id) => {
                names.insert(path.clone(), String::from_utf8(id.clone()).unwrap());
            }
            Event::Unlink(path) => {
                names.remove(path);
            }
            _ => {}
        }
    }

    fn step(&mut self, event: &Event) {
        match event {
            Event::Ack(_) => {}
            Event::Create(path) => {
                self.generation += 1;
                let id = format!("{path}#{}", self.generation);
                self.files.insert(id.clone(), Disk::default());
                self.current.insert(path.clone(), id.clone());
                self.pending.push(Event::Write(path.clone(), 0, id.into_bytes()));
            }
            Event::Unlink(path) => {
                self.current.remove(path);
                self.pending.push(event.clone());
            }
            Event::Sync(path) if *path == self.folder => self.settle(self.pending.len()),
            Event::Sync(path) => {
                self.file(path).sync();
                // A file that is synced has its name, and all changes of names before it.
                let made = |event: &Event| matches!(event, Event::Write(name, ..) if name == path);
                if let Some(last) = self.pending.iter().rposition(made) {
                    self.settle(last + 1);
                }
            }
            Event::Truncate(path, _) | Event::Write(path, ..) => self.file(path).pending.push(event.clone()),
        }
    }

    /// Writes what a cut leaves into `folder`.
    fn cut(&self, folder: &Path, variant: usize, random: &mut Random) {
        let mut names = self.names.clone();
        let renamed = match variant {
            0 => 0,
            1 => self.pending.len(),
            _ => random.below(self.pending.len() + 1),
        };
        for event in &self.pending[..renamed] {
            Self::rename(&mut names, event);
        }
        for file in fs::read_dir(folder).unwrap() {
            fs::remove_file(file.unwrap().path()).unwrap();
        }
        for (name, id) in &names {
            let content = self.files.get(id).map(|disk| disk.after_cut(variant, random)).unwrap_or_default();
            write_private(&folder.join(Path::new(name).file_name().unwrap()), &content);
        }
    }
}

/// Whether what was acknowledged is in the store of a folder.
type Judge<'j> = &'j dyn Fn(&Path, &BTreeSet<String>) -> Result<(), String>;

/// Cuts the power after every event, in `variants` ways; gives the states and how many lost something.
fn cuts(
    bench: &Bench,
    start: &[(PathBuf, Vec<u8>)],
    log: &[u8],
    variants: usize,
    judge: Judge<'_>,
) -> (usize, Vec<String>) {
    let events = parse(log);
    let mut model = Model::new(&bench.dir(), start);
    let after = bench.folder.path().join("after");
    fs::create_dir(&after).unwrap();
    crate::bench::narrow(&after, 0o700);
    let mut random = Random(31);
    let (mut acks, mut states, mut lost) = (BTreeSet::new(), 0, Vec::new());
    for (n, event) in events.iter().enumerate() {
        model.step(event);
        if let Event::Ack(line) = event {
            acks.extend(acknowledged(line));
        }
        for variant in 0..variants {
            model.cut(&after, variant, &mut random);
            states += 1;
            if let Err(reason) = judge(&after, &acks) {
                lost.push(format!("event {n} {event:.60?} variant {variant}: {reason}"));
            }
        }
    }
    (states, lost)
}

pub(crate) fn record(bench: &Bench, arguments: &[&str]) -> Vec<u8> {
    let log = bench.folder.path().join("log");
    let output = bench.shimmed(arguments.iter().copied()).env("SHIM_LOG", &log).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::read(log).unwrap()
}

fn store_is_whole(folder: &Path, acks: &BTreeSet<String>, unlock: &UnlockKey) -> Result<(), String> {
    let keystore = Keystore::open(folder.join("keystore.db"), unlock).map_err(|error| error.to_string())?;
    for alias in acks.iter().map(String::as_str).chain(["kept"]) {
        keystore
            .credential(&alias.parse().unwrap(), strongroom_tests::authority::now())
            .map_err(|error| format!("{alias}: {error}"))?;
    }
    let report = keystore.verify_store().map_err(|error| error.to_string())?;
    if report.problems.is_empty() { Ok(()) } else { Err(format!("{:?}", report.problems)) }
}

#[track_caller]
fn power_cuts(name: &str, journal: Journal) {
    let bench = Bench::new(journal);
    let start = bench.snapshot();
    let log = record(&bench, &["import", bench.dir().to_str().unwrap(), "p", "8"]);
    let unlock = bench.unlock();
    let (states, lost) =
        cuts(&bench, &start, &log, scaled(3, 36), &|folder, acks| store_is_whole(folder, acks, &unlock));
    println!("D3 {name}: {states} states, {} lost", lost.len());
    assert_eq!(lost, Vec::<String>::new(), "of {states}");
}

/// The same harness must see what settings that lose commits lose.
#[track_caller]
fn control(name: &str, journal: &str, synchronous: &str) {
    let bench = Bench::new(Journal::Rollback);
    for (path, _) in bench.snapshot() {
        fs::remove_file(path).unwrap();
    }
    // The table is there before the record begins.
    let dir = bench.dir();
    let dir = dir.to_str().unwrap();
    let made = bench.worker(["control", dir, journal, "EXTRA", "0"]).output().unwrap();
    assert!(made.status.success());
    let start = bench.snapshot();
    let log = record(&bench, &["control", dir, journal, synchronous, "8"]);
    let (states, lost) = cuts(&bench, &start, &log, scaled(3, 30), &|folder, acks| {
        let connection = Connection::open(folder.join("keystore.db")).map_err(|error| error.to_string())?;
        for ack in acks {
            connection
                .query_row("SELECT 1 FROM t WHERE n = ?1", [ack], |_| Ok(()))
                .map_err(|error| format!("{ack}: {error}"))?;
        }
        Ok(())
    });
    println!("D3 negative control {name}: {} of {states} states lost something", lost.len());
    assert!(!lost.is_empty(), "{name}: the harness sees nothing in {states} states");
}

#[test]
fn d3_power_cuts_with_a_write_ahead_log() {
    power_cuts("WAL/FULL", Journal::Wal);
}

#[test]
fn d3_power_cuts_with_a_rollback_journal() {
    power_cuts("DELETE/EXTRA", Journal::Rollback);
}

#[test]
fn d3_negative_control_of_the_rollback_journal() {
    control("DELETE/FULL", "DELETE", "FULL");
}

#[test]
fn d3_negative_control_of_the_write_ahead_log() {
    control("WAL/NORMAL", "WAL", "NORMAL");
}
