//! One signature of a certificate, under one key (RFC 5280, section 4.1.1.3).
//!
//! The algorithms are those that rustls-webpki exports for aws-lc-rs: RSA of 2,048 to 8,192 bits with PKCS #1 v1.5 or
//! PSS, ECDSA on P-256, P-384 and P-521, Ed25519 and ML-DSA. x509-parser's own check accepts SHA-1 and is not used.

use rustls_pki_types::SignatureVerificationAlgorithm;
use x509_parser::{certificate::X509Certificate, x509::SubjectPublicKeyInfo};

use super::{
    algorithm::KeyAlgorithm,
    encoded::{key_algorithm, sequence, value},
    key_pair::holds_key_of,
};

/// The sizes of RSA keys under which signatures are judged.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// `[0]`, constructed.
const VERSION_TAG: u8 = 0xa0;

/// What can be said of a signature.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum SignatureCheck {
    /// It verifies.
    Valid,
    /// It does not verify under that key.
    Invalid,
    /// The algorithm, or the kind of key, cannot be judged.
    Unsupported,
}

/// Whether the signature of `certificate` verifies under the key `issuer`. Names and dates are not compared.
pub(crate) fn check_signature(
    certificate: &X509Certificate<'_>,
    issuer: &SubjectPublicKeyInfo<'_>,
) -> SignatureCheck {
    // The two must be the same to the byte (section 4.1.1.2); the inner one alone is signed.
    let Some(signature) = inner_algorithm(certificate.tbs_certificate.as_ref())
        .filter(|inner| Some(*inner) == outer_algorithm(certificate))
    else {
        return SignatureCheck::Invalid;
    };
    let Some(algorithm) = algorithm(issuer, signature) else {
        return SignatureCheck::Unsupported;
    };
    // A fuzzer signs nothing; its time belongs to what signatures hide.
    if cfg!(fuzzing) {
        return SignatureCheck::Valid;
    }
    let verified = algorithm.verify_signature(
        issuer.subject_public_key.data.as_ref(),
        certificate.tbs_certificate.as_ref(),
        certificate.signature_value.data.as_ref(),
    );
    if verified.is_ok() { SignatureCheck::Valid } else { SignatureCheck::Invalid }
}

/// The encoded `signature` field of a TBSCertificate.
fn inner_algorithm(tbs: &[u8]) -> Option<&[u8]> {
    let (first, rest) = value(sequence(tbs)?)?;
    // The version is there only if it is not 1.
    let rest = if first.first() == Some(&VERSION_TAG) { value(rest)?.1 } else { rest };
    value(rest).map(|(algorithm, _)| algorithm)
}

/// The encoded signatureAlgorithm field of a Certificate.
fn outer_algorithm<'a>(certificate: &X509Certificate<'a>) -> Option<&'a [u8]> {
    let (_tbs, rest) = value(sequence(certificate.as_raw())?)?;
    value(rest).map(|(algorithm, _)| algorithm)
}

/// The algorithm for a key and an encoded AlgorithmIdentifier of a signature.
fn algorithm(
    issuer: &SubjectPublicKeyInfo<'_>,
    signature: &[u8],
) -> Option<&'static dyn SignatureVerificationAlgorithm> {
    let kind = KeyAlgorithm::of_public(issuer);
    // Of another size, aws-lc-rs would call every signature a bad one.
    if let KeyAlgorithm::Rsa { bits } | KeyAlgorithm::RsaPss { bits } = kind
        && !RSA_BITS.contains(&bits)
    {
        return None;
    }
    let wanted = sequence(signature)?;
    let mut named = webpki::ALL_VERIFICATION_ALGS
        .iter()
        .copied()
        .filter(|algorithm| algorithm.signature_alg_id().as_ref() == wanted);
    if matches!(kind, KeyAlgorithm::RsaPss { .. }) {
        // A key that is restricted to PSS, and perhaps to one set of parameters (RFC 4055, section 1.2).
        let key = key_algorithm(issuer.raw)?;
        let fits = key == wanted || Some(key) == value(wanted).map(|(oid, _parameters)| oid);
        return named.find(|_| fits);
    }
    named.find(|algorithm| holds_key_of(*algorithm, issuer.raw))
}
