//! What only the inside of a write can show.

use super::*;
use crate::{
    secret::UnlockKey,
    store::{Action, Event, Happened, Journal},
};

#[test]
fn a_folder_moved_away_between_a_write_and_its_commit_gets_no_acknowledgement() {
    for journal in [Journal::Wal, Journal::Rollback] {
        let folder = tempfile::tempdir().unwrap();
        let (dir, away) = (folder.path().join("store"), folder.path().join("away"));
        let unlock = UnlockKey::generate().unwrap();
        let wanted = NewKeystore { journal, ..NewKeystore::default() };
        let at = UnixTime::since_unix_epoch(std::time::Duration::from_secs(1));
        let path = dir.join("keystore.db");
        let keystore = Keystore::create_with(&path, &unlock, &wanted, at).unwrap();
        let event = Event {
            at: 1,
            actor: "tester".to_owned(),
            action: Action::Init,
            alias: String::new(),
            fingerprint: String::new(),
            outcome: Happened::Made,
        };
        let committed = keystore.shared.write(|writer| {
            let write = writer.store.write()?;
            std::fs::rename(&dir, &away).unwrap();
            let done = write.commit(event);
            writer.finish_commit(done)
        });
        let error = committed.unwrap_err();
        assert!(matches!(error, Error::Store(StoreError::Replaced { .. })), "{error}");
        drop(keystore);
        let keystore = Keystore::open(away.join("keystore.db"), &unlock).unwrap();
        assert_eq!(keystore.verify_store().unwrap().problems, []);
    }
}

#[test]
fn a_keystore_is_for_all_threads() {
    fn shared<T: Clone + Send + Sync + 'static>() {}
    shared::<Keystore>();
}

#[test]
fn an_entry_comes_back_with_the_key_that_was_proved_and_with_no_other() {
    use crate::{
        certificate::{Fingerprint, KeyDigest},
        keystore::{commit_credential::Stored, import::comes_back},
        secret::{Password, PrivateKey},
    };

    let folder = tempfile::tempdir().unwrap();
    let unlock = UnlockKey::generate().unwrap();
    let keystore = Keystore::create(folder.path().join("keystore.db"), &unlock, UnixTime::now()).unwrap();
    let root = std::fs::read("../../fixtures/chains/root-rsa.pem").unwrap();
    keystore.import_authority(&"root".parse().unwrap(), &root, UnixTime::now()).unwrap();
    let (alias, password) = ("www".parse().unwrap(), Password::new("changeit").unwrap());
    let file = std::fs::read("../../fixtures/pkcs12/www.p12").unwrap();
    let request = ServerCertificateRequest::new(alias, &file, &password, UnixTime::now());
    keystore.import_server_certificate(request).unwrap();

    let proved = open_pfx(&file, &password).unwrap();
    let leaf = proved.leaf().fingerprint;
    // EXPOSE: of the fixture.
    let mut changed = proved.key().expose_pkcs8_der().to_vec();
    *changed.last_mut().unwrap() ^= 1;
    let other = || Some(KeyDigest::of(&PrivateKey::from_pkcs8_der(changed.clone())));
    let key = Some(proved.into_digest());
    let comes_back = |alias: &str, stored: Option<&Stored>| {
        let alias = alias.parse().unwrap();
        keystore.shared.read(|read, root| Ok(comes_back(read, root, &alias, stored).unwrap())).unwrap()
    };
    assert!(comes_back("www", Some(&Stored { leaf, key })));
    assert!(comes_back("www", Some(&Stored { leaf, key: None })));
    assert!(!comes_back("www", Some(&Stored { leaf, key: other() })), "another key");
    let elsewhere = Fingerprint::of(b"another certificate");
    assert!(!comes_back("www", Some(&Stored { leaf: elsewhere, key: None })), "another leaf");
    assert!(!comes_back("gone", Some(&Stored { leaf, key: None })), "no entry");
    assert!(!comes_back("root", Some(&Stored { leaf, key: other() })), "no key");
    assert!(!comes_back("www", None), "nothing was written");
}
