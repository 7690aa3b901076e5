//! Names and keys that several entries have.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use strongroom::{
    Alias, Entry, Keystore, UnixTime,
    instant::seconds,
    keystore::{EntryKind, NameDigest, NameSink},
    remedy::shell_word,
};

use super::{
    command,
    entries::Seen,
    finding::{Finding, Findings, Severity},
};
use crate::{failure::Failure, render::Printer};

/// Entries that are named for one name or key.
const MOST_ALIASES: u32 = 6;
/// Groups of entries with names in common that are looked at.
const MOST_GROUPS: usize = 1_000;

pub(super) fn shared(
    keystore: &Keystore,
    seen: Seen,
    at: UnixTime,
    printer: &Printer,
    found: &mut Findings,
) -> Result<(), Failure> {
    let mut twins = BTreeSet::new();
    for key in &seen.repeated_keys {
        let entries = servers(keystore, keystore.aliases_of_key(key, MOST_ALIASES)?, at)?;
        if let [first, .., last] = entries.as_slice() {
            let same = entries
                .iter()
                .all(|entry| entry.certificate.fingerprint() == first.certificate.fingerprint());
            let aliases: Vec<String> = entries.iter().map(|entry| entry.alias.to_string()).collect();
            let (message, help) = if same {
                twins.insert(lower(&aliases));
                ("they are the same certificate and private key", format!("rm {}", last.alias))
            } else {
                let alias = &last.alias;
                (
                    "they have the same private key: who gets one has all",
                    format!("csr {alias} --like {alias} -o {alias}.csr"),
                )
            };
            let help = match keystore.pending_request(&last.alias)? {
                Some(_) if !same => format!("csr show {}", last.alias),
                _ => help,
            };
            found.push(Finding {
                severity: Severity::Warning,
                code: "key_reused",
                aliases,
                more_aliases: 0,
                message: message.to_owned(),
                help: command(printer, &help),
            });
        }
    }
    let bound = keystore.bound_hosts()?;
    let bound = bound.iter().map(|(host, _)| *NameDigest::of(host).as_bytes()).collect();
    let mut names = SharedNames { bound, ..SharedNames::default() };
    keystore.served_names(&mut names)?;
    names.next();
    for (aliases, group) in names.groups.iter().filter(|(aliases, _)| !twins.contains(*aliases)) {
        let aliases = aliases.iter().filter_map(|alias| alias.parse().ok()).collect();
        group.report(&servers(keystore, aliases, at)?, at, printer, found);
    }
    Ok(())
}

fn lower(aliases: &[String]) -> Vec<String> {
    let mut lower: Vec<String> = aliases.iter().map(|alias| alias.to_lowercase()).collect();
    lower.sort();
    lower
}

/// Those of the aliases that are server entries; what was removed meanwhile or is damaged is left out.
fn servers(keystore: &Keystore, aliases: Vec<Alias>, at: UnixTime) -> Result<Vec<Entry>, Failure> {
    let entries = aliases.iter().filter_map(|alias| keystore.entry(alias, at).ok());
    Ok(entries.filter(|entry| entry.kind == EntryKind::Server).collect())
}

/// Names that the same entries have.
struct Group {
    first: [u8; 32],
    names: u64,
    /// Entries beside those that are named.
    more: u64,
}

/// Finds the names that several entries have and nobody bound. They come in order, so that one name is held at a time.
#[derive(Default)]
struct SharedNames {
    bound: HashSet<[u8; 32]>,
    current: Option<[u8; 32]>,
    aliases: Vec<String>,
    more: u64,
    groups: BTreeMap<Vec<String>, Group>,
}

impl SharedNames {
    /// Ends a name.
    fn next(&mut self) {
        let (aliases, more) = (std::mem::take(&mut self.aliases), std::mem::take(&mut self.more));
        let Some(name) = self.current.take().filter(|name| aliases.len() > 1 && !self.bound.contains(name))
        else {
            return;
        };
        if let Some(known) = self.groups.get_mut(&aliases) {
            known.names += 1;
        } else if self.groups.len() < MOST_GROUPS {
            self.groups.insert(aliases, Group { first: name, names: 1, more });
        }
    }
}

impl NameSink for SharedNames {
    fn begin(&mut self) {
        let bound = std::mem::take(&mut self.bound);
        *self = Self { bound, ..Self::default() };
    }

    fn name(&mut self, name: &NameDigest, alias: &str) {
        if self.current.as_ref() != Some(name.as_bytes()) {
            self.next();
            self.current = Some(*name.as_bytes());
        }
        if self.aliases.len() < usize::try_from(MOST_ALIASES).unwrap_or(usize::MAX) {
            self.aliases.push(alias.to_owned());
        } else {
            self.more += 1;
        }
    }

    fn bound(&mut self, _host: &str, _alias: &Alias) {}
}

impl Group {
    fn report(&self, entries: &[Entry], at: UnixTime, printer: &Printer, found: &mut Findings) {
        let [first, others @ ..] = entries else {
            return;
        };
        let host = first.certificate.hosts().find(|host| *NameDigest::of(host).as_bytes() == self.first);
        let (Some(host), false) = (host, others.is_empty()) else {
            return;
        };
        let now = seconds(at);
        let valid =
            |entry: &&Entry| entry.certificate.not_before() <= now && now <= entry.certificate.not_after();
        let ended = entries.iter().filter(|entry| !valid(entry)).collect::<Vec<_>>();
        // As a server chooses: of equal ones the first, and `max_by_key` gives the last.
        let answers = entries.iter().rev().max_by_key(|entry| (valid(entry), entry.certificate.not_before()));
        let help = match (ended.as_slice(), answers) {
            ([ended], _) => format!("rm {}", ended.alias),
            (_, Some(_)) if host.starts_with("*.") => {
                format!("diff {} {}", first.alias, others.first().unwrap_or(first).alias)
            }
            (_, Some(answers)) => format!("bind {} {}", shell_word(host), answers.alias),
            (_, None) => return,
        };
        let more = match self.names {
            1 => String::new(),
            names => format!(" and {} more", names - 1),
        };
        found.push(Finding {
            severity: Severity::Warning,
            code: "name_shared",
            aliases: entries.iter().map(|entry| entry.alias.to_string()).collect(),
            more_aliases: self.more,
            message: format!("they have a name in common, and none is bound to it: {host}{more}"),
            help: command(printer, &help),
        });
    }
}
