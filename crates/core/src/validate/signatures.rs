//! Which key verified which certificate: facts that no date and no trust changes, so each is found out once.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use super::{PathCertificate, Purpose, webpki_check};
use crate::{
    certificate::{Certificate, Fingerprint, SignatureCheck, check_signature},
    diagnostic::Diagnostic,
};

/// The most facts that are kept, of about 80 bytes each; then they are checked again.
const MAX_FACTS: usize = 131_072;

/// A path from its leaf, what the leaf is for, and the instant at which the path was judged.
type Judged = (Vec<Fingerprint>, Purpose, i64);

/// Facts that are kept in memory: a certificate, a public key, and what was said of the two.
#[derive(Debug, Default)]
pub(crate) struct SignatureCache {
    known: Mutex<HashMap<(Fingerprint, Fingerprint), SignatureCheck>>,
    /// What rustls clients think of paths, where that is kept: it is of one instant.
    rustls_clients: Option<Mutex<HashMap<Judged, Option<Diagnostic>>>>,
}

impl SignatureCache {
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.known.lock().unwrap().len()
    }

    /// For many that are judged at one instant: what rustls-webpki verified of a path is kept as well.
    pub(crate) fn of_one_instant() -> Self {
        Self { rustls_clients: Some(Mutex::default()), ..Self::default() }
    }

    fn check(&self, certificate: &Certificate, issuer: &Certificate) -> SignatureCheck {
        let pair = (certificate.fingerprint, issuer.spki_fingerprint);
        if let Some(known) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&pair) {
            return *known;
        }
        let found = check_signature(certificate, issuer);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_FACTS {
            known.clear();
        }
        known.insert(pair, found);
        found
    }

    fn rustls_clients(
        &self,
        leaf: &Certificate,
        above: &[&Certificate],
        purpose: Purpose,
        at: i64,
    ) -> Option<Diagnostic> {
        let ask = || webpki_check::rustls_clients(leaf, above, purpose, at);
        let Some(known) = &self.rustls_clients else { return ask() };
        let path = std::iter::once(leaf).chain(above.iter().copied()).map(|link| link.fingerprint).collect();
        let judged = (path, purpose, at);
        if let Some(known) = known.lock().unwrap_or_else(PoisonError::into_inner).get(&judged) {
            return known.clone();
        }
        let found = ask();
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_FACTS {
            known.clear();
        }
        known.insert(judged, found.clone());
        found
    }
}

/// What is known of signatures before a path is looked for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct KnownSignatures<'k> {
    pub(crate) cache: Option<&'k SignatureCache>,
    /// A path that was validated before: the key of each certificate verified the one before it.
    pub(crate) path: &'k [PathCertificate],
    /// Whether the first certificate of that path was found to be signed by its own key.
    pub(crate) self_signed: bool,
}

impl KnownSignatures<'_> {
    /// What rustls clients will think of a path.
    pub(super) fn rustls_clients(
        &self,
        leaf: &Certificate,
        above: &[&Certificate],
        purpose: Purpose,
        at: i64,
    ) -> Option<Diagnostic> {
        match self.cache {
            Some(cache) => cache.rustls_clients(leaf, above, purpose, at),
            None => webpki_check::rustls_clients(leaf, above, purpose, at),
        }
    }

    /// What there is to say of the signature of `certificate` under the key of `issuer`.
    pub(super) fn check(&self, certificate: &Certificate, issuer: &Certificate) -> SignatureCheck {
        let is = |known: &Certificate| known.fingerprint == certificate.fingerprint;
        let verified = self.path.windows(2).any(|pair| {
            matches!(pair, [below, above]
                if is(&below.certificate) && above.certificate.spki_fingerprint == issuer.spki_fingerprint)
        });
        let by_itself = self.self_signed
            && certificate.fingerprint == issuer.fingerprint
            && self.path.first().is_some_and(|first| is(&first.certificate));
        if verified || by_itself {
            return SignatureCheck::Valid;
        }
        match self.cache {
            Some(cache) => cache.check(certificate, issuer),
            None => check_signature(certificate, issuer),
        }
    }
}
