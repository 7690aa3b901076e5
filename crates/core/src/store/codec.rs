//! The one encoding of a record: a format byte, then fields in a fixed order. The decoder takes no other form, so that two
//! contents never have one encoding, and one content never has two.

use super::StoreError;

const FORMAT: u8 = 1;
const NULL: u8 = 0;
const INTEGER: u8 = 1;
const TEXT: u8 = 2;
const BYTES: u8 = 3;
const LIST: u8 = 4;

pub(super) const MALFORMED: StoreError =
    StoreError::Corrupt { detail: "a record is not in its canonical form" };

/// Writes a record.
pub(super) struct Encoder(Vec<u8>);

impl Encoder {
    pub(super) fn new() -> Self {
        Self(vec![FORMAT])
    }

    pub(super) fn integer(&mut self, value: i64) -> &mut Self {
        self.0.push(INTEGER);
        self.0.extend(value.to_be_bytes());
        self
    }

    pub(super) fn optional_integer(&mut self, value: Option<i64>) -> &mut Self {
        match value {
            Some(value) => self.integer(value),
            None => self.null(),
        }
    }

    pub(super) fn text(&mut self, value: &str) -> &mut Self {
        self.sized(TEXT, value.as_bytes())
    }

    pub(super) fn optional_text(&mut self, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.text(value),
            None => self.null(),
        }
    }

    pub(super) fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.sized(BYTES, value)
    }

    pub(super) fn optional_bytes(&mut self, value: Option<&[u8]>) -> &mut Self {
        match value {
            Some(value) => self.bytes(value),
            None => self.null(),
        }
    }

    pub(super) fn list(&mut self, count: usize) -> &mut Self {
        self.0.push(LIST);
        self.0.extend(u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes());
        self
    }

    fn null(&mut self) -> &mut Self {
        self.0.push(NULL);
        self
    }

    fn sized(&mut self, kind: u8, value: &[u8]) -> &mut Self {
        self.0.push(kind);
        self.0.extend(u32::try_from(value.len()).unwrap_or(u32::MAX).to_be_bytes());
        self.0.extend_from_slice(value);
        self
    }

    pub(super) fn done(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }
}

/// Reads a record.
pub(super) struct Decoder<'b>(&'b [u8]);

impl<'b> Decoder<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Result<Self, StoreError> {
        match bytes {
            [FORMAT, rest @ ..] => Ok(Self(rest)),
            _ => Err(MALFORMED),
        }
    }

    fn take(&mut self, length: usize) -> Result<&'b [u8], StoreError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(MALFORMED)?;
        self.0 = rest;
        Ok(taken)
    }

    fn expect(&mut self, kind: u8) -> Result<(), StoreError> {
        if self.take(1)? == [kind] { Ok(()) } else { Err(MALFORMED) }
    }

    fn length(&mut self) -> Result<usize, StoreError> {
        let bytes: [u8; 4] = self.take(4)?.try_into().map_err(|_| MALFORMED)?;
        usize::try_from(u32::from_be_bytes(bytes)).map_err(|_| MALFORMED)
    }

    fn is_null(&mut self) -> bool {
        match self.0 {
            [NULL, rest @ ..] => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    pub(super) fn integer(&mut self) -> Result<i64, StoreError> {
        self.expect(INTEGER)?;
        Ok(i64::from_be_bytes(self.take(8)?.try_into().map_err(|_| MALFORMED)?))
    }

    pub(super) fn optional_integer(&mut self) -> Result<Option<i64>, StoreError> {
        if self.is_null() { Ok(None) } else { self.integer().map(Some) }
    }

    /// A number of 32 bits without a sign.
    pub(super) fn number(&mut self) -> Result<u32, StoreError> {
        u32::try_from(self.integer()?).map_err(|_| MALFORMED)
    }

    pub(super) fn text(&mut self) -> Result<&'b str, StoreError> {
        self.expect(TEXT)?;
        let length = self.length()?;
        std::str::from_utf8(self.take(length)?).map_err(|_| MALFORMED)
    }

    pub(super) fn optional_text(&mut self) -> Result<Option<&'b str>, StoreError> {
        if self.is_null() { Ok(None) } else { self.text().map(Some) }
    }

    pub(super) fn bytes(&mut self) -> Result<&'b [u8], StoreError> {
        self.expect(BYTES)?;
        let length = self.length()?;
        self.take(length)
    }

    pub(super) fn fixed<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        self.bytes()?.try_into().map_err(|_| MALFORMED)
    }

    pub(super) fn optional_fixed<const N: usize>(&mut self) -> Result<Option<[u8; N]>, StoreError> {
        if self.is_null() { Ok(None) } else { self.fixed().map(Some) }
    }

    /// How many items follow: no more than there are bytes left.
    pub(super) fn list(&mut self) -> Result<usize, StoreError> {
        self.expect(LIST)?;
        let count = self.length()?;
        if count <= self.0.len() { Ok(count) } else { Err(MALFORMED) }
    }

    /// Whether nothing follows.
    pub(super) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn end(self) -> Result<(), StoreError> {
        if self.0.is_empty() { Ok(()) } else { Err(MALFORMED) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_encoded_is_decoded_and_nothing_else_is() {
        let mut encoder = Encoder::new();
        encoder.integer(-5).text("a").optional_text(None).bytes(b"xyz").optional_bytes(Some(&[7; 4])).list(2);
        let bytes = encoder.integer(1).integer(2).done();
        let decode = |bytes: &[u8]| -> Result<(), StoreError> {
            let mut decoder = Decoder::new(bytes)?;
            let read = (decoder.integer()?, decoder.text()?.to_owned(), decoder.optional_text()?.is_none());
            let more = (decoder.bytes()?.to_vec(), decoder.optional_fixed::<4>()?, decoder.list()?);
            let last = (decoder.number()?, decoder.number()?);
            assert_eq!((read, more.2), ((-5, "a".to_owned(), true), 2));
            assert_eq!((more.0.as_slice(), more.1, last), (&b"xyz"[..], Some([7; 4]), (1, 2)));
            decoder.end()
        };
        decode(&bytes).unwrap();
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length]).is_err(), "cut at {length}");
        }
        assert!(decode(&[bytes.as_slice(), &[0]].concat()).is_err());
        assert!(Decoder::new(&[2]).is_err());
    }

    #[test]
    fn null_empty_and_missing_differ() {
        let null = Encoder::new().optional_text(None).done();
        let empty = Encoder::new().text("").done();
        assert!(null != empty && null != Encoder::new().done() && empty != Encoder::new().bytes(b"").done());
    }
}
