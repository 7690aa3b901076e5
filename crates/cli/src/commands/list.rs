//! `ls` and `show`.

use strongroom::{Alias, Certificate, Entry, EntryKind, Keystore};

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

pub(super) fn ls(arguments: &Arguments, printer: &Printer) -> Result<(), Failure> {
    let nothing = "the store is empty; import with: strongroom import ALIAS FILE\n";
    stream(&mut open_read_only(arguments)?, printer, |_| true, nothing)
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

/// Prints the entries that `keep` takes, page by page; `nothing` where there is none.
pub(super) fn stream(
    keystore: &mut Keystore,
    printer: &Printer,
    keep: impl Fn(&Entry) -> bool,
    nothing: &str,
) -> Result<(), Failure> {
    let at = seconds(now());
    let mut table = Table::new(&["ALIAS", "KIND", "NAMES", "KEY", "EXPIRES", "CHAIN"]);
    let mut list = printer.list("entries");
    let mut last: Option<Alias> = None;
    loop {
        let mut page = keystore.entries(last.as_ref(), PAGE)?;
        let complete = u32::try_from(page.len()).unwrap_or(PAGE) < PAGE;
        last = page.last().map(|entry| entry.alias.clone());
        page.retain(|entry| keep(entry));
        let views: Vec<EntryView> = page.iter().map(EntryView::of).collect();
        list.page(&views, || {
            page.iter().for_each(|entry| table.row(cells(entry, at)));
            table.take_text()
        });
        if complete {
            list.end(nothing);
            return Ok(());
        }
    }
}

/// An entry as a row of the listing.
fn cells(entry: &Entry, at: i64) -> Vec<String> {
    let certificate = &entry.certificate;
    let (kind, names) = match entry.kind {
        EntryKind::Authority { trust } => (format!("ca {}", trust.word()), short(&certificate.subject)),
        _ => ("server".to_owned(), names(certificate)),
    };
    let left = certificate.not_after - at;
    let mark = if left < SOON { " !" } else { "" };
    let date: String = strongroom::rfc3339(certificate.not_after).chars().take(10).collect();
    vec![
        entry.alias.to_string(),
        kind,
        names,
        certificate.key.to_string(),
        format!("{date} {}{mark}", days_left(certificate.not_after, at)),
        entry.chain_state.word().to_owned(),
    ]
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
