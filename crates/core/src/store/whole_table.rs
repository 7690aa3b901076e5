//! A table as a whole.

use super::{
    StoreError,
    engine::{Change, Table, View},
};

/// Removes every row of a table.
pub(super) fn wipe(change: &mut dyn Change, table: Table) -> Result<(), StoreError> {
    keys(change, table)?.iter().try_for_each(|key| change.delete(table, key))
}

/// Every key of a table.
pub(super) fn keys(view: &dyn View, table: Table) -> Result<Vec<Vec<u8>>, StoreError> {
    const PAGE: usize = 1_000;
    let mut all: Vec<Vec<u8>> = Vec::new();
    let mut from = Vec::new();
    loop {
        let rows = view.range(table, &from, None, PAGE)?;
        let full = rows.len() == PAGE;
        all.extend(rows.into_iter().map(|(key, _)| key));
        match all.last() {
            Some(last) if full => from = [last.as_slice(), &[0]].concat(),
            _ => return Ok(all),
        }
    }
}
