//! What the web server of a store offers: versions and suites of one configuration, and another default entry.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test panics to fail")]

mod common;

use std::sync::Arc;

use common::{Store, client, client_of, handshake, provider};
use rustls::{
    ClientConfig,
    version::{TLS12, TLS13},
};
use strongroom::{
    UnixTime,
    keystore::{WebServerChange, running_servers},
    web_server::{Chosen, CipherSuite, TlsOption as _, WebServer},
};
use strongroom_rustls::LiveTls;

fn live(store: &Store) -> LiveTls {
    LiveTls::builder(store.writer(), provider())
        .default_alias("www")
        .only_default()
        .program("a test")
        .build()
        .unwrap()
}

fn chosen(store: &Store, protocols: &str, suites: &str) -> WebServer {
    let mut change = WebServerChange::default();
    change.versions = Some(Chosen::from_list(protocols).unwrap().offered);
    change.suites = Some(Chosen::from_list(suites).unwrap().offered);
    store.keystore.set_web_server(&change, UnixTime::now()).unwrap().web_server
}

/// A client that offers one suite.
fn with_suite(suite: CipherSuite) -> Arc<ClientConfig> {
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    provider.cipher_suites.retain(|offered| u16::from(offered.suite()) == suite.code());
    assert_eq!(provider.cipher_suites.len(), 1, "{suite}");
    let version = if suite.as_str().contains("_WITH_") { &TLS12 } else { &TLS13 };
    Arc::new(client_of(provider, &[version]))
}

#[test]
fn the_lists_are_those_of_the_provider() {
    let of_provider: Vec<u16> =
        provider().cipher_suites.iter().map(|suite| u16::from(suite.suite())).collect();
    let mut ours: Vec<u16> = CipherSuite::ALL.iter().map(|suite| suite.code()).collect();
    assert_eq!(ours.len(), of_provider.len());
    ours.retain(|code| !of_provider.contains(code));
    assert_eq!(ours, [0_u16; 0]);
}

#[test]
fn a_handshake_finds_what_is_offered_and_nothing_else() {
    let store = Store::new();
    store.entry("www", &["www.example.com"]);
    let tls = live(&store);
    let old = Arc::new(client_of(rustls::crypto::aws_lc_rs::default_provider(), &[&TLS12]));
    let all = tls.server_config_offering(&WebServer::default()).unwrap();
    handshake(&all, &old, "www.example.com").unwrap();

    let new = chosen(&store, "TLSv1.3", "TLS_AES_128_GCM_SHA256,TLS_AES_256_GCM_SHA384");
    let config = tls.server_config_offering(&new).unwrap();
    // A session that began with TLS 1.2 is not resumed where that is not offered.
    let refused = handshake(&config, &old, "www.example.com").unwrap_err();
    assert!(
        matches!(refused, rustls::Error::AlertReceived(rustls::AlertDescription::ProtocolVersion)),
        "{refused}"
    );
    handshake(&config, &with_suite(CipherSuite::Aes128GcmSha256), "www.example.com").unwrap();
    let other = with_suite(CipherSuite::Chacha20Poly1305Sha256);
    let refused = handshake(&config, &other, "www.example.com").unwrap_err();
    assert!(
        matches!(refused, rustls::Error::AlertReceived(rustls::AlertDescription::HandshakeFailure)),
        "{refused}"
    );
    handshake(&all, &other, "www.example.com").unwrap();

    let narrow = chosen(&store, "TLSv1.2", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384");
    let config = tls.server_config_offering(&narrow).unwrap();
    handshake(&config, &old, "www.example.com").unwrap();
    assert!(
        handshake(&config, &with_suite(CipherSuite::EcdheEcdsaAes128GcmSha256), "www.example.com").is_err()
    );
    assert!(handshake(&config, &with_suite(CipherSuite::Aes128GcmSha256), "www.example.com").is_err());
}

#[test]
fn what_was_the_default_is_let_go_at_once() {
    let store = Store::new();
    let first = store.entry("www", &["www.example.com"]);
    let second = store.entry("www-temp", &["www.example.com"]);
    let tls = live(&store);
    let config = tls.server_config_offering(&WebServer::default()).unwrap();
    let shown = || {
        let mut client = client();
        client.resumption = rustls::client::Resumption::disabled();
        handshake(&config, &Arc::new(client), "www.example.com").unwrap().chain[0].clone()
    };
    assert_eq!(shown(), first);
    tls.set_default_alias("www-temp").unwrap();
    assert_eq!(shown(), second);
    // The renewal of www begins: nobody says that it is still served.
    let serves = |alias: &str| {
        running_servers(&store.path()).iter().any(|server| server.may_serve(&alias.parse().unwrap()))
    };
    assert!(serves("www-temp") && !serves("www"));
    store.writer().remove(&"www".parse().unwrap(), false, UnixTime::now()).unwrap();
    let renewed = store.entry("www", &["www.example.com"]);
    tls.set_default_alias("www").unwrap();
    assert_eq!(shown(), renewed);
    assert!(tls.set_default_alias("none").is_err());
    assert_eq!(shown(), renewed, "the former one stays");
}
