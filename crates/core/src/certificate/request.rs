//! Certification requests (PKCS #10, RFC 2986): read whole, and their signature verified.

use super::{
    AlternativeName, Fingerprint, KeyAlgorithm,
    algorithm::signature_name,
    der::{
        BIT_STRING, Fault, INTEGER, OCTET_STRING, Reader, SEQUENCE, SET, algorithm, only, public_key_info,
        whole_bytes,
    },
    distinguished_name::DistinguishedName,
    extension::Extension,
    general_name::GeneralName,
    signature::verifies,
};

/// `[0]`, implicit: the attributes.
const ATTRIBUTES: u8 = 0xa0;
/// extensionRequest (RFC 2985, section 5.4.2).
const EXTENSION_REQUEST: &str = "1.2.840.113549.1.9.14";
const SUBJECT_ALT_NAME: &str = "2.5.29.17";

/// A certificate signing request. Its signature was verified when it was read.
#[derive(Clone, Debug)]
pub struct SigningRequest {
    der: Vec<u8>,
    pub(crate) subject: String,
    pub(crate) general_names: Vec<GeneralName>,
    alternative_names: Vec<AlternativeName>,
    pub(crate) key: KeyAlgorithm,
    pub(crate) spki_fingerprint: Fingerprint,
    signature_algorithm: String,
}

impl SigningRequest {
    /// Reads a request, to its last byte, and verifies that its key signed it.
    pub(crate) fn from_der(der: &[u8]) -> Result<Self, Fault> {
        let mut outer = Reader::new(only(der, SEQUENCE)?);
        let info = outer.value(SEQUENCE)?;
        let signed_with = outer.content(SEQUENCE)?;
        algorithm(signed_with)?;
        let signature = whole_bytes(outer.content(BIT_STRING)?)?;
        outer.end()?;

        let mut fields = Reader::new(info.content);
        if fields.content(INTEGER)? != [0] {
            return Err(Fault("there is no such version"));
        }
        let subject = DistinguishedName::read(fields.value(SEQUENCE)?.encoded)?;
        let spki = fields.value(SEQUENCE)?.encoded;
        public_key_info(spki)?;
        let general_names = read_names(fields.content(ATTRIBUTES)?)?;
        fields.end()?;

        let key = KeyAlgorithm::of_public(spki);
        if !verifies(&key, spki, signed_with, info.encoded, signature) {
            return Err(Fault("its signature does not verify under its key"));
        }
        Ok(Self {
            der: der.to_vec(),
            subject: subject.to_string(),
            alternative_names: general_names.iter().map(AlternativeName::of).collect(),
            general_names,
            key,
            spki_fingerprint: Fingerprint::of(spki),
            signature_algorithm: signature_name(signed_with),
        })
    }

    /// The request in DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The request in PEM, under the label of RFC 7468, section 7.
    #[must_use]
    pub fn pem(&self) -> String {
        crate::pem::text("CERTIFICATE REQUEST", &self.der)
    }

    /// SHA-256 over the DER.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.der)
    }

    /// The subject, as certificates show theirs; empty if the request has none.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The names that are asked for, in order.
    #[must_use]
    pub fn alternative_names(&self) -> &[AlternativeName] {
        &self.alternative_names
    }

    /// The kind of its key.
    #[must_use]
    pub fn key(&self) -> &KeyAlgorithm {
        &self.key
    }

    /// SHA-256 over subjectPublicKeyInfo.
    #[must_use]
    pub fn spki_fingerprint(&self) -> Fingerprint {
        self.spki_fingerprint
    }

    /// The signature algorithm, in the spelling that Java programs print.
    #[must_use]
    pub fn signature_algorithm(&self) -> &str {
        &self.signature_algorithm
    }
}

/// subjectAltName among the requested extensions.
fn read_names(attributes: &[u8]) -> Result<Vec<GeneralName>, Fault> {
    let mut names = Vec::new();
    let mut attributes = Reader::new(attributes);
    while !attributes.is_empty() {
        let mut attribute = Reader::new(attributes.content(SEQUENCE)?);
        let kind = attribute.oid()?;
        let values = attribute.content(SET)?;
        attribute.end()?;
        if kind.to_string() != EXTENSION_REQUEST {
            continue;
        }
        let mut extensions = Reader::new(only(values, SEQUENCE)?);
        while !extensions.is_empty() {
            let mut extension = Reader::new(extensions.content(SEQUENCE)?);
            let oid = extension.oid()?.to_string();
            extension.flag()?;
            let value = extension.content(OCTET_STRING)?;
            extension.end()?;
            if oid == SUBJECT_ALT_NAME
                && let Extension::AlternativeNames(found) = Extension::read(&oid, value)?
            {
                names.extend(found);
            }
        }
    }
    Ok(names)
}
