//! Reads entries, their versions and their chains; nothing is given that its MAC does not vouch for.

use rusqlite::{OptionalExtension as _, Row, named_params};

use super::{
    Read, StoreError,
    lookup::{By, alias_key, entry_id, name_prefix},
};
use crate::{
    alias::Alias,
    certificate::{Certificate, Fingerprint},
    seal::{Digest, EntryId, Ledger, Place, SealedKey},
    validate::{FindingCode, Role, Trust},
};

/// The most authorities of one subject that an import looks at.
const MAX_OF_ONE_NAME: u32 = 1024;
/// The most aliases of one authority that are looked at.
const MAX_NAMESAKES: u32 = 64;

/// What an alias stands for.
#[derive(Clone, Debug)]
pub(crate) struct EntryHead {
    pub(crate) id: EntryId,
    pub(crate) alias: Alias,
    /// `None` for a server credential.
    pub(crate) trust: Option<Trust>,
    /// The current version.
    pub(crate) version: u32,
    /// The server that uses the entry.
    pub(crate) bound_to: Option<String>,
    pub(super) mac: Digest,
}

/// An entry as it was at one version.
#[derive(Debug)]
pub(crate) struct VersionRow {
    pub(crate) number: u32,
    /// The version whose content this is; its own number unless it was restored.
    pub(crate) origin: u32,
    pub(crate) created_at: i64,
    pub(crate) actor: String,
    pub(crate) allowed: Vec<FindingCode>,
    pub(crate) sealed: Option<SealedKey>,
    pub(crate) chain: Vec<(Certificate, Role)>,
    pub(super) mac: Digest,
}

/// An entry in one of its versions.
#[derive(Debug)]
pub(crate) struct EntryRow {
    pub(crate) head: EntryHead,
    pub(crate) content: VersionRow,
}

impl EntryHead {
    pub(super) fn kind(&self) -> &'static str {
        if self.trust.is_some() { "authority" } else { "server" }
    }

    pub(super) fn expected(&self, ledger: &Ledger) -> Digest {
        ledger.row(&[
            b"entry",
            &self.id,
            self.alias.as_str().as_bytes(),
            self.kind().as_bytes(),
            self.trust.map(Trust::word).unwrap_or_default().as_bytes(),
            &self.version.to_be_bytes(),
            self.bound_to.as_deref().unwrap_or_default().as_bytes(),
        ])
    }
}

impl VersionRow {
    pub(super) fn expected(&self, entry: &EntryId, ledger: &Ledger) -> Digest {
        let allowed = codes(&self.allowed);
        let (number, origin, at) =
            (self.number.to_be_bytes(), self.origin.to_be_bytes(), self.created_at.to_be_bytes());
        let mut columns: Vec<&[u8]> = vec![
            b"version",
            entry,
            &number,
            &origin,
            &at,
            self.actor.as_bytes(),
            allowed.as_bytes(),
            self.sealed.as_ref().map(|sealed| sealed.sealed_key.as_slice()).unwrap_or_default(),
            self.sealed.as_ref().map(|sealed| sealed.wrapped_data_key.as_slice()).unwrap_or_default(),
        ];
        for (certificate, role) in &self.chain {
            columns.push(certificate.fingerprint.as_bytes());
            columns.push(role.word().as_bytes());
        }
        ledger.row(&columns)
    }

    /// The leaf, or the CA certificate.
    pub(crate) fn leaf(&self) -> Option<&Certificate> {
        self.chain.first().map(|(leaf, _)| leaf)
    }

    pub(crate) fn fingerprints(&self) -> Vec<Fingerprint> {
        self.chain.iter().map(|(certificate, _)| certificate.fingerprint).collect()
    }
}

impl EntryRow {
    /// What the sealed key is bound to; `chain` is [`VersionRow::fingerprints`].
    pub(crate) fn place<'a>(&'a self, chain: &'a [Fingerprint]) -> Option<Place<'a>> {
        Some(Place {
            alias: &self.head.alias,
            entry: self.head.id,
            version: self.content.number,
            spki: self.content.leaf()?.spki_fingerprint,
            chain,
        })
    }
}

/// The MAC of a certificate.
pub(super) fn certificate_mac(sha256: &[u8], ledger: &Ledger) -> Digest {
    ledger.row(&[b"certificate", sha256])
}

pub(super) fn codes(allowed: &[FindingCode]) -> String {
    allowed.iter().map(|code| code.as_str()).collect::<Vec<_>>().join(" ")
}

impl Read<'_> {
    /// The entry with an alias, whatever its case, in its current version.
    pub(crate) fn entry(&self, alias: &Alias) -> Result<Option<EntryRow>, StoreError> {
        let Some(head) = self.head(alias)? else {
            return Ok(None);
        };
        self.current(head).map(Some)
    }

    /// What an alias stands for.
    pub(crate) fn head(&self, alias: &Alias) -> Result<Option<EntryHead>, StoreError> {
        let Some(value) = self.find(&alias_key(&alias.key()))? else {
            return Ok(None);
        };
        let head = self.head_of(&entry_id(&value)?)?;
        if head.alias.key() != alias.key() {
            return Err(StoreError::Corrupt { detail: "an alias names another entry" });
        }
        Ok(Some(head))
    }

    /// Up to `limit` entries after `after` in the order of their lower-case aliases, none left out.
    pub(crate) fn entries(&self, after: &str, limit: u32) -> Result<Vec<EntryRow>, StoreError> {
        let links = self.scan(b"a", &alias_key(after), limit)?;
        let rows = links.iter().map(|link| {
            let head = self.head_of(&entry_id(&link.value)?)?;
            if alias_key(&head.alias.key()) != link.key {
                return Err(StoreError::Corrupt { detail: "an alias names another entry" });
            }
            self.current(head)
        });
        rows.collect()
    }

    /// Aliases of the server entries that have a DNS name or address, in lower case.
    pub(crate) fn aliases_named(&self, name: &str, limit: u32) -> Result<Vec<Alias>, StoreError> {
        self.ids(&name_prefix(name), limit)?.iter().map(|id| Ok(self.head_of(id)?.alias)).collect()
    }

    /// Aliases of the server entries that have a public key, by the digest of its subjectPublicKeyInfo.
    pub(crate) fn aliases_of_key(&self, spki: &Fingerprint, limit: u32) -> Result<Vec<Alias>, StoreError> {
        let mut found = Vec::new();
        for id in self.ids(&By::PublicKey.prefix(spki), limit)? {
            let head = self.head_of(&id)?;
            found.extend(head.trust.is_none().then_some(head.alias));
        }
        Ok(found)
    }

    /// Imported CA certificates with a subject, each with the greatest trust that it has.
    pub(crate) fn authorities_named(&self, subject: &[u8]) -> Result<Vec<(Certificate, Trust)>, StoreError> {
        let prefix = By::Subject.prefix(&Fingerprint::of(subject));
        let mut found: Vec<(Certificate, Trust)> = Vec::new();
        for id in self.ids(&prefix, MAX_OF_ONE_NAME)? {
            let row = self.current(self.head_of(&id)?)?;
            let (Some(trust), Some(certificate)) = (row.head.trust, row.content.leaf()) else {
                continue;
            };
            match found.iter_mut().find(|(known, _)| known.fingerprint == certificate.fingerprint) {
                Some((_, known)) if trust == Trust::Anchor => *known = trust,
                Some(_) => {}
                None => found.push((certificate.clone(), trust)),
            }
        }
        Ok(found)
    }

    /// Aliases of the authority entries that hold a certificate, with their trust.
    pub(crate) fn authority_aliases(&self, of: &Fingerprint) -> Result<Vec<(Alias, Trust)>, StoreError> {
        let mut found = Vec::new();
        for id in self.ids(&By::Authority.prefix(of), MAX_NAMESAKES)? {
            let head = self.head_of(&id)?;
            found.extend(head.trust.map(|trust| (head.alias, trust)));
        }
        found.sort_by_key(|(alias, _)| alias.key());
        Ok(found)
    }

    pub(super) fn head_of(&self, id: &EntryId) -> Result<EntryHead, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT id, alias, trust, version, bound_to, mac FROM entry WHERE id = :id")?;
        let found = statement.query_row(named_params! { ":id": id }, plain_head).optional()?;
        found.ok_or(StoreError::Corrupt { detail: "an entry is missing" })?.checked(self.ledger)
    }

    pub(crate) fn current(&self, head: EntryHead) -> Result<EntryRow, StoreError> {
        let version = head.version;
        self.at_version(head, version)?.ok_or(StoreError::Corrupt { detail: "a version is missing" })
    }

    /// An entry as it was at a version.
    pub(crate) fn at_version(&self, head: EntryHead, number: u32) -> Result<Option<EntryRow>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT number, origin, sealed_key, wrapped_data_key, allowed, actor, created_at, mac
             FROM version WHERE entry = :entry AND number = :number",
        )?;
        let parameters = named_params! { ":entry": head.id, ":number": number };
        let Some(plain) = statement.query_row(parameters, plain_version).optional()? else {
            return if (self.first_version(&head.id)?..=head.version).contains(&number) {
                Err(StoreError::Corrupt { detail: "a version is missing" })
            } else {
                Ok(None)
            };
        };
        let content = plain.with_chain(self.chain(&head.id, number)?)?;
        if content.mac != content.expected(&head.id, self.ledger) {
            return Err(StoreError::Corrupt { detail: "a version is not authentic" });
        }
        Ok(Some(EntryRow { head, content }))
    }

    fn chain(&self, id: &EntryId, version: u32) -> Result<Vec<(Certificate, Role)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT ch.certificate, ch.role, c.der, c.mac FROM chain ch
             LEFT JOIN certificate c ON c.sha256 = ch.certificate
             WHERE ch.entry = :entry AND ch.version = :version ORDER BY ch.position",
        )?;
        let mut rows = statement.query(named_params! { ":entry": id, ":version": version })?;
        let mut chain = Vec::new();
        while let Some(row) = rows.next()? {
            let (sha256, role): (Vec<u8>, String) = (row.get(0)?, row.get(1)?);
            let der: Option<Vec<u8>> = row.get(2)?;
            let der = der.ok_or(StoreError::Corrupt { detail: "a certificate is missing" })?;
            let certificate = certificate(&der)?;
            let mac: Digest = row.get(3)?;
            if certificate.fingerprint.as_bytes().as_slice() != sha256
                || mac != certificate_mac(&sha256, self.ledger)
            {
                return Err(StoreError::Corrupt { detail: "a certificate is not authentic" });
            }
            chain.push((certificate, parse_role(&role)?));
        }
        if chain.is_empty() {
            return Err(StoreError::Corrupt { detail: "an entry has no certificate" });
        }
        Ok(chain)
    }
}

/// A row of `entry` before its text was understood.
pub(super) struct PlainHead {
    id: Vec<u8>,
    alias: String,
    trust: Option<String>,
    version: u32,
    bound_to: Option<String>,
    mac: Digest,
}

pub(super) fn plain_head(row: &Row<'_>) -> rusqlite::Result<PlainHead> {
    Ok(PlainHead {
        id: row.get("id")?,
        alias: row.get("alias")?,
        trust: row.get("trust")?,
        version: row.get("version")?,
        bound_to: row.get("bound_to")?,
        mac: row.get("mac")?,
    })
}

impl PlainHead {
    pub(super) fn checked(self, ledger: &Ledger) -> Result<EntryHead, StoreError> {
        let head = EntryHead {
            id: entry_id(&self.id)?,
            alias: parse_alias(&self.alias)?,
            trust: self.trust.as_deref().map(parse_trust).transpose()?,
            version: self.version,
            bound_to: self.bound_to,
            mac: self.mac,
        };
        if head.mac == head.expected(ledger) {
            Ok(head)
        } else {
            Err(StoreError::Corrupt { detail: "an entry is not authentic" })
        }
    }
}

struct PlainVersion {
    number: u32,
    origin: u32,
    sealed_key: Option<Vec<u8>>,
    wrapped_data_key: Option<Vec<u8>>,
    allowed: String,
    actor: String,
    created_at: i64,
    mac: Digest,
}

fn plain_version(row: &Row<'_>) -> rusqlite::Result<PlainVersion> {
    Ok(PlainVersion {
        number: row.get("number")?,
        origin: row.get("origin")?,
        sealed_key: row.get("sealed_key")?,
        wrapped_data_key: row.get("wrapped_data_key")?,
        allowed: row.get("allowed")?,
        actor: row.get("actor")?,
        created_at: row.get("created_at")?,
        mac: row.get("mac")?,
    })
}

impl PlainVersion {
    fn with_chain(self, chain: Vec<(Certificate, Role)>) -> Result<VersionRow, StoreError> {
        let unknown = |_| StoreError::Corrupt { detail: "a version has an unknown finding" };
        let allowed: Result<_, _> = self.allowed.split_whitespace().map(str::parse).collect();
        Ok(VersionRow {
            number: self.number,
            origin: self.origin,
            created_at: self.created_at,
            actor: self.actor,
            allowed: allowed.map_err(unknown)?,
            sealed: self
                .sealed_key
                .zip(self.wrapped_data_key)
                .map(|(sealed_key, wrapped_data_key)| SealedKey { sealed_key, wrapped_data_key }),
            chain,
            mac: self.mac,
        })
    }
}

pub(super) fn certificate(der: &[u8]) -> Result<Certificate, StoreError> {
    Certificate::from_der(der).map_err(|_| StoreError::Corrupt { detail: "a certificate cannot be decoded" })
}

pub(super) fn parse_alias(text: &str) -> Result<Alias, StoreError> {
    text.parse().map_err(|_| StoreError::Corrupt { detail: "an alias is not valid" })
}

pub(super) fn parse_trust(text: &str) -> Result<Trust, StoreError> {
    [Trust::Anchor, Trust::Path]
        .into_iter()
        .find(|trust| trust.word() == text)
        .ok_or(StoreError::Corrupt { detail: "an entry has an unknown trust" })
}

pub(super) fn parse_role(text: &str) -> Result<Role, StoreError> {
    [Role::Leaf, Role::Intermediate, Role::Anchor]
        .into_iter()
        .find(|role| role.word() == text)
        .ok_or(StoreError::Corrupt { detail: "a certificate has an unknown role" })
}
