//! What belongs together of several files: keys and certificates by public key, certificates by signature.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{CertificateReport, FileReport};
use crate::{
    certificate::{Certificate, Fingerprint, SignatureCheck, check_signature},
    diagnostic::{Diagnostic, DiagnosticCode},
};

/// The most signatures that are checked.
const MAX_SIGNATURES: usize = 500;

/// A part of one of several files.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct PartOfFile {
    /// The name of the file.
    pub file: String,
    /// Which of its keys or certificates, from 1.
    pub number: usize,
}

/// A private key that opened, and the certificates with its public key.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct KeyInFiles {
    /// Which key.
    #[serde(flatten)]
    pub part: PartOfFile,
    /// The key as people name it, for example `RSA-2048`.
    pub key: String,
    /// SHA-256 over its subjectPublicKeyInfo; `None` for a key that cannot be loaded and does not have it written.
    pub spki_sha256: Option<Fingerprint>,
    /// Where the same key stands as well.
    pub also: Vec<PartOfFile>,
    /// The certificates with its public key, in the order of the files: it belongs to them unless it is damaged.
    pub certificates: Vec<PartOfFile>,
    /// Whether it is damaged, so that it cannot be used with any certificate.
    pub damaged: bool,
}

/// What is known of the issuer of a certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum IssuedBy {
    /// Its own key: it is self-signed.
    Itself,
    /// A certificate of the files: the signature verifies under its key.
    Certificate,
    /// A certificate of the files has the issuer's name; the signature is of an algorithm that is not judged.
    NotJudged,
    /// A certificate of the files has the issuer's name, and another key signed.
    AnotherKey,
    /// No certificate of the files has the issuer's name.
    Absent,
    /// Too many signatures had to be checked, and this was not looked for.
    NotLookedFor,
}

/// A certificate, once however often it stands in the files, and who issued it.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct CertificateInFiles {
    /// Which certificate.
    #[serde(flatten)]
    pub part: PartOfFile,
    /// SHA-256 over the DER.
    pub sha256: Fingerprint,
    /// Subject for people; `None` if the certificate cannot be decoded.
    pub subject: Option<String>,
    /// Issuer for people.
    pub issuer: Option<String>,
    /// Where it stands as well.
    pub also: Vec<PartOfFile>,
    /// What is known of its issuer.
    pub issued_by: IssuedBy,
    /// The certificate of the issuer, where the files have one of its name.
    pub issuer_certificate: Option<PartOfFile>,
}

/// What belongs together of several files.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Together {
    /// Every private key that opened, once.
    pub keys: Vec<KeyInFiles>,
    /// How many private keys stay locked, of which nothing can be said.
    pub locked_key_count: usize,
    /// Every certificate, once.
    pub certificates: Vec<CertificateInFiles>,
}

impl Together {
    /// Puts together what several files hold, each with its name.
    ///
    /// ```
    /// use strongroom::{
    ///     Password, UnixTime,
    ///     inspect::{InspectRequest, IssuedBy, Passwords, Together, inspect},
    /// };
    ///
    /// let (www, root) = (std::fs::read("../../fixtures/pkcs12/www.p12")?, std::fs::read("../../fixtures/chains/root-rsa.pem")?);
    /// let password = Password::new("changeit")?;
    /// let open = |file| inspect(InspectRequest::new(file, Passwords::new(&password), UnixTime::now()));
    /// let (www, root) = (open(&www)?.0, open(&root)?.0);
    /// let together = Together::of(&[("www.p12", &www), ("root.pem", &root)]);
    /// assert_eq!(together.keys[0].certificates[0].file, "www.p12");
    /// assert_eq!(together.certificates.last().unwrap().issued_by, IssuedBy::Itself);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn of(files: &[(&str, &FileReport)]) -> Self {
        Self {
            keys: keys(files),
            locked_key_count: files.iter().map(|(_, report)| report.locked_keys.len()).sum(),
            certificates: certificates(files),
        }
    }

    /// Each private key that belongs to none of the certificates, where there are some.
    #[must_use]
    pub fn findings(&self) -> Vec<Diagnostic> {
        let lonely = self.lonely_keys().map(|key| {
            let spki = key.spki_sha256.map(|spki| format!(", public key {:.16}...", spki.to_string()));
            let message = format!(
                "the private key of {} ({}{}) belongs to none of the certificates",
                key.part.file,
                key.key,
                spki.unwrap_or_default()
            );
            Diagnostic::new(DiagnosticCode::KeyMismatch, message)
        });
        lonely.collect()
    }

    /// The private keys that belong to none of the certificates, where there are some. Of a damaged one nobody knows.
    pub fn lonely_keys(&self) -> impl Iterator<Item = &KeyInFiles> {
        let some = !self.certificates.is_empty();
        self.keys.iter().filter(move |key| some && key.certificates.is_empty() && !key.damaged)
    }
}

/// The parts of the files, each with its place.
fn parts<'f, T: 'f>(
    files: &'f [(&str, &FileReport)],
    of: impl Fn(&'f FileReport) -> &'f [T],
) -> impl Iterator<Item = (PartOfFile, &'f T)> {
    files.iter().flat_map(move |&(file, report)| {
        let numbered = of(report).iter().zip(1..);
        numbered.map(move |(part, number)| (PartOfFile { file: file.to_owned(), number }, part))
    })
}

fn keys(files: &[(&str, &FileReport)]) -> Vec<KeyInFiles> {
    let mut certificates: BTreeMap<[u8; 32], Vec<PartOfFile>> = BTreeMap::new();
    for (part, certificate) in parts(files, |report| &report.certificates) {
        if let Some(spki) = certificate.spki_sha256 {
            certificates.entry(*spki.as_bytes()).or_default().push(part);
        }
    }
    let mut found: Vec<KeyInFiles> = Vec::new();
    // What is damaged is never the same key as one that is not.
    let mut known: BTreeMap<([u8; 32], bool), usize> = BTreeMap::new();
    for (part, key) in parts(files, |report| &report.keys) {
        let spki = key.spki_sha256.map(|spki| *spki.as_bytes());
        let damaged = key.is_damaged();
        let known_as = spki.map(|spki| (spki, damaged));
        if let Some(same) = known_as.and_then(|key| known.get(&key)).and_then(|index| found.get_mut(*index)) {
            same.also.push(part);
            continue;
        }
        known.extend(known_as.map(|key| (key, found.len())));
        found.push(KeyInFiles {
            part,
            key: key.name(),
            spki_sha256: key.spki_sha256,
            also: Vec::new(),
            certificates: spki.and_then(|spki| certificates.get(&spki)).cloned().unwrap_or_default(),
            damaged,
        });
    }
    found
}

fn certificates(files: &[(&str, &FileReport)]) -> Vec<CertificateInFiles> {
    let mut once: Vec<(PartOfFile, &CertificateReport, Vec<PartOfFile>)> = Vec::new();
    let mut known: BTreeMap<[u8; 32], usize> = BTreeMap::new();
    for (part, certificate) in parts(files, |report| &report.certificates) {
        let sha256 = *certificate.sha256.as_bytes();
        match known.get(&sha256).and_then(|index| once.get_mut(*index)) {
            Some((_, _, also)) => also.push(part),
            None => {
                known.insert(sha256, once.len());
                once.push((part, certificate, Vec::new()));
            }
        }
    }
    let mut named: BTreeMap<&[u8], Vec<(&PartOfFile, &Certificate)>> = BTreeMap::new();
    for (part, report, _) in &once {
        if let Some(certificate) = &report.decoded {
            named.entry(&certificate.subject_name).or_default().push((part, certificate));
        }
    }
    let mut signatures = MAX_SIGNATURES;
    let found = once.iter().map(|(part, report, also)| {
        let (issued_by, issuer) = match &report.decoded {
            Some(certificate) => issuer(certificate, &named, &mut signatures),
            None => (IssuedBy::Absent, None),
        };
        CertificateInFiles {
            part: part.clone(),
            sha256: report.sha256,
            subject: report.subject.clone(),
            issuer: report.issuer.clone(),
            also: also.clone(),
            issued_by,
            issuer_certificate: issuer.cloned(),
        }
    });
    found.collect()
}

/// Who issued a certificate: itself, or first of all the one that the key identifiers name.
fn issuer<'c>(
    certificate: &Certificate,
    named: &BTreeMap<&[u8], Vec<(&'c PartOfFile, &'c Certificate)>>,
    signatures: &mut usize,
) -> (IssuedBy, Option<&'c PartOfFile>) {
    let mut candidates = named.get(certificate.issuer_name.as_slice()).cloned().unwrap_or_default();
    candidates.sort_by_key(|(_, candidate)| match certificate.names_key_of(candidate) {
        _ if candidate.fingerprint == certificate.fingerprint => 0,
        Some(true) => 1,
        None => 2,
        Some(false) => 3,
    });
    let mut best = (IssuedBy::Absent, None);
    for (part, candidate) in candidates {
        let Some(left) = signatures.checked_sub(1) else { return (IssuedBy::NotLookedFor, None) };
        *signatures = left;
        match check_signature(certificate, candidate) {
            SignatureCheck::Valid if candidate.fingerprint == certificate.fingerprint => {
                return (IssuedBy::Itself, None);
            }
            SignatureCheck::Valid => return (IssuedBy::Certificate, Some(part)),
            // Of the certificate's own name, that is no issuer.
            _ if candidate.fingerprint == certificate.fingerprint => {}
            SignatureCheck::Unsupported if best.0 != IssuedBy::NotJudged => {
                best = (IssuedBy::NotJudged, Some(part));
            }
            SignatureCheck::Invalid if best.0 == IssuedBy::Absent => {
                best = (IssuedBy::AnotherKey, Some(part));
            }
            _ => {}
        }
    }
    best
}
