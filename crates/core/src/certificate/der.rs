//! DER (X.690, section 10), read to the last byte.
//!
//! What a verdict, a comparison or a display rests on is read with this: definite and minimal lengths, nothing that is
//! passed over, nothing left over. One value is read at a time, so that no depth of nesting costs anything.

use std::fmt;

use x509_parser::asn1_rs;

pub(super) use crate::encode::encode;

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// Why bytes are not what has to stand there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Fault(pub(super) &'static str);

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

const TRUNCATED: Fault = Fault("a value ends early");
const NOT_DER: Fault = Fault("a length is not in DER");
const UNEXPECTED: Fault = Fault("there is a value of another type than expected");
const LEFT_OVER: Fault = Fault("bytes are left over");
const EMPTY: Fault = Fault("a list that must not be empty is empty");

/// One value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
    /// With its header.
    pub(super) encoded: &'a [u8],
}

/// Reads values that stand one after the other.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// How many bytes are not read yet.
    pub(super) fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// The next value, whatever its type.
    pub(super) fn any(&mut self) -> Result<Value<'a>, Fault> {
        let (tag, after) = self.rest.split_first().ok_or(TRUNCATED)?;
        // Nothing in a certificate has a tag number above 30.
        if tag & 0x1f == 0x1f {
            return Err(UNEXPECTED);
        }
        let (length, after) = length(after)?;
        let (content, rest) = after.split_at_checked(length).ok_or(TRUNCATED)?;
        let encoded = self.rest.get(..self.rest.len() - rest.len()).ok_or(TRUNCATED)?;
        self.rest = rest;
        Ok(Value { tag: *tag, content, encoded })
    }

    /// The next value, which has to have this tag.
    pub(super) fn value(&mut self, tag: u8) -> Result<Value<'a>, Fault> {
        match self.rest.first() {
            Some(found) if *found == tag => self.any(),
            Some(_) => Err(UNEXPECTED),
            None => Err(TRUNCATED),
        }
    }

    /// The content of the next value, which has to have this tag.
    pub(super) fn content(&mut self, tag: u8) -> Result<&'a [u8], Fault> {
        self.value(tag).map(|value| value.content)
    }

    /// The next value if it has this tag.
    pub(super) fn optional(&mut self, tag: u8) -> Result<Option<Value<'a>>, Fault> {
        if self.rest.first() == Some(&tag) { self.any().map(Some) } else { Ok(None) }
    }

    pub(super) fn oid(&mut self) -> Result<Oid, Fault> {
        Oid::of_content(self.content(OBJECT_IDENTIFIER)?)
    }

    /// BOOLEAN DEFAULT FALSE. That FALSE must then be left out is not insisted on: many CAs write it.
    pub(super) fn flag(&mut self) -> Result<bool, Fault> {
        match self.optional(BOOLEAN)?.map(|value| value.content) {
            None | Some([0]) => Ok(false),
            Some([0xff]) => Ok(true),
            Some(_) => Err(Fault("a BOOLEAN is neither 00 nor ff")),
        }
    }

    /// Nothing may be left.
    pub(super) fn end(&self) -> Result<(), Fault> {
        if self.is_empty() { Ok(()) } else { Err(LEFT_OVER) }
    }

    /// All that is left, which must be one item at least.
    pub(super) fn items<T>(
        mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        if self.is_empty() {
            return Err(EMPTY);
        }
        let mut items = Vec::new();
        while !self.is_empty() {
            items.push(item(&mut self)?);
        }
        Ok(items)
    }
}

/// A definite length in the fewest bytes, and what follows it.
fn length(bytes: &[u8]) -> Result<(usize, &[u8]), Fault> {
    let (first, rest) = bytes.split_first().ok_or(TRUNCATED)?;
    if *first < 0x80 {
        return Ok((usize::from(*first), rest));
    }
    let count = usize::from(first & 0x7f);
    // 0 is the indefinite length of BER.
    if !(1..=4).contains(&count) {
        return Err(NOT_DER);
    }
    let (digits, rest) = rest.split_at_checked(count).ok_or(TRUNCATED)?;
    let length = digits.iter().fold(0_u64, |sum, digit| sum << 8 | u64::from(*digit));
    if digits.first() == Some(&0) || length < 0x80 {
        return Err(NOT_DER);
    }
    Ok((usize::try_from(length).map_err(|_| TRUNCATED)?, rest))
}

/// The content of the one value that `der` is.
pub(super) fn only(der: &[u8], tag: u8) -> Result<&[u8], Fault> {
    let mut reader = Reader::new(der);
    let content = reader.content(tag)?;
    reader.end()?;
    Ok(content)
}

/// Checks the content of an INTEGER: one byte at least, and no more than it needs.
pub(super) fn integer(content: &[u8]) -> Result<&[u8], Fault> {
    match content {
        [] => Err(Fault("an INTEGER is empty")),
        [0, next, ..] if *next < 0x80 => Err(Fault("an INTEGER is not in its shortest form")),
        [0xff, next, ..] if *next >= 0x80 => Err(Fault("an INTEGER is not in its shortest form")),
        _ => Ok(content),
    }
}

/// The content of an INTEGER that counts something.
pub(super) fn count(content: &[u8]) -> Result<u32, Fault> {
    let content = integer(content)?;
    if content.first().is_some_and(|first| *first >= 0x80) {
        return Err(Fault("a number is negative"));
    }
    let value = content.iter().try_fold(0_u32, |sum, byte| Some(sum.checked_mul(0x100)? | u32::from(*byte)));
    value.ok_or(Fault("a number is larger than any real certificate has"))
}

/// The bytes of a BIT STRING, and how many bits of the last are unused; those have to be 0.
pub(super) fn bit_string(content: &[u8]) -> Result<(u8, &[u8]), Fault> {
    let (unused, bits) = content.split_first().ok_or(Fault("a BIT STRING is empty"))?;
    let mask = match (unused, bits) {
        (0, _) => 0,
        (1..=7, [_, ..]) => (1_u8 << unused) - 1,
        _ => return Err(Fault("a BIT STRING has more unused bits than bits")),
    };
    if bits.last().is_some_and(|last| last & mask != 0) {
        return Err(Fault("unused bits of a BIT STRING are set"));
    }
    Ok((*unused, bits))
}

/// The bytes of a BIT STRING of whole bytes.
pub(super) fn whole_bytes(content: &[u8]) -> Result<&[u8], Fault> {
    match bit_string(content)? {
        (0, bytes) => Ok(bytes),
        _ => Err(Fault("a BIT STRING is not of whole bytes")),
    }
}

/// An object identifier by its content.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Oid(Vec<u8>);

impl Oid {
    pub(super) fn of_content(content: &[u8]) -> Result<Self, Fault> {
        const FAULT: Fault = Fault("an OBJECT IDENTIFIER is malformed");
        let mut starts = true;
        for byte in content {
            // An arc has no leading zeros.
            if starts && *byte == 0x80 {
                return Err(FAULT);
            }
            starts = *byte < 0x80;
        }
        if content.is_empty() || !starts { Err(FAULT) } else { Ok(Self(content.to_vec())) }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The most characters of an identifier that are shown.
const MAX_OID: usize = 128;

impl fmt::Display for Oid {
    /// Dotted.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dotted = asn1_rs::Oid::new((&self.0).into()).to_id_string();
        dotted.chars().take(MAX_OID).try_for_each(|c| fmt::Write::write_char(f, c))
    }
}

/// The content of an AlgorithmIdentifier, in which an algorithm stands and at the most one parameter.
pub(super) fn algorithm(content: &[u8]) -> Result<(Oid, Option<Value<'_>>), Fault> {
    let mut reader = Reader::new(content);
    let oid = reader.oid()?;
    let parameters = if reader.is_empty() { None } else { Some(reader.any()?) };
    reader.end()?;
    Ok((oid, parameters))
}

/// A subjectPublicKeyInfo: the content of its AlgorithmIdentifier as rustls-pki-types holds identifiers, and the key.
pub(super) fn public_key_info(spki: &[u8]) -> Result<(&[u8], &[u8]), Fault> {
    let mut reader = Reader::new(only(spki, SEQUENCE)?);
    let kind = reader.content(SEQUENCE)?;
    algorithm(kind)?;
    let key = whole_bytes(reader.content(BIT_STRING)?)?;
    reader.end()?;
    Ok((kind, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_definite_and_minimal() {
        for (der, expected) in [
            (&[0x04, 0x01, 0xaa][..], Ok(1)),
            (&[0x04, 0x81, 0x01, 0xaa], Err(NOT_DER)),
            (&[0x04, 0x82, 0x00, 0x01, 0xaa], Err(NOT_DER)),
            (&[0x04, 0x80, 0x00, 0x00], Err(NOT_DER)),
            (&[0x04, 0x85, 0, 0, 0, 0, 1, 0xaa], Err(NOT_DER)),
            (&[0x04, 0x84, 0xff, 0xff, 0xff, 0xff], Err(TRUNCATED)),
            (&[0x04, 0x02, 0xaa], Err(TRUNCATED)),
            (&[0x04], Err(TRUNCATED)),
            (&[0x1f, 0x01, 0x00], Err(UNEXPECTED)),
            (&[], Err(TRUNCATED)),
        ] {
            assert_eq!(Reader::new(der).any().map(|value| value.content.len()), expected, "{der:?}");
        }
        assert_eq!(only(&[0x04, 0x00, 0x00], OCTET_STRING), Err(LEFT_OVER));
    }

    #[test]
    fn what_is_written_reads_back() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000] {
            let der = encode(OCTET_STRING, &vec![7; length]);
            assert_eq!(only(&der, OCTET_STRING).map(<[u8]>::len), Ok(length));
        }
    }

    #[test]
    fn numbers_bits_and_identifiers_have_one_form_each() {
        assert_eq!(count(&[0]), Ok(0));
        assert_eq!(count(&[0, 0xff]), Ok(255));
        assert_eq!(count(&[0x7f, 0xff, 0xff, 0xff]), Ok(0x7fff_ffff));
        for bad in [&[][..], &[0, 0x7f], &[0xff, 0x80], &[0x80], &[1, 0, 0, 0, 0]] {
            assert!(count(bad).is_err(), "{bad:?}");
        }
        assert_eq!(bit_string(&[5, 0xa0]), Ok((5, &[0xa0][..])));
        for bad in [&[][..], &[1], &[8, 0], &[4, 0x08]] {
            assert!(bit_string(bad).is_err(), "{bad:?}");
        }
        assert_eq!(Oid::of_content(&[0x55, 0x1d, 0x0f]).unwrap().to_string(), "2.5.29.15");
        for bad in [&[][..], &[0x55, 0x80, 0x01], &[0x55, 0x9d], &[0x80]] {
            assert!(Oid::of_content(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn only_a_sequence_holds_the_algorithm_of_a_key() {
        let spki = [0x30, 0x0a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x01, 0x00];
        assert_eq!(public_key_info(&spki).map(|(kind, _)| kind), Ok(&spki[4..9]));
        for at in [0, 2] {
            // Application 16, context 16, a SET.
            for tag in [0x70, 0xb0, 0x31] {
                let mut other = spki;
                other[at] = tag;
                assert_eq!(public_key_info(&other), Err(UNEXPECTED), "{tag:#x} at {at}");
            }
        }
    }
}
