//! `strongroom serve` as a child process that is always ended.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use serde::Deserialize;

use crate::{
    failure::Failure,
    process::{say, shown},
};

/// A running server.
pub(crate) struct Server {
    child: Option<Child>,
    /// Where it serves, up to `portaladmin`.
    pub(crate) url: String,
    /// Its machine name.
    pub(crate) machine: String,
}

#[derive(Deserialize)]
struct Line {
    result: Ready,
}

#[derive(Deserialize)]
struct Ready {
    url: String,
    machine: String,
}

impl Server {
    /// Starts it, and waits until it says where it listens.
    pub(crate) fn start(mut command: Command) -> Result<Self, Failure> {
        say(&format!("$ {} &", shown(&command)));
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|reason| Failure::Start { program: shown(&command), reason })?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            let _ = BufReader::new(stdout).read_line(&mut line);
        }
        match serde_json::from_str::<Line>(&line) {
            Ok(Line { result: Ready { url, machine } }) => Ok(Self { child: Some(child), url, machine }),
            Err(_) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(Failure::NoAddress { said: line })
            }
        }
    }

    /// Its process number.
    pub(crate) fn process(&self) -> u32 {
        self.child.as_ref().map(Child::id).unwrap_or_default()
    }

    /// Leaves it running when we end.
    pub(crate) fn keep(mut self) {
        drop(self.child.take());
    }

    /// Ends it.
    pub(crate) fn stop(mut self) -> Result<(), Failure> {
        self.end();
        Ok(())
    }

    fn end(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}
