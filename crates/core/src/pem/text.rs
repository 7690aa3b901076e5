//! The text of a file, whatever its encoding and its line ends.

use zeroize::Zeroizing;

use super::error::PemError;

/// UTF-8's byte order mark. It stands also where files that have one were joined.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How far a marker is looked at in its line, in bytes.
const MAX_LOOK: usize = 256;

/// A file as text of one byte a character; what is not ASCII matters to nobody.
pub(crate) enum Text<'a> {
    /// ASCII, UTF-8 or another encoding that has ASCII in it.
    Plain(&'a [u8]),
    /// UTF-16.
    Utf16 {
        /// As it was found.
        raw: &'a [u8],
        /// Converted.
        text: Zeroizing<Vec<u8>>,
    },
}

impl<'a> Text<'a> {
    /// Recognises UTF-16 by its byte order mark, or by the zeros of its first characters.
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        let little = |pair: [u8; 2]| u16::from_le_bytes(pair);
        let big = |pair: [u8; 2]| u16::from_be_bytes(pair);
        match bytes {
            [0xff, 0xfe, ..] => Self::from_units(bytes, little),
            [0xfe, 0xff, ..] => Self::from_units(bytes, big),
            [a, 0, b, 0, ..] if is_text(*a) && is_text(*b) => Self::from_units(bytes, little),
            [0, a, 0, b, ..] if is_text(*a) && is_text(*b) => Self::from_units(bytes, big),
            _ => Self::Plain(bytes),
        }
    }

    fn from_units(raw: &'a [u8], unit: impl Fn([u8; 2]) -> u16) -> Self {
        // A unit becomes at most three bytes; no growth leaves a copy behind.
        let mut text = Zeroizing::new(Vec::with_capacity(raw.len().saturating_mul(2)));
        for pair in raw.chunks(2) {
            match <[u8; 2]>::try_from(pair).map(&unit) {
                Ok(0xfeff) => text.extend_from_slice(BYTE_ORDER_MARK),
                Ok(code) => text.push(u8::try_from(code).ok().filter(u8::is_ascii).unwrap_or(0xff)),
                // Half a unit at the end of the file.
                Err(_) => text.push(0xff),
            }
        }
        Self::Utf16 { raw, text }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Plain(bytes) => bytes,
            Self::Utf16 { text, .. } => text,
        }
    }

    /// What is worth a remark about the text as a whole.
    pub(super) fn oddities(&self) -> Vec<&'static str> {
        let bytes = self.bytes();
        let mut found = Vec::new();
        match self {
            Self::Utf16 { .. } => found.push("text in UTF-16"),
            Self::Plain(_) if count(bytes, BYTE_ORDER_MARK) > 0 => found.push("a byte order mark"),
            Self::Plain(_) => {}
        }
        if bytes.contains(&b'\r') && !bytes.contains(&b'\n') {
            found.push("lines that end in a carriage return alone");
        }
        if bytes.contains(&0) {
            found.push("zero bytes");
        }
        found
    }

    /// Refuses text of which a part is in another encoding: its blocks would not be seen.
    pub(super) fn check_encoding(&self) -> Result<(), PemError> {
        let (ascii, wide) = (&b"BEGIN"[..], &b"B\0E\0G\0I\0N"[..]);
        let mixed = match self {
            Self::Utf16 { raw, text } => count(raw, ascii) > 0 || count(raw, wide) != count(text, ascii),
            Self::Plain(bytes) => count(bytes, wide) > 0,
        };
        if mixed { Err(PemError::Encodings) } else { Ok(()) }
    }
}

fn is_text(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\r' | 0x20..=0x7e)
}

fn count(bytes: &[u8], needle: &[u8]) -> usize {
    bytes.windows(needle.len()).filter(|window| window.eq_ignore_ascii_case(needle)).count()
}

/// White space as it is found in such text: a byte order mark counts.
pub(super) fn trim_start(mut text: &[u8]) -> &[u8] {
    loop {
        text = match text {
            [b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c | 0, rest @ ..] => rest,
            [0xef, 0xbb, 0xbf, rest @ ..] => rest,
            _ => return text,
        };
    }
}

/// The lines of a text with line ends of any kind.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(length) = text.iter().position(|b| matches!(b, b'\r' | b'\n')) else {
            rest = None;
            return Some(text);
        };
        let (line, after) = text.split_at_checked(length)?;
        rest = match after {
            [b'\r', b'\n', after @ ..] | [_, after @ ..] => Some(after),
            [] => None,
        };
        Some(line)
    })
}

/// Text that is being read, with the number of its line.
pub(super) struct Lines<'t> {
    text: &'t [u8],
    at: usize,
    line: usize,
    /// Where the present line begins.
    start: usize,
}

/// A part of the text, and the line where it begins.
pub(super) struct Part<'t> {
    pub(super) text: &'t [u8],
    pub(super) line: usize,
}

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t [u8]) -> Self {
        Self { text, at: 0, line: 1, start: 0 }
    }

    pub(super) fn bytes(&self) -> &'t [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The number of the present line, from 1.
    pub(super) fn line(&self) -> usize {
        self.line
    }

    /// How far the next place is for which `is_it` holds.
    pub(super) fn find(&self, is_it: impl Fn(&[u8]) -> bool) -> Option<usize> {
        let rest = self.bytes();
        // Both markers begin with a hyphen.
        (0..rest.len()).filter(|n| rest.get(*n) == Some(&b'-')).find(|n| rest.get(*n..).is_some_and(&is_it))
    }

    /// What lies before the place `found`, or all that is left; the lines in it are counted.
    pub(super) fn take_to(&mut self, found: Option<usize>) -> Part<'t> {
        let rest = self.bytes();
        let (text, line) = (rest.get(..found.unwrap_or(rest.len())).unwrap_or_default(), self.line);
        self.line += lines(text).count().saturating_sub(1);
        if let Some(end) = text.iter().rposition(|b| matches!(b, b'\r' | b'\n')) {
            self.start = self.at + end + 1;
        }
        self.at += text.len();
        Part { text, line }
    }

    pub(super) fn skip(&mut self, length: usize) {
        self.at += length;
    }

    /// What follows in the line, up to a length that no marker has: a file may be one line.
    pub(super) fn rest_of_line(&self) -> &'t [u8] {
        let rest = self.bytes();
        lines(rest.get(..MAX_LOOK).unwrap_or(rest)).next().unwrap_or_default()
    }

    /// What stands before the present place in its line.
    fn before(&self) -> &'t [u8] {
        self.text.get(self.start..self.at).unwrap_or_default()
    }

    /// Whether the line begins with space, and nothing else stands before the present place.
    pub(super) fn is_indented(&self) -> bool {
        let before = self.before();
        let is_short = (1..=MAX_LOOK).contains(&before.len());
        is_short && before.iter().all(|byte| matches!(byte, b' ' | b'\t'))
    }

    /// Whether another marker stands before the present place in its line.
    pub(super) fn follows_marker(&self) -> bool {
        self.before().trim_ascii_end().ends_with(super::DASHES)
    }
}
