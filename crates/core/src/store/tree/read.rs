//! Reads that prove presence, absence, and that a range is whole.

use std::{cell::RefCell, collections::HashMap, sync::Arc};

use super::{
    Cache, Child, InnerRef, Item, Kind, Node, Root, digits, hash,
    node::{inner_hash, page_hash, page_path, parse_inner, parse_page},
};
use crate::{
    seal::Digest,
    store::{
        StoreError,
        engine::{Table, View},
    },
};

pub(super) const NOT_PROVED: StoreError = StoreError::Corrupt {
    detail: "a row is missing, or is not the one that the state of the store vouches for",
};

/// Gives the members of a range of keys, from the proved records that they follow from.
pub(in crate::store) type Members<'m> = &'m dyn Fn(&[u8], Option<&[u8]>) -> Result<Vec<Vec<u8>>, StoreError>;

/// The tree of one state, over the rows of the same snapshot.
pub(in crate::store) struct Tree<'v> {
    pub(super) view: &'v dyn View,
    pub(super) cache: &'v Cache,
    pub(super) root: &'v Root,
    /// The most records of a page.
    pub(super) limit: usize,
    /// Where a page of members was lost, what it held is asked for here.
    pub(super) members: Option<Members<'v>>,
    /// Rows of whole paths, where they were asked for at once.
    fetched: RefCell<HashMap<Vec<u8>, Option<Vec<u8>>>>,
}

impl<'v> Tree<'v> {
    pub(in crate::store) fn new(view: &'v dyn View, cache: &'v Cache, root: &'v Root) -> Self {
        Self { view, cache, root, limit: super::PAGE, members: None, fetched: RefCell::default() }
    }

    pub(in crate::store) fn with_members(mut self, members: Members<'v>) -> Self {
        self.members = Some(members);
        self
    }

    #[cfg(test)]
    pub(super) fn with_limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Asks for every row that can lie on the way to `key`, and for its record, in one trip; gives the record, unproved.
    pub(in crate::store) fn fetch_path(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let digits = digits(key);
        let mut paths = vec![Vec::new()];
        for (length, digit) in digits.iter().enumerate() {
            let prefix = digits.get(..length).unwrap_or_default();
            paths.extend([8, 4, 2, 1].map(|width| page_path(prefix, digit / width * width, width)));
            paths.push(digits.get(..=length).unwrap_or_default().to_vec());
        }
        let mut wanted: Vec<(Table, &[u8])> =
            paths.iter().map(|path| (Table::Node, path.as_slice())).collect();
        wanted.push((Table::Record, key));
        let mut rows = self.view.get_many(&wanted)?;
        let record = rows.pop().flatten();
        self.fetched.borrow_mut().extend(paths.into_iter().zip(rows));
        Ok(record)
    }

    fn row(&self, path: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if let Some(known) = self.fetched.borrow().get(path) {
            return Ok(known.clone());
        }
        Ok(self.view.get_many(&[(Table::Node, path)])?.pop().flatten())
    }

    /// The records of a page that was announced with this hash and count.
    pub(super) fn page(&self, path: &[u8], count: u64, hash: &Digest) -> Result<Arc<Node>, StoreError> {
        if let Some(known) = self.cache.get(hash) {
            return Ok(known);
        }
        // Hashed before it is parsed.
        let items = self
            .row(path)?
            .filter(|body| page_hash(path, body) == *hash)
            .and_then(|body| parse_page(path, &body, self.limit))
            .filter(|items| u64::try_from(items.len()).is_ok_and(|found| found == count));
        match items {
            Some(items) => {
                let node = Arc::new(Node::Page(items));
                self.cache.add(*hash, Arc::clone(&node));
                Ok(node)
            }
            None => self.mend_page(path, hash),
        }
    }

    /// The children of an inner node that was announced so.
    pub(super) fn inner(&self, inner: &InnerRef) -> Result<Arc<Node>, StoreError> {
        if let Some(known) = self.cache.get(&inner.hash) {
            return Ok(known);
        }
        let children = self
            .row(&inner.prefix)?
            .filter(|body| inner_hash(&inner.prefix, body) == inner.hash)
            .and_then(|body| parse_inner(&inner.prefix, &body, self.limit))
            .filter(|children| children.iter().map(Child::count).sum::<u64>() == inner.count);
        match children {
            Some(children) => {
                let node = Arc::new(Node::Inner(children));
                self.cache.add(inner.hash, Arc::clone(&node));
                Ok(node)
            }
            None => self.mend_inner(inner),
        }
    }

    pub(super) fn page_of(&self, prefix: &[u8], child: &Child) -> Result<Arc<Node>, StoreError> {
        match child {
            Child::Page { first, width, count, hash } => {
                self.page(&page_path(prefix, *first, *width), *count, hash)
            }
            Child::Inner { .. } => Err(NOT_PROVED),
        }
    }

    /// What the page of a key holds for it: `None` is the proof that there is no such record.
    pub(in crate::store) fn find(&self, key: &[u8]) -> Result<Option<Item>, StoreError> {
        let path = digits(key);
        let mut next = match self.root {
            Root::Empty => return Ok(None),
            Root::Page { count, hash } => return Ok(among(&*self.page(&[], *count, hash)?, key)),
            Root::Inner(inner) => inner.clone(),
        };
        loop {
            if !path.starts_with(&next.prefix) {
                return Ok(None);
            }
            let Some(slot) = path.get(next.prefix.len()) else {
                return Ok(None);
            };
            let node = self.inner(&next)?;
            let Node::Inner(children) = &*node else {
                return Err(NOT_PROVED);
            };
            match children.iter().find(|child| child.covers(*slot)) {
                None => return Ok(None),
                Some(child @ Child::Page { .. }) => {
                    return Ok(among(&*self.page_of(&next.prefix, child)?, key));
                }
                Some(Child::Inner { inner, .. }) => next = inner.clone(),
            }
        }
    }

    /// Up to `limit` records with `from` <= key < `to` in order, none left out.
    pub(in crate::store) fn items(
        &self,
        from: &[u8],
        to: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Item>, StoreError> {
        let mut walk = Walk {
            from: digits(from),
            to: to.map(digits),
            from_key: from,
            to_key: to,
            limit,
            found: Vec::new(),
        };
        match self.root {
            Root::Empty => {}
            Root::Page { count, hash } => walk.take(&*self.page(&[], *count, hash)?),
            Root::Inner(inner) => self.walk(inner, &mut walk)?,
        }
        Ok(walk.found)
    }

    /// How many records there are whose keys begin so: as the nodes announce it that their hashes vouch for. One way down is
    /// read, however many there are.
    pub(in crate::store) fn count(&self, prefix: &[u8]) -> Result<u64, StoreError> {
        let path = digits(prefix);
        let of_page = |node: &Node| match node {
            Node::Page(items) => {
                let counted = items.iter().filter(|item| item.key.starts_with(prefix)).count();
                u64::try_from(counted).unwrap_or(u64::MAX)
            }
            Node::Inner(_) => 0,
        };
        let mut next = match self.root {
            Root::Empty => return Ok(0),
            Root::Page { count, hash } => return Ok(of_page(&*self.page(&[], *count, hash)?)),
            Root::Inner(inner) => inner.clone(),
        };
        loop {
            if next.prefix.starts_with(&path) {
                return Ok(next.count);
            }
            let Some(slot) = path.get(next.prefix.len()).filter(|_| path.starts_with(&next.prefix)) else {
                return Ok(0);
            };
            let node = self.inner(&next)?;
            let Node::Inner(children) = &*node else {
                return Err(NOT_PROVED);
            };
            match children.iter().find(|child| child.covers(*slot)) {
                None => return Ok(0),
                Some(child @ Child::Page { .. }) => {
                    return Ok(of_page(&*self.page_of(&next.prefix, child)?));
                }
                Some(Child::Inner { inner, .. }) => next = inner.clone(),
            }
        }
    }

    /// A digest of all records whose keys begin with one of these digits. Another one says that they may have changed, the
    /// same that they have not.
    pub(in crate::store) fn digest(&self, first: u8, last: u8) -> Result<Digest, StoreError> {
        let mut parts: Vec<Vec<u8>> = Vec::new();
        let page = |node: &Node, parts: &mut Vec<Vec<u8>>| {
            if let Node::Page(items) = node {
                let inside = items.iter().filter(|item| {
                    item.key.first().is_some_and(|byte| (first..=last).contains(&(byte >> 4)))
                });
                parts.extend(inside.map(|item| {
                    [item.key.as_slice(), item.hash.as_ref().map_or(&[][..], |hash| hash)].concat()
                }));
            }
        };
        match self.root {
            Root::Empty => {}
            Root::Page { count, hash } => page(&*self.page(&[], *count, hash)?, &mut parts),
            Root::Inner(inner) => match inner.prefix.first() {
                Some(digit) if (first..=last).contains(digit) => parts.push(inner.hash.to_vec()),
                Some(_) => {}
                None => {
                    let node = self.inner(inner)?;
                    let Node::Inner(children) = &*node else {
                        return Err(NOT_PROVED);
                    };
                    for child in children {
                        let (lowest, width) = child.slots();
                        let highest = lowest + width - 1;
                        match child {
                            _ if highest < first || lowest > last => {}
                            Child::Page { hash, .. } if lowest >= first && highest <= last => {
                                parts.push(hash.to_vec());
                            }
                            // Some of its records are others.
                            Child::Page { .. } => page(&*self.page_of(&inner.prefix, child)?, &mut parts),
                            Child::Inner { inner, .. } => parts.push(inner.hash.to_vec()),
                        }
                    }
                }
            },
        }
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        Ok(hash(Kind::Root, &parts))
    }

    fn walk(&self, inner: &InnerRef, walk: &mut Walk<'_>) -> Result<(), StoreError> {
        let mut way = Vec::new();
        if !walk.is_full() && walk.meets(&inner.prefix, &inner.prefix) {
            way.push(Step::into(self, inner)?);
        }
        while let Some(step) = way.last_mut().filter(|_| !walk.is_full()) {
            let Some((prefix, child)) = step.next_child() else {
                way.pop();
                continue;
            };
            let (first, width) = child.slots();
            let lowest = [prefix, &[first]].concat();
            let highest = [prefix, &[first + width - 1]].concat();
            if !walk.meets(&lowest, &highest) {
                continue;
            }
            match child {
                Child::Page { .. } => walk.take(&*self.page_of(prefix, child)?),
                Child::Inner { inner, .. } if walk.meets(&inner.prefix, &inner.prefix) => {
                    let below = Step::into(self, inner)?;
                    way.push(below);
                }
                Child::Inner { .. } => {}
            }
        }
        Ok(())
    }
}

/// An inner node on the way through the tree. Keys decide how many lie above one another, so they stand in a list, not on
/// the stack.
pub(super) struct Step {
    prefix: Vec<u8>,
    node: Arc<Node>,
    next: usize,
}

impl Step {
    pub(super) fn into(tree: &Tree<'_>, inner: &InnerRef) -> Result<Self, StoreError> {
        let node = tree.inner(inner)?;
        if matches!(*node, Node::Page(_)) {
            return Err(NOT_PROVED);
        }
        Ok(Self { prefix: inner.prefix.clone(), node, next: 0 })
    }

    /// The prefix of the node, and the child that comes next.
    pub(super) fn next_child(&mut self) -> Option<(&[u8], &Child)> {
        let Node::Inner(children) = &*self.node else {
            return None;
        };
        let child = children.get(self.next)?;
        self.next += 1;
        Some((&self.prefix, child))
    }
}

fn among(node: &Node, key: &[u8]) -> Option<Item> {
    match node {
        Node::Page(items) => items.iter().find(|item| item.key == key).cloned(),
        Node::Inner(_) => None,
    }
}

struct Walk<'k> {
    from: Vec<u8>,
    to: Option<Vec<u8>>,
    from_key: &'k [u8],
    to_key: Option<&'k [u8]>,
    limit: usize,
    found: Vec<Item>,
}

impl Walk<'_> {
    fn is_full(&self) -> bool {
        self.found.len() >= self.limit
    }

    /// Whether a key of the range can begin with digits between these two.
    fn meets(&self, lowest: &[u8], highest: &[u8]) -> bool {
        let start = self.from.get(..highest.len()).unwrap_or(&self.from);
        highest >= start && self.to.as_ref().is_none_or(|to| lowest < to.as_slice())
    }

    fn take(&mut self, node: &Node) {
        if let Node::Page(items) = node {
            let inside = items.iter().filter(|item| {
                item.key.as_slice() >= self.from_key && self.to_key.is_none_or(|to| item.key.as_slice() < to)
            });
            self.found.extend(inside.take(self.limit.saturating_sub(self.found.len())).cloned());
        }
    }
}
