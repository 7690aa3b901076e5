//! Files: who else can read them, and what lies beside the key file.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Read as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use rustix::fs::OFlags;
use strongroom::{Keystore, remedy::Remedy};

use super::{
    finding::{Findings, Fixed, Severity},
    word,
};
use crate::{
    args::Arguments,
    commands::{Purpose, key_file_path, open_with_key, spare_home},
    failure::{Exit, Failure},
    render::Printer,
};

/// What the header of a database begins with, and where its application stands (sqlite.org/fileformat.html, 1.3).
const SQLITE: &[u8] = b"SQLite format 3\0";
const HEADER: usize = 72;
/// Files of a folder that are looked at.
const MOST_FILES: usize = 1_000;
/// Modes of files and folders that one opening may depend on.
const MOST_MODES: usize = 16;

/// Opens the store. What is open to others stops that: it is mended where that was asked for, or else it is all that is
/// found.
pub(super) fn open(
    arguments: &Arguments,
    fix: bool,
    printer: &Printer,
    found: &mut Findings,
) -> Result<Option<Keystore>, Failure> {
    for _ in 0..MOST_MODES {
        let failure = match open_with_key(arguments, Purpose::Examine) {
            Ok((keystore, _)) => return Ok(Some(keystore)),
            Err(failure) => spare_home(failure),
        };
        let mode = match failure.remedies.as_slice() {
            [Remedy::SetMode { path, mode }] => Some((path.clone(), *mode)),
            _ => None,
        };
        match mode {
            None => return Err(failure),
            Some((path, mode)) if fix => set_mode(&path, mode, found)?,
            Some(_) => {
                let help = printer.help(&failure.remedies);
                let message = format!("{}; the store is not opened before that is mended", failure.message);
                found.add(Severity::Error, "permissions", None, message, help);
                return Ok(None);
            }
        }
    }
    Ok(Some(open_with_key(arguments, Purpose::Examine)?.0))
}

/// Takes what was opened away from others; never what a link leads to.
fn set_mode(path: &Path, mode: u32, found: &mut Findings) -> Result<(), Failure> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let set = OpenOptions::new()
        .read(true)
        .custom_flags(i32::try_from(flags).unwrap_or_default())
        .open(path)
        .and_then(|file| file.set_permissions(Permissions::from_mode(mode)));
    set.map_err(|error| {
        Failure::new(
            Exit::Store,
            "store_permission",
            "store",
            format!("cannot set the mode of {}: {error}", path.display()),
        )
        .with(Remedy::SetMode { path: path.to_owned(), mode })
    })?;
    let message = format!("{} has the mode {mode:04o} now", path.display());
    found.fixed.push(Fixed { code: "permissions", message });
    Ok(())
}

/// The key file, and what lies in its folder. Before the store is opened: it is opened and closed here, which would take
/// the locks of this process from it.
pub(super) fn beside(
    arguments: &Arguments,
    store: &Path,
    fix: bool,
    printer: &Printer,
    found: &mut Findings,
) -> Result<(), Failure> {
    let key_file = key_file_path(arguments)?;
    // One that a secret manager mounted is not ours to judge.
    let Ok(key) = key_file.symlink_metadata() else {
        return Ok(());
    };
    if !key.is_file() {
        return Ok(());
    }
    // What opens the store is judged when it does.
    if !arguments.unlock.is_empty() {
        closed(&key_file, &key, ("the key file", Severity::Error), fix, printer, found)?;
    }
    for backup in backups(&key_file, store) {
        let Ok(metadata) = backup.symlink_metadata() else {
            continue;
        };
        closed(&backup, &metadata, ("the backup", Severity::Warning), fix, printer, found)?;
        let message = format!(
            "the backup {} lies beside the key file {}: who copies the folder has every private key",
            backup.display(),
            key_file.display()
        );
        let help = format!("mv {} /path/to/another/disk/", word(&backup));
        found.add(Severity::Warning, "key_file_beside_backup", None, message, Some(help));
    }
    Ok(())
}

/// Says, or mends, that others can read a file.
fn closed(
    path: &Path,
    metadata: &fs::Metadata,
    (what, severity): (&str, Severity),
    fix: bool,
    printer: &Printer,
    found: &mut Findings,
) -> Result<(), Failure> {
    if metadata.mode() & 0o077 == 0 || metadata.uid() != nix::unistd::Uid::effective().as_raw() {
        return Ok(());
    }
    if fix {
        return set_mode(path, 0o600, found);
    }
    let mode = metadata.mode() & 0o7777;
    let message = format!("{what} {} has the mode {mode:04o}: others can read it", path.display());
    let help = printer.help(&[Remedy::SetMode { path: path.to_owned(), mode: 0o600 }]);
    found.add(severity, "permissions", None, message, help);
    Ok(())
}

/// Databases like the store that lie in the folder of the key file, and are not the store.
fn backups(key_file: &Path, store: &Path) -> Vec<PathBuf> {
    let folder = key_file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    let (Ok(own), Ok(entries)) = (fs::metadata(store), fs::read_dir(folder)) else {
        return Vec::new();
    };
    let Ok(application) = application(store) else {
        return Vec::new();
    };
    let is_backup = |path: &PathBuf| {
        let other = path
            .symlink_metadata()
            .is_ok_and(|found| found.is_file() && (found.dev(), found.ino()) != (own.dev(), own.ino()));
        other && self::application(path).is_ok_and(|of| of == application)
    };
    let files = entries.filter_map(|entry| Some(entry.ok()?.path())).take(MOST_FILES);
    let mut found: Vec<PathBuf> = files.filter(is_backup).collect();
    found.sort();
    found
}

/// Which application a database is of.
fn application(path: &Path) -> io::Result<[u8; 4]> {
    let mut header = [0_u8; HEADER];
    File::open(path)?.read_exact(&mut header)?;
    match header.last_chunk() {
        Some(application) if header.starts_with(SQLITE) => Ok(*application),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}
