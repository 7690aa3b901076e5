//! Fields as they are encoded, for where two that look alike to a lenient reader must be the same to the byte.

use x509_parser::asn1_rs::{Any, FromDer as _};

/// The first value with its header, and what follows it.
pub(super) fn value(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (rest, _) = Any::from_der(der).ok()?;
    der.split_at_checked(der.len() - rest.len())
}

/// The content of the first value.
pub(super) fn content(der: &[u8]) -> Option<&[u8]> {
    Any::from_der(der).ok().map(|(_, any)| any.data)
}

/// The content of the AlgorithmIdentifier of a subjectPublicKeyInfo, as rustls-pki-types holds identifiers.
pub(super) fn key_algorithm(spki: &[u8]) -> Option<&[u8]> {
    content(content(spki)?)
}
