//! Base64 (RFC 4648, section 4) with white space in it, and the headers that may stand before it.

use zeroize::Zeroizing;

use super::{
    error::ESCAPED,
    text::{Part, lines, trim_start},
};

/// Why base64 cannot be read.
pub(super) struct Fault {
    pub(super) line: usize,
    pub(super) what: &'static str,
}

/// Characters of base64 from which on text is taken for the encoding of a certificate or key.
const ENOUGH: usize = 60;

/// What stood before the base64 of a block (RFC 1421, section 4.6).
#[derive(Default)]
pub(super) struct Headers {
    /// Lines of the text before the base64.
    pub(super) lines: usize,
    /// `Proc-Type: 4,ENCRYPTED`.
    pub(super) encrypted: bool,
    /// The value of `DEK-Info`: cipher and initialisation vector.
    pub(super) dek_info: Option<String>,
}

/// Whether `text` begins as the base64 of a DER SEQUENCE of at least 128 bytes does.
pub(super) fn looks_like_a_sequence(text: &[u8]) -> bool {
    let text = trim(text);
    let head = text.iter().filter(|byte| !is_space(**byte)).take(ENOUGH);
    // 0x30, and a length of more than one byte or an indefinite one.
    matches!(text, [b'M', b'I', ..]) && head.clone().count() == ENOUGH && head.copied().all(is_symbol)
}

/// Without white space and byte order marks around it, nor the quotation marks of JSON.
pub(super) fn trim(text: &[u8]) -> &[u8] {
    let text = trim_start(text);
    let end = text.iter().rposition(|byte| !is_space(*byte) && *byte != 0).map_or(0, |n| n + 1);
    let text = text.get(..end).unwrap_or_default();
    text.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")).unwrap_or(text)
}

/// Parts the headers of a block from its base64, which has no colon.
pub(super) fn split_headers(body: Part<'_>) -> (Headers, &[u8]) {
    let mut headers = Headers::default();
    let start = trim_start(body.text);
    let has_headers = lines(start).next().is_some_and(|line| line.contains(&b':'));
    if !has_headers {
        return (headers, body.text);
    }
    headers.lines = lines(body.text).count().saturating_sub(lines(start).count());
    let mut rest = start;
    for line in lines(start) {
        let text = line.trim_ascii();
        let continued = matches!(line.first(), Some(b' ' | b'\t')) && !text.is_empty();
        if !continued && !text.contains(&b':') {
            break;
        }
        let words: Vec<u8> = text.iter().filter(|b| !is_space(**b)).map(u8::to_ascii_lowercase).collect();
        headers.encrypted |= words.starts_with(b"proc-type:") && words.ends_with(b",encrypted");
        if let Some(value) = words.strip_prefix(b"dek-info:") {
            headers.dek_info = Some(value.iter().map(|byte| char::from(*byte)).collect());
        }
        headers.lines += 1;
        rest = after_line(rest);
    }
    (headers, rest)
}

/// What follows the first line.
fn after_line(text: &[u8]) -> &[u8] {
    match text.iter().position(|b| matches!(b, b'\r' | b'\n')).and_then(|n| text.get(n..)) {
        Some([b'\r', b'\n', rest @ ..] | [_, rest @ ..]) => rest,
        _ => &[],
    }
}

/// Decodes `text`, whose first line has the number `line`.
pub(super) fn decode(text: &[u8], line: usize) -> Result<Zeroizing<Vec<u8>>, Fault> {
    // At its full size from the beginning, so that no growth leaves a copy behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() / 4 * 3 + 3));
    let (mut group, mut symbols, mut padding) = (0_u32, 0_u32, 0_u32);
    let mut at = line;
    let mut last = 0_u8;
    let fault = |line, what| Err(Fault { line, what });
    for byte in text.iter().copied() {
        if (byte == b'\n' && last != b'\r') || byte == b'\r' {
            at += 1;
        }
        last = byte;
        if is_space(byte) {
            continue;
        }
        if byte == b'=' {
            padding += 1;
            if symbols + padding > 4 || symbols < 2 {
                return fault(at, "a padding character too many");
            }
            continue;
        }
        let Some(value) = value(byte) else {
            return fault(at, what_is(byte));
        };
        if padding > 0 {
            return fault(at, "the base64 goes on after its end");
        }
        group = group << 6 | u32::from(value);
        symbols += 1;
        if symbols == 4 {
            bytes.extend(group.to_be_bytes().iter().skip(1));
            (group, symbols) = (0, 0);
        }
    }
    match (symbols, padding) {
        (0, 0) => {}
        (2, 2) if group & 0xf == 0 => bytes.extend((group >> 4).to_be_bytes().iter().skip(3)),
        (3, 1) if group & 0x3 == 0 => bytes.extend((group >> 2).to_be_bytes().iter().skip(2)),
        (2, 2) | (3, 1) => return fault(at, "its last character has bits that stand for nothing"),
        _ => return fault(at, "characters are missing at the end of the base64"),
    }
    Ok(bytes)
}

fn what_is(byte: u8) -> &'static str {
    match byte {
        b'\\' => ESCAPED,
        b'-' | b'_' => "a character of base64url, which PEM does not use",
        0 => "a zero byte in the base64",
        0xef => "a byte order mark in the base64",
        _ => "a character that is not base64",
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c)
}

fn is_symbol(byte: u8) -> bool {
    value(byte).is_some()
}

fn value(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}
