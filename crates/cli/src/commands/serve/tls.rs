//! The TLS of `serve`: one entry, followed in the store.

use std::{net::IpAddr, sync::Arc, time::Duration};

use strongroom::{Alias, Keystore, instant::rfc3339};
use strongroom_rustls::{LiveTls, LiveTlsError, TlsEvent};

use super::{
    super::{now, seconds},
    access_log::AccessLog,
    certificate::OwnCertificate,
};
use crate::{
    failure::{Exit, Failure},
    render::{self, Printer},
};

/// How often the server's own certificate is looked at.
const LOOK: Duration = Duration::from_secs(3_600);

/// What `serve` shows, and what keeps it good.
pub(super) struct ServerTls {
    pub(super) live: Arc<LiveTls>,
    pub(super) alias: Alias,
    /// Nothing where an entry was named: that is the administrator's to renew.
    own: Option<OwnCertificate>,
}

impl ServerTls {
    pub(super) fn new(
        keystore: &Keystore,
        named: Option<&Alias>,
        machine: &str,
        address: IpAddr,
        printer: &Printer,
    ) -> Result<Self, Failure> {
        let (alias, own) = match named {
            Some(alias) => (keystore.entry(alias, now())?.alias, None),
            None => {
                let own = OwnCertificate::new(keystore, machine, address);
                own.keep()?;
                (OwnCertificate::alias()?, Some(own))
            }
        };
        let leaf = keystore.entry(&alias, now())?.certificate;
        if leaf.not_after() < seconds(now()) {
            printer.warn(&format!("the certificate of {alias} expired {}", rfc3339(leaf.not_after())));
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let live = LiveTls::builder(keystore.clone(), provider)
            .default_alias(alias.as_str())
            .only_default()
            .keep_default()
            .alpn(["http/1.1"])
            .program("strongroom serve")
            .build()
            .map_err(refused)?;
        Ok(Self { live: Arc::new(live), alias, own })
    }

    /// The leaf that is shown.
    pub(super) fn leaf(&self, keystore: &Keystore) -> Result<String, Failure> {
        Ok(keystore.entry(&self.alias, now())?.certificate.fingerprint().to_string())
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

    /// Renews the server's own certificate when it is time, for as long as the server runs.
    pub(super) fn keep(&self) {
        let Some(own) = self.own.clone() else {
            return;
        };
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(LOOK).await;
                let own = own.clone();
                match tokio::task::spawn_blocking(move || own.keep()).await {
                    Ok(Ok(Some(why))) => {
                        render::log(&format!("renewed the certificate of this server: {why}"))
                    }
                    Ok(Err(failure)) => {
                        render::log(&format!("the certificate of this server was not renewed: {failure}"));
                    }
                    _ => {}
                }
            }
        });
    }
}

/// Reads the store at once when the process is told to (SIGHUP), instead of ending, and opens the access log again.
#[cfg(unix)]
pub(super) fn reload_on_signal(live: &Arc<LiveTls>, log: Option<AccessLog>) {
    use tokio::signal::unix::{SignalKind, signal};

    let Ok(mut hangup) = signal(SignalKind::hangup()) else {
        return;
    };
    let live = Arc::clone(live);
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            let (live, log) = (Arc::clone(&live), log.clone());
            let done = tokio::task::spawn_blocking(move || {
                log.inspect(AccessLog::reopen);
                live.reload_now()
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
pub(super) fn reload_on_signal(_live: &Arc<LiveTls>, _log: Option<AccessLog>) {}

fn refused(error: LiveTlsError) -> Failure {
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
