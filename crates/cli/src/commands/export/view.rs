//! What an export says of itself.

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;
use strongroom::{
    diagnostic::Diagnostic,
    export::{ExportFormat, ExportedFile, Profile},
    inspect::Reader,
    keystore::{ExportPlan, Exported, PlannedFile},
};

use crate::commands::new_file;

#[derive(JsonSchema, Serialize)]
pub(super) struct FileView {
    path: String,
    /// Octal.
    mode: String,
    contains: Vec<String>,
    /// Null where nothing was written.
    sha256: Option<String>,
    /// Whether a file gave way to it, or would.
    replaces: bool,
}

impl FileView {
    pub(super) fn written(path: &Path, file: &ExportedFile, replaces: bool) -> Self {
        let sha256 = Some(file.sha256().to_string());
        Self::of(path, file.secret, &file.contains, sha256, replaces)
    }

    pub(super) fn planned(path: &Path, file: &PlannedFile) -> Self {
        Self::of(path, file.secret, &file.contains, None, file.replaces)
    }

    fn of(path: &Path, secret: bool, contains: &[String], sha256: Option<String>, replaces: bool) -> Self {
        let mode = format!("{:04o}", new_file::mode(secret));
        Self { path: path.display().to_string(), mode, contains: contains.to_vec(), sha256, replaces }
    }
}

#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct ExportView<'a> {
    alias: Option<&'a str>,
    version: Option<u32>,
    dry_run: bool,
    /// `written` or `unchanged`; of a dry run what it would be.
    outcome: &'static str,
    format: &'static str,
    profile: Option<&'static str>,
    /// Whether a row in the log of the store says so.
    logged: bool,
    files: Vec<FileView>,
    readers: Vec<Reader>,
    #[serde(skip)]
    pub(super) warnings: &'a [Diagnostic],
}

/// What an export gave, or would give.
pub(super) struct Facts<'a> {
    pub(super) alias: &'a str,
    pub(super) version: u32,
    pub(super) warnings: &'a [Diagnostic],
    pub(super) readers: Vec<Reader>,
    pub(super) dry_run: bool,
}

impl<'a> Facts<'a> {
    pub(super) fn of(exported: &'a Exported, readers: Vec<Reader>) -> Self {
        let Exported { alias, version, findings, .. } = exported;
        Self { alias, version: *version, warnings: findings, readers, dry_run: false }
    }

    pub(super) fn planned(plan: &'a ExportPlan) -> Self {
        let ExportPlan { alias, version, findings, readers, .. } = plan;
        Self { alias, version: *version, warnings: findings, readers: readers.clone(), dry_run: true }
    }
}

impl<'a> ExportView<'a> {
    pub(super) fn new(facts: Facts<'a>, format: ExportFormat, logged: bool, files: Vec<FileView>) -> Self {
        let profile = match format {
            ExportFormat::Pkcs12(profile) => Some(profile.as_str()),
            _ => None,
        };
        let unchanged = files.is_empty();
        Self {
            alias: Some(facts.alias).filter(|alias| !alias.is_empty()),
            version: Some(facts.version).filter(|version| *version > 0),
            dry_run: facts.dry_run,
            outcome: if unchanged { "unchanged" } else { "written" },
            format: format.as_str(),
            profile,
            logged: logged && !unchanged && !facts.dry_run,
            files,
            readers: facts.readers,
            warnings: facts.warnings,
        }
    }

    pub(super) fn is_unchanged(&self) -> bool {
        self.files.is_empty()
    }

    pub(super) fn text(&self, output: &Path) -> String {
        if self.files.is_empty() {
            return format!("unchanged: {} has the same content already\n", output.display());
        }
        let mut text = String::new();
        for file in &self.files {
            let verb = if self.dry_run { "would write" } else { "wrote" };
            let over = if self.dry_run && file.replaces { ", over the file that is there" } else { "" };
            text.push_str(&format!(
                "{verb} {} ({}): {}{}{over}\n",
                file.path,
                file.mode,
                file.contains.join(", "),
                self.profile_text()
            ));
        }
        if self.dry_run {
            for (does, opens) in [("opened by", true), ("not opened by", false)] {
                let names: Vec<&str> =
                    self.readers.iter().filter(|reader| reader.opens == opens).map(|one| one.name).collect();
                if !names.is_empty() {
                    text.push_str(&format!("  {does} {}\n", names.join(", ")));
                }
            }
        }
        text
    }

    fn profile_text(&self) -> String {
        match self.profile {
            Some(word) if word.parse::<Profile>().is_ok_and(Profile::is_legacy) => {
                format!(", 3DES and SHA-1, for {word}")
            }
            Some(word) => format!(", in the profile {word}"),
            None => String::new(),
        }
    }
}
