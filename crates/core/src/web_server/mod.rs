//! What the web server of a store offers: which entry it shows, protocol versions and cipher suites of TLS, and HSTS.
//!
//! The lists are closed: they name what a server of this house can offer. A name that is not among them is left out and
//! reported, if one that is remains.

mod error;
mod tls;

use std::fmt;

pub use self::{
    error::WebServerError,
    tls::{Chosen, CipherSuite, TlsOption, TlsVersion, list_of},
};
use crate::{
    alias::Alias,
    diagnostic::{Diagnostic, DiagnosticCode},
    select::ServerKey,
};

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

    /// Whether a client can connect at all if the certificate that is shown has that key.
    #[must_use]
    pub fn goes_with(&self, key: ServerKey) -> bool {
        let suites = self.suites();
        self.versions().iter().any(|version| usable(&suites, *version, key))
    }

    /// The same with every suite of the versions that were chosen: one of them goes with every key.
    #[must_use]
    pub fn with_every_suite(&self) -> Self {
        Self { suites: None, ..self.clone() }
    }

    /// The suites that were chosen, and those of their versions that go with that key.
    pub(crate) fn suites_with(&self, key: ServerKey) -> Vec<CipherSuite> {
        let (versions, mut suites) = (self.versions(), self.suites());
        for suite in CipherSuite::ALL {
            if versions.contains(&suite.version()) && suite.fits(key) && !suites.contains(suite) {
                suites.push(*suite);
            }
        }
        suites
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
            let works = |version: &&TlsVersion| usable(&suites, **version, key);
            if !self.goes_with(key) {
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

/// Whether one of the suites makes a version usable for a server with that key.
fn usable(suites: &[CipherSuite], version: TlsVersion, key: ServerKey) -> bool {
    suites.iter().any(|suite| suite.version() == version && suite.fits(key))
}

impl fmt::Display for WebServer {
    /// For the log: what is set, in a few words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suites = self.suites().len();
        let plural = if suites == 1 { "" } else { "s" };
        write!(f, "{}, {suites} cipher suite{plural}", list_of(&self.versions()))?;
        f.write_str(if self.hsts { ", HSTS" } else { "" })
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
