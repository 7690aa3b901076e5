//! Rows as they stand, proved by nothing: for whoever asks without the unlock key.
//!
//! A type of its own, which shares nothing with [`Read`](super::Read) but the decoding: what it gives can be mistaken for
//! nothing that was proved.

use super::{
    StoreError,
    bindings::BindingRow,
    engine::{Engine, Table, View},
    entries::{Decoded, Named, decode, filled},
    key::{self, Tag},
    read::blob_digest,
    records::{EntryHead, EntryRow},
    slots::Claim,
};
use crate::{alias::Alias, seal::Digest};

/// Entries read at a time.
const PAGE: usize = 500;

/// One snapshot of a store that nobody unlocked. Whoever can write its file can have written what it says.
pub(crate) struct UnprovedRead<'s> {
    view: Box<dyn View + 's>,
}

impl<'s> UnprovedRead<'s> {
    pub(crate) fn begin(engine: &'s dyn Engine) -> Result<Self, StoreError> {
        let view = engine.view()?;
        Claim::all(&*view)?;
        Ok(Self { view })
    }

    /// Calls `take` for each entry that `keep` wants, in the order of their lower-case aliases, with its certificates and
    /// without its sealed key. What cannot be read stands in its place with its alias.
    pub(crate) fn each_entry(
        &self,
        keep: impl Fn(&EntryHead) -> bool,
        mut take: impl FnMut(Named<EntryRow>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let heads = [Tag::Head.byte()];
        let (mut from, to) = (heads.to_vec(), key::after(&heads));
        loop {
            let rows = self.view.range(Table::Record, &from, to.as_deref(), PAGE)?;
            let full = rows.len() == PAGE;
            if let Some((last, _)) = rows.last() {
                from = [last.as_slice(), &[0]].concat();
            }
            let heads = rows.into_iter().map(|(key, record)| {
                let alias = key::alias_of_head(&key).unwrap_or_default().to_owned();
                let head = EntryHead::from_record(&alias, &record);
                (alias, head)
            });
            let heads: Vec<Named<EntryHead>> =
                heads.filter(|(_, head)| head.as_ref().map_or(true, &keep)).collect();
            let wanted = heads.iter().filter_map(|(_, head)| head.as_ref().ok());
            let mut known = Decoded::new();
            decode(wanted.flat_map(|head| head.content.certificates()).collect(), &mut known, |wanted| {
                self.blobs(wanted)
            })?;
            for (alias, head) in heads {
                take((alias, head.and_then(|head| row(head, &known))))?;
            }
            if !full {
                return Ok(());
            }
        }
    }

    /// The entry with an alias, whatever its case.
    pub(crate) fn entry(&self, alias: &Alias) -> Result<Option<EntryRow>, StoreError> {
        let alias = alias.key();
        let Some(record) = self.get(&key::text(Tag::Head, &alias))? else {
            return Ok(None);
        };
        let head = EntryHead::from_record(&alias, &record)?;
        let mut known = Decoded::new();
        decode(head.content.certificates(), &mut known, |wanted| self.blobs(wanted))?;
        row(head, &known).map(Some)
    }

    /// What a host is bound to.
    pub(crate) fn binding(&self, host: &str) -> Result<Option<BindingRow>, StoreError> {
        let record = self.get(&key::text(Tag::Binding, host))?;
        record.map(|record| BindingRow::from_record(host, &record)).transpose()
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.view.get_many(&[(Table::Record, key)])?.pop().flatten())
    }

    /// Certificates by their digests; one that is missing, or has another digest, is `None`.
    fn blobs(&self, digests: &[Digest]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let wanted: Vec<(Table, &[u8])> =
            digests.iter().map(|digest| (Table::Blob, digest.as_slice())).collect();
        let rows = if wanted.is_empty() { Vec::new() } else { self.view.get_many(&wanted)? };
        let found = digests.iter().zip(rows);
        Ok(found.map(|(digest, row)| row.filter(|bytes| blob_digest(bytes) == *digest)).collect())
    }
}

fn row(head: EntryHead, known: &Decoded) -> Result<EntryRow, StoreError> {
    let content = filled(head.content.clone(), known, None)?;
    Ok(EntryRow { head, content })
}
