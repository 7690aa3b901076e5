//! The state of the whole store: one row under one MAC.

use rusqlite::{Connection, OptionalExtension as _, named_params};

use super::StoreError;
use crate::seal::{Digest, Ledger, SealError, StoreId};

/// How a store keeps its transactions whole.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Journal {
    /// A write-ahead log: readers never wait. For local disks.
    #[default]
    Wal,
    /// A rollback journal, for network file systems and media that are also read elsewhere.
    Rollback,
}

impl Journal {
    /// The word used in the store and on the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Wal => "wal",
            Self::Rollback => "rollback",
        }
    }

    /// SQLite's name of the mode.
    pub(super) fn mode(self) -> &'static str {
        match self {
            Self::Wal => "wal",
            Self::Rollback => "delete",
        }
    }
}

/// The state of the whole store.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) id: StoreId,
    pub(super) created_at: i64,
    pub(super) epoch: u32,
    pub(super) check_value: [u8; 16],
    pub(super) journal: Journal,
    /// One more with each commit.
    pub(super) seq: i64,
    /// XOR of the MACs of all rows of `entry`, `version`, `certificate` and `lookup`.
    pub(super) rows: Digest,
    /// The same of `administrator`.
    pub(super) accounts: Digest,
    /// The same of `slot`.
    pub(super) slots: Digest,
    /// The last row of `audit`.
    pub(super) audit_number: i64,
    pub(super) audit_hash: Digest,
    pub(super) mac: Digest,
}

impl State {
    /// The state of a store that has nothing yet.
    pub(super) fn new(id: StoreId, ledger: &Ledger, journal: Journal, at: i64) -> Self {
        Self {
            id,
            created_at: at,
            epoch: ledger.epoch(),
            check_value: ledger.check_value(),
            journal,
            seq: 0,
            rows: [0; 32],
            accounts: [0; 32],
            slots: [0; 32],
            audit_number: 0,
            audit_hash: [0; 32],
            mac: [0; 32],
        }
    }

    /// Reads the row as it stands, whoever wrote it.
    pub(super) fn read(connection: &Connection) -> Result<Self, StoreError> {
        const COLUMNS: &str =
            "SELECT id, created_at, epoch, check_value, journal, seq, rows, accounts, slots,
             audit_number, audit_hash, mac FROM store WHERE only = 1";
        let mut statement = connection.prepare_cached(COLUMNS)?;
        let found = statement
            .query_row([], |row| {
                Ok(Self {
                    id: row.get("id")?,
                    created_at: row.get("created_at")?,
                    epoch: row.get("epoch")?,
                    check_value: row.get("check_value")?,
                    journal: if row.get::<_, String>("journal")? == "wal" {
                        Journal::Wal
                    } else {
                        Journal::Rollback
                    },
                    seq: row.get("seq")?,
                    rows: row.get("rows")?,
                    accounts: row.get("accounts")?,
                    slots: row.get("slots")?,
                    audit_number: row.get("audit_number")?,
                    audit_hash: row.get("audit_hash")?,
                    mac: row.get("mac")?,
                })
            })
            .optional()?;
        found.ok_or(StoreError::Corrupt { detail: "the store has no state" })
    }

    /// Reads the row and checks it.
    pub(super) fn load(connection: &Connection, ledger: &Ledger) -> Result<Self, StoreError> {
        let state = Self::read(connection)?;
        if state.epoch != ledger.epoch() && state.id == *ledger.store() {
            // A new root key, or damage to this one field; who unlocks again learns which.
            return Err(StoreError::Seal(SealError::Rekeyed));
        }
        if state.mac != state.expected(ledger) {
            return Err(StoreError::Corrupt { detail: "the state of the store is not authentic" });
        }
        Ok(state)
    }

    /// Writes the row under a new MAC.
    pub(super) fn save(&mut self, connection: &Connection, ledger: &Ledger) -> Result<(), StoreError> {
        self.mac = self.expected(ledger);
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO store (only, id, created_at, epoch, check_value, journal, seq, rows, accounts,
                     slots, audit_number, audit_hash, mac)
                 VALUES (1, :id, :created_at, :epoch, :check_value, :journal, :seq, :rows, :accounts,
                     :slots, :audit_number, :audit_hash, :mac)",
            )?
            .execute(named_params! {
                ":id": self.id, ":created_at": self.created_at, ":epoch": self.epoch,
                ":check_value": self.check_value, ":journal": self.journal.word(), ":seq": self.seq,
                ":rows": self.rows, ":accounts": self.accounts, ":slots": self.slots,
                ":audit_number": self.audit_number, ":audit_hash": self.audit_hash, ":mac": self.mac,
            })?;
        Ok(())
    }

    fn expected(&self, ledger: &Ledger) -> Digest {
        ledger.state(&[
            &self.id,
            &self.created_at.to_be_bytes(),
            &self.epoch.to_be_bytes(),
            &self.check_value,
            self.journal.word().as_bytes(),
            &self.seq.to_be_bytes(),
            &self.rows,
            &self.accounts,
            &self.slots,
            &self.audit_number.to_be_bytes(),
            &self.audit_hash,
        ])
    }
}

/// Adds a row's MAC to a digest, or takes it out again.
pub(super) fn toggle(digest: &mut Digest, mac: &Digest) {
    digest.iter_mut().zip(mac).for_each(|(to, from)| *to ^= from);
}
