//! Names for people: distinguished names and alternative names, with nothing in them that could act on a terminal.

use std::{
    fmt::Write as _,
    net::{Ipv4Addr, Ipv6Addr},
};

use unicode_normalization::UnicodeNormalization as _;
use x509_parser::{
    asn1_rs::{Any, Tag},
    extensions::GeneralName,
    objects::{oid_registry, oid2abbrev},
    x509::{AttributeTypeAndValue, X509Name},
};

/// The longest distinguished name that is rendered, in bytes; the mark of a cut and the last escape stay below it.
const MAX_RENDERED: usize = 4096 - 16;

/// The most characters of an attribute type that has no name.
const MAX_OID: usize = 128;

/// A name in a form whose bytes are equal where RFC 5280, section 7.1 calls the names equal.
///
/// Each RDN stands with its length before it, so that a name lies below another where its bytes begin with the other's.
pub(crate) fn canonical_name(name: &X509Name<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for rdn in name.iter_rdn() {
        // The attributes of one RDN are a set.
        let mut attributes: Vec<Vec<u8>> = rdn
            .iter()
            .map(|attribute| {
                let mut one = Vec::new();
                push_sized(&mut one, attribute.attr_type().as_bytes());
                push_sized(&mut one, &canonical_value(attribute.attr_value()));
                one
            })
            .collect();
        attributes.sort();
        push_sized(&mut bytes, &attributes.concat());
    }
    bytes
}

fn push_sized(bytes: &mut Vec<u8>, part: &[u8]) {
    bytes.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend_from_slice(part);
}

/// Text without regard to its string type, to case, and to runs of space; anything else byte for byte.
fn canonical_value(value: &Any<'_>) -> Vec<u8> {
    match text_of(value) {
        Some(text) => {
            let folded: String = text.nfkc().flat_map(char::to_lowercase).collect();
            let words: Vec<&str> = folded.split_whitespace().collect();
            [b"t".as_slice(), words.join(" ").as_bytes()].concat()
        }
        None => [&value.tag().0.to_be_bytes()[..], value.data].concat(),
    }
}

fn text_of(value: &Any<'_>) -> Option<String> {
    let units = |size: usize| {
        value.data.chunks_exact(size).map(|unit| unit.iter().fold(0, |n, b| n << 8 | u32::from(*b)))
    };
    match value.tag() {
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::NumericString | Tag::VisibleString => {
            std::str::from_utf8(value.data).ok().map(str::to_owned)
        }
        // Read as Latin-1, as those who wrote it meant it.
        Tag::T61String => Some(value.data.iter().copied().map(char::from).collect()),
        Tag::BmpString if value.data.len().is_multiple_of(2) => units(2).map(char::from_u32).collect(),
        Tag::UniversalString if value.data.len().is_multiple_of(4) => units(4).map(char::from_u32).collect(),
        _ => None,
    }
}

/// A distinguished name in the manner of RFC 4514: most specific first, control characters escaped.
pub(super) fn distinguished_name(name: &X509Name<'_>) -> String {
    let mut text = String::new();
    let rdns: Vec<_> = name.iter_rdn().collect();
    for rdn in rdns.into_iter().rev() {
        for (n, attribute) in rdn.iter().enumerate() {
            if text.len() >= MAX_RENDERED {
                text.push('…');
                return text;
            }
            if !text.is_empty() {
                text.push_str(if n == 0 { ", " } else { "+" });
            }
            push_attribute(&mut text, attribute);
        }
    }
    text
}

fn push_attribute(text: &mut String, attribute: &AttributeTypeAndValue<'_>) {
    match oid2abbrev(attribute.attr_type(), oid_registry()) {
        Ok(abbreviation) => text.push_str(abbreviation),
        Err(_) => text.extend(attribute.attr_type().to_id_string().chars().take(MAX_OID)),
    }
    text.push('=');
    match attribute.as_str() {
        Ok(value) => push_escaped(text, value),
        Err(_) => {
            // BMPString, TeletexString and the like: the DER in hexadecimal, as RFC 4514, section 2.4 has it.
            text.push('#');
            for byte in attribute.as_slice().iter().take(MAX_RENDERED.saturating_sub(text.len()) / 2) {
                let _ = write!(text, "{byte:02x}");
            }
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

/// Control characters, and those that turn the direction of text around.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
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
    pub(super) fn of(name: &GeneralName<'_>) -> Self {
        match name {
            GeneralName::DNSName(text) => Self::Dns(printable(text)),
            GeneralName::IPAddress(bytes) => match <[u8; 4]>::try_from(*bytes) {
                Ok(v4) => Self::Ip(Ipv4Addr::from(v4).to_string()),
                Err(_) => match <[u8; 16]>::try_from(*bytes) {
                    Ok(v6) => Self::Ip(Ipv6Addr::from(v6).to_string()),
                    Err(_) => Self::Other("an IP address of odd length".to_owned()),
                },
            },
            GeneralName::RFC822Name(text) => Self::Email(printable(text)),
            GeneralName::URI(text) => Self::Uri(printable(text)),
            GeneralName::DirectoryName(name) => Self::Other(distinguished_name(name)),
            GeneralName::RegisteredID(oid) => Self::Other(oid.to_id_string()),
            _ => Self::Other("a name of another kind".to_owned()),
        }
    }

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
    use x509_parser::prelude::FromDer as _;

    use super::*;

    /// A name of one RDN for each list of (last arc of 2.5.4, tag, value).
    fn name(rdns: &[&[(u8, u8, &[u8])]]) -> Vec<u8> {
        let wrap =
            |tag: u8, content: Vec<u8>| [vec![tag, u8::try_from(content.len()).unwrap()], content].concat();
        let body = rdns.iter().map(|attributes| {
            let set = attributes.iter().map(|(arc, tag, value)| {
                wrap(0x30, [vec![6, 3, 0x55, 4, *arc], wrap(*tag, value.to_vec())].concat())
            });
            wrap(0x31, set.collect::<Vec<_>>().concat())
        });
        let der = wrap(0x30, body.collect::<Vec<_>>().concat());
        canonical_name(&X509Name::from_der(&der).unwrap().1)
    }

    #[test]
    fn names_are_compared_without_string_type_case_and_runs_of_space() {
        let plain = name(&[&[(3, 19, b"Good CA")]]);
        assert_eq!(plain, name(&[&[(3, 12, b" good   ca ")]]));
        assert_eq!(plain, name(&[&[(3, 30, b"\0g\0O\0o\0d\0 \0C\0A")]]));
        assert_eq!(name(&[&[(3, 12, "\u{c9}a".as_bytes())]]), name(&[&[(3, 20, b"\xe9A")]]));
        assert_ne!(plain, name(&[&[(3, 19, b"GoodCA")]]));
        assert_ne!(plain, name(&[&[(10, 19, b"Good CA")]]));
        // An OCTET STRING of the same bytes is no text.
        assert_ne!(plain, name(&[&[(3, 4, b"Good CA")]]));
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
    fn unprintable_characters_are_escaped() {
        assert_eq!(printable("a\u{202e}b\nc\u{1b}[31m"), "a\\u{202e}b\\u{a}c\\u{1b}[31m");
        let mut text = String::new();
        push_escaped(&mut text, "Smith, \"A\"\r<b>");
        assert_eq!(text, "Smith\\, \\\"A\\\"\\u{d}\\<b\\>");
    }
}
