//! Writes DER (X.690, section 10).

use zeroize::Zeroizing;

/// One value in DER.
pub(crate) fn encode(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut der = header(tag, content.len());
    der.extend_from_slice(content);
    der
}

/// One value in DER of several parts, which may hold a secret: wiped, and of its full size from the beginning.
pub(crate) fn encode_secret(tag: u8, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let length = parts.iter().map(|part| part.len()).sum();
    let header = header(tag, length);
    let mut der = Zeroizing::new(Vec::with_capacity(header.len() + length));
    der.extend_from_slice(&header);
    parts.iter().for_each(|part| der.extend_from_slice(part));
    der
}

/// Tag and length.
fn header(tag: u8, length: usize) -> Vec<u8> {
    let mut der = vec![tag];
    if length < 0x80 {
        der.extend(u8::try_from(length));
    } else {
        let digits: Vec<u8> = length.to_be_bytes().into_iter().skip_while(|digit| *digit == 0).collect();
        der.extend(u8::try_from(digits.len()).map(|count| 0x80 | count));
        der.extend(digits);
    }
    der
}
