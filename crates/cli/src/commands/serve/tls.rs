//! The TLS of `serve`: one entry, followed in the store.

use std::{net::IpAddr, sync::Arc, time::Duration};

use strongroom::{
    Alias, Error, Keystore,
    instant::{rfc3339, seconds},
    keystore::{EntryKind, ServerReport},
    web_server::WebServerError,
};
use strongroom_rustls::{LiveTls, LiveTlsError, TlsEvent};

use super::{
    super::now,
    access_log::AccessLog,
    certificate::{Made, OwnCertificate},
    machines::Machines,
    web_server::WebServer,
};
use crate::{
    failure::{Exit, Failure},
    render::{self, Printer},
};

/// How often the server's own certificate is looked at.
const LOOK: Duration = Duration::from_secs(3_600);

/// What the program is called where it marks what it uses.
pub(super) const PROGRAM: &str = ServerReport::SERVE;

/// What `serve` shows of one store, and what keeps it good.
pub(super) struct ServerTls {
    pub(super) live: Arc<LiveTls>,
    /// What is shown at the start.
    pub(super) shown: Alias,
    /// What is shown while nobody chose an entry.
    pub(super) fallback: Alias,
    /// Whether the operator named that.
    pub(super) is_named: bool,
    /// Nothing where an entry was named: that is the administrator's to renew.
    own: Option<OwnCertificate>,
}

impl ServerTls {
    /// Of the entry that was chosen, of the one that was `named`, or of one made for a machine with these names.
    pub(super) fn new(
        keystore: &Keystore,
        chosen: Option<&Alias>,
        named: Option<&Alias>,
        (names, address): (Vec<String>, IpAddr),
        printer: &Printer,
    ) -> Result<Self, Failure> {
        let (fallback, own) = match named {
            Some(alias) => (server_entry(keystore, alias)?, None),
            None => {
                let own = OwnCertificate::new(keystore, names, address);
                if let Some(made) = own.keep()?.filter(Made::is_another) {
                    let alias = OwnCertificate::alias()?;
                    match made.warning() {
                        Some(warning) => printer.warn(&warning),
                        None => printer.note(&format!("made another certificate for {alias}: {made}")),
                    }
                }
                (OwnCertificate::alias()?, Some(own))
            }
        };
        let (shown, live) = match chosen.map(|alias| (alias.clone(), live(keystore, alias))) {
            Some((alias, Ok(live))) => (alias, live),
            Some((_, Err(LiveTlsError::Default { alias, reason }))) => {
                printer.warn(&format!(
                    "{alias} was chosen for the web server and cannot be shown: {reason}; {fallback} is shown until another is chosen"
                ));
                (fallback.clone(), live(keystore, &fallback).map_err(refused)?)
            }
            Some((_, Err(error))) => return Err(refused(error)),
            None => (fallback.clone(), live(keystore, &fallback).map_err(refused)?),
        };
        let leaf = keystore.entry(&shown, now())?.certificate;
        if leaf.not_after() < seconds(now()) {
            printer.warn(&format!("the certificate of {shown} expired {}", rfc3339(leaf.not_after())));
        }
        Ok(Self { live: Arc::new(live), shown, fallback, is_named: named.is_some(), own })
    }

    /// Makes the server's own certificate if it has one, and it is due.
    pub(super) fn keep_own(&self) -> Result<Option<Made>, Failure> {
        self.own.as_ref().map_or(Ok(None), OwnCertificate::keep)
    }

    /// Writes what happens into the server's log.
    pub(super) fn log_events(&self) {
        let events = self.live.events();
        let logged = std::thread::Builder::new().name("tls-events".to_owned()).spawn(move || {
            for event in events {
                if let Some(line) = line(&event) {
                    render::log(&line);
                }
            }
        });
        if let Err(error) = logged {
            render::log(&format!("events of TLS are not logged: {error}"));
        }
    }
}

/// Renews the server's own certificate when it is time, as long as that is shown and the server runs.
pub(super) fn keep(server: &Arc<WebServer>) {
    let server = Arc::downgrade(server);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(LOOK).await;
            let Some(server) = server.upgrade() else {
                return;
            };
            if server.shown() != server.tls.fallback {
                continue;
            }
            match tokio::task::spawn_blocking(move || server.tls.keep_own()).await {
                Ok(Ok(Some(why))) => render::log(&format!("renewed the certificate of this server: {why}")),
                Ok(Err(failure)) => {
                    render::log(&format!("the certificate of this server was not renewed: {failure}"));
                }
                _ => {}
            }
        }
    });
}

/// An entry that has a key to serve with, under the alias that it has in the store.
fn server_entry(keystore: &Keystore, alias: &Alias) -> Result<Alias, Failure> {
    let entry = keystore.entry(alias, now())?;
    match entry.kind {
        EntryKind::Authority { .. } => {
            Err(Error::from(WebServerError::CaCertificate { alias: entry.alias }).into())
        }
        _ => Ok(entry.alias),
    }
}

fn live(keystore: &Keystore, alias: &Alias) -> Result<LiveTls, LiveTlsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    LiveTls::builder(keystore.clone(), provider)
        .default_alias(alias.as_str())
        .only_default()
        .keep_default()
        .alpn(["http/1.1"])
        .program(PROGRAM)
        .build()
}

/// Reads the store at once when the process is told to (SIGHUP), instead of ending, and opens the access log again.
#[cfg(unix)]
pub(super) fn reload_on_signal(machines: &Arc<Machines>, log: Option<AccessLog>) {
    use tokio::signal::unix::{SignalKind, signal};

    let Ok(mut hangup) = signal(SignalKind::hangup()) else {
        return;
    };
    let machines = Arc::clone(machines);
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            let (machines, log) = (Arc::clone(&machines), log.clone());
            let done = tokio::task::spawn_blocking(move || {
                log.inspect(AccessLog::reopen);
                machines.reload()
            })
            .await;
            match done {
                Ok(Ok(())) => render::log("reloaded"),
                Ok(Err(error)) => render::log(&format!("not reloaded: {error}")),
                Err(_) => {}
            }
        }
    });
}

#[cfg(not(unix))]
pub(super) fn reload_on_signal(_machines: &Arc<Machines>, _log: Option<AccessLog>) {}

pub(super) fn refused(error: LiveTlsError) -> Failure {
    match error {
        LiveTlsError::Keystore(error) => error.into(),
        other => Failure::new(Exit::Other, "tls_refused", "serve", other.to_string()),
    }
}

/// What an event says to people; nothing for what goes as it should.
fn line(event: &TlsEvent) -> Option<String> {
    Some(match event {
        TlsEvent::Reloaded { changed, removed, .. } => {
            let names: Vec<&str> = changed.iter().chain(removed).map(Alias::as_str).collect();
            format!("serving what the store has now of {}", names.join(", "))
        }
        TlsEvent::Refused { alias, reason, served_before: true } => {
            format!("{alias} cannot be served as it is, its last good version stays: {reason}")
        }
        TlsEvent::Refused { alias, reason, .. } => format!("{alias} cannot be served: {reason}"),
        TlsEvent::Recovered { alias } => format!("{alias} can be served again"),
        TlsEvent::StoreFailed { reason } => {
            format!("the store cannot be read, what was read last stays served: {reason}")
        }
        TlsEvent::StoreBack => "the store can be read again".to_owned(),
        TlsEvent::Expired { alias, not_after } => {
            format!("the certificate of {alias} expired {}", rfc3339(*not_after))
        }
        TlsEvent::NoDefault { alias } => {
            format!(
                "there is no entry {alias} any more: its last certificate is shown until there is another"
            )
        }
        _ => return None,
    })
}
