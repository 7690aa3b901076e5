//! Names for people: alternative names and display strings, with nothing in them that could act on a terminal.

use std::{borrow::Cow, fmt::Write as _};

/// Bytes in hexadecimal, as many as fit into `limit` bytes of text; a cut is marked.
pub(super) fn push_hex(text: &mut String, bytes: &[u8], limit: usize) {
    let fits = limit.saturating_sub(text.len()) / 2;
    for byte in bytes.iter().take(fits) {
        let _ = write!(text, "{byte:02x}");
    }
    if bytes.len() > fits {
        text.push('…');
    }
}

/// Control characters, those that turn the direction of text around, and those that nobody sees: tags among them, in
/// which a whole text can stand.
pub(super) fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{2064}'
                | '\u{2066}'..='\u{2069}'
                | '\u{feff}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// A display string from a file (a friendlyName, say) with unprintable characters escaped.
#[must_use]
pub fn printable(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for c in value.chars() {
        if is_unprintable(c) {
            let _ = write!(text, "\\u{{{:x}}}", u32::from(c));
        } else {
            text.push(c);
        }
    }
    text
}

/// A host of a certificate where several stand in a row: in quotes if it would not be seen where it begins and ends.
#[must_use]
pub fn shown_host(name: &str) -> Cow<'_, str> {
    if name.is_empty() || name.contains([' ', ',', '"']) {
        Cow::Owned(format!("\"{name}\""))
    } else {
        Cow::Borrowed(name)
    }
}

/// One entry of a subjectAltName (RFC 5280, section 4.2.1.6).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum AlternativeName {
    /// dNSName, as written.
    Dns(String),
    /// iPAddress in its usual text form.
    Ip(String),
    /// rfc822Name.
    Email(String),
    /// uniformResourceIdentifier.
    Uri(String),
    /// Another kind, described.
    Other(String),
}

impl AlternativeName {
    /// The DNS name or IP address, for those that a TLS client checks.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        match self {
            Self::Dns(text) | Self::Ip(text) => Some(text),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_looks_like_several_or_none_stands_in_quotes() {
        let shown = ["a.test, b.test", "", "a b", "a.test", "*.a.test", "2001:db8::1"].map(shown_host);
        assert_eq!(shown, ["\"a.test, b.test\"", "\"\"", "\"a b\"", "a.test", "*.a.test", "2001:db8::1"]);
    }

    #[test]
    fn unprintable_characters_are_escaped() {
        assert_eq!(printable("a\u{e0041}b\u{2060}c"), "a\\u{e0041}b\\u{2060}c");
        assert_eq!(printable("a\u{202e}b\nc\u{1b}[31m"), "a\\u{202e}b\\u{a}c\\u{1b}[31m");
    }
}
