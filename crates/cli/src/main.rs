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

use std::{ffi::OsString, mem::ManuallyDrop, process::ExitCode};

use clap::{ArgMatches, ColorChoice, FromArgMatches as _, error::ErrorKind};

use crate::{
    args::{Arguments, for_words},
    render::Printer,
};

/// Wipes what is freed: buffers that grew, and copies that other crates made, leave nothing behind.
#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);

/// The command line. What is right is read by what it needs of the definition; all of it, with the groups and examples of
/// [`help`], is made for help and refusals alone.
fn parse(colour: ColorChoice) -> Result<(Arguments, ArgMatches), clap::Error> {
    let typed = |matches: ArgMatches| Ok((Arguments::from_arg_matches(&matches)?, matches));
    // The process ends soon after, and its memory with it.
    let words: Vec<OsString> = std::env::args_os().collect();
    let mut needed = ManuallyDrop::new(for_words(&words, colour));
    match needed.try_get_matches_from_mut(words).and_then(typed) {
        Err(refused) if refused.kind() != ErrorKind::DisplayVersion => {
            help::command(colour).try_get_matches().and_then(typed)
        }
        done => done,
    }
}

fn main() -> ExitCode {
    process::harden();
    if complete::answer() {
        return ExitCode::SUCCESS;
    }
    let colour = called::colour();
    let (arguments, matches) = match parse(colour) {
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
