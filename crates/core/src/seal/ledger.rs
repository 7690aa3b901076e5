//! HMAC-SHA256 over what the store holds in the clear: rows, the state of the whole, and the audit log.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use super::{
    FORMAT, SealError, StoreId,
    cipher::{SealingKey, fields},
};

/// 32 bytes of HMAC-SHA256 or SHA-256.
pub(crate) type Digest = [u8; 32];

/// The keys that authenticate the rows of one store.
pub(crate) struct Ledger {
    store: StoreId,
    epoch: u32,
    row: SealingKey,
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
            row: key(b"row")?,
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

    /// Over one row: its table, then its columns in order.
    pub(crate) fn row(&self, columns: &[&[u8]]) -> Digest {
        mac(&self.row, columns)
    }

    /// Over the state of the whole store.
    pub(crate) fn state(&self, columns: &[&[u8]]) -> Digest {
        mac(&self.state, &[&[self.store.as_slice(), &self.epoch.to_be_bytes()], columns].concat())
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

/// One link of the audit log: SHA-256 over the former hash and the columns.
pub(crate) fn audit_hash(former: &[u8], columns: &[&[u8]]) -> Digest {
    Sha256::digest(fields(FORMAT, &[&[b"audit".as_slice(), former], columns].concat())).into()
}
