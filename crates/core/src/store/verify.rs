//! Looks at everything that a store holds.

use rusqlite::named_params;

use super::{
    Read, Store, StoreError,
    entries::{EntryHead, EntryRow, certificate_mac, plain_head},
    lookup::{Link, alias_key, keys_of},
    state::toggle,
};
use crate::{certificate::Fingerprint, seal::Digest};

/// Rows read at a time.
const PAGE: u32 = 500;

/// One thing that is wrong with a store.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct StoreProblem {
    /// The alias that it is about; empty if it is about the whole.
    pub alias: String,
    /// What is wrong.
    pub message: String,
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

/// The walk over a store in progress.
pub(crate) struct Verified {
    pub(crate) report: StoreReport,
    rows: Digest,
    keys: u64,
}

impl Verified {
    /// Notes a problem with an entry, or with the whole.
    pub(crate) fn problem(&mut self, alias: &str, message: String) {
        // A store that is all wrong is told so by its first hundred problems.
        if self.report.problems.len() < 100 {
            self.report.problems.push(StoreProblem { alias: alias.to_owned(), message });
        }
    }

    fn check<T>(&mut self, alias: &str, result: Result<T, StoreError>) -> Option<T> {
        result.map_err(|error| self.problem(alias, error.to_string())).ok()
    }
}

impl Store {
    /// Checks pages, MACs, digests, lookups and the log; hands each version of an entry to `open`.
    pub(crate) fn verify(
        &self,
        open: &mut dyn FnMut(EntryRow, &mut Verified),
    ) -> Result<StoreReport, StoreError> {
        let read = self.read()?;
        let report =
            StoreReport { seq: u64::try_from(read.state.seq).unwrap_or(0), ..StoreReport::default() };
        let mut found = Verified { report, rows: [0; 32], keys: 1 };
        let pages = read.pages();
        if let Some(problems) = found.check("", pages) {
            problems.into_iter().for_each(|problem| found.problem("", problem));
        }
        let walked = read.walk_entries(&mut found, open);
        found.check("", walked);
        let walked = read.walk_certificates(&mut found);
        found.check("", walked);
        let walked = read.walk_lookups(&mut found);
        found.check("", walked);
        if found.rows != read.state.rows {
            found.problem("", "rows are missing, too many, or of another time than the rest".to_owned());
        }
        let accounts = read.accounts();
        if let Some(accounts) = found.check("", accounts) {
            found.report.administrators = u64::try_from(accounts.len()).unwrap_or(u64::MAX);
        }
        found.check("", read.slots());
        if let Some(rows) = found.check("", read.verify_log()) {
            found.report.log = u64::try_from(rows).unwrap_or(0);
        }
        Ok(found.report)
    }
}

impl Read<'_> {
    /// What SQLite finds wrong with its pages and references.
    fn pages(&self) -> Result<Vec<String>, StoreError> {
        let mut problems = Vec::new();
        for pragma in ["PRAGMA integrity_check(10)", "PRAGMA foreign_key_check"] {
            let mut statement = self.connection.prepare(pragma)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let text: String = row.get(0)?;
                if text != "ok" && problems.len() < 20 {
                    problems.push(format!("pages: {text}"));
                }
            }
        }
        Ok(problems)
    }

    /// All entries in the order of their ids; what does not come out whole is told to `failed`.
    pub(crate) fn heads_after(&self, after: &[u8]) -> Result<Vec<EntryHead>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, alias, trust, version, bound_to, mac FROM entry WHERE id > :after ORDER BY id LIMIT :limit",
        )?;
        let mut rows = statement.query(named_params! { ":after": after, ":limit": PAGE })?;
        let mut heads = Vec::new();
        while let Some(row) = rows.next()? {
            heads.push(plain_head(row)?.checked(self.ledger)?);
        }
        Ok(heads)
    }

    fn walk_entries(
        &self,
        found: &mut Verified,
        open: &mut dyn FnMut(EntryRow, &mut Verified),
    ) -> Result<(), StoreError> {
        let mut after = Vec::new();
        loop {
            let heads = self.heads_after(&after)?;
            let Some(last) = heads.last() else {
                return Ok(());
            };
            after = last.id.to_vec();
            for head in heads {
                toggle(&mut found.rows, &head.mac);
                let alias = head.alias.to_string();
                let removed = found.check(&alias, self.is_removed(&head));
                match removed {
                    Some(true) => found.report.removed += 1,
                    _ => found.report.entries += 1,
                }
                let Some(first) = found.check(&alias, self.first_version(&head.id)) else {
                    continue;
                };
                // The lookups of what was removed, and of where the versions begin.
                found.keys += 2 * u64::from(removed == Some(true)) + u64::from(first > 1);
                for number in first..=head.version {
                    let row = self.at_version(head.clone(), number).transpose();
                    let Some(row) = row.and_then(|row| found.check(&alias, row)) else {
                        continue;
                    };
                    found.report.versions += 1;
                    toggle(&mut found.rows, &row.content.mac);
                    if number == head.version && removed == Some(false) {
                        let looked_up = self.check_lookups(&row, found);
                        found.check(&alias, looked_up);
                    }
                    open(row, found);
                }
            }
        }
    }

    /// Whether everything leads to an entry that should.
    fn check_lookups(&self, row: &EntryRow, found: &mut Verified) -> Result<(), StoreError> {
        let mut keys = vec![alias_key(&row.head.alias.key())];
        keys.extend(
            row.content.leaf().iter().flat_map(|leaf| keys_of(leaf, row.head.trust.is_some(), &row.head.id)),
        );
        for key in keys {
            found.keys += 1;
            if self.find(&key)?.as_deref() != Some(row.head.id.as_slice()) {
                return Err(StoreError::Corrupt { detail: "a lookup leads elsewhere" });
            }
        }
        Ok(())
    }

    fn walk_certificates(&self, found: &mut Verified) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare("SELECT sha256, der, mac FROM certificate")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (sha256, der, mac): (Vec<u8>, Vec<u8>, Digest) = (row.get(0)?, row.get(1)?, row.get(2)?);
            found.report.certificates += 1;
            toggle(&mut found.rows, &mac);
            if Fingerprint::of(&der).as_bytes().as_slice() != sha256
                || mac != certificate_mac(&sha256, self.ledger)
            {
                found.problem("", "a certificate is not authentic".to_owned());
            }
        }
        Ok(())
    }

    /// Every row of `lookup` in order.
    pub(super) fn each_link(
        &self,
        mut each: impl FnMut(Link) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut statement =
            self.connection.prepare("SELECT key, value, next, mac FROM lookup ORDER BY key")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            each(Link { key: row.get(0)?, value: row.get(1)?, next: row.get(2)?, mac: row.get(3)? })?;
        }
        Ok(())
    }

    fn walk_lookups(&self, found: &mut Verified) -> Result<(), StoreError> {
        let mut expected = Vec::new();
        let mut count = 0_u64;
        self.each_link(|link| {
            count += 1;
            toggle(&mut found.rows, &link.mac);
            if link.key != expected || link.mac != link.expected(self.ledger) {
                return Err(StoreError::Corrupt {
                    detail: "a lookup row is not authentic, or one is missing",
                });
            }
            expected = link.next;
            Ok(())
        })?;
        if !expected.is_empty() || count != found.keys {
            return Err(StoreError::Corrupt { detail: "lookup rows are missing, or too many" });
        }
        Ok(())
    }
}
