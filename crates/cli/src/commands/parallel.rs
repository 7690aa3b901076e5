//! Work on several threads.

use std::{
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc::{RecvTimeoutError, channel},
    },
    thread,
    time::Duration,
};

/// Between two looks at how far it is.
pub(in crate::commands) const TICK: Duration = Duration::from_millis(100);

/// Does `work` for each number below `count`, on at most `threads` threads. The results come in the order of the numbers.
/// `tick` is called now and then with the number that are done.
pub(in crate::commands) fn at_once<T: Send>(
    threads: usize,
    count: usize,
    work: impl Fn(usize) -> T + Sync,
    mut tick: impl FnMut(usize),
) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let mut results: Vec<(usize, T)> = Vec::with_capacity(count);
    thread::scope(|scope| {
        let (sender, receiver) = channel();
        for _ in 0..threads.min(count) {
            let (sender, next, work) = (sender.clone(), &next, &work);
            scope.spawn(move || {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count || sender.send((index, work(index))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        loop {
            match receiver.recv_timeout(TICK) {
                Ok(result) => results.push(result),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            tick(results.len());
        }
    });
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn results_keep_their_order_and_so_many_run_at_once() {
        let together = Barrier::new(4);
        let squares = at_once(
            4,
            1000,
            |number| {
                if number < 4 {
                    // Goes on only if four are here.
                    together.wait();
                }
                if number % 7 == 0 {
                    thread::yield_now();
                }
                number * number
            },
            |_| {},
        );
        assert_eq!(squares, (0..1000).map(|number| number * number).collect::<Vec<_>>());
        assert_eq!(at_once(4, 0, |number| number, |_| {}), Vec::<usize>::new());
    }
}
