//! Where an export goes: what is there is looked at, and what is new written.

use std::{
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
};

use strongroom::{
    Password,
    export::{Export, ExportFormat, Overwrite, PresentFile},
    keystore::{ExportPlan, Exported},
};
use zeroize::Zeroizing;

use super::{
    UNCHANGED,
    view::{ExportView, Facts, FileView},
    wrong_call,
};
use crate::{
    args::{Arguments, OverwriteArgs},
    commands::{new_file, now},
    failure::{Exit, Failure},
    render::Printer,
};

/// The names of the files of a layout, that of the key last; the empty one is the target itself.
const CERTBOT: [&str; 4] = ["chain.pem", "cert.pem", "fullchain.pem", "privkey.pem"];
const KUBERNETES: [&str; 3] = ["ca.crt", "tls.crt", "tls.key"];

/// What there is at the paths that are written to.
type Present = Vec<(String, Zeroizing<Vec<u8>>)>;

/// Where an export goes, and how.
pub(super) struct Work<'a> {
    pub(super) output: &'a Path,
    pub(super) format: ExportFormat,
    pub(super) overwrite: &'a OverwriteArgs,
    pub(super) has_key: bool,
}

impl Work<'_> {
    pub(super) fn is_stdout(&self) -> bool {
        self.output == Path::new("-")
    }

    fn names(&self) -> &'static [&'static str] {
        match self.format {
            ExportFormat::Certbot => &CERTBOT,
            ExportFormat::Kubernetes => &KUBERNETES,
            _ => &[""],
        }
    }

    fn is_folder(&self) -> bool {
        self.names().len() > 1
    }

    /// What cannot be, before anything is asked or opened.
    pub(super) fn check(&self, arguments: &Arguments) -> Result<(), Failure> {
        if self.is_stdout() && !self.overwrite.dry_run {
            if self.is_folder() {
                return Err(wrong_call("this layout has several files: give a folder with --output"));
            }
            if arguments.json || self.overwrite.if_changed {
                return Err(wrong_call(
                    "with -o - the file itself goes to standard output: leave --json and --if-changed out",
                ));
            }
            if self.has_key && io::stdout().is_terminal() {
                return Err(wrong_call("a private key is not written to a terminal: give a file"));
            }
        }
        if self.is_folder() && self.output.exists() && !self.output.is_dir() {
            return Err(wrong_call(format!(
                "{} is a file, and this layout is a folder",
                self.output.display()
            )));
        }
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        if name.is_empty() { self.output.to_owned() } else { self.output.join(name) }
    }

    /// Where it goes, for the log: from the root of the file system, so that a row means one file.
    fn target(&self) -> Result<String, Failure> {
        if self.is_stdout() {
            return Ok("-".to_owned());
        }
        let absolute = std::path::absolute(self.output).map_err(|error| {
            let message = format!("cannot find {}: {error}", self.output.display());
            Failure::new(Exit::File, "file_unreadable", "container", message)
        })?;
        Ok(absolute.display().to_string())
    }

    /// What is there where something is to be written.
    fn present(&self, target: &str) -> Result<Present, Failure> {
        let mut there = Vec::new();
        if self.is_stdout() {
            return Ok(there);
        }
        for name in self.names() {
            if let Some(bytes) = new_file::present(&self.path(name))? {
                let target = target.trim_end_matches('/');
                let path = if name.is_empty() { target.to_owned() } else { format!("{target}/{name}") };
                there.push((path, bytes));
            }
        }
        Ok(there)
    }

    /// Hands the whole request to `give`.
    fn asked<T>(
        &self,
        mut export: Export<'_>,
        give: impl FnOnce(&Export<'_>) -> Result<T, strongroom::Error>,
    ) -> Result<T, Failure> {
        export.target = self.target()?;
        export.overwrite = match (self.overwrite.if_changed, self.overwrite.force) {
            (true, _) => Overwrite::IfChanged,
            (_, true) => Overwrite::Always,
            _ => Overwrite::Never,
        };
        let there = self.present(&export.target)?;
        let present: Vec<PresentFile<'_>> =
            there.iter().map(|(path, bytes)| PresentFile::new(path, bytes)).collect();
        let mut export = export;
        export.present = &present;
        Ok(give(&export)?)
    }

    /// Exports, writes the files, and says so. `logged` is whether a log has it.
    pub(super) fn write(
        &self,
        export: Export<'_>,
        logged: bool,
        printer: &Printer,
        give: impl FnOnce(&Export<'_>) -> Result<Exported, strongroom::Error>,
    ) -> Result<(), Failure> {
        let password: Option<&Password> = export.password;
        let exported = self.asked(export, give)?;
        if self.is_stdout() {
            exported.findings.iter().for_each(|warning| printer.warn(&warning.message));
            exported.files.iter().for_each(|file| printer.bytes(&file.bytes));
            return Ok(());
        }
        let new: Vec<_> = exported
            .files
            .iter()
            .map(|file| {
                let path = self.path(file.name);
                let replaces = path.symlink_metadata().is_ok();
                (path, file, replaces)
            })
            .collect();
        if exported.is_unchanged() {
            self.narrow(printer)?;
        } else {
            new_file::write(self.is_folder().then_some(self.output), &new)?;
            self.name_leftovers(&exported, printer);
        }
        let files =
            new.iter().map(|(path, file, replaces)| FileView::written(path, file, *replaces)).collect();
        let readers = password.map(|password| exported.readers(password, now())).unwrap_or_default();
        self.print(Facts::of(&exported, readers), logged, files, printer);
        Ok(())
    }

    /// Says what would be written.
    pub(super) fn plan(
        &self,
        export: Export<'_>,
        printer: &Printer,
        give: impl FnOnce(&Export<'_>) -> Result<ExportPlan, strongroom::Error>,
    ) -> Result<(), Failure> {
        let plan = self.asked(export, give)?;
        let files = plan.files.iter().map(|file| FileView::planned(&self.path(file.name), file)).collect();
        self.print(Facts::planned(&plan), false, files, printer);
        Ok(())
    }

    fn print(&self, facts: Facts<'_>, logged: bool, files: Vec<FileView>, printer: &Printer) {
        let view = ExportView::new(facts, self.format, logged, files);
        printer.result(&view, view.warnings, || view.text(self.output));
        if view.is_unchanged() {
            printer.set_exit(UNCHANGED);
        }
    }

    /// A file with a key that others can read by now is their owner's alone again, though its content stays.
    fn narrow(&self, printer: &Printer) -> Result<(), Failure> {
        let Some(name) = self.names().last().filter(|_| self.has_key) else { return Ok(()) };
        let path = self.path(name);
        if let Some(mode) = new_file::narrow(&path)? {
            printer.warn(&format!("{} had the mode {mode:04o}, and has 0600 again", path.display()));
        }
        Ok(())
    }

    /// Files of this layout that another export wrote, and that this one has not: they are not of this version.
    fn name_leftovers(&self, exported: &Exported, printer: &Printer) {
        for name in self.names() {
            let path = self.path(name);
            if exported.files.iter().all(|file| file.name != *name) && path.symlink_metadata().is_ok() {
                printer.warn(&format!("{} is left as it was: this export has no such file", path.display()));
            }
        }
    }
}
