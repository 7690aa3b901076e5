//! What `import --all` prints: a line for each entry and the sum, or JSON.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use strongroom::{
    certificate::{Fingerprint, printable},
    diagnostic::{Diagnostic, DiagnosticCode},
    keystore::{ImportReport, Source},
    remedy::{Remedy, shell_word},
};

use crate::{
    failure::Failure,
    render::{Cell, ErrorView, ImportView, Mark, Printer},
};

/// Warnings, or refusals, of one code that people are shown.
const MAX_ALIKE: usize = 3;

/// One entry, and what came of it.
pub(super) struct Row {
    pub(super) file: String,
    pub(super) alias: Option<String>,
    pub(super) sources: Vec<Source>,
    /// Which of several keys of the files it is.
    pub(super) entry: Option<Fingerprint>,
    pub(super) result: RowResult,
}

pub(super) enum RowResult {
    Done(Box<ImportReport>),
    Refused(Box<Failure>),
    NotStored,
}

/// One of `entries[]`: as of `import`, or with an error.
#[derive(JsonSchema, Serialize)]
#[serde(untagged)]
enum EntryView<'a> {
    Done {
        file: &'a str,
        #[serde(flatten)]
        import: ImportView,
        sources: &'a [Source],
    },
    Other {
        file: &'a str,
        alias: Option<&'a str>,
        /// `refused` or `not_stored`.
        outcome: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<ErrorView<'a>>,
    },
}

#[derive(Default, JsonSchema, Serialize)]
struct Counts {
    imported: usize,
    replaced: usize,
    already_present: usize,
    refused: usize,
    not_stored: usize,
    passed_over: usize,
}

#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct BulkView<'a> {
    entries: Vec<EntryView<'a>>,
    counts: &'a Counts,
}

/// Prints all of it, and sets the exit code to that of the first refusal.
pub(super) fn print(
    rows: &[Row],
    remarks: Vec<Diagnostic>,
    passed_over: usize,
    keep_going: bool,
    printer: &Printer,
) {
    let counts = count(rows, passed_over);
    let mut warnings = remarks;
    for row in rows {
        let RowResult::Done(report) = &row.result else { continue };
        warnings.extend(report.findings.iter().map(|finding| {
            let mut finding = finding.clone();
            finding.message = format!("{}: {}", report.alias, finding.message);
            finding
        }));
    }
    let view = BulkView { entries: rows.iter().map(|row| view(row, printer)).collect(), counts: &counts };
    if printer.is_json() {
        printer.result(&view, &warnings, String::new);
    } else {
        let (shown, more) = first_of_each(warnings);
        printer.result(&view, &shown, || text(rows, &counts, keep_going, printer));
        for (code, count) in more {
            printer.warn(&format!("{count} more of [{code}]; --json has all of them"));
        }
    }
    print_refusals(rows, printer);
    if counts.refused > 0 && counts.not_stored > 0 {
        printer.advise(&[Remedy::KeepGoing]);
    }
}

/// Why what was refused was: the first of each code, for the table and JSON name all of them.
fn print_refusals(rows: &[Row], printer: &Printer) {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows {
        let RowResult::Refused(failure) = &row.result else { continue };
        if seen.is_empty() {
            printer.set_exit(failure.exit.code());
        }
        let count = seen.entry(failure.code).or_default();
        *count = count.saturating_add(1);
        if *count <= MAX_ALIKE {
            let alias = row.alias.as_deref().unwrap_or("ALIAS");
            printer.failure_of(failure, alias, &file_words(row), &row.file);
        }
    }
    for (code, count) in seen {
        let more = count.saturating_sub(MAX_ALIKE);
        if more > 0 && !printer.is_json() {
            printer
                .note(&format!("strongroom: {more} more of error[{code}]; --json says why each was refused"));
        }
    }
}

/// The files of a row as words of a shell.
fn file_words(row: &Row) -> String {
    let mut files: Vec<String> = row.sources.iter().map(|source| shell_word(&source.file)).collect();
    if files.is_empty() {
        files.push(shell_word(&row.file));
    }
    files.extend(row.entry.map(|entry| format!("--entry {entry}")));
    files.join(" ")
}

fn count(rows: &[Row], passed_over: usize) -> Counts {
    let mut counts = Counts { passed_over, ..Counts::default() };
    for row in rows {
        let of = match &row.result {
            RowResult::Refused(_) => &mut counts.refused,
            RowResult::NotStored => &mut counts.not_stored,
            RowResult::Done(report) => match report.outcome.as_str() {
                "replaced" => &mut counts.replaced,
                "already_present" => &mut counts.already_present,
                _ => &mut counts.imported,
            },
        };
        *of = of.saturating_add(1);
    }
    counts
}

fn view<'a>(row: &'a Row, printer: &Printer) -> EntryView<'a> {
    let (file, alias) = (row.file.as_str(), row.alias.as_deref());
    match &row.result {
        RowResult::Done(report) => {
            EntryView::Done { file, import: ImportView::of(report), sources: &row.sources }
        }
        RowResult::NotStored => EntryView::Other { file, alias, outcome: "not_stored", error: None },
        RowResult::Refused(failure) => {
            let error = printer.error_of(failure, alias.unwrap_or("ALIAS"), &file_words(row));
            EntryView::Other { file, alias, outcome: "refused", error: Some(error) }
        }
    }
}

/// The first warnings of each code, and how many more there are of it.
fn first_of_each(warnings: Vec<Diagnostic>) -> (Vec<Diagnostic>, Vec<(DiagnosticCode, usize)>) {
    let mut counts: BTreeMap<DiagnosticCode, usize> = BTreeMap::new();
    let mut shown = Vec::new();
    for warning in warnings {
        let count = counts.entry(warning.code).or_default();
        *count = count.saturating_add(1);
        if *count <= MAX_ALIKE {
            shown.push(warning);
        }
    }
    let more = counts.into_iter().filter_map(|(code, count)| {
        let more = count.saturating_sub(MAX_ALIKE);
        (more > 0).then_some((code, more))
    });
    (shown, more.collect())
}

fn text(rows: &[Row], counts: &Counts, keep_going: bool, printer: &Printer) -> String {
    let mut table = printer.table(&["ALIAS", "OUTCOME", "SUBJECT", "FILE"]).fit(&[2, 3, 0], &[2]);
    let mut dry_run = false;
    for row in rows {
        let alias = Cell::from(row.alias.as_deref().unwrap_or("-"));
        let (outcome, subject) = match &row.result {
            RowResult::Refused(failure) => (Cell::marked(failure.code.to_owned(), Mark::Bad), String::new()),
            RowResult::NotStored => (Cell::marked("not stored".to_owned(), Mark::Soon), String::new()),
            RowResult::Done(report) => {
                dry_run |= report.dry_run;
                let outcome = report.outcome.as_str().replace('_', " ");
                let subject = report.chain.first().map(|leaf| printable(&leaf.subject)).unwrap_or_default();
                (Cell::from(outcome), subject)
            }
        };
        table.row(vec![alias, outcome, subject.into(), row.file.clone().into()]);
    }
    let mut text = table.take_text();
    text.push_str(&sum(counts, keep_going, dry_run));
    text
}

/// The last line.
fn sum(counts: &Counts, keep_going: bool, dry_run: bool) -> String {
    let Counts { imported, replaced, already_present, refused, not_stored, passed_over } = counts;
    let total = imported + replaced + already_present + refused + not_stored;
    if *refused > 0 && !keep_going {
        return format!("nothing was stored: {refused} of {total} refused\n");
    }
    let parts = [
        (*imported, "imported"),
        (*replaced, "replaced"),
        (*already_present, "already present"),
        (*refused, "refused"),
        (*passed_over, "passed over"),
    ];
    let parts: Vec<String> = parts
        .iter()
        .enumerate()
        .filter(|(index, (count, _))| *count > 0 || *index == 0)
        .map(|(_, (count, word))| format!("{count} {word}"))
        .collect();
    let would = if dry_run { "a dry run, nothing was stored; it would be: " } else { "" };
    format!("{would}{}\n", parts.join(", "))
}
