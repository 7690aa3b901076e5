//! What schema 1 sealed, for the migration from it.

use super::{
    RootKey, SealError, SealedKey, StoreId,
    cipher::{SealingKey, fields},
};
use crate::{
    alias::Alias,
    certificate::Fingerprint,
    secret::{PrivateKey, UnlockKey},
};
use sha2::{Digest as _, Sha256};

const FORMAT: &[u8] = b"strongroom/v1";

/// A root key as schema 1 keeps it: under one high-entropy key.
pub(crate) struct LegacyRoot {
    store: StoreId,
    root: SealingKey,
    wrapping: SealingKey,
}

impl LegacyRoot {
    pub(crate) fn unlock(
        store: StoreId,
        salt: &[u8],
        wrapped: &[u8],
        unlock: &UnlockKey,
    ) -> Result<Self, SealError> {
        // EXPOSE: input of the key derivation.
        let kek = SealingKey::derive(FORMAT, unlock.expose(), salt, &[b"slot key-file"])?;
        let aad = fields(FORMAT, &[b"slot", &store, b"key-file"]);
        let root = kek.unwrap_key(wrapped, &aad).ok_or(SealError::WrongUnlockKey)?;
        let wrapping = SealingKey::derive(FORMAT, root.0.as_ref(), &store, &[b"wrap data keys"])?;
        Ok(Self { store, root, wrapping })
    }

    /// The same root key, with the keys that are derived from it now.
    pub(crate) fn root(&self) -> Result<RootKey, SealError> {
        let root = SealingKey::from_slice(self.root.0.as_ref()).ok_or(SealError::Encrypt)?;
        RootKey::of(self.store, 1, root)
    }

    pub(crate) fn unseal(
        &self,
        alias: &Alias,
        entry: &[u8],
        version: u32,
        sealed: &SealedKey,
        chain: &[Fingerprint],
    ) -> Result<PrivateKey, SealError> {
        let leaf = chain.first().map(|leaf| *leaf.as_bytes()).unwrap_or_default();
        let mut digest = Sha256::new();
        chain.iter().for_each(|fingerprint| digest.update(fingerprint.as_bytes()));
        let chain = digest.finalize();
        let aad = fields(
            FORMAT,
            &[
                b"entry",
                &self.store,
                entry,
                &version.to_be_bytes(),
                alias.key().as_bytes(),
                &leaf,
                chain.as_slice(),
            ],
        );
        let data_key = self.wrapping.unwrap_key(&sealed.wrapped_data_key, &aad).ok_or(SealError::Damaged)?;
        let mut der = data_key.decrypt(&sealed.sealed_key, &aad).ok_or(SealError::Damaged)?;
        Ok(PrivateKey::from_pkcs8_der(std::mem::take(&mut *der)))
    }
}
