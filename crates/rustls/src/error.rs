//! Why live TLS could not begin.

use strongroom::Alias;
use thiserror::Error;

/// Why a [`LiveTls`](crate::LiveTls) could not be made, or a credential be given.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LiveTlsError {
    /// The keystore refused or failed.
    #[error(transparent)]
    Keystore(#[from] strongroom::Error),
    /// rustls refused: the provider lacks something, or cannot use a key.
    #[error("rustls refused: {0}")]
    Tls(#[from] rustls::Error),
    /// An alias is not one.
    #[error(transparent)]
    Alias(#[from] strongroom::alias::InvalidAlias),
    /// The default entry cannot be served.
    #[error("the default entry \"{alias}\" cannot be served: {reason}")]
    Default {
        /// Its alias.
        alias: Alias,
        /// Why not.
        reason: String,
    },
    /// A protocol that this server does not speak.
    #[error("\"{0}\" is not offered by ALPN here: it proves to a CA who controls a name (RFC 8737)")]
    Alpn(String),
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    NoRandomness,
    /// The thread that follows the store could not be started.
    #[error("cannot start a thread: {0}")]
    Thread(#[source] std::io::Error),
}
