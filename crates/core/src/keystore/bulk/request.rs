//! What an import of many is asked, and what it answers.

use rustls_pki_types::UnixTime;

use crate::{
    alias::Alias,
    certificate::Certificate,
    error::Error,
    keystore::request::{CredentialRequest, ImportReport},
    word::words,
};

/// What aliases are made of.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum AliasFrom {
    /// The name that the file gives the key, or else what [`Cn`](Self::Cn) takes.
    #[default]
    Friendly,
    /// The first DNS name or address of the certificate, or else its common name, or else what [`File`](Self::File)
    /// takes.
    Cn,
    /// The name of the file without its ending.
    File,
}

impl AliasFrom {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Friendly, Self::Cn, Self::File];

    /// The word of the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Friendly => "friendly",
            Self::Cn => "cn",
            Self::File => "file",
        }
    }

    /// The alias of a credential; `stem` is the name of its file without the ending. `None` if none of the names has a
    /// letter or digit for one.
    #[must_use]
    pub fn alias(self, friendly_name: Option<&str>, leaf: Option<&Certificate>, stem: &str) -> Option<Alias> {
        let friendly = || friendly_name.filter(|_| self == Self::Friendly).and_then(of_name);
        let of_leaf = |leaf: &Certificate| {
            let host = leaf.hosts().find_map(of_name);
            host.or_else(|| leaf.short_name().as_deref().and_then(of_name))
        };
        let certified = || leaf.filter(|_| self != Self::File).and_then(of_leaf);
        friendly().or_else(certified).or_else(|| of_name(stem))
    }
}

words!(AliasFrom, "friendly, cn or file");

/// A name that can be an alias is one as it is.
fn of_name(name: &str) -> Option<Alias> {
    name.parse().ok().or_else(|| Alias::from_name(name))
}

/// Under which alias a credential is imported.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum BulkAlias {
    /// This one, or it is refused.
    Given(Alias),
    /// This one, or with a number behind it where it stands for something else.
    Made(Alias),
}

impl BulkAlias {
    pub(super) fn alias(&self) -> &Alias {
        match self {
            Self::Given(alias) | Self::Made(alias) => alias,
        }
    }

    pub(super) fn into_alias(self) -> Alias {
        match self {
            Self::Given(alias) | Self::Made(alias) => alias,
        }
    }
}

/// One credential of an import of many.
#[derive(Debug)]
#[non_exhaustive]
pub struct BulkItem {
    /// Where it came from, for people.
    pub file: String,
    /// Its alias, which counts in place of that of the request.
    pub alias: BulkAlias,
    /// What is imported, or why it could not be opened.
    pub opened: Result<CredentialRequest, Error>,
}

impl BulkItem {
    /// One of a file.
    #[must_use]
    pub fn new(file: String, alias: BulkAlias, opened: Result<CredentialRequest, Error>) -> Self {
        Self { file, alias, opened }
    }
}

/// The import of many credentials.
#[derive(Debug)]
#[non_exhaustive]
pub struct BulkRequest {
    /// Each of them.
    pub items: Vec<BulkItem>,
    /// Whether the sound ones are imported where others are refused; else nothing is.
    pub keep_going: bool,
    /// Whether nothing is stored, and the report says what would be.
    pub dry_run: bool,
    /// The instant of the import, for the log.
    pub at: UnixTime,
}

impl BulkRequest {
    /// All of them, or none.
    #[must_use]
    pub fn new(items: Vec<BulkItem>, at: UnixTime) -> Self {
        Self { items, keep_going: false, dry_run: false, at }
    }
}

/// What came of one credential.
#[derive(Debug)]
#[non_exhaustive]
pub enum BulkResult {
    /// It is in the store, or would be.
    Done(Box<ImportReport>),
    /// It was refused.
    Refused(Error),
    /// It was sound, and is not stored since another one was refused.
    NotStored,
}

/// One credential, and what came of it.
#[derive(Debug)]
#[non_exhaustive]
pub struct BulkEntry {
    /// Where it came from.
    pub file: String,
    /// Its alias, or the one that it would have had.
    pub alias: Alias,
    /// What came of it.
    pub result: BulkResult,
}

/// The answer to an import of many, given after the commit.
#[derive(Debug)]
#[non_exhaustive]
pub struct BulkReport {
    /// Each, in the order of the request.
    pub entries: Vec<BulkEntry>,
}

impl BulkReport {
    /// The first refusal.
    #[must_use]
    pub fn refusal(&self) -> Option<&Error> {
        self.entries.iter().find_map(|entry| match &entry.result {
            BulkResult::Refused(error) => Some(error),
            _ => None,
        })
    }
}
