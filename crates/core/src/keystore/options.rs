//! How a keystore is made and opened.

use std::path::PathBuf;

use rustls_pki_types::UnixTime;

use crate::{seal::UnlockSource, store::Journal};

/// How a keystore is opened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OpenOptions {
    /// Whether every write is refused.
    pub read_only: bool,
    /// Who acts, as the audit log names them.
    pub actor: String,
    /// A file outside the store that says where it stood last; a store that is older is refused.
    pub rollback_guard: Option<PathBuf>,
    /// Opens a store that has a rollback guard without it: whether it is the latest is not known then.
    pub without_guard: bool,
    /// Takes an older store all the same, at this instant, and sets its rollback guard anew.
    pub accept_rollback: Option<UnixTime>,
}

impl Default for OpenOptions {
    /// For reading and writing, without a rollback guard, by `library`.
    fn default() -> Self {
        Self {
            read_only: false,
            actor: "library".to_owned(),
            rollback_guard: None,
            without_guard: false,
            accept_rollback: None,
        }
    }
}

/// How a keystore is made.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct NewKeystore {
    /// How its transactions are kept whole.
    pub journal: Journal,
    /// Where its unlock key is kept, for who opens it later.
    pub source: Option<UnlockSource>,
    /// Who makes it, and where its rollback guard is made.
    pub options: OpenOptions,
}
