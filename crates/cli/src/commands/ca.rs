//! `ca import` and `ca ls`.

use strongroom::EntryKind;

use super::{
    import::print,
    list::{Listing, all_entries, table},
    now, open, open_read_only, read_file,
};
use crate::{
    args::{Arguments, Ca},
    failure::Failure,
    render::{EntryView, Printer},
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
            let mut entries = all_entries(&mut open_read_only(arguments)?)?;
            entries.retain(|entry| matches!(entry.kind, EntryKind::Authority { .. }));
            let listing = Listing { entries: entries.iter().map(EntryView::of).collect() };
            printer.result(&listing, &[], || {
                table(&entries, "no CA certificates; import one with: strongroom ca import ALIAS FILE\n")
            });
        }
    }
    Ok(())
}
