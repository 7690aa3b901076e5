//! The command `strongroom`: imports, inspects, administers and serves a keystore of server certificates.
//!
//! `args` -> `run` (one module a command) -> `render` -> here, where the result becomes output and an exit code.

mod args;
mod commands;
mod failure;
mod render;
mod source;

use std::process::ExitCode;

use clap::Parser as _;

use crate::{args::Arguments, render::Printer};

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(refused) => return render::usage(&refused),
    };
    let printer = Printer::new(arguments.json, arguments.color);
    match commands::run(&arguments, &printer) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            printer.failure(&failure);
            ExitCode::from(failure.exit.code())
        }
    }
}
