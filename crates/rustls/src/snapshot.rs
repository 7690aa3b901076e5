//! What is served at one commit of the store: names, aliases and the default, in shards, swapped whole.

use std::{
    borrow::Borrow,
    collections::{HashMap, HashSet, hash_map::RandomState},
    hash::{BuildHasher as _, Hash, Hasher},
    sync::Arc,
};

use strongroom::{
    Alias,
    keystore::{NameDigest, NameSink},
};

use crate::entry::{Entry, NameKey};

/// Names in a shard, about: a change copies one of them.
const PER_SHARD: usize = 256;
const MAX_SHARDS: usize = 4_096;

/// An entry in the table of aliases.
#[derive(Clone)]
struct ByAlias(Arc<Entry>);

impl Hash for ByAlias {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.alias.hash(state);
    }
}

impl PartialEq for ByAlias {
    fn eq(&self, other: &Self) -> bool {
        self.0.alias == other.0.alias
    }
}

impl Eq for ByAlias {}

impl Borrow<str> for ByAlias {
    fn borrow(&self) -> &str {
        &self.0.alias
    }
}

/// The entries that have a name.
#[derive(Clone)]
enum Named {
    One(Arc<Entry>),
    /// In the order of their aliases.
    Several(Arc<Vec<Arc<Entry>>>),
}

#[derive(Clone)]
struct Shard {
    names: HashMap<NameKey, Named>,
    aliases: HashSet<ByAlias>,
}

/// A snapshot. A change makes another one that shares every shard it did not touch.
#[derive(Clone)]
pub(crate) struct Root {
    shards: Vec<Arc<Shard>>,
    hashing: Hashing,
    /// Hosts that are bound, with the alias in lower case.
    bound: Arc<HashMap<NameKey, Box<str>>>,
    names: usize,
    /// Whether all names of the store are in it.
    pub(crate) complete: bool,
    pub(crate) default: Option<Arc<Entry>>,
}

/// Keyed, so that nobody can choose names that fall together.
#[derive(Clone)]
struct Hashing {
    state: RandomState,
    multiplier: (u64, u64),
}

impl Hashing {
    fn new() -> Self {
        let state = RandomState::new();
        let multiplier = (state.hash_one(1_u8) | 1, state.hash_one(2_u8) | 1);
        Self { state, multiplier }
    }

    /// A name is a digest already: two multiplications by secret numbers spread it.
    fn name(&self, key: NameKey) -> u64 {
        let (low, high) = key.halves();
        (low ^ self.multiplier.1).wrapping_mul(self.multiplier.0)
            ^ (high ^ self.multiplier.0).wrapping_mul(self.multiplier.1)
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
        Self::with_room(0)
    }

    fn with_room(names: usize) -> Self {
        let shards = (names / PER_SHARD).next_power_of_two().clamp(1, MAX_SHARDS);
        let hashing = Hashing::new();
        let shard = || {
            Arc::new(Shard {
                names: HashMap::with_hasher(hashing.state.clone()),
                aliases: HashSet::with_hasher(hashing.state.clone()),
            })
        };
        let shards = (0..shards).map(|_| shard()).collect();
        Self { shards, hashing, bound: Arc::default(), names: 0, complete: false, default: None }
    }

    fn place(&self, hash: u64) -> usize {
        // A power of two: the upper bits say which.
        let bits = self.shards.len().trailing_zeros();
        usize::try_from(hash.checked_shr(64 - bits).unwrap_or(0)).unwrap_or(0)
    }

    fn shard_of_name(&self, key: NameKey) -> usize {
        self.place(self.hashing.name(key))
    }

    fn shard_of_alias(&self, alias: &str) -> usize {
        self.place(self.hashing.state.hash_one(alias))
    }

    /// The entries that have a name, in the order of their aliases.
    pub(crate) fn named(&self, key: NameKey) -> &[Arc<Entry>] {
        let shard = self.shards.get(self.shard_of_name(key));
        match shard.and_then(|shard| shard.names.get(&key)) {
            None => &[],
            Some(Named::One(entry)) => std::slice::from_ref(entry),
            Some(Named::Several(entries)) => entries,
        }
    }

    /// The entry with an alias, in lower case.
    pub(crate) fn entry(&self, alias: &str) -> Option<&Arc<Entry>> {
        let shard = self.shards.get(self.shard_of_alias(alias))?;
        shard.aliases.get(alias).map(|found| &found.0)
    }

    /// The alias that a host is bound to, in lower case.
    pub(crate) fn bound(&self, host: NameKey) -> Option<&str> {
        self.bound.get(&host).map(|alias| &**alias)
    }

    /// How many names there are; one that two entries have counts twice.
    pub(crate) fn names(&self) -> usize {
        self.names
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.shards.iter().flat_map(|shard| shard.aliases.iter().map(|entry| &entry.0))
    }

    /// The snapshot after a change.
    pub(crate) fn after(&self, edits: impl IntoIterator<Item = Edit>) -> Self {
        let mut next = self.clone();
        for edit in edits {
            let alias = match &edit {
                Edit::Put(entry) => entry.alias.to_string(),
                Edit::Remove(alias) => alias.clone(),
            };
            next.remove(&alias);
            if let Edit::Put(entry) = edit {
                next.put(entry);
            }
            if let Some(default) = next.default.take().filter(|default| *default.alias != *alias) {
                next.default = Some(default);
            }
        }
        if next.names > next.shards.len().saturating_mul(PER_SHARD * 4) && next.shards.len() < MAX_SHARDS {
            next = next.with_more_shards();
        }
        next
    }

    fn with_more_shards(self) -> Self {
        let mut next = Self::with_room(self.names);
        self.entries().for_each(|entry| next.put(Arc::clone(entry)));
        Self { bound: self.bound, complete: self.complete, default: self.default, ..next }
    }

    /// The same with other hosts bound.
    pub(crate) fn with_bound(self, bound: HashMap<NameKey, Box<str>>) -> Self {
        Self { bound: Arc::new(bound), ..self }
    }

    fn put(&mut self, entry: Arc<Entry>) {
        for key in &entry.names {
            let place = self.shard_of_name(*key);
            let Some(shard) = self.shards.get_mut(place) else {
                continue;
            };
            let names = &mut Arc::make_mut(shard).names;
            self.names += 1;
            match names.get_mut(key) {
                None => {
                    names.insert(*key, Named::One(Arc::clone(&entry)));
                }
                Some(named) => {
                    let mut all = named.all();
                    all.push(Arc::clone(&entry));
                    all.sort_by(|one, other| one.alias.cmp(&other.alias));
                    *named = Named::Several(Arc::new(all));
                }
            }
        }
        let place = self.shard_of_alias(&entry.alias);
        if let Some(shard) = self.shards.get_mut(place) {
            Arc::make_mut(shard).aliases.insert(ByAlias(entry));
        }
    }

    fn remove(&mut self, alias: &str) {
        let place = self.shard_of_alias(alias);
        let known = self.shards.get(place).is_some_and(|shard| shard.aliases.contains(alias));
        let shard = self.shards.get_mut(place).filter(|_| known);
        let Some(ByAlias(entry)) = shard.and_then(|shard| Arc::make_mut(shard).aliases.take(alias)) else {
            return;
        };
        for key in &entry.names {
            let place = self.shard_of_name(*key);
            let Some(shard) = self.shards.get_mut(place) else {
                continue;
            };
            let names = &mut Arc::make_mut(shard).names;
            let mut left = names.get(key).map(Named::all).unwrap_or_default();
            let before = left.len();
            left.retain(|other| other.alias != entry.alias);
            self.names -= before - left.len();
            match (left.pop(), left.is_empty()) {
                (None, _) => {
                    names.remove(key);
                }
                (Some(only), true) => {
                    names.insert(*key, Named::One(only));
                }
                (Some(last), false) => {
                    left.push(last);
                    names.insert(*key, Named::Several(Arc::new(left)));
                }
            }
        }
    }
}

impl Named {
    fn all(&self) -> Vec<Arc<Entry>> {
        match self {
            Self::One(entry) => vec![Arc::clone(entry)],
            Self::Several(entries) => entries.to_vec(),
        }
    }
}

impl std::fmt::Debug for Root {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Root({} names in {} shards)", self.names, self.shards.len())
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
        let mut root = Root::with_room(names.len());
        // Names of one alias stand together then, and in order.
        names.sort_unstable_by_key(|(key, place)| (*place, *key));
        let mut order: Vec<Box<str>> = vec![Box::default(); aliases.len()];
        for (alias, place) in aliases {
            if let Some(slot) = usize::try_from(place).ok().and_then(|place| order.get_mut(place)) {
                *slot = alias;
            }
        }
        for of_one in names.chunk_by(|one, other| one.1 == other.1) {
            let place = of_one.first().and_then(|(_, place)| usize::try_from(*place).ok());
            let Some(alias) = place.and_then(|place| order.get_mut(place)).map(std::mem::take) else {
                continue;
            };
            let keys: Vec<NameKey> = of_one.iter().map(|(key, _)| *key).collect();
            let entry = known(&alias, &keys).unwrap_or_else(|| Arc::new(Entry::new(alias, keys)));
            root.put(entry);
        }
        root.complete = true;
        root.with_bound(bound)
    }
}

#[cfg(test)]
mod tests;
