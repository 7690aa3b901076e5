//! What is kept in memory up to a number of bytes: who was not asked for goes first.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Something that can be dropped from memory and made again.
pub(crate) trait Evict {
    /// Drops it, unless it was used since it was asked last; says whether it was dropped.
    fn evict(&self) -> bool;
}

/// A bound on the bytes of what is kept: a queue with a second chance. It is locked when something is made, never when it
/// is used.
pub(crate) struct Cache<T> {
    limit: usize,
    held: AtomicUsize,
    queue: Mutex<VecDeque<(Weak<T>, usize)>>,
    /// How many were dropped elsewhere since it was looked for them last, about.
    gone: AtomicUsize,
}

/// Dropped ones of so many are looked for: to look at each that is kept takes longer than a reload.
const GONE: usize = 8;

impl<T: Evict> Cache<T> {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            held: AtomicUsize::new(0),
            queue: Mutex::new(VecDeque::new()),
            gone: AtomicUsize::new(0),
        }
    }

    /// Bytes that are held.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Something of `bytes` was made. What is over the limit goes, and it is the last to go.
    pub(crate) fn made(&self, what: &Arc<T>, bytes: usize) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.push_back((Arc::downgrade(what), bytes));
        let mut held = self.held.load(Ordering::Relaxed).saturating_add(bytes);
        // Each gets a second chance once.
        let mut looks = queue.len().saturating_mul(2);
        while held > self.limit && looks > 0 && queue.len() > 1 {
            looks -= 1;
            let Some((oldest, bytes)) = queue.pop_front() else {
                break;
            };
            match oldest.upgrade() {
                Some(kept) if !kept.evict() => queue.push_back((oldest, bytes)),
                _ => held = held.saturating_sub(bytes),
            }
        }
        self.held.store(held, Ordering::Relaxed);
    }

    /// Notes that `count` entries were dropped elsewhere. Once an eighth of all is gone, those are taken off the queue.
    pub(crate) fn some_went(&self, count: usize) {
        let gone = self.gone.fetch_add(count, Ordering::Relaxed).saturating_add(count);
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if gone == 0 || gone < queue.len() / GONE {
            return;
        }
        self.gone.store(0, Ordering::Relaxed);
        let mut held = 0_usize;
        queue.retain(|(what, bytes)| {
            let there = what.strong_count() > 0;
            held = held.saturating_add(if there { *bytes } else { 0 });
            there
        });
        self.held.store(held, Ordering::Relaxed);
    }
}

impl<T: Evict> std::fmt::Debug for Cache<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cache({} of {} bytes)", self.held(), self.limit)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    #[derive(Default)]
    struct Thing {
        used: AtomicBool,
        gone: AtomicBool,
    }

    impl Evict for Thing {
        fn evict(&self) -> bool {
            let gone = !self.used.swap(false, Ordering::Relaxed);
            self.gone.fetch_or(gone, Ordering::Relaxed);
            gone
        }
    }

    #[test]
    fn what_was_not_used_goes_first_and_the_limit_holds() {
        let cache = Cache::new(300);
        let things: Vec<Arc<Thing>> = (0..3).map(|_| Arc::default()).collect();
        things.iter().for_each(|thing| cache.made(thing, 100));
        things[0].used.store(true, Ordering::Relaxed);
        let fourth = Arc::new(Thing::default());
        cache.made(&fourth, 100);
        let gone: Vec<bool> = things.iter().map(|thing| thing.gone.load(Ordering::Relaxed)).collect();
        assert_eq!(gone, [false, true, false]);
        assert_eq!(cache.held(), 300);
        // One that is larger than the limit stays alone.
        let large = Arc::new(Thing::default());
        cache.made(&large, 1_000);
        assert!(!large.gone.load(Ordering::Relaxed));
        assert_eq!(cache.held(), 1_000);
    }

    #[test]
    fn what_was_dropped_elsewhere_counts_no_more() {
        let cache = Cache::new(1_000);
        let (kept, dropped) = (Arc::new(Thing::default()), Arc::new(Thing::default()));
        cache.made(&kept, 10);
        cache.made(&dropped, 20);
        drop(dropped);
        cache.some_went(1);
        assert_eq!(cache.held(), 10);
        // Of many, not each time.
        let many: Vec<Arc<Thing>> = (0..80).map(|_| Arc::default()).collect();
        many.iter().for_each(|thing| cache.made(thing, 10));
        let rest = many.into_iter().skip(11).collect::<Vec<_>>();
        cache.some_went(9);
        assert_eq!(cache.held(), 810);
        cache.some_went(2);
        assert_eq!(cache.held(), 10 * (rest.len() + 1));
    }
}
