//! Whether a certificate is for a host (RFC 9525): by subjectAltName alone, the CN is not looked at.

use std::{net::IpAddr, str::FromStr};

use idna::AsciiDenyList;
use thiserror::Error;

use crate::certificate::{Certificate, GeneralName, shown_host};

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
#[error("{found:?} is neither a DNS name nor an IP address: {reason}")]
#[non_exhaustive]
pub struct InvalidPeerName {
    /// The text.
    pub found: String,
    /// What is wrong with it, and what is taken.
    pub reason: &'static str,
}

impl FromStr for PeerName {
    type Err = InvalidPeerName;

    /// An IP address, or else a DNS name of up to 253 characters. One with other letters than ASCII's is taken in the
    /// form in which certificates have it, of A-labels (UTS 46).
    fn from_str(input: &str) -> Result<Self, Self::Err> {
        if let Ok(address) = input.parse() {
            return Ok(Self(Kind::Ip(address)));
        }
        let invalid = |reason| InvalidPeerName { found: input.to_owned(), reason };
        let name = match idna::domain_to_ascii_cow(input.as_bytes(), AsciiDenyList::EMPTY) {
            Ok(name) if !input.is_ascii() => name.into_owned(),
            Err(_) if !input.is_ascii() => return Err(invalid(NO_HOST_NAME)),
            // ASCII is compared as it stands, also where it is no A-label although it looks like one.
            _ => input.to_ascii_lowercase(),
        };
        let name = name.strip_suffix('.').unwrap_or(&name);
        if is_dns_name(name) {
            Ok(Self(Kind::Dns(name.to_owned())))
        } else {
            Err(invalid(what_is_wrong(input)))
        }
    }
}

const NO_HOST_NAME: &str = "it has a character that no host name has";

/// Why a text is no host name.
fn what_is_wrong(text: &str) -> &'static str {
    let labels = || text.strip_suffix('.').unwrap_or(text).split('.');
    if text.is_empty() {
        "it is empty"
    } else if text.bytes().any(|byte| byte.is_ascii_control()) {
        NO_HOST_NAME
    } else if text.contains("://") {
        "give the host alone, without the scheme and the path of a URL"
    } else if text.contains('/') {
        "give one host or one address, without a path or a prefix length"
    } else if text.contains('*') {
        "give the name of one host; the certificate may have a wildcard, and the name has none"
    } else if text.contains('@') {
        "give the host behind the @"
    } else if text.starts_with('[') {
        "give the IPv6 address without brackets"
    } else if text.contains(':') {
        "give the host alone, without the port"
    } else if labels().any(str::is_empty) {
        "there is nothing between two dots, or before the first"
    } else if labels().any(|label| label.len() > 63) {
        "a part between two dots has more than 63 characters"
    } else if text.len() > 253 {
        "it has more than 253 characters"
    } else {
        NO_HOST_NAME
    }
}

impl PeerName {
    /// A mailbox, compared as it stands but for the case of its host.
    #[must_use]
    pub fn mailbox(text: &str) -> Self {
        Self(Kind::Mailbox(text.to_owned()))
    }

    /// Whether one of the names of a certificate is this one.
    pub(crate) fn is_named_by(&self, certificate: &Certificate) -> bool {
        certificate.general_names.iter().any(|name| match (&self.0, name) {
            (Kind::Dns(wanted), GeneralName::Dns(presented)) => dns_matches(wanted, presented),
            (Kind::Ip(IpAddr::V4(wanted)), GeneralName::Ip(bytes)) => wanted.octets() == *bytes.as_slice(),
            (Kind::Ip(IpAddr::V6(wanted)), GeneralName::Ip(bytes)) => wanted.octets() == *bytes.as_slice(),
            (Kind::Mailbox(wanted), GeneralName::Email(presented)) => mailbox_matches(wanted, presented),
            _ => false,
        })
    }

    /// What a certificate that does not have the name is for, and why it looks as if it was for this one.
    pub(crate) fn why_not(&self, certificate: &Certificate) -> String {
        let names = format!("it names {}", named(certificate));
        match self.near_miss(certificate) {
            None => names,
            // The only name there is was said.
            Some(miss)
                if certificate.hosts().count() == 1
                    && certificate.hosts().all(|name| miss.contains(name)) =>
            {
                miss
            }
            Some(miss) => format!("{miss}; {names}"),
        }
    }

    /// Why a certificate that does not have the name looks as if it had; `None` if it does not.
    fn near_miss(&self, certificate: &Certificate) -> Option<String> {
        let presented = certificate.general_names.iter().filter_map(|name| match name {
            GeneralName::Dns(text) => Some(text.as_str()),
            _ => None,
        });
        match &self.0 {
            Kind::Ip(address) => presented
                .filter(|text| text.parse::<IpAddr>().is_ok_and(|named| named == *address))
                .map(|_| {
                    format!(
                        "the certificate names {address} as a DNS name, not as an IP address; clients compare IP addresses only with iPAddress"
                    )
                })
                .next(),
            Kind::Dns(wanted) => presented.filter_map(|text| wildcard_miss(wanted, text)).next().or_else(|| {
                let in_subject = certificate.subject.split(", ").any(|rdn| {
                    rdn.strip_prefix("CN=").is_some_and(|name| name.eq_ignore_ascii_case(wanted))
                });
                in_subject.then(|| "it is the CN of the subject, which clients do not look at".to_owned())
            }),
            Kind::Mailbox(_) => None,
        }
    }
}

/// The names of the certificate, the first few of them.
fn named(certificate: &Certificate) -> String {
    let names: Vec<_> = certificate.hosts().take(4).map(shown_host).collect();
    match (names.is_empty(), certificate.hosts().count()) {
        (true, _) => "no host".to_owned(),
        (false, count) if count > names.len() => {
            format!("{} and {} more", names.join(", "), count - names.len())
        }
        (false, _) => names.join(", "),
    }
}

/// Why no client takes a dNSName for any host (RFC 9525, section 6.3); `None` for a sound one.
pub(crate) fn why_unmatchable(name: &str) -> Option<&'static str> {
    let host = name.strip_prefix("*.").unwrap_or(name);
    if host.contains('*') {
        Some("a wildcard is the whole first label, with a name behind it")
    } else if name.ends_with('.') && host.len() > 1 {
        Some("it ends in a dot, which names in certificates do not")
    } else if host.parse::<IpAddr>().is_ok() {
        Some("clients compare IP addresses only with iPAddress")
    } else if name.len() > 253 {
        Some("it has more than 253 characters")
    } else if is_dns_name(host) {
        None
    } else {
        Some(what_is_wrong(host))
    }
}

/// Why a wildcard that ends like `wanted`, or would be one by its star, does not stand for it.
fn wildcard_miss(wanted: &str, presented: &str) -> Option<String> {
    if let Some((before, after)) = presented.split_once('*').filter(|_| !presented.starts_with("*.")) {
        let (before, after) = (before.to_ascii_lowercase(), after.to_ascii_lowercase());
        let rest = wanted.strip_prefix(before.as_str())?.strip_suffix(after.as_str())?;
        return (!rest.contains('.')).then(|| {
            format!("the star of {presented} is not the whole first label, and clients take it for no host")
        });
    }
    let parent = presented.strip_prefix("*.")?.to_ascii_lowercase();
    let rest = wanted.strip_suffix(parent.as_str())?;
    match rest.strip_suffix('.') {
        Some(_) => Some(format!("the wildcard {presented} stands for exactly one label before {parent}")),
        None => {
            rest.is_empty().then(|| format!("the wildcard {presented} does not stand for {parent} itself"))
        }
    }
}

/// The part of a wildcard behind the star, if names directly below it are registered by many owners.
///
/// Names of one label, and those that the registries of countries have for their kinds of owners (`co.uk`, `com.au`).
/// The public suffix list knows 9,000 more, but a list that ages in a binary says less than it seems to; what is
/// missing here is a warning, and no verdict.
pub(super) fn public_suffix_of_wildcard(name: &str) -> Option<&str> {
    const KINDS: [&str; 19] = [
        "ac", "co", "com", "edu", "gob", "gouv", "gov", "gv", "ltd", "mil", "ne", "net", "nom", "or", "org",
        "plc", "sch", "go", "govt",
    ];
    let parent = name.strip_prefix("*.")?;
    let is_suffix = match parent.split_once('.') {
        None => !parent.is_empty(),
        Some((kind, country)) => {
            country.len() == 2
                && country.bytes().all(|b| b.is_ascii_alphabetic())
                && KINDS.iter().any(|known| kind.eq_ignore_ascii_case(known))
        }
    };
    is_suffix.then_some(parent)
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
        let dns = |name: &str| Ok(PeerName(Kind::Dns(name.to_owned())));
        assert_eq!("Example.COM.".parse(), dns("example.com"));
        assert_eq!("::1".parse(), Ok(PeerName(Kind::Ip(IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])))));
        for name in ["M\u{fc}nchen.example", "mu\u{308}nchen\u{3002}EXAMPLE.", "xn--mnchen-3ya.example"] {
            assert_eq!(name.parse(), dns("xn--mnchen-3ya.example"), "{name}");
        }
        assert_eq!("xn--a_b.example".parse(), dns("xn--a_b.example"));
        for (bad, reason) in [
            ("", "it is empty"),
            ("a..b", "there is nothing between two dots, or before the first"),
            ("https://a.test/x", "give the host alone, without the scheme and the path of a URL"),
            ("a.test:443", "give the host alone, without the port"),
            ("[::1]", "give the IPv6 address without brackets"),
            ("10.0.0.0/8", "give one host or one address, without a path or a prefix length"),
            (
                "*.example.com",
                "give the name of one host; the certificate may have a wildcard, and the name has none",
            ),
            ("me@a.test", "give the host behind the @"),
            ("a b", NO_HOST_NAME),
            ("b\u{fc}cher \u{2603}.de", NO_HOST_NAME),
        ] {
            assert_eq!(bad.parse::<PeerName>(), Err(InvalidPeerName { found: bad.to_owned(), reason }));
        }
    }

    #[test]
    fn wildcards_over_many_owners_are_seen() {
        for (name, suffix) in [
            ("*.com", Some("com")),
            ("*.local", Some("local")),
            ("*.co.uk", Some("co.uk")),
            ("*.COM.au", Some("COM.au")),
            ("*.example.com", None),
            ("*.example.uk", None),
            ("*.co.example", None),
            ("*.a.co.uk", None),
            ("com", None),
            ("*", None),
        ] {
            assert_eq!(public_suffix_of_wildcard(name), suffix, "{name}");
        }
    }

    #[test]
    fn a_wildcard_that_does_not_reach_says_why() {
        let miss = |wanted, presented| wildcard_miss(wanted, presented);
        assert_eq!(
            miss("a.b.test.example", "*.test.example").unwrap(),
            "the wildcard *.test.example stands for exactly one label before test.example"
        );
        assert_eq!(
            miss("test.example", "*.Test.example").unwrap(),
            "the wildcard *.Test.example does not stand for test.example itself"
        );
        assert_eq!(miss("mytest.example", "*.test.example"), None);
        assert_eq!(miss("test.example", "test.example"), None);
    }
}
