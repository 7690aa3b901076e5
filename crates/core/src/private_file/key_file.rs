//! Key files: one of this user's own, or one that a secret manager mounts.

use std::{
    fs,
    io::{self, Read as _},
    path::Path,
};

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{FileError, check_owned, create, create_parent, open_private, parent};
use crate::{
    hexadecimal::hex,
    secret::{InvalidSecret, UnlockKey},
};

/// What a key file of ours begins with; then come the name of its store, the key, and a check value.
const FORMAT: &str = "strongroom-key-1";

/// The largest key file that is read, in bytes.
pub(crate) const MAX_KEY_FILE_LEN: u64 = 4096;

/// What the text of a key file is.
pub(crate) enum KeyText {
    /// A key, with the store that it is for, if it says so.
    Whole(UnlockKey),
    /// One that we wrote, and that was changed or cut.
    Damaged,
}

/// Opens a file that a secret manager mounted: links lead to it, and root may own it.
///
/// The links are followed once; what is opened is the file that they led to. On the way to it no folder belongs to
/// anybody but root and us, and none can be written by others, except where they cannot replace what is root's or ours.
#[cfg(unix)]
fn open_mounted(path: &Path) -> Result<fs::File, FileError> {
    use rustix::fs::{Mode, OFlags};
    use std::os::unix::fs::MetadataExt as _;
    let io = |action: &'static str, path: &Path, error: io::Error| FileError::io(action, path, error);
    let resolved = path.canonicalize().map_err(|error| io("look at", path, error))?;
    let ours = rustix::process::geteuid().as_raw();
    for folder in resolved.ancestors().skip(1) {
        let found = fs::symlink_metadata(folder).map_err(|error| io("look at", folder, error))?;
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
        .map_err(|error| io("open", &resolved, error.into()))?;
    let found = file.metadata().map_err(|error| io("look at", &resolved, error))?;
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
    fs::File::open(path).map_err(|error| FileError::io("open", path, error))
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
        Self::read_from(path, open_mounted(path)?)
    }

    /// Reads a key file: one that says which store it is for, or bytes of another source without one line end at the end.
    ///
    /// # Errors
    ///
    /// [`FileError`] if the file is missing, is not a regular file, can be read by others than its owner, was changed since
    /// it was made, or holds fewer than 32 random bytes.
    pub fn read_file(path: &Path) -> Result<Self, FileError> {
        Self::read_from(path, open_private(path, false)?)
    }

    fn read_from(path: &Path, file: fs::File) -> Result<Self, FileError> {
        let limit = MAX_KEY_FILE_LEN.saturating_add(1);
        // Full size at once, so that growth leaves no copy behind.
        let mut content = Zeroizing::new(Vec::with_capacity(usize::try_from(limit).unwrap_or(0)));
        file.take(limit).read_to_end(&mut content).map_err(|error| FileError::io("read", path, error))?;
        if u64::try_from(content.len()).is_ok_and(|length| length > MAX_KEY_FILE_LEN) {
            return Err(FileError::WrongKind { path: path.to_owned(), expected: "key file" });
        }
        match Self::from_text(&content)? {
            KeyText::Whole(key) => Ok(key),
            KeyText::Damaged => Err(FileError::KeyDamaged { path: path.to_owned() }),
        }
    }

    /// What a key file holds: one that we wrote, or bytes of another source without one line end at the end.
    pub(crate) fn from_text(content: &[u8]) -> Result<KeyText, InvalidSecret> {
        let key = content.strip_suffix(b"\n").unwrap_or(content);
        let key = key.strip_suffix(b"\r").unwrap_or(key);
        if !key.starts_with(FORMAT.as_bytes()) {
            return Self::from_bytes(key.to_vec()).map(KeyText::Whole);
        }
        Ok(Self::parse(key).map_or(KeyText::Damaged, KeyText::Whole))
    }

    fn parse(line: &[u8]) -> Option<Self> {
        let mut words = std::str::from_utf8(line).ok()?.split(' ');
        let (_, store, key, check) = (words.next()?, words.next()?, words.next()?, words.next()?);
        let mut id = [0_u8; 16];
        if store.len() != 32 || key.len() != 64 || words.next().is_some() || check != check_value(store, key)
        {
            return None;
        }
        for (byte, digits) in id.iter_mut().zip(store.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(Self::from_bytes(key.as_bytes().to_vec()).ok()?.bound_to(id))
    }

    /// Writes the key to a new file, 0600, with one line end.
    ///
    /// # Errors
    ///
    /// [`FileError::Exists`] if there is a file already: a key is never overwritten.
    pub fn create_file(&self, path: &Path) -> Result<(), FileError> {
        create_parent(path)?;
        check_owned(parent(path), true)?;
        // EXPOSE: written to the owner's key file.
        let mut content = Zeroizing::new(Vec::with_capacity(self.expose().len() + 128));
        let key = std::str::from_utf8(self.expose()).ok();
        if let (Some(store), Some(key)) = (self.store(), key) {
            let store = hex(store);
            content.extend_from_slice(format!("{FORMAT} {store} ").as_bytes());
            content.extend_from_slice(key.as_bytes());
            content.extend_from_slice(format!(" {}", check_value(&store, key)).as_bytes());
        } else {
            content.extend_from_slice(self.expose());
        }
        content.push(b'\n');
        create(path, &content)
    }
}

/// Eight digits that tell a key file with a wrong or missing character from a whole one.
fn check_value(store: &str, key: &str) -> String {
    let mut digest = Sha256::new_with_prefix(FORMAT);
    digest.update(store);
    digest.update(key);
    hex(digest.finalize()).chars().take(8).collect()
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
    fn the_error_of_the_system_is_kept_with_its_number() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("k");
        fs::write(&file, b"").unwrap();
        let refused = UnlockKey::generate().unwrap().create_file(&file.join("below/k")).unwrap_err();
        assert_eq!(refused.to_string(), format!("cannot create {}/below: not a directory", file.display()));
        let system =
            std::error::Error::source(&refused).and_then(|source| source.downcast_ref::<io::Error>());
        assert_eq!(system.unwrap().kind(), io::ErrorKind::NotADirectory);
        assert_eq!(system.unwrap().raw_os_error(), Some(20));
    }

    #[test]
    fn a_key_file_says_its_store_and_a_cut_one_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("k");
        let key = UnlockKey::generate_bound().unwrap();
        key.create_file(&path).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let cut: String = text.chars().take(text.len() - 3).collect();
        assert!(text.starts_with("strongroom-key-1 ") && text.len() == 16 + 1 + 32 + 1 + 64 + 1 + 8 + 1);
        let again = UnlockKey::read_file(&path).unwrap();
        assert_eq!((again.expose(), again.store()), (key.expose(), key.store()));
        for changed in [text.replacen("1 ", "1  ", 1), cut, text.to_uppercase()] {
            fs::write(&path, changed.replace("STRONGROOM-KEY", "strongroom-key")).unwrap();
            let error = UnlockKey::read_file(&path).unwrap_err();
            assert!(matches!(error, FileError::KeyDamaged { .. }), "{error}");
        }
    }

    #[test]
    fn a_mounted_key_file_may_be_a_link_and_is_judged_by_what_it_leads_to() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("..data"), folder.path().join("key"));
        UnlockKey::generate_bound().unwrap().create_file(&real).unwrap();
        symlink(&real, &link).unwrap();
        assert!(UnlockKey::read_file(&link).is_err());
        let mode = |mode| fs::set_permissions(&real, fs::Permissions::from_mode(mode)).unwrap();
        for good in [0o600, 0o400, 0o440, 0o640] {
            mode(good);
            assert!(UnlockKey::read_mounted_file(&link).is_ok(), "{good:o}");
        }
        for bad in [0o444, 0o660, 0o604] {
            mode(bad);
            let error = UnlockKey::read_mounted_file(&link).unwrap_err();
            assert!(matches!(error, FileError::OpenToOthers { .. }), "{bad:o} {error}");
        }
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
