//! Exports: a key leaves the store only after the log has said so.

mod backup;
mod plan;

use std::ops::ControlFlow;

use rustls_pki_types::UnixTime;

use super::{
    Keystore, open_row,
    protocol::{Asked, LogNote, Step},
};
use crate::{
    alias::Alias,
    certificate::{Certificate, Fingerprint},
    diagnostic::Diagnostic,
    error::{AuthorityError, Error},
    export::{
        Export, ExportError, ExportedFile, Material, Overwrite, PresentFile, authorities, check, path_of,
        render, same_content,
    },
    inspect::{InspectRequest, Passwords, Reader, inspect},
    instant::seconds,
    secret::Password,
    store::{Action, Happened, Kept},
    validate::Trust,
};

pub use self::plan::{ExportPlan, PlannedFile};

/// What an export gave.
#[derive(Debug)]
#[non_exhaustive]
pub struct Exported {
    /// The alias as it stands in the store; empty for CA certificates.
    pub alias: String,
    /// The version that was exported; 0 for CA certificates.
    pub version: u32,
    /// The files to be written, the one with the key last; none if those that are there have the same content.
    pub files: Vec<ExportedFile>,
    /// What the programs for which it may be meant say to it.
    pub findings: Vec<Diagnostic>,
}

impl Exported {
    /// Whether the files that are there have the same content.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.files.is_empty()
    }

    /// Which programs open a PKCS #12 file that was exported under a password; empty for another form.
    #[must_use]
    pub fn readers(&self, password: &Password, at: UnixTime) -> Vec<Reader> {
        readers(&self.files, Some(password), at)
    }
}

fn readers(files: &[ExportedFile], password: Option<&Password>, at: UnixTime) -> Vec<Reader> {
    let (Some(file), Some(password)) = (files.first(), password) else { return Vec::new() };
    let request = InspectRequest::new(&file.bytes, Passwords::new(password), at);
    inspect(request).map(|(report, _)| report.readers).unwrap_or_default()
}

/// What is to be exported, rendered and read back.
struct Rendered {
    /// Empty for CA certificates.
    alias: String,
    version: u32,
    /// The fingerprint of the leaf; empty for CA certificates.
    leaf: String,
    files: Vec<ExportedFile>,
    findings: Vec<Diagnostic>,
}

impl Rendered {
    /// With these of its files.
    fn exported(self, files: Vec<ExportedFile>) -> Exported {
        Exported { alias: self.alias, version: self.version, files, findings: self.findings }
    }
}

impl Keystore {
    /// Exports an entry with its key and chain: renders the files, reads them back, and writes into the log what goes
    /// where. Only then they are given; writing them is the caller's.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let unlock = strongroom::UnlockKey::generate()?;
    /// # let path = folder.path().join("keystore.db");
    /// # use strongroom::{Keystore, Password, ServerCertificateRequest};
    /// # let keystore = Keystore::create(&path, &unlock, strongroom::UnixTime::now())?;
    /// # let root = std::fs::read("../../fixtures/chains/root-rsa.pem")?;
    /// # keystore.import_authority(&"root".parse()?, &root, strongroom::UnixTime::now())?;
    /// # let file = std::fs::read("../../fixtures/pkcs12/www.p12")?;
    /// # let password = Password::new("changeit")?;
    /// # keystore.import_server_certificate(ServerCertificateRequest::new("www".parse()?, &file, &password, strongroom::UnixTime::now()))?;
    /// use strongroom::{UnixTime, export::{Export, ExportFormat}};
    ///
    /// let exported = keystore.export(&"www".parse()?, &Export::new(ExportFormat::Certbot), UnixTime::now())?;
    /// let names: Vec<&str> = exported.files.iter().map(|file| file.name).collect();
    /// assert_eq!(names, ["chain.pem", "cert.pem", "fullchain.pem", "privkey.pem"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ExportError`]; [`StoreError::NotFound`](crate::store::StoreError::NotFound) if there is no such entry; [`IssuanceError::NoKey`](crate::issuance::IssuanceError::NoKey) for a CA certificate,
    /// and others if the store cannot be read, or its log not be written.
    pub fn export(&self, alias: &Alias, export: &Export<'_>, at: UnixTime) -> Result<Exported, Error> {
        let asked = Asked { action: Action::Export, about: alias.as_str(), at: seconds(at) };
        let done = self.export_entry(alias, export, at);
        self.log_refusal(asked, done)
    }

    fn export_entry(&self, alias: &Alias, export: &Export<'_>, at: UnixTime) -> Result<Exported, Error> {
        let rendered = self.render_entry(alias, export, at)?;
        self.log_export(Action::Export, rendered, export, at)
    }

    /// Renders an entry, at the version that is asked for, with the chain that it has now.
    fn render_entry(&self, alias: &Alias, export: &Export<'_>, at: UnixTime) -> Result<Rendered, Error> {
        let (row, chain, root) = self.server_row_of(alias, export.version, at)?;
        let (alias, version) = (row.head.alias.clone(), row.content.number);
        let (key, _) = open_row(&root, &row)?;
        let path: Vec<Certificate> = chain.path.into_iter().map(|link| link.certificate).collect();
        let material = Material { name: alias.as_str(), key: &key, path: &path };
        let (files, findings) = render(&material, export)?;
        check(&files, &material, export)?;
        let leaf = path.first().map(|leaf| leaf.fingerprint().to_string()).unwrap_or_default();
        Ok(Rendered { alias: alias.to_string(), version, leaf, files, findings })
    }

    /// Exports CA certificates: those of the aliases, or every one that anchors paths.
    ///
    /// As PKCS #12 it is a trust store of Java.
    ///
    /// # Errors
    ///
    /// As for [`export`](Self::export); [`ExportError::Nothing`] if there is none.
    pub fn export_authorities(
        &self,
        aliases: &[Alias],
        export: &Export<'_>,
        at: UnixTime,
    ) -> Result<Exported, Error> {
        let asked = Asked { action: Action::CaExport, about: "", at: seconds(at) };
        let done = self.export_certificates(aliases, export, at);
        self.log_refusal(asked, done)
    }

    fn export_certificates(
        &self,
        aliases: &[Alias],
        export: &Export<'_>,
        at: UnixTime,
    ) -> Result<Exported, Error> {
        let rendered = self.render_authorities(aliases, export, at)?;
        self.log_export(Action::CaExport, rendered, export, at)
    }

    fn render_authorities(
        &self,
        aliases: &[Alias],
        export: &Export<'_>,
        at: UnixTime,
    ) -> Result<Rendered, Error> {
        let named = self.authorities_named(aliases, at)?;
        if named.is_empty() {
            return Err(ExportError::Nothing.into());
        }
        let file = authorities(&named, export)?;
        let certificates: Vec<Certificate> = named.into_iter().map(|(_, certificate)| certificate).collect();
        read_back(&file, &certificates, export)?;
        let (alias, leaf) = (String::new(), String::new());
        Ok(Rendered { alias, version: 0, leaf, files: vec![file], findings: Vec::new() })
    }

    fn authorities_named(
        &self,
        aliases: &[Alias],
        at: UnixTime,
    ) -> Result<Vec<(String, Certificate)>, Error> {
        use super::EntryKind;
        let mut found = Vec::new();
        if !aliases.is_empty() {
            for alias in aliases {
                let entry = self.entry(alias, at)?;
                if !matches!(entry.kind, EntryKind::Authority { .. }) {
                    return Err(AuthorityError::IsServer { alias: entry.alias }.into());
                }
                found.push((entry.alias.to_string(), entry.certificate));
            }
            return Ok(found);
        }
        let mut after = None;
        loop {
            let page = self.page(after.as_ref(), 500, at)?;
            let Some(last) = page.last().map(|entry| entry.alias.clone()) else {
                return Ok(found);
            };
            for entry in page {
                if entry.kind == (EntryKind::Authority { trust: Trust::Anchor }) {
                    found.push((entry.alias.to_string(), entry.certificate));
                }
            }
            after = Some(last);
        }
    }

    /// Whether the files that are there have the same content.
    ///
    /// # Errors
    ///
    /// [`ExportError::Exists`], [`ExportError::Changed`] if one of them may not give way.
    fn weigh(&self, files: &[ExportedFile], export: &Export<'_>) -> Result<bool, Error> {
        let (password, key_password) = (export.password, export.key_password);
        let is_same = |file: &ExportedFile| {
            present(export, file).is_some_and(|there| {
                same_content(export.format, there.bytes, &file.bytes, password, key_password)
            })
        };
        if export.overwrite == Overwrite::IfChanged && files.iter().all(is_same) {
            return Ok(true);
        }
        for file in files {
            let Some(there) = present(export, file) else { continue };
            let path = there.path.to_owned();
            match export.overwrite {
                Overwrite::Always => {}
                Overwrite::Never => return Err(ExportError::Exists { path }.into()),
                Overwrite::IfChanged => {
                    if !is_same(file) && !self.was_exported(&path, &Fingerprint::of(there.bytes))? {
                        return Err(ExportError::Changed { path }.into());
                    }
                }
            }
        }
        Ok(false)
    }

    /// Weighs what is there, and writes a row for each file. Gives no file if nothing has changed.
    fn log_export(
        &self,
        action: Action,
        mut rendered: Rendered,
        export: &Export<'_>,
        at: UnixTime,
    ) -> Result<Exported, Error> {
        let files = std::mem::take(&mut rendered.files);
        if self.weigh(&files, export)? {
            return Ok(rendered.exported(Vec::new()));
        }
        let alias = rendered.alias.as_str();
        let asked = Asked { action, about: alias, at: seconds(at) };
        let notes: Vec<LogNote> = files
            .iter()
            .map(|file| LogNote {
                fingerprint: rendered.leaf.clone(),
                ..LogNote::plain(
                    alias,
                    Happened::Exported {
                        sha256: file.sha256().to_string(),
                        path: path_of(&export.target, file.name),
                    },
                )
            })
            .collect();
        self.attempt(
            asked,
            |write, by| {
                let mut notes = notes;
                let last = notes.pop().unwrap_or_else(|| LogNote::plain(alias, Happened::Written));
                for note in notes {
                    write.audit(note.event(action, by));
                }
                Ok(Step::Changed((), last))
            },
            |_, _, ()| Ok(true),
        )?;
        Ok(rendered.exported(files))
    }

    /// Whether the log says that a file of this digest was exported to a path.
    fn was_exported(&self, path: &str, sha256: &Fingerprint) -> Result<bool, Error> {
        let wanted = Happened::Exported { sha256: sha256.to_string(), path: path.to_owned() }.to_string();
        self.reading(|read| {
            let mut found = false;
            read.log_backwards(&mut |row| {
                found = row.outcome == wanted;
                if found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?;
            if found {
                return Ok(true);
            }
            Ok(read.kept_row(Kept::Export(path))?.is_some_and(|row| row.outcome == wanted))
        })
    }
}

/// The file that is there where one is to be written.
fn present<'p>(export: &Export<'p>, file: &ExportedFile) -> Option<&'p PresentFile<'p>> {
    let path = path_of(&export.target, file.name);
    export.present.iter().find(|there| there.path == path)
}

/// A file of CA certificates has to give every one of them.
fn read_back(file: &ExportedFile, wanted: &[Certificate], export: &Export<'_>) -> Result<(), ExportError> {
    use crate::certificate_file::{CertificateFileRequest, read_certificates};
    let mut request = CertificateFileRequest::new(&file.bytes);
    request.password = export.password;
    request.limits = request.limits.with_max_file_len(crate::limits::Limits::max_file_len_ceiling());
    request.limits.max_certificates = wanted.len();
    request.limits.max_bundle = wanted.len();
    request.limits.max_bags = wanted.len();
    let read = read_certificates(request).map_err(|_| ExportError::NotReadBack)?;
    let known = |one: &Certificate| {
        read.certificates.iter().any(|found| found.certificate.fingerprint == one.fingerprint)
    };
    let single = export.format == crate::export::ExportFormat::Der;
    if wanted.iter().take(if single { 1 } else { wanted.len() }).all(known) {
        Ok(())
    } else {
        Err(ExportError::NotReadBack)
    }
}
