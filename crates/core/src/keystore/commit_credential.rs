//! One credential inside a write: validated against what is in the store, sealed, and written with its chain.

use std::collections::VecDeque;

use super::{
    neighbours::{about_others, about_replacement},
    open_row,
    protocol::{By, LogNote},
    request::{ChainLink, CredentialRequest, ImportReport, Outcome},
    seconds,
};
use crate::{
    alias::Alias,
    certificate::{Certificate, ServerCredential},
    diagnostic::{Diagnostic, DiagnosticCode},
    error::Error,
    seal::{SealBinding, random_id},
    store::{EntryRow, Happened, NewVersion, Read, StoreError, Write},
    validate::{Authorities, Role, Trust, ValidatedChain, anchors_now, validate},
};

/// How many CA certificates of the store one validation looks at.
const MAX_AUTHORITIES: usize = 256;
/// Above this many of one name, only those with the key identifier that is asked for are looked at.
const CROWDED: usize = 16;

fn is_same(row: &EntryRow, credential: &ServerCredential) -> bool {
    // The key belongs to the leaf on both sides, so the leaf says it all.
    row.head.trust.is_none()
        && row.content.leaf().is_some_and(|leaf| leaf.fingerprint == credential.leaf.fingerprint)
}

/// What came of a credential inside a write.
pub(super) enum Committed {
    /// It is there; nothing was written.
    AlreadyPresent(ImportReport),
    /// It was written, and is not committed yet.
    Written(Box<Written>),
}

pub(super) struct Written {
    pub(super) report: ImportReport,
    pub(super) chain: ValidatedChain,
}

impl Written {
    pub(super) fn log_note(&self) -> LogNote {
        let outcome = match self.report.outcome {
            Outcome::Replaced => Happened::Replaced,
            _ => Happened::Imported,
        };
        let leaf = self.chain.leaf().map(|leaf| leaf.to_string());
        LogNote {
            fingerprint: leaf.unwrap_or_default(),
            ..LogNote::plain(self.report.alias.as_str(), outcome)
        }
    }
}

/// Validates, seals and writes one credential.
pub(super) fn commit_credential(
    write: &Write<'_>,
    by: &By<'_>,
    request: CredentialRequest,
) -> Result<Committed, Error> {
    let CredentialRequest { alias, credential, mut findings, options } = request;
    let (mut damaged, mut present_row) = (false, None);
    let present = match write.as_read().entry(&alias) {
        // The import puts a whole one in its place.
        Err(StoreError::Corrupt { .. }) if options.replace => {
            write.remove_damaged(&alias)?;
            damaged = true;
            None
        }
        other => other?,
    };
    if let Some(row) = present {
        if is_same(&row, &credential) {
            return already_present(by, row, findings, options.dry_run).map(Committed::AlreadyPresent);
        }
        present_row = Some(row);
    }
    let present = present_row;
    if let Some(row) = &present
        && (!options.replace || row.head.trust.is_some())
    {
        return Err(StoreError::AliasTaken { alias: row.head.alias.clone() }.into());
    }
    let mut authorities = load_authorities(&write.as_read(), &credential.leaf, &credential.others)?;
    let mut roots = if options.trust_embedded_root && options.policy.use_embedded {
        embedded_roots(&credential, seconds(options.at))
    } else {
        Vec::new()
    };
    let vouched = credential.others.iter().filter(|other| options.vouched.contains(&other.fingerprint));
    roots.extend(vouched.cloned());
    for root in &roots {
        authorities.add(root.clone(), Trust::Anchor);
    }
    let chain = validate(&credential, &authorities, &options.policy, options.at)?;
    findings.extend(chain.findings().iter().cloned());
    if let Some(old) = present.as_ref().and_then(|row| row.content.leaf()) {
        findings.extend(about_replacement(old, &credential.leaf, &credential.not_chosen));
    }
    findings.extend(about_others(&write.as_read(), &alias, &credential.leaf)?);

    // The alias keeps the case under which it stands in the store.
    let (alias, entry, number, outcome) = match &present {
        Some(row) => {
            (row.head.alias.clone(), row.head.id, row.head.version.saturating_add(1), Outcome::Replaced)
        }
        None => {
            let outcome = if damaged { Outcome::Replaced } else { Outcome::Imported };
            (alias, random_id()?, 1, outcome)
        }
    };
    let at = seconds(options.at);
    let fingerprints: Vec<_> = chain.path().iter().map(|(certificate, _)| certificate.fingerprint).collect();
    let binding = SealBinding {
        alias: &alias,
        entry,
        version: number,
        spki: credential.leaf.spki_fingerprint,
        chain: &fingerprints,
    };
    let version = NewVersion {
        number,
        origin: number,
        sealed: Some(by.root.seal(credential.key(), &binding)?),
        allowed: &allowed_codes(&findings),
        actor: by.actor,
        at,
        chain: chain.path(),
    };
    match &present {
        Some(row) => write.add_version(row, version)?,
        None => write.insert(entry, &alias, None, version)?,
    }
    let mut imported = vec![alias.clone()];
    imported.extend(store_chain(write, by, &alias, &credential, &chain, &roots)?);
    let links = ChainLink::of(chain.path());
    let report = ImportReport {
        alias,
        outcome,
        dry_run: options.dry_run,
        authority: false,
        chain: links,
        imported,
        findings,
    };
    Ok(Committed::Written(Box::new(Written { report, chain })))
}

fn already_present(
    by: &By<'_>,
    row: EntryRow,
    findings: Vec<Diagnostic>,
    dry_run: bool,
) -> Result<ImportReport, Error> {
    let (alias, chain) = (row.head.alias.clone(), ChainLink::of(&row.content.chain));
    open_row(by.root, row)?;
    Ok(ImportReport {
        alias,
        outcome: Outcome::AlreadyPresent,
        dry_run,
        authority: false,
        chain,
        imported: Vec::new(),
        findings,
    })
}

pub(super) fn insert_authority(
    write: &Write<'_>,
    alias: &Alias,
    trust: Trust,
    certificate: &Certificate,
    actor: &str,
    at: i64,
) -> Result<(), Error> {
    let chain = [(certificate.clone(), Role::Leaf)];
    let version = NewVersion { number: 1, origin: 1, sealed: None, allowed: &[], actor, at, chain: &chain };
    Ok(write.insert(random_id()?, alias, Some(trust), version)?)
}

fn allowed_codes(findings: &[Diagnostic]) -> Vec<DiagnosticCode> {
    use crate::diagnostic::Severity;
    findings
        .iter()
        .map(|finding| finding.code)
        .filter(|code| code.severity() == Severity::Overridable)
        .collect()
}

/// The imported CA certificates that may be on a path from the leaf: names are followed upwards, and key identifiers
/// where many bear one name.
pub(super) fn load_authorities(
    read: &Read<'_>,
    leaf: &Certificate,
    others: &[Certificate],
) -> Result<Authorities, StoreError> {
    let mut authorities = Authorities::new();
    let mut loaded = 0_usize;
    let mut seen: Vec<(Vec<u8>, Option<Vec<u8>>)> = Vec::new();
    let wanted = |below: &Certificate| (below.issuer_name.clone(), below.authority_key_id.clone());
    let mut next: VecDeque<_> = std::iter::once(leaf).chain(others).map(wanted).collect();
    while let Some(issuer) = next.pop_front() {
        if seen.contains(&issuer) {
            continue;
        }
        let mut found = read.authorities_named(&issuer.0)?;
        if found.len() > CROWDED && issuer.1.is_some() {
            found.retain(|(ca, _)| ca.subject_key_id.is_none() || ca.subject_key_id == issuer.1);
        }
        for (certificate, trust) in found {
            loaded += 1;
            if loaded > MAX_AUTHORITIES {
                return Ok(authorities);
            }
            next.push_back(wanted(&certificate));
            authorities.add(certificate, trust);
        }
        seen.push(issuer);
    }
    Ok(authorities)
}

fn embedded_roots(credential: &ServerCredential, at: i64) -> Vec<Certificate> {
    let roots = credential.others.iter().filter(|other| other.is_self_signed() && anchors_now(other, at));
    roots.cloned().collect()
}

/// Stores the certificates of the path that came with the file and are not in the store yet.
fn store_chain(
    write: &Write<'_>,
    by: &By<'_>,
    alias: &Alias,
    credential: &ServerCredential,
    chain: &ValidatedChain,
    roots: &[Certificate],
) -> Result<Vec<Alias>, Error> {
    let mut written = Vec::new();
    let embedded = |certificate: &Certificate| {
        credential.others.iter().any(|other| other.fingerprint == certificate.fingerprint)
    };
    for (certificate, role) in chain.path().iter().skip(1).filter(|(certificate, _)| embedded(certificate)) {
        let trusted =
            *role == Role::Anchor && roots.iter().any(|root| root.fingerprint == certificate.fingerprint);
        let known = write.as_read().authority_aliases(&certificate.fingerprint)?;
        // One that came with another entry anchors nothing yet.
        if known.iter().any(|(_, trust)| *trust == Trust::Anchor || !trusted) {
            continue;
        }
        let suffix = if trusted && certificate.is_self_issued() { "root" } else { "intermediate" };
        let trust = if trusted { Trust::Anchor } else { Trust::Path };
        let name = free_alias(write, alias, suffix)?;
        insert_authority(write, &name, trust, certificate, by.actor, by.at)?;
        written.push(name);
    }
    Ok(written)
}

/// `<alias>_<suffix>`, then with 2, 3 and so on, until one is free.
fn free_alias(write: &Write<'_>, alias: &Alias, suffix: &str) -> Result<Alias, Error> {
    let mut number = 1_u32;
    loop {
        let name = match number {
            1 => alias.with_suffix(suffix),
            n => alias.with_suffix(&format!("{suffix}{n}")),
        };
        if write.as_read().head(&name)?.is_none() {
            return Ok(name);
        }
        number = number.saturating_add(1);
    }
}
