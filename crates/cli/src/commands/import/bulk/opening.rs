//! Opens the files of an import of many, on all cores, and joins keys and certificates that lie in files of their own.

use std::{
    collections::{BTreeMap, HashSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use strongroom::{
    Error, Keystore, Password, UnixTime,
    certificate::{Fingerprint, printable},
    certificate_file::{CertificateFileRequest, read_certificates},
    diagnostic::{Diagnostic, DiagnosticCode},
    keystore::{
        CredentialRequest, FilesRequest, ImportOptions, OpenedCredentialFile, Source, SourceFile,
        VerifiedAhead, open_every,
    },
};

use super::{units::Unit, workers::on_all_cores};
use crate::{
    args::{Arguments, Import},
    commands::{now, read_file},
    failure::Failure,
    prompt::can_ask,
    render::Printer,
    source::PasswordSource,
};

/// What files hold.
pub(super) struct Opened {
    /// Each key with its certificate, and the name that the file gives it.
    pub(super) credentials: Vec<(Option<String>, Result<CredentialRequest, Error>)>,
    pub(super) sources: Vec<Source>,
}

/// A unit, and what came of opening it.
pub(super) struct Tried {
    pub(super) unit: Unit,
    pub(super) opened: Result<Opened, Error>,
    /// Whether a password was given for it.
    pub(super) had_password: bool,
}

impl Tried {
    fn has_failed_with(&self, code: &str) -> bool {
        self.opened.as_ref().is_err_and(|error| error.code() == code)
    }
}

/// Opens files.
pub(super) struct Opener<'c> {
    keystore: &'c Keystore,
    command: &'c Import,
    /// What opens files for which the manifest names nothing.
    given: Option<Password>,
    none: Password,
    key_passwords: Vec<Password>,
    /// What is verified on all cores, which the import then need not.
    verified: Arc<VerifiedAhead>,
    at: UnixTime,
}

impl<'c> Opener<'c> {
    pub(super) fn new(
        arguments: &Arguments,
        command: &'c Import,
        keystore: &'c Keystore,
        printer: &Printer,
    ) -> Result<Self, Failure> {
        let pass_in = &command.password;
        let sources = pass_in.source.iter().chain(&pass_in.key_sources);
        if let Some(warning) = sources.filter_map(PasswordSource::warning).next() {
            printer.warn(warning);
        }
        let read = |source: &PasswordSource, what| source.read(what, arguments.no_input);
        let given =
            pass_in.source.as_ref().map(|source| read(source, "Password of the files")).transpose()?;
        let keys = pass_in.key_sources.iter().map(|source| read(source, "Password of the private keys"));
        Ok(Self {
            keystore,
            command,
            given,
            none: PasswordSource::None.read("", true)?,
            key_passwords: keys.collect::<Result<_, _>>()?,
            verified: Arc::default(),
            at: now(),
        })
    }

    /// Opens all of them. Where a password is missing it is asked for, once.
    pub(super) fn all(&mut self, units: Vec<Unit>, arguments: &Arguments) -> Result<Vec<Tried>, Failure> {
        let opened = on_all_cores(units.len(), |index| units.get(index).map(|unit| self.open(unit, &[])));
        let mut all = Vec::new();
        for (unit, opened) in units.into_iter().zip(opened.into_iter().flatten()) {
            let had_password = unit.password.is_some() || self.given.is_some();
            all.push(Tried { unit, opened: opened?, had_password });
        }
        let locked = |one: &Tried| !one.had_password && one.has_failed_with("wrong_password");
        let waiting: Vec<usize> =
            all.iter().enumerate().filter(|(_, one)| locked(one)).map(|(index, _)| index).collect();
        let first = waiting.first().and_then(|index| all.get(*index)).map(|one| one.unit.shown());
        let Some(first) = first.filter(|_| can_ask(arguments)) else { return Ok(all) };
        let question = match waiting.len() {
            1 => format!("Password of {first}"),
            several => format!("Password of {several} files, {first} and others"),
        };
        self.given = Some(PasswordSource::Prompt.read(&question, false)?);
        let again = on_all_cores(waiting.len(), |index| {
            waiting.get(index).and_then(|index| all.get(*index)).map(|one| self.open(&one.unit, &[]))
        });
        for (index, opened) in waiting.into_iter().zip(again.into_iter().flatten()) {
            if let Some(one) = all.get_mut(index) {
                (one.opened, one.had_password) = (opened?, true);
            }
        }
        Ok(all)
    }

    fn options(&self, unit: &Unit) -> ImportOptions {
        let mut options = ImportOptions::new(self.at);
        options.policy.use_embedded = self.command.import_certificate_chain;
        options.policy.allow = [self.command.allow.as_slice(), &unit.allow].concat();
        options.replace = self.command.replace;
        options.dry_run = self.command.dry_run;
        options
    }

    /// Opens the files of a unit together with others, and verifies what they hold. A file that cannot be read ends the
    /// command.
    fn open(&self, unit: &Unit, others: &[&PathBuf]) -> Result<Result<Opened, Error>, Failure> {
        let mut opened = self.open_unverified(unit, others)?;
        for (_, credential) in opened.iter_mut().flat_map(|opened| &mut opened.credentials) {
            if let Ok(request) = credential {
                self.keystore.verify_ahead(&self.verified, request);
            }
        }
        Ok(opened)
    }

    fn open_unverified(&self, unit: &Unit, others: &[&PathBuf]) -> Result<Result<Opened, Error>, Failure> {
        let mut files = Vec::new();
        for (path, named) in
            unit.files.iter().map(|path| (path, unit.named)).chain(others.iter().map(|path| (*path, false)))
        {
            files.push((printable(&path.to_string_lossy()), read_file(path)?, named));
        }
        let sources: Vec<SourceFile<'_>> = files
            .iter()
            .map(|(name, bytes, named)| {
                let mut source = SourceFile::new(name, bytes);
                source.named = *named;
                source
            })
            .collect();
        let password = unit.password.as_deref().or(self.given.as_ref()).unwrap_or(&self.none);
        let alias = match &unit.alias {
            Some(alias) => alias.clone(),
            None => super::NAMELESS.parse().map_err(Error::from)?,
        };
        let mut request = FilesRequest::new(alias, &sources, password, self.at);
        request.opening.key_passwords =
            unit.key_password.as_deref().map_or(self.key_passwords.as_slice(), std::slice::from_ref);
        request.opening.limits = self.command.password.limits();
        request.options = self.options(unit);
        if unit.alias.is_none() {
            return Ok(open_every(request).map(|opened| Opened {
                credentials: opened
                    .credentials
                    .into_iter()
                    .map(|OpenedCredentialFile { friendly_name, opened, .. }| (friendly_name, opened))
                    .collect(),
                sources: opened.sources,
            }));
        }
        // An alias stands for one. What is refused is logged with the rest.
        request.options.dry_run = true;
        Ok(self.keystore.open_files(request).map(|opened| {
            let mut request = opened.request;
            request.options.dry_run = self.command.dry_run;
            Opened { credentials: vec![(None, Ok(request))], sources: opened.sources }
        }))
    }

    /// Joins keys that have no certificate in their file with certificates of the same place; gives what there is to say
    /// of those that are nobody's.
    pub(super) fn join(&self, all: &mut Vec<Tried>) -> Result<Vec<Diagnostic>, Failure> {
        let mut places: BTreeMap<usize, (Vec<usize>, Vec<PathBuf>)> = BTreeMap::new();
        for (index, one) in all.iter().enumerate().filter(|(_, one)| one.unit.alias.is_none()) {
            let (keys, certificates) = places.entry(one.unit.place).or_default();
            if one.has_failed_with("no_certificate") {
                keys.push(index);
            } else if one.has_failed_with("no_private_key") {
                certificates.extend(one.unit.files.iter().cloned());
            }
        }
        let mut remarks = Vec::new();
        let mut spent: HashSet<PathBuf> = HashSet::new();
        for (keys, certificates) in places.into_values() {
            if keys.is_empty() || certificates.is_empty() {
                continue;
            }
            let others: Vec<&PathBuf> = certificates.iter().collect();
            let again = on_all_cores(keys.len(), |index| {
                keys.get(index).and_then(|index| all.get(*index)).map(|one| self.open(&one.unit, &others))
            });
            let mut leaves = HashSet::new();
            for (index, opened) in keys.iter().zip(again.into_iter().flatten()) {
                if let (Some(one), Ok(mut opened)) = (all.get_mut(*index), opened?) {
                    let found = leaves_of(&opened);
                    opened.sources.retain(|source| holds(source, &found) || has_key(source));
                    let own = others.iter().filter(|path| {
                        let name = printable(&path.to_string_lossy());
                        opened.sources.iter().any(|source| source.file == name && holds(source, &found))
                    });
                    let own: Vec<PathBuf> = own.map(|path| (*path).clone()).collect();
                    leaves.extend(own.iter().cloned());
                    one.unit.files.extend(own);
                    one.opened = Ok(opened);
                }
            }
            if leaves.is_empty() {
                continue;
            }
            for path in certificates {
                if !leaves.contains(&path) {
                    let message = about_unused(&path)?;
                    remarks.push(
                        Diagnostic::new(DiagnosticCode::OtherContent, message).with_remedies(Vec::new()),
                    );
                }
                spent.insert(path);
            }
        }
        let is_spent = |one: &Tried| {
            one.has_failed_with("no_private_key") && one.unit.files.iter().all(|path| spent.contains(path))
        };
        all.retain(|one| !is_spent(one));
        Ok(remarks)
    }
}

/// What a file is that has no private key, and of whose certificates none was imported.
fn about_unused(path: &Path) -> Result<String, Failure> {
    let (shown, bytes) = (printable(&path.to_string_lossy()), read_file(path)?);
    let read = match read_certificates(CertificateFileRequest::new(&bytes)) {
        Ok(read) => read.certificates,
        Err(error) => return Ok(format!("{shown} was not used: {error}")),
    };
    let mut leaves = read
        .iter()
        .map(|found| &found.certificate)
        .filter(|found| found.is_ca() != Some(true) && !found.is_self_issued());
    Ok(match (leaves.next(), leaves.count()) {
        (None, _) => {
            format!("{shown} holds CA certificates and no private key: it served the chains of the others")
        }
        (Some(leaf), 0) => {
            format!("{shown} was not used: its private key is in none of the files, for {}", leaf.subject())
        }
        (Some(leaf), more) => format!(
            "{shown} was not used: its private keys are in none of the files, for {} and {more} more",
            leaf.subject()
        ),
    })
}

fn leaves_of(opened: &Opened) -> Vec<Fingerprint> {
    let requests = opened.credentials.iter().filter_map(|(_, request)| request.as_ref().ok());
    requests.map(|request| request.credential.leaf().fingerprint()).collect()
}

fn holds(source: &Source, leaves: &[Fingerprint]) -> bool {
    source.parts.iter().any(|part| part.sha256.is_some_and(|sha256| leaves.contains(&sha256)))
}

fn has_key(source: &Source) -> bool {
    source.parts.iter().any(|part| part.kind == "private_key")
}
