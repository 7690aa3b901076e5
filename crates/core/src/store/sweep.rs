//! What nothing names any more, and goes with the change that made it so.

use std::collections::BTreeSet;

use super::{
    StoreError, Write,
    engine::Table,
    key::{self, Tag},
    read::RECORD,
    records::{Content, EntryHead},
    whole_table::keys,
};
use crate::seal::Digest;

impl Write<'_> {
    /// Certificates that no record names any more.
    pub(super) fn sweep(&self) -> Result<(), StoreError> {
        let mut pending = self.pending.borrow_mut();
        let gone: Vec<Digest> = pending
            .uses
            .iter()
            .filter(|(_, added)| !**added)
            .filter_map(|(key, _)| key.get(..32)?.try_into().ok())
            .collect();
        let mut last = None;
        for digest in gone {
            if last.replace(digest) == Some(digest) {
                continue;
            }
            let of = |key: &[u8]| key.starts_with(&digest);
            let changed: Vec<_> =
                pending.uses.range(digest.to_vec()..).take_while(|(key, _)| of(key)).collect();
            if changed.iter().any(|(_, added)| **added) {
                continue;
            }
            let limit = changed.len().saturating_add(1);
            let rows = self.change.range(Table::Use, &digest, key::after(&digest).as_deref(), limit)?;
            if rows.iter().all(|(key, _)| pending.uses.get(key) == Some(&false)) {
                pending.blobs.insert(digest, None);
            }
        }
        Ok(())
    }

    /// Something is removed of which it is not known what it named.
    pub(super) fn leaves_orphans(&self) {
        self.pending.borrow_mut().orphans = true;
    }

    /// What nothing names any more, found by reading everything. Where more is damaged, nothing is deleted: it may be
    /// what a damaged entry named.
    pub(super) fn sweep_orphans(&self) -> Result<(), StoreError> {
        let read = self.as_read();
        let (mut named, mut uses) = (BTreeSet::new(), BTreeSet::new());
        let mut name = |key: Vec<u8>, content: &Content| {
            for digest in content.certificates() {
                uses.insert([digest.as_slice(), &key].concat());
                named.insert(digest);
            }
            named.extend(content.sealed);
        };
        let former = |head: &EntryHead, name: &mut dyn FnMut(Vec<u8>, &Content)| -> Result<(), StoreError> {
            for number in head.first..head.version {
                let content = read.former(head, number)?.ok_or(RECORD)?;
                name(key::version(&head.alias.key(), &head.id, number), &content);
            }
            Ok(())
        };
        let walked = read
            .each_head(&mut |head| {
                let head = head?;
                name(key::text(Tag::Head, &head.alias.key()), &head.content);
                former(&head, &mut name)
            })
            .and_then(|()| {
                for removed in read.all_removed(None, u32::MAX)? {
                    name(removed.key.clone(), &removed.head.content);
                    former(&removed.head, &mut name)?;
                }
                Ok(())
            });
        match walked {
            Err(StoreError::Corrupt { .. }) => return Ok(()),
            other => other?,
        }
        let mut pending = self.pending.borrow_mut();
        for key in keys(&*self.change, Table::Blob)? {
            if let Ok(digest) = Digest::try_from(key.as_slice())
                && !named.contains(&digest)
            {
                pending.blobs.insert(digest, None);
            }
        }
        for key in keys(&*self.change, Table::Use)? {
            if !uses.contains(&key) {
                pending.uses.insert(key, false);
            }
        }
        Ok(())
    }
}
