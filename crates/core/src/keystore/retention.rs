//! How long the past is kept: former versions and removed entries, pruned so that nobody brings them back.

use std::{num::NonZeroU32, time::Duration};

use rustls_pki_types::UnixTime;

use super::{
    Keystore,
    protocol::{Asked, LogNote, Step},
    servers::{ServerReport, running_servers},
};
use crate::{
    alias::Alias,
    error::Error,
    instant::seconds,
    store::{Action, EntryHead, Happened, Read, Removed, StoreError, Write},
};

/// What a prune leaves. Where both are given, a former version goes only if both say so; without any, all of the past goes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Retention {
    /// So many of the newest versions of each entry stay, the current one among them. It takes no removed entry away.
    pub keep: Option<NonZeroU32>,
    /// Only what has been past for so long goes: a former version since another one took its place, a removed entry
    /// since it was removed.
    pub older_than: Option<Duration>,
}

/// What a prune deleted, or would delete.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Pruned {
    /// Removed entries.
    pub entries: u64,
    /// Versions, those of the removed entries included.
    pub versions: u64,
    /// Which they were, in the order of their aliases.
    pub of: Vec<PrunedEntry>,
    /// Former versions that would have gone, and stay since a server says that it serves them still.
    pub served: Vec<ServedVersion>,
    /// Entries that stay as they are, since they are damaged.
    pub damaged: Vec<DamagedEntry>,
}

/// An entry that a prune leaves as it is, since what it has cannot be read.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct DamagedEntry {
    /// The alias of the entry, in lower case: its own spelling may be what cannot be read.
    pub alias: Alias,
    /// What is damaged.
    pub message: String,
}

/// Versions of one entry that a prune deleted.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct PrunedEntry {
    /// The alias of the entry.
    pub alias: Alias,
    /// Whether it was a removed entry.
    pub removed: bool,
    /// Whether nothing of it is left.
    pub whole: bool,
    /// The first version that was deleted.
    pub first: u32,
    /// The last one; those between went as well.
    pub last: u32,
}

/// A former version that stays since a server still has it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ServedVersion {
    /// The alias of the entry.
    pub alias: Alias,
    /// The version.
    pub version: u32,
    /// The server.
    pub server: String,
}

/// What is to be deleted of one entry.
struct Planned {
    head: EntryHead,
    removed: Option<Removed>,
    /// The versions before this one go.
    before: u32,
    /// The removed entry goes with all that it has.
    whole: bool,
}

/// What a prune goes by.
struct Rule<'a> {
    retention: &'a Retention,
    servers: &'a [ServerReport],
    at: i64,
}

impl Keystore {
    /// Deletes the former versions of an entry and the removed entries of its alias, or with `None` those of all, with
    /// their keys, and leaves nothing of them in the file.
    ///
    /// # Errors
    ///
    /// As for [`prune_by`](Self::prune_by).
    pub fn prune(&self, alias: Option<&Alias>, at: UnixTime) -> Result<Pruned, Error> {
        self.prune_by(alias.map(std::slice::from_ref), &Retention::default(), at)
    }

    /// Deletes former versions of entries and removed entries, of these aliases or of all, as far as `retention` lets them
    /// go; with their keys and with the certificates that nothing else needs, in one change, and leaves nothing of them in
    /// the file. The current version of an entry never goes, and a version that a running server says it serves does not.
    /// Versions go oldest first: where one stays, those after it do. Of all aliases, what is damaged stays and is named.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let unlock = strongroom::UnlockKey::generate()?;
    /// # let path = folder.path().join("keystore.db");
    /// # let keystore = strongroom::Keystore::create(&path, &unlock, strongroom::UnixTime::now())?;
    /// use strongroom::{UnixTime, keystore::Retention};
    ///
    /// let mut retention = Retention::default();
    /// retention.keep = std::num::NonZeroU32::new(3);
    /// retention.older_than = Some(std::time::Duration::from_secs(365 * 86_400));
    /// let pruned = keystore.prune_by(None, &retention, UnixTime::now())?;
    /// assert_eq!(pruned.versions, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] if there is no entry of one of the aliases, removed or not; [`StoreError::Corrupt`] if one of
    /// these is damaged; [`StoreError::NotCompacted`] if they are deleted, and there was no room to rewrite the file.
    pub fn prune_by(
        &self,
        aliases: Option<&[Alias]>,
        retention: &Retention,
        at: UnixTime,
    ) -> Result<Pruned, Error> {
        let about = match aliases {
            Some([one]) => one.as_str(),
            _ => "",
        };
        let asked = Asked { action: Action::Prune, about, at: seconds(at) };
        let servers = self.servers();
        let rule = Rule { retention, servers: &servers, at: asked.at };
        let (pruned, _) = self.change(
            asked,
            |write, by| {
                let Plan { planned, served, damaged } = plan(&write.as_read(), aliases, &rule)?;
                let pruned = report(&planned, served, damaged);
                let mut notes = Vec::with_capacity(planned.len());
                for (planned, pruned) in planned.iter().zip(&pruned.of) {
                    planned.delete(write, by.at)?;
                    let PrunedEntry { first, last, whole, .. } = *pruned;
                    let outcome = Happened::Pruned { first, last, whole };
                    notes.push(LogNote::plain(pruned.alias.as_str(), outcome));
                }
                let Some(last) = notes.pop() else {
                    return Ok(Step::Same((pruned, planned)));
                };
                notes.into_iter().for_each(|note| write.audit(note.event(asked.action, by)));
                Ok(Step::Changed((pruned, planned), last))
            },
            |read, _, (_, planned)| {
                planned.iter().try_fold(true, |gone, planned| Ok(gone && planned.is_done(read)?))
            },
        )?;
        if pruned.versions > 0 {
            self.compact()?;
        }
        Ok(pruned)
    }

    /// What [`prune_by`](Self::prune_by) would delete now.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] if there is no entry of one of the aliases, or another if the store cannot be read.
    pub fn plan_prune(
        &self,
        aliases: Option<&[Alias]>,
        retention: &Retention,
        at: UnixTime,
    ) -> Result<Pruned, Error> {
        let servers = self.servers();
        let rule = Rule { retention, servers: &servers, at: seconds(at) };
        self.reading(|read| {
            let Plan { planned, served, damaged } = plan(read, aliases, &rule)?;
            Ok(report(&planned, served, damaged))
        })
    }

    fn servers(&self) -> Vec<ServerReport> {
        self.path().map(running_servers).unwrap_or_default()
    }
}

impl Planned {
    fn delete(&self, write: &Write<'_>, at: i64) -> Result<(), StoreError> {
        match &self.removed {
            Some(removed) if self.whole => write.delete_removed(removed),
            removed => write.delete_former(&self.head, removed.as_ref(), self.before, at),
        }
    }

    /// Whether nothing of it is there any more; another change may have come since.
    fn is_done(&self, read: &Read<'_>) -> Result<bool, StoreError> {
        let head = match &self.removed {
            Some(removed) => read.removed_again(removed)?.map(|removed| removed.head),
            None => read.head(&self.head.alias)?.filter(|head| head.id == self.head.id),
        };
        Ok(head.is_none_or(|head| !self.whole && head.first >= self.before))
    }
}

impl Rule<'_> {
    /// Whether what has been past since an instant is so for long enough.
    fn is_old(&self, since: i64) -> bool {
        let past = u64::try_from(self.at.saturating_sub(since)).unwrap_or_default();
        self.retention.older_than.is_none_or(|age| past >= age.as_secs())
    }

    /// What goes of an entry: the versions before the first that stays.
    fn former(
        &self,
        read: &Read<'_>,
        head: &EntryHead,
        served: &mut Vec<ServedVersion>,
    ) -> Result<u32, StoreError> {
        let most = self.retention.keep.map_or(head.version, |keep| {
            head.version.saturating_add(1).saturating_sub(keep.get()).max(head.first)
        });
        for number in head.first..most {
            if self.retention.older_than.is_some() && !self.is_old(read.replaced_at(head, number)?) {
                return Ok(number);
            }
            let has = |server: &&ServerReport| {
                server.served.iter().any(|entry| entry.version == number && entry.alias == head.alias)
            };
            if let Some(server) = self.servers.iter().find(has).filter(|_| head.removed_at.is_none()) {
                let (alias, server) = (head.alias.clone(), server.name());
                served.push(ServedVersion { alias, version: number, server });
                return Ok(number);
            }
        }
        Ok(most)
    }

    fn of_entry(&self, read: &Read<'_>, head: EntryHead, plan: &mut Plan) -> Result<(), StoreError> {
        let before = self.former(read, &head, &mut plan.served)?;
        read.check_former(&head, before)?;
        if before > head.first {
            plan.planned.push(Planned { head, removed: None, before, whole: false });
        }
        Ok(())
    }

    fn of_removed(&self, read: &Read<'_>, removed: Removed, plan: &mut Plan) -> Result<(), StoreError> {
        let head = removed.head.clone();
        let whole = match (self.retention.older_than, head.removed_at) {
            (None, _) => self.retention.keep.is_none(),
            // When it was removed is not known.
            (Some(_), None) => false,
            (Some(_), Some(since)) => self.is_old(since),
        };
        let before = if whole { head.version } else { self.former(read, &head, &mut Vec::new())? };
        read.check_former(&head, before)?;
        if whole || before > head.first {
            plan.planned.push(Planned { head, removed: Some(removed), before, whole });
        }
        Ok(())
    }
}

/// What goes, and what stays although it should.
#[derive(Default)]
struct Plan {
    planned: Vec<Planned>,
    served: Vec<ServedVersion>,
    damaged: Vec<DamagedEntry>,
}

impl Plan {
    /// Notes what is damaged, and goes on.
    fn note(&mut self, alias: &str, done: Result<(), StoreError>) -> Result<(), StoreError> {
        match done {
            Err(error @ StoreError::Corrupt { .. }) => {
                let alias =
                    alias.parse().map_err(|_| StoreError::Corrupt { detail: "an entry has no alias" })?;
                self.damaged.push(DamagedEntry { alias, message: error.to_string() });
                Ok(())
            }
            other => other,
        }
    }
}

fn plan(read: &Read<'_>, aliases: Option<&[Alias]>, rule: &Rule<'_>) -> Result<Plan, StoreError> {
    let mut plan = Plan::default();
    let Some(aliases) = aliases else {
        read.each_listed(&mut |alias, head| {
            let done = head.and_then(|head| rule.of_entry(read, head, &mut plan));
            plan.note(alias, done)
        })?;
        for (alias, removed) in read.removed_listed(usize::MAX)? {
            let done = removed.and_then(|removed| rule.of_removed(read, removed, &mut plan));
            plan.note(&alias, done)?;
        }
        plan.planned.sort_by_key(|planned| planned.head.alias.key());
        return Ok(plan);
    };
    let mut sorted: Vec<&Alias> = aliases.iter().collect();
    sorted.sort_by_key(|alias| alias.key());
    sorted.dedup();
    for alias in sorted {
        let (head, removed) = (read.head(alias)?, read.removed_of(alias)?);
        if head.is_none() && removed.is_empty() {
            return Err(StoreError::NotFound { alias: alias.clone() });
        }
        if let Some(head) = head {
            rule.of_entry(read, head, &mut plan)?;
        }
        for removed in removed {
            rule.of_removed(read, removed, &mut plan)?;
        }
    }
    Ok(plan)
}

fn report(planned: &[Planned], served: Vec<ServedVersion>, damaged: Vec<DamagedEntry>) -> Pruned {
    let mut pruned = Pruned { served, damaged, ..Pruned::default() };
    for Planned { head, removed, before, whole } in planned {
        let last = if *whole { head.version } else { before.saturating_sub(1) };
        pruned.entries += u64::from(*whole);
        pruned.versions += u64::from(last.saturating_add(1).saturating_sub(head.first));
        pruned.of.push(PrunedEntry {
            alias: head.alias.clone(),
            removed: removed.is_some(),
            whole: *whole,
            first: head.first,
            last,
        });
    }
    pruned
}
