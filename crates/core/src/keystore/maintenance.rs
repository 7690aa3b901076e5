//! Looking after a keystore: its log, and its verification.

use rustls_pki_types::UnixTime;

use super::{
    Keystore, open_row,
    protocol::{Asked, LogNote, Step},
    requests::open_request,
    shared::moved_away,
};
use crate::{
    alias::Alias,
    certificate::Fingerprint,
    error::Error,
    instant::seconds,
    seal::RootKey,
    store::{Action, Happened, LogEntry, Sealed, StoreError, StoreReport, Verified, engine::LongChange},
};

impl Keystore {
    /// Up to `limit` rows of the audit log after number `after`. Rows that were rotated out of the store are not among them:
    /// [`log_cut`](Self::log_cut) says where the log begins now.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] if a row is not as it was written, or one is missing.
    pub fn log(&self, after: i64, limit: u32) -> Result<Vec<LogEntry>, Error> {
        self.reading(|read| read.log(after, limit))
    }

    /// The last rows of the audit log, at most `limit`, the oldest first.
    ///
    /// # Errors
    ///
    /// As for [`log`](Self::log).
    pub fn log_tail(&self, limit: u32) -> Result<Vec<LogEntry>, Error> {
        self.reading(|read| read.log(read.log_length().saturating_sub(i64::from(limit)).max(0), limit))
    }

    /// Follows the audit log from its first row, or from where it was cut, to its last; gives how many rows that are.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] if a row is not as it was written, or one is missing.
    pub fn verify_log(&self) -> Result<i64, Error> {
        self.reading(|read| read.verify_log())
    }

    /// The server entries with a DNS name or address.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn aliases_named(&self, name: &str, limit: u32) -> Result<Vec<Alias>, Error> {
        self.reading(|read| read.aliases_named(name, limit))
    }

    /// The entries, of whichever kind, that have a public key: up to `limit` aliases. The fingerprint is that of the
    /// SubjectPublicKeyInfo.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn aliases_of_key(&self, of: &Fingerprint, limit: u32) -> Result<Vec<Alias>, Error> {
        self.reading(|read| read.aliases_of_key(of, limit))
    }

    /// Whether the store has a rollback guard, whether or not it was opened with it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn is_guarded(&self) -> Result<bool, Error> {
        self.reading(|read| Ok(read.is_guarded()))
    }

    /// Checks the engine's structures, every row of the tree, every record and the log, and opens every private key and
    /// proves it.
    ///
    /// # Errors
    ///
    /// Only if the store cannot be read at all; what is wrong with it stands in the report.
    pub fn verify_store(&self) -> Result<StoreReport, Error> {
        self.shared.read_for_long(|store, root| store.verify(&mut |sealed, found| prove(root, sealed, found)))
    }

    /// Whether a change would be accepted now: it is made, and goes without a trace.
    ///
    /// # Errors
    ///
    /// What would refuse it.
    pub fn would_write(&self) -> Result<(), Error> {
        let asked = Asked { action: Action::Backup, about: "", at: 0 };
        self.attempt(
            asked,
            |write, _| {
                write.rehearse()?;
                Ok(Step::Same(()))
            },
            |_, _, ()| Ok(true),
        )
    }

    /// Leaves nothing of what was removed in the files.
    pub(super) fn compact(&self) -> Result<(), Error> {
        let announced = if self.shared.announces() {
            None
        } else {
            let announced = self.shared.announce(LongChange::Rewrite);
            Some(announced.map_err(|error| StoreError::NotCompacted(Box::new(error)))?)
        };
        let done = self.shared.write(|writer| Ok(writer.store.compact()?));
        drop(announced);
        done
    }

    /// Whether the file that was opened still stands where others look for it.
    pub(super) fn still_there(&self) -> Result<(), Error> {
        self.shared.read_for_long(|store, _| store.still_there()).map_err(moved_away)
    }

    /// Notes in the log that a copy was written.
    pub(super) fn log_backup(&self, name: &str, at: UnixTime) -> Result<(), Error> {
        let name: String = name.chars().take(200).collect();
        let asked = Asked { action: Action::Backup, about: &name, at: seconds(at) };
        self.change(
            asked,
            |_, _| Ok(Step::Changed((), LogNote::plain(name.clone(), Happened::Written))),
            |_, _, ()| Ok(true),
        )
    }
}

/// Opens the key of a version or of a pending request.
pub(super) fn prove(root: &RootKey, sealed: Sealed, found: &mut Verified) {
    let row = match sealed {
        Sealed::Version(row) => row,
        Sealed::Request(row) => {
            match open_request(root, &row) {
                Ok(_) => found.report.keys += 1,
                Err(error) => found.problem(row.alias.as_str(), format!("the pending request: {error}")),
            }
            return;
        }
    };
    let alias = row.head.alias.to_string();
    let number = row.content.number;
    if row.content.sealed.is_none() {
        if row.head.trust.is_none() {
            found.problem(&alias, format!("version {number} has no private key"));
        }
        return;
    }
    match open_row(root, &row) {
        Ok(_) => found.report.keys += 1,
        Err(error) => found.problem(&alias, format!("version {number}: {error}")),
    }
}
