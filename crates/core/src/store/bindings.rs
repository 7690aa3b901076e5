//! Hosts that an administrator bound to an entry: a record each, by the host.

use super::{
    Read, StoreError, Write,
    codec::{Decoder, Encoder},
    entries::Named,
    key::{self, Tag},
    read::RECORD,
    records::EntryHead,
};
use crate::alias::Alias;

/// The most that are listed.
const MOST: usize = 1_000_000;

/// A host that is bound to an entry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct BindingRow {
    /// The host, as names are compared.
    pub(crate) host: String,
    /// The entry. It may be gone by now, and come back.
    pub(crate) alias: Alias,
    pub(crate) actor: String,
    pub(crate) at: i64,
}

impl BindingRow {
    pub(super) fn to_record(&self) -> Vec<u8> {
        let mut encoder = Encoder::new();
        encoder.text(self.alias.as_str()).text(&self.actor).integer(self.at).done()
    }

    pub(super) fn from_record(host: &str, record: &[u8]) -> Result<Self, StoreError> {
        let mut decoder = Decoder::new(record)?;
        let alias = decoder.text()?.parse().map_err(|_| RECORD)?;
        let (actor, at) = (decoder.text()?.to_owned(), decoder.integer()?);
        decoder.end()?;
        Ok(Self { host: host.to_owned(), alias, actor, at })
    }
}

impl Read<'_> {
    /// All bindings in the order of their hosts.
    pub(crate) fn bindings(&self) -> Result<Vec<BindingRow>, StoreError> {
        self.listed_bindings()?.into_iter().map(|(_, row)| row).collect()
    }

    /// The same with what is damaged in its place, by its host.
    pub(crate) fn listed_bindings(&self) -> Result<Vec<Named<BindingRow>>, StoreError> {
        let listed = self.list(&[Tag::Binding.byte()], &[], MOST)?;
        let rows = listed.into_iter().map(|(key, record)| {
            let host = key::text_of(&key).ok_or(RECORD)?;
            let row = record.and_then(|record| BindingRow::from_record(host, &record));
            Ok((host.to_owned(), row))
        });
        rows.collect()
    }

    /// What a host is bound to.
    pub(crate) fn binding(&self, host: &str) -> Result<Option<BindingRow>, StoreError> {
        let record = self.get(&key::text(Tag::Binding, host))?;
        record.map(|record| BindingRow::from_record(host, &record)).transpose()
    }
}

impl Write<'_> {
    /// Binds a host, in place of what it was bound to.
    pub(crate) fn put_binding(&self, row: &BindingRow) {
        self.put(key::text(Tag::Binding, &row.host), row.to_record());
    }

    pub(crate) fn delete_binding(&self, host: &str) {
        self.delete(key::text(Tag::Binding, host));
    }

    /// The bindings of an entry go with it to its new alias.
    pub(super) fn rebind(&self, head: &EntryHead, alias: &Alias) -> Result<(), StoreError> {
        let bindings = self.as_read().bindings()?;
        for row in bindings.into_iter().filter(|row| row.alias == head.alias) {
            self.put_binding(&BindingRow { alias: alias.clone(), ..row });
        }
        Ok(())
    }
}
