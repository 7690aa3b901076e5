//! Our benchmark of the store as a process of its own: it does one thing when it is asked to.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use crate::failure::Failure;

/// A filled store, and the process that works on it. Both end with this value.
pub(super) struct Worker {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
    /// Its store.
    pub(super) store: PathBuf,
    /// The size of the file when it had been filled.
    pub(super) bytes: u64,
}

impl Worker {
    /// Starts one, and waits until it has filled its store.
    pub(super) fn start(bench: &Path, entries: usize) -> Result<Self, Failure> {
        let mut command = Command::new(bench);
        command.args(["worker", &entries.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let program = bench.display().to_string();
        let mut child =
            command.spawn().map_err(|reason| Failure::Start { program: program.clone(), reason })?;
        let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Failure::Ended { program, status: "no way to speak to it".to_owned() });
        };
        let mut worker =
            Self { child, to: Some(to), from: BufReader::new(from), store: PathBuf::new(), bytes: 0 };
        let ready = worker.line()?;
        let mut words = ready.splitn(3, ' ').skip(1);
        match (words.next().and_then(|bytes| bytes.parse().ok()), words.next()) {
            (Some(bytes), Some(store)) => (worker.bytes, worker.store) = (bytes, PathBuf::from(store)),
            _ => return Err(Failure::Answer { request: program, answer: ready }),
        }
        Ok(worker)
    }

    /// Lets it do something; gives how long that took.
    pub(super) fn ask(&mut self, what: &str) -> Result<Duration, Failure> {
        let asked = self.to.as_mut().map(|to| writeln!(to, "{what}"));
        if let Some(Err(reason)) = asked {
            return Err(Failure::Start { program: format!("worker {what}"), reason });
        }
        let answer = self.line()?;
        let spent = answer.parse().map_err(|_| Failure::Answer { request: what.to_owned(), answer })?;
        Ok(Duration::from_nanos(spent))
    }

    fn line(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        let read = self.from.read_line(&mut line);
        read.map_err(|reason| Failure::Start { program: "the worker".to_owned(), reason })?;
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It ends when nobody can ask any more, and takes its store with it.
        self.to = None;
        let _ = self.child.wait();
    }
}
