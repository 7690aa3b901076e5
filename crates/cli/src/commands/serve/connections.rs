//! The open connections: how many there may be, which one goes for a newcomer, and whose time is over.
//!
//! Nobody can use up the places. When all are taken, the address that has the most gives one up: its connection that
//! has been open longest and carries no request of somebody who is signed in. Addresses from which somebody
//! signed in of late, and proxies that are trusted, come last.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use tokio::task::AbortHandle;

use super::progress::Progress;

/// The most connections, whatever the system allows: each may hold some tens of kilobytes before it is known.
const MAX_PLACES: usize = 640;
/// The fewest: with less nobody can be served.
const MIN_PLACES: usize = 16;
/// How long an address counts as known after somebody signed in from it, or showed a token.
const KNOWN_FOR: Duration = Duration::from_secs(24 * 3_600);
/// The most addresses that are remembered so.
const MAX_KNOWN: usize = 1_024;

/// The open connections.
pub(super) struct Connections {
    table: Mutex<Table>,
    places: usize,
}

#[derive(Default)]
struct Table {
    open: HashMap<u64, Arc<Connection>>,
    next: u64,
    /// Connections of each address.
    of: HashMap<IpAddr, usize>,
    known: HashMap<IpAddr, Instant>,
}

/// One of them.
pub(super) struct Connection {
    id: u64,
    /// The peer's, or of IPv6 its network: one client has a whole network there.
    network: IpAddr,
    opened: Instant,
    from_proxy: bool,
    pub(super) progress: Progress,
    task: OnceLock<AbortHandle>,
}

impl Connection {
    /// What ends it. Set once it runs.
    pub(super) fn runs_as(&self, task: AbortHandle) {
        let _ = self.task.set(task);
    }

    fn end(&self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }
}

/// A connection's place. It is free again when this goes.
pub(super) struct Place {
    pub(super) connection: Arc<Connection>,
    connections: Arc<Connections>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.table().remove(self.connection.id);
    }
}

impl Connections {
    /// For a process that may have so many descriptors.
    pub(super) fn new(descriptors: usize) -> Self {
        // As many stay for the store, the log, and what is being accepted and closed.
        let reserve = (descriptors / 4).clamp(32, 128);
        let places = descriptors.saturating_sub(reserve).clamp(MIN_PLACES, MAX_PLACES);
        Self { table: Mutex::default(), places }
    }

    /// A place for a newcomer, if need be that of another; nothing if all are at work.
    pub(super) fn admit(self: &Arc<Self>, peer: IpAddr, from_proxy: bool) -> Option<Place> {
        let network = network(peer);
        let mut table = self.table();
        let most = self.places / 2;
        if !from_proxy && table.of.get(&network).is_some_and(|count| *count >= most) {
            table.make_room(|connection| connection.network == network)?;
        }
        if table.open.len() >= self.places {
            table.make_room(|_| true)?;
        }
        let id = table.next;
        table.next = id.wrapping_add(1);
        let connection = Arc::new(Connection {
            id,
            network,
            opened: Instant::now(),
            from_proxy,
            progress: Progress::new(),
            task: OnceLock::new(),
        });
        table.open.insert(id, Arc::clone(&connection));
        *table.of.entry(network).or_default() += 1;
        Some(Place { connection, connections: Arc::clone(self) })
    }

    /// Ends one connection, where the system has no descriptor for another.
    pub(super) fn give_up_one(&self) {
        let _ = self.table().make_room(|_| true);
    }

    /// Somebody signed in over this connection, or showed a token.
    pub(super) fn is_known(&self, connection: &Connection) {
        let now = Instant::now();
        let mut table = self.table();
        if table.known.len() >= MAX_KNOWN && !table.known.contains_key(&connection.network) {
            let oldest = table.known.iter().min_by_key(|(_, since)| **since).map(|(address, _)| *address);
            oldest.and_then(|address| table.known.remove(&address));
        }
        table.known.insert(connection.network, now);
    }

    /// Ends what takes too long.
    pub(super) fn sweep(&self) {
        let now = Instant::now();
        let mut table = self.table();
        let late: Vec<u64> =
            table.open.iter().filter(|(_, open)| open.progress.is_late(now)).map(|(id, _)| *id).collect();
        for id in late {
            table.end(id);
        }
        table.known.retain(|_, since| now.duration_since(*since) < KNOWN_FOR);
    }

    /// Ends all.
    pub(super) fn end_all(&self) {
        let mut table = self.table();
        let all: Vec<u64> = table.open.keys().copied().collect();
        for id in all {
            table.end(id);
        }
    }

    /// How many are open.
    pub(super) fn count(&self) -> usize {
        self.table().open.len()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Each change of it is whole.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Ends the connection that can be spared best among those.
    fn make_room(&mut self, among: impl Fn(&Connection) -> bool) -> Option<()> {
        let spared = self
            .open
            .values()
            .filter(|open| among(open) && open.progress.may_be_ended())
            .min_by_key(|open| {
                let trusted = open.from_proxy || self.known.contains_key(&open.network);
                let count = self.of.get(&open.network).copied().unwrap_or_default();
                (trusted, std::cmp::Reverse(count), open.progress.is_at_work(), open.opened)
            })?
            .id;
        self.end(spared);
        Some(())
    }

    fn end(&mut self, id: u64) {
        if let Some(connection) = self.remove(id) {
            connection.end();
        }
    }

    fn remove(&mut self, id: u64) -> Option<Arc<Connection>> {
        let connection = self.open.remove(&id)?;
        if let Some(count) = self.of.get_mut(&connection.network) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.of.remove(&connection.network);
            }
        }
        Some(connection)
    }
}

/// What counts as one address: of IPv6 the first 64 bits, of which a client has the rest to itself.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::commands::serve::progress::Phase;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([127, 0, 0, last])
    }

    fn few() -> Arc<Connections> {
        let connections = Arc::new(Connections::new(0));
        assert_eq!(connections.places, MIN_PLACES);
        connections
    }

    fn is_open(connections: &Connections, place: &Place) -> bool {
        connections.table().open.contains_key(&place.connection.id)
    }

    #[test]
    fn places_follow_from_the_descriptors() {
        for (descriptors, places) in [(64, 32), (256, 192), (1_024, 640), (1 << 20, 640)] {
            assert_eq!(Connections::new(descriptors).places, places, "{descriptors}");
        }
    }

    #[test]
    fn address_with_the_most_gives_up_its_oldest() {
        let connections = few();
        let owner = connections.admit(address(1), false).unwrap();
        let many: Vec<Place> = (0..6).map(|_| connections.admit(address(2), false).unwrap()).collect();
        let others: Vec<Place> =
            (10..19).map(|last| connections.admit(address(last), false).unwrap()).collect();
        assert_eq!(connections.count(), MIN_PLACES);
        let newcomer = connections.admit(address(99), false).unwrap();
        assert_eq!(connections.count(), MIN_PLACES);
        assert!(!is_open(&connections, &many[0]));
        for place in many[1..].iter().chain(&others).chain([&owner, &newcomer]) {
            assert!(is_open(&connections, place));
        }
        drop(newcomer);
        assert_eq!(connections.count(), MIN_PLACES - 1);
    }

    #[test]
    fn one_address_has_half_of_the_places_unless_it_is_a_trusted_proxy() {
        let connections = few();
        let places: Vec<Place> = (0..9).map(|_| connections.admit(address(2), false).unwrap()).collect();
        assert_eq!(connections.count(), MIN_PLACES / 2);
        assert!(!is_open(&connections, &places[0]));
        drop(places);
        assert_eq!(connections.count(), 0);
        let places: Vec<Place> = (0..9).map(|_| connections.admit(address(2), true).unwrap()).collect();
        assert_eq!(connections.count(), places.len());
    }

    #[test]
    fn known_addresses_come_last_and_who_is_signed_in_is_never_ended() {
        let connections = few();
        let owner: Vec<Place> = (0..8).map(|_| connections.admit(address(1), false).unwrap()).collect();
        connections.is_known(&owner[0].connection);
        let strangers: Vec<Place> =
            (10..18).map(|last| connections.admit(address(last), false).unwrap()).collect();
        let newcomer = connections.admit(address(99), false).unwrap();
        assert!(!is_open(&connections, &strangers[0]), "the oldest of those that nobody knows");
        assert!(owner.iter().all(|place| is_open(&connections, place)));
        drop((strangers, newcomer));
        let more: Vec<Place> =
            (20..28).map(|last| connections.admit(address(last), false).unwrap()).collect();
        for place in owner.iter().chain(&more) {
            place.connection.progress.enter(Phase::Working);
            place.connection.progress.signed_in.store(true, Ordering::Relaxed);
        }
        assert!(connections.admit(address(99), false).is_none());
    }

    #[test]
    fn network_of_ipv6_counts_as_one_address() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:127.0.0.2"), address(2));
    }
}
