//! Doors for the fuzz targets in `crates/core/fuzz`, to what the crate keeps to itself.
//!
//! Compiled under `cfg(fuzzing)` alone, which cargo-fuzz sets.

use crate::{
    certificate::{self, KeyAlgorithm},
    limits::Limits,
    pkcs12::{self, Pkcs12Error},
    secret::PrivateKey,
};

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
