//! Looking after a keystore: its log, its verification, copies, and the way back from one.

use std::path::{Path, PathBuf};

use rustls_pki_types::UnixTime;

use super::{Keystore, event_of, open_row, seconds, unlock_store};
use crate::{
    alias::Alias,
    error::Error,
    seal::{SealError, Unlock},
    store::{Event, LogEntry, StoreError, StoreReport, prepare, replace},
};

impl Keystore {
    /// Up to `limit` rows of the audit log after number `after`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] if a row is not as it was written, or one is missing.
    pub fn log(&mut self, after: i64, limit: u32) -> Result<Vec<LogEntry>, Error> {
        Ok(self.store.view(|read| read.log(after, limit))?)
    }

    /// Follows the audit log from its first row to its last; gives their number.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] if a row is not as it was written, or one is missing.
    pub fn verify_log(&mut self) -> Result<i64, Error> {
        Ok(self.store.view(|read| read.verify_log())?)
    }

    /// The server entries with a DNS name or address.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn aliases_named(&mut self, name: &str, limit: u32) -> Result<Vec<Alias>, Error> {
        Ok(self.store.view(|read| read.aliases_named(name, limit))?)
    }

    /// Checks all pages, MACs, digests and lookups, and opens every private key and proves it.
    ///
    /// # Errors
    ///
    /// Only if the store cannot be read at all; what is wrong with it stands in the report.
    pub fn verify_store(&mut self) -> Result<StoreReport, Error> {
        let root = &self.root;
        Ok(self.store.verify(&mut |row, found| {
            let alias = row.head.alias.to_string();
            let number = row.content.number;
            if row.content.sealed.is_none() {
                if row.head.trust.is_none() {
                    found.problem(&alias, format!("version {number} has no private key"));
                }
                return;
            }
            match open_row(root, row) {
                Ok(_) => found.report.keys += 1,
                Err(error) => found.problem(&alias, format!("version {number}: {error}")),
            }
        })?)
    }

    /// Writes a consistent copy of the store to a new file, 0600, while others read and write, and verifies it.
    /// The unlock key is not in it.
    ///
    /// # Errors
    ///
    /// [`StoreError::File`] if there is a file already; [`StoreError::BadBackup`] if the copy is not whole.
    pub fn backup(&mut self, to: &Path, at: UnixTime) -> Result<StoreReport, Error> {
        self.store.backup(to)?;
        let verified = Self::reopen_copy(self, to).and_then(|mut copy| whole(copy.verify_store()?));
        if verified.is_err() {
            let _ = std::fs::remove_file(to);
        }
        let report = verified?;
        if !self.is_read_only() {
            let actor = self.actor.clone();
            let name: String = to.display().to_string().chars().take(200).collect();
            let event = Event { alias: &name, outcome: "written", ..event_of("backup", &actor, seconds(at)) };
            let done = self.store.write().and_then(|write| write.commit(&event));
            self.settle(done)?;
        }
        Ok(report)
    }

    fn reopen_copy(&self, path: &Path) -> Result<Self, Error> {
        let store = crate::store::LockedStore::open(path, true)?.unlock(self.root.ledger())?;
        Ok(Self { store, root: self.root.clone(), actor: self.actor.clone(), guard: None })
    }

    /// Puts a backup in place of the store at `path`, after every row of it was verified. What was there stays beside
    /// it: its path is given. Until the last step the present store is as it was.
    ///
    /// # Errors
    ///
    /// [`StoreError::BadBackup`] with the first problem; the errors of [`open`](Self::open) if `unlock` does not
    /// open the backup.
    pub fn restore<'u>(
        backup: &Path,
        path: &Path,
        unlock: impl Into<Unlock<'u>>,
        actor: &str,
        at: UnixTime,
    ) -> Result<(StoreReport, Option<PathBuf>), Error> {
        let prepared = prepare(backup, path)?;
        let (store, root) = unlock_store(&prepared.path, unlock.into(), false).map_err(of_backup)?;
        let mut copy = Self { store, root: root.into(), actor: actor.to_owned(), guard: None };
        let report = whole(copy.verify_store()?)?;
        let event = Event { outcome: "restored", ..event_of("restore", actor, seconds(at)) };
        copy.store.write()?.commit(&event)?;
        copy.store.single_file()?;
        drop(copy);
        let former = replace(&prepared, path)?;
        Ok((report, former))
    }
}

/// What is damaged is the backup, and not the store.
fn of_backup(error: Error) -> Error {
    let problem = match &error {
        Error::Store(StoreError::Corrupt { detail }) => (*detail).to_owned(),
        Error::Seal(SealError::Damaged) => SealError::Damaged.to_string(),
        _ => return error,
    };
    StoreError::BadBackup { problem }.into()
}

fn whole(report: StoreReport) -> Result<StoreReport, Error> {
    match report.problems.first() {
        None => Ok(report),
        Some(problem) => {
            let problem = format!("{} {}", problem.alias, problem.message).trim().to_owned();
            Err(StoreError::BadBackup { problem }.into())
        }
    }
}
