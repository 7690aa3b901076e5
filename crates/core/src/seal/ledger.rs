//! HMAC-SHA256 over the state of a store, which vouches for all that it holds in the clear, and over its log.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use super::{
    FORMAT, SealError, StoreId,
    cipher::{SealingKey, fields, same},
};

/// 32 bytes of HMAC-SHA256 or SHA-256.
pub(crate) type Digest = [u8; 32];

/// The keys that authenticate one store.
pub(crate) struct Ledger {
    store: StoreId,
    epoch: u32,
    accounts: SealingKey,
    state: SealingKey,
    audit: SealingKey,
    check: SealingKey,
}

impl Ledger {
    pub(super) fn derive(store: StoreId, epoch: u32, root: &SealingKey) -> Result<Self, SealError> {
        let key = |purpose: &[u8]| {
            SealingKey::derive(FORMAT, root.0.as_ref(), &store, &[purpose, &epoch.to_be_bytes()])
        };
        Ok(Self {
            store,
            epoch,
            accounts: key(b"accounts")?,
            state: key(b"state")?,
            audit: key(b"audit")?,
            check: key(b"check")?,
        })
    }

    pub(crate) fn store(&self) -> &StoreId {
        &self.store
    }

    pub(crate) fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Over the row of the state.
    pub(crate) fn state(&self, row: &[u8]) -> Digest {
        mac(&self.state, &[&self.store, &self.epoch.to_be_bytes(), row])
    }

    /// Whether the row of the state has this MAC.
    pub(crate) fn is_state(&self, row: &[u8], mac: &[u8]) -> bool {
        same(&self.state(row), mac)
    }

    /// Whether an audit row with this hash has this MAC.
    pub(crate) fn is_audit(&self, hash: &Digest, mac: &[u8]) -> bool {
        same(&self.audit(hash), mac)
    }

    /// Seals the password hash of an administrator.
    pub(crate) fn seal_account(&self, name: &str, hash: &str) -> Result<Vec<u8>, SealError> {
        self.accounts.encrypt(hash.as_bytes(), &self.account(name))
    }

    /// Opens what [`seal_account`](Self::seal_account) made for the same name.
    pub(crate) fn open_account(&self, name: &str, sealed: &[u8]) -> Result<String, SealError> {
        let hash = self.accounts.decrypt(sealed, &self.account(name)).ok_or(SealError::Damaged)?;
        String::from_utf8(hash.to_vec()).map_err(|_| SealError::Damaged)
    }

    fn account(&self, name: &str) -> Vec<u8> {
        fields(FORMAT, &[b"account", &self.store, &self.epoch.to_be_bytes(), name.as_bytes()])
    }

    /// Over the hash of one audit row.
    pub(crate) fn audit(&self, hash: &Digest) -> Digest {
        mac(&self.audit, &[hash])
    }

    /// The key-check value: 16 bytes that tell a wrong root key from a damaged store.
    pub(crate) fn check_value(&self) -> [u8; 16] {
        let full = mac(&self.check, &[&self.store, &self.epoch.to_be_bytes()]);
        let mut value = [0; 16];
        value.iter_mut().zip(full).for_each(|(to, from)| *to = from);
        value
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ledger([redacted])")
    }
}

fn mac(key: &SealingKey, columns: &[&[u8]]) -> Digest {
    // HMAC takes a key of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.0.as_ref()) else {
        return [0; 32];
    };
    mac.update(&fields(FORMAT, columns));
    mac.finalize().into_bytes().into()
}

/// One link of the audit log: SHA-256 over the former hash and what the row says.
pub(crate) fn audit_hash(former: &[u8], row: &[u8]) -> Digest {
    Sha256::digest(fields(FORMAT, &[b"audit", former, row])).into()
}
