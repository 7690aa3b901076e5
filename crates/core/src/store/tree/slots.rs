//! Nodes in the making: the sixteen slots of one, and what waits on the way to it.

use std::mem;

use super::{Child, InnerRef, Item, common, digits, read::NOT_PROVED};
use crate::store::StoreError;

/// What becomes of a key.
pub(in crate::store) type Put = (Vec<u8>, Option<Item>);

/// What stands in a place: nothing, records that have no row yet, or an inner node.
#[derive(Debug, Default)]
pub(super) enum Sub {
    #[default]
    Empty,
    Items(Vec<Item>),
    Inner(InnerRef),
}

impl Sub {
    pub(super) fn of(items: Vec<Item>) -> Self {
        if items.is_empty() { Self::Empty } else { Self::Items(items) }
    }

    pub(super) fn count(&self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Items(items) => u64::try_from(items.len()).unwrap_or(u64::MAX),
            Self::Inner(inner) => inner.count,
        }
    }
}

/// The sixteen slots of a node in the making, and pages that stay as they are.
pub(super) struct Slots {
    pub(super) subs: [Sub; 16],
    pub(super) kept: Vec<Child>,
}

impl Slots {
    pub(super) fn new() -> Self {
        Self { subs: Default::default(), kept: Vec::new() }
    }

    pub(super) fn at(&mut self, slot: u8) -> Result<&mut Sub, StoreError> {
        self.subs.get_mut(usize::from(slot)).ok_or(NOT_PROVED)
    }

    pub(super) fn fill(&mut self, slot: u8, sub: Sub) -> Result<(), StoreError> {
        *self.at(slot)? = sub;
        Ok(())
    }

    /// Takes the records of a slot with more of them than a page takes.
    pub(super) fn take_crowded(&mut self, slot: u8, limit: u64) -> Result<Option<Vec<Item>>, StoreError> {
        let sub = self.at(slot)?;
        if sub.count() <= limit {
            return Ok(None);
        }
        match mem::take(sub) {
            Sub::Items(items) => Ok(Some(items)),
            other => {
                *sub = other;
                Ok(None)
            }
        }
    }

    /// Adds a record after those that stand in its slot.
    pub(super) fn push(&mut self, depth: usize, item: Item) -> Result<(), StoreError> {
        let slot = digits(&item.key).get(depth).copied().ok_or(PREFIX)?;
        match self.at(slot)? {
            Sub::Items(items) => items.push(item),
            empty => *empty = Sub::Items(vec![item]),
        }
        Ok(())
    }

    pub(super) fn within(&self, first: u8, width: u8) -> u64 {
        let slots = usize::from(first)..usize::from(first + width);
        let subs: u64 = self.subs.get(slots).unwrap_or_default().iter().map(Sub::count).sum();
        let inside = self.kept.iter().filter(|child| (first..first + width).contains(&child.slots().0));
        subs + inside.map(Child::count).sum::<u64>()
    }
}

/// A node that changes, and what is still to be done below it.
pub(super) struct Opened<'c> {
    /// Its slot in the node above.
    pub(super) slot: u8,
    pub(super) prefix: Vec<u8>,
    pub(super) slots: Slots,
    /// Nodes of some slots, with the changes below them.
    pub(super) below: Vec<(u8, InnerRef, &'c [Put])>,
    /// Records of its place that leave its prefix.
    pub(super) outside: Vec<Item>,
    /// The node itself, where all changes lie outside.
    pub(super) unchanged: Option<InnerRef>,
}

/// A node over records that have none yet.
pub(super) struct Unbuilt {
    pub(super) prefix: Vec<u8>,
    pub(super) slots: Slots,
    /// The first slot that was not looked at, or the one whose node is being built.
    pub(super) slot: u8,
}

impl Unbuilt {
    pub(super) fn over(items: Vec<Item>) -> Result<Self, StoreError> {
        let (first, last) = items.first().zip(items.last()).ok_or(NOT_PROVED)?;
        let (first, last) = (digits(&first.key), digits(&last.key));
        let depth = common(&first, &last);
        let mut slots = Slots::new();
        for item in items {
            slots.push(depth, item)?;
        }
        Ok(Self { prefix: first.get(..depth).unwrap_or_default().to_vec(), slots, slot: 0 })
    }

    pub(super) fn next_crowded(&mut self, limit: u64) -> Result<Option<Vec<Item>>, StoreError> {
        while self.slot < 16 {
            if let Some(items) = self.slots.take_crowded(self.slot, limit)? {
                return Ok(Some(items));
            }
            self.slot += 1;
        }
        Ok(None)
    }
}

pub(super) const PREFIX: StoreError = StoreError::Corrupt { detail: "a key is the beginning of another" };
