//! Imported CA certificates, and whether one can anchor a path at an instant.

use crate::certificate::{Certificate, SERVER_AUTH};

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

/// Why an imported authority cannot anchor a path to a server at `at`; rustls-webpki looks at none of this.
pub(crate) fn unusable(authority: &Certificate, at: i64) -> Option<String> {
    if at < authority.not_before {
        return Some("it is not valid yet".to_owned());
    }
    if at > authority.not_after {
        return Some("it has expired".to_owned());
    }
    // A version 1 root has no extension to say that it is a CA.
    let is_ca = authority.is_ca == Some(true) || (authority.version < 3 && authority.is_self_issued());
    if !is_ca {
        return Some("it is not a CA certificate".to_owned());
    }
    if authority.key_usage.as_ref().is_some_and(|usage| !usage.key_cert_sign) {
        return Some("its key usage does not allow signing certificates".to_owned());
    }
    if let Some(oid) = authority.unknown_critical.first() {
        return Some(format!("it has the critical extension {oid}, which is not understood"));
    }
    let purposes = authority.extended_key_usage.as_ref();
    if purposes.is_some_and(|list| !list.iter().any(|oid| oid == SERVER_AUTH || oid == "2.5.29.37.0")) {
        return Some("its extended key usage does not include servers".to_owned());
    }
    None
}
