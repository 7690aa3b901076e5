//! `verify` without an alias: the verdict on every server certificate of the store.

use schemars::JsonSchema;
use serde::Serialize;
use strongroom::{Error, UnixTime, keystore::EntryKind, validate::Policy};

use super::super::{list::each, open_read_only};
use crate::{
    args::Arguments,
    failure::{Exit, Failure},
    render::Printer,
};

#[derive(JsonSchema, Serialize)]
struct VerdictView {
    alias: String,
    /// `accepted`, `allowed` (refused, for reasons that were allowed at the import) or `refused`.
    outcome: &'static str,
    /// Why it is not accepted: the code and the sentence of each reason.
    findings: Vec<ReasonView>,
}

#[derive(JsonSchema, Serialize)]
struct ReasonView {
    code: &'static str,
    message: String,
}

#[derive(JsonSchema, Serialize, Default)]
struct Counts {
    verified: u64,
    accepted: u64,
    accepted_as_allowed: u64,
    refused: u64,
    /// Entries that could not be read; the warnings name them.
    unreadable: u64,
}

#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct VerdictsView {
    counts: Counts,
    entries: Vec<VerdictView>,
}

pub(super) fn run(
    arguments: &Arguments,
    policy: &Policy,
    at: UnixTime,
    printer: &Printer,
) -> Result<(), Failure> {
    let keystore = open_read_only(arguments, printer)?;
    let mut view = VerdictsView { counts: Counts::default(), entries: Vec::new() };
    let mut stopped = None;
    view.counts.unreadable = each(&keystore, printer, at, |entry| {
        if entry.kind != EntryKind::Server || stopped.is_some() {
            return;
        }
        let findings = match keystore.verify(&entry.alias, policy, at) {
            Ok(_) => Vec::new(),
            Err(Error::Validation(refused)) => refused.findings,
            Err(other) => {
                stopped = Some(other);
                return;
            }
        };
        let counts = &mut view.counts;
        let (outcome, count) = if findings.is_empty() {
            ("accepted", &mut counts.accepted)
        } else if findings.iter().all(|finding| entry.allowed.contains(&finding.code)) {
            ("allowed", &mut counts.accepted_as_allowed)
        } else {
            ("refused", &mut counts.refused)
        };
        *count += 1;
        counts.verified += 1;
        let reason = |finding: &strongroom::diagnostic::Diagnostic| ReasonView {
            code: finding.code.as_str(),
            message: finding.message.clone(),
        };
        let findings = findings.iter().map(reason).collect();
        view.entries.push(VerdictView { alias: entry.alias.to_string(), outcome, findings });
    })?;
    if let Some(error) = stopped {
        return Err(error.into());
    }
    printer.result(&view, &[], || text(&view, printer));
    if view.counts.unreadable > 0 {
        printer.set_exit(Exit::Store.code());
    } else if view.counts.refused > 0 {
        printer.set_exit(Exit::Validation.code());
    }
    Ok(())
}

fn text(view: &VerdictsView, printer: &Printer) -> String {
    let mut table = printer.table(&["ALIAS", "VERDICT", "WHY"]).fit(&[0, 2], &[]);
    let mut any = false;
    for entry in &view.entries {
        for reason in &entry.findings {
            any = true;
            let verdict = format!("{}[{}]", entry.outcome, reason.code);
            table.row(vec![entry.alias.as_str().into(), verdict.into(), reason.message.as_str().into()]);
        }
    }
    let Counts { verified, accepted, accepted_as_allowed, refused, unreadable } = view.counts;
    let mut parts = vec![format!("{accepted} accepted")];
    if accepted_as_allowed > 0 {
        parts.push(format!("{accepted_as_allowed} allowed at the import"));
    }
    if refused > 0 {
        parts.push(format!("{refused} refused"));
    }
    if unreadable > 0 {
        parts.push(format!("{unreadable} damaged, and not verified"));
    }
    let rows = if any { table.take_text() } else { String::new() };
    let entries = if verified + unreadable == 1 { "entry" } else { "entries" };
    let all = if unreadable > 0 {
        format!("{verified} of {}", verified + unreadable)
    } else {
        verified.to_string()
    };
    format!("{rows}{all} {entries} verified: {}\n", parts.join(", "))
}
