//! Section 7 of the design, number 10: what keys that were made to hurt can do.

use super::{Fixture, filled};
use crate::store::tree::{digits, record_hash};

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
