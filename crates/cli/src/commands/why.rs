//! `why`: which entry answers a TLS client, and why each other does not. The rule is the one that servers serve by.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;
use strongroom::{
    Alias, UnixTime,
    certificate::Certificate,
    instant::{apart, day, rfc3339, seconds},
    keystore::{NamedEntry, ServerReport, UnprovedNamed, running_servers},
    remedy::Remedy,
    select::{ClientKeys, Contender, Loss, NameMatch, ServerKey, host_name, select_entry, wildcard_of},
    validate::PeerName,
};

use super::{
    bind::damaged_binding, list::not_shown, now, open_read_only, store_path, unproved, verify::instant,
};
use crate::{
    args::{Arguments, Why},
    failure::{Exit, Failure},
    render::Printer,
};

/// Entries that are asked for each way of having a name, without `--all`.
const ASKED: u32 = 100;
/// Entries with a name like it that are named where nobody answers.
const NEAREST: usize = 5;

#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct WhyView {
    /// Whether the store was opened, and what is said of it proved.
    proved: bool,
    /// In its normal form; null for a client without a name.
    host: Option<String>,
    selected: SelectedView,
    others: Vec<OtherView>,
    /// The default entry, as far as it is known.
    default: Option<String>,
    /// Aliases that lost by their place in the alphabet alone.
    ties: Vec<String>,
    /// Servers that run and show one entry to every client, whatever name that asks for.
    shown_to_all: Vec<ShownView>,
}

#[derive(JsonSchema, Serialize)]
struct ShownView {
    /// The server in a few words.
    server: String,
    alias: String,
}

impl ShownView {
    fn of(server: &ServerReport) -> Option<Self> {
        Some(Self { server: server.name(), alias: server.shown_to_all()?.to_string() })
    }
}

#[derive(JsonSchema, Serialize)]
struct SelectedView {
    alias: String,
    sha256: String,
    /// `exact`, `wildcard` or `default`.
    rule: &'static str,
    bound: bool,
}

#[derive(JsonSchema, Serialize)]
struct OtherView {
    alias: String,
    /// `key_of_no_use`, `less_exact`, `expired`, `not_yet_valid`, `not_bound`, `older` or `later_alias`; `not_shown` where
    /// the servers that run show one entry to every client.
    reason: &'static str,
}

/// An entry that was asked.
struct Asked {
    alias: Alias,
    certificate: Certificate,
    matched: NameMatch,
    bound: bool,
}

impl From<NamedEntry> for Asked {
    fn from(named: NamedEntry) -> Self {
        let NamedEntry { entry, matched, bound, .. } = named;
        Self { alias: entry.alias, certificate: entry.certificate, matched, bound }
    }
}

impl From<UnprovedNamed> for Asked {
    fn from(named: UnprovedNamed) -> Self {
        let UnprovedNamed { entry, matched, bound, .. } = named;
        Self { alias: entry.alias().clone(), certificate: entry.certificate().clone(), matched, bound }
    }
}

/// What the rule looks at.
fn contender<'a>(alias: &'a Alias, leaf: &Certificate, matched: NameMatch, bound: bool) -> Contender<'a> {
    let key = ServerKey::of(leaf.key());
    Contender::new(alias.as_str(), matched, key, leaf.not_before(), leaf.not_after()).bound(bound)
}

impl Asked {
    fn contender(&self) -> Contender<'_> {
        contender(&self.alias, &self.certificate, self.matched, self.bound)
    }
}

/// The entry that answers, by its place.
pub(super) fn decide(entries: &[NamedEntry], client: ClientKeys, at: i64) -> Option<usize> {
    let contenders = entries
        .iter()
        .map(|named| contender(&named.entry.alias, &named.entry.certificate, named.matched, named.bound));
    select_entry(contenders, client, at)
}

/// What is known of a host: the entries that are asked, and the default entry.
struct Known {
    entries: Vec<Asked>,
    default: Option<Alias>,
    /// Entries with names like it, where none was asked.
    near: Vec<(Alias, String)>,
}

/// What a store says that was opened.
fn of_open_store(
    arguments: &Arguments,
    command: &Why,
    at: UnixTime,
    printer: &Printer,
) -> Result<Known, Failure> {
    let keystore = open_read_only(arguments, printer)?;
    let default = match &command.default {
        Some(alias) => Some(keystore.entry(alias, now())?.alias),
        None => default_of_servers(arguments)?,
    };
    let host = command.host.as_ref().map(|host| &host.name);
    if let Some(host) = host
        && let Some(error) = damaged_binding(&keystore, host)?
    {
        let failure = not_shown(&format!("what {host} is bound to"), &error);
        printer.warn_of(&failure.with(Remedy::Unbind { host: host.to_string() }));
    }
    let limit = if command.all { u32::MAX } else { ASKED };
    let entries = keystore.entries_for(host, default.as_ref(), limit, at)?;
    let near = match host.filter(|_| entries.is_empty()) {
        Some(host) => near(host, &|name| Ok(keystore.aliases_of_name(name, 2)?))?,
        None => Vec::new(),
    };
    Ok(Known { entries: entries.into_iter().map(Asked::from).collect(), default, near })
}

/// What the rows of a store say that stays closed.
fn of_closed_store(
    arguments: &Arguments,
    command: &Why,
    at: UnixTime,
    printer: &Printer,
) -> Result<Known, Failure> {
    let store = unproved::read(arguments)?;
    let default = match &command.default {
        Some(alias) => Some(store.entry(alias, now())?.alias().clone()),
        None => default_of_servers(arguments)?,
    };
    let host = command.host.as_ref().map(|host| &host.name);
    let (entries, unreadable) = store.entries_for(host, default.as_ref(), at)?;
    for alias in unreadable {
        printer.warn(&format!("\"{alias}\" cannot be read, so whether it would answer is not known"));
    }
    let mut names: Vec<(Alias, Vec<String>)> = Vec::new();
    let near = match host.filter(|_| entries.is_empty()) {
        Some(host) => {
            store.each_entry(at, |alias, entry| {
                if let Ok(entry) = entry {
                    names.push((alias.clone(), entry.certificate().hosts().map(host_name).collect()));
                }
            })?;
            let having = |name: &str| {
                let has = |(_, names): &&(Alias, Vec<String>)| names.iter().any(|known| known == name);
                Ok(names.iter().filter(has).map(|(alias, _)| alias.clone()).take(2).collect())
            };
            near(host, &having)?
        }
        None => Vec::new(),
    };
    Ok(Known { entries: entries.into_iter().map(Asked::from).collect(), default, near })
}

pub(super) fn run(arguments: &Arguments, command: &Why, printer: &Printer) -> Result<(), Failure> {
    unproved::check_accepts(arguments, command.accept_unproved)?;
    let at = match &command.at {
        Some(text) => {
            instant(text).map_err(|message| Failure::new(Exit::Usage, "bad_time", "arguments", message))?
        }
        None => now(),
    };
    let is_proved = !arguments.opens_nothing();
    let Known { entries, default, near } = if is_proved {
        of_open_store(arguments, command, at, printer)?
    } else {
        of_closed_store(arguments, command, at, printer)?
    };
    let host = command.host.as_ref().map(|host| &host.name);
    let (client, at) = (command.client.into(), seconds(at));
    // Who names a default asks for the rule.
    let servers = match command.default {
        Some(_) => Vec::new(),
        None => servers(arguments)?,
    };
    let shown_to_all: Vec<ShownView> = servers.iter().filter_map(ShownView::of).collect();
    let all_show = default.as_ref().filter(|_| !servers.is_empty() && shown_to_all.len() == servers.len());
    let shown = all_show.and_then(|alias| entries.iter().find(|named| named.alias == *alias));
    let place = select_entry(entries.iter().map(Asked::contender), client, at);
    let Some(winner) = shown.or_else(|| place.and_then(|place| entries.get(place))) else {
        return Err(nobody(host, &near));
    };
    let judged = winner.contender();
    // Nothing is lost where nothing is compared.
    let loss_of = |named: &Asked| match shown {
        Some(_) => None,
        None => Some(judged.loss_of(&named.contender(), client, at)),
    };
    let others: Vec<(&Asked, Option<Loss>)> = entries
        .iter()
        .filter(|named| named.alias != winner.alias)
        .map(|named| (named, loss_of(named)))
        .collect();
    let view = WhyView {
        proved: is_proved,
        host: host.map(ToString::to_string),
        selected: SelectedView {
            alias: winner.alias.to_string(),
            sha256: winner.certificate.fingerprint().to_string(),
            rule: if shown.is_some() { NameMatch::Default.as_str() } else { winner.matched.as_str() },
            bound: winner.bound && shown.is_none(),
        },
        others: others
            .iter()
            .map(|(named, loss)| OtherView {
                alias: named.alias.to_string(),
                reason: loss.map_or("not_shown", Loss::as_str),
            })
            .collect(),
        default: default.as_ref().map(ToString::to_string),
        ties: others
            .iter()
            .filter(|(_, loss)| *loss == Some(Loss::LaterAlias))
            .map(|(named, _)| named.alias.to_string())
            .collect(),
        shown_to_all,
    };
    printer.result(&view, &[], || {
        let mut text = answer(winner, host, shown.is_some(), client, at);
        also(&mut text, &others, winner, host);
        for ShownView { server, alias } in view.shown_to_all.iter().filter(|_| shown.is_none()) {
            let _ = writeln!(text, "but {server} shows {alias} to every client, whatever name it asks for");
        }
        match &default {
            Some(_) if shown.is_some() => {}
            Some(alias) if host.is_some() => {
                let _ = writeln!(text, "a client without a name, or with another one, gets: {alias} (the default)");
            }
            Some(_) => {}
            None => text.push_str(
                "which entry is the default is the server's choice, and none that runs says so; give it with --default\n",
            ),
        }
        if !is_proved {
            let _ = writeln!(text, "{}", unproved::NOT_PROVED);
        }
        text
    });
    if !is_proved {
        printer.set_exit(unproved::exit(0, command.accept_unproved, printer));
    }
    Ok(())
}

/// Which entry answers, and what the client thinks of it.
fn answer(
    winner: &Asked,
    host: Option<&PeerName>,
    is_shown_to_all: bool,
    client: ClientKeys,
    at: i64,
) -> String {
    let judged = winner.contender();
    let why = match is_shown_to_all {
        true => "the server that runs shows it to every client, whatever name it asks for".to_owned(),
        false => because(winner, host),
    };
    let mut text = format!("{} answers: {why}\n", winner.alias);
    if !client.can_use(judged.key) {
        let _ = writeln!(
            text,
            "the client cannot use its {} key: it is told so (handshake_failure)",
            winner.certificate.key()
        );
    }
    if at > judged.not_after {
        let _ = writeln!(text, "it has expired: {}", rfc3339(judged.not_after));
    }
    text
}

/// The others with the name, each with why it does not answer.
fn also(text: &mut String, others: &[(&Asked, Option<Loss>)], winner: &Asked, host: Option<&PeerName>) {
    let named: Vec<_> = others.iter().filter(|(named, _)| named.matched != NameMatch::Default).collect();
    if named.is_empty() {
        return;
    }
    text.push_str("also have it:\n");
    let width = named.iter().map(|(named, _)| named.alias.as_str().len()).max().unwrap_or(0);
    for (named, loss) in named {
        let why = match loss {
            Some(loss) => lost(named, *loss, winner, host),
            None => format!("{} is shown to every client", winner.alias),
        };
        let _ = writeln!(text, "  {:width$}  {why}", named.alias.as_str());
    }
}

/// Why the winner was asked at all.
fn because(winner: &Asked, host: Option<&PeerName>) -> String {
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
fn lost(named: &Asked, loss: Loss, winner: &Asked, host: Option<&PeerName>) -> String {
    let leaf = &named.certificate;
    match loss {
        Loss::KeyOfNoUse => format!("the client cannot use its {} key", leaf.key()),
        Loss::LessExact => {
            let wildcard = host.and_then(|host| wildcard_of(&host.to_string())).unwrap_or_default();
            format!("{wildcard}, less exact than {}", winner.alias)
        }
        Loss::Expired => format!("expired {}", day(leaf.not_after())),
        Loss::NotYetValid => format!("not valid before {}", day(leaf.not_before())),
        Loss::NotBound => format!("{} is bound to the host", winner.alias),
        Loss::Older => {
            let (since, winner_since) = apart(leaf.not_before(), winner.certificate.not_before());
            format!("older: valid since {since}, {} since {winner_since}", winner.alias)
        }
        _ => format!("the same in all else, and {} comes first in the alphabet", winner.alias),
    }
}

/// The servers that run and answer clients.
fn servers(arguments: &Arguments) -> Result<Vec<ServerReport>, Failure> {
    Ok(running_servers(&store_path(arguments)?).into_iter().filter(ServerReport::is_server).collect())
}

/// The default entry of the servers that run, if they agree.
fn default_of_servers(arguments: &Arguments) -> Result<Option<Alias>, Failure> {
    let mut defaults: Vec<Alias> =
        servers(arguments)?.into_iter().filter_map(|server| server.default).collect();
    defaults.sort();
    defaults.dedup();
    Ok(if defaults.len() == 1 { defaults.pop() } else { None })
}

/// Entries with a name like that of a host, or with one above it; `having` finds those with a name.
fn near(
    host: &PeerName,
    having: &dyn Fn(&str) -> Result<Vec<Alias>, Failure>,
) -> Result<Vec<(Alias, String)>, Failure> {
    let name = host.to_string();
    let mut near: Vec<(Alias, String)> = Vec::new();
    let mut above = Some(name.as_str());
    while let Some(part) = above {
        for like in [part.to_owned(), format!("*.{part}")] {
            for alias in having(&like)? {
                if near.iter().all(|(known, _)| *known != alias) {
                    near.push((alias, like.clone()));
                }
            }
        }
        above = part.split_once('.').map(|(_, rest)| rest);
    }
    Ok(near)
}

/// Nobody answers: which entries have a name like it.
fn nobody(host: Option<&PeerName>, near: &[(Alias, String)]) -> Failure {
    let Some(host) = host else {
        let message = "no entry answers a client without a name: no default entry is known".to_owned();
        return Failure::new(Exit::NotFound, "nobody_answers", "serve", message);
    };
    let listed: Vec<String> =
        near.iter().take(NEAREST).map(|(alias, name)| format!("{alias} has {name}")).collect();
    let near = if listed.is_empty() { String::new() } else { format!("; nearest: {}", listed.join(", ")) };
    let message = format!("no entry answers for {host}{near}");
    Failure::new(Exit::NotFound, "nobody_answers", "serve", message).with(Remedy::ImportServerCertificate)
}
