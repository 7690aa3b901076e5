//! Machines: each with its names, its store, and the web server that shows a certificate of it.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use strongroom::{Keystore, validate::PeerName, web_server::WebServer};

use crate::overview::Overviews;

/// The web server of a machine, which the program runs: told of each choice that the store holds by now.
pub trait WebServerHost: fmt::Debug + Send + Sync {
    /// Shows and offers what the store says, from the next handshake on, and returns when that is so. It may block.
    ///
    /// # Errors
    ///
    /// Why it cannot, in words for the log of the program; what was shown before stays.
    fn apply(&self) -> Result<(), String>;

    /// Whether answers tell browsers to come by HTTPS alone.
    fn hsts(&self) -> bool;
}

/// A machine of the API. Both of its roots, of the portal's flavour and of the server's, show its one store.
pub struct Machine {
    name: String,
    other_names: Vec<String>,
    pub(crate) keystore: Keystore,
    web_server: Option<Arc<dyn WebServerHost>>,
    /// The alias that is shown while nobody chose one.
    shown: String,
    /// As the store said last; counts where no web server was given.
    hsts: AtomicBool,
    pub(crate) overviews: Overviews,
}

impl Machine {
    /// A machine of that name, as it stands in paths, with its store.
    #[must_use]
    pub fn new(name: impl Into<String>, keystore: Keystore) -> Self {
        let hsts = keystore.web_server().is_ok_and(|web_server| web_server.hsts);
        Self {
            name: name.into(),
            other_names: Vec::new(),
            keystore,
            web_server: None,
            shown: "selfsignedcertificate".to_owned(),
            hsts: AtomicBool::new(hsts),
            overviews: Overviews::default(),
        }
    }

    /// The same under another name as well, for example the one with its domain.
    #[must_use]
    pub fn or(mut self, name: impl Into<String>) -> Self {
        self.other_names.push(name.into());
        self
    }

    /// The alias of the certificate that its web server shows while nobody chose one.
    #[must_use]
    pub fn showing(mut self, alias: impl Into<String>) -> Self {
        self.shown = alias.into();
        self
    }

    /// Its web server, which follows what is chosen.
    #[must_use]
    pub fn served_by(mut self, web_server: Arc<dyn WebServerHost>) -> Self {
        self.web_server = Some(web_server);
        self
    }

    /// The name, as it stands in paths.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it has that name, whatever its case.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        let name = name.strip_suffix('.').unwrap_or(name);
        self.names().any(|own| own.eq_ignore_ascii_case(name))
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.name.as_str()).chain(self.other_names.iter().map(String::as_str))
    }

    /// The names by which clients come; its certificate should be for one of them.
    pub(crate) fn peer_names(&self) -> Vec<PeerName> {
        self.names().filter_map(|name| name.parse().ok()).collect()
    }

    /// The alias that its web server shows, in lower case.
    pub(crate) fn shown(&self, web_server: &WebServer) -> String {
        web_server.alias.as_ref().map_or_else(|| self.shown.to_ascii_lowercase(), strongroom::Alias::key)
    }

    /// What was chosen is in force when this returns.
    pub(crate) fn apply(&self, chosen: &WebServer) -> Result<(), String> {
        self.hsts.store(chosen.hsts, Ordering::Relaxed);
        self.web_server.as_ref().map_or(Ok(()), |web_server| web_server.apply())
    }

    pub(crate) fn hsts(&self) -> bool {
        match &self.web_server {
            Some(web_server) => web_server.hsts(),
            None => self.hsts.load(Ordering::Relaxed),
        }
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine")
            .field("name", &self.name)
            .field("other_names", &self.other_names)
            .finish_non_exhaustive()
    }
}

/// The name in a Host header, without its port.
pub(crate) fn host_name(host: &str) -> &str {
    match host.strip_prefix('[') {
        Some(inner) => inner.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    }
}

/// The port in a Host header with its colon; nothing if there is none.
pub(crate) fn port(host: &str) -> &str {
    let behind = host.rsplit_once(']').map_or(host, |(_, behind)| behind);
    behind.find(':').and_then(|at| behind.get(at..)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_of_a_host_is_no_part_of_its_name() {
        for (host, name, of_port) in [
            ("gis.example.test:7443", "gis.example.test", ":7443"),
            ("GIS", "GIS", ""),
            ("127.0.0.1:1", "127.0.0.1", ":1"),
            ("[::1]:7443", "::1", ":7443"),
            ("[::1]", "::1", ""),
            ("", "", ""),
        ] {
            assert_eq!((host_name(host), port(host)), (name, of_port));
        }
    }
}
