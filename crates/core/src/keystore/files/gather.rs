//! Takes every file apart into keys and certificates.

use zeroize::Zeroizing;

use super::{
    FilesRequest, SourceFile,
    pair::Gathered,
    source::{Source, SourcePart},
};
use crate::{
    archive::{ArchivedFile, unpack},
    certificate::{Certificate, Fingerprint, KeyAlgorithm, KeyFile, ReadKey, public_key_der},
    certificate_file::{CertificateFileError, Location, Part, Parts, find},
    diagnostic::{Diagnostic, DiagnosticCode},
    error::Error,
    file_format::{FileFormat, sniff},
    inspect::{Passwords, Wrapping, about_java, about_pfx},
    jks::{JavaKeystore, JksError},
    limits::{KdfBudget, Limits},
    pkcs12::{Attributes, CertificateBag, Contents, Encryption, KeyBag, LockedKey, Pfx, Pkcs12Error, danger},
    secret::{Password, PrivateKey},
};

/// Takes files apart, one after the other, under one budget.
pub(super) struct Gatherer<'r> {
    password: &'r Password,
    key_passwords: &'r [Password],
    limits: Limits,
    budget: KdfBudget,
    without_mac: bool,
    /// Whether an entry was named.
    selected: bool,
    /// Whether there is one file alone, which need not be named.
    alone: bool,
    gathered: Gathered,
}

impl<'r> Gatherer<'r> {
    pub(super) fn new(request: &FilesRequest<'r>) -> Self {
        Self {
            password: request.opening.password,
            key_passwords: request.opening.key_passwords,
            limits: request.opening.limits,
            budget: KdfBudget::new(&request.opening.limits).with_cancel(request.opening.cancel.clone()),
            without_mac: request.options.policy.allows(DiagnosticCode::NoMac),
            selected: request.opening.entry.is_some(),
            alone: request.files.len() == 1,
            gathered: Gathered::default(),
        }
    }

    pub(super) fn finish(self) -> Gathered {
        self.gathered
    }

    /// Takes one file apart.
    pub(super) fn file(&mut self, file: &SourceFile<'_>) -> Result<(), Error> {
        let SourceFile { name, bytes, named } = *file;
        if sniff(bytes) != FileFormat::Zip {
            return self.plain(name, bytes, named);
        }
        let files = unpack(bytes, &self.limits).map_err(|error| self.in_file(name, error.into()))?;
        self.alone = false;
        let before = self.gathered.count();
        for ArchivedFile { name: inner, content } in files {
            let shown = format!("{name}: {}", crate::certificate::printable(&inner));
            self.plain(&shown, &content, false)?;
        }
        if named && self.gathered.count() == before {
            let error = Pkcs12Error::NotPkcs12 { found: FileFormat::Zip };
            return Err(Error::InFile { file: name.to_owned(), error: Box::new(error.into()) });
        }
        Ok(())
    }

    /// A file that is no archive.
    fn plain(&mut self, name: &str, bytes: &[u8], named: bool) -> Result<(), Error> {
        let format = sniff(bytes);
        self.gathered.sources.push(Source {
            file: name.to_owned(),
            format: format.as_str(),
            parts: Vec::new(),
        });
        let findings = self.gathered.findings.len();
        let done = match format {
            FileFormat::Pkcs12 => self.pfx(bytes),
            FileFormat::Jks | FileFormat::Jceks => self.java(bytes),
            FileFormat::Pem { .. }
            | FileFormat::Base64
            | FileFormat::CertificateDer
            | FileFormat::CertificateRequest
            | FileFormat::Crl
            | FileFormat::EncryptedPrivateKey
            | FileFormat::Pkcs7
            | FileFormat::PrivateKeyDer
            | FileFormat::PublicKey => self.parts(bytes),
            found if named => Err(Pkcs12Error::NotPkcs12 { found }.into()),
            found => {
                self.other(&Location::default(), found);
                Ok(())
            }
        };
        done.map_err(|error| self.in_file(name, error))?;
        let (keys, limit) = (self.gathered.keys(), self.limits.max_keys);
        if keys > limit {
            return Err(Pkcs12Error::TooMany { what: "private keys", limit }.into());
        }
        let (certificates, limit) = (self.gathered.contents.certificates.len(), self.limits.max_bundle);
        if certificates > limit {
            return Err(Pkcs12Error::TooMany { what: "certificates", limit }.into());
        }
        if !self.alone {
            for finding in self.gathered.findings.iter_mut().skip(findings) {
                finding.message = format!("{name}: {}", finding.message);
            }
        }
        Ok(())
    }

    fn in_file(&self, name: &str, error: Error) -> Error {
        if self.alone { error } else { Error::InFile { file: name.to_owned(), error: Box::new(error) } }
    }

    fn pfx(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let pfx = Pfx::from_bytes(bytes, &self.limits)?;
        let wrapping = Wrapping::of(&pfx);
        let verified = if pfx.mac().is_none() && self.without_mac {
            danger::skip_absent_mac(pfx, self.password).map_err(|_| Pkcs12Error::NoMac)?
        } else {
            pfx.verify(self.password, &mut self.budget)?
        };
        let contents = verified.decrypt(self.key_passwords, &mut self.budget)?;
        contents.require_credential()?;
        self.gathered.findings.extend(about_pfx(&contents, &wrapping));
        self.container(contents);
        Ok(())
    }

    fn java(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let opened =
            JavaKeystore::open(bytes, self.password, self.key_passwords, &self.limits, &mut self.budget)?;
        if let Err(unread) = opened.require_all() {
            // Nothing that was read can be chosen.
            if !self.selected || matches!(unread, JksError::SecretEntry { keys: 0, .. }) {
                return Err(unread.into());
            }
            self.gathered.unread.get_or_insert(unread);
        }
        let contents = opened.contents;
        if contents.keys.is_empty() && contents.locked.is_empty() && contents.certificates.is_empty() {
            return Err(Pkcs12Error::Nothing { skipped: contents.skipped }.into());
        }
        self.gathered.findings.extend(about_java(&contents));
        self.container(contents);
        Ok(())
    }

    /// Takes over what a container held; its keys are numbered behind those before.
    fn container(&mut self, contents: Contents) {
        let before = self.gathered.keys();
        let Contents { keys, locked, certificates, safes, skipped, readings } = contents;
        for mut bag in keys {
            self.describe_key(Some(&bag.key));
            bag.place += before;
            self.gathered.key(bag, false);
        }
        for mut key in locked {
            self.describe_key(None);
            key.place += before;
            self.gathered.contents.locked.push(key);
        }
        for bag in certificates {
            self.certificate(bag, false);
        }
        self.gathered.contents.safes.extend(safes);
        self.gathered.contents.skipped.extend(skipped);
        self.gathered.contents.readings.extend(readings);
    }

    /// A file of blocks or values.
    fn parts(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let Parts { parts, findings, .. } = find(bytes, &self.limits)?;
        let has = |format: FileFormat| parts.iter().any(|part| part.format == format);
        let is_useful = has(FileFormat::CertificateDer)
            || has(FileFormat::PrivateKeyDer)
            || has(FileFormat::EncryptedPrivateKey);
        // The one is opened, what the other says of itself is said by who opens such files.
        if has(FileFormat::Pkcs12) || !is_useful && has(FileFormat::Pkcs12AsCertificate) {
            return self.pfx(bytes);
        }
        self.gathered.findings.extend(findings);
        let mut parameters: Option<Zeroizing<Vec<u8>>> = None;
        for part in parts {
            match part.format {
                FileFormat::CertificateDer => {
                    let Part { location, der, .. } = part;
                    if let Err(source) = Certificate::from_der(&der) {
                        return Err(CertificateFileError::Certificate { location, source }.into());
                    }
                    let attributes = Attributes::default();
                    let bag = CertificateBag { der: der.to_vec(), attributes, protection: Vec::new() };
                    self.certificate(bag, true);
                }
                FileFormat::PrivateKeyDer | FileFormat::EncryptedPrivateKey => {
                    self.key(&part, parameters.as_ref().map(|parameters| parameters.as_slice()))?;
                }
                // They belong to the key behind them.
                FileFormat::Parameters if part.is_of_key() => parameters = Some(part.der),
                format => self.other(&part.location, format),
            }
        }
        Ok(())
    }

    /// A private key that stands by itself.
    fn key(&mut self, part: &Part, parameters: Option<&[u8]>) -> Result<(), Error> {
        let mut passwords = Passwords::new(self.password);
        passwords.keys = self.key_passwords;
        let file = KeyFile {
            der: &part.der,
            dek_info: part.dek_info.as_deref(),
            encrypted: part.format == FileFormat::EncryptedPrivateKey,
            parameters,
        };
        let place = self.gathered.keys() + 1;
        let attributes = Attributes::default();
        match file.open(&passwords.of_keys(), &self.limits, &mut self.budget)? {
            ReadKey::Open { key, protection, reading } => {
                self.legacy(&protection);
                if let Some(reading) = reading {
                    let message =
                        format!("the password opened the private key only when read {}", reading.describe());
                    self.find(DiagnosticCode::PasswordReading, message);
                }
                self.describe_key(Some(&key));
                self.gathered.key(KeyBag { key, attributes, protection, place }, true);
            }
            ReadKey::Locked { reason, protection } => {
                self.describe_key(None);
                self.gathered.locked_key(LockedKey { reason, attributes, protection, place });
            }
        }
        Ok(())
    }

    fn legacy(&mut self, protection: &[Encryption]) {
        if let Some(layer) = protection.iter().find(|layer| layer.legacy) {
            let message = format!("the private key is protected by {}", layer.algorithm);
            self.find(DiagnosticCode::LegacyAlgorithms, message);
        }
    }

    fn find(&mut self, code: DiagnosticCode, message: String) {
        self.gathered.findings.push(Diagnostic::new(code, message));
    }

    fn certificate(&mut self, bag: CertificateBag, loose: bool) {
        let decoded = Certificate::from_der(&bag.der).ok();
        let part = SourcePart {
            kind: "certificate",
            name: decoded.as_ref().map(|known| known.subject.clone()).unwrap_or_default(),
            sha256: Some(Fingerprint::of(&bag.der)),
            spki_sha256: decoded.map(|known| known.spki_fingerprint),
        };
        self.part(part);
        self.gathered.certificate(bag, loose);
    }

    fn describe_key(&mut self, key: Option<&PrivateKey>) {
        let algorithm = key.and_then(KeyAlgorithm::of_private);
        self.part(SourcePart {
            kind: "private_key",
            name: algorithm.map_or_else(|| "private key".to_owned(), |known| known.to_string()),
            sha256: None,
            spki_sha256: key.and_then(public_key_der).map(|spki| Fingerprint::of(&spki)),
        });
    }

    /// What is neither key nor certificate: named, and passed over.
    fn other(&mut self, location: &Location, format: FileFormat) {
        let message = match location {
            location if *location == Location::default() => format!("{format}, which was not used"),
            location => format!("{format} in {location} was not used"),
        };
        self.find(DiagnosticCode::OtherContent, message);
        self.gathered.others.push(format);
        self.part(SourcePart { kind: "other", name: format.to_string(), sha256: None, spki_sha256: None });
    }

    fn part(&mut self, part: SourcePart) {
        if let Some(source) = self.gathered.sources.last_mut() {
            source.parts.push(part);
        }
    }
}
