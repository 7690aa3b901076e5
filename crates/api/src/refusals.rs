//! What the store's log learns of refusals: one row for all of a minute.
//!
//! A stranger can cause any number of them. The access log of the host has a line for each; the store gets at most
//! `MOST_A_DAY` rows a day, however many there are.

use std::{net::IpAddr, time::Duration};

use strongroom::{UnixTime, keystore};

/// How long refusals are gathered for one row, for the first [`BY_MINUTE`] rows of a day.
const MINUTE: Duration = Duration::from_secs(60);
/// After so many rows in a day the rows become rarer.
const BY_MINUTE: u32 = 60;
/// How long refusals are gathered for one row from then on.
const QUARTER: Duration = Duration::from_secs(15 * 60);
const DAY: u64 = 24 * 60 * 60;

/// Refusals that no row tells of yet.
#[derive(Default)]
pub(crate) struct Refusals {
    gathered: Option<keystore::Refusals>,
    day: u64,
    rows: u32,
}

impl Refusals {
    /// The most rows of a day.
    #[cfg(test)]
    const MOST_A_DAY: u32 = BY_MINUTE + 24 * 4;

    /// Notes one. For the first of a row it gives the time after which that is to be written.
    pub(crate) fn note(&mut self, address: IpAddr, now: UnixTime) -> Option<Duration> {
        match &mut self.gathered {
            Some(gathered) => {
                gathered.add(address);
                None
            }
            None => {
                self.gathered = Some(keystore::Refusals::one(address));
                self.begin_day(now);
                Some(if self.rows < BY_MINUTE { MINUTE } else { QUARTER })
            }
        }
    }

    /// What is to be written now.
    pub(crate) fn take(&mut self, now: UnixTime) -> Option<keystore::Refusals> {
        self.begin_day(now);
        self.rows = self.rows.saturating_add(1);
        self.gathered.take()
    }

    fn begin_day(&mut self, now: UnixTime) {
        // A clock that is set back begins no day again.
        let day = now.as_secs() / DAY;
        if day > self.day {
            (self.day, self.rows) = (day, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_of_refusals_is_a_bounded_number_of_rows() {
        let (mut refusals, mut due, mut rows, mut count) = (Refusals::default(), None, Vec::new(), 0);
        let start = 1_000 * DAY;
        for second in 0..DAY {
            let now = UnixTime::since_unix_epoch(Duration::from_secs(start + second));
            let address = [192, 0, 2, u8::try_from(second % 250).unwrap()].into();
            if due.is_some_and(|due| due <= second) {
                due = None;
                rows.push(refusals.take(now).unwrap());
            }
            if let Some(after) = refusals.note(address, now) {
                due = Some(second + after.as_secs());
            }
            count += 1;
        }
        assert!(rows.len() <= usize::try_from(Refusals::MOST_A_DAY).unwrap(), "{}", rows.len());
        assert!(rows.len() > 100);
        assert_eq!(rows[0].count, 60);
        assert_eq!((rows[0].first, rows[0].last), ([192, 0, 2, 0].into(), [192, 0, 2, 59].into()));
        let rest = refusals.take(UnixTime::since_unix_epoch(Duration::from_secs(start + DAY))).unwrap();
        assert_eq!(rows.iter().map(|row| row.count).sum::<u64>() + rest.count, count);
        assert_eq!(refusals.rows, 1, "another day");
    }
}
