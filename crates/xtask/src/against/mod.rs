//! `cargo xtask bench NAME --against REV`: this revision beside another, in one run.
//!
//! The other one is built out of the repository's history, below `target/against/`. Its command is measured as a whole
//! process, which every revision has. In process it is measured where our benchmark builds against it.

mod commands;
mod store;
mod worker;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use serde::Deserialize;

use crate::{
    failure::Failure,
    process::{output, run, say},
};

/// Pairs of measurements; the median of their ratios is printed.
const PAIRS: usize = 7;
/// How often a pair does the work of each side, by turns, where that is short.
const TURNS: u32 = 5;

/// A revision that was built.
struct Side {
    /// Its command.
    command: PathBuf,
    /// Our benchmark of the store, built against it.
    bench: Option<PathBuf>,
}

/// Builds both, and measures them in turn.
pub(crate) fn compare(root: &Path, bench: &str, rev: &str) -> Result<(), Failure> {
    let commit = format!("{rev}^{{commit}}");
    let id = output(Command::new("git").current_dir(root).args(["rev-parse", "--verify", &commit]))?;
    let id: String = id.trim().chars().take(12).collect();
    let folder = root.join("target/against");
    let tree = export(root, &folder, &id)?;
    let with_bench = matches!(bench, "store" | "import");
    let theirs = build(&tree, root, &folder, &id, with_bench)?;
    let ours = build(root, root, &folder, "ours", with_bench)?;
    say(&format!(
        "this revision : {id}, median of {PAIRS} pairs (least to most), {TURNS} turns each; below 1 is faster or smaller"
    ));
    match bench {
        "store" | "import" => store::compare(root, &ours, &theirs),
        "open" => commands::inspect(root, &ours, &theirs),
        _ => commands::validate(&ours, &theirs),
    }
}

/// Writes the files of a revision to a folder of their own.
fn export(root: &Path, folder: &Path, id: &str) -> Result<PathBuf, Failure> {
    let tree = folder.join(id);
    if tree.exists() {
        return Ok(tree);
    }
    let archive = folder.join(format!("{id}.tar"));
    // Whole or not at all: the name comes last.
    let partial = folder.join(format!("{id}.partial"));
    let failed = |path: &Path| {
        let path = path.to_owned();
        |reason| Failure::File { path, reason }
    };
    fs::create_dir_all(&partial).map_err(failed(&partial))?;
    run(Command::new("git").current_dir(root).args(["archive", "--format=tar", "-o"]).arg(&archive).arg(id))?;
    run(Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(&partial))?;
    fs::remove_file(&archive).map_err(failed(&archive))?;
    fs::rename(&partial, &tree).map_err(failed(&tree))?;
    Ok(tree)
}

/// Builds the command of a tree, and our benchmark against it.
fn build(tree: &Path, root: &Path, folder: &Path, name: &str, with_bench: bool) -> Result<Side, Failure> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        |reason| Failure::File { path, reason }
    };
    let built = folder.join("build");
    let arguments =
        ["build", "--quiet", "--release", "--locked", "--package", "strongroom-cli", "--target-dir"];
    run(cargo(tree).args(arguments).arg(&built))?;
    // The next one is built in the same place: the dependencies are the same.
    let keep = |from: &Path, what: &str| {
        let to = folder.join(format!("{name}-{what}{}", std::env::consts::EXE_SUFFIX));
        fs::copy(from, &to).map(|_| to).map_err(failed(from))
    };
    let file = format!("strongroom{}", std::env::consts::EXE_SUFFIX);
    let command = keep(&built.join("release").join(file), "strongroom")?;
    let source = Path::new("tests/benches/store.rs");
    let mut bench = None;
    if with_bench {
        if tree != root {
            // One and the same code measures both.
            fs::copy(root.join(source), tree.join(source)).map_err(failed(&tree.join(source)))?;
        }
        let mut command = cargo(tree);
        command.args([
            "bench",
            "--quiet",
            "--no-run",
            "--locked",
            "--package",
            "strongroom-tests",
            "--bench",
            "store",
        ]);
        command.args(["--message-format", "json", "--target-dir"]).arg(&built);
        match output(&mut command).ok().as_deref().and_then(executable) {
            Some(path) => bench = Some(keep(&path, "bench")?),
            None => say(&format!(
                "{name}: our benchmark does not build against it; it is measured by its command alone"
            )),
        }
    }
    Ok(Side { command, bench })
}

/// Gives way to whatever else the machine does.
fn cargo(tree: &Path) -> Command {
    let mut command = if cfg!(unix) {
        let mut command = Command::new("nice");
        command.arg("cargo");
        command
    } else {
        Command::new("cargo")
    };
    command.current_dir(tree);
    command
}

/// The executable that cargo says it made.
fn executable(messages: &str) -> Option<PathBuf> {
    let made = messages.lines().rev().filter_map(|line| serde_json::from_str::<Artifact>(line).ok());
    made.filter(|artifact| artifact.target.name == "store").find_map(|artifact| artifact.executable)
}

/// What is read of cargo's messages.
#[derive(Deserialize)]
struct Artifact {
    target: Target,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// Does both by turns, and prints how the one stands to the other.
fn pairs(
    what: &str,
    turns: u32,
    mut ours: impl FnMut() -> Result<Duration, Failure>,
    mut theirs: impl FnMut() -> Result<Duration, Failure>,
) -> Result<(), Failure> {
    let mut ratios = Vec::with_capacity(PAIRS);
    for pair in 0..PAIRS {
        let (mut own, mut other) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..turns {
            // Whoever comes second finds the machine as the first one left it.
            if pair % 2 == 0 {
                own += ours()?;
                other += theirs()?;
            } else {
                other += theirs()?;
                own += ours()?;
            }
        }
        ratios.push(own.as_secs_f64() / other.as_secs_f64());
    }
    ratios.sort_by(f64::total_cmp);
    let at = |n: usize| ratios.get(n).copied().unwrap_or(f64::NAN);
    let (least, median, most) = (at(0), at(PAIRS / 2), at(PAIRS - 1));
    say(&format!("{median:>6.2} ({least:.2} to {most:.2})  {what}"));
    Ok(())
}

/// How long a command takes that must succeed.
fn timed(command: &mut Command) -> Result<Duration, Failure> {
    let started = Instant::now();
    output(command)?;
    Ok(started.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_is_that_of_the_benchmark() {
        let line = |name: &str, path: &str| {
            format!(r#"{{"reason":"compiler-artifact","target":{{"name":"{name}"}},"executable":{path}}}"#)
        };
        let messages =
            [line("strongroom", "null"), line("store", "\"/a/store-1\""), line("worker", "\"/a/w\"")];
        assert_eq!(executable(&messages.join("\n")), Some(PathBuf::from("/a/store-1")));
        assert_eq!(executable("no JSON\n"), None);
    }
}
