//! `ca import` and `ca ls`.

use strongroom::{Entry, EntryKind};

use super::{import::print, list::stream, now, open, open_read_only, read_file};
use crate::{
    args::{Arguments, Ca},
    failure::Failure,
    render::Printer,
};

pub(super) fn run(arguments: &Arguments, command: &Ca, printer: &Printer) -> Result<(), Failure> {
    match command {
        Ca::Import { alias, file } => {
            let mut keystore = open(arguments)?;
            let bytes = read_file(file)?;
            let report = keystore.import_authority(alias, &bytes, now())?;
            print(&report, printer);
        }
        Ca::Ls => {
            let is_authority = |entry: &Entry| matches!(entry.kind, EntryKind::Authority { .. });
            let nothing = "no CA certificates; import one with: strongroom ca import ALIAS FILE\n";
            stream(&mut open_read_only(arguments)?, printer, is_authority, nothing)?;
        }
    }
    Ok(())
}
