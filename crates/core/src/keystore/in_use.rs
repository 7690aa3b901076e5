//! Which entries servers use: a mark in the store, and a lock on a file beside it.

use std::fs::File;

use rustls_pki_types::UnixTime;

use super::{
    Keystore,
    protocol::{Asked, LogNote, Step},
    servers::{ServerReport, running_servers},
};
use crate::{
    alias::Alias,
    error::Error,
    instant::seconds,
    seal::EntryId,
    store::{Action, Happened, StoreError},
};

/// What is said to use an entry that was chosen, where no server runs.
pub(super) const WEB_SERVER: &str = "the web server of this store";
/// The longest name of a server, in characters.
const MAX_NAME: usize = 256;

/// A server's use of an entry: as long as it lasts, the entry is neither removed nor renamed without force. It ends with
/// the process, or with [`Keystore::release`].
#[derive(Debug)]
pub struct InUse {
    alias: Alias,
    id: EntryId,
    _lock: Option<File>,
}

impl Keystore {
    /// Says that `server`, which is this process, uses an entry.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], [`StoreError::InvalidValue`] for a name of no or more than 256 characters, or another if
    /// the store cannot be written.
    pub fn hold(&self, alias: &Alias, server: &str, at: UnixTime) -> Result<InUse, Error> {
        if server.is_empty() || server.chars().count() > MAX_NAME {
            let reason = format!("the name of a server has 1 to {MAX_NAME} characters");
            return Err(StoreError::InvalidValue { reason }.into());
        }
        let asked = Asked { action: Action::Bind, about: alias.as_str(), at: seconds(at) };
        self.change(
            asked,
            // The lock is taken, and a mark without one taken away, by whoever has the write lock: never both at once.
            |write, by| {
                let head = write.as_read().head(alias)?;
                let head = head.ok_or_else(|| StoreError::NotFound { alias: alias.clone() })?;
                let held = InUse { alias: head.alias.clone(), id: head.id, _lock: by.holds.take(&head.id)? };
                if head.bound_to.as_deref() == Some(server) {
                    return Ok(Step::Same(held));
                }
                write.bind(&head, Some(server))?;
                let note = LogNote::plain(head.alias.as_str(), Happened::BoundTo(server.to_owned()));
                Ok(Step::Changed(held, note))
            },
            |read, _, _| Ok(read.head(alias)?.is_some_and(|head| head.bound_to.as_deref() == Some(server))),
        )
    }

    /// The server that uses an entry now, in a few words: it holds it, or says that it serves it, or the entry was chosen for
    /// the web server of this store.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn used_by(&self, alias: &Alias) -> Result<Option<String>, Error> {
        let found = self.reading(|read| Ok((read.head(alias)?, read.web_server()?.alias)))?;
        let (Some(head), chosen) = found else {
            return Ok(None);
        };
        if let Some(server) = self.holds().server(&head) {
            return Ok(Some(server.to_owned()));
        }
        let running = self.path().map(running_servers).unwrap_or_default();
        let serves = running.iter().find(|server| server.may_serve(alias) && head.trust.is_none());
        let chosen = chosen.is_some_and(|chosen| chosen == head.alias);
        Ok(serves.map(ServerReport::name).or_else(|| chosen.then(|| WEB_SERVER.to_owned())))
    }

    /// Ends the use of an entry, unless another server goes on with it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be written; the lock is gone all the same.
    pub fn release(&self, held: InUse, at: UnixTime) -> Result<(), Error> {
        let InUse { alias, id, _lock } = held;
        drop(_lock);
        let asked = Asked { action: Action::Bind, about: alias.as_str(), at: seconds(at) };
        self.change(
            asked,
            |write, by| {
                let head = write.as_read().head(&alias)?;
                let head = head.filter(|head| head.id == id && head.bound_to.is_some());
                let Some(head) = head.filter(|head| by.holds.server(head).is_none()) else {
                    return Ok(Step::Same(()));
                };
                write.bind(&head, None)?;
                by.holds.forget(&head);
                Ok(Step::Changed((), LogNote::plain(head.alias.as_str(), Happened::Unbound)))
            },
            |_, _, ()| Ok(true),
        )
    }
}
