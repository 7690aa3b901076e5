//! The rollback guard: a file outside the store that remembers where it stood.
//!
//! It has the sequence and the head of the log. A store that is older, or whose log does not lead on from that head, is
//! refused: an older copy was put in its place, or the copy of another history that grew since.

use std::{
    fs::File,
    io::{Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use super::{StoreError, state::Mark};
use crate::{
    private_file::{self, FileError},
    seal::StoreId,
};

const MAGIC: &[u8; 8] = b"SRguard1";
/// Magic, store, sequence, number and head of the log, checksum.
const LEN: usize = 8 + 16 + 8 + 8 + 32 + 32;

/// The guard of one store.
#[derive(Clone, Debug)]
pub(crate) struct RollbackGuard {
    path: PathBuf,
    store: StoreId,
    /// A file of rows that were cut from the log: where the guard stands at one of them.
    segment: Option<PathBuf>,
}

impl RollbackGuard {
    /// Takes a file that is there, or will be made.
    pub(crate) fn at(path: &Path, store: StoreId) -> Self {
        Self { path: path.to_owned(), store, segment: None }
    }

    /// With a file of rows that were cut from the log.
    pub(crate) fn with_segment(self, segment: Option<PathBuf>) -> Self {
        Self { segment, ..self }
    }

    pub(super) fn segment(&self) -> Option<&Path> {
        self.segment.as_deref()
    }

    /// Makes the file, which must not exist.
    pub(crate) fn create(&self, mark: Mark) -> Result<(), StoreError> {
        private_file::create_parent(&self.path)?;
        private_file::check_owned(private_file::parent(&self.path), true)?;
        Ok(private_file::create(&self.path, &self.encode(mark))?)
    }

    /// Where the store stood last.
    pub(crate) fn known(&self) -> Result<Mark, StoreError> {
        self.read(&mut self.open(false)?)
    }

    /// Moves the guard on; never back. Processes that commit at once take turns.
    pub(crate) fn advance(&self, mark: Mark) -> Result<(), StoreError> {
        let mut file = self.locked()?;
        if self.read(&mut file).is_ok_and(|known| known.seq >= mark.seq) {
            return Ok(());
        }
        self.write(&mut file, mark)
    }

    /// Sets the guard to where the store stands, whatever it said before.
    pub(crate) fn reset(&self, mark: Mark) -> Result<(), StoreError> {
        if self.path.symlink_metadata().is_err() {
            return self.create(mark);
        }
        let mut file = self.locked()?;
        match self.read(&mut file) {
            Err(error @ StoreError::NotAGuard { .. }) => Err(error),
            _ => self.write(&mut file, mark),
        }
    }

    fn open(&self, write: bool) -> Result<File, StoreError> {
        private_file::open_private(&self.path, write).map_err(|error| match error {
            FileError::Missing { path } => StoreError::GuardMissing { path },
            // Whatever else the user has there is reported as such, and not made private.
            FileError::OpenToOthers { .. } | FileError::HardLinked { .. } if !self.looks_like_one() => {
                StoreError::NotAGuard { path: self.path.clone() }
            }
            other => other.into(),
        })
    }

    fn looks_like_one(&self) -> bool {
        let mut magic = [0; MAGIC.len()];
        File::open(&self.path).is_ok_and(|mut file| file.read_exact(&mut magic).is_ok() && magic == *MAGIC)
    }

    fn locked(&self) -> Result<File, StoreError> {
        let file = self.open(true)?;
        file.lock().map_err(|error| FileError::io("lock", &self.path, error))?;
        Ok(file)
    }

    fn read(&self, file: &mut File) -> Result<Mark, StoreError> {
        let mut bytes = Vec::with_capacity(LEN + 1);
        let limit = u64::try_from(LEN).unwrap_or(u64::MAX).saturating_add(1);
        file.rewind()
            .and_then(|()| file.take(limit).read_to_end(&mut bytes))
            .map_err(|error| FileError::io("read", &self.path, error))?;
        let path = || self.path.clone();
        // Whatever else the user has there is never taken for a guard.
        let mark = decode(&bytes)
            .filter(|_| is_whole(&bytes))
            .ok_or_else(|| StoreError::NotAGuard { path: path() })?;
        if self.encode(mark) == bytes { Ok(mark) } else { Err(StoreError::ForeignGuard { path: path() }) }
    }

    fn write(&self, file: &mut File, mark: Mark) -> Result<(), StoreError> {
        let written = file
            .rewind()
            .and_then(|()| file.set_len(0))
            .and_then(|()| file.write_all(&self.encode(mark)))
            .and_then(|()| file.sync_data());
        Ok(written.map_err(|error| FileError::io("write", &self.path, error))?)
    }

    fn encode(&self, mark: Mark) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(self.store);
        bytes.extend(mark.seq.to_be_bytes());
        bytes.extend(mark.log_number.to_be_bytes());
        bytes.extend(mark.log_head);
        // Against accidents alone: who can write the guard can put an older one in its place.
        let sum = Sha256::digest(&bytes);
        bytes.extend(sum);
        bytes
    }
}

/// Whether the bytes are a guard's, of whichever store.
fn is_whole(bytes: &[u8]) -> bool {
    let (body, sum) = bytes.split_at_checked(LEN - 32).unwrap_or_default();
    bytes.len() == LEN && body.starts_with(MAGIC) && Sha256::digest(body).as_slice() == sum
}

fn decode(bytes: &[u8]) -> Option<Mark> {
    Some(Mark {
        seq: i64::from_be_bytes(bytes.get(24..32)?.try_into().ok()?),
        log_number: i64::from_be_bytes(bytes.get(32..40)?.try_into().ok()?),
        log_head: bytes.get(40..72)?.try_into().ok()?,
    })
}
