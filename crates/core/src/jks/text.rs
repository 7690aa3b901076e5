//! Java's modified UTF-8: U+0000 as two bytes, and characters beyond the BMP as two surrogates of three bytes each.

/// Decodes it; `None` for what Java would not have written. A surrogate that stands alone becomes U+FFFD.
pub(super) fn decode(bytes: &[u8]) -> Option<String> {
    let mut units = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    loop {
        let (unit, after) = match rest {
            [] => break,
            [a @ 0x01..=0x7f, after @ ..] => (u16::from(*a), after),
            [a @ 0xc0..=0xdf, b @ 0x80..=0xbf, after @ ..] => {
                (u16::from(a & 0x1f) << 6 | u16::from(b & 0x3f), after)
            }
            [a @ 0xe0..=0xef, b @ 0x80..=0xbf, c @ 0x80..=0xbf, after @ ..] => {
                (u16::from(a & 0x0f) << 12 | u16::from(b & 0x3f) << 6 | u16::from(c & 0x3f), after)
            }
            _ => return None,
        };
        units.push(unit);
        rest = after;
    }
    Some(char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_java_writes_is_read_and_nothing_else() {
        for (bytes, expected) in [
            (&b"www"[..], Some("www")),
            (b"", Some("")),
            (b"a\xc0\x80b", Some("a\0b")),
            (b"\xc3\xa4\xe2\x82\xac", Some("ä€")),
            (b"\xed\xa0\xbd\xed\xb4\x91", Some("🔑")),
            (b"\xed\xa0\xbd", Some("\u{fffd}")),
            // UTF-8 as everybody else writes it.
            (b"\xf0\x9f\x94\x91", None),
            (b"\0", None),
            (b"\xc3", None),
            (b"\xe2\x82", None),
            (b"\x80", None),
        ] {
            assert_eq!(decode(bytes).as_deref(), expected, "{bytes:?}");
        }
    }
}
