//! Changes: many at once, and the form that follows from the content alone.
//!
//! Nothing that was not proved is hashed again: that would launder damage.

use std::{collections::BTreeMap, mem, sync::Arc};

use super::{
    Child, InnerRef, Item, Node, Root, Tree, common, digits,
    node::{inner_body, inner_hash, page_body, page_hash, page_path},
    read::NOT_PROVED,
    slots::{Opened, PREFIX, Put, Slots, Sub, Unbuilt},
};
use crate::store::StoreError;

/// Rows that change: `None` is removed.
pub(in crate::store) type Rows = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// A batch of changes to a tree.
pub(in crate::store) struct Update<'t, 'v> {
    tree: &'t Tree<'v>,
    limit: u64,
    rows: Rows,
}

impl<'t, 'v> Update<'t, 'v> {
    pub(in crate::store) fn new(tree: &'t Tree<'v>) -> Self {
        Self { tree, limit: u64::try_from(tree.limit).unwrap_or(u64::MAX), rows: Rows::new() }
    }

    /// Applies changes in the order of their keys; gives the new root and the rows to be written.
    pub(in crate::store) fn apply(mut self, changes: &[Put]) -> Result<(Root, Rows), StoreError> {
        let sub = match self.tree.root {
            Root::Empty => Sub::of(merge(Vec::new(), changes)),
            Root::Page { count, hash } => {
                let node = self.tree.page(&[], *count, hash)?;
                self.rows.insert(Vec::new(), None);
                Sub::of(merge(items_of(&node)?, changes))
            }
            Root::Inner(inner) => self.change(inner.clone(), changes)?,
        };
        let root = match sub {
            Sub::Empty => Root::Empty,
            Sub::Items(items) if u64::try_from(items.len()).is_ok_and(|count| count <= self.limit) => {
                prefix_free(&items)?;
                let body = page_body(&[], &items);
                let hash = page_hash(&[], &body);
                let count = u64::try_from(items.len()).unwrap_or(u64::MAX);
                self.tree.cache.add(hash, Arc::new(Node::Page(items)));
                self.rows.insert(Vec::new(), Some(body));
                Root::Page { count, hash }
            }
            Sub::Items(items) => Root::Inner(self.build(items)?),
            Sub::Inner(inner) => Root::Inner(inner),
        };
        Ok((root, self.rows))
    }

    /// Changes below an inner node, and beside it where a key leaves its prefix. Keys decide how deep it goes: the nodes
    /// on the way down lie in a list, not on the stack.
    fn change(&mut self, inner: InnerRef, changes: &[Put]) -> Result<Sub, StoreError> {
        let mut way = vec![self.open_inner(inner, changes, 0)?];
        loop {
            let top = way.last_mut().ok_or(NOT_PROVED)?;
            if let Some((slot, inner, changes)) = top.below.pop() {
                let next = self.open_inner(inner, changes, slot)?;
                way.push(next);
                continue;
            }
            let done = way.pop().ok_or(NOT_PROVED)?;
            let sub = match done.unchanged {
                Some(inner) => Sub::Inner(inner),
                None => self.form(&done.prefix, done.slots)?,
            };
            let sub = self.join(sub, done.outside)?;
            match way.last_mut() {
                None => return Ok(sub),
                Some(above) => above.slots.fill(done.slot, sub)?,
            }
        }
    }

    /// What stands in a place, and further records of the same place outside its prefix.
    fn join(&mut self, sub: Sub, mut extra: Vec<Item>) -> Result<Sub, StoreError> {
        let inner = match sub {
            Sub::Empty => return Ok(Sub::of(extra)),
            Sub::Items(mut items) => {
                items.extend(extra);
                items.sort();
                return Ok(Sub::Items(items));
            }
            Sub::Inner(inner) => inner,
        };
        // From above: where records leave the way to the node.
        let mut forks = Vec::new();
        while !extra.is_empty() {
            let shared =
                extra.iter().map(|item| common(&digits(&item.key), &inner.prefix)).min().unwrap_or(0);
            let prefix = inner.prefix.get(..shared).unwrap_or_default().to_vec();
            let own = inner.prefix.get(shared).copied().ok_or(PREFIX)?;
            let mut slots = Slots::new();
            for item in extra {
                slots.push(shared, item)?;
            }
            extra = match mem::take(slots.at(own)?) {
                Sub::Items(items) => items,
                _ => Vec::new(),
            };
            forks.push((prefix, own, slots));
        }
        let mut sub = Sub::Inner(inner);
        while let Some((prefix, own, mut slots)) = forks.pop() {
            slots.fill(own, sub)?;
            sub = self.form(&prefix, slots)?;
        }
        Ok(sub)
    }

    /// Takes a node apart where changes lie below it; `slot` is where it stands in the node above.
    fn open_inner<'c>(
        &mut self,
        inner: InnerRef,
        changes: &'c [Put],
        slot: u8,
    ) -> Result<Opened<'c>, StoreError> {
        let start = changes.partition_point(|(key, _)| {
            let path = digits(key);
            !path.starts_with(&inner.prefix) && path < inner.prefix
        });
        let rest = changes.get(start..).unwrap_or_default();
        let length = rest.partition_point(|(key, _)| digits(key).starts_with(&inner.prefix));
        let (inside, later) = rest.split_at_checked(length).ok_or(NOT_PROVED)?;
        let mut opened = Opened {
            slot,
            prefix: inner.prefix.clone(),
            outside: changes.iter().take(start).chain(later).filter_map(|(_, item)| item.clone()).collect(),
            slots: Slots::new(),
            below: Vec::new(),
            unchanged: None,
        };
        if inside.is_empty() {
            opened.unchanged = Some(inner);
        } else {
            self.open_children(&inner, inside, &mut opened)?;
        }
        Ok(opened)
    }

    fn open_children<'c>(
        &mut self,
        inner: &InnerRef,
        changes: &'c [Put],
        opened: &mut Opened<'c>,
    ) -> Result<(), StoreError> {
        let node = self.tree.inner(inner)?;
        let Node::Inner(children) = &*node else {
            return Err(NOT_PROVED);
        };
        let depth = inner.prefix.len();
        self.rows.insert(inner.prefix.clone(), None);
        let slots = &mut opened.slots;
        let mut rest = changes;
        let below = |changes: &[Put], first: u8| {
            changes.partition_point(|(key, _)| digits(key).get(depth).is_none_or(|slot| *slot < first))
        };
        for child in children {
            let (first, width) = child.slots();
            // Into slots that were empty.
            let (free, later) = rest.split_at_checked(below(rest, first)).ok_or(NOT_PROVED)?;
            for item in free.iter().filter_map(|(_, item)| item.clone()) {
                slots.push(depth, item)?;
            }
            let (own, later) = later.split_at_checked(below(later, first + width)).ok_or(NOT_PROVED)?;
            rest = later;
            match child {
                Child::Page { .. } if own.is_empty() => slots.kept.push(child.clone()),
                Child::Inner { slot, inner } if own.is_empty() => {
                    slots.fill(*slot, Sub::Inner(inner.clone()))?;
                }
                Child::Page { .. } => {
                    for item in merge(self.open(&inner.prefix, child)?, own) {
                        slots.push(depth, item)?;
                    }
                }
                Child::Inner { slot, inner } => opened.below.push((*slot, inner.clone(), own)),
            }
        }
        for item in rest.iter().filter_map(|(_, item)| item.clone()) {
            slots.push(depth, item)?;
        }
        Ok(())
    }

    /// The records of a page whose row goes.
    fn open(&mut self, prefix: &[u8], child: &Child) -> Result<Vec<Item>, StoreError> {
        let node = self.tree.page_of(prefix, child)?;
        let (first, width) = child.slots();
        self.rows.insert(page_path(prefix, first, width), None);
        items_of(&node)
    }

    /// Makes a node of sixteen slots, or gives what is left of it to whoever stands above.
    fn form(&mut self, prefix: &[u8], mut slots: Slots) -> Result<Sub, StoreError> {
        let total = slots.within(0, 16);
        if total <= self.limit {
            return Ok(Sub::of(self.gather(prefix, &mut slots, 0, 16)?));
        }
        let mut taken = slots.subs.iter_mut().filter(|sub| !matches!(sub, Sub::Empty));
        if slots.kept.is_empty()
            && let (Some(only), None) = (taken.next(), taken.next())
        {
            return Ok(mem::take(only));
        }
        for slot in 0..16 {
            if let Some(items) = slots.take_crowded(slot, self.limit)? {
                slots.fill(slot, Sub::Inner(self.build(items)?))?;
            }
        }
        let mut children = Vec::new();
        self.run(prefix, &mut slots, 0, 16, &mut children)?;
        let body = inner_body(prefix, &children);
        let hash = inner_hash(prefix, &body);
        self.tree.cache.add(hash, Arc::new(Node::Inner(children)));
        self.rows.insert(prefix.to_vec(), Some(body));
        Ok(Sub::Inner(InnerRef { prefix: prefix.to_vec(), count: total, hash }))
    }

    /// The longest aligned run with few enough records is one page.
    fn run(
        &mut self,
        prefix: &[u8],
        slots: &mut Slots,
        first: u8,
        width: u8,
        children: &mut Vec<Child>,
    ) -> Result<(), StoreError> {
        let count = slots.within(first, width);
        if count == 0 {
            return Ok(());
        }
        if count <= self.limit && width < 16 {
            let kept = slots.kept.iter().find(|child| child.slots() == (first, width));
            if let Some(kept) = kept.filter(|kept| kept.count() == count) {
                children.push(kept.clone());
                return Ok(());
            }
            let items = self.gather(prefix, slots, first, width)?;
            prefix_free(&items)?;
            let path = page_path(prefix, first, width);
            let body = page_body(prefix, &items);
            let hash = page_hash(&path, &body);
            self.tree.cache.add(hash, Arc::new(Node::Page(items)));
            self.rows.insert(path, Some(body));
            children.push(Child::Page { first, width, count, hash });
            return Ok(());
        }
        if width == 1 {
            let Sub::Inner(inner) = mem::take(slots.at(first)?) else {
                return Err(NOT_PROVED);
            };
            children.push(Child::Inner { slot: first, inner });
            return Ok(());
        }
        let half = width / 2;
        self.run(prefix, slots, first, half, children)?;
        self.run(prefix, slots, first + half, half, children)
    }

    /// Takes all records out of a run of slots, in order; there are few.
    fn gather(
        &mut self,
        prefix: &[u8],
        slots: &mut Slots,
        first: u8,
        width: u8,
    ) -> Result<Vec<Item>, StoreError> {
        let mut all = Vec::new();
        for sub in slots.subs.iter_mut().skip(usize::from(first)).take(usize::from(width)) {
            match mem::take(sub) {
                Sub::Items(items) => all.extend(items),
                Sub::Empty => {}
                Sub::Inner(_) => return Err(NOT_PROVED),
            }
        }
        let kept = mem::take(&mut slots.kept);
        let (inside, others) =
            kept.into_iter().partition(|child: &Child| (first..first + width).contains(&child.slots().0));
        slots.kept = others;
        let inside: Vec<Child> = inside;
        for child in &inside {
            all.extend(self.open(prefix, child)?);
        }
        all.sort();
        Ok(all)
    }

    /// A node over more records than a page takes, and the nodes below it: those that wait for one lie in a list.
    fn build(&mut self, items: Vec<Item>) -> Result<InnerRef, StoreError> {
        let mut way = vec![Unbuilt::over(items)?];
        loop {
            let top = way.last_mut().ok_or(NOT_PROVED)?;
            if let Some(items) = top.next_crowded(self.limit)? {
                way.push(Unbuilt::over(items)?);
                continue;
            }
            let done = way.pop().ok_or(NOT_PROVED)?;
            // No slot of it is crowded any more.
            let Sub::Inner(inner) = self.form(&done.prefix, done.slots)? else {
                // All in one slot: the same key twice.
                return Err(PREFIX);
            };
            match way.last_mut() {
                None => return Ok(inner),
                Some(above) => above.slots.fill(above.slot, Sub::Inner(inner))?,
            }
        }
    }

    /// The rows over these records alone.
    pub(super) fn build_all(mut self, items: Vec<Item>) -> Result<(InnerRef, Rows), StoreError> {
        let inner = self.build(items)?;
        Ok((inner, self.rows))
    }
}

pub(super) fn items_of(node: &Node) -> Result<Vec<Item>, StoreError> {
    match node {
        Node::Page(items) => Ok(items.clone()),
        Node::Inner(_) => Err(NOT_PROVED),
    }
}

/// Keys never begin with one another; a page is the only place where that would not be seen otherwise.
fn prefix_free(items: &[Item]) -> Result<(), StoreError> {
    let broken = items.windows(2).any(|pair| match pair {
        [a, b] => b.key.starts_with(&a.key),
        _ => false,
    });
    if broken { Err(PREFIX) } else { Ok(()) }
}

/// Records in order, with changes in order applied to them.
fn merge(items: Vec<Item>, changes: &[Put]) -> Vec<Item> {
    let mut merged = Vec::with_capacity(items.len() + changes.len());
    let mut items = items.into_iter().peekable();
    for (key, item) in changes {
        while let Some(before) = items.next_if(|item| item.key < *key) {
            merged.push(before);
        }
        items.next_if(|item| item.key == *key);
        merged.extend(item.clone());
    }
    merged.extend(items);
    merged
}
