//! Files that a command writes: what is there is looked at, and what is new put in its place whole.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use strongroom::{export::ExportedFile, remedy::Remedy};
use zeroize::Zeroizing;

use crate::{
    commands::read_file,
    failure::{Exit, Failure},
};

/// The mode of a file with a private key, and of one without.
const MODES: (u32, u32) = (0o600, 0o644);

/// The mode that a file is written with.
pub(in crate::commands) fn mode(secret: bool) -> u32 {
    if secret { MODES.0 } else { MODES.1 }
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    let message = format!("cannot write {}: {error}", path.display());
    Failure::new(Exit::Store, "file_unwritable", "output", message)
}

/// What stands at a path, if anything does. A link is not followed.
pub(in crate::commands) fn present(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, Failure> {
    match path.symlink_metadata() {
        Ok(metadata) if metadata.file_type().is_file() => read_file(path).map(Some),
        Ok(metadata) => {
            let what = match metadata.file_type() {
                kind if kind.is_symlink() => "a link",
                kind if kind.is_dir() => "a folder",
                _ => "a pipe or a device",
            };
            let message = format!("{} is {what}, and a file is to be written there", path.display());
            let remedy = Remedy::Advice("give the path of a file itself, or another one");
            Err(Failure::new(Exit::Exists, "not_a_file", "output", message).with(remedy))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(path, &error)),
    }
}

/// Takes a file with a private key from all but its owner; gives the mode that it had, if others could read it.
pub(in crate::commands) fn narrow(path: &Path) -> Result<Option<u32>, Failure> {
    let failed = |error| failed(path, &error);
    // The file itself, whatever has its name by then.
    let file =
        OpenOptions::new().read(true).custom_flags(nix::libc::O_NOFOLLOW).open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
    if mode & 0o177 == 0 {
        return Ok(None);
    }
    file.set_permissions(fs::Permissions::from_mode(MODES.0)).map_err(failed)?;
    Ok(Some(mode))
}

/// A file that is written and not in its place yet; it goes if it does not get there.
struct Beside {
    path: PathBuf,
    target: PathBuf,
    placed: bool,
}

impl Drop for Beside {
    fn drop(&mut self) {
        if !self.placed {
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Beside {
    fn write(target: PathBuf, bytes: &[u8], mode: u32) -> Result<Self, Failure> {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let path = target.with_file_name(format!(".{name}.{}.new", std::process::id()));
        let beside = Self { path, target, placed: false };
        let write = || {
            let mut new = OpenOptions::new().write(true).create_new(true).mode(MODES.0).open(&beside.path)?;
            new.write_all(bytes)?;
            // The mode is what is said here, whatever the umask.
            new.set_permissions(fs::Permissions::from_mode(mode))?;
            new.sync_all()
        };
        write().map_err(|error| failed(&beside.target, &error))?;
        Ok(beside)
    }

    /// Puts it in its place: over a file only where one was seen and may give way.
    fn place(mut self, replaces: bool) -> Result<(), Failure> {
        let done = if replaces {
            fs::rename(&self.path, &self.target)
        } else {
            // Fails where a file came meanwhile, which a rename would not.
            fs::hard_link(&self.path, &self.target).and_then(|()| fs::remove_file(&self.path))
        };
        match done {
            Ok(()) => {
                self.placed = true;
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let message = format!("{} was made by somebody else meanwhile", self.target.display());
                Err(Failure::new(Exit::Exists, "file_exists", "export", message).with(Remedy::Force))
            }
            Err(error) => Err(failed(&self.target, &error)),
        }
    }
}

/// Writes the files: all of them beside, and then each into its place, the one with the key last.
pub(in crate::commands) fn write(
    folder: Option<&Path>,
    files: &[(PathBuf, &ExportedFile, bool)],
) -> Result<(), Failure> {
    if let Some(folder) = folder
        && !folder.exists()
    {
        let mut builder = fs::DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder).map_err(|error| failed(folder, &error))?;
    }
    let beside: Vec<(Beside, bool)> = files
        .iter()
        .map(|(path, file, replaces)| {
            Ok((Beside::write(path.clone(), &file.bytes, mode(file.secret))?, *replaces))
        })
        .collect::<Result<_, Failure>>()?;
    let mut parents = Vec::new();
    for (new, replaces) in beside {
        let parent = parent(&new.target).to_owned();
        new.place(replaces)?;
        if !parents.contains(&parent) {
            parents.push(parent);
        }
    }
    parents.iter().try_for_each(|parent| sync(parent))
}

fn sync(folder: &Path) -> Result<(), Failure> {
    File::open(folder).and_then(|open| open.sync_all()).map_err(|error| failed(folder, &error))
}

fn parent(target: &Path) -> &Path {
    let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or_else(|| Path::new("."))
}

/// The refusal to write over a file.
pub(in crate::commands) fn exists(path: &Path) -> Failure {
    let message = format!("there is a file at {} already", path.display());
    Failure::new(Exit::Exists, "file_exists", "export", message).with(Remedy::Force)
}

/// Writes a file without a secret.
pub(in crate::commands) fn write_public(path: &Path, bytes: &[u8], replaces: bool) -> Result<(), Failure> {
    Beside::write(path.to_owned(), bytes, MODES.1)?.place(replaces)?;
    sync(parent(path))
}
