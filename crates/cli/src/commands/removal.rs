//! `rm`: what can be brought back.

use schemars::JsonSchema;
use serde::Serialize;
use strongroom::{Alias, Keystore, keystore::EntryKind, store::StoreError};

use super::{ca::check_authority, list::named_entry, now, open, open_read_only};
use crate::{
    args::{Arguments, CaRemove, Remove},
    failure::Failure,
    prompt::{Unasked, confirm},
    render::{Printer, first_names},
};

/// How many entries are named.
const SHOWN: usize = 10;

#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct Removed {
    alias: String,
    outcome: &'static str,
    /// Whether the private key is still in the file.
    key_kept: bool,
    /// The entries that have no whole chain without it.
    chain_lost: Vec<String>,
    /// Whether nothing was removed, and this says what would be.
    dry_run: bool,
}

/// The answer to `ca rm --unused`.
#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct UnusedRemoved {
    outcome: &'static str,
    /// Chain certificates that imports stored.
    removed_aliases: Vec<String>,
    /// What somebody imported, and stays.
    unused_imports: Vec<String>,
    dry_run: bool,
}

/// Removes a CA certificate, and nothing else; or those that nobody needs.
pub(super) fn rm_ca(arguments: &Arguments, command: &CaRemove, printer: &Printer) -> Result<(), Failure> {
    let keystore = if command.dry_run { open_read_only(arguments, printer)? } else { open(arguments)? };
    let Some(alias) = &command.alias else {
        return unused(&keystore, arguments, command.dry_run, printer);
    };
    match keystore.entry(alias, now()) {
        Ok(entry) => check_authority(&entry)?,
        // What is damaged says no more of itself than its alias, and `rm` removes it.
        Err(strongroom::Error::Store(StoreError::Corrupt { .. })) => {}
        Err(_) => drop(named_entry(&keystore, alias, now())?),
    }
    let command = Remove { alias: alias.clone(), force: command.force, dry_run: command.dry_run };
    remove(&keystore, arguments, &command, printer)
}

/// Removes the chain certificates that nobody needs.
fn unused(
    keystore: &Keystore,
    arguments: &Arguments,
    dry_run: bool,
    printer: &Printer,
) -> Result<(), Failure> {
    let found = keystore.unneeded_authorities(now())?;
    let aliases = |aliases: &[Alias]| aliases.iter().map(ToString::to_string).collect::<Vec<_>>();
    let going = found.chain_certificates;
    if !dry_run && !going.is_empty() {
        let names = first_names(going.iter().map(Alias::as_str), SHOWN);
        let count = counted(going.len());
        confirm(arguments, &format!("Remove {count} that nobody needs: {names}?"), Unasked::GoOn)?;
        // If an entry has come to need one meanwhile, none goes.
        keystore.remove_all(&going, now())?;
    }
    let view = UnusedRemoved {
        removed_aliases: aliases(&going),
        unused_imports: aliases(&found.imported),
        outcome: if going.is_empty() { "unchanged" } else { "removed" },
        dry_run,
    };
    printer.result(&view, &[], || {
        let mut text = match (going.is_empty(), dry_run) {
            (true, _) => "there is no chain certificate that nobody needs\n".to_owned(),
            (false, true) => format!("would remove {}; nothing was removed\n", counted(going.len())),
            (false, false) => format!("removed {}\n", counted(going.len())),
        };
        going.iter().for_each(|alias| text.push_str(&format!("  {alias}\n")));
        let program = printer.program();
        if let Some(first) = going.first().filter(|_| !dry_run) {
            text.push_str(&format!("to bring one back: {program} undo {first}\n"));
        }
        if let Some(first) = found.imported.first() {
            let names = first_names(found.imported.iter().map(Alias::as_str), SHOWN);
            text.push_str(&format!(
                "no entry leads to these either, which somebody imported: {names}\n\
                 to remove one: {program} ca rm {first}\n"
            ));
        }
        text
    });
    Ok(())
}

fn counted(chain_certificates: usize) -> String {
    match chain_certificates {
        1 => "1 chain certificate".to_owned(),
        count => format!("{count} chain certificates"),
    }
}

pub(super) fn rm(arguments: &Arguments, command: &Remove, printer: &Printer) -> Result<(), Failure> {
    let keystore = if command.dry_run { open_read_only(arguments, printer)? } else { open(arguments)? };
    remove(&keystore, arguments, command, printer)
}

/// What removing would do: it is refused where that would be.
fn would_remove(keystore: &Keystore, command: &Remove, printer: &Printer) -> Result<(), Failure> {
    let entry = named_entry(keystore, &command.alias, now())?;
    let alias = || entry.alias.clone();
    let lost = keystore.dependents(&entry.alias, now())?;
    let server = keystore.used_by(&entry.alias)?;
    if let (true, Some(server)) = (command.force, &server) {
        printer.warn(&format!("{server} uses {}, and would go on with its last certificate", entry.alias));
    }
    let is_server = entry.kind == EntryKind::Server;
    if !command.force {
        if let Some(server) = server {
            return Err(StoreError::InUse { alias: alias(), server }.into());
        }
        if !lost.is_empty() {
            return Err(StoreError::Needed { alias: alias(), entries: lost }.into());
        }
    }
    let view = Removed {
        alias: entry.alias.to_string(),
        outcome: "removed",
        key_kept: is_server,
        chain_lost: lost.iter().map(ToString::to_string).collect(),
        dry_run: true,
    };
    printer.result(&view, &[], || {
        let losing = losing(&lost).map(|losing| format!("{losing}\n")).unwrap_or_default();
        format!(
            "would remove {} ({}); nothing was removed\n{losing}",
            entry.alias,
            entry.certificate.subject()
        )
    });
    Ok(())
}

fn remove(
    keystore: &Keystore,
    arguments: &Arguments,
    command: &Remove,
    printer: &Printer,
) -> Result<(), Failure> {
    if command.dry_run {
        return would_remove(keystore, command, printer);
    }
    // One that is not there is refused by the engine, which writes it into the log.
    let entry = named_entry(keystore, &command.alias, now());
    let needed_by = keystore.dependents(&command.alias, now()).unwrap_or_default();
    // What will be refused is not asked about.
    let refused = !command.force && !needed_by.is_empty();
    if let (Ok(entry), false) = (&entry, refused) {
        let losing = losing(&needed_by).map(|losing| format!(" {losing}.")).unwrap_or_default();
        let question = format!("Remove {} ({})?{losing}", entry.alias, entry.certificate.subject());
        confirm(arguments, &question, Unasked::GoOn)?;
    }
    let (stored, has_key) = match &entry {
        Ok(entry) => (entry.alias.clone(), entry.kind == EntryKind::Server),
        Err(_) => (command.alias.clone(), false),
    };
    let server = keystore.used_by(&command.alias).ok().flatten();
    // Of a damaged one, what can be brought back.
    let whole = match &entry {
        Err(failure) if failure.code == "store_corrupt" => {
            confirm(arguments, &format!("Remove {stored}, which is damaged?"), Unasked::GoOn)?;
            Some(keystore.whole_versions(&stored)?)
        }
        _ => None,
    };
    let done = keystore.remove(&command.alias, command.force, now());
    // Of what is damaged, the engine says why it is not removed.
    if let (Err(_), None, Err(failure)) = (&done, &whole, entry) {
        return Err(failure);
    }
    let lost = done?;
    if let Some(server) = server {
        printer.warn(&format!(
            "{server} used {stored}: its last certificate stays shown until that server stops, or another entry is chosen"
        ));
    }
    if let Some(whole) = &whole {
        printer.warn_of_damage(match whole.as_slice() {
            [] => format!("\"{stored}\" was damaged, and nothing of it is left"),
            [.., last] => {
                format!("\"{stored}\" is damaged; version {last} of it is whole, and can be brought back")
            }
        });
    }
    let last_whole = whole.as_ref().map(|whole| whole.last().copied());
    let removed = Removed {
        alias: stored.to_string(),
        outcome: "removed",
        key_kept: has_key || matches!(last_whole, Some(Some(_))),
        chain_lost: lost.iter().map(ToString::to_string).collect(),
        dry_run: false,
    };
    printer.result(&removed, &[], || {
        let what = if has_key || last_whole.is_some() { "key" } else { "certificate" };
        let program = printer.program();
        let losing = losing(&lost).map(|losing| format!("{losing}\n")).unwrap_or_default();
        let back = match last_whole {
            None => String::new(),
            Some(None) => return format!("removed {stored}\n{losing}"),
            Some(Some(version)) => format!(" --to {version}"),
        };
        format!(
            "removed {stored}; to bring it back: {program} undo {stored}{back}\n\
             the {what} stays in the file until: {program} prune {stored}\n{losing}"
        )
    });
    Ok(())
}

/// Which entries have no whole chain without a CA certificate.
fn losing(entries: &[Alias]) -> Option<String> {
    let names = first_names(entries.iter().map(Alias::as_str), SHOWN);
    match entries.len() {
        0 => None,
        1 => Some(format!("1 entry loses its chain, or its root, with it: {names}")),
        count => Some(format!("{count} entries lose their chain, or their root, with it: {names}")),
    }
}
