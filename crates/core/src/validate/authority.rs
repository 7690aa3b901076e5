//! Imported CA certificates, and whether one can anchor a path at an instant.

use super::{Purpose, refusal::Reason};
use crate::certificate::Certificate;

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
    pub fn word(self) -> &'static str {
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
pub(crate) fn unusable(authority: &Certificate, at: i64, purpose: Option<Purpose>) -> Option<String> {
    if at < authority.not_before {
        return Some("it is not valid yet".to_owned());
    }
    if at > authority.not_after {
        return Some("it has expired".to_owned());
    }
    check_issuer(authority, purpose).err().map(|reason| match reason {
        Reason::NotAnIssuer(why) => why.to_owned(),
        Reason::UnknownCritical(oid) => {
            format!("it has the critical extension {oid}, which is not understood")
        }
        Reason::Purpose(purpose) => format!("its extended key usage does not include {purpose}"),
        other => format!("{other:?}"),
    })
}

/// Whether a certificate may issue others at all, anchor or not.
pub(super) fn check_issuer(ca: &Certificate, purpose: Option<Purpose>) -> Result<(), Reason> {
    // A version 1 root has no extension to say that it is a CA.
    let is_ca = ca.is_ca == Some(true) || (ca.version < 3 && ca.is_self_issued());
    if !is_ca {
        return Err(Reason::NotAnIssuer("it is not a CA certificate"));
    }
    if ca.subject_name.is_empty() {
        return Err(Reason::NotAnIssuer("it has no subject"));
    }
    if ca.key_usage.as_ref().is_some_and(|usage| !usage.key_cert_sign) {
        return Err(Reason::NotAnIssuer("its key usage does not allow signing certificates"));
    }
    if let Some(oid) = ca.unknown_critical.first() {
        return Err(Reason::UnknownCritical(oid.clone()));
    }
    match (&ca.extended_key_usage, purpose) {
        (Some(purposes), Some(purpose)) if !purpose.is_among(purposes) => {
            Err(Reason::Purpose(purpose.holders()))
        }
        _ => Ok(()),
    }
}
