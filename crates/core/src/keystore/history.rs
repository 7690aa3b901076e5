//! Versions of entries: what an entry was, what changed, and the way back; new names, and the end.

use rustls_pki_types::UnixTime;

use super::{Entry, Keystore, describe, event_of, seconds, unseal};
use crate::{
    alias::Alias,
    certificate::Certificate,
    error::Error,
    seal::Place,
    store::{EntryRow, Event, NewVersion, StoreError, VersionRow, Write},
};

/// One version of an entry.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Version {
    /// From 1.
    pub number: u32,
    /// The version whose content this is; another one if it was restored by an undo.
    pub origin: u32,
    /// When it was stored, in seconds since 1970.
    pub created_at: i64,
    /// Who stored it.
    pub actor: String,
    /// Its leaf.
    pub certificate: Certificate,
    /// Whether it is the one that is served.
    pub current: bool,
}

/// What differs between two certificates.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Comparison {
    /// Whether both are the same certificate.
    pub same: bool,
    /// Names that only the second has.
    pub gained: Vec<String>,
    /// Names that only the first has.
    pub lost: Vec<String>,
    /// Whether both have the same public key.
    pub key_reused: bool,
    /// How much later the second ends, in seconds.
    pub expiry_moved: i64,
    /// Whether both name the same issuer.
    pub same_issuer: bool,
}

impl Comparison {
    /// Compares `second` to `first`.
    #[must_use]
    pub fn of(first: &Certificate, second: &Certificate) -> Self {
        let names = |of: &Certificate, without: &Certificate| -> Vec<String> {
            let known: Vec<&str> = without.hosts().collect();
            of.hosts().filter(|name| !known.contains(name)).map(str::to_owned).collect()
        };
        Self {
            same: first.fingerprint == second.fingerprint,
            gained: names(second, first),
            lost: names(first, second),
            key_reused: first.spki_fingerprint == second.spki_fingerprint,
            expiry_moved: second.not_after.saturating_sub(first.not_after),
            same_issuer: first.issuer_name == second.issuer_name,
        }
    }
}

impl Keystore {
    /// All versions of an entry, the newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], or another if the store cannot be read.
    pub fn history(&mut self, alias: &Alias) -> Result<Vec<Version>, Error> {
        let found = self.store.view(|read| {
            let Some(head) = read.head(alias)? else {
                return Ok(None);
            };
            let numbers = (1..=head.version).rev();
            let rows = numbers.map(|number| {
                let row = read.at_version(head.clone(), number)?;
                row.ok_or(StoreError::Corrupt { detail: "a version is missing" }).and_then(version)
            });
            rows.collect::<Result<Vec<_>, _>>().map(Some)
        })?;
        Ok(found.ok_or_else(|| StoreError::NotFound { alias: alias.clone() })?)
    }

    /// The entry as it was at a version.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], [`StoreError::NoSuchVersion`].
    pub fn entry_at(&mut self, alias: &Alias, number: u32) -> Result<Entry, Error> {
        let found = self.store.view(|read| {
            let head = read.head(alias)?.ok_or_else(|| StoreError::NotFound { alias: alias.clone() })?;
            let row = read.at_version(head, number)?;
            row.map(|row| describe(row, read)).transpose()
        })?;
        Ok(found.ok_or_else(|| StoreError::NoSuchVersion { alias: alias.clone(), version: number })?)
    }

    /// Goes back to what the entry was before its last change. That is a new version with the former content, so
    /// nothing is lost; a further undo goes back one more.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], [`StoreError::NothingToUndo`].
    pub fn undo(&mut self, alias: &Alias, at: UnixTime) -> Result<Version, Error> {
        let at = seconds(at);
        let done = self.restore_version(alias, at);
        self.told("undo", alias.as_str(), at, done)
    }

    fn restore_version(&mut self, alias: &Alias, at: i64) -> Result<Version, Error> {
        let actor = self.actor.clone();
        let write = self.store.write()?;
        let read = write.as_read();
        let present = read.entry(alias)?.ok_or_else(|| StoreError::NotFound { alias: alias.clone() })?;
        // A restored version stands for its origin: what came before that is the way back.
        let before = present.content.origin.saturating_sub(1);
        let former = match before {
            0 => None,
            number => read.at_version(present.head.clone(), number)?,
        };
        let former = former.ok_or_else(|| StoreError::NothingToUndo { alias: present.head.alias.clone() })?;
        let number = present.head.version.saturating_add(1);
        let chain = former.content.fingerprints();
        let sealed = match (unseal(&self.root, &former)?, former.place(&chain)) {
            (Some(key), Some(place)) => Some(self.root.seal(&key, &Place { version: number, ..place })?),
            _ => None,
        };
        let new = NewVersion {
            number,
            origin: former.content.origin,
            sealed,
            allowed: &former.content.allowed,
            actor: &actor,
            at,
            chain: &former.content.chain,
        };
        drop(read);
        write.add_version(&present, new)?;
        let leaf = former.content.leaf().map(|leaf| leaf.fingerprint);
        let event = Event {
            alias: present.head.alias.as_str(),
            fingerprint: leaf.map(|leaf| leaf.to_string()).unwrap_or_default(),
            outcome: "restored",
            ..event_of("undo", &actor, at)
        };
        let done = write.commit(&event);
        self.settle(done)?;
        let row = self.row(alias)?;
        if row.content.leaf().map(|leaf| leaf.fingerprint) != leaf || unseal(&self.root, &row).is_err() {
            return Err(StoreError::unread().into());
        }
        Ok(version(row)?)
    }

    /// Gives an entry, with all its versions, another alias.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], [`StoreError::AliasTaken`], [`StoreError::InUse`] if a server uses it.
    pub fn rename(&mut self, alias: &Alias, to: &Alias, at: UnixTime) -> Result<(), Error> {
        let at = seconds(at);
        let done = self.change_alias(alias, to, at);
        self.told("rename", alias.as_str(), at, done)
    }

    fn change_alias(&mut self, alias: &Alias, to: &Alias, at: i64) -> Result<(), Error> {
        let actor = self.actor.clone();
        let write = self.store.write()?;
        let read = write.as_read();
        let head = read.head(alias)?.ok_or_else(|| StoreError::NotFound { alias: alias.clone() })?;
        if let Some(server) = &head.bound_to {
            return Err(StoreError::InUse { alias: head.alias, server: server.clone() }.into());
        }
        if let Some(other) = read.head(to)?
            && other.id != head.id
        {
            return Err(StoreError::AliasTaken { alias: other.alias }.into());
        }
        let mut versions: Vec<VersionRow> = Vec::new();
        for number in 1..=head.version {
            let row = read.at_version(head.clone(), number)?;
            let mut row = row.ok_or(StoreError::Corrupt { detail: "a version is missing" })?;
            let chain = row.content.fingerprints();
            let sealed = match (unseal(&self.root, &row)?, row.place(&chain)) {
                (Some(key), Some(place)) => Some(self.root.seal(&key, &Place { alias: to, ..place })?),
                _ => None,
            };
            row.content.sealed = sealed;
            versions.push(row.content);
        }
        drop(read);
        write.rename(&head, to, versions)?;
        let outcome = format!("renamed to {to}");
        let event = Event { alias: head.alias.as_str(), outcome: &outcome, ..event_of("rename", &actor, at) };
        let done = write.commit(&event);
        self.settle(done)?;
        let row = self.row(to)?;
        unseal(&self.root, &row).map_err(|_| StoreError::unread())?;
        Ok(())
    }

    /// Removes an entry with all its versions. `force` removes also what a server uses.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let unlock = strongroom::UnlockKey::generate()?;
    /// # let path = folder.path().join("keystore.db");
    /// # let mut keystore = strongroom::Keystore::create(&path, &unlock, strongroom::UnixTime::now())?;
    /// # let root = std::fs::read("../../fixtures/chains/root-rsa.pem")?;
    /// # keystore.import_authority(&"root".parse()?, &root, strongroom::UnixTime::now())?;
    /// keystore.remove(&"root".parse()?, false, strongroom::UnixTime::now())?;
    /// assert!(keystore.entry(&"root".parse()?).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], [`StoreError::InUse`], or another if the store cannot be written.
    pub fn remove(&mut self, alias: &Alias, force: bool, at: UnixTime) -> Result<(), Error> {
        let at = seconds(at);
        let done = self.delete(alias, force, at);
        self.told("rm", alias.as_str(), at, done)
    }

    fn delete(&mut self, alias: &Alias, force: bool, at: i64) -> Result<(), Error> {
        let actor = self.actor.clone();
        let write = self.store.write()?;
        let row = write.as_read().entry(alias)?;
        let row = row.ok_or_else(|| StoreError::NotFound { alias: alias.clone() })?;
        if let (Some(server), false) = (&row.head.bound_to, force) {
            return Err(StoreError::InUse { alias: row.head.alias.clone(), server: server.clone() }.into());
        }
        write.remove(&row)?;
        let event = Event {
            alias: row.head.alias.as_str(),
            fingerprint: row.content.leaf().map(|leaf| leaf.fingerprint.to_string()).unwrap_or_default(),
            outcome: "removed",
            ..event_of("rm", &actor, at)
        };
        let done = write.commit(&event);
        self.settle(done)?;
        self.store.truncate_log();
        match self.store.view(|read| read.head(alias)) {
            Ok(None) => Ok(()),
            _ => Err(StoreError::unread().into()),
        }
    }

    /// Says that `server` uses an entry, or with `None` that none does: such an entry is neither removed nor renamed.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], or another if the store cannot be written.
    pub fn bind(&mut self, alias: &Alias, server: Option<&str>, at: UnixTime) -> Result<(), Error> {
        let actor = self.actor.clone();
        let write: Write<'_> = self.store.write()?;
        let head = write.as_read().head(alias)?;
        let head = head.ok_or_else(|| StoreError::NotFound { alias: alias.clone() })?;
        if head.bound_to.as_deref() == server {
            return Ok(());
        }
        write.bind(&head, server)?;
        let event = Event {
            alias: head.alias.as_str(),
            outcome: server.unwrap_or("unbound"),
            ..event_of("bind", &actor, seconds(at))
        };
        let done = write.commit(&event);
        self.settle(done)
    }
}

fn version(row: EntryRow) -> Result<Version, StoreError> {
    let certificate = row.content.leaf().cloned();
    Ok(Version {
        number: row.content.number,
        origin: row.content.origin,
        created_at: row.content.created_at,
        actor: row.content.actor,
        certificate: certificate.ok_or(StoreError::Corrupt { detail: "an entry has no certificate" })?,
        current: row.content.number == row.head.version,
    })
}
