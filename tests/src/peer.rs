//! Peers of other languages and libraries, each one process that stays: it opens files as often as it is told, and says what
//! that took.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use crate::figures::Cost;

/// A running peer. It ends with this value.
#[derive(Debug)]
#[non_exhaustive]
pub struct Peer {
    child: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    /// Java's KeyStore in one virtual machine; `None` where there is no Java that runs a source file.
    #[must_use]
    pub fn java() -> Option<Self> {
        let mut command = Command::new("java");
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/OpenKeystore.java"));
        Self::start(&mut command)
    }

    /// OpenSSL, through the crate `openssl`; `None` where it cannot be built, for want of OpenSSL's headers.
    #[must_use]
    pub fn openssl() -> Option<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/openssl");
        let mut command = Command::new(env!("CARGO"));
        command
            .args(["run", "--quiet", "--release", "--locked", "--target-dir"])
            .arg(folder.join("../../../target/peers"));
        Self::start(command.arg("--manifest-path").arg(folder.join("Cargo.toml")))
    }

    fn start(command: &mut Command) -> Option<Self> {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
        let (questions, answers) = (child.stdin.take()?, BufReader::new(child.stdout.take()?));
        let mut peer = Self { child, questions: Some(questions), answers };
        // It is there if it answers, also that there is no such file.
        peer.ask(1, "none", Path::new("/dev/null")).map(|_| peer)
    }

    /// What each of `times` openings of a file takes, or why it does not open.
    ///
    /// # Panics
    ///
    /// If the peer is gone.
    pub fn open(&mut self, times: u32, password: &str, file: &Path) -> Result<Cost, String> {
        self.ask(times, password, file).expect("the peer answers")
    }

    fn ask(&mut self, times: u32, password: &str, file: &Path) -> Option<Result<Cost, String>> {
        let questions = self.questions.as_mut()?;
        writeln!(questions, "{times} {password} {}", file.display()).and_then(|()| questions.flush()).ok()?;
        let mut line = String::new();
        self.answers.read_line(&mut line).ok().filter(|length| *length > 0)?;
        if let Some(why) = line.strip_prefix("failed") {
            return Some(Err(why.trim().to_owned()));
        }
        let (processor, clock) = line.trim().split_once(' ')?;
        let nanoseconds = |text: &str| Some(Duration::from_nanos(text.parse().ok()?));
        Some(Ok(Cost::of(nanoseconds(processor)?, nanoseconds(clock)?)))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // At the end of its input it ends.
        drop(self.questions.take());
        let _ = self.child.wait();
    }
}
