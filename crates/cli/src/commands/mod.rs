//! One module a command. A command opens what it needs, calls the engine once, and hands the answer to `render`.

mod bind;
mod ca;
mod certificate_files;
mod chain;
mod check;
mod config;
mod csr;
mod doctor;
mod export;
mod find;
mod generate;
mod history;
mod import;
mod init;
mod inspect;
mod list;
mod log;
mod log_files;
mod maintenance;
mod new_file;
mod pages;
mod parallel;
mod passwords;
mod prune;
mod rekey;
mod removal;
mod restore;
mod schema;
mod serve;
mod service_manager;
mod slots;
mod status;
mod unproved;
mod user;
mod verify;
mod watch;
mod web_server;
mod why;

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use strongroom::{
    Error, Keystore, Unlock, certificate::printable, keystore::OpenOptions, limits::Limits, remedy::Remedy,
    seal::OwnedUnlock, store::StoreError,
};
use zeroize::Zeroizing;

pub(crate) use self::{pages::topic_names, verify::StartTls};
pub(super) use crate::clock::now;
use crate::{
    args::{Arguments, Command},
    called::Setting,
    failure::{Exit, Failure},
    render::Printer,
    source::{PasswordSource, environment},
    unlock::{Surroundings, UnlockSpec, WaitsOnScreen, as_mounted, open_first, open_loaded},
};

const BACKUP_FOLDER: &str = "write the backup into a folder to which nobody else can write";

/// Runs one command.
/// `settings` say where the options come from.
pub(crate) fn run(arguments: &Arguments, settings: &[Setting], printer: &Printer) -> Result<(), Failure> {
    command(arguments, settings, printer).map_err(spare_home)
}

/// Nobody is told to close a home to others because a store lies in it.
fn spare_home(failure: Failure) -> Failure {
    let home = environment("HOME").map(PathBuf::from).and_then(|home| home.canonicalize().ok());
    let is_home = |remedy: &Remedy| matches!(remedy, Remedy::SetMode { path, .. } if home.is_some() && path.canonicalize().ok() == home);
    if failure.remedies.iter().any(is_home) { failure.with(Remedy::UseOwnFolder) } else { failure }
}

fn command(arguments: &Arguments, settings: &[Setting], printer: &Printer) -> Result<(), Failure> {
    if let Some(warning) = arguments.unlock.iter().find_map(UnlockSpec::warning) {
        printer.warn(warning);
    }
    match &arguments.command {
        Command::Init(command) => init::run(arguments, command, printer),
        Command::Import(command) => import::run(arguments, command, printer),
        Command::Export(command) => export::run(arguments, command, printer),
        Command::Generate(command) => generate::run(arguments, command, printer),
        Command::Csr(command) => csr::run(arguments, command, printer),
        Command::Ca(command) => ca::run(arguments, command, printer),
        Command::Ls(command) => list::ls(arguments, command, printer),
        Command::Find(command) => find::run(arguments, command, printer),
        Command::Show(command) => list::show(arguments, command, printer),
        Command::Inspect(command) => inspect::run(arguments, command, printer),
        Command::Verify(command) => verify::run(arguments, command, printer),
        Command::Chain { alias } => chain::run(arguments, alias, printer),
        Command::Bind(command) => bind::bind(arguments, command, printer),
        Command::Unbind { host } => bind::unbind(arguments, host, printer),
        Command::WebServer(command) => web_server::run(arguments, command, printer),
        Command::Why(command) => why::run(arguments, command, printer),
        Command::Rm(command) => removal::rm(arguments, command, printer),
        Command::Rename { alias, to } => history::rename(arguments, alias, to, printer),
        Command::History { alias } => history::history(arguments, alias, printer),
        Command::Diff(command) => history::diff(arguments, command, printer),
        Command::Undo(command) => history::undo(arguments, command, printer),
        Command::Prune(command) => prune::run(arguments, command, printer),
        Command::Log(command) => log::run(arguments, command, printer),
        Command::Backup { file, salvage } => maintenance::backup(arguments, file, *salvage, printer)
            .map_err(|failure| failure.instead_of(&Remedy::UseOwnFolder, Remedy::Advice(BACKUP_FOLDER))),
        Command::Restore(command) => restore::run(arguments, command, printer),
        Command::VerifyStore => maintenance::verify(arguments, printer),
        Command::Passwd { to } => slots::passwd(arguments, to.as_ref(), printer),
        Command::Rekey(command) => rekey::run(arguments, command, printer),
        Command::Slot(command) => slots::slot(arguments, command, printer),
        Command::User(command) => user::run(arguments, command, printer),
        Command::Watch(command) => watch::run(arguments, command, printer),
        Command::Serve(command) => serve::run(arguments, command, printer),
        Command::Status => status::run(arguments, printer),
        Command::Check(command) => check::run(arguments, command, printer),
        Command::Doctor(command) => doctor::run(arguments, command, printer),
        Command::Config => config::run(arguments, settings, printer),
        Command::Completions { shell, is_static } => {
            pages::completions(*shell, *is_static, printer);
            Ok(())
        }
        Command::Schema { words } => schema::run(words, printer),
        Command::Man { dir } => pages::man(dir.as_deref(), printer),
        Command::Help { words } => pages::help(words, arguments.color, printer),
    }
}

fn store_path(arguments: &Arguments) -> Result<PathBuf, Failure> {
    if let Some(path) = &arguments.store {
        return Ok(path.clone());
    }
    default_store().ok_or_else(|| {
        Failure::new(
            Exit::Usage,
            "no_store_path",
            "store",
            "neither XDG_DATA_HOME nor HOME is set".to_owned(),
        )
        .with(Remedy::GiveStorePath)
    })
}

/// Where the store is if nobody says so.
pub(crate) fn default_store() -> Option<PathBuf> {
    let absolute = |name| environment(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
        .map(|folder| folder.join("strongroom/keystore.db"))
}

fn key_file_path(arguments: &Arguments) -> Result<PathBuf, Failure> {
    match &arguments.key_file {
        Some(path) => Ok(path.clone()),
        None => Ok(store_path(arguments)?.with_file_name("keystore.key")),
    }
}

/// What a store is opened for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Purpose {
    Read,
    Write,
    /// To look at what is damaged: a slot, too.
    Examine,
    /// To put right what is damaged: a slot, too.
    Mend,
}

/// Opens the store for writing.
pub(super) fn open(arguments: &Arguments) -> Result<Keystore, Failure> {
    Ok(open_with_key(arguments, Purpose::Write)?.0)
}

/// Opens the store for reading. A damaged slot gets a warning, and does not stop it.
pub(super) fn open_read_only(arguments: &Arguments, printer: &Printer) -> Result<Keystore, Failure> {
    let keystore = open_with_key(arguments, Purpose::Read)?.0;
    warn_of_slots(&keystore, printer)?;
    Ok(keystore)
}

/// Says which slots do not prove themselves: by them the store is not opened, and their owners should know.
pub(super) fn warn_of_slots(keystore: &Keystore, printer: &Printer) -> Result<(), Failure> {
    for (_, slot) in keystore.slot_listing()? {
        if let Err(damaged) = slot {
            printer.warn_of(&Failure::of_store(&damaged));
        }
    }
    Ok(())
}

/// Opens the store; also gives what opened it.
pub(super) fn open_with_key(
    arguments: &Arguments,
    purpose: Purpose,
) -> Result<(Keystore, OwnedUnlock), Failure> {
    let path = existing_store(arguments)?;
    let options = open_options(arguments, purpose, &path);
    let Some(file) = arguments.key_file.as_ref().filter(|_| arguments.unlock.is_empty()) else {
        return open_by(arguments, &path, &arguments.unlock, &options);
    };
    let spec = UnlockSpec::KeyFile(file.clone()).mounted(arguments.key_file_mounted);
    let unlock = spec.load(true).map_err(or_another)?;
    Ok((open_loaded(&path, &unlock, &options)?, unlock))
}

/// Opens the store at a path by the first of what is named, or else by what lies beside it, or else by asking.
fn open_by(
    arguments: &Arguments,
    path: &Path,
    named: &[UnlockSpec],
    options: &OpenOptions,
) -> Result<(Keystore, OwnedUnlock), Failure> {
    let mounted = arguments.key_file_mounted;
    if !named.is_empty() {
        let specs: Vec<_> = named.iter().map(|spec| spec.clone().mounted(mounted)).collect();
        return open_first(path, &specs, options, arguments.no_input);
    }
    let found = Unlock::discover(path, &[], &Surroundings { mounted }).map_err(|error| match error {
        Error::File(error) if mounted => or_another(error.into()),
        Error::File(error) => or_another(as_mounted(error)),
        other => other.into(),
    })?;
    let unlock = match found {
        Some(unlock) => unlock,
        None => UnlockSpec::Passphrase(PasswordSource::Prompt).load(arguments.no_input)?,
    };
    Ok((open_loaded(path, &unlock, options)?, unlock))
}

/// The key file may be another one.
fn or_another(failure: Failure) -> Failure {
    if failure.remedies.is_empty() { failure.with(Remedy::GiveKeyFile) } else { failure }
}

pub(super) fn open_options(arguments: &Arguments, purpose: Purpose, path: &Path) -> OpenOptions {
    let mut options = Keystore::options(path).actor(actor()).waiting(Arc::new(WaitsOnScreen));
    if matches!(purpose, Purpose::Read | Purpose::Examine) && !arguments.accept_rollback {
        options = options.read_only();
    }
    if purpose != Purpose::Write {
        options = options.damaged_slots();
    }
    if let Some(guard) = &arguments.rollback_guard {
        options = options.rollback_guard(guard);
    }
    if let Some(segment) = &arguments.log_segment {
        options = options.log_segment(segment);
    }
    if arguments.without_rollback_guard {
        options = options.without_rollback_guard();
    }
    if arguments.accept_rollback {
        options = options.accept_rollback(now());
    }
    options
}

fn existing_store(arguments: &Arguments) -> Result<PathBuf, Failure> {
    let path = store_path(arguments)?;
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        // Whether there is one cannot be told, or is not for this user to know: opening says why.
        _ => return Ok(path),
    }
    // Said before the key file is looked for: without a store there is no key to miss.
    let missing = Failure::from(StoreError::Missing { path });
    Err(match arguments.store {
        Some(_) => missing,
        None => missing.with(Remedy::MakeStore { path: None }),
    })
}

/// Who acts, for the audit log.
pub(super) fn actor() -> String {
    let uid = nix::unistd::Uid::current();
    match nix::unistd::User::from_uid(uid) {
        // What stands in the system's list may hold anything.
        Ok(Some(user)) if !user.name.is_empty() => printable(&user.name).chars().take(128).collect(),
        _ => format!("uid {uid}"),
    }
}

/// Reads a file, or standard input for `-`, up to one byte more than the engine ever takes, so that it can say by how
/// much the file is too large.
pub(super) fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let limit = u64::try_from(Limits::max_file_len_ceiling()).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Zeroizing::new(Vec::new());
    let outcome = if path == Path::new("-") {
        io::stdin().lock().take(limit).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| {
            // A hint: what is read is bounded anyway.
            let length = file.metadata().map_or(0, |metadata| metadata.len()).min(limit);
            bytes.reserve(usize::try_from(length).unwrap_or(0).saturating_add(1));
            file.take(limit).read_to_end(&mut bytes)
        })
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
