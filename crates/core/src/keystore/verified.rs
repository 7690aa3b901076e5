//! What was verified of the credentials of an import before it has the store to itself.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    certificate::{Certificate, Fingerprint},
    store::StoreError,
    validate::{Authorities, SignatureCache},
};

/// The most issuers whose authorities are kept.
const MAX_ISSUERS: usize = 1024;

/// By the issuer, its key identifier, and the certificates that came with the leaf.
type Issued = (Vec<u8>, Option<Vec<u8>>, Vec<Fingerprint>);

/// The signatures of many credentials, as [`Keystore::verify_ahead`](crate::Keystore::verify_ahead) verified them.
///
/// Which key signed which certificate is changed by no commit, so an import that judges by what the store holds when it
/// has it to itself need not find that out again.
#[derive(Debug)]
pub struct VerifiedAhead {
    pub(super) signatures: SignatureCache,
    authorities: Mutex<HashMap<Issued, Arc<Authorities>>>,
}

impl Default for VerifiedAhead {
    fn default() -> Self {
        Self { signatures: SignatureCache::of_one_instant(), authorities: Mutex::default() }
    }
}

impl VerifiedAhead {
    /// The authorities for a leaf and those of the same issuer, as they were when one was first looked for.
    pub(super) fn authorities(
        &self,
        leaf: &Certificate,
        others: &[Certificate],
        load: impl FnOnce() -> Result<Authorities, StoreError>,
    ) -> Result<Arc<Authorities>, StoreError> {
        let lock = || self.authorities.lock().unwrap_or_else(PoisonError::into_inner);
        let beside = others.iter().map(|other| other.fingerprint).collect();
        let issued = (leaf.issuer_name.clone(), leaf.authority_key_id.clone(), beside);
        if let Some(known) = lock().get(&issued) {
            return Ok(Arc::clone(known));
        }
        let found = Arc::new(load()?);
        let mut known = lock();
        if known.len() >= MAX_ISSUERS {
            known.clear();
        }
        known.insert(issued, Arc::clone(&found));
        Ok(found)
    }
}
