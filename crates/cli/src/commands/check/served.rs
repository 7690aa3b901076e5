//! `check --connect`: whether servers send what the store holds, as `verify --connect` says it of one.

use std::net::{IpAddr, ToSocketAddrs as _, UdpSocket};

use schemars::JsonSchema;
use serde::Serialize;
use strongroom::{
    Alias, Entry, Keystore, UnixTime,
    instant::seconds,
    keystore::{EntryKind, ServerReport, running_servers},
    remedy::Remedy,
    select::ClientKeys,
};

use super::super::{
    list::named_entry,
    now,
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
        .map(|host| Ok((host, meant(keystore, aliases, host, starttls, at)?)))
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

/// The entry that a server which runs on this store shows to every client, if it listens there.
fn shown_there(keystore: &Keystore, host: &Host, port: u16) -> Option<Alias> {
    let this = ServerReport::of_this_process("", now()).host;
    let running = keystore.path().map(running_servers).unwrap_or_default();
    let mut there = running
        .into_iter()
        .filter(|server| server.host == this)
        .filter_map(|server| Some((server.address?, server.shown_to_all()?.clone())))
        .filter(|(address, _)| address.port() == port)
        .peekable();
    // A name is looked up for nobody else.
    there.peek()?;
    let asked: Vec<IpAddr> =
        (host.name.to_string(), port).to_socket_addrs().ok()?.map(|address| address.ip()).collect();
    let is_there = |address: IpAddr| match address.is_unspecified() {
        // Each address of this machine, and no other, can be bound.
        true => asked.iter().any(|ip| UdpSocket::bind((*ip, 0)).is_ok()),
        false => asked.contains(&address),
    };
    there.find(|(address, _)| is_there(address.ip())).map(|(_, alias)| alias)
}

/// The entry that a server should send: the one that was named; the one that it shows to every client, as it says; or of
/// several, or all, the one that answers for its name.
fn meant(
    keystore: &Keystore,
    aliases: &[Alias],
    host: &Host,
    starttls: Option<StartTls>,
    at: UnixTime,
) -> Result<Entry, Failure> {
    if let [alias] = aliases {
        let entry = named_entry(keystore, alias, at)?;
        if entry.kind == EntryKind::Server {
            return Ok(entry);
        }
        return Err(not_a_server_entry(&entry));
    }
    let is_asked = |alias: &Alias| aliases.is_empty() || aliases.iter().any(|asked| asked == alias);
    let port = Probe::new(host, starttls, None).port();
    if let Some(alias) = shown_there(keystore, host, port).filter(is_asked)
        && let Ok(entry) = keystore.entry(&alias, at)
    {
        return Ok(entry);
    }
    let mut entries = keystore.entries_for(Some(&host.name), None, u32::MAX, at)?;
    entries.retain(|named| is_asked(&named.entry.alias));
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
