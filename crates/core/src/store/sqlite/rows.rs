//! Rows of one transaction.

use rusqlite::{
    CachedStatement, Connection, OptionalExtension as _, Row as SqlRow, Transaction, params, types::Type,
};

use super::StoreError;
use crate::store::engine::{Change, CommitError, Row, Table, View};

/// A read transaction: everything that it gives is of one commit.
pub(super) struct Viewing<'c>(Transaction<'c>);

impl<'c> Viewing<'c> {
    pub(super) fn new(transaction: Transaction<'c>) -> Self {
        Self(transaction)
    }

    /// The first copy of the state.
    pub(super) fn state_row(&self) -> Result<Option<Vec<u8>>, StoreError> {
        state_row(&self.0)
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let connection = &self.0;
        match table {
            Table::State => match key {
                [0] => state_row(connection),
                [1] => one(connection.prepare_cached("SELECT row FROM state_copy WHERE only = 0")?, []),
                _ => Ok(None),
            },
            Table::Record => {
                one(connection.prepare_cached("SELECT value FROM record WHERE key = ?1")?, [key])
            }
            Table::Node => one(connection.prepare_cached("SELECT body FROM node WHERE path = ?1")?, [key]),
            Table::Blob => one(connection.prepare_cached("SELECT data FROM blob WHERE digest = ?1")?, [key]),
            Table::Use => one(connection.prepare_cached("SELECT x'' FROM usage WHERE key = ?1")?, [key]),
            Table::Log => match number(key) {
                Some(number) => {
                    one(connection.prepare_cached("SELECT row FROM log WHERE number = ?1")?, [number])
                }
                None => Ok(None),
            },
        }
    }
}

/// The first copy of the state.
pub(super) fn state_row(connection: &Connection) -> Result<Option<Vec<u8>>, StoreError> {
    one(connection.prepare_cached("SELECT row FROM state WHERE only = 0")?, [])
}

fn one(
    mut statement: CachedStatement<'_>,
    parameters: impl rusqlite::Params,
) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(statement.query_row(parameters, |row| bytes(row, 0)).optional()?)
}

fn bytes(row: &SqlRow<'_>, column: usize) -> rusqlite::Result<Vec<u8>> {
    match row.get_ref(column)? {
        rusqlite::types::ValueRef::Blob(bytes) => Ok(bytes.to_vec()),
        other => Err(rusqlite::Error::InvalidColumnType(column, String::new(), kind(&other))),
    }
}

fn kind(value: &rusqlite::types::ValueRef<'_>) -> Type {
    value.data_type()
}

/// The number that a key of the log stands for.
fn number(key: &[u8]) -> Option<i64> {
    key.try_into().ok().map(i64::from_be_bytes).filter(|number| *number >= 0)
}

impl View for Viewing<'_> {
    fn get_many(&self, wanted: &[(Table, &[u8])]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        wanted.iter().map(|(table, key)| self.get(*table, key)).collect()
    }

    fn range(
        &self,
        table: Table,
        from: &[u8],
        to: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let connection = &self.0;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let sql = match table {
            Table::State => {
                let all = [[0_u8], [1]];
                let inside = all
                    .iter()
                    .filter(|key| key.as_slice() >= from && to.is_none_or(|to| key.as_slice() < to));
                let rows = inside
                    .filter_map(|key| Some(Ok((key.to_vec(), self.get(table, key).transpose()?.ok()?))));
                return rows.take(usize::try_from(limit).unwrap_or(usize::MAX)).collect();
            }
            Table::Log => {
                // Keys shorter than a number stand before all that begin with them.
                let mut start = [0_u8; 8];
                start.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
                let end = to.and_then(number).unwrap_or(i64::MAX);
                let mut statement = connection.prepare_cached(
                    "SELECT number, row FROM log WHERE number >= ?1 AND number < ?2 ORDER BY number LIMIT ?3",
                )?;
                let start = number(&start).unwrap_or(0).saturating_add(i64::from(from.len() > 8));
                let rows = statement.query_map(params![start, end, limit], |row| {
                    Ok((row.get::<_, i64>(0)?.to_be_bytes().to_vec(), bytes(row, 1)?))
                })?;
                return Ok(rows.collect::<Result<_, _>>()?);
            }
            Table::Record => {
                "SELECT key, value FROM record WHERE key >= ?1 AND (?2 IS NULL OR key < ?2) ORDER BY key LIMIT ?3"
            }
            Table::Node => {
                "SELECT path, body FROM node WHERE path >= ?1 AND (?2 IS NULL OR path < ?2) ORDER BY path LIMIT ?3"
            }
            Table::Blob => {
                "SELECT digest, data FROM blob WHERE digest >= ?1 AND (?2 IS NULL OR digest < ?2) ORDER BY digest LIMIT ?3"
            }
            Table::Use => {
                "SELECT key, x'' FROM usage WHERE key >= ?1 AND (?2 IS NULL OR key < ?2) ORDER BY key LIMIT ?3"
            }
        };
        let mut statement = connection.prepare_cached(sql)?;
        let rows =
            statement.query_map(params![from, to, limit], |row| Ok((bytes(row, 0)?, bytes(row, 1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// A write transaction, which has the lock.
pub(super) struct Changing<'c>(pub(super) Viewing<'c>);

impl View for Changing<'_> {
    fn get_many(&self, wanted: &[(Table, &[u8])]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.0.get_many(wanted)
    }

    fn range(
        &self,
        table: Table,
        from: &[u8],
        to: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.0.range(table, from, to, limit)
    }
}

const NO_KEY: StoreError = StoreError::Corrupt { detail: "a key is not one of its table" };

impl Change for Changing<'_> {
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        let connection = &self.0.0;
        match table {
            Table::State => {
                let sql = match key {
                    [0] => "INSERT OR REPLACE INTO state (only, row) VALUES (0, ?1)",
                    [1] => "INSERT OR REPLACE INTO state_copy (only, row) VALUES (0, ?1)",
                    _ => return Err(NO_KEY),
                };
                connection.prepare_cached(sql)?.execute([value])?;
            }
            Table::Log => {
                let number = number(key).ok_or(NO_KEY)?;
                connection
                    .prepare_cached("INSERT OR REPLACE INTO log (number, row) VALUES (?1, ?2)")?
                    .execute(params![number, value])?;
            }
            Table::Use => {
                connection.prepare_cached("INSERT OR IGNORE INTO usage (key) VALUES (?1)")?.execute([key])?;
            }
            Table::Record => {
                connection
                    .prepare_cached("INSERT OR REPLACE INTO record (key, value) VALUES (?1, ?2)")?
                    .execute([key, value])?;
            }
            Table::Node => {
                connection
                    .prepare_cached("INSERT OR REPLACE INTO node (path, body) VALUES (?1, ?2)")?
                    .execute([key, value])?;
            }
            Table::Blob => {
                connection
                    .prepare_cached("INSERT OR REPLACE INTO blob (digest, data) VALUES (?1, ?2)")?
                    .execute([key, value])?;
            }
        }
        Ok(())
    }

    fn delete(&mut self, table: Table, key: &[u8]) -> Result<(), StoreError> {
        let connection = &self.0.0;
        let sql = match table {
            Table::State | Table::Log => {
                let number = if table == Table::Log { number(key).ok_or(NO_KEY)? } else { 0 };
                let sql = match (table, key) {
                    (Table::Log, _) => "DELETE FROM log WHERE number = ?1",
                    (_, [0]) => "DELETE FROM state WHERE only = ?1",
                    _ => "DELETE FROM state_copy WHERE only = ?1",
                };
                connection.prepare_cached(sql)?.execute([number])?;
                return Ok(());
            }
            Table::Record => "DELETE FROM record WHERE key = ?1",
            Table::Node => "DELETE FROM node WHERE path = ?1",
            Table::Blob => "DELETE FROM blob WHERE digest = ?1",
            Table::Use => "DELETE FROM usage WHERE key = ?1",
        };
        connection.prepare_cached(sql)?.execute([key])?;
        Ok(())
    }

    fn commit(self: Box<Self>) -> Result<(), CommitError> {
        self.0.0.commit().map_err(|error| match StoreError::from(error) {
            // These say for certain that nothing was written.
            certain @ (StoreError::Busy | StoreError::Full | StoreError::ReadOnly) => {
                CommitError::Refused(certain)
            }
            other => CommitError::InDoubt(other),
        })
    }
}
