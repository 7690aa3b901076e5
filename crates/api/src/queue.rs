//! Who may work, and who waits: in turn by address, so that one that asks a lot waits behind one that asks little.

use std::{
    collections::VecDeque,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::oneshot, time::timeout};

use crate::{client::Client, error::ApiError};

/// Places for work, and lines of those who wait for one.
pub(crate) struct Queue {
    lines: Mutex<Lines>,
    /// The most that wait; further ones are told to try again.
    most: usize,
    /// How long one waits.
    patience: Duration,
}

struct Lines {
    free: usize,
    waiting: usize,
    /// A line for each address; the first one has its turn next.
    turns: VecDeque<(IpAddr, VecDeque<oneshot::Sender<Pass>>)>,
}

/// The right to work. The next one has it when this goes.
pub(crate) struct Pass {
    queue: Arc<Queue>,
}

impl Drop for Pass {
    fn drop(&mut self) {
        Queue::free(&self.queue);
    }
}

impl Queue {
    pub(crate) fn new(places: usize, most: usize, patience: Duration) -> Arc<Self> {
        let lines = Lines { free: places, waiting: 0, turns: VecDeque::new() };
        Arc::new(Self { lines: Mutex::new(lines), most, patience })
    }

    /// Waits for a place, for the client of the request that is being answered.
    pub(crate) async fn enter(self: &Arc<Self>) -> Result<Pass, ApiError> {
        let Some(mut turn) = self.line_up(Client::current().address())? else {
            return Ok(Pass { queue: Arc::clone(self) });
        };
        let waited = timeout(self.patience, &mut turn).await;
        turn.close();
        match waited {
            Ok(Ok(pass)) => Ok(pass),
            // One that was given in the last moment goes to the next by itself.
            _ => Err(ApiError::busy()),
        }
    }

    /// Takes a place at once, or one in the line of the address.
    fn line_up(&self, address: IpAddr) -> Result<Option<oneshot::Receiver<Pass>>, ApiError> {
        let mut lines = self.lines();
        if lines.free > 0 {
            lines.free -= 1;
            return Ok(None);
        }
        if lines.waiting >= self.most {
            lines.drop_gone();
            if lines.waiting >= self.most {
                return Err(ApiError::busy());
            }
        }
        let (sender, receiver) = oneshot::channel();
        lines.waiting += 1;
        match lines.turns.iter_mut().find(|(of, _)| *of == address) {
            Some((_, line)) => line.push_back(sender),
            None => lines.turns.push_back((address, VecDeque::from([sender]))),
        }
        Ok(Some(receiver))
    }

    /// Gives a place to the next who still waits.
    fn free(queue: &Arc<Self>) {
        let mut lines = queue.lines();
        while let Some(next) = lines.next() {
            if next.is_closed() {
                continue;
            }
            drop(lines);
            // Comes back as a pass that is dropped, and so to the next, if nobody takes it.
            let _ = next.send(Pass { queue: Arc::clone(queue) });
            return;
        }
        lines.free += 1;
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        // Each change of them is whole.
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    /// The first of the line whose turn it is; then it is the turn of the next line.
    fn next(&mut self) -> Option<oneshot::Sender<Pass>> {
        let (address, mut line) = self.turns.pop_front()?;
        let first = line.pop_front();
        if !line.is_empty() {
            self.turns.push_back((address, line));
        }
        self.waiting = self.waiting.saturating_sub(usize::from(first.is_some()));
        first
    }

    /// Forgets those who do not wait any more.
    fn drop_gone(&mut self) {
        for (_, line) in &mut self.turns {
            line.retain(|sender| !sender.is_closed());
        }
        self.turns.retain(|(_, line)| !line.is_empty());
        self.waiting = self.turns.iter().map(|(_, line)| line.len()).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> Client {
        Client::new(IpAddr::from([127, 0, 0, last]))
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_asks_little_has_its_turn_before_one_that_asks_a_lot() {
        let queue = Queue::new(1, 100, Duration::from_secs(30));
        let first = address(9).scope(queue.enter()).await.unwrap();
        let done = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for last in [2, 2, 2, 2, 1, 3] {
            let (queue, done) = (Arc::clone(&queue), Arc::clone(&done));
            tasks.push(tokio::spawn(address(last).scope(async move {
                let _pass = queue.enter().await.unwrap();
                done.lock().unwrap().push(last);
            })));
            tokio::task::yield_now().await;
        }
        drop(first);
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*done.lock().unwrap(), [2, 1, 3, 2, 2, 2]);
        assert_eq!(queue.lines().free, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_too_long_or_is_too_much_is_told_to_try_again() {
        let queue = Queue::new(1, 1, Duration::from_secs(30));
        let pass = queue.enter().await.unwrap();
        let waiting = {
            let queue = Arc::clone(&queue);
            tokio::spawn(async move { queue.enter().await.map(|_| ()).unwrap_err().code })
        };
        tokio::task::yield_now().await;
        assert_eq!(queue.enter().await.err().unwrap().code, 503);
        assert_eq!(waiting.await.unwrap(), 503);
        drop(pass);
        // Who has gone takes no place.
        drop(queue.enter().await.unwrap());
        assert_eq!(queue.lines().free, 1);
    }
}
