//! The bytes of bodies that are in memory at once: bounded in all, whoever sends them.
//!
//! Who has shown a good token waits until there is room. The body of a stranger, whose token may stand in it, is
//! read as long as there is room for strangers; beyond, the address that holds the most loses its oldest body. A
//! short form is through before it is its turn, however many hold back the end of long ones.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    time::timeout,
};

use crate::{client::Client, error::ApiError};

/// Bytes of those who are signed in.
const SIGNED_IN: usize = 24 << 20;
/// Bytes of strangers.
const STRANGERS: usize = 16 << 20;
/// The unit in which the first are counted.
const UNIT: usize = 1_024;
/// How long somebody who is signed in waits for room.
const PATIENCE: Duration = Duration::from_secs(30);

/// The memory for bodies.
pub(crate) struct InFlight {
    signed_in: Arc<Semaphore>,
    strangers: Mutex<Strangers>,
}

#[derive(Default)]
struct Strangers {
    used: usize,
    next: u64,
    bodies: HashMap<u64, StrangersBody>,
}

struct StrangersBody {
    address: IpAddr,
    bytes: usize,
    /// Tells the reader that the memory is wanted; nothing once the body is whole.
    end: Option<oneshot::Sender<()>>,
}

/// Memory for one body, until this goes.
pub(crate) enum Room {
    SignedIn(#[allow(dead_code, reason = "held, and never looked at")] OwnedSemaphorePermit),
    Stranger(StrangersRoom),
}

/// That of a stranger, which may be taken away.
pub(crate) struct StrangersRoom {
    id: u64,
    all: Arc<InFlight>,
    ended: oneshot::Receiver<()>,
}

impl Drop for StrangersRoom {
    fn drop(&mut self) {
        self.all.strangers().remove(self.id);
    }
}

impl InFlight {
    pub(crate) fn new() -> Arc<Self> {
        let signed_in = Arc::new(Semaphore::new(SIGNED_IN / UNIT));
        Arc::new(Self { signed_in, strangers: Mutex::default() })
    }

    /// Room for a body of so many bytes, of somebody who is signed in.
    pub(crate) async fn for_signed_in(&self, bytes: usize) -> Result<Room, ApiError> {
        let units = u32::try_from(bytes.min(SIGNED_IN).div_ceil(UNIT)).unwrap_or(u32::MAX);
        match timeout(PATIENCE, Arc::clone(&self.signed_in).acquire_many_owned(units)).await {
            Ok(Ok(permit)) => Ok(Room::SignedIn(permit)),
            _ => Err(ApiError::busy()),
        }
    }

    /// Room for the body of a stranger; it grows with what comes.
    pub(crate) fn for_stranger(self: &Arc<Self>) -> Room {
        let (end, ended) = oneshot::channel();
        let mut strangers = self.strangers();
        let id = strangers.next;
        strangers.next = id.wrapping_add(1);
        let address = Client::current().address();
        strangers.bodies.insert(id, StrangersBody { address, bytes: 0, end: Some(end) });
        Room::Stranger(StrangersRoom { id, all: Arc::clone(self), ended })
    }

    fn strangers(&self) -> MutexGuard<'_, Strangers> {
        // Each change of them is whole.
        self.strangers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Room {
    /// Makes it so large; a failure if there is no room for that.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), ApiError> {
        match self {
            Self::SignedIn(_) => Ok(()),
            Self::Stranger(room) => room.all.strangers().grow(room.id, bytes),
        }
    }

    /// Waits until the memory is wanted for another body.
    pub(crate) async fn is_wanted(&mut self) {
        match self {
            Self::SignedIn(_) => std::future::pending().await,
            Self::Stranger(room) => {
                let _ = (&mut room.ended).await;
            }
        }
    }

    /// The body is whole: it is not taken away any more.
    pub(crate) fn keep(&mut self) {
        if let Self::Stranger(room) = self
            && let Some(body) = room.all.strangers().bodies.get_mut(&room.id)
            // Its reader does not listen any more.
            && let Some(end) = body.end.take()
        {
            drop(end);
        }
    }
}

impl Strangers {
    fn grow(&mut self, id: u64, bytes: usize) -> Result<(), ApiError> {
        let Some(body) = self.bodies.get_mut(&id) else {
            return Err(ApiError::busy());
        };
        self.used = self.used.saturating_sub(body.bytes).saturating_add(bytes);
        body.bytes = bytes;
        while self.used > STRANGERS {
            let spared = self.to_spare().ok_or_else(ApiError::busy)?;
            let end = self.remove(spared).and_then(|body| body.end);
            if spared == id {
                return Err(ApiError::busy());
            }
            if let Some(end) = end {
                let _ = end.send(());
            }
        }
        Ok(())
    }

    /// The oldest body of the address that holds the most, of those that are not whole.
    fn to_spare(&self) -> Option<u64> {
        let mut held: HashMap<IpAddr, usize> = HashMap::new();
        for body in self.bodies.values() {
            let sum = held.entry(body.address).or_default();
            *sum = sum.saturating_add(body.bytes);
        }
        let open = self.bodies.iter().filter(|(_, body)| body.end.is_some() && body.bytes > 0);
        open.min_by_key(|(id, body)| {
            (std::cmp::Reverse(held.get(&body.address).copied().unwrap_or_default()), **id)
        })
        .map(|(id, _)| *id)
    }

    fn remove(&mut self, id: u64) -> Option<StrangersBody> {
        let body = self.bodies.remove(&id)?;
        self.used = self.used.saturating_sub(body.bytes);
        Some(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn stranger(all: &Arc<InFlight>, last: u8) -> Room {
        Client::new(IpAddr::from([127, 0, 0, last])).scope(async { all.for_stranger() }).await
    }

    fn is_wanted(room: &mut Room) -> bool {
        let Room::Stranger(room) = room else { panic!("not a stranger's") };
        room.ended.try_recv().is_ok()
    }

    #[tokio::test]
    async fn address_that_holds_the_most_loses_its_oldest_body() {
        let all = InFlight::new();
        let mut many = Vec::new();
        for _ in 0..15 {
            let mut room = stranger(&all, 2).await;
            room.grow(1 << 20).unwrap();
            many.push(room);
        }
        let mut other = stranger(&all, 3).await;
        other.grow(1 << 20).unwrap();
        let mut owner = stranger(&all, 1).await;
        owner.grow(8_192).unwrap();
        assert!(is_wanted(&mut many[0]) && !is_wanted(&mut many[1]) && !is_wanted(&mut other));
        assert_eq!(many[0].grow(1 << 20).unwrap_err().code, 503);
        drop(many);
        assert_eq!(all.strangers().used, (1 << 20) + 8_192);
        drop((other, owner));
        assert_eq!(all.strangers().used, 0);
        assert!(all.strangers().bodies.is_empty());
    }

    #[tokio::test]
    async fn whole_body_is_kept_and_who_grows_beyond_all_is_refused() {
        let all = InFlight::new();
        let mut whole = stranger(&all, 2).await;
        whole.grow(STRANGERS).unwrap();
        whole.keep();
        let mut late = stranger(&all, 1).await;
        assert_eq!(late.grow(1).unwrap_err().code, 503);
        drop(whole);
        let mut next = stranger(&all, 1).await;
        next.grow(1).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_signed_in_waits_for_room() {
        let all = InFlight::new();
        let first = all.for_signed_in(SIGNED_IN).await.unwrap();
        assert_eq!(all.for_signed_in(1).await.err().unwrap().code, 503);
        let (second, ()) = tokio::join!(all.for_signed_in(1), async { drop(first) });
        second.unwrap();
    }
}
