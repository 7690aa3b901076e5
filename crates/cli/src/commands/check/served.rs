//! `check --connect`: whether servers send what the store holds, as `verify --connect` says it of one.

use schemars::JsonSchema;
use serde::Serialize;
use strongroom::{
    Alias, Entry, Keystore, UnixTime, instant::seconds, keystore::EntryKind, remedy::Remedy,
    select::ClientKeys,
};

use super::super::{
    list::named_entry,
    parallel::at_once,
    verify::{Probe, StartTls, not_a_server_entry},
    why::decide,
};
use crate::{
    args::Host,
    failure::{Exit, Failure},
};

/// How many servers are asked at once: one that does not answer takes ten seconds.
const AT_ONCE: usize = 16;
/// The code of a server that does not answer.
const CANNOT_CONNECT: &str = "cannot_connect";

/// A server that was asked.
#[derive(JsonSchema, Serialize)]
pub(super) struct ServedView {
    pub(super) host: String,
    pub(super) port: u16,
    /// The entry that it should send.
    pub(super) alias: String,
    /// `served`, `not_served`, or `cannot_connect`.
    outcome: &'static str,
    /// What it does instead; null where it does what it should.
    message: Option<String>,
    /// The leaf that the store has.
    sha256: String,
    version: u32,
}

impl ServedView {
    pub(super) fn is_served(&self) -> bool {
        self.message.is_none()
    }

    /// The server, as it is named.
    pub(super) fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// In a line, for people.
    pub(super) fn line(&self) -> String {
        let (address, alias) = (self.address(), &self.alias);
        match &self.message {
            None => format!("{address} serves {alias} version {} with its chain\n", self.version),
            Some(message) if self.outcome == CANNOT_CONNECT => {
                format!("{message}, so whether it serves {alias} is not known\n")
            }
            Some(message) => format!("{address} does not serve {alias}: {message}\n"),
        }
    }
}

/// Asks servers, several at once; the answers are in their order. That one sends something else, or cannot be reached, is
/// an answer; an error is one of the store or of the call.
pub(super) fn ask(
    keystore: &Keystore,
    aliases: &[Alias],
    hosts: &[Host],
    starttls: Option<StartTls>,
    at: UnixTime,
) -> Result<Vec<ServedView>, Failure> {
    // What each should send is known before the first is asked.
    let meant: Vec<(&Host, Entry)> = hosts
        .iter()
        .map(|host| Ok((host, meant(keystore, aliases, host, at)?)))
        .collect::<Result<_, Failure>>()?;
    let ask = |index: usize| meant.get(index).map(|(host, entry)| ask_one(keystore, host, entry, starttls));
    at_once(AT_ONCE, meant.len(), ask, |_| {}).into_iter().flatten().collect()
}

fn ask_one(
    keystore: &Keystore,
    host: &Host,
    entry: &Entry,
    starttls: Option<StartTls>,
) -> Result<ServedView, Failure> {
    let probe = Probe::new(host, starttls, None);
    let (outcome, message) = match probe.compare(keystore, entry) {
        Ok(_) => ("served", None),
        Err(failure) if matches!(failure.code, "not_served" | CANNOT_CONNECT) => {
            (failure.code, Some(failure.message))
        }
        Err(other) => return Err(other),
    };
    Ok(ServedView {
        host: host.name.to_string(),
        port: probe.port(),
        alias: entry.alias.to_string(),
        outcome,
        message,
        sha256: entry.certificate.fingerprint().to_string(),
        version: entry.version,
    })
}

/// The entry that a server should send: the one that was named, or of several, or all, the one that answers for its name.
fn meant(keystore: &Keystore, aliases: &[Alias], host: &Host, at: UnixTime) -> Result<Entry, Failure> {
    if let [alias] = aliases {
        let entry = named_entry(keystore, alias, at)?;
        if entry.kind == EntryKind::Server {
            return Ok(entry);
        }
        return Err(not_a_server_entry(&entry));
    }
    let mut entries = keystore.entries_for(Some(&host.name), None, u32::MAX, at)?;
    if !aliases.is_empty() {
        entries.retain(|named| aliases.iter().any(|alias| alias.key() == named.entry.alias.key()));
    }
    let place = decide(&entries, ClientKeys::ANY, seconds(at));
    let winner = place.filter(|place| *place < entries.len()).map(|place| entries.swap_remove(place).entry);
    winner.ok_or_else(|| {
        let among = if aliases.is_empty() { "no entry" } else { "none of the entries" };
        let message =
            format!("{among} answers for {}, so what its server should send is not known", host.name);
        Failure::new(Exit::NotFound, "nobody_answers", "serve", message)
            .with(Remedy::Advice("name the one entry that the server should send, before --connect"))
    })
}
