//! Copies of a keystore, and the ways back from one.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use rustls_pki_types::UnixTime;

use super::{
    Keystore,
    options::{ACTOR, SharedOptions},
    protocol::{Asked, LogNote, Step},
    requests::{Pending, pending},
    reseal::Between,
    unseal,
};
use crate::{
    alias::Alias,
    certificate::Fingerprint,
    error::Error,
    instant::seconds,
    private_file::{self, FileError},
    seal::{RootKey, SealError, Slot, Unlock, UnlockSource},
    store::{
        Action, EntryHead, Event, Happened, Journal, Prepared, Read, SlotCheck, SqliteEngine, Store,
        StoreError, StoreReport, engine::LongChange, free_name, remove_file,
    },
};

/// A backup, opened beside the store that it is for. The file itself is not changed.
#[derive(Debug)]
pub struct Backup {
    pub(super) keystore: Keystore,
    /// Where what opened it is kept, for the slot that it gets.
    pub(super) source: UnlockSource,
    label: Option<String>,
    pub(super) prepared: Prepared,
}

/// How a backup is put back.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct RestoreOptions {
    /// Takes a backup of another store.
    pub other_store: bool,
    /// Brings back the administrators of the backup, in place of today's, and adds the slot that opened the backup.
    pub with_access: bool,
}

/// What a restore would change.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct RestorePlan {
    /// CA certificates that come back.
    pub authorities_back: Vec<Alias>,
    /// CA certificates that go.
    pub authorities_gone: Vec<Alias>,
    /// Server entries that come back.
    pub entries_back: Vec<Alias>,
    /// Server entries that go.
    pub entries_gone: Vec<Alias>,
    /// Entries that have another certificate in the backup.
    pub changed: Vec<Alias>,
    /// Pending certificate requests that come back.
    pub requests_back: Vec<Alias>,
    /// Pending certificate requests that go, with the private keys for which a CA may be making certificates.
    pub requests_gone: Vec<Alias>,
    /// The administrators of the backup.
    pub administrators: Vec<String>,
    /// Slots of today that are damaged, and go.
    pub slots_gone: Vec<u32>,
    /// Administrators of today that are damaged, and go: none if those of the backup come in their place.
    pub administrators_gone: Vec<String>,
    /// Whether the backup is of another store.
    pub other_store: bool,
}

impl Backup {
    /// Opens a backup for the store at `store`, and verifies every row and every key of it.
    ///
    /// # Errors
    ///
    /// [`StoreError::BadBackup`] with the first problem; the errors of [`Keystore::open`] if `unlock` does not open it.
    pub fn open<'u>(file: &Path, store: &Path, unlock: impl Into<Unlock<'u>>) -> Result<Self, Error> {
        let prepared = Prepared::new(file, store)?;
        let engine = Box::new(SqliteEngine::open(&prepared.path, true).map_err(of_backup)?);
        let check = SlotCheck::Opener;
        let (root, slot) = Store::find_root(&*engine, unlock.into(), check).map_err(of_backup)?;
        let opened = Store::unlock(engine, Some(prepared.path.clone()), root.ledger(), &slot, check)
            .map_err(of_backup)?;
        let keystore = read_copy(opened, Arc::new(root));
        let backup = Self { keystore, source: slot.source, label: slot.label, prepared };
        whole(backup.keystore.verify_store()?)?;
        Ok(backup)
    }

    /// Where what opened the backup is kept now, if that is not where its slot says.
    pub fn set_source(&mut self, source: UnlockSource) {
        self.source = source;
    }

    /// What is in it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it cannot be read any more.
    pub fn report(&self) -> Result<StoreReport, Error> {
        self.keystore.verify_store()
    }
}

/// A copy has the mark of a guarded store, and no guard.
pub(super) fn read_copy(mut store: Store, root: Arc<RootKey>) -> Keystore {
    store.set_guard(None, true);
    Keystore::new(store, root, ACTOR, SharedOptions::default())
}

impl Keystore {
    /// Writes a consistent copy of the store to a new file, 0600, while others read and write, and verifies it before it
    /// gets its name. The unlock key is not in it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Exists`] if there is a file already; [`StoreError::NotWhole`] if the store is damaged.
    pub fn backup(&self, to: &Path, at: UnixTime) -> Result<StoreReport, Error> {
        let report = write_beside(to, |engine, path| {
            let root = self.shared.read_for_long(|store, root| {
                store.copy_to(&engine)?;
                Ok(Arc::clone(root))
            })?;
            engine.close()?;
            let engine = Box::new(SqliteEngine::open(path, true)?);
            let store = Store::unlock_copy(engine, Some(path), root.ledger())?;
            let report = read_copy(store, root).verify_store()?;
            match report.problems.first() {
                None => Ok(report),
                Some(problem) => Err(StoreError::NotWhole { problem: problem.to_string() }.into()),
            }
        })?;
        if !self.is_read_only() {
            self.log_backup(&to.display().to_string(), at)?;
        }
        Ok(report)
    }

    /// Writes a copy of what is whole, and verifies that; gives the aliases that are not in it, and in brackets
    /// what else is not.
    ///
    /// # Errors
    ///
    /// [`StoreError::Exists`] if there is a file already; [`StoreError::Corrupt`] if not even the state of the store is authentic.
    pub fn salvage(&self, to: &Path, at: UnixTime) -> Result<(StoreReport, Vec<String>), Error> {
        let event = Event {
            at: seconds(at),
            actor: self.actor.to_string(),
            action: Action::Backup,
            alias: String::new(),
            fingerprint: String::new(),
            outcome: Happened::Written,
        };
        write_beside(to, |engine, path| {
            let (lost, root) = self.shared.read_for_long(|store, root| {
                Ok((store.salvage_to(&engine, event.clone())?, Arc::clone(root)))
            })?;
            engine.close()?;
            let engine = Box::new(SqliteEngine::open(path, true)?);
            let store = Store::unlock_copy(engine, Some(path), root.ledger())?;
            Ok((whole(read_copy(store, root).verify_store()?)?, lost))
        })
    }

    /// What a restore of this backup would change.
    ///
    /// # Errors
    ///
    /// [`StoreError::OtherStore`] unless `options` allow that.
    pub fn plan_restore(&self, backup: &Backup, options: RestoreOptions) -> Result<RestorePlan, Error> {
        self.same_store(backup, options)?;
        let today = self.reading(known)?;
        let then = backup.keystore.reading(known)?;
        let mut plan = RestorePlan::default();
        for (alias, (name, authority, leaf)) in &then {
            match (today.get(alias), authority) {
                (None, true) => plan.authorities_back.push(name.clone()),
                (None, false) => plan.entries_back.push(name.clone()),
                (Some((_, _, present)), _) if present != leaf => plan.changed.push(name.clone()),
                _ => {}
            }
        }
        for (_, (name, authority, _)) in today.iter().filter(|(alias, _)| !then.contains_key(*alias)) {
            if *authority { &mut plan.authorities_gone } else { &mut plan.entries_gone }.push(name.clone());
        }
        let (today, then) = (self.reading(pending)?, backup.keystore.reading(pending)?);
        plan.requests_back = only_in(&then, &today);
        plan.requests_gone = only_in(&today, &then);
        plan.other_store = !self.is_copied_by(backup);
        let slots = self.reading(|read| read.slot_rows())?;
        plan.slots_gone =
            slots.into_iter().filter(|(_, slot)| slot.is_err()).map(|(number, _)| number).collect();
        if !options.with_access {
            let listed = self.listed_administrators()?.into_iter();
            plan.administrators_gone =
                listed.filter(|(_, found)| found.is_err()).map(|(name, _)| name).collect();
        }
        plan.administrators =
            backup.keystore.administrators()?.into_iter().map(|administrator| administrator.name).collect();
        Ok(plan)
    }

    pub(super) fn is_copied_by(&self, backup: &Backup) -> bool {
        backup.keystore.shared.root().ledger().store() == self.shared.root().ledger().store()
    }

    fn same_store(&self, backup: &Backup, options: RestoreOptions) -> Result<(), Error> {
        if self.is_copied_by(backup) || options.other_store {
            Ok(())
        } else {
            Err(StoreError::OtherStore.into())
        }
    }

    /// Makes the content of this store that of a backup, as a change like any other: its sequence and its log go on, and
    /// whoever has it open sees the change. Private keys are sealed again under today's root key. Today's slots and
    /// administrators stay, unless `options` say otherwise; of both those that are whole. The log goes on as it is: where that
    /// is damaged, the report says so. `unlock` is what opened the
    /// backup: with its administrators it opens the store as well, unless it is a key that is for another store.
    ///
    /// # Errors
    ///
    /// [`StoreError::OtherStore`] unless `options` allow that; [`StoreError::Corrupt`] if today's state cannot be proved.
    pub fn restore(
        &self,
        backup: &Backup,
        unlock: Option<Unlock<'_>>,
        options: RestoreOptions,
        at: UnixTime,
    ) -> Result<StoreReport, Error> {
        let asked = Asked { action: Action::Restore, about: "", at: seconds(at) };
        let allowed = self.same_store(backup, options);
        self.log_refusal(asked, allowed)?;
        self.still_there()?;
        let _announced = self.shared.announce(LongChange::Restore)?;
        let (source, label) = (backup.source.clone(), backup.label.clone());
        let ours = *self.shared.root().ledger().store();
        let unlock =
            unlock.filter(|unlock| options.with_access && unlock.store().is_none_or(|store| store == ours));
        backup.keystore.shared.with_snapshot(|from, theirs| {
            self.change(
                asked,
                |write, by| {
                    let mut slots: Vec<Slot> =
                        write.as_read().slot_rows()?.into_iter().filter_map(|(_, slot)| slot.ok()).collect();
                    if let Some(unlock) = unlock {
                        let mut opens = false;
                        for slot in &slots {
                            opens |= by.root.fits(slot, unlock)?;
                        }
                        let free = (0..8).find(|number| slots.iter().all(|slot| slot.number != *number));
                        if !opens {
                            let number = free.ok_or(SealError::NoFreeSlot)?;
                            slots.push(Slot { label, ..by.root.slot(number, source, unlock, by.at)? });
                        }
                    }
                    let reseal = Between { from: theirs, to: by.root };
                    write.restore_from(from, &slots, options.with_access, &reseal)?;
                    Ok(Step::Changed((), LogNote::plain("", Happened::Restored)))
                },
                |read, _, ()| Ok(known(read)? == known(from)? && pending(read)? == pending(from)?),
            )
        })?;
        self.verify_store()
    }

    /// Takes one entry, with all its versions, out of a backup: in place of one that is damaged, or missing; with `replace`
    /// also in place of a whole one, whose versions go.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] if the backup has no such entry, [`StoreError::AliasTaken`] if the entry is whole.
    pub fn restore_only(
        &self,
        backup: &Backup,
        alias: &Alias,
        replace: bool,
        options: RestoreOptions,
        at: UnixTime,
    ) -> Result<(), Error> {
        let asked = Asked { action: Action::Restore, about: alias.as_str(), at: seconds(at) };
        let allowed = self.same_store(backup, options);
        self.log_refusal(asked, allowed)?;
        backup.keystore.shared.with_snapshot(|from, theirs| {
            self.change(
                asked,
                |write, by| {
                    let head: EntryHead =
                        from.head(alias)?.ok_or_else(|| StoreError::NotFound { alias: alias.clone() })?;
                    let present = write.as_read().entry(alias);
                    match present {
                        Ok(None) => {}
                        Ok(Some(row)) if !replace => {
                            return Err(StoreError::AliasTaken { alias: row.head.alias }.into());
                        }
                        Ok(Some(_)) | Err(StoreError::Corrupt { .. }) => write.remove_damaged(alias)?,
                        Err(other) => return Err(other.into()),
                    }
                    write.take_over(from, &head, None, Some(&Between { from: theirs, to: by.root }))?;
                    let leaf =
                        from.entry(alias)?.and_then(|row| row.content.leaf().map(|leaf| leaf.fingerprint));
                    let note = LogNote {
                        fingerprint: leaf.map(|leaf| leaf.to_string()).unwrap_or_default(),
                        ..LogNote::plain(head.alias.as_str(), Happened::Restored)
                    };
                    Ok(Step::Changed(leaf, note))
                },
                |read, root, leaf| {
                    let row = read.entry(alias)?;
                    Ok(row.is_some_and(|row| {
                        row.content.leaf().map(|leaf| leaf.fingerprint) == *leaf && unseal(root, &row).is_ok()
                    }))
                },
            )
            .map(drop)
        })
    }
}

/// The aliases whose requests are in one of two stores alone; a request made a second time is another one.
fn only_in(one: &Pending, other: &Pending) -> Vec<Alias> {
    let differs = |(key, (_, spki)): &(&String, &(Alias, Fingerprint))| {
        other.get(*key).is_none_or(|(_, present)| present != spki)
    };
    one.iter().filter(differs).map(|(_, (alias, _))| alias.clone()).collect()
}

/// Writes a database under another name beside `to`, and gives it its name when it is whole.
fn write_beside<T>(
    to: &Path,
    write: impl FnOnce(SqliteEngine, &Path) -> Result<T, Error>,
) -> Result<T, Error> {
    if to.symlink_metadata().is_ok() {
        return Err(StoreError::Exists { path: to.to_owned() }.into());
    }
    let partial = free_name(to, ".partial");
    let written = SqliteEngine::create(&partial, Journal::Rollback)
        .map_err(Error::from)
        .and_then(|engine| write(engine, &partial))
        .and_then(|value| {
            // Fails where something has the name by now.
            fs::hard_link(&partial, to).map_err(|error| match FileError::io("create", to, error) {
                FileError::Exists { path } => StoreError::Exists { path },
                other => other.into(),
            })?;
            Ok(value)
        });
    remove_file(&partial);
    if written.is_ok() {
        private_file::sync(to)?;
    }
    written
}

type Known = BTreeMap<String, (Alias, bool, Option<Fingerprint>)>;

/// The entries by their aliases in lower case: the alias, whether it is a CA certificate, and the leaf. One that is
/// damaged has none.
fn known(read: &Read<'_>) -> Result<Known, StoreError> {
    let mut known = Known::new();
    read.each_listed(&mut |key, head| {
        let entry = match head {
            Ok(head) => (head.alias.clone(), head.trust.is_some(), head.leaf()),
            Err(StoreError::Corrupt { .. }) => {
                let alias =
                    key.parse().map_err(|_| StoreError::Corrupt { detail: "an alias is not valid" })?;
                (alias, false, None)
            }
            Err(other) => return Err(other),
        };
        known.insert(key.to_owned(), entry);
        Ok(())
    })?;
    Ok(known)
}

/// What is damaged is the backup, and not the store.
fn of_backup(error: StoreError) -> Error {
    let problem = match &error {
        StoreError::Corrupt { detail } => (*detail).to_owned(),
        StoreError::Seal(damaged @ (SealError::Damaged | SealError::SlotsDamaged)) => damaged.to_string(),
        StoreError::Seal(other) => return (*other).into(),
        _ => return error.into(),
    };
    StoreError::BadBackup { problem }.into()
}

pub(super) fn whole(report: StoreReport) -> Result<StoreReport, Error> {
    match report.problems.first() {
        None => Ok(report),
        Some(problem) => Err(StoreError::BadBackup { problem: problem.to_string() }.into()),
    }
}
