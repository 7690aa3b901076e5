//! `doctor`: what is wrong with a store or will be, and the command that mends it.

mod entries;
mod files;
pub(super) mod finding;
mod names;
mod store;

use strongroom::remedy::shell_word;

use self::finding::Findings;
use super::{now, store_path};
use crate::{
    args::{Arguments, Doctor},
    failure::{Exit, Failure},
    render::Printer,
};

pub(super) fn run(arguments: &Arguments, command: &Doctor, printer: &Printer) -> Result<(), Failure> {
    let (path, at) = (store_path(arguments)?, now());
    let mut found = Findings::default();
    files::beside(arguments, &path, command.fix, printer, &mut found)?;
    // Who opens the store is refused for the first of these alone.
    if let Some(keystore) = files::open(arguments, command.fix, printer, &mut found)? {
        store::servers(&path, &keystore, at, command.fix, printer, &mut found)?;
        store::web_server(&keystore, at, printer, &mut found)?;
        store::slots(&path, &keystore, command.fix, printer, &mut found)?;
        store::damaged(&keystore, printer, &mut found)?;
        store::requests(&keystore, at, printer, &mut found)?;
        let seen = entries::examine(&keystore, at, printer, &mut found)?;
        names::shared(&keystore, seen, at, printer, &mut found)?;
        store::backup(&keystore, &path, at, printer, &mut found)?;
    }
    found.sort();
    let view = found.view();
    printer.result(&view, &[], || view.text(|colour, text| printer.paint_data(colour, text)));
    if found.has_errors() {
        printer.set_exit(Exit::Validation.code());
    }
    Ok(())
}

/// A command of this program on this store.
fn command(printer: &Printer, arguments: &str) -> Option<String> {
    Some(format!("{} {arguments}", printer.program()))
}

/// A path as a word of a shell.
fn word(path: &std::path::Path) -> String {
    shell_word(&path.display().to_string())
}
