//! Whoever can write the store, or the file of the rows, and has no key.

use super::*;

fn table(engine: &MemoryEngine, table: Table) -> Vec<Row> {
    engine.view().unwrap().range(table, &[], None, usize::MAX).unwrap()
}

/// A row that is put, or taken away.
type Put<'p> = (Table, &'p [u8], Option<&'p [u8]>);

fn set(engine: &MemoryEngine, rows: &[Put<'_>]) {
    let mut change = engine.begin().unwrap();
    for (table, key, value) in rows {
        match value {
            Some(value) => change.put(*table, key, value).unwrap(),
            None => change.delete(*table, key).unwrap(),
        }
    }
    change.commit().unwrap();
}

/// Who can write every row, and knows no key, can neither hide a cut, nor move it, nor make one.
#[test]
fn no_cut_is_forged_and_none_is_hidden() {
    let engine = MemoryEngine::new(false);
    let unlock = UnlockKey::generate().unwrap();
    let keystore = Keystore::create_on_engine(Box::new(engine.clone()), &unlock, now()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    rows(&keystore, 1_200);
    let before = engine.copy();
    rotate(&keystore, &folder.path().join("one"), keep(100));
    let between = engine.copy();
    rows(&keystore, 20);
    rotate(&keystore, &folder.path().join("two"), keep(50));
    drop(keystore);
    let truth: Vec<i64> = {
        let keystore = Keystore::open_on_engine(Box::new(engine.copy()), &unlock).unwrap();
        keystore.log(0, 1_000).unwrap().iter().map(|row| row.number).collect()
    };
    let mut attacks = 0;
    let mut attack = |kind: &str, attack: &dyn Fn(&MemoryEngine)| {
        let copy = engine.copy();
        attack(&copy);
        attacks += 1;
        let Ok(keystore) = Keystore::open_on_engine(Box::new(copy), &unlock) else { return };
        // Never other rows than there are: those, or a refusal.
        match keystore.log(0, 1_000) {
            Ok(rows) => {
                let numbers: Vec<i64> = rows.iter().map(|row| row.number).collect();
                assert_eq!(numbers, truth, "{kind}");
            }
            Err(error) => assert_eq!(error.code(), "store_corrupt", "{kind}"),
        }
        assert_ne!(keystore.verify_store().map_or(1, |report| report.problems.len()), 0, "{kind}: unseen");
    };
    let cut: Vec<Row> =
        table(&engine, Table::Record).into_iter().filter(|(key, _)| key.first() == Some(&0)).collect();
    // The record, the heads at 1,000 and at the end of each cut, and the last change.
    assert_eq!(cut.len(), 5);
    for (n, (key, value)) in cut.iter().enumerate() {
        let mut other = value.clone();
        let last = other.len() - 1;
        other[last - n % last] ^= 1;
        attack("flipped", &|at| set(at, &[(Table::Record, key, Some(&other))]));
        attack("dropped", &|at| set(at, &[(Table::Record, key, None)]));
        let (_, next) = &cut[(n + 1) % cut.len()];
        attack("of another key", &|at| set(at, &[(Table::Record, key, Some(next))]));
    }
    // The record of the former cut put back, with its rows and without.
    for (key, value) in table(&between, Table::Record).into_iter().filter(|(key, _)| key.first() == Some(&0))
    {
        if !cut.contains(&(key.clone(), value.clone())) {
            attack("put back", &|at| set(at, &[(Table::Record, &key, Some(&value))]));
        }
    }
    let log = table(&between, Table::Log);
    attack("rows put back", &|at| {
        for (key, value) in &log {
            set(at, &[(Table::Log, key, Some(value))]);
        }
    });
    let (key, value) = table(&before, Table::Log).remove(0);
    attack("the first row put back", &|at| set(at, &[(Table::Log, &key, Some(&value))]));
    // More is cut than the record says.
    let present = table(&engine, Table::Log);
    for count in [1, 10, present.len()] {
        attack("cut by hand", &|at| {
            for (key, _) in present.iter().take(count) {
                set(at, &[(Table::Log, key, None)]);
            }
        });
    }
    // A store that was never cut: the first rows go without a record.
    let first = table(&before, Table::Log);
    let copy = before.copy();
    for (key, _) in first.iter().take(10) {
        set(&copy, &[(Table::Log, key, None)]);
    }
    let keystore = Keystore::open_on_engine(Box::new(copy), &unlock).unwrap();
    assert_eq!(keystore.log(0, 10).unwrap_err().code(), "store_corrupt");
    println!("{attacks} attacks on a cut, 0 unseen");
    assert!(attacks > 20);
}

#[test]
fn a_file_that_is_not_of_this_log_proves_nothing() {
    let (scratch, other) = (Scratch::new(now()), Scratch::new(now()));
    let path = |name: &str| scratch.folder.path().join(name);
    for keystore in [&scratch.keystore, &other.keystore] {
        rows(keystore, 30);
    }
    let own = rotate(&scratch.keystore, &path("own"), keep(5));
    let foreign = rotate(&other.keystore, &path("foreign"), keep(5));
    assert_eq!(scratch.keystore.proven_rows(&own).unwrap(), own.last);
    let error = scratch.keystore.proven_rows(&foreign).unwrap_err();
    assert_eq!((error.code(), error.kind()), ("bad_log_segment", strongroom::error::ErrorKind::File));
    assert!(error.to_string().ends_with("proves nothing: it is of another store"), "{error}");
    // It says that it is of this store.
    let text = fs::read_to_string(path("foreign")).unwrap().replacen(&foreign.store, &own.store, 1);
    fs::write(path("renamed"), text).unwrap();
    let renamed = LogSegment::open(&path("renamed")).unwrap();
    let error = scratch.keystore.proven_rows(&renamed).unwrap_err();
    assert!(error.to_string().contains("the store has another row"), "{error}");
    // A row of it says something else.
    let text = fs::read_to_string(path("own")).unwrap().replacen("192.0.2.1", "192.0.2.2", 1);
    fs::write(path("changed"), text).unwrap();
    let error = LogSegment::open(&path("changed")).unwrap_err();
    assert!(error.to_string().contains("row 2 was changed, or does not follow"), "{error}");
}
