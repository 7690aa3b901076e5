//! How far a connection is, and how long it may stay there.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// What is being waited for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Phase {
    /// The end of the TLS handshake.
    Handshake,
    /// The first byte of the first request.
    FirstByte,
    /// The rest of the head of a request.
    Head,
    /// The rest of its body.
    Body,
    /// The answer, from the API.
    Working,
    /// That the answer is taken.
    Answer,
    /// The next request.
    Idle,
}

impl Phase {
    /// How long it may last. What the API does has limits of its own.
    fn limit(self) -> Option<Duration> {
        match self {
            Self::Handshake | Self::FirstByte | Self::Head => Some(Duration::from_secs(10)),
            Self::Idle => Some(Duration::from_secs(25)),
            // The API gives up a few seconds before, and answers.
            Self::Body => Some(Duration::from_secs(30)),
            Self::Working | Self::Answer => None,
        }
    }
}

/// How long a client may leave answers unread.
const UNREAD: Duration = Duration::from_secs(20);
/// How fast it has to read after that, in bytes a second.
const READING: u64 = 4_096;

/// How far a connection is.
pub(super) struct Progress {
    state: Mutex<State>,
    /// Whether somebody is signed in on it.
    pub(super) signed_in: Arc<AtomicBool>,
}

struct State {
    phase: Phase,
    since: Instant,
    /// Since when there is something that the client does not take, and how much it took since.
    unread: Option<(Instant, u64)>,
}

impl Progress {
    pub(super) fn new() -> Self {
        let state = State { phase: Phase::Handshake, since: Instant::now(), unread: None };
        Self { state: Mutex::new(state), signed_in: Arc::default() }
    }

    pub(super) fn enter(&self, phase: Phase) {
        let mut state = self.state();
        (state.phase, state.since) = (phase, Instant::now());
    }

    /// Goes on to `next` from `phase`, and from no other.
    pub(super) fn leave(&self, phase: Phase, next: Phase) {
        let mut state = self.state();
        if state.phase == phase {
            (state.phase, state.since) = (next, Instant::now());
        }
    }

    /// Something came.
    pub(super) fn received(&self) {
        let mut state = self.state();
        if matches!(state.phase, Phase::FirstByte | Phase::Idle) {
            (state.phase, state.since) = (Phase::Head, Instant::now());
        }
    }

    /// The client took so much, or took nothing.
    pub(super) fn sent(&self, bytes: Option<usize>) {
        let mut state = self.state();
        match (bytes, &mut state.unread) {
            (Some(bytes), Some((_, taken))) => {
                *taken = taken.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
            }
            (None, none @ None) => *none = Some((Instant::now(), 0)),
            _ => {}
        }
    }

    /// The client took all that there was.
    pub(super) fn all_sent(&self) {
        self.state().unread = None;
    }

    /// Whether it is over its time.
    pub(super) fn is_late(&self, now: Instant) -> bool {
        let state = self.state();
        let phase = state.phase.limit().is_some_and(|limit| now.duration_since(state.since) > limit);
        let unread = state.unread.is_some_and(|(since, taken)| {
            let elapsed = now.duration_since(since);
            elapsed > UNREAD && taken < elapsed.as_secs().saturating_mul(READING)
        });
        phase || unread
    }

    /// Whether it may go for another: nobody who is signed in waits for an answer on it.
    pub(super) fn may_be_ended(&self) -> bool {
        let busy = matches!(self.state().phase, Phase::Body | Phase::Working | Phase::Answer);
        !(busy && self.signed_in.load(Ordering::Relaxed))
    }

    /// Whether a request is being answered.
    pub(super) fn is_at_work(&self) -> bool {
        matches!(self.state().phase, Phase::Working | Phase::Answer)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change of it is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn is_late_after(progress: &Progress, seconds: u64) {
        let now = Instant::now();
        assert!(!progress.is_late(now + Duration::from_secs(seconds - 1)));
        assert!(progress.is_late(now + Duration::from_secs(seconds + 1)));
    }

    #[test]
    fn each_silence_ends_within_thirty_seconds() {
        let progress = Progress::new();
        is_late_after(&progress, 10);
        progress.enter(Phase::FirstByte);
        is_late_after(&progress, 10);
        progress.received();
        is_late_after(&progress, 10);
        progress.enter(Phase::Body);
        is_late_after(&progress, 30);
        progress.leave(Phase::Body, Phase::Working);
        progress.leave(Phase::Body, Phase::Idle);
        assert!(!progress.is_late(Instant::now() + Duration::from_secs(3_600)), "it works");
        progress.enter(Phase::Answer);
        progress.sent(None);
        is_late_after(&progress, 20);
        progress.all_sent();
        progress.enter(Phase::Idle);
        is_late_after(&progress, 25);
    }

    #[test]
    fn drops_do_not_prolong_an_answer_and_a_slow_line_may_read_it() {
        let progress = Progress::new();
        progress.enter(Phase::Answer);
        progress.sent(None);
        progress.sent(Some(4_096));
        assert!(progress.is_late(Instant::now() + Duration::from_secs(21)));
        progress.sent(Some(100_000));
        assert!(!progress.is_late(Instant::now() + Duration::from_secs(21)));
        assert!(progress.is_late(Instant::now() + Duration::from_secs(40)));
    }

    #[test]
    fn drops_do_not_prolong_a_head() {
        let progress = Progress::new();
        progress.enter(Phase::Idle);
        progress.received();
        let begun = Instant::now();
        std::thread::sleep(Duration::from_millis(20));
        progress.received();
        assert!(progress.is_late(begun + Duration::from_millis(10_010)));
    }
}
