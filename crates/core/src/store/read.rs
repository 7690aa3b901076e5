//! Reads: everything that they give was proved under the state of their own snapshot.

use std::cell::{Cell, RefCell};

use super::{
    StoreError,
    engine::{Table, View},
    key::{self, Tag},
    pending::Pending,
    state::{Mark, State},
    tree::{Cache, Item, Tree, record_hash},
};
use crate::seal::{Digest, Ledger};

pub(super) const RECORD: StoreError =
    StoreError::Corrupt { detail: "a record is missing, or is not authentic" };
pub(super) const BLOB: StoreError =
    StoreError::Corrupt { detail: "a certificate or a sealed key is missing, or is not authentic" };

enum Rows<'s> {
    Own(Box<dyn View + 's>),
    Of(&'s dyn View),
}

/// A consistent view for reading.
pub(crate) struct Read<'s> {
    rows: Rows<'s>,
    pub(super) ledger: &'s Ledger,
    cache: &'s Cache,
    state: State,
    /// What a change put so far; looked at first.
    pending: Option<&'s RefCell<Pending>>,
    remote: bool,
    /// Lost members are being looked for: what is lost meanwhile is not.
    mending: Cell<bool>,
}

/// A record in a list: what it holds, or why it cannot be shown.
pub(super) type Listed = (Vec<u8>, Result<Vec<u8>, StoreError>);

impl<'s> Read<'s> {
    pub(super) fn own(
        view: Box<dyn View + 's>,
        ledger: &'s Ledger,
        cache: &'s Cache,
        state: State,
        remote: bool,
    ) -> Self {
        Self { rows: Rows::Own(view), ledger, cache, state, pending: None, remote, mending: Cell::new(false) }
    }

    /// What a view shows under a state that proved authentic.
    pub(super) fn of_state(
        view: &'s dyn View,
        ledger: &'s Ledger,
        cache: &'s Cache,
        state: State,
        remote: bool,
    ) -> Self {
        let rows = Rows::Of(view);
        Self { rows, ledger, cache, state, pending: None, remote, mending: Cell::new(false) }
    }

    /// What a change sees.
    pub(super) fn within(
        view: &'s dyn View,
        ledger: &'s Ledger,
        cache: &'s Cache,
        state: State,
        pending: &'s RefCell<Pending>,
        remote: bool,
    ) -> Self {
        Self {
            rows: Rows::Of(view),
            ledger,
            cache,
            state,
            pending: Some(pending),
            remote,
            mending: Cell::new(false),
        }
    }

    pub(super) fn view(&self) -> &dyn View {
        match &self.rows {
            Rows::Own(view) => &**view,
            Rows::Of(view) => *view,
        }
    }

    pub(super) fn state(&self) -> &State {
        &self.state
    }

    /// Whether a rollback guard stands outside.
    pub(crate) fn is_guarded(&self) -> bool {
        self.state.guarded
    }

    /// Which commit it shows; `None` within a change, which shows what no commit has.
    pub(crate) fn mark(&self) -> Option<Mark> {
        self.pending.is_none().then(|| self.state.mark())
    }

    /// Works on the tree. Where pages of members were lost, they are made again from the heads.
    pub(super) fn tree<T>(
        &self,
        work: impl FnOnce(&Tree<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let members = |from: &[u8], to: Option<&[u8]>| self.members_between(from, to);
        work(&Tree::new(self.view(), self.cache, &self.state.root).with_members(&members))
    }

    /// How many commits there were.
    pub(crate) fn seq(&self) -> i64 {
        self.state.seq
    }

    pub(super) fn row(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.view().get_many(&[(table, key)])?.pop().flatten())
    }

    /// The value of a key, or the proof that there is none. A member has an empty value.
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if let Some(pending) = self.pending
            && let Some(put) = pending.borrow().records.get(key)
        {
            return Ok(put.as_ref().map(|value| value.clone().unwrap_or_default()));
        }
        self.stored(key)
    }

    /// Whether the change put or removed a record under the key.
    pub(super) fn is_put(&self, key: &[u8]) -> bool {
        self.pending.is_some_and(|pending| pending.borrow().records.contains_key(key))
    }

    /// The same of what was committed, whatever a change put since.
    fn stored(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let (item, record) = self.tree(|tree| {
            let record = if self.remote { Some(tree.fetch_path(key)?) } else { None };
            Ok((tree.find(key)?, record))
        })?;
        match item {
            None => Ok(None),
            Some(Item { hash: None, .. }) => Ok(Some(Vec::new())),
            Some(Item { hash: Some(hash), .. }) => {
                let record = match record {
                    Some(record) => record,
                    None => self.row(Table::Record, key)?,
                };
                let record = record.filter(|value| record_hash(key, value) == hash);
                record.map(Some).ok_or(RECORD)
            }
        }
    }

    /// Up to `limit` keys with `from` <= key < `to` in order, none left out.
    pub(super) fn items(
        &self,
        from: &[u8],
        to: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Item>, StoreError> {
        let Some(pending) = self.pending else {
            return self.tree(|tree| tree.items(from, to, limit));
        };
        let pending = pending.borrow();
        let inside = pending.records.range(from.to_vec()..);
        let inside: Vec<_> = inside.take_while(|(key, _)| to.is_none_or(|to| key.as_slice() < to)).collect();
        // Each of them can hide one of those that stand already.
        let mut items = self.tree(|tree| tree.items(from, to, limit.saturating_add(inside.len())))?;
        items.retain(|item| !pending.records.contains_key(&item.key));
        for (key, put) in inside {
            if let Some(value) = put {
                let hash = value.as_ref().map(|value| record_hash(key, value));
                items.push(Item { key: key.clone(), hash });
            }
        }
        items.sort();
        items.truncate(limit);
        Ok(items)
    }

    /// How many records there are whose keys begin with `prefix`.
    pub(super) fn records_under(&self, prefix: &[u8]) -> Result<u64, StoreError> {
        if self.pending.is_none() {
            return self.tree(|tree| tree.count(prefix));
        }
        let keys = self.keys(prefix, &[], usize::MAX)?;
        Ok(u64::try_from(keys.len()).unwrap_or(u64::MAX))
    }

    /// The keys that begin with `prefix`, after `after` where it lies behind that.
    pub(super) fn keys(&self, prefix: &[u8], after: &[u8], limit: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        let next = [after, &[0]].concat();
        let from = if after < prefix { prefix } else { next.as_slice() };
        let items = self.items(from, key::after(prefix).as_deref(), limit)?;
        Ok(items.into_iter().map(|item| item.key).collect())
    }

    /// The same with their values: what is damaged is named, and keeps its place.
    pub(super) fn list(&self, prefix: &[u8], after: &[u8], limit: usize) -> Result<Vec<Listed>, StoreError> {
        let next = [after, &[0]].concat();
        let from = if after < prefix { prefix } else { next.as_slice() };
        let items = self.items(from, key::after(prefix).as_deref(), limit)?;
        let wanted: Vec<(Table, &[u8])> =
            items.iter().map(|item| (Table::Record, item.key.as_slice())).collect();
        let rows = self.view().get_many(&wanted)?;
        let put = |key: &[u8]| -> Option<Vec<u8>> {
            self.pending?.borrow().records.get(key).cloned().flatten().flatten()
        };
        let listed = items.into_iter().zip(rows).map(|(Item { key, hash }, row)| {
            let value = match hash {
                None => Ok(Vec::new()),
                Some(hash) => {
                    let value = put(&key).or(row);
                    value.filter(|value| record_hash(&key, value) == hash).ok_or(RECORD)
                }
            };
            (key, value)
        });
        Ok(listed.collect())
    }

    /// Blobs by their digests, in the order asked for; one that is missing or wrong is `None`.
    pub(super) fn blobs(&self, digests: &[Digest]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let wanted: Vec<(Table, &[u8])> =
            digests.iter().map(|digest| (Table::Blob, digest.as_slice())).collect();
        let rows = if wanted.is_empty() { Vec::new() } else { self.view().get_many(&wanted)? };
        let pending = self.pending.map(RefCell::borrow);
        let found = digests.iter().zip(rows).map(|(digest, row)| {
            let put = pending.as_ref().and_then(|pending| pending.blobs.get(digest));
            match put {
                Some(put) => put.clone(),
                None => row.filter(|bytes| blob_digest(bytes) == *digest),
            }
        });
        Ok(found.collect())
    }

    /// Every member of a range, from the heads that they follow from: by reading all of them.
    fn members_between(&self, from: &[u8], to: Option<&[u8]>) -> Result<Vec<Vec<u8>>, StoreError> {
        let tags = Tag::MEMBERS.iter().any(|tag| {
            let (first, last) = ([tag.byte()], key::after(&[tag.byte()]));
            to.is_none_or(|to| first.as_slice() < to) && last.is_none_or(|last| last.as_slice() > from)
        });
        let mut found = Vec::new();
        if tags && !self.mending.replace(true) {
            let walked = self.each_head(&mut |head| {
                let row = self.current(head?)?;
                let leaf = row.content.leaf();
                let members =
                    leaf.map(|leaf| key::members(leaf, row.head.trust.is_some(), &row.head.alias.key()));
                found.extend(members.unwrap_or_default());
                Ok(())
            });
            self.mending.set(false);
            walked?;
        }
        found.retain(|key| key.as_slice() >= from && to.is_none_or(|to| key.as_slice() < to));
        found.sort();
        found.dedup();
        Ok(found)
    }
}

/// What names a blob.
pub(super) fn blob_digest(bytes: &[u8]) -> Digest {
    *crate::certificate::Fingerprint::of(bytes).as_bytes()
}
