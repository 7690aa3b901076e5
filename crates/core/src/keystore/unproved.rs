//! A store that is read without its unlock key, for a monitor that must not have it.
//!
//! Nothing of it is proved, so nothing of it is an [`Entry`]: an entry has a type of its own here, which gives dates and
//! names to whoever shows them, and which no operation of a keystore takes.

use std::{collections::HashMap, fmt, path::Path};

use rustls_pki_types::UnixTime;

use super::{
    Entry, EntryKind, Expiry, ExpiryWindow, Metrics,
    chains::{ChainSource, ChainView, Chains},
    row::describe,
};
use crate::{
    alias::Alias,
    certificate::Certificate,
    error::Error,
    instant::seconds,
    select::{NameMatch, wildcard_of},
    store::{EntryHead, EntryRow, Mark, SqliteEngine, StoreError, UnprovedRead},
    validate::{PeerName, Trust},
};

/// A store whose rows are shown as they stand. Whoever can write its file can have written them.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let unlock = strongroom::UnlockKey::generate()?;
/// # let now = strongroom::UnixTime::now();
/// # let path = folder.path().join("keystore.db");
/// # let keystore = strongroom::Keystore::create(&path, &unlock, now)?;
/// # let root = std::fs::read("../../fixtures/chains/root-rsa.pem")?;
/// # keystore.import_authority(&"root".parse()?, &root, now)?;
/// use strongroom::keystore::{ExpiryWindow, UnprovedStore};
///
/// // Without the unlock key.
/// let store = UnprovedStore::open(&path)?;
/// let mut seen = Vec::new();
/// store.each_entry(now, |alias, entry| seen.push((alias.clone(), entry.unwrap().expiry(ExpiryWindow::Usual, now).state)))?;
/// assert_eq!(seen[0].0.as_str(), "root");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct UnprovedStore {
    engine: SqliteEngine,
    /// Of this store alone: a keystore remembers nothing of what is read here.
    chains: Chains,
}

impl fmt::Debug for UnprovedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnprovedStore").finish_non_exhaustive()
    }
}

/// An entry of which nothing is proved: neither that it was imported, nor that others are not missing. Its chain was judged
/// by the rows beside it, each signature again.
///
/// No operation of a [`Keystore`](crate::Keystore) takes it, and it gives no [`Entry`]:
///
/// ```compile_fail,E0616
/// fn take(entry: strongroom::keystore::UnprovedEntry) -> strongroom::Entry {
///     entry.entry
/// }
/// ```
#[derive(Clone, Debug)]
pub struct UnprovedEntry {
    entry: Entry,
}

/// An entry of which nothing is proved, and which was asked for a host.
#[derive(Debug)]
#[non_exhaustive]
pub struct UnprovedNamed {
    /// The entry.
    pub entry: UnprovedEntry,
    /// Why it was asked.
    pub matched: NameMatch,
    /// Whether the host is bound to it.
    pub bound: bool,
}

impl UnprovedEntry {
    /// The alias.
    #[must_use]
    pub fn alias(&self) -> &Alias {
        &self.entry.alias
    }

    /// What the entry is.
    #[must_use]
    pub fn kind(&self) -> EntryKind {
        self.entry.kind
    }

    /// The leaf, or the CA certificate.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.entry.certificate
    }

    /// How the entry stands at the instant `at`, for which it was read.
    #[must_use]
    pub fn expiry(&self, window: ExpiryWindow, at: UnixTime) -> Expiry {
        Expiry::of(&self.entry, window, at)
    }
}

impl Metrics {
    /// Adds an entry of which nothing is proved: the text says so.
    pub fn add_unproved(&mut self, entry: &UnprovedEntry) {
        self.set_unproved();
        self.add(&entry.entry);
    }
}

impl UnprovedStore {
    /// Opens the store at `path` for reading, without its unlock key.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`], [`StoreError::File`] if others can reach the files, or they are another user's,
    /// [`StoreError::NotAStore`], [`StoreError::SchemaFromFuture`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Ok(Self { engine: SqliteEngine::open(path.as_ref(), true)?, chains: Chains::default() })
    }

    /// Calls `take` for each entry in the order of the aliases, as they are in one snapshot at the instant `at`; what cannot
    /// be read is an error under its alias.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn each_entry(
        &self,
        at: UnixTime,
        mut take: impl FnMut(&Alias, Result<UnprovedEntry, StoreError>),
    ) -> Result<(), Error> {
        let snapshot = Snapshot::begin(self)?;
        let chains = self.chains.seen_by(&snapshot);
        each_row(
            &snapshot.read,
            |_| true,
            |alias, row| {
                match row.and_then(|row| unproved(row, &chains, at)) {
                    Err(error @ StoreError::Corrupt { .. }) => take(alias, Err(error)),
                    other => take(alias, Ok(other?)),
                }
                Ok(())
            },
        )?;
        Ok(())
    }

    /// The entry with an alias, whatever its case, at the instant `at`.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], or another if the store cannot be read.
    pub fn entry(&self, alias: &Alias, at: UnixTime) -> Result<UnprovedEntry, Error> {
        let snapshot = Snapshot::begin(self)?;
        let row = snapshot.read.entry(alias)?;
        let row = row.ok_or_else(|| StoreError::NotFound { alias: alias.clone() })?;
        Ok(unproved(row, &self.chains.seen_by(&snapshot), at)?)
    }

    /// The entries that may answer for a host, and the default entry if one is given, as
    /// [`Keystore::entries_for`](crate::Keystore::entries_for) gives them; and the aliases of the entries that cannot be
    /// read, of which nobody knows whether they would answer. Every entry is looked at.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn entries_for(
        &self,
        host: Option<&PeerName>,
        default: Option<&Alias>,
        at: UnixTime,
    ) -> Result<(Vec<UnprovedNamed>, Vec<Alias>), Error> {
        let snapshot = Snapshot::begin(self)?;
        let name = host.map(ToString::to_string).unwrap_or_default();
        let bound = snapshot.read.binding(&name)?.map(|row| row.alias);
        let wildcard = wildcard_of(&name);
        let chains = self.chains.seen_by(&snapshot);
        let (mut found, mut unreadable) = (Vec::new(), Vec::new());
        each_row(
            &snapshot.read,
            |head| head.trust.is_none(),
            |alias, row| {
                let Ok(row) = row else {
                    unreadable.push(alias.clone());
                    return Ok(());
                };
                let matched = host.zip(row.content.leaf()).and_then(|(host, leaf)| {
                    let has = |wanted: &str| leaf.hosts().any(|known| known.eq_ignore_ascii_case(wanted));
                    let way = if has(&name) {
                        NameMatch::Exact
                    } else if wildcard.as_deref().is_some_and(has) {
                        NameMatch::Wildcard
                    } else {
                        return None;
                    };
                    host.is_named_by(leaf).then_some(way)
                });
                let is_default = default.is_some_and(|default| default.key() == alias.key());
                if let Some(matched) = matched.or_else(|| is_default.then_some(NameMatch::Default)) {
                    let bound = matched != NameMatch::Default && bound.as_ref() == Some(&row.head.alias);
                    let entry = unproved(row, &chains, at)?;
                    found.push(UnprovedNamed { entry, matched, bound });
                }
                Ok(())
            },
        )?;
        // As a keystore gives them: those with the name first, then those with its wildcard, then the default entry.
        found.sort_by_key(|named| std::cmp::Reverse(named.matched));
        Ok((found, unreadable))
    }
}

fn unproved(row: EntryRow, chains: &ChainView<'_>, at: UnixTime) -> Result<UnprovedEntry, StoreError> {
    Ok(UnprovedEntry { entry: describe(row, chains, seconds(at))? })
}

/// One snapshot, with the CA certificates that stand in it by their subjects.
struct Snapshot<'s> {
    read: UnprovedRead<'s>,
    authorities: HashMap<Vec<u8>, Vec<(Certificate, Trust)>>,
}

impl<'s> Snapshot<'s> {
    fn begin(store: &'s UnprovedStore) -> Result<Self, StoreError> {
        let read = UnprovedRead::begin(&store.engine)?;
        let mut authorities: HashMap<Vec<u8>, Vec<(Certificate, Trust)>> = HashMap::new();
        each_row(
            &read,
            |head| head.trust.is_some(),
            |_, row| {
                // An entry that cannot be read issues nothing; it is reported where the entries are read.
                if let Ok(row) = row
                    && let (Some(trust), Some(certificate)) = (row.head.trust, row.content.leaf())
                {
                    let of_name = authorities.entry(certificate.subject_name.clone()).or_default();
                    of_name.push((certificate.clone(), trust));
                }
                Ok(())
            },
        )?;
        Ok(Self { read, authorities })
    }
}

impl ChainSource for Snapshot<'_> {
    fn authorities_named(&self, subject: &[u8]) -> Result<Vec<(Certificate, Trust)>, StoreError> {
        Ok(self.authorities.get(subject).cloned().unwrap_or_default())
    }

    fn mark(&self) -> Option<Mark> {
        None
    }

    fn is_proved(&self) -> bool {
        false
    }
}

/// Calls `take` for each entry that `keep` wants, with its alias: in the case in which it was given, where that can be read.
fn each_row(
    read: &UnprovedRead<'_>,
    keep: impl Fn(&EntryHead) -> bool,
    mut take: impl FnMut(&Alias, Result<EntryRow, StoreError>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    read.each_entry(keep, |(key, row)| {
        let alias: Alias =
            key.parse().map_err(|_| StoreError::Corrupt { detail: "an alias is not valid" })?;
        let alias = row.as_ref().map_or(alias, |row| row.head.alias.clone());
        take(&alias, row)
    })
}
