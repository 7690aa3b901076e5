//! The table of names: a name leads to its entry by one line of the cache in its leaf.

use std::{collections::BTreeMap, hash::BuildHasher as _, hash::RandomState, sync::Arc};

use super::table::Table;
use crate::entry::{Entry, NameKey};

/// Keyed, so that nobody can choose names that fall together.
#[derive(Clone, Copy)]
struct Hashing {
    multiplier: (u64, u64),
}

impl Hashing {
    fn new() -> Self {
        let state = RandomState::new();
        Self { multiplier: (state.hash_one(1_u8) | 1, state.hash_one(2_u8) | 1) }
    }

    /// A name is a digest already: two multiplications by secret numbers spread it.
    fn of(self, key: NameKey) -> u64 {
        let (low, high) = key.halves();
        (low ^ self.multiplier.1).wrapping_mul(self.multiplier.0)
            ^ (high ^ self.multiplier.0).wrapping_mul(self.multiplier.1)
    }
}

/// The entries that have a name.
#[derive(Clone, Default)]
enum Named {
    #[default]
    None,
    One(Arc<Entry>),
    /// In the order of their aliases.
    Several(Arc<Vec<Arc<Entry>>>),
}

impl Named {
    fn as_slice(&self) -> &[Arc<Entry>] {
        match self {
            Self::None => &[],
            Self::One(entry) => std::slice::from_ref(entry),
            Self::Several(entries) => entries,
        }
    }

    /// These, which are in the order of their aliases.
    fn of(mut entries: Vec<Arc<Entry>>) -> Self {
        match (entries.pop(), entries.is_empty()) {
            (None, _) => Self::None,
            (Some(only), true) => Self::One(only),
            (Some(last), false) => {
                entries.push(last);
                Self::Several(Arc::new(entries))
            }
        }
    }
}

/// A place in a leaf: two of them are one line of the cache.
#[derive(Clone, Default)]
#[repr(align(32))]
struct Slot {
    key: NameKey,
    named: Named,
}

impl Slot {
    fn is_empty(&self) -> bool {
        matches!(self.named, Named::None)
    }
}

/// Names with their entries.
#[derive(Clone)]
pub(super) struct Names {
    table: Table<Slot>,
    hashing: Hashing,
    count: usize,
}

/// A change of one name: which entry loses it, and which entry gets it.
#[derive(Clone, Copy)]
pub(super) struct NameEdit<'e> {
    pub(super) key: NameKey,
    pub(super) removed: Option<&'e str>,
    pub(super) added: Option<&'e Arc<Entry>>,
}

impl Names {
    /// The names of all these.
    pub(super) fn of(entries: &[Arc<Entry>]) -> Self {
        let count = entries.iter().map(|entry| entry.names.len()).sum();
        let (table, hashing) = (Table::for_items(count), Hashing::new());
        let mut all: Vec<(u64, &Arc<Entry>, NameKey)> = Vec::with_capacity(count);
        for entry in entries {
            all.extend(entry.names.iter().map(|key| (hashing.of(*key), entry, *key)));
        }
        all.sort_unstable_by(|one, other| {
            one.0.cmp(&other.0).then_with(|| (one.2, &one.1.alias).cmp(&(other.2, &other.1.alias)))
        });
        let leaves = all.chunk_by(|one, other| table.leaf_of(one.0) == table.leaf_of(other.0));
        let leaves = leaves.filter_map(|items| {
            let place = table.leaf_of(items.first()?.0);
            let slots = items.chunk_by(|one, other| one.2 == other.2).filter_map(|of_name| {
                let (hash, _, key) = of_name.first()?;
                let entries = of_name.iter().map(|(_, entry, _)| Arc::clone(entry)).collect();
                Some((table.within(*hash), Slot { key: *key, named: Named::of(entries) }))
            });
            Some((place, leaf(slots.collect())))
        });
        let table = table.with(leaves.collect());
        Self { table, hashing, count }
    }

    /// How many names there are; one that two entries have counts twice.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn is_narrow(&self) -> bool {
        self.table.is_narrow_for(self.count)
    }

    /// The entries that have a name, in the order of their aliases.
    pub(super) fn get(&self, key: NameKey) -> &[Arc<Entry>] {
        let hash = self.hashing.of(key);
        let leaf = self.table.leaf(self.table.leaf_of(hash));
        let slots = leaf.get(home(self.table.within(hash), leaf.len())..).unwrap_or_default();
        for slot in slots {
            if slot.is_empty() {
                break;
            }
            if slot.key == key {
                return slot.named.as_slice();
            }
        }
        &[]
    }

    /// The same after edits.
    pub(super) fn after<'e>(&self, edits: impl IntoIterator<Item = NameEdit<'e>>) -> Self {
        let mut by_leaf: BTreeMap<usize, Vec<NameEdit<'e>>> = BTreeMap::new();
        for edit in edits {
            by_leaf.entry(self.table.leaf_of(self.hashing.of(edit.key))).or_default().push(edit);
        }
        let mut count = self.count;
        let changed = by_leaf.into_iter().map(|(place, edits)| {
            let mut slots: Vec<Slot> = self.table.leaf(place).to_vec();
            // A name that stays and leads elsewhere stays in its place, as most do.
            let mut moved = false;
            for edit in edits {
                let known = slots.iter_mut().find(|slot| slot.key == edit.key && !slot.is_empty());
                let before = known.as_ref().map(|slot| slot.named.as_slice()).unwrap_or_default();
                let left = before.iter().filter(|entry| edit.removed != Some(&*entry.alias));
                let mut after: Vec<Arc<Entry>> = left.chain(edit.added).map(Arc::clone).collect();
                after.sort_by(|one, other| one.alias.cmp(&other.alias));
                count = count + after.len() - before.len();
                moved |= known.is_none() || after.is_empty();
                match known {
                    Some(slot) => slot.named = Named::of(after),
                    None => slots.push(Slot { key: edit.key, named: Named::of(after) }),
                }
            }
            (place, if moved { self.leaf_of(slots) } else { slots.into() })
        });
        let table = self.table.with(changed.collect());
        Self { table, hashing: self.hashing, count }
    }

    /// A leaf of slots in any order, empty ones among them.
    fn leaf_of(&self, slots: Vec<Slot>) -> Arc<[Slot]> {
        let full = slots.into_iter().filter(|slot| !slot.is_empty());
        let mut slots: Vec<(u32, Slot)> =
            full.map(|slot| (self.table.within(self.hashing.of(slot.key)), slot)).collect();
        slots.sort_unstable_by_key(|(within, _)| *within);
        leaf(slots)
    }

    #[cfg(test)]
    pub(super) fn differs(&self, other: &Self) -> (usize, usize) {
        (self.table.differs(&other.table), self.table.leaves())
    }

    #[cfg(test)]
    pub(super) fn largest(&self) -> usize {
        (0..self.table.leaves()).map(|place| self.table.leaf(place).len()).max().unwrap_or_default()
    }
}

/// Where a name is looked for first in a leaf of so many slots; the last eighth is for those that find theirs taken.
fn home(within: u32, slots: usize) -> usize {
    let room = u64::try_from(slots - slots / 8).unwrap_or(u64::MAX);
    usize::try_from(u64::from(within).saturating_mul(room) >> 32).unwrap_or(0)
}

/// A leaf of slots, which are in the order of the first numbers. A name is at its home, or behind it without an empty
/// slot between.
fn leaf(slots: Vec<(u32, Slot)>) -> Arc<[Slot]> {
    let mut size = if slots.is_empty() { 0 } else { slots.len() + slots.len() / 2 + 2 };
    while !fits(&slots, size) {
        size += 4;
    }
    let mut leaf: Vec<Slot> = Vec::with_capacity(size);
    for (within, slot) in slots {
        leaf.resize_with(home(within, size).max(leaf.len()), Slot::default);
        leaf.push(slot);
    }
    leaf.resize_with(size, Slot::default);
    leaf.into()
}

/// Whether so many slots are enough.
fn fits(slots: &[(u32, Slot)], size: usize) -> bool {
    let last = slots.iter().fold(0, |next, (within, _)| home(*within, size).max(next) + 1);
    last <= size
}
