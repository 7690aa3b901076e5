//! Rows of the store as the keystore gives them out: described for all, opened for servers.

use super::request::{ChainState, Entry, EntryKind, OpenedCredential};
use crate::{
    certificate::ServerCredential,
    error::Error,
    seal::{RootKey, SealError},
    secret::PrivateKey,
    store::{EntryRow, Read, StoreError},
    validate::{Role, Trust},
};

/// The private key of a row; `None` for an authority.
pub(super) fn unseal(root: &RootKey, row: &EntryRow) -> Result<Option<PrivateKey>, SealError> {
    let Some(sealed) = &row.content.sealed else {
        return Ok(None);
    };
    let chain = row.content.fingerprints();
    let binding = row.binding(&chain).ok_or(SealError::Damaged)?;
    root.unseal(sealed, &binding).map(Some)
}

/// Unseals a row, and proves it.
pub(super) fn open_row(root: &RootKey, row: EntryRow) -> Result<OpenedCredential, Error> {
    let Some(key) = unseal(root, &row)? else {
        return Err(StoreError::NotFound { alias: row.head.alias }.into());
    };
    let chain = row.content.chain;
    let mut certificates: Vec<_> = chain.into_iter().map(|(certificate, _)| certificate).collect();
    // A client has the root, or does not trust it.
    if certificates.len() > 1 && certificates.last().is_some_and(|last| last.is_self_issued()) {
        certificates.pop();
    }
    let proved = ServerCredential::pair(key, certificates).map_err(|_| SealError::Damaged)?;
    let (key, leaf, others) = proved.into_parts();
    let served = std::iter::once(leaf).chain(others).collect();
    Ok(OpenedCredential { key, served })
}

/// Adds to a row what depends on the rest of the store.
pub(super) fn describe(row: EntryRow, read: &Read<'_>) -> Result<Entry, StoreError> {
    let EntryRow { head, content } = row;
    let Some(certificate) = content.leaf().cloned() else {
        return Err(StoreError::Corrupt { detail: "an entry has no certificate" });
    };
    let kind = head.trust.map_or(EntryKind::Server, |trust| EntryKind::Authority { trust });
    let chain_state = match (&kind, content.chain.last()) {
        (EntryKind::Authority { .. }, _) if certificate.is_self_issued() => ChainState::Root,
        (EntryKind::Authority { .. }, _) => ChainState::Intermediate,
        (EntryKind::Server, Some((anchor, Role::Anchor))) => {
            let trusted = read.authority_aliases(&anchor.fingerprint)?;
            match trusted.iter().any(|(_, trust)| *trust == Trust::Anchor) {
                true if anchor.is_self_issued() => ChainState::Complete,
                true => ChainState::Intermediate,
                false => ChainState::NoAnchor,
            }
        }
        (EntryKind::Server, _) if certificate.is_self_issued() => ChainState::SelfSigned,
        (EntryKind::Server, _) => ChainState::NoAnchor,
    };
    Ok(Entry {
        alias: head.alias,
        kind,
        version: content.number,
        created_at: content.created_at,
        certificate,
        chain: content.chain,
        chain_state,
        allowed: content.allowed,
        bound_to: head.bound_to,
    })
}
