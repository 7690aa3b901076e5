//! Looks at everything that a store holds.

use std::{collections::HashSet, fmt};

use super::{
    EntryHead, EntryRow, Read, Store, StoreError,
    engine::Table,
    key::{self, Tag},
    read::blob_digest,
    records::Content,
    requests::RequestRow,
    tree::Found,
};
use crate::seal::Digest;

/// Rows read at a time.
const PAGE: usize = 1_000;

/// One thing that is wrong with a store.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct StoreProblem {
    /// The alias that it is about; empty if it is about the whole.
    pub alias: String,
    /// The slot that it is about.
    pub slot: Option<u32>,
    /// Of what it is, which decides what mends it.
    pub part: DamagedPart,
    /// What is wrong.
    pub message: String,
}

/// Of what a problem is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum DamagedPart {
    /// What the store holds: a backup that is put back mends it.
    #[default]
    Content,
    /// One copy of the state, of which there are two: the next change mends it.
    StateCopy,
    /// The log, which goes on whatever is put back.
    Log,
    /// The tree that proves everything: the store cannot be changed any more.
    Tree,
}

impl fmt::Display for StoreProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.alias.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.alias, self.message)
        }
    }
}

/// What is in a store, and what is wrong with it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct StoreReport {
    /// How many entries there are.
    pub entries: u64,
    /// How many more were removed, and can be brought back.
    pub removed: u64,
    /// The versions of both.
    pub versions: u64,
    /// Pending certificate requests.
    pub requests: u64,
    /// Private keys that opened and belong to their certificates.
    pub keys: u64,
    /// Certificates.
    pub certificates: u64,
    /// Administrators.
    pub administrators: u64,
    /// Rows of the audit log.
    pub log: u64,
    /// How many commits there were.
    pub seq: u64,
    /// Nothing, if all is well.
    pub problems: Vec<StoreProblem>,
}

/// What has a private key to be opened.
pub(crate) enum Sealed {
    /// A version of an entry.
    Version(EntryRow),
    /// A pending request.
    Request(RequestRow),
}

/// The walk over a store in progress.
pub(crate) struct Verified {
    pub(crate) report: StoreReport,
    members: u64,
    uses: u64,
    certificates: HashSet<Digest>,
    sealed: HashSet<Digest>,
}

impl Verified {
    /// Notes a problem with an entry, or with the whole.
    pub(crate) fn problem(&mut self, alias: &str, message: String) {
        self.note(StoreProblem { alias: alias.to_owned(), message, ..StoreProblem::default() });
    }

    /// Notes a problem with another part than what the store holds.
    fn problem_of(&mut self, part: DamagedPart, message: &str) {
        self.note(StoreProblem { part, message: message.to_owned(), ..StoreProblem::default() });
    }

    fn note(&mut self, problem: StoreProblem) {
        // A store that is all wrong is told so by its first hundred problems.
        if self.report.problems.len() < 100 && !self.report.problems.contains(&problem) {
            self.report.problems.push(problem);
        }
    }

    fn check<T>(&mut self, alias: &str, result: Result<T, StoreError>) -> Option<T> {
        let what = |error| match error {
            StoreError::Corrupt { detail } => detail.to_owned(),
            other => other.to_string(),
        };
        result.map_err(|error| self.problem(alias, what(error))).ok()
    }

    fn names(&mut self, content: &Content) {
        let certificates = content.certificates();
        self.uses += u64::try_from(certificates.len()).unwrap_or(0);
        self.certificates.extend(certificates);
        self.sealed.extend(content.sealed);
    }
}

impl Store {
    /// Checks the engine's structures, every row of the tree and every record, members, blobs and the log; hands each
    /// version of an entry and each pending request to `open`.
    pub(crate) fn verify(
        &self,
        open: &mut dyn FnMut(Sealed, &mut Verified),
    ) -> Result<StoreReport, StoreError> {
        let read = self.read()?;
        let report =
            StoreReport { seq: u64::try_from(read.state().seq).unwrap_or(0), ..StoreReport::default() };
        let mut found =
            Verified { report, members: 0, uses: 0, certificates: HashSet::new(), sealed: HashSet::new() };
        for problem in self.engine.self_check()? {
            found.problem("", problem);
        }
        if read.state().broken_copies(read.view(), read.ledger)? > 0 {
            found.problem_of(
                DamagedPart::StateCopy,
                "a copy of the state is not as it was written; the next change mends it",
            );
        }
        let members = match read.walk_tree(&mut found) {
            Ok(members) => Some(members),
            Err(error) => {
                found.problem_of(DamagedPart::Tree, &error.to_string());
                None
            }
        };
        let walked = read.walk_entries(&mut found, open);
        found.check("", walked);
        if members.is_some_and(|members| members != found.members) {
            found.problem("", "lookups are missing, or too many".to_owned());
        }
        let walked = read.walk_blobs(&mut found);
        found.check("", walked);
        if let Some(accounts) = found.check("", read.accounts()) {
            found.report.administrators = u64::try_from(accounts.len()).unwrap_or(u64::MAX);
        }
        for (slot, row) in found.check("", read.slot_rows()).unwrap_or_default() {
            if let Err(error) = row {
                found.note(StoreProblem {
                    slot: Some(slot),
                    message: error.to_string(),
                    ..StoreProblem::default()
                });
            }
        }
        found.check("", read.bindings());
        found.check("", read.web_server());
        for (alias, row) in found.check("", read.listed_requests()).unwrap_or_default() {
            found.report.requests += 1;
            if let Some(row) = found.check(&alias, row) {
                open(Sealed::Request(row), &mut found);
            }
        }
        match read.verify_log() {
            Ok(rows) => found.report.log = u64::try_from(rows).unwrap_or(0),
            Err(StoreError::Corrupt { detail }) => found.problem_of(DamagedPart::Log, detail),
            Err(other) => return Err(other),
        }
        Ok(found.report)
    }
}

impl Read<'_> {
    /// Every row of the tree, and every record; gives the number of members.
    fn walk_tree(&self, found: &mut Verified) -> Result<u64, StoreError> {
        let (mut nodes, mut records, mut members) = (0_u64, 0_u64, 0_u64);
        self.tree(|tree| {
            tree.check(&mut |seen| {
                match seen {
                    Found::Row => nodes += 1,
                    Found::LostRow => {
                        found.problem("", "a row of the tree is missing, or is not authentic".to_owned())
                    }
                    Found::Unproved => found.problem_of(
                        DamagedPart::Tree,
                        "a part of the tree is lost, and cannot be made again",
                    ),
                    Found::Page(items) => {
                        let wanted: Vec<(Table, &[u8])> = items
                            .iter()
                            .filter(|item| item.hash.is_some())
                            .map(|item| (Table::Record, item.key.as_slice()))
                            .collect();
                        members += u64::try_from(items.len() - wanted.len()).unwrap_or(0);
                        let rows =
                            if wanted.is_empty() { Vec::new() } else { self.view().get_many(&wanted)? };
                        let hashed = items.iter().filter_map(|item| Some((&item.key, item.hash?)));
                        for ((key, hash), row) in hashed.zip(rows) {
                            records += u64::from(row.is_some());
                            // Slots are looked at by themselves.
                            if key::slot_number(key).is_none()
                                && row.is_none_or(|row| super::tree::record_hash(key, &row) != hash)
                            {
                                found.problem(
                                    key::alias_of(key).unwrap_or_default(),
                                    format!("{} is missing, or is not authentic", describe(key)),
                                );
                            }
                        }
                    }
                }
                Ok(())
            })
        })?;
        if self.count(Table::Node, &mut |_, _| {})? != nodes {
            found.problem("", "there are rows of the tree that belong to nothing".to_owned());
        }
        let mut keys = Vec::new();
        if self.count(Table::Record, &mut |key, _| keys.push(key.to_vec()))? != records {
            for key in keys {
                if key::slot_number(&key).is_none()
                    && self
                        .tree(|tree| tree.find(&key))
                        .is_ok_and(|item| item.is_none_or(|item| item.hash.is_none()))
                {
                    let alias = key::alias_of(&key).unwrap_or_default().to_owned();
                    found.problem(&alias, format!("{} belongs to nothing", describe(&key)));
                }
            }
        }
        Ok(members)
    }

    fn count(&self, table: Table, each: &mut dyn FnMut(&[u8], &[u8])) -> Result<u64, StoreError> {
        let (mut from, mut count) = (Vec::new(), 0_u64);
        loop {
            let rows = self.view().range(table, &from, None, PAGE)?;
            rows.iter().for_each(|(key, value)| each(key, value));
            count += u64::try_from(rows.len()).unwrap_or(0);
            match rows.last() {
                Some((last, _)) if rows.len() == PAGE => from = [last.as_slice(), &[0]].concat(),
                _ => return Ok(count),
            }
        }
    }

    fn walk_entries(
        &self,
        found: &mut Verified,
        open: &mut dyn FnMut(Sealed, &mut Verified),
    ) -> Result<(), StoreError> {
        self.each_listed(&mut |alias, head| {
            found.report.entries += 1;
            let Some(head) = found.check(alias, head) else {
                return Ok(());
            };
            let alias = head.alias.to_string();
            if let Some(row) = self.walk_versions(&head, found, open) {
                let members = row
                    .content
                    .leaf()
                    .map(|leaf| key::members(leaf, head.trust.is_some(), &head.alias.key()))
                    .unwrap_or_default();
                found.members += u64::try_from(members.len()).unwrap_or(0);
                for member in members {
                    match self.get(&member) {
                        Ok(Some(_)) => {}
                        Ok(None) => found.problem(&alias, "a lookup is missing".to_owned()),
                        Err(error) => found.problem(&alias, error.to_string()),
                    }
                }
                open(Sealed::Version(row), found);
            }
            Ok(())
        })?;
        for removed in self.all_removed(None, u32::MAX)? {
            found.report.removed += 1;
            if let Some(row) = self.walk_versions(&removed.head, found, open) {
                open(Sealed::Version(row), found);
            }
        }
        Ok(())
    }

    /// All versions of an entry; gives the current one.
    fn walk_versions(
        &self,
        head: &EntryHead,
        found: &mut Verified,
        open: &mut dyn FnMut(Sealed, &mut Verified),
    ) -> Option<EntryRow> {
        let alias = head.alias.to_string();
        for number in head.first..head.version {
            found.report.versions += 1;
            if let Some(Some(content)) = found.check(&alias, self.former(head, number)) {
                found.names(&content);
            }
            if let Some(Some(row)) = found.check(&alias, self.at_version(head.clone(), number)) {
                open(Sealed::Version(row), found);
            }
        }
        found.report.versions += 1;
        found.names(&head.content);
        found.check(&alias, self.current(head.clone()))
    }

    /// Everything that stands beside the tree, by its names.
    fn walk_blobs(&self, found: &mut Verified) -> Result<(), StoreError> {
        let (mut wrong, mut foreign) = (0_u64, 0_u64);
        self.count(Table::Blob, &mut |digest, bytes| {
            if blob_digest(bytes).as_slice() != digest {
                wrong += 1;
            }
            let known = digest.try_into().is_ok_and(|digest: Digest| {
                found.certificates.contains(&digest) || found.sealed.contains(&digest)
            });
            foreign += u64::from(!known);
        })?;
        found.report.certificates = u64::try_from(found.certificates.len()).unwrap_or(0);
        let whole = found.report.problems.is_empty();
        if wrong > 0 {
            found.problem("", format!("{wrong} certificates or sealed keys are not what their names say"));
        }
        // What a damaged entry names is not known.
        if foreign > 0 && whole {
            found.problem("", format!("{foreign} certificates or sealed keys belong to nothing"));
        }
        if whole && self.count(Table::Use, &mut |_, _| {})? != found.uses {
            found.problem("", "the list of which certificates are in use is not right".to_owned());
        }
        Ok(())
    }
}

/// What a record is, for people.
fn describe(key: &[u8]) -> String {
    let tag = key.first().copied().unwrap_or_default();
    let is = |of: Tag| of.byte() == tag;
    if is(Tag::Head) {
        "the entry".to_owned()
    } else if is(Tag::Version) {
        let number = key.last_chunk::<4>().map(|bytes| u32::from_be_bytes(*bytes)).unwrap_or_default();
        format!("version {number}")
    } else if is(Tag::Administrator) {
        let name = key.get(1..key.len().saturating_sub(1)).unwrap_or_default();
        format!("the administrator \"{}\"", String::from_utf8_lossy(name))
    } else if is(Tag::Slot) {
        format!("slot {}", key.get(1).copied().unwrap_or_default())
    } else if is(Tag::Removed) {
        "the removed entry".to_owned()
    } else if is(Tag::Request) {
        "the pending request".to_owned()
    } else if is(Tag::Binding) {
        format!("the binding of \"{}\"", key::text_of(key).unwrap_or_default())
    } else if is(Tag::LogCut) {
        "the record of what was cut from the log".to_owned()
    } else if is(Tag::WebServer) {
        "what the web server shows".to_owned()
    } else {
        "a record".to_owned()
    }
}
