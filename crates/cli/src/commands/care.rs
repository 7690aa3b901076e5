//! `log`, `backup`, `restore` and `verify-store`.

use std::path::{Path, PathBuf};

use serde::Serialize;
use strongroom::{Error, Keystore, LogEntry, Remedy, SealError, StoreError, StoreReport, printable, rfc3339};

use super::{actor, key_file_path, now, open, open_read_only, store_path};
use crate::{
    args::{Arguments, Log},
    failure::{Exit, Failure},
    render::Printer,
    unlock::UnlockSpec,
};

/// Rows read at a time.
const PAGE: u32 = 500;

#[derive(Serialize)]
struct LogView {
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
            at: rfc3339(entry.at),
            actor: entry.actor,
            action: entry.action,
            alias: entry.alias,
            sha256: entry.fingerprint,
            outcome: entry.outcome,
        }
    }
}

pub(super) fn log(arguments: &Arguments, command: &Log, printer: &Printer) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Whole {
        verified: i64,
    }
    #[derive(Serialize)]
    struct Listing {
        log: Vec<LogView>,
    }
    let mut keystore = open_read_only(arguments)?;
    if command.verify {
        let whole = Whole { verified: keystore.verify_log()? };
        printer.result(&whole, &[], || format!("the log is whole: {} rows\n", whole.verified));
        return Ok(());
    }
    let mut listing = Listing { log: Vec::new() };
    loop {
        let after = listing.log.last().map_or(0, |last: &LogView| last.number);
        let page = keystore.log(after, PAGE)?;
        let last = u32::try_from(page.len()).unwrap_or(PAGE) < PAGE;
        listing.log.extend(page.into_iter().map(LogView::of));
        if last {
            break;
        }
    }
    printer.result(&listing, &[], || {
        let mut table =
            printer.table(&["NR", "WHEN", "WHO", "WHAT", "ALIAS", "OUTCOME"]).fit(&[2, 4, 5], &[0]);
        for row in &listing.log {
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
    });
    Ok(())
}

#[derive(Serialize)]
struct ReportView {
    entries: u64,
    removed: u64,
    versions: u64,
    keys: u64,
    certificates: u64,
    administrators: u64,
    log: u64,
    seq: u64,
    /// The copy that was written, or where the former store is kept.
    file: Option<PathBuf>,
}

impl ReportView {
    fn of(report: &StoreReport, file: Option<PathBuf>) -> Self {
        Self {
            entries: report.entries,
            removed: report.removed,
            versions: report.versions,
            keys: report.keys,
            certificates: report.certificates,
            administrators: report.administrators,
            log: report.log,
            seq: report.seq,
            file,
        }
    }

    fn text(&self) -> String {
        format!(
            "{} entries and {} removed ones in {} versions, {} private keys opened and proved, {} certificates, {} users, {} log rows\n",
            self.entries,
            self.removed,
            self.versions,
            self.keys,
            self.certificates,
            self.administrators,
            self.log
        )
    }
}

pub(super) fn verify(arguments: &Arguments, printer: &Printer) -> Result<(), Failure> {
    let report = open_read_only(arguments)?.verify_store()?;
    if let Some(first) = report.problems.first() {
        for problem in &report.problems {
            printer.warn(&printable(format!("{} {}", problem.alias, problem.message).trim()));
        }
        let message = format!(
            "the store is damaged: {} problem(s), the first: {}",
            report.problems.len(),
            printable(format!("{} {}", first.alias, first.message).trim())
        );
        return Err(Failure::new(Exit::Store, "store_corrupt", "store", message).with(Remedy::Restore));
    }
    let view = ReportView::of(&report, None);
    printer.result(&view, &[], || format!("the store is whole: {}", view.text()));
    Ok(())
}

pub(super) fn backup(arguments: &Arguments, file: &Path, printer: &Printer) -> Result<(), Failure> {
    let mut keystore = open(arguments)?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        return Err(not_there("folder", folder));
    }
    let report = keystore.backup(file, now()).map_err(|error| {
        let taken = matches!(error, Error::Store(StoreError::Exists { .. }));
        let failure = Failure::from(error);
        if taken {
            failure.with(Remedy::Advice("a backup overwrites nothing: give another name"))
        } else {
            failure
        }
    })?;
    let view = ReportView::of(&report, Some(file.to_owned()));
    printer.result(&view, &[], || {
        format!(
            "wrote and verified {}: {}The key that opens the store is not in it: keep a copy of that apart.\n",
            file.display(),
            view.text()
        )
    });
    Ok(())
}

fn not_there(what: &str, path: &Path) -> Failure {
    Failure::new(
        Exit::NotFound,
        "file_not_found",
        "arguments",
        format!("there is no {what} {}", path.display()),
    )
    .with(Remedy::Advice("look at the spelling of the path"))
}

pub(super) fn restore(arguments: &Arguments, file: &Path, printer: &Printer) -> Result<(), Failure> {
    // Nothing is asked for before it is clear that there is something to open.
    if file.symlink_metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
        return Err(not_there("file", file));
    }
    let path = store_path(arguments)?;
    let key_file = key_file_path(arguments)?;
    // The backup has the slots of its time; a copy that lies where others can read it tells no source.
    let mut specs: Vec<UnlockSpec> = arguments.unlock.iter().cloned().collect();
    if specs.is_empty() {
        specs.extend(arguments.key_file.iter().map(|path| UnlockSpec::KeyFile(path.clone())));
    }
    if specs.is_empty() {
        let known = Keystore::unlock_sources(file).unwrap_or_default();
        specs.extend(known.iter().filter_map(|source| UnlockSpec::of(source, &key_file)));
    }
    if specs.is_empty() {
        specs.push(UnlockSpec::KeyFile(key_file));
    }
    let specs = specs.into_iter().map(|spec| spec.mounted(arguments.key_file_mounted));
    let mut refused = Failure::from(Error::from(SealError::WrongUnlockKey));
    for spec in specs {
        let loaded = match spec.load(arguments.no_input) {
            Ok(loaded) => loaded,
            Err(failure) => {
                refused = failure;
                continue;
            }
        };
        match Keystore::restore(file, &path, loaded.unlock(), &actor(), now()) {
            Ok((report, former)) => {
                guard_anew(arguments)?;
                let view = ReportView::of(&report, former);
                printer.result(&view, &[], || {
                    let kept = view.file.as_ref();
                    let kept = kept.map(|path| format!("the former store is kept as {}\n", path.display()));
                    format!("restored {}: {}{}", path.display(), view.text(), kept.unwrap_or_default())
                });
                return Ok(());
            }
            Err(error @ Error::Seal(SealError::WrongUnlockKey)) => refused = error.into(),
            Err(error @ Error::Store(StoreError::NotAStore)) => {
                let failure = Failure::from(error);
                return Err(failure.with(Remedy::Advice("give a file that a backup wrote")));
            }
            Err(other) => return Err(other.into()),
        }
    }
    Err(refused)
}

/// A restored store is older than its rollback guard, and meant to be.
fn guard_anew(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.rollback_guard.is_none() || arguments.accept_rollback {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Store,
        "store_rolled_back",
        "store",
        "the backup is in place; its rollback guard still stands at the former store".to_owned(),
    )
    .with(Remedy::AcceptRollback))
}
