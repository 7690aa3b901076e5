//! Administrators of the API.

use std::net::IpAddr;

use rustls_pki_types::UnixTime;

use super::{
    Administrator, Keystore,
    protocol::{Asked, LogNote, Step},
};
use crate::{
    account::{AccountError, AccountHash, AccountName, HashMemory, TokenStamp},
    error::Error,
    instant::{self, seconds},
    privilege::Privileges,
    seal::random_id,
    secret::Password,
    store::{AccountRow, Action, Happened, StoreError},
};

/// A name in lower case with its administrator, or with why that cannot be shown.
pub type ListedAdministrator = (String, Result<Administrator, StoreError>);

/// Requests that a server refused in some time, for one row of the log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Refusals {
    /// How many.
    pub count: u64,
    /// Where the first came from.
    pub first: IpAddr,
    /// Where the last came from.
    pub last: IpAddr,
}

impl Refusals {
    /// One refusal.
    #[must_use]
    pub fn one(address: IpAddr) -> Self {
        Self { count: 1, first: address, last: address }
    }

    /// Another one after these.
    pub fn add(&mut self, address: IpAddr) {
        self.count = self.count.saturating_add(1);
        self.last = address;
    }
}

impl From<AccountRow> for Administrator {
    fn from(row: AccountRow) -> Self {
        Self {
            name: row.name,
            created_at: instant::at(row.created_at),
            privileges: row.privileges,
            tokens_not_before: Some(row.tokens_not_before).filter(|at| *at != 0).map(instant::at),
            stamp: row.stamp,
            sign_ins: row.sign_ins,
        }
    }
}

impl Keystore {
    /// Adds an administrator of the API who may do everything.
    ///
    /// # Errors
    ///
    /// As of [`add_administrator_with`](Self::add_administrator_with).
    pub fn add_administrator(
        &self,
        name: &AccountName,
        password: &Password,
        at: UnixTime,
    ) -> Result<(), Error> {
        self.add_administrator_with(name, password, Privileges::ALL, at)
    }

    /// Adds an administrator of the API.
    ///
    /// # Errors
    ///
    /// [`StoreError::UserExists`]; [`AccountError`] for a password of fewer than 8 characters.
    pub fn add_administrator_with(
        &self,
        name: &AccountName,
        password: &Password,
        privileges: Privileges,
        at: UnixTime,
    ) -> Result<(), Error> {
        let asked = Asked { action: Action::UserAdd, about: name.as_str(), at: seconds(at) };
        // Before the lock is taken: it is meant to take long.
        let (hash, stamp) = self.log_refusal(asked, hash_and_stamp(password))?;
        self.change(
            asked,
            |write, by| {
                write.insert_account(&AccountRow {
                    name: name.as_str().to_owned(),
                    hash,
                    created_at: by.at,
                    privileges,
                    stamp,
                    tokens_not_before: 0,
                    sign_ins: Vec::new(),
                })?;
                Ok(Step::Changed((), LogNote::plain(name.as_str(), Happened::Added)))
            },
            |read, _, ()| {
                let row =
                    read.account(name)?.filter(|row| (row.stamp, row.privileges) == (stamp, privileges));
                row.map_or(Ok(false), |row| Ok(row.hash.matches(password, &mut HashMemory::new()?)))
            },
        )
    }

    /// Gives an administrator another password. All tokens of the administrator end.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoSuchUser`]; [`AccountError`] for a password of fewer than 8 characters.
    pub fn set_administrator_password(
        &self,
        name: &AccountName,
        password: &Password,
        at: UnixTime,
    ) -> Result<(), Error> {
        let asked = Asked { action: Action::UserPassword, about: name.as_str(), at: seconds(at) };
        let (hash, stamp) = self.log_refusal(asked, hash_and_stamp(password))?;
        self.change(
            asked,
            |write, by| {
                let row = write.change_account(name, |row| {
                    row.hash = hash;
                    row.stamp = stamp;
                    row.tokens_not_before = by.at;
                })?;
                Ok(Step::Changed((), LogNote::plain(row.name, Happened::Changed)))
            },
            |read, _, ()| {
                let row = read.account(name)?.filter(|row| row.stamp == stamp);
                row.map_or(Ok(false), |row| Ok(row.hash.matches(password, &mut HashMemory::new()?)))
            },
        )
    }

    /// Says what an administrator may do from now on, with tokens that were issued before too.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoSuchUser`].
    pub fn set_administrator_privileges(
        &self,
        name: &AccountName,
        privileges: Privileges,
        at: UnixTime,
    ) -> Result<(), Error> {
        let asked = Asked { action: Action::UserPrivileges, about: name.as_str(), at: seconds(at) };
        self.change(
            asked,
            |write, _| {
                let row = write.change_account(name, |row| row.privileges = privileges)?;
                Ok(Step::Changed((), LogNote::plain(row.name, Happened::Allowed(privileges))))
            },
            |read, _, ()| Ok(read.account(name)?.is_some_and(|row| row.privileges == privileges)),
        )
    }

    /// Ends all tokens of an administrator, in whichever process they were issued.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoSuchUser`].
    pub fn revoke_tokens(&self, name: &AccountName, at: UnixTime) -> Result<(), Error> {
        let asked = Asked { action: Action::UserRevoke, about: name.as_str(), at: seconds(at) };
        let stamp = self.log_refusal(asked, new_stamp())?;
        self.change(
            asked,
            |write, by| {
                let row = write.change_account(name, |row| {
                    row.stamp = stamp;
                    row.tokens_not_before = by.at;
                })?;
                Ok(Step::Changed((), LogNote::plain(row.name, Happened::Revoked)))
            },
            |read, _, ()| Ok(read.account(name)?.is_some_and(|row| row.stamp == stamp)),
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
        Ok(self.reading(|read| read.accounts())?.into_iter().map(Administrator::from).collect())
    }

    /// The same list with what is damaged in its place: each name stands with its administrator, or with why it cannot be
    /// shown.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read, or not even the names can be proved.
    pub fn listed_administrators(&self) -> Result<Vec<ListedAdministrator>, Error> {
        let rows = self.reading(|read| read.listed_accounts())?;
        Ok(rows.into_iter().map(|(name, row)| (name, row.map(Administrator::from))).collect())
    }

    /// The administrator of that name, if there is one.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn administrator(&self, name: &AccountName) -> Result<Option<Administrator>, Error> {
        Ok(self.reading(|read| read.account(name))?.map(Administrator::from))
    }

    /// Whether name and password belong to an administrator. Takes as long for a name that does not exist. `memory` is
    /// all that hashing takes.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn verify_administrator(
        &self,
        name: &AccountName,
        password: &Password,
        memory: &mut HashMemory,
    ) -> Result<Option<Administrator>, Error> {
        let found = self.reading(|read| read.account(name))?;
        Ok(match found {
            Some(row) => row.hash.matches(password, memory).then(|| row.into()),
            None => {
                AccountHash::waste(password, memory);
                None
            }
        })
    }

    /// Notes in the log, and with the administrator, that it signed in.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoSuchUser`] if the administrator was removed, got another password or lost its tokens since
    /// [`verify_administrator`](Self::verify_administrator) gave it.
    pub fn log_sign_in(
        &self,
        administrator: &Administrator,
        address: IpAddr,
        at: UnixTime,
    ) -> Result<(), Error> {
        let (name, address) = (administrator.name.parse::<AccountName>()?, address.to_canonical());
        let asked = Asked { action: Action::SignIn, about: name.as_str(), at: seconds(at) };
        let created_at = seconds(administrator.created_at);
        let is_same = |row: &AccountRow| (row.created_at, row.stamp) == (created_at, administrator.stamp);
        self.change(
            asked,
            |write, by| {
                if !write.as_read().account(&name)?.is_some_and(|row| is_same(&row)) {
                    return Err(StoreError::NoSuchUser { name: name.as_str().to_owned() }.into());
                }
                let row = write.change_account(&name, |row| row.signed_in(address, by.at))?;
                Ok(Step::Changed((), LogNote::plain(row.name, Happened::SignedIn(address))))
            },
            // Another sign-in, or the command, may have come in between; the row of the log is there all the same.
            |read, _, ()| Ok(read.account(&name).is_ok()),
        )
    }

    /// Writes one row of the log for all that a server refused in some time.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be written.
    pub fn log_refusals(&self, refusals: Refusals, at: UnixTime) -> Result<(), Error> {
        let asked = Asked { action: Action::Refusals, about: "", at: seconds(at) };
        let Refusals { count, first, last } = refusals;
        self.change(
            asked,
            |_, _| Ok(Step::Changed((), LogNote::plain("", Happened::RefusedMany { count, first, last }))),
            |_, _, ()| Ok(true),
        )
    }
}

fn hash_and_stamp(password: &Password) -> Result<(AccountHash, TokenStamp), Error> {
    Ok((AccountHash::of(password)?, new_stamp()?))
}

fn new_stamp() -> Result<TokenStamp, Error> {
    let bytes = random_id().map_err(|_| AccountError::Hash)?;
    Ok(TokenStamp::from_bytes(bytes))
}
