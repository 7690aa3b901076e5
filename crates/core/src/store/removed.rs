//! Removed entries and former versions: kept until they are pruned, and found by nobody who asks for an alias.
//!
//! A removed entry keeps its rows; of its lookups none is left but one under its alias and the commit that removed it, and
//! one that leads there from the entry. What is found through an alias, a name, a key or a certificate is therefore never a removed entry, and that it is one is as
//! authentic as a lookup is. The same way a lookup says where the versions of an entry begin, if some were pruned.

use rusqlite::named_params;

use super::{
    Read, StoreError, Write,
    entries::{EntryHead, EntryRow, certificate_mac},
    lookup::{LOST, alias_key, entry_id},
};
use crate::{alias::Alias, certificate::Fingerprint, seal::EntryId};

/// The most entries that are named as needing a CA certificate.
const MAX_DEPENDENTS: u32 = 10_000;

/// All lookups of removed entries begin so.
const REMOVED: &[u8] = b"d";

fn removed_prefix(alias: &str) -> Vec<u8> {
    [REMOVED, alias.as_bytes(), b"\0"].concat()
}

/// Of the removals of one alias the later one comes later.
fn removed_key(alias: &str, seq: i64, id: &EntryId) -> Vec<u8> {
    [removed_prefix(alias).as_slice(), &seq.to_be_bytes(), id].concat()
}

/// What leads from a removed entry to its lookup.
fn removal_key(id: &EntryId) -> Vec<u8> {
    [b"r", id.as_slice()].concat()
}

fn first_version_key(id: &EntryId) -> Vec<u8> {
    [b"v", id.as_slice()].concat()
}

/// A removed entry, and the lookup that leads to it.
#[derive(Clone, Debug)]
pub(crate) struct Removed {
    key: Vec<u8>,
    pub(crate) head: EntryHead,
}

impl Read<'_> {
    /// Of the removed entries of an alias the one that was removed last.
    pub(crate) fn last_removed(&self, alias: &Alias) -> Result<Option<Removed>, StoreError> {
        let prefix = removed_prefix(&alias.key());
        // After every commit, and every identifier.
        let end = [prefix.as_slice(), &[u8::MAX; 8 + size_of::<EntryId>()]].concat();
        let last = self.floor(&end)?;
        if !last.precedes(&end) {
            return Err(LOST);
        }
        if last.key.starts_with(&prefix) {
            self.removed_at(last.key, &last.value).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Up to `limit` removed entries after `after`, in the order of their aliases.
    pub(crate) fn all_removed(
        &self,
        after: Option<&Removed>,
        limit: u32,
    ) -> Result<Vec<Removed>, StoreError> {
        let after = after.map(|removed| removed.key.as_slice()).unwrap_or_default();
        let links = self.scan(REMOVED, after, limit)?;
        links.into_iter().map(|link| self.removed_at(link.key, &link.value)).collect()
    }

    fn removed_at(&self, key: Vec<u8>, value: &[u8]) -> Result<Removed, StoreError> {
        let head = self.head_of(&entry_id(value)?)?;
        if key.starts_with(&removed_prefix(&head.alias.key())) && key.ends_with(&head.id) {
            Ok(Removed { key, head })
        } else {
            Err(StoreError::Corrupt { detail: "a removed entry has another alias" })
        }
    }

    /// Whether an entry was removed; one that neither its alias nor a removal leads to is damage.
    pub(super) fn is_removed(&self, head: &EntryHead) -> Result<bool, StoreError> {
        if self.find(&alias_key(&head.alias.key()))?.as_deref() == Some(head.id.as_slice()) {
            return Ok(false);
        }
        if let Some(key) = self.find(&removal_key(&head.id))?
            && key.starts_with(&removed_prefix(&head.alias.key()))
            && self.find(&key)?.as_deref() == Some(head.id.as_slice())
        {
            return Ok(true);
        }
        Err(StoreError::Corrupt { detail: "a lookup leads elsewhere" })
    }

    /// The number of an entry's oldest version: 1, unless former versions were pruned.
    pub(crate) fn first_version(&self, id: &EntryId) -> Result<u32, StoreError> {
        let Some(value) = self.find(&first_version_key(id))? else {
            return Ok(1);
        };
        let number = <[u8; 4]>::try_from(value.as_slice()).map(u32::from_be_bytes);
        number.map_err(|_| StoreError::Corrupt { detail: "a lookup has no version" })
    }

    /// The server entries whose chain has a certificate above the leaf.
    pub(crate) fn dependents(&self, certificate: &Fingerprint) -> Result<Vec<Alias>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT DISTINCT ch.entry FROM chain ch
             JOIN entry e ON e.id = ch.entry AND e.version = ch.version AND e.trust IS NULL
             WHERE ch.certificate = :sha256 AND ch.position > 0 LIMIT :limit",
        )?;
        let parameters = named_params! { ":sha256": certificate.as_bytes(), ":limit": MAX_DEPENDENTS };
        let mut rows = statement.query(parameters)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let head = self.head_of(&entry_id(&row.get::<_, Vec<u8>>(0)?)?)?;
            if !self.is_removed(&head)? {
                found.push(head.alias);
            }
        }
        found.sort_by_key(Alias::key);
        Ok(found)
    }
}

impl Write<'_> {
    /// Removes an entry: all its versions stay, and its alias is free.
    pub(crate) fn set_aside(&self, present: &EntryRow) -> Result<(), StoreError> {
        let EntryRow { head, content } = present;
        let alias = head.alias.key();
        self.remove_key(&alias_key(&alias))?;
        self.unindex(content.leaf(), head.trust.is_some(), &head.id)?;
        let key = removed_key(&alias, self.state.borrow().seq, &head.id);
        if !self.add_key(&key, &head.id)? || !self.add_key(&removal_key(&head.id), &key)? {
            return Err(StoreError::Corrupt { detail: "an entry was removed already" });
        }
        self.bind(head, None)
    }

    /// Brings a removed entry back as it was; [`StoreError::AliasTaken`] if its alias is by now.
    pub(crate) fn bring_back(&self, removed: &Removed) -> Result<(), StoreError> {
        let head = &removed.head;
        self.forget_removal(removed)?;
        if !self.add_key(&alias_key(&head.alias.key()), &head.id)? {
            return Err(StoreError::AliasTaken { alias: head.alias.clone() });
        }
        let present = self.as_read().current(head.clone())?;
        self.index(present.content.leaf(), head.trust.is_some(), &head.id)
    }

    fn forget_removal(&self, removed: &Removed) -> Result<(), StoreError> {
        self.remove_key(&removed.key)?;
        self.remove_key(&removal_key(&removed.head.id))
    }

    /// Deletes a removed entry with all its versions, and the certificates that nothing else needs; says how many
    /// versions that were.
    pub(crate) fn delete(&self, removed: &Removed) -> Result<u32, StoreError> {
        let head = &removed.head;
        let first = self.as_read().first_version(&head.id)?;
        let held = self.delete_versions(head, first, head.version.saturating_add(1))?;
        if first > 1 {
            self.remove_key(&first_version_key(&head.id))?;
        }
        self.forget_removal(removed)?;
        self.toggle_row(&head.mac);
        self.transaction
            .prepare_cached("DELETE FROM entry WHERE id = :id")?
            .execute(named_params! { ":id": head.id })?;
        self.delete_unused(held)?;
        Ok(head.version.saturating_add(1).saturating_sub(first))
    }

    /// Deletes the former versions of an entry; says how many there were.
    pub(crate) fn delete_former(&self, head: &EntryHead) -> Result<u32, StoreError> {
        let first = self.as_read().first_version(&head.id)?;
        if first >= head.version {
            return Ok(0);
        }
        let held = self.delete_versions(head, first, head.version)?;
        let key = first_version_key(&head.id);
        if first > 1 {
            self.remove_key(&key)?;
        }
        self.add_key(&key, &head.version.to_be_bytes())?;
        self.delete_unused(held)?;
        Ok(head.version.saturating_sub(first))
    }

    /// Deletes the versions from `first` to before `end`; gives the certificates that they had.
    fn delete_versions(
        &self,
        head: &EntryHead,
        first: u32,
        end: u32,
    ) -> Result<Vec<Fingerprint>, StoreError> {
        let mut held = Vec::new();
        for number in first..end {
            let row = self.as_read().at_version(head.clone(), number)?;
            let content = row.ok_or(StoreError::Corrupt { detail: "a version is missing" })?.content;
            self.toggle_row(&content.mac);
            held.extend(content.fingerprints());
            // The rows of its chain go with it.
            self.transaction
                .prepare_cached("DELETE FROM version WHERE entry = :entry AND number = :number")?
                .execute(named_params! { ":entry": head.id, ":number": number })?;
        }
        Ok(held)
    }

    fn delete_unused(&self, mut held: Vec<Fingerprint>) -> Result<(), StoreError> {
        held.sort();
        held.dedup();
        let mut unused = self.transaction.prepare_cached(
            "DELETE FROM certificate WHERE sha256 = :sha256
             AND NOT EXISTS (SELECT 1 FROM chain WHERE certificate = :sha256)",
        )?;
        for fingerprint in held {
            let sha256 = fingerprint.as_bytes();
            if unused.execute(named_params! { ":sha256": sha256 })? > 0 {
                self.toggle_row(&certificate_mac(sha256, self.ledger));
            }
        }
        Ok(())
    }
}
