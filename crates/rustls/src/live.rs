//! The way in: a server configuration that follows a keystore.

use std::{
    collections::HashMap,
    fmt,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::Receiver,
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use rustls::{
    ServerConfig, SupportedProtocolVersion,
    client::ResolvesClientCert,
    crypto::CryptoProvider,
    pki_types::UnixTime,
    server::{ResolvesServerCert, danger::ClientCertVerifier},
    version::{TLS12, TLS13},
};
use strongroom::{Alias, Keystore, keystore::ServerReport, web_server::WebServer};

use crate::{
    LiveTlsError, TlsEvent,
    client::ClientIdentity,
    config::Template,
    event::Events,
    loader::Loader,
    reload::Follows,
    resolver::{Resolver, Shared},
    snapshot::Root,
    verifier::LiveVerifier,
};

/// Bytes of chains and sealed keys that are kept, unless said otherwise: about 60,000 entries.
const ENTRY_BYTES: usize = 256 << 20;
/// Bytes of opened keys that are kept, unless said otherwise: 8,000 of RSA, 40,000 others.
const KEY_BYTES: usize = 80 << 20;

/// Whether clients show a certificate.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum ClientAuth {
    /// They are not asked.
    #[default]
    None,
    /// They are asked, and may have none. Whether one has is for the application to look at.
    Optional,
    /// They must have one under an imported trust anchor.
    Required,
}

/// How live TLS is made.
#[must_use]
pub struct Builder {
    keystore: Keystore,
    provider: Arc<CryptoProvider>,
    default_alias: Option<String>,
    alpn: Vec<Vec<u8>>,
    strict_sni: bool,
    only_default: bool,
    keep_default: bool,
    client_auth: ClientAuth,
    versions: Vec<&'static SupportedProtocolVersion>,
    key_log: Option<Arc<dyn rustls::KeyLog>>,
    entry_bytes: usize,
    key_bytes: usize,
    /// `None` to be unseen; empty for the name of the program's file.
    program: Option<String>,
    clock: fn() -> UnixTime,
}

impl Builder {
    /// The entry that answers where no other does: without a name, by an address, or for a name that no entry has.
    pub fn default_alias(mut self, alias: impl Into<String>) -> Self {
        self.default_alias = Some(alias.into());
        self
    }

    /// The protocols that are offered by ALPN, the best first. `acme-tls/1` is refused.
    pub fn alpn<P: Into<Vec<u8>>>(mut self, protocols: impl IntoIterator<Item = P>) -> Self {
        self.alpn = protocols.into_iter().map(Into::into).collect();
        self
    }

    /// Clients without a name, or with one that no entry has, get nothing: not even the default entry.
    pub fn strict_sni(mut self) -> Self {
        self.strict_sni = true;
        self
    }

    /// The default entry answers for every name, and no other is read.
    pub fn only_default(mut self) -> Self {
        self.only_default = true;
        self
    }

    /// Goes on with the last version of the default entry after that was removed, until there is another under its alias:
    /// for a server that must stay within reach. Otherwise nothing answers then.
    pub fn keep_default(mut self) -> Self {
        self.keep_default = true;
        self
    }

    /// Whether clients show a certificate. The trust anchors are the store's, as they are now.
    pub fn client_auth(mut self, auth: ClientAuth) -> Self {
        self.client_auth = auth;
        self
    }

    /// TLS 1.3 alone.
    pub fn tls13_only(mut self) -> Self {
        self.versions = vec![&TLS13];
        self
    }

    /// TLS 1.2 alone.
    pub fn tls12_only(mut self) -> Self {
        self.versions = vec![&TLS12];
        self
    }

    /// Writes the secrets of connections where they can be read: for looking at traffic while developing.
    pub fn key_log(mut self, log: Arc<dyn rustls::KeyLog>) -> Self {
        self.key_log = Some(log);
        self
    }

    /// How many bytes of chains with their sealed keys, and how many of opened keys, are kept in memory. What is over is
    /// read from the store again when it is asked for.
    pub fn memory(mut self, entries: usize, keys: usize) -> Self {
        (self.entry_bytes, self.key_bytes) = (entries, keys);
        self
    }

    /// What the server is called in the folder of running servers beside the store, which `strongroom status` reads.
    pub fn program(mut self, name: impl Into<String>) -> Self {
        self.program = Some(name.into());
        self
    }

    /// Writes nothing into the folder of running servers beside the store.
    pub fn unseen(mut self) -> Self {
        self.program = None;
        self
    }

    /// The clock by which certificates are valid, in place of the system's.
    pub fn clock(mut self, clock: fn() -> UnixTime) -> Self {
        self.clock = clock;
        self
    }

    /// Reads the store and begins to follow it. In a large store this returns before all names are read: until then each
    /// is looked up when it is asked for.
    ///
    /// # Errors
    ///
    /// [`LiveTlsError::Default`] if there is no default entry of that alias, or it cannot be served;
    /// [`LiveTlsError::Keystore`] if the store cannot be read; [`LiveTlsError::Tls`] if the provider lacks what TLS needs.
    pub fn build(self) -> Result<LiveTls, LiveTlsError> {
        if let Some(protocol) = self.alpn.iter().find(|protocol| *protocol == b"acme-tls/1") {
            return Err(LiveTlsError::Alpn(String::from_utf8_lossy(protocol).into_owned()));
        }
        let default_alias: Option<Alias> = self.default_alias.map(|alias| alias.parse()).transpose()?;
        let (events, memory) = (Arc::new(Events::default()), (self.entry_bytes, self.key_bytes));
        let loader =
            Loader::new(self.keystore, Arc::clone(&self.provider), memory, Arc::clone(&events), self.clock);
        let anchors = loader.trust_anchors()?;
        let verifier = |optional| Arc::new(LiveVerifier::new(&anchors, Arc::clone(&self.provider), optional));
        let follows = Arc::new(Follows::new([verifier(false), verifier(true)], &anchors, self.clock)?);
        let shared = Arc::new(Shared {
            root: ArcSwap::from_pointee(Root::empty()),
            loader,
            events,
            default_alias: Mutex::new(default_alias),
            strict_sni: self.strict_sni,
            only_default: self.only_default,
            keep_default: self.keep_default,
            clock: self.clock,
            stop: AtomicBool::new(false),
            behind: AtomicBool::new(false),
            unnamed: AtomicU64::new(0),
            unknown: AtomicU64::new(0),
            early: Mutex::new(HashMap::new()),
            answered: Mutex::default(),
        });
        let template = Template {
            client_auth: self.client_auth,
            tls13: self.versions.contains(&&TLS13),
            alpn: self.alpn,
            key_log: self.key_log.unwrap_or_else(|| Arc::new(rustls::NoKeyLog)),
        };
        let config = template.config(&shared, &follows, self.provider, &self.versions)?;
        let program = self.program.map(|name| if name.is_empty() { own_name() } else { name });
        follows.start(&shared, program)?;
        Ok(LiveTls { shared, follows, template, config: Arc::new(config) })
    }
}

/// The name of the program's file.
fn own_name() -> String {
    let path = std::env::current_exe().ok();
    let name = path.as_deref().and_then(std::path::Path::file_name);
    name.map_or_else(|| "a server".to_owned(), |name| name.to_string_lossy().into_owned())
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("default_alias", &self.default_alias).finish_non_exhaustive()
    }
}

/// A server's TLS that follows a keystore. Dropping it ends the following; configurations that it gave go on with what
/// they have.
pub struct LiveTls {
    shared: Arc<Shared>,
    follows: Arc<Follows>,
    template: Template,
    config: Arc<ServerConfig>,
}

impl LiveTls {
    /// Begins with a keystore, which may be read-only, and the caller's cryptography: none is installed or chosen here.
    pub fn builder(keystore: Keystore, provider: Arc<CryptoProvider>) -> Builder {
        Builder {
            keystore,
            provider,
            default_alias: None,
            alpn: Vec::new(),
            strict_sni: false,
            only_default: false,
            keep_default: false,
            client_auth: ClientAuth::None,
            versions: vec![&TLS13, &TLS12],
            key_log: None,
            entry_bytes: ENTRY_BYTES,
            key_bytes: KEY_BYTES,
            program: Some(String::new()),
            clock: UnixTime::now,
        }
    }

    /// The configuration: TLS 1.2 and 1.3, tickets, no compression of certificates, no early data, no key log. The same one
    /// serves for all time.
    #[must_use]
    pub fn server_config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// The configuration for what listens on one address: a client that sends no name, as one that was given the address
    /// does, gets the entry that has the address. Tickets and sessions are those of [`server_config`](Self::server_config).
    #[must_use]
    pub fn server_config_at(&self, address: IpAddr) -> Arc<ServerConfig> {
        let mut config = ServerConfig::clone(&self.config);
        let (shared, tls13) = (Arc::clone(&self.shared), self.template.tls13);
        config.cert_resolver = Arc::new(Resolver { shared, address: Some(address), tls13 });
        Arc::new(config)
    }

    /// The configuration with the versions and cipher suites that the web server of a store offers
    /// ([`Keystore::web_server`]), as far as the provider has them: for servers that take one for each connection, so that another
    /// choice counts from the next handshake on. Tickets and sessions are those of [`server_config`](Self::server_config).
    ///
    /// # Errors
    ///
    /// [`LiveTlsError::Tls`] if the provider has none of them.
    pub fn server_config_offering(&self, web_server: &WebServer) -> Result<Arc<ServerConfig>, LiveTlsError> {
        Ok(Arc::new(self.template.offering(&self.shared, &self.follows, web_server)?))
    }

    /// What chooses the certificate, for a configuration of your own. Take the [`tickets`](Self::server_config) of ours
    /// along where clients show certificates: they must end with the trust in a CA.
    #[must_use]
    pub fn resolver(&self) -> Arc<dyn ResolvesServerCert> {
        Arc::clone(&self.config.cert_resolver)
    }

    /// Verifies client certificates against the store's trust anchors, as they are at each handshake. A configuration of
    /// your own needs [`server_config`](Self::server_config)'s `ticketer` and `session_storage` as well: a resumed session
    /// is not verified again, and theirs end when the anchors change.
    #[must_use]
    pub fn client_verifier(&self) -> Arc<dyn ClientCertVerifier> {
        self.follows.required.clone()
    }

    /// The entry of an alias as the identity of a client, for `rustls::ClientConfig`'s `with_client_cert_resolver`. It is
    /// renewed with the entry.
    ///
    /// # Errors
    ///
    /// [`LiveTlsError::Default`] if there is no such entry, or it cannot be used.
    pub fn client_identity(&self, alias: &str) -> Result<Arc<dyn ResolvesClientCert>, LiveTlsError> {
        let alias: Alias = alias.parse()?;
        self.follows.add_identity(&self.shared, &alias)?;
        Ok(Arc::new(ClientIdentity { shared: Arc::clone(&self.shared), alias: alias.key() }))
    }

    /// Another entry answers where no other does: from the next handshake on.
    ///
    /// # Errors
    ///
    /// [`LiveTlsError::Default`] if there is no such entry, or it cannot be served; the former one then stays.
    pub fn set_default_alias(&self, alias: &str) -> Result<(), LiveTlsError> {
        self.follows.set_default(&self.shared, alias.parse()?)
    }

    /// What happens from now on, for one listener: to be received before a thousand more have happened.
    #[must_use]
    pub fn events(&self) -> Receiver<TlsEvent> {
        self.shared.events.listen()
    }

    /// Reads what changed in the store at once, and serves it when this returns.
    ///
    /// # Errors
    ///
    /// [`LiveTlsError::Keystore`] if the store cannot be read.
    pub fn reload_now(&self) -> Result<(), LiveTlsError> {
        self.follows.reload(&self.shared)
    }

    /// Ends all sessions: no client resumes one that began before. Connections that are open stay open.
    ///
    /// # Errors
    ///
    /// [`LiveTlsError::NoRandomness`].
    pub fn end_sessions(&self) -> Result<(), LiveTlsError> {
        self.follows.end_sessions()
    }

    /// Says where the server listens, for whoever asks what its clients get (`strongroom check --connect`). The first call
    /// counts.
    pub fn listens_at(&self, address: SocketAddr) {
        self.follows.listens_at(&self.shared, address);
    }

    /// What is served now.
    #[must_use]
    pub fn report(&self) -> ServerReport {
        self.follows.report(&self.shared, &own_name())
    }

    /// How many handshakes came without a name, and how many with one that no entry has.
    #[must_use]
    pub fn unmatched(&self) -> (u64, u64) {
        (self.shared.unnamed.load(Ordering::Relaxed), self.shared.unknown.load(Ordering::Relaxed))
    }

    /// Waits until every name of the store was read, at most for `max`; says whether that is so.
    #[must_use]
    pub fn wait_ready(&self, max: Duration) -> bool {
        const LOOK: Duration = Duration::from_millis(2);
        let mut left = max;
        while !self.shared.root.load().complete {
            if left.is_zero() {
                return false;
            }
            std::thread::sleep(left.min(LOOK));
            left = left.saturating_sub(LOOK);
        }
        true
    }
}

impl LiveTls {
    /// Ends what dropping it ends, for a host whose threads still share it: the store is no longer followed, and whoever
    /// looks at it from outside no longer sees this server.
    pub fn end(&self) {
        self.follows.end(&self.shared);
    }
}

impl Drop for LiveTls {
    fn drop(&mut self) {
        self.follows.end(&self.shared);
    }
}

impl fmt::Debug for LiveTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LiveTls({:?})", self.shared.root.load())
    }
}
