//! Administrators of the API.

use rustls_pki_types::UnixTime;

use super::{Administrator, Keystore, event_of, seconds};
use crate::{
    account::{AccountHash, AccountName},
    error::Error,
    secret::Password,
    store::{Event, StoreError},
};

impl Keystore {
    /// Adds an administrator of the API.
    ///
    /// # Errors
    ///
    /// [`StoreError::UserExists`]; [`AccountError`](crate::AccountError) for a password of fewer than 8 characters.
    pub fn add_administrator(
        &mut self,
        name: &AccountName,
        password: &Password,
        at: UnixTime,
    ) -> Result<(), Error> {
        let at = seconds(at);
        let done = self.insert_account(name, password, at);
        self.told("user-add", name.as_str(), at, done)
    }

    fn insert_account(&mut self, name: &AccountName, password: &Password, at: i64) -> Result<(), Error> {
        let hash = AccountHash::of(password)?;
        let actor = self.actor.clone();
        let event = Event { alias: name.as_str(), outcome: "added", ..event_of("user-add", &actor, at) };
        let write = self.store.write()?;
        write.insert_account(name, hash, at)?;
        let done = write.commit(&event);
        self.settle(done)?;
        match self.verify_administrator(name, password) {
            Ok(Some(_)) => Ok(()),
            _ => Err(StoreError::unread().into()),
        }
    }

    /// Removes an administrator.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoSuchUser`].
    pub fn remove_administrator(&mut self, name: &AccountName, at: UnixTime) -> Result<(), Error> {
        let at = seconds(at);
        let done = self.delete_account(name, at);
        self.told("user-rm", name.as_str(), at, done)
    }

    fn delete_account(&mut self, name: &AccountName, at: i64) -> Result<(), Error> {
        let actor = self.actor.clone();
        let event = Event { alias: name.as_str(), outcome: "removed", ..event_of("user-rm", &actor, at) };
        let write = self.store.write()?;
        write.remove_account(name)?;
        let done = write.commit(&event);
        self.settle(done)?;
        match self.administrator(name) {
            Ok(None) => Ok(()),
            _ => Err(StoreError::unread().into()),
        }
    }

    /// Lists the administrators.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn administrators(&mut self) -> Result<Vec<Administrator>, Error> {
        let rows = self.store.view(|read| read.accounts())?;
        Ok(rows.into_iter().map(|row| Administrator { name: row.name, created_at: row.created_at }).collect())
    }

    /// The administrator of that name, if there is one.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn administrator(&mut self, name: &AccountName) -> Result<Option<Administrator>, Error> {
        let found = self.store.view(|read| read.account(name))?;
        Ok(found.map(|row| Administrator { name: row.name, created_at: row.created_at }))
    }

    /// Writes refused sign-ins into the log: how many in a row by now, for an administrator by the stored name, or for
    /// names that no administrator has.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be written.
    pub fn log_refused_sign_in(&mut self, name: Option<&str>, count: u32, at: UnixTime) -> Result<(), Error> {
        let actor = self.actor.clone();
        let outcome = format!("refused, {count} in a row");
        let alias = name.unwrap_or_default();
        let event = Event { alias, outcome: &outcome, ..event_of("sign-in", &actor, seconds(at)) };
        let done = self.store.write().and_then(|write| write.commit(&event));
        self.settle(done)
    }

    /// Whether name and password belong to an administrator: the name as stored, or `None`. Takes as long for a
    /// name that does not exist.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn verify_administrator(
        &mut self,
        name: &AccountName,
        password: &Password,
    ) -> Result<Option<String>, Error> {
        let found = self.store.view(|read| read.account(name))?;
        Ok(match found {
            Some(row) => row.hash.matches(password).then_some(row.name),
            None => {
                AccountHash::waste(password);
                None
            }
        })
    }
}
