//! The queue of sign-ins that wait for their password to be hashed.
//!
//! A few passwords are hashed at once. Names that are tried where they signed in before come first, then addresses by how
//! often they failed of late, and every fourth time it is the other way round, so that nobody waits for ever.
//! Within each of these the addresses take turns. When all places are taken, the address that has most of them loses one.

use std::time::Duration;

use super::throttle::{Admission, Attempt, SUSPECT, Throttle};

/// The most that wait.
const PLACES: usize = 512;
/// So often, those are served first who would be last.
const TURN: u64 = 4;
/// The class of addresses that failed often; 0 is that of names which signed in there.
const LAST: u8 = 1 + SUSPECT;

/// The queue; a waiting sign-in is notified through its `T`.
pub(super) struct Queue<T> {
    pub(super) throttle: Throttle,
    waiting: Vec<Waiting<T>>,
    free: usize,
    tickets: u64,
    served: u64,
    /// The turn of the last one who was served.
    turn: u64,
}

struct Waiting<T> {
    ticket: u64,
    attempt: Attempt,
    class: u8,
    /// An address that has several has them one after the other.
    turn: u64,
    told: T,
}

/// What a waiting sign-in is notified of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Told {
    /// It is your turn.
    Begin,
    /// Too many failures: not before this time has passed.
    Wait(Duration),
}

impl<T> Queue<T> {
    /// `at_once` are served at once.
    pub(super) fn new(at_once: usize) -> Self {
        Self {
            throttle: Throttle::new(at_once),
            waiting: Vec::with_capacity(PLACES),
            free: at_once,
            tickets: 0,
            served: 0,
            turn: 0,
        }
    }

    /// Takes a place; gives a ticket, and who lost a place for it. Without a ticket the one who comes has none.
    pub(super) fn join(&mut self, attempt: Attempt, told: T, now: Duration) -> (Option<u64>, Option<T>) {
        let mut lost = None;
        if self.waiting.len() >= PLACES {
            match self.last_of_the_greediest(&attempt) {
                Some(place) => lost = Some(self.waiting.swap_remove(place).told),
                None => return (None, Some(told)),
            }
        }
        let of_address = self.waiting.iter().filter(|waiting| waiting.attempt.address == attempt.address);
        let last = of_address.map(|waiting| waiting.turn).max().unwrap_or(0);
        let turn = last.max(self.turn) + 1;
        let failures = self.throttle.failures(attempt.address, now).min(SUSPECT);
        let class = if attempt.at_home { 0 } else { 1 + failures };
        self.tickets += 1;
        self.waiting.push(Waiting { ticket: self.tickets, attempt, class, turn, told });
        (Some(self.tickets), lost)
    }

    /// The last place of the address that has most, if that is more than the one who comes would have.
    fn last_of_the_greediest(&self, attempt: &Attempt) -> Option<usize> {
        let mut strangers: Vec<u64> =
            self.waiting.iter().filter(|w| !w.attempt.at_home).map(|w| w.attempt.address).collect();
        strangers.sort_unstable();
        let greediest = strangers.chunk_by(|a, b| a == b).max_by_key(|places| places.len())?;
        let own = strangers.iter().filter(|address| **address == attempt.address).count();
        if !attempt.at_home && own + 1 >= greediest.len() {
            return None;
        }
        let address = *greediest.first()?;
        let places = self.waiting.iter().enumerate();
        let places = places.filter(|(_, w)| w.attempt.address == address && !w.attempt.at_home);
        places.max_by_key(|(_, w)| w.ticket).map(|(place, _)| place)
    }

    /// Gives a place up.
    pub(super) fn leave(&mut self, ticket: u64) {
        self.waiting.retain(|waiting| waiting.ticket != ticket);
    }

    /// The next who is told something now: that it is its turn, or that it has to wait.
    pub(super) fn next(&mut self, now: Duration) -> Option<(Attempt, Told, T)> {
        if self.free == 0 {
            return None;
        }
        let Self { throttle, waiting, served, .. } = self;
        let reverse = *served % TURN == TURN - 1;
        waiting.sort_unstable_by_key(|waiting| {
            let class = if reverse { LAST.saturating_sub(waiting.class) } else { waiting.class };
            (class, waiting.turn, waiting.ticket)
        });
        for place in 0..waiting.len() {
            let Some(Waiting { attempt, turn, .. }) = waiting.get(place) else {
                continue;
            };
            let (attempt, turn) = (*attempt, *turn);
            let told = match throttle.admission(&attempt, now) {
                Admission::Later => continue,
                Admission::Now => Told::Begin,
                Admission::Wait(wait) => Told::Wait(wait),
            };
            let first = waiting.swap_remove(place);
            if told == Told::Begin {
                self.throttle.begin(attempt);
                self.free -= 1;
                self.served += 1;
                self.turn = self.turn.max(turn);
            }
            return Some((attempt, told, first.told));
        }
        None
    }

    /// One who was served is done.
    pub(super) fn done(&mut self, attempt: &Attempt, failed: bool, now: Duration) {
        self.throttle.end(attempt, failed, now);
        self.free += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1);

    fn attempt(queue: &Queue<u32>, name: &str, host: u32, at_home: bool) -> Attempt {
        let address = std::net::Ipv4Addr::from(0x0a00_0000 + host).into();
        queue.throttle.attempt(&name.parse().unwrap(), address, at_home)
    }

    fn join(queue: &mut Queue<u32>, name: &str, host: u32, at_home: bool, who: u32) -> (bool, Option<u32>) {
        let attempt = attempt(queue, name, host, at_home);
        let (ticket, lost) = queue.join(attempt, who, NOW);
        (ticket.is_some(), lost)
    }

    /// Serves one after the other until nobody waits; all of them know the password.
    fn serve_all(queue: &mut Queue<u32>) -> Vec<u32> {
        let mut order = Vec::new();
        while let Some((attempt, told, who)) = queue.next(NOW) {
            assert_eq!(told, Told::Begin);
            queue.done(&attempt, false, NOW);
            order.push(who);
        }
        order
    }

    #[test]
    fn addresses_take_turns() {
        let mut queue = Queue::new(1);
        for who in 0..50 {
            join(&mut queue, "a", 1, false, who);
        }
        join(&mut queue, "a", 2, false, 100);
        join(&mut queue, "a", 3, false, 101);
        let order = serve_all(&mut queue);
        assert_eq!(order.len(), 52);
        assert!(order[..3].contains(&100) && order[..3].contains(&101), "{order:?}");
    }

    #[test]
    fn who_signed_in_there_before_comes_first_and_the_last_not_never() {
        let mut queue = Queue::new(1);
        for host in 0..40 {
            join(&mut queue, "a", host, false, host);
        }
        join(&mut queue, "owner", 77, true, 1_000);
        assert_eq!(serve_all(&mut queue)[0], 1_000);
        // One at home who never stops does not keep the others out.
        join(&mut queue, "a", 1, false, 1);
        let mut until = 0;
        loop {
            join(&mut queue, "owner", 77, true, 1_000);
            let (attempt, _, who) = queue.next(NOW).unwrap();
            queue.done(&attempt, false, NOW);
            if who == 1 {
                break;
            }
            until += 1;
            assert!(until < 10);
        }
    }

    #[test]
    fn suspects_come_after_those_who_never_failed() {
        let mut queue = Queue::new(1);
        for _ in 0..3 {
            let guess = attempt(&queue, "a", 1, false);
            queue.throttle.end(&guess, true, NOW);
        }
        join(&mut queue, "b", 1, false, 1);
        join(&mut queue, "b", 2, false, 2);
        assert_eq!(serve_all(&mut queue), [2, 1]);
    }

    #[test]
    fn a_full_queue_takes_places_from_whoever_has_most() {
        let mut queue = Queue::new(1);
        let mut lost = Vec::new();
        for who in 0..1_000 {
            match join(&mut queue, "a", 1, false, who) {
                (true, None) => {}
                (taken, whom) => lost.push((taken, whom)),
            }
        }
        assert_eq!(queue.waiting.len(), PLACES);
        assert!(lost.iter().all(|(taken, _)| !taken), "nobody takes a place from the same address");
        assert_eq!(join(&mut queue, "a", 2, false, 5_000), (true, Some(511)));
        assert_eq!(join(&mut queue, "a", 3, true, 5_001), (true, Some(510)));
        let order = serve_all(&mut queue);
        assert!(order[..3].contains(&5_000) && order[0] == 5_001, "{:?}", &order[..3]);
        // 512 addresses with one each: another stranger has to come again, the owner has not.
        for host in 0..512 {
            assert_eq!(join(&mut queue, "a", 1_000 + host, false, host), (true, None));
        }
        assert_eq!(join(&mut queue, "a", 2, false, 7), (false, Some(7)));
        assert!(matches!(join(&mut queue, "a", 3, true, 8), (true, Some(_))));
    }

    #[test]
    fn guesses_sent_at_once_are_counted_one_after_the_other() {
        let mut queue = Queue::new(2);
        for who in 0..100 {
            join(&mut queue, "siteadmin", 1, false, who);
        }
        let (mut guesses, mut waits, mut running) = (0, 0, Vec::new());
        loop {
            match queue.next(NOW) {
                Some((attempt, Told::Begin, _)) => {
                    running.push(attempt);
                    guesses += 1;
                }
                Some((_, Told::Wait(wait), _)) => {
                    assert_eq!(wait, Duration::from_secs(60));
                    waits += 1;
                }
                None => match running.pop() {
                    Some(attempt) => queue.done(&attempt, true, NOW),
                    None => break,
                },
            }
        }
        assert_eq!((guesses, waits), (10, 90));
    }

    #[test]
    fn a_hundred_who_know_the_password_all_get_in() {
        let mut queue = Queue::new(2);
        for who in 0..100 {
            join(&mut queue, "siteadmin", 1, false, who);
        }
        assert_eq!(serve_all(&mut queue), (0..100).collect::<Vec<_>>());
        let ticket = {
            let attempt = attempt(&queue, "a", 1, false);
            queue.join(attempt, 1, NOW).0
        }
        .unwrap();
        queue.leave(ticket);
        assert!(serve_all(&mut queue).is_empty());
    }
}
