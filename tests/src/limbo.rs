//! Cases of path validation in x509-limbo's format.

use std::{fs, path::Path};

use rustls_pki_types::{CertificateDer, UnixTime, pem::PemObject as _};
use serde::Deserialize;
use strongroom::{
    certificate::Certificate,
    validate::{Authorities, PeerName, Policy, Purpose, Trust, ValidatedChain, ValidationError, verify},
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// The file of cases.
#[derive(Debug, Deserialize)]
struct File {
    testcases: Vec<Case>,
}

/// One case, as the file has it.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Case {
    /// Its name.
    pub id: String,
    /// `SUCCESS` or `FAILURE`.
    pub expected_result: String,
    /// Whether all reference implementations agree.
    pub gate: bool,
    validation_kind: String,
    /// PEM.
    pub trusted_certs: Vec<String>,
    /// PEM.
    pub untrusted_intermediates: Vec<String>,
    /// PEM.
    pub peer_certificate: String,
    validation_time: Option<String>,
    expected_peer_name: Option<Name>,
    expected_peer_names: Vec<Name>,
    max_chain_depth: Option<usize>,
}

#[derive(Clone, Debug, Deserialize)]
struct Name {
    kind: String,
    value: String,
}

/// What the engine says of a case.
#[derive(Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// A path was found.
    Accepted(Box<ValidatedChain>),
    /// No path was found.
    Refused(ValidationError),
    /// The end entity's certificate, or a name that is asked for, cannot be read.
    Unreadable,
}

impl Verdict {
    /// The word of the format.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "SUCCESS",
            _ => "FAILURE",
        }
    }

    /// For people.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Accepted(chain) => format!("{} certificates", chain.path().len()),
            Self::Refused(error) => format!("{}: {error}", error.code()),
            Self::Unreadable => "unreadable".to_owned(),
        }
    }

    /// Signatures that were checked.
    #[must_use]
    pub fn signatures(&self) -> u32 {
        match self {
            Self::Accepted(chain) => chain.signatures(),
            Self::Refused(error) => error.signatures,
            Self::Unreadable => 0,
        }
    }
}

/// The cases under `corpus`.
#[must_use]
pub fn cases(corpus: &Path) -> Vec<Case> {
    let file: File =
        serde_json::from_slice(&fs::read(corpus.join("validation/cases.json")).unwrap()).unwrap();
    file.testcases
}

/// A certificate in PEM, if it can be read.
#[must_use]
pub fn certificate(pem: &str) -> Option<Certificate> {
    Certificate::from_der(&CertificateDer::from_pem_slice(pem.as_bytes()).ok()?).ok()
}

impl Case {
    /// The instant of the judgement; that of the tests where the case has none.
    #[must_use]
    pub fn at(&self) -> UnixTime {
        let seconds = match &self.validation_time {
            Some(text) => OffsetDateTime::parse(text, &Rfc3339).unwrap().unix_timestamp(),
            None => crate::authority::NOW,
        };
        UnixTime::since_unix_epoch(std::time::Duration::from_secs(u64::try_from(seconds).unwrap()))
    }

    /// Whether a client is judged.
    #[must_use]
    pub fn is_client(&self) -> bool {
        self.validation_kind == "CLIENT"
    }

    /// The host name or address that is asked for, if one is.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.expected_peer_name.as_ref().map(|name| name.value.as_str())
    }

    /// What the case asks for.
    fn policy(&self) -> Option<Policy> {
        let mut policy = Policy::verification();
        if self.is_client() {
            policy.purpose = Purpose::Client;
        }
        if let Some(depth) = self.max_chain_depth {
            policy.max_intermediates = policy.max_intermediates.min(depth);
        }
        for name in self.expected_peer_name.iter().chain(&self.expected_peer_names) {
            policy.names.push(match name.kind.as_str() {
                "RFC822" => PeerName::mailbox(&name.value),
                _ => name.value.parse().ok()?,
            });
        }
        Some(policy)
    }

    /// Asks the engine.
    #[must_use]
    pub fn judge(&self) -> Verdict {
        self.judge_in_order(&self.trusted_certs, &self.untrusted_intermediates)
    }

    /// Asks the engine, with the certificates in a given order.
    #[must_use]
    pub fn judge_in_order(&self, trusted: &[String], untrusted: &[String]) -> Verdict {
        let (Some(leaf), Some(policy)) = (certificate(&self.peer_certificate), self.policy()) else {
            return Verdict::Unreadable;
        };
        let mut authorities = Authorities::new();
        for anchor in trusted.iter().filter_map(|pem| certificate(pem)) {
            authorities.add(anchor, Trust::Anchor);
        }
        let others: Vec<Certificate> = untrusted.iter().filter_map(|pem| certificate(pem)).collect();
        match verify(&leaf, &others, &authorities, &policy, self.at()) {
            Ok(chain) => Verdict::Accepted(Box::new(chain)),
            Err(error) => Verdict::Refused(error),
        }
    }
}
