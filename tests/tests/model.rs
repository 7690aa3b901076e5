//! Random operations on a store, against a map that says what must be there.

use std::collections::BTreeMap;

use proptest::prelude::*;
use strongroom::{
    Alias, Error, Keystore,
    certificate::ServerCredential,
    keystore::{CredentialRequest, KeptSlot},
    seal::UnlockSource,
    secret::PrivateKey,
    store::StoreError,
};
use strongroom_tests::{
    authority::{leaf_params, now, root},
    scratch::Scratch,
};

const NAMES: [&str; 5] = ["a", "B", "c.d", "www", "zz"];
const LEAVES: usize = 3;

#[derive(Clone, Debug)]
enum Operation {
    Import { name: usize, leaf: usize, replace: bool },
    Remove { name: usize },
    Rename { from: usize, to: usize },
    Rekey,
    Reopen,
    Undo { name: usize },
    UndoTo { name: usize, version: usize },
    Prune { name: usize },
    PruneAll,
}

fn operation() -> impl Strategy<Value = Operation> {
    let name = 0..NAMES.len();
    prop_oneof![
        5 => (name.clone(), 0..LEAVES, any::<bool>())
            .prop_map(|(name, leaf, replace)| Operation::Import { name, leaf, replace }),
        2 => name.clone().prop_map(|name| Operation::Remove { name }),
        2 => (name.clone(), name.clone()).prop_map(|(from, to)| Operation::Rename { from, to }),
        4 => name.clone().prop_map(|name| Operation::Undo { name }),
        2 => (name.clone(), 1..4_usize).prop_map(|(name, version)| Operation::UndoTo { name, version }),
        1 => name.prop_map(|name| Operation::Prune { name }),
        1 => Just(Operation::PruneAll),
        1 => Just(Operation::Rekey),
        1 => Just(Operation::Reopen),
    ]
}

/// What an entry is: for each version its leaf, and the number of the first one that was not pruned.
#[derive(Clone, Debug)]
struct Versions {
    leaves: Vec<usize>,
    first: usize,
}

/// What there is, and what was removed: of each alias the last one last.
#[derive(Debug, Default)]
struct Model {
    present: BTreeMap<String, Versions>,
    removed: BTreeMap<String, Vec<Versions>>,
}

fn copy(credential: &ServerCredential) -> ServerCredential {
    let key = PrivateKey::from_pkcs8_der(credential.key().expose_pkcs8_der().to_vec());
    ServerCredential::pair(key, vec![credential.leaf().clone()]).unwrap()
}

fn alias(name: usize) -> Alias {
    NAMES[name].parse().unwrap()
}

fn code(done: Result<(), Error>) -> &'static str {
    done.map_or_else(|error| error.code(), |()| "done")
}

/// Brings the entry that was removed last back, if the alias is free.
fn bring_back(model: &mut Model, key: &str) -> bool {
    if model.present.contains_key(key) {
        return false;
    }
    let Some(versions) = model.removed.get_mut(key).and_then(Vec::pop) else { return false };
    model.present.insert(key.to_owned(), versions);
    true
}

/// What the model says to an operation, and does.
fn expected(model: &mut Model, operation: &Operation) -> &'static str {
    let key = |name: usize| NAMES[name].to_ascii_lowercase();
    match *operation {
        Operation::Import { name, leaf, replace } => match model.present.get_mut(&key(name)) {
            None => {
                model.present.insert(key(name), Versions { leaves: vec![leaf], first: 1 });
            }
            Some(versions) if *versions.leaves.last().unwrap() == leaf => {}
            Some(versions) if replace => versions.leaves.push(leaf),
            Some(_) => return "alias_taken",
        },
        Operation::Remove { name } => match model.present.remove(&key(name)) {
            None => return "not_found",
            Some(versions) => model.removed.entry(key(name)).or_default().push(versions),
        },
        Operation::Rename { from, to } => {
            if !model.present.contains_key(&key(from)) {
                return "not_found";
            }
            if from != to && model.present.contains_key(&key(to)) {
                return "alias_taken";
            }
            let versions = model.present.remove(&key(from)).unwrap();
            model.present.insert(key(to), versions);
        }
        Operation::Undo { name } => {
            if bring_back(model, &key(name)) {
                return "done";
            }
            let other = model.removed.get(&key(name)).is_some_and(|removed| !removed.is_empty());
            let Some(versions) = model.present.get_mut(&key(name)) else { return "not_found" };
            let current = versions.leaves.len();
            if current <= versions.first {
                return if current > 1 && !other { "version_pruned" } else { "nothing_to_undo" };
            }
            versions.leaves.push(versions.leaves[current - 2]);
        }
        Operation::UndoTo { name, version } => {
            let known = model.present.get(&key(name)).or_else(|| model.removed.get(&key(name))?.last());
            let Some(versions) = known else { return "not_found" };
            if version > versions.leaves.len() || version == 0 {
                return "version_not_found";
            }
            if version < versions.first {
                return "version_pruned";
            }
            let back = bring_back(model, &key(name));
            let versions = model.present.get_mut(&key(name)).unwrap();
            let same = versions.leaves[version - 1] == *versions.leaves.last().unwrap();
            match (same, back) {
                (true, true) => {}
                (true, false) => return "nothing_to_undo",
                (false, _) => versions.leaves.push(versions.leaves[version - 1]),
            }
        }
        Operation::Prune { name } => {
            let removed = model.removed.remove(&key(name)).is_some_and(|removed| !removed.is_empty());
            match model.present.get_mut(&key(name)) {
                None if !removed => return "not_found",
                None => {}
                Some(versions) => versions.first = versions.leaves.len(),
            }
        }
        Operation::PruneAll => {
            model.removed.clear();
            model.present.values_mut().for_each(|versions| versions.first = versions.leaves.len());
        }
        Operation::Rekey | Operation::Reopen => {}
    }
    "done"
}

fn run(scratch: &mut Scratch, leaves: &[ServerCredential], operation: &Operation) -> &'static str {
    let keystore = &scratch.keystore;
    match *operation {
        Operation::Import { name, leaf, replace } => {
            let mut request = CredentialRequest::new(alias(name), copy(&leaves[leaf]), now());
            request.options.replace = replace;
            code(keystore.import_credential(request).map(drop))
        }
        Operation::Remove { name } => code(keystore.remove(&alias(name), false, now()).map(drop)),
        Operation::Rename { from, to } => code(keystore.rename(&alias(from), &alias(to), now())),
        Operation::Undo { name } => code(keystore.undo(&alias(name), now()).map(drop)),
        Operation::UndoTo { name, version } => {
            code(keystore.undo_to(&alias(name), u32::try_from(version).unwrap(), now()).map(drop))
        }
        Operation::Prune { name } => code(keystore.prune(Some(&alias(name)), now()).map(drop)),
        Operation::PruneAll => code(keystore.prune(None, now()).map(drop)),
        Operation::Rekey => {
            let keep = [KeptSlot::new(0, UnlockSource::KeyFile(String::new()), &scratch.unlock)];
            code(keystore.rekey(&keep, now()))
        }
        Operation::Reopen => {
            scratch.keystore = Keystore::open(scratch.path(), &scratch.unlock).unwrap();
            "done"
        }
    }
}

fn compare(scratch: &mut Scratch, leaves: &[ServerCredential], model: &Model) {
    let keystore = &scratch.keystore;
    let listed: Vec<String> =
        keystore.page(None, 100, now()).unwrap().iter().map(|e| e.alias.key()).collect();
    let wanted: Vec<String> =
        std::iter::once("root".to_owned()).chain(model.present.keys().cloned()).collect();
    let mut wanted = wanted;
    wanted.sort();
    assert_eq!(listed, wanted);
    let mut removed: Vec<String> = Vec::new();
    model.removed.iter().for_each(|(name, all)| removed.extend(all.iter().map(|_| name.clone())));
    let kept = keystore.removed_entries(100).unwrap();
    assert_eq!(kept.iter().map(|entry| entry.alias.key()).collect::<Vec<_>>(), removed);
    for (name, versions) in &model.present {
        let alias: Alias = name.parse().unwrap();
        let leaf = *versions.leaves.last().unwrap();
        let opened = keystore.credential(&alias, now()).unwrap();
        assert_eq!(opened.key().expose_pkcs8_der(), leaves[leaf].key().expose_pkcs8_der());
        let history: Vec<_> =
            keystore.history(&alias).unwrap().iter().map(|v| v.certificate.fingerprint()).rev().collect();
        let of = |leaf: &usize| leaves[*leaf].leaf().fingerprint();
        assert_eq!(history, versions.leaves[versions.first - 1..].iter().map(of).collect::<Vec<_>>());
    }
    for (n, leaf) in leaves.iter().enumerate() {
        let holders = model.present.values().filter(|v| *v.leaves.last().unwrap() == n).count();
        let host = leaf.leaf().hosts().next().unwrap();
        assert_eq!(keystore.aliases_named(host, 100).unwrap().len(), holders);
    }
    assert_eq!(keystore.verify_store().unwrap().problems, []);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_store_is_what_the_model_says(operations in prop::collection::vec(operation(), 1..30)) {
        let authority = root("Root");
        let leaves: Vec<ServerCredential> =
            (0..LEAVES).map(|n| authority.issue(&leaf_params(&format!("h{n}.test")), &[])).collect();
        let mut scratch = Scratch::new(now());
        scratch.keystore.import_authority(&"root".parse().unwrap(), authority.file(), now()).unwrap();
        let mut model = Model::default();
        for operation in &operations {
            let wanted = expected(&mut model, operation);
            prop_assert_eq!(run(&mut scratch, &leaves, operation), wanted, "{:?}", operation);
        }
        compare(&mut scratch, &leaves, &model);
    }
}

#[test]
fn a_store_that_another_process_rekeyed_must_be_unlocked_again() {
    let scratch = Scratch::new(now());
    let other = Keystore::open(scratch.path(), &scratch.unlock).unwrap();
    let keep = [KeptSlot::new(0, UnlockSource::KeyFile(String::new()), &scratch.unlock)];
    scratch.keystore.rekey(&keep, now()).unwrap();
    let error = other.page(None, 1, now()).unwrap_err();
    assert_eq!(error.code(), "store_rekeyed");
    assert!(matches!(error, Error::Store(StoreError::Seal(_))));
    let again = Keystore::open(scratch.path(), &scratch.unlock).unwrap();
    assert!(again.page(None, 1, now()).unwrap().is_empty());
}

#[test]
fn a_new_root_key_reaches_every_row_of_a_store_of_many_pages() {
    const ENTRIES: usize = 700;
    let authority = root("Root");
    let leaf = authority.issue(&leaf_params("host.test"), &[]);
    let scratch = Scratch::new(now());
    scratch.keystore.import_authority(&"root".parse().unwrap(), authority.file(), now()).unwrap();
    let batch = (0..ENTRIES)
        .map(|n| CredentialRequest::new(format!("entry-{n}").parse().unwrap(), copy(&leaf), now()))
        .collect();
    scratch.keystore.import_credentials(batch, now()).unwrap();
    let keep = [KeptSlot::new(0, UnlockSource::KeyFile(String::new()), &scratch.unlock)];
    scratch.keystore.rekey(&keep, now()).unwrap();
    let again = Keystore::open(scratch.path(), &scratch.unlock).unwrap();
    let report = again.verify_store().unwrap();
    assert_eq!(report.problems, []);
    assert_eq!((report.entries, report.keys), (701, 700));
    let aliases: Vec<Alias> = again.entries(now()).map(|entry| entry.unwrap().alias).collect();
    assert!(aliases.len() == 701 && aliases.is_sorted());
}

#[test]
fn the_name_of_a_server_that_is_too_long_is_no_damage() {
    let scratch = Scratch::new(now());
    scratch.keystore.import_authority(&"root".parse().unwrap(), root("Root").file(), now()).unwrap();
    for name in [String::new(), "x".repeat(257)] {
        let refused = scratch.keystore.hold(&"root".parse().unwrap(), &name, now()).unwrap_err();
        assert_eq!((refused.code(), refused.kind()), ("invalid_value", strongroom::error::ErrorKind::Usage));
    }
    let held = scratch.keystore.hold(&"root".parse().unwrap(), &"ö".repeat(256), now()).unwrap();
    let refused = scratch.keystore.remove(&"root".parse().unwrap(), false, now()).unwrap_err();
    assert_eq!(refused.code(), "alias_in_use");
    scratch.keystore.release(held, now()).unwrap();
    scratch.keystore.remove(&"root".parse().unwrap(), false, now()).unwrap();
    assert_eq!(scratch.keystore.verify_store().unwrap().problems, []);
}

#[test]
fn of_many_removed_entries_of_one_alias_the_last_one_comes_back() {
    const REMOVALS: usize = 1_100;
    let scratch = Scratch::new(now());
    let (first, last) = (root("First"), root("Last"));
    let alias: Alias = "ca".parse().unwrap();
    for n in 0..REMOVALS {
        let authority = if n + 1 == REMOVALS { &last } else { &first };
        scratch.keystore.import_authority(&alias, authority.file(), now()).unwrap();
        scratch.keystore.remove(&alias, false, now()).unwrap();
    }
    // Its neighbour in the order of aliases is another one.
    scratch.keystore.import_authority(&"ca-2".parse().unwrap(), first.file(), now()).unwrap();
    scratch.keystore.remove(&"ca-2".parse().unwrap(), false, now()).unwrap();
    let report = scratch.keystore.verify_store().unwrap();
    assert_eq!((report.problems, report.removed), (vec![], 1_101));
    let back = scratch.keystore.undo(&alias, now()).unwrap();
    assert_eq!(back.certificate.subject(), "CN=Last");
    let pruned = scratch.keystore.prune(Some(&alias), now()).unwrap();
    assert_eq!(pruned.entries, 1_099);
    assert_eq!(scratch.keystore.removed_entries(10).unwrap()[0].alias.as_str(), "ca-2");
    assert_eq!(scratch.keystore.verify_store().unwrap().problems, []);
}
