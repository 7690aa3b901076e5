//! Entries, their versions and their chains.

use rusqlite::{OptionalExtension as _, Row, named_params};

use super::{Read, StoreError, Write};
use crate::{
    alias::Alias,
    certificate::{Certificate, Fingerprint},
    seal::{EntryId, SealedEntry},
    validate::{FindingCode, Role, Trust},
};

/// An entry as it is stored, in its current version.
#[derive(Debug)]
pub(crate) struct EntryRow {
    pub(crate) id: EntryId,
    pub(crate) alias: Alias,
    /// `None` for a server credential.
    pub(crate) trust: Option<Trust>,
    pub(crate) version: u32,
    pub(crate) created_at: i64,
    pub(crate) allowed: Vec<FindingCode>,
    pub(crate) sealed_key: Option<Vec<u8>>,
    pub(crate) wrapped_data_key: Option<Vec<u8>>,
    pub(crate) chain: Vec<(Certificate, Role)>,
}

/// A CA certificate to be stored.
pub(crate) struct NewAuthority<'a> {
    pub(crate) id: EntryId,
    pub(crate) alias: &'a Alias,
    pub(crate) trust: Trust,
    pub(crate) certificate: &'a Certificate,
}

const ENTRY_COLUMNS: &str = "
SELECT e.id, e.alias, e.kind, e.trust, e.version, v.created_at, v.allowed, v.sealed_key, v.wrapped_data_key
FROM entry e JOIN version v ON v.entry = e.id AND v.number = e.version";

impl Read<'_> {
    /// The entry with an alias, whatever its case.
    pub(crate) fn entry(&self, alias: &Alias) -> Result<Option<EntryRow>, StoreError> {
        let sql = format!("{ENTRY_COLUMNS} WHERE e.alias_key = :key");
        let mut statement = self.connection.prepare(&sql)?;
        let found = statement.query_row(named_params! { ":key": alias.key() }, plain_row).optional()?;
        found.map(|plain| self.complete(plain)).transpose()
    }

    /// Up to `limit` entries after `after` in the order of their lower-case aliases.
    pub(crate) fn entries(&self, after: &str, limit: u32) -> Result<Vec<EntryRow>, StoreError> {
        let sql = format!("{ENTRY_COLUMNS} WHERE e.alias_key > :after ORDER BY e.alias_key LIMIT :limit");
        let mut statement = self.connection.prepare(&sql)?;
        let rows: Vec<PlainRow> = statement
            .query_map(named_params! { ":after": after, ":limit": limit }, plain_row)?
            .collect::<Result<_, _>>()?;
        rows.into_iter().map(|plain| self.complete(plain)).collect()
    }

    /// Imported CA certificates with a subject, each with the greatest trust that it has.
    pub(crate) fn authorities_named(&self, subject: &[u8]) -> Result<Vec<(Certificate, Trust)>, StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT c.der, min(e.trust) AS trust
             FROM certificate c
             JOIN chain ch ON ch.certificate = c.sha256 AND ch.position = 0
             JOIN entry e ON e.id = ch.entry AND e.version = ch.version AND e.kind = 'authority'
             WHERE c.subject = :subject
             GROUP BY c.sha256
             LIMIT 1024",
        )?;
        let rows: Vec<(Vec<u8>, String)> = statement
            .query_map(named_params! { ":subject": subject }, |row| Ok((row.get("der")?, row.get("trust")?)))?
            .collect::<Result<_, _>>()?;
        rows.into_iter().map(|(der, trust)| Ok((certificate(&der)?, parse_trust(&trust)?))).collect()
    }

    /// Aliases of the authority entries that hold a certificate, with their trust.
    pub(crate) fn authority_aliases(&self, of: &Fingerprint) -> Result<Vec<(Alias, Trust)>, StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT e.alias, e.trust FROM entry e
             JOIN chain ch ON ch.entry = e.id AND ch.version = e.version AND ch.position = 0
             WHERE ch.certificate = :sha256 AND e.kind = 'authority' ORDER BY e.alias_key",
        )?;
        let rows: Vec<(String, String)> = statement
            .query_map(named_params! { ":sha256": of.as_bytes().as_slice() }, |row| {
                Ok((row.get("alias")?, row.get("trust")?))
            })?
            .collect::<Result<_, _>>()?;
        rows.into_iter().map(|(alias, trust)| Ok((parse_alias(&alias)?, parse_trust(&trust)?))).collect()
    }

    fn complete(&self, plain: PlainRow) -> Result<EntryRow, StoreError> {
        let id = EntryId::try_from(plain.id)
            .map_err(|_| StoreError::Corrupt { detail: "an entry has no name" })?;
        let mut statement = self.connection.prepare(
            "SELECT c.sha256, c.der, ch.role FROM chain ch JOIN certificate c ON c.sha256 = ch.certificate
             WHERE ch.entry = :entry AND ch.version = :version ORDER BY ch.position",
        )?;
        let links: Vec<(Vec<u8>, Vec<u8>, String)> = statement
            .query_map(named_params! { ":entry": id.as_slice(), ":version": plain.version }, |row| {
                Ok((row.get("sha256")?, row.get("der")?, row.get("role")?))
            })?
            .collect::<Result<_, _>>()?;
        let mut chain = Vec::with_capacity(links.len());
        for (sha256, der, role) in links {
            let certificate = certificate(&der)?;
            if certificate.fingerprint.as_bytes().as_slice() != sha256 {
                return Err(StoreError::Corrupt { detail: "a certificate does not have its own digest" });
            }
            chain.push((certificate, parse_role(&role)?));
        }
        if chain.is_empty() {
            return Err(StoreError::Corrupt { detail: "an entry has no certificate" });
        }
        Ok(EntryRow {
            id,
            alias: parse_alias(&plain.alias)?,
            trust: plain.trust.as_deref().map(parse_trust).transpose()?,
            version: plain.version,
            created_at: plain.created_at,
            allowed: plain.allowed.split_whitespace().filter_map(|code| code.parse().ok()).collect(),
            sealed_key: plain.sealed_key,
            wrapped_data_key: plain.wrapped_data_key,
            chain,
        })
    }
}

impl Write<'_> {
    /// Stores the first version of a server credential.
    pub(crate) fn insert_server(
        &self,
        sealed: &SealedEntry,
        allowed: &[FindingCode],
        at: i64,
    ) -> Result<(), StoreError> {
        self.insert_entry(&sealed.entry, &sealed.alias, None)?;
        self.insert_version(sealed, allowed, at)
    }

    /// Stores a further version of a server credential and makes it current. The former one stays.
    pub(crate) fn replace_server(
        &self,
        sealed: &SealedEntry,
        allowed: &[FindingCode],
        at: i64,
    ) -> Result<(), StoreError> {
        self.insert_version(sealed, allowed, at)?;
        self.transaction
            .prepare("UPDATE entry SET version = :version WHERE id = :id")?
            .execute(named_params! { ":version": sealed.version, ":id": sealed.entry.as_slice() })?;
        Ok(())
    }

    /// Stores a CA certificate.
    pub(crate) fn insert_authority(&self, new: &NewAuthority<'_>, at: i64) -> Result<(), StoreError> {
        self.insert_entry(&new.id, new.alias, Some(new.trust))?;
        self.insert_version_row(&new.id, 1, None, &[], at)?;
        self.insert_link(&new.id, 1, 0, new.certificate, Role::Leaf)
    }

    /// Makes an anchor of a CA certificate that came with a server certificate.
    pub(crate) fn promote(&self, id: &EntryId) -> Result<(), StoreError> {
        self.transaction
            .prepare("UPDATE entry SET trust = :trust WHERE id = :id AND kind = 'authority'")?
            .execute(named_params! { ":trust": Trust::Anchor.word(), ":id": id.as_slice() })?;
        Ok(())
    }

    /// Removes an entry with all its versions, and the certificates that nothing else needs.
    pub(crate) fn remove(&self, id: &EntryId) -> Result<(), StoreError> {
        let mut statement =
            self.transaction.prepare("SELECT DISTINCT certificate FROM chain WHERE entry = :id")?;
        let held: Vec<Vec<u8>> = statement
            .query_map(named_params! { ":id": id.as_slice() }, |row| row.get("certificate"))?
            .collect::<Result<_, _>>()?;
        self.transaction
            .prepare("DELETE FROM entry WHERE id = :id")?
            .execute(named_params! { ":id": id.as_slice() })?;
        let mut unused = self.transaction.prepare(
            "DELETE FROM certificate WHERE sha256 = :sha256
             AND NOT EXISTS (SELECT 1 FROM chain WHERE certificate = :sha256)",
        )?;
        for sha256 in held {
            unused.execute(named_params! { ":sha256": sha256 })?;
        }
        Ok(())
    }

    fn insert_entry(&self, id: &EntryId, alias: &Alias, trust: Option<Trust>) -> Result<(), StoreError> {
        let kind = if trust.is_some() { "authority" } else { "server" };
        self.transaction
            .prepare(
                "INSERT INTO entry (id, alias, alias_key, kind, trust, version)
                 VALUES (:id, :alias, :key, :kind, :trust, 1)",
            )?
            .execute(named_params! {
                ":id": id.as_slice(),
                ":alias": alias.as_str(),
                ":key": alias.key(),
                ":kind": kind,
                ":trust": trust.map(Trust::word),
            })?;
        Ok(())
    }

    fn insert_version(
        &self,
        sealed: &SealedEntry,
        allowed: &[FindingCode],
        at: i64,
    ) -> Result<(), StoreError> {
        let key = Some((sealed.sealed_key.as_slice(), sealed.wrapped_data_key.as_slice()));
        self.insert_version_row(&sealed.entry, sealed.version, key, allowed, at)?;
        for (position, (certificate, role)) in sealed.path.iter().enumerate() {
            self.insert_link(&sealed.entry, sealed.version, position, certificate, *role)?;
        }
        Ok(())
    }

    fn insert_version_row(
        &self,
        id: &EntryId,
        number: u32,
        key: Option<(&[u8], &[u8])>,
        allowed: &[FindingCode],
        at: i64,
    ) -> Result<(), StoreError> {
        let allowed: Vec<&str> = allowed.iter().map(|code| code.as_str()).collect();
        self.transaction
            .prepare(
                "INSERT INTO version (entry, number, sealed_key, wrapped_data_key, allowed, created_at)
                 VALUES (:entry, :number, :sealed_key, :wrapped_data_key, :allowed, :at)",
            )?
            .execute(named_params! {
                ":entry": id.as_slice(),
                ":number": number,
                ":sealed_key": key.map(|(sealed, _)| sealed),
                ":wrapped_data_key": key.map(|(_, wrapped)| wrapped),
                ":allowed": allowed.join(" "),
                ":at": at,
            })?;
        Ok(())
    }

    fn insert_link(
        &self,
        id: &EntryId,
        version: u32,
        position: usize,
        certificate: &Certificate,
        role: Role,
    ) -> Result<(), StoreError> {
        let sha256 = certificate.fingerprint.as_bytes().as_slice();
        self.transaction
            .prepare(
                "INSERT INTO certificate (sha256, der, subject, issuer) VALUES (:sha256, :der, :subject, :issuer)
                 ON CONFLICT (sha256) DO NOTHING",
            )?
            .execute(named_params! {
                ":sha256": sha256,
                ":der": certificate.der().as_ref(),
                ":subject": certificate.subject_name,
                ":issuer": certificate.issuer_name,
            })?;
        self.transaction
            .prepare(
                "INSERT INTO chain (entry, version, position, certificate, role)
                 VALUES (:entry, :version, :position, :sha256, :role)",
            )?
            .execute(named_params! {
                ":entry": id.as_slice(),
                ":version": version,
                ":position": i64::try_from(position).unwrap_or(i64::MAX),
                ":sha256": sha256,
                ":role": role.word(),
            })?;
        Ok(())
    }
}

struct PlainRow {
    id: Vec<u8>,
    alias: String,
    trust: Option<String>,
    version: u32,
    created_at: i64,
    allowed: String,
    sealed_key: Option<Vec<u8>>,
    wrapped_data_key: Option<Vec<u8>>,
}

fn plain_row(row: &Row<'_>) -> rusqlite::Result<PlainRow> {
    Ok(PlainRow {
        id: row.get("id")?,
        alias: row.get("alias")?,
        trust: row.get("trust")?,
        version: row.get("version")?,
        created_at: row.get("created_at")?,
        allowed: row.get("allowed")?,
        sealed_key: row.get("sealed_key")?,
        wrapped_data_key: row.get("wrapped_data_key")?,
    })
}

fn certificate(der: &[u8]) -> Result<Certificate, StoreError> {
    Certificate::from_der(der).map_err(|_| StoreError::Corrupt { detail: "a certificate cannot be decoded" })
}

fn parse_alias(text: &str) -> Result<Alias, StoreError> {
    text.parse().map_err(|_| StoreError::Corrupt { detail: "an alias is not valid" })
}

fn parse_trust(text: &str) -> Result<Trust, StoreError> {
    [Trust::Anchor, Trust::Path]
        .into_iter()
        .find(|trust| trust.word() == text)
        .ok_or(StoreError::Corrupt { detail: "an entry has an unknown trust" })
}

fn parse_role(text: &str) -> Result<Role, StoreError> {
    [Role::Leaf, Role::Intermediate, Role::Anchor]
        .into_iter()
        .find(|role| role.word() == text)
        .ok_or(StoreError::Corrupt { detail: "a certificate has an unknown role" })
}
