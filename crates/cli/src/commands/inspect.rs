//! `inspect`: what is in a file.

use strongroom::inspect;

use super::{import::with_passwords, now, read_file, seconds};
use crate::{
    args::{Arguments, Inspect},
    failure::Failure,
    render::{Printer, file_text},
};

pub(super) fn run(arguments: &Arguments, command: &Inspect, printer: &Printer) -> Result<(), Failure> {
    let file = read_file(&command.file)?;
    let at = seconds(now());
    let (report, remarks) = with_passwords(arguments, &command.password, printer, |passwords| {
        Ok(inspect(&file, passwords, &command.password.limits(), at)?)
    })?;
    printer.result(&report, &remarks, || file_text(&report));
    Ok(())
}
