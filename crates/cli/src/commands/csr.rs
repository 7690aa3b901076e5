//! `csr`: certificate signing requests, and what the CA answers.

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;
use strongroom::{
    Alias, Keystore,
    certificate::AlternativeName,
    diagnostic::{Diagnostic, DiagnosticCode},
    instant::{rfc3339, seconds},
    issuance::{CertificateTemplate, IssuanceError, KeyKind, RequestedName, Subject},
    keystore::{FilesRequest, OpenedFiles, PendingRequest, RequestOptions, Source, SourceFile},
};

use super::{
    generate::Made,
    import::{
        embedded,
        sources::{Named, read_sources, summary},
    },
    list::{named_entry, pending, short},
    new_file, now, open, open_read_only,
};
use crate::{
    args::{Arguments, Csr, CsrCommand, Encoding, Install, RequestArgs, RequestOutput},
    failure::{Exit, Failure},
    prompt::{Unasked, confirm},
    render::{Cell, Printer, import_text},
    source::PasswordSource,
};

#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct RequestView {
    alias: String,
    names: Vec<String>,
    subject: String,
    key: String,
    spki_sha256: String,
    request_sha256: String,
    created_at: String,
    actor: String,
    /// Whether an entry has the alias, which the certificate will replace.
    beside_entry: bool,
    pem: String,
}

impl RequestView {
    fn of(pending: &PendingRequest) -> Self {
        let PendingRequest { alias, created_at, actor, request, beside_entry, .. } = pending;
        Self {
            alias: alias.to_string(),
            names: names(pending),
            subject: request.subject().to_owned(),
            key: request.key().to_string(),
            spki_sha256: request.spki_fingerprint().to_string(),
            request_sha256: request.fingerprint().to_string(),
            created_at: rfc3339(seconds(*created_at)),
            actor: actor.clone(),
            beside_entry: *beside_entry,
            pem: request.pem(),
        }
    }
}

#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct MadeView {
    #[serde(flatten)]
    request: RequestView,
    outcome: &'static str,
    /// Where it was written; null for standard output.
    file: Option<String>,
}

#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct Listing {
    requests: Vec<RequestView>,
}

#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct Changed {
    alias: String,
    outcome: &'static str,
}

#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct Installed<'a> {
    #[serde(flatten)]
    made: Made,
    sources: &'a [Source],
}

/// The names that are asked for, with their kind where they are no hosts.
pub(super) fn names(pending: &PendingRequest) -> Vec<String> {
    let named = pending.request.alternative_names().iter().map(|name| match name {
        AlternativeName::Dns(text) | AlternativeName::Ip(text) => text.clone(),
        AlternativeName::Email(text) => format!("email:{text}"),
        AlternativeName::Uri(text) => format!("uri:{text}"),
        AlternativeName::Other(text) => text.clone(),
        other => format!("{other:?}"),
    });
    named.collect()
}

/// The names of a request in a table, or else its subject.
pub(super) fn names_cell(names: &[String], subject: &str) -> Cell {
    if names.is_empty() { short(subject).into() } else { Cell::of_names(names.iter().map(String::as_str)) }
}

pub(super) fn run(arguments: &Arguments, command: &Csr, printer: &Printer) -> Result<(), Failure> {
    match &command.command {
        None => request(arguments, &command.request, printer),
        Some(CsrCommand::Install(command)) => install(arguments, command, printer),
        Some(CsrCommand::Ls) => list(arguments, printer),
        Some(CsrCommand::Show { alias, output }) => show(arguments, alias, output, printer),
        Some(CsrCommand::Rm { alias }) => remove(arguments, alias, printer),
    }
}

fn request(arguments: &Arguments, command: &RequestArgs, printer: &Printer) -> Result<(), Failure> {
    // The definition asks for it.
    let Some(alias) = &command.alias else {
        return Err(Failure::new(Exit::Usage, "usage", "arguments", "an alias is needed".to_owned()));
    };
    let place = Place::of(&command.output, arguments)?;
    let keystore = open(arguments)?;
    let (template, kind) = template(&keystore, command)?;
    let mut options = RequestOptions::new(now());
    options.key = if command.reuse_key { None } else { Some(kind) };
    options.replace = command.replace;
    let pending = keystore.request(alias, &template, options)?;
    place.write(&pending, "requested", printer)?;
    if !arguments.json {
        printer.note(&format!("next: {} csr install {} REPLY", printer.program(), pending.alias));
    }
    Ok(())
}

/// What is asked for, and the kind of a new key.
fn template(keystore: &Keystore, command: &RequestArgs) -> Result<(CertificateTemplate, KeyKind), Failure> {
    let given = |error: IssuanceError| Failure::from(strongroom::Error::from(error));
    let mut template = CertificateTemplate::new(command.names.clone());
    template.subject.clone_from(&command.subject);
    template.hash = command.hash.map(Into::into);
    let mut kind = command.key.unwrap_or_default();
    if let Some(like) = &command.like {
        let certificate = named_entry(keystore, like, now())?.certificate;
        if template.names.is_empty() {
            template.names = RequestedName::all_of(&certificate).map_err(given)?;
        }
        if template.subject.is_none() {
            template.subject = Some(Subject::of(&certificate).map_err(given)?);
        }
        if command.key.is_none() && !command.reuse_key {
            kind = KeyKind::of(certificate.key()).map_err(given)?;
        }
    }
    Ok((template, kind))
}

/// Where a request goes, looked at before one is made.
struct Place<'a> {
    path: Option<&'a Path>,
    format: Encoding,
    replaces: bool,
}

impl<'a> Place<'a> {
    fn of(output: &'a RequestOutput, arguments: &Arguments) -> Result<Self, Failure> {
        let path = output.output.as_deref().filter(|path| *path != Path::new("-"));
        let mut replaces = false;
        if let Some(path) = path {
            replaces = new_file::present(path)?.is_some();
            if replaces && !output.force {
                return Err(new_file::exists(path));
            }
        } else if arguments.json && output.format == Encoding::Der {
            let message = "with --json the request stands in the answer as PEM: give a file for DER, with -o";
            return Err(Failure::new(Exit::Usage, "usage", "arguments", message.to_owned()));
        }
        Ok(Self { path, format: output.format, replaces })
    }

    /// Writes the request, or prints it.
    fn write(
        &self,
        pending: &PendingRequest,
        outcome: &'static str,
        printer: &Printer,
    ) -> Result<(), Failure> {
        let content = match self.format {
            Encoding::Pem => pending.request.pem().into_bytes(),
            Encoding::Der => pending.request.der().to_vec(),
        };
        if let Some(path) = self.path {
            // It waits in the store by now: csr show gives it again.
            new_file::write_public(path, &content, self.replaces)?;
        }
        let view = MadeView {
            request: RequestView::of(pending),
            outcome,
            file: self.path.map(|path| path.display().to_string()),
        };
        let is_text = self.path.is_some() || self.format == Encoding::Pem;
        if !is_text {
            printer.bytes(&content);
            return Ok(());
        }
        let nameless = view.request.names.is_empty().then(|| {
            let message = "the request names no host in subjectAltName; current clients will match no name of the certificate";
            Diagnostic::new(DiagnosticCode::NoSan, message)
        });
        printer.result(&view, nameless.as_slice(), || match self.path {
            Some(path) => {
                let asked = if view.request.names.is_empty() {
                    format!("no name, subject {}", view.request.subject)
                } else {
                    view.request.names.join(", ")
                };
                format!("wrote {} ({}: {asked})\n", path.display(), view.request.key)
            }
            None => view.request.pem.clone(),
        });
        Ok(())
    }
}

fn install(arguments: &Arguments, command: &Install, printer: &Printer) -> Result<(), Failure> {
    embedded::check(command.with_embedded_ca, command.import_certificate_chain)?;
    let keystore = open(arguments)?;
    let (named, mut warnings) = read_sources(&command.files)?;
    let files: Vec<SourceFile<'_>> = named.iter().map(Named::source).collect();
    let password = PasswordSource::None.read("", true)?;
    let mut request = FilesRequest::new(command.alias.clone(), &files, &password, now());
    request.options.policy.use_embedded = command.import_certificate_chain;
    request.options.policy.allow.clone_from(&command.allow);
    request.options.dry_run = command.dry_run;
    let OpenedFiles { request, sources, .. } = keystore.open_reply(request)?;
    let report = if command.with_embedded_ca {
        embedded::import(arguments, command.dry_run, &keystore, request, printer)?
    } else {
        keystore.import_credential(request)?
    };
    warnings.extend(report.findings.iter().cloned());
    let view = Installed { made: Made::of(&keystore, &report)?, sources: &sources };
    printer.result(&view, &warnings, || {
        let text = import_text(&report).replacen("imported", "installed", 1);
        match (summary(&report, &sources), text.split_once('\n')) {
            (Some(from), Some((first, rest))) => format!("{first} ({from})\n{rest}"),
            _ => text,
        }
    });
    Ok(())
}

fn list(arguments: &Arguments, printer: &Printer) -> Result<(), Failure> {
    let pending = pending(&open_read_only(arguments, printer)?, printer)?;
    let listing = Listing { requests: pending.iter().map(RequestView::of).collect() };
    printer.result(&listing, &[], || {
        if listing.requests.is_empty() {
            return "no request is pending; make one with: strongroom csr ALIAS --name NAME\n".to_owned();
        }
        let mut table = printer.table(&["ALIAS", "NAMES", "KEY", "REQUESTED", "FOR"]).fit(&[0, 1], &[2, 4]);
        for request in &listing.requests {
            let goal = if request.beside_entry { "the next version" } else { "a new entry" };
            table.row(vec![
                request.alias.as_str().into(),
                names_cell(&request.names, &request.subject),
                request.key.as_str().into(),
                request.created_at.as_str().into(),
                goal.into(),
            ]);
        }
        table.take_text()
    });
    Ok(())
}

/// The pending request of an alias.
fn pending_of(keystore: &Keystore, alias: &Alias) -> Result<PendingRequest, Failure> {
    let pending = keystore.pending_request(alias)?;
    Ok(pending.ok_or_else(|| strongroom::Error::from(IssuanceError::NotPending { alias: alias.clone() }))?)
}

fn show(
    arguments: &Arguments,
    alias: &Alias,
    output: &RequestOutput,
    printer: &Printer,
) -> Result<(), Failure> {
    let place = Place::of(output, arguments)?;
    let pending = pending_of(&open_read_only(arguments, printer)?, alias)?;
    place.write(&pending, "pending", printer)
}

fn remove(arguments: &Arguments, alias: &Alias, printer: &Printer) -> Result<(), Failure> {
    let keystore = open(arguments)?;
    let listed = keystore.listed_requests()?;
    if !listed.iter().any(|(present, _)| *present == alias.as_str().to_ascii_lowercase()) {
        return Err(strongroom::Error::from(IssuanceError::NotPending { alias: alias.clone() }).into());
    }
    let question = format!("Give up the request for {alias}, and delete its private key for good?");
    confirm(arguments, &question, Unasked::Refuse)?;
    keystore.remove_request(alias, now())?;
    let changed = Changed { alias: alias.to_string(), outcome: "removed" };
    printer.result(&changed, &[], || format!("gave up the request for {alias}, with its private key\n"));
    Ok(())
}
