//! The command line of what TLS servers do with a store.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    str::FromStr,
};

use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueEnum};
use strongroom::{Alias, limits::Limits, select::ClientKeys, validate::PeerName};

#[derive(Debug, Args)]
pub(crate) struct Bind {
    /// A name or address; of several entries that are equally good for it, the one that is bound answers [default: list what
    /// is bound]
    #[arg(requires = "alias")]
    pub(crate) host: Option<Host>,
    /// The entry; its certificate must be for the host
    pub(crate) alias: Option<Alias>,
}

#[derive(Debug, Args)]
pub(crate) struct Why {
    /// What a client asks for: a name, an address, host:port, or a URL
    #[arg(required_unless_present = "no_sni")]
    pub(crate) host: Option<Host>,
    /// Which keys the client can use
    #[arg(long, value_name = "KIND", default_value = "any")]
    pub(crate) client: ClientWord,
    /// The client sends no name, as one that was given an address
    #[arg(long, conflicts_with = "host")]
    pub(crate) no_sni: bool,
    /// The entry that the server has as default [default: that of the servers that run]
    #[arg(long, value_name = "ALIAS")]
    pub(crate) default: Option<Alias>,
    /// List every entry that was asked, however many
    #[arg(long)]
    pub(crate) all: bool,
    /// The instant, as 2026-04-01T12:00:00Z [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// With --unlock none: exit 0 although nothing that was read is proved
    #[arg(long)]
    pub(crate) accept_unproved: bool,
}

/// What a client can use.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ClientWord {
    /// Every key that TLS signs with
    Any,
    /// RSA alone
    RsaOnly,
    /// What clients of TLS 1.2 usually can: RSA, and ECDSA on P-256 and P-384
    Tls12,
}

impl From<ClientWord> for ClientKeys {
    fn from(word: ClientWord) -> Self {
        match word {
            ClientWord::Any => Self::ANY,
            ClientWord::RsaOnly => Self::rsa_only(),
            ClientWord::Tls12 => Self::tls12(),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct WebServer {
    /// The entry whose certificate is shown, from the next handshake on
    #[arg(long, value_name = "NAME")]
    pub(crate) alias: Option<Alias>,
    /// The versions of TLS that are offered, and no others: TLSv1.2,TLSv1.3
    #[arg(long, value_name = "LIST")]
    pub(crate) protocols: Option<String>,
    /// The cipher suites that may be used, by their registered names with commas between; or all
    #[arg(long, value_name = "LIST")]
    pub(crate) cipher_suites: Option<String>,
    /// Whether answers tell browsers to come by HTTPS alone (RFC 6797)
    #[arg(long, value_name = "WHETHER")]
    pub(crate) hsts: Option<Switch>,
}

impl WebServer {
    /// Whether nothing is to be changed.
    pub(crate) fn is_empty(&self) -> bool {
        self.alias.is_none()
            && self.protocols.is_none()
            && self.cipher_suites.is_none()
            && self.hsts.is_none()
    }
}

/// On or off.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

impl From<Switch> for bool {
    fn from(switch: Switch) -> Self {
        matches!(switch, Switch::On)
    }
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Address and port; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7443")]
    pub(crate) listen: SocketAddr,
    /// The entry whose certificate it shows while web-server names none [default: one of its own, made and renewed by itself]
    #[arg(long, value_name = "NAME")]
    pub(crate) alias: Option<Alias>,
    /// The name of this machine in the API's URLs [default: the host name]
    #[arg(long, value_name = "NAME", value_parser = machine_name)]
    pub(crate) machine: Option<String>,
    /// Serve several machines, each with a store of its own, as this TOML file lists them
    #[arg(long, value_name = "FILE", conflicts_with_all = ["alias", "machine"])]
    pub(crate) machines: Option<PathBuf>,
    /// Take an embedded self-signed root as trusted and store it as ALIAS_root, as ArcGIS 11.3 does
    #[arg(long)]
    pub(crate) trust_embedded_root: bool,
    /// Also answer /metrics here, without TLS and without a token, for the monitoring system of this machine
    #[arg(long, value_name = "ADDR", value_parser = loopback)]
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// Let administrators with the privilege to export take entries away with their private keys, as PKCS #12
    #[arg(long)]
    pub(crate) allow_key_export: bool,
    /// The most key-derivation iterations that one import may cost, up to 320000000 [default: 10000000]
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<u64>::new().range(1..=Limits::max_work_ceiling()))]
    pub(crate) max_work: Option<u64>,
    /// Write a line of JSON for each request to this file, or to standard output with -
    #[arg(long, value_name = "FILE")]
    pub(crate) access_log: Option<PathBuf>,
    /// A proxy whose X-Forwarded-For is believed; may be given several times
    #[arg(long, value_name = "ADDR")]
    pub(crate) trusted_proxy: Vec<IpAddr>,
}

/// The longest name of a machine, as of hosts.
const MAX_MACHINE: usize = 253;

/// The name of a machine: it stands in addresses, and in the certificate that is made for it.
pub(crate) fn machine_name(text: &str) -> Result<String, String> {
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    if plain && (1..=MAX_MACHINE).contains(&text.len()) {
        return Ok(text.to_owned());
    }
    Err("not a host name: up to 253 letters, digits, dots and hyphens, without a port".to_owned())
}

/// An address that only programs of this machine reach.
fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr =
        text.parse().map_err(|_| "not an address with a port, such as 127.0.0.1:9464".to_owned())?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err("not a loopback address: others ask for /metrics with a token, where the API is".to_owned())
    }
}

/// A host as people have it at hand: a name, an address, `host:port`, or a URL.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Host {
    pub(crate) name: PeerName,
    pub(crate) port: Option<u16>,
}

impl FromStr for Host {
    type Err = String;

    fn from_str(input: &str) -> Result<Self, Self::Err> {
        let text = input.trim();
        // An IPv6 address has colons of its own.
        if let Ok(name) = text.parse() {
            return Ok(Self { name, port: None });
        }
        let (scheme, rest) =
            text.split_once("://").map_or((None, text), |(scheme, rest)| (Some(scheme), rest));
        let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
        let authority =
            authority.rsplit_once('@').filter(|_| scheme.is_some()).map_or(authority, |(_, host)| host);
        let (host, port) = match authority.strip_prefix('[') {
            Some(inner) => {
                let (host, rest) = inner.split_once(']').ok_or("the bracket of the address is not closed")?;
                (host, rest.strip_prefix(':').or_else(|| (!rest.is_empty()).then_some(rest)))
            }
            None => authority.rsplit_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
        };
        let port = match port {
            Some(digits) => Some(digits.parse().map_err(|_| format!("\"{digits}\" is not a port"))?),
            None => match scheme {
                Some(scheme) if scheme.eq_ignore_ascii_case("https") => Some(443),
                _ => None,
            },
        };
        let name = host.parse::<PeerName>().map_err(|error| error.to_string())?;
        Ok(Self { name, port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_taken_as_people_have_it_at_hand() {
        for (text, host, port) in [
            ("WWW.Example.Test.", "www.example.test", None),
            ("www.example.test:8443", "www.example.test", Some(8443)),
            ("https://www.example.test/a?b#c", "www.example.test", Some(443)),
            ("https://me:x@www.example.test:444/", "www.example.test", Some(444)),
            ("b\u{fc}cher.example", "xn--bcher-kva.example", None),
            ("10.1.2.3:443", "10.1.2.3", Some(443)),
            ("::1", "::1", None),
            ("[::1]", "::1", None),
            ("[::1]:443", "::1", Some(443)),
            ("ldap://dc.example.test", "dc.example.test", None),
        ] {
            let parsed: Host = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((parsed.name.to_string().as_str(), parsed.port), (host, port), "{text}");
        }
        for (text, reason) in [
            ("www.example.test:x", "\"x\" is not a port"),
            ("[::1", "the bracket of the address is not closed"),
            ("[::1]x", "\"x\" is not a port"),
            (
                "*.example.test",
                "\"*.example.test\" is neither a DNS name nor an IP address: give the name of one host; the certificate may have a wildcard, and the name has none",
            ),
        ] {
            assert_eq!(text.parse::<Host>(), Err(reason.to_owned()));
        }
        assert!("".parse::<Host>().is_err() && "a b".parse::<Host>().is_err());
    }
}
