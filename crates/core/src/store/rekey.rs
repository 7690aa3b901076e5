//! A new root key: everything is sealed and vouched for under it, in one change.

use std::sync::Arc;

use super::{
    EntryRow, Read, Store, StoreError, Write,
    engine::Table,
    event::Event,
    key,
    log::{self, Stored},
    read::RECORD,
    records::EntryHead,
    requests::RequestRow,
    state::Mark,
};
use crate::seal::{Ledger, SealError, SealedKey, Slot};

/// Opens sealed keys under one root key and seals them under another.
pub(crate) trait Reseal {
    /// The key of a version; `None` for an authority.
    fn version(&self, row: &EntryRow) -> Result<Option<SealedKey>, SealError>;

    /// The key of a pending request.
    fn request(&self, row: &RequestRow) -> Result<SealedKey, SealError>;
}

impl Store {
    /// Goes over to the root key of `ledger`, kept by `slots` alone, if `check` agrees to what stands there with the lock
    /// held. Damage anywhere else stops it: nothing is vouched for again that the former root key did not vouch for.
    pub(crate) fn rekey(
        &mut self,
        ledger: &Arc<Ledger>,
        slots: &[Slot],
        check: &dyn Fn(&Read<'_>) -> Result<(), StoreError>,
        reseal: &dyn Reseal,
        event: Event,
    ) -> Result<Mark, StoreError> {
        let mut write = self.write()?;
        check(&write.as_read())?;
        write.seal_anew(ledger, slots, reseal)?;
        let mark = write.commit(event)?;
        self.ledger = Arc::clone(ledger);
        self.engine.trust()?;
        Ok(mark)
    }
}

impl Write<'_> {
    fn seal_anew(
        &mut self,
        ledger: &Arc<Ledger>,
        slots: &[Slot],
        reseal: &dyn Reseal,
    ) -> Result<(), StoreError> {
        let accounts = self.as_read().accounts()?;
        // These go over as they are.
        self.as_read().bindings()?;
        self.as_read().web_server()?;
        self.as_read().verify_log()?;
        self.go_over_to(Arc::clone(ledger));
        let mut heads = Vec::new();
        self.as_read().each_head(&mut |head| {
            heads.push(head?);
            Ok(())
        })?;
        for head in heads {
            self.versions_anew(&head, reseal)?;
            let former = head.content.clone();
            let renewed = self.current_anew(&head, reseal)?;
            self.put_head(&renewed, Some(&former))?;
        }
        for removed in self.as_read().all_removed(None, u32::MAX)? {
            self.versions_anew(&removed.head, reseal)?;
            let former = removed.head.content.clone();
            let renewed = self.current_anew(&removed.head, reseal)?;
            self.put_record(removed.key.clone(), renewed.to_record(), Some(&former), &renewed.content)?;
        }
        for mut row in self.as_read().requests()? {
            row.sealed = reseal.request(&row)?;
            self.put_request(&row);
        }
        for account in &accounts {
            self.put_account(account)?;
        }
        self.clear_slots()?;
        slots.iter().for_each(|slot| self.put_slot(slot));
        self.log_anew(ledger)
    }

    fn versions_anew(&self, head: &EntryHead, reseal: &dyn Reseal) -> Result<(), StoreError> {
        for number in head.first..head.version {
            let mut row = self.as_read().at_version(head.clone(), number)?.ok_or(RECORD)?;
            let former = self.as_read().former(head, number)?.ok_or(RECORD)?;
            row.content.sealed = reseal.version(&row)?;
            self.drop_sealed(&former);
            let content = self.content_of(&row.content)?;
            let key = key::version(&head.alias.key(), &head.id, number);
            self.put_record(key, content.to_record(), Some(&former), &content)?;
        }
        Ok(())
    }

    fn current_anew(&self, head: &EntryHead, reseal: &dyn Reseal) -> Result<EntryHead, StoreError> {
        let mut row = self.as_read().current(head.clone())?;
        row.content.sealed = reseal.version(&row)?;
        self.drop_sealed(&head.content);
        Ok(EntryHead { content: self.content_of(&row.content)?, ..head.clone() })
    }
}

impl Read<'_> {
    /// All versions of an entry, the current one last.
    pub(crate) fn all_versions(&self, head: &EntryHead) -> Result<Vec<EntryRow>, StoreError> {
        (head.first..=head.version)
            .map(|number| self.at_version(head.clone(), number)?.ok_or(RECORD))
            .collect()
    }
}

impl Write<'_> {
    /// Writes the whole log under the next root key, after following it.
    pub(super) fn log_anew(&mut self, ledger: &Ledger) -> Result<(), StoreError> {
        let mut number = self.as_read().log_cut()?.map_or(0, |cut| cut.number);
        loop {
            let from = log::key(number.saturating_add(1));
            let rows = self.change.range(Table::Log, &from, None, 500)?;
            if rows.is_empty() {
                return Ok(());
            }
            for (key, row) in rows {
                number = number.saturating_add(1);
                let (stored, _) = Stored::checked(&row, number, self.ledger)?;
                self.change.put(Table::Log, &key, &stored.under(ledger))?;
            }
        }
    }
}
