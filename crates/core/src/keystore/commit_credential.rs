//! One credential inside a write: validated against what is in the store, sealed, and written with its chain.

use super::{
    chains::load_authorities,
    neighbours::{about_others, about_replacement},
    open_row,
    protocol::{By, LogNote},
    request::{ChainLink, CredentialRequest, ImportOptions, ImportReport, Outcome},
    web_server::check_shown,
};
use crate::{
    alias::Alias,
    certificate::{Certificate, Fingerprint, KeyDigest, ServerCredential},
    diagnostic::{Diagnostic, DiagnosticCode},
    error::{AuthorityError, Error},
    instant::seconds,
    seal::{SealBinding, random_id},
    store::{Damaged, EntryRow, Happened, NewVersion, StoreError, Write},
    validate::{KnownSignatures, PathCertificate, Role, Trust, anchors_now, validate_knowing},
};

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
    pub(super) stored: Stored,
}

/// What a credential is known by when it is read back.
pub(super) struct Stored {
    pub(super) leaf: Fingerprint,
    /// `None` for a key that was in the store before: it may be written otherwise than the one that came with the file.
    pub(super) key: Option<KeyDigest>,
}

impl Written {
    pub(super) fn log_note(&self) -> LogNote {
        let outcome = match self.report.outcome {
            Outcome::Replaced => Happened::Replaced,
            Outcome::AlreadyPresent => Happened::ChainStored,
            Outcome::Imported => Happened::Imported,
        };
        LogNote {
            fingerprint: self.stored.leaf.to_string(),
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
    let (present, damaged) = match write.as_read().entry(&request.alias) {
        // The import puts a whole one in its place.
        Err(StoreError::Corrupt { .. }) if request.options.replace => {
            (None, Some(replaceable(write, &request.alias)?))
        }
        other => (other?, None),
    };
    if let Some(row) = &present {
        if is_same(row, &request.credential) {
            return already_present(write, by, row, request);
        }
        if row.head.trust.is_some() {
            return Err(AuthorityError::AliasTaken { alias: row.head.alias.clone() }.into());
        }
        if !request.options.replace {
            return Err(StoreError::AliasTaken { alias: row.head.alias.clone() }.into());
        }
    }
    let CredentialRequest { alias, credential, mut findings, options, answers, verified, .. } = request;
    let former = present.as_ref().and_then(|row| row.content.leaf());
    check_shown(write, by, &alias, &credential.leaf, former)?;
    let mut authorities = load_authorities(&write.as_read(), &credential.leaf, &credential.others)?;
    let roots = trusted_roots(&credential, &options);
    roots.iter().for_each(|root| authorities.add(root.clone(), Trust::Anchor));
    let cache = verified.as_deref().map(|verified| &verified.signatures);
    let signatures = KnownSignatures { cache, ..KnownSignatures::default() };
    let chain = validate_knowing(&credential, &authorities, &options.policy, options.at, signatures)?;
    findings.extend(chain.findings().iter().cloned());
    if let Some(old) = former {
        findings.extend(about_replacement(old, &credential.leaf, &credential.not_chosen));
    }
    findings.extend(about_others(&write.as_read(), &alias, &credential.leaf)?);
    findings.extend(damaged.as_ref().map(about_damaged));

    // The alias keeps the case under which it stands in the store.
    let former = match (&present, &damaged) {
        (Some(row), _) => Some(&row.head),
        (None, Some(Damaged::Version { head, .. })) => Some(head.as_ref()),
        (None, _) => None,
    };
    let (alias, entry, number) = match former {
        Some(head) => (head.alias.clone(), head.id, head.version.saturating_add(1)),
        None => (alias, random_id()?, 1),
    };
    let outcome = if present.is_some() || damaged.is_some() { Outcome::Replaced } else { Outcome::Imported };
    let at = seconds(options.at);
    let fingerprints: Vec<_> = chain.path().iter().map(|link| link.certificate.fingerprint).collect();
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
    match (&present, &damaged) {
        (Some(row), _) => write.add_version(&row.head, row.content.leaf(), version)?,
        (None, Some(Damaged::Version { head, whole })) if whole.is_empty() => {
            write.start_over(head, version)?;
        }
        (None, Some(Damaged::Version { head, .. })) => write.add_version(head, None, version)?,
        (None, _) => write.insert(entry, &alias, None, version)?,
    }
    if let Some(answered) = answers
        && write.as_read().request(&alias)?.is_some_and(|present| present.id == answered)
    {
        write.delete_request(&alias)?;
    }
    let mut imported = vec![alias.clone()];
    imported.extend(store_chain(write, by, &alias, &credential.others, chain.path(), &roots)?);
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
    let stored = Stored { leaf: credential.leaf.fingerprint, key: Some(credential.into_digest()) };
    Ok(Committed::Written(Box::new(Written { report, stored })))
}

/// A damaged entry that an import may take the place of: with it goes nothing that is whole.
fn replaceable(write: &Write<'_>, alias: &Alias) -> Result<Damaged, Error> {
    let damaged = write.as_read().damaged(alias)?;
    match &damaged {
        Damaged::Version { head, .. } if head.trust.is_some() => {
            Err(AuthorityError::AliasTaken { alias: head.alias.clone() }.into())
        }
        Damaged::Version { .. } => Ok(damaged),
        Damaged::Head { whole: 0 } => {
            write.remove_damaged(alias)?;
            Ok(damaged)
        }
        Damaged::Head { whole } => {
            Err(StoreError::HeadDamaged { alias: alias.clone(), versions: *whole }.into())
        }
    }
}

fn about_damaged(damaged: &Damaged) -> Diagnostic {
    let message = match damaged {
        Damaged::Version { head, whole } => match whole.as_slice() {
            [] => format!("version {}, which was replaced, was damaged, and is gone", head.version),
            [.., last] => format!(
                "version {}, which was replaced, is damaged, and stays in the history as it is; version {last} before it is whole",
                head.version
            ),
        },
        Damaged::Head { .. } => "what the alias stood for was damaged, and is gone".to_owned(),
    };
    Diagnostic::new(DiagnosticCode::VersionDamaged, message)
}

/// The same certificate and key again: nothing of the entry changes. What the file embeds may mend its chain, and is
/// stored beside it then.
fn already_present(
    write: &Write<'_>,
    by: &By<'_>,
    row: &EntryRow,
    request: CredentialRequest,
) -> Result<Committed, Error> {
    let CredentialRequest { credential, mut findings, options, .. } = request;
    open_row(by.root, row)?;
    let (alias, leaf) = (row.head.alias.clone(), &credential.leaf);
    let own: Vec<Certificate> =
        row.content.chain.iter().skip(1).map(|link| link.certificate.clone()).collect();
    let is_new = |other: &&Certificate| own.iter().all(|known| known.fingerprint != other.fingerprint);
    let embedded: Vec<Certificate> = match options.policy.use_embedded {
        true => credential.others.iter().filter(is_new).cloned().collect(),
        false => Vec::new(),
    };
    let others = [own.as_slice(), &embedded].concat();
    let roots = trusted_roots(&credential, &options);
    let read = write.as_read();
    let mut authorities = load_authorities(&read, leaf, &others)?;
    roots.iter().for_each(|root| authorities.add(root.clone(), Trust::Anchor));
    let chain = by.chains.seen_by(&read).chain_of(leaf, &others, authorities, by.at);
    // A root that is to be trusted may be in the entry's own chain, where it is trusted by nobody.
    let storable = [embedded.as_slice(), &roots].concat();
    let imported = store_chain(write, by, &alias, &storable, &chain.path, &roots)?;
    if !imported.is_empty() {
        let names: Vec<&str> = imported.iter().map(Alias::as_str).collect();
        let message = format!(
            "the entry was there; of the chain that came with the file, {} {} stored: {}",
            names.len(),
            if options.dry_run {
                "would be"
            } else if names.len() == 1 {
                "was"
            } else {
                "were"
            },
            names.join(", ")
        );
        findings.push(Diagnostic::new(DiagnosticCode::ChainStored, message));
    }
    let nothing = imported.is_empty();
    let report = ImportReport {
        alias,
        outcome: Outcome::AlreadyPresent,
        dry_run: options.dry_run,
        authority: false,
        chain: ChainLink::of(&chain.path),
        imported,
        findings,
    };
    Ok(match nothing {
        true => Committed::AlreadyPresent(report),
        false => {
            let stored = Stored { leaf: leaf.fingerprint, key: None };
            Committed::Written(Box::new(Written { report, stored }))
        }
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
    let chain = [PathCertificate::leaf(certificate.clone())];
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

/// The embedded certificates in which a path may end, for the caller trusts them.
pub(super) fn trusted_roots(credential: &ServerCredential, options: &ImportOptions) -> Vec<Certificate> {
    let (all, at) = (options.trust_embedded_root && options.policy.use_embedded, seconds(options.at));
    let is_trusted = |other: &&Certificate| {
        (all && other.is_self_signed() && anchors_now(other, at))
            || options.vouched.contains(&other.fingerprint)
    };
    credential.others.iter().filter(is_trusted).cloned().collect()
}

/// Stores the certificates of the path that came with the file and are not in the store yet.
fn store_chain(
    write: &Write<'_>,
    by: &By<'_>,
    alias: &Alias,
    others: &[Certificate],
    path: &[PathCertificate],
    roots: &[Certificate],
) -> Result<Vec<Alias>, Error> {
    let mut written = Vec::new();
    let embedded =
        |certificate: &Certificate| others.iter().any(|other| other.fingerprint == certificate.fingerprint);
    for PathCertificate { certificate, role } in
        path.iter().skip(1).filter(|link| embedded(&link.certificate))
    {
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
