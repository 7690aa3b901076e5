//! The chain of a certificate by itself: how far it reaches, whatever else there is to say of the leaf.
//!
//! It is the path that validation finds; so what is shown, judged and sent never differ. Where nothing in the
//! certificates above depends on the one below, those of one issuer share one search, while no date of theirs passes.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    Authorities, EndEntity, KnownSignatures, PathCertificate, Policy, ValidatedChain, Validation,
    ValidationError, budget::PathBudget, lacks_purpose, policies,
};
use crate::{
    certificate::{Certificate, Fingerprint},
    diagnostic::DiagnosticCode,
};

/// The chain of a certificate at one instant.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    /// From the certificate upwards: to the anchor, or without one as far as issuers are known.
    pub(crate) path: Vec<PathCertificate>,
    /// Why it reaches no anchor; a certificate that its own key signed needs none.
    pub(crate) refusal: Option<DiagnosticCode>,
}

impl Chain {
    /// Of a server certificate that its own key signed.
    pub(crate) fn of_self_signed(leaf: &Certificate) -> Self {
        Self { path: vec![PathCertificate::leaf(leaf.clone())], refusal: None }
    }

    /// The certificates above the first one.
    pub(crate) fn above(&self) -> impl DoubleEndedIterator<Item = &Certificate> {
        self.path.iter().skip(1).map(|link| &link.certificate)
    }

    /// When the first of the certificates above ends, where they reach an anchor.
    pub(crate) fn not_after(&self) -> Option<i64> {
        self.above().map(|certificate| certificate.not_after).min().filter(|_| self.refusal.is_none())
    }

    /// Whether it ends at an imported authority.
    pub(crate) fn is_anchored(&self) -> bool {
        self.refusal.is_none() && self.path.len() > 1
    }
}

impl Validation<'_> {
    /// The path that [`run`](Self::run) finds, or what is known of one.
    fn chain(&self) -> Chain {
        let leaf = self.end_entity.leaf;
        let mut budget = PathBudget::new(self.signatures);
        let self_signed = leaf.is_self_issued() && budget.is_signed_by(leaf, leaf);
        if self_signed && self.takes_self_signed() {
            return Chain::of_self_signed(leaf);
        }
        let mut path = vec![PathCertificate::leaf(leaf.clone())];
        match self.find_above(&mut budget) {
            Ok(above) => {
                path.extend(above);
                Chain { path, refusal: None }
            }
            Err(finding) => {
                path.extend(self.known_above(&mut budget));
                Chain { path, refusal: Some(finding.code) }
            }
        }
    }
}

/// Finds the chains of certificates that one issuer, by name and key identifier, issued, and that have the same
/// certificates beside them.
#[derive(Debug)]
pub(crate) struct ChainFinder {
    others: Vec<Certificate>,
    authorities: Authorities,
    /// Whether all certificates that bear the issuer's name have one key.
    one_key: bool,
    /// Whether a certificate looks at those below it: at their names, or for a policy.
    looks_down: bool,
    shared: Mutex<Option<Arc<Shared>>>,
}

/// What all of those certificates have above them, between two instants.
#[derive(Debug)]
struct Shared {
    from: i64,
    until: i64,
    above: Vec<PathCertificate>,
    refusal: Option<DiagnosticCode>,
}

impl ChainFinder {
    /// For `leaf` and its like.
    pub(crate) fn new(leaf: &Certificate, others: Vec<Certificate>, authorities: Authorities) -> Self {
        let finder =
            Self { others, authorities, one_key: false, looks_down: false, shared: Mutex::default() };
        let is_issuer = |ca: &&Certificate| ca.subject_name == leaf.issuer_name;
        let keys: BTreeSet<Fingerprint> =
            finder.certificates().filter(is_issuer).map(|ca| ca.spki_fingerprint).collect();
        let looks_down =
            |ca: &Certificate| ca.name_constraints.is_some() || ca.policies.require_explicit.is_some();
        let looks_down = finder.certificates().any(looks_down);
        Self { one_key: keys.len() <= 1, looks_down, ..finder }
    }

    /// How many certificates it keeps.
    pub(crate) fn size(&self) -> usize {
        self.certificates().count()
    }

    fn certificates(&self) -> impl Iterator<Item = &Certificate> {
        self.others.iter().chain(self.authorities.iter().map(|(certificate, _)| certificate))
    }

    /// The chain of `leaf` at the instant `at`.
    pub(crate) fn chain(&self, leaf: &Certificate, signatures: KnownSignatures<'_>, at: i64) -> Chain {
        let policy = Policy::default();
        let may_share = self.one_key && self.is_like_others(leaf, &policy, at);
        if may_share && let Some(chain) = self.shared(leaf, signatures, at) {
            return chain;
        }
        let chain = self.validation(leaf, &policy, signatures, at).chain();
        let issuer_known = chain.path.len() > 1;
        if may_share && (issuer_known || !self.has_issuer_of(leaf)) {
            let (from, until) = self.same_around(at);
            let above = chain.path.iter().skip(1).cloned().collect();
            let shared = Shared { from, until, above, refusal: chain.refusal };
            *self.shared.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(shared));
        }
        chain
    }

    /// Judges `leaf` with the same certificates, as [`verify`](super::verify) does. Nothing is said of those that its
    /// path does not need.
    pub(crate) fn verify(
        &self,
        leaf: &Certificate,
        policy: &Policy,
        signatures: KnownSignatures<'_>,
        at: i64,
    ) -> Result<ValidatedChain, ValidationError> {
        let mut chain = self.validation(leaf, policy, signatures, at).run()?;
        chain.findings.retain(|finding| finding.code != DiagnosticCode::UnusedCertificate);
        Ok(chain)
    }

    fn validation<'c>(
        &'c self,
        leaf: &'c Certificate,
        policy: &'c Policy,
        signatures: KnownSignatures<'c>,
        at: i64,
    ) -> Validation<'c> {
        let end_entity = EndEntity { leaf, others: &self.others };
        Validation { end_entity, authorities: &self.authorities, policy, at, signatures }
    }

    /// Whether the chains of this certificate and of those like it are the same, if they are signed by the same key.
    pub(crate) fn is_like_others(&self, leaf: &Certificate, policy: &Policy, at: i64) -> bool {
        !self.looks_down
            && !leaf.is_self_issued()
            && (leaf.not_before..=leaf.not_after).contains(&at)
            && !lacks_purpose(leaf, policy.purpose)
            && policies::leaf_is_indifferent(leaf)
            && self.certificates().all(|known| known.fingerprint != leaf.fingerprint)
    }

    /// The chain that was found for another one.
    fn shared(&self, leaf: &Certificate, signatures: KnownSignatures<'_>, at: i64) -> Option<Chain> {
        let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        if !(shared.from..=shared.until).contains(&at) {
            return None;
        }
        if let Some(PathCertificate { certificate: issuer, .. }) = shared.above.first()
            && !PathBudget::new(signatures).is_signed_by(leaf, issuer)
        {
            return None;
        }
        let mut path = vec![PathCertificate::leaf(leaf.clone())];
        path.extend(shared.above.iter().cloned());
        Some(Chain { path, refusal: shared.refusal })
    }

    fn has_issuer_of(&self, leaf: &Certificate) -> bool {
        self.certificates().any(|ca| ca.subject_name == leaf.issuer_name)
    }

    /// The first and the last instant around `at` between which no certificate here begins or ends.
    fn same_around(&self, at: i64) -> (i64, i64) {
        let (mut from, mut until) = (i64::MIN, i64::MAX);
        for ca in self.certificates() {
            // The instants from which something is different.
            for change in [ca.not_before, ca.not_after.saturating_add(1)] {
                if change <= at {
                    from = from.max(change);
                } else {
                    until = until.min(change.saturating_sub(1));
                }
            }
        }
        (from, until)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Role, *};
    use crate::validate::{SignatureCache, Trust};

    fn certificate(name: &str) -> Certificate {
        let path = format!("{}/../../fixtures/chains/{name}.pem", env!("CARGO_MANIFEST_DIR"));
        let file = pem::parse(std::fs::read(path).unwrap()).unwrap();
        Certificate::from_der(file.contents()).unwrap()
    }

    fn under(anchor: &Certificate) -> Authorities {
        let mut authorities = Authorities::new();
        authorities.add(anchor.clone(), Trust::Anchor);
        authorities
    }

    #[test]
    fn those_of_one_issuer_share_a_search_until_a_date_passes() {
        let (ca, root) = (certificate("intermediate-rsa"), certificate("root-rsa"));
        let finder = ChainFinder::new(&ca, Vec::new(), under(&root));
        let cache = SignatureCache::default();
        let known = KnownSignatures { cache: Some(&cache), ..KnownSignatures::default() };
        let shared = || finder.shared.lock().unwrap().clone();
        assert!(shared().is_none());
        let chain = finder.chain(&ca, known, ca.not_before());
        assert_eq!((chain.path.len(), chain.refusal), (2, None));
        let first = shared().unwrap();
        assert_eq!((first.from, first.until), (root.not_before(), root.not_after()));
        assert!(finder.is_like_others(&ca, &Policy::default(), ca.not_after()));
        finder.chain(&ca, known, ca.not_after());
        assert!(Arc::ptr_eq(&first, &shared().unwrap()), "found once");
        assert_eq!(cache.len(), 1, "and one signature judged");
        // Outside its own validity a certificate is judged by itself.
        assert!(!finder.is_like_others(&ca, &Policy::default(), ca.not_after() + 1));

        // Another key under the same name is not taken for it.
        let forged = KnownSignatures::default();
        let stranger = ChainFinder::new(&ca, Vec::new(), under(&certificate("stranger-root")));
        let chain = stranger.chain(&ca, forged, ca.not_before());
        assert_eq!((chain.path.len(), chain.refusal), (1, Some(DiagnosticCode::NoAnchor)));
    }

    #[test]
    fn a_path_that_was_validated_before_needs_no_signature_again() {
        let (ca, root) = (certificate("intermediate-rsa"), certificate("root-rsa"));
        let path = [
            PathCertificate::leaf(ca.clone()),
            PathCertificate { certificate: root.clone(), role: Role::Anchor },
        ];
        let cache = SignatureCache::default();
        let known = KnownSignatures { cache: Some(&cache), path: &path, self_signed: false };
        let finder = ChainFinder::new(&ca, vec![root.clone()], Authorities::new());
        let chain = finder.chain(&ca, known, ca.not_before());
        assert_eq!((chain.path.len(), chain.refusal), (2, Some(DiagnosticCode::NoAnchor)));
        assert_eq!(cache.len(), 0);
        // It says nothing of trust.
        let finder = ChainFinder::new(&ca, vec![root.clone()], under(&root));
        assert!(finder.chain(&ca, known, ca.not_before()).is_anchored());
        assert_eq!(cache.len(), 0);
    }
}
