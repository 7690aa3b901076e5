//! `status`: what a store holds, and which servers run on it.

use std::{fmt::Write as _, io::Read as _, path::Path};

use serde::Serialize;
use strongroom::{
    instant::rfc3339,
    keystore::{EntryKind, ServerReport, running_servers},
};

use super::{now, open_read_only, store_path};
use crate::{args::Arguments, failure::Failure, render::Printer};

/// Entries read at a time.
const PAGE: u32 = 500;

#[derive(Serialize)]
struct StatusView {
    store: String,
    /// Bytes of the database file.
    size: u64,
    journal: &'static str,
    sequence: u64,
    entries: u64,
    authorities: u64,
    /// The aliases of the pending certificate requests.
    pending_requests: Vec<String>,
    slot_count: usize,
    user_count: usize,
    last_change: Option<ChangeView>,
    last_backup: Option<String>,
    servers: Vec<ServerView>,
}

#[derive(Serialize)]
struct ChangeView {
    at: String,
    actor: String,
    action: String,
    alias: String,
}

#[derive(Serialize)]
struct ServerView {
    pid: u32,
    machine: String,
    program: String,
    started: String,
    updated: String,
    /// The commit of the store that it serves.
    sequence: u64,
    /// How many names it can answer for.
    served_names: u64,
    default: Option<String>,
    served: Vec<ServedView>,
    /// Whether it served more entries than are listed.
    more: bool,
    refused_entries: Vec<RefusedView>,
    /// Why it cannot read the store.
    failure: Option<String>,
}

#[derive(Serialize)]
struct ServedView {
    alias: String,
    version: u32,
    sha256: String,
    /// Whether that is the version that the store has now.
    current: bool,
}

#[derive(Serialize)]
struct RefusedView {
    alias: String,
    message: String,
}

pub(super) fn run(arguments: &Arguments, printer: &Printer) -> Result<(), Failure> {
    let path = store_path(arguments)?;
    let keystore = open_read_only(arguments, printer)?;
    let (mut entries, mut authorities) = (0_u64, 0_u64);
    let mut last = None;
    loop {
        let listed = keystore.listing(last.as_ref(), PAGE, now())?;
        for (_, entry) in &listed {
            match entry {
                Ok(entry) if entry.kind != EntryKind::Server => authorities += 1,
                _ => entries += 1,
            }
        }
        let full = u32::try_from(listed.len()) == Ok(PAGE);
        last = listed.into_iter().next_back().map(|(alias, _)| alias);
        if !full {
            break;
        }
    }
    let (mut after, mut change, mut backup) = (0, None, None);
    loop {
        let rows = keystore.log(after, PAGE)?;
        let Some(newest) = rows.last() else {
            break;
        };
        after = newest.number;
        for row in rows {
            let done = !row.outcome.contains('_');
            if row.action == "backup" && done {
                backup = Some(row.at);
            } else if done && row.action != "sign-in" {
                change = Some(row);
            }
        }
    }
    let running = running_servers(&path);
    let mut servers = Vec::with_capacity(running.len());
    for server in &running {
        servers.push(view(server, &|alias, version| {
            keystore.entry(alias, now()).is_ok_and(|entry| entry.version == version)
        }));
    }
    let status = StatusView {
        store: path.display().to_string(),
        size: std::fs::metadata(&path).map(|found| found.len()).unwrap_or_default(),
        journal: journal(&path),
        sequence: keystore.generation()?.sequence(),
        entries,
        authorities,
        pending_requests: keystore.listed_requests()?.into_iter().map(|(alias, _)| alias).collect(),
        slot_count: keystore.slots()?.len(),
        user_count: keystore.listed_administrators()?.len(),
        last_change: change.map(|row| ChangeView {
            at: rfc3339(row.at),
            actor: row.actor,
            action: row.action,
            alias: row.alias,
        }),
        last_backup: backup.map(rfc3339),
        servers,
    };
    printer.result(&status, &[], || text(&status));
    Ok(())
}

/// What the header of the database says (sqlite.org/fileformat.html, 1.3.3).
fn journal(path: &Path) -> &'static str {
    let mut header = [0_u8; 20];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut header));
    match (read, header) {
        (Ok(()), [.., 2, _]) => "wal",
        _ => "rollback",
    }
}

fn view(server: &ServerReport, is_current: &dyn Fn(&strongroom::Alias, u32) -> bool) -> ServerView {
    ServerView {
        pid: server.pid,
        machine: server.host.clone(),
        program: server.program.clone(),
        started: rfc3339(server.started),
        updated: rfc3339(server.updated),
        sequence: server.sequence,
        served_names: server.names,
        default: server.default.as_ref().map(ToString::to_string),
        served: server
            .served
            .iter()
            .map(|entry| ServedView {
                alias: entry.alias.to_string(),
                version: entry.version,
                sha256: entry.sha256.to_string(),
                current: is_current(&entry.alias, entry.version),
            })
            .collect(),
        more: server.more,
        refused_entries: server
            .refused
            .iter()
            .map(|(alias, reason)| RefusedView { alias: alias.to_string(), message: reason.clone() })
            .collect(),
        failure: server.failure.clone(),
    }
}

fn counted(count: u64, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

fn text(status: &StatusView) -> String {
    let mut line = format!(
        "{}, {}",
        counted(status.entries, "entry", "entries"),
        counted(status.authorities, "CA", "CAs")
    );
    if let Some(change) = &status.last_change {
        let about = format!("{} {}", change.action, change.alias);
        let _ = write!(line, ", last change {} by {} ({})", change.at, change.actor, about.trim());
    }
    let running = u64::try_from(status.servers.len()).unwrap_or(u64::MAX);
    let mut text = format!("{line}, {}\n", counted(running, "server", "servers"));
    let _ = writeln!(
        text,
        "store        {} ({}, {}, commit {})",
        status.store,
        counted(status.size, "byte", "bytes"),
        status.journal,
        status.sequence
    );
    let users = counted(u64::try_from(status.user_count).unwrap_or(0), "user", "users");
    let slots = counted(u64::try_from(status.slot_count).unwrap_or(0), "slot", "slots");
    let _ = writeln!(text, "access       {slots}, {users}");
    if !status.pending_requests.is_empty() {
        const SHOWN: usize = 8;
        let pending = &status.pending_requests;
        let more = pending.len().saturating_sub(SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let names: Vec<&str> = pending.iter().take(SHOWN).map(String::as_str).collect();
        let _ = writeln!(text, "requests     {} pending: {}{more}", pending.len(), names.join(", "));
    }
    let _ = writeln!(text, "last backup  {}", status.last_backup.as_deref().unwrap_or("none in the log"));
    for server in &status.servers {
        let _ = writeln!(
            text,
            "server       {} (process {} on {}) since {}",
            server.program, server.pid, server.machine, server.started
        );
        let behind = if server.sequence < status.sequence { ", behind the store" } else { "" };
        let default = server.default.as_deref().map(|alias| format!(", default {alias}")).unwrap_or_default();
        let names = counted(server.served_names, "name", "names");
        let _ = writeln!(text, "  commit {}{behind}, {names}{default}", server.sequence);
        for entry in &server.served {
            let state = if entry.current { "" } else { ", not what the store has now" };
            let _ = writeln!(text, "  serves {} version {}{state}", entry.alias, entry.version);
        }
        if server.more {
            text.push_str("  and more entries\n");
        }
        for refused in &server.refused_entries {
            let _ = writeln!(text, "  ! cannot serve {} as it is: {}", refused.alias, refused.message);
        }
        if let Some(failure) = &server.failure {
            let _ = writeln!(text, "  ! cannot read the store: {failure}");
        }
    }
    text
}
