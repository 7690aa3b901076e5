//! Takes a file of certificates apart: every block, every DER value, every certificate of PKCS #7, with its location.

use zeroize::Zeroizing;

use super::{CertificateFileError, Location};
use crate::{
    diagnostic::{Diagnostic, DiagnosticCode},
    file_format::{FileFormat, encoded_len, sniff, sniff_der, value},
    limits::Limits,
    pem::{self, Block, Text},
    pkcs12::{SignedData, read_signed_data},
};

/// The most parts of one file that are not certificates.
const MAX_OTHERS: usize = 4_096;
/// Labels of one certificate. The second is OpenSSL's of old; the third adds trust settings.
const CERTIFICATE_LABELS: [&str; 3] = ["CERTIFICATE", "X509 CERTIFICATE", TRUSTED];
const TRUSTED: &str = "TRUSTED CERTIFICATE";
/// Labels of PKCS #7 (RFC 7468, sections 8 and 9; OpenSSL's PEM_STRING_PKCS7_SIGNED).
const PKCS7_LABELS: [&str; 3] = ["PKCS7", "PKCS #7 SIGNED DATA", "CMS"];

/// One thing in a file: a certificate, or something else that will be named.
pub(crate) struct Part {
    pub(crate) location: Location,
    /// [`FileFormat::CertificateDer`] for whatever should be a certificate.
    pub(crate) format: FileFormat,
    /// How a private key is encrypted, where that stands in the header of its block.
    pub(crate) dek_info: Option<String>,
    /// Wiped, for it may be a private key.
    pub(crate) der: Zeroizing<Vec<u8>>,
}

impl Part {
    /// Whether these are parameters that belong to the key behind them: of a curve, and not of a key agreement.
    pub(crate) fn is_of_key(&self) -> bool {
        let label = self.location.block.as_ref().map(|(_, label, _)| label.as_str());
        self.format == FileFormat::Parameters && label.is_none_or(|label| label == "EC PARAMETERS")
    }
}

/// All parts of a file.
pub(crate) struct Parts {
    pub(crate) format: FileFormat,
    pub(crate) parts: Vec<Part>,
    /// What is odd about the form of the file.
    pub(crate) findings: Vec<Diagnostic>,
    pub(crate) ordered: bool,
}

/// Finds every part of `bytes`.
///
/// # Errors
///
/// [`CertificateFileError`] if a part cannot be told from the next, or the file is of a kind that has none.
pub(crate) fn find(bytes: &[u8], limits: &Limits) -> Result<Parts, CertificateFileError> {
    if bytes.len() > limits.max_file_len {
        return Err(CertificateFileError::TooLarge { found: bytes.len(), limit: limits.max_file_len });
    }
    let format = sniff(bytes);
    let mut finder = Finder::new(limits);
    match format {
        FileFormat::Pem { .. } => {
            let read = pem::read(&Text::of(bytes))?;
            finder.unusual(&read.oddities);
            for block in read.blocks {
                finder.block(block)?;
            }
        }
        FileFormat::Base64 => {
            let (content, oddities) = pem::decode_bare(&Text::of(bytes))?;
            finder.unusual(&oddities);
            finder.values(&content)?;
        }
        // It ends where it says, and its reader looks at the rest.
        FileFormat::Pkcs12 | FileFormat::Jks | FileFormat::Jceks => {
            finder.push(Location::default(), format, bytes)?;
        }
        FileFormat::CertificateDer
        | FileFormat::CertificateRequest
        | FileFormat::Crl
        | FileFormat::EncryptedPrivateKey
        | FileFormat::Pkcs7
        | FileFormat::PrivateKeyDer
        | FileFormat::PublicKey => finder.values(bytes)?,
        _ => return Err(CertificateFileError::NoCertificate { format, found: Vec::new() }),
    }
    finder.about_blocks();
    let Finder { parts, findings, ordered, .. } = finder;
    Ok(Parts { format, parts, findings, ordered })
}

struct Finder<'l> {
    limits: &'l Limits,
    parts: Vec<Part>,
    findings: Vec<Diagnostic>,
    certificates: usize,
    ordered: bool,
    /// Blocks whose label says something else than they hold.
    mislabelled: Vec<Location>,
    /// The same of blocks with a private key.
    mislabelled_keys: Vec<Location>,
    /// Blocks with trust settings, and whether any reject uses.
    trusted: Vec<Location>,
    rejects: bool,
}

impl<'l> Finder<'l> {
    fn new(limits: &'l Limits) -> Self {
        Self {
            limits,
            parts: Vec::new(),
            findings: Vec::new(),
            certificates: 0,
            ordered: true,
            mislabelled: Vec::new(),
            mislabelled_keys: Vec::new(),
            trusted: Vec::new(),
            rejects: false,
        }
    }

    /// One remark for all blocks of a kind.
    fn about_blocks(&mut self) {
        let locations = |locations: &[Location]| match locations {
            [] => None,
            [only] => Some(only.to_string()),
            [first, more @ ..] => Some(format!("{first}, and {} more", more.len())),
        };
        if let Some(locations) = locations(&self.mislabelled) {
            let message =
                format!("certificates were read although the label says something else: {locations}");
            self.findings.push(Diagnostic::new(DiagnosticCode::UnusualForm, message));
        }
        if let Some(locations) = locations(&self.mislabelled_keys) {
            let message = format!(
                "a private key was read although the label says that it is a certificate: {locations}"
            );
            self.findings.push(Diagnostic::new(DiagnosticCode::UnusualForm, message));
        }
        if let Some(locations) = locations(&self.trusted) {
            let rejects = if self.rejects { ", although they reject uses of it" } else { "" };
            let message = format!("OpenSSL's trust settings were not used{rejects}: {locations}");
            self.findings.push(Diagnostic::new(DiagnosticCode::TrustSettings, message));
        }
    }

    fn unusual(&mut self, oddities: &[&str]) {
        if !oddities.is_empty() {
            let message = format!("the file was read although it has {}", oddities.join(", "));
            self.findings.push(Diagnostic::new(DiagnosticCode::UnusualForm, message));
        }
    }

    fn push(
        &mut self,
        location: Location,
        format: FileFormat,
        der: &[u8],
    ) -> Result<(), CertificateFileError> {
        if format == FileFormat::CertificateDer {
            self.certificates += 1;
            let limit = self.limits.max_bundle;
            if self.certificates > limit {
                return Err(CertificateFileError::TooMany { what: "certificates", limit });
            }
        } else if self.parts.len() - self.certificates >= MAX_OTHERS {
            return Err(CertificateFileError::TooMany { what: "parts", limit: MAX_OTHERS });
        }
        let der = Zeroizing::new(der.to_vec());
        self.parts.push(Part { location, format, dek_info: None, der });
        Ok(())
    }

    fn block(&mut self, block: Block) -> Result<(), CertificateFileError> {
        let location =
            Location { block: Some((block.number, block.label.clone(), block.line)), number: None };
        let is_certificate = CERTIFICATE_LABELS.contains(&block.label.as_str());
        match FileFormat::of_block(&block) {
            FileFormat::CertificateDer if block.label == TRUSTED => self.trusted(location, &block.content),
            FileFormat::Pkcs7 => {
                if !PKCS7_LABELS.contains(&block.label.as_str()) {
                    self.mislabelled.push(location.clone());
                }
                let end = self.pkcs7(location.clone(), &block.content)?;
                self.ends(location, block.content.len().saturating_sub(end))
            }
            FileFormat::CertificateDer if !is_certificate => {
                self.mislabelled.push(location.clone());
                self.push(location, FileFormat::CertificateDer, &block.content)
            }
            // The reader of certificates says what is wrong with it.
            FileFormat::Unknown if is_certificate => {
                self.push(location, FileFormat::CertificateDer, &block.content)
            }
            format => {
                let is_key = matches!(format, FileFormat::PrivateKeyDer | FileFormat::EncryptedPrivateKey);
                if is_key && is_certificate {
                    self.mislabelled_keys.push(location.clone());
                }
                self.push(location, format, &block.content)?;
                if let Some(part) = self.parts.last_mut() {
                    part.dek_info = block.dek_info;
                }
                Ok(())
            }
        }
    }

    fn ends(&self, location: Location, length: usize) -> Result<(), CertificateFileError> {
        if length == 0 { Ok(()) } else { Err(CertificateFileError::TrailingData { location, length }) }
    }

    /// A certificate with OpenSSL's trust settings (X509_CERT_AUX) behind it.
    fn trusted(&mut self, location: Location, content: &[u8]) -> Result<(), CertificateFileError> {
        let length = encoded_len(content).unwrap_or(content.len());
        let (der, settings) = content.split_at_checked(length).unwrap_or((content, &[]));
        if !settings.is_empty() {
            let whole = settings.first() == Some(&0x30) && encoded_len(settings) == Some(settings.len());
            self.ends(location.clone(), if whole { 0 } else { settings.len() })?;
            self.rejects |= rejects_uses(settings);
            self.trusted.push(location.clone());
        }
        self.push(location, FileFormat::CertificateDer, der)
    }

    /// The certificates of a SignedData; gives its length.
    fn pkcs7(&mut self, location: Location, content: &[u8]) -> Result<usize, CertificateFileError> {
        let limits = Limits { max_certificates: self.limits.max_bundle, ..*self.limits };
        let SignedData { certificates, crls, others, length } =
            read_signed_data(content, &limits).map_err(|source| CertificateFileError::Pkcs7 {
                location: location.clone(),
                source: Box::new(source),
            })?;
        self.ordered &= certificates.len() < 2;
        let several = certificates.len() > 1;
        for (n, der) in certificates.iter().enumerate() {
            let location = Location { number: several.then_some(n + 1), ..location.clone() };
            self.push(location, FileFormat::CertificateDer, der)?;
        }
        for _ in 0..crls {
            self.push(location.clone(), FileFormat::Crl, &[])?;
        }
        for _ in 0..others {
            self.push(location.clone(), FileFormat::Unknown, &[])?;
        }
        Ok(length)
    }

    /// DER values in a row, with line ends or zeros behind them.
    fn values(&mut self, bytes: &[u8]) -> Result<(), CertificateFileError> {
        let mut rest = bytes;
        let mut padding = 0;
        let mut number = 0;
        // Where there is one, its location is the file.
        let mut first = None;
        loop {
            let start = rest.iter().position(|byte| !is_padding(*byte)).unwrap_or(rest.len());
            padding += start;
            rest = rest.get(start..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            number += 1;
            if number == 2 && self.parts.len() == 1 {
                first = Some(1);
            }
            let location = Location { block: None, number: (number > 1).then_some(number) };
            let Some(format) = sniff_der(rest) else {
                let location = Location::default();
                return Err(CertificateFileError::TrailingData { location, length: rest.len() });
            };
            let length = if format == FileFormat::Pkcs7 {
                self.pkcs7(location, rest)?
            } else {
                // One that is cut off goes to the reader of certificates, which says so.
                let length = encoded_len(rest).unwrap_or(rest.len());
                self.push(location, format, rest.get(..length).unwrap_or_default())?;
                length
            };
            rest = rest.get(length..).unwrap_or_default();
        }
        if let (Some(number), Some(part)) = (first, self.parts.first_mut()) {
            part.location.number = Some(number);
        }
        if padding > 0 {
            let message = match padding {
                1 => "the file was read although a zero or line end stands beside its DER".to_owned(),
                _ => format!("the file was read although {padding} zeros or line ends stand beside its DER"),
            };
            self.findings.push(Diagnostic::new(DiagnosticCode::UnusualForm, message));
        }
        Ok(())
    }
}

/// Whether trust settings (X509_CERT_AUX) name uses for which the certificate is not trusted: their field `[0]`.
fn rejects_uses(settings: &[u8]) -> bool {
    const TRUST: u8 = 0x30;
    const REJECT: u8 = 0xa0;
    let fields = value(settings).map_or(&[][..], |(_, fields, _)| fields);
    let after_trust = match value(fields) {
        Some((TRUST, _, rest)) => rest,
        _ => fields,
    };
    after_trust.first() == Some(&REJECT)
}

/// Zeros, line ends, and the mark at the end of a file that DOS made.
fn is_padding(byte: u8) -> bool {
    matches!(byte, 0 | b'\r' | b'\n' | 0x1a)
}
