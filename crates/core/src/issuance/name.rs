//! Names that a certificate is to have.

use std::{fmt, net::IpAddr, str::FromStr};

use rcgen::SanType;

use super::IssuanceError;
use crate::{
    certificate::{AlternativeName, Certificate, GeneralName, printable},
    validate::{PeerName, why_unmatchable},
};

/// The longest mailbox or URI, in bytes.
const MAX_LEN: usize = 1_024;

/// A name that a certificate is to have in subjectAltName.
///
/// ```
/// use strongroom::issuance::RequestedName;
///
/// for text in ["a.test", "*.a.test", "10.0.0.1", "2001:db8::1", "dns:a.test", "ip:10.0.0.1", "email:a@a.test"] {
///     text.parse::<RequestedName>()?;
/// }
/// assert_eq!("dns:Bücher.TEST".parse::<RequestedName>()?.to_string(), "xn--bcher-kva.test");
/// assert!("dns:10.0.0.1".parse::<RequestedName>().is_err());
/// # Ok::<(), strongroom::issuance::IssuanceError>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RequestedName(Kind);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Kind {
    Dns(String),
    Ip(IpAddr),
    Email(String),
    Uri(String),
}

impl FromStr for RequestedName {
    type Err = IssuanceError;

    /// A DNS name, also with `*` as its first label, or an IP address; with `dns:`, `ip:`, `email:` or `uri:` before it
    /// that alone. Other letters than ASCII's become A-labels.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = |reason: &str| invalid(text, reason);
        let (kind, value) = match text.split_once(':') {
            Some((kind, value)) => (kind.to_ascii_lowercase(), value),
            None => (String::new(), text),
        };
        match kind.as_str() {
            "dns" if value.parse::<IpAddr>().is_ok() => Err(invalid(&format!(
                "it is an IP address, which clients compare only as such: write ip:{value}"
            ))),
            "dns" => dns(text, value),
            "ip" => value
                .parse()
                .map(|address| Self(Kind::Ip(address)))
                .map_err(|_| invalid("it is no IPv4 or IPv6 address")),
            "email" => mailbox(text, value),
            "uri" => uri(text, value),
            _ => match text.parse() {
                Ok(address) => Ok(Self(Kind::Ip(address))),
                Err(_) if text.contains("://") => {
                    Err(invalid("give the host alone; a URI as a name of its own is written uri:..."))
                }
                Err(_) if KINDS.contains(&kind.as_str()) => Err(invalid(&format!(
                    "the kinds of names are dns:, ip:, email: and uri:, and a host needs none: write {value}"
                ))),
                Err(_) if text.contains('@') => Err(invalid("a mailbox is written email:...")),
                Err(_) => dns(text, text),
            },
        }
    }
}

/// What other programs and RFC 5280 call kinds of names.
const KINDS: [&str; 6] =
    ["dnsname", "ipaddress", "ip address", "rfc822name", "mail", "uniformresourceidentifier"];

fn invalid(found: &str, reason: &str) -> IssuanceError {
    IssuanceError::InvalidName { found: printable(found), reason: reason.to_owned() }
}

fn dns(text: &str, value: &str) -> Result<RequestedName, IssuanceError> {
    let (star, host) = match value.strip_prefix("*.") {
        Some(host) => ("*.", host),
        None => ("", value),
    };
    if host.contains('*') {
        return Err(invalid(text, "a wildcard is the whole first label: *.example.test"));
    }
    let name: PeerName =
        host.parse().map_err(|error: crate::validate::InvalidPeerName| invalid(text, error.reason))?;
    let name = format!("{star}{name}");
    let last = name.rsplit('.').next().unwrap_or_default();
    if last.bytes().all(|byte| byte.is_ascii_digit()) || host.parse::<IpAddr>().is_ok() {
        return Err(invalid(text, "it ends in a number, as IP addresses do, and is none"));
    }
    if name.len() > 253 {
        return Err(invalid(text, "it has more than 253 characters"));
    }
    let is_a_label = |label: &str| label.starts_with("xn--");
    if name.split('.').any(is_a_label)
        && idna::domain_to_ascii_cow(name.trim_start_matches("*.").as_bytes(), idna::AsciiDenyList::EMPTY)
            .is_err()
    {
        return Err(invalid(text, "xn-- begins an A-label, and what follows it encodes no name"));
    }
    Ok(RequestedName(Kind::Dns(name)))
}

fn mailbox(text: &str, value: &str) -> Result<RequestedName, IssuanceError> {
    let (local, host) = value.rsplit_once('@').ok_or_else(|| invalid(text, "a mailbox has an @"))?;
    let host: PeerName = host.parse().map_err(|_| invalid(text, "there is no DNS name behind the @"))?;
    let is_sound = !local.is_empty() && local.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'@');
    if !is_sound || value.len() > MAX_LEN {
        return Err(invalid(text, "before the @ stand letters, digits and signs of ASCII, without a space"));
    }
    Ok(RequestedName(Kind::Email(format!("{local}@{host}"))))
}

fn uri(text: &str, value: &str) -> Result<RequestedName, IssuanceError> {
    let is_sound = value.len() <= MAX_LEN
        && value.bytes().all(|byte| byte.is_ascii_graphic())
        && value.split_once(':').is_some_and(|(scheme, rest)| {
            scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && !rest.is_empty()
        });
    if is_sound {
        Ok(RequestedName(Kind::Uri(value.to_owned())))
    } else {
        Err(invalid(text, "a URI has a scheme, a colon and what is behind it, in ASCII and without a space"))
    }
}

impl RequestedName {
    /// The names of a certificate, as they stand there.
    ///
    /// # Errors
    ///
    /// [`IssuanceError::NotRepeatable`] with the first that is of a kind that is not written here, and
    /// [`IssuanceError::UnmatchableName`] with the first that no client takes for any host.
    pub fn all_of(certificate: &Certificate) -> Result<Vec<Self>, IssuanceError> {
        certificate.general_names.iter().map(Self::of).collect()
    }

    fn of(name: &GeneralName) -> Result<Self, IssuanceError> {
        let other = || IssuanceError::NotRepeatable { what: format!("the name {}", shown(name)) };
        let kind = match name {
            GeneralName::Dns(text) => match why_unmatchable(text) {
                Some(reason) => {
                    return Err(IssuanceError::UnmatchableName { found: shown(name), reason });
                }
                None => Kind::Dns(text.clone()),
            },
            GeneralName::Email(text) => Kind::Email(text.clone()),
            GeneralName::Uri(text) => Kind::Uri(text.clone()),
            GeneralName::Ip(bytes) => Kind::Ip(match bytes.as_slice() {
                [a, b, c, d] => [*a, *b, *c, *d].into(),
                sixteen => <[u8; 16]>::try_from(sixteen).map_err(|_| other())?.into(),
            }),
            _ => return Err(other()),
        };
        Ok(Self(kind))
    }

    /// Whether it is a DNS name.
    pub(super) fn is_dns(&self) -> bool {
        matches!(self.0, Kind::Dns(_))
    }

    /// The DNS name or the address as text.
    pub(super) fn host(&self) -> Option<String> {
        match &self.0 {
            Kind::Dns(text) => Some(text.clone()),
            Kind::Ip(address) => Some(address.to_string()),
            Kind::Email(_) | Kind::Uri(_) => None,
        }
    }

    pub(super) fn to_san(&self) -> Result<SanType, IssuanceError> {
        let text =
            |text: &String| text.as_str().try_into().map_err(|_| invalid(text, "it is not of ASCII alone"));
        Ok(match &self.0 {
            Kind::Dns(name) => SanType::DnsName(text(name)?),
            Kind::Ip(address) => SanType::IpAddress(*address),
            Kind::Email(mailbox) => SanType::Rfc822Name(text(mailbox)?),
            Kind::Uri(uri) => SanType::URI(text(uri)?),
        })
    }
}

/// A name for people, with its kind where it is no host.
pub(crate) fn shown(name: &GeneralName) -> String {
    match AlternativeName::of(name) {
        AlternativeName::Dns(text) | AlternativeName::Ip(text) | AlternativeName::Other(text) => text,
        AlternativeName::Email(text) => format!("email:{text}"),
        AlternativeName::Uri(text) => format!("uri:{text}"),
    }
}

impl fmt::Display for RequestedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Dns(name) => f.write_str(name),
            Kind::Ip(address) => write!(f, "{address}"),
            Kind::Email(mailbox) => write!(f, "email:{mailbox}"),
            Kind::Uri(uri) => write!(f, "uri:{uri}"),
        }
    }
}
