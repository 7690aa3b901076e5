//! The store itself: slots, guard, backups, requests, and the servers that run on it.

use std::{fs, path::Path};

use strongroom::{
    Alias, Error, Keystore, UnixTime,
    certificate::printable,
    instant::{day, seconds},
    keystore::{ServerReport, running_servers, stale_server_files},
    remedy::Remedy,
    store::StoreError,
};

use super::{
    command, files,
    finding::{Finding, Findings, Fixed, Severity},
    word,
};
use crate::{failure::Failure, render::Printer};

const DAY: i64 = 86_400;
/// After so long a backup, or a request, is old.
const OLD: i64 = 30 * DAY;
/// Within so many seconds a server has seen a change.
const PROMPT: i64 = 60;

/// Servers that cannot read the store, or serve what is not in it any more; and what others left behind.
pub(super) fn servers(
    path: &Path,
    keystore: &Keystore,
    at: UnixTime,
    fix: bool,
    printer: &Printer,
    found: &mut Findings,
) -> Result<(), Failure> {
    for file in stale_server_files(path) {
        let shown = file.display();
        if fix && fs::remove_file(&file).is_ok() {
            let message = format!("removed {shown}, which an ended server left behind");
            found.fixed.push(Fixed { code: "stale_server_file", message });
        } else {
            let message = format!("an ended server left {shown} behind");
            found.add(Severity::Note, "stale_server_file", None, message, command(printer, "doctor --fix"));
        }
    }
    let sequence = keystore.generation()?.sequence();
    // A damaged log is a finding of its own.
    let last = whole(keystore.log_tail(1))?.and_then(|rows| rows.last().map(|row| seconds(row.at)));
    let changed = last.unwrap_or_default();
    let settled = seconds(at).saturating_sub(changed) > PROMPT;
    for server in running_servers(path) {
        let is_old =
            |alias: &Alias, version| keystore.entry(alias, at).is_ok_and(|entry| entry.version != version);
        judge_server(&server, settled && server.sequence < sequence, &is_old, printer, found);
    }
    Ok(())
}

fn judge_server(
    server: &ServerReport,
    behind: bool,
    is_old: &dyn Fn(&Alias, u32) -> bool,
    printer: &Printer,
    found: &mut Findings,
) {
    let name = server.name();
    let status = || command(printer, "status");
    if let Some(failure) = &server.failure {
        let message = format!("{name} cannot read the store: {failure}");
        found.add(Severity::Error, "server_cannot_read", None, message, status());
    }
    for (alias, reason) in &server.refused {
        let message = format!("{name} cannot serve it as it is: {reason}");
        found.add(
            Severity::Error,
            "not_served",
            Some(alias),
            message,
            command(printer, &format!("show {alias}")),
        );
    }
    if server.default.is_none() && server.is_server() {
        let message = format!(
            "{name} has no default entry: a client without a name, or with one that no entry has, is refused"
        );
        // What its default is, the program says by itself.
        let help =
            "if that is not intended, give the server a default entry (default_alias in docs/serving.md)";
        found.add(Severity::Note, "no_default", None, message, Some(help.to_owned()));
    }
    if behind {
        for entry in server.served.iter().filter(|entry| is_old(&entry.alias, entry.version)) {
            found.add_alike(Finding {
                severity: Severity::Warning,
                code: "not_served",
                aliases: vec![entry.alias.to_string()],
                more_aliases: 0,
                message: format!("{name} still serves a former version"),
                help: status(),
            });
        }
    }
}

/// The entry that was chosen for the web server of the store, where there is none any more.
pub(super) fn web_server(
    keystore: &Keystore,
    at: UnixTime,
    printer: &Printer,
    found: &mut Findings,
) -> Result<(), Failure> {
    let Some(alias) = whole(keystore.web_server())?.and_then(|shown| shown.alias) else {
        return Ok(());
    };
    // A damaged entry is reported with the others.
    if !matches!(keystore.entry(&alias, at), Err(Error::Store(StoreError::NotFound { .. }))) {
        return Ok(());
    }
    let help = match keystore.history(&alias) {
        Err(Error::Store(StoreError::Removed { .. })) => format!("undo {alias}"),
        _ => "web-server --alias ALIAS".to_owned(),
    };
    let message =
        "it was chosen for the web server, and there is no such entry: the next start shows another";
    found.add(Severity::Error, "no_default", Some(&alias), message.to_owned(), command(printer, &help));
    Ok(())
}

/// What opens the store, and whether an older copy of it would be noticed.
pub(super) fn slots(
    path: &Path,
    keystore: &Keystore,
    fix: bool,
    printer: &Printer,
    found: &mut Findings,
) -> Result<(), Failure> {
    let slots = keystore.slot_listing()?;
    files::of_slots(path, &slots, fix, printer, found)?;
    for (_, slot) in &slots {
        if let Err(error) = slot {
            let help = printer.help(&error.remedies());
            found.add(Severity::Error, error.code(), None, error.to_string(), help);
        }
    }
    if let [(number, Ok(_))] = slots.as_slice() {
        let message = format!("slot {number} alone opens the store: without it nothing does");
        let help = command(printer, "slot add prompt --label rescue");
        found.add(Severity::Note, "slot_alone", None, message, help);
    }
    if !keystore.is_guarded()? {
        let message = "the store has no rollback guard: an older copy of it would be taken for the store";
        let help = command(
            printer,
            "--rollback-guard /path/to/another/disk/keystore.guard --accept-rollback status",
        );
        found.add(Severity::Note, "no_rollback_guard", None, message.to_owned(), help);
    }
    Ok(())
}

/// Requests that wait long for their certificates.
pub(super) fn requests(
    keystore: &Keystore,
    at: UnixTime,
    printer: &Printer,
    found: &mut Findings,
) -> Result<(), Failure> {
    for (_, request) in keystore.listed_requests()? {
        match request {
            Ok(request) if seconds(at).saturating_sub(seconds(request.created_at)) > OLD => {
                let message = format!(
                    "requested on {}, and its certificate has not come",
                    day(seconds(request.created_at))
                );
                let help = command(printer, &format!("csr show {}", request.alias));
                found.add(Severity::Warning, "pending_request_old", Some(&request.alias), message, help);
            }
            Ok(_) => {}
            Err(error) => {
                let help = printer.help(&error.remedies());
                found.add(Severity::Error, error.code(), None, error.to_string(), help);
            }
        }
    }
    Ok(())
}

/// What was asked for; `None` if it is damaged, which [`damaged`] reports.
fn whole<T>(found: Result<T, Error>) -> Result<Option<T>, Failure> {
    match found {
        Err(Error::Store(StoreError::Corrupt { .. })) => Ok(None),
        other => Ok(Some(other?)),
    }
}

/// What is damaged beside entries, slots and requests.
pub(super) fn damaged(keystore: &Keystore, printer: &Printer, found: &mut Findings) -> Result<(), Failure> {
    let mut add = |what: &str, error: &StoreError, remedies: &[Remedy]| {
        let message = printable(&format!("{what}: {error}"));
        found.add(Severity::Error, error.code(), None, message, printer.help(remedies));
    };
    for (name, user) in keystore.listed_administrators()? {
        if let Err(error) = user {
            add(&format!("the user \"{name}\""), &error, &[Remedy::RemoveUser { name }]);
        }
    }
    for (alias, removed) in keystore.listed_removed()? {
        if let Err(error) = removed {
            add(&format!("the removed entry \"{alias}\""), &error, &[Remedy::Restore]);
        }
    }
    for (host, binding) in keystore.listed_bindings()? {
        if let Err(error) = binding {
            add(&format!("the binding of \"{host}\""), &error, &[Remedy::Unbind { host }]);
        }
    }
    if let Err(Error::Store(error @ StoreError::Corrupt { .. })) = keystore.web_server() {
        add("what the web server shows", &error, &[Remedy::Restore]);
    }
    match keystore.verify_log() {
        Err(Error::Store(error @ StoreError::Corrupt { .. })) => add("the log", &error, &[Remedy::Salvage]),
        other => drop(other?),
    }
    Ok(())
}

/// Whether there was a backup lately, as the log says.
pub(super) fn backup(
    keystore: &Keystore,
    path: &Path,
    at: UnixTime,
    printer: &Printer,
    found: &mut Findings,
) -> Result<(), Failure> {
    let now = seconds(at);
    let Some(last) = whole(keystore.last_backup())? else {
        return Ok(());
    };
    if last.is_some_and(|row| now.saturating_sub(seconds(row.at)) <= OLD) {
        return Ok(());
    }
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let file = format!("{stem}-{}.db", day(now));
    let message = "the log has no backup of the last 30 days".to_owned();
    let help = command(printer, &format!("backup {}", word(Path::new(&file))));
    found.add(Severity::Warning, "no_backup", None, message, help);
    Ok(())
}
