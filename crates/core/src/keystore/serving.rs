//! What a TLS server reads of a store: names with their entries, and whom to trust.

use std::{cell::RefCell, path::Path};

use rustls_pki_types::UnixTime;

use super::{Entry, Keystore, row::describe, seconds};
use crate::{
    alias::Alias,
    error::Error,
    seal::Digest,
    select::{NameMatch, wildcard_of},
    store::{BindingRow, Generation, Read, StoreError, TrustAnchors, name_digest},
    validate::PeerName,
};

/// What stands for a DNS name or address in the store: the SHA-256 digest of it in lower case.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct NameDigest(Digest);

impl NameDigest {
    /// Of a name, whatever its case; `*.example.com` is a name as well.
    #[must_use]
    pub fn of(name: &str) -> Self {
        Self(*name_digest(name).as_bytes())
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Takes the names of a store, one by one.
pub trait NameSink {
    /// Begins, or begins again: what was taken before counts for nothing.
    fn begin(&mut self);
    /// An entry, by its alias in lower case, has a name.
    fn name(&mut self, name: &NameDigest, alias: &str);
    /// A host is bound to an entry.
    fn bound(&mut self, host: &str, alias: &Alias);
}

/// An entry that was asked for a host.
#[derive(Debug)]
#[non_exhaustive]
pub struct NamedEntry {
    /// The entry.
    pub entry: Entry,
    /// Why it was asked.
    pub matched: NameMatch,
    /// Whether the host is bound to it.
    pub bound: bool,
}

impl Keystore {
    /// The path of the store; a store in memory has none.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.shared.origin.path()
    }

    /// Gives every name of every server entry to `sink`, none left out, and every host that is bound, unless its binding is
    /// damaged: as they were in one instant, which is what it answers. No certificate is read.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read, or not all of it can be proved.
    pub fn served_names(&self, sink: &mut dyn NameSink) -> Result<Generation, Error> {
        let sink = RefCell::new(sink);
        self.reading(|read| {
            let mut sink = sink.borrow_mut();
            sink.begin();
            read.each_name(&mut |digest, alias| sink.name(&NameDigest(*digest), alias))?;
            for row in whole_bindings(read)? {
                sink.bound(&row.host, &row.alias);
            }
            read.generation()
        })
    }

    /// The imported CA certificates at which paths may end. A damaged one is named, and left out.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn trust_anchors(&self) -> Result<TrustAnchors, Error> {
        self.reading(|read| read.anchors())
    }

    /// The alias that a host is bound to, whether or not that is in force.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn bound_alias(&self, host: &str) -> Result<Option<Alias>, Error> {
        self.reading(|read| Ok(read.binding(host)?.map(|row| row.alias)))
    }

    /// Every host that is bound, with its alias, whether or not that is in force; one whose binding is damaged is left out.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn bound_hosts(&self) -> Result<Vec<(String, Alias)>, Error> {
        self.reading(|read| Ok(whole_bindings(read)?.into_iter().map(|row| (row.host, row.alias)).collect()))
    }

    /// Up to `limit` aliases of entries that have a name, in lower case and in order.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn aliases_of_name(&self, name: &str, limit: u32) -> Result<Vec<Alias>, Error> {
        self.reading(|read| read.aliases_named(name, limit))
    }

    /// The entries that may answer for a host, up to `limit` for each way in which they have its name, and the default
    /// entry if one is given, with their chains as they are at the instant `at`. [`select_entry`](crate::select::select_entry) says which does.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn entries_for(
        &self,
        host: Option<&PeerName>,
        default: Option<&Alias>,
        limit: u32,
        at: UnixTime,
    ) -> Result<Vec<NamedEntry>, Error> {
        self.reading(|read| {
            let chains = self.chains_of(read);
            let mut found = Vec::new();
            let name = host.map(ToString::to_string).unwrap_or_default();
            let bound = match read.binding(&name) {
                // It decides nothing; among equal entries another rule does.
                Err(StoreError::Corrupt { .. }) => None,
                other => other?.map(|row| row.alias),
            };
            let wildcard = wildcard_of(&name);
            let ways = [(Some(name), NameMatch::Exact), (wildcard, NameMatch::Wildcard)];
            for (name, matched) in ways {
                let Some((host, name)) = host.zip(name) else {
                    continue;
                };
                for alias in read.aliases_named(&name, limit)? {
                    // One with the name itself was asked for that.
                    let is_asked =
                        found.iter().any(|named: &NamedEntry| named.entry.alias.key() == alias.key());
                    let Some(row) = read.entry(&alias)?.filter(|_| !is_asked) else {
                        continue;
                    };
                    // A DNS name that looks like an address is none.
                    if row.head.trust.is_none()
                        && row.content.leaf().is_some_and(|leaf| host.is_named_by(leaf))
                    {
                        let bound = bound.as_ref() == Some(&alias);
                        found.push(NamedEntry {
                            entry: describe(row, &chains, seconds(at))?,
                            matched,
                            bound,
                        });
                    }
                }
            }
            if let Some(row) = default.map(|alias| read.entry(alias)).transpose()?.flatten()
                && row.head.trust.is_none()
                && found.iter().all(|named| named.entry.alias != row.head.alias)
            {
                let entry = describe(row, &chains, seconds(at))?;
                found.push(NamedEntry { entry, matched: NameMatch::Default, bound: false });
            }
            Ok(found)
        })
    }
}

/// One damaged binding takes no other host from its entry.
fn whole_bindings(read: &Read<'_>) -> Result<Vec<BindingRow>, StoreError> {
    let listed = read.listed_bindings()?.into_iter().map(|(_, row)| row);
    listed.filter(|row| !matches!(row, Err(StoreError::Corrupt { .. }))).collect()
}
