//! `import`: a PKCS #12 file under an alias.

use strongroom::{Error, ImportReport, Password, Pkcs12Error, ServerCertificateRequest};

use super::{now, open, read_file, remarks};
use crate::{
    args::{Arguments, Import, PassIn},
    failure::Failure,
    render::{ImportView, Printer, import_text},
    source::PasswordSource,
};

pub(super) fn run(arguments: &Arguments, command: &Import, printer: &Printer) -> Result<(), Failure> {
    let mut keystore = open(arguments)?;
    let file = read_file(&command.file)?;
    let report = with_password(arguments, &command.password, printer, |password| {
        let mut request = ServerCertificateRequest::new(command.alias.clone(), &file, password, now());
        request.entry = command.entry.clone();
        request.options.policy.use_embedded = command.import_certificate_chain;
        request.options.policy.allow = command.allow.clone();
        request.options.replace = command.replace;
        keystore.import_server_certificate(request)
    })?;
    print(&report, printer);
    Ok(())
}

pub(super) fn print(report: &ImportReport, printer: &Printer) {
    printer.result(&ImportView::of(report), &remarks(&report.findings), || import_text(report));
}

/// Runs `work` with the password of the given source. Without one, the empty password is tried, then a question.
pub(super) fn with_password<T>(
    arguments: &Arguments,
    pass_in: &PassIn,
    printer: &Printer,
    mut work: impl FnMut(&Password) -> Result<T, Error>,
) -> Result<T, Failure> {
    let question = "Password of the file";
    if let Some(source) = &pass_in.source {
        if let Some(warning) = source.warning() {
            printer.warn(warning);
        }
        return Ok(work(&source.read(question, arguments.no_input)?)?);
    }
    match work(&PasswordSource::None.read(question, true)?) {
        Err(Error::Pkcs12(Pkcs12Error::WrongPassword)) => {
            use std::io::IsTerminal as _;
            if arguments.no_input || !std::io::stdin().is_terminal() {
                return Err(Failure::password("the file has a password, and none was given".to_owned()));
            }
            Ok(work(&PasswordSource::Prompt.read(question, false)?)?)
        }
        other => Ok(other?),
    }
}
