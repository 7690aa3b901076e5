//! The only place that reads the clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use strongroom::{UnixTime, remedy::Remedy};

use crate::failure::{Exit, Failure};

/// The time since 1970; `None` if the clock stands before.
#[expect(clippy::disallowed_methods, reason = "the command may read the clock")]
fn since_1970() -> Option<Duration> {
    SystemTime::now().duration_since(UNIX_EPOCH).ok()
}

/// The instant. A clock that stands before 1970 was refused by [`check`] when the command began; one that is set back to
/// such a time while a server runs reads 1970, at which no certificate is valid.
pub(crate) fn now() -> UnixTime {
    UnixTime::since_unix_epoch(since_1970().unwrap_or_default())
}

/// Refuses a clock at which nothing can be judged or dated.
pub(crate) fn check() -> Result<(), Failure> {
    if since_1970().is_some() {
        return Ok(());
    }
    let message = "the clock of this machine stands before 1970: nothing can be judged or dated";
    Err(Failure::new(Exit::Other, "clock_before_1970", "clock", message.to_owned())
        .with(Remedy::Advice("set the clock")))
}
