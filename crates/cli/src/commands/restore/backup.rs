//! What opens a backup: `--backup-unlock`, or else what opens the store, or else a question.

use std::path::Path;

use strongroom::{
    Error, Keystore,
    keystore::Backup,
    remedy::Remedy,
    seal::{OwnedUnlock, SealError, UnlockSource},
};

use crate::{
    args::Arguments,
    commands::{key_file_path, maintenance::not_there},
    failure::Failure,
    prompt::can_ask,
    render::Printer,
    source::PasswordSource,
    unlock::UnlockSpec,
};

/// A backup as it is named on the command line.
#[derive(Clone, Copy)]
pub(in crate::commands) struct NamedBackup<'a> {
    pub(in crate::commands) file: &'a Path,
    /// `--backup-unlock`.
    pub(in crate::commands) unlock: Option<&'a UnlockSpec>,
    /// Whether it may be one of another store.
    pub(in crate::commands) other_store: bool,
}

impl NamedBackup<'_> {
    /// Warns of what opens it, and refuses a file that is not there: nothing is asked for before that is clear.
    pub(in crate::commands) fn check(&self, printer: &Printer) -> Result<(), Failure> {
        if self.file.symlink_metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
            return Err(not_there("file", self.file));
        }
        if let Some(warning) = self.unlock.and_then(UnlockSpec::warning) {
            printer.warn(warning);
        }
        Ok(())
    }
}

/// Opens a backup; `today` opens the store, if there is one.
pub(in crate::commands) fn open(
    arguments: &Arguments,
    named: NamedBackup<'_>,
    store: &Path,
    today: Option<&OwnedUnlock>,
) -> Result<(Backup, OwnedUnlock), Failure> {
    let NamedBackup { file, unlock, other_store } = named;
    if let Some(spec) = unlock {
        let spec = spec.clone().mounted(arguments.key_file_mounted);
        let loaded = load(&spec, arguments)?;
        let mut backup = opened(file, store, &loaded).map_err(|failure| match failure.code {
            "wrong_unlock_key" => {
                let message = "what --backup-unlock gives does not open the backup".to_owned();
                Failure { message, ..failure }
            }
            _ => failure,
        })?;
        backup.set_source(spec.source(&store.with_file_name("keystore.key")));
        return Ok((backup, loaded));
    }
    let refused = match today {
        Some(today) => match opened(file, store, today) {
            Ok(backup) => return Ok((backup, today.clone())),
            Err(failure) => {
                let message = "what opens the store does not open the backup".to_owned();
                if is_of_key(&failure) { Failure { message, ..failure } } else { return Err(failure) }
            }
        },
        None => match first_of(arguments, file, store) {
            Err(failure) if is_of_key(&failure) => failure,
            other => return other,
        },
    };
    // A person may know what opened the store when the backup was made.
    if can_ask(arguments) && today.is_some() && has_passphrase(file) {
        let phrase = PasswordSource::Prompt.read("Passphrase of the backup", false)?;
        let loaded = OwnedUnlock::from(phrase);
        return Ok((opened(file, store, &loaded)?, loaded));
    }
    let other_store = refused.code == "key_of_another_store" && !other_store;
    Err(refused.with(Remedy::GiveBackupUnlock { other_store }))
}

fn is_of_key(failure: &Failure) -> bool {
    matches!(failure.code, "wrong_unlock_key" | "key_of_another_store")
}

fn load(spec: &UnlockSpec, arguments: &Arguments) -> Result<OwnedUnlock, Failure> {
    match spec {
        UnlockSpec::Passphrase(source) => source
            .read("Passphrase of the backup", arguments.no_input)
            .map(OwnedUnlock::from)
            .map_err(|failure| failure.instead(Remedy::GiveBackupUnlock { other_store: false })),
        other => other.load(arguments.no_input),
    }
}

fn opened(file: &Path, store: &Path, loaded: &OwnedUnlock) -> Result<Backup, Failure> {
    Backup::open(file, store, loaded.as_unlock()).map_err(|error| {
        let failure = Failure::from(error);
        if failure.code == "not_a_store" {
            failure.with(Remedy::Advice("give a file that a backup wrote"))
        } else {
            failure
        }
    })
}

fn has_passphrase(file: &Path) -> bool {
    Keystore::unlock_sources(file).unwrap_or_default().contains(&UnlockSource::Passphrase)
}

/// Opens a backup where there is no store, with what would open one, or what a person knows.
fn first_of(arguments: &Arguments, file: &Path, store: &Path) -> Result<(Backup, OwnedUnlock), Failure> {
    let key_file = key_file_path(arguments)?;
    let mut specs: Vec<UnlockSpec> = arguments.unlock.clone();
    if specs.is_empty() {
        specs.extend(arguments.key_file.iter().map(|path| UnlockSpec::KeyFile(path.clone())));
    }
    if specs.is_empty() && key_file.symlink_metadata().is_err() && has_passphrase(file) {
        // A person may be asked; what the file names otherwise is only a hint.
        specs.push(UnlockSpec::Passphrase(PasswordSource::Prompt));
    }
    if specs.is_empty() {
        specs.push(UnlockSpec::KeyFile(key_file));
    }
    let mut refused = Failure::from(Error::from(SealError::WrongUnlockKey));
    for spec in specs {
        let loaded = load(&spec.mounted(arguments.key_file_mounted), arguments)?;
        match opened(file, store, &loaded) {
            Ok(backup) => return Ok((backup, loaded)),
            Err(failure) if failure.code == "wrong_unlock_key" => refused = failure,
            Err(other) => return Err(other),
        }
    }
    Err(refused)
}
