//! Key files: one of this user's own, or one that a secret manager mounts.

use std::{
    fs,
    io::{self, Read as _},
    path::Path,
};

use zeroize::Zeroizing;

use super::{FileError, check_owned, create, create_parent};
use crate::secret::UnlockKey;

/// The largest key file that is read, in bytes.
const MAX_KEY_FILE_LEN: u64 = 4096;

/// Opens a file that a secret manager mounted: links lead to it, and root may own it.
///
/// The links are followed once; what is opened is the file that they led to. On the way to it no folder belongs to
/// anybody but root and us, and none can be written by others, except where they cannot replace what is root's or ours.
#[cfg(unix)]
fn open_mounted(path: &Path) -> Result<fs::File, FileError> {
    use rustix::fs::{Mode, OFlags};
    use std::os::unix::fs::MetadataExt as _;
    let io = |action: &'static str, path: &Path, error: &io::Error| FileError::io(action, path, error);
    let resolved = path.canonicalize().map_err(|error| io("look at", path, &error))?;
    let ours = rustix::process::geteuid().as_raw();
    for folder in resolved.ancestors().skip(1) {
        let found = fs::symlink_metadata(folder).map_err(|error| io("look at", folder, &error))?;
        if found.uid() != ours && found.uid() != 0 {
            return Err(FileError::ForeignOwner {
                path: folder.to_owned(),
                owner: found.uid(),
                shared: true,
            });
        }
        let mode = found.mode() & 0o7777;
        if mode & 0o022 != 0 && mode & 0o1000 == 0 {
            return Err(FileError::SharedFolder { path: folder.to_owned(), mode });
        }
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::open(&resolved, flags, Mode::empty())
        .map(fs::File::from)
        .map_err(|error| io("open", &resolved, &error.into()))?;
    let found = file.metadata().map_err(|error| io("look at", &resolved, &error))?;
    if !found.is_file() {
        return Err(FileError::WrongKind { path: resolved, expected: "file" });
    }
    if found.uid() != ours && found.uid() != 0 {
        return Err(FileError::ForeignOwner { path: resolved, owner: found.uid(), shared: false });
    }
    let mode = found.mode() & 0o7777;
    let groups = rustix::process::getgroups().unwrap_or_default();
    let in_group = found.gid() == rustix::process::getegid().as_raw()
        || groups.iter().any(|group| group.as_raw() == found.gid());
    // Its group may read it, if that is one of ours; nobody else may do anything.
    let forbidden = if in_group { 0o037 } else { 0o077 };
    if mode & forbidden != 0 {
        return Err(FileError::OpenToOthers { path: resolved, mode, wanted: 0o440 });
    }
    Ok(file)
}

#[cfg(not(unix))]
fn open_mounted(path: &Path) -> Result<fs::File, FileError> {
    fs::File::open(path).map_err(|error| FileError::io("open", path, &error))
}

impl UnlockKey {
    /// Reads a key file as a secret manager mounts it, Kubernetes for example: through links, owned by root or this user,
    /// and readable by a group of this process.
    ///
    /// # Errors
    ///
    /// [`FileError`] if it is missing, or others can read it, or replace it or a folder on the way to it; or if it holds
    /// fewer than 32 bytes.
    pub fn read_mounted_file(path: &Path) -> Result<Self, FileError> {
        let mut content = Zeroizing::new(Vec::new());
        open_mounted(path)?
            .take(MAX_KEY_FILE_LEN.saturating_add(1))
            .read_to_end(&mut content)
            .map_err(|error| FileError::io("read", path, &error))?;
        if u64::try_from(content.len()).is_ok_and(|length| length > MAX_KEY_FILE_LEN) {
            return Err(FileError::WrongKind { path: path.to_owned(), expected: "key file" });
        }
        Self::of_content(&content)
    }

    /// The bytes of a key file without one line end at the end.
    fn of_content(content: &[u8]) -> Result<Self, FileError> {
        let key = content.strip_suffix(b"\n").unwrap_or(content);
        let key = key.strip_suffix(b"\r").unwrap_or(key);
        Ok(Self::from_bytes(key.to_vec())?)
    }

    /// Reads a key file: its bytes without one line end at the end.
    ///
    /// # Errors
    ///
    /// [`FileError`] if the file is missing, is not a regular file, can be read by others than its owner, or
    /// holds fewer than 32 bytes.
    pub fn read_file(path: &Path) -> Result<Self, FileError> {
        check_owned(path, false)?;
        let length = fs::metadata(path).map_err(|error| FileError::io("look at", path, &error))?.len();
        if length > MAX_KEY_FILE_LEN {
            return Err(FileError::WrongKind { path: path.to_owned(), expected: "key file" });
        }
        let content =
            fs::read(path).map(Zeroizing::new).map_err(|error| FileError::io("read", path, &error))?;
        Self::of_content(&content)
    }

    /// Writes the key to a new file, 0600, with one line end.
    ///
    /// # Errors
    ///
    /// [`FileError::Exists`] if there is a file already: a key is never overwritten.
    pub fn create_file(&self, path: &Path) -> Result<(), FileError> {
        create_parent(path)?;
        // EXPOSE: written to the owner's key file.
        let mut content = Zeroizing::new(Vec::with_capacity(self.expose().len() + 1));
        content.extend_from_slice(self.expose());
        content.push(b'\n');
        create(path, &content)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;
    use crate::remedy::Remedy;

    #[test]
    fn key_file_is_private_and_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/keystore.key");
        let key = UnlockKey::generate().unwrap();
        key.create_file(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(UnlockKey::read_file(&path).unwrap().expose(), key.expose());
        assert!(matches!(key.create_file(&path), Err(FileError::Exists { .. })));
    }

    #[test]
    fn links_and_wide_modes_are_refused_with_the_repair() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("k");
        UnlockKey::generate().unwrap().create_file(&path).unwrap();
        let link = folder.path().join("link");
        symlink(&path, &link).unwrap();
        assert!(matches!(UnlockKey::read_file(&link), Err(FileError::WrongKind { expected: "file", .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = UnlockKey::read_file(&path).unwrap_err();
        assert!(matches!(error, FileError::OpenToOthers { mode: 0o644, wanted: 0o600, .. }));
        assert_eq!(error.remedies(), [Remedy::SetMode { path: path.to_owned(), mode: 0o600 }]);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::hard_link(&path, folder.path().join("second")).unwrap();
        assert!(matches!(UnlockKey::read_file(&path), Err(FileError::HardLinked { links: 2, .. })));
    }
}
