//! The command `strongroom`: imports, inspects, administers and serves a keystore of server certificates.
//!
//! `args` -> `run` (one module a command) -> `render` -> here, where the result becomes output and an exit code.

mod args;
mod called;
mod commands;
mod failure;
mod process;
mod render;
mod source;
mod unlock;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

use crate::{args::Arguments, render::Printer};

/// Wipes what is freed: buffers that grew, and copies that other crates made, leave nothing behind.
#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);

fn main() -> ExitCode {
    process::harden();
    let parsed = Arguments::command()
        .try_get_matches()
        .and_then(|matches| Ok((Arguments::from_arg_matches(&matches)?, called::invocation(&matches))));
    let (arguments, called) = match parsed {
        Ok(parsed) => parsed,
        Err(refused) => return render::usage(&refused),
    };
    let printer = Printer::new(arguments.json, arguments.color, called);
    match commands::run(&arguments, &printer) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            printer.failure(&failure);
            ExitCode::from(failure.exit.code())
        }
    }
}
