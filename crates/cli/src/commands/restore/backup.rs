//! What opens a backup: `--backup-unlock`, or else what opens the store, or else a question.

use std::path::Path;

use strongroom::{
    Error, Keystore,
    keystore::Backup,
    remedy::Remedy,
    seal::{OwnedUnlock, SealError, UnlockSource},
};

use crate::{
    args::{Arguments, Restore},
    commands::key_file_path,
    failure::Failure,
    prompt::can_ask,
    source::PasswordSource,
    unlock::UnlockSpec,
};

/// Opens the backup that is to be put back; `today` opens the store, if there is one.
pub(super) fn open(
    arguments: &Arguments,
    command: &Restore,
    store: &Path,
    today: Option<&OwnedUnlock>,
) -> Result<(Backup, OwnedUnlock), Failure> {
    let file = command.file()?;
    if let Some(spec) = &command.backup_unlock {
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
    let other_store = refused.code == "key_of_another_store" && !command.other_store;
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
