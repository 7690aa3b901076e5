//! Proxies that are believed when they say who the client is.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;

/// What a proxy says of the client: the addresses that it came by, the last one added by the proxy itself.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The proxies that the operator named.
#[derive(Clone, Debug, Default)]
pub(super) struct Proxies {
    trusted: Vec<IpAddr>,
}

impl Proxies {
    pub(super) fn new(trusted: &[IpAddr]) -> Self {
        Self { trusted: trusted.iter().map(IpAddr::to_canonical).collect() }
    }

    pub(super) fn are_trusted(&self, peer: IpAddr) -> bool {
        self.trusted.contains(&peer.to_canonical())
    }

    /// Where a request comes from: the last address that no trusted proxy has. What cannot be read is not believed,
    /// nor what stands before it.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let values = headers.get_all(FORWARDED_FOR).iter().map(|value| value.to_str().unwrap_or_default());
        let named: Vec<&str> = values.flat_map(|value| value.split(',')).map(str::trim).collect();
        for text in named.iter().rev() {
            if !self.are_trusted(client) {
                break;
            }
            let Some(address) = address_of(text) else {
                break;
            };
            client = address.to_canonical();
        }
        client
    }
}

/// The address of a client, also with its port behind it or in brackets, as some proxies write it.
fn address_of(text: &str) -> Option<IpAddr> {
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    let with_port = || text.parse().ok().map(|address: SocketAddr| address.ip());
    text.parse().ok().or_else(with_port).or_else(bracketed)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn client(trusted: &[&str], peer: &str, forwarded: &[&'static str]) -> String {
        let trusted: Vec<IpAddr> = trusted.iter().map(|text| text.parse().unwrap()).collect();
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, HeaderValue::from_static(value));
        }
        Proxies::new(&trusted).client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn only_named_proxies_are_believed() {
        assert_eq!(client(&[], "10.0.0.1", &["192.0.2.7"]), "10.0.0.1");
        assert_eq!(client(&["10.0.0.1"], "10.0.0.2", &["192.0.2.7"]), "10.0.0.2");
        assert_eq!(client(&["10.0.0.1"], "10.0.0.1", &["192.0.2.7"]), "192.0.2.7");
        assert_eq!(client(&["10.0.0.1"], "::ffff:10.0.0.1", &["192.0.2.7"]), "192.0.2.7");
        assert_eq!(client(&["10.0.0.1"], "10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn a_port_behind_the_address_is_passed_over() {
        for (forwarded, is) in [
            ("8.8.8.8:1234", "8.8.8.8"),
            ("[2001:db8::7]:55", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("[::ffff:8.8.8.8]:1", "8.8.8.8"),
            ("8.8.8.8:123456", "10.0.0.1"),
            ("[8.8.8.8]:1", "10.0.0.1"),
            ("8.8.8.8:", "10.0.0.1"),
        ] {
            assert_eq!(client(&["10.0.0.1"], "10.0.0.1", &[forwarded]), is, "{forwarded}");
        }
        assert_eq!(client(&["10.0.0.1", "10.0.0.2"], "10.0.0.1", &["192.0.2.7:1, 10.0.0.2:2"]), "192.0.2.7");
    }

    #[test]
    fn what_the_client_wrote_itself_is_not_believed() {
        assert_eq!(client(&["10.0.0.1"], "10.0.0.1", &["127.0.0.1, 192.0.2.7"]), "192.0.2.7");
        assert_eq!(client(&["10.0.0.1"], "10.0.0.1", &["127.0.0.1", "192.0.2.7"]), "192.0.2.7");
        let two = ["10.0.0.1", "10.0.0.2"];
        assert_eq!(client(&two, "10.0.0.1", &["1.1.1.1, 192.0.2.7, 10.0.0.2"]), "192.0.2.7");
        assert_eq!(client(&two, "10.0.0.1", &["192.0.2.7, unknown"]), "10.0.0.1");
        assert_eq!(client(&two, "10.0.0.1", &["2001:db8::7"]), "2001:db8::7");
    }
}
