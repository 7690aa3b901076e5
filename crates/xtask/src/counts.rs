//! `cargo xtask counts`: how many instructions derivations and parsing take, held against those that were recorded.
//!
//! Counted by callgrind on the path that every processor takes, so that the figures do not depend on how fast a machine is.
//! The work is run `N` times and `2N` times: the difference is free of what the start of a process costs. They do depend on
//! the compiler; where it is another one than recorded, they are shown and not held.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde::{Deserialize, Serialize};

use crate::{
    failure::Failure,
    process::{cargo, output, run, say},
};

/// Where the counts stand, below the workspace.
const RECORDED: &str = "tests/counts.toml";
/// What a count may be above that recorded, in hundredths.
const BOUND: u64 = 5;
/// How often the work is run: so often, and twice so often.
const TIMES: u64 = 4;
/// What callgrind's processor and the libraries may use beyond the instructions of every x86-64: nothing that one machine
/// has and another has not.
const PLAIN: [(&str, &str); 2] = [
    (
        "GLIBC_TUNABLES",
        "glibc.cpu.hwcaps=-AVX,-AVX2,-ERMS,-FSRM,-BMI1,-BMI2,-LZCNT,-MOVBE,-AVX_Fast_Unaligned_Load",
    ),
    ("OPENSSL_ia32cap", "~0x1000000000000000:0"),
];

/// The recorded counts.
#[derive(Debug, Default, Deserialize, Serialize)]
struct Recorded {
    /// What compiled the work.
    compiler: String,
    /// Instructions of each work.
    instructions: BTreeMap<String, u64>,
}

/// Counts, and holds what was counted against the record, or writes it anew.
pub(crate) fn counts(root: &Path, record: bool) -> Result<(), Failure> {
    if !is_there("valgrind") {
        say("skipped: valgrind is not installed");
        return Ok(());
    }
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        say("skipped: the counts were recorded on x86-64 Linux");
        return Ok(());
    }
    let mut build = cargo(root);
    build.args(["build", "--quiet", "--locked", "--package", "strongroom-tests", "--bin", "counted"]);
    // An incremental build is compiled in smaller pieces, and takes other instructions.
    run(build.args(["--features", "strongroom/portable"]).env("CARGO_INCREMENTAL", "0"))?;
    let ours = std::env::current_exe()
        .map_err(|reason| Failure::File { path: PathBuf::from("the path of this program"), reason })?;
    let counted = ours.with_file_name("counted");
    let compiler = output(Command::new("rustc").arg("--version"))?.trim().to_owned();
    let mut found = Recorded { compiler, instructions: BTreeMap::new() };
    for name in output(&mut Command::new(&counted))?.lines() {
        let (once, twice) = (count(&counted, name, TIMES)?, count(&counted, name, 2 * TIMES)?);
        found.instructions.insert(name.to_owned(), twice.saturating_sub(once) / TIMES);
    }
    let path = root.join(RECORDED);
    let file = |reason| Failure::File { path: path.clone(), reason };
    if record {
        let text = toml::to_string(&found).map_err(|error| file(std::io::Error::other(error)))?;
        let head =
            "# Instructions by callgrind, on the path of every processor: cargo xtask counts --record\n\n";
        fs::write(&path, head.to_owned() + &text).map_err(file)?;
        say(&format!("recorded in {RECORDED}"));
        return Ok(());
    }
    let text = fs::read_to_string(&path).map_err(file)?;
    let recorded: Recorded = toml::from_str(&text).map_err(|error| file(std::io::Error::other(error)))?;
    held(&recorded, &found)
}

/// Shows each count beside the recorded one; too many are a failure.
fn held(recorded: &Recorded, found: &Recorded) -> Result<(), Failure> {
    let mut above = Vec::new();
    for (name, count) in &found.instructions {
        let Some(before) = recorded.instructions.get(name) else {
            above.push(format!("{name} has no recorded count"));
            continue;
        };
        let percent = |of: u64| of.saturating_mul(1000).checked_div(*before).unwrap_or(u64::MAX);
        let tenths = percent(*count);
        say(&format!("{name:<42} {count:>12}  {}.{} % of {before}", tenths / 10, tenths % 10));
        if *count > before.saturating_mul(100 + BOUND) / 100 {
            above.push(format!("{name} takes {count} instructions; {before} were recorded"));
        }
    }
    if recorded.compiler != found.compiler {
        say(&format!("not held: recorded with {}, and this is {}", recorded.compiler, found.compiler));
        return Ok(());
    }
    if above.is_empty() { Ok(()) } else { Err(Failure::Counts { bound: BOUND, above }) }
}

/// The instructions of a whole process.
fn count(counted: &Path, name: &str, times: u64) -> Result<u64, Failure> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(counted).arg(name);
    let done = command.arg(times.to_string()).envs(PLAIN).stdin(Stdio::null()).output();
    let done = done.map_err(|reason| Failure::Start { program: "valgrind".to_owned(), reason })?;
    let said = String::from_utf8_lossy(&done.stderr);
    let collected = said.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    collected.filter(|_| done.status.success()).ok_or_else(|| Failure::Ended {
        program: format!("valgrind on \"{name}\""),
        status: format!("{}: {said}", done.status),
    })
}

fn is_there(program: &str) -> bool {
    Command::new(program).arg("--version").stdin(Stdio::null()).output().is_ok()
}
