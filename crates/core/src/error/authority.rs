//! What stands against the import of CA certificates.

use thiserror::Error;

use crate::{alias::Alias, remedy::Remedy};

/// Why certificates cannot be imported as authorities.
#[derive(Clone, Debug, Error, Eq, PartialEq)]
#[non_exhaustive]
pub enum AuthorityError {
    /// One certificate was expected.
    #[error("the file holds {found} certificates, and only one fits under one alias")]
    Several {
        /// How many.
        found: usize,
    },
    /// More certificates than one import takes.
    #[error("the files hold more than {limit} certificates")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// The certificate is not a CA's.
    #[error("{subject} is not a CA certificate")]
    NotCa {
        /// The subject.
        subject: String,
    },
    /// The certificate is signed by its own key, as a root is, but does not say that it is a CA's.
    #[error("{subject} is self-signed and lacks cA in basicConstraints, so it is no CA certificate")]
    NoBasicConstraints {
        /// The subject.
        subject: String,
    },
    /// None of several certificates is a CA's.
    #[error("none of the {found} certificates is a CA certificate")]
    NoneIsCa {
        /// How many.
        found: usize,
    },
    /// The alias is that of a server certificate.
    #[error("\"{alias}\" is a server certificate, and no CA certificate")]
    IsServer {
        /// The alias as it stands in the store.
        alias: Alias,
    },
    /// The alias is that of a CA certificate, or a CA certificate is to have that of something else: nothing replaces it.
    #[error("the alias \"{alias}\" is taken by another entry")]
    AliasTaken {
        /// The alias as it stands in the store.
        alias: Alias,
    },
}

impl AuthorityError {
    /// A stable code for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Several { .. } => "several_certificates",
            Self::TooMany { .. } => "too_many",
            Self::NotCa { .. } | Self::NoneIsCa { .. } => "not_a_ca",
            Self::NoBasicConstraints { .. } => "no_basic_constraints",
            Self::IsServer { .. } => "not_an_authority",
            Self::AliasTaken { .. } => "alias_taken",
        }
    }

    pub(super) fn remedies(&self) -> Vec<Remedy> {
        vec![match self {
            Self::Several { .. } => Remedy::ImportAuthorities,
            Self::TooMany { .. } => Remedy::Advice("import them in several parts"),
            Self::NotCa { .. } | Self::NoneIsCa { .. } => Remedy::ImportServerCertificate,
            Self::NoBasicConstraints { .. } => {
                return vec![
                    Remedy::ImportServerCertificate,
                    Remedy::Advice("ask for a CA certificate, which has cA in basicConstraints"),
                ];
            }
            Self::IsServer { .. } => Remedy::ListAuthorities,
            Self::AliasTaken { .. } => Remedy::Advice("choose another alias"),
        }]
    }
}
