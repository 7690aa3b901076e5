//! The answer of `check` for Nagios and Icinga: one line, and their exit codes (Monitoring Plugins Development Guidelines).

use strongroom::{
    UnixTime,
    instant::seconds,
    keystore::{Expiry, ExpiryState, ExpiryWindow},
};

use super::{super::open_read_only, give, judge, wrong_call};
use crate::{
    args::{Arguments, Check},
    commands::now,
    failure::Failure,
    render::{Printer, time_left},
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
    let summary = judge(&open_read_only(arguments, printer)?, &command.aliases, at, |entry, is_judged| {
        let early = is_judged.then(|| Expiry::of(entry, warning, at))?;
        let late = Expiry::of(entry, critical, at);
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
                text: format!("{} {why}", entry.alias),
            });
        }
        Some(worst.state)
    })?;
    let counts = &summary.counts;
    let (word, code) = match () {
        () if named.iter().any(|named| named.critical) || counts.unreadable > 0 => ("CRITICAL", 2),
        () if !named.is_empty() => ("WARNING", 1),
        () => ("OK", 0),
    };
    named.sort_by_key(|named| (!named.critical, named.ends));
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
    let text = format!(
        "STRONGROOM {word} - {bad} of {total} need attention{told} | soonest={days};{limits} expired={} expiring={} broken={}\n",
        counts.expired,
        counts.expiring,
        counts.broken + counts.not_yet_valid + counts.unreadable,
    );
    Ok((text, code))
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
