//! `init`: a new store, and what opens it.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;
use strongroom::{Keystore, UnlockKey, keystore::NewKeystore, seal::UnlockSource, store::StoreError};

use super::{actor, key_file_path, now, store_path};
use crate::{
    args::{Arguments, Init},
    failure::Failure,
    render::Printer,
    unlock::{UnlockSpec, described},
};

#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct Made {
    store: PathBuf,
    key_file: Option<PathBuf>,
    unlock: String,
    journal: &'static str,
}

pub(super) fn run(arguments: &Arguments, command: &Init, printer: &Printer) -> Result<(), Failure> {
    let (store, default_key_file) = (store_path(arguments)?, key_file_path(arguments)?);
    if store.symlink_metadata().is_ok() {
        return Err(StoreError::Exists { path: store }.into());
    }
    let spec =
        arguments.unlock.first().cloned().unwrap_or_else(|| UnlockSpec::KeyFile(default_key_file.clone()));
    // One that is made is not mounted.
    let there = matches!(&spec, UnlockSpec::KeyFile(path) if path.symlink_metadata().is_ok());
    let spec = spec.mounted(arguments.key_file_mounted && there);
    if matches!(&spec, UnlockSpec::Kept(UnlockSource::Environment(_))) {
        printer
            .warn("an environment variable can be read by other processes of the same user, and by children");
    }
    // A key file that is there (from a secret manager, say) is used; it is never overwritten.
    let (loaded, made_key) = spec.load_new(arguments.no_input, || Ok(UnlockKey::generate_bound()?))?;
    // Beside the store it needs no name: the two may be moved together.
    let source = spec.source(&store.with_file_name("keystore.key"));
    let mut wanted = NewKeystore::default();
    wanted.journal = command.journal;
    wanted.source = Some(source.clone());
    wanted.actor = actor();
    wanted.rollback_guard = arguments.rollback_guard.clone();
    let key_file = match spec {
        UnlockSpec::KeyFile(path) | UnlockSpec::MountedKeyFile(path) => Some(path),
        _ => None,
    };
    if let Err(error) = Keystore::create_with(&store, loaded.as_unlock(), &wanted, now()) {
        if let Some(path) = key_file.filter(|_| made_key) {
            let _ = std::fs::remove_file(path);
        }
        return Err(error.into());
    }
    let made = Made { store, key_file, unlock: described(&source), journal: wanted.journal.as_str() };
    printer.result(&made, &[], || text(&made, made_key));
    Ok(())
}

fn text(made: &Made, made_key: bool) -> String {
    let store = made.store.display();
    match &made.key_file {
        Some(path) => format!(
            "made the store  {store}\n{} the key    {}\n\
             Keep the key file apart from backups of the store: together they open every private key.\n",
            if made_key { "made" } else { "used" },
            path.display()
        ),
        None => format!("made the store  {store}\nopened by       {}\n", made.unlock),
    }
}
