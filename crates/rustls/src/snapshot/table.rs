//! What both tables of a snapshot are made of: leaves that a hash leads to, shared between snapshots.

use std::{collections::BTreeMap, sync::Arc};

/// Leaves of a branch. A change copies the branches on the way to what it changes, and no others.
const FAN: usize = 32;
/// Items in a leaf, about.
const PER_LEAF: usize = 32;
const MAX_LEAVES: usize = 1 << 17;

type Leaf<T> = Arc<[T]>;

/// Leaves, in branches.
pub(super) struct Table<T> {
    branches: Arc<[Arc<[Leaf<T>]>]>,
    /// The upper bits of a hash say which leaf.
    bits: u32,
}

impl<T> Clone for Table<T> {
    fn clone(&self) -> Self {
        Self { branches: Arc::clone(&self.branches), bits: self.bits }
    }
}

impl<T> Table<T> {
    /// Leaves for so many items, none of which has any yet.
    pub(super) fn for_items(items: usize) -> Self {
        let leaves = (items / PER_LEAF).next_power_of_two().clamp(1, MAX_LEAVES);
        let branch: Arc<[Leaf<T>]> = (0..leaves.min(FAN)).map(|_| Leaf::from([])).collect();
        let branches = (0..leaves.div_ceil(FAN)).map(|_| Arc::clone(&branch)).collect();
        Self { branches, bits: leaves.trailing_zeros() }
    }

    /// Whether there should be more leaves for so many items.
    pub(super) fn is_narrow_for(&self, items: usize) -> bool {
        let leaves = self.leaves();
        items / 4 > leaves.saturating_mul(PER_LEAF) && leaves < MAX_LEAVES
    }

    pub(super) fn leaves(&self) -> usize {
        1 << self.bits
    }

    /// Which leaf a hash leads to.
    pub(super) fn leaf_of(&self, hash: u64) -> usize {
        usize::try_from(hash.checked_shr(64 - self.bits).unwrap_or(0)).unwrap_or(0)
    }

    /// What says where in its leaf something is: bits of its hash that are alike for none of them.
    pub(super) fn within(&self, hash: u64) -> u32 {
        u32::try_from((hash << self.bits) >> 32).unwrap_or(u32::MAX)
    }

    pub(super) fn leaf(&self, place: usize) -> &[T] {
        let branch = self.branches.get(place / FAN);
        branch.and_then(|branch| branch.get(place % FAN)).map(|leaf| &**leaf).unwrap_or_default()
    }

    /// The same with other leaves at some places.
    pub(super) fn with(&self, mut changed: BTreeMap<usize, Leaf<T>>) -> Self {
        let branches = self.branches.iter().enumerate().map(|(number, branch)| {
            let first = number * FAN;
            if changed.range(first..first + FAN).next().is_none() {
                return Arc::clone(branch);
            }
            let leaves = branch.iter().enumerate();
            leaves
                .map(|(place, leaf)| changed.remove(&(first + place)).unwrap_or_else(|| Arc::clone(leaf)))
                .collect()
        });
        Self { branches: branches.collect(), bits: self.bits }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.branches.iter().flat_map(|branch| branch.iter()).flat_map(|leaf| leaf.iter())
    }

    /// How many leaves another one does not share.
    #[cfg(test)]
    pub(super) fn differs(&self, other: &Self) -> usize {
        let leaves = |table: &Self| -> Vec<Leaf<T>> {
            table.branches.iter().flat_map(|branch| branch.iter().map(Arc::clone)).collect()
        };
        let (one, other) = (leaves(self), leaves(other));
        one.iter().zip(&other).filter(|(one, other)| !Arc::ptr_eq(one, other)).count()
    }
}
