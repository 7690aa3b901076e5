//! Small text forms: hexadecimal, percent-encoding (RFC 3986), dates.

use std::fmt::Write as _;

use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

/// `Date.toString()` of Java, in UTC.
const JAVA_DATE: &[BorrowedFormatItem<'_>] =
    format_description!("[weekday repr:short] [month repr:short] [day] [hour]:[minute]:[second] UTC [year]");
const CALENDAR_DATE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

/// The bytes of hexadecimal digits; `None` for anything else.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}

/// Decodes `%XX`, and `+` as a space where `form` says that this is a form (HTML, section 4.10.22).
///
/// A `%` that begins no such triple stands for itself, as in browsers.
pub(crate) fn percent_decode(text: &[u8], form: bool) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        match (first, tail) {
            (b'%', [high, low, after @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    bytes.push(high << 4 | low);
                    rest = after;
                }
                _ => bytes.push(b'%'),
            },
            (b'+', _) if form => bytes.push(b' '),
            _ => bytes.push(first),
        }
    }
    bytes
}

fn digit(character: u8) -> Option<u8> {
    char::from(character).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Encodes one segment of a path; only unreserved characters stay (RFC 3986, section 2.3).
pub(crate) fn percent_encode(segment: &str) -> String {
    segment.bytes().fold(String::with_capacity(segment.len()), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

/// For example `Fri Dec 16 06:07:04 UTC 2022`.
pub(crate) fn java_date(seconds: i64) -> String {
    formatted(seconds, JAVA_DATE)
}

/// For example `2022-12-16`.
pub(crate) fn calendar_date(seconds: i64) -> String {
    formatted(seconds, CALENDAR_DATE)
}

fn formatted(seconds: i64, form: &[BorrowedFormatItem<'_>]) -> String {
    // X.509 ends with the year 9999, as the time crate does.
    OffsetDateTime::from_unix_timestamp(seconds)
        .ok()
        .and_then(|instant| instant.format(form).ok())
        .unwrap_or_else(|| seconds.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_java_in_utc() {
        assert_eq!(java_date(1_671_170_824), "Fri Dec 16 06:07:04 UTC 2022");
        assert_eq!(java_date(0), "Thu Jan 01 00:00:00 UTC 1970");
        assert_eq!(calendar_date(1_671_170_824), "2022-12-16");
        assert_eq!(java_date(i64::MAX), "9223372036854775807");
    }

    #[test]
    fn percent_decoding_keeps_what_is_no_triple() {
        assert_eq!(percent_decode(b"p%40ss+w%C3%B6rd", true), "p@ss wörd".as_bytes());
        assert_eq!(percent_decode(b"a+b", false), b"a+b");
        for odd in ["%", "%4", "%zz", "100%"] {
            assert_eq!(percent_decode(odd.as_bytes(), true), odd.as_bytes());
        }
    }

    #[test]
    fn encoded_segments_hold_unreserved_characters_alone() {
        assert_eq!(percent_encode("a\"><b/ö~"), "a%22%3E%3Cb%2F%C3%B6~");
        assert_eq!(unhex("00aB"), Some(vec![0, 0xab]));
        assert_eq!([unhex("0"), unhex("0g"), unhex("zz")], [None, None, None]);
    }
}
