//! Files: who else can read them, and what lies beside the key file.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Read as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use rustix::fs::OFlags;
use strongroom::{Keystore, keystore::ListedSlot, remedy::Remedy, seal::UnlockSource};

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
/// What opening says of a write-ahead log on a network file system.
const ON_NETWORK: &str = "store_on_network";
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
            None => return not_opened(failure, printer, found).map(|()| None),
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

/// Why the store is not opened, where that is a finding of its own.
fn not_opened(failure: Failure, printer: &Printer, found: &mut Findings) -> Result<(), Failure> {
    if failure.code != ON_NETWORK {
        return Err(failure);
    }
    let help = printer.help(&failure.remedies);
    found.add(Severity::Error, "journal_on_network", None, failure.message, help);
    Ok(())
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

/// The key files that open other slots than the one of `keystore.key`, where others can read them. That the store names
/// them is proved, and nothing of them is read.
pub(super) fn of_slots(
    store: &Path,
    slots: &[ListedSlot],
    fix: bool,
    printer: &Printer,
    found: &mut Findings,
) -> Result<(), Failure> {
    for (number, slot) in slots {
        let Ok(UnlockSource::KeyFile(name)) = slot.as_ref().map(|slot| &slot.source) else {
            continue;
        };
        let file = store.with_file_name(name);
        // The usual one was judged before; what a secret manager mounts is behind a link, or another user's.
        let Ok(metadata) = file.symlink_metadata() else {
            continue;
        };
        if !name.is_empty() && metadata.is_file() {
            let what = format!("the key file of slot {number}");
            closed(&file, &metadata, (&what, Severity::Error), fix, printer, found)?;
        }
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

#[cfg(test)]
mod tests {
    use strongroom::{remedy::Invocation, store::StoreError};

    use super::*;

    #[test]
    fn a_journal_on_a_network_is_a_finding_and_other_failures_stay_what_they_are() {
        let printer = Printer::new(false, clap::ColorChoice::Never, Invocation::default());
        let mut found = Findings::default();
        let network = Failure::from(StoreError::Network { path: "/mnt/keystore.db".into() });
        not_opened(network, &printer, &mut found).unwrap();
        let text = found.view().text(|_, text| text.to_owned());
        assert!(text.starts_with("error[journal_on_network] /mnt/keystore.db"), "{text}");
        assert!(found.has_errors() && text.contains("\n  help: keep the store on a local disk"), "{text}");
        let other = Failure::from(StoreError::NotAStore);
        assert_eq!(not_opened(other, &printer, &mut found).unwrap_err().code, "not_a_store");
    }
}
