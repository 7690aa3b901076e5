//! What a database holds, for comparing before and after.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, types::Value};

/// Every row of every table, but for the log of what was refused and the state that counts its rows.
#[must_use]
pub fn content(path: &Path) -> Vec<u8> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut all = Vec::new();
    for table in ["record", "node", "blob", "usage"] {
        let mut statement = connection.prepare(&format!("SELECT * FROM {table} ORDER BY 1")).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for column in 0..columns {
                all.extend_from_slice(
                    format!("{table} {:?}\n", row.get::<_, Value>(column).unwrap()).as_bytes(),
                );
            }
        }
    }
    all
}
