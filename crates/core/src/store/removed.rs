//! Removed entries and former versions: kept until they are pruned, and found by nobody who asks for an alias.
//!
//! The head of a removed entry stands under another tag, with the commit that removed it in its key; of its members none
//! is left. What is found through an alias, a name, a key or a certificate is therefore never a removed entry.

use super::{
    Read, StoreError, Write,
    entries::Named,
    key::{self, Tag},
    read::RECORD,
    records::EntryHead,
};
use crate::{alias::Alias, certificate::Certificate};

/// A removed entry, and the key that it stands under.
#[derive(Clone, Debug)]
pub(crate) struct Removed {
    pub(super) key: Vec<u8>,
    pub(crate) head: EntryHead,
}

impl Read<'_> {
    /// Of the removed entries of an alias the one that was removed last.
    pub(crate) fn last_removed(&self, alias: &Alias) -> Result<Option<Removed>, StoreError> {
        let prefix = key::text(Tag::Removed, &alias.key());
        let last = self.keys(&prefix, &[], usize::MAX)?.pop();
        let Some(key) = last else {
            return Ok(None);
        };
        let record = self.get(&key)?.ok_or(RECORD)?;
        removed_at(key, &record).map(Some)
    }

    /// The removed entries of an alias, the one that was removed last comes last.
    pub(crate) fn removed_of(&self, alias: &Alias) -> Result<Vec<Removed>, StoreError> {
        let keys = self.keys(&key::text(Tag::Removed, &alias.key()), &[], usize::MAX)?;
        let found = keys.into_iter().map(|key| {
            let record = self.get(&key)?.ok_or(RECORD)?;
            removed_at(key, &record)
        });
        found.collect()
    }

    /// The removed entry as it is now; `None` if it was brought back or pruned.
    pub(crate) fn removed_again(&self, removed: &Removed) -> Result<Option<Removed>, StoreError> {
        let record = self.get(&removed.key)?;
        record.map(|record| removed_at(removed.key.clone(), &record)).transpose()
    }

    /// Up to `limit` removed entries after `after`, in the order of their aliases.
    pub(crate) fn all_removed(
        &self,
        after: Option<&Removed>,
        limit: u32,
    ) -> Result<Vec<Removed>, StoreError> {
        let after = after.map(|removed| removed.key.as_slice()).unwrap_or_default();
        let listed =
            self.list(&[Tag::Removed.byte()], after, usize::try_from(limit).unwrap_or(usize::MAX))?;
        listed.into_iter().map(|(key, record)| removed_at(key, &record?)).collect()
    }
}

fn removed_at(key: Vec<u8>, record: &[u8]) -> Result<Removed, StoreError> {
    let alias = key::alias_of(&key).ok_or(RECORD)?;
    let head = EntryHead::from_record(alias, record)?;
    if key.ends_with(&head.id) {
        Ok(Removed { key, head })
    } else {
        Err(StoreError::Corrupt { detail: "a removed entry has another name" })
    }
}

impl Read<'_> {
    /// Up to `limit` removed entries in the order of their aliases, each with its alias in lower case, and what is damaged in its
    /// place.
    pub(crate) fn removed_listed(&self, limit: usize) -> Result<Vec<Named<Removed>>, StoreError> {
        let listed = self.list(&[Tag::Removed.byte()], &[], limit)?;
        let named = listed.into_iter().map(|(key, record)| {
            let alias = key::alias_of(&key).ok_or(RECORD)?.to_owned();
            Ok((alias, record.and_then(|record| removed_at(key, &record))))
        });
        named.collect()
    }
}

impl Write<'_> {
    /// Removes an entry, whose leaf is `leaf` unless that is lost, at an instant: all its versions stay, and its alias is
    /// free.
    pub(crate) fn set_aside(
        &self,
        present: &EntryHead,
        leaf: Option<&Certificate>,
        at: i64,
    ) -> Result<(), StoreError> {
        let head = EntryHead { bound_to: None, removed_at: Some(at), ..present.clone() };
        let alias = head.alias.key();
        self.drop_record(key::text(Tag::Head, &alias), &head.content);
        self.unindex(leaf, &head)?;
        let key = key::removed(&alias, self.as_read().state().seq, &head.id);
        self.put_record(key, head.to_record(), None, &head.content)
    }

    /// Brings a removed entry back as it was; [`StoreError::AliasTaken`] if its alias is by now. One whose current version
    /// is damaged is found by nothing but its alias.
    pub(crate) fn bring_back(&self, removed: &Removed) -> Result<(), StoreError> {
        let head = &EntryHead { removed_at: None, ..removed.head.clone() };
        if self.as_read().head(&head.alias)?.is_some() {
            return Err(StoreError::AliasTaken { alias: head.alias.clone() });
        }
        self.drop_record(removed.key.clone(), &head.content);
        self.put_head(head, None)?;
        match self.as_read().current(head.clone()) {
            Ok(present) => self.index(present.content.leaf(), head),
            Err(StoreError::Corrupt { .. }) => {}
            Err(other) => return Err(other),
        }
        Ok(())
    }

    /// Deletes a removed entry with all its versions, and the certificates that nothing else needs.
    pub(crate) fn delete_removed(&self, removed: &Removed) -> Result<(), StoreError> {
        let head = &removed.head;
        self.delete_versions(head, head.version)?;
        self.drop_record(removed.key.clone(), &head.content);
        self.drop_sealed(&head.content);
        Ok(())
    }

    /// Deletes the former versions before version `before` of an entry, at an instant; of a removed entry those of that.
    pub(crate) fn delete_former(
        &self,
        head: &EntryHead,
        removed: Option<&Removed>,
        before: u32,
        at: i64,
    ) -> Result<(), StoreError> {
        self.delete_versions(head, before)?;
        let pruned = EntryHead { first: before.max(head.first), pruned_at: Some(at), ..head.clone() };
        match removed {
            Some(removed) => {
                let record = pruned.to_record();
                self.put_record(removed.key.clone(), record, Some(&head.content), &head.content)
            }
            None => self.put_head(&pruned, Some(&head.content)),
        }
    }

    fn delete_versions(&self, head: &EntryHead, before: u32) -> Result<(), StoreError> {
        for number in head.first..before.min(head.version) {
            let content = self.as_read().former(head, number)?.ok_or(RECORD)?;
            self.drop_record(key::version(&head.alias.key(), &head.id, number), &content);
            self.drop_sealed(&content);
        }
        Ok(())
    }
}
