//! `inspect`: what is in a file.

use strongroom::inspect::{InspectRequest, inspect};

use super::{now, passwords::with_passwords, read_file};
use crate::{
    args::{Arguments, Inspect},
    failure::Failure,
    render::{Printer, file_text},
};

pub(super) fn run(arguments: &Arguments, command: &Inspect, printer: &Printer) -> Result<(), Failure> {
    let file = read_file(&command.file)?;
    let at = now();
    let (report, remarks) =
        with_passwords(arguments, &command.password, Some(&file), printer, |passwords| {
            let mut request = InspectRequest::new(&file, passwords, at);
            request.limits = command.password.limits();
            inspect(request)
        })?;
    printer.result(&report, &remarks, || file_text(&report));
    Ok(())
}
