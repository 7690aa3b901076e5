//! `ls` and `show`.

use serde::Serialize;
use strongroom::{
    Alias, Entry, Error, Keystore, UnixTime,
    certificate::Certificate,
    instant::{day, seconds},
    keystore::{EntryKind, PendingRequest},
    remedy::Remedy,
    store::StoreError,
};

use super::{ca::check_authority, csr, find::Filter, now, open_read_only};
use crate::{
    args::{Arguments, Ls, Reference, Show, SortOrder},
    failure::Failure,
    render::{
        Cell, EntryView, Mark, Printer, RemovedView, ShowView, Table, chain_ends_first, chain_text, time_left,
    },
};

/// Entries read at a time.
const PAGE: u32 = 500;
/// Below this many days the listing marks an entry.
pub(super) const SOON: i64 = 30 * 86_400;

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
    match command.sort {
        SortOrder::Alias => stream(&keystore, printer, |entry| filter.takes(entry), filter.is_all(), nothing),
        SortOrder::Expires => by_expiry(&keystore, printer, &filter, nothing),
    }
}

/// Prints the entries that `filter` takes, what ends first first: the certificate, or one above it.
fn by_expiry(
    keystore: &Keystore,
    printer: &Printer,
    filter: &Filter<'_>,
    nothing: &str,
) -> Result<(), Failure> {
    let instant = now();
    let mut kept = Vec::new();
    each(keystore, printer, instant, |entry| {
        if filter.takes(&entry) {
            let ends = entry.certificate.not_after();
            let ends = chain_ends_first(&entry).map_or(ends, |chain| chain.min(ends));
            kept.push((ends, EntryView::of(&entry), cells(&entry, seconds(instant))));
        }
    })?;
    // Of equal ends, the order of the aliases stays.
    kept.sort_by_key(|(ends, ..)| *ends);
    let mut table = listing_table(printer);
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

/// Calls `take` for each entry that is whole, and warns of the others.
pub(super) fn each(
    keystore: &Keystore,
    printer: &Printer,
    at: UnixTime,
    mut take: impl FnMut(Entry),
) -> Result<(), Failure> {
    for listed in keystore.listed_entries(at) {
        match listed? {
            (_, Ok(entry)) => take(entry),
            // The others are whole.
            (alias, Err(error)) => printer.warn(&format!("\"{alias}\" cannot be shown: {error}")),
        }
    }
    Ok(())
}

fn listing_table(printer: &Printer) -> Table {
    printer.table(&["ALIAS", "KIND", "NAMES", "KEY", "EXPIRES", "CHAIN"]).fit(&[0, 2], &[3, 1, 5])
}

pub(super) fn show(arguments: &Arguments, command: &Show, printer: &Printer) -> Result<(), Failure> {
    let keystore = open_read_only(arguments, printer)?;
    let entry = referred(&keystore, &command.alias)?;
    print(&keystore, &entry, command, printer)
}

pub(super) fn show_ca(arguments: &Arguments, command: &Show, printer: &Printer) -> Result<(), Failure> {
    let keystore = open_read_only(arguments, printer)?;
    let entry = referred(&keystore, &command.alias)?;
    check_authority(&entry)?;
    print(&keystore, &entry, command, printer)
}

fn print(keystore: &Keystore, entry: &Entry, command: &Show, printer: &Printer) -> Result<(), Failure> {
    if command.pem {
        let chain = entry.chain.iter().map(|link| link.certificate.pem());
        printer.data(&chain.collect::<String>());
        return Ok(());
    }
    let view = ShowView::of(entry);
    let pending = keystore.pending_request(&entry.alias)?;
    printer.result(&view, &[], || {
        let mut text = view.text(entry, seconds(now()));
        if let Some(PendingRequest { alias, created_at, .. }) = pending {
            let day = day(seconds(created_at));
            let program = printer.program();
            text.push_str(&format!(
                "pending       a request of {day} for the next version: {program} csr show {alias}\n"
            ));
        }
        text
    });
    Ok(())
}

/// The removed entries, each with what brings it back.
fn removed(keystore: &Keystore, printer: &Printer) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Listing {
        removed: Vec<RemovedView>,
    }
    let at = seconds(now());
    let entries = keystore.removed_entries(u32::MAX)?;
    let listing = Listing { removed: entries.iter().map(RemovedView::of).collect() };
    printer.result(&listing, &[], || {
        if entries.is_empty() {
            return "nothing was removed, or it was pruned\n".to_owned();
        }
        let mut table = printer.table(&["ALIAS", "KIND", "NAMES", "KEY", "EXPIRES"]).fit(&[0, 2], &[3, 1]);
        for entry in &entries {
            let kind = if entry.authority { "ca" } else { "server" };
            let certificate = &entry.certificate;
            table.row(vec![
                entry.alias.to_string().into(),
                kind.into(),
                names(certificate).into(),
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
    keep: impl Fn(&Entry) -> bool,
    with_requests: bool,
    nothing: &str,
) -> Result<(), Failure> {
    let instant = now();
    let at = seconds(instant);
    let mut table = listing_table(printer);
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
                Err(error) => printer.warn(&format!("\"{alias}\" cannot be shown: {error}")),
            }
        }
        page.retain(|entry| keep(entry));
        let views: Vec<EntryView> = page.iter().map(EntryView::of).collect();
        // What waits for its certificate stands below what has one.
        let pending = if complete && with_requests { pending(keystore, printer)? } else { Vec::new() };
        list.page(&views, || {
            page.iter().for_each(|entry| table.row(cells(entry, at)));
            pending.iter().for_each(|request| table.row(waiting(request)));
            table.take_text()
        });
        if views.is_empty() && !pending.is_empty() {
            pending.iter().for_each(|request| table.row(waiting(request)));
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
            Err(error) => printer.warn(&format!("the request for \"{alias}\" cannot be shown: {error}")),
        }
    }
    Ok(pending)
}

/// A pending request as a row of the listing.
fn waiting(request: &PendingRequest) -> Vec<Cell> {
    let names = csr::names(request);
    let more = names.len().saturating_sub(1);
    let names = match names.into_iter().next() {
        None => short(request.request.subject()),
        Some(first) if more == 0 => first,
        Some(first) => format!("{first} +{more}"),
    };
    let day = day(seconds(request.created_at));
    vec![
        request.alias.to_string().into(),
        "pending".into(),
        names.into(),
        request.request.key().to_string().into(),
        format!("requested {day}").into(),
        "-".into(),
    ]
}

/// An entry as a row of the listing.
fn cells(entry: &Entry, at: i64) -> Vec<Cell> {
    let certificate = &entry.certificate;
    let (kind, names) = match entry.kind {
        EntryKind::Authority { trust } => (format!("ca {}", trust.as_str()), short(certificate.subject())),
        _ => ("server".to_owned(), names(certificate)),
    };
    let ends_first = chain_ends_first(entry);
    let mark = match (entry.chain_state.is_broken(), ends_first) {
        (true, _) => Mark::Bad,
        (false, Some(ends)) if ends.saturating_sub(at) < SOON => Mark::Soon,
        _ => Mark::None,
    };
    vec![
        entry.alias.to_string().into(),
        kind.into(),
        names.into(),
        certificate.key().to_string().into(),
        expires(certificate, at, SOON),
        Cell::marked(chain_text(entry), mark),
    ]
}

/// The last day, and how far away that is.
/// One that ends within `soon` seconds is marked.
pub(super) fn expires(certificate: &Certificate, at: i64, soon: i64) -> Cell {
    let left = certificate.not_after().saturating_sub(at);
    let (sign, mark) = match left {
        left if left < 0 => (" !", Mark::Bad),
        left if left < soon => (" !", Mark::Soon),
        _ => ("", Mark::None),
    };
    let date = day(certificate.not_after());
    Cell::marked(format!("{date} {}{sign}", time_left(certificate.not_after(), at)), mark)
}

/// The first name and how many more.
pub(super) fn names(certificate: &Certificate) -> String {
    let mut hosts = certificate.hosts();
    match (hosts.next(), hosts.count()) {
        (None, _) => short(certificate.subject()),
        (Some(first), 0) => first.to_owned(),
        (Some(first), more) => format!("{first} +{more}"),
    }
}

/// The first part of a distinguished name.
pub(super) fn short(name: &str) -> String {
    let first = name.split(", ").next().unwrap_or(name);
    if first.is_empty() { "-".to_owned() } else { first.to_owned() }
}
