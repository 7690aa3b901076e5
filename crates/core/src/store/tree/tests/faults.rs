//! Sections 6 and 7 of the design, number 5: faults that others made. Each with a reader that makes it, to show that the
//! attack is one.

use super::{Fixture, filled};
use crate::store::{
    engine::{Engine as _, Table, View},
    key::{self, Tag},
    tree::{
        Child, Kind, Root, digits, hash,
        node::{inner_hash, page_hash, page_path, parse_inner, parse_page},
        record_hash,
    },
};

/// A reader with its checks switched on or off.
#[derive(Clone, Copy)]
struct Reader {
    /// A row is taken only if it has the hash that was announced.
    checks_hashes: bool,
    /// A row that is not there is damage, and not an empty place.
    misses_rows: bool,
    /// Beyond this many inner nodes nothing is looked for.
    depth: usize,
}

const CAREFUL: Reader = Reader { checks_hashes: true, misses_rows: true, depth: usize::MAX };

impl Reader {
    /// Whether there is a record; `None` where it cannot be said.
    fn finds(self, view: &dyn View, root: &Root, key: &[u8]) -> Option<bool> {
        let Root::Inner(inner) = root else { panic!("a larger tree") };
        let (path, mut next) = (digits(key), inner.clone());
        let row = |path: &[u8]| view.get_many(&[(Table::Node, path)]).unwrap().pop().flatten();
        for _ in 0..self.depth {
            if !path.starts_with(&next.prefix) {
                return Some(false);
            }
            let Some(body) = row(&next.prefix) else { return (!self.misses_rows).then_some(false) };
            if self.checks_hashes && inner_hash(&next.prefix, &body) != next.hash {
                return None;
            }
            let children = parse_inner(&next.prefix, &body, 12)?;
            let slot = path[next.prefix.len()];
            match children.into_iter().find(|child| child.covers(slot)) {
                None => return Some(false),
                Some(Child::Inner { inner, .. }) => next = inner,
                Some(Child::Page { first, width, hash, .. }) => {
                    let path = page_path(&next.prefix, first, width);
                    let Some(body) = row(&path) else { return (!self.misses_rows).then_some(false) };
                    if self.checks_hashes && page_hash(&path, &body) != hash {
                        return None;
                    }
                    return Some(parse_page(&path, &body, 12)?.iter().any(|item| item.key == key));
                }
            }
        }
        Some(false)
    }
}

/// How a reader of ours and the careless one answer for every key that is there, after an attack on one row at a time.
fn against(careless: Reader, attack: impl Fn(&Fixture, &[u8], &[u8])) -> usize {
    let (tree, model) = filled(300);
    let mut fooled = 0;
    for (path, body) in tree.nodes() {
        attack(&tree, &path, &body);
        let view = tree.engine.view().unwrap();
        for key in model.keys() {
            let careful = CAREFUL.finds(&*view, &tree.root, key);
            assert_ne!(careful, Some(false), "what is there is never absent");
            fooled += usize::from(careless.finds(&*view, &tree.root, key) == Some(false));
            // Ours answers, or refuses where nothing stands below from which the row can be made again.
            assert_ne!(tree.with(|tree| tree.find(key)).ok(), Some(None));
        }
        drop(view);
        tree.set(Table::Node, &path, Some(&body));
    }
    fooled
}

#[test]
fn a_row_that_is_not_supplied_is_damage_and_no_absence() {
    let careless = Reader { misses_rows: false, ..CAREFUL };
    assert!(against(careless, |tree, path, _| tree.set(Table::Node, path, None)) > 0);
}

#[test]
fn no_field_of_a_row_stands_outside_its_hash() {
    let careless = Reader { checks_hashes: false, ..CAREFUL };
    let fooled = against(careless, |tree, path, body| {
        // The record of a page, the slot or the count of a child.
        let mut changed = body.to_vec();
        let at = if changed.len() > 2 { 2 } else { 0 };
        changed[at] ^= 1;
        tree.set(Table::Node, path, Some(&changed));
    });
    assert!(fooled > 0);
}

#[test]
fn a_page_of_another_path_is_not_taken() {
    let (tree, model) = filled(300);
    let nodes = tree.nodes();
    let careless = Reader { checks_hashes: false, ..CAREFUL };
    let (mut tried, mut fooled) = (0, 0);
    for (path, body) in &nodes {
        for (other_path, other) in
            nodes.iter().filter(|(path, _)| path.len() == 5 || path.len() == 4).take(20)
        {
            // The path is part of what is hashed.
            assert!(path == other_path || page_hash(path, other) != page_hash(other_path, other));
            tree.set(Table::Node, path, Some(other));
            let view = tree.engine.view().unwrap();
            for key in model.keys().step_by(17) {
                let careful = CAREFUL.finds(&*view, &tree.root, key);
                assert_ne!(careful, Some(false));
                tried += 1;
                fooled += usize::from(careless.finds(&*view, &tree.root, key) == Some(false));
            }
            drop(view);
            tree.set(Table::Node, path, Some(body));
        }
    }
    assert!(tried > 1_000 && fooled > 0, "{tried} {fooled}");
}

#[test]
fn depth_is_no_answer() {
    let (mut tree, _) = filled(300);
    let chain: Vec<Vec<u8>> = (1..=100).map(|n| key::text(Tag::Head, &"a".repeat(n))).collect();
    tree.apply(&chain.iter().map(|key| (key.clone(), Some(Some(vec![1])))).collect()).unwrap();
    let view = tree.engine.view().unwrap();
    let careless = Reader { depth: 16, ..CAREFUL };
    let absent = |reader: Reader| {
        chain.iter().filter(|key| reader.finds(&*view, &tree.root, key) == Some(false)).count()
    };
    assert_eq!(absent(CAREFUL), 0);
    assert!(absent(careless) > 0);
    tree.with(|tree| chain.iter().for_each(|key| assert!(tree.find(key).unwrap().is_some())));
}

/// Nothing that one row hashes is what another row of another kind or place hashes.
#[test]
fn no_two_inputs_are_one() {
    let kinds = [Kind::Page, Kind::Inner, Kind::Record, Kind::Root];
    let parts: [&[&[u8]]; 6] = [&[], &[b""], &[b"", b""], &[b"ab", b"c"], &[b"a", b"bc"], &[b"abc"]];
    let mut seen = std::collections::BTreeSet::new();
    for kind in kinds {
        for parts in parts {
            assert!(seen.insert(hash(kind, parts)));
        }
    }
    // Three of them are one without lengths, and four without kinds.
    let joined: std::collections::BTreeSet<Vec<u8>> = parts.iter().map(|parts| parts.concat()).collect();
    assert_eq!((joined.len(), seen.len()), (2, 24));
    // A record under one key says nothing of another.
    assert_ne!(record_hash(b"ab", b"c"), record_hash(b"a", b"bc"));
}

/// What others choose stands in a key as a digest, but for the alias at its end: it makes nobody else's path long.
#[test]
fn what_certificates_say_is_hashed_into_keys() {
    for length in [1, 60, 250] {
        assert_eq!(key::name(&"a".repeat(length)).len(), 33);
    }
    assert!(key::text(Tag::Head, &"a".repeat(128)).len() > 100, "one's own alias does not");
}
