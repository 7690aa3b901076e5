//! Which command is run next: one at a time, after an entry came to rest, and again where it failed.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use strongroom::Alias;

use super::event::{Event, Kind};

/// The pause before a run that failed is tried again: this at first, twice as long each time, and no longer than that.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// An entry that does not come to rest is waited for so many times as long as for one change.
const PATIENCE: u32 = 10;

/// A run that is due, or will be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Job {
    pub(super) event: Event,
    /// From 1.
    pub(super) attempt: u32,
    /// When the first change was seen that it is for.
    since: Instant,
    due: Instant,
}

/// What a run came to, as far as the queue cares.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ended {
    Well,
    /// To be tried again.
    Badly,
}

pub(super) struct Queue {
    debounce: Duration,
    /// Whether removed entries are run for.
    on_removal: bool,
    waiting: BTreeMap<Alias, Job>,
    /// The job whose command runs now; whether its entry is gone since.
    running: Option<(Job, bool)>,
}

impl Queue {
    pub(super) fn new(debounce: Duration, on_removal: bool) -> Self {
        Self { debounce, on_removal, waiting: BTreeMap::new(), running: None }
    }

    /// Takes note of what happened to an entry.
    pub(super) fn changed(&mut self, event: Event, now: Instant) {
        match event.kind {
            Kind::Unreadable | Kind::Readable => return,
            Kind::Removed if !self.on_removal => {
                self.waiting.remove(&event.alias);
                if let Some((job, gone)) = &mut self.running
                    && job.event.alias == event.alias
                {
                    *gone = true;
                }
                return;
            }
            _ => {}
        }
        // What is there already has come to rest.
        let debounce = if event.kind == Kind::Present { Duration::ZERO } else { self.debounce };
        let (event, since) = match self.waiting.remove(&event.alias) {
            // A run that waits to be tried again is another matter from now on.
            Some(job) if job.attempt > 1 => (joined(&job.event, event), now),
            Some(job) => (joined(&job.event, event), job.since),
            None => (event, now),
        };
        let due = (now + debounce).min(since + debounce * PATIENCE);
        self.waiting.insert(event.alias.clone(), Job { event, attempt: 1, since, due });
    }

    /// The job that is due, unless one runs; it runs from now on.
    pub(super) fn start(&mut self, now: Instant) -> Option<Job> {
        if self.running.is_some() {
            return None;
        }
        let due = self.waiting.values().filter(|job| job.due <= now).min_by_key(|job| job.due)?;
        let job = self.waiting.remove(&due.event.alias.clone())?;
        self.running = Some((job.clone(), false));
        Some(job)
    }

    /// When there is something to be started, if nothing happens before.
    pub(super) fn wakes(&self) -> Option<Instant> {
        if self.running.is_some() {
            return None;
        }
        self.waiting.values().map(|job| job.due).min()
    }

    /// The command has ended; the pause until it is tried again, where it is.
    pub(super) fn ended(&mut self, how: Ended, now: Instant) -> Option<Duration> {
        let (job, gone) = self.running.take()?;
        if how == Ended::Well || gone {
            return None;
        }
        if let Some(next) = self.waiting.get_mut(&job.event.alias) {
            // What came meanwhile is run for anyway, and has to make up for what failed.
            next.event = joined(&job.event, next.event.clone());
            return Some(next.due.saturating_duration_since(now));
        }
        let pause = pause_after(job.attempt);
        let attempt = job.attempt.saturating_add(1);
        self.waiting.insert(job.event.alias.clone(), Job { attempt, due: now + pause, ..job });
        Some(pause)
    }

    /// What no command was run for, or none with success.
    pub(super) fn left(&self) -> impl Iterator<Item = &Alias> {
        self.waiting.keys()
    }
}

fn pause_after(attempt: u32) -> Duration {
    let factor = 2_u32.saturating_pow(attempt.saturating_sub(1));
    FIRST_PAUSE.saturating_mul(factor).min(LONGEST_PAUSE)
}

/// What two events in a row are to a command that heard of neither.
fn joined(first: &Event, then: Event) -> Event {
    let kind = match (first.kind, then.kind) {
        (Kind::Removed, Kind::Added) => Kind::Replaced,
        (Kind::Added, Kind::Replaced | Kind::ChainChanged) => Kind::Added,
        (Kind::Replaced, Kind::ChainChanged) => Kind::Replaced,
        (_, kind) => kind,
    };
    let other = if kind == first.kind && then.other.is_none() { first.other.clone() } else { then.other };
    Event { kind, other, ..then }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn event(alias: &str, kind: Kind) -> Event {
        Event { at: 0, kind, alias: alias.parse().unwrap(), facts: None, other: None, reason: None }
    }

    #[track_caller]
    fn starts(queue: &mut Queue, now: Instant, alias: &str, kind: Kind, attempt: u32) {
        let job = queue.start(now).expect("a job that is due");
        assert_eq!((job.event.alias.as_str(), job.event.kind, job.attempt), (alias, kind, attempt));
    }

    #[test]
    fn changes_in_a_row_are_one_run_and_a_restless_entry_is_not_waited_for_for_ever() {
        let start = Instant::now();
        let mut queue = Queue::new(SECOND, false);
        queue.changed(event("www", Kind::Added), start);
        queue.changed(event("WWW", Kind::Replaced), start + SECOND / 2);
        assert_eq!(queue.start(start + SECOND), None, "it has to rest");
        assert_eq!(queue.wakes(), Some(start + SECOND * 3 / 2));
        starts(&mut queue, start + SECOND * 3 / 2, "WWW", Kind::Added, 1);
        assert_eq!(queue.ended(Ended::Well, start + SECOND * 2), None);
        assert_eq!(queue.wakes(), None);
        for half in 0..40 {
            queue.changed(event("www", Kind::ChainChanged), start + SECOND / 2 * half);
        }
        starts(&mut queue, start + SECOND * PATIENCE, "www", Kind::ChainChanged, 1);
    }

    #[test]
    fn what_is_there_at_the_start_is_run_for_at_once() {
        let now = Instant::now();
        let mut queue = Queue::new(SECOND, false);
        queue.changed(event("www", Kind::Present), now);
        starts(&mut queue, now, "www", Kind::Present, 1);
    }

    #[test]
    fn one_runs_at_a_time_and_a_change_meanwhile_leads_to_another_run() {
        let now = Instant::now();
        let mut queue = Queue::new(Duration::ZERO, false);
        queue.changed(event("www", Kind::Replaced), now);
        queue.changed(event("shop", Kind::Replaced), now + SECOND);
        starts(&mut queue, now + SECOND, "www", Kind::Replaced, 1);
        queue.changed(event("www", Kind::ChainChanged), now + SECOND * 2);
        assert_eq!((queue.start(now + SECOND * 9), queue.wakes()), (None, None));
        assert_eq!(queue.ended(Ended::Well, now + SECOND * 9), None);
        starts(&mut queue, now + SECOND * 9, "shop", Kind::Replaced, 1);
        queue.ended(Ended::Well, now + SECOND * 9);
        starts(&mut queue, now + SECOND * 9, "www", Kind::ChainChanged, 1);
    }

    #[test]
    fn a_run_that_fails_is_tried_again_with_growing_pauses() {
        let mut now = Instant::now();
        let mut queue = Queue::new(SECOND, false);
        queue.changed(event("www", Kind::Present), now);
        let mut pauses = Vec::new();
        for attempt in 1..=10 {
            starts(&mut queue, now, "www", Kind::Present, attempt);
            let pause = queue.ended(Ended::Badly, now).unwrap();
            pauses.push(pause.as_secs());
            assert_eq!(queue.start(now + pause - Duration::from_millis(1)), None);
            now += pause;
        }
        assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        // A change is not kept waiting so long, and is a first attempt.
        starts(&mut queue, now, "www", Kind::Present, 11);
        queue.ended(Ended::Badly, now);
        queue.changed(event("www", Kind::Replaced), now + SECOND);
        starts(&mut queue, now + SECOND * 2, "www", Kind::Replaced, 1);
        // What failed is made up for by the run for what came meanwhile.
        queue.changed(event("www", Kind::ChainChanged), now + SECOND * 3);
        assert_eq!(queue.ended(Ended::Badly, now + SECOND * 3), Some(SECOND));
        starts(&mut queue, now + SECOND * 4, "www", Kind::Replaced, 1);
    }

    #[test]
    fn nothing_is_run_for_what_is_gone_unless_that_is_asked_for() {
        let now = Instant::now();
        let mut queue = Queue::new(Duration::ZERO, false);
        queue.changed(event("www", Kind::Replaced), now);
        queue.changed(event("www", Kind::Removed), now);
        assert_eq!(queue.wakes(), None);
        queue.changed(event("www", Kind::Added), now);
        starts(&mut queue, now, "www", Kind::Added, 1);
        queue.changed(event("www", Kind::Removed), now);
        assert_eq!(queue.ended(Ended::Badly, now), None, "it is not tried again");
        assert_eq!(queue.wakes(), None);

        let mut queue = Queue::new(Duration::ZERO, true);
        queue.changed(event("www", Kind::Removed), now);
        starts(&mut queue, now, "www", Kind::Removed, 1);
        queue.ended(Ended::Well, now);
        queue.changed(event("www", Kind::Removed), now);
        queue.changed(event("www", Kind::Added), now);
        starts(&mut queue, now, "www", Kind::Replaced, 1);
        queue.ended(Ended::Badly, now);
        assert_eq!(queue.left().map(Alias::as_str).collect::<Vec<_>>(), ["www"]);
        for kind in [Kind::Unreadable, Kind::Readable] {
            let mut queue = Queue::new(Duration::ZERO, true);
            queue.changed(event("www", kind), now);
            assert_eq!(queue.wakes(), None, "{kind:?}");
        }
    }
}
