//! Entries of which something is damaged: what of them is whole all the same, and how they are replaced and removed.

use super::{
    Read, StoreError, Write,
    change::NewVersion,
    key::{self, Tag},
    records::{Content, EntryHead},
};
use crate::{alias::Alias, seal::EntryId};

/// An entry that cannot be read as it is now.
pub(crate) enum Damaged {
    /// What its alias stands for is whole, and so are these former versions.
    Version { head: Box<EntryHead>, whole: Vec<u32> },
    /// What its alias stands for is not; so many former versions are whole all the same.
    Head { whole: u32 },
}

impl Read<'_> {
    /// What is whole of an entry that cannot be read.
    pub(crate) fn damaged(&self, alias: &Alias) -> Result<Damaged, StoreError> {
        match self.head(alias) {
            Ok(Some(head)) => Ok(Damaged::Version { whole: self.whole_former(&head)?, head: head.into() }),
            Ok(None) | Err(StoreError::Corrupt { .. }) => {
                let mut whole = 0;
                for key in self.versions_without_head(alias)? {
                    let version = self.get(&key).and_then(|record| {
                        self.check_whole(Content::from_record(&record.unwrap_or_default())?)
                    });
                    whole += u32::from(is_whole(version)?);
                }
                Ok(Damaged::Head { whole })
            }
            Err(other) => Err(other),
        }
    }

    /// The numbers of the former versions that can be read, in order.
    pub(crate) fn whole_former(&self, head: &EntryHead) -> Result<Vec<u32>, StoreError> {
        let mut whole = Vec::new();
        for number in head.first..head.version {
            if is_whole(self.at_version(head.clone(), number).map(drop))? {
                whole.push(number);
            }
        }
        Ok(whole)
    }

    /// Why the version that an entry has now cannot be used, and what can be.
    pub(crate) fn version_damaged(&self, head: &EntryHead) -> StoreError {
        let whole = self.whole_former(head).unwrap_or_default().pop();
        StoreError::VersionDamaged { alias: head.alias.clone(), version: head.version, whole }
    }

    /// The keys of the versions under an alias that can be told apart from what removed entries of the alias have.
    fn versions_without_head(&self, alias: &Alias) -> Result<Vec<Vec<u8>>, StoreError> {
        let name = alias.key();
        // The key of each ends with its name.
        let removed = self.keys(&key::text(Tag::Removed, &name), &[], usize::MAX)?;
        let kept: Vec<EntryId> = removed.iter().filter_map(|key| key.last_chunk().copied()).collect();
        let mut keys = self.keys(&key::text(Tag::Version, &name), &[], usize::MAX)?;
        keys.retain(|key| !kept.iter().any(|id| key.starts_with(&key::versions(&name, id))));
        Ok(keys)
    }
}

fn is_whole(found: Result<(), StoreError>) -> Result<bool, StoreError> {
    match found {
        Ok(()) => Ok(true),
        Err(StoreError::Corrupt { .. }) => Ok(false),
        Err(other) => Err(other),
    }
}

impl Write<'_> {
    /// Stores a version in place of all that an entry had, of which nothing is whole. The numbers go on.
    pub(crate) fn start_over(&self, former: &EntryHead, version: NewVersion<'_>) -> Result<(), StoreError> {
        self.remove_damaged(&former.alias)?;
        let (at, leaf) = (version.at, version.chain.first().map(|leaf| leaf.certificate.clone()));
        let content = self.content(version)?;
        let number = content.number;
        let head =
            EntryHead { version: number, first: number, pruned_at: Some(at), content, ..former.clone() };
        self.put_head(&head, None)?;
        self.index(leaf.as_ref(), &head);
        Ok(())
    }

    /// Removes an entry of which nothing is to be kept: everything that stands under its alias and can be told apart from
    /// what removed entries of the alias have.
    pub(crate) fn remove_damaged(&self, alias: &Alias) -> Result<(), StoreError> {
        let name = alias.key();
        self.as_read().versions_without_head(alias)?.into_iter().for_each(|key| self.delete(key));
        self.unindex_by_reading(&name)?;
        self.delete(key::text(Tag::Head, &name));
        self.leaves_orphans();
        Ok(())
    }

    /// Removes the members of an entry whose certificate is lost: they are found by reading all of them.
    pub(super) fn unindex_by_reading(&self, alias: &str) -> Result<(), StoreError> {
        for tag in Tag::MEMBERS {
            let members = self.as_read().keys(&[tag.byte()], &[], usize::MAX)?;
            for key in members.into_iter().filter(|key| key::alias_of_member(key) == Some(alias)) {
                self.delete(key);
            }
        }
        Ok(())
    }
}

impl StoreError {
    /// What a list shows of one thing: where that is damaged, the damage stands in its place; any other error ends the list.
    ///
    /// # Errors
    ///
    /// Every error but [`Corrupt`](Self::Corrupt).
    pub(crate) fn listed<T>(shown: Result<T, Self>) -> Result<Result<T, Self>, Self> {
        match shown {
            Err(other) if !matches!(other, Self::Corrupt { .. }) => Err(other),
            shown => Ok(shown),
        }
    }
}
