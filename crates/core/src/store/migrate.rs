//! From schema 1, which had no MACs and one slot. The root key must be known: every row gets its MAC.

use rusqlite::{Connection, TransactionBehavior, named_params};

use super::{
    StoreError, Write,
    audit::Event,
    change::NewVersion,
    entries::{EntryRow, VersionRow, certificate, parse_alias, parse_role, parse_trust},
    locked::LegacyHeader,
    lookup::entry_id,
    schema,
    state::{Journal, State},
};
use crate::{
    alias::Alias,
    certificate::Certificate,
    seal::{EntryId, Ledger, SealError, SealedKey, Slot},
    validate::{FindingCode, Role},
};

/// Seals anew what schema 1 sealed: alias, entry, version, the old sealed key, and the chain.
pub(crate) type Reseal<'f> =
    &'f dyn Fn(&Alias, EntryId, u32, &SealedKey, &[(Certificate, Role)]) -> Result<SealedKey, SealError>;

pub(super) fn header(connection: &Connection) -> Result<LegacyHeader, StoreError> {
    let found = connection.query_row(
        "SELECT store.id, store.created_at, slot.salt, slot.wrapped_root_key FROM store, slot
         WHERE only = 1 AND number = 0 AND kind = 'key-file'",
        [],
        |row| {
            Ok(LegacyHeader {
                id: row.get(0)?,
                created_at: row.get(1)?,
                salt: row.get(2)?,
                wrapped: row.get(3)?,
            })
        },
    )?;
    Ok(found)
}

/// Copies everything into the present tables, in one transaction.
pub(super) fn from_1(
    connection: &mut Connection,
    ledger: &Ledger,
    slot: &Slot,
    reseal: Reseal<'_>,
) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if schema::version(&transaction)? != 1 {
        // Another process was first.
        return Ok(());
    }
    let created_at = header(&transaction)?.created_at;
    let mode: String = transaction.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
    let journal = if mode == "wal" { Journal::Wal } else { Journal::Rollback };
    transaction.execute_batch(
        "DROP INDEX certificate_subject;
         DROP INDEX chain_certificate;
         ALTER TABLE store RENAME TO old_store;
         ALTER TABLE slot RENAME TO old_slot;
         ALTER TABLE certificate RENAME TO old_certificate;
         ALTER TABLE entry RENAME TO old_entry;
         ALTER TABLE version RENAME TO old_version;
         ALTER TABLE chain RENAME TO old_chain;
         ALTER TABLE administrator RENAME TO old_administrator;",
    )?;
    transaction.execute_batch(schema::TABLES)?;
    let state = State::new(*ledger.store(), ledger, journal, created_at);
    let write = Write { transaction, ledger, state: state.into() };
    write.insert_head()?;
    write.put_slot(slot)?;
    copy_entries(&write, reseal)?;
    copy_accounts(&write)?;
    write.transaction.execute_batch(
        "DROP TABLE old_chain;
         DROP TABLE old_version;
         DROP TABLE old_entry;
         DROP TABLE old_certificate;
         DROP TABLE old_administrator;
         DROP TABLE old_slot;
         DROP TABLE old_store;",
    )?;
    schema::stamp(&write.transaction)?;
    let event = Event {
        at: created_at,
        actor: "strongroom",
        action: "migrate",
        alias: "",
        fingerprint: String::new(),
        outcome: "migrated",
    };
    write.commit(&event)?;
    Ok(())
}

fn copy_entries(write: &Write<'_>, reseal: Reseal<'_>) -> Result<(), StoreError> {
    let mut statement = write.transaction.prepare("SELECT id, alias, trust, version FROM old_entry")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id = entry_id(&row.get::<_, Vec<u8>>("id")?)?;
        let alias = parse_alias(&row.get::<_, String>("alias")?)?;
        let trust: Option<String> = row.get("trust")?;
        let trust = trust.as_deref().map(parse_trust).transpose()?;
        let current: u32 = row.get("version")?;
        let mut present: Option<EntryRow> = None;
        for old in old_versions(write, &id)? {
            let sealed = old.sealed.as_ref();
            let sealed =
                sealed.map(|sealed| reseal(&alias, id, old.number, sealed, &old.chain)).transpose()?;
            let new = NewVersion {
                number: old.number,
                origin: old.number,
                sealed,
                allowed: &old.allowed,
                actor: "",
                at: old.created_at,
                chain: &old.chain,
            };
            match present.take() {
                None => write.insert(id, &alias, trust, new)?,
                Some(row) => write.add_version(&row, new)?,
            }
            present = write.as_read().entry(&alias)?;
        }
        if present.is_none_or(|row| row.head.version != current) {
            return Err(StoreError::Corrupt { detail: "a version is missing" });
        }
    }
    Ok(())
}

fn old_versions(write: &Write<'_>, id: &EntryId) -> Result<Vec<VersionRow>, StoreError> {
    let mut statement = write.transaction.prepare_cached(
        "SELECT number, sealed_key, wrapped_data_key, allowed, created_at FROM old_version
         WHERE entry = :entry ORDER BY number",
    )?;
    let mut rows = statement.query(named_params! { ":entry": id })?;
    let mut versions = Vec::new();
    while let Some(row) = rows.next()? {
        let number: u32 = row.get("number")?;
        let sealed_key: Option<Vec<u8>> = row.get("sealed_key")?;
        let wrapped: Option<Vec<u8>> = row.get("wrapped_data_key")?;
        let allowed: String = row.get("allowed")?;
        let allowed: Vec<FindingCode> =
            allowed.split_whitespace().filter_map(|code| code.parse().ok()).collect();
        versions.push(VersionRow {
            number,
            origin: number,
            created_at: row.get("created_at")?,
            actor: String::new(),
            allowed,
            sealed: sealed_key
                .zip(wrapped)
                .map(|(sealed_key, wrapped_data_key)| SealedKey { sealed_key, wrapped_data_key }),
            chain: old_chain(write, id, number)?,
            mac: [0; 32],
        });
    }
    Ok(versions)
}

fn old_chain(write: &Write<'_>, id: &EntryId, version: u32) -> Result<Vec<(Certificate, Role)>, StoreError> {
    let mut statement = write.transaction.prepare_cached(
        "SELECT c.sha256, c.der, ch.role FROM old_chain ch JOIN old_certificate c ON c.sha256 = ch.certificate
         WHERE ch.entry = :entry AND ch.version = :version ORDER BY ch.position",
    )?;
    let mut rows = statement.query(named_params! { ":entry": id, ":version": version })?;
    let mut chain = Vec::new();
    while let Some(row) = rows.next()? {
        let (sha256, der, role): (Vec<u8>, Vec<u8>, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let certificate = certificate(&der)?;
        if certificate.fingerprint.as_bytes().as_slice() != sha256 {
            return Err(StoreError::Corrupt { detail: "a certificate does not have its own digest" });
        }
        chain.push((certificate, parse_role(&role)?));
    }
    Ok(chain)
}

fn copy_accounts(write: &Write<'_>) -> Result<(), StoreError> {
    let mut statement =
        write.transaction.prepare("SELECT name, password_hash, created_at FROM old_administrator")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        write.put_stored_account(row.get(0)?, row.get(1)?, row.get(2)?)?;
    }
    Ok(())
}
