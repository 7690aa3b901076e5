//! What every connection of a process to one store shares, and what opens a further one.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use super::{
    Mark, RollbackGuard, SlotCheck, Store, StoreError, WaitNotice,
    before_cut::Proven,
    engine::{Connector, Engine},
    tree::Cache,
};
use crate::{
    private_file::{Identity, identity},
    seal::{Ledger, RootKey, SealError, Unlock},
};

/// What all connections of a process to one store share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) cache: Cache,
    /// The latest state that this process saw: it never takes less.
    pub(super) seen: Mutex<Option<Mark>>,
    /// What a file of rows that were cut from the log has proved.
    pub(super) proven: Mutex<Option<Proven>>,
}

/// Opens further connections to an unlocked store, with the rights and the guard of the first. For all threads.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(super) connector: Arc<dyn Connector>,
    shared: Arc<Shared>,
    guard: Option<RollbackGuard>,
    unguarded: bool,
    path: Option<PathBuf>,
    /// The file of the first connection.
    identity: Option<Identity>,
    read_only: bool,
    pub(super) waiting: Option<Arc<dyn WaitNotice>>,
}

impl Store {
    /// What opens further connections like this one.
    pub(crate) fn origin(&self) -> Origin {
        Origin {
            connector: self.engine.connector(),
            shared: Arc::clone(&self.shared),
            guard: self.guard.clone(),
            unguarded: self.unguarded,
            path: self.path.clone(),
            identity: self.path.as_deref().and_then(identity),
            read_only: self.engine.is_read_only(),
            waiting: self.waiting.clone(),
        }
    }
}

impl Origin {
    /// A further connection, under the root key of `ledger`.
    pub(crate) fn connect(&self, ledger: Arc<Ledger>) -> Result<Store, StoreError> {
        self.is_the_same()?;
        let connected = self.connector.connect().and_then(|engine| {
            let store = self.over(engine, ledger);
            store.read()?;
            store.engine.trust()?;
            Ok(store)
        });
        connected.map_err(|error| self.explained(error))
    }

    /// Another file is not even opened: SQLite would tidy up beside it.
    fn is_the_same(&self) -> Result<(), StoreError> {
        match &self.path {
            Some(path)
                if self.identity.is_some()
                    && identity(path).is_some_and(|found| self.identity != Some(found)) =>
            {
                Err(StoreError::Replaced { path: path.clone() })
            }
            _ => Ok(()),
        }
    }

    /// What stands at the path is no store that was seen: it is another file, and says so.
    fn explained(&self, error: StoreError) -> StoreError {
        let foreign = match &error {
            StoreError::Seal(error) => *error != SealError::Rekeyed,
            other => matches!(
                other,
                StoreError::Corrupt { .. } | StoreError::NotAStore | StoreError::SchemaFromFuture { .. }
            ),
        };
        match &self.path {
            Some(path) if foreign && self.identity.is_some() && identity(path) != self.identity => {
                StoreError::Replaced { path: path.clone() }
            }
            _ => error,
        }
    }

    /// A further connection, under the root key that is in force now and that `unlock` opens.
    pub(crate) fn unlock(&self, unlock: Unlock<'_>) -> Result<(Store, RootKey), StoreError> {
        self.is_the_same()?;
        let engine = self.connector.connect()?;
        let (root, slot) = Store::find_root(&*engine, unlock, SlotCheck::Opener)?;
        let store = self.over(engine, root.ledger());
        store.read()?.require_slot(&slot)?;
        store.engine.trust()?;
        Ok((store, root))
    }

    fn over(&self, engine: Box<dyn Engine>, ledger: Arc<Ledger>) -> Store {
        Store {
            engine,
            ledger,
            shared: Arc::clone(&self.shared),
            guard: self.guard.clone(),
            unguarded: self.unguarded,
            path: self.path.clone(),
            in_doubt: false,
            connector: Arc::clone(&self.connector),
            announces: false,
            waiting: self.waiting.clone(),
        }
    }

    /// Where the files of the store are; a store in memory has none.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    pub(crate) fn is_read_only(&self) -> bool {
        self.read_only
    }
}
