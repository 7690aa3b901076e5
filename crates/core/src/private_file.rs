//! Files and folders that only their owner may read: made so, and refused if they are not.
//!
//! A database file is never opened and closed here: closing any descriptor of it would drop SQLite's locks
//! (POSIX advisory locks belong to the process), so everything is judged by `lstat`.

mod key_file;

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use thiserror::Error;

pub(crate) use self::key_file::{KeyText, MAX_KEY_FILE_LEN};
use crate::{remedy::Remedy, secret::InvalidSecret};

/// Why a file or folder cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FileError {
    /// There is nothing at the path.
    #[error("{} does not exist", path.display())]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// There is something at the path already.
    #[error("{} exists already", path.display())]
    Exists {
        /// The path.
        path: PathBuf,
    },
    /// A symbolic link, a folder or a device in place of a file, or the reverse.
    #[error("{} is not a regular {expected}", path.display())]
    WrongKind {
        /// The path.
        path: PathBuf,
        /// `file` or `folder`.
        expected: &'static str,
    },
    /// Others than the owner have access.
    #[error("{} can be reached by others than its owner (mode {mode:04o})", path.display())]
    OpenToOthers {
        /// The path.
        path: PathBuf,
        /// The permission bits found.
        mode: u32,
        /// The permission bits wanted.
        wanted: u32,
    },
    /// A folder of others, or one with things of others in it, that they can write to.
    #[error("others can write to the folder {} (mode {mode:04o})", path.display())]
    SharedFolder {
        /// The path.
        path: PathBuf,
        /// The permission bits found.
        mode: u32,
    },
    /// Another user owns it.
    #[error("{} belongs to another user (uid {owner})", path.display())]
    ForeignOwner {
        /// The path.
        path: PathBuf,
        /// The owner's uid.
        owner: u32,
        /// Whether it is a folder that is theirs to use, as far as can be told.
        shared: bool,
    },
    /// A file has a second name.
    #[error("{} has {links} hard links; the store must have only one name", path.display())]
    HardLinked {
        /// The path.
        path: PathBuf,
        /// How many names.
        links: u64,
    },
    /// The system refused.
    #[error("cannot {action} {}: {kind}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The path.
        path: PathBuf,
        /// The system's reason.
        kind: io::ErrorKind,
        /// The system's error, with its number.
        source: io::Error,
    },
    /// A key file of ours is not as it was written.
    #[error("{} is not as it was written: a key file was changed or cut", path.display())]
    KeyDamaged {
        /// The path.
        path: PathBuf,
    },
    /// The content of a key file is no unlock key.
    #[error(transparent)]
    Key(#[from] InvalidSecret),
}

impl FileError {
    pub(crate) fn io(action: &'static str, path: &Path, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing { path: path.to_owned() },
            io::ErrorKind::AlreadyExists => Self::Exists { path: path.to_owned() },
            kind => Self::Io { action, path: path.to_owned(), kind, source: error },
        }
    }

    /// A stable code for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "key_file_missing",
            Self::Exists { .. } => "key_file_exists",
            Self::Io { kind, .. } if *kind != io::ErrorKind::PermissionDenied => "file_failed",
            _ => "store_permission",
        }
    }

    /// What repairs it.
    #[must_use]
    pub fn remedies(&self) -> Vec<Remedy> {
        vec![match self {
            Self::OpenToOthers { path, wanted, .. } => Remedy::SetMode { path: path.clone(), mode: *wanted },
            Self::SharedFolder { .. } | Self::ForeignOwner { shared: true, .. } => Remedy::UseOwnFolder,
            Self::ForeignOwner { path, .. } => Remedy::TakeOwnership { path: path.clone() },
            Self::Io { kind: io::ErrorKind::PermissionDenied, .. } => {
                Remedy::Advice("run the command as the user who owns the file and its folder")
            }
            Self::HardLinked { path, .. } => Remedy::FindHardLinks { path: path.clone() },
            Self::WrongKind { path, expected: "file" } if path.is_dir() && !path.is_symlink() => {
                Remedy::Advice("give the path of a file in the folder")
            }
            Self::WrongKind { .. } => {
                Remedy::Advice("give the path of the file or folder itself, not of a link to it")
            }
            Self::Key(_) | Self::KeyDamaged { .. } => {
                Remedy::Advice("use the key file that was made with the store")
            }
            Self::Missing { .. } | Self::Exists { .. } | Self::Io { .. } => return Vec::new(),
        }]
    }
}

/// What `lstat` says of a path that must be ours alone.
///
/// `wanted` is the mode that the repair command sets: 0600 for a file, 0700 for a folder.
pub(crate) fn check_owned(path: &Path, folder: bool) -> Result<(), FileError> {
    let metadata = fs::symlink_metadata(path).map_err(|error| FileError::io("look at", path, error))?;
    let kind = metadata.file_type();
    if folder && !kind.is_dir() {
        return Err(FileError::WrongKind { path: path.to_owned(), expected: "folder" });
    }
    if !folder && !kind.is_file() {
        return Err(FileError::WrongKind { path: path.to_owned(), expected: "file" });
    }
    check_access(path, &metadata, folder)
}

#[cfg(unix)]
fn check_access(path: &Path, metadata: &fs::Metadata, folder: bool) -> Result<(), FileError> {
    use std::os::unix::fs::MetadataExt as _;
    let path = || path.to_owned();
    let ours = rustix::process::geteuid().as_raw();
    if metadata.uid() != ours && !(folder && metadata.uid() == 0) {
        // One that has nothing but our files was given to them by mistake.
        let by_mistake = has_only_ours(&path(), metadata) == Some(true);
        return Err(FileError::ForeignOwner {
            path: path(),
            owner: metadata.uid(),
            shared: folder && !by_mistake,
        });
    }
    let mode = metadata.mode() & 0o7777;
    // In a folder that others can write, they could put another file in place of ours; to see its names is no harm.
    let (forbidden, wanted) = if folder { (0o022, 0o700) } else { (0o077, 0o600) };
    let own = || metadata.uid() == ours && has_only_ours(&path(), metadata) != Some(false);
    if folder && mode & forbidden != 0 && !own() {
        return Err(FileError::SharedFolder { path: path(), mode });
    }
    if mode & forbidden != 0 {
        return Err(FileError::OpenToOthers { path: path(), mode, wanted });
    }
    if !folder && metadata.nlink() != 1 {
        return Err(FileError::HardLinked { path: path(), links: metadata.nlink() });
    }
    Ok(())
}

/// Whether a folder has nothing but plain files of ours in it, so that it may be closed to others without taking anything
/// from them; `None` if it is empty. One that is made for many has not, and a home has folders and hidden files.
#[cfg(unix)]
fn has_only_ours(path: &Path, metadata: &fs::Metadata) -> Option<bool> {
    use std::os::unix::fs::MetadataExt as _;
    /// More are not looked at: no store has so many.
    const MOST: usize = 1000;
    /// A folder in which only the owner of a file may rename it: one for many.
    const STICKY: u32 = 0o1000;
    let ours = rustix::process::geteuid().as_raw();
    if metadata.mode() & STICKY != 0 {
        return Some(false);
    }
    let Ok(content) = fs::read_dir(path) else {
        return Some(false);
    };
    let plain = |entry: fs::DirEntry| {
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        let file = entry.metadata().is_ok_and(|found| !found.is_dir() && found.uid() == ours);
        file && !hidden
    };
    let mut count = 0_usize;
    for entry in content {
        count += 1;
        if count > MOST || !entry.is_ok_and(plain) {
            return Some(false);
        }
    }
    (count > 0).then_some(true)
}

#[cfg(not(unix))]
fn check_access(_path: &Path, _metadata: &fs::Metadata, _folder: bool) -> Result<(), FileError> {
    Ok(())
}

/// Whether a folder takes new files of this process.
#[cfg(unix)]
pub(crate) fn is_writable(folder: &Path) -> bool {
    rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).is_ok()
}

#[cfg(not(unix))]
pub(crate) fn is_writable(_folder: &Path) -> bool {
    true
}

/// Opens a file that must be ours alone, and is judged by what was opened: no link is followed, and nothing can be put in
/// its place between a look and the opening. Its folder is judged as well.
pub(crate) fn open_private(path: &Path, write: bool) -> Result<fs::File, FileError> {
    check_owned(parent(path), true)?;
    let mut options = fs::OpenOptions::new();
    options.read(true).write(write);
    #[cfg(unix)]
    if let Ok(flags) = i32::try_from((rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits()) {
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags);
    }
    let wrong = || FileError::WrongKind { path: path.to_owned(), expected: "file" };
    let file = options.open(path).map_err(|error| {
        // What NOFOLLOW says of a link.
        if path.symlink_metadata().is_ok_and(|found| found.is_symlink()) {
            wrong()
        } else {
            FileError::io("open", path, error)
        }
    })?;
    let metadata = file.metadata().map_err(|error| FileError::io("look at", path, error))?;
    if !metadata.is_file() {
        return Err(wrong());
    }
    check_access(path, &metadata, false)?;
    Ok(file)
}

/// Which file stands under a path: device and inode.
pub(crate) type Identity = (u64, u64);

/// Which file stands under a path now; `None` where that cannot be told.
#[cfg(unix)]
pub(crate) fn identity(path: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt as _;
    fs::symlink_metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
pub(crate) fn identity(_path: &Path) -> Option<Identity> {
    None
}

/// Which file was opened; `None` where that cannot be told.
#[cfg(unix)]
pub(crate) fn identity_of(file: &fs::File) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt as _;
    file.metadata().ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
pub(crate) fn identity_of(_file: &fs::File) -> Option<Identity> {
    None
}

/// Whether a path lies on a file system whose locks or shared memory do not reach all who use it.
#[cfg(target_os = "linux")]
pub(crate) fn is_on_network(path: &Path) -> bool {
    // NFS, SMB, CIFS, SMB2, FUSE, 9P, Ceph, AFS (statfs(2)).
    const REMOTE: [u32; 8] =
        [0x6969, 0x517b, 0xff53_4d42, 0xfe53_4d42, 0x6573_5546, 0x0102_1997, 0x00c3_6400, 0x5346_414f];
    rustix::fs::statfs(parent(path))
        .is_ok_and(|found| u32::try_from(found.f_type).is_ok_and(|kind| REMOTE.contains(&kind)))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn is_on_network(_path: &Path) -> bool {
    false
}

/// Makes a file's content and its name durable. Never for a database that is open: it opens and closes the file.
pub(crate) fn sync(path: &Path) -> Result<(), FileError> {
    fs::OpenOptions::new()
        .read(true)
        .open(path)
        .and_then(|file| file.sync_all())
        .and_then(|()| fs::File::open(parent(path)).and_then(|folder| folder.sync_all()))
        .map_err(|error| FileError::io("write", path, error))
}

/// The folder that a path lies in; the current one for a bare name.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Makes the folder of `path` if it is missing, 0700; one that exists is left as it is.
pub(crate) fn create_parent(path: &Path) -> Result<(), FileError> {
    let folder = parent(path);
    if folder.exists() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| FileError::io("create", folder, error))
}

/// Creates a new file, 0600, with `content`, and makes it durable together with its name.
pub(crate) fn create(path: &Path, content: &[u8]) -> Result<(), FileError> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(|error| FileError::io("create", path, error))?;
    file.write_all(content)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::File::open(parent(path)).and_then(|folder| folder.sync_all()))
        .map_err(|error| FileError::io("write", path, error))
}
