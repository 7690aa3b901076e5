//! MacData with the derivation of PKCS #12 (RFC 7292, section 4) or PBMAC1 (RFC 9879), true or bent.

use super::{
    Secret,
    der::{algorithm, null, octets, sequence},
    kdf::{Hash, Purpose},
    scheme::Number,
};

/// A MAC to be computed over the AuthenticatedSafe.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Mac {
    hash: Hash,
    kdf: Kdf,
    salt: Vec<u8>,
    salt_der: Option<Vec<u8>>,
    algorithm: Option<Vec<u8>>,
    bend: Option<fn(&mut Vec<u8>)>,
    without_count: bool,
    /// What was derived elsewhere.
    key: Option<Vec<u8>>,
}

#[derive(Clone, Debug)]
enum Kdf {
    Pkcs12 { count: Number },
    Pbmac1 { prf: Hash, count: Number, key_len: Option<Number> },
}

impl Mac {
    /// HMAC under a key from the derivation of PKCS #12.
    #[must_use]
    pub fn pkcs12(hash: Hash, count: impl Into<Number>) -> Self {
        Self::new(hash, Kdf::Pkcs12 { count: count.into() })
    }

    /// PBMAC1 with the same hash for derivation and MAC.
    #[must_use]
    pub fn pbmac1(hash: Hash, count: impl Into<Number>, key_len: impl Into<Number>) -> Self {
        Self::new(hash, Kdf::Pbmac1 { prf: hash, count: count.into(), key_len: Some(key_len.into()) })
    }

    /// PBMAC1 with the hash `prf` in the derivation.
    #[must_use]
    pub fn pbmac1_by(prf: Hash, hash: Hash, count: impl Into<Number>, key_len: impl Into<Number>) -> Self {
        Self::new(hash, Kdf::Pbmac1 { prf, count: count.into(), key_len: Some(key_len.into()) })
    }

    /// PBMAC1 that does not say how long its key is; it has the length of the digest.
    #[must_use]
    pub fn pbmac1_without_key_len(hash: Hash, count: impl Into<Number>) -> Self {
        Self::new(hash, Kdf::Pbmac1 { prf: hash, count: count.into(), key_len: None })
    }

    fn new(hash: Hash, kdf: Kdf) -> Self {
        let salt = b"mac salt".to_vec();
        Self { hash, kdf, salt, salt_der: None, algorithm: None, bend: None, without_count: false, key: None }
    }

    /// Another salt.
    #[must_use]
    pub fn salt(mut self, salt: &[u8]) -> Self {
        salt.clone_into(&mut self.salt);
        self
    }

    /// Another element in the place of the salt.
    #[must_use]
    pub fn salt_der(mut self, der: Vec<u8>) -> Self {
        self.salt_der = Some(der);
        self
    }

    /// Another AlgorithmIdentifier over the same computation.
    #[must_use]
    pub fn algorithm(mut self, der: Vec<u8>) -> Self {
        self.algorithm = Some(der);
        self
    }

    /// Changes the digest after it was computed.
    #[must_use]
    pub fn bend(mut self, bend: fn(&mut Vec<u8>)) -> Self {
        self.bend = Some(bend);
        self
    }

    /// Leaves the iterations to their default, which is 1.
    #[must_use]
    pub fn without_count(mut self) -> Self {
        self.without_count = true;
        self
    }

    /// A key that was derived before, with this salt and as many iterations.
    #[must_use]
    pub fn key(mut self, key: Vec<u8>) -> Self {
        self.key = Some(key);
        self
    }

    /// The MacData over `content`.
    #[must_use]
    pub fn der(&self, content: &[u8], secret: &Secret) -> Vec<u8> {
        let mut digest = self.hash.hmac(&self.derive(secret), content);
        if let Some(bend) = self.bend {
            bend(&mut digest);
        }
        let salt = self.salt_der.clone().unwrap_or_else(|| octets(&self.salt));
        let (known, tail) = match &self.kdf {
            Kdf::Pkcs12 { count } => {
                let count = if self.without_count { Vec::new() } else { count.der() };
                (algorithm(self.hash.oid(), &null()), [salt, count].concat())
            }
            Kdf::Pbmac1 { prf, count, key_len } => {
                let prf = algorithm(prf.hmac_oid(), &null());
                let key_len = key_len.as_ref().map(Number::der).unwrap_or_default();
                let derivation =
                    algorithm("1.2.840.113549.1.5.12", &sequence(&[salt, count.der(), key_len, prf]));
                let mac = algorithm(self.hash.hmac_oid(), &null());
                let whole = algorithm("1.2.840.113549.1.5.14", &sequence(&[derivation, mac]));
                // Ignored, but not optional: RFC 9879, section 5.
                (whole, [octets(b"unused"), Number::of(1).der()].concat())
            }
        };
        let known = self.algorithm.clone().unwrap_or(known);
        sequence(&[sequence(&[known, octets(&digest)]), tail])
    }

    fn derive(&self, secret: &Secret) -> Vec<u8> {
        if let Some(known) = &self.key {
            return known.clone();
        }
        match &self.kdf {
            Kdf::Pkcs12 { count } => {
                self.hash.pkcs12(Purpose::Mac, &secret.bmp, &self.salt, count.run, self.hash.output_len())
            }
            Kdf::Pbmac1 { prf, count, key_len } => {
                let len =
                    key_len.as_ref().map_or(self.hash.output_len(), |len| usize::try_from(len.run).unwrap());
                prf.pbkdf2(&secret.utf8, &self.salt, count.run, len)
            }
        }
    }
}
