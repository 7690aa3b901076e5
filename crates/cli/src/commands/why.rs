//! `why`: which entry answers a TLS client, and why each other does not. The rule is the one that servers serve by.

use std::fmt::Write as _;

use serde::Serialize;
use strongroom::{
    Alias, Keystore,
    instant::{rfc3339, seconds},
    keystore::{NamedEntry, running_servers},
    remedy::Remedy,
    select::{ClientKeys, Contender, Loss, NameMatch, ServerKey, select_entry, wildcard_of},
    validate::PeerName,
};

use super::{now, open_read_only, store_path, verify::instant};
use crate::{
    args::{Arguments, Why},
    failure::{Exit, Failure},
    render::Printer,
};

/// Entries that are asked for each way of having a name, without `--all`.
const ASKED: u32 = 100;
/// Entries with a name like it that are named where nobody answers.
const NEAREST: usize = 5;

#[derive(Serialize)]
struct WhyView {
    /// In its normal form; null for a client without a name.
    host: Option<String>,
    selected: SelectedView,
    others: Vec<OtherView>,
    /// The default entry, as far as it is known.
    default: Option<String>,
    /// Aliases that lost by their place in the alphabet alone.
    ties: Vec<String>,
}

#[derive(Serialize)]
struct SelectedView {
    alias: String,
    sha256: String,
    /// `exact`, `wildcard` or `default`.
    rule: &'static str,
    bound: bool,
}

#[derive(Serialize)]
struct OtherView {
    alias: String,
    /// `key_of_no_use`, `less_exact`, `expired`, `not_yet_valid`, `not_bound`, `older` or `later_alias`.
    reason: &'static str,
}

/// What the rule looks at.
fn contender(named: &NamedEntry) -> Contender<'_> {
    let leaf = &named.entry.certificate;
    let key = ServerKey::of(leaf.key());
    Contender::new(named.entry.alias.as_str(), named.matched, key, leaf.not_before(), leaf.not_after())
        .bound(named.bound)
}

/// The entry that answers, by its place.
pub(super) fn decide(entries: &[NamedEntry], client: ClientKeys, at: i64) -> Option<usize> {
    select_entry(entries.iter().map(contender), client, at)
}

pub(super) fn run(arguments: &Arguments, command: &Why, printer: &Printer) -> Result<(), Failure> {
    let at = match &command.at {
        Some(text) => {
            instant(text).map_err(|message| Failure::new(Exit::Usage, "bad_time", "arguments", message))?
        }
        None => now(),
    };
    let keystore = open_read_only(arguments, printer)?;
    let default = match &command.default {
        Some(alias) => Some(keystore.entry(alias, now())?.alias),
        None => default_of_servers(arguments)?,
    };
    let host = command.host.as_ref().map(|host| &host.name);
    let limit = if command.all { u32::MAX } else { ASKED };
    let entries = keystore.entries_for(host, default.as_ref(), limit, at)?;
    let (client, at) = (command.client.into(), seconds(at));
    let Some(winner) = decide(&entries, client, at).and_then(|place| entries.get(place)) else {
        return Err(nobody(&keystore, host)?);
    };
    let judged = contender(winner);
    let others: Vec<(&NamedEntry, Loss)> = entries
        .iter()
        .filter(|named| named.entry.alias != winner.entry.alias)
        .map(|named| (named, judged.loss_of(&contender(named), client, at)))
        .collect();
    let view = WhyView {
        host: host.map(ToString::to_string),
        selected: SelectedView {
            alias: winner.entry.alias.to_string(),
            sha256: winner.entry.certificate.fingerprint().to_string(),
            rule: winner.matched.as_str(),
            bound: winner.bound,
        },
        others: others
            .iter()
            .map(|(named, loss)| OtherView { alias: named.entry.alias.to_string(), reason: loss.as_str() })
            .collect(),
        default: default.as_ref().map(ToString::to_string),
        ties: others
            .iter()
            .filter(|(_, loss)| *loss == Loss::LaterAlias)
            .map(|(named, _)| named.entry.alias.to_string())
            .collect(),
    };
    printer.result(&view, &[], || {
        let unusable = !client.can_use(judged.key);
        let mut text = format!("{} answers: {}\n", winner.entry.alias, because(winner, host));
        if unusable {
            let _ = writeln!(
                text,
                "the client cannot use its {} key: it is told so (handshake_failure)",
                winner.entry.certificate.key()
            );
        }
        if at > judged.not_after {
            let _ = writeln!(text, "it has expired: {}", rfc3339(judged.not_after));
        }
        let named: Vec<_> = others.iter().filter(|(named, _)| named.matched != NameMatch::Default).collect();
        if !named.is_empty() {
            text.push_str("also have it:\n");
            let width = named.iter().map(|(named, _)| named.entry.alias.as_str().len()).max().unwrap_or(0);
            for (named, loss) in named {
                let why = lost(named, *loss, winner, host);
                let _ = writeln!(text, "  {:width$}  {why}", named.entry.alias.as_str());
            }
        }
        match &default {
            Some(alias) if host.is_some() => {
                let _ = writeln!(text, "a client without a name, or with another one, gets: {alias} (the default)");
            }
            Some(_) => {}
            None => text.push_str(
                "which entry is the default is the server's choice, and none that runs says so; give it with --default\n",
            ),
        }
        text
    });
    Ok(())
}

/// Why the winner was asked at all.
fn because(winner: &NamedEntry, host: Option<&PeerName>) -> String {
    let name = host.map(ToString::to_string).unwrap_or_default();
    let bound = if winner.bound { ", and is bound to it" } else { "" };
    match winner.matched {
        NameMatch::Exact => format!("it has the name {name}{bound}"),
        NameMatch::Wildcard => {
            format!("its wildcard {} stands for {name}{bound}", wildcard_of(&name).unwrap_or_default())
        }
        _ if host.is_some() => format!("it is the default, and no entry has the name {name}"),
        _ => "it is the default, and the client sends no name".to_owned(),
    }
}

/// Why another does not answer.
fn lost(named: &NamedEntry, loss: Loss, winner: &NamedEntry, host: Option<&PeerName>) -> String {
    let leaf = &named.entry.certificate;
    let day = |at: i64| rfc3339(at).chars().take(10).collect::<String>();
    match loss {
        Loss::KeyOfNoUse => format!("the client cannot use its {} key", leaf.key()),
        Loss::LessExact => {
            let wildcard = host.and_then(|host| wildcard_of(&host.to_string())).unwrap_or_default();
            format!("{wildcard}, less exact than {}", winner.entry.alias)
        }
        Loss::Expired => format!("expired {}", day(leaf.not_after())),
        Loss::NotYetValid => format!("not valid before {}", day(leaf.not_before())),
        Loss::NotBound => format!("{} is bound to the host", winner.entry.alias),
        Loss::Older => format!(
            "older: valid since {}, {} since {}",
            day(leaf.not_before()),
            winner.entry.alias,
            day(winner.entry.certificate.not_before())
        ),
        _ => format!("the same in all else, and {} comes first in the alphabet", winner.entry.alias),
    }
}

/// The default entry of the servers that run, if they agree.
fn default_of_servers(arguments: &Arguments) -> Result<Option<Alias>, Failure> {
    let mut defaults: Vec<Alias> =
        running_servers(&store_path(arguments)?).into_iter().filter_map(|server| server.default).collect();
    defaults.sort();
    defaults.dedup();
    Ok(if defaults.len() == 1 { defaults.pop() } else { None })
}

/// Nobody answers: which entries have a name like it.
fn nobody(keystore: &Keystore, host: Option<&PeerName>) -> Result<Failure, Failure> {
    let Some(host) = host else {
        let message = "no entry answers a client without a name: no default entry is known".to_owned();
        return Ok(Failure::new(Exit::NotFound, "nobody_answers", "serve", message));
    };
    let name = host.to_string();
    let mut near: Vec<(Alias, String)> = Vec::new();
    let mut above = Some(name.as_str());
    while let Some(part) = above {
        for like in [part.to_owned(), format!("*.{part}")] {
            for alias in keystore.aliases_of_name(&like, 2)? {
                if near.iter().all(|(known, _)| *known != alias) {
                    near.push((alias, like.clone()));
                }
            }
        }
        above = part.split_once('.').map(|(_, rest)| rest);
    }
    let listed: Vec<String> =
        near.iter().take(NEAREST).map(|(alias, name)| format!("{alias} has {name}")).collect();
    let near = if listed.is_empty() { String::new() } else { format!("; nearest: {}", listed.join(", ")) };
    let message = format!("no entry answers for {name}{near}");
    Ok(Failure::new(Exit::NotFound, "nobody_answers", "serve", message).with(Remedy::ImportServerCertificate))
}
