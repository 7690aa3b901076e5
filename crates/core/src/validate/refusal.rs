//! Why one path was refused, and how that is said to people.

use super::{
    finding::{Finding, FindingCode},
    leaf::malformed_code,
};
use crate::{certificate::Malformed, remedy::Remedy};

/// A reason to refuse one candidate path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Reason {
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
        found: u32,
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

impl Reason {
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

impl Reason {
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

/// A reason, and the certificate that it concerns.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    /// The subject of the certificate, for people.
    pub(super) subject: String,
    pub(super) reason: Reason,
}

/// The refusals of one search; few are kept.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    first: Vec<Refusal>,
}

impl Refusals {
    /// Keeps the first of each rank.
    pub(super) fn add(&mut self, subject: &str, reason: Reason) {
        if self.first.iter().all(|known| known.reason.rank() != reason.rank()) {
            self.first.push(Refusal { subject: subject.to_owned(), reason });
        }
    }

    /// The one that is most worth telling; another key of the same name is no reason, for its issuer is missing.
    pub(super) fn best(&self) -> Option<&Refusal> {
        let told = self.first.iter().filter(|refusal| refusal.reason != Reason::OtherKey);
        told.min_by_key(|refusal| refusal.reason.rank())
    }
}

impl Refusal {
    pub(super) fn finding(&self) -> Finding {
        let subject = &self.subject;
        let (code, message) = match &self.reason {
            Reason::BadSignature | Reason::OtherKey => (
                FindingCode::BadSignature,
                format!("the signature of {subject} does not verify under the key of the issuer it names"),
            ),
            Reason::WeakSignature(algorithm) => (
                FindingCode::WeakSignature,
                format!("{subject} is signed with {algorithm}, which can be forged"),
            ),
            Reason::UnsupportedSignature(algorithm) => (
                FindingCode::UnsupportedSignature,
                format!("the signature of {subject} cannot be judged: {algorithm} is not supported"),
            ),
            Reason::UnfitKey { issuer, why } => {
                let message =
                    format!("the signature of {subject} cannot be judged: the CA is {issuer}, and {why}");
                let ask = "ask the CA for a certificate under a CA key of RSA-2048 or more, P-256, P-384, P-521 or Ed25519; no other certificate under the present one will do";
                return Finding::new(FindingCode::UnsupportedSignature, message)
                    .with_remedies(vec![Remedy::Advice(ask)]);
            }
            Reason::Expired => {
                (FindingCode::PathExpired, format!("the CA certificate {subject} on the path has expired"))
            }
            Reason::NotYetValid => (
                FindingCode::PathExpired,
                format!("the CA certificate {subject} on the path is not valid yet"),
            ),
            Reason::NotAnIssuer(why) => {
                (FindingCode::PathInvalid, format!("{subject} cannot issue certificates: {why}"))
            }
            Reason::UnknownCritical(oid) => (
                FindingCode::UnknownCriticalExtension,
                format!("{subject} on the path has the critical extension {oid}, which is not understood"),
            ),
            Reason::Malformed(what) => {
                (malformed_code(what), format!("{subject} on the path is malformed: {what}"))
            }
            Reason::PathLen { limit, found } => (
                FindingCode::PathInvalid,
                format!("{subject} allows {limit} CA certificate(s) below it, and the path has {found}"),
            ),
            Reason::Purpose(purpose) => (
                FindingCode::PathInvalid,
                format!("{subject} on the path is not meant to certify {purpose}: its extended key usage"),
            ),
            Reason::Name { name, what } => (
                FindingCode::NameNotPermitted,
                format!("{subject} {what} the name \"{name}\" in its name constraints"),
            ),
            Reason::Policy(why) => (FindingCode::PathInvalid, format!("policies of {subject}: {why}")),
            Reason::TooLong { limit } => (
                FindingCode::PathTooComplex,
                format!("no path of at most {limit} CA certificates leads to an imported authority"),
            ),
            Reason::Budget { what, limit } => {
                (FindingCode::PathTooComplex, format!("no path was found within the limit of {limit} {what}"))
            }
        };
        Finding::new(code, message)
    }
}
