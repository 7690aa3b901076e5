//! Why a certificate or a request was not made, or a reply not taken.

use thiserror::Error;

use super::SignatureHash;
use crate::{alias::Alias, remedy::Remedy};

/// Why a key, a certificate or a request was not made, or the reply to a request not taken.
#[derive(Clone, Debug, Error, Eq, PartialEq)]
#[non_exhaustive]
pub enum IssuanceError {
    /// A name that no certificate has.
    #[error("{found:?} is no name for a certificate: {reason}")]
    InvalidName {
        /// The text.
        found: String,
        /// What is wrong with it, and what is taken.
        reason: String,
    },
    /// More names than one certificate is given.
    #[error("{found} names were given; a certificate has at most {limit}")]
    TooManyNames {
        /// How many.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// Neither a name nor a subject.
    #[error("a certificate needs a name: the DNS name or IP address by which clients reach the server")]
    NoName,
    /// A self-signed certificate whose names all are too long for a subject.
    #[error(
        "no name is short enough for the CN of a self-signed certificate, which has at most 64 characters"
    )]
    NoSubject,
    /// A subject that is not taken.
    #[error("{found:?} is no subject for a certificate: {reason}")]
    InvalidSubject {
        /// The text.
        found: String,
        /// What is wrong with it, and what is taken.
        reason: String,
    },
    /// Subject or names of a certificate cannot be written again.
    #[error(
        "{what} cannot be written again in a request: it has parts that are not written here, or stand twice"
    )]
    NotRepeatable {
        /// What.
        what: String,
    },
    /// A name of a certificate that is not asked for once more.
    #[error(
        "the certificate has the name {found:?}, which is not asked for again, since no client matches a host with it: {reason}"
    )]
    UnmatchableName {
        /// The name, escaped.
        found: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A kind of key that is not made.
    #[error(
        "a key of the kind {found:?} is not made: it is p256, p384, rsa2048, rsa3072, rsa4096 or ed25519"
    )]
    UnsupportedKey {
        /// What was asked for.
        found: String,
    },
    /// A hash that does not go with the key.
    #[error("a key {key} does not sign with {hash}, but {}", only.map_or_else(|| "with a hash of its own".to_owned(), |only| format!("with {only}")))]
    UnsupportedHash {
        /// What was asked for.
        hash: SignatureHash,
        /// The key.
        key: String,
        /// What it signs with; `None` if its algorithm has a hash of its own.
        only: Option<SignatureHash>,
    },
    /// A validity outside what is made.
    #[error(
        "a self-signed certificate is not made for {found} days: it is 1 to {limit}, for some clients refuse one that is valid for longer"
    )]
    InvalidValidity {
        /// Days.
        found: u32,
        /// The limit in days.
        limit: u32,
    },
    /// The library failed.
    #[error("the key or what it signs could not be made")]
    Failed,
    /// There is a pending request for the alias.
    #[error("there is a pending request for \"{alias}\" already, of {day}")]
    Pending {
        /// The alias.
        alias: Alias,
        /// When it was made.
        day: String,
    },
    /// There is no pending request for the alias.
    #[error("there is no pending request for \"{alias}\"")]
    NotPending {
        /// The alias.
        alias: Alias,
    },
    /// What has the alias has no private key, which was asked for.
    #[error("\"{alias}\" is a CA certificate, and has no private key here")]
    NoKey {
        /// The alias.
        alias: Alias,
    },
    /// A reply came with a private key.
    #[error("the reply to a request is certificates alone, and this is a private key or a keystore")]
    ReplyWithKey,
    /// What came is a request itself.
    #[error("{file} holds a certificate request: it goes to the CA, and what comes back is a certificate")]
    ReplyIsRequest {
        /// The file.
        file: String,
    },
    /// The certificate is the reply to the request of another alias.
    #[error(
        "the certificate is the reply to the request for \"{of}\", not for \"{alias}\": its public key is of that one"
    )]
    WrongRequest {
        /// The alias that was given.
        alias: Alias,
        /// The alias whose request it is.
        of: Alias,
    },
    /// The certificate belongs to no key that is waited for.
    #[error(
        "no certificate is for the key of \"{alias}\", which has the public key {expected}: {found}; {others}"
    )]
    ReplyMismatch {
        /// The alias.
        alias: Alias,
        /// The beginning of the digest of the public key that is waited for.
        expected: String,
        /// What the certificates are, each with the beginning of the digest of its public key.
        found: String,
        /// Which requests there are.
        others: String,
    },
    /// The certificate is for no key that can be looked at, and there are pending requests that cannot be.
    #[error(
        "no key is that of the certificate; it may be the reply to a request that is damaged, and whose key cannot be compared: {aliases}"
    )]
    RequestDamaged {
        /// The aliases of the damaged requests, the first of them.
        aliases: String,
    },
    /// Nothing waits for a certificate under the alias.
    #[error(
        "nothing waits for a certificate under \"{alias}\": it has no pending request and no private key; {others}"
    )]
    NothingWaits {
        /// The alias.
        alias: Alias,
        /// Which requests there are.
        others: String,
    },
}

impl IssuanceError {
    /// A stable code for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidName { .. } | Self::UnmatchableName { .. } | Self::NoName => "invalid_name",
            Self::TooManyNames { .. } => "too_many",
            Self::NoSubject | Self::InvalidSubject { .. } | Self::NotRepeatable { .. } => "invalid_subject",
            Self::UnsupportedKey { .. } | Self::UnsupportedHash { .. } => "unsupported_key",
            Self::InvalidValidity { .. } => "invalid_validity",
            Self::Failed => "key_generation_failed",
            Self::Pending { .. } => "request_pending",
            Self::NotPending { .. } | Self::NothingWaits { .. } => "request_not_found",
            Self::NoKey { .. } => "no_private_key",
            Self::ReplyWithKey => "reply_with_key",
            Self::ReplyIsRequest { .. } => "not_a_certificate",
            Self::WrongRequest { .. } => "wrong_request",
            Self::ReplyMismatch { .. } => "key_mismatch",
            Self::RequestDamaged { .. } => "request_damaged",
        }
    }

    /// The stage that refused.
    #[must_use]
    pub fn stage(&self) -> &'static str {
        match self {
            Self::Failed | Self::UnsupportedKey { .. } | Self::UnsupportedHash { .. } => "key",
            Self::WrongRequest { .. }
            | Self::ReplyMismatch { .. }
            | Self::ReplyWithKey
            | Self::NoKey { .. } => "match",
            Self::ReplyIsRequest { .. } => "certificate",
            Self::Pending { .. }
            | Self::NotPending { .. }
            | Self::RequestDamaged { .. }
            | Self::NothingWaits { .. } => "store",
            _ => "request",
        }
    }

    /// What the user can do.
    #[must_use]
    pub fn remedies(&self) -> Vec<Remedy> {
        match self {
            Self::NotRepeatable { .. } | Self::UnmatchableName { .. } | Self::NoSubject => {
                vec![Remedy::GiveSubject]
            }
            Self::Pending { alias, .. } => {
                let alias = alias.to_string();
                vec![Remedy::ShowRequest { alias: alias.clone() }, Remedy::ReplaceRequest { alias }]
            }
            Self::NotPending { .. } | Self::ReplyMismatch { .. } | Self::NothingWaits { .. } => {
                vec![Remedy::ListRequests]
            }
            Self::RequestDamaged { .. } => vec![Remedy::VerifyStore, Remedy::Restore],
            Self::NoKey { alias } => vec![Remedy::ExportAuthority { alias: alias.to_string() }],
            Self::ReplyWithKey => vec![Remedy::ImportServerCertificate],
            Self::WrongRequest { of, .. } => vec![Remedy::InstallReply { alias: of.to_string() }],
            _ => Vec::new(),
        }
    }
}
