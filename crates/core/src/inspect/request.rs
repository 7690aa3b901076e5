//! What is asked of `inspect`.

use rustls_pki_types::UnixTime;

use crate::{
    limits::{Cancel, Limits},
    secret::Password,
};

/// The passwords of a file.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Passwords<'a> {
    /// Opens the file.
    pub file: &'a Password,
    /// Open private keys that have one of their own.
    pub keys: &'a [Password],
}

impl<'a> Passwords<'a> {
    /// One password for all of the file.
    #[must_use]
    pub fn new(file: &'a Password) -> Self {
        Self { file, keys: &[] }
    }

    /// Those for a private key that stands in no container: its own first. That of the file serves as well where one was
    /// given, and an empty one is tried only where it was given for a key.
    pub(crate) fn of_keys(self) -> Vec<&'a Password> {
        // EXPOSE: only whether there is one.
        let file = Some(self.file).filter(|password| !password.expose().is_empty());
        self.keys.iter().chain(file).collect()
    }
}

/// What is asked of [`inspect`](super::inspect).
#[derive(Debug)]
#[non_exhaustive]
pub struct InspectRequest<'a> {
    /// The file.
    pub file: &'a [u8],
    /// Its passwords.
    pub passwords: Passwords<'a>,
    /// Bounds on the work.
    pub limits: Limits,
    /// Whether the answer is still wanted; always, unless this says otherwise.
    pub cancel: Cancel,
    /// The instant by which certificates have expired.
    pub at: UnixTime,
}

impl<'a> InspectRequest<'a> {
    /// A request under the usual limits.
    #[must_use]
    pub fn new(file: &'a [u8], passwords: Passwords<'a>, at: UnixTime) -> Self {
        Self { file, passwords, limits: Limits::default(), cancel: Cancel::default(), at }
    }
}
