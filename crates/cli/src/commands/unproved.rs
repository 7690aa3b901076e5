//! `--unlock none`: what the commands have in common that read a store without opening it.

use strongroom::keystore::UnprovedStore;

use super::existing_store;
use crate::{
    args::Arguments,
    failure::{Exit, Failure},
    render::Printer,
};

/// Said wherever something is shown that nothing proves.
pub(super) const NOT_PROVED: &str =
    "not proved: the store was not opened, and whoever can write its file can have written this";

/// Reads the store as it stands.
pub(super) fn read(arguments: &Arguments) -> Result<UnprovedStore, Failure> {
    Ok(UnprovedStore::open(existing_store(arguments)?)?)
}

/// Refuses `--accept-unproved` where everything is proved: whoever asked for it expected something else.
pub(super) fn check_accepts(arguments: &Arguments, accepts: bool) -> Result<(), Failure> {
    if accepts && !arguments.opens_nothing() {
        let message = "--accept-unproved goes with --unlock none: what is read of an open store is proved";
        return Err(Failure::new(Exit::Usage, "usage", "arguments", message.to_owned()));
    }
    Ok(())
}

/// The exit code of an answer that nothing proves: a good one is no answer, unless it is accepted as it is.
pub(super) fn exit(code: u8, accepts: bool, printer: &Printer) -> u8 {
    if code != 0 || accepts {
        return code;
    }
    printer.warn("nothing that was read is proved, so the exit code is 8; with --accept-unproved it is 0");
    Exit::Store.code()
}
