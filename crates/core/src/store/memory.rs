//! An engine in memory: for tests, which can make it fail, count its trips, and hand it to an attacker.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    StoreError,
    engine::{Announcement, Change, CommitError, Connector, Engine, LongChange, Row, Table, View},
};

/// How long a writer waits for another, unless it is told otherwise.
const PATIENCE: Duration = Duration::from_secs(10);

type Content = Arc<BTreeMap<(Table, Vec<u8>), Vec<u8>>>;

/// What the next commit does instead of succeeding.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "whether a change happened is yes or no")]
pub enum Fault {
    /// It fails, and nothing was written.
    Refused,
    /// Nobody is told, and it happened.
    DoubtThere,
    /// Nobody is told, and it did not happen.
    DoubtNotThere,
}

#[derive(Debug, Default)]
struct Shared {
    content: Mutex<Content>,
    changed: Condvar,
    writing: Mutex<bool>,
    free: Condvar,
    announced: Mutex<Option<LongChange>>,
    fault: Mutex<Option<Fault>>,
    trips: AtomicU64,
    read_only: AtomicBool,
}

/// A store in memory. Clones share it.
#[derive(Clone, Debug)]
pub struct MemoryEngine {
    shared: Arc<Shared>,
    remote: bool,
    patience: Duration,
}

impl Default for MemoryEngine {
    fn default() -> Self {
        Self::new(false)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl MemoryEngine {
    /// An empty one. `remote` asks for whole paths, as one over a network does.
    #[must_use]
    pub fn new(remote: bool) -> Self {
        Self { shared: Arc::default(), remote, patience: PATIENCE }
    }

    /// Lets the next commit fail.
    pub fn fail_next(&self, fault: Fault) {
        *lock(&self.shared.fault) = Some(fault);
    }

    /// How many trips there were: calls that a network would have to answer before the next.
    #[must_use]
    pub fn trips(&self) -> u64 {
        self.shared.trips.load(Ordering::Relaxed)
    }

    /// A copy of everything, as a thief or a backup has it.
    #[must_use]
    pub fn copy(&self) -> Self {
        let copy = Self::new(self.remote);
        *lock(&copy.shared.content) = Arc::clone(&lock(&self.shared.content));
        copy
    }

    fn trip(&self) {
        self.shared.trips.fetch_add(1, Ordering::Relaxed);
    }

    fn snapshot(&self) -> Snapshot<'_> {
        Snapshot { engine: self, content: Arc::clone(&lock(&self.shared.content)) }
    }
}

struct Snapshot<'e> {
    engine: &'e MemoryEngine,
    content: Content,
}

impl View for Snapshot<'_> {
    fn get_many(&self, wanted: &[(Table, &[u8])]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.engine.trip();
        Ok(wanted.iter().map(|(table, key)| self.content.get(&(*table, key.to_vec())).cloned()).collect())
    }

    fn range(
        &self,
        table: Table,
        from: &[u8],
        to: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.engine.trip();
        if to.is_some_and(|to| to <= from) {
            return Ok(Vec::new());
        }
        let start = Bound::Included((table, from.to_vec()));
        let end = to.map_or(Bound::Unbounded, |to| Bound::Excluded((table, to.to_vec())));
        let rows = self.content.range((start, end)).take_while(|((found, _), _)| *found == table);
        Ok(rows.take(limit).map(|((_, key), value)| (key.clone(), value.clone())).collect())
    }
}

struct Changing<'e> {
    snapshot: Snapshot<'e>,
    puts: Vec<(Table, Vec<u8>, Option<Vec<u8>>)>,
}

impl View for Changing<'_> {
    fn get_many(&self, wanted: &[(Table, &[u8])]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.snapshot.get_many(wanted)
    }

    fn range(
        &self,
        table: Table,
        from: &[u8],
        to: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.snapshot.range(table, from, to, limit)
    }
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        *lock(&self.snapshot.engine.shared.writing) = false;
        self.snapshot.engine.shared.free.notify_one();
    }
}

impl Change for Changing<'_> {
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.puts.push((table, key.to_vec(), Some(value.to_vec())));
        Ok(())
    }

    fn delete(&mut self, table: Table, key: &[u8]) -> Result<(), StoreError> {
        self.puts.push((table, key.to_vec(), None));
        Ok(())
    }

    fn commit(mut self: Box<Self>) -> Result<(), CommitError> {
        let engine = self.snapshot.engine;
        engine.trip();
        let fault = lock(&engine.shared.fault).take();
        let failed = || StoreError::Failed { detail: "the test asked for it".to_owned(), source: None };
        match fault {
            Some(Fault::Refused) => return Err(CommitError::Refused(StoreError::Full)),
            Some(Fault::DoubtNotThere) => return Err(CommitError::InDoubt(failed())),
            Some(Fault::DoubtThere) | None => {}
        }
        let mut content = lock(&engine.shared.content);
        let rows = Arc::make_mut(&mut content);
        for (table, key, value) in std::mem::take(&mut self.puts) {
            match value {
                Some(value) => rows.insert((table, key), value),
                None => rows.remove(&(table, key)),
            };
        }
        drop(content);
        engine.shared.changed.notify_all();
        if fault.is_some() { Err(CommitError::InDoubt(failed())) } else { Ok(()) }
    }
}

/// Seen by all clones until it is dropped.
#[derive(Debug)]
struct Announced(Arc<Shared>);

impl Drop for Announced {
    fn drop(&mut self) {
        *lock(&self.0.announced) = None;
    }
}

impl Connector for MemoryEngine {
    fn connect(&self) -> Result<Box<dyn Engine>, StoreError> {
        Ok(Box::new(self.clone()))
    }

    fn announce(&self, change: LongChange) -> Result<Option<Announcement>, StoreError> {
        let mut announced = lock(&self.shared.announced);
        if announced.is_some() {
            return Ok(None);
        }
        *announced = Some(change);
        Ok(Some(Box::new(Announced(Arc::clone(&self.shared)))))
    }

    fn announced(&self) -> Option<LongChange> {
        *lock(&self.shared.announced)
    }
}

impl Engine for MemoryEngine {
    fn view(&self) -> Result<Box<dyn View + '_>, StoreError> {
        Ok(Box::new(self.snapshot()))
    }

    fn begin(&self) -> Result<Box<dyn Change + '_>, StoreError> {
        if self.is_read_only() {
            return Err(StoreError::ReadOnly);
        }
        let guard = lock(&self.shared.writing);
        let waited = self.shared.free.wait_timeout_while(guard, self.patience, |writing| *writing);
        let (mut writing, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() {
            return Err(StoreError::Busy);
        }
        *writing = true;
        drop(writing);
        Ok(Box::new(Changing { snapshot: self.snapshot(), puts: Vec::new() }))
    }

    fn reconnect(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    fn set_busy_timeout(&mut self, timeout: Duration) {
        self.patience = timeout;
    }

    fn connector(&self) -> Arc<dyn Connector> {
        Arc::new(self.clone())
    }

    fn wait_change(&self, since: &[u8], max: Duration) -> Result<Vec<u8>, StoreError> {
        let until = Instant::now() + max;
        let key = (Table::State, vec![0]);
        let mut content = lock(&self.shared.content);
        loop {
            let now = content.get(&key).cloned().unwrap_or_default();
            let left = until.saturating_duration_since(Instant::now());
            if now != since || left.is_zero() {
                return Ok(now);
            }
            let waited = self.shared.changed.wait_timeout(content, left);
            content = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn self_check(&self) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    fn scrub(&mut self, _whole: bool) -> Result<(), StoreError> {
        Ok(())
    }

    fn trust(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn still_there(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn is_read_only(&self) -> bool {
        self.shared.read_only.load(Ordering::Relaxed)
    }

    fn is_remote(&self) -> bool {
        self.remote
    }
}
