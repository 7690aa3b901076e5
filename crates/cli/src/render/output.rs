//! Standard output. A write that fails is remembered, nothing more is written, and the command fails at its end.

use std::{
    cell::RefCell,
    io::{self, Write as _},
    process::ExitCode,
};

use crate::failure::Exit;

/// Standard output, with the first failure to write to it.
#[derive(Default)]
pub(crate) struct Output {
    failed: RefCell<Option<io::Error>>,
}

impl Output {
    pub(crate) fn write(&self, bytes: &[u8]) {
        self.attempt(|stdout| stdout.write_all(bytes));
    }

    /// Writes what is still held back.
    pub(crate) fn flush(&self) {
        self.attempt(io::Write::flush);
    }

    fn attempt(&self, work: impl FnOnce(&mut io::StdoutLock<'static>) -> io::Result<()>) {
        let mut failed = self.failed.borrow_mut();
        if failed.is_none() {
            *failed = work(&mut io::stdout().lock()).err();
        }
    }

    /// Whether nothing that is written comes anywhere any more.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.borrow().is_some()
    }

    /// Ends the output: `code`, unless not all of it could be written.
    ///
    /// Where nobody reads any more, as behind `| head`, the process ends as that system's programs do, by SIGPIPE.
    pub(crate) fn end(self, code: ExitCode, failed_before: bool) -> ExitCode {
        self.flush();
        let Some(error) = self.failed.into_inner() else {
            return code;
        };
        if error.kind() == io::ErrorKind::BrokenPipe {
            let _ = signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGPIPE);
        }
        let done = if failed_before { "" } else { "; the command itself was carried out" };
        let _ = writeln!(
            io::stderr().lock(),
            "strongroom: error[output_failed] cannot write to standard output: {error}{done}"
        );
        if failed_before { code } else { ExitCode::from(Exit::Other.code()) }
    }
}
