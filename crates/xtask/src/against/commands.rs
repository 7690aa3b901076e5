//! Whole commands that need no store.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use super::{Side, pairs, timed};
use crate::{failure::Failure, process::say};

/// `strongroom inspect` of every PKCS #12 file among the fixtures.
pub(super) fn inspect(root: &Path, ours: &Side, theirs: &Side) -> Result<(), Failure> {
    let folder = root.join("fixtures/pkcs12");
    let failed = |reason| Failure::File { path: folder.clone(), reason };
    let mut files: Vec<PathBuf> = Vec::new();
    for file in fs::read_dir(&folder).map_err(failed)? {
        files.push(file.map_err(failed)?.path());
    }
    files.sort();
    let all = |side: &Side| -> Result<Duration, Failure> {
        let mut spent = Duration::ZERO;
        for file in &files {
            let mut command = Command::new(&side.command);
            command.args(["--no-input", "inspect", "--pass-in", "env:P"]).arg(file).env("P", "changeit");
            let started = Instant::now();
            // What a revision refuses, it refuses after the same work.
            let ended = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
            ended.map_err(|reason| Failure::Start { program: "strongroom".to_owned(), reason })?;
            spent += started.elapsed();
        }
        Ok(spent)
    };
    let what = format!("whole command: inspect, each of {} fixtures", files.len());
    pairs(&what, 1, || all(ours), || all(theirs))
}

/// `strongroom verify --batch` of x509-limbo's cases.
#[expect(clippy::disallowed_methods, reason = "the place of the corpus comes from the environment")]
pub(super) fn validate(ours: &Side, theirs: &Side) -> Result<(), Failure> {
    let Some(corpus) = std::env::var_os("STRONGROOM_CORPUS").map(PathBuf::from) else {
        say("skipped: STRONGROOM_CORPUS does not say where validation/cases.json is");
        return Ok(());
    };
    let cases = corpus.join("validation/cases.json");
    let all = |side: &Side| -> Result<Duration, Failure> {
        let input = File::open(&cases).map_err(|reason| Failure::File { path: cases.clone(), reason })?;
        timed(Command::new(&side.command).args(["verify", "--batch"]).stdin(input))
    };
    pairs("whole command: verify --batch of x509-limbo's cases", 1, || all(ours), || all(theirs))
}
