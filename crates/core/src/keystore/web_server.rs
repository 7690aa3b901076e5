//! What the web server of a store shows and offers: changed in one place, tried before it is in force.

use rustls_pki_types::UnixTime;

use super::{
    Keystore,
    protocol::{Asked, By, LogNote, Step},
    row::open_row,
    seconds,
    servers::ServerReport,
};
use crate::{
    alias::Alias,
    certificate::Certificate,
    diagnostic::{Diagnostic, DiagnosticCode},
    error::Error,
    select::ServerKey,
    store::{Action, Happened, StoreError, Write},
    validate::{PeerName, Policy},
    web_server::{CipherSuite, TlsVersion, WebServer, WebServerError, list_of},
};

/// What is to be another; `None` stays as it is.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct WebServerChange {
    /// The entry whose certificate is shown.
    pub alias: Option<Alias>,
    /// The versions of TLS that are offered.
    pub versions: Option<Vec<TlsVersion>>,
    /// The cipher suites that may be used.
    pub suites: Option<Vec<CipherSuite>>,
    /// Whether answers tell browsers to come by HTTPS alone.
    pub hsts: Option<bool>,
    /// What the server shows while nobody has chosen an entry.
    pub shown: Option<Alias>,
    /// The names by which clients call the server: its certificate should be for one of them.
    pub names: Vec<PeerName>,
}

/// What came of a change.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WebServerReport {
    /// What is in force now.
    pub web_server: WebServer,
    /// Whether it is another than before.
    pub changed: bool,
    /// Warnings.
    pub findings: Vec<Diagnostic>,
}

impl Keystore {
    /// What the web server shows and offers, as it was chosen; the default if nobody chose.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn web_server(&self) -> Result<WebServer, Error> {
        self.reading(|read| read.web_server())
    }

    /// Chooses what the web server shows and offers. The key of the entry is opened and proved before, and its chain is
    /// judged: what would leave no connection possible is refused, and what clients may object to is a warning. The entry
    /// that was shown stays, as [`WebServer::former`], and is neither needed nor removed.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], [`WebServerError`], [`SealError::Damaged`](crate::seal::SealError::Damaged) if its key does not
    /// open, or another if the store cannot be written.
    pub fn set_web_server(&self, change: &WebServerChange, at: UnixTime) -> Result<WebServerReport, Error> {
        let about = change.alias.as_ref().map(Alias::as_str).unwrap_or_default();
        let asked = Asked { action: Action::WebServer, about, at: seconds(at) };
        self.change(
            asked,
            |write, by| {
                let before = write.as_read().web_server()?;
                let (web_server, leaf, findings) = tried(write, by, change, &before, at)?;
                let changed = web_server != before;
                let note = LogNote {
                    alias: web_server.alias.as_ref().map(ToString::to_string).unwrap_or_default(),
                    fingerprint: leaf.map(|leaf| leaf.fingerprint.to_string()).unwrap_or_default(),
                    outcome: Happened::Offered(web_server.to_string()),
                };
                let report = WebServerReport { web_server, changed, findings };
                if !changed {
                    return Ok(Step::Same(report));
                }
                write.put_web_server(&report.web_server);
                Ok(Step::Changed(report, note))
            },
            |read, _, report| Ok(read.web_server()? == report.web_server),
        )
    }
}

/// What the change makes of it, after trying that; with the certificate that is shown.
fn tried(
    write: &Write<'_>,
    by: &By<'_>,
    change: &WebServerChange,
    before: &WebServer,
    at: UnixTime,
) -> Result<(WebServer, Option<Certificate>, Vec<Diagnostic>), Error> {
    let mut next = before.clone();
    let mut findings = Vec::new();
    let shown = before.alias.as_ref().or(change.shown.as_ref());
    let leaf = match change.alias.as_ref().or(shown) {
        Some(alias) => match served(write, by, alias, at) {
            Ok((stored, leaf, found)) => {
                if change.alias.is_some() {
                    findings = found;
                    findings.extend(name_mismatch(&stored, &leaf, &change.names));
                    if shown != Some(&stored) {
                        next.former = shown.cloned();
                    }
                    next.alias = Some(stored);
                }
                Some(leaf)
            }
            // What is shown already, and cannot be any more, keeps nobody from changing the rest.
            Err(_) if change.alias.is_none() => None,
            Err(error) => return Err(error),
        },
        None => None,
    };
    if let Some(versions) = &change.versions {
        next.versions = Some(versions.clone()).filter(|versions| !versions.is_empty());
    }
    if let Some(suites) = &change.suites {
        next.suites = Some(suites.clone()).filter(|suites| !suites.is_empty());
    }
    next.hsts = change.hsts.unwrap_or(before.hsts);
    findings.extend(next.check(leaf.as_ref().map(|leaf| ServerKey::of(leaf.key())))?);
    Ok((next, leaf, findings))
}

/// Refuses a certificate with whose key nobody could connect to the web server any more, if that shows the entry. Where
/// nobody could with the present one either, the server offers more than was chosen, and goes on so.
///
/// # Errors
///
/// [`WebServerError::NewKeyCannotSign`].
pub(super) fn check_shown(
    write: &Write<'_>,
    by: &By<'_>,
    alias: &Alias,
    leaf: &Certificate,
    present: Option<&Certificate>,
) -> Result<(), Error> {
    let read = write.as_read();
    let chosen = read.web_server()?;
    // As it stands in the store.
    let shown = match &chosen.alias {
        Some(shown) => Some(shown.clone()).filter(|shown| shown == alias),
        // Left to the server: what it holds now.
        None => {
            let held = read.head(alias)?.filter(|head| by.holds.server(head) == Some(ServerReport::SERVE));
            held.map(|head| head.alias)
        }
    };
    let key = ServerKey::of(leaf.key());
    let was_so = present.is_some_and(|present| !chosen.goes_with(ServerKey::of(present.key())));
    let Some(shown) = shown.filter(|_| !was_so && !chosen.goes_with(key)) else {
        return Ok(());
    };
    Err(WebServerError::NewKeyCannotSign {
        alias: shown,
        key: leaf.key().to_string(),
        suites: list_of(&chosen.suites()),
        enough: list_of(&chosen.suites_with(key)),
    }
    .into())
}

/// The entry as a server would load it, and what clients may object to in it.
fn served(
    write: &Write<'_>,
    by: &By<'_>,
    alias: &Alias,
    at: UnixTime,
) -> Result<(Alias, Certificate, Vec<Diagnostic>), Error> {
    let read = write.as_read();
    let row = read.entry(alias)?.ok_or_else(|| StoreError::NotFound { alias: alias.clone() })?;
    let stored = row.head.alias.clone();
    if row.head.trust.is_some() {
        return Err(WebServerError::CaCertificate { alias: stored }.into());
    }
    let (_, leaf) = open_row(by.root, &row)?;
    if ServerKey::of(leaf.key()) == ServerKey::Unusable {
        return Err(WebServerError::UnsupportedKey { alias: stored, key: leaf.key().to_string() }.into());
    }
    let judged = by.chains.seen_by(&read).verify(&row, &Policy::default(), at)?;
    let refused = judged.err().map(|refusal| refusal.findings).unwrap_or_default();
    Ok((stored, leaf, refused.into_iter().map(Diagnostic::into_warning).collect()))
}

/// A warning if the certificate is for none of the names.
fn name_mismatch(alias: &Alias, leaf: &Certificate, names: &[PeerName]) -> Option<Diagnostic> {
    let first = names.first()?;
    if names.iter().any(|name| name.is_named_by(leaf)) {
        return None;
    }
    let but = first.why_not(leaf);
    let wanted: Vec<String> = names.iter().map(ToString::to_string).collect();
    let message = format!("the certificate of \"{alias}\" is not for {}: {but}", wanted.join(" or "));
    Some(Diagnostic::new(DiagnosticCode::NameMismatch, message).into_warning())
}
