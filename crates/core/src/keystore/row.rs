//! Rows of the store as the keystore gives them out: described for all, opened for servers.

use std::sync::Arc;

use rustls_pki_types::UnixTime;

use super::{
    Keystore,
    chains::ChainView,
    request::{ChainState, Entry, EntryKind, OpenedCredential},
};
use crate::{
    alias::Alias,
    certificate::{Certificate, ServerCredential},
    diagnostic::DiagnosticCode,
    error::Error,
    instant::{self, seconds},
    issuance::IssuanceError,
    seal::{RootKey, SealError},
    secret::PrivateKey,
    store::{EntryHead, EntryRow, Read, StoreError},
    validate::{Chain, Role},
};

impl Keystore {
    /// A server entry with its chain, and the root key that opens it: all of one snapshot, also while another thread
    /// re-keys the store.
    pub(super) fn server_row(
        &self,
        alias: &Alias,
        at: UnixTime,
    ) -> Result<(EntryRow, Chain, Arc<RootKey>), Error> {
        // For who serves it a CA certificate is no entry, and what it replaced is gone.
        self.server_row_of(alias, None, at).map_err(|error| match error {
            Error::Issuance(IssuanceError::NoKey { alias }) => StoreError::NotFound { alias }.into(),
            other => other,
        })
    }

    /// The same of a version.
    pub(super) fn server_row_of(
        &self,
        alias: &Alias,
        version: Option<u32>,
        at: UnixTime,
    ) -> Result<(EntryRow, Chain, Arc<RootKey>), Error> {
        let (found, root) = self.shared.read(|read, root| {
            let row = match version {
                None => read.entry(alias)?,
                Some(number) => version_row(read, alias, number)?,
            };
            let chain = match &row {
                Some(row) if row.head.trust.is_none() => Some(self.chains_of(read).chain(row, seconds(at))?),
                _ => None,
            };
            Ok((row.map(|row| (row, chain)), Arc::clone(root)))
        })?;
        let (row, chain) = found.ok_or_else(|| StoreError::NotFound { alias: alias.clone() })?;
        let chain = chain.ok_or_else(|| IssuanceError::NoKey { alias: row.head.alias.clone() })?;
        Ok((row, chain, root))
    }
}

/// An entry as it was at a version; `None` if there is no such entry.
fn version_row(read: &Read<'_>, alias: &Alias, number: u32) -> Result<Option<EntryRow>, StoreError> {
    let Some(head) = read.head(alias)? else { return Ok(None) };
    let row = read.at_version(head.clone(), number)?;
    row.ok_or_else(|| no_version(&head, number)).map(Some)
}

/// The entry has no such version: it never had, or it was pruned.
pub(super) fn no_version(head: &EntryHead, version: u32) -> StoreError {
    let alias = head.alias.clone();
    if (1..head.first).contains(&version) {
        StoreError::VersionPruned { alias, version, first: head.first, at: head.pruned_at.map(instant::at) }
    } else {
        StoreError::NoSuchVersion { alias, version }
    }
}

/// The private key of a row; `None` for an authority.
pub(super) fn unseal(root: &RootKey, row: &EntryRow) -> Result<Option<PrivateKey>, SealError> {
    let Some(sealed) = &row.content.sealed else {
        return Ok(None);
    };
    let chain = row.content.fingerprints();
    let binding = row.binding(&chain).ok_or(SealError::Damaged)?;
    root.unseal(sealed, &binding).map(Some)
}

/// Unseals a row, and compares its key with its leaf. What it opens was proved before it was sealed; of that only the
/// public key is derived again.
pub(super) fn open_row(root: &RootKey, row: &EntryRow) -> Result<(PrivateKey, Certificate), Error> {
    let Some(key) = unseal(root, row)? else {
        return Err(StoreError::NotFound { alias: row.head.alias.clone() }.into());
    };
    let leaf = row.content.leaf().cloned().ok_or(SealError::Damaged)?;
    let proved = ServerCredential::pair_again(key, vec![leaf]).map_err(|_| SealError::Damaged)?;
    let (key, leaf, _) = proved.into_parts();
    Ok((key, leaf))
}

/// Unseals a row as a server gets it, with its chain.
pub(super) fn serve_row(root: &RootKey, row: &EntryRow, chain: Chain) -> Result<OpenedCredential, Error> {
    let (key, leaf) = open_row(root, row)?;
    Ok(OpenedCredential { key, served: std::iter::once(leaf).chain(sent_above(chain)).collect() })
}

/// What a server sends above its leaf.
pub(super) fn sent_above(chain: Chain) -> Vec<Certificate> {
    let mut above: Vec<Certificate> = chain.path.into_iter().skip(1).map(|above| above.certificate).collect();
    // A client has the root, or does not trust it.
    if above.last().is_some_and(Certificate::is_self_issued) {
        above.pop();
    }
    above
}

/// What an entry is by what the rest of the store holds, at the instant `at`.
pub(super) fn describe(row: EntryRow, chains: &ChainView<'_>, at: i64) -> Result<Entry, StoreError> {
    let chain = match row.head.trust {
        None => chains.chain(&row, at)?,
        Some(_) => Chain { path: row.content.chain.clone(), refusal: None },
    };
    entry(row, chain)
}

/// What an entry was when its version was stored.
pub(super) fn describe_as_stored(row: EntryRow) -> Result<Entry, StoreError> {
    let path = row.content.chain.clone();
    let anchored = path.len() > 1 && path.last().is_some_and(|last| last.role == Role::Anchor);
    let no_anchor = row.content.allowed.contains(&DiagnosticCode::NoAnchor);
    let refusal = (no_anchor || (path.len() > 1 && !anchored)).then_some(DiagnosticCode::NoAnchor);
    entry(row, Chain { path, refusal })
}

fn entry(row: EntryRow, chain: Chain) -> Result<Entry, StoreError> {
    let EntryRow { head, content } = row;
    let Some(certificate) = content.chain.into_iter().next().map(|leaf| leaf.certificate) else {
        return Err(StoreError::Corrupt { detail: "an entry has no certificate" });
    };
    let kind = head.trust.map_or(EntryKind::Server, |trust| EntryKind::Authority { trust });
    let chain_state = match kind {
        EntryKind::Authority { .. } if certificate.is_self_issued() => ChainState::Root,
        EntryKind::Authority { .. } => ChainState::Intermediate,
        EntryKind::Server => ChainState::of(&chain),
    };
    Ok(Entry {
        alias: head.alias,
        kind,
        version: content.number,
        created_at: instant::at(content.created_at),
        actor: content.actor,
        certificate,
        chain_not_after: chain.not_after(),
        chain: chain.path,
        chain_state,
        allowed: content.allowed,
        bound_to: head.bound_to,
    })
}
