//! The command that `watch` runs: how it is started, its environment, and how it is stopped.

use std::{
    ffi::OsString,
    io,
    os::{fd::AsFd as _, unix::process::CommandExt as _},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::SyncSender,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use strongroom::instant::rfc3339;

use super::{
    super::{service_manager::SOCKET, store_path},
    Message,
    queue::Job,
};
use crate::{
    args::{Arguments, Watch},
    process::callers_umask,
    unlock::UnlockSpec,
};

/// Gives the program the umask that this process was called with, and becomes it. Nothing of an entry is in this text.
const WRAPPER: &str = "umask \"$0\" && exec \"$@\"";
/// The shell.
const SHELL: &str = "/bin/sh";
/// How long a command that was told to end may take for it.
const GRACE: Duration = Duration::from_secs(5);
/// The exit code by which `export --if-changed` says that there was nothing to write.
pub(super) const UNCHANGED: i32 = 9;

/// What is run.
pub(super) struct Task {
    words: Vec<OsString>,
    /// Which store, for commands of this program.
    store: Vec<(&'static str, OsString)>,
    timeout: Option<Duration>,
    /// Whether standard output is for JSON alone.
    to_stderr: bool,
}

/// How a run ended.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Outcome {
    Well,
    /// It says that there was nothing to do.
    Unchanged,
    Failed {
        reason: String,
        code: Option<i32>,
    },
}

impl Task {
    /// What the command line says is to be run; `None` for nothing.
    pub(super) fn of(arguments: &Arguments, command: &Watch) -> Option<Self> {
        let words = match &command.exec {
            Some(line) => vec![SHELL.into(), "-c".into(), line.clone()],
            None if command.program.is_empty() => return None,
            None => command.program.clone(),
        };
        let path = |path: std::path::PathBuf| std::path::absolute(&path).unwrap_or(path).into_os_string();
        let store = [
            ("STRONGROOM_STORE", store_path(arguments).ok().map(path)),
            ("STRONGROOM_KEY_FILE", arguments.key_file.clone().map(path)),
            (
                "STRONGROOM_UNLOCK",
                arguments.unlock.first().and_then(UnlockSpec::for_others).map(OsString::from),
            ),
            ("STRONGROOM_ROLLBACK_GUARD", arguments.rollback_guard.clone().map(path)),
        ];
        Some(Self {
            words,
            store: store.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
            timeout: Some(command.timeout).filter(|timeout| !timeout.is_zero()),
            to_stderr: arguments.json,
        })
    }

    /// Starts it, in a process group of its own: Ctrl-C is for the watch, which waits for it.
    pub(super) fn start(&self, job: &Job, tell: &SyncSender<Message>) -> io::Result<Running> {
        let mut command = Command::new(SHELL);
        command.args(["-c", WRAPPER]).arg(format!("{:04o}", callers_umask())).args(&self.words);
        command.process_group(0).stdin(Stdio::null());
        if self.to_stderr {
            command.stdout(io::stderr().as_fd().try_clone_to_owned()?);
        }
        command.env_remove(SOCKET).envs(self.store.iter().map(|(name, value)| (name, value)));
        for (name, value) in variables(job) {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let mut child = command.spawn()?;
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let group = group.ok_or_else(|| io::Error::other("the process has no number"))?;
        let told = tell.clone();
        let waiting = thread::Builder::new().name("command".to_owned()).spawn(move || {
            // It stays to be waited for by its owner, so that its number is nobody else's until then.
            let ended = || waitid(WaitId::Pid(group), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
            while ended().is_err_and(|error| error == rustix::io::Errno::INTR) {}
            let _ = told.send(Message::Ended);
        });
        if let Err(error) = waiting {
            // Nobody would learn of its end.
            let _ = kill_process_group(group, Signal::KILL);
            let _ = child.wait();
            return Err(error);
        }
        let now = Instant::now();
        Ok(Running { child, group, started: now, ends: self.timeout.map(|most| now + most), ended_by: None })
    }
}

/// What a run finds in its environment.
fn variables(job: &Job) -> [(&'static str, Option<String>); 8] {
    let Job { event, attempt, .. } = job;
    let facts = event.facts.as_ref();
    [
        ("STRONGROOM_ALIAS", Some(event.alias.to_string())),
        ("STRONGROOM_EVENT", Some(event.kind.as_str().to_owned())),
        ("STRONGROOM_VERSION", facts.map(|facts| facts.version.to_string())),
        ("STRONGROOM_SHA256", facts.map(|facts| facts.sha256())),
        ("STRONGROOM_NOT_AFTER", facts.map(|facts| rfc3339(facts.not_after))),
        ("STRONGROOM_FORMER_ALIAS", event.former().map(ToString::to_string)),
        ("STRONGROOM_NEW_ALIAS", event.renamed_to().map(ToString::to_string)),
        ("STRONGROOM_ATTEMPT", Some(attempt.to_string())),
    ]
}

/// A command that runs.
pub(super) struct Running {
    child: Child,
    group: Pid,
    started: Instant,
    /// When it gets SIGTERM, or after that SIGKILL, if it has not ended by then.
    ends: Option<Instant>,
    /// The last signal that it got.
    ended_by: Option<Signal>,
}

impl Running {
    /// When something is to be done about it.
    pub(super) fn wakes(&self) -> Option<Instant> {
        self.ends
    }

    pub(super) fn took(&self) -> Duration {
        self.started.elapsed()
    }

    /// Tells it to end if its time is over, and ends it if it did not.
    pub(super) fn mind(&mut self, now: Instant) {
        if self.ends.is_some_and(|ends| ends <= now) {
            self.end(now);
        }
    }

    /// No more time for it than until then.
    pub(super) fn ends_by(&mut self, instant: Instant) {
        self.ends = Some(self.ends.map_or(instant, |ends| ends.min(instant)));
    }

    /// Tells it to end; the second time it is ended.
    pub(super) fn end(&mut self, now: Instant) {
        let signal = if self.ended_by.is_none() { Signal::TERM } else { Signal::KILL };
        self.ended_by = Some(signal);
        self.ends = Some(now + GRACE);
        let _ = kill_process_group(self.group, signal);
    }

    /// How it ended, once it has.
    pub(super) fn outcome(mut self) -> Outcome {
        if self.ended_by.is_some() {
            // Nothing of what it started is left behind.
            let _ = kill_process_group(self.group, Signal::KILL);
        }
        let reason = match self.child.wait() {
            Ok(status) if self.ended_by.is_none() => return of_status(status),
            Ok(_) => format!("was ended after {} s", self.started.elapsed().as_secs()),
            Err(error) => format!("cannot be waited for: {error}"),
        };
        Outcome::Failed { reason, code: None }
    }
}

fn of_status(status: ExitStatus) -> Outcome {
    match status.code() {
        Some(0) => Outcome::Well,
        Some(UNCHANGED) => Outcome::Unchanged,
        Some(code) => Outcome::Failed { reason: format!("exited with {code}"), code: Some(code) },
        None => {
            let signal = std::os::unix::process::ExitStatusExt::signal(&status).unwrap_or_default();
            Outcome::Failed { reason: format!("was ended by signal {signal}"), code: None }
        }
    }
}
