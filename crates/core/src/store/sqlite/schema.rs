//! The schema. It is ours to the letter, or the store is damaged.
//!
//! Every table is bytes under keys; what they mean, and that they are right, is decided above. The state stands in two
//! tables, so that one damaged page does not lose it.

use rusqlite::Connection;

use super::StoreError;

/// `application_id` of the database file: `SRK1`.
const APPLICATION_ID: i64 = 0x5352_4b31;
/// The same of previews, which had another format.
const PREVIEW: i64 = 0x5352_4d31;

/// `user_version`: the format of the first release.
const VERSION: i64 = 1;

/// Statement and name of each table. Rows of certificates are large, and cost half as much in a table with rowids.
const TABLES: [(&str, &str); 7] = [
    (
        "blob",
        "CREATE TABLE blob (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, data BLOB NOT NULL) STRICT",
    ),
    ("log", "CREATE TABLE log (number INTEGER PRIMARY KEY, row BLOB NOT NULL) STRICT"),
    ("node", "CREATE TABLE node (path BLOB PRIMARY KEY, body BLOB NOT NULL) STRICT, WITHOUT ROWID"),
    ("record", "CREATE TABLE record (key BLOB PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID"),
    ("state", "CREATE TABLE state (only INTEGER PRIMARY KEY CHECK (only = 0), row BLOB NOT NULL) STRICT"),
    (
        "state_copy",
        "CREATE TABLE state_copy (only INTEGER PRIMARY KEY CHECK (only = 0), row BLOB NOT NULL) STRICT",
    ),
    ("usage", "CREATE TABLE usage (key BLOB PRIMARY KEY) STRICT, WITHOUT ROWID"),
];

const NOT_OURS: StoreError =
    StoreError::Corrupt { detail: "its schema is not the one that it was made with" };

/// Makes the tables, and says what the file is.
pub(super) fn create(connection: &Connection) -> Result<(), StoreError> {
    for (_, statement) in TABLES {
        connection.execute(statement, [])?;
    }
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", VERSION)?;
    Ok(())
}

/// Refuses files of other programs, of previews and of newer versions, and every schema but ours.
pub(super) fn check(connection: &Connection) -> Result<(), StoreError> {
    let application: i64 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    match application {
        APPLICATION_ID if found == VERSION => {}
        APPLICATION_ID if found > VERSION => {
            return Err(StoreError::SchemaFromFuture { found, known: VERSION });
        }
        PREVIEW => return Err(StoreError::FromPreview),
        _ => return Err(StoreError::NotAStore),
    }
    let mut expected: Vec<[Option<String>; 4]> = TABLES
        .iter()
        .map(|(name, sql)| ["table", name, name, sql].map(|text| Some(text.to_owned())))
        .collect();
    // The one that UNIQUE makes has no statement.
    expected.insert(0, ["index", "sqlite_autoindex_blob_1", "blob", ""].map(|text| Some(text.to_owned())));
    let mut statement = connection
        .prepare("SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema ORDER BY 1, 2")?;
    let mut rows = statement.query([])?;
    let mut expected = expected.into_iter();
    while let Some(row) = rows.next()? {
        let found = [row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?];
        if expected.next() != Some(found) {
            return Err(NOT_OURS);
        }
    }
    if expected.next().is_some() { Err(NOT_OURS) } else { Ok(()) }
}
