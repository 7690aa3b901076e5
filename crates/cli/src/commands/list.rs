//! `ls` and `show`.

mod rows;

use schemars::JsonSchema;
use serde::Serialize;
use strongroom::{
    Alias, Entry, Error, Keystore, UnixTime,
    certificate::{Certificate, printable},
    instant::{day, seconds},
    keystore::{EntryKind, PendingRequest},
    remedy::Remedy,
    store::StoreError,
};

pub(super) use self::rows::{Columns, SOON, expires, names, short};
use super::{ca::check_authority, find::Filter, now, open_read_only, verify::not_a_server_entry};
use crate::{
    args::{Arguments, Ls, Reference, Show, SortOrder},
    failure::{Exit, Failure},
    render::{EntryView, Printer, RemovedView, ShowView, certificate_text, chain_ends_first},
};

/// Entries read at a time.
const PAGE: u32 = 500;

pub(super) fn ls(arguments: &Arguments, command: &Ls, printer: &Printer) -> Result<(), Failure> {
    if command.removed {
        return removed(&open_read_only(arguments, printer)?, printer);
    }
    let keystore = open_read_only(arguments, printer)?;
    let filter = Filter::of(command, now());
    let nothing = if filter.is_all() {
        "the store is empty; import with: strongroom import ALIAS FILE\n"
    } else {
        "no entry is like that\n"
    };
    let columns = Columns::of(command.long);
    match command.sort {
        SortOrder::Alias => {
            stream(&keystore, printer, columns, |entry| filter.takes(entry), filter.is_all(), nothing)
        }
        SortOrder::Expires => by_expiry(&keystore, printer, columns, &filter, nothing),
    }
}

/// Prints the entries that `filter` takes, what ends first first: the certificate, or one above it.
fn by_expiry(
    keystore: &Keystore,
    printer: &Printer,
    columns: Columns,
    filter: &Filter<'_>,
    nothing: &str,
) -> Result<(), Failure> {
    let instant = now();
    let mut kept = Vec::new();
    each(keystore, printer, instant, |entry| {
        if filter.takes(&entry) {
            let ends = entry.certificate.not_after();
            let ends = chain_ends_first(&entry).map_or(ends, |chain| chain.min(ends));
            kept.push((ends, EntryView::of(&entry), columns.row(&entry, seconds(instant))));
        }
    })?;
    // Of equal ends, the order of the aliases stays.
    kept.sort_by_key(|(ends, ..)| *ends);
    let mut table = columns.table(printer);
    let mut views = Vec::with_capacity(kept.len());
    for (_, view, cells) in kept {
        views.push(view);
        table.row(cells);
    }
    let mut list = printer.list("entries");
    list.page(&views, || table.take_text());
    list.end(nothing);
    Ok(())
}

/// What is damaged of a list that goes on: it stands in the JSON as well.
pub(super) fn not_shown(what: &str, error: &StoreError) -> Failure {
    let message = format!("{} cannot be shown: {error}", printable(what));
    Failure::new(Exit::Store, error.code(), "store", message)
}

/// Calls `take` for each entry that is whole, and warns of the others; gives how many these are.
pub(super) fn each(
    keystore: &Keystore,
    printer: &Printer,
    at: UnixTime,
    mut take: impl FnMut(Entry),
) -> Result<u64, Failure> {
    let mut damaged = 0;
    for listed in keystore.listed_entries(at) {
        match listed? {
            (_, Ok(entry)) => take(entry),
            // The others are whole.
            (alias, Err(error)) => {
                damaged += 1;
                printer.warn_of(&not_shown(&format!("\"{alias}\""), &error));
            }
        }
    }
    Ok(damaged)
}

pub(super) fn show(arguments: &Arguments, command: &Show, printer: &Printer) -> Result<(), Failure> {
    check_form(command, printer)?;
    let keystore = open_read_only(arguments, printer)?;
    let entry = referred(&keystore, &command.alias)?;
    print(&keystore, &entry, command, printer)
}

pub(super) fn show_ca(arguments: &Arguments, command: &Show, printer: &Printer) -> Result<(), Failure> {
    check_form(command, printer)?;
    let keystore = open_read_only(arguments, printer)?;
    let entry = referred(&keystore, &command.alias)?;
    check_authority(&entry)?;
    print(&keystore, &entry, command, printer)
}

/// Refuses what asks for JSON and for another form at once.
fn check_form(command: &Show, printer: &Printer) -> Result<(), Failure> {
    let forms = [("--pem", command.pem), ("--served", command.served), ("--text", command.text)];
    match forms.into_iter().find(|(_, asked)| *asked && printer.is_json()) {
        Some((form, _)) => {
            let message = format!(
                "{form} and --json ask for two forms; in JSON pem has the chain, extensions[] the rest"
            );
            Err(Failure::new(Exit::Usage, "usage", "arguments", message))
        }
        None => Ok(()),
    }
}

fn print(keystore: &Keystore, entry: &Entry, command: &Show, printer: &Printer) -> Result<(), Failure> {
    if command.pem {
        let chain = entry.chain.iter().map(|link| link.certificate.pem());
        printer.data(&chain.collect::<String>());
        return Ok(());
    }
    if command.served {
        printer.data(&served(keystore, entry, command.alias.version)?);
        return Ok(());
    }
    if command.text {
        printer.data(&certificate_text(&entry.certificate, seconds(now())));
        return Ok(());
    }
    let view = ShowView::of(entry);
    let pending = keystore.pending_request(&entry.alias)?;
    printer.result(&view, &[], || {
        let mut text = view.text(entry, seconds(now()));
        if let Some(PendingRequest { alias, created_at, .. }) = pending {
            let (day, program) = (day(seconds(created_at)), printer.program());
            text.push_str(&format!(
                "pending       a request of {day} for the next version: {program} csr show {alias}\n"
            ));
        }
        text
    });
    Ok(())
}

/// What a server sends of an entry, in PEM.
fn served(keystore: &Keystore, entry: &Entry, version: Option<u32>) -> Result<String, Failure> {
    if entry.kind != EntryKind::Server {
        return Err(not_a_server_entry(entry));
    }
    let current = named_entry(keystore, &entry.alias, now())?.version;
    if version.is_some_and(|version| version != current) {
        let message = format!("{} has version {current} now, and servers send no other", entry.alias);
        return Err(Failure::new(Exit::Usage, "usage", "arguments", message));
    }
    let sent = keystore.sealed_credential(&entry.alias, now())?.take_served();
    Ok(sent.iter().map(Certificate::pem).collect())
}

/// The removed entries.
#[derive(JsonSchema, Serialize)]
pub(super) struct RemovedListing {
    removed: Vec<RemovedView>,
}

/// The removed entries, each with what brings it back.
fn removed(keystore: &Keystore, printer: &Printer) -> Result<(), Failure> {
    let at = seconds(now());
    let (mut entries, mut damaged) = (Vec::new(), false);
    for (alias, entry) in keystore.listed_removed()? {
        match entry {
            Ok(entry) => entries.push(entry),
            Err(error) => {
                printer.warn_of(&not_shown(&format!("the removed entry \"{alias}\""), &error));
                damaged = true;
            }
        }
    }
    let listing = RemovedListing { removed: entries.iter().map(RemovedView::of).collect() };
    printer.result(&listing, &[], || {
        match (entries.is_empty(), damaged) {
            (true, true) => return "there is no removed entry that is whole\n".to_owned(),
            (true, false) => return "nothing was removed, or it was pruned\n".to_owned(),
            _ => {}
        }
        let mut table = printer.table(&["ALIAS", "KIND", "NAMES", "KEY", "EXPIRES"]).fit(&[0, 2], &[3, 1]);
        for entry in &entries {
            let kind = if entry.authority { "ca" } else { "server" };
            let certificate = &entry.certificate;
            table.row(vec![
                entry.alias.to_string().into(),
                kind.into(),
                names(certificate),
                certificate.key().to_string().into(),
                expires(certificate, at, SOON),
            ]);
        }
        table.take_text()
    });
    Ok(())
}

/// The entry of an alias; where there is none, whether it was removed.
pub(super) fn named_entry(keystore: &Keystore, alias: &Alias, at: UnixTime) -> Result<Entry, Failure> {
    keystore.entry(alias, at).map_err(|error| match error {
        // The history knows it, or the requests.
        Error::Store(StoreError::NotFound { .. }) => {
            let failure = keystore.history(alias).err().map_or_else(|| error.into(), Failure::from);
            match keystore.pending_request(alias) {
                Ok(Some(request)) => {
                    let message = format!(
                        "there is no entry \"{alias}\" yet: its certificate was requested and has not come"
                    );
                    let remedy = Remedy::ShowRequest { alias: request.alias.to_string() };
                    Failure { message, ..failure }.with(remedy)
                }
                _ => failure,
            }
        }
        // A former version may be whole.
        Error::Store(StoreError::Corrupt { .. }) => {
            let mut failure = Failure::from(error);
            if let Some(version) = keystore.whole_versions(alias).ok().and_then(|mut whole| whole.pop()) {
                failure.remedies.insert(0, Remedy::GoBackTo { alias: alias.to_string(), version });
            }
            failure
        }
        other => other.into(),
    })
}

/// The entry, or the version of it, that was named.
pub(super) fn referred(keystore: &Keystore, reference: &Reference) -> Result<Entry, Failure> {
    Ok(match reference.version {
        None => named_entry(keystore, &reference.alias, now())?,
        Some(number) => keystore.entry_at(&reference.alias, number)?,
    })
}

/// Prints the entries that `keep` takes, page by page; `nothing` where there is none.
pub(super) fn stream(
    keystore: &Keystore,
    printer: &Printer,
    columns: Columns,
    keep: impl Fn(&Entry) -> bool,
    with_requests: bool,
    nothing: &str,
) -> Result<(), Failure> {
    let instant = now();
    let at = seconds(instant);
    let mut table = columns.table(printer);
    let mut list = printer.list("entries");
    let mut last: Option<Alias> = None;
    loop {
        let listed = keystore.listing(last.as_ref(), PAGE, instant)?;
        let complete = u32::try_from(listed.len()).unwrap_or(PAGE) < PAGE;
        last = listed.last().map(|(alias, _)| alias.clone());
        let mut page = Vec::with_capacity(listed.len());
        for (alias, entry) in listed {
            match entry {
                Ok(entry) => page.push(entry),
                // The others are whole.
                Err(error) => printer.warn_of(&not_shown(&format!("\"{alias}\""), &error)),
            }
        }
        page.retain(|entry| keep(entry));
        let views: Vec<EntryView> = page.iter().map(EntryView::of).collect();
        // What waits for its certificate stands below what has one.
        let pending = if complete && with_requests { pending(keystore, printer)? } else { Vec::new() };
        list.page(&views, || {
            page.iter().for_each(|entry| table.row(columns.row(entry, at)));
            pending.iter().for_each(|request| table.row(columns.waiting(request)));
            table.take_text()
        });
        if views.is_empty() && !pending.is_empty() {
            pending.iter().for_each(|request| table.row(columns.waiting(request)));
            list.text(&table.take_text());
        }
        if complete || list.is_over() {
            list.end(nothing);
            return Ok(());
        }
    }
}

/// The pending requests; what is damaged among them gets a warning.
pub(super) fn pending(keystore: &Keystore, printer: &Printer) -> Result<Vec<PendingRequest>, Failure> {
    let mut pending = Vec::new();
    for (alias, request) in keystore.listed_requests()? {
        match request {
            Ok(request) => pending.push(request),
            Err(error) => printer.warn_of(&not_shown(&format!("the request for \"{alias}\""), &error)),
        }
    }
    Ok(pending)
}
