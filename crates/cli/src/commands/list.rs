//! `ls` and `show`.

use serde::Serialize;
use strongroom::{Certificate, Entry, EntryKind, Keystore};

use super::{now, open_read_only, seconds};
use crate::{
    args::{Arguments, Reference, Show},
    failure::Failure,
    render::{EntryView, Printer, Table, days_left, show_text},
};

/// Entries read at a time.
const PAGE: u32 = 500;
/// Below this many days the listing marks an entry.
const SOON: i64 = 30 * 86_400;

#[derive(Serialize)]
pub(super) struct Listing {
    pub(super) entries: Vec<EntryView>,
}

pub(super) fn ls(arguments: &Arguments, printer: &Printer) -> Result<(), Failure> {
    let entries = all_entries(&mut open_read_only(arguments)?)?;
    let listing = Listing { entries: entries.iter().map(EntryView::of).collect() };
    printer.result(&listing, &[], || {
        table(&entries, "the store is empty; import with: strongroom import ALIAS FILE\n")
    });
    Ok(())
}

pub(super) fn show(arguments: &Arguments, command: &Show, printer: &Printer) -> Result<(), Failure> {
    let entry = referred(&mut open_read_only(arguments)?, &command.alias)?;
    if command.pem {
        let chain = entry.chain.iter().map(|(certificate, _)| pem(certificate));
        printer.data(&chain.collect::<String>());
        return Ok(());
    }
    printer.result(&EntryView::of(&entry), &[], || show_text(&entry, seconds(now())));
    Ok(())
}

/// The entry, or the version of it, that was named.
pub(super) fn referred(keystore: &mut Keystore, reference: &Reference) -> Result<Entry, Failure> {
    Ok(match reference.version {
        None => keystore.entry(&reference.alias)?,
        Some(number) => keystore.entry_at(&reference.alias, number)?,
    })
}

pub(super) fn all_entries(keystore: &mut Keystore) -> Result<Vec<Entry>, Failure> {
    let mut all: Vec<Entry> = Vec::new();
    loop {
        let page = keystore.entries(all.last().map(|entry| &entry.alias), PAGE)?;
        let complete = u32::try_from(page.len()).unwrap_or(PAGE) < PAGE;
        all.extend(page);
        if complete {
            return Ok(all);
        }
    }
}

/// The entries as columns, or `empty`.
pub(super) fn table(entries: &[Entry], empty: &str) -> String {
    if entries.is_empty() {
        return empty.to_owned();
    }
    let at = seconds(now());
    let mut table = Table::new(&["ALIAS", "KIND", "NAMES", "KEY", "EXPIRES", "CHAIN"]);
    for entry in entries {
        let certificate = &entry.certificate;
        let (kind, names) = match entry.kind {
            EntryKind::Authority { trust } => (format!("ca {}", trust.word()), short(&certificate.subject)),
            _ => ("server".to_owned(), names(certificate)),
        };
        let left = certificate.not_after - at;
        let mark = if left < SOON { " !" } else { "" };
        let date: String = strongroom::rfc3339(certificate.not_after).chars().take(10).collect();
        table.row(vec![
            entry.alias.to_string(),
            kind,
            names,
            certificate.key.to_string(),
            format!("{date} {}{mark}", days_left(certificate.not_after, at)),
            entry.chain_state.word().to_owned(),
        ]);
    }
    table.text()
}

/// The first name and how many more.
fn names(certificate: &Certificate) -> String {
    let mut hosts = certificate.hosts();
    match (hosts.next(), hosts.count()) {
        (None, _) => short(&certificate.subject),
        (Some(first), 0) => first.to_owned(),
        (Some(first), more) => format!("{first} +{more}"),
    }
}

/// The first part of a distinguished name.
fn short(name: &str) -> String {
    let first = name.split(", ").next().unwrap_or(name);
    let text: String = first.chars().take(48).collect();
    if text.is_empty() { "-".to_owned() } else { text }
}

/// A certificate as PEM (RFC 7468).
pub(super) fn pem(certificate: &Certificate) -> String {
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    pem::encode_config(&pem::Pem::new("CERTIFICATE", certificate.der().as_ref()), config)
}
