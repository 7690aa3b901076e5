//! What the web server of a store offers: which entry it shows, protocol versions and cipher suites of TLS, and HSTS.
//!
//! The lists are closed: they name what a server of this house can offer. A name that is not among them is left out and
//! reported, if one that is remains.

use std::{fmt, str::FromStr};

use thiserror::Error;

use crate::{
    alias::Alias,
    certificate::printable,
    diagnostic::{Diagnostic, DiagnosticCode},
    remedy::Remedy,
    select::ServerKey,
};

/// The longest list that is read, in bytes: every suite that was ever registered fits.
const MAX_LIST: usize = 16 * 1024;
/// Names that a message repeats.
const MAX_NAMED: usize = 40;

/// A version of TLS.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum TlsVersion {
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}

/// A cipher suite of TLS, by the name that IANA registered.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum CipherSuite {
    /// RFC 8446.
    Aes256GcmSha384,
    /// RFC 8446.
    Aes128GcmSha256,
    /// RFC 8446.
    Chacha20Poly1305Sha256,
    /// RFC 5289.
    EcdheEcdsaAes256GcmSha384,
    /// RFC 5289.
    EcdheEcdsaAes128GcmSha256,
    /// RFC 7905.
    EcdheEcdsaChacha20Poly1305Sha256,
    /// RFC 5289.
    EcdheRsaAes256GcmSha384,
    /// RFC 5289.
    EcdheRsaAes128GcmSha256,
    /// RFC 7905.
    EcdheRsaChacha20Poly1305Sha256,
}

/// Something of TLS that a server offers or not, by its name.
pub trait TlsOption: Copy + Eq + Ord + Sized + 'static {
    /// Every one, the best first.
    const ALL: &'static [Self];
    /// What such a thing is called: `protocol`.
    const NOUN: &'static str;

    /// Its name.
    fn as_str(self) -> &'static str;
}

impl TlsOption for TlsVersion {
    const ALL: &'static [Self] = &[Self::Tls12, Self::Tls13];
    const NOUN: &'static str = "protocol";

    fn as_str(self) -> &'static str {
        match self {
            Self::Tls12 => "TLSv1.2",
            Self::Tls13 => "TLSv1.3",
        }
    }
}

impl TlsOption for CipherSuite {
    const ALL: &'static [Self] = &[
        Self::Aes256GcmSha384,
        Self::Aes128GcmSha256,
        Self::Chacha20Poly1305Sha256,
        Self::EcdheEcdsaAes256GcmSha384,
        Self::EcdheEcdsaAes128GcmSha256,
        Self::EcdheEcdsaChacha20Poly1305Sha256,
        Self::EcdheRsaAes256GcmSha384,
        Self::EcdheRsaAes128GcmSha256,
        Self::EcdheRsaChacha20Poly1305Sha256,
    ];
    const NOUN: &'static str = "cipher suite";

    fn as_str(self) -> &'static str {
        match self {
            Self::Aes256GcmSha384 => "TLS_AES_256_GCM_SHA384",
            Self::Aes128GcmSha256 => "TLS_AES_128_GCM_SHA256",
            Self::Chacha20Poly1305Sha256 => "TLS_CHACHA20_POLY1305_SHA256",
            Self::EcdheEcdsaAes256GcmSha384 => "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
            Self::EcdheEcdsaAes128GcmSha256 => "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
            Self::EcdheEcdsaChacha20Poly1305Sha256 => "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
            Self::EcdheRsaAes256GcmSha384 => "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
            Self::EcdheRsaAes128GcmSha256 => "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            Self::EcdheRsaChacha20Poly1305Sha256 => "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        }
    }
}

impl CipherSuite {
    /// The number that IANA registered.
    #[must_use]
    pub fn code(self) -> u16 {
        match self {
            Self::Aes128GcmSha256 => 0x1301,
            Self::Aes256GcmSha384 => 0x1302,
            Self::Chacha20Poly1305Sha256 => 0x1303,
            Self::EcdheEcdsaAes128GcmSha256 => 0xc02b,
            Self::EcdheEcdsaAes256GcmSha384 => 0xc02c,
            Self::EcdheRsaAes128GcmSha256 => 0xc02f,
            Self::EcdheRsaAes256GcmSha384 => 0xc030,
            Self::EcdheRsaChacha20Poly1305Sha256 => 0xcca8,
            Self::EcdheEcdsaChacha20Poly1305Sha256 => 0xcca9,
        }
    }

    /// The version of TLS that it belongs to.
    #[must_use]
    pub fn version(self) -> TlsVersion {
        match self {
            Self::Aes128GcmSha256 | Self::Aes256GcmSha384 | Self::Chacha20Poly1305Sha256 => TlsVersion::Tls13,
            _ => TlsVersion::Tls12,
        }
    }

    /// Whether a server with that key can use it: those of TLS 1.3 go with every key.
    fn fits(self, key: ServerKey) -> bool {
        match self {
            Self::Aes128GcmSha256 | Self::Aes256GcmSha384 | Self::Chacha20Poly1305Sha256 => true,
            Self::EcdheRsaAes128GcmSha256
            | Self::EcdheRsaAes256GcmSha384
            | Self::EcdheRsaChacha20Poly1305Sha256 => key == ServerKey::Rsa,
            _ => key != ServerKey::Rsa,
        }
    }
}

macro_rules! named {
    ($type:ident) => {
        impl FromStr for $type {
            type Err = ();

            /// By its name, whatever its case.
            fn from_str(input: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|one| one.as_str().eq_ignore_ascii_case(input)).ok_or(())
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

named!(TlsVersion);
named!(CipherSuite);

/// What of a list can be offered.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Chosen<T> {
    /// In the order of the list, each once. Never empty.
    pub offered: Vec<T>,
    /// What was left out.
    pub findings: Vec<Diagnostic>,
}

impl<T: TlsOption + FromStr> Chosen<T> {
    /// Reads a list of names with commas or spaces between them.
    ///
    /// ```
    /// use strongroom::web_server::{Chosen, TlsVersion};
    ///
    /// let chosen: Chosen<TlsVersion> = Chosen::from_list("TLSv1.3,SSLv3")?;
    /// assert_eq!(chosen.offered, [TlsVersion::Tls13]);
    /// assert_eq!(chosen.findings[0].message, "the protocol SSLv3 is not supported, and is left out");
    /// assert!(Chosen::<TlsVersion>::from_list("SSLv3").is_err());
    /// # Ok::<(), strongroom::web_server::WebServerError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`WebServerError::NoneSupported`] if nothing of the list can be offered, [`WebServerError::LongList`].
    pub fn from_list(list: &str) -> Result<Self, WebServerError> {
        if list.len() > MAX_LIST {
            return Err(WebServerError::LongList { noun: T::NOUN, found: list.len(), limit: MAX_LIST });
        }
        let (mut offered, mut ignored) = (Vec::new(), Vec::new());
        let words = list.split(|c: char| c == ',' || c.is_whitespace()).filter(|word| !word.is_empty());
        for word in words {
            match word.parse() {
                Ok(known) if offered.contains(&known) => {}
                Ok(known) => offered.push(known),
                Err(_) => ignored.push(word),
            }
        }
        let names = named_few(&ignored);
        if offered.is_empty() {
            return Err(WebServerError::NoneSupported {
                noun: T::NOUN,
                asked: names,
                known: list_of(T::ALL),
            });
        }
        let message = match ignored.len() {
            0 => None,
            1 => Some(format!("the {} {names} is not supported, and is left out", T::NOUN)),
            _ => Some(format!("the {}s {names} are not supported, and are left out", T::NOUN)),
        };
        let findings = message.map(|message| Diagnostic::new(DiagnosticCode::TlsNotOffered, message));
        Ok(Self { offered, findings: findings.into_iter().collect() })
    }
}

fn named_few(names: &[&str]) -> String {
    let shown: Vec<String> = names
        .iter()
        .take(MAX_NAMED)
        .map(|name| printable(&name.chars().take(80).collect::<String>()))
        .collect();
    let more = names.len().saturating_sub(MAX_NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

/// Names with commas and without spaces, as settings have them.
#[must_use]
pub fn list_of<T: TlsOption>(options: &[T]) -> String {
    options.iter().map(|option| option.as_str()).collect::<Vec<_>>().join(",")
}

/// What the web server of a store shows and offers. Until somebody changes it, it is the default: whatever the server
/// shows by itself, every version and suite, no HSTS.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct WebServer {
    /// The entry whose certificate it shows; `None` if that was left to the server.
    pub alias: Option<Alias>,
    /// The entry that it showed before, if another one was chosen.
    pub former: Option<Alias>,
    /// The versions that were chosen; `None` for all.
    pub(crate) versions: Option<Vec<TlsVersion>>,
    /// The suites that were chosen; `None` for all.
    pub(crate) suites: Option<Vec<CipherSuite>>,
    /// Whether answers tell browsers to come by HTTPS alone (RFC 6797).
    pub hsts: bool,
}

impl WebServer {
    /// The versions that are offered: those that were chosen and have a suite. Never empty.
    #[must_use]
    pub fn versions(&self) -> Vec<TlsVersion> {
        let mut chosen = self.versions.clone().unwrap_or_else(|| TlsVersion::ALL.to_vec());
        chosen.sort_unstable();
        let suites = self.suites();
        chosen.retain(|version| suites.iter().any(|suite| suite.version() == *version));
        chosen
    }

    /// The suites that may be used, in the order in which they were given.
    #[must_use]
    pub fn suites(&self) -> Vec<CipherSuite> {
        self.suites.clone().unwrap_or_else(|| CipherSuite::ALL.to_vec())
    }

    /// Whether what is offered leaves a connection possible for a server with that key, and what of it does not.
    ///
    /// # Errors
    ///
    /// [`WebServerError::NothingInCommon`], [`WebServerError::KeyCannotSign`].
    pub(crate) fn check(&self, key: Option<ServerKey>) -> Result<Vec<Diagnostic>, WebServerError> {
        let (offered, suites) = (self.versions(), self.suites());
        if offered.is_empty() {
            let versions = self.versions.as_deref().unwrap_or(TlsVersion::ALL);
            return Err(WebServerError::NothingInCommon {
                versions: list_of(versions),
                suites: list_of(&suites),
            });
        }
        let mut findings = Vec::new();
        let mut note = |message| findings.push(Diagnostic::new(DiagnosticCode::TlsNotOffered, message));
        for version in self.versions.iter().flatten().filter(|version| !offered.contains(version)) {
            note(format!("{version} is not offered: none of its cipher suites was chosen"));
        }
        if let Some(key) = key {
            let works = |version: &&TlsVersion| {
                suites.iter().any(|suite| suite.version() == **version && suite.fits(key))
            };
            if !offered.iter().any(|version| works(&version)) {
                return Err(WebServerError::KeyCannotSign { suites: list_of(&suites) });
            }
            for version in offered.iter().filter(|version| !works(version)) {
                note(format!(
                    "no client can use {version}: none of the cipher suites that were chosen goes with the key of the certificate"
                ));
            }
        }
        Ok(findings)
    }
}

impl fmt::Display for WebServer {
    /// For the log: what is set, in a few words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} cipher suites", list_of(&self.versions()), self.suites().len())?;
        f.write_str(if self.hsts { " HSTS" } else { "" })
    }
}

/// Why a web server cannot be set up so.
#[derive(Clone, Debug, Error, Eq, PartialEq)]
#[non_exhaustive]
pub enum WebServerError {
    /// Nothing of a list can be offered.
    #[error("{}; supported are {known}", if asked.is_empty() { format!("no {noun} is given") } else { format!("no {noun} of {asked} is supported") })]
    NoneSupported {
        /// What the list is of.
        noun: &'static str,
        /// The names that it has.
        asked: String,
        /// What is supported.
        known: String,
    },
    /// The list is too long.
    #[error("the list of {noun}s has {found} bytes; at most {limit} are read")]
    LongList {
        /// What the list is of.
        noun: &'static str,
        /// Bytes found.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// No suite belongs to a version.
    #[error("no connection would be possible: none of the cipher suites {suites} belongs to {versions}")]
    NothingInCommon {
        /// The versions.
        versions: String,
        /// The suites.
        suites: String,
    },
    /// The key of the certificate goes with no suite.
    #[error(
        "no connection would be possible: the key of the certificate goes with none of the cipher suites {suites}"
    )]
    KeyCannotSign {
        /// The suites.
        suites: String,
    },
    /// The entry is a CA certificate.
    #[error("\"{alias}\" is the certificate of a CA, and has no key to serve with")]
    CaCertificate {
        /// The entry.
        alias: Alias,
    },
    /// TLS has no signature for the key.
    #[error("\"{alias}\" cannot be served: TLS has no signature for a key of the kind {key}")]
    UnsupportedKey {
        /// The entry.
        alias: Alias,
        /// Its key.
        key: String,
    },
}

impl WebServerError {
    /// A stable code for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoneSupported { .. }
            | Self::LongList { .. }
            | Self::NothingInCommon { .. }
            | Self::KeyCannotSign { .. } => "tls_not_offered",
            Self::CaCertificate { .. } => "ca_certificate",
            Self::UnsupportedKey { .. } => "unsupported_key",
        }
    }

    /// What the user can do.
    #[must_use]
    pub fn remedies(&self) -> Vec<Remedy> {
        vec![match self {
            Self::NoneSupported { .. } => Remedy::Advice("name one that is supported"),
            Self::LongList { .. } => Remedy::Advice("name only those that are to be offered"),
            Self::NothingInCommon { .. } => Remedy::Advice(
                "add a cipher suite of one of the protocols; those of TLSv1.3 have no WITH in their names",
            ),
            Self::KeyCannotSign { .. } => Remedy::Advice(
                "add a cipher suite with the kind of its key in the name, RSA or ECDSA, or one of TLSv1.3",
            ),
            Self::CaCertificate { .. } => Remedy::Advice("choose a server certificate"),
            Self::UnsupportedKey { .. } => {
                Remedy::Advice("ask for a certificate with a P-256 or RSA-2048 key")
            }
        }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(list: &str) -> Result<Chosen<TlsVersion>, WebServerError> {
        Chosen::from_list(list)
    }

    #[test]
    fn lists_are_read_in_every_form_and_what_is_left_out_is_named() {
        let chosen = versions("tlsv1.3, TLSv1.2,TLSv1.3 ,").unwrap();
        assert_eq!(
            (chosen.offered.as_slice(), chosen.findings.len()),
            (&[TlsVersion::Tls13, TlsVersion::Tls12][..], 0)
        );
        let chosen: Chosen<CipherSuite> = Chosen::from_list(
            "TLS_RSA_WITH_AES_256_CBC_SHA,TLS_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
        )
        .unwrap();
        assert_eq!(chosen.offered, [CipherSuite::Aes128GcmSha256]);
        assert_eq!(
            (chosen.findings[0].code, chosen.findings[0].message.as_str()),
            (
                DiagnosticCode::TlsNotOffered,
                "the cipher suites TLS_RSA_WITH_AES_256_CBC_SHA, TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA are not supported, and are left out"
            )
        );
    }

    #[test]
    fn a_list_of_which_nothing_is_left_is_refused() {
        let told = |list: &str| versions(list).unwrap_err().to_string();
        assert_eq!(
            told("SSLv3,TLSv1"),
            "no protocol of SSLv3, TLSv1 is supported; supported are TLSv1.2,TLSv1.3"
        );
        assert_eq!(told(" , "), "no protocol is given; supported are TLSv1.2,TLSv1.3");
        assert!(told(&"x,".repeat(9_000)).starts_with("the list of protocols has 18000 bytes"));
        // What is repeated is bounded, and harmless on a terminal.
        let long = told(&format!("{},\u{1b}[31m", "y".repeat(10_000)));
        assert!(long.len() < 400 && !long.contains('\u{1b}'), "{long}");
    }

    #[test]
    fn what_leaves_no_connection_is_refused() {
        use CipherSuite::{Aes128GcmSha256, EcdheEcdsaAes128GcmSha256, EcdheRsaAes128GcmSha256};
        let server = |versions: &[TlsVersion], suites: &[CipherSuite]| WebServer {
            versions: Some(versions.to_vec()),
            suites: Some(suites.to_vec()),
            ..WebServer::default()
        };
        let (rsa, p256) = (Some(ServerKey::Rsa), Some(ServerKey::P256));
        let old = server(&[TlsVersion::Tls12], &[Aes128GcmSha256]);
        assert!(matches!(old.check(None), Err(WebServerError::NothingInCommon { .. })));
        let old = server(&[TlsVersion::Tls12], &[EcdheEcdsaAes128GcmSha256]);
        assert!(matches!(old.check(rsa), Err(WebServerError::KeyCannotSign { .. })));
        assert_eq!(old.check(p256), Ok(Vec::new()));
        // TLS 1.3 remains.
        let both = server(TlsVersion::ALL, &[Aes128GcmSha256, EcdheRsaAes128GcmSha256]);
        assert_eq!(both.check(rsa), Ok(Vec::new()));
        let warned = both.check(p256).unwrap();
        assert!(warned[0].message.starts_with("no client can use TLSv1.2: "), "{warned:?}");
        let narrow = server(TlsVersion::ALL, &[Aes128GcmSha256]);
        assert_eq!(narrow.versions(), [TlsVersion::Tls13]);
        assert_eq!(
            narrow.check(rsa).unwrap()[0].message,
            "TLSv1.2 is not offered: none of its cipher suites was chosen"
        );
    }

    #[test]
    fn names_and_numbers_are_those_of_the_registry() {
        for suite in CipherSuite::ALL {
            assert_eq!(suite.as_str().to_ascii_lowercase().parse(), Ok(*suite));
            assert_eq!(suite.version() == TlsVersion::Tls13, !suite.as_str().contains("_WITH_"));
            assert_eq!(suite.version() == TlsVersion::Tls13, (0x1301..=0x1303).contains(&suite.code()));
        }
        assert_eq!("x".parse::<CipherSuite>(), Err(()));
    }
}
