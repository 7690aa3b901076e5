//! Why a keystore of Java cannot be read.

use thiserror::Error;

use crate::{pkcs12::Pkcs12Error, remedy::Remedy};

/// Why a keystore of Java (JKS or JCEKS) was refused.
#[derive(Clone, Debug, Error, Eq, PartialEq)]
#[non_exhaustive]
pub enum JksError {
    /// The file ends inside a value.
    #[error("the keystore is cut off: it ends at byte {at} inside a value that is longer")]
    Truncated {
        /// Where the file ends, in bytes.
        at: usize,
    },
    /// Something stands where it cannot.
    #[error("the keystore is malformed at byte {at}: {what}")]
    Malformed {
        /// Where, in bytes.
        at: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// Java writes version 2, and wrote version 1.
    #[error("the keystore has version {found}; versions 1 and 2 are known")]
    Version {
        /// The version found.
        found: u32,
    },
    /// More of something than is read.
    #[error("the keystore has {found} {what}; the limit is {limit}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many the file says there are.
        found: u64,
        /// The limit.
        limit: usize,
    },
    /// The digest at the end does not match. A wrong password and a changed file cannot be told apart.
    #[error("wrong password, or the keystore was changed after it was made")]
    WrongPassword,
    /// A secret key stands before entries that cannot be found without deserialising it.
    #[error("the keystore has the secret key \"{alias}\", and {after} after it that cannot be read{}", if *.keys == 0 { ": no private key stands before it" } else { "" }, after = entries(*.after))]
    SecretEntry {
        /// The alias of the secret key, shown as text.
        alias: String,
        /// How many entries are not read.
        after: usize,
        /// How many private keys stand before it, and can be chosen.
        keys: usize,
    },
    /// What is beyond the limits of a derivation, or was cancelled.
    #[error(transparent)]
    Pkcs12(#[from] Pkcs12Error),
}

pub(super) fn entries(count: usize) -> String {
    if count == 1 { "1 entry".to_owned() } else { format!("{count} entries") }
}

impl JksError {
    /// A stable code for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Truncated { .. } => "truncated",
            Self::Malformed { .. } => "malformed",
            Self::Version { .. } => "unsupported_version",
            Self::TooMany { .. } => "too_many",
            Self::WrongPassword => "wrong_password",
            Self::SecretEntry { .. } => "secret_entry",
            Self::Pkcs12(error) => error.code(),
        }
    }

    /// The stage that refused: `mac` for the digest, or else `container`.
    #[must_use]
    pub fn stage(&self) -> &'static str {
        match self {
            Self::WrongPassword => "mac",
            Self::Pkcs12(error) => error.stage(),
            _ => "container",
        }
    }

    /// What the user can do.
    #[must_use]
    pub fn remedies(&self) -> Vec<Remedy> {
        vec![match self {
            Self::Truncated { .. } => {
                Remedy::Advice("the copy is incomplete; transfer the file again, in binary mode")
            }
            Self::Malformed { .. } | Self::Version { .. } => {
                Remedy::Advice("transfer the file again in binary mode; does keytool -list read it?")
            }
            Self::TooMany { .. } => Remedy::Advice("move what is needed into a keystore of its own"),
            Self::WrongPassword => return Pkcs12Error::WrongPassword.remedies(),
            // What is meant may be among those that are not read.
            Self::SecretEntry { keys: 0, .. } => Remedy::ConvertJavaKeystore,
            Self::SecretEntry { .. } => return vec![Remedy::ChooseEntry, Remedy::ConvertJavaKeystore],
            Self::Pkcs12(error) => return error.remedies(),
        }]
    }
}
