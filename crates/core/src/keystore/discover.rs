//! How what opens a store is found.

use std::path::Path;

use super::{KeySource, Keystore};
use crate::{
    error::Error,
    seal::{Environment, OwnedUnlock, SealError, Unlock, UnlockError, UnlockSource},
    store::{SlotCheck, SqliteEngine, Store, StoreError},
};

impl Unlock<'_> {
    /// Finds and reads what opens the store at `store`, as the command does; `None` if that is a passphrase, which a person
    /// has to be asked for.
    ///
    /// Of the sources that the user named, the first that opens the store. If none is named: the
    /// [key file](Environment::key_file) beside the store; where there is none, a passphrase, if a slot takes one. A
    /// variable, a credential or another file that only the store names is never read: nothing vouches for what a store says
    /// before it is open. The error names it.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let store = folder.path().join("keystore.db");
    /// # let key = strongroom::UnlockKey::generate()?;
    /// # key.create_file(&folder.path().join("keystore.key"))?;
    /// # drop(strongroom::Keystore::create(&store, &key, strongroom::UnixTime::now())?);
    /// use std::sync::Arc;
    ///
    /// use strongroom::{Keystore, Unlock};
    ///
    /// let environment = |name: &str| std::env::var_os(name);
    /// let unlock = Unlock::discover(&store, &[], &environment)?.ok_or("only a passphrase opens the store")?;
    /// // Given as key source too, it opens the store again after another process re-keyed it.
    /// let keystore = Keystore::options(&store).key_source(Arc::new(unlock.clone())).open(&unlock)?;
    /// # drop(keystore);
    /// // What a user names is read, and nothing else.
    /// let named = ["env:KEYSTORE_KEY".parse()?];
    /// let refused = Unlock::discover(&store, &named, &environment).unwrap_err();
    /// assert_eq!(refused.to_string(), "the environment variable KEYSTORE_KEY is not set");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`UnlockError`] if a source cannot be read, or none is named and none is beside the store;
    /// [`SealError::WrongUnlockKey`] if none of several opens it; [`StoreError`] if the store cannot be read. Of a single
    /// source, opening says whether it fits.
    pub fn discover(
        store: impl AsRef<Path>,
        named: &[UnlockSource],
        environment: &dyn Environment,
    ) -> Result<Option<OwnedUnlock>, Error> {
        let store = store.as_ref();
        match named {
            [] => beside(store, environment),
            [source] => Ok(source.read(store, environment)?),
            several => {
                for source in several {
                    match source.read(store, environment)? {
                        Some(unlock) if !opens(store, &unlock)? => {}
                        found => return Ok(found),
                    }
                }
                Err(SealError::WrongUnlockKey.into())
            }
        }
    }
}

/// What opens a store for which nothing is named.
fn beside(store: &Path, environment: &dyn Environment) -> Result<Option<OwnedUnlock>, Error> {
    let path = environment.key_file(store);
    // What lies beside the store opens it, or nothing does: the store may be somebody else's by now.
    if path.symlink_metadata().is_ok() {
        return Ok(UnlockSource::KeyFile(String::new()).read(store, environment)?);
    }
    let known = Keystore::unlock_sources(store)?;
    // A person knows what he is asked for; whatever else a store names is a hint to the user.
    if known.contains(&UnlockSource::Passphrase) {
        return Ok(None);
    }
    let hint = known.into_iter().find(|source| !source.name().is_empty());
    Err(UnlockError::NoKeyFile { path, hint }.into())
}

fn opens(store: &Path, unlock: &OwnedUnlock) -> Result<bool, Error> {
    let engine = SqliteEngine::open(store, true)?;
    match Store::find_root(&engine, unlock.into(), SlotCheck::Opener) {
        Ok(_) => Ok(true),
        Err(StoreError::Seal(SealError::WrongUnlockKey)) => Ok(false),
        Err(StoreError::Seal(error)) => Err(error.into()),
        Err(error) => Err(error.into()),
    }
}

impl KeySource for OwnedUnlock {
    fn with(&self, open: &mut dyn FnMut(Unlock<'_>) -> Result<(), Error>) -> Result<(), Error> {
        open(self.into())
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::{ffi::OsString, fs};

    use rustls_pki_types::UnixTime;

    use super::*;
    use crate::{
        keystore::NewKeystore,
        remedy::Remedy,
        secret::{Password, UnlockKey},
    };

    #[expect(clippy::unwrap_used, reason = "a helper of tests")]
    fn kept_in(source: UnlockSource, unlock: &OwnedUnlock) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let wanted = NewKeystore { source: Some(source), ..NewKeystore::default() };
        let store = folder.path().join("keystore.db");
        drop(Keystore::create_with(store, unlock, &wanted, UnixTime::now()).unwrap());
        folder
    }

    #[test]
    fn the_key_file_beside_the_store_opens_it_and_what_the_store_names_is_only_a_hint() {
        let key = UnlockKey::generate().unwrap();
        let text = std::str::from_utf8(key.expose()).unwrap().to_owned();
        let folder = kept_in(UnlockSource::Environment("KEY".to_owned()), &key.into());
        let store = folder.path().join("keystore.db");
        let environment = |name: &str| (name == "KEY").then(|| OsString::from(&text));
        // It would open the store, but nobody said that it is to be read.
        let refused = Unlock::discover(&store, &[], &environment).unwrap_err();
        assert_eq!((refused.code(), refused.stage()), ("key_file_missing", "store"));
        assert_eq!(refused.remedies(), [Remedy::NameUnlock { source: "env:KEY".to_owned() }]);
        let named = ["env:KEY".parse().unwrap()];
        let unlock = Unlock::discover(&store, &named, &environment).unwrap().unwrap();
        assert!(Keystore::open(&store, &unlock).is_ok());
        // What lies beside the store is taken at its word, and opening says that it does not fit.
        let other = UnlockKey::generate().unwrap();
        other.create_file(&folder.path().join("keystore.key")).unwrap();
        let found = Unlock::discover(&store, &[], &environment).unwrap().unwrap();
        let refused = Keystore::open(&store, &found).unwrap_err();
        assert_eq!(refused.code(), "wrong_unlock_key");
    }

    #[test]
    fn a_passphrase_is_asked_for_and_of_several_sources_the_first_that_fits_is_taken() {
        let phrase = || OwnedUnlock::from(Password::new("correct horse").unwrap());
        let folder = kept_in(UnlockSource::Passphrase, &phrase());
        let (store, bare) = (folder.path().join("keystore.db"), |_: &str| None);
        assert!(Unlock::discover(&store, &[], &bare).unwrap().is_none());
        let keystore = Keystore::open(&store, &phrase()).unwrap();
        let keys = ["a", "b"].map(|name| {
            let (key, path) = (UnlockKey::generate().unwrap(), folder.path().join(name));
            key.create_file(&path).unwrap();
            (key, UnlockSource::KeyFile(path.display().to_string()))
        });
        let [(first, at_first), (second, at_second)] = &keys;
        keystore.add_slot(at_second.clone(), second, UnixTime::now()).unwrap();
        let both = [at_first.clone(), at_second.clone()];
        let Some(OwnedUnlock::Key(found)) = Unlock::discover(&store, &both, &bare).unwrap() else {
            panic!("a key was named")
        };
        assert_eq!(found.expose(), second.expose());
        let wrong = [at_first.clone(), at_first.clone()];
        assert_eq!(Unlock::discover(&store, &wrong, &bare).unwrap_err().code(), "wrong_unlock_key");
        let or_ask = [at_first.clone(), UnlockSource::Passphrase];
        assert!(Unlock::discover(&store, &or_ask, &bare).unwrap().is_none());
        // One that is named alone is not tried.
        assert!(Unlock::discover(&store, &wrong[..1], &bare).unwrap().is_some());
        assert!(!first.is_bound());
    }

    #[test]
    fn a_store_that_is_missing_is_said_to_be() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("keystore.db");
        let refused = Unlock::discover(&store, &[], &|_: &str| None).unwrap_err();
        assert_eq!(refused.code(), "store_missing", "{refused}");
        fs::write(folder.path().join("keystore.key"), "short").unwrap();
        let refused = Unlock::discover(&store, &[], &|_: &str| None).unwrap_err();
        assert_eq!(refused.code(), "store_permission", "{refused}");
    }
}
