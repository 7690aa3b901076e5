//! Chain certificates that came with imports, and that nobody needs any more.

use std::collections::HashSet;

use rustls_pki_types::UnixTime;

use super::Keystore;
use crate::{
    alias::Alias,
    certificate::Fingerprint,
    error::Error,
    instant::seconds,
    store::{EntryHead, Read, StoreError},
    validate::Trust,
};

/// CA certificates to which no entry leads.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct UnneededAuthorities {
    /// Those that an import stored beside its entry: no version of any entry leads to them, former and removed ones
    /// included.
    pub chain_certificates: Vec<Alias>,
    /// Those that somebody imported, and to which no version leads either.
    pub imported: Vec<Alias>,
}

impl Keystore {
    /// The CA certificates to which no entry leads at the instant `at`, nor any version that an undo can bring back.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let unlock = strongroom::UnlockKey::generate()?;
    /// # let path = folder.path().join("keystore.db");
    /// # let keystore = strongroom::Keystore::create(&path, &unlock, strongroom::UnixTime::now())?;
    /// # let root = std::fs::read("../../fixtures/chains/root-rsa.pem")?;
    /// keystore.import_authority(&"root".parse()?, &root, strongroom::UnixTime::now())?;
    /// let unneeded = keystore.unneeded_authorities(strongroom::UnixTime::now())?;
    /// assert_eq!((unneeded.chain_certificates.len(), unneeded.imported.len()), (0, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read; one entry that is damaged is enough, since nobody knows what it needs.
    pub fn unneeded_authorities(&self, at: UnixTime) -> Result<UnneededAuthorities, Error> {
        let found = self.reading(|read| {
            let chains = self.chains_of(read);
            let mut needed = HashSet::new();
            let mut authorities = Vec::new();
            for head in read.content()?.heads {
                let Some(trust) = head.trust else {
                    let row = read.current(head.clone())?;
                    needed.extend(chains.chain(&row, seconds(at))?.above().map(|above| above.fingerprint));
                    of_versions(read, &head, &mut needed)?;
                    continue;
                };
                authorities.push((head, trust));
            }
            for removed in read.all_removed(None, u32::MAX)? {
                if removed.head.trust.is_none() {
                    of_versions(read, &removed.head, &mut needed)?;
                }
            }
            let mut unneeded = UnneededAuthorities::default();
            for (head, trust) in authorities {
                let alias = head.alias.clone();
                let row = read.current(head)?;
                if row.content.leaf().is_none_or(|leaf| needed.contains(&leaf.fingerprint)) {
                    continue;
                }
                match trust {
                    Trust::Path => unneeded.chain_certificates.push(alias),
                    _ => unneeded.imported.push(alias),
                }
            }
            Ok(unneeded)
        })?;
        Ok(found)
    }
}

/// What the versions of an entry led to when they were stored.
fn of_versions(
    read: &Read<'_>,
    head: &EntryHead,
    needed: &mut HashSet<Fingerprint>,
) -> Result<(), StoreError> {
    for number in head.first..=head.version {
        if let Some(row) = read.at_version(head.clone(), number)? {
            needed.extend(row.content.chain.iter().skip(1).map(|above| above.certificate.fingerprint));
        }
    }
    Ok(())
}
