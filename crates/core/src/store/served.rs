//! What a TLS server reads: every name with the entries that have it, and the CA certificates.

use super::{
    Read, StoreError,
    key::{self, Tag},
    read::RECORD,
};
use crate::{certificate::Certificate, seal::Digest, validate::Trust};

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
    pub(crate) fn anchors(&self) -> Result<Vec<Certificate>, StoreError> {
        let mut aliases = Vec::new();
        self.each_member(Tag::Authority, &mut |_, alias| aliases.push(alias.to_owned()))?;
        let mut found: Vec<Certificate> = Vec::new();
        for alias in aliases {
            let head = self.head(&alias.parse().map_err(|_| RECORD)?)?.ok_or(RECORD)?;
            if head.trust != Some(Trust::Anchor) {
                continue;
            }
            let row = self.current(head)?;
            let leaf = row.content.leaf().ok_or(RECORD)?;
            // Members come in the order of the certificates.
            if found.last().is_none_or(|last| last.fingerprint != leaf.fingerprint) {
                found.push(leaf.clone());
            }
        }
        Ok(found)
    }
}
