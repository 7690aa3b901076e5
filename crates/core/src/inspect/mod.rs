//! Serialisable descriptions of files and entries, with no secret in them.
//!
//! Takes what any stage made; gives what the command prints and its JSON carries.

mod certificates;
mod entries;
mod java;
mod keys;
mod readers;
mod remarks;
mod request;
mod together;

use serde::{Serialize, Serializer};
use x509_parser::asn1_rs::{FromDer as _, Integer, Sequence};

use self::readers::{Beside, Spelling};
use self::remarks::about_contents;
pub use self::{
    entries::{LockedReport, Problem},
    keys::KeyReport,
    readers::Reader,
    request::{InspectRequest, Passwords},
    together::{CertificateInFiles, IssuedBy, KeyInFiles, PartOfFile, Together},
};
pub(crate) use self::{
    java::about_java,
    remarks::{Wrapping, about_pfx},
};
use crate::{
    certificate::{Candidate, Certificate, Fingerprint, ServerCredential},
    diagnostic::{Diagnostic, DiagnosticCode},
    error::Error,
    file_format::{FileFormat, sniff},
    hexadecimal::hex,
    instant::{rfc3339, seconds},
    limits::{KdfBudget, Limits},
    pkcs12::{CertificateBag, Contents, Encoding, Encryption, MacDescription, Pfx, Safe, danger},
    remedy::Remedy,
    secret::PrivateKey,
    validate::about_encoding,
};

/// What is in a file.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct FileReport {
    /// `pkcs12`, `pem`, `der`, `pkcs7`, `jks` and so on.
    pub format: &'static str,
    /// `der` or `ber`; `None` for text.
    pub encoding: Option<Encoding>,
    /// The MAC of a PFX.
    pub mac: Option<MacDescription>,
    /// Private keys that opened.
    pub keys: Vec<KeyReport>,
    /// Private keys that stay locked.
    pub locked_keys: Vec<LockedReport>,
    /// Certificates, in the order of the file.
    pub certificates: Vec<CertificateReport>,
    /// What can be chosen of a PFX: a key with one of its certificates, numbered as everywhere.
    pub entries: Vec<Candidate>,
    /// The safes of a PFX with their encryption and bags.
    pub safes: Vec<Safe>,
    /// Bags that were passed over, with the reason.
    pub skipped: Vec<String>,
    /// Which programs open a PFX with the right password, by its algorithms.
    pub readers: Vec<Reader>,
}

/// A certificate, described.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct CertificateReport {
    /// SHA-256 over the DER.
    pub sha256: Fingerprint,
    /// Subject for people; `None` if the certificate cannot be decoded.
    pub subject: Option<String>,
    /// Issuer for people.
    pub issuer: Option<String>,
    /// Serial number in hexadecimal.
    pub serial: Option<String>,
    /// notBefore, RFC 3339 UTC.
    pub not_before: Option<String>,
    /// notAfter, RFC 3339 UTC.
    pub not_after: Option<String>,
    /// The key as people name it, for example `RSA-2048`.
    pub key: Option<String>,
    /// The signature algorithm.
    pub signature_algorithm: Option<String>,
    /// DNS names and IP addresses.
    pub names: Vec<String>,
    /// Whether it is a CA certificate.
    pub ca: bool,
    /// SHA-256 over its subjectPublicKeyInfo.
    pub spki_sha256: Option<Fingerprint>,
    /// The friendlyName, raw.
    pub friendly_name: Option<String>,
    /// The localKeyId in hexadecimal.
    pub local_key_id: Option<String>,
    /// Whether Java takes it as a trusted certificate (Oracle's trustedKeyUsage).
    pub trusted: bool,
    /// Layers of encryption, outermost first.
    pub protection: Vec<Encryption>,
    /// The certificate itself, if it can be decoded.
    #[serde(skip)]
    decoded: Option<Box<Certificate>>,
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "schemars")]
impl schemars::JsonSchema for Fingerprint {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Fingerprint".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[0-9a-f]{64}$" })
    }
}

/// Describes a file of any kind that holds keys or certificates.
///
/// ```
/// use strongroom::{
///     Password, UnixTime,
///     inspect::{InspectRequest, Passwords, inspect},
/// };
///
/// let file = std::fs::read("../../fixtures/pkcs12/www.p12")?;
/// let password = Password::new("changeit")?;
/// let request = InspectRequest::new(&file, Passwords::new(&password), UnixTime::now());
/// let (report, remarks) = inspect(request)?;
/// assert_eq!((report.keys.len(), report.certificates.len()), (1, 2));
/// assert_eq!(remarks, []);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`Error::Pkcs12`] if the file is of a kind that holds nothing to show, nothing of a PKCS #12 file opens, or the
/// request was cancelled; [`Error::CertificateFile`] if a block of a file of certificates cannot be read. What opens
/// beside a part that stays locked is described, with a remark.
pub fn inspect(request: InspectRequest<'_>) -> Result<(FileReport, Vec<Diagnostic>), Error> {
    let InspectRequest { file: bytes, passwords, limits, cancel, at } = request;
    let mut budget = KdfBudget::new(&limits).with_cancel(cancel);
    let (report, mut remarks) = match sniff(bytes) {
        format @ (FileFormat::Jks | FileFormat::Jceks) => {
            java::inspect(bytes, format, passwords, &limits, &mut budget)?
        }
        _ => match certificates::inspect(bytes, passwords, &limits, &mut budget)? {
            Some(described) => described,
            None => pfx(bytes, passwords, &limits, &mut budget)?,
        },
    };
    for certificate in &report.certificates {
        let decoded = certificate.decoded.as_deref();
        remarks.extend(decoded.and_then(about_encoding).map(Diagnostic::into_warning));
        remarks.extend(certificate.about_time(seconds(at)));
    }
    Ok((report, remarks))
}

fn pfx(
    bytes: &[u8],
    passwords: Passwords<'_>,
    limits: &Limits,
    budget: &mut KdfBudget,
) -> Result<(FileReport, Vec<Diagnostic>), Error> {
    let pfx = Pfx::from_bytes(bytes, limits)?;
    let (encoding, wrapping) = (pfx.encoding(), Wrapping::of(&pfx));
    let verified = match danger::skip_absent_mac(pfx, passwords.file) {
        Ok(unproved) => unproved,
        Err(pfx) => pfx.verify(passwords.file, budget)?,
    };
    let contents = verified.decrypt(passwords.keys, budget)?;
    contents.require_opened()?;
    let mut remarks: Vec<Diagnostic> =
        about_pfx(&contents, &wrapping).into_iter().map(Diagnostic::into_warning).collect();
    let beside = Beside {
        trailing: wrapping.trailing_zeros > 0 || wrapping.line_end,
        armoured: wrapping.armoured,
        malformed: entries::is_malformed(&contents),
        version_2: contents.keys.iter().any(|bag| is_version_2(&bag.key)),
        password: Spelling::of(passwords.file, &contents.readings),
    };
    let mut report = FileReport {
        encoding: Some(encoding),
        mac: wrapping.mac,
        entries: ServerCredential::candidates(&contents),
        ..FileReport::empty(FileFormat::Pkcs12)
    };
    report.fill(contents);
    report.readers = readers::of(&report, &beside);
    remarks.extend(report.about_damaged_keys());
    remarks.extend(about_pairs(entries::without_certificate(&report.entries)));
    if report.keys.is_empty() && report.certificates.is_empty() {
        remarks.push(remarks::nothing_usable(&report.skipped));
    }
    Ok((report, remarks))
}

/// Whether the version of a PrivateKeyInfo is 1, which stands for the second (RFC 5958, section 2).
fn is_version_2(key: &PrivateKey) -> bool {
    // EXPOSE: the first field is read.
    let der = key.expose_pkcs8_der();
    let version = Sequence::from_der(der).ok().and_then(|(_, info)| {
        let (_, version) = Integer::from_der(info.content.as_ref()).ok()?;
        version.as_u32().ok()
    });
    version == Some(1)
}

impl FileReport {
    fn empty(format: FileFormat) -> Self {
        Self {
            format: format.as_str(),
            encoding: None,
            mac: None,
            keys: Vec::new(),
            locked_keys: Vec::new(),
            certificates: Vec::new(),
            entries: Vec::new(),
            safes: Vec::new(),
            skipped: Vec::new(),
            readers: Vec::new(),
        }
    }

    /// Describes what is open; the entries are known already.
    fn fill(&mut self, contents: Contents) {
        let Contents { keys, locked, certificates, safes, skipped, .. } = contents;
        self.keys = keys.into_iter().map(|bag| KeyReport::of_bag(bag, &self.entries)).collect();
        self.locked_keys = locked.iter().map(|key| LockedReport::of(key, &self.entries)).collect();
        self.certificates = certificates.into_iter().map(CertificateReport::of_bag).collect();
        (self.safes, self.skipped) = (safes, skipped);
    }

    /// How many keys have no certificate of the same public key. Of a damaged one nobody knows.
    fn lonely_keys(&self) -> usize {
        let paired = |key: &KeyReport| {
            key.spki_sha256.is_none()
                || key.is_damaged()
                || self.certificates.iter().any(|cert| cert.spki_sha256 == key.spki_sha256)
        };
        self.keys.iter().filter(|key| !paired(key)).count()
    }
}

fn about_pairs(lonely: usize) -> Option<Diagnostic> {
    let message = match lonely {
        0 => return None,
        1 => "a private key matches no certificate in the file".to_owned(),
        more => format!("{more} private keys match no certificate in the file"),
    };
    Some(Diagnostic::new(DiagnosticCode::KeyMismatch, message))
}

impl CertificateReport {
    fn of_bag(bag: CertificateBag) -> Self {
        let CertificateBag { der, attributes, protection, .. } = bag;
        Self {
            friendly_name: attributes.friendly_name,
            local_key_id: attributes.local_key_id.as_deref().map(hex),
            trusted: attributes.trusted,
            protection,
            ..Self::of(&der)
        }
    }

    fn of(der: &[u8]) -> Self {
        match Certificate::from_der(der) {
            Ok(certificate) => Self::from(&certificate),
            Err(_) => Self {
                sha256: Fingerprint::of(der),
                subject: None,
                issuer: None,
                serial: None,
                not_before: None,
                not_after: None,
                key: None,
                signature_algorithm: None,
                names: Vec::new(),
                ca: false,
                spki_sha256: None,
                friendly_name: None,
                local_key_id: None,
                trusted: false,
                protection: Vec::new(),
                decoded: None,
            },
        }
    }

    fn about_time(&self, at: i64) -> Option<Diagnostic> {
        let (subject, not_after) = (self.subject.as_deref()?, self.not_after.as_deref()?);
        let now = rfc3339(at);
        // RFC 3339 in UTC compares as text.
        (now.as_str() > not_after).then(|| {
            Diagnostic::new(DiagnosticCode::Expired, format!("{subject} expired on {not_after}"))
                .into_warning()
                .with_remedies(vec![Remedy::Advice("renew the certificate")])
        })
    }
}

impl From<&Certificate> for CertificateReport {
    fn from(certificate: &Certificate) -> Self {
        Self {
            sha256: certificate.fingerprint,
            subject: Some(certificate.subject.clone()),
            issuer: Some(certificate.issuer.clone()),
            serial: Some(certificate.serial.clone()),
            not_before: Some(rfc3339(certificate.not_before)),
            not_after: Some(rfc3339(certificate.not_after)),
            key: Some(certificate.key.to_string()),
            signature_algorithm: Some(certificate.signature_algorithm.clone()),
            names: certificate.hosts().map(str::to_owned).collect(),
            ca: certificate.is_ca == Some(true),
            spki_sha256: Some(certificate.spki_fingerprint),
            friendly_name: None,
            local_key_id: None,
            trusted: false,
            protection: Vec::new(),
            decoded: Some(Box::new(certificate.clone())),
        }
    }
}
