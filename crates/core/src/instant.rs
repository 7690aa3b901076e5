//! Instants as numbers and as text.

use std::time::Duration;

use rustls_pki_types::UnixTime;

/// An instant in seconds since 1970, as the dates of certificates are: these may lie before 1970, where a [`UnixTime`] cannot.
/// Beyond 292 thousand million years it is the last.
#[must_use]
pub fn seconds(at: UnixTime) -> i64 {
    i64::try_from(at.as_secs()).unwrap_or(i64::MAX)
}

/// The instant of these seconds since 1970: 1970 where they are before it.
#[must_use]
pub fn at(seconds: i64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(seconds).unwrap_or_default()))
}

/// An instant in seconds since 1970 as RFC 3339 in UTC, for example `2026-11-23T12:00:00Z`.
#[must_use]
pub fn rfc3339(seconds: i64) -> String {
    time::OffsetDateTime::from_unix_timestamp(seconds)
        .ok()
        .and_then(|instant| instant.format(&time::format_description::well_known::Rfc3339).ok())
        .unwrap_or_else(|| "9999-12-31T23:59:59Z".to_owned())
}

/// The day of an instant in UTC, for example `2026-11-23`.
#[must_use]
pub fn day(seconds: i64) -> String {
    rfc3339(seconds).chars().take(10).collect()
}

/// Two instants as people tell them apart: by their days, and on the same day with the time.
#[must_use]
pub fn apart(one: i64, other: i64) -> (String, String) {
    if day(one) == day(other) { (rfc3339(one), rfc3339(other)) } else { (day(one), day(other)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_of_one_day_are_told_apart_by_the_time() {
        let told = |one: i64, other: i64| {
            let (one, other) = apart(one, other);
            format!("{one} {other}")
        };
        assert_eq!(told(0, 86_400), "1970-01-01 1970-01-02");
        assert_eq!(told(1, 86_399), "1970-01-01T00:00:01Z 1970-01-01T23:59:59Z");
    }

    #[test]
    fn instants_are_utc_text_that_sorts() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(1_795_435_200), "2026-11-23T12:00:00Z");
        assert!(rfc3339(-1) < rfc3339(0));
        assert_eq!(day(1_795_435_200), "2026-11-23");
    }
}
