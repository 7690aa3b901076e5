//! What the web server of a store shows and offers: a record that is proved, logged, copied, and kept through everything.

use strongroom::{
    Alias, Error, Keystore, UnlockKey,
    diagnostic::{DiagnosticCode, Severity},
    engine::{Engine as _, MemoryEngine, Table},
    issuance::{CertificateTemplate, KeyKind},
    keystore::{
        Backup, CredentialRequest, GenerateRequest, KeptSlot, NewKeystore, RestoreOptions, WebServerChange,
    },
    seal::UnlockSource,
    store::StoreError,
    web_server::{Chosen, CipherSuite, TlsVersion, WebServer, WebServerError},
};
use strongroom_tests::authority::{leaf_params, now, root};

fn alias(name: &str) -> Alias {
    name.parse().unwrap()
}

fn change(to: &str) -> WebServerChange {
    let mut change = WebServerChange::default();
    change.alias = Some(alias(to));
    change
}

/// A store with a CA `root` and the entries `www` and `api` of it.
fn filled(keystore: &Keystore) {
    let ca = root("Root");
    keystore.import_authority(&alias("root"), ca.file(), now()).unwrap();
    for name in ["www", "api"] {
        let credential = ca.issue(&leaf_params(&format!("{name}.test")), &[]);
        keystore.import_credential(CredentialRequest::new(alias(name), credential, now())).unwrap();
    }
}

fn in_memory() -> (MemoryEngine, UnlockKey, Keystore) {
    let (engine, unlock) = (MemoryEngine::new(false), UnlockKey::generate().unwrap());
    let keystore = Keystore::create_on_engine(Box::new(engine.clone()), &unlock, now()).unwrap();
    filled(&keystore);
    (engine, unlock, keystore)
}

#[test]
fn a_choice_is_kept_logged_and_one_call_away_from_the_former() {
    let (_, _, keystore) = in_memory();
    assert_eq!(keystore.web_server().unwrap(), WebServer::default());
    let since = keystore.generation().unwrap();
    let report = keystore.set_web_server(&change("WWW"), now()).unwrap();
    assert!(report.changed && report.findings.is_empty(), "{report:?}");
    // As it stands in the store, not as it was typed.
    assert_eq!(report.web_server.alias, Some(alias("www")));
    assert_eq!(report.web_server.former, None);
    let changes = keystore.wait_change(&since, std::time::Duration::ZERO).unwrap().unwrap();
    assert!(changes.web_server && !changes.everything && changes.aliases.is_empty(), "{changes:?}");

    let mut second = change("api");
    second.versions = Some(Chosen::from_list("TLSv1.3").unwrap().offered);
    second.hsts = Some(true);
    let since = keystore.generation().unwrap();
    keystore.acting_as("alice").set_web_server(&second, now()).unwrap();
    let now_is = keystore.web_server().unwrap();
    assert_eq!((now_is.alias, now_is.former), (Some(alias("api")), Some(alias("www"))));
    let last = keystore.log(0, 100).unwrap().pop().unwrap();
    assert_eq!(
        (last.actor.as_str(), last.action.as_str(), last.alias.as_str()),
        ("alice", "web-server", "api")
    );
    assert_eq!(last.outcome, "TLSv1.3, 9 cipher suites, HSTS");
    // What is the same again is no change.
    assert!(!keystore.set_web_server(&second, now()).unwrap().changed);
    assert!(keystore.wait_change(&since, std::time::Duration::ZERO).unwrap().unwrap().web_server);

    let back = keystore.set_web_server(&change("www"), now()).unwrap();
    assert_eq!(back.web_server.alias, Some(alias("www")));
    assert_eq!(back.web_server.versions(), [TlsVersion::Tls13]);
    assert!(back.web_server.hsts);
}

#[test]
fn what_cannot_be_served_is_refused_and_changes_nothing() {
    let (_, _, keystore) = in_memory();
    keystore.set_web_server(&change("www"), now()).unwrap();
    let before = keystore.web_server().unwrap();
    let refused = |change: &WebServerChange| keystore.set_web_server(change, now()).unwrap_err();
    let error = refused(&change("root"));
    assert!(matches!(error, Error::WebServer(WebServerError::CaCertificate { .. })), "{error}");
    assert_eq!((error.code(), error.stage()), ("ca_certificate", "web server"));
    assert_eq!(refused(&change("none")).code(), "not_found");
    // The keys of the tests are P-256: nothing but RSA leaves no connection.
    let mut narrow = WebServerChange::default();
    narrow.versions = Some(vec![TlsVersion::Tls12]);
    narrow.suites = Some(vec![CipherSuite::EcdheRsaAes128GcmSha256]);
    assert_eq!(
        refused(&narrow).to_string(),
        "no connection would be possible: the key of the certificate goes with none of the cipher suites TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
    );
    assert_eq!(keystore.web_server().unwrap(), before);
    let last = keystore.log(0, 100).unwrap().pop().unwrap();
    assert_eq!((last.action.as_str(), last.outcome.as_str()), ("web-server", "tls_not_offered"));
}

/// Makes a self-signed certificate for `www`, in place of the former one.
fn generate(keystore: &Keystore, key: KeyKind, dry_run: bool) -> Result<(), Error> {
    let template = CertificateTemplate::new(vec!["www.test".parse().unwrap()]);
    let mut request = GenerateRequest::new(alias("www"), template, now());
    request.key = key;
    (request.options.replace, request.options.dry_run) = (true, dry_run);
    keystore.generate(request).map(drop)
}

#[test]
fn a_renewal_that_would_lock_everybody_out_is_refused() {
    let (_, _, keystore) = in_memory();
    let key = || keystore.entry(&alias("www"), now()).unwrap().certificate.key().to_string();
    generate(&keystore, KeyKind::Rsa2048, false).unwrap();
    let mut narrow = change("www");
    narrow.versions = Some(vec![TlsVersion::Tls12]);
    narrow.suites = Some(vec![CipherSuite::EcdheRsaAes128GcmSha256]);
    keystore.set_web_server(&narrow, now()).unwrap();
    let ca = root("Root");
    keystore.import_authority(&alias("ca"), ca.file(), now()).unwrap();
    let import = |dry_run| {
        let credential = ca.issue(&leaf_params("www.test"), &[]);
        let mut request = CredentialRequest::new(alias("WWW"), credential, now());
        (request.options.replace, request.options.dry_run) = (true, dry_run);
        keystore.import_credential(request).unwrap_err()
    };
    // The former version has a P-256 key.
    let undone = keystore.undo(&alias("www"), now()).unwrap_err();
    for error in [import(true), import(false), generate(&keystore, KeyKind::P256, true).unwrap_err(), undone]
    {
        assert_eq!((error.code(), error.stage()), ("tls_not_offered", "web server"));
        assert!(
            error.to_string().ends_with(
                "it shows \"www\", whose new key, P-256, goes with none of the cipher suites that were chosen, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
            ),
            "{error}"
        );
        assert!(error.help().unwrap().contains(
            "strongroom web-server --cipher-suites TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,"
        ));
    }
    assert!(key().contains("RSA"), "{}", key());
    // Another entry is nobody's way in.
    let mut other = CredentialRequest::new(alias("api"), ca.issue(&leaf_params("api.test"), &[]), now());
    other.options.replace = true;
    keystore.import_credential(other).unwrap();
    // As the help says: suites for both keys, and then the other key.
    let mut both = WebServerChange::default();
    both.suites = Some(vec![CipherSuite::EcdheRsaAes128GcmSha256, CipherSuite::EcdheEcdsaAes128GcmSha256]);
    keystore.set_web_server(&both, now()).unwrap();
    keystore.undo(&alias("www"), now()).unwrap();
    assert!(key().contains("P-256"), "{}", key());
    // And the other way round.
    let mut narrow = WebServerChange::default();
    narrow.suites = Some(vec![CipherSuite::EcdheEcdsaAes128GcmSha256]);
    keystore.set_web_server(&narrow, now()).unwrap();
    assert_eq!(generate(&keystore, KeyKind::Rsa2048, false).unwrap_err().code(), "tls_not_offered");
    assert_eq!(keystore.undo_to(&alias("www"), 2, now()).unwrap_err().code(), "tls_not_offered");
    // Removed by force, it does not come back with a key that locks everybody out.
    keystore.remove(&alias("www"), true, now()).unwrap();
    assert_eq!(keystore.undo_to(&alias("www"), 2, now()).unwrap_err().code(), "tls_not_offered");
    keystore.undo(&alias("www"), now()).unwrap();
    assert!(key().contains("P-256"), "{}", key());
}

#[test]
fn what_clients_may_object_to_is_a_warning() {
    let (_, _, keystore) = in_memory();
    let mut wanted = change("www");
    wanted.names = vec!["gis.test".parse().unwrap(), "gis".parse().unwrap()];
    let report = keystore.set_web_server(&wanted, now()).unwrap();
    assert_eq!(report.findings.len(), 1, "{report:?}");
    assert_eq!(report.findings[0].code, DiagnosticCode::NameMismatch);
    assert_eq!(report.findings[0].severity, Severity::Warning);
    assert_eq!(
        report.findings[0].message,
        "the certificate of \"www\" is not for gis.test or gis: it names www.test"
    );
    wanted.names = vec!["gis".parse().unwrap(), "www.test".parse().unwrap()];
    assert_eq!(keystore.set_web_server(&wanted, now()).unwrap().findings, []);
    // Its CA is gone.
    keystore.remove(&alias("root"), true, now()).unwrap();
    let report = keystore.set_web_server(&wanted, now()).unwrap();
    assert_eq!(
        report.findings.iter().map(|finding| finding.code).collect::<Vec<_>>(),
        [DiagnosticCode::NoAnchor]
    );
}

#[test]
fn the_entry_that_is_shown_is_not_removed_and_keeps_the_choice_under_another_name() {
    let (_, _, keystore) = in_memory();
    keystore.set_web_server(&change("www"), now()).unwrap();
    let error = keystore.remove(&alias("www"), false, now()).unwrap_err();
    assert_eq!(error.to_string(), "the entry \"www\" is in use by the web server of this store");
    assert_eq!(error.code(), "alias_in_use");
    keystore.rename(&alias("www"), &alias("shop"), now()).unwrap();
    assert_eq!(keystore.web_server().unwrap().alias, Some(alias("shop")));
    keystore.set_web_server(&change("api"), now()).unwrap();
    assert_eq!(keystore.web_server().unwrap().former, Some(alias("shop")));
    keystore.remove(&alias("shop"), false, now()).unwrap();
    keystore.remove(&alias("api"), true, now()).unwrap();
    assert!(keystore.entry(&alias("api"), now()).is_err());
    assert_eq!(keystore.verify_store().unwrap().problems, []);
}

#[test]
fn backup_restore_salvage_and_rekey_keep_it() {
    let folder = tempfile::tempdir().unwrap();
    let unlock = UnlockKey::generate().unwrap();
    let path = folder.path().join("store/keystore.db");
    let keystore = Keystore::create_with(&path, &unlock, &NewKeystore::default(), now()).unwrap();
    filled(&keystore);
    let mut wanted = change("www");
    wanted.suites = Some(vec![CipherSuite::Aes256GcmSha384]);
    let chosen = keystore.set_web_server(&wanted, now()).unwrap().web_server;
    let backup = folder.path().join("copy.db");
    keystore.backup(&backup, now()).unwrap();
    let salvaged = folder.path().join("salvaged.db");
    assert!(keystore.salvage(&salvaged, now()).unwrap().1.is_empty());
    assert_eq!(Keystore::open(&salvaged, &unlock).unwrap().web_server().unwrap(), chosen);
    keystore.set_web_server(&change("api"), now()).unwrap();
    let backup = Backup::open(&backup, &path, &unlock).unwrap();
    keystore.restore(&backup, None, RestoreOptions::default(), now()).unwrap();
    assert_eq!(keystore.web_server().unwrap(), chosen);
    keystore.rekey(&[KeptSlot::new(0, UnlockSource::KeyFile(String::new()), &unlock)], now()).unwrap();
    assert_eq!(keystore.web_server().unwrap(), chosen);
    assert_eq!(keystore.verify_store().unwrap().problems, []);
}

#[test]
fn a_record_that_was_changed_put_back_or_dropped_is_seen() {
    let (engine, unlock, keystore) = in_memory();
    let record = |engine: &MemoryEngine| {
        let rows = engine.view().unwrap().range(Table::Record, &[0xe0], Some(&[0xe1]), 10).unwrap();
        assert!(rows.len() <= 1);
        rows.into_iter().next()
    };
    assert_eq!(record(&engine), None);
    keystore.set_web_server(&change("www"), now()).unwrap();
    let (key, former) = record(&engine).unwrap();
    keystore.set_web_server(&change("api"), now()).unwrap();
    let (_, present) = record(&engine).unwrap();
    let mut flipped = present.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for attack in [Some(former), Some(flipped), None] {
        let copy = engine.copy();
        let mut write = copy.begin().unwrap();
        match &attack {
            Some(value) => write.put(Table::Record, &key, value).unwrap(),
            None => write.delete(Table::Record, &key).unwrap(),
        }
        write.commit().unwrap();
        let attacked = Keystore::open_on_engine(Box::new(copy), &unlock).unwrap();
        let error = attacked.web_server().unwrap_err();
        assert!(matches!(error, Error::Store(StoreError::Corrupt { .. })), "{error}");
        let problems = attacked.verify_store().unwrap().problems;
        assert!(
            problems.iter().any(|problem| problem.message.contains("what the web server shows")),
            "{problems:?}"
        );
    }
}
