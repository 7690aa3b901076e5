//! Puts a key and its certificate together, once every file is open.

use super::source::{Source, SourcePart};
use crate::{
    certificate::{
        Candidate, Certificate, CredentialError, EntrySelector, Fingerprint, KeyAlgorithm, Pairing,
        ServerCredential, public_key_der,
    },
    diagnostic::{Diagnostic, DiagnosticCode},
    error::Error,
    file_format::FileFormat,
    instant::day,
    jks::JksError,
    pkcs12::{Attributes, CertificateBag, Contents, KeyBag, LockedKey, Pkcs12Error},
    secret::PrivateKey,
};

/// The keys and certificates of all files.
#[derive(Default)]
pub(in crate::keystore) struct Gathered {
    pub(super) contents: Contents,
    pub(super) findings: Vec<Diagnostic>,
    pub(super) sources: Vec<Source>,
    /// What there is beside keys and certificates.
    pub(super) others: Vec<FileFormat>,
    /// Of a keystore of Java, why entries were not read, one of which may be meant.
    pub(super) unread: Option<JksError>,
    /// The places of the keys that stand in files of their own, each with its file.
    loose_keys: Vec<(usize, String)>,
    /// The places of the same that stay locked.
    locked_keys: Vec<(usize, String)>,
    /// For each certificate its file, and whether it stands in no container.
    files: Vec<(String, bool)>,
}

/// What [`Gathered::into_every`] gives.
pub(super) struct Every {
    /// Each with its friendlyName.
    pub(super) credentials: Vec<(Option<String>, Result<ServerCredential, Error>)>,
    pub(super) findings: Vec<Diagnostic>,
    pub(super) sources: Vec<Source>,
}

/// Keys and certificates that a message names, of each.
const MAX_NAMED: usize = 8;

impl Gathered {
    /// How many keys there are, open or not.
    pub(super) fn keys(&self) -> usize {
        self.contents.keys.len() + self.contents.locked.len()
    }

    /// How many keys and certificates there are.
    pub(super) fn count(&self) -> usize {
        self.keys() + self.contents.certificates.len()
    }

    pub(super) fn has_no_key(&self) -> bool {
        self.keys() == 0 && self.contents.locked_safes().next().is_none()
    }

    fn file(&self) -> String {
        self.sources.last().map(|source| source.file.clone()).unwrap_or_default()
    }

    pub(super) fn key(&mut self, bag: KeyBag, loose: bool) {
        if loose {
            self.loose_keys.push((bag.place, self.file()));
        }
        self.contents.keys.push(bag);
    }

    pub(super) fn locked_key(&mut self, key: LockedKey) {
        self.locked_keys.push((key.place, self.file()));
        self.contents.locked.push(key);
    }

    pub(super) fn certificate(&mut self, bag: CertificateBag, loose: bool) {
        self.files.push((self.file(), loose));
        self.contents.certificates.push(bag);
    }

    /// The certificates that can be read.
    pub(in crate::keystore) fn decoded(&self) -> impl Iterator<Item = Certificate> {
        self.contents.certificates.iter().filter_map(|bag| Certificate::from_der(&bag.der).ok())
    }

    /// Takes up a key of the store, which is at `place`.
    pub(super) fn waiting_key(&mut self, key: PrivateKey, place: String) {
        let spki = public_key_der(&key).map(|spki| Fingerprint::of(&spki));
        let name = KeyAlgorithm::of_private(&key).map(|known| known.to_string()).unwrap_or_default();
        let part = SourcePart { kind: "private_key", name, sha256: None, spki_sha256: spki };
        self.sources.push(Source { file: place, format: "store", parts: vec![part] });
        self.key(KeyBag { key, attributes: Attributes::default(), protection: Vec::new(), place: 1 }, true);
    }

    /// The key and the certificate that are meant, and what there is to say.
    pub(super) fn into_credential(
        mut self,
        entry: Option<&EntrySelector>,
        at: i64,
    ) -> Result<(ServerCredential, Vec<Diagnostic>, Vec<Source>), Error> {
        let (pairing, candidates) = self.pairs()?;
        let newest = if entry.is_none() { self.newest(&candidates, at) } else { None };
        self.choose(&pairing, newest.as_ref().or(entry))
    }

    fn choose(
        self,
        pairing: &Pairing,
        entry: Option<&EntrySelector>,
    ) -> Result<(ServerCredential, Vec<Diagnostic>, Vec<Source>), Error> {
        let several = self.sources.len() > 1;
        let no_certificate = self.contents.certificates.is_empty();
        let chosen = ServerCredential::choose_from(pairing, self.contents, entry).map_err(Error::from);
        let credential = chosen.map_err(|error| match (error, self.locked_keys.first()) {
            (error @ Error::Pkcs12(Pkcs12Error::KeyFilePassword { .. }), Some((_, file))) if several => {
                Error::InFile { file: file.clone(), error: Box::new(error) }
            }
            (Error::Credential(CredentialError::EntryNotFound { .. }), _) if self.unread.is_some() => {
                self.unread.map_or(Error::Credential(CredentialError::NoPrivateKey), Error::from)
            }
            (Error::Credential(CredentialError::NoPrivateKey), _) => {
                no_private_key(&self.findings, &self.others, no_certificate).into()
            }
            (error @ Error::Credential(CredentialError::InvalidKey), _) => match self.loose_keys.as_slice() {
                [(_, file)] if several => Error::InFile { file: file.clone(), error: Box::new(error) },
                _ => error,
            },
            (error, _) => error,
        })?;
        Ok((credential, self.findings, self.sources))
    }

    /// Every key with its certificate, and what there is to say.
    pub(super) fn into_every(mut self, at: i64) -> Result<Every, Error> {
        let (pairing, candidates) = self.pairs()?;
        let newest = self.newest(&candidates, at);
        if newest.is_some() || candidates.len() < 2 {
            let (mut credential, findings, sources) = self.choose(&pairing, newest.as_ref())?;
            if sources.len() > 1 {
                // The other files hold the certificates of other keys as well.
                credential.keep_issuers();
            }
            let name =
                candidates.into_iter().find_map(|candidate| candidate.friendly_names.into_iter().next());
            return Ok(Every { credentials: vec![(name, Ok(credential))], findings, sources });
        }
        let credentials = ServerCredential::choose_all(&pairing, &self.contents)?
            .into_iter()
            .map(|(candidate, credential)| {
                (candidate.friendly_names.into_iter().next(), credential.map_err(Error::from))
            })
            .collect();
        Ok(Every { credentials, findings: self.findings, sources: self.sources })
    }

    /// What the keys and certificates pair to, without keys that belong to none of them.
    fn pairs(&mut self) -> Result<(Pairing, Vec<Candidate>), Error> {
        let pairing = Pairing::of(&self.contents);
        let candidates = pairing.every();
        if self.is_mismatch(&candidates) {
            return Err(self.mismatch().into());
        }
        if self.drop_strangers(&candidates) {
            let pairing = Pairing::of(&self.contents);
            let candidates = pairing.every();
            return Ok((pairing, candidates));
        }
        Ok((pairing, candidates))
    }

    /// Whether a candidate is a key that is open and has no certificate.
    fn is_lonely(candidate: &Candidate) -> bool {
        candidate.certificate_place.is_none()
            && candidate.key.is_some()
            && !matches!(candidate.problem.as_deref(), Some(CredentialError::Certificate { .. }))
    }

    fn is_damaged(candidate: &Candidate) -> bool {
        matches!(candidate.problem.as_deref(), Some(CredentialError::InvalidKey))
    }

    fn is_loose(&self, candidate: &Candidate) -> bool {
        let is_loose = |place: &usize| self.loose_keys.iter().any(|(loose, _)| loose == place);
        candidate.key_places.iter().all(is_loose)
    }

    /// Whether there are keys and certificates, and none belongs to another.
    fn is_mismatch(&self, candidates: &[Candidate]) -> bool {
        !candidates.is_empty()
            && !self.contents.certificates.is_empty()
            && candidates.iter().all(Self::is_lonely)
            && candidates.iter().any(|candidate| self.is_loose(candidate))
            // Of a damaged key nobody knows to which it belongs.
            && !candidates.iter().all(Self::is_damaged)
    }

    /// Both sides by name: what each is, the beginning of the digest of its public key, and its file.
    fn mismatch(&self) -> CredentialError {
        let (mut keys, mut certificates) = (Vec::new(), Vec::new());
        for Source { file, parts, .. } in &self.sources {
            for part in parts {
                let digits = match part.spki_sha256 {
                    Some(spki) => spki.to_string().chars().take(16).collect(),
                    None => "without its public key".to_owned(),
                };
                let line = format!("{} {digits} ({file})", part.name);
                match part.kind {
                    "private_key" => keys.push(line),
                    "certificate" => certificates.push(line),
                    _ => {}
                }
            }
        }
        for all in [&mut keys, &mut certificates] {
            all.dedup();
            let more = all.len().saturating_sub(MAX_NAMED);
            all.truncate(MAX_NAMED);
            if more > 0 {
                all.push(format!("{more} more"));
            }
        }
        CredentialError::NoPair { keys, certificates }
    }

    /// Leaves out the keys in files of their own that belong to no certificate, where another key does; says so.
    fn drop_strangers(&mut self, candidates: &[Candidate]) -> bool {
        if !candidates.iter().any(|candidate| candidate.certificate_place.is_some()) {
            return false;
        }
        let strangers: Vec<&Candidate> = candidates
            .iter()
            .filter(|candidate| Self::is_lonely(candidate) && self.is_loose(candidate))
            .collect();
        for stranger in &strangers {
            let of_stranger = |place: usize| stranger.key_places.contains(&place);
            let files: Vec<&str> = self
                .loose_keys
                .iter()
                .filter(|(place, _)| of_stranger(*place))
                .map(|(_, file)| file.as_str())
                .collect();
            let kind = stranger.key.as_ref().map(ToString::to_string).unwrap_or_default();
            let why =
                if Self::is_damaged(stranger) { "is damaged" } else { "belongs to none of the certificates" };
            let message = format!("the private key {kind} in {} {why}, and was not used", files.join(", "));
            self.findings.push(Diagnostic::new(DiagnosticCode::UnusedKey, message));
            self.contents.keys.retain(|bag| !of_stranger(bag.place));
        }
        !strangers.is_empty()
    }

    /// Of several certificates for one key and the same names, none of them in a container, the newest that is valid: a
    /// folder has the former one beside it.
    fn newest(&mut self, candidates: &[Candidate], at: i64) -> Option<EntrySelector> {
        let [first, _, ..] = candidates else { return None };
        let mut names = first.hosts.clone();
        names.sort();
        let mut found = Vec::new();
        for candidate in candidates {
            let index = candidate.certificate_place?.checked_sub(1)?;
            let mut hosts = candidate.hosts.clone();
            hosts.sort();
            let (file, loose) = self.files.get(index)?;
            if !loose
                || hosts != names
                || candidate.key_places != first.key_places
                || candidate.problem.is_some()
            {
                return None;
            }
            let certificate = Certificate::from_der(&self.contents.certificates.get(index)?.der).ok()?;
            found.push((certificate, file.clone()));
        }
        let is_valid = |known: &Certificate| (known.not_before..=known.not_after).contains(&at);
        let newest =
            found.iter().filter(|(known, _)| is_valid(known)).max_by_key(|(known, _)| known.not_before)?;
        let fingerprint = newest.0.fingerprint;
        let others = found.iter().filter(|(known, _)| known.fingerprint != fingerprint);
        let others: Vec<String> = others
            .map(|(known, file)| format!("the one in {file}, until {}", day(known.not_after)))
            .collect();
        let message = format!(
            "of several certificates for this key the newest was taken, in {}, until {}; not {}",
            newest.1,
            day(newest.0.not_after),
            others.join(", ")
        );
        self.findings.push(Diagnostic::new(DiagnosticCode::OtherEntries, message));
        Some(EntrySelector::Fingerprint(fingerprint))
    }
}

/// Why files without a private key have none, where something in them says so.
fn no_private_key(findings: &[Diagnostic], others: &[FileFormat], no_certificate: bool) -> CredentialError {
    let says = |finding: &&Diagnostic| {
        matches!(finding.code, DiagnosticCode::OtherContent | DiagnosticCode::UnusualForm)
    };
    let said: Vec<&str> = findings.iter().filter(says).map(|finding| finding.message.as_str()).collect();
    let (few, more) = (said.iter().take(MAX_NAMED), said.len().saturating_sub(MAX_NAMED));
    let mut instead = few.copied().collect::<Vec<_>>().join("; ");
    if instead.is_empty() {
        return CredentialError::NoPrivateKey;
    }
    if more > 0 {
        instead.push_str(&format!("; and {more} more"));
    }
    // With another key it would have no certificate either.
    let remedies = match others.first() {
        Some(other) if no_certificate => other.remedies(),
        _ => CredentialError::NoPrivateKey.remedies(),
    };
    CredentialError::NoPrivateKeyBut { instead, remedies }
}
