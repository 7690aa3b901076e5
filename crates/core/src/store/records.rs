//! What an entry is, as a record: one value with all that belongs to a version.

use super::{
    StoreError,
    codec::{Decoder, Encoder, MALFORMED},
};
use crate::{
    alias::Alias,
    certificate::{Certificate, Fingerprint},
    diagnostic::DiagnosticCode,
    seal::{Digest, EntryId, SealBinding, SealedKey},
    validate::{PathCertificate, Role, Trust},
};

/// What an alias stands for.
#[derive(Clone, Debug)]
pub(crate) struct EntryHead {
    pub(crate) id: EntryId,
    pub(crate) alias: Alias,
    /// `None` for a server credential.
    pub(crate) trust: Option<Trust>,
    /// The current version.
    pub(crate) version: u32,
    /// The oldest version that was not pruned.
    pub(crate) first: u32,
    /// The server that uses the entry.
    pub(crate) bound_to: Option<String>,
    /// When versions of it were pruned last, in seconds since 1970.
    pub(crate) pruned_at: Option<i64>,
    /// When it was removed, in seconds since 1970.
    pub(crate) removed_at: Option<i64>,
    /// What it is now, without the bytes that stand elsewhere.
    pub(super) content: Content,
}

/// One version of an entry, naming its certificates and its sealed key by their digests.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Content {
    pub(super) number: u32,
    /// The version whose content this is; its own number unless it was restored.
    pub(super) origin: u32,
    pub(super) created_at: i64,
    pub(super) actor: String,
    pub(super) allowed: Vec<DiagnosticCode>,
    pub(super) sealed: Option<Digest>,
    pub(super) chain: Vec<(Fingerprint, Role)>,
}

/// A version with everything that it names.
#[derive(Debug)]
pub(crate) struct VersionRow {
    pub(crate) number: u32,
    pub(crate) origin: u32,
    pub(crate) created_at: i64,
    pub(crate) actor: String,
    pub(crate) allowed: Vec<DiagnosticCode>,
    pub(crate) sealed: Option<SealedKey>,
    pub(crate) chain: Vec<PathCertificate>,
}

/// An entry in one of its versions.
#[derive(Debug)]
pub(crate) struct EntryRow {
    pub(crate) head: EntryHead,
    pub(crate) content: VersionRow,
}

impl VersionRow {
    /// The leaf, or the CA certificate.
    pub(crate) fn leaf(&self) -> Option<&Certificate> {
        self.chain.first().map(|leaf| &leaf.certificate)
    }

    pub(crate) fn fingerprints(&self) -> Vec<Fingerprint> {
        self.chain.iter().map(|link| link.certificate.fingerprint).collect()
    }
}

impl EntryRow {
    /// What the sealed key is bound to; `chain` is [`VersionRow::fingerprints`].
    pub(crate) fn binding<'a>(&'a self, chain: &'a [Fingerprint]) -> Option<SealBinding<'a>> {
        Some(SealBinding {
            alias: &self.head.alias,
            entry: self.head.id,
            version: self.content.number,
            spki: self.content.leaf()?.spki_fingerprint,
            chain,
        })
    }
}

impl Content {
    /// Every blob that it names, each once.
    pub(super) fn certificates(&self) -> Vec<Digest> {
        let mut all: Vec<Digest> =
            self.chain.iter().map(|(fingerprint, _)| *fingerprint.as_bytes()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    fn encode(&self, to: &mut Encoder) {
        to.integer(self.number.into()).integer(self.origin.into()).integer(self.created_at).text(&self.actor);
        to.list(self.allowed.len());
        for code in &self.allowed {
            to.text(code.as_str());
        }
        to.optional_bytes(self.sealed.as_ref().map(Digest::as_slice)).list(self.chain.len());
        for (fingerprint, role) in &self.chain {
            to.bytes(fingerprint.as_bytes()).text(role.as_str());
        }
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, StoreError> {
        let (number, origin, created_at) = (from.number()?, from.number()?, from.integer()?);
        let actor = from.text()?.to_owned();
        let allowed = (0..from.list()?)
            .map(|_| from.text()?.parse().map_err(|_| MALFORMED))
            .collect::<Result<_, _>>()?;
        let sealed = from.optional_fixed()?;
        let chain = (0..from.list()?)
            .map(|_| Ok((Fingerprint::from_bytes(from.fixed()?), role(from.text()?)?)))
            .collect::<Result<Vec<_>, StoreError>>()?;
        if chain.is_empty() || number == 0 || !(1..=number).contains(&origin) {
            return Err(MALFORMED);
        }
        Ok(Self { number, origin, created_at, actor, allowed, sealed, chain })
    }

    /// The record of a former version.
    pub(super) fn to_record(&self) -> Vec<u8> {
        let mut encoder = Encoder::new();
        self.encode(&mut encoder);
        encoder.done()
    }

    pub(super) fn from_record(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut decoder = Decoder::new(bytes)?;
        let content = Self::decode(&mut decoder)?;
        decoder.end()?;
        Ok(content)
    }
}

impl EntryHead {
    /// The leaf, or the CA certificate, by its digest.
    pub(crate) fn leaf(&self) -> Option<Fingerprint> {
        self.content.chain.first().map(|(leaf, _)| *leaf)
    }

    /// Whether it is a server certificate that was stored without any above it, and nobody had to allow that: its own key
    /// signed it.
    pub(crate) fn is_self_signed(&self) -> bool {
        let Content { chain, allowed, .. } = &self.content;
        self.trust.is_none() && chain.len() == 1 && !allowed.contains(&DiagnosticCode::NoAnchor)
    }

    /// The certificates above the leaf, by their digests.
    pub(crate) fn above(&self) -> Vec<Fingerprint> {
        self.content.chain.iter().skip(1).map(|(certificate, _)| *certificate).collect()
    }

    pub(super) fn to_record(&self) -> Vec<u8> {
        let mut encoder = Encoder::new();
        encoder.text(self.alias.as_str()).bytes(&self.id).optional_text(self.trust.map(Trust::as_str));
        encoder.optional_text(self.bound_to.as_deref()).integer(self.first.into());
        self.content.encode(&mut encoder);
        if self.pruned_at.is_some() || self.removed_at.is_some() {
            encoder.optional_integer(self.pruned_at);
        }
        if let Some(at) = self.removed_at {
            encoder.integer(at);
        }
        encoder.done()
    }

    /// Reads the record that stands under the key of `alias`, in lower case.
    pub(super) fn from_record(alias: &str, bytes: &[u8]) -> Result<Self, StoreError> {
        let mut decoder = Decoder::new(bytes)?;
        let stored: Alias = decoder.text()?.parse().map_err(|_| MALFORMED)?;
        let id = decoder.fixed()?;
        let trust = decoder.optional_text()?.map(trust).transpose()?;
        let bound_to = decoder.optional_text()?.map(str::to_owned);
        let first = decoder.number()?;
        let content = Content::decode(&mut decoder)?;
        let (mut pruned_at, mut removed_at) = (None, None);
        // Most entries end here.
        if !decoder.is_at_end() {
            pruned_at = decoder.optional_integer()?;
            removed_at = if decoder.is_at_end() { None } else { Some(decoder.integer()?) };
            if pruned_at.or(removed_at).is_none() {
                return Err(MALFORMED);
            }
        }
        decoder.end()?;
        if stored.key() != alias || !(1..=content.number).contains(&first) {
            return Err(StoreError::Corrupt { detail: "an alias names another entry" });
        }
        let version = content.number;
        Ok(Self { id, alias: stored, trust, version, first, bound_to, pruned_at, removed_at, content })
    }
}

fn trust(word: &str) -> Result<Trust, StoreError> {
    [Trust::Anchor, Trust::Path].into_iter().find(|trust| trust.as_str() == word).ok_or(MALFORMED)
}

fn role(word: &str) -> Result<Role, StoreError> {
    [Role::Leaf, Role::Intermediate, Role::Anchor]
        .into_iter()
        .find(|role| role.as_str() == word)
        .ok_or(MALFORMED)
}

/// A sealed key as a blob.
pub(super) fn sealed_to_blob(sealed: &SealedKey) -> Vec<u8> {
    Encoder::new().bytes(&sealed.sealed_key).bytes(&sealed.wrapped_data_key).done()
}

pub(super) fn sealed_from_blob(bytes: &[u8]) -> Result<SealedKey, StoreError> {
    let mut decoder = Decoder::new(bytes)?;
    let (sealed_key, wrapped_data_key) = (decoder.bytes()?.to_vec(), decoder.bytes()?.to_vec());
    decoder.end()?;
    Ok(SealedKey { sealed_key, wrapped_data_key })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> EntryHead {
        let content = Content {
            number: 3,
            origin: 2,
            created_at: 1_795_000_000,
            actor: "an owner".to_owned(),
            allowed: vec![DiagnosticCode::Expired, DiagnosticCode::NoAnchor],
            sealed: Some([7; 32]),
            chain: vec![
                (Fingerprint::from_bytes([1; 32]), Role::Leaf),
                (Fingerprint::from_bytes([2; 32]), Role::Anchor),
            ],
        };
        let alias: Alias = "Www.Example".parse().unwrap();
        EntryHead {
            id: [9; 16],
            alias,
            trust: None,
            version: 3,
            first: 1,
            bound_to: Some("a server".into()),
            pruned_at: None,
            removed_at: None,
            content,
        }
    }

    #[test]
    fn when_it_was_pruned_and_removed_has_one_form() {
        let plain = head();
        for pruned_at in [None, Some(0), Some(-7)] {
            for removed_at in [None, Some(0), Some(9)] {
                let head = EntryHead { pruned_at, removed_at, ..plain.clone() };
                let record = head.to_record();
                let read = EntryHead::from_record("www.example", &record).unwrap();
                assert_eq!((read.pruned_at, read.removed_at), (pruned_at, removed_at));
                assert_eq!(read.to_record(), record);
            }
        }
        // Null alone says nothing that is not said without it.
        let null = [plain.to_record().as_slice(), &[0]].concat();
        assert!(EntryHead::from_record("www.example", &null).is_err());
    }

    /// Every byte in every other value: refused, or another content in its one encoding.
    #[test]
    fn no_two_byte_strings_are_one_record() {
        let head = head();
        let (record, version) = (head.to_record(), head.content.to_record());
        let read = EntryHead::from_record("www.example", &record).unwrap();
        assert_eq!((read.to_record(), &read.content), (record.clone(), &head.content));
        assert_eq!(Content::from_record(&version).unwrap(), head.content);
        assert!(EntryHead::from_record("www.example2", &record).is_err());
        let (mut refused, mut taken) = (0, 0);
        for at in 0..record.len() {
            for value in 0..=255_u8 {
                let mut other = record.clone();
                other[at] = value;
                match EntryHead::from_record("www.example", &other) {
                    Ok(read) => {
                        assert_eq!(read.to_record(), other, "{at} {value}");
                        taken += 1;
                    }
                    Err(_) => refused += 1,
                }
            }
        }
        assert!(refused > 10_000 && taken > record.len(), "{refused} {taken}");
        for length in 0..record.len() {
            assert!(EntryHead::from_record("www.example", &record[..length]).is_err());
        }
        for length in 0..version.len() {
            assert!(Content::from_record(&version[..length]).is_err());
        }
        assert!(EntryHead::from_record("www.example", &[record.as_slice(), &[0]].concat()).is_err());
        let sealed = sealed_to_blob(&SealedKey { sealed_key: vec![1; 60], wrapped_data_key: vec![2; 72] });
        for at in 0..sealed.len() {
            let mut other = sealed.clone();
            other[at] ^= 0x81;
            if let Ok(read) = sealed_from_blob(&other) {
                assert_eq!(sealed_to_blob(&read), other);
            }
        }
    }
}
