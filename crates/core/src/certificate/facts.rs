//! What a certificate says, for whoever asks.

use super::{AlternativeName, Certificate, Fingerprint, KeyAlgorithm, KeyUsage};
use crate::hexadecimal::hex;

impl Certificate {
    /// SHA-256 over the DER.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The certificate in PEM, under the label of RFC 7468, section 5.
    #[must_use]
    pub fn pem(&self) -> String {
        crate::pem::text("CERTIFICATE", &self.der)
    }

    /// 1 or 3.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The serial number in lower-case hexadecimal.
    #[must_use]
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// The subject for people.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The issuer for people.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The subject in DER.
    #[must_use]
    pub fn subject_der(&self) -> &[u8] {
        &self.subject_der
    }

    /// The issuer in DER.
    #[must_use]
    pub fn issuer_der(&self) -> &[u8] {
        &self.issuer_der
    }

    /// notBefore, in seconds since 1970.
    #[must_use]
    pub fn not_before(&self) -> i64 {
        self.not_before
    }

    /// notAfter, in seconds since 1970.
    #[must_use]
    pub fn not_after(&self) -> i64 {
        self.not_after
    }

    /// subjectPublicKeyInfo in DER.
    #[must_use]
    pub fn spki_der(&self) -> &[u8] {
        &self.spki_der
    }

    /// SHA-256 over [`spki_der`](Self::spki_der).
    #[must_use]
    pub fn spki_fingerprint(&self) -> Fingerprint {
        self.spki_fingerprint
    }

    /// What the public key is.
    #[must_use]
    pub fn key(&self) -> &KeyAlgorithm {
        &self.key
    }

    /// The signature algorithm as Java spells it, for example `SHA256withRSA`.
    #[must_use]
    pub fn signature_algorithm(&self) -> &str {
        &self.signature_algorithm
    }

    /// The subjectAltName, in order.
    #[must_use]
    pub fn alternative_names(&self) -> &[AlternativeName] {
        &self.alternative_names
    }

    /// cA of basicConstraints; `None` without the extension.
    #[must_use]
    pub fn is_ca(&self) -> Option<bool> {
        self.is_ca
    }

    /// pathLenConstraint.
    #[must_use]
    pub fn path_len_constraint(&self) -> Option<u32> {
        self.path_len_constraint
    }

    /// keyUsage; `None` without the extension.
    #[must_use]
    pub fn key_usage(&self) -> Option<&KeyUsage> {
        self.key_usage.as_ref()
    }

    /// extKeyUsage as dotted identifiers; `None` without the extension.
    #[must_use]
    pub fn extended_key_usage(&self) -> Option<&[String]> {
        self.extended_key_usage.as_deref()
    }

    /// subjectKeyIdentifier.
    #[must_use]
    pub fn subject_key_id(&self) -> Option<&[u8]> {
        self.subject_key_id.as_deref()
    }

    /// keyIdentifier of authorityKeyIdentifier.
    #[must_use]
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        self.authority_key_id.as_deref()
    }

    /// caIssuers addresses of authorityInfoAccess.
    #[must_use]
    pub fn issuer_urls(&self) -> &[String] {
        &self.issuer_urls
    }

    /// Critical extensions that the path validator does not understand: dotted identifiers, with a name where one is known.
    #[must_use]
    pub fn unknown_critical(&self) -> &[String] {
        &self.unknown_critical
    }
}

/// A serial number in lower-case hexadecimal.
pub(super) fn serial_text(raw: &[u8]) -> String {
    let text = hex(raw);
    let trimmed = text.trim_start_matches('0');
    if trimmed.is_empty() { "0".to_owned() } else { trimmed.to_owned() }
}
