//! What a monitoring system asks for, in OpenMetrics: when entries end, and what was asked of the API.

use std::{
    fmt::Write as _,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use strongroom::keystore::EntryKind;

use crate::{
    overview::{Overview, Standing},
    wire::Operation,
};

/// The media type of the text (OpenMetrics 1.0, section 3.1).
pub(crate) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Count = Box<dyn Fn() -> usize + Send + Sync>;

/// What happened since the start.
#[derive(Default)]
pub(crate) struct Counts {
    imports: Pair,
    sign_ins: Pair,
    /// Refusals by their code: of rights, of tokens, for want of room.
    forbidden: AtomicU64,
    invalid_token: AtomicU64,
    token_required: AtomicU64,
    busy: AtomicU64,
    faults: AtomicU64,
    other: AtomicU64,
    connections: OnceLock<Count>,
}

#[derive(Default)]
struct Pair {
    done: AtomicU64,
    refused: AtomicU64,
}

impl Pair {
    fn add(&self, is_done: bool) {
        let count = if is_done { &self.done } else { &self.refused };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

impl Counts {
    /// Where the number of open connections is asked; the first who says so is asked.
    pub(crate) fn count_connections(&self, count: Count) {
        // Whoever comes second changes nothing.
        let _ = self.connections.set(count);
    }

    /// Counts an answer by its code, which is 200 for what was done.
    pub(crate) fn record(&self, operation: Operation, is_post: bool, code: u16) {
        let is_done = code == 200;
        match operation {
            Operation::ImportAuthority
            | Operation::ImportServerCertificate
            | Operation::ImportSignedCertificate
                if is_post =>
            {
                self.imports.add(is_done);
            }
            Operation::GenerateToken | Operation::OAuthSignIn | Operation::SignIn if is_post => {
                self.sign_ins.add(is_done);
            }
            _ => {}
        }
        let refused = match code {
            200 => return,
            403 => &self.forbidden,
            498 => &self.invalid_token,
            499 => &self.token_required,
            503 => &self.busy,
            500 => &self.faults,
            _ => &self.other,
        };
        refused.fetch_add(1, Ordering::Relaxed);
    }

    /// All of it as text, with the entries of a store.
    pub(crate) fn text(&self, machines: &[(String, Arc<Overview>)], now: i64) -> String {
        let mut text = String::new();
        entries(&mut text, machines, now);
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let pair = |pair: &Pair| [("done", get(&pair.done)), ("refused", get(&pair.refused))];
        counter(&mut text, "strongroom_imports", "Imports asked for.", "outcome", &pair(&self.imports));
        counter(&mut text, "strongroom_sign_ins", "Sign-ins tried.", "outcome", &pair(&self.sign_ins));
        let refusals = [
            ("forbidden", get(&self.forbidden)),
            ("invalid_token", get(&self.invalid_token)),
            ("token_required", get(&self.token_required)),
            ("busy", get(&self.busy)),
            ("fault", get(&self.faults)),
            ("other", get(&self.other)),
        ];
        counter(
            &mut text,
            "strongroom_refusals",
            "Answers that refused what was asked.",
            "reason",
            &refusals,
        );
        if let Some(count) = self.connections.get() {
            head(&mut text, "strongroom_connections", "gauge", "Open connections.");
            let _ = writeln!(text, "strongroom_connections {}", count());
        }
        text.push_str("# EOF\n");
        text
    }
}

fn entries(text: &mut String, machines: &[(String, Arc<Overview>)], now: i64) {
    let name = "strongroom_certificate_not_after_seconds";
    head(text, name, "gauge", "When the certificate ends, in seconds since 1970.");
    let _ = writeln!(text, "# UNIT {name} seconds");
    for (machine, overview) in machines {
        let machine = label(machine);
        for entry in &overview.entries {
            let (alias, kind) = (label(entry.alias.as_str()), kind(entry.kind));
            let labels = format!("machine=\"{machine}\",alias=\"{alias}\",kind=\"{kind}\"");
            let _ = writeln!(text, "{name}{{{labels}}} {}", entry.not_after);
        }
    }
    let name = "strongroom_entries";
    head(text, name, "gauge", "Entries by how they stand.");
    for (machine, overview) in machines {
        let machine = label(machine);
        for standing in Standing::ALL {
            let count = overview.entries.iter().filter(|entry| entry.standing(now) == standing).count();
            let _ = writeln!(text, "{name}{{machine=\"{machine}\",state=\"{}\"}} {count}", standing.as_str());
        }
        let _ =
            writeln!(text, "{name}{{machine=\"{machine}\",state=\"damaged\"}} {}", overview.damaged.len());
    }
}

fn kind(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Server => "server",
        _ => "authority",
    }
}

fn counter(text: &mut String, name: &str, help: &str, of: &str, counts: &[(&str, u64)]) {
    head(text, name, "counter", help);
    for (value, count) in counts {
        let _ = writeln!(text, "{name}_total{{{of}=\"{value}\"}} {count}");
    }
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# TYPE {name} {kind}\n# HELP {name} {help}");
}

/// The value of a label (OpenMetrics 1.0, section 4.1). An alias has nothing to escape; that is not for here to rely on.
fn label(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped() {
        assert_eq!(label("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }

    #[test]
    fn answers_are_counted_by_what_they_say() {
        let counts = Counts::default();
        counts.record(Operation::ImportServerCertificate, true, 200);
        counts.record(Operation::ImportServerCertificate, true, 400);
        counts.record(Operation::ImportServerCertificate, false, 200);
        counts.record(Operation::SignIn, true, 400);
        counts.record(Operation::Certificates, false, 499);
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        assert_eq!((get(&counts.imports.done), get(&counts.imports.refused)), (1, 1));
        assert_eq!((get(&counts.sign_ins.done), get(&counts.sign_ins.refused)), (0, 1));
        assert_eq!((get(&counts.other), get(&counts.token_required)), (2, 1));
    }
}
