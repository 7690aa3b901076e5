//! `check`: what expires, and what clients refuse already.

mod nagios;
mod reading;
mod served;
mod text;

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;
use strongroom::{
    UnixTime,
    instant::{rfc3339, seconds},
    keystore::{Expiry, ExpiryState, ExpiryWindow, Metrics},
};

use self::{
    reading::{Checked, Store},
    served::ServedView,
};
use super::{
    new_file::{present, write_public},
    now, unproved,
};
use crate::{
    args::{Arguments, Check, CheckFormat},
    failure::{Exit, Failure},
    render::{Printer, envelope},
};

/// Something expires within the window.
const EXPIRING: u8 = 10;
/// Something has expired, is not valid yet, has a broken chain, or is not what a server sends.
const EXPIRED: u8 = 11;

/// How an entry stands.
#[derive(JsonSchema, Serialize)]
struct EntryStateView {
    alias: String,
    names: Vec<String>,
    /// `ok`, `expiring`, `expired`, `not_yet_valid` or `broken`.
    state: &'static str,
    /// `leaf`, `intermediate`, `anchor` or `chain`.
    cause: &'static str,
    /// The certificate that the state comes from, or of a sound entry the one that ends first.
    sha256: String,
    subject: String,
    not_before: String,
    not_after: String,
    seconds_left: i64,
    /// Why the chain is broken; where that was allowed at the import, the entry counts as sound.
    finding: Option<&'static str>,
}

#[derive(JsonSchema, Serialize)]
struct DamagedView {
    alias: String,
    code: &'static str,
    message: String,
}

#[derive(JsonSchema, Serialize, Default)]
struct Counts {
    checked: u64,
    ok: u64,
    expiring: u64,
    not_yet_valid: u64,
    broken: u64,
    expired: u64,
    unreadable: u64,
    /// Servers that do not send what the store has, or that cannot be asked.
    not_served: u64,
}

/// What was found out over all entries.
#[derive(Default)]
struct Summary {
    /// Whether the store was opened.
    proved: bool,
    counts: Counts,
    damaged: Vec<DamagedView>,
    /// The servers that were asked.
    served: Vec<ServedView>,
}

impl EntryStateView {
    fn of(entry: Checked<'_>, expiry: &Expiry, at: UnixTime) -> Self {
        let certificate = &expiry.certificate;
        Self {
            alias: expiry.alias.to_string(),
            names: entry.certificate().hosts().map(str::to_owned).collect(),
            state: expiry.state.as_str(),
            cause: expiry.cause.as_str(),
            sha256: certificate.fingerprint().to_string(),
            subject: certificate.subject().to_owned(),
            not_before: rfc3339(certificate.not_before()),
            not_after: rfc3339(certificate.not_after()),
            seconds_left: expiry.seconds_left(at),
            finding: expiry.finding.map(|code| code.as_str()),
        }
    }
}

impl Counts {
    fn count(&mut self, state: ExpiryState) {
        self.checked += 1;
        let one = match state {
            ExpiryState::Expiring => &mut self.expiring,
            ExpiryState::NotYetValid => &mut self.not_yet_valid,
            ExpiryState::Broken => &mut self.broken,
            ExpiryState::Expired => &mut self.expired,
            _ => &mut self.ok,
        };
        *one += 1;
    }

    fn exit(&self) -> u8 {
        if self.expired + self.not_yet_valid + self.broken + self.unreadable + self.not_served > 0 {
            EXPIRED
        } else if self.expiring > 0 {
            EXPIRING
        } else {
            0
        }
    }
}

#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct CheckView<'a> {
    checked_at: String,
    /// Whether the store was opened, and what is said of it proved.
    proved: bool,
    counts: &'a Counts,
    entries: Vec<EntryStateView>,
    unreadable_entries: &'a [DamagedView],
    served: &'a [ServedView],
}

pub(super) fn run(arguments: &Arguments, command: &Check, printer: &Printer) -> Result<(), Failure> {
    unproved::check_accepts(arguments, command.accept_unproved)?;
    if arguments.opens_nothing() && !command.connect.is_empty() {
        return Err(wrong_call(
            "--connect compares what a server sends with what the store holds, and --unlock none does not open the store: leave one of them out",
        ));
    }
    if command.format == CheckFormat::Nagios {
        return nagios::run(arguments, command, printer);
    }
    if command.warning.is_some() || command.critical.is_some() {
        return Err(wrong_call("--warning and --critical are for --format nagios; all others take --within"));
    }
    if command.relative && command.format != CheckFormat::Openmetrics {
        return Err(wrong_call("--relative is for --format openmetrics"));
    }
    let (window, at) = (command.within.unwrap_or_default(), now());
    let store = Store::open(arguments, printer)?;
    let (answer, summary) = match command.format {
        CheckFormat::Openmetrics => metrics(&store, command, window, at)?,
        CheckFormat::Text if !arguments.json => text::report(&store, command, window, at, printer)?,
        _ => json(&store, command, window, at)?,
    };
    for entry in &summary.damaged {
        printer.warn(&format!("\"{}\" cannot be checked: {}", entry.alias, entry.message));
    }
    give(command, printer, &answer)?;
    let code = summary.counts.exit();
    let proved = summary.proved;
    printer.set_exit(if proved { code } else { unproved::exit(code, command.accept_unproved, printer) });
    Ok(())
}

fn wrong_call(message: &str) -> Failure {
    Failure::new(Exit::Usage, "usage", "arguments", message.to_owned())
}

/// Writes the answer where it is wanted.
fn give(command: &Check, printer: &Printer, answer: &str) -> Result<(), Failure> {
    match &command.output {
        Some(path) if path != Path::new("-") => {
            write_public(path, answer.as_bytes(), present(path)?.is_some())
        }
        _ if command.format == CheckFormat::Text && !printer.is_json() => {
            printer.text(answer);
            Ok(())
        }
        _ => {
            printer.data(answer);
            Ok(())
        }
    }
}

/// Judges the entries, and asks the servers.
fn judge(
    store: &Store,
    command: &Check,
    at: UnixTime,
    state: impl FnMut(Checked<'_>, bool) -> Option<ExpiryState>,
) -> Result<Summary, Failure> {
    let mut summary = store.judge(&command.aliases, at, state)?;
    if let Store::Proved(keystore) = store {
        summary.served = served::ask(keystore, &command.aliases, &command.connect, command.starttls, at)?;
    }
    let not_served = summary.served.iter().filter(|server| !server.is_served()).count();
    summary.counts.not_served = u64::try_from(not_served).unwrap_or(u64::MAX);
    Ok(summary)
}

fn json(
    store: &Store,
    command: &Check,
    window: ExpiryWindow,
    at: UnixTime,
) -> Result<(String, Summary), Failure> {
    let mut entries = Vec::new();
    let summary = judge(store, command, at, |entry, is_judged| {
        let expiry = is_judged.then(|| entry.expiry(window, at))?;
        entries.push(EntryStateView::of(entry, &expiry, at));
        Some(expiry.state)
    })?;
    let view = CheckView {
        checked_at: rfc3339(seconds(at)),
        proved: summary.proved,
        counts: &summary.counts,
        entries,
        unreadable_entries: &summary.damaged,
        served: &summary.served,
    };
    let text = envelope(&view);
    Ok((text, summary))
}

fn metrics(
    store: &Store,
    command: &Check,
    window: ExpiryWindow,
    at: UnixTime,
) -> Result<(String, Summary), Failure> {
    let mut metrics = Metrics::new(at);
    if command.relative {
        metrics = metrics.relative();
    }
    let summary = judge(store, command, at, |entry, is_judged| {
        entry.add_to(&mut metrics);
        is_judged.then(|| entry.expiry(window, at).state)
    })?;
    if !summary.proved {
        metrics.set_unproved();
    }
    summary.damaged.iter().for_each(|_| metrics.add_unreadable());
    for server in &summary.served {
        metrics.add_served(&server.alias, &server.host, server.port, server.is_served());
    }
    Ok((metrics.into_text(), summary))
}
