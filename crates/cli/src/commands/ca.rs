//! `ca import`, `ca ls`, and what else is said of CA certificates; `list` and `removal` show and remove them.

use std::collections::HashSet;

use schemars::JsonSchema;
use serde::Serialize;
use strongroom::{
    Alias, Entry, Error,
    alias::InvalidAlias,
    certificate_file::Location,
    error::AuthorityError,
    keystore::{
        AuthoritiesReport, AuthoritiesRequest, AuthorityNames, AuthorityOutcome, AuthorityReport, EntryKind,
    },
};

use super::{
    certificate_files::{Reader, Taken},
    export::run_ca,
    import::print,
    list::{self, Columns, each, stream},
    now, open, open_read_only, removal,
};
use crate::{
    args::{Arguments, Ca, CaImport},
    failure::{Exit, Failure},
    render::Printer,
};

pub(super) fn run(arguments: &Arguments, command: &Ca, printer: &Printer) -> Result<(), Failure> {
    match command {
        Ca::Import(command) if command.all => import_all(arguments, command, printer),
        Ca::Import(command) => import_one(arguments, command, printer),
        Ca::Export(command) => run_ca(arguments, command, printer),
        Ca::Ls { unused, long } => ls(arguments, *unused, Columns::of(*long), printer),
        Ca::Show(command) => list::show_ca(arguments, command, printer),
        Ca::Rm(command) => removal::rm_ca(arguments, command, printer),
    }
}

fn ls(arguments: &Arguments, unused: bool, columns: Columns, printer: &Printer) -> Result<(), Failure> {
    let keystore = open_read_only(arguments, printer)?;
    let is_authority = |entry: &Entry| matches!(entry.kind, EntryKind::Authority { .. });
    if !unused {
        let nothing = "no CA certificates; import one with: strongroom ca import ALIAS FILE\n";
        return stream(&keystore, printer, columns, is_authority, false, nothing);
    }
    let mut used = HashSet::new();
    each(&keystore, printer, now(), |entry| {
        if entry.kind == EntryKind::Server {
            used.extend(entry.chain.iter().skip(1).map(|above| above.certificate.fingerprint()));
        }
    })?;
    let is_unused = |entry: &Entry| is_authority(entry) && !used.contains(&entry.certificate.fingerprint());
    let nothing = "a server certificate leads to each of the CA certificates\n";
    stream(&keystore, printer, columns, is_unused, false, nothing)
}

/// Refuses a server certificate where a CA certificate is meant.
pub(super) fn check_authority(entry: &Entry) -> Result<(), Failure> {
    match entry.kind {
        EntryKind::Authority { .. } => Ok(()),
        _ => Err(Error::from(AuthorityError::IsServer { alias: entry.alias.clone() }).into()),
    }
}

fn import_one(arguments: &Arguments, command: &CaImport, printer: &Printer) -> Result<(), Failure> {
    let [alias, file] = command.operands.as_slice() else {
        let message =
            "ca import takes an alias and one file; with --all it takes files and folders, and no alias";
        return Err(Failure::new(Exit::Usage, "usage", "arguments", message.to_owned()));
    };
    let alias: Alias =
        alias.to_string_lossy().parse().map_err(|error: InvalidAlias| Failure::from(Error::from(error)))?;
    let keystore = open(arguments)?;
    let read = reader(arguments, command, printer)?.read(file)?;
    let report = keystore.import_authority_file(&alias, read, now())?;
    print(&report, printer);
    Ok(())
}

fn reader(arguments: &Arguments, command: &CaImport, printer: &Printer) -> Result<Reader, Failure> {
    Reader::new(arguments, command.source.as_ref(), command.max_work, printer)
}

/// What came of one certificate.
#[derive(JsonSchema, Serialize)]
struct AuthorityView<'a> {
    alias: Option<&'a str>,
    /// `imported`, `already_present` or `not_imported`.
    outcome: &'static str,
    /// Why it was not imported: `not_a_ca` or `no_basic_constraints`.
    reason: Option<&'static str>,
    sha256: String,
    subject: &'a str,
    file: &'a str,
    /// Its location in the file; `null` where it is all of it.
    location: Option<String>,
}

#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct AuthoritiesView<'a> {
    certificates: Vec<AuthorityView<'a>>,
    /// The aliases that were written.
    imported: Vec<&'a str>,
}

fn import_all(arguments: &Arguments, command: &CaImport, printer: &Printer) -> Result<(), Failure> {
    let keystore = open(arguments)?;
    let Taken { files, remarks: mut warnings } =
        reader(arguments, command, printer)?.read_all(&command.operands)?;
    let mut request = AuthoritiesRequest::new(files, now());
    request.names = AuthorityNames::FromSubject { prefix: command.prefix.clone() };
    let report = keystore.import_authorities(request)?;
    warnings.extend(report.findings.iter().cloned());
    let written = report.certificates.iter().filter(|one| matches!(one.outcome, AuthorityOutcome::Imported));
    let view = AuthoritiesView {
        certificates: report.certificates.iter().map(view).collect(),
        imported: written.filter_map(|one| one.alias.as_ref()).map(Alias::as_str).collect(),
    };
    printer.result(&view, &warnings, || text(&report));
    Ok(())
}

fn view(one: &AuthorityReport) -> AuthorityView<'_> {
    AuthorityView {
        alias: one.alias.as_ref().map(Alias::as_str),
        outcome: one.outcome.as_str(),
        reason: match &one.outcome {
            AuthorityOutcome::NotImported(error) => Some(error.code()),
            _ => None,
        },
        sha256: one.sha256.to_string(),
        subject: &one.subject,
        file: &one.file,
        location: (one.location != Location::default()).then(|| one.location.to_string()),
    }
}

/// A line for each certificate, and the sum.
fn text(report: &AuthoritiesReport) -> String {
    let mut text = String::new();
    for one in &report.certificates {
        let alias = one.alias.as_ref().map(Alias::as_str).unwrap_or_default();
        text.push_str(&match &one.outcome {
            AuthorityOutcome::NotImported(error) => {
                let location = if one.location == Location::default() {
                    String::new()
                } else {
                    format!(", {}", one.location)
                };
                format!("not imported: {error} ({}{location})\n", one.file)
            }
            AuthorityOutcome::AlreadyPresent => format!("already present: {alias}  {}\n", one.subject),
            _ => format!("imported {alias}  {}\n", one.subject),
        });
    }
    let (imported, present, refused) = report.counts();
    text.push_str(&format!("{imported} imported, {present} already present, {refused} not imported\n"));
    text
}
