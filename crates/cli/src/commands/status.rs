//! `status`: what a store holds, and which servers run on it.

use std::{fmt::Write as _, io::Read as _, path::Path};

use schemars::JsonSchema;
use serde::Serialize;
use strongroom::{
    Alias, Keystore,
    instant::{rfc3339, seconds},
    keystore::{ServerReport, running_servers},
    remedy::Remedy,
    store::StoreError,
};

use super::{now, open_read_only, store_path};
use crate::{
    args::Arguments,
    failure::Failure,
    render::{Printer, first_names},
};

/// How a database begins.
const SQLITE: &[u8] = b"SQLite format 3\0";

#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct StatusView {
    store: String,
    /// Whether the store was opened, and what is said of it proved. What servers say never is.
    proved: bool,
    /// Bytes of the database file, if it can be seen.
    size: Option<u64>,
    journal: Option<&'static str>,
    sequence: Option<u64>,
    entries: Option<u64>,
    authorities: Option<u64>,
    /// The aliases of the pending certificate requests.
    pending_requests: Option<Vec<String>>,
    slot_count: Option<usize>,
    user_count: Option<usize>,
    last_change: Option<ChangeView>,
    last_backup: Option<String>,
    servers: Vec<ServerView>,
}

#[derive(JsonSchema, Serialize)]
struct ChangeView {
    at: String,
    actor: String,
    action: String,
    alias: String,
}

#[derive(JsonSchema, Serialize)]
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

impl ServerView {
    /// Whether it watches the store, and serves nothing of it.
    fn is_watch(&self) -> bool {
        self.program == ServerReport::WATCH
    }
}

#[derive(JsonSchema, Serialize)]
struct ServedView {
    alias: String,
    version: u32,
    sha256: String,
    /// Whether that is the version that the store has now, if that was opened.
    current: Option<bool>,
}

#[derive(JsonSchema, Serialize)]
struct RefusedView {
    alias: String,
    message: String,
}

pub(super) fn run(arguments: &Arguments, printer: &Printer) -> Result<(), Failure> {
    let path = store_path(arguments)?;
    let running = running_servers(&path);
    // Before the store is open: closing the file a second time would end the locks that the process has on it.
    let (size, journal) = (size(&path), journal(&path));
    if arguments.opens_nothing() {
        return unproved(&path, (size, journal), &running, printer);
    }
    let keystore = open_read_only(arguments, printer).map_err(|mut failure| {
        if !running.is_empty() {
            failure.remedies.push(Remedy::StatusUnproved);
        }
        failure
    })?;
    let counts = keystore.entry_counts()?;
    let (last_change, last_backup) = match last(&keystore) {
        // The rest of it is whole.
        Err(damaged) if damaged.code == "store_corrupt" => {
            printer.warn_of(&damaged);
            (None, None)
        }
        other => other?,
    };
    let is_current = |alias: &Alias, version| {
        Some(keystore.entry(alias, now()).is_ok_and(|entry| entry.version == version))
    };
    let status = StatusView {
        store: path.display().to_string(),
        proved: true,
        size,
        journal,
        sequence: Some(keystore.generation()?.sequence()),
        entries: Some(counts.servers),
        authorities: Some(counts.authorities),
        pending_requests: Some(keystore.listed_requests()?.into_iter().map(|(alias, _)| alias).collect()),
        slot_count: Some(keystore.slots()?.len()),
        user_count: Some(keystore.listed_administrators()?.len()),
        last_change,
        last_backup,
        servers: running.iter().map(|server| view(server, &is_current)).collect(),
    };
    printer.result(&status, &[], || text(&status));
    Ok(())
}

/// What is seen without opening the store: the files, and what running servers say.
fn unproved(
    path: &Path,
    (size, journal): (Option<u64>, Option<&'static str>),
    running: &[ServerReport],
    printer: &Printer,
) -> Result<(), Failure> {
    if size.is_none() && running.is_empty() {
        return Err(StoreError::Missing { path: path.to_owned() }.into());
    }
    let status = StatusView {
        store: path.display().to_string(),
        proved: false,
        size,
        journal,
        sequence: None,
        entries: None,
        authorities: None,
        pending_requests: None,
        slot_count: None,
        user_count: None,
        last_change: None,
        last_backup: None,
        servers: running.iter().map(|server| view(server, &|_, _| None)).collect(),
    };
    printer.result(&status, &[], || text(&status));
    Ok(())
}

/// The last change, and when the last backup was made.
fn last(keystore: &Keystore) -> Result<(Option<ChangeView>, Option<String>), Failure> {
    let change = keystore.last_change()?.map(|row| ChangeView {
        at: rfc3339(seconds(row.at)),
        actor: row.actor,
        action: row.action,
        alias: row.alias,
    });
    Ok((change, keystore.last_backup()?.map(|row| rfc3339(seconds(row.at)))))
}

fn size(path: &Path) -> Option<u64> {
    std::fs::metadata(path).ok().map(|found| found.len())
}

/// What the header of the database says (sqlite.org/fileformat.html, 1.3.3).
fn journal(path: &Path) -> Option<&'static str> {
    let mut header = [0_u8; 20];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut header));
    match (read, header) {
        (Ok(()), [.., 2, _]) if header.starts_with(SQLITE) => Some("wal"),
        (Ok(()), _) if header.starts_with(SQLITE) => Some("rollback"),
        _ => None,
    }
}

fn view(server: &ServerReport, is_current: &dyn Fn(&Alias, u32) -> Option<bool>) -> ServerView {
    ServerView {
        pid: server.pid,
        machine: server.host.clone(),
        program: server.program.clone(),
        started: rfc3339(seconds(server.started)),
        updated: rfc3339(seconds(server.updated)),
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
    let count = |of: &dyn Fn(&&ServerView) -> bool| {
        u64::try_from(status.servers.iter().filter(of).count()).unwrap_or(u64::MAX)
    };
    let servers = counted(count(&|server| !server.is_watch()), "server", "servers");
    let servers = match count(&|server| server.is_watch()) {
        0 => servers,
        watches => format!("{servers}, {}", counted(watches, "watch", "watches")),
    };
    let mut text = match (status.entries, status.authorities) {
        (Some(entries), Some(authorities)) => {
            let mut line =
                format!("{}, {}", counted(entries, "entry", "entries"), counted(authorities, "CA", "CAs"));
            if let Some(change) = &status.last_change {
                let about = format!("{} {}", change.action, change.alias);
                let _ = write!(line, "; last change on {} by {} ({})", change.at, change.actor, about.trim());
            }
            format!("{line}, {servers}\n")
        }
        _ => format!("the store was not opened, and nothing here is proved; {servers}\n"),
    };
    let mut facts = vec![match status.size {
        Some(size) => counted(size, "byte", "bytes"),
        None => "no file that can be seen".to_owned(),
    }];
    facts.extend(status.journal.map(str::to_owned));
    facts.extend(status.sequence.map(|sequence| format!("commit {sequence}")));
    let _ = writeln!(text, "store        {}\n             {}", status.store, facts.join(", "));
    if let (Some(slots), Some(users)) = (status.slot_count, status.user_count) {
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let users = counted(number(users), "user", "users");
        let _ = writeln!(text, "access       {}, {users}", counted(number(slots), "slot", "slots"));
    }
    if let Some(pending) = status.pending_requests.as_deref().filter(|pending| !pending.is_empty()) {
        text.push_str(&requests_text(pending));
    }
    if status.proved {
        let _ = writeln!(text, "last backup  {}", status.last_backup.as_deref().unwrap_or("none in the log"));
    }
    status.servers.iter().for_each(|server| server_text(server, status.sequence, &mut text));
    text
}

fn requests_text(pending: &[String]) -> String {
    const SHOWN: usize = 8;
    let names = first_names(pending.iter().map(String::as_str), SHOWN);
    format!("requests     {} pending: {names}\n", pending.len())
}

fn server_text(server: &ServerView, sequence: Option<u64>, text: &mut String) {
    let kind = if server.is_watch() { "watch" } else { "server" };
    let _ = writeln!(
        text,
        "{kind:<13}{} (process {} on {}) since {}",
        server.program, server.pid, server.machine, server.started
    );
    let behind = if sequence.is_some_and(|now| server.sequence < now) { ", behind the store" } else { "" };
    let default = server.default.as_deref().map(|alias| format!(", default {alias}")).unwrap_or_default();
    if server.is_watch() {
        let _ = writeln!(text, "  commit {}{behind}", server.sequence);
        return;
    }
    let names = counted(server.served_names, "name", "names");
    let _ = writeln!(text, "  commit {}{behind}, {names}{default}", server.sequence);
    for entry in &server.served {
        let state = if entry.current == Some(false) { ", not what the store has now" } else { "" };
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
