//! Sections 4 and 7 of the design, numbers 4, 7 and 9: rows under the hands of an attacker, and what the cache knows.

use std::collections::BTreeMap;

use super::{Batch, Fixture, Model, apply_to, filled};
use crate::store::{
    engine::{Engine as _, Table},
    tree::{
        Cache, Tree, digits,
        node::{is_page_path, page_body, page_place, parse_page},
        record_hash,
    },
};

/// What reading one key gives.
#[derive(PartialEq)]
enum Answer {
    Right,
    Wrong,
    Refused,
}

fn ask(tree: &Tree<'_>, model: &Model, key: &[u8]) -> Answer {
    let value = model.get(key);
    match tree.find(key) {
        Err(_) => Answer::Refused,
        Ok(None) if value.is_none() => Answer::Right,
        Ok(None) => Answer::Wrong,
        Ok(Some(item)) => {
            let stored = tree.view.get_many(&[(Table::Record, key)]).unwrap().pop().flatten();
            let found = match (item.hash, stored) {
                (None, _) => None,
                (Some(hash), Some(stored)) if record_hash(key, &stored) == hash => Some(stored),
                _ => return Answer::Refused,
            };
            if value == Some(&found) { Answer::Right } else { Answer::Wrong }
        }
    }
}

/// What reading everything gives: wrong answers, and keys that are refused.
fn read_all(tree: &Fixture, model: &Model) -> (usize, usize) {
    tree.with(|tree| {
        let answers: Vec<Answer> = model.keys().map(|key| ask(tree, model, key)).collect();
        let count = |of: &Answer| answers.iter().filter(|answer| *answer == of).count();
        (count(&Answer::Wrong), count(&Answer::Refused))
    })
}

#[test]
fn rows_that_are_flipped_dropped_swapped_or_put_back_give_no_wrong_answer() {
    let (mut tree, mut model) = filled(300);
    let old = tree.nodes();
    let batch = (0..40_u32)
        .map(|n| {
            let digest = record_hash(&n.to_be_bytes(), &[]);
            ([&[0x10], digest.as_slice(), b"\0"].concat(), Some(Some(vec![250; 40])))
        })
        .collect();
    tree.apply(&batch).unwrap();
    apply_to(&mut model, &batch);
    assert_eq!(read_all(&tree, &model), (0, 0));
    let rows = tree.nodes();
    let (mut tried, mut mended) = (0, 0);
    let mut attack = |path: &[u8], value: Option<&[u8]>, good: &[u8]| {
        tree.set(Table::Node, path, value);
        let (wrong, refused) = read_all(&tree, &model);
        assert_eq!(wrong, 0);
        // A page of members alone is not mended here; every other row is.
        tried += 1;
        mended += usize::from(refused == 0);
        tree.set(Table::Node, path, Some(good));
    };
    for (n, (path, body)) in rows.iter().enumerate() {
        let mut flipped = body.clone();
        flipped[n % body.len()] ^= 1 << (n % 8);
        attack(path, Some(&flipped), body);
        attack(path, None, body);
        let (_, other) = &rows[(n + 1) % rows.len()];
        attack(path, Some(other), body);
        if let Some((_, before)) = old.iter().find(|(known, before)| known == path && before != body) {
            attack(path, Some(before), body);
        }
    }
    println!("{tried} manipulations of nodes and pages, {mended} mended, 0 wrong answers");
    assert!(mended * 10 > tried * 6, "{mended} of {tried}");
    for (key, value) in model.iter().filter(|(_, value)| value.is_some()).take(60) {
        let value = value.clone().unwrap();
        let mut flipped = value.clone();
        flipped[0] ^= 1;
        for other in [Some(flipped.as_slice()), None] {
            tree.set(Table::Record, key, other);
            assert_eq!(read_all(&tree, &model), (0, 1), "one record, one key");
            tree.set(Table::Record, key, Some(&value));
        }
    }
    // All nodes lost: the tree comes out of the records again, but for the members, which have none.
    for (path, _) in &rows {
        tree.set(Table::Node, path, None);
    }
    let (wrong, _) = read_all(&tree, &model);
    assert_eq!(wrong, 0);
}

/// Section 7 of the design, number 7: damage next to a merge, a split, and a child that moves up.
#[test]
fn damage_is_never_hashed_anew() {
    let (tree, model) = filled(300);
    let rows = tree.nodes();
    let members: Vec<Vec<u8>> = model.iter().filter(|(_, v)| v.is_none()).map(|(k, _)| k.clone()).collect();
    let (mut refused, mut mended) = (0, 0);
    for (path, body) in rows.iter().filter(|(path, _)| is_page_path(path)) {
        let Some(items) = parse_page(path, body, 12) else { panic!("canonical") };
        // A record of the page is dropped from it by hand.
        let fewer = page_body(&path[..path.len() - 2], &items[1..]);
        let last = &items[items.len() - 1].key;
        let merge = Batch::from([(last.clone(), None)]);
        // More than a page takes, right behind its last record.
        let beside = |n: u8| {
            let mut key = last.clone();
            let end = key.len() - 2;
            key[end] ^= n;
            key
        };
        let split = (1..=13).map(|n| (beside(n), Some(Some(vec![n])))).collect::<Batch>();
        // All that stands beside the page below its node goes.
        let prefix = &path[..path.len() - 2];
        let others = model
            .keys()
            .filter(|key| digits(key).starts_with(prefix) && items.iter().all(|item| item.key != **key));
        let moved: Batch = others.map(|key| (key.clone(), None)).chain(merge.clone()).collect();
        for batch in [merge, split, moved] {
            let mut copy = Fixture { engine: tree.engine.copy(), root: tree.root.clone(), limit: 12 };
            copy.set(Table::Node, path, Some(&fewer));
            let mut model = model.clone();
            match copy.apply(&batch) {
                Err(_) => {
                    assert!(members.contains(last));
                    refused += 1;
                }
                Ok(()) => {
                    apply_to(&mut model, &batch);
                    let anew = Fixture::all(&model, 12);
                    assert_eq!(
                        (&copy.root, copy.nodes()),
                        (&anew.root, anew.nodes()),
                        "mended, not laundered"
                    );
                    mended += 1;
                }
            }
        }
    }
    println!("damage beside a change: {mended} mended, {refused} refused, 0 laundered");
    assert!(refused > 0 && mended > 0);
}

#[test]
fn a_lost_page_of_members_comes_out_of_what_they_follow_from() {
    let (tree, model) = filled(60);
    let all: Vec<Vec<u8>> = model.iter().filter(|(_, v)| v.is_none()).map(|(k, _)| k.clone()).collect();
    let members = |from: &[u8], to: Option<&[u8]>| {
        Ok(all
            .iter()
            .filter(|k| k.as_slice() >= from && to.is_none_or(|to| k.as_slice() < to))
            .cloned()
            .collect())
    };
    for (path, _) in tree.nodes() {
        tree.set(Table::Node, &path, None);
    }
    let (cache, view) = (Cache::default(), tree.engine.view().unwrap());
    let found = Tree::new(&*view, &cache, &tree.root).with_members(&members).items(&[], None, 1_000).unwrap();
    assert_eq!(found.iter().map(|item| &item.key).collect::<Vec<_>>(), model.keys().collect::<Vec<_>>());
}

/// A store of 200 entries with a past: the last state, what it holds, and three former ones.
fn with_a_past() -> (Fixture, Model, Vec<Fixture>) {
    let (mut tree, mut model) = filled(200);
    let mut old = Vec::new();
    for round in 0..3_u8 {
        old.push(Fixture { engine: tree.engine.copy(), root: tree.root.clone(), limit: 12 });
        let batch: Batch = (0..40_u32)
            .map(|n| {
                let digest = record_hash(&(n * 5 + u32::from(round)).to_be_bytes(), &[]);
                let key = [&[0x10], digest.as_slice(), b"\0"].concat();
                (key, (n % 4 > 0).then(|| Some(vec![250 + round; 40])))
            })
            .collect();
        tree.apply(&batch).unwrap();
        apply_to(&mut model, &batch);
    }
    (tree, model, old)
}

/// The first and the last key below a row of the tree.
fn below<'m>(model: &'m Model, path: &[u8]) -> Vec<&'m [u8]> {
    let inside = |key: &[u8]| {
        let key = digits(key);
        match page_place(path) {
            Some((prefix, Some((first, width)))) => {
                key.starts_with(prefix) && (first..first + width).contains(&key[prefix.len()])
            }
            _ => key.starts_with(path),
        }
    };
    let mut keys = model.keys().map(Vec::as_slice).filter(|key| inside(key));
    let first = keys.next();
    first.into_iter().chain(keys.next_back()).collect()
}

/// Every byte of every row flipped: a record refuses its own key and nothing else, a row of the tree is mended from what
/// stands below it or what its members follow from.
#[test]
fn each_byte_of_each_row_is_covered() {
    let (tree, model, _) = with_a_past();
    let all: Vec<Vec<u8>> = model.iter().filter(|(_, v)| v.is_none()).map(|(k, _)| k.clone()).collect();
    let members = |from: &[u8], to: Option<&[u8]>| {
        let inside = all.iter().filter(|k| k.as_slice() >= from && to.is_none_or(|to| k.as_slice() < to));
        Ok(inside.cloned().collect())
    };
    let mut nodes = 0;
    for (path, body) in tree.nodes() {
        let keys = below(&model, &path);
        for at in 0..body.len() {
            let mut flipped = body.clone();
            flipped[at] ^= 1 << (at % 8);
            tree.set(Table::Node, &path, Some(&flipped));
            let (cache, view) = (Cache::default(), tree.engine.view().unwrap());
            let tree = Tree::new(&*view, &cache, &tree.root).with_members(&members);
            for key in &keys {
                assert!(ask(&tree, &model, key) == Answer::Right, "{path:?} {at}");
            }
            nodes += 1;
        }
        tree.set(Table::Node, &path, Some(&body));
    }
    let mut records = 0;
    let keys: Vec<&Vec<u8>> = model.keys().collect();
    for (n, (key, value)) in model.iter().enumerate() {
        let Some(value) = value else { continue };
        let neighbour = keys[(n + 1) % keys.len()];
        for at in 0..value.len() {
            let mut flipped = value.clone();
            flipped[at] ^= 1 << (at % 8);
            tree.set(Table::Record, key, Some(&flipped));
            tree.with(|tree| {
                assert!(ask(tree, &model, key) == Answer::Refused);
                assert!(ask(tree, &model, neighbour) == Answer::Right);
            });
            records += 1;
        }
        tree.set(Table::Record, key, Some(value));
    }
    println!(
        "{nodes} bytes of rows of the tree flipped, each mended; {records} of records, each refused alone"
    );
    assert_eq!(read_all(&tree, &model), (0, 0));
}

/// Every record deleted, and put under each other's key.
#[test]
fn each_record_serves_for_its_own_key_alone() {
    let (tree, model, _) = with_a_past();
    let records: Vec<(&Vec<u8>, &Vec<u8>)> =
        model.iter().filter_map(|(key, value)| Some((key, value.as_ref()?))).collect();
    let mut tried = 0;
    for (key, value) in &records {
        let others =
            records.iter().map(|(_, other)| Some(other.as_slice())).filter(|other| *other != Some(value));
        for other in others.chain([None]) {
            tree.set(Table::Record, key, other);
            assert!(tree.with(|tree| ask(tree, &model, key)) == Answer::Refused);
            tried += 1;
        }
        tree.set(Table::Record, key, Some(value));
    }
    println!("{tried} records deleted, or in another's place: each refused");
    assert_eq!(read_all(&tree, &model), (0, 0));
}

/// Rows of three former states put back: each alone, all of one kind, all but one kind.
#[test]
fn former_rows_give_no_former_content() {
    let (tree, model, old) = with_a_past();
    let rows =
        |tree: &Fixture, table| tree.engine.view().unwrap().range(table, &[], None, usize::MAX).unwrap();
    let mut tried = 0;
    for former in &old {
        for table in [Table::Node, Table::Record] {
            let today: BTreeMap<_, _> = rows(&tree, table).into_iter().collect();
            for (key, value) in rows(former, table) {
                if today.get(&key) != Some(&value) {
                    let copy = Fixture { engine: tree.engine.copy(), root: tree.root.clone(), limit: 12 };
                    copy.set(table, &key, Some(&value));
                    let (wrong, refused) = read_all(&copy, &model);
                    assert_eq!(wrong, 0);
                    assert!(table == Table::Node || refused <= 1);
                    tried += 1;
                }
            }
            // All of this kind, and nothing of the other.
            let copy = Fixture { engine: tree.engine.copy(), root: tree.root.clone(), limit: 12 };
            today.keys().for_each(|key| copy.set(table, key, None));
            rows(former, table).iter().for_each(|(key, value)| copy.set(table, key, Some(value)));
            assert_eq!(read_all(&copy, &model).0, 0);
            tried += 1;
        }
        // All but the state that names the root.
        let copy = Fixture { engine: former.engine.copy(), root: tree.root.clone(), limit: 12 };
        let (wrong, refused) = read_all(&copy, &model);
        assert!(wrong == 0 && refused > 0);
        tried += 1;
    }
    println!("{tried} times rows of former states put back: 0 former content");
    assert!(tried > 100);
}

/// What the cache knows was proved by its hash: an older state, a later one and another tree find nothing there that is
/// not theirs.
#[test]
fn a_cache_that_several_trees_share_gives_each_its_own() {
    let (tree, model, old) = with_a_past();
    let (other, other_model) = filled(77);
    let cache = Cache::default();
    let mut all = vec![(&tree, &model), (&other, &other_model)];
    let models: Vec<Model> = old
        .iter()
        .map(|former| {
            let view = former.engine.view().unwrap();
            let tree =
                Tree::new(&*view, &Cache::default(), &former.root).items(&[], None, usize::MAX).unwrap();
            let value = |key: &[u8]| view.get_many(&[(Table::Record, key)]).unwrap().pop().flatten();
            tree.into_iter()
                .map(|item| (item.key.clone(), item.hash.and_then(|_| value(&item.key))))
                .collect()
        })
        .collect();
    all.extend(old.iter().zip(&models));
    for round in 0..2 {
        for (fixture, model) in &all {
            // The rows are gone in the second round: what is found comes out of the cache, and is right.
            let empty = Fixture::new(12);
            let view = if round == 0 { fixture.engine.view() } else { empty.engine.view() }.unwrap();
            let tree = Tree::new(&*view, &cache, &fixture.root);
            for (key, value) in *model {
                let found = tree.find(key).unwrap().unwrap();
                assert_eq!(found.hash, value.as_ref().map(|value| record_hash(key, value)));
            }
            for key in model.keys() {
                let other = [key.as_slice(), b"x"].concat();
                assert_eq!(tree.find(&other).unwrap(), None);
            }
        }
    }
}
