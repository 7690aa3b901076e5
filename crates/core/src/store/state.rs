//! The state of the whole store: one row under one MAC, kept twice.

use super::{
    StoreError,
    engine::{Table, View},
    tree::{InnerRef, Root},
};
use crate::seal::{Digest, Ledger, SealError, StoreId};

/// The format of the row, and of everything that it vouches for.
const FORMAT: u8 = 1;
const MAC: usize = 32;

/// The keys of the two copies.
pub(super) const COPIES: [[u8; 1]; 2] = [[0], [1]];

pub(super) const NOT_AUTHENTIC: StoreError =
    StoreError::Corrupt { detail: "the state of the store is not authentic" };

/// What the MAC of the state vouches for, and through it for everything else.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct State {
    pub(super) id: StoreId,
    pub(super) created_at: i64,
    pub(super) epoch: u32,
    pub(super) check_value: [u8; 16],
    /// Whether a rollback guard stands outside.
    pub(super) guarded: bool,
    /// One more with each commit.
    pub(super) seq: i64,
    /// The last row of the log.
    pub(super) log_number: i64,
    pub(super) log_head: Digest,
    pub(super) root: Root,
}

/// Where a store stands: what a rollback guard and a process remember of it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Mark {
    pub(crate) seq: i64,
    pub(crate) log_number: i64,
    pub(crate) log_head: Digest,
}

impl State {
    /// The state of a store that has nothing yet.
    pub(super) fn new(id: StoreId, ledger: &Ledger, guarded: bool, at: i64) -> Self {
        Self {
            id,
            created_at: at,
            epoch: ledger.epoch(),
            check_value: ledger.check_value(),
            guarded,
            seq: 0,
            log_number: 0,
            log_head: [0; 32],
            root: Root::Empty,
        }
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { seq: self.seq, log_number: self.log_number, log_head: self.log_head }
    }

    fn body(&self) -> Vec<u8> {
        let (kind, count, prefix, hash): (u8, u64, &[u8], Digest) = match &self.root {
            Root::Empty => (0, 0, &[], [0; 32]),
            Root::Page { count, hash } => (1, *count, &[], *hash),
            Root::Inner(inner) => (2, inner.count, &inner.prefix, inner.hash),
        };
        let mut row = vec![FORMAT];
        row.extend(self.id);
        row.extend(self.created_at.to_be_bytes());
        row.extend(self.epoch.to_be_bytes());
        row.extend(self.check_value);
        row.push(u8::from(self.guarded));
        row.extend(self.seq.to_be_bytes());
        row.extend(self.log_number.to_be_bytes());
        row.extend(self.log_head);
        row.push(kind);
        row.extend(count.to_be_bytes());
        row.extend(hash);
        // The prefix is all that is left.
        row.extend_from_slice(prefix);
        row
    }

    /// The row under its MAC.
    pub(super) fn encode(&self, ledger: &Ledger) -> Vec<u8> {
        let mut row = self.body();
        row.extend(ledger.state(&row));
        row
    }

    fn parse(row: &[u8]) -> Option<Self> {
        let mut rest = row.get(..row.len().checked_sub(MAC)?)?;
        let mut take = |length: usize| -> Option<&[u8]> {
            let (taken, left) = rest.split_at_checked(length)?;
            rest = left;
            Some(taken)
        };
        if take(1)? != [FORMAT] {
            return None;
        }
        let id = take(16)?.try_into().ok()?;
        let created_at = i64::from_be_bytes(take(8)?.try_into().ok()?);
        let epoch = u32::from_be_bytes(take(4)?.try_into().ok()?);
        let check_value = take(16)?.try_into().ok()?;
        let guarded = match take(1)? {
            [0] => false,
            [1] => true,
            _ => return None,
        };
        let seq = i64::from_be_bytes(take(8)?.try_into().ok()?);
        let log_number = i64::from_be_bytes(take(8)?.try_into().ok()?);
        let log_head = take(32)?.try_into().ok()?;
        let kind = take(1)?.first().copied()?;
        let count = u64::from_be_bytes(take(8)?.try_into().ok()?);
        let hash: Digest = take(32)?.try_into().ok()?;
        let prefix = rest.to_vec();
        let root = match kind {
            0 if count == 0 && prefix.is_empty() => Root::Empty,
            1 if prefix.is_empty() => Root::Page { count, hash },
            2 if prefix.iter().all(|digit| *digit < 16) => Root::Inner(InnerRef { prefix, count, hash }),
            _ => return None,
        };
        Some(Self { id, created_at, epoch, check_value, guarded, seq, log_number, log_head, root })
    }

    /// What the copies say before there is a key: whoever wrote them. A copy that says the same is left out.
    pub(super) fn claims(view: &dyn View) -> Result<Vec<Self>, StoreError> {
        let mut claims: Vec<Self> = Vec::new();
        for state in rows(view)?.iter().flatten().filter_map(|row| Self::parse(row)) {
            if !claims.contains(&state) {
                claims.push(state);
            }
        }
        Ok(claims)
    }

    /// The state that its MAC vouches for; of two the later one.
    pub(super) fn load(view: &dyn View, ledger: &Ledger) -> Result<Self, StoreError> {
        let rows = rows(view)?;
        let mut best: Option<Self> = None;
        let mut another_epoch = false;
        for row in rows.iter().flatten() {
            let Some(state) = Self::parse(row) else {
                continue;
            };
            let (body, mac) = row.split_at_checked(row.len().saturating_sub(MAC)).unwrap_or_default();
            if ledger.is_state(body, mac) {
                if state.id == *ledger.store() && best.as_ref().is_none_or(|best| best.seq < state.seq) {
                    best = Some(state);
                }
            } else {
                another_epoch |= state.id == *ledger.store() && state.epoch != ledger.epoch();
            }
        }
        match best {
            Some(state) => Ok(state),
            // A new root key, or damage to this one field; who unlocks again learns which.
            None if another_epoch => Err(StoreError::Seal(SealError::Rekeyed)),
            None => Err(NOT_AUTHENTIC),
        }
    }

    /// Which of the copies are not as they must be.
    pub(super) fn broken_copies(&self, view: &dyn View, ledger: &Ledger) -> Result<usize, StoreError> {
        let expected = self.encode(ledger);
        Ok(rows(view)?.iter().filter(|row| row.as_ref() != Some(&expected)).count())
    }
}

fn rows(view: &dyn View) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
    view.get_many(&COPIES.each_ref().map(|key| (Table::State, key.as_slice())))
}
