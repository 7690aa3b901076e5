//! Entries, their versions and their chains.

use std::collections::BTreeMap;

use super::{
    Read, StoreError,
    key::{self, Tag},
    read::{BLOB, RECORD},
    records::{Content, EntryHead, EntryRow, VersionRow, sealed_from_blob},
};
use crate::{
    alias::Alias,
    certificate::{Certificate, Fingerprint},
    seal::{Digest, SealedKey},
    validate::{PathCertificate, Trust},
};

/// The most authorities of one subject that an import looks at.
const MAX_OF_ONE_NAME: usize = 1024;
/// The most aliases of one authority that are looked at.
const MAX_NAMESAKES: usize = 64;
/// Heads read at a time.
const PAGE: usize = 500;

/// Certificates of one read, each decoded once.
pub(super) type Decoded = BTreeMap<Digest, Certificate>;

/// What stands under an alias, in lower case, or why it cannot be given.
pub(crate) type Named<T> = (String, Result<T, StoreError>);

/// Takes every entry with the alias that it stands under.
type EachListed<'e> = &'e mut dyn FnMut(&str, Result<EntryHead, StoreError>) -> Result<(), StoreError>;

impl Read<'_> {
    /// The entry with an alias, whatever its case, in its current version.
    pub(crate) fn entry(&self, alias: &Alias) -> Result<Option<EntryRow>, StoreError> {
        self.head(alias)?.map(|head| self.current(head)).transpose()
    }

    /// What an alias stands for.
    pub(crate) fn head(&self, alias: &Alias) -> Result<Option<EntryHead>, StoreError> {
        self.head_at(&alias.key())
    }

    /// Whether an alias stands for something, whole or damaged.
    pub(crate) fn has_head(&self, alias: &Alias) -> Result<bool, StoreError> {
        Ok(self.records_under(&key::text(Tag::Head, &alias.key()))? > 0)
    }

    fn head_at(&self, alias: &str) -> Result<Option<EntryHead>, StoreError> {
        let record = self.get(&key::text(Tag::Head, alias))?;
        record.map(|record| EntryHead::from_record(alias, &record)).transpose()
    }

    /// Up to `limit` entries after `after` in the order of their lower-case aliases, none left out. What is damaged stands
    /// in its place with its alias.
    pub(crate) fn entries(&self, after: &str, limit: u32) -> Result<Vec<Named<EntryRow>>, StoreError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let from = if after.is_empty() { Vec::new() } else { key::text(Tag::Head, after) };
        let heads = self.heads(&from, limit)?;
        let mut known = Decoded::new();
        let wanted = heads
            .iter()
            .filter_map(|(_, head)| head.as_ref().ok())
            .flat_map(|head| head.content.certificates());
        self.decode(wanted.collect(), &mut known)?;
        let rows = heads.into_iter().map(|(alias, head)| {
            let row = head.and_then(|head| {
                let content = self.fill(head.content.clone(), &mut known)?;
                Ok(EntryRow { head, content })
            });
            (alias, row)
        });
        Ok(rows.collect())
    }

    fn heads(&self, after: &[u8], limit: usize) -> Result<Vec<Named<EntryHead>>, StoreError> {
        let listed = self.list(&[Tag::Head.byte()], after, limit)?;
        let heads = listed.into_iter().map(|(key, record)| {
            let alias = key::alias_of_head(&key).unwrap_or_default().to_owned();
            let head = record.and_then(|record| EntryHead::from_record(&alias, &record));
            (alias, head)
        });
        Ok(heads.collect())
    }

    /// Every entry in the order of the aliases.
    pub(crate) fn each_head(
        &self,
        each: &mut dyn FnMut(Result<EntryHead, StoreError>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.each_listed(&mut |_, head| each(head))
    }

    /// The same with the alias, in lower case, that each stands under.
    pub(crate) fn each_listed(&self, each: EachListed<'_>) -> Result<(), StoreError> {
        let mut after = Vec::new();
        loop {
            let heads = self.heads(&after, PAGE)?;
            let full = heads.len() == PAGE;
            if let Some((last, _)) = heads.last() {
                after = key::text(Tag::Head, last);
            }
            for (alias, head) in heads {
                each(&alias, head)?;
            }
            if !full {
                return Ok(());
            }
        }
    }

    fn aliases(&self, term: &[u8], limit: usize) -> Result<Vec<String>, StoreError> {
        let keys = self.keys(term, &[], limit)?;
        keys.iter().map(|key| Ok(key::alias_of_member(key).ok_or(RECORD)?.to_owned())).collect()
    }

    /// The heads of the entries that have a term; each of them is there, or a member lies.
    fn heads_of(&self, term: &[u8], limit: usize) -> Result<Vec<EntryHead>, StoreError> {
        self.aliases(term, limit)?.iter().map(|alias| self.head_at(alias)?.ok_or(RECORD)).collect()
    }

    /// Aliases of the server entries that have a DNS name or address, in lower case.
    pub(crate) fn aliases_named(&self, name: &str, limit: u32) -> Result<Vec<Alias>, StoreError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(self.heads_of(&key::name(name), limit)?.into_iter().map(|head| head.alias).collect())
    }

    /// Aliases of the entries that have a public key.
    pub(crate) fn aliases_of_key(&self, of: &Fingerprint, limit: u32) -> Result<Vec<Alias>, StoreError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let heads = self.heads_of(&key::term(Tag::PublicKey, of), limit)?;
        Ok(heads.into_iter().map(|head| head.alias).collect())
    }

    /// Imported CA certificates with a subject, each with the greatest trust that it has.
    pub(crate) fn authorities_named(&self, subject: &[u8]) -> Result<Vec<(Certificate, Trust)>, StoreError> {
        let heads = self.heads_of(&key::term(Tag::Subject, &Fingerprint::of(subject)), MAX_OF_ONE_NAME)?;
        let mut decoded = Decoded::new();
        let mut found: Vec<(Certificate, Trust)> = Vec::new();
        for head in heads {
            let (Some(trust), Some((leaf, _))) = (head.trust, head.content.chain.first()) else {
                continue;
            };
            self.decode(vec![*leaf.as_bytes()], &mut decoded)?;
            let certificate = decoded.get(leaf.as_bytes()).ok_or(BLOB)?;
            match found.iter_mut().find(|(known, _)| known.fingerprint == certificate.fingerprint) {
                Some((_, known)) if trust == Trust::Anchor => *known = trust,
                Some(_) => {}
                None => found.push((certificate.clone(), trust)),
            }
        }
        Ok(found)
    }

    /// How many entries there are, and how many of these are CA certificates; what is damaged counts as well.
    pub(crate) fn entry_counts(&self) -> Result<(u64, u64), StoreError> {
        Ok((self.records_under(&[Tag::Head.byte()])?, self.records_under(&[Tag::Authority.byte()])?))
    }

    /// Aliases of the authority entries that hold a certificate, with their trust.
    pub(crate) fn authority_aliases(&self, of: &Fingerprint) -> Result<Vec<(Alias, Trust)>, StoreError> {
        let heads = self.heads_of(&key::term(Tag::Authority, of), MAX_NAMESAKES)?;
        Ok(heads.into_iter().filter_map(|head| Some((head.alias, head.trust?))).collect())
    }

    /// An entry in its current version.
    pub(crate) fn current(&self, head: EntryHead) -> Result<EntryRow, StoreError> {
        let content = self.fill(head.content.clone(), &mut Decoded::new())?;
        Ok(EntryRow { head, content })
    }

    /// An entry as it was at a version; `None` if it has none of that number, or none any more.
    pub(crate) fn at_version(&self, head: EntryHead, number: u32) -> Result<Option<EntryRow>, StoreError> {
        if number == head.version {
            return self.current(head).map(Some);
        }
        let Some(content) = self.former(&head, number)? else {
            return Ok(None);
        };
        let content = self.fill(content, &mut Decoded::new())?;
        Ok(Some(EntryRow { head, content }))
    }

    /// When each former version from `head.first` on was replaced, in seconds since 1970: when the next one was stored.
    pub(crate) fn replaced_at(&self, head: &EntryHead, number: u32) -> Result<i64, StoreError> {
        let next = number.saturating_add(1);
        if next >= head.version {
            return Ok(head.content.created_at);
        }
        Ok(self.former(head, next)?.ok_or(RECORD)?.created_at)
    }

    /// Whether the former versions before `before` can be read, of which nothing else is asked.
    pub(crate) fn check_former(&self, head: &EntryHead, before: u32) -> Result<(), StoreError> {
        for number in head.first..before.min(head.version) {
            self.former(head, number)?.ok_or(RECORD)?;
        }
        Ok(())
    }

    /// The record of a former version.
    pub(super) fn former(&self, head: &EntryHead, number: u32) -> Result<Option<Content>, StoreError> {
        if !(head.first..head.version).contains(&number) {
            return Ok(None);
        }
        let record = self.get(&key::version(&head.alias.key(), &head.id, number))?;
        let content = Content::from_record(&record.ok_or(RECORD)?)?;
        if content.number != number {
            return Err(StoreError::Corrupt { detail: "a version has another number" });
        }
        Ok(Some(content))
    }

    /// Reads and decodes certificates that are not known yet.
    fn decode(&self, wanted: Vec<Digest>, known: &mut Decoded) -> Result<(), StoreError> {
        decode(wanted, known, |wanted| self.blobs(wanted))
    }

    /// Whether all that a version names can be read.
    pub(super) fn check_whole(&self, content: Content) -> Result<(), StoreError> {
        self.fill(content, &mut Decoded::new()).map(drop)
    }

    /// A version with its certificates and its sealed key.
    fn fill(&self, content: Content, known: &mut Decoded) -> Result<VersionRow, StoreError> {
        self.decode(content.certificates(), known)?;
        let sealed = match content.sealed {
            None => None,
            Some(digest) => {
                let blob = self.blobs(&[digest])?.pop().flatten().ok_or(BLOB)?;
                Some(sealed_from_blob(&blob)?)
            }
        };
        filled(content, known, sealed)
    }
}

/// Reads by `blobs`, and decodes, those certificates that are not known yet.
pub(super) fn decode(
    mut wanted: Vec<Digest>,
    known: &mut Decoded,
    blobs: impl FnOnce(&[Digest]) -> Result<Vec<Option<Vec<u8>>>, StoreError>,
) -> Result<(), StoreError> {
    wanted.retain(|digest| !known.contains_key(digest));
    wanted.sort_unstable();
    wanted.dedup();
    for (digest, der) in wanted.iter().zip(blobs(&wanted)?) {
        // What is missing is told where it is used.
        if let Some(certificate) = der.and_then(|der| Certificate::from_der(&der).ok()) {
            known.insert(*digest, certificate);
        }
    }
    Ok(())
}

/// A version with its certificates, which were decoded.
pub(super) fn filled(
    content: Content,
    known: &Decoded,
    sealed: Option<SealedKey>,
) -> Result<VersionRow, StoreError> {
    let chain = content.chain.iter().map(|(fingerprint, role)| {
        let certificate = known.get(fingerprint.as_bytes()).cloned().ok_or(BLOB)?;
        Ok(PathCertificate { certificate, role: *role })
    });
    let chain = chain.collect::<Result<Vec<_>, StoreError>>()?;
    Ok(VersionRow {
        number: content.number,
        origin: content.origin,
        created_at: content.created_at,
        actor: content.actor,
        allowed: content.allowed,
        sealed,
        chain,
    })
}
