//! Path validation: whatever the certificates, an answer; the same in another order; and no acceptance that
//! rustls-webpki refuses, but for the classes below.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rustls_pki_types::{
    AlgorithmIdentifier, CertificateDer, InvalidSignature, SignatureVerificationAlgorithm, UnixTime,
};
use strongroom::{
    certificate::Certificate,
    validate::{Authorities, PathCertificate, Policy, Trust, ValidatedChain, verify},
};
use webpki::{EndEntityCert, Error, KeyUsage};

/// 2026-11-23T12:00:00Z; the fixtures are valid then.
const AT: u64 = 1_795_435_200;

fuzz_target!(|bytes: &[u8]| {
    let mut certificates: Vec<Certificate> =
        split(bytes).filter_map(|der| Certificate::from_der(der).ok()).collect();
    if !(2..=12).contains(&certificates.len()) {
        return;
    }
    let leaf = certificates.remove(0);
    let anchor = certificates.pop().expect("two or more");
    let mut authorities = Authorities::new();
    authorities.add(anchor, Trust::Anchor);
    let at = UnixTime::since_unix_epoch(std::time::Duration::from_secs(AT));
    let judge = |others: &[Certificate]| verify(&leaf, others, &authorities, &Policy::verification(), at);
    let verdict = judge(&certificates);
    certificates.reverse();
    match (verdict, judge(&certificates)) {
        (Ok(chain), Ok(again)) => {
            assert_eq!(fingerprints(&chain), fingerprints(&again));
            assert!(chain.signatures() <= 100);
            // Whatever is accepted was read to its last byte.
            for PathCertificate { certificate, .. } in chain.path() {
                assert_eq!(
                    strongroom::certificate::reencode(certificate.der()).as_deref(),
                    Some(certificate.der().as_ref())
                );
            }
            hold_against_webpki(&chain, at);
        }
        (Err(refused), Err(again)) => {
            assert_eq!(refused.code(), again.code());
            assert!(refused.to_string().len() <= 200_000);
        }
        (verdict, again) => panic!("{verdict:?} and in reverse {again:?}"),
    }
});

fn fingerprints(chain: &ValidatedChain) -> Vec<strongroom::certificate::Fingerprint> {
    chain.path().iter().map(|link| link.certificate.fingerprint()).collect()
}

/// The DER values that stand one after the other.
fn split(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let [0x30, 0x82, high, low, ..] = *bytes else {
            return None;
        };
        let length = 4 + usize::from(u16::from_be_bytes([high, low]));
        let (der, rest) = bytes.split_at_checked(length)?;
        bytes = rest;
        Some(der)
    })
}

/// Asks rustls-webpki about the path, with signatures that verify as they do in the engine under a fuzzer.
fn hold_against_webpki(chain: &ValidatedChain, at: UnixTime) {
    let ders: Vec<&CertificateDer<'_>> = chain.path().iter().map(|link| link.certificate.der()).collect();
    let between: Vec<CertificateDer<'_>> =
        ders.get(1..ders.len() - 1).unwrap_or_default().iter().map(|der| (*der).clone()).collect();
    // An anchor is trusted as it is; what rustls-webpki asks of its encoding decides nothing.
    let Ok(anchor) = webpki::anchor_from_trusted_cert(ders[ders.len() - 1]) else {
        return;
    };
    let algorithms: Vec<&dyn SignatureVerificationAlgorithm> = ALL.iter().map(|one| one as _).collect();
    let verdict = EndEntityCert::try_from(ders[0]).and_then(|leaf| {
        leaf.verify_for_usage(&algorithms, &[anchor], &between, at, KeyUsage::server_auth(), None, None)
            .map(|_| ())
    });
    match verdict {
        Ok(()) => {}
        // A CA as end entity, which RFC 5280 allows.
        Err(Error::CaUsedAsEndEntity)
        // Policies, which rustls-webpki does not process where they are critical.
        | Err(Error::UnsupportedCriticalExtension)
        // Names of forms that rustls-webpki refuses or reads more strictly.
        | Err(Error::NameConstraintViolation | Error::MalformedDnsIdentifier | Error::MalformedNameConstraint)
        | Err(Error::InvalidNetworkMaskConstraint)
        // More than six CAs; names that are equal, but not byte for byte; anyExtendedKeyUsage.
        | Err(Error::MaximumPathDepthExceeded | Error::UnknownIssuer | Error::RequiredEkuNotFoundContext(_))
        // Self-issued certificates, which rustls-webpki counts.
        | Err(Error::PathLenConstraintViolated)
        // A stricter reader, in places that validation does not rest on.
        | Err(Error::BadDer | Error::BadDerTime | Error::TrailingData(_) | Error::InvalidSerialNumber)
        | Err(Error::UnsupportedCertVersion | Error::ExtensionValueInvalid | Error::MalformedExtensions)
        | Err(Error::InvalidCertValidity)
        // Keys restricted to PSS.
        | Err(Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_)) => {}
        Err(error) => panic!("accepted, and rustls-webpki says {error:?}"),
    }
}

/// An algorithm under which every signature verifies.
#[derive(Debug)]
struct Lenient(&'static dyn SignatureVerificationAlgorithm);

impl SignatureVerificationAlgorithm for Lenient {
    fn verify_signature(&self, _: &[u8], _: &[u8], _: &[u8]) -> Result<(), InvalidSignature> {
        Ok(())
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.0.public_key_alg_id()
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.0.signature_alg_id()
    }
}

static ALL: std::sync::LazyLock<Vec<Lenient>> =
    std::sync::LazyLock::new(|| webpki::ALL_VERIFICATION_ALGS.iter().map(|one| Lenient(*one)).collect());
