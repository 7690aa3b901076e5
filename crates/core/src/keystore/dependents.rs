//! Which entries lose their chain with a CA certificate.
//!
//! Every entry is asked, by its proved head, so that none is left out. Those with the same certificates above them are
//! asked once, where nothing in these depends on the leaf.

use std::collections::BTreeMap;

use super::{chains::ChainView, request::ChainState};
use crate::{
    alias::Alias,
    certificate::Fingerprint,
    store::{EntryRow, Read, StoreError},
    validate::Trust,
};

/// The server entries that end otherwise at `at` without the CA certificate of `row`: at no authority any more, or below
/// the root.
pub(super) fn dependents(
    now: &ChainView<'_>,
    read: &Read<'_>,
    row: &EntryRow,
    at: i64,
) -> Result<Vec<Alias>, StoreError> {
    let (Some(_), Some(certificate)) = (row.head.trust, row.content.leaf()) else {
        return Ok(Vec::new());
    };
    let (of, left) = (certificate.fingerprint, left_trust(read, row, certificate.fingerprint)?);
    if left == row.head.trust || left == Some(Trust::Anchor) {
        return Ok(Vec::new());
    }
    let after = now.without(of, left);
    let lost = |row: &EntryRow| -> Result<bool, StoreError> {
        let before = now.chain(row, at)?;
        if !before.is_anchored() || before.above().all(|above| above.fingerprint != of) {
            return Ok(false);
        }
        Ok(ChainState::of(&after.chain(row, at)?) != ChainState::of(&before))
    };
    let mut found = Vec::new();
    // By the certificates above them; what has none of its own is asked by itself.
    let mut alike: BTreeMap<Vec<Fingerprint>, bool> = BTreeMap::new();
    read.each_head(&mut |head| {
        // What is damaged, or needs nothing above it, has nothing to lose.
        let Some(head) = head.ok().filter(|head| head.trust.is_none() && !head.is_self_signed()) else {
            return Ok(());
        };
        let above = head.above();
        let is_lost = match alike.get(&above) {
            Some(known) => *known,
            None => {
                let row = match read.current(head.clone()) {
                    Err(StoreError::Corrupt { .. }) => return Ok(()),
                    other => other?,
                };
                let is_lost = lost(&row)?;
                if !above.is_empty() && now.is_like_others(&row, at)? && after.is_like_others(&row, at)? {
                    alike.insert(above, is_lost);
                }
                is_lost
            }
        };
        if is_lost {
            found.push(head.alias);
        }
        Ok(())
    })?;
    Ok(found)
}

/// The trust that a certificate keeps by other entries that hold it.
fn left_trust(read: &Read<'_>, row: &EntryRow, of: Fingerprint) -> Result<Option<Trust>, StoreError> {
    let holders = read.authority_aliases(&of)?;
    let others = holders.into_iter().filter(|(alias, _)| *alias != row.head.alias).map(|(_, trust)| trust);
    Ok(others.max_by_key(|trust| *trust == Trust::Anchor))
}
