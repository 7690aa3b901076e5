//! Finds a certification path (RFC 5280, section 6) with rustls-webpki, over anchors that passed our own checks.

use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{
    EndEntityCert, Error, ExtendedKeyUsageValidator, KeyPurposeIdIter, KeyUsage, RequiredEkuNotFoundContext,
    VerifiedPath,
};

use crate::certificate::Certificate;

/// serverAuth, or any purpose, or no extension at all.
struct ServerPurpose {
    /// Whether other purposes pass as well; the leaf has its own finding for that.
    any: bool,
}

const SERVER_AUTH_ARCS: [usize; 9] = [1, 3, 6, 1, 5, 5, 7, 3, 1];
const ANY_PURPOSE_ARCS: [usize; 5] = [2, 5, 29, 37, 0];

impl ExtendedKeyUsageValidator for ServerPurpose {
    fn validate(&self, iter: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        let mut present = Vec::new();
        for id in iter {
            let arcs = id?.to_decoded_oid();
            if self.any || arcs == SERVER_AUTH_ARCS || arcs == ANY_PURPOSE_ARCS {
                return Ok(());
            }
            present.push(arcs);
        }
        if present.is_empty() {
            return Ok(());
        }
        Err(Error::RequiredEkuNotFoundContext(RequiredEkuNotFoundContext {
            required: KeyUsage::server_auth(),
            present,
        }))
    }
}

/// What to search in.
pub(super) struct Search<'c> {
    pub(super) leaf: &'c Certificate,
    pub(super) anchors: Vec<&'c Certificate>,
    pub(super) intermediates: Vec<&'c Certificate>,
    pub(super) at: i64,
    pub(super) any_purpose: bool,
}

impl<'c> Search<'c> {
    /// The path above the leaf: intermediates leaf side first, then the anchor.
    pub(super) fn run(&self) -> Result<Vec<&'c Certificate>, Error> {
        let time =
            UnixTime::since_unix_epoch(std::time::Duration::from_secs(u64::try_from(self.at).unwrap_or(0)));
        let end_entity = EndEntityCert::try_from(self.leaf.der())?;
        let (trusted, anchors): (Vec<&Certificate>, Vec<TrustAnchor<'_>>) = self
            .anchors
            .iter()
            .filter_map(|anchor| {
                webpki::anchor_from_trusted_cert(anchor.der()).ok().map(|parsed| (*anchor, parsed))
            })
            .unzip();
        let intermediates: Vec<CertificateDer<'_>> = self
            .intermediates
            .iter()
            .map(|certificate| CertificateDer::from(certificate.der().as_ref()))
            .collect();
        let accept = |path: &VerifiedPath<'_>| self.accept(path, &trusted, &anchors);
        let path = end_entity.verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &anchors,
            &intermediates,
            time,
            ServerPurpose { any: self.any_purpose },
            None,
            Some(&accept),
        )?;
        let mut found = self.intermediates_of(&path);
        found.extend(anchor_of(&path, &trusted, &anchors));
        Ok(found)
    }

    fn intermediates_of(&self, path: &VerifiedPath<'_>) -> Vec<&'c Certificate> {
        path.intermediate_certificates()
            .filter_map(|used| self.intermediates.iter().copied().find(|known| *known.der() == used.der()))
            .collect()
    }

    /// What rustls-webpki does not look at: keyCertSign of intermediates, and the anchor's path length.
    fn accept(
        &self,
        path: &VerifiedPath<'_>,
        trusted: &[&Certificate],
        anchors: &[TrustAnchor<'_>],
    ) -> Result<(), Error> {
        let intermediates = self.intermediates_of(path);
        if intermediates.iter().any(|ca| ca.key_usage.as_ref().is_some_and(|usage| !usage.key_cert_sign)) {
            return Err(Error::EndEntityUsedAsCa);
        }
        let limit = anchor_of(path, trusted, anchors).and_then(|anchor| anchor.path_len_constraint);
        let below = intermediates.iter().filter(|ca| !ca.is_self_issued()).count();
        match limit {
            Some(limit) if u32::try_from(below).unwrap_or(u32::MAX) > limit => {
                Err(Error::PathLenConstraintViolated)
            }
            _ => Ok(()),
        }
    }
}

fn anchor_of<'c>(
    path: &VerifiedPath<'_>,
    trusted: &[&'c Certificate],
    anchors: &[TrustAnchor<'_>],
) -> Option<&'c Certificate> {
    // By identity: a renewed CA stands here twice with the same name and key, but other constraints.
    let place = anchors.iter().position(|anchor| std::ptr::eq(anchor, path.anchor()))?;
    trusted.get(place).copied()
}
