//! Copies of a store, and the way back from one.

use std::path::Path;

use super::{
    Read, Store, StoreError, Write,
    action::Action,
    engine::{Engine, Table},
    event::{Event, Happened},
    guard::RollbackGuard,
    records::EntryHead,
    rekey::Reseal,
    removed::Removed,
    state::State,
    tree::Cache,
};
use crate::seal::Slot;

/// Rows copied at a time.
const PAGE: usize = 1_000;

/// The entries of a store, removed ones included, by their heads.
#[derive(Debug, Default)]
pub(crate) struct Content {
    pub(crate) heads: Vec<EntryHead>,
    pub(crate) removed: Vec<EntryHead>,
}

impl Read<'_> {
    /// All entries; damage anywhere is an error.
    pub(crate) fn content(&self) -> Result<Content, StoreError> {
        let mut content = Content::default();
        self.each_head(&mut |head| {
            content.heads.push(head?);
            Ok(())
        })?;
        content.removed = self.all_removed(None, u32::MAX)?.into_iter().map(|removed| removed.head).collect();
        Ok(content)
    }

    /// Copies every row of this view, as it stands, into an empty engine.
    fn copy_rows(&self, to: &dyn Engine) -> Result<(), StoreError> {
        let mut change = to.begin()?;
        for table in Table::ALL {
            let mut from = Vec::new();
            loop {
                let rows = self.view().range(table, &from, None, PAGE)?;
                for (key, value) in &rows {
                    change.put(table, key, value)?;
                }
                match rows.last() {
                    Some((last, _)) if rows.len() == PAGE => from = [last.as_slice(), &[0]].concat(),
                    _ => break,
                }
            }
        }
        change.commit().map_err(super::engine::CommitError::into_error)
    }
}

impl Store {
    /// Copies the store as it is now into an empty engine.
    pub(crate) fn copy_to(&self, to: &dyn Engine) -> Result<(), StoreError> {
        self.read()?.copy_rows(to)
    }

    /// Copies what is whole into an empty engine, with a tree of its own; gives the aliases that were left out, and in
    /// brackets what else was.
    pub(crate) fn salvage_to(&self, to: &dyn Engine, event: Event) -> Result<Vec<String>, StoreError> {
        let read = self.read()?;
        let cache = Cache::default();
        let whole_log = match read.verify_log() {
            Ok(_) => true,
            Err(StoreError::Corrupt { .. }) => false,
            Err(other) => return Err(other),
        };
        let former = read.state().clone();
        let fresh = State::new(former.id, &self.ledger, former.guarded, former.created_at);
        let state = if whole_log {
            State { seq: former.seq, log_number: former.log_number, log_head: former.log_head, ..fresh }
        } else {
            State { seq: former.seq, ..fresh }
        };
        let mut change = to.begin()?;
        if whole_log {
            let mut from = Vec::new();
            loop {
                let rows = read.view().range(Table::Log, &from, None, PAGE)?;
                for (key, value) in &rows {
                    change.put(Table::Log, key, value)?;
                }
                match rows.last() {
                    Some((last, _)) if rows.len() == PAGE => from = [last.as_slice(), &[0]].concat(),
                    _ => break,
                }
            }
        }
        let write = Write::new(change, &self.ledger, &cache, state, to.is_remote());
        if whole_log {
            read.log_cut_records()?.into_iter().for_each(|(key, record)| write.put(key, record));
        }
        let mut lost = Lost::default();
        if !whole_log {
            lost.0.push("(the log)".to_owned());
        }
        write.take_whole_entries(&read, &mut lost)?;
        for (name, account) in lost.list("administrators", read.listed_accounts())? {
            if let Some(account) = lost.one(|| format!("the administrator \"{name}\""), account)? {
                write.put_account(&account)?;
            }
        }
        // Without them the copy could not be opened.
        for (number, slot) in read.slot_rows()? {
            match slot {
                Ok(slot) => write.put_slot(&slot),
                Err(_) => lost.0.push(format!("(slot {number})")),
            }
        }
        for (host, binding) in lost.list("bindings", read.listed_bindings())? {
            if let Some(binding) = lost.one(|| format!("the binding of \"{host}\""), binding)? {
                write.put_binding(&binding);
            }
        }
        if let Some(web_server) = lost.one(|| "what the web server shows".to_owned(), read.web_server())? {
            write.put_web_server(&web_server);
        }
        for (alias, request) in lost.list("pending requests", read.listed_requests())? {
            if let Some(request) = lost.one(|| format!("the pending request for {alias}"), request)? {
                write.put_request(&request);
            }
        }
        write.commit(event)?;
        Ok(lost.0)
    }

    /// Takes the store as it is, whatever its guard says, writes that into the log and sets the guard to where it stands.
    pub(crate) fn accept(
        &mut self,
        guard: &Path,
        refused: &'static str,
        actor: &str,
        at: i64,
    ) -> Result<(), StoreError> {
        self.set_guard(None, true);
        self.forget();
        let guard = RollbackGuard::at(guard, *self.ledger.store());
        let mut write = self.write()?;
        write.set_guarded();
        let mark = write.commit(Event {
            at,
            actor: actor.to_owned(),
            action: Action::AcceptRollback,
            alias: String::new(),
            fingerprint: String::new(),
            outcome: Happened::Refused(refused),
        })?;
        guard.reset(mark)?;
        self.set_guard(Some(guard), false);
        self.finish_commit(mark)
    }
}

/// What a copy of what is whole leaves out.
#[derive(Default)]
struct Lost(Vec<String>);

impl Lost {
    /// Notes what is damaged; any other failure ends the copy.
    fn one<T>(
        &mut self,
        what: impl FnOnce() -> String,
        found: Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        match found {
            Ok(found) => Ok(Some(found)),
            Err(StoreError::Corrupt { .. }) => {
                self.0.push(format!("({})", what()));
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }

    fn list<T>(&mut self, what: &str, found: Result<Vec<T>, StoreError>) -> Result<Vec<T>, StoreError> {
        Ok(self.one(|| format!("{what} whose names are lost"), found)?.unwrap_or_default())
    }
}

impl Write<'_> {
    /// Takes over what is whole of the entries, removed ones included.
    fn take_whole_entries(&self, from: &Read<'_>, lost: &mut Lost) -> Result<(), StoreError> {
        let walked = from.each_listed(&mut |alias, head| {
            match head.and_then(|head| self.take_over(from, &head, None, None)) {
                Err(StoreError::Corrupt { .. }) => lost.0.push(alias.to_owned()),
                other => other?,
            }
            Ok(())
        });
        lost.one(|| "entries whose names are lost".to_owned(), walked)?;
        for (alias, removed) in lost.list("removed entries", from.removed_listed(usize::MAX))? {
            let taken = removed.and_then(|removed| self.take_over(from, &removed.head, Some(&removed), None));
            lost.one(|| format!("the removed entry {alias}"), taken)?;
        }
        Ok(())
    }

    /// Puts an entry of another store, or of another time, with all its versions. `reseal` seals its keys for this one;
    /// without it they stay as they are.
    pub(crate) fn take_over(
        &self,
        from: &Read<'_>,
        head: &EntryHead,
        removed: Option<&Removed>,
        reseal: Option<&dyn Reseal>,
    ) -> Result<(), StoreError> {
        // All of it is read before the first of it is put.
        let mut rows = from.all_versions(head)?;
        if let Some(reseal) = reseal {
            for row in &mut rows {
                row.content.sealed = reseal.version(row)?;
            }
        }
        let mut renewed = head.clone();
        for row in &rows {
            let content = self.content_of(&row.content)?;
            if content.number < head.version {
                self.put_former(&renewed, &content)?;
            } else {
                renewed.content = content;
            }
        }
        match removed {
            Some(removed) => {
                self.put_record(removed.key.clone(), renewed.to_record(), None, &renewed.content)
            }
            None => {
                self.put_head(&renewed, None)?;
                self.index(rows.last().and_then(|row| row.content.leaf()), &renewed);
                Ok(())
            }
        }
    }

    /// Makes the content of the store that of a backup: its entries in place of today's. `slots` open it then; today's
    /// administrators stay, unless `with_access` brings the former ones.
    pub(crate) fn restore_from(
        &mut self,
        backup: &Read<'_>,
        slots: &[Slot],
        with_access: bool,
        reseal: &dyn Reseal,
    ) -> Result<(), StoreError> {
        let accounts = if with_access {
            backup.accounts()?
        } else {
            // As of the slots, what is damaged goes.
            self.as_read().listed_accounts()?.into_iter().filter_map(|(_, account)| account.ok()).collect()
        };
        let cut = self.as_read().log_cut_records()?;
        self.wipe();
        // The log goes on as it is.
        cut.into_iter().for_each(|(key, record)| self.put(key, record));
        let content = backup.content()?;
        for head in &content.heads {
            self.take_over(backup, head, None, Some(reseal))?;
        }
        for removed in backup.all_removed(None, u32::MAX)? {
            self.take_over(backup, &removed.head, Some(&removed), Some(reseal))?;
        }
        backup.bindings()?.iter().for_each(|binding| self.put_binding(binding));
        self.put_web_server(&backup.web_server()?);
        for mut row in backup.requests()? {
            row.sealed = reseal.request(&row)?;
            self.put_request(&row);
        }
        slots.iter().for_each(|slot| self.put_slot(slot));
        accounts.iter().try_for_each(|account| self.put_account(account))
    }
}
