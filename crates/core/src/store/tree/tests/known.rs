//! Contents whose roots every engine and every release must give.

use std::collections::BTreeSet;

use super::filled;

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
