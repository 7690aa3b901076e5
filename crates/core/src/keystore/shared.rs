//! What all clones of a keystore share: its connections, and the root key that is in force.
//!
//! One connection writes at a time, a few read beside it, each in a snapshot of its own. They are opened when none is
//! idle, so that a program of one thread has one.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, RwLock},
    thread::{self, ThreadId},
    time::{Duration, Instant},
};

use super::{KeySource, chains::Chains, options::SharedOptions};
use crate::{
    error::Error,
    limits::Limits,
    seal::{RootKey, SealError},
    store::{
        Origin, Read, Store, StoreError,
        engine::{Announcement, LongChange},
    },
};

/// The fewest and the most connections that read at once; between them, one for each core.
const MIN_READERS: usize = 2;
const MAX_READERS: usize = 8;

/// What all clones of a keystore share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) origin: Origin,
    /// How long a writer waits for others of this process: as long as for those of other processes.
    busy_timeout: Duration,
    /// What no import may exceed.
    pub(super) limits: Option<Limits>,
    pub(super) chains: Chains,
    connections: Mutex<Connections>,
    max_readers: OnceLock<usize>,
    reader_done: Condvar,
    writer_done: Condvar,
    keys: RwLock<Keys>,
    /// Held by the one that looks for the root key that is in force now.
    renewing: Mutex<()>,
    /// The thread that makes the change of everything that this process announced.
    announcer: Mutex<Option<ThreadId>>,
    /// Idle connections of those that wait for changes.
    pub(super) watching: Mutex<Vec<Store>>,
    /// How many commits this process made.
    pub(super) commits: Mutex<u64>,
    pub(super) committed: Condvar,
}

#[derive(Debug, Default)]
struct Connections {
    idle: Vec<Store>,
    readers: usize,
    writing: bool,
    /// A commit failed, and nothing is written before this connection was given up for a new one.
    in_doubt: Option<Store>,
}

#[derive(Debug)]
struct Keys {
    root: Arc<RootKey>,
    /// The root key of a re-key in progress: in force from its commit on.
    next: Option<Arc<RootKey>>,
    /// What opens the store again after another process re-keyed it.
    source: Option<Arc<dyn KeySource>>,
}

/// The connection of the one that writes.
pub(super) struct Writer<'s> {
    pub(super) shared: &'s Shared,
    pub(super) store: Store,
    pub(super) root: Arc<RootKey>,
}

impl Shared {
    pub(super) fn new(mut store: Store, root: Arc<RootKey>, options: SharedOptions) -> Self {
        let SharedOptions { busy_timeout, limits, source } = options;
        store.set_busy_timeout(busy_timeout);
        Self {
            origin: store.origin(),
            busy_timeout,
            limits,
            chains: Chains::default(),
            connections: Mutex::new(Connections { idle: vec![store], ..Connections::default() }),
            max_readers: OnceLock::new(),
            reader_done: Condvar::new(),
            writer_done: Condvar::new(),
            keys: RwLock::new(Keys { root, next: None, source }),
            renewing: Mutex::default(),
            announcer: Mutex::default(),
            watching: Mutex::default(),
            commits: Mutex::default(),
            committed: Condvar::new(),
        }
    }

    /// The root key that is in force, as far as this process knows.
    pub(super) fn root(&self) -> Arc<RootKey> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner).root)
    }

    pub(super) fn set_source(&self, source: Arc<dyn KeySource>) {
        self.keys.write().unwrap_or_else(PoisonError::into_inner).source = Some(source);
    }

    /// Reads in one snapshot, beside a few others.
    pub(super) fn read<T>(
        &self,
        work: impl Fn(&Read<'_>, &Arc<RootKey>) -> Result<T, StoreError>,
    ) -> Result<T, Error> {
        self.under_root(|root| {
            let _place = self.reader_place();
            self.connected(root, |store| store.view(|read| work(read, root)))
        })
    }

    /// Reads for long, on a connection that nobody waits for.
    pub(super) fn read_for_long<T>(
        &self,
        work: impl Fn(&Store, &Arc<RootKey>) -> Result<T, StoreError>,
    ) -> Result<T, Error> {
        self.under_root(|root| self.connected(root, |store| work(store, root)))
    }

    /// Holds one snapshot, on a connection of its own, while something is done with it.
    pub(super) fn with_snapshot<T>(
        &self,
        work: impl FnOnce(&Read<'_>, &RootKey) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let root = self.root();
        let store = self.origin.connect(root.ledger())?;
        work(&store.read()?, &root)
    }

    /// Writes, when nobody else of this process does.
    pub(super) fn write<T>(
        &self,
        work: impl FnOnce(&mut Writer<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let _turn = self.writer_turn()?;
        let taken = {
            let mut connections = lock(&self.connections);
            connections.in_doubt.take().or_else(|| connections.idle.pop())
        };
        let (store, root) = match taken {
            Some(mut store) => {
                let root = self.root();
                store.set_ledger(root.ledger());
                (store, root)
            }
            None => self.connect().map_err(moved_away)?,
        };
        let mut writer = Writer { shared: self, store, root };
        writer.store.set_announces(self.announces());
        let done = work(&mut writer);
        let mut store = writer.store;
        store.set_announces(false);
        if store.is_in_doubt() {
            lock(&self.connections).in_doubt = Some(store);
        } else if done.as_ref().err().is_none_or(leaves_sound) {
            self.put_back(store);
        }
        if let Err(Error::Store(StoreError::Replaced { .. })) = done {
            self.close_idle();
        }
        done
    }

    /// Announces a change of everything that this thread makes: whoever waits for the write lock meanwhile waits on.
    pub(super) fn announce(&self, change: LongChange) -> Result<Announced<'_>, StoreError> {
        let announcement = self.origin.announce(change)?;
        *lock(&self.announcer) = Some(thread::current().id());
        Ok(Announced { shared: self, _announcement: announcement })
    }

    /// Whether this thread makes a change of everything.
    pub(super) fn announces(&self) -> bool {
        *lock(&self.announcer) == Some(thread::current().id())
    }

    /// A new connection, under the root key that is in force.
    pub(super) fn connect(&self) -> Result<(Store, Arc<RootKey>), Error> {
        self.under_root(|root| Ok((self.origin.connect(root.ledger())?, Arc::clone(root))))
    }

    /// Closes what is idle: the file is not the one that was opened any more, and whoever comes next opens the one that
    /// stands there.
    pub(super) fn close_idle(&self) {
        lock(&self.connections).idle.clear();
        lock(&self.watching).clear();
    }

    /// Works under the root key that is in force, also where another process re-keyed the store meanwhile.
    fn under_root<T>(&self, work: impl Fn(&Arc<RootKey>) -> Result<T, StoreError>) -> Result<T, Error> {
        let root = self.root();
        match work(&root) {
            Err(StoreError::Seal(SealError::Rekeyed)) => Ok(work(&self.renew(&root)?)?),
            other => Ok(other?),
        }
    }

    /// Works on an idle connection, or a new one. After a failure it is closed, and the next one starts again.
    fn connected<T>(
        &self,
        root: &Arc<RootKey>,
        work: impl FnOnce(&mut Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let idle = lock(&self.connections).idle.pop();
        let mut store = match idle {
            Some(mut store) => {
                store.set_ledger(root.ledger());
                store
            }
            None => self.origin.connect(root.ledger())?,
        };
        let done = work(&mut store)?;
        self.put_back(store);
        Ok(done)
    }

    /// Whether so many are as many as may read at once. The cores are counted where it depends on them: to ask the system
    /// takes as long as several reads.
    fn is_full(&self, readers: usize) -> bool {
        let most = || {
            let cores = thread::available_parallelism().map_or(MIN_READERS, std::num::NonZero::get);
            cores.clamp(MIN_READERS, MAX_READERS)
        };
        readers >= MIN_READERS && readers >= *self.max_readers.get_or_init(most)
    }

    fn put_back(&self, store: Store) {
        let mut connections = lock(&self.connections);
        if !self.is_full(connections.idle.len()) {
            connections.idle.push(store);
        }
    }

    fn reader_place(&self) -> ReaderPlace<'_> {
        let full = |connections: &mut Connections| self.is_full(connections.readers);
        let mut connections = self
            .reader_done
            .wait_while(lock(&self.connections), full)
            .unwrap_or_else(PoisonError::into_inner);
        connections.readers += 1;
        ReaderPlace(self)
    }

    fn writer_turn(&self) -> Result<WriterTurn<'_>, StoreError> {
        let mut connections = lock(&self.connections);
        let mut until = Instant::now() + self.busy_timeout;
        while connections.writing {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                if !self.origin.is_long_change() {
                    return Err(StoreError::Busy);
                }
                until = Instant::now() + self.busy_timeout;
            }
            let waited = self.writer_done.wait_timeout(connections, left);
            connections = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        connections.writing = true;
        Ok(WriterTurn(self))
    }

    /// Looks for the root key that is in force, after `former` turned out not to be.
    fn renew(&self, former: &Arc<RootKey>) -> Result<Arc<RootKey>, Error> {
        // One looks for all: an Argon2id derivation takes much memory.
        let _only = lock(&self.renewing);
        let (root, next, source) = {
            let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
            (Arc::clone(&keys.root), keys.next.clone(), keys.source.clone())
        };
        if !Arc::ptr_eq(&root, former) {
            return Ok(root);
        }
        // A re-key of this process was committed, and its thread has not come to say so.
        if let Some(next) = next
            && let Ok(store) = self.origin.connect(next.ledger())
        {
            self.set_root(&next);
            self.put_back(store);
            return Ok(next);
        }
        let source = source.ok_or(StoreError::Seal(SealError::Rekeyed))?;
        let mut found = None;
        source.with(&mut |unlock| {
            found = Some(self.origin.unlock(unlock)?);
            Ok(())
        })?;
        let (store, root) = found.ok_or(StoreError::Seal(SealError::Rekeyed))?;
        let root = Arc::new(root);
        self.set_root(&root);
        self.put_back(store);
        Ok(root)
    }

    /// Goes on with a root key. Connections of before are closed.
    fn set_root(&self, root: &Arc<RootKey>) {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        (keys.root, keys.next) = (Arc::clone(root), None);
        drop(keys);
        lock(&self.connections).idle.clear();
    }

    /// Says which root key will be in force if a commit succeeds that is about to be made.
    fn set_next(&self, next: &Arc<RootKey>) {
        self.keys.write().unwrap_or_else(PoisonError::into_inner).next = Some(Arc::clone(next));
    }
}

impl Writer<'_> {
    /// Goes on with the root key that is in force now, on a new connection.
    pub(super) fn renew(&mut self) -> Result<(), Error> {
        self.root = self.shared.renew(&self.root)?;
        self.store = self.shared.origin.connect(self.root.ledger())?;
        self.store.set_announces(self.shared.announces());
        Ok(())
    }

    /// Says which root key will be in force if the commit succeeds that is about to be made.
    pub(super) fn announce(&self, next: &Arc<RootKey>) {
        self.shared.set_next(next);
    }

    /// Says which root key is in force after a re-key was tried.
    pub(super) fn go_on_with(&mut self, root: Arc<RootKey>) {
        self.store.set_ledger(root.ledger());
        self.shared.set_root(&root);
        self.root = root;
    }
}

/// A change of everything, as long as it lasts.
pub(super) struct Announced<'s> {
    shared: &'s Shared,
    _announcement: Announcement,
}

impl Drop for Announced<'_> {
    fn drop(&mut self) {
        *lock(&self.shared.announcer) = None;
    }
}

/// Whether the connection is as good as before the failure.
fn leaves_sound(error: &Error) -> bool {
    !matches!(
        error,
        Error::Store(
            StoreError::Corrupt { .. }
                | StoreError::Failed { .. }
                | StoreError::File(_)
                | StoreError::OutcomeUnknown(_)
                | StoreError::Replaced { .. }
                | StoreError::Seal(SealError::Rekeyed)
        )
    )
}

/// The place of one that reads.
struct ReaderPlace<'s>(&'s Shared);

impl Drop for ReaderPlace<'_> {
    fn drop(&mut self) {
        let mut connections = lock(&self.0.connections);
        connections.readers = connections.readers.saturating_sub(1);
        drop(connections);
        self.0.reader_done.notify_one();
    }
}

/// The turn of the one that writes.
struct WriterTurn<'s>(&'s Shared);

impl Drop for WriterTurn<'_> {
    fn drop(&mut self) {
        lock(&self.0.connections).writing = false;
        self.0.writer_done.notify_one();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// For whoever wants to change the store: it was there when it was opened, so that what is missing now was moved away.
pub(super) fn moved_away(error: Error) -> Error {
    match error {
        Error::Store(StoreError::Missing { path }) => StoreError::Replaced { path }.into(),
        other => other,
    }
}
