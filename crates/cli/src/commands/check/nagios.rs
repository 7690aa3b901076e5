//! The answer of `check` for Nagios and Icinga: one line, and their exit codes (Monitoring Plugins Development Guidelines).

use strongroom::{
    UnixTime,
    instant::seconds,
    keystore::{ExpiryState, ExpiryWindow},
};

use super::{Store, Summary, give, judge, wrong_call};
use crate::{
    args::{Arguments, Check},
    commands::now,
    failure::Failure,
    render::{NAGIOS_UNKNOWN, Printer, time_left},
};

/// How many entries are named in the line.
const NAMED: usize = 5;
const DAY: i64 = 86_400;

pub(super) fn run(arguments: &Arguments, command: &Check, printer: &Printer) -> Result<(), Failure> {
    let (line, code) = line(arguments, command, printer, now())?;
    give(command, printer, &line)?;
    printer.set_exit(code);
    Ok(())
}

/// An entry that needs attention.
struct Named {
    critical: bool,
    ends: i64,
    text: String,
}

fn line(
    arguments: &Arguments,
    command: &Check,
    printer: &Printer,
    at: UnixTime,
) -> Result<(String, u8), Failure> {
    if command.relative {
        return Err(wrong_call("--relative is for --format openmetrics"));
    }
    let warning = command.warning.or(command.within).unwrap_or_default();
    let critical = command.critical.unwrap_or(ExpiryWindow::Urgent);
    let now = seconds(at);
    let mut named: Vec<Named> = Vec::new();
    let mut soonest: Option<i64> = None;
    let store = Store::open(arguments, printer)?;
    let summary = judge(&store, command, at, |entry, is_judged| {
        let early = is_judged.then(|| entry.expiry(warning, at))?;
        let late = entry.expiry(critical, at);
        let ends = early.certificate.not_after();
        soonest = Some(soonest.map_or(ends, |known| known.min(ends)));
        // A threshold of its own that is wider than the other still is critical.
        let worst = if late.state > early.state { &late } else { &early };
        if worst.state != ExpiryState::Ok {
            let why = match (worst.state, worst.finding) {
                (ExpiryState::Broken, Some(finding)) => finding.to_string(),
                (ExpiryState::NotYetValid, _) => "not yet valid".to_owned(),
                _ => time_left(worst.certificate.not_after(), now),
            };
            named.push(Named {
                critical: late.state != ExpiryState::Ok,
                ends: worst.certificate.not_after(),
                text: format!("{} {why}", entry.alias()),
            });
        }
        Some(worst.state)
    })?;
    named.sort_by_key(|named| (!named.critical, named.ends));
    let (word, code) = verdict(&summary, &named, command.accept_unproved);
    let counts = &summary.counts;
    let mut about: Vec<String> = named.iter().take(NAMED).map(|named| named.text.clone()).collect();
    about.extend(summary.damaged.iter().map(|entry| format!("{} damaged", entry.alias)).take(NAMED));
    let shown = about.len();
    let bad = named.len() + summary.damaged.len();
    let more = if bad > shown { format!(" and {} more", bad - shown) } else { String::new() };
    let total = counts.checked + counts.unreadable;
    let told = if about.is_empty() { String::new() } else { format!(": {}{more}", about.join(", ")) };
    let days =
        soonest.map(|ends| format!("{}d", ends.saturating_sub(now).div_euclid(DAY))).unwrap_or_default();
    let limits = format!("{};{};;", threshold(warning), threshold(critical));
    let served = servers(&summary);
    let proved = if summary.proved { "" } else { ", not proved" };
    let not_served =
        if command.connect.is_empty() { String::new() } else { format!(" not_served={}", counts.not_served) };
    let text = format!(
        "STRONGROOM {word} - {bad} of {total} need attention{told}{served}{proved} | soonest={days};{limits} expired={} expiring={} broken={}{not_served}\n",
        counts.expired,
        counts.expiring,
        counts.broken + counts.not_yet_valid + counts.unreadable,
    );
    Ok((text, code))
}

/// A good answer that nothing proves is none, unless it is accepted as it is.
fn verdict(summary: &Summary, named: &[Named], accepts_unproved: bool) -> (&'static str, u8) {
    let counts = &summary.counts;
    if named.iter().any(|named| named.critical) || counts.unreadable + counts.not_served > 0 {
        ("CRITICAL", 2)
    } else if !named.is_empty() {
        ("WARNING", 1)
    } else if summary.proved || accepts_unproved {
        ("OK", 0)
    } else {
        ("UNKNOWN", NAGIOS_UNKNOWN)
    }
}

/// Which servers do not send what the store has.
fn servers(summary: &Summary) -> String {
    let lacking = summary.served.iter().filter(|server| !server.is_served());
    let mut addresses: Vec<String> =
        lacking.map(|server| format!("{} at {}", server.alias, server.address())).collect();
    let more = addresses.len().saturating_sub(NAMED);
    addresses.truncate(NAMED);
    match (addresses.is_empty(), more) {
        (true, _) => String::new(),
        (_, 0) => format!(", not served: {}", addresses.join(", ")),
        (_, more) => format!(", not served: {} and {more} more", addresses.join(", ")),
    }
}

/// A threshold in days, for the performance data; nothing where it depends on the certificate.
fn threshold(window: ExpiryWindow) -> String {
    match window {
        ExpiryWindow::Usual => "30".to_owned(),
        ExpiryWindow::Urgent => "7".to_owned(),
        ExpiryWindow::Seconds(seconds) => (i64::from(seconds) / DAY).to_string(),
        _ => String::new(),
    }
}
