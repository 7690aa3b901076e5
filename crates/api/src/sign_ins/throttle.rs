//! How often a name may be tried from an address.
//!
//! Every failure of the last minute is kept in one ring of fixed size, whether the name exists or not, so that nothing
//! can be learnt from the one or the other, and a flood takes no memory. Names and addresses stand in it as hashes under a
//! random key.

use std::{
    collections::VecDeque,
    hash::{BuildHasher as _, RandomState},
    net::IpAddr,
    time::Duration,
};

use strongroom::account::{AccountName, network_of};

/// Within this time so many failures are allowed.
const WINDOW: Duration = Duration::from_secs(60);
/// Failures of a name from one address.
const OF_PAIR: usize = 10;
/// Failures of an address, whatever the names.
const OF_ADDRESS: usize = 30;
/// Failures of a name from all addresses where it never signed in.
const OF_NAME: usize = 100;
/// The part of these that is left to addresses which failed often.
const OF_NAME_BY_SUSPECTS: usize = 60;
/// Failures of all names from all addresses: as many as can be kept.
const IN_ALL: usize = 8_192;
/// The part of these that is left to addresses which failed often.
const IN_ALL_BY_SUSPECTS: usize = 7_168;
/// Failures at addresses from which the name signed in.
const AT_HOME: usize = 4_096;
/// An address that failed so often is a suspect, ...
pub(super) const SUSPECT: u8 = 3;
/// ... until it did not fail for so long.
const FORGOTTEN: Duration = Duration::from_secs(24 * 60 * 60);
/// The most addresses whose failures are counted beyond a minute.
const ADDRESSES: usize = 4_096;

/// A name that is tried from an address.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Attempt {
    name: u64,
    pub(super) address: u64,
    /// Whether the name signed in from there before. Strangers elsewhere cannot use up its share.
    pub(super) at_home: bool,
}

/// Whether an attempt may go on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Admission {
    Now,
    /// Once it is known how those that run end.
    Later,
    /// Not before this time has passed.
    Wait(Duration),
}

#[derive(Clone, Copy)]
struct Failure {
    at: Duration,
    name: u64,
    address: u64,
}

#[derive(Clone, Copy)]
struct Address {
    address: u64,
    failures: u8,
    last: Duration,
}

/// The counts. Times are since any one instant.
pub(super) struct Throttle {
    hasher: RandomState,
    strange: VecDeque<Failure>,
    at_home: VecDeque<Failure>,
    addresses: VecDeque<Address>,
    running: Vec<Attempt>,
}

impl Throttle {
    /// `running` attempts at most run at once.
    pub(super) fn new(running: usize) -> Self {
        Self {
            hasher: RandomState::new(),
            strange: VecDeque::with_capacity(IN_ALL),
            at_home: VecDeque::with_capacity(AT_HOME),
            addresses: VecDeque::with_capacity(ADDRESSES),
            running: Vec::with_capacity(running),
        }
    }

    pub(super) fn attempt(&self, name: &AccountName, address: IpAddr, at_home: bool) -> Attempt {
        Attempt {
            name: self.hasher.hash_one(name.key()),
            address: self.hasher.hash_one(network_of(address)),
            at_home,
        }
    }

    /// Whether an attempt may be made now.
    pub(super) fn admission(&mut self, attempt: &Attempt, now: Duration) -> Admission {
        self.forget(now);
        let limits = self.limits(attempt, now);
        let mut admission = Admission::Now;
        for (limit, counts) in limits {
            let ring = if attempt.at_home { &self.at_home } else { &self.strange };
            let failed = ring.iter().filter(|failure| counts(attempt, failure.name, failure.address));
            let count = failed.clone().count();
            if count >= limit {
                // The oldest of those that count has to be forgotten first.
                let since = failed.clone().nth(count - limit).map_or(now, |failure| failure.at);
                let wait = (since + WINDOW).saturating_sub(now);
                admission = match admission {
                    Admission::Wait(longer) if longer > wait => admission,
                    _ => Admission::Wait(wait),
                };
            } else if !matches!(admission, Admission::Wait(_)) {
                let running = self.running.iter().filter(|running| {
                    running.at_home == attempt.at_home && counts(attempt, running.name, running.address)
                });
                if count + running.count() >= limit {
                    admission = Admission::Later;
                }
            }
        }
        admission
    }

    fn limits(&self, attempt: &Attempt, now: Duration) -> [(usize, Counts); 4] {
        let pair: Counts = |attempt, name, address| (attempt.name, attempt.address) == (name, address);
        if attempt.at_home {
            let all: Counts = |_, _, _| true;
            return [(OF_PAIR, pair), (AT_HOME, all), (AT_HOME, all), (AT_HOME, all)];
        }
        let suspect = self.failures(attempt.address, now) >= SUSPECT;
        let (name, all) = if suspect { (OF_NAME_BY_SUSPECTS, IN_ALL_BY_SUSPECTS) } else { (OF_NAME, IN_ALL) };
        [
            (OF_PAIR, pair),
            (OF_ADDRESS, |attempt, _, address| attempt.address == address),
            (name, |attempt, name, _| attempt.name == name),
            (all, |_, _, _| true),
        ]
    }

    /// How often an address failed of late.
    pub(super) fn failures(&self, address: u64, now: Duration) -> u8 {
        let known = self.addresses.iter().find(|known| known.address == address);
        known.filter(|known| known.last + FORGOTTEN > now).map_or(0, |known| known.failures)
    }

    /// An attempt begins: until it ends it counts as a failure.
    pub(super) fn begin(&mut self, attempt: Attempt) {
        self.running.push(attempt);
    }

    /// An attempt ends.
    pub(super) fn end(&mut self, attempt: &Attempt, failed: bool, now: Duration) {
        if let Some(place) = self.running.iter().position(|running| running == attempt) {
            self.running.swap_remove(place);
        }
        if !failed {
            return;
        }
        self.forget(now);
        let (ring, most) =
            if attempt.at_home { (&mut self.at_home, AT_HOME) } else { (&mut self.strange, IN_ALL) };
        // As many as fit were allowed.
        if ring.len() >= most {
            ring.pop_front();
        }
        ring.push_back(Failure { at: now, name: attempt.name, address: attempt.address });
        self.count_address(attempt.address, now);
    }

    fn count_address(&mut self, address: u64, now: Duration) {
        let known = self.addresses.iter().position(|known| known.address == address);
        let known = known.and_then(|place| self.addresses.remove(place));
        let failures = known.filter(|known| known.last + FORGOTTEN > now).map_or(0, |known| known.failures);
        if self.addresses.len() >= ADDRESSES {
            self.addresses.pop_front();
        }
        self.addresses.push_back(Address { address, failures: failures.saturating_add(1), last: now });
    }

    fn forget(&mut self, now: Duration) {
        for ring in [&mut self.strange, &mut self.at_home] {
            while ring.front().is_some_and(|oldest| oldest.at + WINDOW <= now) {
                ring.pop_front();
            }
        }
    }
}

/// Whether a failure of this name at this address counts against an attempt.
type Counts = fn(&Attempt, u64, u64) -> bool;

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// What failures do to a throttle at instants that the test chooses.
    struct Bench(Throttle);

    impl Bench {
        fn new() -> Self {
            Self(Throttle::new(2))
        }

        fn attempt(&self, name: &str, address: &str, at_home: bool) -> Attempt {
            self.0.attempt(&name.parse().unwrap(), address.parse().unwrap(), at_home)
        }

        fn asks(&mut self, name: &str, address: &str, now: Duration) -> Admission {
            let attempt = self.attempt(name, address, false);
            self.0.admission(&attempt, now)
        }

        /// Fails until it is refused; gives how often that was.
        fn guess(&mut self, name: &str, address: &str, at_home: bool, now: Duration) -> usize {
            let attempt = self.attempt(name, address, at_home);
            let mut guesses = 0;
            while self.0.admission(&attempt, now) == Admission::Now {
                self.0.begin(attempt);
                self.0.end(&attempt, true, now);
                guesses += 1;
                assert!(guesses < 100_000);
            }
            guesses
        }
    }

    #[test]
    fn ten_guesses_of_a_name_from_an_address_in_any_minute() {
        let mut bench = Bench::new();
        let mut made = Vec::new();
        // Somebody who tries at every tenth of a second for ten minutes.
        for tenth in 0..6_000_u32 {
            let now = Duration::from_millis(u64::from(tenth) * 100);
            for _ in 0..bench.guess("siteadmin", "192.0.2.1", false, now) {
                made.push(now);
            }
        }
        assert_eq!(made.len(), 100);
        for window in made.windows(11) {
            assert!(window[10] - window[0] >= WINDOW, "{window:?}");
        }
    }

    #[test]
    fn wait_is_until_the_oldest_is_forgotten_and_a_minute_at_most() {
        let mut bench = Bench::new();
        for second in 0..10 {
            let attempt = bench.attempt("SiteAdmin", "192.0.2.1", false);
            bench.0.end(&attempt, true, seconds(second));
        }
        assert_eq!(bench.asks("siteadmin", "192.0.2.1", seconds(20)), Admission::Wait(seconds(40)));
        assert_eq!(bench.asks("siteadmin", "::ffff:192.0.2.1", seconds(20)), Admission::Wait(seconds(40)));
        assert_eq!(bench.asks("siteadmin", "192.0.2.1", seconds(60)), Admission::Now);
        assert_eq!(bench.asks("siteadmin", "192.0.2.2", seconds(20)), Admission::Now, "a stranger elsewhere");
        assert_eq!(bench.asks("other", "192.0.2.1", seconds(20)), Admission::Now, "another name");
    }

    #[test]
    fn hundred_guesses_of_a_name_from_everywhere_and_places_for_those_who_never_failed() {
        let mut bench = Bench::new();
        let mut guesses = 0;
        for host in 1..=200_u8 {
            guesses += bench.guess("siteadmin", &format!("198.51.100.{host}"), false, seconds(1));
        }
        assert_eq!(guesses, 100);
        // A minute later all of them are known.
        let mut guesses = 0;
        for host in 1..=200_u8 {
            let address = format!("198.51.100.{host}");
            if bench.0.failures(bench.attempt("x", &address, false).address, seconds(61)) >= SUSPECT {
                guesses += bench.guess("siteadmin", &address, false, seconds(61));
            }
        }
        assert_eq!(guesses, OF_NAME_BY_SUSPECTS);
        assert_eq!(bench.asks("siteadmin", "192.0.2.1", seconds(61)), Admission::Now);
    }

    #[test]
    fn known_address_has_a_share_of_its_own() {
        let mut bench = Bench::new();
        for host in 0..=255_u8 {
            bench.guess("siteadmin", &format!("198.51.100.{host}"), false, seconds(1));
        }
        let home = bench.attempt("siteadmin", "192.0.2.1", true);
        assert_eq!(bench.0.admission(&home, seconds(1)), Admission::Now);
        assert_eq!(bench.guess("siteadmin", "192.0.2.1", true, seconds(1)), OF_PAIR);
        assert_eq!(bench.0.admission(&home, seconds(2)), Admission::Wait(seconds(59)));
        let other = bench.attempt("siteadmin", "192.0.2.9", true);
        assert_eq!(bench.0.admission(&other, seconds(2)), Admission::Now);
    }

    #[test]
    fn names_that_nobody_has_are_counted_like_others_and_take_no_memory() {
        let mut bench = Bench::new();
        let before = (bench.0.strange.capacity(), bench.0.addresses.capacity());
        assert_eq!(bench.guess("nobody", "192.0.2.1", false, seconds(1)), OF_PAIR);
        let mut guesses = 0;
        for name in 0..1_000 {
            guesses += bench.guess(&format!("u{name}"), "192.0.2.1", false, seconds(1));
        }
        assert_eq!(guesses, OF_ADDRESS - OF_PAIR);
        // A botnet that fills all there is: those at home get in, and those who never failed.
        let mut guesses = 0;
        for host in 0..400_u32 {
            let address = std::net::Ipv4Addr::from(0x0a00_0000 + host).to_string();
            for name in 0..4 {
                guesses += bench.guess(&format!("v{name}-{host}"), &address, false, seconds(2));
            }
        }
        assert!(guesses > IN_ALL_BY_SUSPECTS - 100 && guesses < IN_ALL, "{guesses}");
        assert_eq!(bench.asks("siteadmin", "192.0.2.77", seconds(2)), Admission::Now);
        assert_eq!((bench.0.strange.capacity(), bench.0.addresses.capacity()), before);
    }

    #[test]
    fn attempts_that_run_count_until_they_end() {
        let mut bench = Bench::new();
        let attempt = bench.attempt("siteadmin", "192.0.2.1", false);
        for _ in 0..9 {
            bench.0.end(&attempt, true, seconds(1));
        }
        assert_eq!(bench.0.admission(&attempt, seconds(1)), Admission::Now);
        bench.0.begin(attempt);
        assert_eq!(bench.0.admission(&attempt, seconds(1)), Admission::Later);
        bench.0.end(&attempt, false, seconds(1));
        assert_eq!(bench.0.admission(&attempt, seconds(1)), Admission::Now, "a right password is no guess");
        bench.0.begin(attempt);
        bench.0.end(&attempt, true, seconds(1));
        assert_eq!(bench.0.admission(&attempt, seconds(1)), Admission::Wait(seconds(60)));
    }
}
