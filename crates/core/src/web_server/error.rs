//! Why a web server cannot be set up as somebody chose.

use thiserror::Error;

use crate::{alias::Alias, remedy::Remedy};

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
    /// What the web server shows is to get a key that goes with no suite.
    #[error(
        "no connection to the web server would be possible: it shows \"{alias}\", whose new key, {key}, goes with none of the cipher suites that were chosen, {suites}"
    )]
    NewKeyCannotSign {
        /// The entry that is shown.
        alias: Alias,
        /// The key that it would have.
        key: String,
        /// The suites that were chosen.
        suites: String,
        /// The same with those that go with the key.
        enough: String,
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
            | Self::KeyCannotSign { .. }
            | Self::NewKeyCannotSign { .. } => "tls_not_offered",
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
            Self::NewKeyCannotSign { alias, enough, .. } => {
                Remedy::OfferSuites { alias: alias.key(), suites: enough.clone() }
            }
            Self::CaCertificate { .. } => Remedy::Advice("choose a server certificate"),
            Self::UnsupportedKey { .. } => {
                Remedy::Advice("ask for a certificate with a P-256 or RSA-2048 key")
            }
        }]
    }
}
