//! The first page.

use askama::Template;
use strongroom::{certificate::printable, instant::rfc3339, store::LogEntry};

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
    let servers = overview.entries.iter().filter(|glance| glance.is_server()).count();
    let item = |glance: &&Glance| Item::of(glance, list, now);
    let mut attention: Vec<&Glance> =
        overview.entries.iter().filter(|glance| glance.standing(now) != Standing::Good).collect();
    attention.sort_by_key(|glance| (!glance.is_server(), glance.standing(now), glance.ends()));
    let mut next: Vec<&Glance> = overview
        .entries
        .iter()
        .filter(|glance| glance.is_server() && glance.standing(now) == Standing::Good)
        .collect();
    next.sort_by_key(|glance| glance.ends());
    let last = overview.entries.last().filter(|_| !overview.is_whole);
    HomeTemplate {
        frame,
        is_empty: overview.entries.is_empty() && overview.damaged.is_empty(),
        servers,
        authorities: overview.entries.len() - servers,
        more: attention.len().saturating_sub(ROWS),
        attention: attention.iter().take(ROWS).map(item).collect(),
        damaged: overview.damaged.iter().map(ToString::to_string).collect(),
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
            when: ago(row.at, now),
            instant: rfc3339(row.at),
        })
    }
}
