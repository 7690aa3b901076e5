//! `fixtures/manifest.toml`, read.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use strongroom::{UnixTime, diagnostic::Diagnostic, inspect::FileReport};

/// The whole manifest.
#[derive(Debug, Deserialize)]
#[non_exhaustive]
pub struct Manifest {
    /// CA certificates.
    pub chain: Vec<Chain>,
    /// One row a test.
    pub fixture: Vec<Fixture>,
}

/// A CA certificate to be imported first.
#[derive(Debug, Deserialize)]
#[non_exhaustive]
pub struct Chain {
    /// Path below `fixtures/`.
    pub file: String,
    /// Digest of the file.
    pub sha256: String,
}

/// One import with its expected outcome.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Fixture {
    /// The name of the test.
    pub name: String,
    /// Path below `fixtures/`.
    pub file: String,
    /// Digest of the file.
    pub sha256: String,
    /// Which program wrote it.
    pub producer: String,
    /// The password to try.
    pub password: String,
    /// The password of private keys that have one of their own.
    pub key_password: Option<String>,
    /// The instant of the import, RFC 3339.
    pub valid_at: String,
    /// CA certificates to import first.
    pub anchors: Vec<String>,
    /// importCertificateChain.
    #[serde(default = "yes")]
    pub import_chain: bool,
    /// A selector, in files with several keys.
    pub entry: Option<String>,
    /// `ok`, or the code of the error.
    pub expect: String,
    /// The key of the leaf.
    pub key: Option<String>,
    /// Certificates from leaf to anchor.
    pub chain: Option<usize>,
    /// Chain certificates stored beside the entry.
    pub imported: Option<usize>,
    /// DNS names and addresses.
    pub names: Option<Vec<String>>,
    /// SHA-256 of the leaf.
    pub leaf: Option<String>,
    /// Codes of the warnings, sorted.
    pub warnings: Option<Vec<String>>,
    /// What `inspect` says; that it opens, if this is absent.
    pub inspect: Option<Inspect>,
}

/// What `inspect` must say of a file.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Inspect {
    /// The code of the error.
    Refused(String),
    /// What it shows.
    Shows(Shown),
}

/// What `inspect` must show of a PFX.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[non_exhaustive]
pub struct Shown {
    /// The MAC; empty without one.
    pub mac: String,
    /// How each private key is protected, innermost first; `none` if it is not.
    pub keys: Vec<String>,
    /// How many certificates there are.
    pub certificates: usize,
    /// What was passed over.
    pub skipped: Vec<String>,
    /// The attributes of each key, then of each certificate, where they are stated.
    pub attributes: Option<Vec<String>>,
    /// Codes of the remarks, sorted.
    pub remarks: Vec<String>,
}

impl Shown {
    /// What a report shows.
    #[must_use]
    pub fn of(report: &FileReport, remarks: &[Diagnostic]) -> Self {
        let keys = report.keys.iter().map(|key| {
            let layers: Vec<&str> =
                key.protection.iter().rev().map(|layer| layer.algorithm.as_str()).collect();
            if layers.is_empty() { "none".to_owned() } else { layers.join(" in ") }
        });
        let mut codes: Vec<String> = remarks.iter().map(|remark| remark.code.as_str().to_owned()).collect();
        codes.sort();
        Self {
            mac: report.mac.as_ref().map(|mac| mac.algorithm.clone()).unwrap_or_default(),
            keys: keys.collect(),
            certificates: report.certificates.len(),
            skipped: report.skipped.clone(),
            attributes: Some(attributes(report)),
            remarks: codes,
        }
    }
}

fn attributes(report: &FileReport) -> Vec<String> {
    let named = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("{name} {value}"));
    let flag = |name: &str, set: bool| set.then(|| name.to_owned());
    let line = |what: &str, all: &[Option<String>]| {
        let words: Vec<&str> = all.iter().flatten().map(String::as_str).collect();
        format!("{what}: {}", words.join(", ")).trim_end().to_owned()
    };
    let keys = report.keys.iter().map(|key| {
        let all = [
            named("friendlyName", &key.friendly_name),
            named("localKeyId", &key.local_key_id),
            named("CSP name", &key.csp_name),
            flag("local key set", key.local_key_set),
        ];
        line("key", &all)
    });
    let certificates = report.certificates.iter().map(|certificate| {
        let all = [
            named("friendlyName", &certificate.friendly_name),
            named("localKeyId", &certificate.local_key_id),
            flag("trustedKeyUsage", certificate.trusted),
        ];
        line("certificate", &all)
    });
    keys.chain(certificates).collect()
}

fn yes() -> bool {
    true
}

impl Fixture {
    /// The bytes of the file.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        read(&self.file)
    }

    /// The instant of the import.
    #[must_use]
    pub fn at(&self) -> UnixTime {
        let format = &time::format_description::well_known::Rfc3339;
        let instant = time::OffsetDateTime::parse(&self.valid_at, format).expect("valid-at is RFC 3339");
        let seconds = u64::try_from(instant.unix_timestamp()).expect("after 1970");
        UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds))
    }
}

/// The folder `fixtures/`.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures")
}

/// The bytes of a file below `fixtures/`.
#[must_use]
pub fn read(file: &str) -> Vec<u8> {
    fs::read(folder().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Reads the manifest.
#[must_use]
pub fn load() -> Manifest {
    toml::from_str(&String::from_utf8(read("manifest.toml")).unwrap()).expect("the manifest is valid TOML")
}

/// The row with a name.
#[must_use]
pub fn named(name: &str) -> Fixture {
    load().fixture.into_iter().find(|row| row.name == name).unwrap_or_else(|| panic!("no fixture {name}"))
}
