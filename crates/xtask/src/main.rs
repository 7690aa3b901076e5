//! The project's own tasks. `cargo xtask check` is what CI runs; `cargo xtask quickstart` shows the whole thing.

mod against;
mod assets;
mod check;
mod clients;
mod counts;
mod failure;
mod fixtures;
mod fuzz;
mod measure;
mod process;
mod quickstart;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand};

use crate::failure::Failure;

/// The project's own tasks.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Run all checks of CI, or the named ones
    Check {
        /// fmt, clippy, test, lanes, doc or quickstart; all without a name
        only: Vec<check::Check>,
    },
    /// Remake fixtures/ with OpenSSL, keytool, NSS, GnuTLS and Python's cryptography
    Fixtures {
        /// Keep the files that are there, and make only those that the recipe names beside them
        #[arg(long)]
        missing: bool,
    },
    /// Run the fuzz targets of the engine, from seeds made out of the fixtures
    Fuzz {
        /// How long each target runs
        #[arg(long, value_name = "N", default_value_t = 10)]
        seconds: u32,
        /// The same mutations each time, in this order; 0 takes others each time
        #[arg(long, value_name = "N", default_value_t = 0)]
        seed: u32,
        /// The targets; all without a name
        targets: Vec<String>,
    },
    /// Which part of the lines of `core::pkcs12` its tests run
    Coverage,
    /// How many changes of `core::pkcs12` its tests notice: hours for all of them
    Mutants {
        /// Only shard K of N of the changes, K from 0
        #[arg(long, value_name = "K/N")]
        shard: Option<String>,
    },
    /// Build the command and walk through the main job, printing each step
    Quickstart {
        /// Leave the server running
        #[arg(long)]
        keep: bool,
    },
    /// The store under kills, failing calls, power cuts and damage, with the full numbers: about half an hour
    Durability,
    /// Compare with a peer in one run and print ratios
    Bench {
        /// open: opening a file, against p12-keystore, openssl and the bare compressions; import: the whole command, against
        /// pk12util, keytool and openssl; bulk: import --all of 10,000 files, against the key derivations alone; http: imports by
        /// 16 clients, against the same, and the rates of other requests; store: a store of 100,000 entries against one of 1,000, and against
        /// plain SQLite; validate: judging x509-limbo's cases, against rustls-webpki; tls: handshakes of live
        /// TLS, against rustls's own resolver with one name
        #[arg(value_parser = ["open", "import", "bulk", "http", "store", "validate", "tls"])]
        name: String,
        /// How many files bulk takes, in place of 10,000, or http, in place of 1,000
        #[arg(long, value_name = "N")]
        files: Option<u32>,
        /// Compare with another revision of this repository instead, which is built below target/against/. open: the
        /// command inspect; store and import: whole commands, the parts of an import, a page, the size on disk; validate: the command
        /// verify --batch
        #[arg(long, value_name = "REV")]
        against: Option<String>,
    },
    /// Count the instructions of derivations and parsing by callgrind, and hold them against tests/counts.toml
    Counts {
        /// Write down what is counted, as what is held from now on
        #[arg(long)]
        record: bool,
    },
    /// Write what packages have beside the binary: completions, manual pages, the systemd unit, and a Debian package of it
    Assets {
        /// Where
        #[arg(long, value_name = "DIR", default_value = "target/assets")]
        folder: PathBuf,
        /// How the command is built
        #[arg(long, value_name = "NAME", default_value = "release")]
        profile: String,
    },
    /// Drive the server with the unmodified `arcgis` Python package
    Clients {
        /// A Python that has the packages `arcgis` and `six`
        #[arg(long, value_name = "PATH", default_value = "python3")]
        python: PathBuf,
    },
}

fn main() -> ExitCode {
    let outcome = run(&Arguments::parse());
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).ok_or(Failure::NoWorkspace)?;
    match &arguments.task {
        Task::Check { only } => check::run_checks(root, only),
        Task::Bench { name, against: Some(_), .. } if matches!(&**name, "tls" | "bulk" | "http") => {
            Err(Failure::NotCompared { name: name.clone() })
        }
        Task::Bench { name, against: Some(rev), .. } => against::compare(root, name, rev),
        Task::Bench { name, against: None, files } => bench(root, name, *files),
        Task::Durability => process::run(process::cargo(root).env("STRONGROOM_DURABILITY", "full").args([
            "test",
            "--locked",
            "--package",
            "strongroom-tests",
            "--test",
            "durability",
            "--",
            "--nocapture",
            "--test-threads",
            "2",
        ])),
        Task::Fixtures { missing } => Ok(fixtures::run(root, *missing)?),
        Task::Counts { record } => counts::counts(root, *record),
        Task::Coverage => measure::coverage(root),
        Task::Mutants { shard } => measure::mutants(root, shard.as_deref()),
        Task::Fuzz { seconds, seed, targets } => fuzz::fuzz(root, *seconds, *seed, targets),
        Task::Quickstart { keep } => quickstart::walk(root, *keep),
        Task::Assets { folder, profile } => assets::write(root, &root.join(folder), profile),
        Task::Clients { python } => clients::drive(root, python),
    }
}

/// Runs one of our benchmarks, on the command as it is delivered where that is what is measured.
fn bench(root: &Path, name: &str, files: Option<u32>) -> Result<(), Failure> {
    let mut bench = process::cargo(root);
    let package = if name == "tls" { "strongroom-rustls" } else { "strongroom-tests" };
    bench.args(["bench", "--quiet", "--locked", "--package", package, "--bench", name]);
    if let Some(files) = files {
        bench.env("STRONGROOM_FILES", files.to_string());
    }
    if matches!(name, "import" | "bulk" | "http") {
        process::run(process::cargo(root).args([
            "build",
            "--quiet",
            "--locked",
            "--release",
            "--package",
            "strongroom-cli",
        ]))?;
        // Where cargo put it, whatever CARGO_TARGET_DIR says: we lie in a folder beside.
        let ours = std::env::current_exe()
            .map_err(|reason| Failure::File { path: PathBuf::from("the path of this program"), reason })?;
        let command = format!("release/strongroom{}", std::env::consts::EXE_SUFFIX);
        let built = ours.ancestors().nth(2).ok_or(Failure::NoWorkspace)?.join(command);
        bench.env("STRONGROOM_COMMAND", built);
    }
    process::run(&mut bench)
}
