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
