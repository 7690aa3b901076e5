//! Writes BER and DER (X.690), well formed or not. Nothing is checked: what is asked for is written.

const CONTEXT: u8 = 0x80;
const CONSTRUCTED: u8 = 0x20;

/// A value with a definite length in the fewest bytes.
#[must_use]
pub fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    claimed(tag, u64::try_from(content.len()).unwrap(), content)
}

/// A value whose header names `length`, whatever the content has.
#[must_use]
pub fn claimed(tag: u8, length: u64, content: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> = length.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
    let mut out = vec![tag];
    if length < 0x80 {
        out.push(u8::try_from(length).unwrap());
    } else {
        out.push(0x80 | u8::try_from(digits.len()).unwrap());
        out.extend(digits);
    }
    out.extend_from_slice(content);
    out
}

/// A value of indefinite length.
#[must_use]
pub fn indefinite(tag: u8, content: &[u8]) -> Vec<u8> {
    [&[tag, 0x80], content, &[0, 0]].concat()
}

/// SEQUENCE.
#[must_use]
pub fn sequence<T: AsRef<[u8]>>(parts: &[T]) -> Vec<u8> {
    tlv(0x30, &joined(parts))
}

/// SET, in the order given.
#[must_use]
pub fn set<T: AsRef<[u8]>>(parts: &[T]) -> Vec<u8> {
    tlv(0x31, &joined(parts))
}

/// `[number]`, explicit.
#[must_use]
pub fn explicit(number: u8, content: &[u8]) -> Vec<u8> {
    tlv(CONTEXT | CONSTRUCTED | number, content)
}

/// `[number]`, implicit over a primitive value.
#[must_use]
pub fn implicit(number: u8, content: &[u8]) -> Vec<u8> {
    tlv(CONTEXT | number, content)
}

/// INTEGER with the content as given.
#[must_use]
pub fn integer(content: &[u8]) -> Vec<u8> {
    tlv(0x02, content)
}

/// The content of an INTEGER in the fewest bytes.
#[must_use]
pub fn unsigned(value: u64) -> Vec<u8> {
    let mut digits: Vec<u8> = value.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
    if digits.first().is_none_or(|byte| byte & 0x80 != 0) {
        digits.insert(0, 0);
    }
    digits
}

/// OCTET STRING.
#[must_use]
pub fn octets(content: &[u8]) -> Vec<u8> {
    tlv(0x04, content)
}

/// OCTET STRING, constructed of segments of `size` bytes.
#[must_use]
pub fn segmented(content: &[u8], size: usize) -> Vec<u8> {
    let segments: Vec<Vec<u8>> = content.chunks(size).map(octets).collect();
    indefinite(0x24, &segments.concat())
}

/// NULL.
#[must_use]
pub fn null() -> Vec<u8> {
    tlv(0x05, &[])
}

/// UTF8String.
#[must_use]
pub fn utf8(text: &str) -> Vec<u8> {
    tlv(0x0c, text.as_bytes())
}

/// BMPString, with surrogates beyond the Basic Multilingual Plane.
#[must_use]
pub fn bmp(text: &str) -> Vec<u8> {
    tlv(0x1e, &text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>())
}

/// OBJECT IDENTIFIER from its dotted form.
#[must_use]
pub fn oid(dotted: &str) -> Vec<u8> {
    let arcs: Vec<u128> = dotted.split('.').map(|arc| arc.parse().unwrap()).collect();
    let [first, second, rest @ ..] = arcs.as_slice() else { panic!("{dotted}: too few arcs") };
    let mut content = base128(first * 40 + second);
    rest.iter().for_each(|arc| content.extend(base128(*arc)));
    tlv(0x06, &content)
}

/// AlgorithmIdentifier.
#[must_use]
pub fn algorithm(dotted: &str, parameters: &[u8]) -> Vec<u8> {
    sequence(&[&oid(dotted), parameters])
}

/// `innermost` inside `levels` values of `tag`.
#[must_use]
pub fn nested(tag: u8, levels: usize, innermost: &[u8], length: Length) -> Vec<u8> {
    if length == Length::Indefinite {
        let (head, tail) = ([tag, 0x80].repeat(levels), [0, 0].repeat(levels));
        return [&head, innermost, &tail].concat();
    }
    // Built from the inside with the headers reversed, for a thousand levels cost a thousand copies otherwise.
    let mut headers: Vec<Vec<u8>> = Vec::with_capacity(levels);
    let mut inside = innermost.len();
    for _ in 0..levels {
        let header = claimed(tag, u64::try_from(inside).unwrap(), &[]);
        inside += header.len();
        headers.push(header);
    }
    headers.reverse();
    [headers.concat(), innermost.to_vec()].concat()
}

/// How a length is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Length {
    /// In the header.
    Definite,
    /// By an end-of-contents.
    Indefinite,
}

fn base128(mut value: u128) -> Vec<u8> {
    let mut digits = vec![u8::try_from(value & 0x7f).unwrap()];
    while value > 0x7f {
        value >>= 7;
        digits.push(0x80 | u8::try_from(value & 0x7f).unwrap());
    }
    digits.reverse();
    digits
}

fn joined<T: AsRef<[u8]>>(parts: &[T]) -> Vec<u8> {
    parts.iter().flat_map(|part| part.as_ref().iter().copied()).collect()
}
