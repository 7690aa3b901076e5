//! A rollback guard: a file outside the store that has the last sequence of it. An older copy put in place of the store is then seen.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
};

use super::{Point, StoreError};
use crate::{
    private_file::{self, FileError},
    seal::{Digest, Ledger},
};

const MAGIC: &[u8; 8] = b"SRGUARD1";
/// Magic, sequence, MAC of the state, MAC over both.
const LEN: usize = 8 + 8 + 32 + 32;

/// A rollback guard file.
#[derive(Clone, Debug)]
pub(crate) struct RollbackGuard {
    path: PathBuf,
}

impl RollbackGuard {
    /// Makes the file, which must not exist.
    pub(crate) fn create(path: &Path, ledger: &Ledger, point: Point) -> Result<Self, StoreError> {
        private_file::create_parent(path)?;
        private_file::create(path, &encode(ledger, point))?;
        Ok(Self { path: path.to_owned() })
    }

    /// Takes a file that is there, whatever it says.
    pub(crate) fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Refuses a store that is older than the guard, or of another history.
    pub(crate) fn check(&self, ledger: &Ledger, point: Point) -> Result<(), StoreError> {
        // What it is comes first: nobody is to close a file to others that was named by mistake.
        let known = match self.path.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(StoreError::GuardMissing { path: self.path.clone() });
            }
            Ok(found) if found.is_file() => self.read(&mut self.open(false)?, ledger)?,
            _ => return Err(StoreError::NotAGuard { path: self.path.clone() }),
        };
        private_file::check_owned(&self.path, false)?;
        let older = point.seq < known.seq || (point.seq == known.seq && point.mac != known.mac);
        if older { Err(StoreError::RolledBack { found: point.seq, known: known.seq }) } else { Ok(()) }
    }

    /// Moves the guard on; never back. Processes that commit at once take turns.
    pub(crate) fn advance(&self, ledger: &Ledger, point: Point) -> Result<(), StoreError> {
        let mut file = self.open(true)?;
        file.lock().map_err(|error| FileError::io("lock", &self.path, &error))?;
        if self.read(&mut file, ledger).is_ok_and(|known| known.seq >= point.seq) {
            return Ok(());
        }
        self.write(&mut file, ledger, point)
    }

    /// Sets the guard to where the store stands, whatever it said before.
    pub(crate) fn reset(&self, ledger: &Ledger, point: Point) -> Result<(), StoreError> {
        if self.path.symlink_metadata().is_err() {
            return Self::create(&self.path, ledger, point).map(drop);
        }
        private_file::check_owned(&self.path, false)?;
        let mut file = self.open(true)?;
        file.lock().map_err(|error| FileError::io("lock", &self.path, &error))?;
        self.write(&mut file, ledger, point)
    }

    fn open(&self, write: bool) -> Result<File, StoreError> {
        let opened = OpenOptions::new().read(true).write(write).open(&self.path);
        Ok(opened.map_err(|error| FileError::io("open", &self.path, &error))?)
    }

    fn read(&self, file: &mut File, ledger: &Ledger) -> Result<Point, StoreError> {
        let mut bytes = [0; LEN];
        let not_one = || StoreError::NotAGuard { path: self.path.clone() };
        file.rewind().and_then(|()| file.read_exact(&mut bytes)).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => not_one(),
            _ => FileError::io("read", &self.path, &error).into(),
        })?;
        let point = decode(&bytes).ok_or_else(not_one)?;
        if encode(ledger, point) == bytes {
            Ok(point)
        } else {
            Err(StoreError::ForeignGuard { path: self.path.clone() })
        }
    }

    fn write(&self, file: &mut File, ledger: &Ledger, point: Point) -> Result<(), StoreError> {
        let written = file
            .rewind()
            .and_then(|()| file.write_all(&encode(ledger, point)))
            .and_then(|()| file.sync_data());
        Ok(written.map_err(|error| FileError::io("write", &self.path, &error))?)
    }
}

fn encode(ledger: &Ledger, point: Point) -> [u8; LEN] {
    let seq = point.seq.to_be_bytes();
    let mac = ledger.state(&[b"rollback-guard", &seq, &point.mac]);
    let mut bytes = [0; LEN];
    let all = MAGIC.iter().chain(&seq).chain(&point.mac).chain(&mac);
    bytes.iter_mut().zip(all).for_each(|(to, from)| *to = *from);
    bytes
}

/// What a guard says, of whatever store it is.
fn decode(bytes: &[u8; LEN]) -> Option<Point> {
    bytes.starts_with(MAGIC).then_some(())?;
    let seq = i64::from_be_bytes(bytes.get(8..16)?.try_into().ok()?);
    let mac: Digest = bytes.get(16..48)?.try_into().ok()?;
    Some(Point { seq, mac })
}
