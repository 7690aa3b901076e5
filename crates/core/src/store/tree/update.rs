//! Changes: many at once, and the form that follows from the content alone.
//!
//! Nothing that was not proved is hashed again: that would launder damage.

use std::{collections::BTreeMap, mem, sync::Arc};

use super::{
    Child, InnerRef, Item, Node, Root, Tree, common, digits,
    node::{inner_body, inner_hash, page_body, page_hash, page_path},
    read::NOT_PROVED,
};
use crate::store::StoreError;

/// What becomes of a key.
pub(in crate::store) type Put = (Vec<u8>, Option<Item>);

/// What stands in a place: nothing, records that have no row yet, or an inner node.
#[derive(Debug, Default)]
enum Sub {
    #[default]
    Empty,
    Items(Vec<Item>),
    Inner(InnerRef),
}

impl Sub {
    fn of(items: Vec<Item>) -> Self {
        if items.is_empty() { Self::Empty } else { Self::Items(items) }
    }

    fn count(&self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Items(items) => u64::try_from(items.len()).unwrap_or(u64::MAX),
            Self::Inner(inner) => inner.count,
        }
    }
}

/// The sixteen slots of a node in the making, and pages that stay as they are.
struct Slots {
    subs: [Sub; 16],
    kept: Vec<Child>,
}

impl Slots {
    fn new() -> Self {
        Self { subs: Default::default(), kept: Vec::new() }
    }

    fn at(&mut self, slot: u8) -> Option<&mut Sub> {
        self.subs.get_mut(usize::from(slot))
    }

    /// Adds a record after those that stand in its slot.
    fn push(&mut self, depth: usize, item: Item) -> Result<(), StoreError> {
        let slot = digits(&item.key).get(depth).copied().ok_or(PREFIX)?;
        match self.at(slot).ok_or(PREFIX)? {
            Sub::Items(items) => items.push(item),
            empty => *empty = Sub::Items(vec![item]),
        }
        Ok(())
    }

    fn within(&self, first: u8, width: u8) -> u64 {
        let slots = usize::from(first)..usize::from(first + width);
        let subs: u64 = self.subs.get(slots).unwrap_or_default().iter().map(Sub::count).sum();
        let inside = self.kept.iter().filter(|child| (first..first + width).contains(&child.slots().0));
        subs + inside.map(Child::count).sum::<u64>()
    }
}

const PREFIX: StoreError = StoreError::Corrupt { detail: "a key is the beginning of another" };

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

    /// Changes below an inner node, and beside it where a key leaves its prefix.
    fn change(&mut self, inner: InnerRef, changes: &[Put]) -> Result<Sub, StoreError> {
        let start = changes.partition_point(|(key, _)| {
            let path = digits(key);
            !path.starts_with(&inner.prefix) && path < inner.prefix
        });
        let rest = changes.get(start..).unwrap_or_default();
        let length = rest.partition_point(|(key, _)| digits(key).starts_with(&inner.prefix));
        let (inside, later) = rest.split_at_checked(length).ok_or(NOT_PROVED)?;
        let outside: Vec<Item> =
            changes.iter().take(start).chain(later).filter_map(|(_, item)| item.clone()).collect();
        let sub = if inside.is_empty() { Sub::Inner(inner) } else { self.change_inside(&inner, inside)? };
        self.join(sub, outside)
    }

    /// What stands in a place, and further records of the same place outside its prefix.
    fn join(&mut self, sub: Sub, extra: Vec<Item>) -> Result<Sub, StoreError> {
        if extra.is_empty() {
            return Ok(sub);
        }
        match sub {
            Sub::Empty => Ok(Sub::Items(extra)),
            Sub::Items(mut items) => {
                items.extend(extra);
                items.sort();
                Ok(Sub::Items(items))
            }
            Sub::Inner(inner) => {
                let shared =
                    extra.iter().map(|item| common(&digits(&item.key), &inner.prefix)).min().unwrap_or(0);
                let prefix = inner.prefix.get(..shared).unwrap_or_default().to_vec();
                let own = inner.prefix.get(shared).copied().ok_or(PREFIX)?;
                let mut slots = Slots::new();
                for item in extra {
                    slots.push(shared, item)?;
                }
                let place = slots.at(own).ok_or(PREFIX)?;
                let beside = match mem::take(place) {
                    Sub::Items(items) => items,
                    _ => Vec::new(),
                };
                let joined = self.join(Sub::Inner(inner), beside)?;
                *slots.at(own).ok_or(PREFIX)? = joined;
                self.form(&prefix, slots)
            }
        }
    }

    fn change_inside(&mut self, inner: &InnerRef, changes: &[Put]) -> Result<Sub, StoreError> {
        let node = self.tree.inner(inner)?;
        let Node::Inner(children) = &*node else {
            return Err(NOT_PROVED);
        };
        let depth = inner.prefix.len();
        self.rows.insert(inner.prefix.clone(), None);
        let mut slots = Slots::new();
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
                _ if own.is_empty() => match child {
                    Child::Page { .. } => slots.kept.push(child.clone()),
                    Child::Inner { slot, inner } => {
                        *slots.at(*slot).ok_or(NOT_PROVED)? = Sub::Inner(inner.clone());
                    }
                },
                Child::Page { .. } => {
                    for item in merge(self.open(&inner.prefix, child)?, own) {
                        slots.push(depth, item)?;
                    }
                }
                Child::Inner { slot, inner } => {
                    *slots.at(*slot).ok_or(NOT_PROVED)? = self.change(inner.clone(), own)?;
                }
            }
        }
        for item in rest.iter().filter_map(|(_, item)| item.clone()) {
            slots.push(depth, item)?;
        }
        self.form(&inner.prefix, slots)
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
            let inner = match mem::take(slots.at(first).ok_or(NOT_PROVED)?) {
                Sub::Inner(inner) => inner,
                Sub::Items(items) => self.build(items)?,
                Sub::Empty => return Err(NOT_PROVED),
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

    /// A node over more records than a page takes.
    fn build(&mut self, items: Vec<Item>) -> Result<InnerRef, StoreError> {
        let (first, last) = items.first().zip(items.last()).ok_or(NOT_PROVED)?;
        let (first, last) = (digits(&first.key), digits(&last.key));
        let depth = common(&first, &last);
        let prefix = first.get(..depth).unwrap_or_default().to_vec();
        let mut slots = Slots::new();
        for item in items {
            slots.push(depth, item)?;
        }
        match self.form(&prefix, slots)? {
            Sub::Inner(inner) => Ok(inner),
            // All in one slot: the same key twice.
            _ => Err(PREFIX),
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
