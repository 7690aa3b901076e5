//! The first page.

use askama::Template;
use strongroom::{
    Alias,
    certificate::printable,
    instant::{rfc3339, seconds},
    store::LogEntry,
};

use super::{
    html::Frame,
    words::{Toned, ago, expiry, standing},
};
use crate::{
    operations::HomePage,
    overview::{Glance, Standing},
    wire::{calendar_date, percent_encode},
};

/// Rows of each part.
const ROWS: usize = 8;
/// How the log names an administrator of the API.
const API: &str = "api ";

#[derive(Template)]
#[template(path = "home.html")]
struct HomeTemplate<'a> {
    frame: &'a Frame<'a>,
    list: String,
    may_list: bool,
    is_empty: bool,
    servers: usize,
    authorities: usize,
    /// What wants attention, the worst first.
    attention: Vec<Item>,
    more: usize,
    damaged: Vec<String>,
    /// What ends next.
    next: Vec<Item>,
    changes: Vec<Change>,
    /// Where the overview ends, if it is not whole.
    last: Option<String>,
}

struct Item {
    alias: String,
    href: String,
    is_server: bool,
    standing: Toned,
    expiry: Toned,
    date: String,
}

struct Change {
    who: String,
    what: &'static str,
    alias: String,
    /// The page of the entry, unless it may be gone.
    href: Option<String>,
    to: String,
    when: String,
    instant: String,
}

impl Item {
    fn of(glance: &Glance, list: &str, now: i64) -> Self {
        let alias = glance.alias.key();
        Self {
            href: format!("{list}/{}", percent_encode(&alias)),
            alias,
            is_server: glance.is_server(),
            standing: standing(glance, now),
            expiry: expiry(glance.ends(), now),
            date: calendar_date(glance.ends()),
        }
    }
}

pub(super) fn home(frame: &Frame<'_>, page: &HomePage) -> Result<String, askama::Error> {
    let HomePage { overview, changes, list, now } = page;
    let now = *now;
    let (entries, damaged): (&[Glance], &[Alias]) = match overview {
        Some(overview) => (&overview.entries, &overview.damaged),
        None => (&[], &[]),
    };
    let servers = entries.iter().filter(|glance| glance.is_server()).count();
    let item = |glance: &&Glance| Item::of(glance, list, now);
    let mut attention: Vec<&Glance> =
        entries.iter().filter(|glance| glance.standing(now) != Standing::Good).collect();
    attention.sort_by_key(|glance| (!glance.is_server(), glance.standing(now), glance.ends()));
    let is_next = |glance: &&Glance| glance.is_server() && glance.standing(now) == Standing::Good;
    let mut next: Vec<&Glance> = entries.iter().filter(is_next).collect();
    next.sort_by_key(|glance| glance.ends());
    let is_whole = overview.as_ref().is_none_or(|overview| overview.is_whole);
    let last = entries.last().filter(|_| !is_whole);
    HomeTemplate {
        frame,
        may_list: overview.is_some(),
        is_empty: entries.is_empty() && damaged.is_empty(),
        servers,
        authorities: entries.len().saturating_sub(servers),
        more: attention.len().saturating_sub(ROWS),
        attention: attention.iter().take(ROWS).map(item).collect(),
        damaged: damaged.iter().map(ToString::to_string).collect(),
        next: next.iter().take(ROWS).map(item).collect(),
        changes: changes.iter().filter_map(|row| Change::of(row, list, now)).take(ROWS).collect(),
        last: last.map(|glance| glance.alias.to_string()),
        list: list.clone(),
    }
    .render()
}

impl Change {
    /// `None` for a row that tells of no change of an entry.
    fn of(row: &LogEntry, list: &str, now: i64) -> Option<Self> {
        let mut to = String::new();
        let (what, is_there) = match (row.action.as_str(), row.outcome.as_str()) {
            ("import" | "ca-import" | "ca-import-all" | "import-many", "imported") => ("imported", true),
            ("import" | "import-many", "replaced") => ("replaced", true),
            ("import" | "import-many", "chain stored") => ("stored the chain of", true),
            ("rm", "removed") => ("deleted", false),
            ("undo", "restored") => ("rolled back", true),
            ("undo", "brought back") => ("brought back", true),
            ("rename", outcome) => {
                to = printable(outcome.strip_prefix("renamed to ")?);
                ("renamed", false)
            }
            ("export", outcome) if outcome.starts_with("sha256 ") => ("exported", true),
            ("restore", "imported" | "replaced" | "brought back") => ("restored from a backup", true),
            _ => return None,
        };
        let alias = printable(&row.alias);
        Some(Self {
            who: printable(row.actor.strip_prefix(API).unwrap_or(&row.actor)),
            what,
            href: is_there.then(|| format!("{list}/{}", percent_encode(&row.alias.to_lowercase()))),
            alias,
            to,
            when: ago(seconds(row.at), now),
            instant: rfc3339(seconds(row.at)),
        })
    }
}
