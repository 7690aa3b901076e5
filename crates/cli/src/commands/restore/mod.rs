//! `restore`: the ways back from a backup.

pub(super) mod backup;
mod new_store;

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;
use strongroom::{
    Alias, Keystore,
    certificate::printable,
    keystore::{RestoreOptions, RestorePlan},
    remedy::Remedy,
    seal::OwnedUnlock,
    store::Journal,
};

use self::backup::NamedBackup;
use super::{
    Purpose, actor,
    maintenance::{ReportView, beyond_repair, damaged, mending},
    now, open_with_key, store_path,
};
use crate::{
    args::{Arguments, Restore},
    failure::{Exit, Failure},
    prompt::{self, Unasked},
    render::{Printer, first_names},
};

/// Aliases that a plan names; of many the first.
const SHOWN: usize = 10;

pub(super) fn run(arguments: &Arguments, command: &Restore, printer: &Printer) -> Result<(), Failure> {
    let path = store_path(arguments)?;
    let named = command.backup()?;
    named.check(printer)?;
    let mut options = RestoreOptions::default();
    options.other_store = command.other_store;
    options.with_access = command.with_access;
    if let Some(alias) = &command.only {
        return only(arguments, command, named, alias, options, printer);
    }
    if command.new_store {
        let (backup, loaded) = backup::open(arguments, named, &path, None)?;
        return new_store::run(arguments, command, &backup, &loaded, printer);
    }
    if path.symlink_metadata().is_err() {
        let (backup, _) = backup::open(arguments, named, &path, None)?;
        let report = Keystore::restore_missing(backup, &path, &actor(), Journal::default(), now())?;
        let view = ReportView::of(&report, None);
        printer.result(&view, &[], || {
            format!("restored {}: {}It is opened by what opens the backup.\n", path.display(), view.text())
        });
        return Ok(());
    }
    let (keystore, today) = open_today(arguments)?;
    let (backup, loaded) = backup::open(arguments, named, &path, Some(&today))?;
    let plan = keystore.plan_restore(&backup, options).map_err(beyond_repair)?;
    confirm(arguments, command, &plan)?;
    let restored = keystore.restore(&backup, Some(loaded.as_unlock()), options, now());
    let report = restored.map_err(beyond_repair)?;
    for name in &plan.administrators_gone {
        printer.warn_of_damage(format!("the user \"{}\" was damaged, and is gone", printable(name)));
    }
    for slot in &plan.slots_gone {
        printer.warn(&format!("slot {slot} was damaged, and is gone: what opened it has to be added again"));
    }
    if let Some(failure) =
        damaged(&report, "the backup was restored, and the store is damaged still", printer)
    {
        let remedies = mending(&report).into_iter().collect();
        return Err(Failure { remedies, ..failure });
    }
    let view = ReportView::of(&report, None);
    let useless = matches!(&loaded, OwnedUnlock::Key(key) if key.is_bound()) && plan.other_store;
    if command.with_access && useless {
        printer.warn("the key file of the backup is for its own store: it does not open this one");
    }
    printer.result(&view, &[], || format!("restored {}: {}", path.display(), view.text()));
    Ok(())
}

fn open_today(arguments: &Arguments) -> Result<(Keystore, OwnedUnlock), Failure> {
    open_with_key(arguments, Purpose::Mend).map_err(|failure| {
        // A backup is no way into a store that cannot be proved; a new one is.
        if matches!(
            failure.code,
            "store_corrupt" | "not_a_store" | "store_from_preview" | "schema_from_future"
        ) {
            failure.with(Remedy::NewStore)
        } else {
            failure
        }
    })
}

#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct Mended {
    alias: String,
    outcome: &'static str,
}

/// One entry out of a backup.
fn only(
    arguments: &Arguments,
    command: &Restore,
    named: NamedBackup<'_>,
    alias: &Alias,
    options: RestoreOptions,
    printer: &Printer,
) -> Result<(), Failure> {
    let path = store_path(arguments)?;
    let (keystore, today) = open_with_key(arguments, Purpose::Mend)?;
    let (backup, _) = backup::open(arguments, named, &path, Some(&today))?;
    keystore.restore_only(&backup, alias, command.replace, options, now()).map_err(|error| {
        let failure = Failure::from(error);
        if failure.code == "alias_taken" { failure.with(Remedy::ReplaceByBackup) } else { failure }
    })?;
    let mended = Mended { alias: alias.to_string(), outcome: "restored" };
    printer.result(&mended, &[], || format!("restored the entry {alias} with all its versions\n"));
    Ok(())
}

/// What comes back and what goes is shown before it does.
fn confirm(arguments: &Arguments, command: &Restore, plan: &RestorePlan) -> Result<(), Failure> {
    let mut lines = Vec::new();
    let mut tell = |what: &str, aliases: &[Alias]| {
        if !aliases.is_empty() {
            lines.push(format!("{what}: {}", first_names(aliases.iter().map(Alias::as_str), SHOWN)));
        }
    };
    tell("CA certificates that come back", &plan.authorities_back);
    tell("CA certificates that go", &plan.authorities_gone);
    tell("entries that come back", &plan.entries_back);
    tell("entries that go", &plan.entries_gone);
    tell("entries with another certificate", &plan.changed);
    tell("pending certificate requests that come back", &plan.requests_back);
    tell(
        "pending certificate requests that go, so that no certificate for them can be installed any more",
        &plan.requests_gone,
    );
    if command.with_access {
        let names: Vec<String> = plan.administrators.iter().map(|name| printable(name)).collect();
        lines.push(format!("administrators, in place of today's: {}", names.join(", ")));
    }
    if !plan.administrators_gone.is_empty() {
        let names: Vec<String> = plan.administrators_gone.iter().map(|name| printable(name)).collect();
        lines.push(format!("users that go, since they are damaged: {}", names.join(", ")));
    }
    if !plan.slots_gone.is_empty() {
        let numbers: Vec<String> = plan.slots_gone.iter().map(u32::to_string).collect();
        lines.push(format!("slots that go, since they are damaged: {}", numbers.join(", ")));
    }
    if lines.is_empty() {
        return Ok(());
    }
    let question = format!("The restore changes what the store holds: {}. Go on?", lines.join("; "));
    prompt::confirm(arguments, &question, Unasked::Refuse)
}

impl Restore {
    fn backup(&self) -> Result<NamedBackup<'_>, Failure> {
        let unlock = self.backup_unlock.as_ref();
        Ok(NamedBackup { file: self.file()?, unlock, other_store: self.other_store })
    }

    pub(super) fn file(&self) -> Result<&Path, Failure> {
        let file: Option<&PathBuf> = self.from.as_ref().or(self.file.as_ref());
        file.map(PathBuf::as_path).ok_or_else(|| {
            Failure::new(Exit::Usage, "usage", "arguments", "give the backup".to_owned())
                .with(Remedy::ReadHelp)
        })
    }
}
