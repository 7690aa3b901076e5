//! The place that an import works in: a file whose derivations take long goes on in a line of its own, so that it
//! holds up no other.

use std::{
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use strongroom::limits::Cancel;
use tokio::runtime::Handle;

use crate::{
    client::Client,
    queue::{Pass, Queue},
};

/// Iterations that a file may cost where most of them work; ordinary ones cost some thousands.
const QUICK: u64 = 1_500_000;

/// The place of one import.
pub(crate) struct ImportPlace {
    held: Mutex<Held>,
    slow: Arc<Queue>,
    /// How long the derivations may take.
    time: Duration,
    client: Client,
    runtime: Handle,
    refused: AtomicBool,
}

struct Held {
    /// Given back, or changed for a slow one.
    pass: Option<Pass>,
    is_slow: bool,
    deadline: Instant,
}

impl ImportPlace {
    /// Begins in a quick place. Has to be called in the runtime.
    pub(crate) fn new(pass: Pass, slow: &Arc<Queue>, time: Duration) -> Arc<Self> {
        let held = Held { pass: Some(pass), is_slow: false, deadline: Instant::now() + time };
        Arc::new(Self {
            held: Mutex::new(held),
            slow: Arc::clone(slow),
            time,
            client: Client::current(),
            runtime: Handle::current(),
            refused: AtomicBool::new(false),
        })
    }

    /// Stops the derivations when their time is over, or when the value is dropped: with the future of a request,
    /// which is what becomes of it when its client goes away.
    pub(crate) fn cancel(self: &Arc<Self>, wanted: Weak<()>) -> Cancel {
        let place = Arc::clone(self);
        Cancel::when(move |done| wanted.strong_count() == 0 || place.is_over(done))
    }

    fn is_over(&self, done: u64) -> bool {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if !held.is_slow && done > QUICK {
            // The next one begins while this one waits. Derivations run where it may be waited.
            held.pass = None;
            held.is_slow = true;
            match self.runtime.block_on(self.client.clone().scope(self.slow.enter())) {
                Ok(pass) => held.pass = Some(pass),
                Err(_) => self.refused.store(true, Ordering::Relaxed),
            }
            held.deadline = Instant::now() + self.time;
        }
        self.is_refused() || Instant::now() >= held.deadline
    }

    /// Whether there was no slow place for it in time.
    pub(crate) fn is_refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }
}
