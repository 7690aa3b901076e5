//! `cargo xtask fuzz`: every fuzz target of the engine for a while, from seeds made out of the fixtures.

use std::{ffi::OsString, path::Path, process::Command};

use crate::{
    failure::Failure,
    process::{cargo, output, run, say, shown},
};

/// The folder of the targets, in the workspace.
const FOLDER: &str = "crates/core/fuzz";

/// Under which the engine takes every MAC and signature, and decrypts nothing. A cfg of our own: `cfg(fuzzing)` is set for
/// a host as well that fuzzes itself.
const CFG: &str = "--cfg strongroom_fuzzing";

/// Runs the named targets, or all, for `seconds` each, with mutations that follow from `seed`; 0 takes another each time.
pub(crate) fn fuzz(root: &Path, seconds: u32, seed: u32, targets: &[String]) -> Result<(), Failure> {
    if !is_installed(root) {
        say("skipped: cargo-fuzz is not installed (cargo install cargo-fuzz --locked)");
        return Ok(());
    }
    make_seeds(root)?;
    run(&mut cargo_fuzz(root, "build"))?;
    let all: Vec<String> = if targets.is_empty() {
        output(&mut cargo_fuzz(root, "list"))?.lines().map(str::to_owned).collect()
    } else {
        targets.to_vec()
    };
    for target in &all {
        say(&run_target(root, target, seconds, seed)?);
    }
    Ok(())
}

fn is_installed(root: &Path) -> bool {
    cargo(root).args(["fuzz", "--version"]).output().is_ok_and(|output| output.status.success())
}

/// A build of the engine without [`CFG`], which decrypts, writes the seeds.
fn make_seeds(root: &Path) -> Result<(), Failure> {
    let folder = Path::new(FOLDER);
    let mut command = cargo(root);
    command.args(["run", "--quiet", "--locked", "--example", "seeds", "--manifest-path"]);
    command.arg(folder.join("Cargo.toml"));
    // Where cargo put us lie the same dependencies, built already.
    if let Some(target) = std::env::current_exe().ok().as_deref().and_then(|ours| ours.ancestors().nth(2)) {
        command.arg("--target-dir").arg(target);
    }
    run(command.args(["--", "fixtures"]).arg(folder.join("corpus")))
}

/// `cargo fuzz SUBCOMMAND`, which asks the stable compiler for its sanitizer.
fn cargo_fuzz(root: &Path, subcommand: &str) -> Command {
    let mut command = cargo(root);
    command.args(["fuzz", subcommand, "--fuzz-dir", FOLDER]).env("RUSTC_BOOTSTRAP", "1");
    // cargo-fuzz adds its own flags to these.
    command.env("RUSTFLAGS", CFG);
    command
}

/// Runs one target; gives its figures.
fn run_target(root: &Path, target: &str, seconds: u32, seed: u32) -> Result<String, Failure> {
    let mut dictionary = OsString::from("-dict=");
    dictionary.push(root.join(FOLDER).join("pkcs12.dict"));
    let mut command = cargo_fuzz(root, "run");
    command
        .args([target, "--", &format!("-max_total_time={seconds}"), &format!("-seed={seed}")])
        .args(["-timeout=10", "-rss_limit_mb=2048", "-max_len=16384", "-print_final_stats=1"])
        .arg(dictionary);
    let program = shown(&command);
    let output = command.output().map_err(|reason| Failure::Start { program: program.clone(), reason })?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        // The panic, the path of the input, and how to repeat it.
        say(&said);
        return Err(Failure::Ended { program, status: output.status.to_string() });
    }
    let figure = |name: &str| {
        let after = said.lines().rev().find_map(|line| Some(line.split_once(name)?.1.trim_start()));
        after.and_then(|text| text.split([' ', '/']).next()).unwrap_or("?").to_owned()
    };
    Ok(format!(
        "{target}: {} executions, {}/s, {} edges, {} inputs, {} MB",
        figure("stat::number_of_executed_units:"),
        figure("stat::average_exec_per_sec:"),
        figure(" cov: "),
        figure(" corp: "),
        figure("stat::peak_rss_mb:"),
    ))
}
