//! `cargo xtask coverage` and `cargo xtask mutants`: how well the tests hold the reader of PKCS #12 files.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    failure::Failure,
    process::{cargo, run, say},
};

/// What is measured.
const FOLDER: &str = "crates/core/src/pkcs12/";

/// Prints which part of the lines of [`FOLDER`] its tests run.
pub(crate) fn coverage(root: &Path) -> Result<(), Failure> {
    if !is_installed(root, "llvm-cov") {
        say("skipped: cargo-llvm-cov is not installed (cargo install cargo-llvm-cov --locked)");
        return Ok(());
    }
    let folder = tempfile::tempdir().map_err(at("a temporary folder"))?;
    let path = folder.path().join("coverage.json");
    let mut command = cargo(root);
    command.args(["llvm-cov", "test", "--json", "--summary-only", "--output-path"]).arg(&path);
    command.args(["-p", "strongroom", "-p", "strongroom-tests", "--lib"]);
    for test in ["hostile", "corpus", "fixtures", "cancel", "passwords", "properties", "differential"] {
        command.args(["--test", test]);
    }
    run(&mut command)?;
    let report: Coverage = read(&path)?;
    let files = report.data.iter().flat_map(|data| &data.files);
    let (mut lines, mut covered) = (0, 0);
    for file in files.filter(|file| file.filename.replace('\\', "/").contains(FOLDER)) {
        lines += file.summary.lines.count;
        covered += file.summary.lines.covered;
    }
    say(&format!("{FOLDER}: {} % of lines ({covered} of {lines})", percent(covered, lines)));
    Ok(())
}

/// Changes the reader in every place that cargo-mutants knows, or in the shard `k/n` of them, and prints how many of
/// the changes the tests notice.
pub(crate) fn mutants(root: &Path, shard: Option<&str>) -> Result<(), Failure> {
    if !is_installed(root, "mutants") {
        say("skipped: cargo-mutants is not installed (cargo install cargo-mutants --locked)");
        return Ok(());
    }
    let folder = tempfile::tempdir().map_err(at("a temporary folder"))?;
    let mut command = cargo(root);
    command.args(["mutants", "--no-shuffle", "--timeout", "120", "--file"]).arg(format!("{FOLDER}**"));
    command.arg("--output").arg(folder.path());
    if let Some(shard) = shard {
        command.args(["--shard", shard, "--sharding", "round-robin"]);
    }
    command.args(["--", "-p", "strongroom", "-p", "strongroom-tests", "--lib"]);
    for test in ["hostile", "passwords", "cancel", "properties"] {
        command.args(["--test", test]);
    }
    // Each mutant is built again, and debug information is a third of that.
    let ended = run(command.env("CARGO_PROFILE_DEV_DEBUG", "0"));
    let found: Mutants = read(&folder.path().join("mutants.out/outcomes.json"))?;
    let judged = found.caught + found.missed;
    // It ends with 2 or 3 where mutants were missed or ran into the time limit, which is a figure and no failure.
    if judged + found.timeout == 0 {
        return ended;
    }
    say(&format!(
        "{FOLDER}: {} % of mutants caught ({} of {judged}; {} ran into the time limit, {} do not build)",
        percent(found.caught, judged),
        found.caught,
        found.timeout,
        found.unviable,
    ));
    Ok(())
}

fn is_installed(root: &Path, subcommand: &str) -> bool {
    cargo(root).args([subcommand, "--version"]).output().is_ok_and(|output| output.status.success())
}

/// Reads what a tool wrote as JSON.
fn read<T: DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let text = fs::read_to_string(path).map_err(at(path))?;
    serde_json::from_str(&text).map_err(|reason| Failure::Report { path: path.to_path_buf(), reason })
}

fn at(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Failure {
    let path = path.into();
    |reason| Failure::File { path, reason }
}

/// With one decimal, rounded down, so that 100 is said of nothing less.
fn percent(part: u64, whole: u64) -> String {
    let tenths = part * 1000 / whole.max(1);
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// What is read of the report of cargo-llvm-cov.
#[derive(Deserialize)]
struct Coverage {
    data: Vec<Export>,
}

#[derive(Deserialize)]
struct Export {
    files: Vec<File>,
}

#[derive(Deserialize)]
struct File {
    filename: String,
    summary: Summary,
}

#[derive(Deserialize)]
struct Summary {
    lines: Lines,
}

#[derive(Deserialize)]
struct Lines {
    count: u64,
    covered: u64,
}

/// What is read of the outcomes of cargo-mutants.
#[derive(Deserialize)]
struct Mutants {
    caught: u64,
    missed: u64,
    timeout: u64,
    unviable: u64,
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn percent_is_rounded_down() {
        assert_eq!(percent(999, 1000), "99.9");
        assert_eq!(percent(9999, 10000), "99.9");
        assert_eq!(percent(7, 7), "100.0");
        assert_eq!(percent(0, 0), "0.0");
    }
}
