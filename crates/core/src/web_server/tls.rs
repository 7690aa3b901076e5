//! The versions and cipher suites of TLS that a server of this house can offer, and lists of them as people write them.

use std::{fmt, str::FromStr};

use super::WebServerError;
use crate::{
    certificate::printable,
    diagnostic::{Diagnostic, DiagnosticCode},
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
    pub(super) fn fits(self, key: ServerKey) -> bool {
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
