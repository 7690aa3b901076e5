//! Rows that were lost or changed, made again from what stands below them: what comes out is proved by the row above, so
//! that nothing has to be believed.

use std::sync::Arc;

use super::{
    InnerRef, Item, Node, Root, Tree, Update, after, digits, floor_key,
    node::{is_page_path, page_body, page_hash, page_place, parse_page},
    read::NOT_PROVED,
    record_hash,
};
use crate::{
    seal::Digest,
    store::{StoreError, engine::Table},
};

/// Rows read at a time.
const ROWS: usize = 1_000;

impl Tree<'_> {
    /// A page, from the records of its range.
    pub(super) fn mend_page(&self, path: &[u8], hash: &Digest) -> Result<Arc<Node>, StoreError> {
        let (prefix, run) = page_place(path).ok_or(NOT_PROVED)?;
        let (from, to) = match run {
            None => (Vec::new(), None),
            Some((first, width)) => {
                let end = [prefix, &[first + width - 1]].concat();
                (floor_key(&[prefix, &[first]].concat()), after(&end, 15).map(|end| floor_key(&end)))
            }
        };
        let items = self.records(&from, to.as_deref(), self.limit)?;
        if !items.is_empty() && page_hash(path, &page_body(prefix, &items)) == *hash {
            let node = Arc::new(Node::Page(items));
            self.cache.add(*hash, Arc::clone(&node));
            return Ok(node);
        }
        Err(NOT_PROVED)
    }

    /// An inner node, from the pages below it, or else from the records below those.
    pub(super) fn mend_inner(&self, inner: &InnerRef) -> Result<Arc<Node>, StoreError> {
        let count = usize::try_from(inner.count).map_err(|_| NOT_PROVED)?;
        let end = after(&inner.prefix, 15);
        let pages = self.pages(&inner.prefix, end.as_deref(), count)?;
        if let Some(node) = self.proves(inner, pages)? {
            return Ok(node);
        }
        let (from, to) = (floor_key(&inner.prefix), end.map(|end| floor_key(&end)));
        let records = self.records(&from, to.as_deref(), count)?;
        self.proves(inner, records)?.ok_or(NOT_PROVED)
    }

    fn proves(&self, inner: &InnerRef, items: Vec<Item>) -> Result<Option<Arc<Node>>, StoreError> {
        if u64::try_from(items.len()).ok() != Some(inner.count) || !is_ascending(&items) {
            return Ok(None);
        }
        let empty = Root::Empty;
        let mut scratch = Tree::new(self.view, self.cache, &empty);
        scratch.limit = self.limit;
        match Update::new(&scratch).build_all(items) {
            Ok((built, _)) if built == *inner => Ok(self.cache.get(&inner.hash)),
            _ => Ok(None),
        }
    }

    /// What the rows of pages say, whoever wrote them; at most one more than `count`.
    fn pages(&self, prefix: &[u8], to: Option<&[u8]>, count: usize) -> Result<Vec<Item>, StoreError> {
        let (mut from, mut items) = (prefix.to_vec(), Vec::new());
        loop {
            let rows = self.view.range(Table::Node, &from, to, ROWS)?;
            for (path, body) in rows.iter().filter(|(path, _)| is_page_path(path)) {
                items.extend(parse_page(path, body, self.limit).unwrap_or_default());
            }
            match rows.last() {
                Some((last, _)) if rows.len() == ROWS && items.len() <= count => {
                    from = [last.as_slice(), &[0]].concat();
                }
                _ => return Ok(items),
            }
        }
    }

    /// What the records of a range give, and the members that belong there.
    fn records(&self, from: &[u8], to: Option<&[u8]>, count: usize) -> Result<Vec<Item>, StoreError> {
        let (mut next, mut items) = (from.to_vec(), Vec::new());
        loop {
            let rows = self.view.range(Table::Record, &next, to, ROWS)?;
            let (full, last) = (rows.len() == ROWS, rows.last().map(|(key, _)| key.clone()));
            items.extend(rows.into_iter().map(|(key, value)| {
                let hash = Some(record_hash(&key, &value));
                Item { key, hash }
            }));
            match last {
                Some(last) if full && items.len() <= count => next = [last.as_slice(), &[0]].concat(),
                _ => break,
            }
        }
        if let Some(members) = self.members.filter(|_| items.len() < count || items.is_empty()) {
            items.extend(members(from, to)?.into_iter().map(|key| Item { key, hash: None }));
            items.sort();
            items.dedup();
        }
        Ok(items)
    }
}

fn is_ascending(items: &[Item]) -> bool {
    items.windows(2).all(|pair| match pair {
        [a, b] => a.key < b.key && !digits(&b.key).starts_with(&digits(&a.key)),
        _ => true,
    })
}
