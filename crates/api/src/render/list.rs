//! The list of certificates.

use askama::Template;
use strongroom::Entry;

use super::{
    html::Frame,
    words::{Toned, chain, expiry, kind, standing, standing_label},
};
use crate::{
    operations::{CertificatesPage, Direction, ListQuery, Listed, Positions, SortKey},
    overview::{Glance, Standing},
    wire::{calendar_date, percent_encode},
};

/// Names of one certificate that a row shows.
const NAMES: usize = 3;

#[derive(Template)]
#[template(path = "certificates.html")]
struct CertificatesTemplate<'a> {
    frame: &'a Frame<'a>,
    list: String,
    rows: Vec<Row>,
    damaged: Vec<String>,
    query: &'a ListQuery,
    /// Word, label, and whether it is the one that was asked for.
    states: Vec<(&'static str, &'static str, bool)>,
    columns: Vec<Column>,
    /// What stands above the table.
    summary: String,
    is_whole: bool,
    is_filtered: bool,
    former: Option<String>,
    next: Option<String>,
}

/// A row of the list.
struct Row {
    alias: String,
    href: String,
    kind: &'static str,
    subject: String,
    names: Vec<String>,
    more_names: usize,
    date: String,
    expiry: Toned,
    standing: Toned,
    chain: Toned,
}

struct Column {
    label: &'static str,
    href: Option<String>,
    /// For `aria-sort`; empty where it is not sorted by.
    sorted: &'static str,
}

impl Row {
    fn of(entry: &Entry, list: &str, now: i64) -> Self {
        let certificate = &entry.certificate;
        let (alias, glance) = (entry.alias.key(), Glance::of(entry));
        Self {
            href: format!("{list}/{}", percent_encode(&alias)),
            alias,
            kind: kind(entry.kind),
            subject: certificate.subject().to_owned(),
            names: certificate.hosts().take(NAMES).map(str::to_owned).collect(),
            more_names: certificate.hosts().count().saturating_sub(NAMES),
            date: calendar_date(certificate.not_after()),
            expiry: expiry(certificate.not_after(), now),
            standing: standing(&glance, now),
            chain: chain(entry),
        }
    }
}

pub(super) fn certificates(frame: &Frame<'_>, page: &CertificatesPage) -> Result<String, askama::Error> {
    let CertificatesPage { entries, query, positions, list, now } = page;
    let (mut rows, mut damaged) = (Vec::new(), Vec::new());
    for entry in entries {
        match entry {
            Listed::Whole(entry) => rows.push(Row::of(entry, list, *now)),
            Listed::Damaged(alias) => damaged.push(alias.to_string()),
        }
    }
    let at = |page: usize| address(list, &ListQuery { page, ..query.clone() });
    let (summary, former, next, is_whole) = match positions {
        Positions::After { is_first, next } => {
            let next = next.as_ref().map(|after| format!("{list}?after={}", percent_encode(after)));
            (String::new(), (!is_first).then(|| list.clone()), next, true)
        }
        Positions::Of { first, total, page, pages, is_whole, taken_at } => {
            let summary = range(*first, entries.len(), *total, *now, *taken_at);
            let former = (*page > 1).then(|| at(page - 1));
            (summary, former, (page < pages).then(|| at(page + 1)), *is_whole)
        }
    };
    let states = Standing::ALL
        .map(|standing| (standing.as_str(), standing_label(standing), query.standing == Some(standing)));
    CertificatesTemplate {
        frame,
        list: list.clone(),
        rows,
        damaged,
        query,
        states: states.to_vec(),
        columns: columns(list, query),
        summary,
        is_whole,
        is_filtered: !query.text.is_empty() || query.standing.is_some() || query.servers.is_some(),
        former,
        next,
    }
    .render()
}

fn range(first: usize, shown: usize, total: usize, now: i64, taken_at: i64) -> String {
    let what = if total == 1 { "1 certificate".to_owned() } else { format!("{total} certificates") };
    let mut text = match shown {
        0 => "No certificate matches".to_owned(),
        shown if shown == total => what,
        shown => format!("{first} to {} of {what}", first.saturating_add(shown).saturating_sub(1)),
    };
    let age = now.saturating_sub(taken_at);
    if age > 5 {
        text.push_str(&format!(", as of {age} seconds ago"));
    }
    text
}

fn columns(list: &str, query: &ListQuery) -> Vec<Column> {
    let sortable = |label, sort| {
        let is_current = query.sort == sort;
        let direction = match (is_current, query.direction) {
            (true, Direction::Up) => Direction::Down,
            _ => Direction::Up,
        };
        let sorted = match (is_current, query.direction) {
            (false, _) => "",
            (true, Direction::Up) => "ascending",
            (true, Direction::Down) => "descending",
        };
        let href = address(list, &ListQuery { sort, direction, page: 0, ..query.clone() });
        Column { label, href: Some(href), sorted }
    };
    vec![
        sortable("Alias", SortKey::Alias),
        Column { label: "Subject and names", href: None, sorted: "" },
        sortable("Expires", SortKey::Expires),
        sortable("State", SortKey::Standing),
    ]
}

/// The address of the list as a query wants it.
fn address(list: &str, query: &ListQuery) -> String {
    let mut pairs = Vec::new();
    if !query.text.is_empty() {
        pairs.push(format!("q={}", percent_encode(&query.text)));
    }
    pairs.extend(query.standing.map(|standing| format!("state={}", standing.as_str())));
    pairs.extend(query.servers.map(|servers| format!("type={}", if servers { "server" } else { "ca" })));
    match query.sort {
        SortKey::Alias => {}
        SortKey::Expires => pairs.push("sort=expires".to_owned()),
        SortKey::Standing => pairs.push("sort=state".to_owned()),
    }
    if query.direction == Direction::Down {
        pairs.push("order=down".to_owned());
    }
    if query.page > 1 {
        pairs.push(format!("page={}", query.page));
    }
    if pairs.is_empty() { list.to_owned() } else { format!("{list}?{}", pairs.join("&")) }
}
