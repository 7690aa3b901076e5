//! Chains made at run time: CAs and leaves with exactly the flaws that a test asks for.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData, SignatureAlgorithm,
};
use strongroom::{
    UnixTime,
    certificate::{Certificate, ServerCredential, SigningRequest},
    secret::PrivateKey,
    validate::{Authorities, Policy, Trust, ValidatedChain, ValidationError, verify},
};
use time::{Duration, OffsetDateTime};

/// The instant of these tests: 2026-11-23T12:00:00Z.
pub const NOW: i64 = 1_795_435_200;

/// [`NOW`] as the engine takes it.
#[must_use]
pub fn now() -> UnixTime {
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(u64::try_from(NOW).unwrap()))
}

fn instant(days: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(NOW).unwrap() + Duration::days(days)
}

/// A CA with its key.
#[derive(Debug)]
#[non_exhaustive]
pub struct TestCa {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate.
    pub certificate: Certificate,
}

/// Parameters of a CA named `name`, valid for ten years around [`NOW`].
#[must_use]
pub fn ca_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (params.not_before, params.not_after) = (instant(-1825), instant(1825));
    params.use_authority_key_identifier_extension = true;
    params
}

/// Parameters of a leaf for `host`, valid for a year from a month ago.
#[must_use]
pub fn leaf_params(host: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, host);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    (params.not_before, params.not_after) = (instant(-30), instant(335));
    params.use_authority_key_identifier_extension = true;
    // rcgen writes the subject key identifier only with basic constraints.
    params.is_ca = IsCa::ExplicitNoCa;
    params
}

/// Moves a validity: days from [`NOW`].
pub fn valid(params: &mut CertificateParams, from: i64, until: i64) {
    (params.not_before, params.not_after) = (instant(from), instant(until));
}

/// A validity around the instant at which this runs, for what the command judges by the clock.
pub fn valid_today(params: &mut CertificateParams) {
    let today = OffsetDateTime::now_utc();
    (params.not_before, params.not_after) = (today - Duration::days(1), today + Duration::days(300));
}

/// A root named `name`.
#[must_use]
pub fn root(name: &str) -> TestCa {
    self_signed(ca_params(name), KeyPair::generate().unwrap())
}

/// A self-signed CA of given parameters and key.
#[must_use]
pub fn self_signed(params: CertificateParams, key: KeyPair) -> TestCa {
    let certificate = Certificate::from_der(params.self_signed(&key).unwrap().der()).unwrap();
    TestCa { issuer: Issuer::new(params, key), certificate }
}

impl TestCa {
    /// Issues a CA below this one.
    #[must_use]
    pub fn issue_ca(&self, params: CertificateParams) -> Self {
        self.issue_ca_for(params, KeyPair::generate().unwrap())
    }

    /// Issues a CA certificate for a given key.
    #[must_use]
    pub fn issue_ca_for(&self, params: CertificateParams, key: KeyPair) -> Self {
        let certificate = Certificate::from_der(params.signed_by(&key, &self.issuer).unwrap().der()).unwrap();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// Issues a server credential, with other certificates beside it.
    #[must_use]
    pub fn issue(&self, params: &CertificateParams, others: &[&Certificate]) -> ServerCredential {
        let key = KeyPair::generate().unwrap();
        let leaf = Certificate::from_der(params.signed_by(&key, &self.issuer).unwrap().der()).unwrap();
        let certificates = std::iter::once(leaf).chain(others.iter().map(|other| (*other).clone())).collect();
        ServerCredential::pair(PrivateKey::from_pkcs8_der(key.serialize_der()), certificates).unwrap()
    }

    /// Issues a certificate for the key of a server.
    #[must_use]
    pub fn issue_leaf_for(&self, params: &CertificateParams, key: &KeyPair) -> Certificate {
        Certificate::from_der(params.signed_by(key, &self.issuer).unwrap().der()).unwrap()
    }

    /// Answers a certificate signing request for a P-256 key: its public key, under parameters of the CA's own choice.
    #[must_use]
    pub fn answer(&self, request: &SigningRequest, params: &CertificateParams) -> Certificate {
        let key = RequestedKey::of(request);
        Certificate::from_der(params.signed_by(&key, &self.issuer).unwrap().der()).unwrap()
    }

    /// A copy of its key, for another certificate of the same CA.
    #[must_use]
    pub fn key(&self) -> KeyPair {
        KeyPair::try_from(self.issuer.key().serialize_der()).unwrap()
    }

    /// The certificate in DER, as a file.
    #[must_use]
    pub fn file(&self) -> &[u8] {
        self.certificate.der()
    }
}

/// The public key of a request, found by the bytes that stand before every P-256 key.
struct RequestedKey(Vec<u8>);

impl RequestedKey {
    fn of(request: &SigningRequest) -> Self {
        const BEFORE: [u8; 26] = [
            0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
            0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
        ];
        let der = request.der();
        let at = der.windows(BEFORE.len()).position(|part| part == BEFORE).expect("a P-256 key");
        Self(der[at + BEFORE.len()..][..65].to_vec())
    }
}

impl PublicKeyData for RequestedKey {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

/// What validation says of `leaf` under the one authority `anchor`, at [`NOW`].
///
/// # Errors
///
/// The refusal.
pub fn judge(
    leaf: &Certificate,
    between: &[&Certificate],
    anchor: &Certificate,
    policy: &Policy,
) -> Result<ValidatedChain, ValidationError> {
    let mut authorities = Authorities::new();
    authorities.add(anchor.clone(), Trust::Anchor);
    let between: Vec<Certificate> = between.iter().map(|one| (*one).clone()).collect();
    verify(leaf, &between, &authorities, policy, now())
}
