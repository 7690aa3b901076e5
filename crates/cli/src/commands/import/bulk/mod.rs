//! `import --all`: every key of many files with its certificate, in one transaction.

mod manifest;
mod opening;
mod units;
pub(in crate::commands) mod view;
mod workers;

use std::path::PathBuf;

use strongroom::{
    Alias, Error,
    certificate::{Certificate, Fingerprint, printable},
    diagnostic::{Diagnostic, DiagnosticCode},
    keystore::{BulkAlias, BulkItem, BulkRequest, BulkResult, Source},
    remedy::Remedy,
};

use self::{
    opening::{Opened, Opener, Tried},
    units::Units,
    view::{Row, RowResult},
    workers::Storing,
};
use crate::{
    args::{Arguments, Import},
    commands::{now, open},
    failure::{Exit, Failure},
    render::Printer,
};

/// How an entry is called of which no name has a letter or digit.
const NAMELESS: &str = "entry";

/// What is kept beside an item, for the answer.
struct Beside {
    sources: Vec<Source>,
    /// Which of several keys of its files it is.
    entry: Option<Fingerprint>,
    had_password: bool,
}

pub(super) fn run(arguments: &Arguments, command: &Import, printer: &Printer) -> Result<(), Failure> {
    let keystore = open(arguments)?;
    let manifest = match &command.manifest {
        Some(path) => manifest::read(path, arguments.no_input)?,
        None => Vec::new(),
    };
    let operands: Vec<&PathBuf> = command.alias.iter().chain(&command.files).collect();
    let Units { units, mut remarks, unreadable, .. } = units::list(manifest, &operands, command.limit)?;
    let mut unreadable = unreadable.into_iter();
    if !command.keep_going
        && let Some((_, failure)) = unreadable.next()
    {
        return Err(failure);
    }
    let mut opener = Opener::new(arguments, command, &keystore, printer)?;
    let mut all = opener.all(units, arguments)?;
    remarks.extend(opener.join(&mut all)?);
    let passed_over = pass_over(&mut all, &mut remarks);
    let (items, beside) = items(all, command)?;
    if items.is_empty() && unreadable.len() == 0 {
        let message = "none of the files holds a private key".to_owned();
        return Err(Failure::new(Exit::File, "no_private_key", "match", message)
            .with(Remedy::Advice("name the files that hold the private keys as well")));
    }
    let mut request = BulkRequest::new(items, now());
    (request.keep_going, request.dry_run) = (command.keep_going, command.dry_run);
    let storing = Storing::show(request.items.len());
    let report = keystore.import_all(request)?;
    drop(storing);
    let mut rows = Vec::new();
    for (entry, Beside { sources, entry: which, had_password }) in report.entries.into_iter().zip(beside) {
        let result = match entry.result {
            BulkResult::Done(report) => RowResult::Done(report),
            BulkResult::Refused(error) => RowResult::Refused(Box::new(refusal(error, had_password))),
            _ => RowResult::NotStored,
        };
        rows.push(Row {
            file: entry.file,
            alias: Some(entry.alias.to_string()),
            sources,
            entry: which,
            result,
        });
    }
    rows.extend(unreadable.map(|(file, failure)| {
        let result = RowResult::Refused(Box::new(failure));
        Row { file, alias: None, sources: Vec::new(), entry: None, result }
    }));
    view::print(&rows, remarks, passed_over, command.keep_going, printer);
    Ok(())
}

/// Leaves out what lies in a folder and holds no private key, and says so.
fn pass_over(all: &mut Vec<Tried>, remarks: &mut Vec<Diagnostic>) -> usize {
    let before = all.len();
    all.retain(|one| match &one.opened {
        Err(error) if !one.unit.named && error.code() == "no_private_key" => {
            let message = format!("{} holds no private key, and was passed over", one.unit.shown());
            remarks.push(Diagnostic::new(DiagnosticCode::OtherContent, message).with_remedies(Vec::new()));
            false
        }
        _ => true,
    });
    before.saturating_sub(all.len())
}

/// What is to be imported under which alias.
fn items(all: Vec<Tried>, command: &Import) -> Result<(Vec<BulkItem>, Vec<Beside>), Failure> {
    let nameless: Alias = NAMELESS.parse().map_err(Error::from)?;
    let (mut items, mut beside) = (Vec::new(), Vec::new());
    for Tried { unit, opened, had_password } in all {
        let (file, stem) = (unit.shown(), unit.stem());
        let Opened { credentials, sources } = match opened {
            Ok(opened) => opened,
            Err(error) => Opened { credentials: vec![(None, Err(error))], sources: Vec::new() },
        };
        let several = credentials.len() > 1;
        for (friendly_name, opened) in credentials {
            let leaf = opened.as_ref().ok().map(|request| request.credential.leaf());
            let entry = leaf.filter(|_| several).map(Certificate::fingerprint);
            let alias = match &unit.alias {
                Some(alias) => BulkAlias::Given(alias.clone()),
                None => {
                    let made = command.alias_from.alias(friendly_name.as_deref(), leaf, &stem);
                    BulkAlias::Made(made.unwrap_or_else(|| nameless.clone()))
                }
            };
            let file = match &friendly_name {
                Some(name) if several => format!("{file}: {}", printable(name)),
                _ => file.clone(),
            };
            let own = if several { sources_of(&sources, leaf) } else { sources.clone() };
            items.push(BulkItem::new(file, alias, opened));
            beside.push(Beside { sources: own, entry, had_password });
        }
    }
    Ok((items, beside))
}

/// Of files with many keys what belongs to one: its key and its certificate.
fn sources_of(sources: &[Source], leaf: Option<&Certificate>) -> Vec<Source> {
    let spki = leaf.map(Certificate::spki_fingerprint);
    let mut own = sources.to_vec();
    for source in &mut own {
        source.parts.retain(|part| spki.is_some() && part.spki_sha256 == spki);
    }
    own
}

fn refusal(error: Error, had_password: bool) -> Failure {
    if !had_password && error.code() == "wrong_password" {
        return Failure::password("it has a password, and none was given".to_owned());
    }
    let several = error.code() == "several_entries";
    let failure = Failure::from(error);
    if several {
        let advice = "leave the file out of the manifest and name it beside it, to have every entry of it under an alias of its own";
        return failure.with(Remedy::Advice(advice));
    }
    failure
}
