//! The log: what was done, by whom, and what was refused.
//!
//! Rows are chained by their hashes, each names the root of the tree after its change, and the state of the store names
//! the last one: a row that is changed, moved or cut off the end is seen. A MAC a row keeps the rows before a damaged one
//! provable.

use std::ops::ControlFlow;

use rustls_pki_types::UnixTime;

use super::{
    Read, StoreError,
    action::Action,
    codec::{Decoder, Encoder},
    engine::{Table, View},
    event::{Event, Happened, RENAMED_TO},
    state::Mark,
};
use crate::{
    alias::Alias,
    instant,
    seal::{Digest, Ledger, audit_hash},
};

/// Rows read at a time.
const PAGE: u32 = 500;

/// What a row of the log says of entries.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Touched {
    /// Nothing of any entry is another than before.
    Nothing,
    /// These entries may be.
    Entries(Vec<Alias>),
    /// Any entry may be.
    All,
}

impl LogEntry {
    /// Whether a CA certificate was imported by itself.
    pub(super) fn is_authority_import(&self) -> bool {
        self.action == Action::CaImport.as_str() && self.outcome == Happened::Imported.to_string()
    }

    /// The alias that an entry had, and the one that it was given.
    pub(super) fn renaming(&self) -> Option<(Alias, Alias)> {
        let to = self.outcome.strip_prefix(RENAMED_TO).filter(|_| self.action == Action::Rename.as_str())?;
        self.alias.parse().ok().zip(to.parse().ok())
    }

    /// Which entries this row tells of. What was refused changed none; what is not known may have changed any.
    pub(super) fn touched(&self) -> Touched {
        const OF_ENTRIES: [(Action, &[Happened]); 7] = [
            (Action::Import, &[Happened::Imported, Happened::Replaced]),
            (Action::CaImport, &[Happened::Imported]),
            (Action::Generate, &[Happened::Imported, Happened::Replaced]),
            (Action::CsrInstall, &[Happened::Imported, Happened::Replaced]),
            (Action::Remove, &[Happened::Removed]),
            (Action::Undo, &[Happened::Restored, Happened::BroughtBack]),
            (Action::Restore, &[Happened::Restored]),
        ];
        let is = |action: Action| self.action == action.as_str();
        if Action::OF_NO_ENTRY.into_iter().any(is) {
            return Touched::Nothing;
        }
        let mut aliases = vec![self.alias.as_str()];
        if is(Action::Rename) {
            // The code of a refusal has no space in it.
            match self.outcome.strip_prefix(RENAMED_TO) {
                Some(to) => aliases.push(to),
                None => return Touched::Nothing,
            }
        } else if !is(Action::Bind) {
            match OF_ENTRIES.iter().find(|(action, _)| is(*action)) {
                Some((_, done)) if done.iter().all(|done| done.to_string() != self.outcome) => {
                    return Touched::Nothing;
                }
                Some(_) => {}
                None => return Touched::All,
            }
        }
        // Without an alias it was the whole store.
        let aliases: Result<_, _> = aliases.into_iter().map(str::parse).collect();
        aliases.map_or(Touched::All, Touched::Entries)
    }
}

/// A row of the log.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct LogEntry {
    /// From 1, without gaps.
    pub number: i64,
    /// When.
    pub at: UnixTime,
    /// Who: as the program that opened the store names them.
    pub actor: String,
    /// What was asked for, for example `import`.
    pub action: String,
    /// The alias, or the user or file that it was about.
    pub alias: String,
    /// SHA-256 of the leaf; empty where there is none.
    pub fingerprint: String,
    /// `imported`, `replaced`, `removed` and so on, or the code of the error that refused it.
    pub outcome: String,
}

pub(super) const BROKEN: StoreError =
    StoreError::Corrupt { detail: "the audit log is not as it was written" };

pub(super) fn key(number: i64) -> [u8; 8] {
    number.to_be_bytes()
}

/// A row as it is stored: the hash of the row before it, its own, its MAC, and what it says.
pub(super) struct Stored {
    pub(super) former: Digest,
    pub(super) hash: Digest,
    mac: Digest,
    body: Vec<u8>,
}

impl Stored {
    /// The next row after the one with hash `former`.
    pub(super) fn new(event: &Event, number: i64, former: Digest, root: &Digest, ledger: &Ledger) -> Self {
        let said = Said {
            number,
            at: event.at,
            actor: event.actor.clone(),
            action: event.action.as_str().to_owned(),
            alias: event.alias.clone(),
            fingerprint: event.fingerprint.clone(),
            outcome: event.outcome.to_string(),
            root: *root,
        };
        let body = said.encode();
        let hash = audit_hash(&former, &body);
        Self { former, hash, mac: ledger.audit(&hash), body }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        [self.former.as_slice(), &self.hash, &self.mac, &self.body].concat()
    }

    /// The same row, vouched for by another key.
    pub(super) fn under(&self, ledger: &Ledger) -> Vec<u8> {
        [self.former.as_slice(), &self.hash, &ledger.audit(&self.hash), &self.body].concat()
    }

    fn parse(row: &[u8]) -> Option<Self> {
        let (former, rest) = row.split_at_checked(32)?;
        let (hash, rest) = rest.split_at_checked(32)?;
        let (mac, body) = rest.split_at_checked(32)?;
        Some(Self {
            former: former.try_into().ok()?,
            hash: hash.try_into().ok()?,
            mac: mac.try_into().ok()?,
            body: body.to_vec(),
        })
    }

    /// What a row says, if nothing in it was changed since it was written as this number.
    pub(super) fn checked(row: &[u8], number: i64, ledger: &Ledger) -> Result<(Self, Said), StoreError> {
        let stored = Self::parse(row).ok_or(BROKEN)?;
        if stored.hash != audit_hash(&stored.former, &stored.body)
            || !ledger.is_audit(&stored.hash, &stored.mac)
        {
            return Err(BROKEN);
        }
        let said = Said::decode(&stored.body).ok().filter(|said| said.number == number).ok_or(BROKEN)?;
        Ok((stored, said))
    }
}

/// What a row says, to the letter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Said {
    pub(super) number: i64,
    pub(super) at: i64,
    pub(super) actor: String,
    pub(super) action: String,
    pub(super) alias: String,
    pub(super) fingerprint: String,
    pub(super) outcome: String,
    /// The root of the tree after the change.
    pub(super) root: Digest,
}

impl Said {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut encoder = Encoder::new();
        encoder.integer(self.number).integer(self.at).text(&self.actor).text(&self.action);
        encoder.text(&self.alias).text(&self.fingerprint).text(&self.outcome).bytes(&self.root);
        encoder.done()
    }

    pub(super) fn decode(body: &[u8]) -> Result<Self, StoreError> {
        let mut decoder = Decoder::new(body)?;
        let said = Self {
            number: decoder.integer()?,
            at: decoder.integer()?,
            actor: decoder.text()?.to_owned(),
            action: decoder.text()?.to_owned(),
            alias: decoder.text()?.to_owned(),
            fingerprint: decoder.text()?.to_owned(),
            outcome: decoder.text()?.to_owned(),
            root: decoder.fixed()?,
        };
        decoder.end()?;
        Ok(said)
    }
}

impl From<Said> for LogEntry {
    fn from(said: Said) -> Self {
        let Said { number, at, actor, action, alias, fingerprint, outcome, .. } = said;
        Self { number, at: instant::at(at), actor, action, alias, fingerprint, outcome }
    }
}

/// Follows the chain from one mark to another; false if the log does not lead from the one to the other.
pub(super) fn leads(view: &dyn View, ledger: &Ledger, from: &Mark, to: &Mark) -> Result<bool, StoreError> {
    if from.log_number > to.log_number {
        return Ok(false);
    }
    if from.log_number == to.log_number {
        return Ok(from.log_head == to.log_head);
    }
    let (mut number, mut head) = (from.log_number, from.log_head);
    while number < to.log_number {
        let rows = view.range(Table::Log, &key(number.saturating_add(1)), None, size(PAGE))?;
        if rows.is_empty() {
            return Ok(false);
        }
        for (at, row) in rows.iter().take(usize::try_from(to.log_number - number).unwrap_or(usize::MAX)) {
            number += 1;
            let (stored, _) = Stored::checked(row, number, ledger)?;
            if stored.former != head || *at != key(number) {
                return Ok(false);
            }
            head = stored.hash;
        }
    }
    Ok(head == to.log_head)
}

fn size(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

impl Read<'_> {
    /// Up to `limit` rows after number `after`, each authentic, none left out but those that were cut.
    pub(crate) fn log(&self, after: i64, limit: u32) -> Result<Vec<LogEntry>, StoreError> {
        Ok(self.log_rows(after, limit)?.into_iter().map(|(_, said)| said.into()).collect())
    }

    /// The number and the hash of the row after which rows are to be read: those that were cut are not there.
    fn log_start(&self, after: i64) -> Result<(i64, Digest), StoreError> {
        if after > 0
            && let Some(row) = self.row(Table::Log, &key(after))?
        {
            return Ok((after, Stored::checked(&row, after, self.ledger)?.0.hash));
        }
        match self.log_cut()? {
            Some(cut) if after <= cut.number => Ok((cut.number, cut.head)),
            _ if after == 0 => Ok((0, [0; 32])),
            _ => Err(BROKEN),
        }
    }

    /// The same rows with their hashes.
    pub(super) fn log_rows(&self, after: i64, limit: u32) -> Result<Vec<(Digest, Said)>, StoreError> {
        let (mut number, mut former) = self.log_start(after)?;
        let rows = self.view().range(Table::Log, &key(number.saturating_add(1)), None, size(limit))?;
        let full = rows.len() == size(limit);
        let mut found = Vec::with_capacity(rows.len());
        for (at, row) in rows {
            number += 1;
            let (stored, said) = Stored::checked(&row, number, self.ledger)?;
            if stored.former != former || at != key(number) {
                return Err(BROKEN);
            }
            former = stored.hash;
            found.push((stored.hash, said));
        }
        if !full && (number, former) != (self.state().log_number, self.state().log_head) {
            return Err(BROKEN);
        }
        Ok(found)
    }

    /// Up to `limit` rows after the one that a mark names, and whether others after it were cut; [`StoreError::Forked`] if
    /// the log has another in its place.
    pub(super) fn log_since(&self, mark: &Mark, limit: u32) -> Result<(Vec<LogEntry>, bool), StoreError> {
        let is_there = mark.log_number > 0 && self.row(Table::Log, &key(mark.log_number))?.is_some();
        let cut = if is_there { 0 } else { self.log_cut()?.map_or(0, |cut| cut.number) };
        let known = if mark.log_number == 0 { None } else { self.log_hash(mark.log_number)? };
        // What lies far before the cut is not known any more: whoever asks reads everything again.
        if known.map_or(mark.log_number > 0 && mark.log_number >= cut, |hash| hash != mark.log_head) {
            return Err(StoreError::Forked { known: mark.seq });
        }
        Ok((self.log(mark.log_number, limit)?, mark.log_number < cut))
    }

    /// Gives the rows to `each` from the last one on, until it is content.
    pub(crate) fn log_backwards(
        &self,
        each: &mut dyn FnMut(LogEntry) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let first = self.log_cut()?.map_or(0, |cut| cut.number);
        let mut end = self.state().log_number;
        while end > first {
            let start = end.saturating_sub(PAGE.into()).max(first);
            let rows = self.log(start, u32::try_from(end - start).unwrap_or(PAGE))?;
            for row in rows.into_iter().rev() {
                if each(row).is_break() {
                    return Ok(());
                }
            }
            end = start;
        }
        Ok(())
    }

    /// The number of the last row.
    pub(crate) fn log_length(&self) -> i64 {
        self.state().log_number
    }

    /// Follows the whole log from its first row, or from where it was cut, to the one that the state names; gives how many
    /// rows that are.
    pub(crate) fn verify_log(&self) -> Result<i64, StoreError> {
        let first = self.verify_cut()?;
        let mut number = first;
        loop {
            let page = self.log(number, PAGE)?;
            let Some(last) = page.last() else {
                break;
            };
            number = last.number;
        }
        // A row before the first, or behind the last, would be nobody's.
        let more = key(number.saturating_add(1));
        let before = self.view().range(Table::Log, &[], Some(&key(first.saturating_add(1))), 1)?;
        let behind = self.view().range(Table::Log, &more, None, 1)?;
        if number != self.state().log_number || !before.is_empty() || !behind.is_empty() {
            return Err(BROKEN);
        }
        Ok(number.saturating_sub(first))
    }

    /// The hash of row `number`; `None` if there is no such row, or it was cut and its hash is not known any more.
    pub(super) fn log_hash(&self, number: i64) -> Result<Option<Digest>, StoreError> {
        match self.row(Table::Log, &key(number))? {
            Some(row) => Ok(Some(Stored::checked(&row, number, self.ledger)?.0.hash)),
            None => self.cut_head(number),
        }
    }

    /// Whether row `number` of the log is the one with this hash.
    pub(super) fn has_log_row(&self, number: i64, hash: &Digest) -> Result<bool, StoreError> {
        Ok(self.log_hash(number)?.as_ref() == Some(hash))
    }
}
