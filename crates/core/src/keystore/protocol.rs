//! The one way in which a keystore is changed: lock, check that the store is the latest, apply, log, commit, settle, read
//! back, move the rollback guard on, or log the refusal. Operations say what to apply, and how to confirm it.

use super::{Keystore, chains::Chains, holds::Holds, shared::Writer};
use crate::{
    error::{Error, ErrorKind},
    seal::{RootKey, SealError},
    store::{Action, Event, Happened, Mark, Read, StoreError, Write},
};

/// What was asked for.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) action: Action,
    /// The alias, user, slot or file that it is about.
    pub(super) about: &'a str,
    pub(super) at: i64,
}

/// Who changes the store, and with what.
pub(super) struct By<'a> {
    pub(super) root: &'a RootKey,
    pub(super) actor: &'a str,
    pub(super) at: i64,
    pub(super) holds: &'a Holds,
    pub(super) chains: &'a Chains,
}

/// What a change tells the log of itself.
pub(super) struct LogNote {
    pub(super) alias: String,
    /// Of the leaf; empty where there is none.
    pub(super) fingerprint: String,
    pub(super) outcome: Happened,
}

/// What came of applying.
pub(super) enum Step<T> {
    /// Nothing is to be written.
    Same(T),
    Changed(T, LogNote),
}

impl LogNote {
    /// Of something that has no certificate.
    pub(super) fn plain(alias: impl Into<String>, outcome: Happened) -> Self {
        Self { alias: alias.into(), fingerprint: String::new(), outcome }
    }

    pub(super) fn event(self, action: Action, by: &By<'_>) -> Event {
        Event {
            at: by.at,
            actor: by.actor.to_owned(),
            action,
            alias: self.alias,
            fingerprint: self.fingerprint,
            outcome: self.outcome,
        }
    }
}

impl Keystore {
    /// Changes the store, or logs why not. `confirm` reads the change back as whoever comes next will read it.
    pub(super) fn change<T>(
        &self,
        asked: Asked<'_>,
        apply: impl FnOnce(&mut Write<'_>, &By<'_>) -> Result<Step<T>, Error>,
        confirm: impl Fn(&Read<'_>, &RootKey, &T) -> Result<bool, Error>,
    ) -> Result<T, Error> {
        let done = self.attempt(asked, apply, confirm);
        self.log_refusal(asked, done)
    }

    /// The same for a caller that logs the refusal itself.
    pub(super) fn attempt<T>(
        &self,
        asked: Asked<'_>,
        apply: impl FnOnce(&mut Write<'_>, &By<'_>) -> Result<Step<T>, Error>,
        confirm: impl Fn(&Read<'_>, &RootKey, &T) -> Result<bool, Error>,
    ) -> Result<T, Error> {
        let holds = self.holds();
        self.shared.write(|writer| {
            let mut apply = Some(apply);
            let mut renewed = false;
            let (done, value) = loop {
                let (root, chains) = (&writer.root, &self.shared.chains);
                let by = By { root, actor: &self.actor, at: asked.at, holds: &holds, chains };
                match writer.store.write() {
                    Ok(mut write) => {
                        let Some(apply) = apply.take() else {
                            return Err(StoreError::unread().into());
                        };
                        match apply(&mut write, &by)? {
                            Step::Same(value) => return Ok(value),
                            Step::Changed(value, note) => {
                                break (write.commit(note.event(asked.action, &by)), value);
                            }
                        }
                    }
                    // Another process re-keyed the store, perhaps while this one waited for the lock.
                    Err(StoreError::Seal(SealError::Rekeyed)) if !renewed => {}
                    Err(other) => return Err(other.into()),
                }
                renewed = true;
                writer.renew()?;
            };
            writer.finish_commit(done)?;
            writer.confirm(|read, root| confirm(read, root, &value))?;
            Ok(value)
        })
    }

    /// Writes a refusal into the log. What is wrong with the store itself cannot be written there.
    pub(super) fn log_refusal<T>(&self, asked: Asked<'_>, done: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &done
            && error.kind() != ErrorKind::Store
        {
            let event = Event {
                at: asked.at,
                actor: self.actor.to_string(),
                action: asked.action,
                alias: asked.about.to_owned(),
                fingerprint: String::new(),
                outcome: Happened::Refused(error.code()),
            };
            // The refusal is what the caller must learn.
            let _ = self.shared.write(|writer| {
                let logged = writer.store.write().and_then(|write| write.commit(event));
                writer.finish_commit(logged)
            });
        }
        done
    }
}

impl Writer<'_> {
    /// What follows a commit: the guard moves on; after a failure that leaves the outcome open, the connection is a new
    /// one, which says what it sees of the change.
    pub(super) fn finish_commit(&mut self, done: Result<Mark, StoreError>) -> Result<(), Error> {
        self.shared.tell_commit();
        match done {
            Ok(mark) => Ok(self.store.finish_commit(mark)?),
            Err(StoreError::OutcomeUnknown(uncertain)) => {
                Err(StoreError::OutcomeUnknown(self.store.look_again(uncertain)).into())
            }
            Err(other) => {
                self.store.still_there()?;
                Err(other.into())
            }
        }
    }

    /// What does not come back whole is not acknowledged.
    fn confirm(&mut self, check: impl Fn(&Read<'_>, &RootKey) -> Result<bool, Error>) -> Result<(), Error> {
        let root = &self.root;
        match self.store.view(|read| Ok(matches!(check(read, root), Ok(true)))) {
            Ok(true) => Ok(()),
            // The change is there, and by now another root key is in force.
            Err(StoreError::Seal(SealError::Rekeyed)) => Ok(()),
            _ => Err(StoreError::unread().into()),
        }
    }
}
