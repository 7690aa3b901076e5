//! Administrators. They are few: each read takes all of them, so that none can be missing.

use rusqlite::named_params;

use super::{Read, StoreError, Write, state::toggle};
use crate::{
    account::{AccountHash, AccountName},
    seal::{Digest, Ledger},
};

/// An administrator as stored.
#[derive(Clone)]
pub(crate) struct AccountRow {
    pub(crate) name: String,
    pub(crate) hash: AccountHash,
    pub(crate) created_at: i64,
    mac: Digest,
}

impl AccountRow {
    fn key(&self) -> String {
        self.name.to_ascii_lowercase()
    }

    fn expected(&self, ledger: &Ledger) -> Digest {
        ledger.row(&[
            b"administrator",
            self.key().as_bytes(),
            self.name.as_bytes(),
            self.hash.as_str().as_bytes(),
            &self.created_at.to_be_bytes(),
        ])
    }
}

impl Read<'_> {
    /// All administrators by name.
    pub(crate) fn accounts(&self) -> Result<Vec<AccountRow>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT name_key, name, password_hash, created_at, mac FROM administrator ORDER BY name_key",
        )?;
        let mut rows = statement.query([])?;
        let mut found = Vec::new();
        let mut digest = [0; 32];
        while let Some(row) = rows.next()? {
            let account = AccountRow {
                name: row.get("name")?,
                hash: AccountHash::from_stored(row.get("password_hash")?),
                created_at: row.get("created_at")?,
                mac: row.get("mac")?,
            };
            if row.get::<_, String>("name_key")? != account.key()
                || account.mac != account.expected(self.ledger)
            {
                return Err(StoreError::Corrupt { detail: "an administrator is not authentic" });
            }
            toggle(&mut digest, &account.mac);
            found.push(account);
        }
        if digest != self.state.accounts {
            return Err(StoreError::Corrupt { detail: "an administrator is missing, or one too many" });
        }
        Ok(found)
    }

    /// The administrator with a name.
    pub(crate) fn account(&self, name: &AccountName) -> Result<Option<AccountRow>, StoreError> {
        Ok(self.accounts()?.into_iter().find(|account| account.key() == name.key()))
    }
}

impl Write<'_> {
    pub(crate) fn insert_account(
        &self,
        name: &AccountName,
        hash: AccountHash,
        at: i64,
    ) -> Result<(), StoreError> {
        if self.as_read().account(name)?.is_some() {
            return Err(StoreError::UserExists { name: name.to_string() });
        }
        self.put_account(AccountRow { name: name.to_string(), hash, created_at: at, mac: [0; 32] })
    }

    pub(super) fn put_account(&self, mut account: AccountRow) -> Result<(), StoreError> {
        account.mac = account.expected(self.ledger);
        self.transaction
            .prepare_cached(
                "INSERT OR REPLACE INTO administrator (name_key, name, password_hash, created_at, mac)
                 VALUES (:key, :name, :hash, :at, :mac)",
            )?
            .execute(named_params! {
                ":key": account.key(), ":name": account.name, ":hash": account.hash.as_str(),
                ":at": account.created_at, ":mac": account.mac,
            })?;
        toggle(&mut self.state.borrow_mut().accounts, &account.mac);
        Ok(())
    }

    pub(super) fn put_stored_account(&self, name: String, hash: String, at: i64) -> Result<(), StoreError> {
        let hash = AccountHash::from_stored(hash);
        self.put_account(AccountRow { name, hash, created_at: at, mac: [0; 32] })
    }

    pub(crate) fn remove_account(&self, name: &AccountName) -> Result<(), StoreError> {
        let Some(account) = self.as_read().account(name)? else {
            return Err(StoreError::NoSuchUser { name: name.to_string() });
        };
        self.transaction
            .prepare_cached("DELETE FROM administrator WHERE name_key = :key")?
            .execute(named_params! { ":key": account.key() })?;
        toggle(&mut self.state.borrow_mut().accounts, &account.mac);
        Ok(())
    }
}
