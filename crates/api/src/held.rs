//! Files that were checked and wait to be imported, so that nobody has to choose the same file twice.
//!
//! They are in memory alone, a few minutes, one for each session, and are wiped when they go.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sha2::{Digest as _, Sha256};
use strongroom::{Alias, Password, certificate::EntrySelector, hexadecimal::hex};
use zeroize::Zeroizing;

/// How long a file is kept.
const KEPT: Duration = Duration::from_secs(10 * 60);
/// The most files at once; beyond, one of them goes.
const MAX_FILES: usize = 16;
/// The most bytes at once.
const MAX_BYTES: usize = 8 << 20;

/// What importExistingServerCertificate was sent.
pub(crate) struct Upload {
    pub(crate) alias: Alias,
    pub(crate) file: Zeroizing<Vec<u8>>,
    pub(crate) password: Password,
    pub(crate) chain: bool,
    pub(crate) replace: bool,
    pub(crate) entry: Option<EntrySelector>,
    /// The version of the entry when it was checked; none where there was no entry.
    pub(crate) version: Option<u32>,
    /// The machine for which it was checked.
    pub(crate) machine: String,
}

/// By the hash of the session's token.
#[derive(Default)]
pub(crate) struct Held {
    files: Mutex<HashMap<[u8; 32], (String, Upload)>>,
}

impl Held {
    /// Keeps a file for the session of a token, in place of a former one; gives the name under which it is taken.
    pub(crate) fn keep(self: &Arc<Self>, token: &str, upload: Upload) -> Option<String> {
        let mut id = [0_u8; 16];
        getrandom::fill(&mut id).ok()?;
        let (session, id) = (session(token), hex(id));
        let mut files = self.lock();
        files.remove(&session);
        while files.len() >= MAX_FILES || held(&files).saturating_add(upload.file.len()) > MAX_BYTES {
            let Some(other) = files.keys().next().copied() else {
                break;
            };
            files.remove(&other);
        }
        files.insert(session, (id.clone(), upload));
        drop(files);
        let (this, known) = (Arc::downgrade(self), id.clone());
        tokio::spawn(async move {
            tokio::time::sleep(KEPT).await;
            if let Some(this) = this.upgrade() {
                drop(this.take_of(&session, &known));
            }
        });
        Some(id)
    }

    /// Takes a file that is kept for the session of a token.
    pub(crate) fn take(&self, token: &str, id: &str) -> Option<Upload> {
        self.take_of(&session(token), id)
    }

    /// Drops what is kept for the session of a token.
    pub(crate) fn forget(&self, token: &str) {
        self.lock().remove(&session(token));
    }

    fn take_of(&self, session: &[u8; 32], id: &str) -> Option<Upload> {
        let mut files = self.lock();
        files.get(session).filter(|(known, _)| known == id)?;
        files.remove(session).map(|(_, upload)| upload)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], (String, Upload)>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn held(files: &HashMap<[u8; 32], (String, Upload)>) -> usize {
    files.values().map(|(_, upload)| upload.file.len()).sum()
}

fn session(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upload(len: usize) -> Upload {
        Upload {
            alias: "www".parse().unwrap(),
            file: Zeroizing::new(vec![0; len]),
            password: Password::new("x").unwrap(),
            chain: true,
            replace: true,
            entry: None,
            version: None,
            machine: String::new(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn file_is_taken_once_by_its_session_within_its_time() {
        let held = Arc::new(Held::default());
        let id = held.keep("a", upload(1)).unwrap();
        assert!(held.take("b", &id).is_none() && held.take("a", "0").is_none());
        assert!(held.take("a", &id).is_some());
        assert!(held.take("a", &id).is_none());

        let first = held.keep("a", upload(1)).unwrap();
        let second = held.keep("a", upload(1)).unwrap();
        assert!(held.take("a", &first).is_none());
        tokio::time::sleep(KEPT + Duration::from_secs(1)).await;
        assert!(held.take("a", &second).is_none());
        assert_eq!(held.lock().len(), 0);
    }

    #[tokio::test]
    async fn memory_is_bounded_in_files_and_bytes() {
        let held = Arc::new(Held::default());
        for n in 0..40 {
            held.keep(&n.to_string(), upload(1)).unwrap();
        }
        assert_eq!(held.lock().len(), MAX_FILES);
        for n in 0..20 {
            held.keep(&n.to_string(), upload(1 << 20)).unwrap();
        }
        assert!(super::held(&held.lock()) <= MAX_BYTES);
    }
}
