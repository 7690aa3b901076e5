//! Why one path was refused, and how that is said to people.

use super::leaf::malformed_code;
use crate::{
    certificate::Malformed,
    diagnostic::{Diagnostic, DiagnosticCode},
    remedy::Remedy,
};

/// Why one candidate path is refused.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum PathError {
    /// The issuer's key does not verify the signature, and nothing says that another key was meant.
    BadSignature,
    /// The key identifiers say that another key was meant; a CA of the same name.
    OtherKey,
    WeakSignature(String),
    UnsupportedSignature(String),
    /// The CA that signed has a key under which no signature is judged.
    UnfitKey {
        issuer: String,
        why: String,
    },
    Expired,
    NotYetValid,
    /// Not a CA, no keyCertSign, a version that has no extensions, and the like.
    NotAnIssuer(&'static str),
    UnknownCritical(String),
    Malformed(Malformed),
    PathLen {
        limit: u32,
        found: usize,
    },
    Purpose(&'static str),
    Name {
        name: String,
        what: &'static str,
    },
    Policy(&'static str),
    TooLong {
        limit: usize,
    },
    Budget {
        what: &'static str,
        limit: u32,
    },
}

impl PathError {
    /// How near the path was to being right: what is most worth telling comes first.
    fn rank(&self) -> u8 {
        match self {
            Self::Budget { .. } => 0,
            Self::Name { .. } | Self::PathLen { .. } | Self::Policy(_) | Self::TooLong { .. } => 1,
            Self::Purpose(_) | Self::NotAnIssuer(_) | Self::UnknownCritical(_) | Self::Malformed(_) => 2,
            Self::Expired | Self::NotYetValid => 3,
            Self::WeakSignature(_) | Self::UnsupportedSignature(_) | Self::UnfitKey { .. } => 4,
            Self::BadSignature => 5,
            Self::OtherKey => 6,
        }
    }
}

impl PathError {
    /// Why an imported authority cannot anchor a path.
    pub(super) fn of_authority(&self) -> String {
        match self {
            Self::NotYetValid => "it is not valid yet".to_owned(),
            Self::Expired => "it has expired".to_owned(),
            Self::NotAnIssuer(why) => (*why).to_owned(),
            Self::UnknownCritical(oid) => {
                format!("it has the critical extension {oid}, which is not understood")
            }
            Self::Purpose(purpose) => format!("its extended key usage does not include {purpose}"),
            other => format!("{other:?}"),
        }
    }

    /// What can be done about it.
    pub(super) fn remedies_of_authority(&self) -> Vec<Remedy> {
        vec![Remedy::Advice(match self {
            Self::NotYetValid => {
                "check the clock of this machine, or import the CA's certificate that is valid now"
            }
            Self::Expired => "import the current certificate of this CA, then retry",
            _ => "ask for a certificate from a CA that may issue certificates for servers",
        })]
    }
}

/// Why paths were refused in one search; one of each rank is kept.
#[derive(Debug, Default)]
pub(super) struct PathErrors {
    first: Vec<(u8, Diagnostic)>,
}

impl PathErrors {
    /// Keeps the first of each rank, with the certificate that it concerns. Another key of the same name is no reason:
    /// the issuer that was meant is missing.
    pub(super) fn add(&mut self, subject: &str, error: &PathError) {
        let rank = error.rank();
        if *error != PathError::OtherKey && self.first.iter().all(|(known, _)| *known != rank) {
            self.first.push((rank, error.diagnostic(subject)));
        }
    }

    /// The one that is most worth telling.
    pub(super) fn into_best(self) -> Option<Diagnostic> {
        self.first.into_iter().min_by_key(|(rank, _)| *rank).map(|(_, diagnostic)| diagnostic)
    }
}

impl PathError {
    /// The same for people, about the certificate of this subject.
    fn diagnostic(&self, subject: &str) -> Diagnostic {
        let (code, message) = match self {
            Self::BadSignature | Self::OtherKey => (
                DiagnosticCode::BadSignature,
                format!("the signature of {subject} does not verify under the key of the issuer it names"),
            ),
            Self::WeakSignature(algorithm) => (
                DiagnosticCode::WeakSignature,
                format!("{subject} is signed with {algorithm}, which can be forged"),
            ),
            Self::UnsupportedSignature(algorithm) => (
                DiagnosticCode::UnsupportedSignature,
                format!("the signature of {subject} cannot be judged: {algorithm} is not supported"),
            ),
            Self::UnfitKey { issuer, why } => {
                let message =
                    format!("the signature of {subject} cannot be judged: the CA is {issuer}, and {why}");
                let ask = "ask the CA for a certificate under a CA key of RSA-2048 or more, P-256, P-384, P-521 or Ed25519; no other certificate under the present one will do";
                return Diagnostic::new(DiagnosticCode::UnsupportedSignature, message)
                    .with_remedies(vec![Remedy::Advice(ask)]);
            }
            Self::Expired => {
                (DiagnosticCode::PathExpired, format!("the CA certificate {subject} on the path has expired"))
            }
            Self::NotYetValid => (
                DiagnosticCode::PathExpired,
                format!("the CA certificate {subject} on the path is not valid yet"),
            ),
            Self::NotAnIssuer(why) => {
                (DiagnosticCode::PathInvalid, format!("{subject} cannot issue certificates: {why}"))
            }
            Self::UnknownCritical(oid) => (
                DiagnosticCode::UnknownCriticalExtension,
                format!("{subject} on the path has the critical extension {oid}, which is not understood"),
            ),
            Self::Malformed(what) => {
                (malformed_code(what), format!("{subject} on the path is malformed: {what}"))
            }
            Self::PathLen { limit, found } => (
                DiagnosticCode::PathInvalid,
                format!("{subject} allows {limit} CA certificate(s) below it, and the path has {found}"),
            ),
            Self::Purpose(purpose) => (
                DiagnosticCode::PathInvalid,
                format!("{subject} on the path is not meant to certify {purpose}: its extended key usage"),
            ),
            Self::Name { name, what } => (
                DiagnosticCode::NameNotPermitted,
                format!("{subject} {what} the name \"{name}\" in its name constraints"),
            ),
            Self::Policy(why) => (DiagnosticCode::PathInvalid, format!("policies of {subject}: {why}")),
            Self::TooLong { limit } => (
                DiagnosticCode::PathTooComplex,
                format!("no path of at most {limit} CA certificates leads to an imported authority"),
            ),
            Self::Budget { what, limit } => (
                DiagnosticCode::PathTooComplex,
                format!("no path was found within the limit of {limit} {what}"),
            ),
        };
        Diagnostic::new(code, message)
    }
}
