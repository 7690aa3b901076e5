//! The tree against an ordered map, and against a tree that was built from scratch.

mod bounds;
mod damage;
mod faults;
mod order;

use std::collections::BTreeMap;

use super::{
    Cache, Item, Root, Tree, Update,
    node::{is_page_path, parse_inner, parse_page},
    record_hash,
};
use crate::store::{
    StoreError,
    engine::{Engine, Table},
    memory::MemoryEngine,
};

/// Numbers that depend on a seed alone.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap() % limit
    }

    /// Keys that share beginnings: digests, texts of one letter, long chains.
    fn key(&mut self) -> Vec<u8> {
        let mut key = match self.below(4) {
            0 => vec![0x10; self.below(40) + 1],
            1 => vec![0x30 + u8::try_from(self.below(2)).unwrap() * 0x10],
            2 => vec![0x10, u8::try_from(self.below(256)).unwrap()],
            _ => vec![0x70, 0x11, 0x12, u8::try_from(self.below(4)).unwrap()],
        };
        key.extend((0..self.below(3)).map(|_| b'a'));
        key.push(u8::try_from(self.below(250) + 1).unwrap());
        key.push(0);
        key.iter_mut().rev().skip(1).filter(|byte| **byte == 0).for_each(|byte| *byte = 1);
        key
    }
}

type Model = BTreeMap<Vec<u8>, Option<Vec<u8>>>;
/// `None` removes; `Some(None)` is a member.
type Batch = BTreeMap<Vec<u8>, Option<Option<Vec<u8>>>>;

struct Fixture<E = MemoryEngine> {
    engine: E,
    root: Root,
    limit: usize,
}

impl Fixture {
    fn new(limit: usize) -> Self {
        Self::over(MemoryEngine::new(false), limit)
    }

    fn all(model: &Model, limit: usize) -> Self {
        let mut fresh = Self::new(limit);
        let batch = model.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect();
        fresh.apply(&batch).unwrap();
        fresh
    }
}

impl<E: Engine> Fixture<E> {
    fn over(engine: E, limit: usize) -> Self {
        Self { engine, root: Root::Empty, limit }
    }

    fn apply(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let cache = Cache::default();
        let mut change = self.engine.begin().unwrap();
        let puts: Vec<_> = batch
            .iter()
            .map(|(key, to)| {
                let item = to.as_ref().map(|value| Item {
                    key: key.clone(),
                    hash: value.as_ref().map(|value| record_hash(key, value)),
                });
                (key.clone(), item)
            })
            .collect();
        let (root, rows) = {
            let tree = Tree::new(&*change, &cache, &self.root).with_limit(self.limit);
            Update::new(&tree).apply(&puts)?
        };
        for (path, body) in rows {
            match body {
                Some(body) => change.put(Table::Node, &path, &body).unwrap(),
                None => change.delete(Table::Node, &path).unwrap(),
            }
        }
        for (key, to) in batch {
            match to {
                Some(Some(value)) => change.put(Table::Record, key, value).unwrap(),
                _ => change.delete(Table::Record, key).unwrap(),
            }
        }
        change.commit().unwrap();
        self.root = root;
        Ok(())
    }

    fn nodes(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.engine.view().unwrap().range(Table::Node, &[], None, usize::MAX).unwrap()
    }

    fn with<T>(&self, read: impl FnOnce(&Tree<'_>) -> T) -> T {
        let cache = Cache::default();
        let view = self.engine.view().unwrap();
        read(&Tree::new(&*view, &cache, &self.root).with_limit(self.limit))
    }

    fn set(&self, table: Table, key: &[u8], value: Option<&[u8]>) {
        let mut change = self.engine.begin().unwrap();
        match value {
            Some(value) => change.put(table, key, value).unwrap(),
            None => change.delete(table, key).unwrap(),
        }
        change.commit().unwrap();
    }
}

fn random_batch(random: &mut Random, model: &Model) -> Batch {
    let mut batch = BTreeMap::new();
    for _ in 0..random.below(20) {
        let value = (random.below(3) > 0).then(|| vec![u8::try_from(random.below(200)).unwrap()]);
        batch.insert(random.key(), Some(value));
    }
    let known: Vec<_> = model.keys().cloned().collect();
    let removals = if random.below(12) == 0 { known.len() } else { random.below(15) };
    for _ in 0..removals {
        if !known.is_empty() {
            batch.insert(known[random.below(known.len())].clone(), None);
        }
    }
    batch
}

fn apply_to(model: &mut Model, batch: &Batch) {
    for (key, to) in batch {
        match to {
            Some(value) => model.insert(key.clone(), value.clone()),
            None => model.remove(key),
        };
    }
}

#[test]
fn any_order_of_changes_gives_the_root_and_the_rows_of_a_tree_built_anew() {
    for (limit, seed) in [(1, 1), (2, 2), (12, 3), (16, 4)] {
        let mut random = Random(seed);
        let mut tree = Fixture::new(limit);
        let mut model = Model::new();
        for round in 0..1_250 {
            let batch = random_batch(&mut random, &model);
            tree.apply(&batch).unwrap();
            apply_to(&mut model, &batch);
            let fresh = Fixture::all(&model, limit);
            assert_eq!(tree.root, fresh.root, "limit {limit} round {round}");
            assert_eq!(tree.nodes(), fresh.nodes(), "limit {limit} round {round}");
            assert_eq!(tree.root.count(), u64::try_from(model.len()).unwrap());
        }
    }
}

#[test]
fn every_key_is_present_its_neighbours_are_absent_and_ranges_are_whole() {
    let mut random = Random(7);
    let mut model = Model::new();
    for _ in 0..40 {
        let mut batch = random_batch(&mut random, &model);
        batch.retain(|_, to| to.is_some());
        apply_to(&mut model, &batch);
    }
    let tree = Fixture::all(&model, 12);
    assert!(model.len() > 100);
    tree.with(|tree| {
        for (key, value) in &model {
            let found = tree.find(key).unwrap().unwrap();
            assert_eq!(found.hash, value.as_ref().map(|value| record_hash(key, value)));
            let mut near = vec![[key.as_slice(), &[0]].concat(), key[..key.len() - 1].to_vec()];
            near.extend((0..key.len() * 8).map(|bit| {
                let mut other = key.clone();
                other[bit / 8] ^= 1 << (bit % 8);
                other
            }));
            for other in near {
                assert_eq!(tree.find(&other).unwrap().is_some(), model.contains_key(&other));
            }
        }
        let keys: Vec<&Vec<u8>> = model.keys().collect();
        for key in &keys {
            for prefix in (0..=key.len()).map(|length| &key[..length]).chain([&[0x10, 0x99][..], &[0xff]]) {
                let wanted = keys.iter().filter(|key| key.starts_with(prefix)).count();
                assert_eq!(tree.count(prefix).unwrap(), u64::try_from(wanted).unwrap(), "{prefix:?}");
            }
        }
        for n in 0..400 {
            let (from, to) = (random.key(), random.key());
            let to = (n % 3 > 0).then_some(to);
            let limit = random.below(30);
            let found = tree.items(&from, to.as_deref(), limit).unwrap();
            let wanted: Vec<&Vec<u8>> = keys
                .iter()
                .copied()
                .filter(|key| **key >= from && to.as_ref().is_none_or(|to| *key < to))
                .take(limit)
                .collect();
            assert_eq!(found.iter().map(|item| &item.key).collect::<Vec<_>>(), wanted);
        }
    });
}

/// A store of some size, of digests as keys.
fn filled(count: u32) -> (Fixture, Model) {
    let mut model = Model::new();
    for n in 0..count {
        let digest = record_hash(&n.to_be_bytes(), &[]);
        model.insert(
            [&[0x10], digest.as_slice(), b"\0"].concat(),
            Some(vec![u8::try_from(n % 200).unwrap(); 40]),
        );
        if n % 2 == 0 {
            model.insert([&[0x30], digest.as_slice(), b"\0"].concat(), None);
        }
    }
    (Fixture::all(&model, 12), model)
}

#[test]
fn bodies_are_taken_in_their_one_form_alone() {
    let (tree, _) = filled(300);
    let mut inner = 0;
    for (path, body) in tree.nodes() {
        let parses = |body: &[u8]| {
            if is_page_path(&path) {
                parse_page(&path, body, 12).is_some()
            } else {
                parse_inner(&path, body, 12).is_some()
            }
        };
        assert!(parses(&body));
        inner += usize::from(!is_page_path(&path));
        assert!(!parses(&[body.as_slice(), &[0]].concat()), "something behind it");
        assert!(!parses(&body[..body.len() - 1]), "cut");
        // A number in a longer form.
        let longer = [&[body[0] | 0x80, 0], &body[1..]].concat();
        assert!(!parses(&longer));
    }
    assert!(inner > 3);
    // Two pages that had to be one.
    let child = |first: u8| [first, 1, 0, 1].into_iter().chain([9; 32]).collect::<Vec<u8>>();
    let two = [vec![2], child(0), child(1)].concat();
    assert_eq!(parse_inner(&[], &two, 12), None);
    assert!(parse_inner(&[], &two, 1).is_some());
}
