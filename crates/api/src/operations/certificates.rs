//! The list of certificates, and one of them.

use strongroom::{Alias, Entry, Error, Keystore, UnixTime, store::StoreError};

use super::{Answer, CertificatePage, CertificatesPage, Page, seconds};
use crate::{
    error::{ApiError, Task},
    request::Request,
    state::ApiState,
    wire::{
        Format,
        certificate::CertificateObject,
        field,
        object::{CIPHER_SUITES, CertificateList, Object, SSL_PROTOCOLS},
    },
};

/// Entries of one page for people.
const PAGE: u32 = 100;
/// Entries that are read at once for a program, which gets all of them.
const BATCH: u32 = 500;

pub(super) async fn list(state: &ApiState, request: &Request) -> Result<Answer, ApiError> {
    if request.format == Format::Html {
        return page(state, request).await;
    }
    let at = state.now();
    let ssl_certificates = state.run(Task::Read, move |keystore| all_aliases(keystore, at)).await?;
    Ok(Answer::Object(Object::CertificateList(CertificateList {
        ssl_certificates,
        web_server_certificate_alias: state.settings().web_server_certificate_alias.clone(),
        ssl_protocols: SSL_PROTOCOLS,
        cipher_suites: CIPHER_SUITES,
        hsts_enabled: false,
    })))
}

/// Every alias in lower case, as a Java keystore has them.
fn all_aliases(keystore: &Keystore, at: UnixTime) -> Result<Vec<String>, Error> {
    let mut aliases: Vec<String> = Vec::new();
    let mut after: Option<Alias> = None;
    loop {
        // What is damaged has its name all the same; who asks for it learns why it cannot be shown.
        let batch = keystore.listing(after.as_ref(), BATCH, at)?;
        let Some((last, _)) = batch.last() else {
            return Ok(aliases);
        };
        after = Some(last.clone());
        aliases.extend(batch.iter().map(|(alias, _)| alias.key()));
    }
}

async fn page(state: &ApiState, request: &Request) -> Result<Answer, ApiError> {
    let after = request.fields.text(field::AFTER)?.and_then(|text| text.parse::<Alias>().ok());
    let (wanted, at) = (PAGE + 1, state.now());
    let listed = state.run(Task::Read, move |keystore| keystore.listing(after.as_ref(), wanted, at));
    let mut listed = listed.await?;
    let shown = usize::try_from(PAGE).unwrap_or(usize::MAX);
    let more = listed.len() > shown;
    listed.truncate(shown);
    let next = listed.last().filter(|_| more).map(|(alias, _)| alias.key());
    let (mut entries, mut damaged) = (Vec::with_capacity(listed.len()), Vec::new());
    for (alias, entry) in listed {
        match entry {
            Ok(entry) => entries.push(entry),
            Err(_) => damaged.push(alias),
        }
    }
    let list = request.address.list();
    Ok(Answer::Page(Page::Certificates(CertificatesPage {
        entries,
        damaged,
        list,
        next,
        now: seconds(state),
    })))
}

pub(super) async fn one(state: &ApiState, request: &Request) -> Result<Answer, ApiError> {
    let entry = entry(state, request).await?;
    Ok(match request.format {
        Format::Html => {
            let list = request.address.list();
            Answer::Page(Page::Certificate(Box::new(CertificatePage { entry, list, now: seconds(state) })))
        }
        Format::Json | Format::Pjson => {
            Answer::Object(Object::Certificate(Box::new(CertificateObject::from(&entry))))
        }
    })
}

/// The entry that the path names; a failure with the code 404 for none.
pub(super) async fn entry(state: &ApiState, request: &Request) -> Result<Entry, ApiError> {
    let (alias, at) = (alias(request)?, state.now());
    let found = state.run(Task::Read, move |keystore| match keystore.entry(&alias, at) {
        Err(Error::Store(StoreError::NotFound { .. })) => Ok(None),
        other => other.map(Some),
    });
    found.await?.ok_or_else(|| not_found(request))
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
