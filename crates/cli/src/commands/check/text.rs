//! The answer of `check` for people.

use strongroom::{
    UnixTime,
    certificate::Certificate,
    instant::{rfc3339, seconds},
    keystore::{Expiry, ExpiryCause, ExpiryState, ExpiryWindow},
};

use super::{Checked, Counts, Store, Summary, judge};
use crate::{
    args::Check,
    commands::{
        list::{expires, names, short},
        unproved::NOT_PROVED,
    },
    failure::Failure,
    render::{Cell, Mark, Printer, time_left},
};

/// A table of what needs attention, and a sum.
pub(super) fn report(
    store: &Store,
    command: &Check,
    window: ExpiryWindow,
    at: UnixTime,
    printer: &Printer,
) -> Result<(String, Summary), Failure> {
    let now = seconds(at);
    let mut rows: Vec<(i64, Vec<Cell>)> = Vec::new();
    let mut soonest: Option<(i64, String)> = None;
    let mut broken = None;
    let summary = judge(store, command, at, |entry, is_judged| {
        let expiry = is_judged.then(|| entry.expiry(window, at))?;
        let ends = expiry.certificate.not_after();
        if expiry.state != ExpiryState::Ok {
            rows.push((ends, cells(entry, &expiry, now)));
        } else if soonest.as_ref().is_none_or(|(known, _)| ends < *known) {
            soonest = Some((ends, entry.alias().to_string()));
        }
        if expiry.state == ExpiryState::Broken && broken.is_none() {
            broken = Some(entry.alias().to_string());
        }
        Some(expiry.state)
    })?;
    // What ends first stands first.
    rows.sort_by_key(|(ends, _)| *ends);
    let mut text = String::new();
    if !rows.is_empty() {
        let mut table = printer.table(&["ALIAS", "WHAT", "EXPIRES", "NAMES"]).fit(&[0, 3], &[3]);
        rows.into_iter().for_each(|(_, cells)| table.row(cells));
        text = table.take_text();
    }
    text.push_str(&sum(&summary.counts, window));
    if let (true, Some((ends, alias))) = (text.lines().count() == 1, &soonest) {
        text.push_str(&format!("the first to end is {alias}, {}\n", time_left(*ends, now)));
    }
    if let Some(alias) = broken {
        // Of a store that stays closed nothing is said by chain.
        if summary.proved {
            text.push_str(&format!("what is missing: {} chain {alias}\n", printer.program()));
        }
    }
    summary.served.iter().for_each(|server| text.push_str(&server.line()));
    if !summary.proved {
        text.push_str(&format!("{NOT_PROVED}\n"));
    }
    Ok((text, summary))
}

fn cells(entry: Checked<'_>, expiry: &Expiry, now: i64) -> Vec<Cell> {
    let own = |certificate: &Certificate| {
        if expiry.cause == ExpiryCause::Leaf || expiry.cause == ExpiryCause::Chain {
            names(certificate)
        } else {
            short(certificate.subject()).into()
        }
    };
    let certificate = &expiry.certificate;
    let when = match (expiry.state, expiry.finding) {
        (ExpiryState::Broken, Some(finding)) => Cell::marked(format!("{finding} !"), Mark::Bad),
        (ExpiryState::NotYetValid, _) => {
            let begins = rfc3339(certificate.not_before());
            Cell::marked(format!("valid from {} !", begins.get(..10).unwrap_or(&begins)), Mark::Bad)
        }
        (ExpiryState::Expiring, _) => expires(certificate, now, i64::MAX),
        _ => expires(certificate, now, 0),
    };
    vec![entry.alias().to_string().into(), expiry.cause.as_str().into(), when, own(certificate)]
}

/// `14 entries checked: 1 expired, 2 expiring within 30 days`
fn sum(counts: &Counts, window: ExpiryWindow) -> String {
    let all = counts.checked + counts.unreadable;
    let entries = if all == 1 { "entry" } else { "entries" };
    let of = if counts.unreadable > 0 { format!(" of {all}") } else { String::new() };
    let checked = format!("{}{of} {entries}", counts.checked);
    let within = format!("expiring within {window}");
    let parts: Vec<String> = [
        (counts.expired, "expired"),
        (counts.broken, "with a broken chain"),
        (counts.not_yet_valid, "not yet valid"),
        (counts.unreadable, "damaged"),
        (counts.expiring, within.as_str()),
    ]
    .iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| format!("{count} {what}"))
    .collect();
    match (counts.checked, parts.is_empty()) {
        (0, true) => "no server certificates to check\n".to_owned(),
        (_, true) => format!("{checked} checked: none expires within {window}\n"),
        (_, false) => format!("{checked} checked: {}\n", parts.join(", ")),
    }
}
