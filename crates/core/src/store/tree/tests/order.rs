//! Section 7 of the design, number 2: one content has one root, in whatever order it came, on every engine and in every
//! release.

use std::collections::{BTreeMap, BTreeSet};

use super::{Batch, Fixture, Random, Root, filled};
use crate::store::{Journal, SqliteEngine, engine::Engine, memory::MemoryEngine};

/// Brings a content into an empty tree, in an order and in batches that follow from the seed, with other records that
/// come and go meanwhile.
fn in_some_order<E: Engine>(engine: E, wanted: &super::Model, seed: u64) -> Root {
    let mut random = Random(seed);
    let mut left: Vec<_> = wanted.iter().collect();
    let mut tree = Fixture::over(engine, 12);
    let mut foreign = BTreeMap::new();
    while !left.is_empty() {
        let mut batch = Batch::new();
        for _ in 0..=random.below(60) {
            if !left.is_empty() {
                let (key, value) = left.swap_remove(random.below(left.len()));
                batch.insert(key.clone(), Some(value.clone()));
            }
        }
        for key in std::mem::take(&mut foreign).into_keys() {
            batch.entry(key).or_insert(None);
        }
        for _ in 0..random.below(20) {
            let key = [&[0x20], random.key().as_slice()].concat();
            foreign.insert(key.clone(), ());
            batch.insert(key, Some(Some(vec![1])));
        }
        tree.apply(&batch).unwrap();
    }
    tree.apply(&foreign.into_keys().map(|key| (key, None)).collect()).unwrap();
    assert_eq!(tree.with(|tree| tree.items(&[], None, usize::MAX)).unwrap().len(), wanted.len());
    tree.root
}

#[test]
fn a_hundred_orders_on_every_engine_give_one_root() {
    let (tree, model) = filled(150);
    for seed in 1..=100 {
        assert_eq!(in_some_order(MemoryEngine::new(seed % 2 == 0), &model, seed), tree.root, "{seed}");
    }
    for journal in [Journal::Wal, Journal::Rollback] {
        for seed in 1..=3 {
            let folder = tempfile::tempdir().unwrap();
            let engine = SqliteEngine::create(&folder.path().join("tree.db"), journal).unwrap();
            assert_eq!(in_some_order(engine, &model, seed), tree.root, "{} {seed}", journal.as_str());
        }
    }
}

#[test]
fn fixed_contents_have_their_roots() {
    let roots: Vec<String> = [0, 1, 12, 13, 500]
        .into_iter()
        .map(|count| filled(count).0.root.digest().iter().take(8).map(|byte| format!("{byte:02x}")).collect())
        .collect();
    let distinct: BTreeSet<&String> = roots.iter().collect();
    assert_eq!(distinct.len(), roots.len());
    assert_eq!(roots, KNOWN);
}

/// The first eight bytes of each.
const KNOWN: [&str; 5] =
    ["7498839992dcfff0", "cd08ef2587258a69", "9052037ea9e37a32", "7c347186224a2fad", "545f6c9435316064"];
