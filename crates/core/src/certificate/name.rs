//! Names for people: distinguished names and alternative names, with nothing in them that could act on a terminal.

use std::{
    fmt::Write as _,
    net::{Ipv4Addr, Ipv6Addr},
};

use x509_parser::{
    extensions::GeneralName,
    objects::{oid_registry, oid2abbrev},
    x509::{AttributeTypeAndValue, X509Name},
};

/// The longest distinguished name that is rendered, in bytes; the mark of a cut and the last escape stay below it.
const MAX_RENDERED: usize = 4096 - 16;

/// The most characters of an attribute type that has no name.
const MAX_OID: usize = 128;

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
    use super::*;

    #[test]
    fn unprintable_characters_are_escaped() {
        assert_eq!(printable("a\u{202e}b\nc\u{1b}[31m"), "a\\u{202e}b\\u{a}c\\u{1b}[31m");
        let mut text = String::new();
        push_escaped(&mut text, "Smith, \"A\"\r<b>");
        assert_eq!(text, "Smith\\, \\\"A\\\"\\u{d}\\<b\\>");
    }
}
