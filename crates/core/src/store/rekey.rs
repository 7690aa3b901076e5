//! A new root key: everything is sealed and authenticated anew, in one transaction.

use std::sync::Arc;

use rusqlite::{TransactionBehavior, named_params};

use super::{
    EntryRow, Point, Read, Store, StoreError, Write,
    audit::Event,
    connection,
    entries::certificate_mac,
    state::{State, toggle},
};
use crate::seal::{Digest, Ledger, SealError, SealedKey, Slot};

/// Opens a sealed key under the former root key and seals it under the new one.
pub(crate) type Reseal<'f> = &'f dyn Fn(&EntryRow) -> Result<Option<SealedKey>, SealError>;

impl Store {
    /// Goes over to the root key of `ledger`, kept by `slots` alone. Damage anywhere stops it: nothing is vouched for
    /// anew that the former root key did not vouch for.
    pub(crate) fn rekey(
        &mut self,
        ledger: &Arc<Ledger>,
        slots: &[Slot],
        reseal: Reseal<'_>,
        event: &Event<'_>,
    ) -> Result<Point, StoreError> {
        if self.read_only {
            return Err(StoreError::ReadOnly);
        }
        self.still_there()?;
        let former = Arc::clone(&self.ledger);
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let old = State::load(&transaction, &former)?;
        let state = State {
            seq: old.seq,
            audit_number: old.audit_number,
            audit_hash: old.audit_hash,
            ..State::new(old.id, ledger, old.journal, old.created_at)
        };
        let write = Write { transaction, ledger, state: state.into() };
        write.seal_anew(&former, &old, slots, reseal)?;
        let point = write.commit(event)?;
        self.ledger = Arc::clone(ledger);
        connection::trusts(&self.connection)?;
        Ok(point)
    }
}

impl Write<'_> {
    fn seal_anew(
        &self,
        former: &Ledger,
        old: &State,
        slots: &[Slot],
        reseal: Reseal<'_>,
    ) -> Result<(), StoreError> {
        let read =
            Read { connection: &self.transaction, ledger: former, state: old.clone(), _snapshot: None };
        let accounts = read.accounts()?;
        read.slots()?;
        read.verify_log()?;
        let mut seen = self.seal_entries(&read, reseal)?;
        self.authenticate_certificates(former, &mut seen)?;
        self.authenticate_lookups(&read, &mut seen)?;
        if seen != old.rows {
            return Err(StoreError::Corrupt { detail: "rows are missing, or of another time than the rest" });
        }
        for account in accounts {
            self.put_account(account)?;
        }
        self.transaction.execute("DELETE FROM slot", [])?;
        for slot in slots {
            self.put_slot(slot)?;
        }
        self.authenticate_log()
    }

    fn seal_entries(&self, read: &Read<'_>, reseal: Reseal<'_>) -> Result<Digest, StoreError> {
        let mut seen = [0; 32];
        let mut after = Vec::new();
        loop {
            let heads = read.heads_after(&after)?;
            let Some(last) = heads.last() else {
                return Ok(seen);
            };
            after = last.id.to_vec();
            for head in heads {
                toggle(&mut seen, &head.mac);
                for number in read.first_version(&head.id)?..=head.version {
                    let row = read.at_version(head.clone(), number)?;
                    let mut row = row.ok_or(StoreError::Corrupt { detail: "a version is missing" })?;
                    toggle(&mut seen, &row.content.mac);
                    row.content.sealed = reseal(&row)?;
                    let content = row.content;
                    let mac = content.expected(&head.id, self.ledger);
                    self.toggle_row(&mac);
                    self.transaction
                        .prepare_cached(
                            "UPDATE version SET sealed_key = :sealed_key, wrapped_data_key = :wrapped, mac = :mac
                             WHERE entry = :entry AND number = :number",
                        )?
                        .execute(named_params! {
                            ":sealed_key": content.sealed.as_ref().map(|sealed| &sealed.sealed_key),
                            ":wrapped": content.sealed.as_ref().map(|sealed| &sealed.wrapped_data_key),
                            ":mac": mac, ":entry": head.id, ":number": number,
                        })?;
                }
                self.put_head(head)?;
            }
        }
    }

    fn authenticate_certificates(&self, former: &Ledger, seen: &mut Digest) -> Result<(), StoreError> {
        let mut all = self.transaction.prepare("SELECT sha256, mac FROM certificate ORDER BY sha256")?;
        let rows: Vec<(Vec<u8>, Digest)> =
            all.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
        let mut update =
            self.transaction.prepare("UPDATE certificate SET mac = :mac WHERE sha256 = :sha256")?;
        for (sha256, old) in rows {
            if old != certificate_mac(&sha256, former) {
                return Err(StoreError::Corrupt { detail: "a certificate is not authentic" });
            }
            toggle(seen, &old);
            let mac = certificate_mac(&sha256, self.ledger);
            self.toggle_row(&mac);
            update.execute(named_params! { ":mac": mac, ":sha256": sha256 })?;
        }
        Ok(())
    }

    fn authenticate_lookups(&self, read: &Read<'_>, seen: &mut Digest) -> Result<(), StoreError> {
        let mut update = self.transaction.prepare("UPDATE lookup SET mac = :mac WHERE key = :key")?;
        // There are several for each entry, too many to hold: each is changed while the next waits, and keeps its place.
        read.each_link(|link| {
            if link.mac != link.expected(read.ledger) {
                return Err(StoreError::Corrupt { detail: "a lookup row is not authentic" });
            }
            toggle(seen, &link.mac);
            let mac = link.expected(self.ledger);
            self.toggle_row(&mac);
            update.execute(named_params! { ":mac": mac, ":key": link.key })?;
            Ok(())
        })
    }

    fn authenticate_log(&self) -> Result<(), StoreError> {
        let mut all = self.transaction.prepare("SELECT number, hash FROM audit")?;
        let rows: Vec<(i64, Digest)> =
            all.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
        let mut update = self.transaction.prepare("UPDATE audit SET mac = :mac WHERE number = :number")?;
        for (number, hash) in rows {
            update.execute(named_params! { ":mac": self.ledger.audit(&hash), ":number": number })?;
        }
        Ok(())
    }
}
