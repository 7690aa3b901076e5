//! The list of certificates, and one of them.

use std::sync::Arc;

use strongroom::{
    Alias, Entry, Error, Keystore, UnixTime,
    diagnostic::Diagnostic,
    instant::seconds as seconds_of,
    issuance::IssuanceError,
    keystore::Version,
    store::StoreError,
    validate::{PathCertificate, Policy},
    web_server::list_of,
};

use super::{
    Answer, CertificatePage, CertificatesPage, Direction, ListQuery, Listed, Page, Positions, SortKey,
    seconds,
};
use crate::{
    error::{ApiError, Task},
    overview::{Glance, Overview, Standing},
    request::Request,
    state::ApiState,
    wire::{
        Flavour, Format,
        certificate::CertificateObject,
        field,
        object::{CertificateList, Object},
        server_object::ServerCertificateList,
    },
};

/// Entries of one page for people.
const PAGE: u32 = 100;
const PAGE_LEN: usize = 100;
/// How much of what is searched for is looked at, in characters.
const SEARCH: usize = 200;

pub(super) async fn list(state: &ApiState, request: &Request) -> Result<Answer, ApiError> {
    if request.format == Format::Html {
        return page(state, request).await;
    }
    // What is damaged has its name all the same; who asks for it learns why it cannot be shown.
    let read = state.run(Task::Read, |keystore| Ok((keystore.aliases()?, keystore.web_server()?)));
    let (aliases, web_server) = read.await?;
    // In lower case, as a Java keystore has them.
    let aliases: Vec<String> = aliases.iter().map(Alias::key).collect();
    if request.address.flavour() == Flavour::Server {
        let list = ServerCertificateList { certificates: aliases.clone(), ssl_certificates: aliases };
        return Ok(Answer::Object(Object::ServerCertificateList(list)));
    }
    Ok(Answer::Object(Object::CertificateList(CertificateList {
        ssl_certificates: aliases,
        web_server_certificate_alias: state.machine().shown(&web_server),
        ssl_protocols: list_of(&web_server.versions()),
        cipher_suites: list_of(&web_server.suites()),
        hsts_enabled: web_server.hsts,
    })))
}

async fn page(state: &ApiState, request: &Request) -> Result<Answer, ApiError> {
    let query = ListQuery::read(request);
    let (entries, positions) =
        if query.is_plain() { by_alias(state, request).await? } else { matching(state, &query).await? };
    let list = request.address.list();
    Ok(Answer::Page(Page::Certificates(CertificatesPage {
        entries,
        query,
        positions,
        list,
        now: seconds(state),
    })))
}

/// The page after an alias: it costs the same whatever the store holds.
async fn by_alias(state: &ApiState, request: &Request) -> Result<(Vec<Listed>, Positions), ApiError> {
    let after = request.fields.text(field::AFTER)?.and_then(|text| text.parse::<Alias>().ok());
    let is_first = after.is_none();
    let (wanted, at) = (PAGE + 1, state.now());
    let listed = state.run(Task::Read, move |keystore| keystore.listing(after.as_ref(), wanted, at));
    let mut listed = listed.await?;
    let more = listed.len() > PAGE_LEN;
    listed.truncate(PAGE_LEN);
    let next = listed.last().filter(|_| more).map(|(alias, _)| alias.key());
    let entries = listed.into_iter().map(|(alias, entry)| match entry {
        Ok(entry) => Listed::Whole(Box::new(entry)),
        Err(_) => Listed::Damaged(alias),
    });
    Ok((entries.collect(), Positions::After { is_first, next }))
}

/// A page of the entries that match, sorted.
async fn matching(state: &ApiState, query: &ListQuery) -> Result<(Vec<Listed>, Positions), ApiError> {
    let overview = state.overview().await?;
    let (query, at) = (query.clone(), state.now());
    let found = state.run(Task::Read, move |keystore| {
        let matches = query.matches(&overview, seconds_of(at));
        let pages = matches.len().div_ceil(PAGE_LEN).max(1);
        let page = query.page.clamp(1, pages);
        let first = (page - 1).saturating_mul(PAGE_LEN);
        let mut entries = Vec::new();
        for glance in matches.iter().skip(first).take(PAGE_LEN) {
            match keystore.entry(&glance.alias, at) {
                Ok(entry) => entries.push(Listed::Whole(Box::new(entry))),
                // Removed since.
                Err(Error::Store(StoreError::NotFound { .. })) => {}
                Err(Error::Store(StoreError::Corrupt { .. })) => {
                    entries.push(Listed::Damaged(glance.alias.clone()));
                }
                Err(other) => return Err(other),
            }
        }
        let (is_whole, taken_at) = (overview.is_whole, overview.taken_at);
        let total = matches.len();
        Ok((entries, Positions::Of { first: first + 1, total, page, pages, is_whole, taken_at }))
    });
    found.await
}

impl ListQuery {
    /// What is not understood is as if it had not been asked.
    fn read(request: &Request) -> Self {
        let text = |names| request.fields.text(names).ok().flatten().unwrap_or_default();
        Self {
            text: text(field::SEARCH).trim().chars().take(SEARCH).collect(),
            standing: Standing::ALL.into_iter().find(|standing| standing.as_str() == text(field::STATE)),
            servers: match text(field::TYPE) {
                "server" => Some(true),
                "ca" => Some(false),
                _ => None,
            },
            sort: match text(field::SORT) {
                "expires" => SortKey::Expires,
                "state" => SortKey::Standing,
                _ => SortKey::Alias,
            },
            direction: if text(field::ORDER) == "down" { Direction::Down } else { Direction::Up },
            page: text(field::PAGE).parse().unwrap_or(0),
        }
    }

    fn matches<'o>(&self, overview: &'o Overview, now: i64) -> Vec<&'o Glance> {
        let text = self.text.to_lowercase();
        let mut found: Vec<&Glance> = overview
            .entries
            .iter()
            .filter(|glance| self.servers.is_none_or(|servers| glance.is_server() == servers))
            .filter(|glance| self.standing.is_none_or(|standing| glance.standing(now) == standing))
            .filter(|glance| glance.has(&text))
            .collect();
        match self.sort {
            // As they stand.
            SortKey::Alias => {}
            SortKey::Expires => found.sort_by_key(|glance| glance.ends()),
            SortKey::Standing => found.sort_by_key(|glance| (glance.standing(now), glance.ends())),
        }
        if self.direction == Direction::Down {
            found.reverse();
        }
        found
    }
}

pub(super) async fn one(state: &ApiState, request: &Request) -> Result<Answer, ApiError> {
    if request.format != Format::Html {
        let entry = entry(state, request).await?;
        return Ok(Answer::Object(Object::Certificate(Box::new(CertificateObject::from(&entry)))));
    }
    let (alias, at) = (alias(request)?, state.now());
    let machine = Arc::clone(state.machine());
    let may_export_key = state.settings().allow_key_export;
    let (list, now) = (request.address.list(), seconds(state));
    let found = state.run(Task::Read, move |keystore| {
        let page = all_of(keystore, &alias, at)?;
        let web_server = machine.shown(&keystore.web_server()?);
        let overview = machine.overviews.known(keystore, at)?;
        Ok(page.map(|(entry, path, findings, versions)| {
            let is_web_server = entry.alias.key() == web_server;
            CertificatePage {
                entry,
                path,
                findings,
                versions,
                is_web_server,
                may_export_key,
                overview,
                list,
                now,
            }
        }))
    });
    let page = found.await?.ok_or_else(|| not_found(request))?;
    Ok(Answer::Page(Page::Certificate(Box::new(page))))
}

/// The entry that the path names; a failure with the code 404 for none.
pub(super) async fn entry(state: &ApiState, request: &Request) -> Result<Entry, ApiError> {
    let (alias, at) = (alias(request)?, state.now());
    let found = state.run(Task::Read, move |keystore| there(keystore.entry(&alias, at)));
    found.await?.ok_or_else(|| not_found(request))
}

/// The alias of the entry that the path names, also where what it holds cannot be read.
pub(super) async fn entry_or_damaged(state: &ApiState, request: &Request) -> Result<Alias, ApiError> {
    let (alias, at) = (alias(request)?, state.now());
    let wanted = alias.clone();
    let is_there = state.run(Task::Read, move |keystore| match keystore.entry(&wanted, at) {
        Err(Error::Store(StoreError::NotFound { .. } | StoreError::Removed { .. })) => Ok(false),
        Ok(_) | Err(Error::Store(StoreError::Corrupt { .. })) => Ok(true),
        Err(other) => Err(other),
    });
    if is_there.await? { Ok(alias) } else { Err(not_found(request)) }
}

/// The alias that the path names. What cannot be an alias is that of no entry.
pub(super) fn alias(request: &Request) -> Result<Alias, ApiError> {
    request.address.name.as_deref().unwrap_or_default().parse().map_err(|_| not_found(request))
}

/// Clients ask whether a certificate is there, and read the code.
pub(super) fn not_found(request: &Request) -> ApiError {
    let name = strongroom::certificate::printable(request.address.name.as_deref().unwrap_or_default());
    ApiError::new(404, format!("Certificate with alias '{name}' not found"), Vec::new())
}

/// What the page of an entry shows.
type All = (Entry, Vec<PathCertificate>, Vec<Diagnostic>, Vec<Version>);

fn all_of(keystore: &Keystore, alias: &Alias, at: UnixTime) -> Result<Option<All>, Error> {
    let Some(entry) = there(keystore.entry(alias, at))? else {
        return Ok(None);
    };
    let findings = match keystore.verify(alias, &Policy::default(), at) {
        Ok(valid) => valid.findings().to_vec(),
        Err(Error::Validation(refused)) => refused.findings,
        // A CA certificate by itself is nothing to judge.
        Err(Error::Issuance(IssuanceError::NoKey { .. })) => Vec::new(),
        Err(other) => return Err(other),
    };
    Ok(Some((entry, keystore.chain(alias, at)?, findings, keystore.history(alias)?)))
}

/// `None` where there is no such entry.
pub(super) fn there<T>(found: Result<T, Error>) -> Result<Option<T>, Error> {
    match found {
        Err(Error::Store(StoreError::NotFound { .. } | StoreError::Removed { .. })) => Ok(None),
        other => other.map(Some),
    }
}
