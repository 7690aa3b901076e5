//! `restore --new-store`: a store with a name of its own, and what opens it.

use std::path::{Path, PathBuf};

use strongroom::{
    Keystore, UnlockKey,
    keystore::{Backup, NewKeystore},
    seal::{OwnedUnlock, UnlockSource},
};

use crate::{
    args::{Arguments, Restore},
    commands::{actor, key_file_path, maintenance::ReportView, now, store_path},
    failure::{Exit, Failure},
    render::Printer,
    unlock::UnlockSpec,
};

/// What opens the new store.
struct NewUnlock {
    loaded: OwnedUnlock,
    source: UnlockSource,
    /// A key file that was made, and where it is to stand.
    made: Option<(PathBuf, PathBuf)>,
}

pub(super) fn run(
    arguments: &Arguments,
    command: &Restore,
    backup: &Backup,
    opened: &OwnedUnlock,
    printer: &Printer,
) -> Result<(), Failure> {
    let path = store_path(arguments)?;
    let unlock = unlock(arguments, command, opened, &path)?;
    let mut wanted = NewKeystore::default();
    wanted.actor = actor();
    wanted.rollback_guard = arguments.rollback_guard.clone();
    wanted.source = Some(unlock.source.clone());
    let restored = Keystore::restore_as_new(backup, &path, unlock.loaded.as_unlock(), &wanted, now());
    let mut key = String::new();
    if let Some((fresh, to)) = &unlock.made {
        match &restored {
            Ok(_) => {
                let former = put_in_place(fresh, to)?;
                let former = former.map(|path| format!(", the former is kept as {}", path.display()));
                key = format!("its key file is {}{}\n", to.display(), former.unwrap_or_default());
            }
            Err(_) => drop(std::fs::remove_file(fresh)),
        }
    }
    let (report, former) = restored?;
    let view = ReportView::of(&report, former);
    printer.result(&view, &[], || {
        let kept = view.kept().map(|path| format!("what stood there is kept as {}\n", path.display()));
        format!(
            "made a new store of the backup, {}: {}{key}{}Servers that had the former one open must be started again.\n",
            path.display(),
            view.text(),
            kept.unwrap_or_default()
        )
    });
    Ok(())
}

/// What `--unlock` says, or else what opened the backup. A key file is for one store alone: the new one gets a new key in
/// the same place, and the former is kept.
fn unlock(
    arguments: &Arguments,
    command: &Restore,
    opened: &OwnedUnlock,
    store: &Path,
) -> Result<NewUnlock, Failure> {
    let beside = store.with_file_name("keystore.key");
    if command.backup_unlock.is_none() && matches!(opened, OwnedUnlock::Passphrase(_)) {
        return Ok(NewUnlock { loaded: opened.clone(), source: UnlockSource::Passphrase, made: None });
    }
    let spec = match arguments.unlock.first() {
        Some(spec) => spec.clone(),
        None => UnlockSpec::KeyFile(key_file_path(arguments)?),
    };
    let source = spec.source(&beside);
    if let UnlockSpec::KeyFile(path) = &spec {
        let named = !arguments.unlock.is_empty() && path.symlink_metadata().is_ok();
        let loaded = if named { Some(spec.clone().mounted(arguments.key_file_mounted)) } else { None };
        let loaded = loaded.map(|spec| spec.load(arguments.no_input)).transpose()?;
        match loaded {
            Some(OwnedUnlock::Key(key)) if !key.is_bound() => {
                return Ok(NewUnlock { loaded: OwnedUnlock::Key(key), source, made: None });
            }
            _ => {}
        }
        let fresh = path.with_extension("key.new");
        let key = UnlockKey::generate_bound()?;
        key.create_file(&fresh)?;
        return Ok(NewUnlock { loaded: key.into(), source, made: Some((fresh, path.clone())) });
    }
    let (loaded, _) = spec.load_new(arguments.no_input, || Ok(UnlockKey::generate_bound()?))?;
    Ok(NewUnlock { loaded, source, made: None })
}

/// Puts a new key file in its place; gives the name under which a former one is kept.
fn put_in_place(fresh: &Path, to: &Path) -> Result<Option<PathBuf>, Failure> {
    let mut former = to.to_owned();
    let mut number = 0_u32;
    while former.symlink_metadata().is_ok() {
        former = to.with_extension(format!("key.before-restore.{number}"));
        number = number.saturating_add(1);
    }
    let there = former != to;
    let kept = if there { std::fs::rename(to, &former) } else { Ok(()) };
    kept.and_then(|()| std::fs::rename(fresh, to)).map_err(|error| {
        let message = format!(
            "the new store is in place, and its key file could not be renamed: {}: {error}",
            fresh.display()
        );
        Failure::new(Exit::Store, "file_failed", "store", message)
    })?;
    Ok(there.then_some(former))
}
