//! Certificates (RFC 5280) and the credential of a server: a private key that is proved to match its leaf.
//!
//! Takes bags; gives facts and a [`ServerCredential`]. Judges no path and no date.

mod algorithm;
mod choice;
mod climb;
mod credential;
mod curve;
mod der;
mod distinguished_name;
mod extension;
mod extension_text;
mod facts;
mod fault;
mod fingerprint;
mod general_name;
mod key_digest;
mod key_file;
mod key_pair;
mod key_usage;
mod name;
mod pairing;
mod primes;
mod public_key;
#[cfg(any(test, strongroom_fuzzing))]
mod reencode;
mod request;
mod signature;
mod structure;
mod traditional;

use rustls_pki_types::CertificateDer;

#[cfg(strongroom_fuzzing)]
pub use self::reencode::reencode;
pub use self::{
    algorithm::KeyAlgorithm,
    choice::{Candidate, CredentialError, EntrySelector},
    credential::ServerCredential,
    extension_text::{ExtensionText, purpose_name},
    fault::InvalidCertificate,
    fingerprint::{Fingerprint, InvalidFingerprint},
    key_usage::KeyUsage,
    name::{AlternativeName, printable, shown_host},
    request::SigningRequest,
};
use self::{
    algorithm::signature_name,
    der::Fault,
    distinguished_name::{canonical_of_malformed, show_malformed},
    extension::{Extension, describe, is_processed, unknown_qualifier},
    facts::serial_text,
    structure::{RawExtension, Structure, instant, usage_bits},
};
pub(crate) use self::{
    choice::in_quotes,
    climb::climb,
    credential::prove as prove_key,
    der::Oid,
    distinguished_name::DistinguishedName,
    extension::NameConstraints,
    fault::Malformed,
    general_name::GeneralName,
    key_digest::KeyDigest,
    key_file::{KeyFile, ReadKey, traditional as traditional_key},
    key_pair::{KeyPair, public_key_der},
    pairing::{Pairing, load as load_key},
    signature::{SignatureCheck, check_signature},
};

/// A name in the forms that are asked for, also where it cannot be read.
struct Name {
    text: String,
    canonical: Vec<u8>,
    mailboxes: Vec<String>,
    fault: Option<Fault>,
}

impl Name {
    fn read(der: &[u8]) -> Self {
        match DistinguishedName::read(der) {
            Ok(name) => Self {
                text: name.to_string(),
                canonical: name.canonical(),
                mailboxes: name.mailboxes().collect(),
                fault: None,
            },
            Err(fault) => Self {
                text: show_malformed(der),
                canonical: canonical_of_malformed(der),
                mailboxes: Vec::new(),
                fault: Some(fault),
            },
        }
    }
}

/// A certificate with the facts that the rest of the engine asks for.
///
/// Parsed once, owned, in the order and spelling of RFC 5280. Times are seconds since 1970-01-01T00:00:00Z. Only parsing
/// makes one, and nothing changes it afterwards:
///
/// ```compile_fail,E0616
/// fn postpone(certificate: &mut strongroom::certificate::Certificate) {
///     certificate.not_after += 1;
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Certificate {
    der: CertificateDer<'static>,
    /// SHA-256 over the DER.
    pub(crate) fingerprint: Fingerprint,
    /// 1 or 3.
    pub(crate) version: u32,
    /// The serial number in lower-case hexadecimal.
    pub(crate) serial: String,
    /// The subject for people.
    pub(crate) subject: String,
    /// The issuer for people.
    pub(crate) issuer: String,
    /// The subject in DER.
    pub(crate) subject_der: Vec<u8>,
    /// The issuer in DER.
    pub(crate) issuer_der: Vec<u8>,
    /// The subject in the form in which names are compared (RFC 5280, section 7.1).
    pub(crate) subject_name: Vec<u8>,
    /// The issuer in the form in which names are compared (RFC 5280, section 7.1).
    pub(crate) issuer_name: Vec<u8>,
    /// notBefore.
    pub(crate) not_before: i64,
    /// notAfter.
    pub(crate) not_after: i64,
    /// subjectPublicKeyInfo in DER.
    pub(crate) spki_der: Vec<u8>,
    /// SHA-256 over `spki_der`.
    pub(crate) spki_fingerprint: Fingerprint,
    /// What the public key is.
    pub(crate) key: KeyAlgorithm,
    /// The signature algorithm as Java spells it, for example `SHA256withRSA`.
    pub(crate) signature_algorithm: String,
    /// The subjectAltName, in order.
    pub(crate) alternative_names: Vec<AlternativeName>,
    /// cA of basicConstraints; `None` without the extension.
    pub(crate) is_ca: Option<bool>,
    /// pathLenConstraint.
    pub(crate) path_len_constraint: Option<u32>,
    /// keyUsage; `None` without the extension.
    pub(crate) key_usage: Option<KeyUsage>,
    /// extKeyUsage as dotted identifiers; `None` without the extension.
    pub(crate) extended_key_usage: Option<Vec<String>>,
    /// subjectKeyIdentifier.
    pub(crate) subject_key_id: Option<Vec<u8>>,
    /// keyIdentifier of authorityKeyIdentifier.
    pub(crate) authority_key_id: Option<Vec<u8>>,
    /// caIssuers addresses of authorityInfoAccess.
    pub(crate) issuer_urls: Vec<String>,
    /// Critical extensions that the path validator does not understand: dotted identifiers, with a name where one is
    /// known.
    pub(crate) unknown_critical: Vec<String>,
    /// subjectAltName as it is judged.
    pub(crate) general_names: Vec<GeneralName>,
    /// The values of emailAddress in the subject.
    pub(crate) mailboxes: Vec<String>,
    /// nameConstraints.
    pub(crate) name_constraints: Option<NameConstraints>,
    /// certificatePolicies and its companions.
    pub(crate) policies: Policies,
    pub(crate) critical_basic_constraints: bool,
    pub(crate) critical_alternative_names: bool,
    /// The first part that cannot be read; such a certificate is shown, and never accepted.
    pub(crate) malformed: Option<Malformed>,
}

/// certificatePolicies and its companions (RFC 5280, sections 4.2.1.4, 4.2.1.5, 4.2.1.11 and 4.2.1.14).
#[derive(Clone, Debug, Default)]
pub(crate) struct Policies {
    /// `None` without the extension.
    pub(crate) asserted: Option<Vec<Oid>>,
    /// From the issuer's domain to the subject's.
    pub(crate) mappings: Vec<(Oid, Oid)>,
    pub(crate) require_explicit: Option<u32>,
    pub(crate) inhibit_mapping: Option<u32>,
    pub(crate) inhibit_any: Option<u32>,
}

impl Certificate {
    /// Parses one certificate; nothing may follow it.
    ///
    /// A certificate with a name or an extension that cannot be read is given all the same, so that it can be shown;
    /// validation refuses it.
    ///
    /// # Errors
    ///
    /// [`InvalidCertificate`] if `der` is not a certificate of RFC 5280.
    pub fn from_der(der: &[u8]) -> Result<Self, InvalidCertificate> {
        let parts = Structure::read(der)?;
        let validity = |time| {
            instant(time)
                .map_err(|fault| InvalidCertificate::Malformed { part: "its validity", why: fault.0 })
        };
        let (issuer, subject) = (Name::read(parts.issuer), Name::read(parts.subject));
        let malformed_name = |part: &str, fault: &Option<Fault>| {
            let why = fault.as_ref()?.0;
            Some(Malformed { in_extension: false, part: part.to_owned(), why })
        };
        let malformed = malformed_name("the subject", &subject.fault)
            .or_else(|| malformed_name("the issuer", &issuer.fault));
        let mut certificate = Self {
            der: CertificateDer::from(der.to_vec()),
            fingerprint: Fingerprint::of(der),
            version: parts.version,
            serial: serial_text(parts.serial),
            subject: subject.text,
            issuer: issuer.text,
            subject_der: parts.subject.to_vec(),
            issuer_der: parts.issuer.to_vec(),
            subject_name: subject.canonical,
            issuer_name: issuer.canonical,
            not_before: validity(parts.not_before)?,
            not_after: validity(parts.not_after)?,
            spki_der: parts.spki.to_vec(),
            spki_fingerprint: Fingerprint::of(parts.spki),
            key: KeyAlgorithm::of_public(parts.spki),
            signature_algorithm: signature_name(parts.outer_algorithm.content),
            alternative_names: Vec::new(),
            is_ca: None,
            path_len_constraint: None,
            key_usage: None,
            extended_key_usage: None,
            subject_key_id: None,
            authority_key_id: None,
            issuer_urls: Vec::new(),
            unknown_critical: Vec::new(),
            general_names: Vec::new(),
            mailboxes: subject.mailboxes,
            name_constraints: None,
            policies: Policies::default(),
            critical_basic_constraints: false,
            critical_alternative_names: false,
            malformed,
        };
        let extensions = parts.extensions.unwrap_or_default();
        for (n, extension) in extensions.iter().enumerate() {
            // The first of two counts for what is shown; section 4.2 allows one.
            let again = extensions.iter().take(n).any(|earlier| earlier.oid == extension.oid);
            certificate.take_extension(extension, again);
        }
        Ok(certificate)
    }

    fn take_extension(&mut self, extension: &RawExtension<'_>, again: bool) {
        let oid = extension.oid.to_string();
        if extension.critical && !is_processed(&oid) {
            self.unknown_critical.push(describe(&oid));
        }
        let read = if again { Err(Fault("it stands twice")) } else { Extension::read(&oid, extension.value) };
        match read {
            Ok(read) => self.keep(read, extension.critical),
            // Its addresses are shown to people and nothing else; what cannot be read is not shown.
            Err(_) if oid == extension::INFORMATION_ACCESS && !again => {}
            Err(fault) => {
                let part = format!("the extension {}", describe(&oid));
                self.malformed.get_or_insert(Malformed { in_extension: true, part, why: fault.0 });
            }
        }
    }

    fn keep(&mut self, extension: Extension, critical: bool) {
        match extension {
            Extension::AlternativeNames(names) => {
                self.alternative_names = names.iter().map(AlternativeName::of).collect();
                self.critical_alternative_names = critical;
                self.general_names = names;
            }
            Extension::BasicConstraints { ca, path_len } => {
                self.is_ca = Some(ca);
                self.critical_basic_constraints = critical;
                self.path_len_constraint = path_len;
            }
            Extension::KeyUsage(content) => self.key_usage = usage_bits(&content).ok().map(KeyUsage::of_bits),
            Extension::ExtendedKeyUsage(purposes) => {
                self.extended_key_usage = Some(purposes.iter().map(Oid::to_string).collect());
            }
            Extension::SubjectKeyId(id) => self.subject_key_id = Some(id),
            Extension::AuthorityKeyId { key_id, .. } => self.authority_key_id = key_id,
            Extension::NameConstraints(constraints) => self.name_constraints = Some(constraints),
            Extension::Policies(list) => {
                // Section 4.2.1.4: where the extension is critical, its qualifiers have to be understood.
                if let Some(kind) = unknown_qualifier(&list).filter(|_| critical) {
                    let policies = describe(extension::POLICIES);
                    self.unknown_critical.push(format!("{policies} with the policy qualifier {kind}"));
                }
                self.policies.asserted =
                    Some(list.into_iter().map(|information| information.policy).collect());
            }
            Extension::PolicyMappings(mappings) => self.policies.mappings = mappings,
            Extension::PolicyConstraints { require_explicit, inhibit_mapping } => {
                self.policies.require_explicit = require_explicit;
                self.policies.inhibit_mapping = inhibit_mapping;
            }
            Extension::InhibitAnyPolicy(skip) => self.policies.inhibit_any = Some(skip),
            Extension::InformationAccess(access) => {
                let issuers = access.iter().filter(|(method, _)| method.to_string() == CA_ISSUERS);
                self.issuer_urls = issuers
                    .filter_map(|(_, location)| match location {
                        GeneralName::Uri(uri) => Some(printable(uri)),
                        _ => None,
                    })
                    .collect();
            }
            Extension::Other => {}
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
        check_signature(self, issuer) == SignatureCheck::Valid
    }

    /// Whether the key identifiers of both sides say that `issuer` signed this certificate; `None` if one is absent.
    pub(crate) fn names_key_of(&self, issuer: &Self) -> Option<bool> {
        Some(self.authority_key_id.as_ref()? == issuer.subject_key_id.as_ref()?)
    }

    /// The common name of the subject as text, or else its organisation or unit; raw, to be escaped where it is shown.
    #[must_use]
    pub fn short_name(&self) -> Option<String> {
        DistinguishedName::read(&self.subject_der).ok()?.short()
    }

    /// The same of the issuer.
    #[must_use]
    pub fn issuer_short_name(&self) -> Option<String> {
        DistinguishedName::read(&self.issuer_der).ok()?.short()
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
/// id-ad-caIssuers (section 4.2.2.1).
const CA_ISSUERS: &str = "1.3.6.1.5.5.7.48.2";
