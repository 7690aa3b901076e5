//! How the credentials of an import of many are called.

use std::collections::{HashMap, HashSet};

use super::request::{BulkAlias, BulkItem};
use crate::{
    alias::Alias,
    certificate::Fingerprint,
    error::Error,
    keystore::request::CredentialRequest,
    store::{StoreError, Write},
};

/// Entries of one key that are looked at to find out whether a credential is there already.
const MAX_OF_KEY: u32 = 64;

/// The alias of one credential.
pub(super) struct Chosen {
    pub(super) alias: Alias,
    /// The alias that it should have had.
    pub(super) instead_of: Option<Alias>,
    /// Whether this import wrote it before.
    pub(super) repeated: bool,
    /// Whether what stands there cannot be read.
    pub(super) damaged: bool,
}

/// Gives out aliases.
pub(super) struct Names {
    /// Those that stand for one of the credentials: nothing replaces it.
    present: HashMap<(Alias, Fingerprint), Alias>,
    taken: HashSet<Alias>,
    /// The last number that was tried of each name, so that many of one name are not counted through again.
    numbers: HashMap<Alias, u32>,
}

impl Names {
    /// Looks for what is there already.
    pub(super) fn new(write: &Write<'_>, items: &[BulkItem]) -> Result<Self, Error> {
        let mut names = Self { present: HashMap::new(), taken: HashSet::new(), numbers: HashMap::new() };
        for BulkItem { alias, opened, .. } in items {
            let (BulkAlias::Made(wanted), Ok(request)) = (alias, opened) else { continue };
            let leaf = &request.credential.leaf;
            let read = write.as_read();
            for known in read.aliases_of_key(&leaf.spki_fingerprint, MAX_OF_KEY)? {
                // What cannot be read is found when it is written.
                let Ok(Some(row)) = read.entry(&known) else { continue };
                let same = row.head.trust.is_none()
                    && row.content.leaf().is_some_and(|stored| stored.fingerprint == leaf.fingerprint);
                if same && is_numbered(&known, wanted) {
                    names.taken.insert(known.clone());
                    names.present.insert((wanted.clone(), leaf.fingerprint), known);
                    break;
                }
            }
        }
        Ok(names)
    }

    pub(super) fn choose(
        &mut self,
        write: &Write<'_>,
        alias: &BulkAlias,
        request: &CredentialRequest,
    ) -> Result<Chosen, Error> {
        let wanted = alias.alias();
        let key = (wanted.clone(), request.credential.leaf.fingerprint);
        let plain = |alias| Chosen { alias, instead_of: None, repeated: false, damaged: false };
        if let Some(known) = self.present.get(&key) {
            return Ok(Chosen { repeated: true, ..plain(known.clone()) });
        }
        if matches!(alias, BulkAlias::Given(_)) {
            let repeated = !self.taken.insert(wanted.clone());
            let damaged = matches!(write.as_read().entry(wanted), Err(StoreError::Corrupt { .. }));
            return Ok(Chosen { repeated, damaged, ..plain(wanted.clone()) });
        }
        let number = self.numbers.entry(wanted.clone()).or_default();
        let (free, damaged) = loop {
            *number = number.saturating_add(1);
            let alias = if *number == 1 { wanted.clone() } else { wanted.with_number(*number) };
            if self.taken.contains(&alias) {
                continue;
            }
            match write.as_read().entry(&alias) {
                Ok(None) => break (alias, false),
                Ok(Some(row)) if request.options.replace && row.head.trust.is_none() => break (alias, false),
                Ok(Some(_)) => {}
                Err(StoreError::Corrupt { .. }) => break (alias, true),
                Err(other) => return Err(other.into()),
            }
        };
        self.taken.insert(free.clone());
        self.present.insert(key, free.clone());
        let instead_of = (free != *wanted).then(|| wanted.clone());
        Ok(Chosen { instead_of, damaged, ..plain(free) })
    }
}

/// Whether an alias is another one, or that with a number behind it.
fn is_numbered(alias: &Alias, of: &Alias) -> bool {
    let (alias, first) = (alias.key(), of.with_number(2).key());
    let base = first.strip_suffix('2').unwrap_or(&first);
    alias == of.key()
        || alias
            .strip_prefix(base)
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()))
}
