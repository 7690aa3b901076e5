//! Keys made by us, and what they sign of themselves: self-signed certificates and certificate signing requests.
//!
//! Keys come from aws-lc's own generator and are never in the hands of what writes the certificate: `rcgen` is given a
//! signer. What it wrote is read back and its signature verified by other code before anybody gets it.

mod error;
mod key;
mod name;
mod signer;
mod subject;
#[cfg(test)]
mod tests;

use std::time::Duration;

use rcgen::{
    CertificateParams, DistinguishedName, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose, SerialNumber,
};
use rustls_pki_types::UnixTime;
use time::OffsetDateTime;

pub(crate) use self::name::shown;
use self::signer::Signer;
pub use self::{
    error::IssuanceError,
    key::{KeyKind, SignatureHash},
    name::RequestedName,
    subject::{Subject, SubjectAttribute},
};
use crate::{
    certificate::{Certificate, KeyAlgorithm, SigningRequest},
    instant::seconds,
    secret::PrivateKey,
};

/// The most names of a certificate or request.
pub const MAX_NAMES: usize = 100;
/// The most days that a self-signed certificate is valid for: some clients refuse one that is valid for longer.
pub const MAX_DAYS: u32 = 825;
/// How far back notBefore lies, for clients whose clock is late.
const BACKDATED: Duration = Duration::from_secs(3_600);
/// Octets of a serial number (RFC 5280, section 4.1.2.2).
const SERIAL_LEN: usize = 20;

/// What a certificate is to say: the same for one that is self-signed and for a request.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CertificateTemplate {
    /// The hosts and addresses, at most [`MAX_NAMES`].
    pub names: Vec<RequestedName>,
    /// The subject. Without one, the CN is the first DNS name of 64 characters or fewer.
    pub subject: Option<Subject>,
    /// The hash of the signature, where the key leaves a choice.
    pub hash: Option<SignatureHash>,
}

impl CertificateTemplate {
    /// A certificate for these names.
    #[must_use]
    pub fn new(names: Vec<RequestedName>) -> Self {
        Self { names, subject: None, hash: None }
    }

    /// A certificate with the subject and the names of another.
    ///
    /// # Errors
    ///
    /// [`IssuanceError::NotRepeatable`] if it has a subject or a name that is not written here;
    /// [`IssuanceError::UnmatchableName`] if it has a name that no client takes for any host.
    pub fn like(certificate: &Certificate) -> Result<Self, IssuanceError> {
        let names = RequestedName::all_of(certificate)?;
        Ok(Self { names, subject: Some(Subject::of(certificate)?), hash: None })
    }

    /// Bounds and forms, before any key is made.
    pub(crate) fn check(&self) -> Result<(), IssuanceError> {
        if self.names.len() > MAX_NAMES {
            return Err(IssuanceError::TooManyNames { found: self.names.len(), limit: MAX_NAMES });
        }
        if self.names.is_empty() && self.subject.as_ref().is_none_or(Subject::is_empty) {
            return Err(IssuanceError::NoName);
        }
        Ok(())
    }

    fn params(&self, key: &KeyAlgorithm, subject: &Subject) -> Result<CertificateParams, IssuanceError> {
        self.check()?;
        let mut params = CertificateParams::default();
        params.distinguished_name = subject.to_name()?;
        // Each once: some CAs refuse a name that stands twice.
        for name in &self.names {
            let name = name.to_san()?;
            if !params.subject_alt_names.contains(&name) {
                params.subject_alt_names.push(name);
            }
        }
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        if matches!(key, KeyAlgorithm::Rsa { .. }) {
            params.key_usages.push(KeyUsagePurpose::KeyEncipherment);
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        Ok(params)
    }

    /// The CN that stands for the names: a DNS name, or whatever fits if `any`.
    fn default_subject(&self, any: bool) -> Subject {
        let fitting =
            |name: &&RequestedName| (any || name.is_dns()) && name.host().is_some_and(Subject::is_cn);
        let name = self.names.iter().find(|name| name.is_dns() && fitting(name));
        let name = name.or_else(|| self.names.iter().find(fitting)).and_then(RequestedName::host);
        name.map(Subject::common_name).unwrap_or_default()
    }
}

/// Signs a certificate with its own key, valid from an hour before `at` for `days`.
pub(crate) fn self_signed(
    key: &PrivateKey,
    template: &CertificateTemplate,
    days: u32,
    at: UnixTime,
) -> Result<Certificate, IssuanceError> {
    check_days(days)?;
    let signer = Signer::of(key, template.hash)?;
    // Its issuer is its subject, and an issuer has a name (RFC 5280, section 4.1.2.4).
    let subject = match &template.subject {
        Some(subject) if !subject.is_empty() => subject.clone(),
        _ => template.default_subject(true),
    };
    if subject.is_empty() {
        return Err(IssuanceError::NoSubject);
    }
    let mut params = template.params(signer.kind(), &subject)?;
    params.is_ca = IsCa::ExplicitNoCa;
    params.not_before = instant(seconds(at).saturating_sub(seconds(UnixTime::since_unix_epoch(BACKDATED))))?;
    params.not_after = instant(seconds(at).saturating_add(i64::from(days) * 86_400))?;
    params.serial_number = Some(serial()?);
    let written = params.self_signed(&signer).map_err(|_| IssuanceError::Failed)?;
    let certificate = Certificate::from_der(written.der()).map_err(|_| IssuanceError::Failed)?;
    if certificate.is_self_signed() && certificate.malformed.is_none() {
        Ok(certificate)
    } else {
        Err(IssuanceError::Failed)
    }
}

/// Signs a request with its key.
pub(crate) fn signing_request(
    key: &PrivateKey,
    template: &CertificateTemplate,
) -> Result<SigningRequest, IssuanceError> {
    let signer = Signer::of(key, template.hash)?;
    let subject = template.subject.clone().unwrap_or_else(|| template.default_subject(false));
    let params = template.params(signer.kind(), &subject)?;
    let written = params.serialize_request(&signer).map_err(|_| IssuanceError::Failed)?;
    SigningRequest::from_der(written.der()).map_err(|_| IssuanceError::Failed)
}

/// Whether a self-signed certificate is made for that many days.
pub(crate) fn check_days(days: u32) -> Result<(), IssuanceError> {
    if (1..=MAX_DAYS).contains(&days) {
        Ok(())
    } else {
        Err(IssuanceError::InvalidValidity { found: days, limit: MAX_DAYS })
    }
}

fn instant(seconds: i64) -> Result<OffsetDateTime, IssuanceError> {
    OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| IssuanceError::Failed)
}

/// 20 random octets, positive and never shorter.
fn serial() -> Result<SerialNumber, IssuanceError> {
    let mut bytes = [0_u8; SERIAL_LEN];
    getrandom::fill(&mut bytes).map_err(|_| IssuanceError::Failed)?;
    let [first, ..] = &mut bytes;
    *first = *first & 0x7f | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

impl Subject {
    fn to_name(&self) -> Result<DistinguishedName, IssuanceError> {
        let mut name = DistinguishedName::new();
        for (attribute, value) in self.attributes() {
            name.push(attribute.dn_type(), attribute.dn_value(value)?);
        }
        Ok(name)
    }
}
