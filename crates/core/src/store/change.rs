//! Changes entries. Every row gets its MAC, and the digest of the store goes along.

use rusqlite::named_params;

use super::{
    StoreError, Write,
    entries::{EntryHead, EntryRow, VersionRow, certificate_mac, codes},
    lookup::{alias_key, keys_of},
};
use crate::{
    alias::Alias,
    certificate::Certificate,
    seal::{EntryId, SealedKey},
    validate::{FindingCode, Role, Trust},
};

/// A version to be stored.
pub(crate) struct NewVersion<'a> {
    pub(crate) number: u32,
    pub(crate) origin: u32,
    pub(crate) sealed: Option<SealedKey>,
    pub(crate) allowed: &'a [FindingCode],
    pub(crate) actor: &'a str,
    pub(crate) at: i64,
    pub(crate) chain: &'a [(Certificate, Role)],
}

impl Write<'_> {
    /// Stores a new entry with its first version; [`StoreError::AliasTaken`] if the alias is.
    pub(crate) fn insert(
        &self,
        id: EntryId,
        alias: &Alias,
        trust: Option<Trust>,
        version: NewVersion<'_>,
    ) -> Result<(), StoreError> {
        if !self.add_key(&alias_key(&alias.key()), &id)? {
            return Err(StoreError::AliasTaken { alias: alias.clone() });
        }
        let head = EntryHead {
            id,
            alias: alias.clone(),
            trust,
            version: version.number,
            bound_to: None,
            mac: [0; 32],
        };
        self.put_head(head)?;
        let leaf = version.chain.first().map(|(leaf, _)| leaf.clone());
        self.put_version(&id, version)?;
        self.index(leaf.as_ref(), trust.is_some(), &id)
    }

    /// Stores a further version of `present` and makes it current. The former one stays.
    pub(crate) fn add_version(&self, present: &EntryRow, version: NewVersion<'_>) -> Result<(), StoreError> {
        let id = present.head.id;
        let authority = present.head.trust.is_some();
        let number = version.number;
        let leaf = version.chain.first().map(|(leaf, _)| leaf.clone());
        self.put_version(&id, version)?;
        self.change_head(&present.head, |head| head.version = number)?;
        self.unindex(present.content.leaf(), authority, &id)?;
        self.index(leaf.as_ref(), authority, &id)
    }

    /// Makes an anchor of a CA certificate that came with a server certificate.
    pub(crate) fn promote(&self, head: &EntryHead) -> Result<(), StoreError> {
        self.change_head(head, |head| head.trust = Some(Trust::Anchor))
    }

    /// Says which server uses an entry, or that none does.
    pub(crate) fn bind(&self, head: &EntryHead, server: Option<&str>) -> Result<(), StoreError> {
        self.change_head(head, |head| head.bound_to = server.map(str::to_owned))
    }

    /// Gives an entry another alias. `versions` are all its versions, sealed under the new one.
    pub(crate) fn rename(
        &self,
        head: &EntryHead,
        alias: &Alias,
        versions: Vec<VersionRow>,
    ) -> Result<(), StoreError> {
        let (old, new) = (alias_key(&head.alias.key()), alias_key(&alias.key()));
        if old != new {
            self.remove_key(&old)?;
            if !self.add_key(&new, &head.id)? {
                return Err(StoreError::AliasTaken { alias: alias.clone() });
            }
        }
        self.change_head(head, |head| head.alias = alias.clone())?;
        for mut version in versions {
            self.toggle_row(&version.mac);
            version.mac = version.expected(&head.id, self.ledger);
            self.toggle_row(&version.mac);
            self.transaction
                .prepare_cached(
                    "UPDATE version SET sealed_key = :sealed_key, wrapped_data_key = :wrapped, mac = :mac
                     WHERE entry = :entry AND number = :number",
                )?
                .execute(named_params! {
                    ":sealed_key": version.sealed.as_ref().map(|sealed| &sealed.sealed_key),
                    ":wrapped": version.sealed.as_ref().map(|sealed| &sealed.wrapped_data_key),
                    ":mac": version.mac, ":entry": head.id, ":number": version.number,
                })?;
        }
        Ok(())
    }

    pub(super) fn index(
        &self,
        leaf: Option<&Certificate>,
        authority: bool,
        id: &EntryId,
    ) -> Result<(), StoreError> {
        for key in leaf.iter().flat_map(|leaf| keys_of(leaf, authority, id)) {
            self.add_key(&key, id)?;
        }
        Ok(())
    }

    pub(super) fn unindex(
        &self,
        leaf: Option<&Certificate>,
        authority: bool,
        id: &EntryId,
    ) -> Result<(), StoreError> {
        for key in leaf.iter().flat_map(|leaf| keys_of(leaf, authority, id)) {
            self.remove_key(&key)?;
        }
        Ok(())
    }

    fn change_head(&self, head: &EntryHead, change: impl FnOnce(&mut EntryHead)) -> Result<(), StoreError> {
        self.toggle_row(&head.mac);
        let mut changed = head.clone();
        change(&mut changed);
        self.put_head(changed)
    }

    pub(super) fn put_head(&self, mut head: EntryHead) -> Result<(), StoreError> {
        head.mac = head.expected(self.ledger);
        self.toggle_row(&head.mac);
        self.transaction
            .prepare_cached(
                "INSERT INTO entry (id, alias, kind, trust, version, bound_to, mac)
                 VALUES (:id, :alias, :kind, :trust, :version, :bound_to, :mac)
                 ON CONFLICT (id) DO UPDATE SET alias = :alias, trust = :trust, version = :version,
                     bound_to = :bound_to, mac = :mac",
            )?
            .execute(named_params! {
                ":id": head.id, ":alias": head.alias.as_str(), ":kind": head.kind(),
                ":trust": head.trust.map(Trust::word), ":version": head.version,
                ":bound_to": head.bound_to, ":mac": head.mac,
            })?;
        Ok(())
    }

    pub(super) fn put_version(&self, id: &EntryId, new: NewVersion<'_>) -> Result<(), StoreError> {
        let mut row = VersionRow {
            number: new.number,
            origin: new.origin,
            created_at: new.at,
            actor: new.actor.to_owned(),
            allowed: new.allowed.to_vec(),
            sealed: new.sealed,
            chain: new.chain.to_vec(),
            mac: [0; 32],
        };
        row.mac = row.expected(id, self.ledger);
        self.toggle_row(&row.mac);
        self.transaction
            .prepare_cached(
                "INSERT INTO version (entry, number, origin, sealed_key, wrapped_data_key, allowed, actor, created_at, mac)
                 VALUES (:entry, :number, :origin, :sealed_key, :wrapped, :allowed, :actor, :at, :mac)",
            )?
            .execute(named_params! {
                ":entry": id, ":number": row.number, ":origin": row.origin,
                ":sealed_key": row.sealed.as_ref().map(|sealed| &sealed.sealed_key),
                ":wrapped": row.sealed.as_ref().map(|sealed| &sealed.wrapped_data_key),
                ":allowed": codes(&row.allowed), ":actor": row.actor, ":at": row.created_at, ":mac": row.mac,
            })?;
        for (position, (certificate, role)) in row.chain.iter().enumerate() {
            self.put_link(id, row.number, position, certificate, *role)?;
        }
        Ok(())
    }

    fn put_link(
        &self,
        id: &EntryId,
        version: u32,
        position: usize,
        certificate: &Certificate,
        role: Role,
    ) -> Result<(), StoreError> {
        let sha256 = certificate.fingerprint.as_bytes();
        let mac = certificate_mac(sha256, self.ledger);
        let added = self
            .transaction
            .prepare_cached(
                "INSERT INTO certificate (sha256, der, mac) VALUES (:sha256, :der, :mac)
                 ON CONFLICT (sha256) DO NOTHING",
            )?
            .execute(named_params! { ":sha256": sha256, ":der": certificate.der().as_ref(), ":mac": mac })?;
        if added > 0 {
            self.toggle_row(&mac);
        }
        self.transaction
            .prepare_cached(
                "INSERT INTO chain (entry, version, position, certificate, role)
                 VALUES (:entry, :version, :position, :sha256, :role)",
            )?
            .execute(named_params! {
                ":entry": id, ":version": version, ":position": i64::try_from(position).unwrap_or(i64::MAX),
                ":sha256": sha256, ":role": role.word(),
            })?;
        Ok(())
    }
}
