#![doc = include_str!("lib.md")]

pub mod account;
pub mod alias;
pub mod archive;
pub mod certificate;
pub mod certificate_file;
pub mod diagnostic;
mod encode;
pub mod error;
pub mod export;
pub mod file_format;
#[cfg(strongroom_fuzzing)]
#[doc(hidden)]
pub mod fuzz;
pub mod hexadecimal;
pub mod inspect;
pub mod instant;
pub mod issuance;
pub mod jks;
pub mod keystore;
pub mod limits;
pub mod pem;
pub mod pkcs12;
pub mod private_file;
pub mod privilege;
pub mod remedy;
pub mod seal;
pub mod secret;
pub mod select;
pub mod store;
mod trace;
pub mod validate;
pub mod web_server;
pub mod word;

pub use alias::Alias;
pub use error::Error;
pub use keystore::{Entry, Keystore, ServerCertificateRequest, open_pfx};
pub use rustls_pki_types::UnixTime;
pub use seal::Unlock;
pub use secret::{Password, UnlockKey};

/// The seam below the store, for other engines. Unstable.
#[doc(hidden)]
pub mod engine {
    use std::path::Path;

    pub use crate::store::{
        Fault, MemoryEngine,
        engine::{Announcement, Change, CommitError, Connector, Engine, Row, Table, View},
    };

    /// The engine over a database file that is there.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::store::StoreError) if it cannot be opened.
    pub fn open_sqlite(path: &Path, read_only: bool) -> Result<Box<dyn Engine>, crate::store::StoreError> {
        Ok(Box::new(crate::store::SqliteEngine::open(path, read_only)?))
    }
}
