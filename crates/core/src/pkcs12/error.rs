//! Why a PKCS #12 file was refused.

use thiserror::Error;

use super::oid;
use crate::{
    file_format::FileFormat,
    limits::{BudgetExceeded, CEILING_FILE_LEN, CEILING_WORK, Cancelled},
    pem::PemError,
    remedy::Remedy,
};

/// Why a PFX could not be read, verified or decrypted.
#[derive(Clone, Debug, Error, Eq, PartialEq)]
#[non_exhaustive]
pub enum Pkcs12Error {
    /// The file is larger than [`Limits::max_file_len`](crate::limits::Limits::max_file_len).
    #[error("the file has {found} bytes; the limit is {limit}")]
    TooLarge {
        /// Bytes found.
        found: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The file is of another kind.
    #[error("this is {found}, not a PKCS #12 file")]
    NotPkcs12 {
        /// What the file was recognised as.
        found: FileFormat,
    },
    /// The text around a PFX cannot be read.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// The file ends inside a value.
    #[error("the file is cut off: it ends at byte {at} inside a value that is longer")]
    Truncated {
        /// Where the file ends, in bytes.
        at: usize,
    },
    /// The encoding is broken or does not follow RFC 7292.
    #[error("the file is malformed near byte {at}: {what}")]
    Malformed {
        /// The position in the layer where the fault was found, in bytes.
        at: usize,
        /// What was expected.
        what: &'static str,
    },
    /// Bytes other than zeros follow the PFX.
    #[error(
        "{} the PFX, which ends at byte {at}",
        if *length == 1 { "a byte that is not zero follows".to_owned() } else { format!("{length} bytes that are not zeros follow") }
    )]
    TrailingData {
        /// Where the PFX ends.
        at: usize,
        /// How many bytes follow.
        length: usize,
    },
    /// The PFX is not of version 3, the only one that RFC 7292 (section 4) defines.
    #[error("the PFX has version {found}; only version 3 is defined")]
    Version {
        /// The version found.
        found: String,
    },
    /// More of something than a [`Limits`](crate::limits::Limits) field allows.
    #[error("the file has more than {limit} {what}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// The file carries no MAC, so nothing in it is proved to be what its maker wrote.
    #[error("the file has no MAC, so changes to it cannot be detected")]
    NoMac,
    /// The MAC over `authSafe` does not match.
    ///
    /// A wrong password and a changed file cannot be told apart (RFC 7292, section 4).
    #[error("wrong password, or the file was changed after it was made")]
    WrongPassword,
    /// The MAC matches, but a private key does not decrypt: it has a password of its own.
    #[error("the password opens the file, but not the private key in it")]
    KeyPassword,
    /// A private key in a file of its own stays locked.
    #[error("{}", if *.given { "wrong password for the private key" } else { "the private key has a password, and none was given" })]
    KeyFilePassword {
        /// Whether a password was given.
        given: bool,
    },
    /// The MAC matches, but an encrypted part does not decrypt.
    #[error("the password opens the file, but not an encrypted part of it")]
    SafePassword,
    /// An algorithm that this crate does not implement.
    #[error("unsupported algorithm {name} in the {field}")]
    UnsupportedAlgorithm {
        /// Which part of the file asks for it.
        field: &'static str,
        /// The name, where known, and the object identifier.
        name: String,
    },
    /// An algorithm that this crate implements, but that this build was made without.
    #[error("the {field} uses {name}, which this program was built without")]
    LegacyAlgorithm {
        /// Which part of the file asks for it.
        field: &'static str,
        /// The name and the object identifier.
        name: String,
    },
    /// A part of the file is protected by a public key (RFC 7292, section 3.1), not by a password.
    #[error("a part of the file is encrypted to a public key, not by a password")]
    PublicKeyPrivacy,
    /// A parameter of an algorithm is outside what its standard or the limits allow.
    #[error("{what} is {found}; allowed is {allowed}")]
    Parameter {
        /// Which parameter.
        what: &'static str,
        /// Its value.
        found: String,
        /// The allowed range.
        allowed: String,
    },
    /// The file asks for more work than one import may cost.
    #[error(transparent)]
    Work(#[from] BudgetExceeded),
    /// The caller stopped the derivation of a key.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// The file opened, and holds nothing that can be used.
    #[error("the file holds no key and no certificate{}", skipped_text(.skipped))]
    Nothing {
        /// What was skipped, with the reason.
        skipped: Vec<String>,
    },
}

/// What there may be one of in a PEM text: none of several is chosen for the user.
pub(super) const PFX_BLOCK: &str = "PKCS #12 block in its text";

fn skipped_text(skipped: &[String]) -> String {
    if skipped.is_empty() { String::new() } else { format!("; skipped: {}", skipped.join(", ")) }
}

impl Pkcs12Error {
    /// An algorithm in `field` that is not known, or that this build was made without.
    pub(super) fn unsupported(field: &'static str, oid: &[u8]) -> Self {
        let name = oid::name(oid);
        if oid::needs_legacy(oid) && cfg!(not(feature = "legacy-pfx")) {
            return Self::LegacyAlgorithm { field, name };
        }
        Self::UnsupportedAlgorithm { field, name }
    }

    /// Whether this is an algorithm that cannot be used, so that a part of the file stays locked.
    pub(super) fn is_of_algorithm(&self) -> bool {
        matches!(self, Self::UnsupportedAlgorithm { .. } | Self::LegacyAlgorithm { .. })
    }

    /// A stable code for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "file_too_large",
            Self::NotPkcs12 { .. } => "not_pkcs12",
            Self::Pem(_) => "broken_text",
            Self::Truncated { .. } => "truncated",
            Self::Malformed { .. } | Self::TrailingData { .. } => "malformed",
            Self::Version { .. } => "unsupported_version",
            Self::TooMany { .. } => "too_many",
            Self::NoMac => "no_mac",
            Self::WrongPassword => "wrong_password",
            Self::KeyPassword | Self::KeyFilePassword { .. } | Self::SafePassword => "key_password",
            Self::UnsupportedAlgorithm { .. } | Self::PublicKeyPrivacy => "unsupported_algorithm",
            Self::LegacyAlgorithm { .. } => "legacy_algorithm",
            Self::Parameter { .. } => "bad_parameter",
            Self::Work(_) => "too_much_work",
            Self::Cancelled(_) => "cancelled",
            Self::Nothing { .. } => "empty",
        }
    }

    /// The stage that refused: `container`, `mac`, `certificate bag` or `key bag`.
    #[must_use]
    pub fn stage(&self) -> &'static str {
        match self {
            Self::NoMac | Self::WrongPassword => "mac",
            Self::UnsupportedAlgorithm { field, .. } | Self::LegacyAlgorithm { field, .. } => field,
            Self::KeyPassword => "key bag",
            Self::KeyFilePassword { .. } => "key",
            Self::SafePassword => "certificate bag",
            _ => "container",
        }
    }

    /// What the user can do.
    #[must_use]
    pub fn remedies(&self) -> Vec<Remedy> {
        vec![match self {
            Self::NotPkcs12 { found } => return found.remedies(),
            Self::Pem(error) => return error.remedies(),
            Self::TooLarge { found, .. } => {
                let is_it = Remedy::Advice(
                    "a PKCS #12 file with a key and its chain has a few kilobytes; is this the right file?",
                );
                let raise = Remedy::RaiseMaxSize { needed: *found };
                return std::iter::once(is_it).chain((*found <= CEILING_FILE_LEN).then_some(raise)).collect();
            }
            Self::Truncated { .. } => {
                Remedy::Advice("the copy is incomplete; transfer the file again, in binary mode")
            }
            Self::Malformed { .. } | Self::TrailingData { .. } => Remedy::Advice(
                "transfer the file again in binary mode, or export it again from the program that made it",
            ),
            Self::NoMac => {
                return vec![Remedy::Advice("export the file again with a MAC"), Remedy::Allow("no_mac")];
            }
            Self::WrongPassword => Remedy::Advice(
                "check the password; a password file's last line end is not part of it, and case and keyboard layout matter",
            ),
            Self::KeyPassword => {
                return vec![
                    Remedy::KeyPassword,
                    Remedy::Advice("export the file again with one password for the file and the key"),
                ];
            }
            Self::KeyFilePassword { .. } => Remedy::KeyPassword,
            Self::SafePassword => {
                Remedy::Advice("export the file again with one password for all of its parts")
            }
            Self::UnsupportedAlgorithm { .. } | Self::PublicKeyPrivacy => Remedy::Advice(
                "export the file again with AES-256 and SHA-256, which every current program writes",
            ),
            Self::LegacyAlgorithm { .. } => {
                return vec![
                    Remedy::Advice(
                        "export the file again with AES-256 and SHA-256, which every current program writes",
                    ),
                    Remedy::Advice("take a build with the feature legacy-pfx of the strongroom library"),
                ];
            }
            Self::Work(exceeded) => {
                let raise = Remedy::RaiseMaxWork { needed: exceeded.found };
                let again = Remedy::Advice("export the file again with fewer iterations");
                return (exceeded.found <= CEILING_WORK)
                    .then_some(raise)
                    .into_iter()
                    .chain([again])
                    .collect();
            }
            Self::TooMany { what: PFX_BLOCK, .. } => Remedy::Advice(
                "save each PKCS #12 block, from its BEGIN to its END, as a file of its own, and take the one that is meant",
            ),
            Self::Parameter { .. } | Self::TooMany { .. } => {
                Remedy::Advice("export the file again with the usual parameters of the program that made it")
            }
            Self::Cancelled(_) => Remedy::Advice(
                "try again when the machine is less busy, or export the file again with fewer iterations",
            ),
            Self::Nothing { .. } | Self::Version { .. } => {
                Remedy::Advice("export the file again from the program that made it")
            }
        }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{Cancel, KdfBudget, Limits};

    #[test]
    fn every_error_has_its_code_its_stage_and_what_to_do() {
        let limits = Limits { max_work: 1, ..Limits::default() };
        let work = KdfBudget::new(&limits).charge(2, 1).unwrap_err();
        let cancelled = KdfBudget::new(&limits).with_cancel(Cancel::when(|_| true)).check().unwrap_err();
        let unsupported = Pkcs12Error::UnsupportedAlgorithm { field: "key bag", name: "X (1.2)".to_owned() };
        let legacy = Pkcs12Error::LegacyAlgorithm { field: "mac", name: "MD5 (1.2)".to_owned() };
        let parameter = Pkcs12Error::Parameter { what: "n", found: "0".to_owned(), allowed: "1".to_owned() };
        let again = "export the file again";
        for (error, code, stage, help) in [
            (
                Pkcs12Error::TooLarge { found: 2, limit: 1 },
                "file_too_large",
                "container",
                "a PKCS #12 file with",
            ),
            (
                Pkcs12Error::NotPkcs12 { found: FileFormat::Zip },
                "not_pkcs12",
                "container",
                "unpack the archive",
            ),
            (Pkcs12Error::Truncated { at: 1 }, "truncated", "container", "the copy is incomplete"),
            (
                Pkcs12Error::Malformed { at: 1, what: "x" },
                "malformed",
                "container",
                "transfer the file again",
            ),
            (
                Pkcs12Error::TrailingData { at: 1, length: 2 },
                "malformed",
                "container",
                "transfer the file again",
            ),
            (Pkcs12Error::Version { found: "4".to_owned() }, "unsupported_version", "container", again),
            (Pkcs12Error::TooMany { what: "bags", limit: 1 }, "too_many", "container", again),
            (Pkcs12Error::NoMac, "no_mac", "mac", again),
            (Pkcs12Error::WrongPassword, "wrong_password", "mac", "check the password"),
            (Pkcs12Error::KeyPassword, "key_password", "key bag", "give the private key's own"),
            (Pkcs12Error::SafePassword, "key_password", "certificate bag", again),
            (unsupported, "unsupported_algorithm", "key bag", again),
            (legacy, "legacy_algorithm", "mac", again),
            (Pkcs12Error::PublicKeyPrivacy, "unsupported_algorithm", "container", again),
            (parameter, "bad_parameter", "container", again),
            (work.into(), "too_much_work", "container", "if you trust the file"),
            (cancelled.into(), "cancelled", "container", "try again"),
            (Pkcs12Error::Nothing { skipped: Vec::new() }, "empty", "container", again),
        ] {
            assert_eq!((error.code(), error.stage()), (code, stage), "{error}");
            let said = error.remedies()[0].to_string();
            assert!(said.starts_with(help), "{code}: {said}");
        }
        let skipped = Pkcs12Error::Nothing { skipped: vec!["a crlBag".to_owned(), "a secretBag".to_owned()] };
        assert_eq!(
            skipped.to_string(),
            "the file holds no key and no certificate; skipped: a crlBag, a secretBag"
        );
    }
}
