//! Keystores of Java: JKS and JCEKS.

use super::{FileReport, Passwords, about_contents, about_pairs, entries, remarks::nothing_usable};
use crate::{
    certificate::ServerCredential,
    diagnostic::{Diagnostic, DiagnosticCode},
    error::Error,
    file_format::FileFormat,
    jks::JavaKeystore,
    limits::{KdfBudget, Limits},
    pkcs12::Contents,
    remedy::Remedy,
};

/// The same whether a keystore is inspected or imported. What protects its keys cannot be chosen, so another kind of
/// file is advised.
pub(crate) fn about_java(contents: &Contents) -> Vec<Diagnostic> {
    let mut findings = about_contents(contents, None);
    findings.retain(|finding| finding.code != DiagnosticCode::WeakIterations);
    for finding in findings.iter_mut().filter(|finding| finding.code == DiagnosticCode::LegacyAlgorithms) {
        finding.remedies = vec![
            Remedy::Advice("nothing for what is imported, which is sealed"),
            Remedy::ConvertJavaKeystore,
        ];
    }
    findings
}

/// Describes a keystore: every alias with its key, chain or trusted certificate.
pub(super) fn inspect(
    bytes: &[u8],
    format: FileFormat,
    passwords: Passwords<'_>,
    limits: &Limits,
    budget: &mut KdfBudget,
) -> Result<(FileReport, Vec<Diagnostic>), Error> {
    let opened = JavaKeystore::open(bytes, passwords.file, passwords.keys, limits, budget)?;
    let contents = opened.contents;
    let mut remarks = about_java(&contents);
    let mut report = FileReport::empty(format);
    report.entries = ServerCredential::candidates(&contents);
    report.fill(contents);
    remarks.extend(report.about_damaged_keys());
    remarks.extend(about_pairs(entries::without_certificate(&report.entries)));
    if report.keys.is_empty() && report.locked_keys.is_empty() && report.certificates.is_empty() {
        remarks.push(nothing_usable(&report.skipped));
    }
    Ok((report, remarks))
}
