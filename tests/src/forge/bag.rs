//! SafeBags and safes (RFC 7292, section 4.2), with a door for raw bytes at each level.

use super::{
    Secret,
    der::{bmp, explicit, implicit, integer, octets, oid, sequence, set},
    scheme::Scheme,
};

const DATA: &str = "1.2.840.113549.1.7.1";
const ENCRYPTED_DATA: &str = "1.2.840.113549.1.7.6";
/// friendlyName.
pub const FRIENDLY_NAME: &str = "1.2.840.113549.1.9.20";
/// localKeyId.
pub const LOCAL_KEY_ID: &str = "1.2.840.113549.1.9.21";
/// x509Certificate, the type of a CertBag.
pub const X509_CERTIFICATE: &str = "1.2.840.113549.1.9.22.1";

/// One SafeBag.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Bag {
    id: Vec<u8>,
    value: Vec<u8>,
    attributes: Vec<Vec<u8>>,
}

impl Bag {
    /// A bag of a type by its last arc, with the content of `[0]`.
    #[must_use]
    pub fn of_type(arc: u128, value: &[u8]) -> Self {
        Self::raw(oid(&format!("1.2.840.113549.1.12.10.1.{arc}")), explicit(0, value))
    }

    /// A bag of the identifier and the value as given, tags included.
    #[must_use]
    pub fn raw(id: Vec<u8>, value: Vec<u8>) -> Self {
        Self { id, value, attributes: Vec::new() }
    }

    /// keyBag: a key in the clear.
    #[must_use]
    pub fn key(pkcs8: &[u8]) -> Self {
        Self::of_type(1, pkcs8)
    }

    /// pkcs8ShroudedKeyBag.
    #[must_use]
    pub fn shrouded(pkcs8: &[u8], scheme: &Scheme, secret: &Secret) -> Self {
        let encrypted = octets(&scheme.encrypt(pkcs8, secret));
        Self::of_type(2, &sequence(&[scheme.algorithm(), encrypted]))
    }

    /// certBag with an X.509 certificate.
    #[must_use]
    pub fn certificate(der: &[u8]) -> Self {
        Self::of_type(3, &sequence(&[oid(X509_CERTIFICATE), explicit(0, &octets(der))]))
    }

    /// safeContentsBag.
    #[must_use]
    pub fn nested(bags: &[Self]) -> Self {
        Self::of_type(6, &sequence(&bags.iter().map(Self::der).collect::<Vec<_>>()))
    }

    /// An attribute with its values.
    #[must_use]
    pub fn attribute(mut self, dotted: &str, values: &[Vec<u8>]) -> Self {
        self.attributes.push(sequence(&[oid(dotted), set(values)]));
        self
    }

    /// friendlyName as a BMPString.
    #[must_use]
    pub fn friendly_name(self, name: &str) -> Self {
        self.attribute(FRIENDLY_NAME, &[bmp(name)])
    }

    /// localKeyId.
    #[must_use]
    pub fn local_key_id(self, id: &[u8]) -> Self {
        self.attribute(LOCAL_KEY_ID, &[octets(id)])
    }

    /// The encoded bag.
    #[must_use]
    pub fn der(&self) -> Vec<u8> {
        let attributes = if self.attributes.is_empty() { Vec::new() } else { set(&self.attributes) };
        sequence(&[&self.id, &self.value, &attributes])
    }
}

/// SafeContents of bags.
#[must_use]
pub fn safe_contents(bags: &[Bag]) -> Vec<u8> {
    sequence(&bags.iter().map(Bag::der).collect::<Vec<_>>())
}

/// A ContentInfo with SafeContents in the clear.
#[must_use]
pub fn plain_safe(bags: &[Bag]) -> Vec<u8> {
    plain_safe_of(&octets(&safe_contents(bags)))
}

/// A ContentInfo of type data around any element.
#[must_use]
pub fn plain_safe_of(content: &[u8]) -> Vec<u8> {
    sequence(&[oid(DATA), explicit(0, content)])
}

/// A ContentInfo with encrypted SafeContents.
#[must_use]
pub fn encrypted_safe(bags: &[Bag], scheme: &Scheme, secret: &Secret) -> Vec<u8> {
    let encrypted = scheme.encrypt(&safe_contents(bags), secret);
    encrypted_safe_of(&scheme.algorithm(), &implicit(0, &encrypted))
}

/// A ContentInfo of type encryptedData with the algorithm and the encryptedContent as given, tags included.
#[must_use]
pub fn encrypted_safe_of(algorithm: &[u8], encrypted_content: &[u8]) -> Vec<u8> {
    let info = sequence(&[&oid(DATA), algorithm, encrypted_content]);
    sequence(&[oid(ENCRYPTED_DATA), explicit(0, &sequence(&[integer(&[0]), info]))])
}
