//! What a certificate is for, and whether an extKeyUsage includes it.

use crate::{
    certificate::{ANY_PURPOSE, CLIENT_AUTH, SERVER_AUTH},
    word::words,
};

/// What the end entity is to do with its certificate (RFC 5280, section 4.2.1.12).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Purpose {
    /// To authenticate itself to servers: id-kp-clientAuth.
    Client,
    /// To serve TLS: id-kp-serverAuth.
    Server,
}

words!(Purpose, "client or server");

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Client, Self::Server];

    /// The word of the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }

    /// Whether an extKeyUsage includes it.
    pub(super) fn is_among(self, purposes: &[String]) -> bool {
        let wanted = match self {
            Self::Client => CLIENT_AUTH,
            Self::Server => SERVER_AUTH,
        };
        purposes.iter().any(|oid| oid == wanted || oid == ANY_PURPOSE)
    }

    /// Those who have it, for people.
    pub(super) fn holders(self) -> &'static str {
        match self {
            Self::Client => "clients",
            Self::Server => "servers",
        }
    }
}
