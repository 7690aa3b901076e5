//! `backup` and `verify-store`.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;
use strongroom::{
    Error,
    certificate::printable,
    remedy::Remedy,
    store::{DamagedPart, StoreError, StoreReport},
};

use super::{Purpose, now, open_options, open_with_key, store_path};
use crate::{
    args::Arguments,
    failure::{Exit, Failure},
    render::Printer,
};

#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct ReportView {
    entries: u64,
    removed: u64,
    versions: u64,
    keys: u64,
    certificates: u64,
    administrators: u64,
    /// Pending certificate requests; their private keys are among `keys`.
    request_count: u64,
    log: u64,
    seq: u64,
    /// The copy that was written, or where the former store is kept.
    file: Option<PathBuf>,
}

impl ReportView {
    pub(super) fn of(report: &StoreReport, file: Option<PathBuf>) -> Self {
        Self {
            entries: report.entries,
            removed: report.removed,
            versions: report.versions,
            keys: report.keys,
            certificates: report.certificates,
            administrators: report.administrators,
            request_count: report.requests,
            log: report.log,
            seq: report.seq,
            file,
        }
    }

    /// Where what stood there before is kept.
    pub(super) fn kept(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    pub(super) fn text(&self) -> String {
        format!(
            "entries {}, removed {}, versions {}, private keys opened and proved {}, certificates {}, pending requests {}, users {}, log rows {}\n",
            self.entries,
            self.removed,
            self.versions,
            self.keys,
            self.certificates,
            self.request_count,
            self.administrators,
            self.log
        )
    }
}

pub(super) fn verify(arguments: &Arguments, printer: &Printer) -> Result<(), Failure> {
    let (keystore, loaded) = open_with_key(arguments, Purpose::Examine).map_err(beyond_repair)?;
    let report = keystore.verify_store().map_err(beyond_repair)?;
    // Whether it can be written is part of being whole, where this user may write at all.
    let writing = open_options(arguments, Purpose::Mend, &store_path(arguments)?);
    if let (true, Ok(keystore)) = (report.problems.is_empty(), writing.open(loaded.as_unlock())) {
        keystore.would_write()?;
    }
    if let Some(failure) = damaged(&report, "the store is damaged", printer) {
        let slots = keystore.slot_listing().map_err(beyond_repair)?;
        let slots = slots.into_iter().filter_map(|(_, slot)| slot.err());
        let mut remedies: Vec<Remedy> = slots.flat_map(|slot| slot.remedies()).collect();
        remedies.extend(mending(&report));
        return Err(Failure { remedies, ..failure });
    }
    let view = ReportView::of(&report, None);
    printer.result(&view, &[], || format!("the store is whole: {}", view.text()));
    Ok(())
}

/// The failure of a store that is not whole, after a warning for each problem.
pub(super) fn damaged(report: &StoreReport, what: &str, printer: &Printer) -> Option<Failure> {
    let first = report.problems.first()?;
    for problem in &report.problems {
        printer.warn(&printable(&problem.to_string()));
    }
    let count = report.problems.len();
    let message = format!("{what}: {count} problem(s), the first: {}", printable(&first.to_string()));
    Some(Failure::new(Exit::Store, "store_corrupt", "store", message))
}

/// What mends a store with these problems, its slots apart.
pub(super) fn mending(report: &StoreReport) -> Option<Remedy> {
    let has = |part| report.problems.iter().any(|problem| problem.slot.is_none() && problem.part == part);
    if has(DamagedPart::Tree) {
        Some(Remedy::NewStore)
    } else if has(DamagedPart::Log) {
        Some(Remedy::Salvage)
    } else if has(DamagedPart::Content) {
        Some(Remedy::Restore)
    } else if has(DamagedPart::StateCopy) {
        Some(Remedy::Advice("nothing: the next change mends it"))
    } else {
        None
    }
}

/// Where not even that can be read which everything else is proved by, a new store is the way on.
pub(super) fn beyond_repair(error: impl Into<Failure>) -> Failure {
    let failure: Failure = error.into();
    if failure.code == "store_corrupt" { failure.with(Remedy::NewStore) } else { failure }
}

pub(super) fn backup(
    arguments: &Arguments,
    file: &Path,
    salvage: bool,
    printer: &Printer,
) -> Result<(), Failure> {
    let purpose = if salvage { Purpose::Mend } else { Purpose::Write };
    let keystore = open_with_key(arguments, purpose)?.0;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        return Err(not_there("folder", folder));
    }
    if salvage {
        let (report, lost) = keystore.salvage(file, now())?;
        for alias in &lost {
            printer.warn_of_damage(format!("not in the copy, since it is damaged: {}", printable(alias)));
        }
        let view = ReportView::of(&report, Some(file.to_owned()));
        printer.result(&view, &[], || format!("wrote what is whole to {}: {}", file.display(), view.text()));
        return Ok(());
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

pub(super) fn not_there(what: &str, path: &Path) -> Failure {
    Failure::new(
        Exit::NotFound,
        "file_not_found",
        "arguments",
        format!("there is no {what} {}", path.display()),
    )
    .with(Remedy::Advice("look at the spelling of the path"))
}
