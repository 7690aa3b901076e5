//! One module a command. A command opens what it needs, calls the engine once, and hands the answer to `render`.

mod ca;
mod chain;
mod import;
mod inspect;
mod list;
mod serve;
mod user;
mod verify;

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use serde::Serialize;
use strongroom::{Keystore, Limits, Remark, StoreError, UnixTime, UnlockKey};
use zeroize::Zeroizing;

use crate::{
    args::{Arguments, Command},
    failure::{Exit, Failure},
    render::Printer,
    source::environment,
};

/// Runs one command.
pub(crate) fn run(arguments: &Arguments, printer: &Printer) -> Result<(), Failure> {
    match &arguments.command {
        Command::Init => init(arguments, printer),
        Command::Import(command) => import::run(arguments, command, printer),
        Command::Ca(command) => ca::run(arguments, command, printer),
        Command::Ls => list::ls(arguments, printer),
        Command::Show(command) => list::show(arguments, command, printer),
        Command::Inspect(command) => inspect::run(arguments, command, printer),
        Command::Verify(command) => verify::run(arguments, command, printer),
        Command::Chain { alias } => chain::run(arguments, alias, printer),
        Command::Rm { alias } => {
            let mut keystore = open(arguments)?;
            let stored = keystore.entry(alias)?.alias;
            keystore.remove(alias)?;
            #[derive(Serialize)]
            struct Removed {
                removed: String,
            }
            let removed = Removed { removed: stored.to_string() };
            printer.result(&removed, &[], || format!("removed {stored}\n"));
            Ok(())
        }
        Command::User(command) => user::run(arguments, command, printer),
        Command::Serve(command) => serve::run(arguments, command, printer),
    }
}

/// Makes a key file and a store.
fn init(arguments: &Arguments, printer: &Printer) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Made {
        store: PathBuf,
        key_file: PathBuf,
    }
    let (store, key_file) = (store_path(arguments)?, key_file_path(arguments)?);
    if store.symlink_metadata().is_ok() {
        return Err(StoreError::Exists { path: store }.into());
    }
    // A key file that is there (from a secret manager, say) is used; it is never overwritten.
    let (unlock, made_key) = if key_file.symlink_metadata().is_ok() {
        (UnlockKey::read_file(&key_file)?, false)
    } else {
        let unlock = UnlockKey::generate()?;
        unlock.create_file(&key_file)?;
        (unlock, true)
    };
    if let Err(error) = Keystore::create(&store, &unlock, now()) {
        if made_key {
            let _ = std::fs::remove_file(&key_file);
        }
        return Err(error.into());
    }
    let made = Made { store, key_file };
    printer.result(&made, &[], || {
        format!(
            "made the store  {}\n{} the key    {}\n\
             Keep the key file apart from backups of the store: together they open every private key.\n",
            made.store.display(),
            if made_key { "made" } else { "used" },
            made.key_file.display()
        )
    });
    Ok(())
}

/// The instant of the command: the only place that reads the clock, beside the server.
pub(super) fn now() -> UnixTime {
    UnixTime::now()
}

pub(super) fn seconds(at: UnixTime) -> i64 {
    i64::try_from(at.as_secs()).unwrap_or(i64::MAX)
}

fn store_path(arguments: &Arguments) -> Result<PathBuf, Failure> {
    if let Some(path) = &arguments.store {
        return Ok(path.clone());
    }
    let absolute = |name| environment(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
        .map(|folder| folder.join("strongroom/keystore.db"))
        .ok_or_else(|| {
            Failure::new(
                Exit::Usage,
                "no_store_path",
                "store",
                "neither XDG_DATA_HOME nor HOME is set".to_owned(),
            )
            .with_help("give the path of the store with --store or STRONGROOM_STORE")
        })
}

fn key_file_path(arguments: &Arguments) -> Result<PathBuf, Failure> {
    match &arguments.key_file {
        Some(path) => Ok(path.clone()),
        None => Ok(store_path(arguments)?.with_file_name("keystore.key")),
    }
}

/// Opens the store for writing.
pub(super) fn open(arguments: &Arguments) -> Result<Keystore, Failure> {
    let (path, unlock) = unlock(arguments)?;
    Ok(Keystore::open(&path, &unlock)?)
}

/// Opens the store for reading.
pub(super) fn open_read_only(arguments: &Arguments) -> Result<Keystore, Failure> {
    let (path, unlock) = unlock(arguments)?;
    Ok(Keystore::open_read_only(&path, &unlock)?)
}

fn unlock(arguments: &Arguments) -> Result<(PathBuf, UnlockKey), Failure> {
    let path = store_path(arguments)?;
    if path.symlink_metadata().is_err() {
        // Said before the key file is looked for: without a store there is no key to miss.
        let missing = Failure::from(StoreError::Missing { path });
        return Err(match arguments.store {
            Some(_) => missing,
            None => missing.with_help("make one first: strongroom init"),
        });
    }
    let key = UnlockKey::read_file(&key_file_path(arguments)?).map_err(|error| {
        let failure = Failure::from(error);
        match failure.help {
            Some(_) => failure,
            None => failure.with_help("give the key file that was made with the store with --key-file"),
        }
    })?;
    Ok((path, key))
}

/// Reads a file, or standard input for `-`, up to one byte more than the engine takes.
pub(super) fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let limit = u64::try_from(Limits::default().max_file_len).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Zeroizing::new(Vec::new());
    let outcome = if path == Path::new("-") {
        io::stdin().lock().take(limit).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes))
    };
    match outcome {
        Ok(_) => Ok(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Failure::new(
            Exit::NotFound,
            "file_not_found",
            "container",
            format!("there is no file {}", path.display()),
        )),
        Err(error) => Err(Failure::new(
            Exit::File,
            "file_unreadable",
            "container",
            format!("cannot read {}: {error}", path.display()),
        )),
    }
}

pub(super) fn remarks(findings: &[strongroom::Finding]) -> Vec<Remark> {
    findings.iter().map(Remark::from).collect()
}
