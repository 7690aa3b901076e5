//! `history`, `diff`, `undo`, `rename` and `rm`.

use serde::Serialize;
use strongroom::{Alias, Comparison, Version, rfc3339};

use super::{list::referred, now, open, open_read_only};
use crate::{
    args::{Arguments, Diff, Remove},
    failure::Failure,
    render::{Printer, Table},
};

const DAY: i64 = 86_400;

#[derive(Serialize)]
struct VersionView {
    version: u32,
    restored_from: Option<u32>,
    current: bool,
    created_at: String,
    actor: String,
    sha256: String,
    subject: String,
    not_after: String,
}

impl VersionView {
    fn of(version: &Version) -> Self {
        Self {
            version: version.number,
            restored_from: (version.origin != version.number).then_some(version.origin),
            current: version.current,
            created_at: rfc3339(version.created_at),
            actor: version.actor.clone(),
            sha256: version.certificate.fingerprint.to_string(),
            subject: version.certificate.subject.clone(),
            not_after: rfc3339(version.certificate.not_after),
        }
    }
}

#[derive(Serialize)]
struct History {
    alias: String,
    versions: Vec<VersionView>,
}

pub(super) fn history(arguments: &Arguments, alias: &Alias, printer: &Printer) -> Result<(), Failure> {
    let versions = open_read_only(arguments)?.history(alias)?;
    let history =
        History { alias: alias.to_string(), versions: versions.iter().map(VersionView::of).collect() };
    printer.result(&history, &[], || {
        let mut table = Table::new(&["VERSION", "STORED", "BY", "EXPIRES", "SHA-256", "SUBJECT"]);
        for view in &history.versions {
            let mark = match (view.current, view.restored_from) {
                (true, Some(origin)) => format!("{} (= {origin}, current)", view.version),
                (true, None) => format!("{} (current)", view.version),
                (false, Some(origin)) => format!("{} (= {origin})", view.version),
                (false, None) => view.version.to_string(),
            };
            let until = view.not_after.chars().take(10).collect();
            let digest = view.sha256.chars().take(16).collect();
            table.row(vec![
                mark,
                view.created_at.clone(),
                view.actor.clone(),
                until,
                digest,
                view.subject.clone(),
            ]);
        }
        table.take_text()
    });
    Ok(())
}

#[derive(Serialize)]
struct DiffView {
    same: bool,
    gained: Vec<String>,
    lost: Vec<String>,
    key_reused: bool,
    same_issuer: bool,
    expiry_moved_days: i64,
}

pub(super) fn diff(arguments: &Arguments, command: &Diff, printer: &Printer) -> Result<(), Failure> {
    let mut keystore = open_read_only(arguments)?;
    let first = referred(&mut keystore, &command.first)?;
    let second = referred(&mut keystore, &command.second)?;
    let Comparison { same, gained, lost, key_reused, expiry_moved, same_issuer, .. } =
        Comparison::of(&first.certificate, &second.certificate);
    let view =
        DiffView { same, gained, lost, key_reused, same_issuer, expiry_moved_days: expiry_moved / DAY };
    printer.result(&view, &[], || diff_text(&view));
    Ok(())
}

fn diff_text(view: &DiffView) -> String {
    if view.same {
        return "the same certificate\n".to_owned();
    }
    let list = |names: &[String]| if names.is_empty() { "-".to_owned() } else { names.join(", ") };
    let moved = match view.expiry_moved_days {
        0 => "the same day".to_owned(),
        days if days > 0 => format!("{days} d later"),
        days => format!("{} d earlier", -days),
    };
    format!(
        "names gained  {}\nnames lost    {}\nkey           {}\nissuer        {}\nexpires       {moved}\n",
        list(&view.gained),
        list(&view.lost),
        if view.key_reused { "the same" } else { "another" },
        if view.same_issuer { "the same" } else { "another" },
    )
}

#[derive(Serialize)]
struct Changed {
    alias: String,
    outcome: &'static str,
    #[serde(flatten)]
    version: Option<VersionView>,
}

pub(super) fn undo(arguments: &Arguments, alias: &Alias, printer: &Printer) -> Result<(), Failure> {
    let version = open(arguments)?.undo(alias, now())?;
    let text = format!(
        "restored {alias} to version {}, as version {}: {}\n",
        version.origin, version.number, version.certificate.subject
    );
    let view = VersionView::of(&version);
    let changed = Changed { alias: alias.to_string(), outcome: "restored", version: Some(view) };
    printer.result(&changed, &[], || text);
    Ok(())
}

pub(super) fn rename(
    arguments: &Arguments,
    alias: &Alias,
    to: &Alias,
    printer: &Printer,
) -> Result<(), Failure> {
    open(arguments)?.rename(alias, to, now())?;
    let changed = Changed { alias: to.to_string(), outcome: "renamed", version: None };
    printer.result(&changed, &[], || format!("renamed {alias} to {to}\n"));
    Ok(())
}

pub(super) fn rm(arguments: &Arguments, command: &Remove, printer: &Printer) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Removed {
        removed: String,
    }
    let mut keystore = open(arguments)?;
    let stored = keystore.entry(&command.alias).map_or_else(|_| command.alias.clone(), |entry| entry.alias);
    keystore.remove(&command.alias, command.force, now())?;
    let removed = Removed { removed: stored.to_string() };
    printer.result(&removed, &[], || format!("removed {stored}\n"));
    Ok(())
}
