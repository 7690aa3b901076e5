//! What a monitoring system asks for, in OpenMetrics: when entries end, and what was asked of the API.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

use strongroom::{Error, Keystore, UnixTime, keystore::Metrics};

use crate::wire::Operation;

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
    /// Whose turn it is to be told.
    turn: tokio::sync::Mutex<()>,
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

    /// Waits until nobody else is being told.
    pub(crate) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
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

    /// Adds what happened to what is said of the entries.
    pub(crate) fn add_to(&self, metrics: &mut Metrics) {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let pair = |pair: &Pair| [("done", get(&pair.done)), ("refused", get(&pair.refused))];
        metrics.add_counter("strongroom_imports", "Imports asked for.", "outcome", &pair(&self.imports));
        metrics.add_counter("strongroom_sign_ins", "Sign-ins tried.", "outcome", &pair(&self.sign_ins));
        let refusals = [
            ("forbidden", get(&self.forbidden)),
            ("invalid_token", get(&self.invalid_token)),
            ("token_required", get(&self.token_required)),
            ("busy", get(&self.busy)),
            ("fault", get(&self.faults)),
            ("other", get(&self.other)),
        ];
        let help = "Answers that refused what was asked.";
        metrics.add_counter("strongroom_refusals", help, "reason", &refusals);
        if let Some(count) = self.connections.get() {
            let open = u64::try_from(count()).unwrap_or(u64::MAX);
            metrics.add_gauge("strongroom_connections", "Open connections.", open);
        }
    }
}

/// Adds every entry of a machine's store.
pub(crate) fn add_entries(
    metrics: &mut Metrics,
    machine: &str,
    keystore: &Keystore,
    at: UnixTime,
) -> Result<(), Error> {
    metrics.begin_machine(machine);
    for listed in keystore.listed_entries(at) {
        match listed? {
            (_, Ok(entry)) => metrics.add(&entry),
            (_, Err(_)) => metrics.add_unreadable(),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

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
