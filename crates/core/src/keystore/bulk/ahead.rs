//! What an import of many may do on every core, before it has the store to itself.

use std::sync::Arc;

use crate::{
    keystore::{
        Keystore, chains::load_authorities, commit_credential::trusted_roots, request::CredentialRequest,
        verified::VerifiedAhead,
    },
    store::StoreError,
    validate::{Authorities, KnownSignatures, Trust, validate_knowing},
};

impl Keystore {
    /// Verifies the signatures on the path of a credential, on any thread, so that [`import_all`](Self::import_all) need not
    /// while nobody else can write. It judges all the same, by what the store holds then: an import without this comes to
    /// the same.
    pub fn verify_ahead(&self, known: &Arc<VerifiedAhead>, request: &mut CredentialRequest) {
        request.verified = Some(Arc::clone(known));
        let CredentialRequest { credential, options, .. } = &*request;
        let (leaf, others) = (&credential.leaf, credential.others.as_slice());
        let load = || {
            let loaded = self.shared.read(|read, _| load_authorities(read, leaf, others));
            loaded.map_err(|_| StoreError::unread())
        };
        // What is wrong with the store is found by the import.
        let Ok(stored) = known.authorities(leaf, others, load) else { return };
        let roots = trusted_roots(credential, options);
        let mut own = Authorities::new();
        let authorities = if roots.is_empty() {
            &*stored
        } else {
            stored.iter().for_each(|(authority, trust)| own.add(authority.clone(), trust));
            roots.into_iter().for_each(|root| own.add(root, Trust::Anchor));
            &own
        };
        let signatures = KnownSignatures { cache: Some(&known.signatures), ..KnownSignatures::default() };
        // What it says may be otherwise by then.
        let _ = validate_knowing(credential, authorities, &options.policy, options.at, signatures);
    }
}
