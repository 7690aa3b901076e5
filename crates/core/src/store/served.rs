//! What a TLS server reads: every name with the entries that have it, and the CA certificates.

use super::{
    Read, StoreError,
    key::{self, Tag},
    read::RECORD,
};
use crate::{alias::Alias, certificate::Certificate, seal::Digest, validate::Trust};

/// The imported CA certificates at which paths may end.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct TrustAnchors {
    /// Those that are whole, each once.
    pub certificates: Vec<Certificate>,
    /// The aliases of those that cannot be read: nothing is trusted under them.
    pub damaged: Vec<Alias>,
}

/// Members read at a time.
const PAGE: usize = 10_000;

/// Takes the digest of a name, and the alias in lower case of an entry that has it.
pub(crate) type EachName<'e> = &'e mut dyn FnMut(&Digest, &str);

impl Read<'_> {
    fn each_member(&self, tag: Tag, each: &mut dyn FnMut(&Digest, &str)) -> Result<(), StoreError> {
        let mut after = Vec::new();
        loop {
            let keys = self.keys(&[tag.byte()], &after, PAGE)?;
            for key in &keys {
                let digest = key::digest_of_member(key).ok_or(RECORD)?;
                each(digest, key::alias_of_member(key).ok_or(RECORD)?);
            }
            match keys.into_iter().last() {
                Some(last) if !last.is_empty() => after = last,
                _ => return Ok(()),
            }
        }
    }

    /// Every name of every server entry in the order of their digests, none left out.
    pub(crate) fn each_name(&self, each: EachName<'_>) -> Result<(), StoreError> {
        self.each_member(Tag::Name, each)
    }

    /// The imported CA certificates at which paths may end, each once.
    pub(crate) fn anchors(&self) -> Result<TrustAnchors, StoreError> {
        let mut aliases = Vec::new();
        self.each_member(Tag::Authority, &mut |_, alias| aliases.push(alias.to_owned()))?;
        let mut found = TrustAnchors::default();
        for alias in aliases {
            let alias: Alias = alias.parse().map_err(|_| RECORD)?;
            let certificate = match self.anchor(&alias) {
                Ok(Some(certificate)) => certificate,
                Ok(None) => continue,
                // Nothing is trusted under it until it is mended; the others are.
                Err(StoreError::Corrupt { .. }) => {
                    found.damaged.push(alias);
                    continue;
                }
                Err(other) => return Err(other),
            };
            // Members come in the order of the certificates.
            if found.certificates.last().is_none_or(|last| last.fingerprint != certificate.fingerprint) {
                found.certificates.push(certificate);
            }
        }
        Ok(found)
    }

    /// The CA certificate of an alias, if paths may end at it.
    fn anchor(&self, alias: &Alias) -> Result<Option<Certificate>, StoreError> {
        let head = self.head(alias)?.ok_or(RECORD)?;
        if head.trust != Some(Trust::Anchor) {
            return Ok(None);
        }
        let row = self.current(head)?;
        Ok(Some(row.content.leaf().ok_or(RECORD)?.clone()))
    }
}
