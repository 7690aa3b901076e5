//! Makes PKCS #12 files, good ones and hostile ones: real MACs and real encryption around whatever is asked for.
//!
//! Shares no code with the engine; the derivations here are a second implementation.

pub mod bag;
pub mod der;
pub mod jks;
pub mod kdf;
pub mod mac;
pub mod scheme;

use self::der::{explicit, indefinite, integer, octets, oid, sequence, tlv};
pub use self::{
    bag::{Bag, encrypted_safe, plain_safe},
    kdf::Hash,
    mac::Mac,
    scheme::{Cipher, Number, Pbes1, Scheme},
};

/// The octets of a password in both families of derivations.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Secret {
    /// UTF-16, big endian, with two zero bytes at the end (RFC 7292, appendix B.1).
    pub bmp: Vec<u8>,
    /// UTF-8 (RFC 8018).
    pub utf8: Vec<u8>,
}

impl Secret {
    /// The octets that the standards ask for.
    #[must_use]
    pub fn of(password: &str) -> Self {
        let bmp = password.encode_utf16().chain([0]).flat_map(u16::to_be_bytes).collect();
        Self { bmp, utf8: password.as_bytes().to_vec() }
    }

    /// No octet at all, as some programs read the empty password.
    #[must_use]
    pub fn absent() -> Self {
        Self { bmp: Vec::new(), utf8: Vec::new() }
    }
}

/// A PFX in the making.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Forge {
    secret: Secret,
    version: Vec<u8>,
    safes: Vec<Vec<u8>>,
    auth_safe: Option<Vec<u8>>,
    wrap: fn(&[u8]) -> Vec<u8>,
    mac: Option<Mac>,
    mac_der: Option<Vec<u8>>,
    /// Bytes inside the PFX after its last field.
    extra: Vec<u8>,
    /// Bytes after the PFX.
    trailing: Vec<u8>,
    indefinite: bool,
}

impl Forge {
    /// A PFX without safes, with a MAC of HMAC-SHA-256 and one iteration.
    #[must_use]
    pub fn new(secret: Secret) -> Self {
        Self {
            secret,
            version: integer(&[3]),
            safes: Vec::new(),
            auth_safe: None,
            wrap: data,
            mac: Some(Mac::pkcs12(Hash::Sha256, 1)),
            mac_der: None,
            extra: Vec::new(),
            trailing: Vec::new(),
            indefinite: false,
        }
    }

    /// Adds a safe: a ContentInfo, or any bytes in its place.
    #[must_use]
    pub fn safe(mut self, der: Vec<u8>) -> Self {
        self.safes.push(der);
        self
    }

    /// Adds bags in the clear.
    #[must_use]
    pub fn plain(self, bags: &[Bag]) -> Self {
        self.safe(plain_safe(bags))
    }

    /// Adds encrypted bags.
    #[must_use]
    pub fn encrypted(self, bags: &[Bag], scheme: &Scheme) -> Self {
        let safe = encrypted_safe(bags, scheme, &self.secret);
        self.safe(safe)
    }

    /// Another MAC.
    #[must_use]
    pub fn mac(mut self, mac: Mac) -> Self {
        self.mac = Some(mac);
        self
    }

    /// Other bytes in the place of MacData.
    #[must_use]
    pub fn mac_der(mut self, der: Vec<u8>) -> Self {
        self.mac_der = Some(der);
        self
    }

    /// No MAC.
    #[must_use]
    pub fn without_mac(mut self) -> Self {
        self.mac = None;
        self
    }

    /// Another element in the place of the version.
    #[must_use]
    pub fn version(mut self, der: Vec<u8>) -> Self {
        self.version = der;
        self
    }

    /// Other bytes in the place of the AuthenticatedSafe. The MAC is made over them.
    #[must_use]
    pub fn auth_safe(mut self, bytes: Vec<u8>) -> Self {
        self.auth_safe = Some(bytes);
        self
    }

    /// Another ContentInfo around the AuthenticatedSafe; [`data`] is the honest one.
    #[must_use]
    pub fn wrap(mut self, wrap: fn(&[u8]) -> Vec<u8>) -> Self {
        self.wrap = wrap;
        self
    }

    /// Bytes inside the PFX after its last field.
    #[must_use]
    pub fn extra(mut self, bytes: Vec<u8>) -> Self {
        self.extra = bytes;
        self
    }

    /// Bytes after the PFX.
    #[must_use]
    pub fn trailing(mut self, bytes: Vec<u8>) -> Self {
        self.trailing = bytes;
        self
    }

    /// Writes the PFX with an indefinite length.
    #[must_use]
    pub fn indefinite(mut self) -> Self {
        self.indefinite = true;
        self
    }

    /// The file.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        let auth_safe = self.auth_safe.clone().unwrap_or_else(|| sequence(&self.safes));
        let computed = self.mac.as_ref().map(|mac| mac.der(&auth_safe, &self.secret));
        let mac = self.mac_der.clone().or(computed).unwrap_or_default();
        let fields = [self.version.clone(), (self.wrap)(&auth_safe), mac, self.extra.clone()].concat();
        let mut file = if self.indefinite { indefinite(0x30, &fields) } else { tlv(0x30, &fields) };
        file.extend_from_slice(&self.trailing);
        file
    }
}

/// A ContentInfo of type data.
#[must_use]
pub fn data(content: &[u8]) -> Vec<u8> {
    content_info(&octets(content))
}

/// A ContentInfo of type data around any element.
#[must_use]
pub fn content_info(element: &[u8]) -> Vec<u8> {
    sequence(&[oid("1.2.840.113549.1.7.1"), explicit(0, element)])
}
