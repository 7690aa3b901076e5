//! Doors for the fuzz targets in `crates/core/fuzz`, to what the crate keeps to itself.
//!
//! Compiled under `cfg(strongroom_fuzzing)` alone, which `cargo xtask fuzz` sets. The usual `cfg(fuzzing)` would be set for a
//! host that fuzzes itself as well, and there our cryptography has to stay on.

use crate::{
    certificate::{self, KeyAlgorithm},
    limits::Limits,
    pkcs12::{self, Pkcs12Error},
    secret::PrivateKey,
    store,
};

/// Takes the bytes for a record or a blob of each kind.
///
/// # Panics
///
/// If one content has two encodings.
pub fn check_record(bytes: &[u8]) {
    store::fuzz::check_record(bytes);
}

/// Takes the bytes for a row of the tree.
///
/// # Panics
///
/// If one content has two forms.
pub fn check_node(bytes: &[u8]) {
    store::fuzz::check_node(bytes);
}

/// The DER of each certificate in a PKCS #7 bundle.
///
/// # Errors
///
/// [`Pkcs12Error`] if the bundle cannot be read.
pub fn pkcs7_certificates(bytes: &[u8], limits: &Limits) -> Result<Vec<Vec<u8>>, Pkcs12Error> {
    pkcs12::read_signed_data(bytes, limits).map(|found| found.certificates)
}

/// What a private key says that it is.
#[must_use]
pub fn key_algorithm(key: &PrivateKey) -> Option<KeyAlgorithm> {
    KeyAlgorithm::of_private(key)
}

/// The subjectPublicKeyInfo that belongs to a private key; `None` for keys that cannot be loaded.
#[must_use]
pub fn public_key_der(key: &PrivateKey) -> Option<Vec<u8>> {
    certificate::public_key_der(key)
}
