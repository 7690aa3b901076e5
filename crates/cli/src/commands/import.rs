//! `import`: a server certificate with its key, out of whatever files there are, under an alias.

pub(super) mod bulk;
pub(super) mod embedded;
pub(super) mod sources;

use schemars::JsonSchema;
use serde::Serialize;
use strongroom::{
    Alias, Error,
    keystore::{FilesRequest, ImportReport, OpenedFiles, Source, SourceFile},
};

use self::sources::{Named, read_sources, summary};
use super::{now, open, passwords::with_passwords};
use crate::{
    args::{Arguments, Import},
    failure::Failure,
    render::{ImportView, Printer, import_text},
};

/// The answer to an import of files.
#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct FilesView<'a> {
    #[serde(flatten)]
    import: ImportView,
    sources: &'a [Source],
}

pub(super) fn run(arguments: &Arguments, command: &Import, printer: &Printer) -> Result<(), Failure> {
    embedded::check(command.with_embedded_ca, command.import_certificate_chain)?;
    if command.all {
        return bulk::run(arguments, command, printer);
    }
    let alias = command.alias.as_ref().map(|alias| alias.to_string_lossy()).unwrap_or_default();
    let alias: Alias = alias.parse().map_err(Error::from)?;
    let keystore = open(arguments)?;
    let (named, mut warnings) = read_sources(&command.files)?;
    let files: Vec<SourceFile<'_>> = named.iter().map(Named::source).collect();
    let alone = match files.as_slice() {
        [only] => Some(only.bytes),
        _ => None,
    };
    let opened = with_passwords(arguments, &command.password, alone, printer, |passwords| {
        let mut request = FilesRequest::new(alias.clone(), &files, passwords.file, now());
        request.opening.key_passwords = passwords.keys;
        request.opening.limits = command.password.limits();
        request.opening.entry = command.entry.clone();
        request.options.policy.use_embedded = command.import_certificate_chain;
        request.options.policy.allow = command.allow.clone();
        request.options.replace = command.replace;
        request.options.dry_run = command.dry_run;
        keystore.open_files(request)
    })?;
    let OpenedFiles { request, sources, .. } = opened;
    let report = if command.with_embedded_ca {
        embedded::import(arguments, command.dry_run, &keystore, request, printer)?
    } else {
        keystore.import_credential(request)?
    };
    warnings.extend(report.findings.iter().cloned());
    let view = FilesView { import: ImportView::of(&report), sources: &sources };
    printer.result(&view, &warnings, || {
        let text = import_text(&report);
        match (summary(&report, &sources), text.split_once('\n')) {
            (Some(from), Some((first, rest))) => format!("{first} ({from})\n{rest}"),
            _ => text,
        }
    });
    Ok(())
}

pub(super) fn print(report: &ImportReport, printer: &Printer) {
    printer.result(&ImportView::of(report), &report.findings, || import_text(report));
}
