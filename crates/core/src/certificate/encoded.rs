//! Fields as they are encoded, for where two that look alike to a lenient reader must be the same to the byte.

use x509_parser::asn1_rs::{Any, FromDer as _};

/// The first value with its header, and what follows it.
pub(super) fn value(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (rest, _) = Any::from_der(der).ok()?;
    der.split_at_checked(der.len() - rest.len())
}

/// The content of a SEQUENCE. x509-parser takes values of other classes for one.
pub(super) fn sequence(der: &[u8]) -> Option<&[u8]> {
    const SEQUENCE: u8 = 0x30;
    Any::from_der(der).ok().filter(|_| der.first() == Some(&SEQUENCE)).map(|(_, any)| any.data)
}

/// The content of the AlgorithmIdentifier of a subjectPublicKeyInfo, as rustls-pki-types holds identifiers.
pub(super) fn key_algorithm(spki: &[u8]) -> Option<&[u8]> {
    sequence(sequence(spki)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_sequence_holds_the_algorithm_of_a_key() {
        let spki = [0x30, 0x0a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x01, 0x00];
        assert_eq!(key_algorithm(&spki), Some(&spki[4..9]));
        for at in [0, 2] {
            // Application 16, context 16, a SET.
            for tag in [0x70, 0xb0, 0x31] {
                let mut other = spki;
                other[at] = tag;
                assert_eq!(key_algorithm(&other), None, "{tag:#x} at {at}");
            }
        }
    }
}
