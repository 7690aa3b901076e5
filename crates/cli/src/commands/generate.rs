//! `generate`: a key and a self-signed certificate.

use schemars::JsonSchema;
use serde::Serialize;
use strongroom::{
    Keystore,
    issuance::CertificateTemplate,
    keystore::{GenerateRequest, ImportReport},
};

use super::{now, open};
use crate::{
    args::{Arguments, Generate},
    failure::Failure,
    render::{ImportView, Printer, import_text},
};

/// What there is to say of a certificate that was just stored.
#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct Made {
    #[serde(flatten)]
    import: ImportView,
    #[serde(flatten)]
    certificate: Option<CertificateView>,
}

#[derive(JsonSchema, Serialize)]
struct CertificateView {
    sha256: String,
    spki_sha256: String,
    key: String,
    names: Vec<String>,
    not_after: String,
    /// The certificate alone.
    pem: String,
}

impl Made {
    /// Of what a report tells of: read again, unless it was a dry run.
    pub(super) fn of(keystore: &Keystore, report: &ImportReport) -> Result<Self, Failure> {
        let import = ImportView::of(report);
        if report.dry_run {
            return Ok(Self { import, certificate: None });
        }
        let certificate = keystore.entry(&report.alias, now())?.certificate;
        let certificate = CertificateView {
            sha256: certificate.fingerprint().to_string(),
            spki_sha256: certificate.spki_fingerprint().to_string(),
            key: certificate.key().to_string(),
            names: certificate.hosts().map(str::to_owned).collect(),
            not_after: strongroom::instant::rfc3339(certificate.not_after()),
            pem: certificate.pem(),
        };
        Ok(Self { import, certificate: Some(certificate) })
    }
}

pub(super) fn run(arguments: &Arguments, command: &Generate, printer: &Printer) -> Result<(), Failure> {
    let keystore = open(arguments)?;
    let mut template = CertificateTemplate::new(command.names.clone());
    template.subject.clone_from(&command.subject);
    template.hash = command.hash.map(Into::into);
    let mut request = GenerateRequest::new(command.alias.clone(), template, now());
    (request.key, request.days) = (command.key, command.days);
    (request.options.replace, request.options.dry_run) = (command.replace, command.dry_run);
    let report = keystore.generate(request)?;
    let made = Made::of(&keystore, &report)?;
    printer.result(&made, &report.findings, || {
        let text = import_text(&report).replacen("imported", "generated", 1);
        match &made.certificate {
            Some(made) => {
                let until: String = made.not_after.chars().take(10).collect();
                format!("{text}  {} for {}, until {until}\n", made.key, made.names.join(", "))
            }
            None => text,
        }
    });
    Ok(())
}
