//! Section 7 of the design, number 10: what keys that were made to hurt can do.

use super::{Batch, Fixture, filled};
use crate::store::{
    engine::Table,
    tree::{Found, PAGE, Root, digits, record_hash},
};

/// Keys that share their beginnings make only their own paths long.
#[test]
fn chains_of_names_are_no_deeper_than_their_digits_and_rows_stay_small() {
    let (mut tree, model) = filled(500);
    // How many rows a process that knows nothing reads for each other key.
    let neighbours = |tree: &Fixture| -> u64 {
        let before = tree.engine.trips();
        model.keys().for_each(|key| assert!(tree.with(|tree| tree.find(key)).unwrap().is_some()));
        tree.engine.trips() - before
    };
    let before = neighbours(&tree);
    let chain: Vec<Vec<u8>> =
        (1..=128).map(|n| [&[0x10], vec![b'a'; n].as_slice(), b"\0"].concat()).collect();
    // Names that were looked for until their hashes begin as one's own does.
    let ground: Vec<Vec<u8>> = (0..4_000_u32)
        .map(|n| record_hash(&n.to_be_bytes(), b"ground"))
        .filter(|digest| digest[0] == 0x77)
        .map(|digest| [&[0x40], digest.as_slice(), b"\0"].concat())
        .collect();
    assert!(ground.len() > 8);
    let batch = chain.iter().chain(&ground).map(|key| (key.clone(), Some(Some(vec![1])))).collect();
    tree.apply(&batch).unwrap();
    let longest = tree.nodes().iter().map(|(path, _)| path.len()).max().unwrap();
    assert!(longest <= digits(chain.last().unwrap()).len());
    assert!(tree.nodes().iter().all(|(_, body)| body.len() <= 3_000));
    tree.with(|tree| {
        for key in chain.iter().chain(&ground) {
            assert!(tree.find(key).unwrap().is_some());
        }
    });
    let after = neighbours(&tree);
    println!("rows read for 750 other keys: {before} before, {after} after");
    assert!(after * 10 <= before * 12, "{before} {after}");
}

/// The longest keys, with a branch at each digit of an alias: 128 of its characters, the digest of a name before them.
fn deepest() -> Batch {
    let stem = [[0x30].as_slice(), &[0xab; 32]].concat();
    let key = |alias: &[u8]| [stem.as_slice(), alias, b"\0"].concat();
    // Where `a` comes next, others leave at its high digit, and at its low one.
    let forks = (0..128).flat_map(|n| {
        let before = vec![b'a'; n];
        [b'1', b'c', b'a'].map(|next| key(&[before.as_slice(), &[next]].concat()))
    });
    forks.map(|key| (key, Some(Some(vec![1])))).collect()
}

/// A thread of a host in an unoptimised build has 2 MB, and its own frames on them.
#[test]
fn the_deepest_tree_is_built_changed_read_and_checked_on_a_small_stack() {
    let work = || {
        for limit in [1, PAGE] {
            let all = deepest();
            let mut tree = Fixture::new(limit);
            tree.apply(&all).unwrap();
            assert!(tree.nodes().iter().map(|(path, _)| path.len()).max().unwrap() > 300);
            let keys: Vec<_> = all.keys().collect();
            tree.with(|tree| {
                assert_eq!(tree.items(&[], None, usize::MAX).unwrap().len(), keys.len());
                let mut pages = 0;
                let mut each = |found: Found<'_>| {
                    match found {
                        Found::Page(items) => pages += items.len(),
                        Found::Row => {}
                        Found::LostRow | Found::Unproved => panic!("a row is lost"),
                    }
                    Ok(())
                };
                tree.check(&mut each).unwrap();
                assert_eq!(pages, keys.len());
            });
            // The lowest record goes and comes again, then the way to it leaves its prefix at once in many places.
            let lowest = keys.iter().max_by_key(|key| key.len()).unwrap().to_vec();
            let whole = tree.root.clone();
            tree.apply(&[(lowest.clone(), None)].into()).unwrap();
            assert_ne!(tree.root, whole);
            tree.apply(&[(lowest, Some(Some(vec![1])))].into()).unwrap();
            assert_eq!(tree.root, whole);
            let (few, others): (Batch, Batch) =
                all.iter().map(|(key, put)| (key.clone(), put.clone())).partition(|(key, _)| key.len() > 150);
            let mut tree = Fixture::new(limit);
            tree.apply(&few).unwrap();
            tree.apply(&others).unwrap();
            assert_eq!(tree.root, whole);
            // All rows are lost, and made again from the records.
            for (path, _) in tree.nodes() {
                tree.set(Table::Node, &path, None);
            }
            tree.with(|tree| assert!(tree.find(keys[0]).unwrap().is_some()));
            tree.apply(&all.keys().map(|key| (key.clone(), None)).collect()).unwrap();
            assert_eq!(tree.root, Root::Empty);
        }
    };
    let small = std::thread::Builder::new().stack_size(256 << 10).spawn(work).unwrap();
    small.join().unwrap();
}
