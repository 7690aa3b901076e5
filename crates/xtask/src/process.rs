//! Runs programs, and shows what is run.

use std::{
    ffi::OsStr,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use crate::failure::Failure;

/// A line on standard output.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// The command line as a person would type it.
pub(crate) fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(quoted).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &OsStr) -> String {
    let text = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text.into_owned() } else { format!("'{text}'") }
}

/// Shows and runs a command; its output goes where ours goes.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    say(&format!("$ {}", shown(command)));
    let status = command.status().map_err(|reason| Failure::Start {
        program: command.get_program().to_string_lossy().into_owned(),
        reason,
    })?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::Ended { program: shown(command), status: status.to_string() })
}

/// Runs a command and gives its standard output; what it says beside that is shown if it fails.
pub(crate) fn output(command: &mut Command) -> Result<String, Failure> {
    let output = command.output().map_err(|reason| Failure::Start {
        program: command.get_program().to_string_lossy().into_owned(),
        reason,
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    say(String::from_utf8_lossy(&output.stderr).trim_end());
    Err(Failure::Ended { program: shown(command), status: output.status.to_string() })
}

/// `cargo`, the one that runs us.
pub(crate) fn cargo(root: &Path) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root);
    command
}

/// Builds the binary `strongroom` and gives its path.
pub(crate) fn build_strongroom(root: &Path) -> Result<PathBuf, Failure> {
    run(cargo(root).args(["build", "--quiet", "--locked", "--package", "strongroom-cli"]))?;
    // Where cargo put it, whatever CARGO_TARGET_DIR says: we lie beside it.
    let ours = std::env::current_exe()
        .map_err(|reason| Failure::File { path: PathBuf::from("the path of this program"), reason })?;
    let name = format!("strongroom{}", std::env::consts::EXE_SUFFIX);
    Ok(ours.with_file_name(name))
}
