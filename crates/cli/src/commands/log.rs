//! `log`: what was done and refused, by whom.

use std::{collections::VecDeque, time::Duration};

use schemars::JsonSchema;
use serde::Serialize;
use strongroom::{
    Keystore, UnixTime,
    certificate::printable,
    instant::{rfc3339, seconds},
    keystore::ExpiryWindow,
    store::LogEntry,
};

use super::{now, open_read_only, verify::instant};
use crate::{
    args::{Arguments, Log, LogRows},
    failure::{Exit, Failure},
    render::{Printer, Table, envelope},
};

/// Rows read at a time.
const PAGE: u32 = 500;
/// How long `--follow` waits for a change before it looks again.
const WAIT: Duration = Duration::from_secs(3600);

#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct LogView {
    number: i64,
    at: String,
    actor: String,
    action: String,
    alias: String,
    sha256: String,
    outcome: String,
}

impl LogView {
    fn of(entry: LogEntry) -> Self {
        Self {
            number: entry.number,
            at: rfc3339(seconds(entry.at)),
            actor: entry.actor,
            action: entry.action,
            alias: entry.alias,
            sha256: entry.fingerprint,
            outcome: entry.outcome,
        }
    }
}

#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct Whole {
    verified: i64,
    rotated_rows: Option<i64>,
}

#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct Listing<'r> {
    log: &'r VecDeque<LogView>,
    /// The last row that was cut from the store.
    rotated_rows: Option<i64>,
}

pub(super) fn run(arguments: &Arguments, command: &Log, printer: &Printer) -> Result<(), Failure> {
    if let Some(command) = &command.command {
        return super::log_files::run(arguments, command, printer);
    }
    let command = &command.rows;
    let since = command.since.as_deref().map(|text| beginning(text, now())).transpose()?;
    let keystore = open_read_only(arguments, printer)?;
    let cut = keystore.log_cut()?;
    let rotated_rows = cut.map(|cut| cut.number);
    if command.verify {
        let whole = Whole { verified: keystore.verify_log()?, rotated_rows };
        let from = rotated_rows.map(|number| format!(", from row {} on", number + 1)).unwrap_or_default();
        printer.result(&whole, &[], || {
            let rows = if whole.verified == 1 { "row" } else { "rows" };
            format!("the log is whole: {} {rows}{from}\n", whole.verified)
        });
        return Ok(());
    }
    let wanted = Wanted { since, command };
    let mut generation = keystore.generation()?;
    let (rows, mut last) = wanted.rows(&keystore, 0, command.tail)?;
    let mut table = printer.table(&["NR", "WHEN", "WHO", "WHAT", "ALIAS", "OUTCOME"]).fit(&[2, 4, 5], &[0]);
    if let Some(cut) = cut.filter(|_| command.tail.is_none_or(|tail| rows.len() < tail) && !printer.is_json())
    {
        printer.note(&format!(
            "rows 1 to {} are not in the store any more: log rotate wrote them to files, the last on {}",
            cut.number,
            rfc3339(seconds(cut.at))
        ));
    }
    if !command.follow {
        printer.result(&Listing { log: &rows, rotated_rows }, &[], || text(&mut table, &rows));
        return Ok(());
    }
    give(printer, &mut table, &rows);
    while printer.flush() {
        let Some(changes) = keystore.wait_change(&generation, WAIT)? else {
            continue;
        };
        generation = changes.generation;
        let (rows, newest) = wanted.rows(&keystore, last, None)?;
        last = newest;
        give(printer, &mut table, &rows);
    }
    Ok(())
}

/// Prints rows as they come: as text, or an object a line.
fn give(printer: &Printer, table: &mut Table, rows: &VecDeque<LogView>) {
    if printer.is_json() {
        rows.iter().for_each(|row| printer.data(&envelope(row)));
    } else {
        printer.data(&text(table, rows));
    }
}

fn text(table: &mut Table, rows: &VecDeque<LogView>) -> String {
    for row in rows {
        table.row(vec![
            row.number.to_string().into(),
            row.at.as_str().into(),
            printable(&row.actor).into(),
            row.action.as_str().into(),
            printable(&row.alias).into(),
            printable(&row.outcome).into(),
        ]);
    }
    table.take_text()
}

/// Which rows are shown.
struct Wanted<'c> {
    since: Option<i64>,
    command: &'c LogRows,
}

impl Wanted<'_> {
    /// The rows behind number `after` that are wanted, at most the last `tail`; and the number of the last row of all.
    fn rows(
        &self,
        keystore: &Keystore,
        after: i64,
        tail: Option<usize>,
    ) -> Result<(VecDeque<LogView>, i64), Failure> {
        let mut rows = VecDeque::new();
        let mut last = after;
        loop {
            let page = keystore.log(last, PAGE)?;
            let complete = u32::try_from(page.len()).unwrap_or(PAGE) < PAGE;
            last = page.last().map_or(last, |row| row.number);
            for row in page.into_iter().filter(|row| self.takes(row)) {
                rows.push_back(LogView::of(row));
                if tail.is_some_and(|most| rows.len() > most) {
                    rows.pop_front();
                }
            }
            if complete {
                return Ok((rows, last));
            }
        }
    }

    fn takes(&self, row: &LogEntry) -> bool {
        let about = |alias: &strongroom::Alias| row.alias.eq_ignore_ascii_case(alias.as_str());
        self.since.is_none_or(|since| seconds(row.at) >= since)
            && self.command.alias.as_ref().is_none_or(about)
    }
}

/// The instant from which on rows are wanted: so long ago, or an instant itself.
pub(super) fn beginning(text: &str, at: UnixTime) -> Result<i64, Failure> {
    if let Ok(ExpiryWindow::Seconds(ago)) = text.parse() {
        return Ok(seconds(at).saturating_sub(ago.into()));
    }
    instant(text).map(seconds).map_err(|_| {
        let message =
            format!("{text:?} is neither a time ago, as 24h or 30d, nor one as 2026-11-23T12:00:00Z");
        Failure::new(Exit::Usage, "bad_time", "arguments", message)
    })
}
