//! One signature of a certificate, under one key (RFC 5280, section 4.1.1.3).
//!
//! The algorithms are those that rustls-webpki exports for aws-lc-rs: RSA of 2,048 to 8,192 bits with PKCS #1 v1.5 or
//! PSS, ECDSA on P-256, P-384 and P-521, Ed25519 and ML-DSA. x509-parser's own check accepts SHA-1 and is not used.

use rustls_pki_types::SignatureVerificationAlgorithm;

use super::{
    Certificate,
    algorithm::KeyAlgorithm,
    der::{algorithm as algorithm_parts, public_key_info},
    key_pair::holds_key_of,
    structure::Structure,
};

/// The sizes of RSA keys under which signatures are judged.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

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

/// Whether the signature of `certificate` verifies under the key of `issuer`. Names and dates are not compared.
pub(crate) fn check_signature(certificate: &Certificate, issuer: &Certificate) -> SignatureCheck {
    let (Ok(signed), Ok((_, key))) = (Structure::read(certificate.der()), public_key_info(&issuer.spki_der))
    else {
        return SignatureCheck::Invalid;
    };
    // The two must be the same to the byte (section 4.1.1.2); the inner one alone is signed.
    if signed.inner_algorithm.encoded != signed.outer_algorithm.encoded {
        return SignatureCheck::Invalid;
    }
    let Some(algorithm) = algorithm(&issuer.key, &issuer.spki_der, signed.inner_algorithm.content) else {
        return SignatureCheck::Unsupported;
    };
    // A fuzzer signs nothing; its time belongs to what signatures hide.
    if cfg!(strongroom_fuzzing) {
        return SignatureCheck::Valid;
    }
    let verified = algorithm.verify_signature(key, signed.tbs, signed.signature);
    if verified.is_ok() { SignatureCheck::Valid } else { SignatureCheck::Invalid }
}

/// Whether a signature over `message` verifies under a public key; `wanted` is the content of its AlgorithmIdentifier.
pub(super) fn verifies(
    key: &KeyAlgorithm,
    spki_der: &[u8],
    wanted: &[u8],
    message: &[u8],
    signature: &[u8],
) -> bool {
    let Ok((_, public)) = public_key_info(spki_der) else {
        return false;
    };
    algorithm(key, spki_der, wanted)
        .is_some_and(|algorithm| algorithm.verify_signature(public, message, signature).is_ok())
}

/// The algorithm for a key and the content of the AlgorithmIdentifier of a signature.
fn algorithm(
    issuer: &KeyAlgorithm,
    spki_der: &[u8],
    wanted: &[u8],
) -> Option<&'static dyn SignatureVerificationAlgorithm> {
    // Of another size, aws-lc-rs would call every signature a bad one.
    if let KeyAlgorithm::Rsa { bits } | KeyAlgorithm::RsaPss { bits } = issuer
        && !RSA_BITS.contains(bits)
    {
        return None;
    }
    let mut named = webpki::ALL_VERIFICATION_ALGS
        .iter()
        .copied()
        .filter(|algorithm| algorithm.signature_alg_id().as_ref() == wanted);
    if matches!(issuer, KeyAlgorithm::RsaPss { .. }) {
        // A key that is restricted to PSS, and perhaps to one set of parameters (RFC 4055, section 1.2).
        let (key, _) = public_key_info(spki_der).ok()?;
        let ((kind, parameters), (signature, _)) =
            (algorithm_parts(key).ok()?, algorithm_parts(wanted).ok()?);
        let fits = key == wanted || (parameters.is_none() && kind == signature);
        return named.find(|_| fits);
    }
    named.find(|algorithm| holds_key_of(*algorithm, spki_der))
}
