//! Files that are not PKCS #12: certificates, and what lies beside them.

use super::{CertificateReport, FileReport, KeyReport, about_pairs};
use crate::{
    certificate::{Certificate, KeyAlgorithm},
    certificate_file::{CertificateFileError, Part, Parts, find},
    diagnostic::{Diagnostic, DiagnosticCode},
    error::Error,
    file_format::{FileFormat, sniff},
    limits::Limits,
    pkcs12::{Encoding, Pkcs12Error},
    secret::PrivateKey,
};

/// Describes a file of certificates; `None` for one that the reader of PKCS #12 opens or refuses.
pub(super) fn inspect(bytes: &[u8], limits: &Limits) -> Result<Option<(FileReport, Vec<Diagnostic>)>, Error> {
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
            | FileFormat::Pem { .. }
            | FileFormat::Pkcs7
            | FileFormat::PublicKey
    );
    if !is_read {
        return Ok(None);
    }
    let Parts { parts, findings, .. } = find(bytes, limits)?;
    let has = |format: FileFormat| parts.iter().any(|part| part.format == format);
    let is_key = |format| matches!(format, FileFormat::PrivateKeyDer | FileFormat::EncryptedPrivateKey);
    let only_keys = !has(FileFormat::CertificateDer)
        && parts.iter().any(|part| is_key(part.format) || part.format == FileFormat::Pkcs12AsCertificate);
    if has(FileFormat::Pkcs12) || only_keys {
        return Ok(None);
    }
    let mut report = FileReport { encoding: encoding(bytes, format), ..FileReport::empty(format) };
    let mut remarks = findings;
    for part in parts {
        describe(part, &mut report, &mut remarks, limits)?;
    }
    remarks.extend(about_pairs(report.lonely_keys()));
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

fn describe(
    part: Part,
    report: &mut FileReport,
    remarks: &mut Vec<Diagnostic>,
    limits: &Limits,
) -> Result<(), Error> {
    let Part { location, format, der } = part;
    if format == FileFormat::CertificateDer {
        if let Err(source) = Certificate::from_der(&der) {
            let broken = CertificateFileError::Certificate { location, source };
            let remark = Diagnostic::new(DiagnosticCode::InvalidCertificate, broken.to_string());
            remarks.push(remark.with_remedies(broken.remedies()));
        }
        report.certificates.push(CertificateReport::of(&der));
        return Ok(());
    }
    if format == FileFormat::PrivateKeyDer {
        let key = PrivateKey::from_pkcs8_der(der.to_vec());
        if KeyAlgorithm::of_private(&key).is_some() {
            if report.keys.len() >= limits.max_keys {
                let limit = limits.max_keys;
                return Err(Pkcs12Error::TooMany { what: "private keys", limit }.into());
            }
            report.keys.push(KeyReport::of(&key));
            return Ok(());
        }
    }
    report.skipped.push(format!("{location}: {format}"));
    let remark = Diagnostic::new(DiagnosticCode::OtherContent, format!("{location} holds {format}"));
    remarks.push(remark.with_remedies(format.remedies_for_certificates()));
    Ok(())
}
