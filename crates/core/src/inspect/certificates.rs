//! Files that are not PKCS #12: certificates, and what lies beside them.

use zeroize::Zeroizing;

use super::{
    CertificateReport, FileReport, KeyReport, LockedReport, Passwords, about_pairs, remarks::nothing_usable,
};
use crate::{
    certificate::{Certificate, KeyFile, ReadKey},
    certificate_file::{CertificateFileError, Part, Parts, find},
    diagnostic::{Diagnostic, DiagnosticCode},
    error::Error,
    file_format::{FileFormat, sniff},
    limits::{KdfBudget, Limits},
    pkcs12::{Encoding, Pkcs12Error},
    secret::Password,
};

/// Describes a file of certificates and keys; `None` for one that the reader of PKCS #12 opens or refuses.
pub(super) fn inspect(
    bytes: &[u8],
    passwords: Passwords<'_>,
    limits: &Limits,
    budget: &mut KdfBudget,
) -> Result<Option<(FileReport, Vec<Diagnostic>)>, Error> {
    if bytes.len() > limits.max_file_len {
        let (found, limit) = (bytes.len(), limits.max_file_len);
        return Err(Pkcs12Error::TooLarge { found, limit }.into());
    }
    let format = sniff(bytes);
    let is_read = matches!(
        format,
        FileFormat::Base64
            | FileFormat::CertificateDer
            | FileFormat::CertificateRequest
            | FileFormat::Crl
            | FileFormat::EncryptedPrivateKey
            | FileFormat::Pem { .. }
            | FileFormat::Pkcs7
            | FileFormat::PrivateKeyDer
            | FileFormat::PublicKey
    );
    if !is_read {
        return Ok(None);
    }
    let Parts { parts, findings, .. } = find(bytes, limits)?;
    let has = |format: FileFormat| parts.iter().any(|part| part.format == format);
    // The one speaks of what it is called, the other is opened.
    let only_mislabelled = !has(FileFormat::CertificateDer) && has(FileFormat::Pkcs12AsCertificate);
    if has(FileFormat::Pkcs12) || only_mislabelled {
        return Ok(None);
    }
    let has_key = has(FileFormat::PrivateKeyDer) || has(FileFormat::EncryptedPrivateKey);
    let report = FileReport { encoding: encoding(bytes, format), ..FileReport::empty(format) };
    let remarks = findings;
    let mut describer = Describer {
        report,
        remarks,
        passwords: passwords.of_keys(),
        limits,
        budget,
        parameters: None,
        has_key,
        locked: None,
    };
    for part in parts {
        describer.describe(part)?;
    }
    let Describer { report, mut remarks, passwords, locked, .. } = describer;
    if let Some(reason) = locked
        && !passwords.is_empty()
        && report.keys.is_empty()
        && report.certificates.is_empty()
    {
        return Err(reason.into());
    }
    if report.keys.is_empty()
        && report.locked_keys.is_empty()
        && report.certificates.is_empty()
        && report.skipped.is_empty()
    {
        remarks.push(nothing_usable(&report.skipped));
    }
    remarks.extend(report.about_damaged_keys());
    if !report.certificates.is_empty() {
        remarks.extend(about_pairs(report.lonely_keys()));
    }
    Ok(Some((report, remarks)))
}

/// `None` for text.
fn encoding(bytes: &[u8], format: FileFormat) -> Option<Encoding> {
    match format {
        FileFormat::Pem { .. } | FileFormat::Base64 => None,
        // The indefinite form.
        _ if bytes.get(1) == Some(&0x80) => Some(Encoding::Ber),
        _ => Some(Encoding::Der),
    }
}

/// Describes one part after the other.
struct Describer<'r> {
    report: FileReport,
    remarks: Vec<Diagnostic>,
    passwords: Vec<&'r Password>,
    limits: &'r Limits,
    budget: &'r mut KdfBudget,
    /// The content of the last EC PARAMETERS.
    parameters: Option<Zeroizing<Vec<u8>>>,
    /// Whether the file has a private key.
    has_key: bool,
    /// Why the last key that stays locked does so.
    locked: Option<Pkcs12Error>,
}

impl Describer<'_> {
    fn describe(&mut self, part: Part) -> Result<(), Error> {
        match part.format {
            FileFormat::CertificateDer => {
                self.certificate(part);
                return Ok(());
            }
            FileFormat::PrivateKeyDer | FileFormat::EncryptedPrivateKey => return self.key(part),
            // They belong to the key behind them.
            FileFormat::Parameters if self.has_key && part.is_of_key() => {
                self.parameters = Some(part.der);
                return Ok(());
            }
            _ => {}
        }
        let Part { location, format, .. } = part;
        self.report.skipped.push(format!("{location}: {format}"));
        let remark = Diagnostic::new(DiagnosticCode::OtherContent, format!("{location} holds {format}"));
        self.remarks.push(match format {
            // Beside a key they are another's, of a key agreement.
            FileFormat::Parameters if self.has_key => remark,
            _ => remark.with_remedies(format.remedies_for_certificates()),
        });
        Ok(())
    }

    fn certificate(&mut self, part: Part) {
        if let Err(source) = Certificate::from_der(&part.der) {
            let broken = CertificateFileError::Certificate { location: part.location, source };
            let remark = Diagnostic::new(DiagnosticCode::InvalidCertificate, broken.to_string());
            self.remarks.push(remark.with_remedies(broken.remedies()));
        }
        self.report.certificates.push(CertificateReport::of(&part.der));
    }

    fn key(&mut self, part: Part) -> Result<(), Error> {
        let limit = self.limits.max_keys;
        if self.report.keys.len() + self.report.locked_keys.len() >= limit {
            return Err(Pkcs12Error::TooMany { what: "private keys", limit }.into());
        }
        let file = KeyFile {
            der: &part.der,
            dek_info: part.dek_info.as_deref(),
            encrypted: part.format == FileFormat::EncryptedPrivateKey,
            parameters: self.parameters.as_ref().map(|parameters| parameters.as_slice()),
        };
        let read = file.open(&self.passwords, self.limits, self.budget)?;
        let (ReadKey::Open { protection, .. } | ReadKey::Locked { protection, .. }) = &read;
        if let Some(layer) = protection.iter().find(|layer| layer.legacy) {
            let message = format!("the private key in {} is protected by {}", part.location, layer.algorithm);
            self.remarks.push(Diagnostic::new(DiagnosticCode::LegacyAlgorithms, message));
        }
        match read {
            ReadKey::Open { key, protection, reading } => {
                if let Some(reading) = reading {
                    let message =
                        format!("the password opened the key only when read {}", reading.describe());
                    self.remarks.push(Diagnostic::new(DiagnosticCode::PasswordReading, message));
                }
                self.report.keys.push(KeyReport::alone(&key, protection));
            }
            ReadKey::Locked { reason, protection } => {
                let message = format!("the private key in {} stays locked: {reason}", part.location);
                let remark = Diagnostic::new(DiagnosticCode::Locked, message);
                self.remarks.push(remark.with_remedies(reason.remedies()));
                self.report.locked_keys.push(LockedReport::alone(&reason, protection));
                self.locked = Some(reason);
            }
        }
        Ok(())
    }
}
