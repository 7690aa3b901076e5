//! Distinguished names (RFC 5280, section 4.1.2.4): read whole, compared, and shown.

use std::fmt::{self, Write as _};

use unicode_normalization::UnicodeNormalization as _;
use x509_parser::objects::{oid_registry, oid2abbrev};

use super::{
    der::{BIT_STRING, Fault, Oid, Reader, SEQUENCE, SET, only},
    name::{is_unprintable, push_hex},
};

/// The longest distinguished name that is rendered, in bytes; the mark of a cut and the last escape stay below it.
const MAX_RENDERED: usize = 4096 - 16;

/// emailAddress (PKCS #9), by its content: 1.2.840.113549.1.9.1.
const EMAIL_ADDRESS: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01];

/// The string types of a DirectoryString and its kin.
mod text {
    pub(super) const UTF8: u8 = 0x0c;
    pub(super) const NUMERIC: u8 = 0x12;
    pub(super) const PRINTABLE: u8 = 0x13;
    pub(super) const T61: u8 = 0x14;
    pub(super) const IA5: u8 = 0x16;
    pub(super) const VISIBLE: u8 = 0x1a;
    pub(super) const UNIVERSAL: u8 = 0x1c;
    pub(super) const BMP: u8 = 0x1e;
}

fn is_text(tag: u8) -> bool {
    use text::{BMP, IA5, NUMERIC, PRINTABLE, T61, UNIVERSAL, UTF8, VISIBLE};
    matches!(tag, UTF8 | NUMERIC | PRINTABLE | T61 | IA5 | VISIBLE | UNIVERSAL | BMP)
}

const NO_TYPE_OF_NAMES: Fault = Fault("the value of an attribute is of a type that names do not have");

/// One AttributeTypeAndValue.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Attribute {
    pub(super) kind: Oid,
    /// The tag of the value.
    pub(super) tag: u8,
    pub(super) content: Vec<u8>,
}

/// A name as it was read: RDNs in their order, each with its attributes as they stand.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct DistinguishedName {
    pub(super) rdns: Vec<Vec<Attribute>>,
}

impl DistinguishedName {
    /// Reads a whole Name.
    pub(super) fn read(der: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(only(der, SEQUENCE)?);
        let mut rdns = Vec::new();
        while !reader.is_empty() {
            let set = reader.content(SET)?;
            if set.is_empty() {
                return Err(Fault(
                    "a relative distinguished name is empty; it has one attribute or more (RFC 5280, section 4.1.2.4)",
                ));
            }
            rdns.push(Reader::new(set).items(Attribute::read)?);
        }
        Ok(Self { rdns })
    }

    /// A form whose bytes are equal where RFC 5280, section 7.1 calls the names equal.
    ///
    /// Each RDN stands with its length before it, so that a name lies below another where its bytes begin with the
    /// other's.
    pub(crate) fn canonical(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for rdn in &self.rdns {
            // The attributes of one RDN are a set.
            let mut attributes: Vec<Vec<u8>> = rdn
                .iter()
                .map(|attribute| {
                    let mut one = Vec::new();
                    push_sized(&mut one, attribute.kind.as_bytes());
                    push_sized(&mut one, &attribute.canonical_value());
                    one
                })
                .collect();
            attributes.sort();
            push_sized(&mut bytes, &attributes.concat());
        }
        bytes
    }

    /// The common name, or else the organisation or its unit: the last of its kind, which is the most specific.
    pub(super) fn short(&self) -> Option<String> {
        const COMMON_NAME: [u8; 3] = [0x55, 4, 3];
        const ORGANIZATION: [u8; 3] = [0x55, 4, 10];
        const UNIT: [u8; 3] = [0x55, 4, 11];
        let attributes = || self.rdns.iter().flatten();
        [COMMON_NAME, ORGANIZATION, UNIT].iter().find_map(|kind| {
            attributes()
                .filter(|attribute| attribute.kind.as_bytes() == kind)
                .filter_map(Attribute::text)
                .next_back()
        })
    }

    /// The subject of a certificate; `None` if it cannot be read.
    pub(crate) fn of_subject(certificate: &super::Certificate) -> Option<Self> {
        Self::read(&certificate.subject_der).ok()
    }

    /// Each attribute by its type and value, in order; `None` if one is no text, or shares its RDN with another.
    pub(crate) fn texts(&self) -> Option<Vec<(&Oid, String)>> {
        self.rdns
            .iter()
            .map(|rdn| match rdn.as_slice() {
                [only] => Some((&only.kind, only.text()?)),
                _ => None,
            })
            .collect()
    }

    /// The values of emailAddress.
    pub(super) fn mailboxes(&self) -> impl Iterator<Item = String> {
        let attributes = self.rdns.iter().flatten();
        attributes.filter(|attribute| attribute.kind.as_bytes() == EMAIL_ADDRESS).filter_map(Attribute::text)
    }
}

/// The form in which a name that cannot be read is compared: it equals nothing but the same bytes.
pub(super) fn canonical_of_malformed(der: &[u8]) -> Vec<u8> {
    // No RDN is as long as this says.
    [&u32::MAX.to_be_bytes(), der].concat()
}

/// A name that cannot be read, for people: all of it, as it stands.
pub(super) fn show_malformed(der: &[u8]) -> String {
    let mut text = "a malformed name #".to_owned();
    push_hex(&mut text, der, MAX_RENDERED);
    text
}

fn push_sized(bytes: &mut Vec<u8>, part: &[u8]) {
    bytes.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend_from_slice(part);
}

impl Attribute {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        let mut parts = Reader::new(reader.content(SEQUENCE)?);
        let kind = parts.oid()?;
        let value = parts.any()?;
        parts.end()?;
        // Strings, the bits of a uniqueIdentifier, the lines of a postalAddress: what OpenSSL reads as well.
        if !is_text(value.tag) && !matches!(value.tag, BIT_STRING | SEQUENCE) {
            return Err(NO_TYPE_OF_NAMES);
        }
        let attribute = Self { kind, tag: value.tag, content: value.content.to_vec() };
        // PrintableString and its kin are not held to their alphabets: too many CAs have written Latin-1 there.
        let is_sound = match value.tag {
            text::UTF8 | text::BMP | text::UNIVERSAL => attribute.text().is_some(),
            text::NUMERIC => value.content.iter().all(|byte| byte.is_ascii_digit() || *byte == b' '),
            _ => true,
        };
        if !is_sound {
            return Err(Fault("a text is not in the encoding of its type"));
        }
        Ok(attribute)
    }

    /// The value if it is of a string type, and holds what that type may hold.
    fn text(&self) -> Option<String> {
        let content = self.content.as_slice();
        let units = |size: usize| {
            content.chunks_exact(size).map(|unit| unit.iter().fold(0, |n, b| n << 8 | u32::from(*b)))
        };
        match self.tag {
            text::UTF8 | text::PRINTABLE | text::IA5 | text::NUMERIC | text::VISIBLE => {
                std::str::from_utf8(content).ok().map(str::to_owned)
            }
            // Read as Latin-1, as those who wrote it meant it.
            text::T61 => Some(content.iter().copied().map(char::from).collect()),
            // UCS-2; current writers put UTF-16 there.
            text::BMP if content.len().is_multiple_of(2) => {
                char::decode_utf16(units(2).filter_map(|unit| u16::try_from(unit).ok()))
                    .collect::<Result<_, _>>()
                    .ok()
            }
            text::UNIVERSAL if content.len().is_multiple_of(4) => units(4).map(char::from_u32).collect(),
            _ => None,
        }
    }

    /// Text without regard to its string type, to case, and to runs of space; anything else byte for byte.
    fn canonical_value(&self) -> Vec<u8> {
        match self.text() {
            Some(text) => {
                let folded: String = text.nfkc().flat_map(char::to_lowercase).collect();
                let words: Vec<&str> = folded.split_whitespace().collect();
                [b"t".as_slice(), words.join(" ").as_bytes()].concat()
            }
            None => [&[0, self.tag], self.content.as_slice()].concat(),
        }
    }
}

impl fmt::Display for DistinguishedName {
    /// In the manner of RFC 4514: most specific first, control characters escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        for rdn in self.rdns.iter().rev() {
            for (n, attribute) in rdn.iter().enumerate() {
                if text.len() >= MAX_RENDERED {
                    text.push('…');
                    return f.write_str(&text);
                }
                if !text.is_empty() {
                    text.push_str(if n == 0 { ", " } else { "+" });
                }
                push_attribute(&mut text, attribute);
            }
        }
        f.write_str(&text)
    }
}

fn push_attribute(text: &mut String, attribute: &Attribute) {
    let kind = x509_parser::asn1_rs::Oid::new(attribute.kind.as_bytes().into());
    match oid2abbrev(&kind, oid_registry()) {
        Ok(abbreviation) => text.push_str(abbreviation),
        Err(_) => {
            let _ = write!(text, "{}", attribute.kind);
        }
    }
    text.push('=');
    match attribute.text() {
        Some(value) => push_escaped(text, &value),
        None => {
            // No text: the value in hexadecimal, as RFC 4514, section 2.4 has it.
            text.push('#');
            let _ = write!(text, "{:02x}", attribute.tag);
            push_hex(text, &attribute.content, MAX_RENDERED);
        }
    }
}

fn push_escaped(text: &mut String, value: &str) {
    for c in value.chars() {
        if text.len() >= MAX_RENDERED {
            return;
        }
        match c {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => {
                text.push('\\');
                text.push(c);
            }
            c if is_unprintable(c) => {
                let _ = write!(text, "\\u{{{:x}}}", u32::from(c));
            }
            c => text.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::der::encode, *};

    /// A name of one RDN for each list of (last arc of 2.5.4, tag, value).
    fn der(rdns: &[&[(u8, u8, &[u8])]]) -> Vec<u8> {
        let body = rdns.iter().map(|attributes| {
            let set = attributes.iter().map(|(arc, tag, value)| {
                encode(SEQUENCE, &[vec![6, 3, 0x55, 4, *arc], encode(*tag, value)].concat())
            });
            encode(SET, &set.collect::<Vec<_>>().concat())
        });
        encode(SEQUENCE, &body.collect::<Vec<_>>().concat())
    }

    fn name(rdns: &[&[(u8, u8, &[u8])]]) -> Vec<u8> {
        DistinguishedName::read(&der(rdns)).unwrap().canonical()
    }

    #[test]
    fn names_are_compared_without_string_type_case_and_runs_of_space() {
        let plain = name(&[&[(3, 19, b"Good CA")]]);
        assert_eq!(plain, name(&[&[(3, 12, b" good   ca ")]]));
        assert_eq!(plain, name(&[&[(3, 30, b"\0g\0O\0o\0d\0 \0C\0A")]]));
        assert_eq!(name(&[&[(3, 12, "\u{c9}a".as_bytes())]]), name(&[&[(3, 20, b"\xe9A")]]));
        assert_ne!(plain, name(&[&[(3, 19, b"GoodCA")]]));
        assert_ne!(plain, name(&[&[(10, 19, b"Good CA")]]));
        // A BIT STRING of the same bytes is no text.
        assert_ne!(plain, name(&[&[(3, 3, b"Good CA")]]));
    }

    #[test]
    fn order_counts_between_rdns_and_not_inside_one() {
        let [a, b] = [(3, 19, b"a".as_slice()), (10, 19, b"b".as_slice())];
        assert_eq!(name(&[&[a, b]]), name(&[&[b, a]]));
        assert_ne!(name(&[&[a], &[b]]), name(&[&[b], &[a]]));
        assert_ne!(name(&[&[a], &[b]]), name(&[&[a, b]]));
        assert!(name(&[&[a], &[b]]).starts_with(&name(&[&[a]])));
        assert!(!name(&[&[a, b]]).starts_with(&name(&[&[a]])));
    }

    #[test]
    fn every_string_type_is_shown_as_text() {
        for (tag, value) in [
            (text::UTF8, "Zo\u{eb}".as_bytes()),
            (text::T61, b"Zo\xeb"),
            (text::BMP, b"\0Z\0o\0\xeb"),
            (text::UNIVERSAL, b"\0\0\0Z\0\0\0o\0\0\0\xeb"),
        ] {
            let read = DistinguishedName::read(&der(&[&[(3, tag, value)]])).unwrap();
            assert_eq!(read.to_string(), "CN=Zo\u{eb}", "{tag:#x}");
        }
        for tag in [text::PRINTABLE, text::IA5, text::VISIBLE, text::NUMERIC] {
            let read = DistinguishedName::read(&der(&[&[(10, tag, b"12")]])).unwrap();
            assert_eq!(read.to_string(), "O=12", "{tag:#x}");
        }
        let odd = DistinguishedName::read(&der(&[&[(45, 3, b"\0\xab")]])).unwrap();
        assert!(odd.to_string().ends_with("=#0300ab"), "{odd}");
        assert!(DistinguishedName::read(&der(&[&[(3, text::BMP, b"\0Z\0")]])).is_err());
        assert!(DistinguishedName::read(&der(&[&[(3, text::UTF8, b"\xff")]])).is_err());
    }

    #[test]
    fn the_short_name_is_the_most_specific_common_name() {
        let short = |rdns: &[&[(u8, u8, &[u8])]]| DistinguishedName::read(&der(rdns)).unwrap().short();
        let [unit, organisation]: [(u8, u8, &[u8]); 2] = [(11, 12, b"IT"), (10, 12, b"Example")];
        assert_eq!(short(&[&[(3, 12, b"a")], &[organisation], &[(3, 19, b"b")]]).as_deref(), Some("b"));
        assert_eq!(short(&[&[organisation], &[unit]]).as_deref(), Some("Example"));
        assert_eq!(short(&[&[unit]]).as_deref(), Some("IT"));
        assert_eq!(short(&[]), None);
    }

    #[test]
    fn a_name_is_read_whole_or_not_at_all() {
        let plain = der(&[&[(10, 12, b"Evil")], &[(3, 12, b"w")]]);
        assert!(DistinguishedName::read(&plain).is_ok());
        let content = only(&plain, SEQUENCE).unwrap();
        for odd in [
            // An RDN that is empty, first and last; a NULL; a SEQUENCE in place of the SET.
            [&[0x31, 0x00], content].concat(),
            [content, &[0x31, 0x00]].concat(),
            [content, &[0x05, 0x00]].concat(),
            [content, &[0x30, 0x00]].concat(),
        ] {
            assert!(DistinguishedName::read(&encode(SEQUENCE, &odd)).is_err(), "{odd:?}");
        }
        // Three values in an attribute, and one.
        let attribute = |rest: &[u8]| {
            let set = encode(SET, &encode(SEQUENCE, &[&[6, 3, 0x55, 4, 3], rest].concat()));
            DistinguishedName::read(&encode(SEQUENCE, &set))
        };
        assert!(attribute(&[0x0c, 1, b'w']).is_ok());
        assert_eq!(attribute(&[0x0c, 1, b'w', 5, 0]), Err(Fault("bytes are left over")));
        for tag in [0x01, 0x02, 0x04, 0x18, 0x1b, 0x36, 0x84, 0xb6, 0xd4] {
            assert_eq!(attribute(&[tag, 1, b'w']), Err(NO_TYPE_OF_NAMES), "{tag:#x}");
        }
        assert_eq!(attribute(&[]), Err(Fault("a value ends early")));
        let [cut, other] = [der(&[&[(3, 12, b"X")]]), [&[0x30, 0x02], &[0x31, 0x00][..]].concat()];
        assert_ne!(canonical_of_malformed(&other), DistinguishedName::read(&cut).unwrap().canonical());
    }

    #[test]
    fn separators_and_control_characters_are_escaped() {
        let mut text = String::new();
        push_escaped(&mut text, "Smith, \"A\"\r<b>");
        assert_eq!(text, "Smith\\, \\\"A\\\"\\u{d}\\<b\\>");
    }
}
