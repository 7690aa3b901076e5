//! A command on a terminal. Python's `pty` plays it.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::command::Run;

/// Runs a command on a terminal, types keys once what they wait for was shown, and says what came of it as JSON: the exit
/// status, whether the terminal echoed before, while it waited, and after, and what was shown.
const TERMINAL: &str = r#"
import fcntl, json, os, pty, select, struct, sys, termios, time
call = json.loads(sys.argv[1])
typed = [(wait.encode(), keys.encode().decode("unicode_escape").encode()) for wait, keys in call["typed"]]
master, slave = pty.openpty()
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, call["columns"], 0, 0))
echo = lambda: "echo" if termios.tcgetattr(slave)[3] & termios.ECHO else "silent"
before = echo()
pid = os.fork()
if pid == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in (0, 1, 2):
        os.dup2(slave, fd)
    os.close(master)
    os.execve(call["program"], [call["program"]] + call["arguments"], call["environment"])
shown, during, seen = b"", "-", 0
end = time.time() + 30
status = None
while time.time() < end:
    if select.select([master], [], [], 0.02)[0]:
        shown += os.read(master, 65536)
    if typed and typed[0][0] in shown[seen:]:
        during, seen = echo(), len(shown)
        os.write(master, typed.pop(0)[1])
    if status is None:
        done, status_word = os.waitpid(pid, os.WNOHANG)
        if done:
            status = os.waitstatus_to_exitcode(status_word)
    elif not select.select([master], [], [], 0.04)[0]:
        break
if status is None:
    os.kill(pid, 9)
text = shown.decode().replace("\r\n", "\n")
print(json.dumps({"status": status, "echo": [before, during, echo()], "text": text}))
"#;

/// A terminal.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "tests make it")]
pub struct Screen<'a> {
    /// How wide it is.
    pub columns: u32,
    /// What is typed, each once something was shown; with the escapes of Python.
    pub typed: &'a [(&'a str, &'a str)],
}

/// What was shown.
#[derive(Debug)]
#[non_exhaustive]
pub struct Shown {
    /// The exit status.
    pub status: i32,
    /// Whether the terminal echoed before, while it waited for keys, and after: `echo` or `silent`.
    pub echo: Vec<String>,
    /// All that stood on the terminal.
    pub text: String,
}

impl Screen<'_> {
    /// Runs a command with its environment alone; `None` without Python, which is said.
    #[must_use]
    pub fn run(&self, command: &Command) -> Option<Shown> {
        let text = |text: &std::ffi::OsStr| text.to_str().unwrap().to_owned();
        let environment: serde_json::Map<String, Value> =
            command.get_envs().filter_map(|(name, value)| Some((text(name), text(value?).into()))).collect();
        let call = json!({
            "program": text(command.get_program()),
            "arguments": command.get_args().map(text).collect::<Vec<_>>(),
            "environment": environment,
            "columns": self.columns,
            "typed": self.typed,
        });
        let mut python = Command::new("python3");
        python.args(["-c", TERMINAL, &call.to_string()]).stdin(Stdio::null());
        if let Some(folder) = command.get_current_dir() {
            python.current_dir(folder);
        }
        let Ok(output) = python.output() else {
            println!("SKIPPED: there is no python3");
            return None;
        };
        let run: Run = output.into();
        assert_eq!(run.code, 0, "{}", run.err);
        let said = run.json();
        let shown = said["text"].as_str().unwrap().to_owned();
        let status = said["status"].as_i64().and_then(|status| i32::try_from(status).ok());
        Some(Shown {
            status: status.unwrap_or_else(|| panic!("still running: {shown}")),
            echo: said["echo"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one.as_str().unwrap().to_owned())
                .collect(),
            text: shown,
        })
    }
}
