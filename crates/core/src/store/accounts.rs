//! Administrators.

use rusqlite::{OptionalExtension as _, named_params};

use super::{Read, StoreError, Write};
use crate::account::{AccountHash, AccountName};

/// An administrator as stored.
#[derive(Debug)]
pub(crate) struct AccountRow {
    pub(crate) name: String,
    pub(crate) created_at: i64,
}

impl Read<'_> {
    /// All administrators by name.
    pub(crate) fn accounts(&self) -> Result<Vec<AccountRow>, StoreError> {
        let mut statement =
            self.connection.prepare("SELECT name, created_at FROM administrator ORDER BY name_key")?;
        let rows = statement
            .query_map([], |row| {
                Ok(AccountRow { name: row.get("name")?, created_at: row.get("created_at")? })
            })?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }

    /// The administrator with a name.
    pub(crate) fn account(&self, name: &AccountName) -> Result<Option<AccountRow>, StoreError> {
        let mut statement =
            self.connection.prepare("SELECT name, created_at FROM administrator WHERE name_key = :key")?;
        let found = statement
            .query_row(named_params! { ":key": name.key() }, |row| {
                Ok(AccountRow { name: row.get("name")?, created_at: row.get("created_at")? })
            })
            .optional()?;
        Ok(found)
    }

    /// The name as stored, and the password hash.
    pub(crate) fn account_hash(
        &self,
        name: &AccountName,
    ) -> Result<Option<(String, AccountHash)>, StoreError> {
        let mut statement =
            self.connection.prepare("SELECT name, password_hash FROM administrator WHERE name_key = :key")?;
        let found = statement
            .query_row(named_params! { ":key": name.key() }, |row| {
                Ok((row.get("name")?, AccountHash::from_stored(row.get("password_hash")?)))
            })
            .optional()?;
        Ok(found)
    }
}

impl Write<'_> {
    pub(crate) fn insert_account(
        &self,
        name: &AccountName,
        hash: &AccountHash,
        at: i64,
    ) -> Result<(), StoreError> {
        let added = self
            .transaction
            .prepare(
                "INSERT INTO administrator (name_key, name, password_hash, created_at)
                 VALUES (:key, :name, :hash, :at) ON CONFLICT (name_key) DO NOTHING",
            )?
            .execute(named_params! {
                ":key": name.key(), ":name": name.as_str(), ":hash": hash.as_str(), ":at": at,
            })?;
        if added == 0 { Err(StoreError::UserExists { name: name.to_string() }) } else { Ok(()) }
    }

    pub(crate) fn remove_account(&self, name: &AccountName) -> Result<(), StoreError> {
        let removed = self
            .transaction
            .prepare("DELETE FROM administrator WHERE name_key = :key")?
            .execute(named_params! { ":key": name.key() })?;
        if removed == 0 { Err(StoreError::NoSuchUser { name: name.to_string() }) } else { Ok(()) }
    }
}
