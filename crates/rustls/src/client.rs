//! An entry as the identity of a client, renewed as well.

use std::sync::Arc;

use rustls::{SignatureScheme, client::ResolvesClientCert, sign::CertifiedKey};

use crate::resolver::Shared;

/// The entry of one alias, for clients.
#[derive(Debug)]
pub(crate) struct ClientIdentity {
    pub(crate) shared: Arc<Shared>,
    /// In lower case.
    pub(crate) alias: String,
}

impl ResolvesClientCert for ClientIdentity {
    fn resolve(&self, _hints: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let root = self.shared.root.load();
        let entry = root.entry(&self.alias)?;
        let served = self.shared.served(entry, &mut 1)?;
        let usable = served.certified.key.choose_scheme(schemes).is_some();
        usable.then(|| {
            self.shared.answered(entry);
            served.certified
        })
    }

    fn has_certs(&self) -> bool {
        true
    }
}
