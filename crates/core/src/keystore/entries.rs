//! All entries of a store, page by page.

use rustls_pki_types::UnixTime;

use super::{Entry, Keystore, ListedEntry};
use crate::{alias::Alias, error::Error, store::StoreError};

/// Entries read at a time.
const PAGE: u32 = 500;

/// The entries of a store in the order of their aliases: [`Keystore::entries`] gives them.
#[derive(Debug)]
#[must_use = "iterators read nothing by themselves"]
pub struct Entries(ListedEntries);

/// The same with the alias of each, also of those that are damaged: [`Keystore::listed_entries`] gives them.
#[derive(Debug)]
#[must_use = "iterators read nothing by themselves"]
pub struct ListedEntries {
    keystore: Keystore,
    at: UnixTime,
    page: std::vec::IntoIter<ListedEntry>,
    after: Option<Alias>,
    done: bool,
}

/// How many entries a store has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct EntryCounts {
    /// Server certificates with their keys.
    pub servers: u64,
    /// CA certificates.
    pub authorities: u64,
}

impl Keystore {
    /// How many entries there are, damaged ones included. None of them is read: the tree of the store counts them, and is
    /// proved.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let unlock = strongroom::UnlockKey::generate()?;
    /// # let path = folder.path().join("keystore.db");
    /// # let keystore = strongroom::Keystore::create(&path, &unlock, strongroom::UnixTime::now())?;
    /// # let root = std::fs::read("../../fixtures/chains/root-rsa.pem")?;
    /// keystore.import_authority(&"root".parse()?, &root, strongroom::UnixTime::now())?;
    /// let counts = keystore.entry_counts()?;
    /// assert_eq!((counts.servers, counts.authorities), (0, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn entry_counts(&self) -> Result<EntryCounts, Error> {
        let (entries, authorities) = self.reading(|read| read.entry_counts())?;
        Ok(EntryCounts { servers: entries.saturating_sub(authorities), authorities })
    }

    /// All entries in the order of their aliases, with their chains as they are at the instant `at`. They are read in pages,
    /// each of one commit: what is committed meanwhile is seen or not. An entry that is damaged is an error in its place, and
    /// the others follow; after any other error nothing does.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let unlock = strongroom::UnlockKey::generate()?;
    /// # let path = folder.path().join("keystore.db");
    /// # let keystore = strongroom::Keystore::create(&path, &unlock, strongroom::UnixTime::now())?;
    /// # let root = std::fs::read("../../fixtures/chains/root-rsa.pem")?;
    /// # keystore.import_authority(&"root".parse()?, &root, strongroom::UnixTime::now())?;
    /// let mut soonest = None;
    /// for entry in keystore.entries(strongroom::UnixTime::now()) {
    ///     let entry = entry?;
    ///     let ends = entry.certificate.not_after();
    ///     if soonest.as_ref().is_none_or(|(known, _)| ends < *known) {
    ///         soonest = Some((ends, entry.alias));
    ///     }
    /// }
    /// assert_eq!(soonest.map(|(_, alias)| alias.to_string()), Some("root".to_owned()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn entries(&self, at: UnixTime) -> Entries {
        Entries(self.listed_entries(at))
    }

    /// The same with what is damaged under its alias: each alias stands with its entry, or with why that cannot be shown. An
    /// error of the iterator itself is one of the store, and nothing follows it.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let unlock = strongroom::UnlockKey::generate()?;
    /// # let now = strongroom::UnixTime::now();
    /// # let keystore = strongroom::Keystore::create(folder.path().join("keystore.db"), &unlock, now)?;
    /// for listed in keystore.listed_entries(now) {
    ///     match listed? {
    ///         (alias, Ok(entry)) => println!("{alias}: {}", entry.certificate.subject()),
    ///         (alias, Err(error)) => println!("{alias} cannot be shown: {error}"),
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn listed_entries(&self, at: UnixTime) -> ListedEntries {
        let page = Vec::new().into_iter();
        ListedEntries { keystore: self.clone(), at, page, after: None, done: false }
    }

    /// The aliases alone, in order and as of one commit: no certificate is read and no chain is judged. That of an entry which
    /// is damaged is proved all the same, and stands in lower case.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let unlock = strongroom::UnlockKey::generate()?;
    /// # let now = strongroom::UnixTime::now();
    /// # let keystore = strongroom::Keystore::create(folder.path().join("keystore.db"), &unlock, now)?;
    /// # let root = std::fs::read("../../fixtures/chains/root-rsa.pem")?;
    /// # keystore.import_authority(&"Root".parse()?, &root, now)?;
    /// assert_eq!(keystore.aliases()?, ["Root".parse()?]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn aliases(&self) -> Result<Vec<Alias>, Error> {
        self.reading(|read| {
            let mut aliases = Vec::new();
            read.each_listed(&mut |key, head| {
                aliases.push(match head {
                    Ok(head) => head.alias,
                    Err(StoreError::Corrupt { .. }) => {
                        key.parse().map_err(|_| StoreError::Corrupt { detail: "an alias is not valid" })?
                    }
                    Err(other) => return Err(other),
                });
                Ok(())
            })?;
            Ok(aliases)
        })
    }
}

impl Iterator for Entries {
    type Item = Result<Entry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.0.next()?.and_then(|(_, entry)| entry.map_err(Error::from)))
    }
}

impl std::iter::FusedIterator for Entries {}

impl Iterator for ListedEntries {
    type Item = Result<ListedEntry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(listed) = self.page.next() {
                self.after = Some(listed.0.clone());
                return Some(Ok(listed));
            }
            if self.done {
                return None;
            }
            match self.keystore.listing(self.after.as_ref(), PAGE, self.at) {
                Ok(page) => {
                    self.done = u32::try_from(page.len()).unwrap_or(u32::MAX) < PAGE;
                    self.page = page.into_iter();
                }
                Err(error) => {
                    self.done = true;
                    return Some(Err(error));
                }
            }
        }
    }
}

impl std::iter::FusedIterator for ListedEntries {}
