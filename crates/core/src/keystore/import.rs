//! Imports: open, prove, validate, seal, store, read back.

use std::collections::VecDeque;

use rustls_pki_types::UnixTime;

use super::{
    Keystore,
    certificates::read_certificates,
    open_row,
    request::{ChainLink, CredentialRequest, ImportReport, Outcome, ServerCertificateRequest},
    seconds,
};
use crate::{
    alias::Alias,
    certificate::{Certificate, ServerCredential},
    error::{AuthorityError, Error},
    limits::Budget,
    pkcs12::{Contents, MacDescription, Pfx, Pkcs12Error, danger},
    seal::random_id,
    store::{EntryRow, NewAuthority, Read, StoreError, Write},
    validate::{Authorities, Finding, FindingCode, Purpose, Role, Trust, ValidatedChain, unusable, validate},
};

/// How many CA certificates of the store one validation looks at.
const MAX_AUTHORITIES: usize = 256;
/// Above this many of one name, only those with the key identifier that is asked for are looked at.
const CROWDED: usize = 16;

impl Keystore {
    /// Imports a PKCS #12 file: opens it, proves that its key belongs to its certificate, validates that against the
    /// imported authorities, seals and stores it, and reads it back.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let unlock = strongroom::UnlockKey::generate()?;
    /// # let path = folder.path().join("keystore.db");
    /// use strongroom::{Keystore, Outcome, Password, ServerCertificateRequest, UnixTime};
    ///
    /// let mut keystore = Keystore::create(&path, &unlock, UnixTime::now())?;
    /// let root = std::fs::read("../../fixtures/chains/root-rsa.pem")?;
    /// keystore.import_authority(&"root".parse()?, &root, UnixTime::now())?;
    ///
    /// let file = std::fs::read("../../fixtures/pkcs12/www.p12")?;
    /// let password = Password::new("changeit")?;
    /// let request = ServerCertificateRequest::new("www".parse()?, &file, &password, UnixTime::now());
    /// let report = keystore.import_server_certificate(request)?;
    /// assert_eq!(report.outcome, Outcome::Imported);
    /// assert_eq!(report.imported[1].as_str(), "www_intermediate");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error`] of the stage that refused; the store is then as it was.
    pub fn import_server_certificate(
        &mut self,
        request: ServerCertificateRequest<'_>,
    ) -> Result<ImportReport, Error> {
        let ServerCertificateRequest { alias, file, password, key_password, entry, limits, cancel, options } =
            request;
        let mut budget = Budget::new(&limits).with_cancel(cancel);
        let mut findings = Vec::new();
        let pfx = Pfx::from_bytes(file, &limits)?;
        let mac = pfx.mac();
        let verified = if mac.is_none() && options.policy.allows(FindingCode::NoMac) {
            findings.push(Finding::new(FindingCode::NoMac, Pkcs12Error::NoMac.to_string()));
            danger::skip_absent_mac(pfx, password).map_err(|_| Pkcs12Error::NoMac)?
        } else {
            pfx.verify(password, &mut budget)?
        };
        let contents = verified.decrypt(key_password, &mut budget)?;
        contents.require_credential()?;
        findings.extend(about_protection(&contents, mac.as_ref()));
        let credential = ServerCredential::choose(contents, entry.as_ref())?;
        self.import_credential(CredentialRequest { alias, credential, findings, options })
    }

    /// Imports a credential that is open already, with the same checks.
    ///
    /// # Errors
    ///
    /// [`Error`] of the stage that refused; the store is then as it was.
    pub fn import_credential(&mut self, request: CredentialRequest) -> Result<ImportReport, Error> {
        let CredentialRequest { alias, credential, mut findings, options } = request;
        let write = self.store.write()?;
        let present = write.as_read().entry(&alias)?;
        if let Some(row) = &present {
            if is_same(row, &credential) {
                drop(write);
                return self.already_present(&alias, findings, options.dry_run);
            }
            if !options.replace || row.trust.is_some() {
                return Err(StoreError::AliasTaken { alias: row.alias.clone() }.into());
            }
        }
        let mut authorities = load_authorities(&write.as_read(), &credential.leaf, &credential.others)?;
        let roots = if options.trust_embedded_root && options.policy.use_embedded {
            embedded_roots(&credential, seconds(options.at))
        } else {
            Vec::new()
        };
        for root in &roots {
            authorities.add(root.clone(), Trust::Anchor);
        }
        let chain = validate(&credential, &authorities, &options.policy, options.at)?;
        findings.extend(chain.findings().iter().cloned());

        // The alias keeps the case under which it stands in the store.
        let (alias, entry, version, outcome) = match &present {
            Some(row) => (row.alias.clone(), row.id, row.version.saturating_add(1), Outcome::Replaced),
            None => (alias, random_id()?, 1, Outcome::Imported),
        };
        let allowed = allowed_codes(&findings);
        let sealed = self.root.seal(credential.key(), &chain, &alias, entry, version)?;
        let at = seconds(options.at);
        if present.is_some() {
            write.replace_server(&sealed, &allowed, at)?;
        } else {
            write.insert_server(&sealed, &allowed, at)?;
        }
        let mut imported = vec![alias.clone()];
        imported.extend(store_chain(&write, &alias, &credential, &chain, &roots, at)?);
        drop(credential);
        if options.dry_run {
            // The transaction goes without a trace.
            drop(write);
        } else {
            write.commit()?;
            self.read_back(&alias, &chain)?;
        }
        Ok(ImportReport {
            alias,
            outcome,
            dry_run: options.dry_run,
            authority: false,
            chain: ChainLink::of(chain.path()),
            imported,
            findings,
        })
    }

    /// Reads an entry through the path that a server uses; what does not come back whole is not acknowledged.
    fn read_back(&mut self, alias: &Alias, chain: &ValidatedChain) -> Result<(), Error> {
        let stored = self.store.read()?.entry(alias);
        let opened = match stored {
            Ok(Some(row)) if row.chain.first().map(|(leaf, _)| leaf.fingerprint) == chain.leaf() => {
                open_row(&self.root, row)
            }
            _ => return Err(StoreError::OutcomeUnknown.into()),
        };
        match opened {
            Ok(_) => Ok(()),
            Err(_) => Err(StoreError::OutcomeUnknown.into()),
        }
    }

    fn already_present(
        &mut self,
        alias: &Alias,
        findings: Vec<Finding>,
        dry_run: bool,
    ) -> Result<ImportReport, Error> {
        let row =
            self.store.read()?.entry(alias)?.ok_or_else(|| StoreError::NotFound { alias: alias.clone() })?;
        let (alias, chain) = (row.alias.clone(), ChainLink::of(&row.chain));
        open_row(&self.root, row)?;
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

    /// Imports one CA certificate, root or intermediate, from PEM, DER or PKCS #7: paths may end there from now on.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let unlock = strongroom::UnlockKey::generate()?;
    /// # let path = folder.path().join("keystore.db");
    /// # let mut keystore = strongroom::Keystore::create(&path, &unlock, strongroom::UnixTime::now())?;
    /// use strongroom::{Outcome, UnixTime};
    ///
    /// let root = std::fs::read("../../fixtures/chains/root-rsa.pem")?;
    /// let report = keystore.import_authority(&"root".parse()?, &root, UnixTime::now())?;
    /// assert_eq!(report.outcome, Outcome::Imported);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`AuthorityError`] if the file does not hold exactly one CA certificate; [`StoreError::AliasTaken`] if the
    /// alias stands for something else.
    pub fn import_authority(
        &mut self,
        alias: &Alias,
        file: &[u8],
        at: UnixTime,
    ) -> Result<ImportReport, Error> {
        let certificate = one_authority(file)?;
        let at = seconds(at);
        let mut findings = Vec::new();
        if let Some(reason) = unusable(&certificate, at, Some(Purpose::Server)) {
            findings.push(Finding::new(
                FindingCode::AuthorityNotValid,
                format!("{} anchors no path now: {reason}", certificate.subject),
            ));
        }
        let write = self.store.write()?;
        let report = |alias: &Alias, outcome, imported, findings| ImportReport {
            alias: alias.clone(),
            outcome,
            dry_run: false,
            authority: true,
            chain: ChainLink::of(&[(certificate.clone(), Role::Leaf)]),
            imported,
            findings,
        };
        let present = write.as_read().entry(alias)?;
        if let Some(row) = present {
            let same =
                row.chain.first().is_some_and(|(known, _)| known.fingerprint == certificate.fingerprint);
            match row.trust {
                Some(Trust::Anchor) if same => {
                    return Ok(report(&row.alias, Outcome::AlreadyPresent, Vec::new(), findings));
                }
                // It came with a server certificate; now an administrator vouches for it.
                Some(Trust::Path) if same => {
                    write.promote(&row.id)?;
                    write.commit()?;
                    self.read_back_authority(&row.alias)?;
                    return Ok(report(&row.alias, Outcome::Imported, vec![row.alias.clone()], findings));
                }
                _ => return Err(StoreError::AliasTaken { alias: row.alias }.into()),
            }
        }
        let others = write.as_read().authority_aliases(&certificate.fingerprint)?;
        if let Some((other, _)) = others.iter().find(|(_, trust)| *trust == Trust::Anchor) {
            findings.push(Finding::new(
                FindingCode::DuplicateAuthority,
                format!("the same certificate is in the store as \"{other}\""),
            ));
        }
        write.insert_authority(
            &NewAuthority { id: random_id()?, alias, trust: Trust::Anchor, certificate: &certificate },
            at,
        )?;
        write.commit()?;
        self.read_back_authority(alias)?;
        Ok(report(alias, Outcome::Imported, vec![alias.clone()], findings))
    }

    fn read_back_authority(&mut self, alias: &Alias) -> Result<(), Error> {
        match self.store.read()?.entry(alias) {
            Ok(Some(row)) if row.trust == Some(Trust::Anchor) => Ok(()),
            _ => Err(StoreError::OutcomeUnknown.into()),
        }
    }
}

fn is_same(row: &EntryRow, credential: &ServerCredential) -> bool {
    // The key belongs to the leaf on both sides, so the leaf says it all.
    row.trust.is_none()
        && row.chain.first().is_some_and(|(leaf, _)| leaf.fingerprint == credential.leaf.fingerprint)
}

fn allowed_codes(findings: &[Finding]) -> Vec<FindingCode> {
    use crate::validate::Severity;
    findings
        .iter()
        .map(|finding| finding.code)
        .filter(|code| code.severity() == Severity::Overridable)
        .collect()
}

/// How the file is protected, where that is worth a word.
fn about_protection(contents: &Contents, mac: Option<&MacDescription>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut names = contents.legacy();
    names.extend(mac.filter(|mac| mac.legacy).map(|mac| mac.algorithm.clone()));
    if !names.is_empty() {
        let message = format!("the file is protected by {}", names.join(", "));
        findings.push(Finding::new(FindingCode::LegacyAlgorithms, message));
    }
    for reading in &contents.readings {
        let message = format!("the password opened the file only when read {}", reading.describe());
        findings.push(Finding::new(FindingCode::PasswordReading, message));
    }
    findings
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
    let roots = credential
        .others
        .iter()
        .filter(|other| other.is_self_signed() && unusable(other, at, Some(Purpose::Server)).is_none());
    roots.cloned().collect()
}

/// Stores the certificates of the path that came with the file and are not in the store yet.
fn store_chain(
    write: &Write<'_>,
    alias: &Alias,
    credential: &ServerCredential,
    chain: &ValidatedChain,
    roots: &[Certificate],
    at: i64,
) -> Result<Vec<Alias>, Error> {
    let mut written = Vec::new();
    let embedded = |certificate: &Certificate| {
        credential.others.iter().any(|other| other.fingerprint == certificate.fingerprint)
    };
    for (certificate, role) in chain.path().iter().skip(1).filter(|(certificate, _)| embedded(certificate)) {
        if !write.as_read().authority_aliases(&certificate.fingerprint)?.is_empty() {
            continue;
        }
        let trusted =
            *role == Role::Anchor && roots.iter().any(|root| root.fingerprint == certificate.fingerprint);
        let (suffix, trust) = if trusted { ("root", Trust::Anchor) } else { ("intermediate", Trust::Path) };
        let name = free_alias(write, alias, suffix)?;
        write.insert_authority(&NewAuthority { id: random_id()?, alias: &name, trust, certificate }, at)?;
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
        if write.as_read().entry(&name)?.is_none() {
            return Ok(name);
        }
        number = number.saturating_add(1);
    }
}

/// The only certificate of a PEM, DER or PKCS #7 file, which must be a CA's.
fn one_authority(file: &[u8]) -> Result<Certificate, Error> {
    let [certificate] = <[Certificate; 1]>::try_from(read_certificates(file)?)
        .map_err(|several| AuthorityError::Several { found: several.len() })?;
    let is_ca = certificate.is_ca == Some(true) || (certificate.version < 3 && certificate.is_self_issued());
    if !is_ca {
        return Err(AuthorityError::NotCa { subject: certificate.subject }.into());
    }
    Ok(certificate)
}
