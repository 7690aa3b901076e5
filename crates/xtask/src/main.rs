//! The project's own tasks: `cargo xtask fixtures`, and others.

use std::process::ExitCode;

mod fixtures;

fn main() -> ExitCode {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    match fixtures::run(&root) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            use std::io::Write as _;
            let _ = writeln!(std::io::stderr(), "xtask: error: {error}");
            ExitCode::FAILURE
        }
    }
}
