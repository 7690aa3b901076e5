//! What is served at one commit of the store: names, aliases and the default, swapped whole. A change makes another
//! snapshot, which shares all that it does not touch.

mod names;
mod table;

use std::{
    collections::{BTreeMap, HashMap, hash_map::RandomState},
    hash::BuildHasher as _,
    sync::Arc,
};

use strongroom::{
    Alias,
    keystore::{NameDigest, NameSink},
};

use self::{
    names::{NameEdit, Names},
    table::Table,
};
use crate::entry::{Entry, NameKey};

/// A snapshot.
#[derive(Clone)]
pub(crate) struct Root {
    names: Names,
    aliases: Aliases,
    /// Hosts that are bound, with the alias in lower case.
    bound: Arc<HashMap<NameKey, Box<str>>>,
    /// Whether all names of the store are in it.
    pub(crate) complete: bool,
    pub(crate) default: Option<Arc<Entry>>,
}

/// Entries by alias; those of a leaf are in the order of their aliases.
#[derive(Clone)]
struct Aliases {
    table: Table<Arc<Entry>>,
    hashing: RandomState,
    count: usize,
}

impl Aliases {
    fn of(entries: &[Arc<Entry>]) -> Self {
        let (table, hashing) = (Table::for_items(entries.len()), RandomState::new());
        let mut leaves: BTreeMap<usize, Vec<Arc<Entry>>> = BTreeMap::new();
        for entry in entries {
            let place = table.leaf_of(hashing.hash_one(&*entry.alias));
            leaves.entry(place).or_default().push(Arc::clone(entry));
        }
        let leaves = leaves.into_iter().map(|(place, mut entries)| {
            entries.sort_by(|one, other| one.alias.cmp(&other.alias));
            (place, entries.into())
        });
        let table = table.with(leaves.collect());
        Self { table, hashing, count: entries.len() }
    }

    fn get(&self, alias: &str) -> Option<&Arc<Entry>> {
        let leaf = self.table.leaf(self.table.leaf_of(self.hashing.hash_one(alias)));
        leaf.get(leaf.binary_search_by(|entry| (*entry.alias).cmp(alias)).ok()?)
    }

    /// The same with other entries, or none, under some aliases.
    fn after(&self, edits: &BTreeMap<String, Option<Arc<Entry>>>) -> Self {
        let mut changed: BTreeMap<usize, Vec<Arc<Entry>>> = BTreeMap::new();
        let mut count = self.count;
        for (alias, entry) in edits {
            let place = self.table.leaf_of(self.hashing.hash_one(&**alias));
            let leaf = changed.entry(place).or_insert_with(|| self.table.leaf(place).to_vec());
            let found = leaf.binary_search_by(|entry| (*entry.alias).cmp(alias));
            count -= leaf.len();
            if let Ok(place) = found {
                leaf.remove(place);
            }
            if let Some(entry) = entry {
                leaf.insert(found.unwrap_or_else(|place| place), Arc::clone(entry));
            }
            count += leaf.len();
        }
        let changed = changed.into_iter().map(|(place, entries)| (place, entries.into()));
        Self { table: self.table.with(changed.collect()), hashing: self.hashing.clone(), count }
    }
}

/// What a change does to an alias.
pub(crate) enum Edit {
    /// Puts an entry, in place of the one with its alias.
    Put(Arc<Entry>),
    /// Removes the entry with this alias, in lower case.
    Remove(String),
}

impl Root {
    /// Nothing, and not complete.
    pub(crate) fn empty() -> Self {
        Self::of(&[])
    }

    fn of(entries: &[Arc<Entry>]) -> Self {
        let (names, aliases) = (Names::of(entries), Aliases::of(entries));
        Self { names, aliases, bound: Arc::default(), complete: false, default: None }
    }

    /// The entries that have a name, in the order of their aliases.
    pub(crate) fn named(&self, key: NameKey) -> &[Arc<Entry>] {
        self.names.get(key)
    }

    /// The entry with an alias, in lower case.
    pub(crate) fn entry(&self, alias: &str) -> Option<&Arc<Entry>> {
        self.aliases.get(alias)
    }

    /// The alias that a host is bound to, in lower case.
    pub(crate) fn bound(&self, host: NameKey) -> Option<&str> {
        self.bound.get(&host).map(|alias| &**alias)
    }

    /// How many names there are; one that two entries have counts twice.
    pub(crate) fn names(&self) -> usize {
        self.names.count()
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.aliases.table.iter()
    }

    /// The snapshot after a change.
    pub(crate) fn after(&self, edits: impl IntoIterator<Item = Edit>) -> Self {
        let edits = edits.into_iter().map(|edit| match edit {
            Edit::Put(entry) => (entry.alias.to_string(), Some(entry)),
            Edit::Remove(alias) => (alias, None),
        });
        // Of two under one alias the last one counts.
        let edits: BTreeMap<String, Option<Arc<Entry>>> = edits.collect();
        if edits.is_empty() {
            return self.clone();
        }
        let mut of_names = Vec::new();
        for (alias, entry) in &edits {
            let former = self.entry(alias).map(|former| &*former.names).unwrap_or_default();
            let names = entry.as_ref().map(|entry| &*entry.names).unwrap_or_default();
            let gone = former.iter().filter(|key| names.binary_search(key).is_err());
            let gone = gone.map(|key| NameEdit { key: *key, removed: Some(&**alias), added: None });
            let there = names.iter().map(|key| {
                let removed = former.binary_search(key).is_ok().then_some(&**alias);
                NameEdit { key: *key, removed, added: entry.as_ref() }
            });
            of_names.extend(gone.chain(there));
        }
        let (names, aliases) = (self.names.after(of_names), self.aliases.after(&edits));
        let default = self.default.clone().filter(|default| !edits.contains_key(&*default.alias));
        let next = Self { names, aliases, bound: Arc::clone(&self.bound), complete: self.complete, default };
        if next.names.is_narrow() || next.aliases.table.is_narrow_for(next.aliases.count) {
            let all: Vec<Arc<Entry>> = next.entries().map(Arc::clone).collect();
            let Self { names, aliases, .. } = Self::of(&all);
            return Self { names, aliases, ..next };
        }
        next
    }

    /// The same with other hosts bound.
    pub(crate) fn with_bound(self, bound: HashMap<NameKey, Box<str>>) -> Self {
        Self { bound: Arc::new(bound), ..self }
    }
}

impl std::fmt::Debug for Root {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Root({} names of {} entries)", self.names(), self.aliases.count)
    }
}

/// Gathers the names of a store for a snapshot.
#[derive(Default)]
pub(crate) struct Gathered {
    aliases: HashMap<Box<str>, u32>,
    names: Vec<(NameKey, u32)>,
    bound: HashMap<NameKey, Box<str>>,
}

impl NameSink for Gathered {
    fn begin(&mut self) {
        *self = Self::default();
    }

    fn name(&mut self, name: &NameDigest, alias: &str) {
        let next = u32::try_from(self.aliases.len()).unwrap_or(u32::MAX);
        let place = match self.aliases.get(alias) {
            Some(place) => *place,
            None => *self.aliases.entry(alias.into()).or_insert(next),
        };
        self.names.push((NameKey::from_digest(name), place));
    }

    fn bound(&mut self, host: &str, alias: &Alias) {
        self.bound.insert(NameKey::of(host), alias.key().into());
    }
}

impl Gathered {
    /// The snapshot. Where `known` gives an entry for an alias and its names, in order, that one is taken over.
    pub(crate) fn into_root(self, known: impl Fn(&str, &[NameKey]) -> Option<Arc<Entry>>) -> Root {
        let Self { aliases, mut names, bound } = self;
        // Names of one alias stand together then, and in order.
        names.sort_unstable_by_key(|(key, place)| (*place, *key));
        let mut order: Vec<Box<str>> = vec![Box::default(); aliases.len()];
        for (alias, place) in aliases {
            if let Some(slot) = usize::try_from(place).ok().and_then(|place| order.get_mut(place)) {
                *slot = alias;
            }
        }
        let mut entries = Vec::with_capacity(order.len());
        for of_one in names.chunk_by(|one, other| one.1 == other.1) {
            let place = of_one.first().and_then(|(_, place)| usize::try_from(*place).ok());
            let Some(alias) = place.and_then(|place| order.get_mut(place)).map(std::mem::take) else {
                continue;
            };
            let keys: Vec<NameKey> = of_one.iter().map(|(key, _)| *key).collect();
            let entry = known(&alias, &keys).unwrap_or_else(|| Arc::new(Entry::new(alias, keys)));
            entries.push(entry);
        }
        drop(names);
        Root { complete: true, ..Root::of(&entries) }.with_bound(bound)
    }
}

#[cfg(test)]
mod tests;
