//! Serves the certificates of a Strongroom keystore over TLS, and their renewals without a restart.
//!
//! ```no_run
//! use std::sync::Arc;
//! use strongroom::{Keystore, UnlockKey};
//! use strongroom_rustls::LiveTls;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let unlock = UnlockKey::read_file("keystore.key".as_ref())?;
//! let keystore = Keystore::options("keystore.db").read_only().open(&unlock)?;
//! let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
//! let tls = LiveTls::builder(keystore, provider)
//!     .default_alias("www")
//!     .alpn(["h2", "http/1.1"])
//!     .build()?;
//! let config: Arc<rustls::ServerConfig> = tls.server_config();
//! # Ok(())
//! # }
//! ```
//!
//! The configuration goes to whatever takes one: `axum_server::tls_rustls::RustlsConfig::from_config`,
//! `tokio_rustls::TlsAcceptor::from`, and so on. Keep the [`LiveTls`]: dropping it ends the reload, and what was served
//! last stays served.
//!
//! # Which entry answers
//!
//! The rule is [`strongroom::select::select_entry`]'s: an entry with the name itself, then one with a wildcard for it, then the
//! default alias; among equals one that is valid now, then one that an administrator bound to the name, then the one with
//! the latest notBefore, then the first alias. Entries whose key the client cannot use give way, so that an RSA and an
//! ECDSA entry of one name serve side by side.
//!
//! # What happens when something fails
//!
//! An entry that does not open any more, or whose key does not belong to its certificate, is refused, and its last good
//! version stays served; so does everything if the store cannot be read at all. Each such thing is a [`TlsEvent`] and an
//! event of `tracing`, once, and stands in the heartbeat that `strongroom status` reads.
//!
//! # Blocking
//!
//! [`Builder::build`] reads the store. A handshake reads it only for an entry that it meets for the first time in a store
//! with more entries than are loaded ahead; everything else happens on a thread of its own.

mod cache;
mod client;
mod config;
mod entry;
mod error;
mod event;
mod key;
mod live;
mod loader;
mod pfx;
mod reload;
mod resolver;
mod session;
mod snapshot;
mod verifier;

pub use self::{
    error::LiveTlsError,
    event::TlsEvent,
    live::{Builder, ClientAuth, LiveTls},
    pfx::certified_key_from_pfx,
};
