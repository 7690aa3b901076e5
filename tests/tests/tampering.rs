//! An attacker who can write every row, keeps every old copy, and knows no key: nothing that he does is shown as content.

#[path = "tampering/files.rs"]
mod files;
#[path = "tampering/trial.rs"]
mod trial;
#[path = "tampering/victim.rs"]
mod victim;

use std::collections::{BTreeMap, BTreeSet};

use strongroom::{
    UnlockKey,
    engine::{MemoryEngine, Row, Table},
};
use strongroom_tests::authority::{now, root};

use self::{
    trial::Trial,
    victim::{Victim, answers, put_back, rows, set},
};

#[test]
fn no_row_that_is_changed_dropped_swapped_doubled_or_put_back_is_shown() {
    let victim = Victim::new();
    let truth = answers(&victim.open(&victim.engine).unwrap());
    assert_eq!(truth["show evil-root"], Err("not_found"));
    assert!(truth["serve b"].is_ok());
    let old: Vec<MemoryEngine> = victim.old.iter().map(MemoryEngine::copy).collect();
    let now_rows: BTreeMap<Table, Vec<Row>> =
        Table::ALL.iter().map(|table| (*table, rows(&victim.engine, *table))).collect();
    let mut trial = Trial { victim, truth, tally: BTreeMap::new() };
    for table in Table::ALL {
        let present = &now_rows[&table];
        for (n, (key, value)) in present.iter().enumerate() {
            if !value.is_empty() {
                let mut flipped = value.clone();
                flipped[(n * 31) % value.len()] ^= 1 << (n % 8);
                trial.attack(&format!("{table:?} flipped"), |at| set(at, table, key, Some(&flipped)));
            }
            trial.attack(&format!("{table:?} dropped"), |at| set(at, table, key, None));
            let (other_key, other) = &present[(n + 1) % present.len()];
            if other != value {
                trial.attack(&format!("{table:?} swapped"), |at| {
                    set(at, table, key, Some(other));
                    set(at, table, other_key, Some(value));
                });
            }
            let mut near = key.clone();
            match near.last_mut() {
                Some(last) => *last ^= 1,
                // The path of the root.
                None => near.push(9),
            }
            if table != Table::State {
                trial.attack(&format!("{table:?} doubled under a neighbour's key"), |at| {
                    set(at, table, &near, Some(value));
                });
            }
        }
        // Every row of each old copy that is not there now, or is another, put back by itself.
        let mut tried = BTreeSet::new();
        for copy in &old {
            for (key, value) in rows(copy, table) {
                if !present.contains(&(key.clone(), value.clone()))
                    && tried.insert((key.clone(), value.clone()))
                {
                    trial.attack(&format!("{table:?} put back"), |at| set(at, table, &key, Some(&value)));
                }
            }
            let others: Vec<Table> = Table::ALL.into_iter().filter(|other| *other != table).collect();
            let (all, but) = (format!("all of {table:?} put back"), format!("all but {table:?} put back"));
            if table == Table::State {
                trial.attack_state(&all, |at| put_back(copy, at, &[table]));
                trial.attack(&but, |at| put_back(copy, at, &others));
            } else {
                trial.attack(&all, |at| put_back(copy, at, &[table]));
                trial.attack_state(&but, |at| put_back(copy, at, &others));
            }
        }
    }
    // One copy of the state is enough, and only one of them an old one does nothing.
    for copy in &old {
        let (key, value) = rows(copy, Table::State).remove(0);
        trial.attack("one of two states put back", |at| set(at, Table::State, &key, Some(&value)));
    }
    let (mut tried, mut refused) = (0, 0);
    for (kind, tally) in &trial.tally {
        println!(
            "{kind}: {} tried, {} refused when read, {} unseen by verify-store",
            tally.tried, tally.refused, tally.unseen
        );
        tried += tally.tried;
        refused += tally.refused;
        // Of the rows that prove nothing, one whose value says nothing is all that may go unseen.
        assert!(
            tally.unseen == 0 || kind.starts_with("one of two") || kind.contains("Use"),
            "{kind}: {}",
            tally.unseen
        );
    }
    println!("{tried} attacks, {refused} refused by a read, 0 showed other content");
    assert!(tried > 500);
}

#[test]
fn the_whole_put_back_under_a_running_process_is_seen_with_a_guard_and_without() {
    let victim = Victim::new();
    for copy in &victim.old {
        let engine = victim.engine.copy();
        let running = victim.open(&engine).unwrap();
        running.page(None, 1, now()).unwrap();
        put_back(copy, &engine, &Table::ALL);
        assert_eq!(running.page(None, 1, now()).unwrap_err().code(), "store_rolled_back");
        let refused = running.import_authority(&"new".parse().unwrap(), root("New").file(), now());
        assert_eq!(refused.unwrap_err().code(), "store_rolled_back");
        // The copy grows beyond what the process saw: another history.
        let other = victim.open(&engine).unwrap();
        for n in 0..20 {
            let alias = format!("x{n}").parse().unwrap();
            other.import_authority(&alias, root(&format!("X{n}")).file(), now()).unwrap();
        }
        let error = running.page(None, 1, now()).unwrap_err();
        assert_eq!(error.code(), "store_rolled_back");
        assert!(error.to_string().contains("another history"), "{error}");
    }
}

/// What a process knows already answers for its own store alone.
#[test]
fn the_rows_of_another_store_under_a_running_process_are_refused() {
    let (victim, other) = (Victim::new(), Victim::new());
    let engine = victim.engine.copy();
    let running = victim.open(&engine).unwrap();
    let truth = answers(&running);
    for tables in [&[Table::Record, Table::Node, Table::Blob][..], &Table::ALL] {
        put_back(&other.engine, &engine, tables);
        for (question, answer) in answers(&running) {
            match answer {
                Ok(answer) => assert_eq!(Ok(&answer), truth[&question].as_ref(), "{question}"),
                Err(code) => {
                    assert!(code == "store_corrupt" || Err(code) == truth[&question], "{question}: {code}")
                }
            }
        }
        let refused = running.import_authority(&"new".parse().unwrap(), root("New").file(), now());
        assert_eq!(refused.unwrap_err().code(), "store_corrupt");
        put_back(&victim.engine, &engine, &Table::ALL);
        assert_eq!(answers(&running), truth);
    }
}

#[test]
fn more_than_eight_slots_are_refused_before_any_work() {
    let victim = Victim::new();
    let engine = victim.engine.copy();
    let slot = rows(&engine, Table::Record).into_iter().find(|(key, _)| key[0] == 0xb0).unwrap();
    for number in 1..200_u8 {
        set(&engine, Table::Record, &[0xb0, number], Some(&slot.1));
    }
    let error = victim.open(&engine).unwrap_err();
    assert_eq!(error.code(), "store_corrupt");
    assert!(error.to_string().contains("eight slots"), "{error}");
}

#[test]
fn a_former_slot_put_back_opens_nothing() {
    let victim = Victim::new();
    let engine = victim.engine.copy();
    let keystore = victim.open(&engine).unwrap();
    let next = UnlockKey::generate().unwrap();
    let former = rows(&engine, Table::Record).into_iter().find(|(key, _)| key == &[0xb0, 0]).unwrap();
    let source = strongroom::seal::UnlockSource::KeyFile(String::new());
    keystore.change_unlock(&victim.unlock, source, &next, now()).unwrap();
    set(&engine, Table::Record, &former.0, Some(&former.1));
    let error = victim.open(&engine).unwrap_err();
    assert_eq!(error.code(), "store_corrupt");
    assert!(error.to_string().contains("the slot that opens the store"), "{error}");
}
