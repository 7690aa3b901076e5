//! `rm` and `prune`: what can be brought back, and what cannot.

use serde::Serialize;
use strongroom::Alias;

use super::{list::named_entry, now, open};
use crate::{
    args::{Arguments, Prune, Remove},
    failure::Failure,
    prompt::{Unasked, confirm},
    render::Printer,
};

#[derive(Serialize)]
struct Removed {
    alias: String,
    outcome: &'static str,
    /// Whether the private key is still in the file.
    key_kept: bool,
}

pub(super) fn rm(arguments: &Arguments, command: &Remove, printer: &Printer) -> Result<(), Failure> {
    let keystore = open(arguments)?;
    // One that is not there is refused by the engine, which writes it into the log.
    let entry = named_entry(&keystore, &command.alias);
    // What will be refused is not asked about.
    let refused =
        !command.force && keystore.dependents(&command.alias).is_ok_and(|entries| !entries.is_empty());
    if let (Ok(entry), false) = (&entry, refused) {
        confirm(
            arguments,
            &format!("Remove {} ({})?", entry.alias, entry.certificate.subject()),
            Unasked::GoOn,
        )?;
    }
    let (stored, has_key) = match &entry {
        Ok(entry) => (entry.alias.clone(), entry.kind == strongroom::EntryKind::Server),
        Err(_) => (command.alias.clone(), false),
    };
    let done = keystore.remove(&command.alias, command.force, now());
    if let (Err(_), Err(failure)) = (&done, entry) {
        return Err(failure);
    }
    done?;
    let removed = Removed { alias: stored.to_string(), outcome: "removed", key_kept: has_key };
    printer.result(&removed, &[], || {
        let what = if has_key { "key" } else { "certificate" };
        let program = printer.program();
        format!(
            "removed {stored}; to bring it back: {program} undo {stored}\n\
             the {what} stays in the file until: {program} prune {stored}\n"
        )
    });
    Ok(())
}

#[derive(Serialize)]
struct PrunedView {
    /// Null for all.
    alias: Option<String>,
    outcome: &'static str,
    removed_entries: u64,
    versions: u64,
}

pub(super) fn prune(arguments: &Arguments, command: &Prune, printer: &Printer) -> Result<(), Failure> {
    let keystore = open(arguments)?;
    let alias: Option<&Alias> = command.alias.as_ref();
    let of = alias.map_or_else(|| "all entries".to_owned(), ToString::to_string);
    let question = format!(
        "Delete the former versions and removed entries of {of}, with their keys? This cannot be undone."
    );
    // One alias was named; of all it has to be said twice.
    let unasked = if command.all { Unasked::Refuse } else { Unasked::GoOn };
    confirm(arguments, &question, unasked)?;
    let pruned = keystore.prune(alias, now())?;
    let nothing = pruned.versions == 0;
    let view = PrunedView {
        alias: alias.map(ToString::to_string),
        outcome: if nothing { "nothing_to_prune" } else { "pruned" },
        removed_entries: pruned.entries,
        versions: pruned.versions,
    };
    printer.result(&view, &[], || {
        if nothing {
            return format!("there is nothing to prune of {of}\n");
        }
        let plural = |count: u64, one: &str, many: &str| {
            if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
        };
        let versions = plural(pruned.versions, "version", "versions");
        let entries = match pruned.entries {
            0 => String::new(),
            count => format!(", all of {}", plural(count, "removed entry", "removed entries")),
        };
        format!("deleted {versions} of {of}{entries}\n")
    });
    Ok(())
}
