//! The removal of entries, so that they can be brought back.

use rustls_pki_types::UnixTime;

use super::{
    Keystore,
    dependents::dependents,
    holds::Holds,
    in_use::WEB_SERVER,
    protocol::{Asked, By, LogNote, Step},
    servers::{ServerReport, running_servers},
};
use crate::{
    alias::Alias,
    certificate::Certificate,
    error::Error,
    instant::{self, seconds},
    store::{Action, Damaged, EntryHead, EntryRow, Happened, StoreError, Write},
};

/// A removed entry, which an undo brings back.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RemovedEntry {
    /// The alias that it had.
    pub alias: Alias,
    /// Its last version.
    pub version: u32,
    /// When that was stored.
    pub created_at: UnixTime,
    /// Its leaf, or the CA certificate.
    pub certificate: Certificate,
    /// Whether it is a CA certificate without a key.
    pub authority: bool,
}

/// An alias in lower case with its removed entry, or with why that cannot be shown.
pub type ListedRemoved = (String, Result<RemovedEntry, StoreError>);

impl Keystore {
    /// Removes an entry. Its versions stay in the file, sealed, until they are pruned; [`undo`](Self::undo) brings it back,
    /// and its alias is free meanwhile. `force` removes also what a server uses, as far as servers say so, and a CA
    /// certificate without which entries lose their chain; gives the aliases of those.
    ///
    /// Of an entry that is damaged, the versions stay as well where one of them is whole: [`undo_to`](Self::undo_to) brings
    /// that back. Where none is, nothing stays. Where it is not known any more what its alias stands for, nothing can stay,
    /// and it is removed only with `force` if former versions are whole.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let unlock = strongroom::UnlockKey::generate()?;
    /// # let path = folder.path().join("keystore.db");
    /// # let keystore = strongroom::Keystore::create(&path, &unlock, strongroom::UnixTime::now())?;
    /// # let root = std::fs::read("../../fixtures/chains/root-rsa.pem")?;
    /// # keystore.import_authority(&"root".parse()?, &root, strongroom::UnixTime::now())?;
    /// keystore.remove(&"root".parse()?, false, strongroom::UnixTime::now())?;
    /// assert!(keystore.entry(&"root".parse()?, strongroom::UnixTime::now()).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], [`StoreError::InUse`], [`StoreError::Needed`], [`StoreError::HeadDamaged`], or another if the store cannot be written.
    pub fn remove(&self, alias: &Alias, force: bool, at: UnixTime) -> Result<Vec<Alias>, Error> {
        let asked = Asked { action: Action::Remove, about: alias.as_str(), at: seconds(at) };
        let running = self.path().map(running_servers).unwrap_or_default();
        let (gone, lost) = self.change(
            asked,
            |write, by| {
                let SetAside { head, lost, note } =
                    set_aside(write, by, alias, (!force).then_some(&*running))?;
                Ok(Step::Changed((head, lost), note))
            },
            |read, _, _| Ok(read.head(alias)?.is_none()),
        )?;
        if let Some(head) = gone {
            self.holds().forget(&head);
        }
        Ok(lost)
    }

    /// Removes several entries in one transaction: all of them, or none if one of them is needed.
    ///
    /// # Errors
    ///
    /// As for [`remove`](Self::remove) without `force`, of the first that is refused; the store is then as it was.
    pub fn remove_all(&self, aliases: &[Alias], at: UnixTime) -> Result<(), Error> {
        let about = aliases.first().map(Alias::as_str).unwrap_or_default();
        let asked = Asked { action: Action::Remove, about, at: seconds(at) };
        let running = self.path().map(running_servers).unwrap_or_default();
        let gone = self.change(
            asked,
            |write, by| {
                let mut gone = Vec::new();
                let mut last: Option<LogNote> = None;
                for alias in aliases {
                    let SetAside { head, note, .. } = set_aside(write, by, alias, Some(&running))?;
                    gone.extend(head);
                    if let Some(note) = last.replace(note) {
                        write.audit(note.event(asked.action, by));
                    }
                }
                Ok(match last {
                    Some(note) => Step::Changed(gone, note),
                    None => Step::Same(gone),
                })
            },
            |read, _, _| {
                for alias in aliases {
                    if read.head(alias)?.is_some() {
                        return Ok(false);
                    }
                }
                Ok(true)
            },
        )?;
        gone.iter().for_each(|head| self.holds().forget(head));
        Ok(())
    }

    /// The entries that lose their chain, or its root, at the instant `at` if `alias` is removed, in the order of their
    /// aliases; none unless it is a CA certificate. An entry that came with its own copy of the certificate needs no other.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], or another if the store cannot be read.
    pub fn dependents(&self, alias: &Alias, at: UnixTime) -> Result<Vec<Alias>, Error> {
        let found = self.reading(|read| {
            let row = read.entry(alias)?;
            row.map(|row| dependents(&self.chains_of(read), read, &row, seconds(at))).transpose()
        })?;
        Ok(found.ok_or_else(|| StoreError::NotFound { alias: alias.clone() })?)
    }

    /// Up to `limit` removed entries in the order of their aliases; of one alias, the one removed last comes last.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn removed_entries(&self, limit: u32) -> Result<Vec<RemovedEntry>, Error> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let listed = self.removed(limit)?.into_iter().map(|(_, entry)| Ok(entry?));
        listed.collect()
    }

    /// All removed entries, with what is damaged in its place.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn listed_removed(&self) -> Result<Vec<ListedRemoved>, Error> {
        self.removed(usize::MAX)
    }

    fn removed(&self, limit: usize) -> Result<Vec<ListedRemoved>, Error> {
        self.reading(|read| {
            let listed = read.removed_listed(limit)?.into_iter().map(|(alias, removed)| {
                let shown = removed.and_then(|removed| described(read.current(removed.head)?));
                Ok((alias, StoreError::listed(shown)?))
            });
            listed.collect()
        })
    }

    /// No entry has the alias; perhaps a removed one had it.
    pub(super) fn not_found(&self, alias: &Alias) -> Error {
        let alias = alias.clone();
        match self.reading(|read| read.last_removed(&alias)) {
            Ok(Some(_)) => StoreError::Removed { alias }.into(),
            _ => StoreError::NotFound { alias }.into(),
        }
    }
}

fn described(row: EntryRow) -> Result<RemovedEntry, StoreError> {
    let EntryRow { head, content } = row;
    let certificate = content.leaf().cloned();
    Ok(RemovedEntry {
        alias: head.alias,
        version: content.number,
        created_at: instant::at(content.created_at),
        certificate: certificate.ok_or(StoreError::Corrupt { detail: "an entry has no certificate" })?,
        authority: head.trust.is_some(),
    })
}

/// An entry that was set aside inside a write.
struct SetAside {
    /// `None` of one that was damaged.
    head: Option<EntryHead>,
    /// The entries that lose their chain with it.
    lost: Vec<Alias>,
    note: LogNote,
}

/// Sets an entry aside: with `running`, the servers that run, only if neither they nor other entries need it, and nothing
/// that is whole goes with what is damaged.
fn set_aside(
    write: &Write<'_>,
    by: &By<'_>,
    alias: &Alias,
    running: Option<&[ServerReport]>,
) -> Result<SetAside, Error> {
    let read = write.as_read();
    let (head, leaf, lost) = match read.entry(alias) {
        Err(StoreError::Corrupt { .. }) => match read.damaged(alias)? {
            Damaged::Version { head, whole } if !whole.is_empty() => (*head, None, Vec::new()),
            Damaged::Head { whole } if whole > 0 && running.is_some() => {
                return Err(StoreError::HeadDamaged { alias: alias.clone(), versions: whole }.into());
            }
            // Nothing of it can be kept.
            _ => {
                write.remove_damaged(alias)?;
                let note = LogNote::plain(alias.as_str(), Happened::Removed);
                return Ok(SetAside { head: None, lost: Vec::new(), note });
            }
        },
        other => {
            let row = other?.ok_or_else(|| StoreError::NotFound { alias: alias.clone() })?;
            let lost = dependents(&by.chains.seen_by(&read), &read, &row, by.at)?;
            (row.head, row.content.chain.into_iter().next().map(|leaf| leaf.certificate), lost)
        }
    };
    if let Some(running) = running {
        let serves = |server: &&ServerReport| server.may_serve(&head.alias);
        if let Some(server) = running.iter().find(serves).filter(|_| head.trust.is_none()) {
            return Err(StoreError::InUse { alias: head.alias, server: server.name() }.into());
        }
        refuse_needed(&head, by.holds, &lost)?;
        if read.web_server()?.alias.as_ref() == Some(&head.alias) {
            let server = WEB_SERVER.to_owned();
            return Err(StoreError::InUse { alias: head.alias, server }.into());
        }
    }
    write.set_aside(&head, leaf.as_ref(), by.at)?;
    let note = LogNote {
        fingerprint: head.leaf().map(|leaf| leaf.to_string()).unwrap_or_default(),
        ..LogNote::plain(head.alias.as_str(), Happened::Removed)
    };
    Ok(SetAside { head: Some(head), lost, note })
}

fn refuse_needed(head: &EntryHead, holds: &Holds, entries: &[Alias]) -> Result<(), StoreError> {
    let alias = || head.alias.clone();
    if let Some(server) = holds.server(head) {
        return Err(StoreError::InUse { alias: alias(), server: server.to_owned() });
    }
    if entries.is_empty() {
        return Ok(());
    }
    Err(StoreError::Needed { alias: alias(), entries: entries.to_vec() })
}
