//! Pending certificate requests: a record each, by the alias, with the sealed private key that waits for its certificate.

use super::{
    Read, StoreError, Write,
    codec::{Decoder, Encoder},
    key::{self, Tag},
    read::RECORD,
};
use crate::{
    alias::Alias,
    certificate::{Fingerprint, SigningRequest},
    seal::{EntryId, SealBinding, SealedKey},
};

/// The most that are listed.
const MOST: usize = 1_000_000;

/// A pending request.
#[derive(Debug)]
pub(crate) struct RequestRow {
    pub(crate) alias: Alias,
    /// Random: a request that replaces another is another one.
    pub(crate) id: EntryId,
    pub(crate) actor: String,
    pub(crate) at: i64,
    pub(crate) request: SigningRequest,
    pub(crate) sealed: SealedKey,
}

/// An alias in lower case, and the request or why it cannot be shown.
pub(crate) type ListedRequest = (String, Result<RequestRow, StoreError>);

impl RequestRow {
    /// What its sealed key is bound to; `chain` is [`chain`](Self::chain). No entry has a version 0.
    pub(crate) fn binding<'a>(&'a self, chain: &'a [Fingerprint]) -> SealBinding<'a> {
        SealBinding {
            alias: &self.alias,
            entry: self.id,
            version: 0,
            spki: self.request.spki_fingerprint,
            chain,
        }
    }

    /// The request stands where a chain will stand.
    pub(crate) fn chain(&self) -> [Fingerprint; 1] {
        [self.request.fingerprint()]
    }

    pub(super) fn to_record(&self) -> Vec<u8> {
        let mut encoder = Encoder::new();
        encoder.text(self.alias.as_str()).bytes(&self.id).text(&self.actor).integer(self.at);
        encoder.bytes(self.request.der());
        encoder.bytes(&self.sealed.sealed_key).bytes(&self.sealed.wrapped_data_key).done()
    }

    pub(super) fn from_record(alias: &str, record: &[u8]) -> Result<Self, StoreError> {
        let mut decoder = Decoder::new(record)?;
        let stored: Alias = decoder.text()?.parse().map_err(|_| RECORD)?;
        let id = decoder.fixed()?;
        let (actor, at) = (decoder.text()?.to_owned(), decoder.integer()?);
        let request = SigningRequest::from_der(decoder.bytes()?).map_err(|_| RECORD)?;
        let (sealed_key, wrapped_data_key) = (decoder.bytes()?.to_vec(), decoder.bytes()?.to_vec());
        decoder.end()?;
        if stored.key() != alias {
            return Err(RECORD);
        }
        let sealed = SealedKey { sealed_key, wrapped_data_key };
        Ok(Self { alias: stored, id, actor, at, request, sealed })
    }
}

impl Read<'_> {
    /// All pending requests in the order of their aliases, with what is damaged in its place.
    pub(crate) fn listed_requests(&self) -> Result<Vec<ListedRequest>, StoreError> {
        let listed = self.list(&[Tag::Request.byte()], &[], MOST)?;
        let rows = listed.into_iter().map(|(key, record)| {
            let alias = key::text_of(&key).ok_or(RECORD)?.to_owned();
            let row = record.and_then(|record| RequestRow::from_record(&alias, &record));
            Ok((alias, row))
        });
        rows.collect()
    }

    /// The same; damage is an error.
    pub(crate) fn requests(&self) -> Result<Vec<RequestRow>, StoreError> {
        self.listed_requests()?.into_iter().map(|(_, row)| row).collect()
    }

    /// The pending request of an alias, whatever its case.
    pub(crate) fn request(&self, alias: &Alias) -> Result<Option<RequestRow>, StoreError> {
        let key = alias.key();
        let record = self.get(&key::text(Tag::Request, &key))?;
        record.map(|record| RequestRow::from_record(&key, &record)).transpose()
    }
}

impl Write<'_> {
    /// Stores a request, in place of the one of its alias.
    pub(crate) fn put_request(&self, row: &RequestRow) {
        self.put(key::text(Tag::Request, &row.alias.key()), row.to_record());
    }

    /// Removes the request of an alias, whole or damaged; says whether there was one.
    pub(crate) fn delete_request(&self, alias: &Alias) -> Result<bool, StoreError> {
        let key = key::text(Tag::Request, &alias.key());
        match self.as_read().get(&key) {
            Ok(Some(_)) | Err(StoreError::Corrupt { .. }) => {
                self.delete(key);
                Ok(true)
            }
            Ok(None) => Ok(false),
            Err(other) => Err(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issuance::{CertificateTemplate, KeyKind, signing_request};

    /// Every byte in another value: refused, or another content in its one encoding.
    #[test]
    fn no_two_byte_strings_are_one_record() {
        let key = KeyKind::P256.generate().unwrap();
        let template = CertificateTemplate::new(vec!["a.test".parse().unwrap()]);
        let row = RequestRow {
            alias: "Www".parse().unwrap(),
            id: [7; 16],
            actor: "an owner".to_owned(),
            at: 1_795_000_000,
            request: signing_request(&key, &template).unwrap(),
            sealed: SealedKey { sealed_key: vec![1; 60], wrapped_data_key: vec![2; 72] },
        };
        let record = row.to_record();
        assert_eq!(RequestRow::from_record("www", &record).unwrap().to_record(), record);
        assert!(RequestRow::from_record("www2", &record).is_err());
        let mut taken = 0;
        for at in 0..record.len() {
            let mut other = record.clone();
            other[at] ^= 0x04;
            if let Ok(read) = RequestRow::from_record("www", &other) {
                assert_eq!(read.to_record(), other, "{at}");
                taken += 1;
            }
            assert!(RequestRow::from_record("www", &record[..at]).is_err());
        }
        assert!(taken > 60 + 72 && taken < record.len() - 200, "{taken}");
        assert!(RequestRow::from_record("www", &[record.as_slice(), &[0]].concat()).is_err());
    }
}
