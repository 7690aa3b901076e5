//! Whether a certificate is for a host (RFC 9525): by subjectAltName alone, the CN is not looked at.

use std::{net::IpAddr, str::FromStr};

use thiserror::Error;
use x509_parser::extensions::GeneralName;

use super::profile::Profile;

/// A name that a certificate is expected to have.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PeerName(Kind);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Kind {
    /// A DNS name in lower case, without the dot of the root.
    Dns(String),
    Ip(IpAddr),
    Mailbox(String),
}

/// A text that is no name of a peer.
#[derive(Clone, Debug, Error, Eq, PartialEq)]
#[error("{found:?} is neither a DNS name nor an IP address")]
#[non_exhaustive]
pub struct InvalidPeerName {
    /// The text.
    pub found: String,
}

impl FromStr for PeerName {
    type Err = InvalidPeerName;

    /// An IP address, or else a DNS name in ASCII (an A-label for others), of up to 253 characters.
    fn from_str(input: &str) -> Result<Self, Self::Err> {
        if let Ok(address) = input.parse() {
            return Ok(Self(Kind::Ip(address)));
        }
        let name = input.strip_suffix('.').unwrap_or(input);
        if is_dns_name(name) {
            Ok(Self(Kind::Dns(name.to_ascii_lowercase())))
        } else {
            Err(InvalidPeerName { found: input.to_owned() })
        }
    }
}

impl PeerName {
    /// A mailbox, compared as it stands but for the case of its host.
    #[must_use]
    pub fn mailbox(text: &str) -> Self {
        Self(Kind::Mailbox(text.to_owned()))
    }

    /// Whether one of the names of a certificate is this one.
    pub(super) fn is_named_by(&self, certificate: &Profile<'_>) -> bool {
        certificate.alternative_names().iter().any(|name| match (&self.0, name) {
            (Kind::Dns(wanted), GeneralName::DNSName(presented)) => dns_matches(wanted, presented),
            (Kind::Ip(IpAddr::V4(wanted)), GeneralName::IPAddress(bytes)) => wanted.octets() == *bytes,
            (Kind::Ip(IpAddr::V6(wanted)), GeneralName::IPAddress(bytes)) => wanted.octets() == *bytes,
            (Kind::Mailbox(wanted), GeneralName::RFC822Name(presented)) => mailbox_matches(wanted, presented),
            _ => false,
        })
    }
}

impl std::fmt::Display for PeerName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Kind::Dns(name) | Kind::Mailbox(name) => f.write_str(name),
            Kind::Ip(address) => write!(f, "{address}"),
        }
    }
}

/// Labels of up to 63 letters, digits, hyphens or underscores.
fn is_dns_name(text: &str) -> bool {
    (1..=253).contains(&text.len())
        && text.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
}

/// `*` stands for the whole leftmost label, and for nothing else.
fn dns_matches(wanted: &str, presented: &str) -> bool {
    match presented.strip_prefix("*.") {
        Some(parent) if is_dns_name(parent) => {
            wanted.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent))
        }
        Some(_) => false,
        None => wanted.eq_ignore_ascii_case(presented),
    }
}

fn mailbox_matches(wanted: &str, presented: &str) -> bool {
    match (wanted.rsplit_once('@'), presented.rsplit_once('@')) {
        (Some((local, host)), Some((other, at))) => local == other && host.eq_ignore_ascii_case(at),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_stands_for_one_leftmost_label() {
        for (wanted, presented, expected) in [
            ("a.example.com", "a.EXAMPLE.com", true),
            ("a.example.com", "*.example.com", true),
            ("example.com", "*.example.com", false),
            ("a.b.example.com", "*.example.com", false),
            ("a.example.com", "a.*.com", false),
            ("baz.example.com", "ba*.example.com", false),
            ("com", "*", false),
            ("example.com", "*", false),
            ("a.example.com", "a.example.com.", false),
        ] {
            assert_eq!(dns_matches(wanted, presented), expected, "{wanted} {presented}");
        }
    }

    #[test]
    fn peer_names_are_hosts_or_addresses() {
        assert_eq!("Example.COM.".parse(), Ok(PeerName(Kind::Dns("example.com".to_owned()))));
        assert_eq!("::1".parse(), Ok(PeerName(Kind::Ip(IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])))));
        for bad in ["", "a..b", "b\u{fc}cher.de", "*.example.com", "a b"] {
            assert_eq!(bad.parse::<PeerName>(), Err(InvalidPeerName { found: bad.to_owned() }));
        }
    }
}
