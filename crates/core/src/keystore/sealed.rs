//! A server credential whose key stays sealed until it signs: what a server with many names keeps in memory.

use std::{fmt, sync::Arc};

use rustls_pki_types::UnixTime;

use super::{Keystore, row::sent_above, seconds};
use crate::{
    alias::Alias,
    certificate::{Certificate, Fingerprint, ServerCredential},
    error::Error,
    seal::{EntryId, RootKey, SealBinding, SealError, SealedKey},
    secret::PrivateKey,
    store::{EntryRow, StoreError},
    validate::Chain,
};

/// A server credential with its key still sealed, in the version that was current when it was read.
///
/// It opens without the store: chain and key are always those of one version, whatever becomes of the store meanwhile.
pub struct SealedCredential {
    /// Its alias, in the case in which it was given.
    alias: Alias,
    version: u32,
    entry: EntryId,
    spki: Fingerprint,
    stored: Vec<Fingerprint>,
    served: Vec<Certificate>,
    until: Option<i64>,
    sealed: SealedKey,
    root: Arc<RootKey>,
}

impl SealedCredential {
    fn of(root: Arc<RootKey>, row: EntryRow, chain: Chain) -> Result<Self, Error> {
        let not_found = || StoreError::NotFound { alias: row.head.alias.clone() };
        let leaf = row.content.leaf().cloned().ok_or_else(not_found)?;
        let stored = row.content.fingerprints();
        let sealed = row.content.sealed.ok_or(StoreError::NotFound { alias: row.head.alias.clone() })?;
        Ok(Self {
            alias: row.head.alias,
            version: row.content.number,
            entry: row.head.id,
            spki: leaf.spki_fingerprint,
            stored,
            until: chain.not_after(),
            served: std::iter::once(leaf).chain(sent_above(chain)).collect(),
            sealed,
            root,
        })
    }

    /// Its alias, in the case in which it was given.
    #[must_use]
    pub fn alias(&self) -> &Alias {
        &self.alias
    }

    /// The version of the entry, from 1.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Takes out what a server sends: the leaf and the certificates above it, without a root. They are needed once.
    #[must_use]
    pub fn take_served(&mut self) -> Vec<Certificate> {
        std::mem::take(&mut self.served)
    }

    /// When the first certificate of its chain ends, in seconds since 1970: until then it is the chain to send.
    #[must_use]
    pub fn chain_until(&self) -> Option<i64> {
        self.until
    }

    /// Bytes that it takes in memory, certificates that were not taken out left aside.
    #[must_use]
    pub fn size(&self) -> usize {
        let texts =
            self.alias.as_str().len() + self.sealed.sealed_key.len() + self.sealed.wrapped_data_key.len();
        texts + self.stored.len() * size_of::<Fingerprint>() + size_of::<Self>()
    }

    /// Unseals the key.
    ///
    /// # Errors
    ///
    /// [`SealError::Damaged`] if the sealed key, or anything that it is bound to, was changed.
    pub fn open(&self) -> Result<PrivateKey, Error> {
        let binding = SealBinding {
            alias: &self.alias,
            entry: self.entry,
            version: self.version,
            spki: self.spki,
            chain: &self.stored,
        };
        Ok(self.root.unseal(&self.sealed, &binding)?)
    }

    /// Proves, by signing, that the key belongs to a leaf; gives the key.
    ///
    /// # Errors
    ///
    /// [`SealError::Damaged`] if it does not open, or does not belong to the leaf.
    pub fn open_for(&self, leaf: &Certificate) -> Result<PrivateKey, Error> {
        let proved =
            ServerCredential::pair(self.open()?, vec![leaf.clone()]).map_err(|_| SealError::Damaged)?;
        Ok(proved.into_parts().0)
    }
}

impl fmt::Debug for SealedCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedCredential({} version {})", self.alias, self.version)
    }
}

impl Keystore {
    /// Reads a server credential, with its chain as it is at the instant `at`, and leaves its key sealed.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] if there is no such entry or it has no key; [`StoreError::Corrupt`] if what is stored of
    /// it is not as it was written.
    pub fn sealed_credential(&self, alias: &Alias, at: UnixTime) -> Result<SealedCredential, Error> {
        // Row, chain and root key are of one snapshot.
        let (found, root) = self.shared.read(|read, root| {
            let row = read.entry(alias)?.filter(|row| row.head.trust.is_none());
            let chain = row.as_ref().map(|row| self.chains_of(read).chain(row, seconds(at))).transpose()?;
            Ok((row.zip(chain), Arc::clone(root)))
        })?;
        let (row, chain) = found.ok_or_else(|| StoreError::NotFound { alias: alias.clone() })?;
        SealedCredential::of(root, row, chain)
    }
}
