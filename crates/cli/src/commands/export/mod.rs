//! `export` and `ca export`: entries and CA certificates as files for other programs.

mod backup;
pub(super) mod view;
mod work;

use std::path::Path;

use strongroom::{
    Password,
    export::{Export, ExportFormat, Profile},
};

use self::work::Work;
use super::{now, open, open_read_only};
use crate::{
    args::{Arguments, CaExport, Export as Command, FormatWord, LayoutWord},
    failure::{Exit, Failure},
    render::Printer,
    source::PasswordSource,
};

/// Nothing changed: for `--if-changed` alone.
const UNCHANGED: u8 = 9;

fn wrong_call(message: impl Into<String>) -> Failure {
    Failure::new(Exit::Usage, "usage", "arguments", message.into())
}

pub(super) fn run(arguments: &Arguments, command: &Command, printer: &Printer) -> Result<(), Failure> {
    let format = format(command)?;
    let plain_certificates = command.format.is_none() && has_ending(&command.output, &["crt", "cer"]);
    let has_key = !command.no_key && !plain_certificates && format.takes_key();
    let overwrite = &command.overwrite;
    let work = Work { output: &command.output, format, overwrite, has_key };
    work.check(arguments)?;
    let source = match &command.from {
        Some(file) => backup::open(arguments, command, file, printer)?,
        None if overwrite.dry_run => backup::Source::Store(open_read_only(arguments, printer)?),
        None => backup::Source::Store(open(arguments)?),
    };
    let password = password_out(arguments, command.source.as_ref(), "file", printer)?;
    let key_password = password_out(arguments, command.key_source.as_ref(), "private key", printer)?;
    let mut export = Export::new(format);
    export.chain = command.chain.map(Into::into);
    export.with_key = has_key;
    export.password = password.as_ref();
    export.key_password = key_password.as_ref();
    export.key_form = command.key_format.unwrap_or_default();
    (export.iterations, export.version) = (command.iterations, command.alias.version);
    export.name.clone_from(&command.name);
    if !has_key && !command.no_key && !arguments.json {
        printer.note("without the private key: this form holds certificates alone");
    }
    let alias = &command.alias.alias;
    if overwrite.dry_run {
        work.plan(export, printer, |export| source.plan(alias, export))
    } else {
        work.write(export, source.is_logged(), printer, |export| source.export(alias, export))
    }
}

pub(super) fn run_ca(arguments: &Arguments, command: &CaExport, printer: &Printer) -> Result<(), Failure> {
    let word = command.format.or_else(|| by_ending(&command.output)).ok_or_else(no_format)?;
    let format = word.format(Profile::Modern);
    if format == ExportFormat::Der && command.aliases.len() != 1 {
        return Err(wrong_call("a DER file holds one certificate: give one alias"));
    }
    let work = Work { output: &command.output, format, overwrite: &command.overwrite, has_key: false };
    work.check(arguments)?;
    let dry_run = command.overwrite.dry_run;
    let keystore = if dry_run { open_read_only(arguments, printer)? } else { open(arguments)? };
    let password = password_out(arguments, command.source.as_ref(), "file", printer)?;
    let mut export = Export::new(format);
    export.password = password.as_ref();
    let aliases = &command.aliases;
    if dry_run {
        work.plan(export, printer, |export| keystore.plan_export_authorities(aliases, export, now()))
    } else {
        work.write(export, true, printer, |export| keystore.export_authorities(aliases, export, now()))
    }
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
    let in_pem = !is_p12 && format.takes_key() && !command.no_key;
    if !in_pem && (command.key_source.is_some() || command.key_format.is_some()) {
        return Err(wrong_call("--key-pass-out and --key-format are for a private key in PEM"));
    }
    if command.iterations.is_some() && !is_p12 && command.key_source.is_none() {
        return Err(wrong_call(
            "--iterations is for what has a password: PKCS #12, or a key with --key-pass-out",
        ));
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
