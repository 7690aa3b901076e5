//! Freshness where the log was cut: what is known of a store from before the cut is held against what stays of the rows.

use std::sync::PoisonError;

use super::{
    Read, Store, StoreError,
    engine::View,
    guard::RollbackGuard,
    segment::{Link, LogSegment},
    state::{Mark, State},
};

/// What a file of rows has proved: that this mark leads on to that row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proven {
    mark: Mark,
    link: Link,
}

impl Store {
    /// Whether the log was cut behind what is known of it, and led there before; [`StoreError::Forked`] if it did not.
    pub(super) fn leads_past_cut(
        &self,
        view: &dyn View,
        state: &State,
        known: &Mark,
    ) -> Result<bool, StoreError> {
        let remote = self.engine.is_remote();
        let read = Read::of_state(view, &self.ledger, &self.shared.cache, state.clone(), remote);
        let Some(cut) = read.log_cut()?.filter(|cut| known.log_number < cut.number) else {
            return Ok(false);
        };
        let hash = match read.cut_head(known.log_number)? {
            Some(head) => head,
            None => self.proved_by_file(&read, known, cut.number)?,
        };
        if hash == known.log_head { Ok(true) } else { Err(StoreError::Forked { known: known.seq }) }
    }

    /// The hash of a row that was cut, out of the file that was given.
    fn proved_by_file(
        &self,
        read: &Read<'_>,
        known: &Mark,
        cut: i64,
    ) -> Result<crate::seal::Digest, StoreError> {
        let lock = || self.shared.proven.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(path) = self.guard.as_ref().and_then(RollbackGuard::segment) else {
            return Err(StoreError::LogRotated { row: known.log_number, cut, guarded: self.guard.is_some() });
        };
        let before = *lock();
        if let Some(Proven { mark, link }) = before
            && mark == *known
            && read.cut_head(link.number)? == Some(link.head)
        {
            return Ok(link.hash);
        }
        let segment = LogSegment::open_with(path, Some(known.log_number))?;
        let link = segment.leads_from(known.log_number, read)?;
        *lock() = Some(Proven { mark: *known, link });
        Ok(link.hash)
    }
}
