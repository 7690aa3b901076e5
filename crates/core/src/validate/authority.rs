//! Imported CA certificates, and whether one can anchor a path at an instant.

use super::{Purpose, path_error::PathError};
use crate::{
    certificate::{Certificate, Fingerprint, KeyAlgorithm},
    diagnostic::{Diagnostic, DiagnosticCode},
    remedy::Remedy,
};

/// What an imported certificate may do in a path.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Trust {
    /// An administrator imported it as a CA: paths may end here.
    Anchor,
    /// It came with a server certificate: it may stand between, and never ends a path.
    Path,
}

impl Trust {
    /// The word used in the store and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Anchor => "anchor",
            Self::Path => "path",
        }
    }
}

/// The CA certificates of a store that may matter for one path.
#[derive(Debug, Default)]
pub struct Authorities {
    entries: Vec<(Certificate, Trust)>,
}

impl Authorities {
    /// No authority at all.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one; a certificate that is there already keeps the greater trust.
    pub fn add(&mut self, certificate: Certificate, trust: Trust) {
        match self.entries.iter_mut().find(|(known, _)| known.fingerprint == certificate.fingerprint) {
            Some((_, known)) if trust == Trust::Anchor => *known = Trust::Anchor,
            Some(_) => {}
            None => self.entries.push((certificate, trust)),
        }
    }

    /// What is left where all entries that hold a certificate go, but for those that leave it this trust.
    pub(crate) fn leave(&mut self, of: &Fingerprint, left: Option<Trust>) {
        self.entries.retain(|(known, _)| left.is_some() || known.fingerprint != *of);
        for (known, trust) in &mut self.entries {
            if let Some(left) = left.filter(|_| known.fingerprint == *of) {
                *trust = left;
            }
        }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&Certificate, Trust)> {
        self.entries.iter().map(|(certificate, trust)| (certificate, *trust))
    }

    /// Those that may end a path.
    pub(super) fn anchors(&self) -> impl Iterator<Item = &Certificate> {
        self.iter().filter(|(_, trust)| *trust == Trust::Anchor).map(|(certificate, _)| certificate)
    }

    /// Whether `certificate` may end a path.
    #[must_use]
    pub fn is_anchor(&self, certificate: &Certificate) -> bool {
        self.anchors().any(|anchor| anchor.fingerprint == certificate.fingerprint)
    }
}

/// Why an imported authority cannot anchor a path at `at`, for `purpose` if one is given.
pub(super) fn unusable(authority: &Certificate, at: i64, purpose: Option<Purpose>) -> Option<PathError> {
    if at < authority.not_before {
        return Some(PathError::NotYetValid);
    }
    if at > authority.not_after {
        return Some(PathError::Expired);
    }
    check_issuer(authority, purpose).err()
}

/// Whether an authority can anchor the path of a server at `at`.
pub(crate) fn anchors_now(authority: &Certificate, at: i64) -> bool {
    unusable(authority, at, Some(Purpose::Server)).is_none() && authority.malformed.is_none()
}

/// What is to be said of a CA certificate that is imported at `at`: that it anchors no path now, or never will.
pub(crate) fn about_authority(authority: &Certificate, at: i64) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    let subject = &authority.subject;
    if let Some(malformed) = &authority.malformed {
        let message = format!("no certificate under {subject} can ever be accepted: {malformed}");
        let again = Remedy::Advice("ask the CA to issue its certificate again without that fault");
        findings
            .push(Diagnostic::new(DiagnosticCode::AuthorityNotUsable, message).with_remedies(vec![again]));
    } else if let Some(why) = unfit_issuer_key(&authority.key) {
        let message = format!("no certificate under {subject} can ever be accepted: {why}");
        findings.push(Diagnostic::new(DiagnosticCode::AuthorityNotUsable, message));
    } else if matches!(authority.key, KeyAlgorithm::RsaPss { .. }) {
        let message = format!(
            "rustls clients will refuse every certificate under {subject}: its RSA key is restricted to PSS, which they do not know"
        );
        findings.push(Diagnostic::new(DiagnosticCode::RustlsClientsRefuse, message));
    }
    if let Some(reason) = unusable(authority, at, Some(Purpose::Server)) {
        let message = format!("{subject} anchors no path now: {}", reason.of_authority());
        let finding = Diagnostic::new(DiagnosticCode::AuthorityNotValid, message);
        findings.push(match reason {
            PathError::Expired => finding,
            _ => finding.with_remedies(reason.remedies_of_authority()),
        });
    }
    findings
}

/// Why no signature of a CA with this key is ever judged good; `None` if one may be.
pub(super) fn unfit_issuer_key(key: &KeyAlgorithm) -> Option<String> {
    match key {
        KeyAlgorithm::Rsa { bits } | KeyAlgorithm::RsaPss { bits } if *bits < 2048 => {
            Some(format!("its RSA key has {bits} bits; at least 2048 are required"))
        }
        KeyAlgorithm::Rsa { bits } | KeyAlgorithm::RsaPss { bits } if *bits > 8192 => {
            Some(format!("its RSA key has {bits} bits; TLS clients take 8192 at the most"))
        }
        KeyAlgorithm::Rsa { .. }
        | KeyAlgorithm::RsaPss { .. }
        | KeyAlgorithm::Ed25519
        | KeyAlgorithm::MlDsa { .. } => None,
        KeyAlgorithm::Ec { curve } => match curve.as_str() {
            "P-256" | "P-384" | "P-521" => None,
            other => {
                Some(format!("its key is {}, and TLS clients take P-256, P-384 and P-521", on_curve(other)))
            }
        },
        other => Some(format!("its key is of the kind {other}, under which no TLS client checks signatures")),
    }
}

/// `on the curve secp256k1`, `EC with explicit parameters`.
fn on_curve(curve: &str) -> String {
    if curve.starts_with("EC ") { curve.to_owned() } else { format!("on the curve {curve}") }
}

/// Whether a certificate may issue others at all, anchor or not.
pub(super) fn check_issuer(ca: &Certificate, purpose: Option<Purpose>) -> Result<(), PathError> {
    // A version 1 root has no extension to say that it is a CA.
    let is_ca = ca.is_ca == Some(true) || (ca.version < 3 && ca.is_self_issued());
    if !is_ca {
        return Err(PathError::NotAnIssuer("it is not a CA certificate"));
    }
    if ca.subject_name.is_empty() {
        return Err(PathError::NotAnIssuer("it has no subject"));
    }
    if ca.key_usage.as_ref().is_some_and(|usage| !usage.key_cert_sign) {
        return Err(PathError::NotAnIssuer("its key usage does not allow signing certificates"));
    }
    if let Some(oid) = ca.unknown_critical.first() {
        return Err(PathError::UnknownCritical(oid.clone()));
    }
    match (&ca.extended_key_usage, purpose) {
        (Some(purposes), Some(purpose)) if !purpose.is_among(purposes) => {
            Err(PathError::Purpose(purpose.holders()))
        }
        _ => Ok(()),
    }
}
