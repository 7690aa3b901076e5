//! `restore`: the ways back from a backup.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Serialize;
use strongroom::{
    Alias, Backup, Error, Journal, Keystore, NewKeystore, Remedy, RestoreOptions, RestorePlan, SealError,
    UnlockKey, printable,
};

use super::{
    actor, key_file_path,
    maintenance::{ReportView, not_there},
    now, open, store_path,
};
use crate::{
    args::{Arguments, Restore},
    failure::{Exit, Failure},
    prompt::{self, Unasked},
    render::Printer,
    unlock::{Loaded, UnlockSpec},
};

/// Aliases that a plan names; of many the first.
const SHOWN: usize = 10;

pub(super) fn run(arguments: &Arguments, command: &Restore, printer: &Printer) -> Result<(), Failure> {
    let path = store_path(arguments)?;
    let file = command.file()?;
    let mut options = RestoreOptions::default();
    options.other_store = command.other_store;
    options.with_access = command.with_access;
    if let Some(alias) = &command.only {
        return only(arguments, command, alias, options, printer);
    }
    // Nothing is asked for before it is clear that there is something to open.
    if file.symlink_metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
        return Err(not_there("file", file));
    }
    let missing = path.symlink_metadata().is_err();
    let (backup, loaded) = open_backup(arguments, file, &path)?;
    if command.new_store {
        return as_new(arguments, &backup, &loaded, &path, printer);
    }
    if missing {
        let report = Keystore::restore_missing(backup, &path, &actor(), Journal::default(), now())?;
        let view = ReportView::of(&report, None);
        printer.result(&view, &[], || format!("restored {}: {}", path.display(), view.text()));
        return Ok(());
    }
    let keystore = open(arguments).map_err(|failure| {
        // A backup is no way into a store that cannot be proved; a new one is.
        if matches!(
            failure.code,
            "store_corrupt" | "not_a_store" | "store_from_preview" | "schema_from_future"
        ) {
            failure.with(Remedy::NewStore)
        } else {
            failure
        }
    })?;
    let plan = keystore.plan_restore(&backup, options)?;
    confirm(arguments, command, &plan)?;
    let report = keystore.restore(&backup, Some(loaded.unlock()), options, now())?;
    let view = ReportView::of(&report, None);
    printer.result(&view, &[], || format!("restored {}: {}", path.display(), view.text()));
    Ok(())
}

#[derive(Serialize)]
struct Mended {
    alias: String,
    outcome: &'static str,
}

/// One entry out of a backup.
fn only(
    arguments: &Arguments,
    command: &Restore,
    alias: &Alias,
    options: RestoreOptions,
    printer: &Printer,
) -> Result<(), Failure> {
    let path = store_path(arguments)?;
    let keystore = open(arguments)?;
    let (backup, _) = open_backup(arguments, command.file()?, &path)?;
    keystore.restore_only(&backup, alias, command.replace, options, now())?;
    let mended = Mended { alias: alias.to_string(), outcome: "restored" };
    printer.result(&mended, &[], || format!("restored the entry {alias} with all its versions\n"));
    Ok(())
}

fn as_new(
    arguments: &Arguments,
    backup: &Backup,
    loaded: &Loaded,
    path: &Path,
    printer: &Printer,
) -> Result<(), Failure> {
    let mut wanted = NewKeystore::default();
    wanted.actor = actor();
    wanted.rollback_guard = arguments.rollback_guard.clone();
    // A key file is for one store alone: the new one gets a new key, and the former is kept.
    let key_file = key_file_path(arguments)?;
    let (fresh, loaded) = match loaded {
        Loaded::Key(_) if arguments.unlock.is_none() => {
            let fresh = key_file.with_extension("key.new");
            let key = UnlockKey::generate_bound()?;
            key.create_file(&fresh)?;
            (Some(fresh), Loaded::Key(Arc::new(key)))
        }
        other => (None, other.clone()),
    };
    let restored = Keystore::restore_as_new(backup, path, loaded.unlock(), &wanted, now());
    if let Some(fresh) = fresh {
        match &restored {
            Ok(_) => keep_former(&key_file, &fresh)?,
            Err(_) => drop(std::fs::remove_file(&fresh)),
        }
    }
    let (report, former) = restored?;
    let view = ReportView::of(&report, former);
    printer.result(&view, &[], || {
        let kept = view.kept().map(|path| format!("what stood there is kept as {}\n", path.display()));
        format!(
            "made a new store of the backup, {}: {}{}Servers that had the former one open must be started again.\n",
            path.display(),
            view.text(),
            kept.unwrap_or_default()
        )
    });
    Ok(())
}

/// Puts a new key file in place of the former one, which is kept.
fn keep_former(key_file: &Path, fresh: &Path) -> Result<(), Failure> {
    let mut former = key_file.to_owned();
    let mut number = 0_u32;
    while former.symlink_metadata().is_ok() {
        former = key_file.with_extension(format!("key.before-restore.{number}"));
        number = number.saturating_add(1);
    }
    let renamed = std::fs::rename(key_file, &former).and_then(|()| std::fs::rename(fresh, key_file));
    renamed.map_err(|error| {
        Failure::new(
            Exit::Store,
            "file_failed",
            "store",
            format!(
                "the new store is in place, and its key file could not be renamed: {}: {error}",
                fresh.display()
            ),
        )
    })
}

/// Opens a backup with what opens the store, or what it says itself.
fn open_backup(arguments: &Arguments, file: &Path, store: &Path) -> Result<(Backup, Loaded), Failure> {
    let key_file = key_file_path(arguments)?;
    let mut specs: Vec<UnlockSpec> = arguments.unlock.iter().cloned().collect();
    if specs.is_empty() {
        specs.extend(arguments.key_file.iter().map(|path| UnlockSpec::KeyFile(path.clone())));
    }
    if specs.is_empty() && key_file.symlink_metadata().is_ok() {
        specs.push(UnlockSpec::KeyFile(key_file.clone()));
    }
    if specs.is_empty() {
        let known = Keystore::unlock_sources(file).unwrap_or_default();
        // A person may be asked; what the file names otherwise is only a hint.
        specs.extend(
            known
                .iter()
                .filter_map(|source| UnlockSpec::of(source, &key_file))
                .filter(|spec| matches!(spec, UnlockSpec::Passphrase(_))),
        );
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
        match Backup::open(file, store, loaded.unlock()) {
            Ok(backup) => return Ok((backup, loaded)),
            Err(error) => {
                let failure = Failure::from(error);
                if failure.code == "not_a_store" {
                    return Err(failure.with(Remedy::Advice("give a file that a backup wrote")));
                }
                if failure.code != "wrong_unlock_key" {
                    return Err(failure);
                }
                refused = failure;
            }
        }
    }
    Err(refused)
}

/// What comes back and what goes is shown before it does.
fn confirm(arguments: &Arguments, command: &Restore, plan: &RestorePlan) -> Result<(), Failure> {
    let mut lines = Vec::new();
    let mut tell = |what: &str, aliases: &[Alias]| {
        if !aliases.is_empty() {
            let names: Vec<&str> = aliases.iter().take(SHOWN).map(Alias::as_str).collect();
            let more = aliases.len().saturating_sub(SHOWN);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            lines.push(format!("{what}: {}{more}", names.join(", ")));
        }
    };
    tell("CA certificates that come back", &plan.authorities_back);
    tell("CA certificates that go", &plan.authorities_gone);
    tell("entries that come back", &plan.entries_back);
    tell("entries that go", &plan.entries_gone);
    tell("entries with another certificate", &plan.changed);
    if command.with_access {
        let names: Vec<String> = plan.administrators.iter().map(|name| printable(name)).collect();
        lines.push(format!("administrators, in place of today's: {}", names.join(", ")));
    }
    if lines.is_empty() {
        return Ok(());
    }
    let question = format!("The restore changes what the store holds: {}. Go on?", lines.join("; "));
    prompt::confirm(arguments, &question, Unasked::Refuse)
}

impl Restore {
    fn file(&self) -> Result<&Path, Failure> {
        let file: Option<&PathBuf> = self.from.as_ref().or(self.file.as_ref());
        file.map(PathBuf::as_path).ok_or_else(|| {
            Failure::new(Exit::Usage, "usage", "arguments", "give the backup".to_owned())
                .with(Remedy::ReadHelp)
        })
    }
}
