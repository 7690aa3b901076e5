//! Certificates (RFC 5280) and the credential of a server: a private key that is proved to match its leaf.
//!
//! Takes bags; gives facts and a [`ServerCredential`]. Judges no path and no date.

mod algorithm;
mod choice;
mod credential;
mod encoded;
mod key_pair;
mod name;
mod signature;

use std::fmt;

use rustls_pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use thiserror::Error;
use x509_parser::{
    certificate::X509Certificate,
    extensions::{GeneralName, ParsedExtension},
    prelude::FromDer,
};

pub use self::{
    algorithm::KeyAlgorithm,
    choice::{Candidate, CredentialError, EntrySelector},
    credential::ServerCredential,
    name::{AlternativeName, printable},
};
use self::{algorithm::signature_name, name::distinguished_name};
pub(crate) use self::{
    key_pair::public_key_der,
    name::canonical_name,
    signature::{SignatureCheck, check_signature},
};

/// Extensions that the path validator processes, by dotted identifier (RFC 5280, section 4.2).
pub(crate) const PROCESSED_EXTENSIONS: [&str; 9] = [
    "2.5.29.15", // keyUsage
    "2.5.29.17", // subjectAltName
    "2.5.29.19", // basicConstraints
    "2.5.29.30", // nameConstraints
    "2.5.29.32", // certificatePolicies
    "2.5.29.33", // policyMappings
    "2.5.29.36", // policyConstraints
    "2.5.29.37", // extKeyUsage
    "2.5.29.54", // inhibitAnyPolicy
];

/// A SHA-256 digest that names a certificate or a public key.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Takes a digest computed elsewhere.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    /// Lower-case hexadecimal without separators.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// Bits of keyUsage (RFC 5280, section 4.2.1.3) that this crate asks about, and all by name.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct KeyUsage {
    /// The names of the set bits, in the order of the standard, for example `Digital_Signature`.
    pub names: Vec<&'static str>,
    /// keyCertSign.
    pub key_cert_sign: bool,
}

/// A certificate with the facts that the rest of the engine asks for.
///
/// Parsed once, owned, in the order and spelling of RFC 5280. Times are seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Certificate {
    der: CertificateDer<'static>,
    /// SHA-256 over the DER.
    pub fingerprint: Fingerprint,
    /// 1 or 3.
    pub version: u32,
    /// The serial number in lower-case hexadecimal.
    pub serial: String,
    /// The subject for people.
    pub subject: String,
    /// The issuer for people.
    pub issuer: String,
    /// The subject in DER.
    pub subject_der: Vec<u8>,
    /// The issuer in DER.
    pub issuer_der: Vec<u8>,
    /// The subject in the form in which names are compared (RFC 5280, section 7.1).
    pub(crate) subject_name: Vec<u8>,
    /// The issuer in the form in which names are compared (RFC 5280, section 7.1).
    pub(crate) issuer_name: Vec<u8>,
    /// notBefore.
    pub not_before: i64,
    /// notAfter.
    pub not_after: i64,
    /// subjectPublicKeyInfo in DER.
    pub spki_der: Vec<u8>,
    /// SHA-256 over `spki_der`.
    pub spki_fingerprint: Fingerprint,
    /// What the public key is.
    pub key: KeyAlgorithm,
    /// The signature algorithm as Java spells it, for example `SHA256withRSA`.
    pub signature_algorithm: String,
    /// The subjectAltName, in order.
    pub alternative_names: Vec<AlternativeName>,
    /// cA of basicConstraints; `None` without the extension.
    pub is_ca: Option<bool>,
    /// pathLenConstraint.
    pub path_len_constraint: Option<u32>,
    /// keyUsage; `None` without the extension.
    pub key_usage: Option<KeyUsage>,
    /// extKeyUsage as dotted identifiers; `None` without the extension.
    pub extended_key_usage: Option<Vec<String>>,
    /// subjectKeyIdentifier.
    pub subject_key_id: Option<Vec<u8>>,
    /// keyIdentifier of authorityKeyIdentifier.
    pub authority_key_id: Option<Vec<u8>>,
    /// caIssuers addresses of authorityInfoAccess.
    pub issuer_urls: Vec<String>,
    /// Critical extensions that the path validator does not understand, as dotted identifiers.
    pub unknown_critical: Vec<String>,
}

impl Certificate {
    /// Parses one certificate; nothing may follow it.
    ///
    /// # Errors
    ///
    /// [`InvalidCertificate`] if `der` is not a certificate of RFC 5280.
    pub fn from_der(der: &[u8]) -> Result<Self, InvalidCertificate> {
        let (rest, x509) = X509Certificate::from_der(der).map_err(|_| InvalidCertificate::Malformed)?;
        if !rest.is_empty() {
            return Err(InvalidCertificate::TrailingData { length: rest.len() });
        }
        let tbs = &x509.tbs_certificate;
        let mut certificate = Self {
            der: CertificateDer::from(der.to_vec()),
            fingerprint: Fingerprint::of(der),
            version: x509.version().0.saturating_add(1),
            serial: serial_text(x509.raw_serial()),
            subject: distinguished_name(&tbs.subject),
            issuer: distinguished_name(&tbs.issuer),
            subject_der: tbs.subject.as_raw().to_vec(),
            issuer_der: tbs.issuer.as_raw().to_vec(),
            subject_name: canonical_name(&tbs.subject),
            issuer_name: canonical_name(&tbs.issuer),
            not_before: tbs.validity.not_before.timestamp(),
            not_after: tbs.validity.not_after.timestamp(),
            spki_der: tbs.subject_pki.raw.to_vec(),
            spki_fingerprint: Fingerprint::of(tbs.subject_pki.raw),
            key: KeyAlgorithm::of_public(&tbs.subject_pki),
            signature_algorithm: signature_name(&x509.signature_algorithm.algorithm.to_id_string()),
            alternative_names: Vec::new(),
            is_ca: None,
            path_len_constraint: None,
            key_usage: None,
            extended_key_usage: None,
            subject_key_id: None,
            authority_key_id: None,
            issuer_urls: Vec::new(),
            unknown_critical: Vec::new(),
        };
        for extension in x509.extensions() {
            let oid = extension.oid.to_id_string();
            if extension.critical && !PROCESSED_EXTENSIONS.contains(&oid.as_str()) {
                certificate.unknown_critical.push(oid);
            }
            certificate.read_extension(extension.parsed_extension());
        }
        Ok(certificate)
    }

    fn read_extension(&mut self, extension: &ParsedExtension<'_>) {
        match extension {
            ParsedExtension::SubjectAlternativeName(san) => {
                self.alternative_names = san.general_names.iter().map(AlternativeName::of).collect();
            }
            ParsedExtension::BasicConstraints(constraints) => {
                self.is_ca = Some(constraints.ca);
                self.path_len_constraint = constraints.path_len_constraint;
            }
            ParsedExtension::KeyUsage(usage) => {
                let bits = [
                    (usage.digital_signature(), "Digital_Signature"),
                    (usage.non_repudiation(), "Non_Repudiation"),
                    (usage.key_encipherment(), "Key_Encipherment"),
                    (usage.data_encipherment(), "Data_Encipherment"),
                    (usage.key_agreement(), "Key_Agreement"),
                    (usage.key_cert_sign(), "Key_CertSign"),
                    (usage.crl_sign(), "CRL_Sign"),
                    (usage.encipher_only(), "Encipher_Only"),
                    (usage.decipher_only(), "Decipher_Only"),
                ];
                self.key_usage = Some(KeyUsage {
                    names: bits.iter().filter(|(set, _)| *set).map(|(_, name)| *name).collect(),
                    key_cert_sign: usage.key_cert_sign(),
                });
            }
            ParsedExtension::ExtendedKeyUsage(usage) => {
                let mut purposes: Vec<String> = usage.other.iter().map(|oid| oid.to_id_string()).collect();
                let known = [
                    (usage.any, ANY_PURPOSE),
                    (usage.server_auth, SERVER_AUTH),
                    (usage.client_auth, CLIENT_AUTH),
                    (usage.code_signing, "1.3.6.1.5.5.7.3.3"),
                    (usage.email_protection, "1.3.6.1.5.5.7.3.4"),
                    (usage.time_stamping, "1.3.6.1.5.5.7.3.8"),
                    (usage.ocsp_signing, "1.3.6.1.5.5.7.3.9"),
                ];
                purposes.extend(known.iter().filter(|(set, _)| *set).map(|(_, oid)| (*oid).to_owned()));
                self.extended_key_usage = Some(purposes);
            }
            ParsedExtension::SubjectKeyIdentifier(id) => self.subject_key_id = Some(id.0.to_vec()),
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                self.authority_key_id = id.key_identifier.as_ref().map(|id| id.0.to_vec());
            }
            ParsedExtension::AuthorityInfoAccess(access) => {
                self.issuer_urls = access
                    .iter()
                    .filter(|description| description.access_method.to_id_string() == "1.3.6.1.5.5.7.48.2")
                    .filter_map(|description| match &description.access_location {
                        GeneralName::URI(uri) => Some(printable(uri)),
                        _ => None,
                    })
                    .collect();
            }
            _ => {}
        }
    }

    /// The certificate in DER.
    #[must_use]
    pub fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// Whether subject and issuer are the same name; says nothing of the signature.
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.subject_name == self.issuer_name
    }

    /// Whether the certificate is signed by the key that it holds.
    #[must_use]
    pub fn is_self_signed(&self) -> bool {
        self.is_self_issued() && self.is_signed_by(self)
    }

    /// Whether the signature verifies under the key of `issuer`. Names and dates are not compared.
    #[must_use]
    pub fn is_signed_by(&self, issuer: &Self) -> bool {
        match (X509Certificate::from_der(&self.der), X509Certificate::from_der(&issuer.der)) {
            (Ok((_, subject)), Ok((_, issuer))) => {
                check_signature(&subject, &issuer.tbs_certificate.subject_pki) == SignatureCheck::Valid
            }
            _ => false,
        }
    }

    /// Whether the key identifiers of both sides say that `issuer` signed this certificate; `None` if one is absent.
    pub(crate) fn names_key_of(&self, issuer: &Self) -> Option<bool> {
        Some(self.authority_key_id.as_ref()? == issuer.subject_key_id.as_ref()?)
    }

    /// The DNS names and IP addresses, in order.
    pub fn hosts(&self) -> impl Iterator<Item = &str> {
        self.alternative_names.iter().filter_map(AlternativeName::host)
    }
}

/// id-kp-serverAuth (RFC 5280, section 4.2.1.12).
pub(crate) const SERVER_AUTH: &str = "1.3.6.1.5.5.7.3.1";
/// id-kp-clientAuth.
pub(crate) const CLIENT_AUTH: &str = "1.3.6.1.5.5.7.3.2";
/// anyExtendedKeyUsage.
pub(crate) const ANY_PURPOSE: &str = "2.5.29.37.0";

fn serial_text(raw: &[u8]) -> String {
    let text: String = raw.iter().map(|byte| format!("{byte:02x}")).collect();
    let trimmed = text.trim_start_matches('0');
    if trimmed.is_empty() { "0".to_owned() } else { trimmed.to_owned() }
}

/// Why bytes are not a certificate.
#[derive(Clone, Debug, Error, Eq, PartialEq)]
#[non_exhaustive]
pub enum InvalidCertificate {
    /// The structure is not that of RFC 5280.
    #[error("the certificate cannot be decoded")]
    Malformed,
    /// Something follows the certificate.
    #[error("{length} bytes follow the certificate")]
    TrailingData {
        /// How many bytes.
        length: usize,
    },
}
