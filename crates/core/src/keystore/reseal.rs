//! Private keys go from one root key to another.

use super::unseal;
use crate::{
    seal::{RootKey, SealError, SealedKey},
    secret::PrivateKey,
    store::{EntryRow, RequestRow, Reseal},
};

/// From the root key under which they lie to the one under which they will. What is sealed is opened once more.
pub(super) struct Between<'r> {
    pub(super) from: &'r RootKey,
    pub(super) to: &'r RootKey,
}

impl Reseal for Between<'_> {
    fn version(&self, row: &EntryRow) -> Result<Option<SealedKey>, SealError> {
        let Some(key) = unseal(self.from, row)? else {
            return Ok(None);
        };
        let chain = row.content.fingerprints();
        let binding = row.binding(&chain).ok_or(SealError::Damaged)?;
        let sealed = self.to.seal(&key, &binding)?;
        self.to.unseal(&sealed, &binding)?;
        Ok(Some(sealed))
    }

    fn request(&self, row: &RequestRow) -> Result<SealedKey, SealError> {
        let key = unseal_request(self.from, row)?;
        let chain = row.chain();
        let binding = row.binding(&chain);
        let sealed = self.to.seal(&key, &binding)?;
        self.to.unseal(&sealed, &binding)?;
        Ok(sealed)
    }
}

/// The private key of a pending request.
pub(super) fn unseal_request(root: &RootKey, row: &RequestRow) -> Result<PrivateKey, SealError> {
    root.unseal(&row.sealed, &row.binding(&row.chain()))
}
