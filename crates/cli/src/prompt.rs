//! Questions on the terminal.
//!
//! While a password is typed the terminal shows nothing. Whatever ends the process then, Ctrl-C first of all, the terminal
//! gets back what it had: not every shell mends it.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead as _, BufReader, IsTerminal as _, Read as _, Write as _},
    sync::{
        Mutex, Once, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM},
    iterator::Signals,
    low_level::emulate_default_handler,
};
use strongroom::remedy::Remedy;
use zeroize::Zeroizing;

use crate::{
    args::Arguments,
    failure::{Exit, Failure},
};

/// The most that is read of an answer, in bytes.
const MAX_LINE: u64 = 4096;
/// `_POSIX_VDISABLE` of the system.
const DISABLED: u8 = if cfg!(any(target_os = "linux", target_os = "android")) { 0 } else { 0xff };

/// The terminal as it was before a question, while one stands.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);
/// Whether a server deals with signals from now on.
static SERVING: AtomicBool = AtomicBool::new(false);

/// Asks for a line that is not shown.
pub(crate) fn password(question: &str) -> io::Result<Zeroizing<String>> {
    let terminal = open_terminal()?;
    watch_signals();
    let quiet = Quiet::begin(&terminal)?;
    write!(&terminal, "{question}: ")?;
    let line = read_line(&terminal);
    drop(quiet);
    // The line end of the answer was not shown either.
    let _ = writeln!(&terminal);
    line
}

fn open_terminal() -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open("/dev/tty")
}

fn read_line(terminal: &File) -> io::Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(MAX_LINE).unwrap_or(4096)));
    BufReader::with_capacity(1, terminal).take(MAX_LINE).read_until(b'\n', &mut bytes)?;
    let Some(line) = bytes.strip_suffix(b"\n") else {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the terminal was closed"));
    };
    // Freed memory is wiped whatever holds it.
    std::str::from_utf8(line)
        .map(|text| Zeroizing::new(text.to_owned()))
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "what was typed is not UTF-8"))
}

/// A terminal that shows nothing of what is typed, until this is dropped.
struct Quiet<'t> {
    terminal: &'t File,
}

impl<'t> Quiet<'t> {
    fn begin(terminal: &'t File) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL);
        quiet.local_modes.insert(LocalModes::ICANON | LocalModes::ISIG);
        // A shell that the question is suspended to would have no echo.
        quiet.special_codes[SpecialCodeIndex::VSUSP] = DISABLED;
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
        let begun = Self { terminal };
        tcsetattr(terminal, OptionalActions::Flush, &quiet)?;
        Ok(begun)
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        if let Some(before) = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = tcsetattr(self.terminal, OptionalActions::Now, &before);
        }
    }
}

/// From the first question on, a signal that ends the process gives the terminal back before.
fn watch_signals() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP, SIGQUIT]) {
            std::thread::spawn(move || signals.forever().for_each(ended_by));
        }
    });
}

fn ended_by(signal: i32) {
    let asked = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(before) = asked {
        if let Ok(terminal) = open_terminal() {
            let _ = tcsetattr(&terminal, OptionalActions::Now, &before);
            let _ = writeln!(&terminal);
        }
        end(signal);
    }
    if !SERVING.load(Ordering::Relaxed) {
        let _ = emulate_default_handler(signal);
    }
}

#[expect(clippy::exit, reason = "the process was told to end while it waits for an answer")]
fn end(signal: i32) {
    std::process::exit(signal.saturating_add(128));
}

/// A server deals with signals itself.
pub(crate) fn leave_signals_to_the_server() {
    SERVING.store(true, Ordering::Relaxed);
}

/// Whether somebody can be asked.
pub(crate) fn can_ask(arguments: &Arguments) -> bool {
    !arguments.no_input && io::stdin().is_terminal()
}

/// What is done where nobody can be asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unasked {
    /// It can be undone, or was asked for by name: go on.
    GoOn,
    /// It is neither: refuse.
    Refuse,
}

/// Asks on the terminal, unless `--yes` has answered; refuses if the answer is not yes.
pub(crate) fn confirm(arguments: &Arguments, question: &str, unasked: Unasked) -> Result<(), Failure> {
    if arguments.yes {
        return Ok(());
    }
    if !can_ask(arguments) {
        return match unasked {
            Unasked::GoOn => Ok(()),
            Unasked::Refuse => Err(Failure::new(
                Exit::Usage,
                "confirmation_needed",
                "arguments",
                format!("this needs an answer, and nobody can be asked here: {question}"),
            )
            .with(Remedy::AnswerYes)),
        };
    }
    // Where a question is seen, whatever the streams of the command lead to.
    let answer = open_terminal().and_then(|terminal| {
        write!(&terminal, "{question} [y/N] ")?;
        read_line(&terminal)
    });
    if answer.is_ok_and(|answer| matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")) {
        return Ok(());
    }
    Err(Failure::new(Exit::Other, "declined", "arguments", "nothing was changed".to_owned()))
}
