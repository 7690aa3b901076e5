//! Sessions that clients resume: tickets and a store of sessions, both of which can be ended at once.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwap;
use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use rustls::{
    pki_types::UnixTime,
    server::{ProducesTickets, ServerSessionMemoryCache, StoresServerSessions},
};

use zeroize::Zeroizing;

use crate::LiveTlsError;

/// Seconds for which a key makes tickets.
const TURN: u64 = 6 * 3_600;
/// Seconds for which a ticket is good: its key and the one after it.
const LIFETIME: u32 = 12 * 3_600;
/// Sessions of clients that take no tickets.
const SESSIONS: usize = 4_096;
const NAME: usize = 8;
const NONCE: usize = 24;

/// One ticket key. Whoever has it can read the sessions of its tickets: it is never written anywhere.
struct TicketKey {
    name: [u8; NAME],
    cipher: XChaCha20Poly1305,
    made: u64,
}

impl TicketKey {
    fn new(now: u64) -> Result<Self, LiveTlsError> {
        let mut bytes = Zeroizing::new([0_u8; 32 + NAME]);
        getrandom::fill(bytes.as_mut()).map_err(|_| LiveTlsError::NoRandomness)?;
        let (key, name) = bytes.split_at(32);
        let cipher = XChaCha20Poly1305::new_from_slice(key).map_err(|_| LiveTlsError::NoRandomness)?;
        let name = name.try_into().map_err(|_| LiveTlsError::NoRandomness)?;
        Ok(Self { name, cipher, made: now })
    }

    fn copy(&self) -> Self {
        Self { name: self.name, cipher: self.cipher.clone(), made: self.made }
    }
}

struct Keys {
    current: TicketKey,
    former: Option<TicketKey>,
}

/// Makes and reads tickets under keys that turn every six hours.
pub(crate) struct Tickets {
    keys: ArcSwap<Keys>,
    clock: fn() -> UnixTime,
    turning: Mutex<()>,
    /// How often all sessions were ended.
    ended: AtomicU64,
}

impl Tickets {
    pub(crate) fn new(clock: fn() -> UnixTime) -> Result<Self, LiveTlsError> {
        let keys = Keys { current: TicketKey::new(clock().as_secs())?, former: None };
        Ok(Self {
            keys: ArcSwap::from_pointee(keys),
            clock,
            turning: Mutex::new(()),
            ended: AtomicU64::new(0),
        })
    }

    /// No ticket that was made before is good any more.
    pub(crate) fn end(&self) -> Result<(), LiveTlsError> {
        let _turning = self.turning.lock().unwrap_or_else(PoisonError::into_inner);
        let current = TicketKey::new((self.clock)().as_secs())?;
        self.keys.store(Arc::new(Keys { current, former: None }));
        self.ended.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// The keys, after turning them if it is time.
    fn now(&self) -> Option<Arc<Keys>> {
        let now = (self.clock)().as_secs();
        let keys = self.keys.load_full();
        if now.saturating_sub(keys.current.made) < TURN {
            return Some(keys);
        }
        // One thread turns them; the others go on with what there is.
        let Ok(_turning) = self.turning.try_lock() else {
            return Some(keys);
        };
        let current = TicketKey::new(now).ok()?;
        let keys = self.keys.load_full();
        if now.saturating_sub(keys.current.made) < TURN {
            return Some(keys);
        }
        // The one before the former goes, and a former one that is older than any ticket.
        let old = now.saturating_sub(keys.current.made) >= u64::from(LIFETIME);
        let former = (!old).then(|| keys.current.copy());
        let turned = Arc::new(Keys { current, former });
        self.keys.store(Arc::clone(&turned));
        Some(turned)
    }
}

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        LIFETIME
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let keys = self.now()?;
        let mut nonce = [0_u8; NONCE];
        getrandom::fill(&mut nonce).ok()?;
        let key = &keys.current;
        let payload = Payload { msg: plain, aad: &key.name };
        let mut sealed = key.cipher.encrypt(&XNonce::from(nonce), payload).ok()?;
        let mut ticket = Vec::with_capacity(NAME + NONCE + sealed.len());
        ticket.extend_from_slice(&key.name);
        ticket.extend_from_slice(&nonce);
        ticket.append(&mut sealed);
        Some(ticket)
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let keys = self.now()?;
        let (name, rest) = ticket.split_at_checked(NAME)?;
        let (nonce, sealed) = rest.split_at_checked(NONCE)?;
        let nonce: [u8; NONCE] = nonce.try_into().ok()?;
        // The name is no secret.
        let key = std::iter::once(&keys.current).chain(&keys.former).find(|key| key.name == name)?;
        key.cipher.decrypt(&XNonce::from(nonce), Payload { msg: sealed, aad: &key.name }).ok()
    }
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tickets([redacted])")
    }
}

/// Sessions in memory, all of which can be ended at once.
#[derive(Debug)]
pub(crate) struct Sessions(ArcSwap<Inner>);

#[derive(Debug)]
struct Inner(Arc<dyn StoresServerSessions>);

impl Inner {
    fn new() -> Self {
        Self(ServerSessionMemoryCache::new(SESSIONS))
    }
}

impl Sessions {
    pub(crate) fn new() -> Self {
        Self(ArcSwap::from_pointee(Inner::new()))
    }

    pub(crate) fn end(&self) {
        self.0.store(Arc::new(Inner::new()));
    }
}

impl StoresServerSessions for Sessions {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        self.0.load().0.put(key, value)
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.0.load().0.get(key)
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.0.load().0.take(key)
    }

    fn can_cache(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    static NOW: AtomicU64 = AtomicU64::new(1_000_000);

    fn clock() -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(NOW.load(Ordering::Relaxed)))
    }

    #[test]
    fn tickets_are_good_for_their_lifetime_and_not_beyond_the_end_of_sessions() {
        let tickets = Tickets::new(clock).unwrap();
        let first = tickets.encrypt(b"session").unwrap();
        assert_eq!(tickets.decrypt(&first).as_deref(), Some(b"session".as_slice()));
        assert!(!first.windows(7).any(|part| part == b"session"));
        // One turn on, the key of the ticket is the former one.
        NOW.fetch_add(TURN, Ordering::Relaxed);
        let second = tickets.encrypt(b"later").unwrap();
        assert_ne!(first[..NAME], second[..NAME]);
        assert_eq!(tickets.decrypt(&first).as_deref(), Some(b"session".as_slice()));
        NOW.fetch_add(TURN, Ordering::Relaxed);
        assert_eq!(tickets.decrypt(&first), None);
        assert_eq!(tickets.decrypt(&second).as_deref(), Some(b"later".as_slice()));
        // After a long silence not even the former key is kept.
        NOW.fetch_add(u64::from(LIFETIME), Ordering::Relaxed);
        assert_eq!(tickets.decrypt(&second), None);
        let third = tickets.encrypt(b"x").unwrap();
        tickets.end().unwrap();
        assert_eq!(tickets.decrypt(&third), None);
    }

    #[test]
    fn a_ticket_that_was_changed_is_none() {
        let tickets = Tickets::new(UnixTime::now).unwrap();
        let ticket = tickets.encrypt(b"session").unwrap();
        for place in 0..ticket.len() {
            let mut changed = ticket.clone();
            changed[place] ^= 1;
            assert_eq!(tickets.decrypt(&changed), None, "byte {place}");
        }
        for length in 0..ticket.len() {
            assert_eq!(tickets.decrypt(&ticket[..length]), None);
        }
    }

    #[test]
    fn sessions_end_at_once() {
        let sessions = Sessions::new();
        assert!(sessions.put(b"id".to_vec(), b"secret".to_vec()));
        assert_eq!(sessions.get(b"id").as_deref(), Some(b"secret".as_slice()));
        sessions.end();
        assert_eq!(sessions.take(b"id"), None);
    }
}
