//! Reads BER and DER (X.690), iteratively, with one depth counter through all layers.
//!
//! Takes bytes; gives elements that borrow from them. No length is believed before the bytes are there,
//! nothing is allocated from a declared length.

use std::{borrow::Cow, cell::Cell};

use super::error::Pkcs12Error;
use crate::limits::Limits;

pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const UTF8_STRING: u8 = 0x0c;
pub(super) const BMP_STRING: u8 = 0x1e;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
/// `[0]`, constructed.
pub(super) const CONTEXT_0: u8 = 0xa0;

/// The bit of a tag that says that values are inside.
pub(super) const CONSTRUCTED: u8 = 0x20;
/// A string in parts (X.690, section 8.7.3).
const CONSTRUCTED_OCTET_STRING: u8 = 0x24;

/// The deepest nesting of constructed strings; Botan allows 2, real files have 1.
const MAX_STRING_NESTING: usize = 4;
/// The most segments of one constructed string.
const MAX_SEGMENTS: usize = 65_536;

/// What the whole reading of one file shares.
pub(super) struct Walk<'l> {
    pub(super) limits: &'l Limits,
    ber: Cell<bool>,
}

impl<'l> Walk<'l> {
    pub(super) fn new(limits: &'l Limits) -> Self {
        Self { limits, ber: Cell::new(false) }
    }

    /// Whether anything was seen that DER does not allow.
    pub(super) fn saw_ber(&self) -> bool {
        self.ber.get()
    }

    /// A reader over a whole layer, whose values are nested `depth` deep already.
    pub(super) fn reader<'a>(&self, input: &'a [u8], depth: u16) -> Reader<'a, '_> {
        Reader { walk: self, input, at: 0, depth, outermost: false }
    }
}

/// One encoded value.
#[derive(Clone, Copy)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    /// The content octets, without the end-of-contents of the indefinite form.
    pub(super) content: &'a [u8],
    /// Header, content and end-of-contents.
    pub(super) raw: &'a [u8],
    pub(super) at: usize,
    pub(super) depth: u16,
    content_at: usize,
}

impl<'a> Element<'a> {
    fn malformed(&self, what: &'static str) -> Pkcs12Error {
        Pkcs12Error::Malformed { at: self.at, what }
    }

    /// Reads the values inside a constructed one.
    pub(super) fn children<'w>(&self, walk: &'w Walk<'_>) -> Reader<'a, 'w> {
        Reader { walk, input: self.content, at: self.content_at, depth: self.depth + 1, outermost: false }
    }

    /// The octets of an OCTET STRING, or of an implicitly tagged one; segments are joined.
    pub(super) fn octets(&self, walk: &Walk<'_>) -> Result<Cow<'a, [u8]>, Pkcs12Error> {
        if self.tag & CONSTRUCTED == 0 {
            return Ok(Cow::Borrowed(self.content));
        }
        walk.ber.set(true);
        let mut joined = Vec::with_capacity(self.content.len());
        let mut segments = 0_usize;
        let mut open = vec![self.children(walk)];
        while let Some(reader) = open.last_mut() {
            let Some(segment) = reader.next()? else {
                open.pop();
                continue;
            };
            segments += 1;
            if segments > MAX_SEGMENTS {
                return Err(Pkcs12Error::TooMany { what: "segments in a string", limit: MAX_SEGMENTS });
            }
            match segment.tag {
                OCTET_STRING => joined.extend_from_slice(segment.content),
                CONSTRUCTED_OCTET_STRING => {
                    if open.len() >= MAX_STRING_NESTING {
                        return Err(segment.malformed("a string nested too deep"));
                    }
                    open.push(segment.children(walk));
                }
                _ => return Err(segment.malformed("an OCTET STRING segment expected")),
            }
        }
        Ok(Cow::Owned(joined))
    }

    /// The value of an INTEGER that is not negative. Above 64 bits it is given as `u64::MAX`.
    ///
    /// Negative values are refused with `what`.
    pub(super) fn unsigned(&self, what: &'static str) -> Result<u64, Pkcs12Error> {
        let Some(first) = self.content.first() else {
            return Err(self.malformed("an INTEGER without a value"));
        };
        if first & 0x80 != 0 {
            return Err(Pkcs12Error::Parameter {
                what,
                found: "negative".to_owned(),
                allowed: "1 or more".to_owned(),
            });
        }
        let mut value = 0_u64;
        for byte in self.content {
            let Some(shifted) = value.checked_mul(256) else {
                return Ok(u64::MAX);
            };
            value = shifted + u64::from(*byte);
        }
        Ok(value)
    }
}

/// Reads the values of one layer in order.
pub(super) struct Reader<'a, 'w> {
    walk: &'w Walk<'w>,
    input: &'a [u8],
    /// The position of `input` in its layer.
    at: usize,
    depth: u16,
    outermost: bool,
}

impl<'a, 'w> Reader<'a, 'w> {
    /// A reader over the whole file; here a missing byte means that the file is cut off.
    pub(super) fn of_file(input: &'a [u8], walk: &'w Walk<'w>) -> Self {
        Reader { walk, input, at: 0, depth: 0, outermost: true }
    }

    /// What has not been read.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.input
    }

    pub(super) fn position(&self) -> usize {
        self.at
    }

    pub(super) fn malformed(&self, what: &'static str) -> Pkcs12Error {
        Pkcs12Error::Malformed { at: self.at, what }
    }

    /// The next value, if there is one.
    pub(super) fn next(&mut self) -> Result<Option<Element<'a>>, Pkcs12Error> {
        if self.input.is_empty() {
            return Ok(None);
        }
        if self.depth >= self.walk.limits.max_depth {
            return Err(Pkcs12Error::TooMany {
                what: "levels of nesting",
                limit: usize::from(self.walk.limits.max_depth),
            });
        }
        let header = Header::parse(self.input, self.at, self.walk).map_err(|e| self.as_truncation(e))?;
        let body = self.input.get(header.len..).unwrap_or_default();
        let (content, total) = match header.content {
            Length::Definite(length) => {
                let Some(content) = body.get(..length) else {
                    return Err(self.cut_off());
                };
                (content, header.len + length)
            }
            Length::Indefinite => {
                self.walk.ber.set(true);
                let length =
                    self.indefinite_len(body, self.at + header.len).map_err(|e| self.as_truncation(e))?;
                (body.get(..length).unwrap_or_default(), header.len + length + 2)
            }
        };
        let raw = self.input.get(..total).unwrap_or_default();
        let element = Element {
            tag: header.tag,
            content,
            raw,
            at: self.at,
            depth: self.depth,
            content_at: self.at + header.len,
        };
        self.input = self.input.get(total..).unwrap_or_default();
        self.at += total;
        Ok(Some(element))
    }

    /// The next value, which must have `tag`; the constructed form of a string counts as well.
    pub(super) fn expect(&mut self, tag: u8, what: &'static str) -> Result<Element<'a>, Pkcs12Error> {
        let at = self.at;
        match self.next()? {
            Some(e) if e.tag == tag || (tag == OCTET_STRING && e.tag == CONSTRUCTED_OCTET_STRING) => Ok(e),
            _ => Err(Pkcs12Error::Malformed { at, what }),
        }
    }

    /// The next value if it has `tag`; otherwise nothing is read.
    pub(super) fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>, Pkcs12Error> {
        match self.input.first() {
            Some(found) if *found == tag => self.next(),
            _ => Ok(None),
        }
    }

    /// Refuses further values.
    pub(super) fn finish(&self, what: &'static str) -> Result<(), Pkcs12Error> {
        if self.input.is_empty() { Ok(()) } else { Err(self.malformed(what)) }
    }

    fn cut_off(&self) -> Pkcs12Error {
        if self.outermost {
            Pkcs12Error::Truncated { at: self.at + self.input.len() }
        } else {
            self.malformed("a value is longer than what holds it")
        }
    }

    fn as_truncation(&self, error: HeaderError) -> Pkcs12Error {
        match error {
            HeaderError::CutOff => self.cut_off(),
            HeaderError::Other(error) => error,
        }
    }

    /// The length of the content at `at` up to the end-of-contents that closes it.
    fn indefinite_len(&self, body: &[u8], at: usize) -> Result<usize, HeaderError> {
        let mut open = 1_u16;
        let mut rest = body;
        loop {
            let position = body.len() - rest.len();
            if let Some(after) = rest.strip_prefix(&[0, 0]) {
                open -= 1;
                if open == 0 {
                    return Ok(position);
                }
                rest = after;
                continue;
            }
            let header = Header::parse(rest, at + position, self.walk)?;
            rest = rest.get(header.len..).unwrap_or_default();
            match header.content {
                Length::Definite(length) => rest = rest.get(length..).ok_or(HeaderError::CutOff)?,
                Length::Indefinite => {
                    open += 1;
                    if self.depth.saturating_add(open) > self.walk.limits.max_depth {
                        return Err(HeaderError::Other(Pkcs12Error::TooMany {
                            what: "levels of nesting",
                            limit: usize::from(self.walk.limits.max_depth),
                        }));
                    }
                }
            }
        }
    }
}

enum Length {
    Definite(usize),
    Indefinite,
}

enum HeaderError {
    CutOff,
    Other(Pkcs12Error),
}

struct Header {
    tag: u8,
    len: usize,
    content: Length,
}

impl Header {
    fn parse(input: &[u8], at: usize, walk: &Walk<'_>) -> Result<Self, HeaderError> {
        let malformed = |what| HeaderError::Other(Pkcs12Error::Malformed { at, what });
        let (Some(&tag), Some(&first)) = (input.first(), input.get(1)) else {
            return Err(HeaderError::CutOff);
        };
        if tag & 0x1f == 0x1f {
            return Err(malformed("a tag number above 30"));
        }
        if tag == 0 {
            return Err(malformed("an end-of-contents outside an indefinite length"));
        }
        let count = match first {
            0..0x80 => return Ok(Self { tag, len: 2, content: Length::Definite(usize::from(first)) }),
            0x80 if tag & CONSTRUCTED == 0 => {
                return Err(malformed("an indefinite length on a primitive value"));
            }
            0x80 => return Ok(Self { tag, len: 2, content: Length::Indefinite }),
            _ => usize::from(first & 0x7f),
        };
        if count > 8 {
            return Err(malformed("a length of more than 8 bytes"));
        }
        let Some(digits) = input.get(2..2 + count) else {
            return Err(HeaderError::CutOff);
        };
        let length = digits.iter().fold(0_u64, |length, digit| (length << 8) + u64::from(*digit));
        if digits.first() == Some(&0) || length < 0x80 {
            walk.ber.set(true);
        }
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        Ok(Self { tag, len: 2 + count, content: Length::Definite(length) })
    }
}

#[cfg(test)]
mod tests;
