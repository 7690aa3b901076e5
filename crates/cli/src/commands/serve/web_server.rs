//! The web server of one machine: what it shows and offers is what its store says, from the next handshake on.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rustls::ServerConfig;
use strongroom::{Alias, Keystore, keystore::InUse, select::ServerKey, web_server::WebServer as Chosen};
use strongroom_api::WebServerHost;

use super::{
    super::now,
    tls::{PROGRAM, ServerTls, refused},
};
use crate::{
    failure::Failure,
    render::{self, Printer},
};

/// How long one wait for a change is: what the end of the server waits for.
const WAIT: Duration = Duration::from_millis(250);
/// How long it waits after a failure.
const PAUSE: Duration = Duration::from_secs(1);

/// The web server of a machine.
pub(super) struct WebServer {
    pub(super) name: String,
    pub(super) names: Vec<String>,
    pub(super) keystore: Keystore,
    pub(super) tls: ServerTls,
    /// What the next connection gets.
    config: Mutex<Arc<ServerConfig>>,
    hsts: AtomicBool,
    /// Whether more is offered than was chosen, for nobody could connect.
    is_narrow: AtomicBool,
    shown: Mutex<Shown>,
}

/// The entry that is shown, and the mark that it is in use.
struct Shown {
    alias: Alias,
    mark: Option<InUse>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl WebServer {
    /// Begins with what the store says, or where that cannot be shown with what the server has by itself: whoever put a
    /// wrong certificate there can still come and choose another.
    pub(super) fn start(
        name: String,
        names: Vec<String>,
        keystore: Keystore,
        tls: ServerTls,
        chosen: &Chosen,
        printer: &Printer,
    ) -> Result<Arc<Self>, Failure> {
        let alias = tls.shown.clone();
        if let (Some(other), true) = (&chosen.alias, tls.is_named)
            && *other != tls.fallback
        {
            printer.warn(&format!(
                "{other} was chosen for the web server and is shown; {} would be shown if nothing was chosen",
                tls.fallback
            ));
        }
        let mark = keystore.hold(&alias, PROGRAM, now())?;
        let (offered, is_narrow) = offered(&keystore, chosen, &alias);
        if is_narrow {
            printer.warn(&too_narrow(&alias));
        }
        let config = tls.live.server_config_offering(&offered).map_err(refused)?;
        let shown = Mutex::new(Shown { alias, mark: Some(mark) });
        let (config, hsts) = (Mutex::new(config), AtomicBool::new(chosen.hsts));
        let is_narrow = AtomicBool::new(is_narrow);
        let server = Arc::new(Self { name, names, keystore, tls, config, hsts, is_narrow, shown });
        server.follow();
        Ok(server)
    }

    /// The configuration for the next connection.
    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&lock(&self.config))
    }

    /// Whether a client that asks for this host means this machine.
    pub(super) fn is(&self, host: &str) -> bool {
        std::iter::once(&self.name).chain(&self.names).any(|name| name.eq_ignore_ascii_case(host))
    }

    /// The entry that is shown.
    pub(super) fn shown(&self) -> Alias {
        lock(&self.shown).alias.clone()
    }

    /// Shows and offers what the store says by now. What cannot be shown leaves everything as it was.
    fn show_chosen(&self) -> Result<(), Failure> {
        let mut shown = lock(&self.shown);
        let chosen = self.keystore.web_server()?;
        let alias = match &chosen.alias {
            Some(alias) => alias.clone(),
            None => {
                // Where it is shown already it stays shown, also when a restore took it out of the store: those who trust
                // it go on, until another is made in time.
                if shown.alias != self.tls.fallback {
                    self.tls.keep_own()?;
                }
                self.tls.fallback.clone()
            }
        };
        if shown.alias == alias {
            self.tls.live.reload_now().map_err(refused)?;
        } else {
            self.tls.live.set_default_alias(alias.as_str()).map_err(refused)?;
        }
        self.offer(&chosen, &alias)?;
        self.hsts.store(chosen.hsts, Ordering::Relaxed);
        if shown.alias != alias {
            render::log(&format!("{}: showing {alias} in place of {}", self.name, shown.alias));
            self.mark(&mut shown, alias);
        }
        Ok(())
    }

    /// Offers what was chosen to those that come from now on.
    fn offer(&self, chosen: &Chosen, alias: &Alias) -> Result<(), Failure> {
        let (offered, is_narrow) = offered(&self.keystore, chosen, alias);
        *lock(&self.config) = self.tls.live.server_config_offering(&offered).map_err(refused)?;
        if self.is_narrow.swap(is_narrow, Ordering::Relaxed) != is_narrow {
            render::log(&match is_narrow {
                true => format!("{}: {}", self.name, too_narrow(alias)),
                false => format!("{}: the cipher suites that were chosen are offered again", self.name),
            });
        }
        Ok(())
    }

    /// The same after the entry that is shown got another certificate.
    fn offer_again(&self) -> Result<(), Failure> {
        let shown = lock(&self.shown);
        self.offer(&self.keystore.web_server()?, &shown.alias)
    }

    /// Marks the entry that is shown as in use, and the former one no more.
    fn mark(&self, shown: &mut Shown, alias: Alias) {
        let mark = self.keystore.hold(&alias, PROGRAM, now());
        let mark =
            mark.map_err(|error| render::log(&format!("{alias} is not marked as in use: {error}"))).ok();
        let former = std::mem::replace(shown, Shown { alias, mark });
        if let Some(mark) = former.mark
            && let Err(error) = self.keystore.release(mark, now())
        {
            render::log(&format!(
                "{} is still marked as in use, since the mark could not be removed: {error}",
                former.alias
            ));
        }
    }

    /// Reads the store at once.
    pub(super) fn reload(&self) -> Result<(), Failure> {
        self.tls.live.reload_now().map_err(refused)
    }

    /// The mark goes when the server ends, if it can; its lock goes with the process. What says that it runs goes as well.
    pub(super) fn release(&self) {
        self.tls.live.end();
        if let Some(mark) = lock(&self.shown).mark.take() {
            let _ = self.keystore.release(mark, now());
        }
    }

    /// Follows what other processes choose, for as long as the server is there.
    fn follow(self: &Arc<Self>) {
        let server = Arc::downgrade(self);
        let named = std::thread::Builder::new().name("web-server".to_owned());
        if let Err(error) = named.spawn(move || follow(&server)) {
            render::log(&format!("what others choose for the web server is not followed: {error}"));
        }
    }
}

/// What is offered, and whether that is more than was chosen: with a certificate that goes with none of the suites nobody
/// could connect, and choose others.
fn offered(keystore: &Keystore, chosen: &Chosen, alias: &Alias) -> (Chosen, bool) {
    let key = keystore.entry(alias, now()).map(|entry| ServerKey::of(entry.certificate.key()));
    match key {
        Ok(key) if !chosen.goes_with(key) => (chosen.with_every_suite(), true),
        // What cannot be read is not shown: the last certificate stays.
        _ => (chosen.clone(), false),
    }
}

fn too_narrow(alias: &Alias) -> String {
    format!(
        "the cipher suites that were chosen do not go with the key of {alias}, so nobody could connect: every one is offered until others are chosen"
    )
}

fn follow(server: &Weak<WebServer>) {
    let mut since = None;
    // What was chosen between the start and now.
    let mut due = true;
    let mut renewed = false;
    while let Some(server) = server.upgrade() {
        let seen = match since {
            None => server.keystore.generation().map(|generation| since = Some(generation)),
            Some(known) => server.keystore.wait_change(&known, WAIT).map(|changes| {
                if let Some(changes) = changes {
                    due |= changes.web_server || changes.everything;
                    renewed |= changes.aliases.contains(&server.shown());
                    since = Some(changes.generation);
                }
            }),
        };
        let shown = match seen {
            Ok(()) if due => server.show_chosen(),
            Ok(()) if renewed => server.offer_again(),
            // Live TLS says what is wrong with the store.
            other => other.map_err(Failure::from),
        };
        match shown {
            Ok(()) => (due, renewed) = (false, false),
            Err(failure) => {
                if due {
                    render::log(&format!("{}: what was chosen is not served yet: {failure}", server.name));
                }
                (since, due) = (None, true);
                std::thread::sleep(PAUSE);
            }
        }
    }
}

impl WebServerHost for WebServer {
    fn apply(&self) -> Result<(), String> {
        self.show_chosen().map_err(|failure| failure.to_string())
    }

    fn hsts(&self) -> bool {
        self.hsts.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for WebServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebServer").field("name", &self.name).finish_non_exhaustive()
    }
}
