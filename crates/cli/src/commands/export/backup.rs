//! Where an entry is exported from: the store, or a backup of it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use strongroom::{
    Alias, Error, Keystore,
    export::Export,
    keystore::{Backup, ExportPlan, Exported},
};

use crate::{
    args::{Arguments, Export as Command},
    commands::{
        Purpose, now, open_with_key,
        restore::backup::{NamedBackup, open as open_backup},
        store_path,
    },
    failure::Failure,
    render::Printer,
};

/// Where an entry is exported from.
pub(super) enum Source {
    Store(Keystore),
    /// A backup, and the store into whose log the export goes.
    Backup {
        backup: Backup,
        log: Option<Keystore>,
        _folder: NewFolder,
    },
}

impl Source {
    /// Whether a log will have the export.
    pub(super) fn is_logged(&self) -> bool {
        !matches!(self, Self::Backup { log: None, .. })
    }

    pub(super) fn export(&self, alias: &Alias, export: &Export<'_>) -> Result<Exported, Error> {
        match self {
            Self::Store(keystore) => keystore.export(alias, export, now()),
            Self::Backup { backup, log, .. } => backup.export(alias, export, log.as_ref(), now()),
        }
    }

    pub(super) fn plan(&self, alias: &Alias, export: &Export<'_>) -> Result<ExportPlan, Error> {
        match self {
            Self::Store(keystore) => keystore.plan_export(alias, export, now()),
            Self::Backup { backup, log, .. } => backup.plan_export(alias, export, log.as_ref(), now()),
        }
    }
}

/// Opens a backup, and the store that it was made of, if there is one that opens. Where there is none, the backup is all
/// that is left: what it holds is given, and that no log has it is said.
pub(super) fn open(
    arguments: &Arguments,
    command: &Command,
    file: &Path,
    printer: &Printer,
) -> Result<Source, Failure> {
    let named = NamedBackup { file, unlock: command.backup_unlock.as_ref(), other_store: true };
    named.check(printer)?;
    let path = store_path(arguments)?;
    let purpose = if command.overwrite.dry_run { Purpose::Read } else { Purpose::Write };
    let there = path.symlink_metadata().is_ok();
    let live = if there { Some(open_with_key(arguments, purpose)) } else { None };
    let (log, today, closed) = match live {
        None => (None, None, None),
        Some(Ok((keystore, today))) => (Some(keystore), Some(today), None),
        Some(Err(failure)) => (None, None, Some(failure)),
    };
    let folder = NewFolder::beside(&path);
    let (backup, _) = open_backup(arguments, named, &path, today.as_ref())?;
    let is_copy = log.as_ref().is_some_and(|log| backup.is_of(log));
    if !command.overwrite.dry_run && !is_copy {
        let store = path.display();
        let why = match &closed {
            Some(failure) => format!("{store} cannot be opened: {}", failure.message),
            None if there => format!("{store} is another store than the one that the backup was made of"),
            None => format!("there is no store at {store}"),
        };
        printer.warn(&format!("no log has this export: {why}"));
    }
    Ok(Source::Backup { backup, log: log.filter(|_| is_copy), _folder: folder })
}

/// The folder of a store that is not there, in which a backup is looked at all the same: it goes again.
pub(super) struct NewFolder(Option<PathBuf>);

impl NewFolder {
    fn beside(store: &Path) -> Self {
        Self(store.parent().filter(|folder| folder.symlink_metadata().is_err()).map(Path::to_owned))
    }
}

impl Drop for NewFolder {
    fn drop(&mut self) {
        if let Some(folder) = &self.0 {
            let _ = fs::remove_dir(folder);
        }
    }
}
