//! `check`: what expires, and what clients refuse already.

mod nagios;
mod text;

use serde::Serialize;
use strongroom::{
    Alias, Entry, Keystore, UnixTime,
    instant::{rfc3339, seconds},
    keystore::{EntryKind, Expiry, ExpiryState, ExpiryWindow, Metrics},
};

use super::{
    list::named_entry,
    new_file::{present, write_public},
    now, open_read_only,
};
use crate::{
    args::{Arguments, Check, CheckFormat},
    failure::{Exit, Failure},
    render::{Printer, envelope},
};

/// Something expires within the window.
const EXPIRING: u8 = 10;
/// Something has expired, is not valid yet, or has a broken chain.
const EXPIRED: u8 = 11;

/// How an entry stands.
#[derive(Serialize)]
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

#[derive(Serialize)]
struct DamagedView {
    alias: String,
    code: &'static str,
    message: String,
}

#[derive(Serialize, Default)]
struct Counts {
    checked: u64,
    ok: u64,
    expiring: u64,
    not_yet_valid: u64,
    broken: u64,
    expired: u64,
    unreadable: u64,
}

/// What was found out over all entries.
#[derive(Default)]
struct Summary {
    counts: Counts,
    damaged: Vec<DamagedView>,
}

impl EntryStateView {
    fn of(entry: &Entry, expiry: &Expiry, at: UnixTime) -> Self {
        let certificate = &expiry.certificate;
        Self {
            alias: expiry.alias.to_string(),
            names: entry.certificate.hosts().map(str::to_owned).collect(),
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
        if self.expired + self.not_yet_valid + self.broken + self.unreadable > 0 {
            EXPIRED
        } else if self.expiring > 0 {
            EXPIRING
        } else {
            0
        }
    }
}

#[derive(Serialize)]
struct CheckView<'a> {
    checked_at: String,
    counts: &'a Counts,
    entries: Vec<EntryStateView>,
    unreadable_entries: &'a [DamagedView],
}

pub(super) fn run(arguments: &Arguments, command: &Check, printer: &Printer) -> Result<(), Failure> {
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
    let keystore = open_read_only(arguments, printer)?;
    let (answer, summary) = match command.format {
        CheckFormat::Openmetrics => metrics(&keystore, command, window, at)?,
        CheckFormat::Text if !arguments.json => text::report(&keystore, command, window, at, printer)?,
        _ => json(&keystore, command, window, at)?,
    };
    for entry in &summary.damaged {
        printer.warn(&format!("\"{}\" cannot be checked: {}", entry.alias, entry.message));
    }
    give(command, printer, &answer)?;
    printer.set_exit(summary.counts.exit());
    Ok(())
}

fn wrong_call(message: &str) -> Failure {
    Failure::new(Exit::Usage, "usage", "arguments", message.to_owned())
}

/// Writes the answer where it is wanted.
fn give(command: &Check, printer: &Printer, answer: &str) -> Result<(), Failure> {
    match &command.output {
        Some(path) => write_public(path, answer.as_bytes(), present(path)?.is_some()),
        None => {
            printer.data(answer);
            Ok(())
        }
    }
}

fn json(
    keystore: &Keystore,
    command: &Check,
    window: ExpiryWindow,
    at: UnixTime,
) -> Result<(String, Summary), Failure> {
    let mut entries = Vec::new();
    let summary = judge(keystore, &command.aliases, at, |entry, is_judged| {
        let expiry = is_judged.then(|| Expiry::of(entry, window, at))?;
        entries.push(EntryStateView::of(entry, &expiry, at));
        Some(expiry.state)
    })?;
    let view = CheckView {
        checked_at: rfc3339(seconds(at)),
        counts: &summary.counts,
        entries,
        unreadable_entries: &summary.damaged,
    };
    let text = envelope(&view);
    Ok((text, summary))
}

fn metrics(
    keystore: &Keystore,
    command: &Check,
    window: ExpiryWindow,
    at: UnixTime,
) -> Result<(String, Summary), Failure> {
    let mut metrics = Metrics::new(at);
    if command.relative {
        metrics = metrics.relative();
    }
    let summary = judge(keystore, &command.aliases, at, |entry, is_judged| {
        metrics.add(entry);
        is_judged.then(|| Expiry::of(entry, window, at).state)
    })?;
    summary.damaged.iter().for_each(|_| metrics.add_unreadable());
    Ok((metrics.into_text(), summary))
}

/// Goes through the entries that were named, or through all of the store. `state` takes each with whether it is judged, and
/// says how it stands if so: CA certificates are judged where they are named, and with the entries below them.
fn judge(
    keystore: &Keystore,
    aliases: &[Alias],
    at: UnixTime,
    mut state: impl FnMut(&Entry, bool) -> Option<ExpiryState>,
) -> Result<Summary, Failure> {
    let mut summary = Summary::default();
    for alias in aliases {
        let state = state(&named_entry(keystore, alias, at)?, true);
        state.into_iter().for_each(|state| summary.counts.count(state));
    }
    let all = aliases.is_empty().then(|| keystore.listed_entries(at));
    for listed in all.into_iter().flatten() {
        match listed? {
            (_, Ok(entry)) => {
                let state = state(&entry, entry.kind == EntryKind::Server);
                state.into_iter().for_each(|state| summary.counts.count(state));
            }
            (alias, Err(error)) => summary.damaged.push(DamagedView {
                alias: alias.to_string(),
                code: error.code(),
                message: error.to_string(),
            }),
        }
    }
    summary.counts.unreadable = u64::try_from(summary.damaged.len()).unwrap_or(u64::MAX);
    Ok(summary)
}
