//! Why a task failed.

use std::path::PathBuf;

use thiserror::Error;

use crate::fixtures::FixturesError;

/// Why a task failed.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// The folder of the workspace was not found.
    #[error("the workspace was not found")]
    NoWorkspace,
    /// Cargo built the command, and did not say where.
    #[error("cargo does not say where it put the command")]
    NoBinary,
    /// A benchmark that is not held against another revision.
    #[error("the benchmark {name} compares with a peer alone, not with another revision")]
    NotCompared {
        /// Its name.
        name: String,
    },
    /// A program could not be started.
    #[error("cannot start {program}: {reason}")]
    Start {
        /// The program.
        program: String,
        /// The system's reason.
        reason: std::io::Error,
    },
    /// A program ended with another exit code than the expected one.
    #[error("{program} ended with {status}")]
    Ended {
        /// The command line.
        program: String,
        /// Its exit status.
        status: String,
    },
    /// More instructions than were recorded.
    #[error("more than {bound} % above the recorded count:\n  {}", above.join("\n  "))]
    Counts {
        /// What is allowed.
        bound: u64,
        /// Each of them.
        above: Vec<String>,
    },
    /// A file could not be read, written or removed.
    #[error("{}: {reason}", path.display())]
    File {
        /// The path.
        path: PathBuf,
        /// The system's reason.
        reason: std::io::Error,
    },
    /// The server did not say where it listens.
    #[error("the server gave no address: {said}")]
    NoAddress {
        /// What it said instead.
        said: String,
    },
    /// A request failed.
    #[error("{request}: {reason}")]
    Request {
        /// Method and address.
        request: String,
        /// The client's reason.
        reason: String,
    },
    /// An answer is not the expected one.
    #[error("{request}: unexpected answer: {answer}")]
    Answer {
        /// Method and address.
        request: String,
        /// The answer.
        answer: String,
    },
    /// A tool's report is not the JSON that it should be.
    #[error("cannot read {}: {reason}", path.display())]
    Report {
        /// The path.
        path: PathBuf,
        /// Why not.
        reason: serde_json::Error,
    },
    /// The fixtures could not be made.
    #[error(transparent)]
    Fixtures(#[from] FixturesError),
}
