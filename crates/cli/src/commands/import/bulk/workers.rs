//! Work on all cores, and a line on the terminal that says how far it is.

use std::{
    io::{self, IsTerminal as _, Write as _},
    thread,
    time::{Duration, Instant},
};

use crate::{
    commands::parallel::{TICK, at_once},
    source::environment,
};

/// The work that is over sooner shows no progress.
const QUIET: Duration = Duration::from_secs(1);

/// Does `work` for each number below `count`, on every core; the results are in their order.
pub(super) fn on_all_cores<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let mut progress = Progress::new(count);
    let results = at_once(threads, count, work, |done| progress.show(done));
    progress.clear();
    results
}

/// How many of the files are open, on one line that is written over and over.
struct Progress {
    total: usize,
    begun: Instant,
    shown: Option<Instant>,
    terminal: bool,
}

/// Whether a line on standard error can be written over.
fn is_terminal() -> bool {
    io::stderr().is_terminal() && environment("TERM").is_some_and(|term| term != "dumb")
}

/// As many are stored in less than a second.
const STORED_QUIETLY: usize = 1_000;

/// The line that says that what was opened is being stored; it goes with this value.
pub(super) struct Storing {
    shown: bool,
}

impl Storing {
    pub(super) fn show(count: usize) -> Self {
        let shown = count > STORED_QUIETLY && is_terminal();
        if shown {
            let _ = write!(io::stderr().lock(), "\rstoring {count} entries\u{1b}[K");
        }
        Self { shown }
    }
}

impl Drop for Storing {
    fn drop(&mut self) {
        if self.shown {
            let _ = write!(io::stderr().lock(), "\r\u{1b}[K");
        }
    }
}

impl Progress {
    fn new(total: usize) -> Self {
        Self { total, begun: Instant::now(), shown: None, terminal: is_terminal() }
    }

    fn show(&mut self, done: usize) {
        let now = Instant::now();
        let since = self.shown.unwrap_or(self.begun);
        let pause = if self.shown.is_some() { TICK } else { QUIET };
        if !self.terminal || now.duration_since(since) < pause {
            return;
        }
        self.shown = Some(now);
        let line = line(done, self.total, now.duration_since(self.begun));
        let _ = write!(io::stderr().lock(), "\r{line}\u{1b}[K");
    }

    fn clear(&self) {
        if self.shown.is_some() {
            let _ = write!(io::stderr().lock(), "\r\u{1b}[K");
        }
    }
}

/// Columns of the bar.
const BAR: usize = 24;

fn line(done: usize, total: usize, spent: Duration) -> String {
    let filled = done.saturating_mul(BAR).checked_div(total).unwrap_or(BAR);
    let bar = format!("{}{}", "#".repeat(filled), ".".repeat(BAR.saturating_sub(filled)));
    let rest = u32::try_from(total.saturating_sub(done)).unwrap_or(u32::MAX);
    let left = spent.saturating_mul(rest).checked_div(u32::try_from(done).unwrap_or(u32::MAX));
    let left = left.map(|left| format!(", about {} s left", left.as_secs().saturating_add(1)));
    format!("opened [{bar}] {done} of {total}{}", left.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_what_is_done_and_what_is_left() {
        let of = |done, seconds| line(done, 200, Duration::from_secs(seconds));
        assert_eq!(of(0, 2), "opened [........................] 0 of 200");
        assert_eq!(of(50, 2), "opened [######..................] 50 of 200, about 7 s left");
        assert_eq!(of(200, 8), "opened [########################] 200 of 200, about 1 s left");
    }
}
