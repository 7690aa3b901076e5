//! The audit log: what was done, by whom, and what was refused.
//!
//! Each row has the hash of the row before it and its own, and a MAC; the state of the store names the last one, so
//! that a row which is changed, moved or cut off the end is seen.

use rusqlite::{OptionalExtension as _, Row, named_params};

use super::{Read, StoreError, Write};
use crate::seal::{Digest, Ledger, audit_hash};

/// What happened, before it has a number.
#[derive(Clone, Debug)]
pub(crate) struct Event<'a> {
    pub(crate) at: i64,
    pub(crate) actor: &'a str,
    pub(crate) action: &'a str,
    pub(crate) alias: &'a str,
    /// Of the leaf; empty where there is none.
    pub(crate) fingerprint: String,
    /// What was done, or the code of the refusal.
    pub(crate) outcome: &'a str,
}

/// A row of the log.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct LogEntry {
    /// From 1, without gaps.
    pub number: i64,
    /// Seconds since 1970.
    pub at: i64,
    /// Who: as the program that opened the store names them.
    pub actor: String,
    /// What was asked for, for example `import`.
    pub action: String,
    /// The alias, or the user or file that it was about.
    pub alias: String,
    /// SHA-256 of the leaf; empty where there is none.
    pub fingerprint: String,
    /// `imported`, `replaced`, `removed` and so on, or the code of the error that refused it.
    pub outcome: String,
}

struct Stored {
    entry: LogEntry,
    hash: Digest,
    mac: Digest,
}

impl Stored {
    fn check(&self, number: i64, former: &Digest, ledger: &Ledger) -> Result<(), StoreError> {
        let whole = self.entry.number == number
            && self.hash == self.entry.hash(former)
            && self.mac == ledger.audit(&self.hash);
        if whole { Ok(()) } else { Err(BROKEN) }
    }
}

const COLUMNS: &str = "SELECT number, at, actor, action, alias, fingerprint, outcome, hash, mac FROM audit";

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    let entry = LogEntry {
        number: row.get("number")?,
        at: row.get("at")?,
        actor: row.get("actor")?,
        action: row.get("action")?,
        alias: row.get("alias")?,
        fingerprint: row.get("fingerprint")?,
        outcome: row.get("outcome")?,
    };
    Ok(Stored { entry, hash: row.get("hash")?, mac: row.get("mac")? })
}

impl LogEntry {
    fn hash(&self, former: &[u8]) -> Digest {
        audit_hash(
            former,
            &[
                &self.number.to_be_bytes(),
                &self.at.to_be_bytes(),
                self.actor.as_bytes(),
                self.action.as_bytes(),
                self.alias.as_bytes(),
                self.fingerprint.as_bytes(),
                self.outcome.as_bytes(),
            ],
        )
    }
}

impl Read<'_> {
    /// Up to `limit` rows after number `after`, each with an authentic hash.
    pub(crate) fn log(&self, after: i64, limit: u32) -> Result<Vec<LogEntry>, StoreError> {
        let mut former: Digest = [0; 32];
        if after > 0 {
            let mut statement =
                self.connection.prepare_cached("SELECT hash FROM audit WHERE number = :number")?;
            let hash =
                statement.query_row(named_params! { ":number": after }, |row| row.get(0)).optional()?;
            former = hash.ok_or(BROKEN)?;
        }
        let mut statement = self
            .connection
            .prepare_cached(&format!("{COLUMNS} WHERE number > :after ORDER BY number LIMIT :limit"))?;
        let mut rows = statement.query(named_params! { ":after": after, ":limit": limit })?;
        let mut found = Vec::new();
        let mut number = after;
        while let Some(row) = rows.next()? {
            let row = stored(row)?;
            number += 1;
            row.check(number, &former, self.ledger)?;
            former = row.hash;
            found.push(row.entry);
        }
        let full = u32::try_from(found.len()).is_ok_and(|count| count == limit);
        if !full && (number != self.state.audit_number || former != self.state.audit_hash) {
            return Err(BROKEN);
        }
        Ok(found)
    }

    /// Follows the whole log from its first row to the one that the state names.
    pub(crate) fn verify_log(&self) -> Result<i64, StoreError> {
        let mut statement = self.connection.prepare(&format!("{COLUMNS} ORDER BY number"))?;
        let mut rows = statement.query([])?;
        let (mut number, mut former) = (0, [0; 32]);
        while let Some(row) = rows.next()? {
            let row = stored(row)?;
            number += 1;
            row.check(number, &former, self.ledger)?;
            former = row.hash;
        }
        if number != self.state.audit_number || former != self.state.audit_hash {
            return Err(BROKEN);
        }
        Ok(number)
    }
}

const BROKEN: StoreError = StoreError::Corrupt { detail: "the audit log is not as it was written" };

impl Write<'_> {
    /// Appends to the log, within the change that it tells of.
    pub(crate) fn audit(&self, event: &Event<'_>) -> Result<(), StoreError> {
        let mut state = self.state.borrow_mut();
        let entry = LogEntry {
            number: state.audit_number.saturating_add(1),
            at: event.at,
            actor: event.actor.to_owned(),
            action: event.action.to_owned(),
            alias: event.alias.to_owned(),
            fingerprint: event.fingerprint.clone(),
            outcome: event.outcome.to_owned(),
        };
        let hash = entry.hash(&state.audit_hash);
        self.transaction
            .prepare_cached(
                "INSERT INTO audit (number, at, actor, action, alias, fingerprint, outcome, hash, mac)
                 VALUES (:number, :at, :actor, :action, :alias, :fingerprint, :outcome, :hash, :mac)",
            )?
            .execute(named_params! {
                ":number": entry.number, ":at": entry.at, ":actor": entry.actor, ":action": entry.action,
                ":alias": entry.alias, ":fingerprint": entry.fingerprint, ":outcome": entry.outcome,
                ":hash": hash, ":mac": self.ledger.audit(&hash),
            })?;
        (state.audit_number, state.audit_hash) = (entry.number, hash);
        Ok(())
    }
}
