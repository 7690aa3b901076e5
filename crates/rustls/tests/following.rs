//! A server that follows its store: renewals, removals, damage, and what becomes of sessions.
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

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
        mpsc::Receiver,
    },
    time::{Duration, Instant},
};

use common::{P256, Store, client, eventually, handshake, import, provider};
use rustls::{ClientConfig, pki_types::CertificateDer};
use strongroom::{UnixTime, keystore::running_servers};
use strongroom_rustls::{ClientAuth, LiveTls, TlsEvent};

fn live(store: &Store) -> LiveTls {
    LiveTls::builder(store.reader(), provider()).default_alias("www").build().unwrap()
}

fn leaf(tls: &LiveTls, name: &str) -> CertificateDer<'static> {
    let mut client = client();
    client.resumption = rustls::client::Resumption::disabled();
    handshake(&tls.server_config(), &Arc::new(client), name).unwrap().chain[0].clone()
}

fn wait(events: &Receiver<TlsEvent>, is: impl Fn(&TlsEvent) -> bool) -> TlsEvent {
    let until = Instant::now() + Duration::from_secs(5);
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let event = events.recv_timeout(left).expect("the event comes within 5 s");
        if is(&event) {
            return event;
        }
    }
}

#[test]
fn a_renewal_is_served_soon_and_a_removal_and_a_new_name_as_well() {
    let store = Store::new();
    let first = store.entry("www", &["www.example.com"]);
    let tls = live(&store);
    let events = tls.events();
    assert_eq!(leaf(&tls, "www.example.com"), first);
    let renewed = store.ca.issue(&["www.example.com", "shop.example.com"], P256, (-1, 90));
    import(&store.writer(), "www", &renewed);
    let imported = Instant::now();
    eventually("the renewal is served", || leaf(&tls, "www.example.com") == renewed.leaf());
    println!("served {:?} after the import", imported.elapsed());
    wait(
        &events,
        |event| matches!(event, TlsEvent::Reloaded { changed, .. } if changed[0].as_str() == "www"),
    );
    let api = store.entry("api", &["api.example.com"]);
    eventually("a new entry is served", || leaf(&tls, "api.example.com") == api);
    store.writer().rename(&"api".parse().unwrap(), &"rest".parse().unwrap(), UnixTime::now()).unwrap();
    eventually("under its new alias", || {
        tls.report().served.iter().any(|entry| entry.alias.as_str() == "rest")
            || leaf(&tls, "api.example.com") != api
    });
    assert_eq!(leaf(&tls, "api.example.com"), api);
    store.writer().remove(&"rest".parse().unwrap(), true, UnixTime::now()).unwrap();
    eventually("the default answers", || leaf(&tls, "api.example.com") == renewed.leaf());
    store.writer().undo(&"www".parse().unwrap(), UnixTime::now()).unwrap();
    tls.reload_now().unwrap();
    assert_eq!(leaf(&tls, "www.example.com"), first);
}

/// What the next commit of the store would be with a renewal in it, and then with that renewal's sealed key damaged: the
/// engine's tables of a copy.
fn damaged_renewal(store: &Store, renewed: &common::Issued) -> std::path::PathBuf {
    let folder = store.path().with_file_name("copy");
    std::fs::create_dir(&folder).unwrap();
    let copy = folder.join("keystore.db");
    let original = rusqlite::Connection::open(store.path()).unwrap();
    original.execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
    #[cfg(unix)]
    for (path, mode) in [(&folder, 0o700), (&copy, 0o600)] {
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    }
    let blobs = |path: &std::path::Path| -> Vec<(Vec<u8>, Vec<u8>)> {
        let connection = rusqlite::Connection::open(path).unwrap();
        let mut rows = connection.prepare("SELECT digest, data FROM blob").unwrap();
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    import(&store.open(&copy), "www", renewed);
    let known = blobs(&store.path());
    let connection = rusqlite::Connection::open(&copy).unwrap();
    for (digest, mut bytes) in blobs(&copy).into_iter().filter(|row| !known.contains(row)) {
        // A certificate is left as it is.
        if !bytes.starts_with(&[0x30, 0x82]) {
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
            connection.execute("UPDATE blob SET data = ?1 WHERE digest = ?2", (bytes, digest)).unwrap();
        }
    }
    copy
}

/// Puts the tables of another file in place of the store's, in one commit.
fn overwrite(store: &Store, with: &std::path::Path) {
    let connection = rusqlite::Connection::open(store.path()).unwrap();
    connection.busy_timeout(Duration::from_secs(10)).unwrap();
    connection.execute("ATTACH ?1 AS other", [with.to_str().unwrap()]).unwrap();
    let tables: Vec<String> = connection
        .prepare("SELECT name FROM main.sqlite_schema WHERE type = 'table'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let sql: String = tables
        .iter()
        .map(|table| {
            format!(
                "DELETE FROM main.\"{table}\"; INSERT INTO main.\"{table}\" SELECT * FROM other.\"{table}\";"
            )
        })
        .collect();
    connection.execute_batch(&format!("BEGIN IMMEDIATE; {sql} COMMIT")).unwrap();
}

#[test]
fn a_damaged_renewal_never_reaches_a_client_and_is_told() {
    let store = Store::new();
    let first = store.entry("www", &["www.example.com"]);
    let tls = live(&store);
    let events = tls.events();
    let before = tls.report().sequence;
    let renewed = store.ca.issue(&["www.example.com"], P256, (-1, 90));
    let next = damaged_renewal(&store, &renewed);
    overwrite(&store, &next);
    let refused = wait(&events, |event| matches!(event, TlsEvent::Refused { .. }));
    let TlsEvent::Refused { alias, served_before, reason } = refused else { unreachable!() };
    assert!(alias.as_str() == "www" && served_before);
    assert!(reason.contains("not authentic"), "{reason}");
    assert_eq!(leaf(&tls, "www.example.com"), first);
    eventually("it is behind it", || tls.report().sequence == before + 1);
    assert_eq!(tls.report().refused, [(alias.clone(), reason.clone())]);
    eventually("it is seen from outside", || {
        running_servers(&store.path())
            .iter()
            .any(|server| server.refused == [(alias.clone(), reason.clone())])
    });
    // Another import puts it right.
    let third = store.ca.issue(&["www.example.com"], P256, (-1, 90));
    import(&store.writer(), "www", &third);
    wait(&events, |event| matches!(event, TlsEvent::Recovered { .. }));
    assert_eq!(leaf(&tls, "www.example.com"), third.leaf());
    assert_eq!(tls.report().refused, []);
}

#[test]
fn a_damaged_ca_is_reported_stops_no_server_and_is_forgotten_once_it_is_removed() {
    let store = Store::new();
    let first = store.entry("www", &["www.example.com"]);
    let spare = common::Ca::new("Spare");
    let alias: strongroom::Alias = "spare".parse().unwrap();
    store.keystore.import_authority(&alias, spare.root.pem().as_bytes(), UnixTime::now()).unwrap();
    let connection = rusqlite::Connection::open(store.path()).unwrap();
    let whole: &[u8] = spare.root.der();
    let mut bytes = whole.to_vec();
    bytes[whole.len() / 2] ^= 1;
    let changed = connection.execute("UPDATE blob SET data = ?1 WHERE data = ?2", (bytes, whole)).unwrap();
    assert_eq!(changed, 1);

    let tls = live(&store);
    assert_eq!(leaf(&tls, "www.example.com"), first);
    let reason = "the CA certificate is damaged, and nothing is trusted under it";
    assert_eq!(tls.report().refused, [(alias.clone(), reason.to_owned())]);
    let events = tls.events();
    store.writer().remove(&alias, true, UnixTime::now()).unwrap();
    let recovered = wait(&events, |event| matches!(event, TlsEvent::Recovered { .. }));
    assert!(matches!(recovered, TlsEvent::Recovered { alias } if alias.as_str() == "spare"));
    assert_eq!(tls.report().refused, []);
}

#[test]
fn an_intermediate_that_was_missing_is_sent_once_it_is_imported() {
    let store = Store::new();
    let mut issued = store.ca.issue(&["www.example.com"], P256, (-1, 90));
    // A file without its chain.
    issued.chain.truncate(1);
    store.import("www", &issued);
    let tls = live(&store);
    let chain = || {
        let mut client = client();
        client.resumption = rustls::client::Resumption::disabled();
        handshake(&tls.server_config(), &Arc::new(client), "www.example.com").unwrap().chain
    };
    assert_eq!(chain(), [issued.leaf()]);
    let pem = store.ca.intermediate.pem();
    store.writer().import_authority(&"issuing".parse().unwrap(), pem.as_bytes(), UnixTime::now()).unwrap();
    let whole = [issued.leaf(), store.ca.intermediate.der().clone()];
    eventually("the intermediate is sent", || chain() == whole);
    store.writer().remove(&"issuing".parse().unwrap(), true, UnixTime::now()).unwrap();
    eventually("it is no longer", || chain() == [issued.leaf()]);
}

#[test]
fn a_store_that_is_replaced_or_gone_ends_nothing() {
    let store = Store::new();
    let first = store.entry("www", &["www.example.com"]);
    store.entry("api", &["api.example.com"]);
    let tls = live(&store);
    let events = tls.events();
    let aside = store.path().with_file_name("aside.db");
    std::fs::rename(store.path(), &aside).unwrap();
    std::fs::write(store.path(), b"something else").unwrap();
    wait(&events, |event| matches!(event, TlsEvent::StoreFailed { .. }));
    assert_eq!(leaf(&tls, "www.example.com"), first);
    assert_ne!(leaf(&tls, "api.example.com"), first);
    std::fs::rename(&aside, store.path()).unwrap();
    wait(&events, |event| matches!(event, TlsEvent::StoreBack));
    let renewed = store.ca.issue(&["www.example.com"], P256, (-1, 90));
    import(&store.writer(), "www", &renewed);
    eventually("the renewal is served", || leaf(&tls, "www.example.com") == renewed.leaf());
}

#[test]
fn a_server_is_seen_beside_its_store_and_an_entry_in_use_is_not_removed() {
    let store = Store::new();
    store.entry("www", &["www.example.com"]);
    store.entry("api", &["api.example.com"]);
    store.entry("idle", &["idle.example.com"]);
    let tls =
        LiveTls::builder(store.reader(), provider()).default_alias("www").program("shop").build().unwrap();
    leaf(&tls, "api.example.com");
    eventually("it is seen", || running_servers(&store.path()).iter().any(|server| server.program == "shop"));
    store.entry("more", &["more.example.com"]);
    eventually("what it served is seen", || {
        running_servers(&store.path())
            .iter()
            .any(|server| server.served.iter().any(|one| one.alias.as_str() == "api"))
    });
    let remove = |alias: &str| store.writer().remove(&alias.parse().unwrap(), false, UnixTime::now());
    for alias in ["www", "api"] {
        let refused = remove(alias).unwrap_err();
        assert_eq!(refused.code(), "alias_in_use");
        assert!(refused.to_string().contains("in use by shop (process "), "{refused}");
    }
    remove("idle").unwrap();
    drop(tls);
    eventually("it is gone", || running_servers(&store.path()).is_empty());
    remove("api").unwrap();
}

#[test]
fn what_is_over_the_memory_is_read_again() {
    let store = Store::new();
    let names: Vec<String> = (0..30).map(|n| format!("host{n}.example.com")).collect();
    let leaves: Vec<_> = names.iter().map(|name| store.entry(name, &[name.as_str()])).collect();
    let tls = LiveTls::builder(store.reader(), provider()).memory(10_000, 4_000).build().unwrap();
    for _ in 0..3 {
        for (name, expected) in names.iter().zip(&leaves) {
            assert_eq!(leaf(&tls, name), *expected);
        }
    }
}

#[test]
fn no_handshake_sees_half_of_a_reload() {
    let store = Store::new();
    // Both names change their entry with each change, and their keys with it.
    let both = [["a.example.com", "b.example.com"], ["b.example.com", "c.example.com"]];
    store.entry("www", &["www.example.com"]);
    store.entry("one", &both[0]);
    let tls = live(&store);
    let done = AtomicBool::new(false);
    let so_far = AtomicU32::new(0);
    let changes = std::thread::scope(|scope| {
        let handshakes = || {
            let mut client = client();
            client.resumption = rustls::client::Resumption::disabled();
            let (client, config) = (Arc::new(client), tls.server_config());
            while !done.load(Ordering::Relaxed) {
                for name in ["a.example.com", "b.example.com", "c.example.com", "www.example.com"] {
                    // That it succeeds proves that key and leaf belong together.
                    let met = handshake(&config, &client, name).unwrap();
                    let certificate = strongroom::certificate::Certificate::from_der(&met.chain[0]).unwrap();
                    let hosts: Vec<&str> = certificate.hosts().collect();
                    // The entry that answers has the name, or is the default one.
                    assert!(hosts.contains(&name) || hosts == ["www.example.com"], "{name}: {hosts:?}");
                    assert!(
                        name != "b.example.com" || hosts.contains(&name),
                        "no reload goes through nothing"
                    );
                    assert_eq!(met.chain.len(), 2);
                    so_far.fetch_add(1, Ordering::Relaxed);
                }
            }
        };
        let running: Vec<_> = (0..2).map(|_| scope.spawn(handshakes)).collect();
        let mut changes = 0_u32;
        let writer = store.writer();
        // One that panics counts no further.
        while so_far.load(Ordering::Relaxed) < 10_000 && !running.iter().any(|thread| thread.is_finished()) {
            let issued = store.ca.issue(&both[usize::from(changes.is_multiple_of(2))], P256, (-1, 90));
            import(&writer, "one", &issued);
            tls.reload_now().unwrap();
            changes += 1;
        }
        done.store(true, Ordering::Relaxed);
        running.into_iter().for_each(|thread| thread.join().unwrap());
        changes
    });
    let count = so_far.into_inner();
    println!("{count} handshakes during {changes} changes");
    assert!(count >= 10_000 && changes > 20, "{count} {changes}");
}

fn with_certificate(
    of: &common::Issued,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> ClientConfig {
    let mut client = common::client_of(rustls::crypto::aws_lc_rs::default_provider(), versions);
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&of.private_key()).unwrap();
    let key = rustls::sign::CertifiedKey::new(of.chain.clone(), key);
    client.client_auth_cert_resolver = Arc::new(rustls::sign::SingleCertAndKey::from(key));
    client
}

#[test]
fn who_is_no_longer_trusted_does_not_resume_either() {
    let store = Store::new();
    store.entry("www", &["www.example.com"]);
    let clients = common::Ca::new("Clients");
    let anchor = "clients".parse().unwrap();
    let person = clients.issue(&["person.example.com"], P256, (-1, 90));
    for versions in [[&rustls::version::TLS13], [&rustls::version::TLS12]] {
        let trust = || {
            store.keystore.import_authority(&anchor, clients.root.pem().as_bytes(), UnixTime::now()).unwrap();
        };
        trust();
        let tls = LiveTls::builder(store.reader(), provider())
            .default_alias("www")
            .client_auth(ClientAuth::Required)
            .build()
            .unwrap();
        let config = tls.server_config();
        let client = Arc::new(with_certificate(&person, &versions));
        let meet = || handshake(&config, &client, "www.example.com");
        assert!(!meet().unwrap().resumed);
        assert!(meet().unwrap().resumed);
        // A renewal ends no session.
        store.entry("www", &["www.example.com"]);
        tls.reload_now().unwrap();
        assert!(meet().unwrap().resumed);
        store.keystore.remove(&anchor, true, UnixTime::now()).unwrap();
        tls.reload_now().unwrap();
        assert!(meet().is_err(), "{versions:?}");
        trust();
        tls.reload_now().unwrap();
        assert!(!meet().unwrap().resumed);
        store.keystore.remove(&anchor, true, UnixTime::now()).unwrap();
    }
}

#[test]
fn an_entry_is_the_identity_of_a_client_and_is_renewed() {
    let store = Store::new();
    store.entry("www", &["www.example.com"]);
    let issued = store.ca.issue(&["client.example.com"], P256, (-1, 90));
    store.import("client", &issued);
    let tls = LiveTls::builder(store.reader(), provider())
        .default_alias("www")
        .client_auth(ClientAuth::Required)
        .build()
        .unwrap();
    let mut client = client();
    client.resumption = rustls::client::Resumption::disabled();
    client.client_auth_cert_resolver = tls.client_identity("client").unwrap();
    let client = Arc::new(client);
    let seen = || {
        let name = "www.example.com".try_into().unwrap();
        let mut one = rustls::ClientConnection::new(Arc::clone(&client), name).unwrap();
        let mut other = rustls::ServerConnection::new(tls.server_config()).unwrap();
        common::pump(&mut one, &mut other).unwrap();
        other.peer_certificates().unwrap()[0].clone().into_owned()
    };
    assert_eq!(seen(), issued.leaf());
    let renewed = store.ca.issue(&["client.example.com"], P256, (-1, 90));
    store.import("client", &renewed);
    eventually("the renewal is shown", || seen() == renewed.leaf());
    assert!(tls.client_identity("nobody").is_err());
}
