//! How a keystore is made and opened.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustls_pki_types::UnixTime;

use super::{KeySource, Keystore};
use crate::{
    error::Error,
    limits::Limits,
    seal::{Unlock, UnlockSource},
    store::{Journal, SlotCheck, WaitNotice},
};

/// Who acts where nobody says so.
pub(super) const ACTOR: &str = "library";
/// How long a writer waits for others, where nobody says so.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// How a keystore is opened: [`Keystore::options`] begins, [`open`](Self::open) ends.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("keystore.db");
/// # let unlock = strongroom::UnlockKey::generate()?;
/// # drop(strongroom::Keystore::create(&path, &unlock, strongroom::UnixTime::now())?);
/// use std::time::Duration;
///
/// use strongroom::Keystore;
///
/// let keystore = Keystore::options(&path).read_only().busy_timeout(Duration::from_secs(2)).open(&unlock)?;
/// assert!(keystore.is_read_only());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "options open nothing by themselves"]
pub struct OpenOptions {
    pub(super) path: PathBuf,
    pub(super) read_only: bool,
    pub(super) actor: String,
    pub(super) rollback_guard: Option<PathBuf>,
    pub(super) log_segment: Option<PathBuf>,
    pub(super) without_guard: bool,
    pub(super) accept_rollback: Option<UnixTime>,
    pub(super) slots: SlotCheck,
    pub(super) waiting: Option<Arc<dyn WaitNotice>>,
    pub(super) shared: SharedOptions,
}

/// What all clones of a keystore keep to.
#[derive(Clone, Debug)]
pub(super) struct SharedOptions {
    pub(super) busy_timeout: Duration,
    pub(super) limits: Option<Limits>,
    pub(super) source: Option<Arc<dyn KeySource>>,
}

impl Default for SharedOptions {
    fn default() -> Self {
        Self { busy_timeout: BUSY_TIMEOUT, limits: None, source: None }
    }
}

impl OpenOptions {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            read_only: false,
            actor: ACTOR.to_owned(),
            rollback_guard: None,
            log_segment: None,
            without_guard: false,
            accept_rollback: None,
            slots: SlotCheck::All,
            waiting: None,
            shared: SharedOptions::default(),
        }
    }

    /// Refuses every write.
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// Who acts, as the audit log names them: at most 128 characters. `library` if nobody is named.
    /// [`Keystore::acting_as`] names another for one request.
    pub fn actor(mut self, actor: impl Into<String>) -> Self {
        self.actor = actor.into();
        self
    }

    /// A file outside the store that says where it stood last: a store that is older is refused.
    pub fn rollback_guard(mut self, path: impl Into<PathBuf>) -> Self {
        self.rollback_guard = Some(path.into());
        self
    }

    /// A file of the log, as [`Keystore::rotate_log`] writes it: where the rollback guard stands at a row that was cut, it
    /// proves that the row is of this store's log. The next change moves the guard on.
    pub fn log_segment(mut self, path: impl Into<PathBuf>) -> Self {
        self.log_segment = Some(path.into());
        self
    }

    /// Opens a store that has a rollback guard without it: whether it is the latest is not known then.
    pub fn without_rollback_guard(mut self) -> Self {
        self.without_guard = true;
        self
    }

    /// Takes an older store all the same, at this instant, and sets its rollback guard to where it stands.
    pub fn accept_rollback(mut self, at: UnixTime) -> Self {
        self.accept_rollback = Some(at);
        self
    }

    /// Opens a store of which a slot does not prove itself, by another one: to mend it, or to read on.
    /// [`Keystore::slot_listing`] names such slots. Without it they are
    /// [`StoreError::SlotDamaged`](crate::store::StoreError::SlotDamaged).
    pub fn damaged_slots(mut self) -> Self {
        self.slots = SlotCheck::Opener;
        self
    }

    /// Told when a change waits for a re-key or a restore of another process.
    pub fn waiting(mut self, notice: Arc<dyn WaitNotice>) -> Self {
        self.waiting = Some(notice);
        self
    }

    /// How long a writer waits while others write, before it is refused with
    /// [`StoreError::Busy`](crate::store::StoreError::Busy): 10 seconds, if nothing is said. A re-key or a restore is waited for as
    /// long as it takes.
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.shared.busy_timeout = timeout;
        self
    }

    /// What no import through this keystore may exceed, whatever a request allows.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.shared.limits = Some(limits);
        self
    }

    /// What opens the store again after another process gave it a new root key. Without it the keystore says
    /// [`SealError::Rekeyed`](crate::seal::SealError::Rekeyed) from then on.
    pub fn key_source(mut self, source: Arc<dyn KeySource>) -> Self {
        self.shared.source = Some(source);
        self
    }

    /// Opens the keystore.
    ///
    /// # Errors
    ///
    /// As for [`Keystore::open`]; [`StoreError::RolledBack`](crate::store::StoreError::RolledBack) if the store is older than its
    /// rollback guard.
    pub fn open<'u>(self, unlock: impl Into<Unlock<'u>>) -> Result<Keystore, Error> {
        Keystore::open_as(&self, unlock.into())
    }
}

/// How a keystore is made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NewKeystore {
    /// How its transactions are kept whole.
    pub journal: Journal,
    /// Where its unlock key is kept, for whoever opens it later.
    pub source: Option<UnlockSource>,
    /// Who makes it, as the audit log names them.
    pub actor: String,
    /// Where its rollback guard is made, if it is to have one.
    pub rollback_guard: Option<PathBuf>,
}

impl Default for NewKeystore {
    /// With a write-ahead log and without a rollback guard, by `library`.
    fn default() -> Self {
        Self { journal: Journal::default(), source: None, actor: ACTOR.to_owned(), rollback_guard: None }
    }
}
