//! Names and passwords: the one way in, for generateToken, OAuth and the page.
//!
//! Each password costs 19 MiB and some 30 ms, whether the name exists or not, so passwords are hashed a few at once, in
//! memory that is kept. [`throttle`] says how often a name may be tried, [`queue`] who comes next.

mod queue;
mod throttle;

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use strongroom::{
    Error, Keystore, Password, UnixTime,
    account::{AccountName, HashMemory, network_of},
    keystore::Administrator,
};
use tokio::{
    sync::oneshot,
    time::{Instant, timeout},
};

use self::{
    queue::{Queue, Told},
    throttle::{Admission, Attempt},
};

/// Passwords that are hashed at once.
const AT_ONCE: usize = 2;
/// How long somebody waits for a turn.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the answer to a client that failed too often is delayed: an immediate answer would be followed by an
/// immediate next guess.
pub(crate) const PENALTY: Duration = Duration::from_secs(1);
/// For so long an address is known from which a name signed in, in seconds.
const KNOWN_FOR: u64 = 30 * 24 * 60 * 60;

/// Who tries to sign in, and the memory for it.
pub(crate) struct SignIns {
    queue: Mutex<Queue<oneshot::Sender<Turn>>>,
    memory: Mutex<Vec<HashMemory>>,
    since: Instant,
}

/// Why nobody looked at the password.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refused {
    /// Too many failures: not before this time has passed.
    Wait(Duration),
    /// All places are taken, or it took too long.
    Busy,
}

enum Turn {
    Begin(Seat),
    Refused(Refused),
}

impl SignIns {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            queue: Mutex::new(Queue::new(AT_ONCE)),
            memory: Mutex::new(Vec::with_capacity(AT_ONCE)),
            since: Instant::now(),
        })
    }

    /// Waits for the turn of a name at an address; `at_home` as of [`is_at_home`].
    pub(crate) async fn enter(
        self: &Arc<Self>,
        name: &AccountName,
        address: IpAddr,
        at_home: bool,
    ) -> Result<Seat, Refused> {
        let (told, turn) = oneshot::channel();
        let (place, lost) = {
            let (mut queue, now) = (lock(&self.queue), self.now());
            let attempt = queue.throttle.attempt(name, address, at_home);
            if let Admission::Wait(wait) = queue.throttle.admission(&attempt, now) {
                return Err(Refused::Wait(wait));
            }
            let (ticket, lost) = queue.join(attempt, told, now);
            (ticket.map(|ticket| Place { sign_ins: self, ticket }), lost)
        };
        if let Some(lost) = lost {
            // Whoever is gone need not know.
            let _ = lost.send(Turn::Refused(Refused::Busy));
        }
        self.call();
        let told = timeout(PATIENCE, turn).await;
        drop(place);
        match told {
            Ok(Ok(Turn::Begin(seat))) => Ok(seat),
            Ok(Ok(Turn::Refused(refused))) => Err(refused),
            Ok(Err(_)) | Err(_) => Err(Refused::Busy),
        }
    }

    /// Tells those who wait what can be told now.
    fn call(self: &Arc<Self>) {
        loop {
            let next = lock(&self.queue).next(self.now());
            let Some((attempt, told, sender)) = next else {
                return;
            };
            let turn = match told {
                Told::Begin => Turn::Begin(Seat { sign_ins: Arc::clone(self), attempt, failed: false }),
                Told::Wait(wait) => Turn::Refused(Refused::Wait(wait)),
            };
            // The seat of one who is gone becomes free as it is dropped.
            let _ = sender.send(turn);
        }
    }

    fn now(&self) -> Duration {
        self.since.elapsed()
    }

    fn take_memory(&self) -> Result<HashMemory, Error> {
        let kept = lock(&self.memory).pop();
        Ok(kept.map_or_else(HashMemory::new, Ok)?)
    }
}

/// A place in the queue, given up with the request.
struct Place<'s> {
    sign_ins: &'s SignIns,
    ticket: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        lock(&self.sign_ins.queue).leave(self.ticket);
    }
}

/// The right to hash one password.
pub(crate) struct Seat {
    sign_ins: Arc<SignIns>,
    attempt: Attempt,
    failed: bool,
}

impl Seat {
    /// Compares a password, on a thread that may block. What goes wrong on the way counts as a failure, and so does a
    /// client that goes away.
    pub(crate) fn verify(
        mut self,
        keystore: &Keystore,
        name: &AccountName,
        password: &Password,
    ) -> Result<Option<Administrator>, Error> {
        self.failed = true;
        let mut memory = self.sign_ins.take_memory()?;
        let found = keystore.verify_administrator(name, password, &mut memory);
        lock(&self.sign_ins.memory).push(memory);
        self.failed = !matches!(found, Ok(Some(_)));
        found
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let now = self.sign_ins.now();
        lock(&self.sign_ins.queue).done(&self.attempt, self.failed, now);
        self.sign_ins.call();
    }
}

/// Whether an administrator signed in from an address, or one of its network, within 30 days.
pub(crate) fn is_at_home(administrator: &Administrator, address: IpAddr, now: UnixTime) -> bool {
    let network = network_of(address);
    administrator.sign_ins.iter().any(|known| {
        network_of(known.address) == network && now.as_secs() < known.at.as_secs().saturating_add(KNOWN_FOR)
    })
}

/// What is behind the locks is whole after every operation, so a panic elsewhere spoils nothing.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> AccountName {
        "siteadmin".parse().unwrap()
    }

    fn address(host: u8) -> IpAddr {
        [192, 0, 2, host].into()
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_goes_away_leaves_place_and_seat() {
        let sign_ins = SignIns::new();
        let mut seats = Vec::new();
        for host in 1..=2 {
            seats.push(sign_ins.enter(&name(), address(host), false).await.unwrap());
        }
        let third = {
            let sign_ins = Arc::clone(&sign_ins);
            tokio::spawn(async move { sign_ins.enter(&name(), address(3), false).await.map(drop) })
        };
        tokio::task::yield_now().await;
        third.abort();
        assert!(third.await.unwrap_err().is_cancelled());
        seats.clear();
        // Both seats are free, and nobody is in the queue before.
        for host in 4..=5 {
            seats.push(sign_ins.enter(&name(), address(host), false).await.unwrap());
        }
        let waits = sign_ins.enter(&name(), address(6), false).await;
        assert_eq!(waits.err(), Some(Refused::Busy), "after 30 s");
    }

    #[tokio::test(start_paused = true)]
    async fn eleventh_guess_waits_until_the_minute_is_over() {
        let sign_ins = SignIns::new();
        for _ in 0..10 {
            let mut seat = sign_ins.enter(&name(), address(1), false).await.unwrap();
            seat.failed = true;
            drop(seat);
        }
        let refused = sign_ins.enter(&name(), address(1), false).await.err();
        assert_eq!(refused, Some(Refused::Wait(Duration::from_secs(60))));
        assert!(sign_ins.enter(&name(), address(1), true).await.is_ok(), "at home");
        tokio::time::advance(Duration::from_secs(60)).await;
        assert!(sign_ins.enter(&name(), address(1), false).await.is_ok());
    }
}
