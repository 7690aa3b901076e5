//! What an export would write, without writing or logging it.

use rustls_pki_types::UnixTime;

use super::{Rendered, present, readers};
use crate::{
    alias::Alias,
    diagnostic::Diagnostic,
    error::Error,
    export::{Export, ExportedFile},
    inspect::Reader,
    keystore::Keystore,
};

/// A file that an export would write.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PlannedFile {
    /// Its name in the folder; empty where the export is one file.
    pub name: &'static str,
    /// Whether there is a private key in it.
    pub secret: bool,
    /// What is in it, for people.
    pub contains: Vec<String>,
    /// Whether a file gives way to it.
    pub replaces: bool,
}

/// What an export would give. It holds no content: no private key leaves the store without a row in the log.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ExportPlan {
    /// The alias as it stands in the store; empty for CA certificates.
    pub alias: String,
    /// The version that would be exported; 0 for CA certificates.
    pub version: u32,
    /// The files that would be written; none if those that are there have the same content.
    pub files: Vec<PlannedFile>,
    /// What the programs for which it may be meant say to it.
    pub findings: Vec<Diagnostic>,
    /// Which programs open it, if it is a PKCS #12 file.
    pub readers: Vec<Reader>,
}

impl ExportPlan {
    fn of(rendered: Rendered, unchanged: bool, export: &Export<'_>, at: UnixTime) -> Self {
        let Rendered { alias, version, files, findings, .. } = rendered;
        let planned = |file: &ExportedFile| PlannedFile {
            name: file.name,
            secret: file.secret,
            contains: file.contains.clone(),
            replaces: present(export, file).is_some(),
        };
        let readers = readers(&files, export.password, at);
        let files = files.iter().filter(|_| !unchanged).map(planned).collect();
        Self { alias, version, files, findings, readers }
    }

    /// Whether the files that are there have the same content.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.files.is_empty()
    }
}

impl Keystore {
    /// What [`export`](Self::export) would write. Neither it nor its refusal is logged.
    ///
    /// # Errors
    ///
    /// As for [`export`](Self::export).
    pub fn plan_export(&self, alias: &Alias, export: &Export<'_>, at: UnixTime) -> Result<ExportPlan, Error> {
        self.planned(self.render_entry(alias, export, at)?, export, at)
    }

    /// What [`export_authorities`](Self::export_authorities) would write. Neither it nor its refusal is logged.
    ///
    /// # Errors
    ///
    /// As for [`export_authorities`](Self::export_authorities).
    pub fn plan_export_authorities(
        &self,
        aliases: &[Alias],
        export: &Export<'_>,
        at: UnixTime,
    ) -> Result<ExportPlan, Error> {
        self.planned(self.render_authorities(aliases, export, at)?, export, at)
    }

    /// Weighs what is there, by the log of this store.
    pub(super) fn planned(
        &self,
        rendered: Rendered,
        export: &Export<'_>,
        at: UnixTime,
    ) -> Result<ExportPlan, Error> {
        let unchanged = self.weigh(&rendered.files, export)?;
        Ok(ExportPlan::of(rendered, unchanged, export, at))
    }
}
