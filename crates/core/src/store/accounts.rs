//! Administrators. Their password hashes are sealed: who can read the file cannot guess at them.

use super::{
    Read, StoreError, Write,
    codec::{Decoder, Encoder},
    key::{self, Tag},
    read::RECORD,
};
use crate::{
    account::{AccountHash, AccountName},
    seal::Ledger,
};

/// The most administrators that are listed.
const MOST: usize = 100_000;

/// An administrator as stored.
#[derive(Clone)]
pub(crate) struct AccountRow {
    pub(crate) name: String,
    pub(crate) hash: AccountHash,
    pub(crate) created_at: i64,
}

/// A name in lower case, and the administrator or why it cannot be shown.
pub(crate) type ListedAccount = (String, Result<AccountRow, StoreError>);

impl AccountRow {
    fn key(&self) -> String {
        self.name.to_ascii_lowercase()
    }

    fn to_record(&self, ledger: &Ledger) -> Result<Vec<u8>, StoreError> {
        let sealed = ledger.seal_account(&self.key(), self.hash.as_str())?;
        Ok(Encoder::new().text(&self.name).integer(self.created_at).bytes(&sealed).done())
    }

    fn from_record(key: &str, record: &[u8], ledger: &Ledger) -> Result<Self, StoreError> {
        let mut decoder = Decoder::new(record)?;
        let (name, created_at) = (decoder.text()?.to_owned(), decoder.integer()?);
        let hash = ledger.open_account(key, decoder.bytes()?)?;
        decoder.end()?;
        let row = Self { name, hash: AccountHash::from_stored(hash), created_at };
        if row.key() == key { Ok(row) } else { Err(RECORD) }
    }
}

impl Read<'_> {
    /// All administrators by name.
    pub(crate) fn accounts(&self) -> Result<Vec<AccountRow>, StoreError> {
        self.listed_accounts()?.into_iter().map(|(_, row)| row).collect()
    }

    /// The same with what is damaged in its place, by its name in lower case.
    pub(crate) fn listed_accounts(&self) -> Result<Vec<ListedAccount>, StoreError> {
        let listed = self.list(&[Tag::Administrator.byte()], &[], MOST)?;
        let rows = listed.into_iter().map(|(key, record)| {
            let name =
                key.get(1..key.len().saturating_sub(1)).and_then(|name| std::str::from_utf8(name).ok());
            let name = name.ok_or(RECORD)?.to_owned();
            let row = record.and_then(|record| AccountRow::from_record(&name, &record, self.ledger));
            Ok((name, row))
        });
        rows.collect()
    }

    /// The administrator of a name, whatever its case.
    pub(crate) fn account(&self, name: &AccountName) -> Result<Option<AccountRow>, StoreError> {
        let record = self.get(&key::text(Tag::Administrator, &name.key()))?;
        record.map(|record| AccountRow::from_record(&name.key(), &record, self.ledger)).transpose()
    }
}

impl Write<'_> {
    /// Adds an administrator; [`StoreError::UserExists`] if there is one of that name.
    pub(crate) fn insert_account(
        &self,
        name: &AccountName,
        hash: AccountHash,
        at: i64,
    ) -> Result<(), StoreError> {
        if self.as_read().get(&key::text(Tag::Administrator, &name.key()))?.is_some() {
            return Err(StoreError::UserExists { name: name.as_str().to_owned() });
        }
        self.put_account(&AccountRow { name: name.as_str().to_owned(), hash, created_at: at })
    }

    pub(super) fn put_account(&self, row: &AccountRow) -> Result<(), StoreError> {
        let record = row.to_record(self.ledger())?;
        self.put(key::text(Tag::Administrator, &row.key()), record);
        Ok(())
    }

    /// Removes an administrator; [`StoreError::NoSuchUser`] if there is none of that name.
    pub(crate) fn remove_account(&self, name: &AccountName) -> Result<(), StoreError> {
        let key = key::text(Tag::Administrator, &name.key());
        match self.as_read().get(&key) {
            // One that is damaged goes as well: its name is proved.
            Ok(Some(_)) | Err(StoreError::Corrupt { .. }) => {
                self.delete(key);
                Ok(())
            }
            Ok(None) => Err(StoreError::NoSuchUser { name: name.as_str().to_owned() }),
            Err(other) => Err(other),
        }
    }
}
