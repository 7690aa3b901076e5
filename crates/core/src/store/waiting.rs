//! Waiting for the write lock. A change of everything, by whatever process, takes as long as it takes, and is waited for
//! without limit; anybody else who keeps the lock is waited for as long as a writer waits, and is then [`StoreError::Busy`].

use std::time::{Duration, Instant};

use super::{
    Origin, Store, StoreError,
    engine::{Announcement, Change, LongChange, WaitNotice},
};

/// After how long it is told that a change waits for another's.
const TOLD_AFTER: Duration = Duration::from_secs(10);
/// How often it is looked whether another's has ended.
const LOOK: Duration = Duration::from_millis(25);

/// One wait, told of once.
struct Wait<'s> {
    notice: Option<&'s dyn WaitNotice>,
    since: Instant,
}

impl<'s> Wait<'s> {
    fn new(notice: Option<&'s dyn WaitNotice>) -> Self {
        Self { notice, since: Instant::now() }
    }

    /// Waits a moment for the end of another's.
    fn on(&mut self, change: LongChange) {
        if self.since.elapsed() >= TOLD_AFTER
            && let Some(notice) = self.notice.take()
        {
            notice.waiting(change);
        }
        std::thread::sleep(LOOK);
    }
}

impl Store {
    /// Takes the write lock.
    pub(super) fn begin(&self) -> Result<Box<dyn Change + '_>, StoreError> {
        // Who made the announcement does not wait for himself.
        let others = || if self.announces { None } else { self.connector.announced() };
        let mut wait = Wait::new(self.waiting.as_deref());
        loop {
            let before = others();
            match self.engine.begin() {
                // If it ended just now, others who waited for it took the lock first.
                Err(StoreError::Busy) => match others().or(before) {
                    Some(change) => wait.on(change),
                    None => return Err(StoreError::Busy),
                },
                other => return other,
            }
        }
    }
}

impl Origin {
    /// Announces a change of everything; waits for the end of another's.
    pub(crate) fn announce(&self, change: LongChange) -> Result<Announcement, StoreError> {
        let mut wait = Wait::new(self.waiting.as_deref());
        loop {
            if let Some(announcement) = self.connector.announce(change)? {
                return Ok(announcement);
            }
            // It may have ended since.
            wait.on(self.connector.announced().unwrap_or(change));
        }
    }

    /// Whether a change of everything is in progress, in this process or another: it takes as long as it takes.
    pub(crate) fn is_long_change(&self) -> bool {
        self.connector.announced().is_some()
    }
}
