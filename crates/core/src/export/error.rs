//! Why nothing was exported.

use thiserror::Error;

use crate::remedy::Remedy;

/// Why an entry was not exported. Nothing was given, and nothing written.
#[derive(Clone, Debug, Error, Eq, PartialEq)]
#[non_exhaustive]
pub enum ExportError {
    /// A PKCS #12 file has a password, if only the empty one.
    #[error("a PKCS #12 file needs a password, and none was given")]
    NoPassword,
    /// The profile for FIPS takes no short password.
    #[error("the password has {found} bytes; the profile fips takes at least {least}")]
    ShortPassword {
        /// Bytes of the password.
        found: usize,
        /// The fewest that modules in FIPS mode take.
        least: usize,
    },
    /// Iterations that are not written.
    #[error("{found} iterations; from {least} to {most} are written")]
    Iterations {
        /// What was asked for.
        found: u32,
        /// The fewest.
        least: u32,
        /// The most.
        most: u32,
    },
    /// A private key that has no traditional form.
    #[error("{what} is not written in the traditional form")]
    NoTraditionalForm {
        /// The kind of key, or what else stands against it.
        what: String,
    },
    /// A key that is not exported in this profile.
    #[error("a key of the kind {algorithm} is not exported in the profile {profile}")]
    UnsupportedKey {
        /// The kind of key.
        algorithm: String,
        /// The profile.
        profile: &'static str,
    },
    /// There is a file already.
    #[error("{path} is there already")]
    Exists {
        /// The file.
        path: String,
    },
    /// There is a file that is not as an export left it.
    #[error("{path} is not as an export to that path left it")]
    Changed {
        /// The file.
        path: String,
    },
    /// No certificate was chosen.
    #[error("there is no CA certificate to export")]
    Nothing,
    /// What was written does not read back as what it should be.
    #[error("what was written did not read back as the entry, so it was not given")]
    NotReadBack,
    /// No random bytes, or a cipher failed.
    #[error("the system gave no random bytes")]
    NoRandomness,
}

impl ExportError {
    /// A stable code for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoPassword => "export_password",
            Self::ShortPassword { .. } => "short_password",
            Self::Iterations { .. } => "bad_iterations",
            Self::NoTraditionalForm { .. } => "no_traditional_form",
            Self::UnsupportedKey { .. } => "unsupported_key",
            Self::Exists { .. } => "file_exists",
            Self::Changed { .. } => "file_changed",
            Self::Nothing => "nothing_to_export",
            Self::NotReadBack => "not_read_back",
            Self::NoRandomness => "seal_failed",
        }
    }

    /// What the user can do.
    #[must_use]
    pub fn remedies(&self) -> Vec<Remedy> {
        vec![match self {
            Self::NoPassword => Remedy::GivePasswordOut,
            Self::ShortPassword { .. } => Remedy::Advice("choose a longer password"),
            Self::Iterations { .. } => Remedy::Advice("leave the number out to have that of the profile"),
            Self::NoTraditionalForm { .. } => Remedy::Advice("export it as PKCS #8"),
            Self::UnsupportedKey { .. } => Remedy::Advice("export it in the profile modern"),
            Self::Exists { .. } | Self::Changed { .. } => Remedy::Force,
            Self::Nothing => Remedy::ImportAuthority,
            Self::NotReadBack | Self::NoRandomness => {
                Remedy::Advice("try again, and report it if it stays so")
            }
        }]
    }
}
