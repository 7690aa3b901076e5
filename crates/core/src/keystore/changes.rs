//! What changed since, without opening a key: for a server that serves what the store holds.

use std::{
    sync::PoisonError,
    time::{Duration, Instant},
};

use super::{Keystore, shared::Shared};
use crate::{
    error::Error,
    store::{Changes, Generation, Store, StoreError},
};

/// How often a commit of another process is looked for.
const LOOK: Duration = Duration::from_millis(50);
/// How long an engine over a network may wait by itself.
const REMOTE: Duration = Duration::from_secs(10);

impl Keystore {
    /// Which commit the store is at.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn generation(&self) -> Result<Generation, Error> {
        self.reading(|read| read.generation())
    }

    /// Waits for the next change after `since`, at most for `timeout`, and says what changed; `None` if nothing did. A
    /// commit of this keystore or of a clone ends the wait at once, one of another process within about 50 ms. No key is
    /// opened for it.
    ///
    /// What it gives is no more than a reason to look again: whatever is read then is of that commit or a later one.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let unlock = strongroom::UnlockKey::generate()?;
    /// # let path = folder.path().join("keystore.db");
    /// # let keystore = strongroom::Keystore::create(&path, &unlock, strongroom::UnixTime::now())?;
    /// # let other = strongroom::Keystore::open(&path, &unlock)?;
    /// # let root = std::fs::read("../../fixtures/chains/root-rsa.pem")?;
    /// use std::time::Duration;
    ///
    /// let before = keystore.generation()?;
    /// assert!(keystore.wait_change(&before, Duration::ZERO)?.is_none());
    /// // Another process, at another time:
    /// other.import_authority(&"root".parse()?, &root, strongroom::UnixTime::now())?;
    /// let changes = keystore.wait_change(&before, Duration::from_secs(1))?.expect("something changed");
    /// assert!(changes.authorities && changes.aliases.contains(&"root".parse()?));
    /// assert_eq!(changes.generation.sequence(), before.sequence() + 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`StoreError::Replaced`] if the file was moved or replaced, [`StoreError::RolledBack`] or [`StoreError::Forked`] if
    /// the store is not what `since` was taken of, [`SealError::Rekeyed`](crate::seal::SealError::Rekeyed) if another process
    /// re-keyed it and nothing is known that opens it, or another if it cannot be read now. Each wait starts again: whoever
    /// waits again goes on where the store does.
    pub fn wait_change(&self, since: &Generation, timeout: Duration) -> Result<Option<Changes>, Error> {
        let until = Instant::now().checked_add(timeout);
        let left = || until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
        let mut known = None;
        self.shared.watch(|store| {
            loop {
                let commits = self.shared.commits();
                if store.state_moved(&mut known, left().min(REMOTE))?
                    && let Some(changes) = self.reading(|read| read.changes_since(since))?
                {
                    return Ok(Some(changes));
                }
                if left().is_zero() {
                    return Ok(None);
                }
                self.shared.wait_commit(commits, left().min(LOOK));
            }
        })
    }
}

impl Shared {
    /// How many commits this process made.
    fn commits(&self) -> u64 {
        *self.commits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for one more.
    fn wait_commit(&self, known: u64, max: Duration) {
        let commits = self.commits.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.committed.wait_timeout_while(commits, max, |commits| *commits == known));
    }

    pub(super) fn tell_commit(&self) {
        let mut commits = self.commits.lock().unwrap_or_else(PoisonError::into_inner);
        *commits = commits.wrapping_add(1);
        drop(commits);
        self.committed.notify_all();
    }

    /// Watches on a connection that is kept for this alone.
    fn watch<T>(&self, work: impl FnOnce(&Store) -> Result<T, Error>) -> Result<T, Error> {
        let idle = self.watching.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let store = idle.map_or_else(|| Ok(self.connect()?.0), Ok::<_, Error>)?;
        let done = work(&store);
        match &done {
            Ok(_) => self.watching.lock().unwrap_or_else(PoisonError::into_inner).push(store),
            Err(Error::Store(StoreError::Replaced { .. })) => self.close_idle(),
            Err(_) => {}
        }
        done
    }
}
