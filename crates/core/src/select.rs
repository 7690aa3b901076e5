//! Which entry answers a TLS client: the one rule that servers serve by and `why` explains.
//!
//! 1. An entry with the name itself goes before one with a wildcard for it (`*.example.com` for `www.example.com`,
//!    one label and not the name below it), and that before the default entry.
//! 2. An entry whose key the client can use goes before one whose key it cannot. Where a name is known, the default
//!    entry never takes the place of its entries: a client that can use none of their keys is told so by TLS.
//! 3. Among equals: one that is valid now; then one that an administrator bound to the name; then the one with the
//!    latest notBefore; then the first alias in lower case.
//!
//! An expired entry still answers where it is the best: what a client says about it is clearer than silence. Names are
//! compared in lower case, without a final dot, as A-labels; see [`host_name`].

use std::cmp::Ordering;

use crate::certificate::KeyAlgorithm;

/// How an entry came to be asked for a name. The greater one is the more exact one.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum NameMatch {
    /// It is the default entry.
    Default,
    /// One of its names is a wildcard for the name.
    Wildcard,
    /// It has the name.
    Exact,
}

impl NameMatch {
    /// The word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Wildcard => "wildcard",
            Self::Exact => "exact",
        }
    }
}

/// A key of a server by what TLS signs with it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ServerKey {
    /// RSA.
    Rsa,
    /// ECDSA on P-256.
    P256,
    /// ECDSA on P-384.
    P384,
    /// ECDSA on P-521.
    P521,
    /// Ed25519.
    Ed25519,
    /// A key for which TLS has no signature, or which no library here signs with.
    Unusable,
}

/// Cipher suites of TLS 1.3 (RFC 8446, appendix B.4).
const TLS13_SUITES: std::ops::RangeInclusive<u16> = 0x1301..=0x1305;

impl ServerKey {
    /// What TLS makes of a key.
    #[must_use]
    pub fn of(key: &KeyAlgorithm) -> Self {
        match key {
            KeyAlgorithm::Rsa { .. } => Self::Rsa,
            KeyAlgorithm::Ed25519 => Self::Ed25519,
            KeyAlgorithm::Ec { curve } => match curve.as_str() {
                "P-256" => Self::P256,
                "P-384" => Self::P384,
                "P-521" => Self::P521,
                _ => Self::Unusable,
            },
            _ => Self::Unusable,
        }
    }

    const ALL: [Self; 5] = [Self::Rsa, Self::P256, Self::P384, Self::P521, Self::Ed25519];

    /// The SignatureScheme values (RFC 8446, section 4.2.3) that it signs with, the best first.
    #[must_use]
    pub fn schemes(self) -> &'static [u16] {
        match self {
            Self::Rsa => &[0x0806, 0x0805, 0x0804, 0x0601, 0x0501, 0x0401],
            Self::P256 => &[0x0403],
            Self::P384 => &[0x0503],
            Self::P521 => &[0x0603],
            Self::Ed25519 => &[0x0807],
            Self::Unusable => &[],
        }
    }

    /// The kind of key that signs with a scheme: the reverse of [`schemes`](Self::schemes).
    fn of_scheme(scheme: u16) -> Self {
        match scheme {
            0x0806 | 0x0805 | 0x0804 | 0x0601 | 0x0501 | 0x0401 => Self::Rsa,
            0x0403 => Self::P256,
            0x0503 => Self::P384,
            0x0603 => Self::P521,
            0x0807 => Self::Ed25519,
            _ => Self::Unusable,
        }
    }

    /// The NamedGroup (RFC 8422, section 5.1.1) that a TLS 1.2 client must name for it.
    fn group(self) -> Option<u16> {
        match self {
            Self::P256 => Some(23),
            Self::P384 => Some(24),
            Self::P521 => Some(25),
            _ => None,
        }
    }

    fn bit(self) -> u8 {
        match self {
            Self::Rsa => 1,
            Self::P256 => 2,
            Self::P384 => 4,
            Self::P521 => 8,
            Self::Ed25519 => 16,
            Self::Unusable => 0,
        }
    }
}

/// Which keys a client can use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ClientKeys(u8);

impl ClientKeys {
    /// A client that can use every key that TLS signs with.
    pub const ANY: Self = Self(31);

    /// What a ClientHello says: its signature schemes, cipher suites and, if it names any, groups.
    ///
    /// Where the connection will be one of TLS 1.2, because the client offers no suite of 1.3 or the server has none
    /// (`tls13` is false), the suites must allow the key, and the curve of an ECDSA key must be among the groups
    /// (RFC 8422, section 5.1).
    #[must_use]
    pub fn offered(
        schemes: impl Iterator<Item = u16>,
        mut suites: impl Iterator<Item = u16> + Clone,
        groups: Option<impl Iterator<Item = u16> + Clone>,
        tls13: bool,
    ) -> Self {
        let old = !(tls13 && suites.clone().any(|suite| TLS13_SUITES.contains(&suite)));
        let (mut rsa, mut ecdsa) = (!old, !old);
        if old {
            suites.by_ref().for_each(|suite| {
                rsa |= RSA_SUITES.contains(&suite);
                ecdsa |= ECDSA_SUITES.contains(&suite);
            });
        }
        let signed = schemes.map(|scheme| ServerKey::of_scheme(scheme).bit()).fold(0, |keys, key| keys | key);
        let mut keys = 0;
        for key in ServerKey::ALL {
            let suited = if key == ServerKey::Rsa { rsa } else { ecdsa };
            let curve = !old
                || key.group().is_none_or(|wanted| {
                    groups.clone().is_none_or(|mut groups| groups.any(|group| group == wanted))
                });
            if suited && curve {
                keys |= key.bit() & signed;
            }
        }
        Self(keys)
    }

    /// A client that verifies RSA signatures alone.
    #[must_use]
    pub fn rsa_only() -> Self {
        Self(ServerKey::Rsa.bit())
    }

    /// A client of TLS 1.2 as they usually are: RSA, and ECDSA on P-256 and P-384.
    #[must_use]
    pub fn tls12() -> Self {
        Self(ServerKey::Rsa.bit() | ServerKey::P256.bit() | ServerKey::P384.bit())
    }

    /// Whether the client can use a key.
    #[must_use]
    pub fn can_use(self, key: ServerKey) -> bool {
        self.0 & key.bit() != 0
    }
}

/// Suites of TLS 1.2 with ephemeral keys and AEAD that are signed with RSA (RFC 5289, RFC 7905).
const RSA_SUITES: [u16; 3] = [0xc02f, 0xc030, 0xcca8];
/// The same for ECDSA and Ed25519.
const ECDSA_SUITES: [u16; 3] = [0xc02b, 0xc02c, 0xcca9];

/// An entry that may answer, by what the rule looks at.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Contender<'a> {
    /// Its alias.
    pub alias: &'a str,
    /// Why it is asked.
    pub matched: NameMatch,
    /// notBefore of its leaf, in seconds since 1970.
    pub not_before: i64,
    /// notAfter of its leaf, in seconds since 1970.
    pub not_after: i64,
    /// Whether an administrator bound it to the name.
    pub bound: bool,
    /// Its key.
    pub key: ServerKey,
}

impl<'a> Contender<'a> {
    /// One that is bound to nothing.
    #[must_use]
    pub fn new(alias: &'a str, matched: NameMatch, key: ServerKey, not_before: i64, not_after: i64) -> Self {
        Self { alias, matched, not_before, not_after, bound: false, key }
    }

    /// The same, bound to the name.
    #[must_use]
    pub fn bound(mut self, bound: bool) -> Self {
        self.bound = bound;
        self
    }

    fn is_valid(&self, at: i64) -> bool {
        (self.not_before..=self.not_after).contains(&at)
    }

    /// What the rule compares, in its order: the greater one answers, and of equals the first alias.
    fn rank(&self, client: ClientKeys, at: i64) -> (bool, bool, NameMatch, bool, bool, i64) {
        let named = self.matched != NameMatch::Default;
        (named, client.can_use(self.key), self.matched, self.is_valid(at), self.bound, self.not_before)
    }

    fn aliases(&self, other: &Self) -> Ordering {
        let lower = |text: &'a str| text.bytes().map(|byte| byte.to_ascii_lowercase());
        lower(self.alias).cmp(lower(other.alias))
    }

    /// Why `loser` does not answer, where this one does.
    #[must_use]
    pub fn loss_of(&self, loser: &Contender<'_>, client: ClientKeys, at: i64) -> Loss {
        let (won, lost) = (self.rank(client, at), loser.rank(client, at));
        if won.0 != lost.0 {
            Loss::LessExact
        } else if won.1 != lost.1 {
            Loss::KeyOfNoUse
        } else if won.2 != lost.2 {
            Loss::LessExact
        } else if won.3 != lost.3 {
            if at > loser.not_after { Loss::Expired } else { Loss::NotYetValid }
        } else if won.4 != lost.4 {
            Loss::NotBound
        } else if won.5 != lost.5 {
            Loss::Older
        } else {
            Loss::LaterAlias
        }
    }
}

/// Why an entry does not answer although it was asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Loss {
    /// The client cannot use its key.
    KeyOfNoUse,
    /// The winner is more exact.
    LessExact,
    /// It has expired, and the winner has not.
    Expired,
    /// It is not valid yet, and the winner is.
    NotYetValid,
    /// The winner is bound to the name.
    NotBound,
    /// The winner has a later notBefore.
    Older,
    /// All else is equal, and the winner's alias comes first.
    LaterAlias,
}

impl Loss {
    /// The word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::KeyOfNoUse => "key_of_no_use",
            Self::LessExact => "less_exact",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::NotBound => "not_bound",
            Self::Older => "older",
            Self::LaterAlias => "later_alias",
        }
    }
}

/// The contender that answers, by its place; `None` if there is none.
#[must_use]
pub fn select_entry<'a>(
    contenders: impl IntoIterator<Item = Contender<'a>>,
    client: ClientKeys,
    at: i64,
) -> Option<usize> {
    let mut best: Option<(usize, Contender<'a>)> = None;
    for (place, contender) in contenders.into_iter().enumerate() {
        let wins = best.as_ref().is_none_or(|(_, best)| {
            let ranks = contender.rank(client, at).cmp(&best.rank(client, at));
            ranks.then_with(|| best.aliases(&contender)) == Ordering::Greater
        });
        if wins {
            best = Some((place, contender));
        }
    }
    best.map(|(place, _)| place)
}

/// A host name as names are compared: in lower case and without a final dot. Takes what a ClientHello or a certificate
/// has; text of a user is a [`PeerName`](crate::validate::PeerName) first, which makes A-labels of it.
#[must_use]
pub fn host_name(text: &str) -> String {
    text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase()
}

/// The wildcard that stands for a name: `*.example.com` for `www.example.com`.
#[must_use]
pub fn wildcard_of(name: &str) -> Option<String> {
    let (label, parent) = name.split_once('.')?;
    (!label.is_empty() && !parent.is_empty() && label != "*").then(|| format!("*.{parent}"))
}

#[cfg(test)]
mod tests;
