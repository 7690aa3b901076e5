//! `inspect`: what is in a file, and of several files what belongs together.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;
use strongroom::{
    Error, UnixTime,
    certificate::printable,
    diagnostic::{Diagnostic, DiagnosticCode},
    inspect::{FileReport, InspectRequest, Together, inspect},
};

use super::{now, passwords::FilePasswords, read_file};
use crate::{
    args::{Arguments, Inspect},
    failure::{Exit, Failure},
    render::{ErrorView, Printer, file_text, together_text},
};

/// One of several files.
#[derive(JsonSchema, Serialize)]
struct FileView<'a> {
    file: &'a str,
    /// What is in it; null where it cannot be read.
    report: Option<&'a FileReport>,
    /// Why it cannot be read.
    error: Option<ErrorView<'a>>,
}

#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct FilesView<'a> {
    files: Vec<FileView<'a>>,
    together: &'a Together,
}

/// A file, and what came of it.
struct Looked {
    name: String,
    report: Result<FileReport, Failure>,
    remarks: Vec<Diagnostic>,
}

pub(super) fn run(arguments: &Arguments, command: &Inspect, printer: &Printer) -> Result<(), Failure> {
    let (passwords, at) = (FilePasswords::read(arguments, &command.password, printer)?, now());
    if let [file] = command.files.as_slice() {
        let (report, remarks) = look(file, None, command, &passwords, at)?;
        printer.result(&report, &remarks, || file_text(&report, None));
        // The exit code of an import of that key.
        if report.has_damaged_key() {
            printer.set_exit(Exit::File.code());
        }
        return Ok(());
    }
    several(&command.files, command, &passwords, at, printer)
}

/// Looks into a file; `name` is said in a question, where there are several files.
fn look(
    path: &Path,
    name: Option<&str>,
    command: &Inspect,
    passwords: &FilePasswords,
    at: UnixTime,
) -> Result<(FileReport, Vec<Diagnostic>), Failure> {
    let file = read_file(path)?;
    passwords.open(Some(&file), |passwords| {
        let mut request = InspectRequest::new(&file, passwords, at);
        request.limits = command.password.limits();
        let named = |error| match name {
            Some(name) => Error::InFile { file: name.to_owned(), error: Box::new(error) },
            None => error,
        };
        inspect(request).map_err(named)
    })
}

/// Every file is shown, whatever is wrong with another one; the exit code is that of the first that cannot be read.
fn several(
    paths: &[PathBuf],
    command: &Inspect,
    passwords: &FilePasswords,
    at: UnixTime,
    printer: &Printer,
) -> Result<(), Failure> {
    let looked: Vec<Looked> = paths
        .iter()
        .map(|path| {
            let name = printable(&path.to_string_lossy());
            match look(path, Some(&name), command, passwords, at) {
                Ok((report, remarks)) => Looked { name, report: Ok(report), remarks },
                Err(failure) => Looked { name, report: Err(failure), remarks: Vec::new() },
            }
        })
        .collect();
    let readable = looked.iter().filter_map(|one| Some((one.name.as_str(), one.report.as_ref().ok()?)));
    let together = Together::of(&readable.collect::<Vec<_>>());
    let mut remarks = Vec::new();
    for one in &looked {
        // Whom a key belongs to is said over all files.
        for remark in one.remarks.iter().filter(|remark| remark.code != DiagnosticCode::KeyMismatch) {
            let mut remark = remark.clone();
            remark.message = format!("{}: {}", one.name, remark.message);
            remarks.push(remark);
        }
    }
    remarks.extend(together.findings());
    let failures = || looked.iter().filter_map(|one| Some((one, one.report.as_ref().err()?)));
    let view = FilesView {
        files: looked
            .iter()
            .map(|one| FileView {
                file: &one.name,
                report: one.report.as_ref().ok(),
                error: one.report.as_ref().err().map(|failure| printer.error_of(failure, "", &one.name)),
            })
            .collect(),
        together: &together,
    };
    printer.result(&view, &remarks, || {
        let mut text = String::new();
        for one in &looked {
            if let Ok(report) = &one.report {
                text.push_str(&file_text(report, Some(&one.name)));
                text.push('\n');
            }
        }
        text + &together_text(&together)
    });
    failures().for_each(|(one, failure)| printer.failure_of(failure, "", &one.name, ""));
    let exit = match failures().next() {
        Some((_, failure)) => Some(failure.exit),
        None if together.keys.iter().any(|key| key.damaged) => Some(Exit::File),
        None if together.lonely_keys().next().is_some() => Some(Exit::Validation),
        None if together.locked_key_count > 0 => Some(Exit::Password),
        None => None,
    };
    if let Some(exit) = exit {
        printer.set_exit(exit.code());
    }
    Ok(())
}
