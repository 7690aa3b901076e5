//! The command `strongroom`: imports, inspects, administers and serves a keystore of server certificates.
//!
//! `args` -> `run` (one module a command) -> `render` -> here, where the result becomes output and an exit code.

mod args;
mod called;
mod clock;
mod commands;
mod complete;
mod failure;
mod help;
mod hint;
mod process;
mod prompt;
mod render;
mod source;
mod toml_file;
mod unlock;

use std::process::ExitCode;

use clap::FromArgMatches as _;

use crate::{args::Arguments, render::Printer};

/// Wipes what is freed: buffers that grew, and copies that other crates made, leave nothing behind.
#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);

fn main() -> ExitCode {
    process::harden();
    if complete::answer() {
        return ExitCode::SUCCESS;
    }
    let colour = called::colour();
    let parsed = help::command(colour)
        .try_get_matches()
        .and_then(|matches| Ok((Arguments::from_arg_matches(&matches)?, matches)));
    let (arguments, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(refused) => return render::usage(&refused, colour, called::wants_json()),
    };
    let printer = Printer::new(arguments.json, arguments.color, called::invocation(&matches));
    let done = clock::check()
        .and_then(|()| called::check_unlock(&matches))
        .and_then(|()| called::check_standard_input(&matches))
        .and_then(|()| commands::run(&arguments, &called::settings(&matches), &printer));
    match done {
        Ok(()) => {
            let code = ExitCode::from(printer.exit());
            printer.end(code, false)
        }
        Err(failure) if called::wants_nagios() => {
            printer.nagios_unknown(&failure.message);
            printer.end(ExitCode::from(render::NAGIOS_UNKNOWN), true)
        }
        Err(failure) => {
            printer.failure(&failure);
            printer.end(ExitCode::from(failure.exit.code()), true)
        }
    }
}
