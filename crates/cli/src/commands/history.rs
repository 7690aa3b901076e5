//! `history`, `diff`, `undo` and `rename`.

use schemars::JsonSchema;
use serde::Serialize;
use strongroom::{
    Alias,
    certificate::printable,
    instant::{rfc3339, seconds},
    keystore::{Comparison, Version},
    remedy::Remedy,
};

use super::{
    list::{not_shown, referred},
    now, open, open_read_only,
};
use crate::{
    args::{Arguments, Diff, Undo},
    failure::Failure,
    render::Printer,
};

const DAY: i64 = 86_400;

#[derive(JsonSchema, Serialize)]
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
            created_at: rfc3339(seconds(version.created_at)),
            actor: version.actor.clone(),
            sha256: version.certificate.fingerprint().to_string(),
            subject: version.certificate.subject().to_owned(),
            not_after: rfc3339(version.certificate.not_after()),
        }
    }
}

#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct History {
    alias: String,
    versions: Vec<VersionView>,
}

pub(super) fn history(arguments: &Arguments, alias: &Alias, printer: &Printer) -> Result<(), Failure> {
    let mut versions = Vec::new();
    for (number, version) in open_read_only(arguments, printer)?.listed_history(alias)? {
        match version {
            Ok(version) => versions.push(version),
            Err(error) => printer.warn_of(&not_shown(&format!("version {number} of \"{alias}\""), &error)),
        }
    }
    let history =
        History { alias: alias.to_string(), versions: versions.iter().map(VersionView::of).collect() };
    printer.result(&history, &[], || {
        let mut table = printer
            .table(&["VERSION", "STORED", "BY", "EXPIRES", "SHA-256", "SUBJECT"])
            .fit(&[2, 5], &[4, 2]);
        for view in &history.versions {
            let mark = match (view.current, view.restored_from) {
                (true, Some(origin)) => format!("{} (= {origin}, current)", view.version),
                (true, None) => format!("{} (current)", view.version),
                (false, Some(origin)) => format!("{} (= {origin})", view.version),
                (false, None) => view.version.to_string(),
            };
            let until: String = view.not_after.chars().take(10).collect();
            let digest: String = view.sha256.chars().take(16).collect();
            table.row(vec![
                mark.into(),
                view.created_at.as_str().into(),
                printable(&view.actor).into(),
                until.into(),
                digest.into(),
                view.subject.as_str().into(),
            ]);
        }
        table.take_text()
    });
    Ok(())
}

#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct DiffView {
    same: bool,
    gained: Vec<String>,
    lost: Vec<String>,
    key_reused: bool,
    same_issuer: bool,
    expiry_moved_days: i64,
}

pub(super) fn diff(arguments: &Arguments, command: &Diff, printer: &Printer) -> Result<(), Failure> {
    let keystore = open_read_only(arguments, printer)?;
    let first = referred(&keystore, &command.first)?;
    let second = referred(&keystore, &command.second)?;
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
        1 => "1 day later".to_owned(),
        -1 => "1 day earlier".to_owned(),
        days if days > 0 => format!("{days} days later"),
        days => format!("{} days earlier", -days),
    };
    format!(
        "names gained  {}\nnames lost    {}\nkey           {}\nissuer        {}\nexpires       {moved}\n",
        list(&view.gained),
        list(&view.lost),
        if view.key_reused { "the same" } else { "another" },
        if view.same_issuer { "the same" } else { "another" },
    )
}

#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct Changed {
    alias: String,
    outcome: &'static str,
    #[serde(flatten)]
    version: Option<VersionView>,
}

pub(super) fn undo(arguments: &Arguments, command: &Undo, printer: &Printer) -> Result<(), Failure> {
    let alias = &command.alias;
    let keystore = open(arguments)?;
    let was_removed = keystore.entry(alias, now()).is_err();
    let version = match command.to {
        Some(number) => keystore.undo_to(alias, number, now())?,
        None => keystore.undo(alias, now())?,
    };
    let alias = keystore.entry(alias, now())?.alias;
    let subject = &version.certificate.subject();
    let restored = version.origin != version.number;
    let (outcome, text) = match (was_removed, restored && command.to.is_some()) {
        (true, false) => {
            ("brought_back", format!("brought back {alias}, at version {}: {subject}\n", version.number))
        }
        (true, true) => (
            "brought_back",
            format!(
                "brought back {alias}, at version {} as version {}: {subject}\n",
                version.origin, version.number
            ),
        ),
        (false, _) => (
            "restored",
            format!(
                "restored {alias} to version {}, as version {}: {subject}\n",
                version.origin, version.number
            ),
        ),
    };
    let changed = Changed { alias: alias.to_string(), outcome, version: Some(VersionView::of(&version)) };
    printer.result(&changed, &[], || text);
    Ok(())
}

pub(super) fn rename(
    arguments: &Arguments,
    alias: &Alias,
    to: &Alias,
    printer: &Printer,
) -> Result<(), Failure> {
    let renamed = open(arguments)?.rename(alias, to, now()).map_err(Failure::from);
    renamed.map_err(|failure| failure.without(&Remedy::Replace).without(&Remedy::Force))?;
    let changed = Changed { alias: to.to_string(), outcome: "renamed", version: None };
    printer.result(&changed, &[], || format!("renamed {alias} to {to}\n"));
    Ok(())
}
