//! `export` and `ca export`: entries and CA certificates as files for other programs.

use std::{
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
};

use serde::Serialize;
use strongroom::{
    Password,
    export::{Export, ExportFormat, Overwrite, PresentFile, Profile},
    inspect::{InspectRequest, Passwords, Reader, inspect},
    keystore::Exported,
};
use zeroize::Zeroizing;

use super::{new_file, now, open};
use crate::{
    args::{Arguments, CaExport, Export as Command, FormatWord, LayoutWord, OverwriteArgs},
    failure::{Exit, Failure},
    render::Printer,
    source::PasswordSource,
};

/// Nothing changed: for `--if-changed` alone.
const UNCHANGED: u8 = 9;

/// The names of the files of a layout; the empty one is the target itself.
const CERTBOT: [&str; 4] = ["cert.pem", "chain.pem", "fullchain.pem", "privkey.pem"];
const KUBERNETES: [&str; 3] = ["tls.crt", "ca.crt", "tls.key"];

#[derive(Serialize)]
struct FileView {
    file: String,
    /// Octal.
    mode: Option<String>,
    contains: Vec<String>,
    sha256: String,
}

#[derive(Serialize)]
struct ExportView<'a> {
    alias: Option<&'a str>,
    version: Option<u32>,
    /// `written` or `unchanged`.
    outcome: &'static str,
    format: &'static str,
    profile: Option<&'static str>,
    files: Vec<FileView>,
    readers: Vec<Reader>,
}

fn wrong_call(message: impl Into<String>) -> Failure {
    Failure::new(Exit::Usage, "usage", "arguments", message.into())
}

pub(super) fn run(arguments: &Arguments, command: &Command, printer: &Printer) -> Result<(), Failure> {
    let format = format(command)?;
    let plain_certificates = command.format.is_none() && has_ending(&command.output, &["crt", "cer"]);
    let with_key = !command.no_key && !plain_certificates;
    let work = Work { output: &command.output, format, overwrite: &command.overwrite };
    work.check(with_key && format.takes_key(), arguments)?;
    let keystore = open(arguments)?;
    let password = password_out(arguments, command.source.as_ref(), "file", printer)?;
    let key_password = password_out(arguments, command.key_source.as_ref(), "private key", printer)?;
    let mut export = Export::new(format);
    export.chain = command.chain.map(Into::into);
    export.with_key = with_key;
    export.password = password.as_ref();
    export.key_password = key_password.as_ref();
    export.name.clone_from(&command.name);
    let exported = work.run(export, |export| keystore.export(&command.alias, export, now()))?;
    if (!with_key || !format.takes_key()) && !command.no_key && !arguments.json {
        printer.note("without the private key: this form holds certificates alone");
    }
    work.print(&exported, password.as_ref(), printer)
}

pub(super) fn run_ca(arguments: &Arguments, command: &CaExport, printer: &Printer) -> Result<(), Failure> {
    let word = command.format.or_else(|| by_ending(&command.output)).ok_or_else(no_format)?;
    let format = word.format(Profile::Modern);
    if format == ExportFormat::Der && command.aliases.len() != 1 {
        return Err(wrong_call("a DER file holds one certificate: give one alias"));
    }
    let work = Work { output: &command.output, format, overwrite: &command.overwrite };
    work.check(false, arguments)?;
    let keystore = open(arguments)?;
    let password = password_out(arguments, command.source.as_ref(), "file", printer)?;
    let mut export = Export::new(format);
    export.password = password.as_ref();
    let exported = work.run(export, |export| keystore.export_authorities(&command.aliases, export, now()))?;
    work.print(&exported, password.as_ref(), printer)
}

fn no_format() -> Failure {
    wrong_call("the ending of the file does not say what it is to be: give --format p12, pem, der or p7b")
}

fn format(command: &Command) -> Result<ExportFormat, Failure> {
    let format = match command.layout {
        Some(LayoutWord::Certbot) => ExportFormat::Certbot,
        Some(LayoutWord::Kubernetes) => ExportFormat::Kubernetes,
        Some(LayoutWord::Haproxy) => ExportFormat::Pem,
        None => {
            // Only a PKCS #12 file has a profile.
            let by_profile = command.profile.map(|_| FormatWord::P12);
            let word = command.format.or_else(|| by_ending(&command.output)).or(by_profile);
            word.ok_or_else(no_format)?.format(command.profile.unwrap_or_default())
        }
    };
    let is_p12 = matches!(format, ExportFormat::Pkcs12(_));
    if !is_p12 && (command.profile.is_some() || command.source.is_some() || command.name.is_some()) {
        return Err(wrong_call(
            "--profile, --pass-out and --name are for PKCS #12; a key in PEM has --key-pass-out",
        ));
    }
    if command.key_source.is_some() && (is_p12 || !format.takes_key() || command.no_key) {
        return Err(wrong_call("--key-pass-out is for a private key in PEM"));
    }
    Ok(format)
}

fn has_ending(path: &Path, endings: &[&str]) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
    ending.is_some_and(|ending| endings.contains(&ending.as_str()))
}

fn by_ending(path: &Path) -> Option<FormatWord> {
    [
        (FormatWord::P12, &["p12", "pfx"][..]),
        (FormatWord::Pem, &["pem", "crt", "cer"]),
        (FormatWord::Der, &["der"]),
        (FormatWord::P7b, &["p7b", "p7c"]),
    ]
    .into_iter()
    .find(|(_, endings)| has_ending(path, endings))
    .map(|(word, _)| word)
}

/// A new password; one that is typed is asked for twice.
fn password_out(
    arguments: &Arguments,
    source: Option<&PasswordSource>,
    of: &str,
    printer: &Printer,
) -> Result<Option<Password>, Failure> {
    let Some(source) = source else { return Ok(None) };
    if let Some(warning) = source.warning() {
        printer.warn(warning);
    }
    let password = source.read(&format!("New password of the {of}"), arguments.no_input)?;
    if matches!(source, PasswordSource::Prompt) {
        let again = source.read("The same again", arguments.no_input)?;
        // EXPOSE: what was typed twice is compared.
        if again.expose() != password.expose() {
            return Err(Failure::password("the two passwords are not the same".to_owned()));
        }
    }
    Ok(Some(password))
}

/// Where an export goes, and how.
struct Work<'a> {
    output: &'a Path,
    format: ExportFormat,
    overwrite: &'a OverwriteArgs,
}

impl Work<'_> {
    fn is_stdout(&self) -> bool {
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
    fn check(&self, has_key: bool, arguments: &Arguments) -> Result<(), Failure> {
        if self.is_stdout() {
            if self.is_folder() {
                return Err(wrong_call("this layout has several files: give a folder with --output"));
            }
            if arguments.json || self.overwrite.if_changed {
                return Err(wrong_call(
                    "with -o - the file itself goes to standard output: leave --json and --if-changed out",
                ));
            }
            if has_key && io::stdout().is_terminal() {
                return Err(wrong_call("a private key is not written to a terminal: give a file"));
            }
        } else if self.is_folder() && self.output.exists() && !self.output.is_dir() {
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

    /// Exports, and writes the files.
    fn run(
        &self,
        mut export: Export<'_>,
        give: impl FnOnce(&Export<'_>) -> Result<Exported, strongroom::Error>,
    ) -> Result<Exported, Failure> {
        export.target = self.target()?;
        export.overwrite = match (self.overwrite.if_changed, self.overwrite.force) {
            (true, _) => Overwrite::IfChanged,
            (_, true) => Overwrite::Always,
            _ => Overwrite::Never,
        };
        let mut there: Vec<(String, Zeroizing<Vec<u8>>)> = Vec::new();
        if !self.is_stdout() {
            for name in self.names() {
                if let Some(bytes) = new_file::present(&self.path(name))? {
                    let target = export.target.trim_end_matches('/');
                    let path = if name.is_empty() { target.to_owned() } else { format!("{target}/{name}") };
                    there.push((path, bytes));
                }
            }
        }
        let present: Vec<PresentFile<'_>> =
            there.iter().map(|(path, bytes)| PresentFile::new(path, bytes)).collect();
        let mut export = export;
        export.present = &present;
        let exported = give(&export)?;
        if self.is_stdout() || exported.is_unchanged() {
            return Ok(exported);
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
        new_file::write(self.is_folder().then_some(self.output), &new)?;
        Ok(exported)
    }

    fn print(
        &self,
        exported: &Exported,
        password: Option<&Password>,
        printer: &Printer,
    ) -> Result<(), Failure> {
        let warnings = &exported.findings;
        if self.is_stdout() {
            warnings.iter().for_each(|warning| printer.warn(&warning.message));
            exported.files.iter().for_each(|file| printer.bytes(&file.bytes));
            return Ok(());
        }
        let profile = match self.format {
            ExportFormat::Pkcs12(profile) => Some(profile),
            _ => None,
        };
        let view = ExportView {
            alias: Some(exported.alias.as_str()).filter(|alias| !alias.is_empty()),
            version: Some(exported.version).filter(|version| *version > 0),
            outcome: if exported.is_unchanged() { "unchanged" } else { "written" },
            format: self.format.as_str(),
            profile: profile.map(Profile::as_str),
            files: exported
                .files
                .iter()
                .map(|file| FileView {
                    file: self.path(file.name).display().to_string(),
                    mode: Some(format!("{:04o}", new_file::mode(file))),
                    contains: file.contains.clone(),
                    sha256: file.sha256().to_string(),
                })
                .collect(),
            readers: readers(exported, profile, password),
        };
        printer.result(&view, warnings, || text(&view, self.output));
        if exported.is_unchanged() {
            printer.set_exit(UNCHANGED);
        }
        Ok(())
    }
}

/// Which programs open a PKCS #12 file, by its algorithms.
fn readers(exported: &Exported, profile: Option<Profile>, password: Option<&Password>) -> Vec<Reader> {
    let (Some(_), Some(password), Some(file)) = (profile, password, exported.files.first()) else {
        return Vec::new();
    };
    let request = InspectRequest::new(&file.bytes, Passwords::new(password), now());
    inspect(request).map(|(report, _)| report.readers).unwrap_or_default()
}

fn text(view: &ExportView<'_>, output: &Path) -> String {
    if view.files.is_empty() {
        return format!("unchanged: {} has the same content already\n", output.display());
    }
    let mut text = String::new();
    for file in &view.files {
        let mode = file.mode.as_deref().unwrap_or_default();
        let profile = match view.profile {
            Some(word @ ("modern" | "fips")) => format!(", in the profile {word}"),
            Some(word) => format!(", 3DES and SHA-1, for {word}"),
            None => String::new(),
        };
        text.push_str(&format!("wrote {} ({mode}): {}{profile}\n", file.file, file.contains.join(", ")));
    }
    text
}
