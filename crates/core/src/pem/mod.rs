//! Reads PEM text (RFC 7468, RFC 1421) as it is found in files, and base64 without any markers.
//!
//! Takes bytes; gives numbered blocks. Odd forms are read and named; what cannot be read is an error that names the
//! block and the line. Nothing is passed over but text between blocks. What is decoded is wiped.

mod base64;
mod between;
mod error;
mod text;
mod write;

use zeroize::Zeroizing;

pub use self::error::PemError;
use self::{base64::Fault, text::Lines};
pub(crate) use self::{
    text::{BYTE_ORDER_MARK, Text},
    write::{text, write},
};

/// The most blocks of one file.
const MAX_BLOCKS: usize = 4_096;
/// The longest label, in bytes; the longest in use has 26.
const MAX_LABEL: usize = 64;
const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";

/// One block: what stands between a BEGIN and its END.
pub(crate) struct Block {
    /// Its number in the file, from 1.
    pub(crate) number: usize,
    /// The line of its BEGIN, from 1.
    pub(crate) line: usize,
    /// The label in upper case: `CERTIFICATE`.
    pub(crate) label: String,
    /// Whether a header says that the content is encrypted (RFC 1421, section 4.6.1.1).
    pub(crate) encrypted: bool,
    /// How (RFC 1421, section 4.6.1.3): `aes-256-cbc,` and the initialisation vector in hexadecimal, in lower case.
    pub(crate) dek_info: Option<String>,
    /// The decoded content; wiped, for it may be a private key.
    pub(crate) content: Zeroizing<Vec<u8>>,
}

/// The blocks of a file, and what is odd about its form.
pub(crate) struct Blocks {
    pub(crate) blocks: Vec<Block>,
    pub(crate) oddities: Vec<&'static str>,
}

/// Whether there is a marker of a block in `text`.
pub(crate) fn has_marker(text: &[u8]) -> bool {
    text.windows(BEGIN.len()).any(|window| window.eq_ignore_ascii_case(BEGIN))
}

/// Whether `text` begins as the base64 of a DER or BER SEQUENCE does, without a marker before it.
pub(crate) fn looks_like_base64(text: &[u8]) -> bool {
    base64::looks_like_a_sequence(text)
}

/// Reads every block of `text`.
///
/// # Errors
///
/// [`PemError`] for the first block or marker that cannot be read.
pub(crate) fn read(text: &Text<'_>) -> Result<Blocks, PemError> {
    let mut reader = Reader { rest: Lines::new(text.bytes()), blocks: Vec::new(), oddities: text.oddities() };
    text.check_encoding()?;
    while reader.read_block()? {}
    let Reader { blocks, mut oddities, .. } = reader;
    oddities.dedup();
    Ok(Blocks { blocks, oddities })
}

/// Decodes base64 that has no markers; also gives what is odd about it.
///
/// # Errors
///
/// [`PemError::Base64`] with the line where it breaks.
pub(crate) fn decode_bare(text: &Text<'_>) -> Result<(Zeroizing<Vec<u8>>, Vec<&'static str>), PemError> {
    text.check_encoding()?;
    let mut oddities = text.oddities();
    oddities.push("base64 without the markers of PEM");
    let content = base64::decode(base64::trim(text.bytes()), 1)
        .map_err(|Fault { line, what }| PemError::Base64 { line, what })?;
    Ok((content, oddities))
}

struct Reader<'t> {
    rest: Lines<'t>,
    blocks: Vec<Block>,
    oddities: Vec<&'static str>,
}

impl<'t> Reader<'t> {
    /// Reads up to the end of the next block; `false` if there is none.
    fn read_block(&mut self) -> Result<bool, PemError> {
        let marker = self.rest.find(|text| starts_with(text, BEGIN) || starts_with(text, END));
        let between = self.rest.take_to(marker);
        between::check_between(&between)?;
        if marker.is_none() {
            return between::check_end(&between).map(|()| false);
        }
        let line = self.rest.line();
        if starts_with(self.rest.bytes(), END) {
            return Err(PemError::Marker { line, what: "an END without a BEGIN before it" });
        }
        if self.blocks.len() >= MAX_BLOCKS {
            return Err(PemError::TooMany { limit: MAX_BLOCKS });
        }
        let indented = self.rest.is_indented();
        self.note(self.rest.follows_marker(), "an END and a BEGIN on one line");
        let label = self.read_label(BEGIN)?;
        let number = self.blocks.len() + 1;
        let body_line = self.rest.line();
        let end = self.rest.find(|text| text.starts_with(DASHES));
        let body = self.rest.take_to(end);
        let fault = |at, what| PemError::Block { number, line, label: label.clone(), at, what };
        if !starts_with(self.rest.bytes(), END) {
            let at = self.rest.line();
            return Err(match end {
                None => fault(at, "the file is cut off before the END of the block"),
                Some(_) if starts_with(self.rest.bytes(), BEGIN) => {
                    fault(at, "another block begins before the END of this one")
                }
                Some(_) => fault(at, "the END of the block is misspelt"),
            });
        }
        let end_line = self.rest.line();
        if self.read_label(END)? != label {
            return Err(fault(end_line, "the END has another label than the BEGIN"));
        }
        let one_line = end_line == line;
        let (headers, base64) = base64::split_headers(body);
        let body_line = body_line + headers.lines;
        let content = base64::decode(base64, body_line).map_err(|Fault { line, what }| fault(line, what))?;
        if content.is_empty() {
            return Err(fault(line, "it is empty"));
        }
        self.note(indented, "indented lines");
        self.note(one_line, "a block on one line");
        let base64::Headers { encrypted, dek_info, .. } = headers;
        self.blocks.push(Block { number, line, label, encrypted, dek_info, content });
        Ok(true)
    }

    /// Reads `-----BEGIN LABEL-----`, and gives the label in upper case.
    fn read_label(&mut self, word: &[u8]) -> Result<String, PemError> {
        let line = self.rest.line();
        self.rest.skip(word.len());
        let rest = self.rest.rest_of_line();
        let malformed = PemError::Marker { line, what: "a marker that does not end in five hyphens" };
        let Some(length) = rest.windows(DASHES.len()).position(|window| window == DASHES) else {
            return Err(malformed);
        };
        let raw = rest.get(..length).unwrap_or_default().trim_ascii();
        if raw.is_empty() || raw.len() > MAX_LABEL || !raw.iter().all(|b| matches!(b, 0x20..=0x7e)) {
            return Err(PemError::Marker { line, what: "a marker without a label" });
        }
        self.rest.skip(length + DASHES.len());
        self.note(raw.iter().any(u8::is_ascii_lowercase), "labels in lower case");
        Ok(raw.iter().map(|byte| char::from(byte.to_ascii_uppercase())).collect())
    }

    fn note(&mut self, seen: bool, what: &'static str) {
        if seen && !self.oddities.contains(&what) {
            self.oddities.push(what);
        }
    }
}

fn starts_with(text: &[u8], word: &[u8]) -> bool {
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests;
