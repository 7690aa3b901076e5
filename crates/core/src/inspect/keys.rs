//! Private keys that opened, and whether they can be used.

use serde::Serialize;

use super::{FileReport, Problem, entries, hex};
use crate::{
    certificate::{
        Candidate, CredentialError, Fingerprint, KeyAlgorithm, in_quotes, prove_key, public_key_der,
    },
    diagnostic::{Diagnostic, DiagnosticCode},
    pkcs12::{Encryption, KeyBag},
    secret::PrivateKey,
};

/// A private key, described.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct KeyReport {
    /// `RSA`, `EC`, `Ed25519` and so on.
    pub algorithm: String,
    /// Bits of an RSA or DSA key.
    pub bits: Option<usize>,
    /// The curve of an EC key.
    pub curve: Option<String>,
    /// SHA-256 over its subjectPublicKeyInfo; `None` for a key that cannot be loaded and does not have it written.
    pub spki_sha256: Option<Fingerprint>,
    /// Why the key cannot be used, whatever certificate it has: it is damaged, or of a kind that serves no TLS.
    pub problem: Option<Problem>,
    /// The friendlyName, raw.
    pub friendly_name: Option<String>,
    /// The localKeyId in hexadecimal.
    pub local_key_id: Option<String>,
    /// The name of Windows' cryptographic provider.
    pub csp_name: Option<String>,
    /// Whether Windows would put the key in the machine's store.
    pub local_key_set: bool,
    /// Layers of encryption, outermost first.
    pub protection: Vec<Encryption>,
    /// Its numbers among the entries of the file: one for each of its certificates.
    pub entries: Vec<usize>,
}

impl KeyReport {
    /// Of a key in a file of its own, which is proved here.
    pub(super) fn alone(key: &PrivateKey, protection: Vec<Encryption>) -> Self {
        let problem = prove_key(key).err().as_ref().map(Problem::from);
        Self { problem, protection, ..Self::of(key) }
    }

    fn of(key: &PrivateKey) -> Self {
        let algorithm = KeyAlgorithm::of_private(key);
        Self {
            algorithm: algorithm.as_ref().map_or_else(|| "unknown".to_owned(), KeyAlgorithm::family),
            bits: algorithm.as_ref().filter(|found| found.curve().is_none()).and_then(KeyAlgorithm::bits),
            curve: algorithm.as_ref().and_then(KeyAlgorithm::curve).map(str::to_owned),
            spki_sha256: public_key_der(key).map(|spki| Fingerprint::of(&spki)),
            problem: None,
            friendly_name: None,
            local_key_id: None,
            csp_name: None,
            local_key_set: false,
            protection: Vec::new(),
            entries: Vec::new(),
        }
    }

    /// Of a key in a container, whose entries are proved already.
    pub(super) fn of_bag(bag: KeyBag, entries: &[Candidate]) -> Self {
        let KeyBag { key, attributes, protection, place, .. } = bag;
        let own = entries.iter().filter(|entry| entry.key_places.contains(&place));
        let problem = own.filter_map(|entry| entry.problem.as_deref()).find(|problem| {
            matches!(
                problem,
                CredentialError::InvalidKey
                    | CredentialError::UnsupportedKey { .. }
                    | CredentialError::WeakKey { .. }
            )
        });
        Self {
            problem: problem.map(Problem::from),
            friendly_name: attributes.friendly_name,
            local_key_id: attributes.local_key_id.as_deref().map(hex),
            csp_name: attributes.csp_name,
            local_key_set: attributes.local_key_set,
            protection,
            entries: entries::numbers(entries, place),
            ..Self::of(&key)
        }
    }

    /// Whether its parts do not belong together, so that no certificate makes it usable.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        self.problem.as_ref().is_some_and(|problem| problem.code == CredentialError::InvalidKey.code())
    }

    /// The key as people name it, for example `RSA-2048` or `P-256`.
    #[must_use]
    pub fn name(&self) -> String {
        match (self.bits, &self.curve) {
            (Some(bits), _) if ["RSA", "RSA-PSS", "DSA"].contains(&self.algorithm.as_str()) => {
                format!("{}-{bits}", self.algorithm)
            }
            (None, Some(curve)) => curve.clone(),
            _ => self.algorithm.clone(),
        }
    }
}

impl FileReport {
    /// Each private key that is damaged.
    pub(super) fn about_damaged_keys(&self) -> Vec<Diagnostic> {
        let numbered = self.keys.iter().zip(1..).filter(|(key, _)| key.is_damaged());
        let about = |(key, number): (&KeyReport, usize)| {
            let name = in_quotes(key.friendly_name.as_deref());
            let which = if self.keys.len() == 1 {
                "the private key".to_owned()
            } else {
                format!("private key {number}")
            };
            let message = format!(
                "{which} of the file{name} ({}) is damaged: no certificate makes it usable",
                key.name()
            );
            Diagnostic::new(DiagnosticCode::InvalidKey, message)
        };
        numbered.map(about).collect()
    }

    /// Whether a private key of the file is damaged.
    #[must_use]
    pub fn has_damaged_key(&self) -> bool {
        self.keys.iter().any(KeyReport::is_damaged)
    }
}
