//! Server configurations over one resolver: with all that the provider has, or with what the web server of a store offers.

use std::sync::Arc;

use rustls::{
    ServerConfig, SupportedProtocolVersion,
    crypto::CryptoProvider,
    version::{TLS12, TLS13},
};
use strongroom::web_server::{TlsVersion, WebServer};

use crate::{
    LiveTlsError,
    live::ClientAuth,
    reload::Follows,
    resolver::{Resolver, Shared},
};

/// What every configuration of a server has in common.
pub(crate) struct Template {
    pub(crate) client_auth: ClientAuth,
    /// Whether the configuration with all that the provider has offers TLS 1.3.
    pub(crate) tls13: bool,
    pub(crate) alpn: Vec<Vec<u8>>,
    pub(crate) key_log: Arc<dyn rustls::KeyLog>,
}

impl Template {
    /// A configuration with these versions and the suites of this provider.
    pub(crate) fn config(
        &self,
        shared: &Arc<Shared>,
        follows: &Follows,
        provider: Arc<CryptoProvider>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Result<ServerConfig, LiveTlsError> {
        let resolver =
            Resolver { shared: Arc::clone(shared), address: None, tls13: versions.contains(&&TLS13) };
        let config = ServerConfig::builder_with_provider(provider).with_protocol_versions(versions)?;
        let config = match self.client_auth {
            ClientAuth::None => config.with_no_client_auth(),
            ClientAuth::Optional => config.with_client_cert_verifier(follows.optional.clone()),
            ClientAuth::Required => config.with_client_cert_verifier(follows.required.clone()),
        };
        let mut config = config.with_cert_resolver(Arc::new(resolver));
        config.alpn_protocols.clone_from(&self.alpn);
        config.ticketer = follows.tickets.clone();
        config.session_storage = follows.sessions.clone();
        config.max_early_data_size = 0;
        // With more chains than its cache has, each handshake would compress again, for milliseconds.
        config.cert_compressors = Vec::new();
        config.cert_compression_cache = Arc::new(rustls::compress::CompressionCache::Disabled);
        config.key_log = Arc::clone(&self.key_log);
        Ok(config)
    }

    /// The same with what a web server offers, as far as the provider has it.
    pub(crate) fn offering(
        &self,
        shared: &Arc<Shared>,
        follows: &Follows,
        web_server: &WebServer,
    ) -> Result<ServerConfig, LiveTlsError> {
        let codes: Vec<u16> = web_server.suites().iter().map(|suite| suite.code()).collect();
        let mut provider = CryptoProvider::clone(&shared.loader.keys.provider);
        provider.cipher_suites.retain(|suite| codes.contains(&u16::from(suite.suite())));
        let versions: Vec<&'static SupportedProtocolVersion> =
            web_server.versions().into_iter().filter_map(version).collect();
        self.config(shared, follows, Arc::new(provider), &versions)
    }
}

fn version(version: TlsVersion) -> Option<&'static SupportedProtocolVersion> {
    match version {
        TlsVersion::Tls12 => Some(&TLS12),
        TlsVersion::Tls13 => Some(&TLS13),
        _ => None,
    }
}
