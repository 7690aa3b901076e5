//! Versions of entries: what an entry was, what changed, and the way back; new names.

use rustls_pki_types::UnixTime;

use super::{
    Entry, Keystore, describe_as_stored,
    protocol::{Asked, By, LogNote, Step},
    requests::rename_request,
    row::no_version,
    unseal,
    web_server::check_shown,
};
use crate::{
    alias::Alias,
    certificate::{Certificate, Fingerprint},
    error::Error,
    instant::{self, seconds},
    seal::{RootKey, SealBinding},
    store::{
        Action, EntryHead, EntryRow, Happened, NewVersion, Read, Removed, StoreError, VersionRow, Write,
    },
};

/// One version of an entry.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Version {
    /// From 1.
    pub number: u32,
    /// The version whose content this is; another one if it was restored by an undo.
    pub origin: u32,
    /// When it was stored.
    pub created_at: UnixTime,
    /// Who stored it.
    pub actor: String,
    /// Its leaf.
    pub certificate: Certificate,
    /// Whether it is the one that is served.
    pub current: bool,
}

/// The number of a version with the version, or with why that cannot be shown.
pub type ListedVersion = (u32, Result<Version, StoreError>);

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
    pub fn history(&self, alias: &Alias) -> Result<Vec<Version>, Error> {
        self.listed_history(alias)?.into_iter().map(|(_, version)| Ok(version?)).collect()
    }

    /// The same with what is damaged in its place, by its number.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], or another if the store cannot be read.
    pub fn listed_history(&self, alias: &Alias) -> Result<Vec<ListedVersion>, Error> {
        let found = self.reading(|read| {
            let Some(head) = read.head(alias)? else {
                return Ok(None);
            };
            let listed = (head.first..=head.version).rev().map(|number| {
                let row = read.at_version(head.clone(), number);
                let shown = row.and_then(|row| version(row.ok_or_else(StoreError::unread)?));
                Ok((number, StoreError::listed(shown)?))
            });
            listed.collect::<Result<Vec<_>, _>>().map(Some)
        })?;
        found.ok_or_else(|| self.not_found(alias))
    }

    /// The versions of an entry that can be read, oldest first: where something of it is damaged, what an undo can go back
    /// to. None if what its alias stands for is damaged.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], or another if the store cannot be read.
    pub fn whole_versions(&self, alias: &Alias) -> Result<Vec<u32>, Error> {
        let found = self.reading(|read| {
            let head = match read.head(alias) {
                Err(StoreError::Corrupt { .. }) => return Ok(Some(Vec::new())),
                other => other?,
            };
            let Some(head) = head else {
                return Ok(None);
            };
            let mut whole = read.whole_former(&head)?;
            let version = head.version;
            match read.current(head) {
                Ok(_) => whole.push(version),
                Err(StoreError::Corrupt { .. }) => {}
                Err(other) => return Err(other),
            }
            Ok(Some(whole))
        })?;
        found.ok_or_else(|| self.not_found(alias))
    }

    /// The entry as it was at a version, with the chain that it had when that was stored.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], [`StoreError::NoSuchVersion`], [`StoreError::VersionPruned`].
    pub fn entry_at(&self, alias: &Alias, number: u32) -> Result<Entry, Error> {
        let found = self.reading(|read| {
            let Some(head) = read.head(alias)? else {
                return Ok(None);
            };
            let row = read.at_version(head.clone(), number)?;
            Ok(Some(row.map(describe_as_stored).transpose()?.ok_or_else(|| no_version(&head, number))))
        })?;
        Ok(found.ok_or_else(|| self.not_found(alias))??)
    }

    /// Goes back to what the entry was before its last change: a further undo brings back what was there. That is a new
    /// version with the former content, so nothing is lost. A removed entry is brought back as it was.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let unlock = strongroom::UnlockKey::generate()?;
    /// # let path = folder.path().join("keystore.db");
    /// # let keystore = strongroom::Keystore::create(&path, &unlock, strongroom::UnixTime::now())?;
    /// # let root = std::fs::read("../../fixtures/chains/root-rsa.pem")?;
    /// # keystore.import_authority(&"root".parse()?, &root, strongroom::UnixTime::now())?;
    /// keystore.remove(&"root".parse()?, false, strongroom::UnixTime::now())?;
    /// let version = keystore.undo(&"root".parse()?, strongroom::UnixTime::now())?;
    /// assert!(version.current && keystore.entry(&"root".parse()?, strongroom::UnixTime::now()).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], [`StoreError::NothingToUndo`], [`StoreError::VersionPruned`] if there was a former version.
    pub fn undo(&self, alias: &Alias, at: UnixTime) -> Result<Version, Error> {
        self.go_back(alias, None, at)
    }

    /// Goes back to what the entry was at a version, as a new version. A removed entry is brought back first.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], [`StoreError::NoSuchVersion`], [`StoreError::VersionPruned`], [`StoreError::SameVersion`] if
    /// the entry is that already.
    pub fn undo_to(&self, alias: &Alias, version: u32, at: UnixTime) -> Result<Version, Error> {
        self.go_back(alias, Some(version), at)
    }

    fn go_back(&self, alias: &Alias, to: Option<u32>, at: UnixTime) -> Result<Version, Error> {
        let asked = Asked { action: Action::Undo, about: alias.as_str(), at: seconds(at) };
        let leaf = |row: &EntryRow| row.content.leaf().map(|leaf| leaf.fingerprint);
        self.change(
            asked,
            |write, by| {
                let (back, note) = restored(write, by, alias, to)?;
                Ok(Step::Changed(back, note))
            },
            |read, root, back| {
                let row = read.entry(alias)?;
                Ok(row.is_some_and(|row| leaf(&row) == *back && unseal(root, &row).is_ok()))
            },
        )?;
        Ok(version(self.row(alias)?)?)
    }

    /// Gives an entry, with all its versions, another alias.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], [`StoreError::AliasTaken`], [`StoreError::InUse`] if a server uses it.
    pub fn rename(&self, alias: &Alias, to: &Alias, at: UnixTime) -> Result<(), Error> {
        let asked = Asked { action: Action::Rename, about: alias.as_str(), at: seconds(at) };
        self.change(
            asked,
            |write, by| {
                let present = write.as_read().entry(alias)?;
                let present = present.ok_or_else(|| StoreError::NotFound { alias: alias.clone() })?;
                let head = &present.head;
                if let Some(server) = by.holds.server(head) {
                    return Err(
                        StoreError::InUse { alias: head.alias.clone(), server: server.to_owned() }.into()
                    );
                }
                if let Some(other) = write.as_read().head(to)?
                    && other.id != head.id
                {
                    return Err(StoreError::AliasTaken { alias: other.alias }.into());
                }
                let mut versions: Vec<VersionRow> = Vec::new();
                for mut row in write.as_read().all_versions(head)? {
                    let chain = row.content.fingerprints();
                    let sealed = match (unseal(by.root, &row)?, row.binding(&chain)) {
                        (Some(key), Some(binding)) => {
                            Some(by.root.seal(&key, &SealBinding { alias: to, ..binding })?)
                        }
                        _ => None,
                    };
                    row.content.sealed = sealed;
                    versions.push(row.content);
                }
                let note = LogNote::plain(head.alias.as_str(), Happened::RenamedTo(to.to_string()));
                write.rename(&present, to, versions)?;
                rename_request(write, by, alias, to)?;
                Ok(Step::Changed((), note))
            },
            |read, root, ()| Ok(read.entry(to)?.is_some_and(|row| unseal(root, &row).is_ok())),
        )
    }
}

/// What an undo finds under an alias, or brings back there first.
struct Present {
    head: EntryHead,
    /// `None` if its current version is damaged.
    row: Option<EntryRow>,
    /// Whether it was removed.
    is_back: bool,
}

impl Present {
    fn of(write: &Write<'_>, alias: &Alias, removed: Option<&Removed>) -> Result<Self, StoreError> {
        let entry = || -> Result<Option<Self>, StoreError> {
            match write.as_read().entry(alias) {
                // What its alias stands for may be whole.
                Err(StoreError::Corrupt { .. }) => {
                    Ok(write.as_read().head(alias)?.map(|head| Self { head, row: None, is_back: false }))
                }
                other => {
                    Ok(other?.map(|row| Self { head: row.head.clone(), row: Some(row), is_back: false }))
                }
            }
        };
        match (entry()?, removed) {
            (Some(present), _) => Ok(present),
            (None, Some(removed)) => {
                write.bring_back(removed)?;
                let back = entry()?.ok_or_else(StoreError::unread)?;
                Ok(Self { is_back: true, ..back })
            }
            (None, None) => Err(StoreError::NotFound { alias: alias.clone() }),
        }
    }

    fn leaf(&self) -> Option<&Certificate> {
        self.row.as_ref().and_then(|row| row.content.leaf())
    }
}

/// Writes what an undo brings back; gives the leaf, and what is to be logged.
fn restored(
    write: &Write<'_>,
    by: &By<'_>,
    alias: &Alias,
    to: Option<u32>,
) -> Result<(Option<Fingerprint>, LogNote), Error> {
    let removed = match write.as_read().last_removed(alias) {
        // Where the entry is there, a removed one of its alias is not asked for.
        Err(StoreError::Corrupt { .. }) if write.as_read().has_head(alias)? => None,
        other => other?,
    };
    let present = Present::of(write, alias, removed.as_ref())?;
    let read = write.as_read();
    let wanted = match (to, present.is_back) {
        // To be back is all that was asked for.
        (None, true) if present.row.is_some() => None,
        (None, true) => return Err(read.version_damaged(&present.head).into()),
        (None, false) => {
            let number = present.head.version.saturating_sub(1);
            let nothing = match no_version(&present.head, number) {
                pruned @ StoreError::VersionPruned { .. } if removed.is_none() => pruned,
                _ => StoreError::NothingToUndo {
                    alias: present.head.alias.clone(),
                    removed: removed.is_some(),
                },
            };
            Some(version_of(&read, &present, number)?.ok_or(nothing)?)
        }
        (Some(number), _) => former(&read, &present, number)?,
    };
    let leaf = match &wanted {
        Some(row) => {
            restore(write, by.root, &present, row, by.actor, by.at)?;
            row.content.leaf()
        }
        None => present.leaf(),
    };
    if let Some(leaf) = leaf {
        let former = present.leaf().filter(|_| !present.is_back);
        check_shown(write, by, &present.head.alias, leaf, former)?;
    }
    let leaf = leaf.map(|leaf| leaf.fingerprint);
    let outcome = if present.is_back { Happened::BroughtBack } else { Happened::Restored };
    let note = LogNote {
        fingerprint: leaf.map(|leaf| leaf.to_string()).unwrap_or_default(),
        ..LogNote::plain(present.head.alias.as_str(), outcome)
    };
    Ok((leaf, note))
}

/// One version; where the current one is damaged and this one as well, which is whole.
fn version_of(read: &Read<'_>, present: &Present, number: u32) -> Result<Option<EntryRow>, StoreError> {
    match read.at_version(present.head.clone(), number) {
        Err(StoreError::Corrupt { .. }) if present.row.is_none() => Err(read.version_damaged(&present.head)),
        other => other,
    }
}

/// The version to go back to; `None` if a removed entry that comes back is at it.
fn former(read: &Read<'_>, present: &Present, number: u32) -> Result<Option<EntryRow>, StoreError> {
    let alias = || present.head.alias.clone();
    let row = version_of(read, present, number)?;
    let row = row.ok_or_else(|| no_version(&present.head, number))?;
    let is_same = |now: &EntryRow| row.content.fingerprints() == now.content.fingerprints();
    match (present.row.as_ref().is_some_and(is_same), present.is_back) {
        (true, false) => Err(StoreError::SameVersion { alias: alias(), version: number }),
        (true, true) => Ok(None),
        (false, _) => Ok(Some(row)),
    }
}

/// Writes the content of a former version as a new one.
fn restore(
    write: &Write<'_>,
    root: &RootKey,
    present: &Present,
    former: &EntryRow,
    actor: &str,
    at: i64,
) -> Result<(), Error> {
    let number = present.head.version.saturating_add(1);
    let chain = former.content.fingerprints();
    let sealed = match (unseal(root, former)?, former.binding(&chain)) {
        (Some(key), Some(binding)) => Some(root.seal(&key, &SealBinding { version: number, ..binding })?),
        _ => None,
    };
    let new = NewVersion {
        number,
        origin: former.content.origin,
        sealed,
        allowed: &former.content.allowed,
        actor,
        at,
        chain: &former.content.chain,
    };
    Ok(write.add_version(&present.head, present.leaf(), new)?)
}

fn version(row: EntryRow) -> Result<Version, StoreError> {
    let certificate = row.content.leaf().cloned();
    Ok(Version {
        number: row.content.number,
        origin: row.content.origin,
        created_at: instant::at(row.content.created_at),
        actor: row.content.actor,
        certificate: certificate.ok_or(StoreError::Corrupt { detail: "an entry has no certificate" })?,
        current: row.content.number == row.head.version,
    })
}
