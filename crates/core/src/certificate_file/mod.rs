//! The one reader of files of certificates: PEM under every label, DER, PKCS #7, and PKCS #12 with its password.
//!
//! Takes bytes; gives every certificate with its location, and says what else there was. A block that cannot be read is an
//! error that names it: nothing is passed over in silence. Trusts nothing, and keeps no key.

mod error;
mod parts;

use std::fmt;

pub use self::error::CertificateFileError;
pub(crate) use self::parts::{Part, Parts, find};
use crate::{
    certificate::Certificate,
    diagnostic::{Diagnostic, DiagnosticCode},
    file_format::FileFormat,
    jks::{JavaKeystore, JksError},
    limits::{Cancel, KdfBudget, Limits},
    pkcs12::{Contents, Pfx, Pkcs12Error},
    remedy::Remedy,
    secret::Password,
};

/// What is asked of [`read_certificates`].
#[derive(Debug)]
#[non_exhaustive]
pub struct CertificateFileRequest<'a> {
    /// The file.
    pub file: &'a [u8],
    /// The password of a PKCS #12 file; without one, the empty password is tried.
    pub password: Option<&'a Password>,
    /// Bounds on the work.
    pub limits: Limits,
    /// Whether the answer is still wanted; always, unless this says otherwise.
    pub cancel: Cancel,
}

impl<'a> CertificateFileRequest<'a> {
    /// A request under the usual limits, without a password.
    #[must_use]
    pub fn new(file: &'a [u8]) -> Self {
        Self { file, password: None, limits: Limits::default(), cancel: Cancel::default() }
    }
}

/// The certificates of a file, each once.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CertificateFile {
    /// What the file is.
    pub format: FileFormat,
    /// In the order of the file; there is at least one.
    pub certificates: Vec<FoundCertificate>,
    /// What is odd about the file, and what else is in it.
    pub findings: Vec<Diagnostic>,
    /// Whether the order says something: in PKCS #7 and PKCS #12 certificates are a set.
    ordered: bool,
    pkcs12: bool,
}

/// A certificate, and where it was found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FoundCertificate {
    /// The certificate.
    pub certificate: Certificate,
    /// Its location in the file.
    pub location: Location,
}

/// A location in a file of certificates: all of it, a block of PEM text, or one of several certificates.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Location {
    /// Number, label and line of the block, all counted from 1.
    pub block: Option<(usize, String, usize)>,
    /// Which of several, from 1, in the block or the file.
    pub number: Option<usize>,
}

impl fmt::Display for Location {
    /// `block 2 (CERTIFICATE, line 14)`, `certificate 3`, or `the file`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((number, label, line)) = &self.block {
            write!(f, "block {number} ({label}, line {line})")?;
        }
        match (&self.block, self.number) {
            (Some(_), Some(number)) => write!(f, ", certificate {number}"),
            (None, Some(number)) => write!(f, "certificate {number}"),
            (None, None) => f.write_str("the file"),
            (Some(_), None) => Ok(()),
        }
    }
}

/// Reads all certificates of a file.
///
/// ```
/// use strongroom::certificate_file::{CertificateFileRequest, read_certificates};
///
/// let bundle = std::fs::read("../../fixtures/chains/root-rsa.pem")?;
/// let file = read_certificates(CertificateFileRequest::new(&bundle))?;
/// assert_eq!(file.certificates.len(), 1);
/// assert_eq!(file.findings, []);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`CertificateFileError`] says what the file is instead, or which block or certificate of it cannot be read;
/// nothing of the file is given then.
pub fn read_certificates(
    request: CertificateFileRequest<'_>,
) -> Result<CertificateFile, CertificateFileError> {
    let CertificateFileRequest { file, password, limits, cancel } = request;
    let Parts { format, parts, mut findings, ordered } = find(file, &limits)?;
    let mut found = Vec::new();
    let mut others = Vec::new();
    let pkcs12 = parts.iter().any(|part| part.format == FileFormat::Pkcs12);
    for Part { location, format, der, .. } in parts {
        match format {
            FileFormat::CertificateDer => found.push(decode(&der, location)?),
            FileFormat::Pkcs12 => {
                let budget = KdfBudget::new(&limits).with_cancel(cancel.clone());
                found.extend(open(&der, password, &limits, budget, &mut findings)?);
            }
            FileFormat::Jks | FileFormat::Jceks => {
                found.extend(open_java(&der, format, password, &limits, &mut findings)?);
            }
            _ => others.push((location, format)),
        }
    }
    if found.is_empty() {
        let mut kinds: Vec<FileFormat> = others.into_iter().map(|(_, format)| format).collect();
        kinds.dedup();
        return Err(CertificateFileError::NoCertificate { format, found: kinds });
    }
    findings.extend(about_others(&others));
    let certificates = each_once(found, &mut findings);
    // The bags of a PKCS #12 file have no order that means anything.
    let ordered = ordered && !pkcs12 && !matches!(format, FileFormat::Jks | FileFormat::Jceks);
    Ok(CertificateFile { format, certificates, findings, ordered, pkcs12 })
}

impl CertificateFile {
    /// Whether the certificates came out of a PKCS #12 file, whatever stood around it.
    #[must_use]
    pub fn holds_pkcs12(&self) -> bool {
        self.pkcs12
    }

    /// The certificate that is meant where one is asked for, and the others: the first one, behind which a server's
    /// file has its chain, or the only one of a PKCS #7 or PKCS #12 file that is not a CA's.
    ///
    /// # Errors
    ///
    /// [`CertificateFileError::NoLeaf`] if a set of certificates does not tell which is meant.
    pub fn into_leaf_and_others(self) -> Result<(Certificate, Vec<Certificate>), CertificateFileError> {
        let mut certificates: Vec<Certificate> =
            self.certificates.into_iter().map(|found| found.certificate).collect();
        let is_leaf = |certificate: &&Certificate| certificate.is_ca != Some(true);
        let at = match certificates.iter().filter(is_leaf).count() {
            _ if self.ordered || certificates.len() == 1 => Some(0),
            1 => certificates.iter().position(|certificate| is_leaf(&certificate)),
            _ => None,
        };
        match at {
            Some(at) if at < certificates.len() => {
                let leaf = certificates.remove(at);
                Ok((leaf, certificates))
            }
            _ => Err(CertificateFileError::NoLeaf { found: certificates.len() }),
        }
    }
}

fn decode(der: &[u8], location: Location) -> Result<FoundCertificate, CertificateFileError> {
    match Certificate::from_der(der) {
        Ok(certificate) => Ok(FoundCertificate { certificate, location }),
        Err(source) => Err(CertificateFileError::Certificate { location, source }),
    }
}

/// Opens a PKCS #12 file for its certificates.
fn open(
    pfx: &[u8],
    password: Option<&Password>,
    limits: &Limits,
    mut budget: KdfBudget,
    findings: &mut Vec<Diagnostic>,
) -> Result<Vec<FoundCertificate>, CertificateFileError> {
    let locked = || CertificateFileError::Locked { format: FileFormat::Pkcs12 };
    let none = Password::new(String::new()).map_err(|_| locked())?;
    let contents = Pfx::from_bytes(pfx, limits)?
        .verify(password.unwrap_or(&none), &mut budget)
        .and_then(|verified| verified.decrypt(&[], &mut budget))
        .map_err(|error| match (error, password) {
            (Pkcs12Error::WrongPassword, None) => locked(),
            (Pkcs12Error::NoMac, _) => CertificateFileError::Unauthenticated,
            (error, _) => error.into(),
        })?;
    if contents.certificates.is_empty() {
        contents.require_credential()?;
    }
    certificates_of(contents, findings)
}

/// Opens a keystore of Java for its certificates; its keys stay locked.
fn open_java(
    keystore: &[u8],
    format: FileFormat,
    password: Option<&Password>,
    limits: &Limits,
    findings: &mut Vec<Diagnostic>,
) -> Result<Vec<FoundCertificate>, CertificateFileError> {
    let locked = || CertificateFileError::Locked { format };
    let none = Password::new(String::new()).map_err(|_| locked())?;
    let opened = JavaKeystore::open_certificates(keystore, password.unwrap_or(&none), limits);
    let opened = opened.map_err(|error| match (error, password) {
        (JksError::WrongPassword, None) => locked(),
        (error, _) => error.into(),
    })?;
    if opened.contents.certificates.is_empty() {
        opened.require_all()?;
    }
    certificates_of(opened.contents, findings)
}

/// The certificates of what is open, and what there is to say of the rest.
fn certificates_of(
    contents: Contents,
    findings: &mut Vec<Diagnostic>,
) -> Result<Vec<FoundCertificate>, CertificateFileError> {
    let Contents { keys, locked, certificates, skipped, .. } = contents;
    let keys = keys.len() + locked.len();
    if keys > 0 {
        let message = format!("{} not used", counted(keys, "private key"));
        findings.push(Diagnostic::new(DiagnosticCode::OtherContent, message));
    }
    if !skipped.is_empty() {
        findings
            .push(Diagnostic::new(DiagnosticCode::Skipped, format!("passed over: {}", skipped.join(", "))));
    }
    let numbered = certificates.iter().enumerate();
    numbered.map(|(n, bag)| decode(&bag.der, Location { block: None, number: Some(n + 1) })).collect()
}

/// `1 private key was`, `2 private keys were`.
fn counted(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what} was") } else { format!("{number} {what}s were") }
}

/// One remark for each kind of thing beside the certificates.
pub(crate) fn about_others(others: &[(Location, FileFormat)]) -> Vec<Diagnostic> {
    let mut kinds: Vec<FileFormat> = others.iter().map(|(_, format)| *format).collect();
    kinds.sort_by_key(ToString::to_string);
    kinds.dedup();
    let mut findings = Vec::new();
    for kind in kinds {
        let mut locations = others.iter().filter(|(_, format)| *format == kind).map(|(location, _)| location);
        let first = locations.next().map(ToString::to_string).unwrap_or_default();
        let message = match locations.count() {
            0 => format!("{kind} in {first} was not used"),
            more => format!("{kind} in {first}, and {more} more, were not used"),
        };
        let mut remedies = vec![Remedy::Advice("nothing, if the certificates are all you need")];
        if kind == FileFormat::Pkcs12AsCertificate {
            remedies = kind.remedies_for_certificates();
        }
        findings.push(Diagnostic::new(DiagnosticCode::OtherContent, message).with_remedies(remedies));
    }
    findings
}

/// Drops what is there twice, and says so.
fn each_once(found: Vec<FoundCertificate>, findings: &mut Vec<Diagnostic>) -> Vec<FoundCertificate> {
    let mut seen = std::collections::HashSet::new();
    let before = found.len();
    let kept: Vec<FoundCertificate> =
        found.into_iter().filter(|one| seen.insert(one.certificate.fingerprint)).collect();
    let repeated = before - kept.len();
    if repeated > 0 {
        let message = format!("{} in the file more than once", counted(repeated, "certificate"));
        findings.push(Diagnostic::new(DiagnosticCode::RepeatedCertificate, message));
    }
    kept
}
