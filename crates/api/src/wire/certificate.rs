//! One certificate as ArcGIS describes it.

use md5::Md5;
use serde::Serialize;
use sha1::{Digest as _, Sha1};
use strongroom::{Entry, certificate::AlternativeName, hexadecimal::hex, keystore::EntryKind};

use super::java_date;

/// The answer of the resource of one certificate.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CertificateObject {
    alias_name: String,
    entry_type: &'static str,
    issuer: String,
    subject: String,
    /// The documentation has this name in its syntax and the plural in its example.
    subject_alternative_name: Vec<String>,
    subject_alternative_names: Vec<String>,
    valid_from: String,
    valid_until: String,
    valid_from_epoch: i64,
    valid_until_epoch: i64,
    key_algorithm: String,
    key_size: usize,
    serial_number: String,
    version: u32,
    signature_algorithm: String,
    key_usage: Vec<&'static str>,
    md5_fingerprint: String,
    pub(crate) sha1_fingerprint: String,
    sha256_fingerprint: String,
}

impl CertificateObject {
    /// One that says nothing, for the description of the API.
    pub(crate) fn empty() -> Self {
        let text = String::new;
        Self {
            alias_name: text(),
            entry_type: "",
            issuer: text(),
            subject: text(),
            subject_alternative_name: vec![text()],
            subject_alternative_names: vec![text()],
            valid_from: text(),
            valid_until: text(),
            valid_from_epoch: 0,
            valid_until_epoch: 0,
            key_algorithm: text(),
            key_size: 0,
            serial_number: text(),
            version: 0,
            signature_algorithm: text(),
            key_usage: vec![""],
            md5_fingerprint: text(),
            sha1_fingerprint: text(),
            sha256_fingerprint: text(),
        }
    }
}

impl From<&Entry> for CertificateObject {
    fn from(entry: &Entry) -> Self {
        let certificate = &entry.certificate;
        let names: Vec<String> = certificate.alternative_names().iter().map(labelled).collect();
        Self {
            alias_name: entry.alias.key(),
            entry_type: entry_type(entry.kind),
            issuer: certificate.issuer().to_owned(),
            subject: certificate.subject().to_owned(),
            subject_alternative_name: names.clone(),
            subject_alternative_names: names,
            valid_from: java_date(certificate.not_before()),
            valid_until: java_date(certificate.not_after()),
            valid_from_epoch: certificate.not_before().saturating_mul(1000),
            valid_until_epoch: certificate.not_after().saturating_mul(1000),
            key_algorithm: certificate.key().family(),
            key_size: certificate.key().bits().unwrap_or(0),
            serial_number: certificate.serial().to_owned(),
            version: certificate.version(),
            signature_algorithm: certificate.signature_algorithm().to_owned(),
            key_usage: certificate.key_usage().map(|usage| usage.names.clone()).unwrap_or_default(),
            md5_fingerprint: hex(Md5::digest(certificate.der())),
            sha1_fingerprint: hex(Sha1::digest(certificate.der())),
            sha256_fingerprint: certificate.fingerprint().to_string(),
        }
    }
}

/// Java's word for the kind of an entry.
pub(crate) fn entry_type(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Server => "PrivateKeyEntry",
        _ => "trustedCertEntry",
    }
}

/// An alternative name with its kind, as in ArcGIS's example `DNSName: MACHINE.DOMAIN.COM`.
fn labelled(name: &AlternativeName) -> String {
    match name {
        AlternativeName::Dns(text) => format!("DNSName: {text}"),
        AlternativeName::Ip(text) => format!("IPAddress: {text}"),
        AlternativeName::Email(text) => format!("RFC822Name: {text}"),
        AlternativeName::Uri(text) => format!("URIName: {text}"),
        AlternativeName::Other(text) => format!("OtherName: {text}"),
        _ => "OtherName".to_owned(),
    }
}
