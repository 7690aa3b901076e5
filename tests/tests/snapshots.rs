//! Every command as a user sees it: on a terminal of 80 columns, with colour and with `NO_COLOR`, held against the files of
//! `tests/snapshots`, one for each command.
//!
//! `STRONGROOM_SNAPSHOTS=write cargo test -p strongroom-tests --test snapshots` writes them anew; then read what changed.
//!
//! Two keepers live the same life (`snapshots/life.rs`), each on a store of their own, by a clock that stands: the one with
//! colours, the other without. What is another each time is replaced by something of the same length (`snapshots/same.rs`).
#![cfg(target_os = "linux")]

#[path = "snapshots/life.rs"]
mod life;
#[path = "snapshots/same.rs"]
mod same;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    thread,
};

use strongroom_tests::{
    authority::NOW,
    command::{Run, Shop, binary},
    preload,
    screen::Screen,
};
use tempfile::TempDir;
use unicode_width::UnicodeWidthStr as _;

use self::{
    life::{Files, LIFE, Step},
    same::Replacer,
};

const COLUMNS: usize = 80;

/// Commands whose output is for programs alone, of many lines that nobody reads on a terminal.
const FOR_PROGRAMS: [&str; 3] = ["completions", "man", "schema"];

fn shim() -> &'static Path {
    static SHIM: OnceLock<PathBuf> = OnceLock::new();
    SHIM.get_or_init(|| preload::build("fixed", env!("CARGO_TARGET_TMPDIR")))
}

/// A folder that is a home, with files to import.
struct Keeper {
    folder: TempDir,
    colour: bool,
    files: Files,
}

/// A step, and what it showed.
struct Shown {
    step: &'static Step,
    status: i32,
    text: String,
}

impl Keeper {
    fn new(colour: bool) -> Self {
        let folder = tempfile::Builder::new().prefix("keeper-").rand_bytes(6).tempdir_in("/tmp").unwrap();
        let files = Files::write(folder.path());
        Self { folder, colour, files }
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(binary());
        command.args(line.split(' ').skip(1)).current_dir(self.folder.path()).env_clear();
        let clock = NOW.to_string();
        command.envs([("PATH", "/usr/bin:/bin"), ("TERM", "xterm"), ("FIXED_USER", "keeper")]);
        command.envs([("FIXED_CLOCK", clock.as_str()), ("PASSWORD", "changeit"), ("RESCUE", "a passphrase")]);
        command.env("HOME", self.folder.path()).env("LD_PRELOAD", shim());
        if !self.colour {
            command.env("NO_COLOR", "1");
        }
        command
    }

    /// Lives; `None` without Python.
    fn live(&self) -> Option<Vec<Shown>> {
        let mut shown = Vec::new();
        for step in LIFE {
            if let Some(before) = step.before {
                before(self.folder.path(), &self.files);
            }
            let screen = Screen { columns: u32::try_from(COLUMNS).unwrap(), typed: step.typed };
            let run = screen.run(&self.command(step.line))?;
            shown.push(Shown { step, status: run.status, text: run.text });
        }
        Some(shown)
    }
}

/// The text without its escape sequences.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut parts = text.split('\u{1b}');
    plain.push_str(parts.next().unwrap());
    for part in parts {
        let end = part.find('m').unwrap_or_else(|| panic!("an escape sequence that is no colour: {part:?}"));
        plain.push_str(&part[end + 1..]);
    }
    plain
}

/// What users copy is never cut: commands, fingerprints, paths.
fn is_copied(line: &str) -> bool {
    let is_long = |word: &str| word.len() > 39 && word.chars().all(|c| c.is_ascii_hexdigit() || c == ':');
    line.contains("strongroom ")
        || line.split([' ', '"', ',']).any(|word| is_long(word) || word.starts_with("/tmp/"))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots")
}

#[allow(clippy::disallowed_methods, reason = "whoever changes an output says so")]
fn is_written() -> bool {
    std::env::var_os("STRONGROOM_SNAPSHOTS").is_some_and(|how| how == "write")
}

/// The files as they should be, by the name of the command.
fn pages(
    with_colour: &[Shown],
    without: &[Shown],
    homes: [&Path; 2],
) -> (BTreeMap<String, String>, Vec<String>) {
    let mut faults = Vec::new();
    let mut replacers: BTreeMap<&str, [Replacer; 2]> = BTreeMap::new();
    let mut pages: BTreeMap<String, String> = BTreeMap::new();
    for (coloured, bare) in with_colour.iter().zip(without) {
        let step = coloured.step;
        let is_line_format = step.command == "watch" || step.line.contains("--format nagios");
        for line in
            bare.text.lines().filter(|line| line.width() > COLUMNS && !is_copied(line) && !is_line_format)
        {
            faults.push(format!("{}: {} columns: {line}", step.line, line.width()));
        }
        assert!(!bare.text.contains('\u{1b}'), "{}: escape sequences in spite of NO_COLOR", step.line);
        let [of_coloured, of_bare] =
            replacers.entry(step.command).or_insert_with(|| homes.map(Replacer::new));
        let (with, text) = (of_coloured.replace(&coloured.text), of_bare.replace(&bare.text));
        if (plain(&with).as_str(), coloured.status) != (text.as_str(), bare.status) {
            faults.push(format!("{}: another text with colours:\n{}\n{text}", step.line, plain(&with)));
        }
        let page = pages.entry(step.command.replace(' ', "-")).or_default();
        if !page.is_empty() {
            page.push('\n');
        }
        page.push_str(&format!("$ {}\n{text}", step.line));
        if !text.ends_with('\n') && !text.is_empty() {
            page.push('\n');
        }
        let painted: Vec<&str> = with.lines().filter(|line| line.contains('\u{1b}')).collect();
        if !painted.is_empty() {
            page.push_str("  with colour:\n");
            for line in painted {
                page.push_str(&format!("  | {}\n", line.replace('\u{1b}', "\\e")));
            }
        }
        if bare.status != 0 {
            page.push_str(&format!("  exit {}\n", bare.status));
        }
    }
    (pages, faults)
}

#[test]
fn every_command_looks_as_its_snapshot_on_a_terminal_of_80_columns() {
    let (colours, none) = (Keeper::new(true), Keeper::new(false));
    shim();
    let (with, without) = thread::scope(|scope| {
        let with = scope.spawn(|| colours.live());
        (none.live(), with.join().unwrap())
    });
    let (Some(without), Some(with)) = (with, without) else { return };
    let (pages, faults) = pages(&with, &without, [colours.folder.path(), none.folder.path()]);
    if is_written() {
        fs::create_dir_all(folder()).unwrap();
        for (name, page) in &pages {
            fs::write(folder().join(format!("{name}.txt")), page).unwrap();
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let mut other = Vec::new();
    for (name, page) in &pages {
        let kept = fs::read_to_string(folder().join(format!("{name}.txt"))).unwrap_or_default();
        if kept != *page {
            let differs = kept.lines().zip(page.lines()).find(|(kept, now)| kept != now);
            other.push(format!("{name}.txt: {differs:?}"));
        }
    }
    assert!(
        other.is_empty(),
        "not as the snapshots, of which STRONGROOM_SNAPSHOTS=write makes new ones:\n{}",
        other.join("\n")
    );
    let kept: BTreeSet<String> = fs::read_dir(folder())
        .unwrap()
        .map(|file| file.unwrap().file_name().to_string_lossy().trim_end_matches(".txt").to_owned())
        .collect();
    assert_eq!(kept, pages.keys().cloned().collect(), "a snapshot of no command");
}

/// The commands below one, or below the program, with those below them.
fn commands(shop: &Shop) -> BTreeSet<String> {
    let json = shop.run(["schema"]).json();
    let mut names: BTreeSet<String> = json["$defs"].as_object().unwrap().keys().cloned().collect();
    let help = shop.run(["--help"]).out;
    let (groups, _) = help.split_once("\nOptions:").or_else(|| help.split_once("\nThe store:\n")).unwrap();
    let of_group = groups.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    for name in of_group.filter(|name| !name.is_empty()) {
        // Of commands with commands below them, those.
        if !names.iter().any(|known| known.starts_with(&format!("{name} "))) {
            names.insert(name.to_owned());
        }
    }
    names
}

#[test]
fn no_command_is_without_a_snapshot() {
    let all = commands(&Shop::empty());
    assert!(all.len() > 50 && all.contains("help") && all.contains("ca import"), "{all:?}");
    let shown: BTreeSet<&str> = LIFE.iter().map(|step| step.command).chain(FOR_PROGRAMS).collect();
    let missing: Vec<&String> = all.iter().filter(|name| !shown.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "without a snapshot: {missing:?}");
    for step in LIFE {
        assert!(step.line.starts_with("strongroom "), "{}", step.line);
        let is_of_command = step.line.contains(&format!(" {}", step.command)) || step.command == "strongroom";
        assert!(is_of_command, "{} is not of {}", step.line, step.command);
    }
}

#[test]
fn help_fits_80_columns_but_for_its_examples() {
    let keeper = Keeper::new(false);
    for name in commands(&Shop::empty()) {
        let mut command = keeper.command(&format!("strongroom {name} --help"));
        let shown: Run = command.env("COLUMNS", COLUMNS.to_string()).output().unwrap().into();
        assert_eq!(shown.code, 0, "{name}: {}", shown.out);
        let longest = shown.out.lines().map(|line| line.width()).max().unwrap_or_default();
        assert!(longest > 60, "{name}: nothing is wrapped: {}", shown.out);
        let wide =
            shown.out.lines().filter(|line| line.width() > COLUMNS && !line.starts_with("  strongroom "));
        assert_eq!(wide.collect::<Vec<_>>(), Vec::<&str>::new(), "{name}");
    }
}
