//! Rows of a listing, short or long, and the cells that other tables share with it.

use strongroom::{
    Entry,
    certificate::{Certificate, printable},
    instant::{day, seconds},
    keystore::{EntryKind, PendingRequest},
};

use super::super::csr;
use crate::render::{Cell, Mark, Printer, Table, chain_ends_first, chain_text, time_left};

/// Hexadecimal digits of a fingerprint in a list, which `find` takes as well.
const DIGITS: usize = 16;
/// Below this many days the listing marks an entry.
pub(in crate::commands) const SOON: i64 = 30 * 86_400;

/// A pending request as a row of the listing.
fn waiting(request: &PendingRequest) -> Vec<Cell> {
    vec![
        request.alias.to_string().into(),
        "pending".into(),
        csr::names_cell(&csr::names(request), request.request.subject()),
        request.request.key().to_string().into(),
        format!("requested {}", day(seconds(request.created_at))).into(),
        "-".into(),
    ]
}

/// The table of a listing, short or long.
#[derive(Clone, Copy)]
pub(in crate::commands) enum Columns {
    Usual,
    Long,
}

impl Columns {
    pub(in crate::commands) fn of(long: bool) -> Self {
        if long { Self::Long } else { Self::Usual }
    }

    pub(super) fn table(self, printer: &Printer) -> Table {
        match self {
            Self::Usual => {
                printer.table(&["ALIAS", "KIND", "NAMES", "KEY", "EXPIRES", "CHAIN"]).fit(&[0, 2], &[3, 1, 5])
            }
            Self::Long => printer
                .table(&[
                    "ALIAS", "KIND", "NAMES", "KEY", "EXPIRES", "CHAIN", "ISSUER", "SHA256", "VERSION",
                    "STORED", "BY",
                ])
                .fit(&[0, 2, 6], &[10, 9, 8, 7, 3, 1, 5]),
        }
    }

    pub(super) fn row(self, entry: &Entry, at: i64) -> Vec<Cell> {
        let mut row = cells(entry, at);
        if matches!(self, Self::Long) {
            let certificate = &entry.certificate;
            let digits: String = certificate.fingerprint().to_string().chars().take(DIGITS).collect();
            row.extend([
                short(certificate.issuer()).into(),
                digits.into(),
                entry.version.to_string().into(),
                day(seconds(entry.created_at)).into(),
                printable(&entry.actor).into(),
            ]);
        }
        row
    }

    /// A pending request, which has less to show.
    pub(super) fn waiting(self, request: &PendingRequest) -> Vec<Cell> {
        let mut row = waiting(request);
        if matches!(self, Self::Long) {
            let stored = day(seconds(request.created_at)).into();
            row.extend(["-".into(), "-".into(), "-".into(), stored, printable(&request.actor).into()]);
        }
        row
    }
}

/// An entry as a row of the listing.
fn cells(entry: &Entry, at: i64) -> Vec<Cell> {
    let certificate = &entry.certificate;
    let (kind, names) = match entry.kind {
        EntryKind::Authority { trust } => {
            (format!("ca {}", trust.as_str()), short(certificate.subject()).into())
        }
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
        names,
        certificate.key().to_string().into(),
        expires(certificate, at, SOON),
        Cell::marked(chain_text(entry), mark),
    ]
}

/// The last day, and how far away that is.
/// One that ends within `soon` seconds is marked.
pub(in crate::commands) fn expires(certificate: &Certificate, at: i64, soon: i64) -> Cell {
    let left = certificate.not_after().saturating_sub(at);
    let (sign, mark) = match left {
        left if left < 0 => (" !", Mark::Bad),
        left if left < soon => (" !", Mark::Soon),
        _ => ("", Mark::None),
    };
    let left = time_left(certificate.not_after(), at);
    Cell::marked(format!("{} {left}{sign}", day(certificate.not_after())), mark)
}

/// The names of a certificate, or else its subject.
pub(in crate::commands) fn names(certificate: &Certificate) -> Cell {
    match certificate.hosts().next() {
        None => short(certificate.subject()).into(),
        Some(_) => Cell::of_names(certificate.hosts()),
    }
}

/// The first part of a distinguished name.
pub(in crate::commands) fn short(name: &str) -> String {
    let first = name.split(", ").next().unwrap_or(name);
    if first.is_empty() { "-".to_owned() } else { first.to_owned() }
}
