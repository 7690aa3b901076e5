//! Administrators of the API.

use rustls_pki_types::UnixTime;

use super::{
    Administrator, Keystore,
    protocol::{Asked, LogNote, Step},
};
use crate::{
    account::{AccountHash, AccountName},
    error::Error,
    instant::seconds,
    secret::Password,
    store::{AccountRow, Action, Happened, StoreError},
};

/// A name in lower case with its administrator, or with why that cannot be shown.
pub type ListedAdministrator = (String, Result<Administrator, StoreError>);

impl Keystore {
    /// Adds an administrator of the API.
    ///
    /// # Errors
    ///
    /// [`StoreError::UserExists`]; [`AccountError`](crate::account::AccountError) for a password of
    /// fewer than 8 characters.
    pub fn add_administrator(
        &self,
        name: &AccountName,
        password: &Password,
        at: UnixTime,
    ) -> Result<(), Error> {
        let asked = Asked { action: Action::UserAdd, about: name.as_str(), at: seconds(at) };
        // Before the lock is taken: it is meant to take long.
        let hash = AccountHash::of(password).map_err(Error::from);
        let hash = self.log_refusal(asked, hash)?;
        self.change(
            asked,
            |write, by| {
                write.insert_account(name, hash, by.at)?;
                Ok(Step::Changed((), LogNote::plain(name.as_str(), Happened::Added)))
            },
            |read, _, ()| Ok(read.account(name)?.is_some_and(|row| row.hash.matches(password))),
        )
    }

    /// Removes an administrator.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoSuchUser`].
    pub fn remove_administrator(&self, name: &AccountName, at: UnixTime) -> Result<(), Error> {
        let asked = Asked { action: Action::UserRemove, about: name.as_str(), at: seconds(at) };
        self.change(
            asked,
            |write, _| {
                write.remove_account(name)?;
                Ok(Step::Changed((), LogNote::plain(name.as_str(), Happened::Removed)))
            },
            |read, _, ()| Ok(read.account(name)?.is_none()),
        )
    }

    /// Lists the administrators.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn administrators(&self) -> Result<Vec<Administrator>, Error> {
        let rows = self.reading(|read| read.accounts())?;
        Ok(rows.into_iter().map(|row| Administrator { name: row.name, created_at: row.created_at }).collect())
    }

    /// The same list with what is damaged in its place: each name stands with its administrator, or with why it cannot be
    /// shown.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read, or not even the names can be proved.
    pub fn listed_administrators(&self) -> Result<Vec<ListedAdministrator>, Error> {
        let rows = self.reading(|read| read.listed_accounts())?;
        let shown = |row: AccountRow| Administrator { name: row.name, created_at: row.created_at };
        Ok(rows.into_iter().map(|(name, row)| (name, row.map(shown))).collect())
    }

    /// The administrator of that name, if there is one.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn administrator(&self, name: &AccountName) -> Result<Option<Administrator>, Error> {
        let found = self.reading(|read| read.account(name))?;
        Ok(found.map(|row| Administrator { name: row.name, created_at: row.created_at }))
    }

    /// Writes refused sign-ins into the log: how many in a row by now, for an administrator by the stored name, or for
    /// names that no administrator has.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be written.
    pub fn log_refused_sign_in(&self, name: Option<&str>, count: u32, at: UnixTime) -> Result<(), Error> {
        let about = name.unwrap_or_default();
        let asked = Asked { action: Action::SignIn, about, at: seconds(at) };
        self.change(
            asked,
            |_, _| Ok(Step::Changed((), LogNote::plain(about, Happened::RefusedInARow(count)))),
            |_, _, ()| Ok(true),
        )
    }

    /// Whether name and password belong to an administrator: the name as stored, or `None`. Takes as long for a
    /// name that does not exist.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn verify_administrator(
        &self,
        name: &AccountName,
        password: &Password,
    ) -> Result<Option<String>, Error> {
        let found = self.reading(|read| read.account(name))?;
        Ok(match found {
            Some(row) => row.hash.matches(password).then_some(row.name),
            None => {
                AccountHash::waste(password);
                None
            }
        })
    }
}
