//! `import`: a PKCS #12 file under an alias.

mod embedded;

use strongroom::{
    CredentialRequest, Error, ImportReport, Password, Passwords, Pkcs12Error, ServerCertificateRequest,
};

use super::{now, open, read_file};
use crate::{
    args::{Arguments, Import, PassIn},
    failure::{Exit, Failure},
    hint,
    render::{ImportView, Printer, import_text},
    source::PasswordSource,
};

pub(super) fn run(arguments: &Arguments, command: &Import, printer: &Printer) -> Result<(), Failure> {
    if command.with_embedded_ca && !command.import_certificate_chain {
        let message = "--with-embedded-ca imports the CA certificates of the file, and --import-certificate-chain false forbids it";
        return Err(Failure::new(Exit::Usage, "usage", "arguments", message.to_owned()));
    }
    let keystore = open(arguments)?;
    let file = read_file(&command.file)?;
    let done = with_passwords(arguments, &command.password, &file, printer, |passwords| {
        let mut request = ServerCertificateRequest::new(command.alias.clone(), &file, passwords.file, now());
        request.key_passwords = passwords.keys;
        request.limits = command.password.limits();
        request.entry = command.entry.clone();
        request.options.policy.use_embedded = command.import_certificate_chain;
        request.options.policy.allow = command.allow.clone();
        request.options.replace = command.replace;
        request.options.dry_run = command.dry_run;
        if command.with_embedded_ca {
            return keystore.open_server_certificate(request).map(|opened| Done::Opened(Box::new(opened)));
        }
        keystore.import_server_certificate(request).map(Done::Imported)
    })?;
    let report = match done {
        Done::Imported(report) => report,
        Done::Opened(opened) => embedded::import(arguments, command, &keystore, *opened, printer)?,
    };
    print(&report, printer);
    Ok(())
}

/// How far an import has come when the password is no longer needed.
enum Done {
    Imported(ImportReport),
    Opened(Box<CredentialRequest>),
}

pub(super) fn print(report: &ImportReport, printer: &Printer) {
    printer.result(&ImportView::of(report), &report.findings, || import_text(report));
}

/// Runs `work` with the passwords of the given sources. Without one, the empty password is tried, then a question.
pub(super) fn with_passwords<T>(
    arguments: &Arguments,
    pass_in: &PassIn,
    file: &[u8],
    printer: &Printer,
    mut work: impl FnMut(Passwords<'_>) -> Result<T, Error>,
) -> Result<T, Failure> {
    let sources = pass_in.source.iter().chain(&pass_in.key_sources);
    if let Some(warning) = sources.filter_map(PasswordSource::warning).next() {
        printer.warn(warning);
    }
    let question = "Password of the file";
    let given =
        pass_in.source.as_ref().map(|source| source.read(question, arguments.no_input)).transpose()?;
    let read = |source: &PasswordSource| source.read("Password of the private key", arguments.no_input);
    let keys: Vec<Password> = pass_in.key_sources.iter().map(read).collect::<Result<_, _>>()?;
    let mut run = |file: &Password| {
        let mut passwords = Passwords::new(file);
        passwords.keys = &keys;
        work(passwords)
    };
    let explained =
        |error: Error, password: &Password| hint::explain(error.into(), password, file, pass_in.limits());
    if let Some(password) = given {
        return run(&password).map_err(|error| explained(error, &password));
    }
    match run(&PasswordSource::None.read(question, true)?) {
        Err(Error::Pkcs12(Pkcs12Error::WrongPassword)) => {
            use std::io::IsTerminal as _;
            if arguments.no_input || !std::io::stdin().is_terminal() {
                return Err(Failure::password("the file has a password, and none was given".to_owned()));
            }
            let password = PasswordSource::Prompt.read(question, false)?;
            run(&password).map_err(|error| explained(error, &password))
        }
        other => Ok(other?),
    }
}
