//! `prune`: the past that nobody brings back.

use std::{num::NonZeroU32, time::Duration};

use schemars::JsonSchema;
use serde::Serialize;
use strongroom::{
    Alias,
    keystore::{Pruned, PrunedEntry, Retention},
    remedy::Remedy,
};

use super::{now, open, open_read_only};
use crate::{
    args::{Arguments, Prune},
    failure::{Exit, Failure},
    prompt::{Unasked, confirm},
    render::Printer,
};

#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct PruneView {
    /// Null unless one was named.
    alias: Option<String>,
    outcome: &'static str,
    removed_entries: u64,
    versions: u64,
    pruned: Vec<PrunedView>,
    still_served: Vec<ServedView>,
    /// What stays, since it is damaged.
    unreadable_entries: Vec<UnreadableView>,
    /// Whether nothing was deleted, and this says what would be.
    dry_run: bool,
}

#[derive(JsonSchema, Serialize)]
struct PrunedView {
    alias: String,
    /// Whether they were of a removed entry.
    of_removed: bool,
    /// Whether nothing of the entry is left.
    nothing_left: bool,
    first_version: u32,
    last_version: u32,
}

#[derive(JsonSchema, Serialize)]
struct ServedView {
    alias: String,
    version: u32,
    served_by: String,
}

#[derive(JsonSchema, Serialize)]
struct UnreadableView {
    alias: String,
    code: &'static str,
    message: String,
}

pub(super) fn run(arguments: &Arguments, command: &Prune, printer: &Printer) -> Result<(), Failure> {
    let keystore = if command.dry_run { open_read_only(arguments, printer)? } else { open(arguments)? };
    let mut retention = Retention::default();
    retention.keep = command.keep.and_then(NonZeroU32::new);
    retention.older_than = command.older_than.map(|age| Duration::from_secs(age.into()));
    let aliases = Some(command.aliases.as_slice()).filter(|aliases| !aliases.is_empty());
    let of = match aliases {
        None => "all entries".to_owned(),
        Some(aliases) => aliases.iter().map(Alias::as_str).collect::<Vec<_>>().join(", "),
    };
    let planned = keystore.plan_prune(aliases, &retention, now());
    let pruned = if command.dry_run {
        planned?
    } else {
        // An alias that is not there is refused by the engine, which writes it into the log.
        if let Ok(planned) = planned.as_ref()
            && planned.versions > 0
        {
            let question =
                format!("Delete {} of {of}, with their keys? This cannot be undone.", counted(planned));
            // What was named once; of all it has to be said twice.
            let unasked = if aliases.is_none() { Unasked::Refuse } else { Unasked::GoOn };
            confirm(arguments, &question, unasked)?;
        }
        keystore.prune_by(aliases, &retention, now())?
    };
    let view = view(command, &pruned);
    printer.result(&view, &[], || text(&view, &pruned, &of, printer));
    if !pruned.damaged.is_empty() {
        for entry in &pruned.damaged {
            printer.warn(&format!("\"{}\" stays as it is: {}", entry.alias, entry.message));
        }
        printer.advise(&[Remedy::VerifyStore, Remedy::Restore]);
        printer.set_exit(Exit::Store.code());
    }
    Ok(())
}

fn view(command: &Prune, pruned: &Pruned) -> PruneView {
    let of = pruned.of.iter().map(|entry| PrunedView {
        alias: entry.alias.to_string(),
        of_removed: entry.removed,
        nothing_left: entry.whole,
        first_version: entry.first,
        last_version: entry.last,
    });
    let served = pruned.served.iter().map(|entry| ServedView {
        alias: entry.alias.to_string(),
        version: entry.version,
        served_by: entry.server.clone(),
    });
    PruneView {
        alias: match command.aliases.as_slice() {
            [one] => Some(one.to_string()),
            _ => None,
        },
        outcome: if pruned.versions == 0 { "nothing_to_prune" } else { "pruned" },
        removed_entries: pruned.entries,
        versions: pruned.versions,
        pruned: of.collect(),
        still_served: served.collect(),
        unreadable_entries: pruned
            .damaged
            .iter()
            .map(|entry| UnreadableView {
                alias: entry.alias.to_string(),
                code: "store_corrupt",
                message: entry.message.clone(),
            })
            .collect(),
        dry_run: command.dry_run,
    }
}

/// `3 versions`, and `and 1 removed entry` where one goes as a whole.
fn counted(pruned: &Pruned) -> String {
    let plural = |count: u64, one: &str, many: &str| {
        if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
    };
    let whole = pruned.of.iter().filter(|entry| entry.whole);
    let in_whole: u64 = whole.map(|entry| u64::from(entry.last - entry.first) + 1).sum();
    let former = pruned.versions.saturating_sub(in_whole);
    let former = (former > 0).then(|| plural(former, "former version", "former versions"));
    let removed = (pruned.entries > 0).then(|| plural(pruned.entries, "removed entry", "removed entries"));
    former.into_iter().chain(removed).collect::<Vec<_>>().join(" and ")
}

fn text(view: &PruneView, pruned: &Pruned, of: &str, printer: &Printer) -> String {
    let served: String = pruned
        .served
        .iter()
        .map(|one| {
            format!(
                "version {} of {} stays, and those after it: {} serves it\n",
                one.version, one.alias, one.server
            )
        })
        .collect();
    if pruned.versions == 0 {
        return format!("there is nothing to prune of {of}\n{served}");
    }
    let mut table = printer.table(&["ALIAS", "VERSIONS", "OF"]).fit(&[0], &[]);
    for entry in &pruned.of {
        table.row(vec![entry.alias.as_str().into(), range(entry).into(), kind(entry).into()]);
    }
    let done = if view.dry_run { "would delete" } else { "deleted" };
    let nothing = if view.dry_run { "; nothing was deleted" } else { "" };
    format!("{}{done} {}{nothing}\n{served}", table.take_text(), counted(pruned))
}

fn range(entry: &PrunedEntry) -> String {
    if entry.first == entry.last {
        entry.first.to_string()
    } else {
        format!("{} to {}", entry.first, entry.last)
    }
}

fn kind(entry: &PrunedEntry) -> &'static str {
    match (entry.removed, entry.whole) {
        (_, true) => "a removed entry, all of it",
        (true, false) => "a removed entry, which stays",
        (false, false) => "an entry, which stays",
    }
}
