//! `log export`, `log rotate` and `log verify`: the log in files.

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;
use strongroom::{instant::at, keystore::LogRetention, store::LogSegment};

use super::{log::beginning, now, open, open_read_only};
use crate::{
    args::{Arguments, LogCommand, LogRotate},
    failure::{Exit, Failure},
    render::Printer,
};

#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct SegmentView {
    outcome: &'static str,
    /// Null where nothing was written.
    file: Option<String>,
    first_row: Option<i64>,
    last_row: Option<i64>,
    /// The hash of the last row.
    head: Option<String>,
    /// Up to which row the store vouches for the file, if it was asked.
    proven_rows: Option<i64>,
}

impl SegmentView {
    fn of(outcome: &'static str, segment: Option<&LogSegment>) -> Self {
        Self {
            outcome,
            file: segment.map(|segment| segment.path.display().to_string()),
            first_row: segment.map(|segment| segment.first),
            last_row: segment.map(|segment| segment.last),
            head: segment.map(|segment| segment.head.to_string()),
            proven_rows: None,
        }
    }
}

pub(super) fn run(arguments: &Arguments, command: &LogCommand, printer: &Printer) -> Result<(), Failure> {
    match command {
        LogCommand::Export { output } => export(arguments, output, printer),
        LogCommand::Rotate(command) => rotate(arguments, command, printer),
        LogCommand::Verify { file, against_store } => verify(arguments, file, *against_store, printer),
    }
}

fn rows(segment: &LogSegment) -> String {
    if segment.first == segment.last {
        format!("row {}", segment.first)
    } else {
        format!("rows {} to {}", segment.first, segment.last)
    }
}

fn export(arguments: &Arguments, output: &Path, printer: &Printer) -> Result<(), Failure> {
    let written = open_read_only(arguments, printer)?.export_log(output, now())?;
    let outcome = if written.is_some() { "written" } else { "nothing_to_export" };
    let view = SegmentView::of(outcome, written.as_ref());
    printer.result(&view, &[], || match &written {
        None => "the log has no rows in the store\n".to_owned(),
        Some(segment) => {
            format!("wrote {} to {}\nhead {}\n", rows(segment), output.display(), segment.head)
        }
    });
    Ok(())
}

fn rotate(arguments: &Arguments, command: &LogRotate, printer: &Printer) -> Result<(), Failure> {
    let mut retention = LogRetention::default();
    retention.keep = command.keep;
    retention.since = command.keep_since.as_deref().map(|text| beginning(text, now())).transpose()?.map(at);
    let cut = open(arguments)?.rotate_log(&command.output, retention, now())?;
    let outcome = if cut.is_some() { "rotated" } else { "nothing_to_rotate" };
    let view = SegmentView::of(outcome, cut.as_ref());
    printer.result(&view, &[], || match &cut {
        None => "there is no row to rotate\n".to_owned(),
        Some(segment) => format!(
            "cut {} from the store; from now on only {} has them\nhead {}\n",
            rows(segment),
            command.output.display(),
            segment.head
        ),
    });
    Ok(())
}

fn verify(arguments: &Arguments, file: &Path, against_store: bool, printer: &Printer) -> Result<(), Failure> {
    if !file.exists() {
        let message = format!("there is no file {}", file.display());
        return Err(Failure::new(Exit::NotFound, "file_not_found", "container", message));
    }
    let segment = LogSegment::open(file)?;
    let mut view = SegmentView::of("verified", Some(&segment));
    if against_store {
        view.proven_rows = Some(open_read_only(arguments, printer)?.proven_rows(&segment)?);
    }
    printer.result(&view, &[], || {
        let store = match view.proven_rows {
            None => String::new(),
            Some(number) if number == segment.last => "all of them are of the log of this store\n".to_owned(),
            Some(number) => format!(
                "those up to row {number} are of the log of this store; of the others it has no record\n"
            ),
        };
        let whole = if segment.first == segment.last {
            "is whole"
        } else {
            "are whole: each follows the one before it"
        };
        format!("{} {whole}\nhead {}\n{store}", rows(&segment), segment.head)
    });
    Ok(())
}
