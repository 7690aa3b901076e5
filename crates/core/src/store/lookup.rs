//! Lookups whose absence can be proved.
//!
//! Keys stand in one order; each row names the next key under its MAC. A key is absent only if the row before it
//! names a key after it: a row that was lost, by damage or by hand, is seen by whoever looks for it.

use rusqlite::{OptionalExtension as _, named_params};

use super::{Read, StoreError, Write};
use crate::{
    certificate::{Certificate, Fingerprint},
    seal::{Digest, EntryId, Ledger},
};

/// The first row: before all keys.
const HEAD: &[u8] = b"";
/// `next` of the last row.
const END: &[u8] = b"";

pub(super) const LOST: StoreError = StoreError::Corrupt { detail: "a row that lookups need is missing" };

/// One row.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) key: Vec<u8>,
    pub(super) value: Vec<u8>,
    pub(super) next: Vec<u8>,
    pub(super) mac: Digest,
}

impl Link {
    pub(super) fn expected(&self, ledger: &Ledger) -> Digest {
        ledger.row(&[b"lookup", &self.key, &self.value, &self.next])
    }

    /// Whether no key lies between this row and `key`.
    pub(super) fn precedes(&self, key: &[u8]) -> bool {
        self.next == END || self.next.as_slice() > key
    }

    fn checked(self, ledger: &Ledger) -> Result<Self, StoreError> {
        if self.mac == self.expected(ledger) {
            Ok(self)
        } else {
            Err(StoreError::Corrupt { detail: "a lookup row is not authentic" })
        }
    }
}

fn link(row: &rusqlite::Row<'_>) -> rusqlite::Result<Link> {
    Ok(Link { key: row.get("key")?, value: row.get("value")?, next: row.get("next")?, mac: row.get("mac")? })
}

/// The key of an alias.
pub(super) fn alias_key(alias: &str) -> Vec<u8> {
    [b"a", alias.as_bytes()].concat()
}

/// What is looked up by a certificate, beside its alias; each key ends with the entry's id.
#[derive(Clone, Copy, Debug)]
pub(super) enum By {
    /// Digest of an authority's certificate.
    Authority,
    /// Digest of an authority's subject.
    Subject,
    /// Digest of a server's leaf.
    Leaf,
    /// Digest of the issuer.
    Issuer,
    /// Digest of the public key.
    PublicKey,
}

impl By {
    pub(super) fn prefix(self, digest: &Fingerprint) -> Vec<u8> {
        let letter: &[u8] = match self {
            Self::Authority => b"c",
            Self::Subject => b"s",
            Self::Leaf => b"f",
            Self::Issuer => b"i",
            Self::PublicKey => b"k",
        };
        [letter, digest.as_bytes()].concat()
    }
}

/// The prefix of a DNS name or address.
pub(super) fn name_prefix(name: &str) -> Vec<u8> {
    [b"n", name.to_ascii_lowercase().as_bytes(), b"\0"].concat()
}

/// All keys of an entry in its current version, beside its alias.
pub(super) fn keys_of(certificate: &Certificate, authority: bool, id: &EntryId) -> Vec<Vec<u8>> {
    let issuer = Fingerprint::of(&certificate.issuer_name);
    let mut keys = vec![By::Issuer.prefix(&issuer), By::PublicKey.prefix(&certificate.spki_fingerprint)];
    if authority {
        keys.push(By::Authority.prefix(&certificate.fingerprint));
        keys.push(By::Subject.prefix(&Fingerprint::of(&certificate.subject_name)));
    } else {
        keys.push(By::Leaf.prefix(&certificate.fingerprint));
        keys.extend(certificate.hosts().map(name_prefix));
    }
    keys.iter_mut().for_each(|key| key.extend_from_slice(id));
    keys.sort();
    keys.dedup();
    keys
}

impl Read<'_> {
    /// The last row at or before `key`.
    pub(super) fn floor(&self, key: &[u8]) -> Result<Link, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT key, value, next, mac FROM lookup WHERE key <= :key ORDER BY key DESC LIMIT 1",
        )?;
        let found = statement.query_row(named_params! { ":key": key }, link).optional()?;
        found.ok_or(LOST)?.checked(self.ledger)
    }

    /// The value of a key, or the proof that there is none.
    pub(super) fn find(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let floor = self.floor(key)?;
        if floor.key == key {
            Ok(Some(floor.value))
        } else if floor.precedes(key) {
            Ok(None)
        } else {
            Err(LOST)
        }
    }

    /// Up to `limit` rows after the key `after` whose keys begin with `prefix`, none left out.
    pub(super) fn scan(&self, prefix: &[u8], after: &[u8], limit: u32) -> Result<Vec<Link>, StoreError> {
        let from = prefix.max(after);
        let mut last = self.floor(from)?;
        let mut found = Vec::new();
        if after < prefix && last.key == prefix {
            found.push(last.clone());
        } else if last.key != from && !last.precedes(from) {
            return Err(LOST);
        }
        let mut statement = self
            .connection
            .prepare_cached("SELECT key, value, next, mac FROM lookup WHERE key > :key ORDER BY key")?;
        let mut rows = statement.query(named_params! { ":key": last.key })?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        while found.len() < limit && last.next.starts_with(prefix) {
            let next = rows.next()?.map(link).transpose()?.ok_or(LOST)?.checked(self.ledger)?;
            if next.key != last.next {
                return Err(LOST);
            }
            found.push(next.clone());
            last = next;
        }
        Ok(found)
    }

    /// The entries that stand under a prefix.
    pub(super) fn ids(&self, prefix: &[u8], limit: u32) -> Result<Vec<EntryId>, StoreError> {
        self.scan(prefix, HEAD, limit)?.into_iter().map(|link| entry_id(&link.value)).collect()
    }
}

/// The entry that a row names.
pub(super) fn entry_id(value: &[u8]) -> Result<EntryId, StoreError> {
    EntryId::try_from(value).map_err(|_| StoreError::Corrupt { detail: "an entry has no name" })
}

impl Write<'_> {
    /// The row before all others.
    pub(super) fn insert_head(&self) -> Result<(), StoreError> {
        self.put(Link { key: HEAD.to_vec(), value: Vec::new(), next: END.to_vec(), mac: [0; 32] })
    }

    /// Adds a key; `false` if it is there.
    pub(super) fn add_key(&self, key: &[u8], value: &[u8]) -> Result<bool, StoreError> {
        let mut before = self.as_read().floor(key)?;
        if before.key == key {
            return Ok(false);
        }
        if !before.precedes(key) {
            return Err(LOST);
        }
        let next = std::mem::replace(&mut before.next, key.to_vec());
        self.replace(before)?;
        self.put(Link { key: key.to_vec(), value: value.to_vec(), next, mac: [0; 32] })?;
        Ok(true)
    }

    /// Takes a key out.
    pub(super) fn remove_key(&self, key: &[u8]) -> Result<(), StoreError> {
        let read = self.as_read();
        let found = read.floor(key)?;
        let mut statement = self.transaction.prepare_cached(
            "SELECT key, value, next, mac FROM lookup WHERE key < :key ORDER BY key DESC LIMIT 1",
        )?;
        let before = statement.query_row(named_params! { ":key": key }, link).optional()?;
        let mut before = before.ok_or(LOST)?.checked(self.ledger)?;
        if found.key != key || before.next != key {
            return Err(LOST);
        }
        self.transaction
            .prepare_cached("DELETE FROM lookup WHERE key = :key")?
            .execute(named_params! { ":key": key })?;
        self.toggle_row(&found.mac);
        before.next = found.next;
        self.replace(before)
    }

    /// Writes a row that stands already, under a new MAC.
    fn replace(&self, link: Link) -> Result<(), StoreError> {
        self.toggle_row(&link.mac);
        self.put(link)
    }

    fn put(&self, mut link: Link) -> Result<(), StoreError> {
        link.mac = link.expected(self.ledger);
        self.transaction
            .prepare_cached(
                "INSERT OR REPLACE INTO lookup (key, value, next, mac) VALUES (:key, :value, :next, :mac)",
            )?
            .execute(named_params! {
                ":key": link.key, ":value": link.value, ":next": link.next, ":mac": link.mac,
            })?;
        self.toggle_row(&link.mac);
        Ok(())
    }
}
