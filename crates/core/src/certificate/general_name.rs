//! General names (RFC 5280, section 4.2.1.6), read whole.

use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
};

use super::{
    der::{Fault, Oid, Reader},
    distinguished_name::DistinguishedName,
    name::{AlternativeName, printable},
};

/// One GeneralName.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum GeneralName {
    /// otherName: its content, an identifier and a value.
    Other(Vec<u8>),
    /// rfc822Name.
    Email(String),
    /// dNSName, as written.
    Dns(String),
    /// x400Address: its content.
    X400(Vec<u8>),
    /// directoryName.
    Directory(DistinguishedName),
    /// ediPartyName: its content.
    Edi(Vec<u8>),
    /// uniformResourceIdentifier.
    Uri(String),
    /// iPAddress; with a mask in name constraints.
    Ip(Vec<u8>),
    /// registeredID.
    RegisteredId(Oid),
}

pub(super) const OTHER: u8 = 0xa0;
pub(super) const EMAIL: u8 = 0x81;
pub(super) const DNS: u8 = 0x82;
pub(super) const X400: u8 = 0xa3;
pub(super) const DIRECTORY: u8 = 0xa4;
pub(super) const EDI: u8 = 0xa5;
pub(super) const URI: u8 = 0x86;
pub(super) const IP: u8 = 0x87;
pub(super) const REGISTERED_ID: u8 = 0x88;

impl GeneralName {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        let value = reader.any()?;
        let content = value.content;
        Ok(match value.tag {
            OTHER => {
                let mut parts = Reader::new(content);
                parts.oid()?;
                let mut explicit = Reader::new(parts.content(0xa0)?);
                explicit.any()?;
                explicit.end()?;
                parts.end()?;
                Self::Other(content.to_vec())
            }
            EMAIL => Self::Email(ia5(content, "an rfc822Name holds a character that is not ASCII")?),
            DNS => Self::Dns(ia5(
                content,
                "a dNSName holds a character that is not ASCII; such names are written as A-labels, xn--...",
            )?),
            X400 => {
                Reader::new(content).items(Reader::any)?;
                Self::X400(content.to_vec())
            }
            // Explicit, as a Name is a CHOICE.
            DIRECTORY => Self::Directory(DistinguishedName::read(content)?),
            EDI => {
                let mut parts = Reader::new(content);
                for part in [parts.optional(0xa0)?, Some(parts.value(0xa1)?)].into_iter().flatten() {
                    // A DirectoryString, explicit, as it is a CHOICE.
                    let mut text = Reader::new(part.content);
                    text.any()?;
                    text.end()?;
                }
                parts.end()?;
                Self::Edi(content.to_vec())
            }
            URI => Self::Uri(ia5(content, "a URI holds a character that is not ASCII")?),
            IP => Self::Ip(content.to_vec()),
            REGISTERED_ID => Self::RegisteredId(Oid::of_content(content)?),
            _ => return Err(Fault("a general name is of a form that does not exist")),
        })
    }

    /// The number of the form in GeneralName.
    pub(crate) fn form(&self) -> u32 {
        match self {
            Self::Other(_) => 0,
            Self::Email(_) => 1,
            Self::Dns(_) => 2,
            Self::X400(_) => 3,
            Self::Directory(_) => 4,
            Self::Edi(_) => 5,
            Self::Uri(_) => 6,
            Self::Ip(_) => 7,
            Self::RegisteredId(_) => 8,
        }
    }
}

/// The content of an IA5String.
fn ia5(content: &[u8], otherwise: &'static str) -> Result<String, Fault> {
    match std::str::from_utf8(content) {
        Ok(text) if text.is_ascii() => Ok(text.to_owned()),
        _ => Err(Fault(otherwise)),
    }
}

impl AlternativeName {
    pub(crate) fn of(name: &GeneralName) -> Self {
        match name {
            GeneralName::Dns(text) => Self::Dns(printable(text)),
            GeneralName::Ip(bytes) => match <[u8; 4]>::try_from(bytes.as_slice()) {
                Ok(v4) => Self::Ip(Ipv4Addr::from(v4).to_string()),
                Err(_) => match <[u8; 16]>::try_from(bytes.as_slice()) {
                    Ok(v6) => Self::Ip(Ipv6Addr::from(v6).to_string()),
                    Err(_) => Self::Other("an IP address of odd length".to_owned()),
                },
            },
            GeneralName::Email(text) => Self::Email(printable(text)),
            GeneralName::Uri(text) => Self::Uri(printable(text)),
            GeneralName::Directory(name) => Self::Other(name.to_string()),
            GeneralName::RegisteredId(oid) => Self::Other(oid.to_string()),
            GeneralName::Other(_) | GeneralName::X400(_) | GeneralName::Edi(_) => {
                Self::Other("a name of another kind".to_owned())
            }
        }
    }
}

impl fmt::Display for GeneralName {
    /// The name as people know it, without what could act on a terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match AlternativeName::of(self) {
            AlternativeName::Dns(text)
            | AlternativeName::Ip(text)
            | AlternativeName::Email(text)
            | AlternativeName::Uri(text)
            | AlternativeName::Other(text) => f.write_str(&printable(&text)),
        }
    }
}
