//! Which entry answers which client.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test panics to fail, and says what it saw"
)]

mod common;

use std::sync::Arc;

use common::{Met, P256, P384, Store, client, client_of, eventually, handshake, provider, rsa};
use rustls::{AlertDescription, ClientConfig, Error, version::TLS12};
use strongroom_rustls::{LiveTls, LiveTlsError};

fn live(store: &Store) -> LiveTls {
    LiveTls::builder(store.reader(), provider())
        .default_alias("www")
        .alpn(["h2", "http/1.1"])
        .build()
        .unwrap()
}

fn met(tls: &LiveTls, name: &str) -> Met {
    handshake(&tls.server_config(), &Arc::new(client()), name).unwrap()
}

#[test]
fn a_name_goes_before_a_wildcard_and_that_before_the_default() {
    let store = Store::new();
    let www = store.entry("www", &["www.example.com", "10.1.2.3"]);
    let wild = store.entry("wild", &["*.example.com", "example.com"]);
    let tls = live(&store);
    for (name, leaf) in [
        ("www.example.com", &www),
        ("WWW.Example.Com.", &www),
        ("other.example.com", &wild),
        ("example.com", &wild),
        ("a.b.example.com", &www),
        ("example.org", &www),
        ("10.1.2.3", &www),
    ] {
        let met = met(&tls, name);
        assert_eq!(met.chain[0], *leaf, "{name}");
        assert_eq!(met.chain.len(), 2, "leaf and intermediate");
    }
    assert_eq!(tls.unmatched(), (1, 2));
    assert_eq!(tls.report().names, 4);
}

#[test]
fn strict_sni_leaves_strangers_without_an_answer() {
    let store = Store::new();
    store.entry("www", &["www.example.com"]);
    let tls = LiveTls::builder(store.reader(), provider()).default_alias("www").strict_sni().build().unwrap();
    let client = Arc::new(client());
    assert!(handshake(&tls.server_config(), &client, "www.example.com").is_ok());
    for name in ["example.org", "10.1.2.3"] {
        let refused = handshake(&tls.server_config(), &client, name).unwrap_err();
        assert_eq!(refused, Error::AlertReceived(AlertDescription::AccessDenied), "{name}");
    }
}

#[test]
fn a_client_that_was_given_an_address_gets_the_entry_that_has_it() {
    let store = Store::new();
    store.entry("www", &["www.example.com"]);
    let address = store.entry("address", &["10.1.2.3"]);
    let tls = live(&store);
    let config = tls.server_config_at([10, 1, 2, 3].into());
    let client = Arc::new(client());
    assert_eq!(handshake(&config, &client, "10.1.2.3").unwrap().chain[0], address);
    let other = tls.server_config_at([10, 1, 2, 4].into());
    assert_ne!(handshake(&other, &client, "10.1.2.4").unwrap().chain[0], address);
}

#[test]
fn of_two_kinds_of_key_the_client_gets_the_one_that_it_can_use() {
    let store = Store::new();
    let ecdsa = store.entry("www", &["www.example.com"]);
    let rsa = store.ca.issue_for(&["www.example.com"], rsa(), (-2, 90));
    store.import("www-rsa", &rsa);
    let tls = live(&store);
    let only = |part: &str, versions| {
        let mut provider = rustls::crypto::aws_lc_rs::default_provider();
        let is = |scheme: &rustls::SignatureScheme| format!("{scheme:?}").starts_with(part);
        let mapping =
            provider.signature_verification_algorithms.mapping.iter().filter(|(scheme, _)| is(scheme));
        let mapping: Vec<_> = mapping.copied().collect();
        provider.signature_verification_algorithms.mapping = Box::leak(mapping.into_boxed_slice());
        Arc::new(client_of(provider, versions))
    };
    let both: &[_] = &[&rustls::version::TLS13, &TLS12];
    for versions in [both, &[&TLS12]] {
        let config = tls.server_config();
        let met = |client: &Arc<ClientConfig>| {
            handshake(&config, client, "www.example.com").unwrap().chain[0].clone()
        };
        assert_eq!(met(&only("RSA", versions)), rsa.leaf());
        assert_eq!(met(&only("ECDSA", versions)), ecdsa);
    }
}

#[test]
fn a_server_of_tls_1_2_looks_at_the_suites_and_curves() {
    let store = Store::new();
    let p384 = store.ca.issue(&["www.example.com"], P384, (-1, 90));
    store.import("www", &p384);
    let rsa = store.ca.issue_for(&["www.example.com"], rsa(), (-2, 90));
    store.import("www-rsa", &rsa);
    let tls = LiveTls::builder(store.reader(), provider()).default_alias("www").tls12_only().build().unwrap();
    // A client with suites of 1.3, and of 1.2 those of RSA alone.
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    provider.cipher_suites.retain(|suite| !format!("{:?}", suite.suite()).contains("ECDHE_ECDSA"));
    let both: &[_] = &[&rustls::version::TLS13, &TLS12];
    let client = Arc::new(client_of(provider, both));
    assert_eq!(handshake(&tls.server_config(), &client, "www.example.com").unwrap().chain[0], rsa.leaf());
    // A client without the curve of the leaf.
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    provider.kx_groups = vec![rustls::crypto::aws_lc_rs::kx_group::SECP256R1];
    let client = Arc::new(client_of(provider, &[&TLS12]));
    assert_eq!(handshake(&tls.server_config(), &client, "www.example.com").unwrap().chain[0], rsa.leaf());
}

#[test]
fn among_equals_the_valid_one_the_bound_one_and_the_later_one_answer() {
    let store = Store::new();
    let issue = |days| store.ca.issue(&["www.example.com"], P256, days);
    let (expired, older, later) = (issue((-10, -1)), issue((-9, 90)), issue((-8, 90)));
    store.import("www", &expired);
    store.import("b", &older);
    store.import("c", &later);
    let tls = live(&store);
    assert_eq!(met(&tls, "www.example.com").chain[0], later.leaf());
    let host = "www.example.com".parse().unwrap();
    let bind = |alias: &str| store.writer().bind(&host, &alias.parse().unwrap(), strongroom::UnixTime::now());
    bind("b").unwrap();
    eventually("the bound one answers", || met(&tls, "www.example.com").chain[0] == older.leaf());
    // An expired one does not, bound or not.
    assert_eq!(bind("www").unwrap().unwrap().as_str(), "b");
    eventually("what is valid answers", || met(&tls, "www.example.com").chain[0] == later.leaf());
    bind("b").unwrap();
    eventually("the bound one answers again", || met(&tls, "www.example.com").chain[0] == older.leaf());
    store.writer().unbind(&host, strongroom::UnixTime::now()).unwrap();
    eventually("the later one answers", || met(&tls, "www.example.com").chain[0] == later.leaf());
}

#[test]
fn what_is_asked_for_wrongly_is_refused_with_the_reason() {
    let store = Store::new();
    store.entry("www", &["www.example.com"]);
    let built = LiveTls::builder(store.reader(), provider()).default_alias("web").build();
    let message = built.unwrap_err().to_string();
    assert_eq!(
        message,
        "the default entry \"web\" cannot be served: there is no such entry, or it has no key"
    );
    let built = LiveTls::builder(store.reader(), provider()).default_alias("root").build();
    assert!(matches!(built, Err(LiveTlsError::Default { .. })));
    let built = LiveTls::builder(store.reader(), provider()).alpn(["h2", "acme-tls/1"]).build();
    assert!(matches!(built, Err(LiveTlsError::Alpn(protocol)) if protocol == "acme-tls/1"));
}

#[test]
fn the_configuration_has_nothing_that_was_not_asked_for() {
    let store = Store::new();
    store.entry("www", &["www.example.com"]);
    let config = live(&store).server_config();
    assert!(config.cert_compressors.is_empty());
    assert_eq!(config.max_early_data_size, 0);
    assert!(!config.key_log.will_log("CLIENT_RANDOM") && !config.enable_secret_extraction);
    assert!(config.ticketer.enabled());
    let mut client = client();
    client.alpn_protocols = vec![b"http/1.1".to_vec()];
    let met = handshake(&config, &Arc::new(client), "www.example.com").unwrap();
    assert_eq!(met.alpn.as_deref(), Some(b"http/1.1".as_slice()));
}

#[test]
fn nobody_proves_control_of_a_name_with_what_is_served() {
    let store = Store::new();
    store.entry("www", &["www.example.com"]);
    let tls = LiveTls::builder(store.reader(), provider()).default_alias("www").build().unwrap();
    let mut client = client();
    client.alpn_protocols = vec![b"acme-tls/1".to_vec()];
    let refused = handshake(&tls.server_config(), &Arc::new(client), "www.example.com").unwrap_err();
    assert_eq!(refused, Error::AlertReceived(AlertDescription::AccessDenied));
}
