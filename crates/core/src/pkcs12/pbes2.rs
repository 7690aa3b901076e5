//! PBES2 (RFC 8018, section 6.2): a key derivation and a cipher, each with parameters of its own.

use zeroize::Zeroizing;

use super::{
    algorithm::{AlgorithmIdentifier, check_len, iterations, salt},
    ber::{INTEGER, OCTET_STRING, Walk},
    cipher::{Cipher, GCM_TAG_LEN, Plain},
    error::Pkcs12Error,
    hash::Hash,
    kdf::{Derivation, Method},
    oid,
};

/// PBES2 with its parameters.
pub(super) struct Pbes2 {
    kdf: Kdf,
    cipher: Cipher,
    name: &'static str,
    key_len: usize,
    iv: Vec<u8>,
}

/// PBKDF2 with its parameters.
pub(super) struct Pbkdf2 {
    salt: Vec<u8>,
    pub(super) iterations: u32,
    pub(super) key_len: Option<usize>,
    pub(super) prf: Hash,
}

enum Kdf {
    Pbkdf2(Pbkdf2),
    Scrypt { salt: Vec<u8>, log_n: u8, r: u32, p: u32 },
}

/// The most memory of scrypt beside its table, in bytes. Real files have r = 8 and a few p: some kilobytes.
const MAX_BLOCKS: u64 = 16 << 20;

/// Ciphers with a fixed key length, in bytes.
const CIPHERS: &[(&[u8], &str, Cipher, usize)] = &[
    (oid::AES128_CBC, "AES-128-CBC", Cipher::Aes128Cbc, 16),
    (oid::AES192_CBC, "AES-192-CBC", Cipher::Aes192Cbc, 24),
    (oid::AES256_CBC, "AES-256-CBC", Cipher::Aes256Cbc, 32),
    (oid::AES128_GCM, "AES-128-GCM", Cipher::Aes128Gcm, 16),
    (oid::AES192_GCM, "AES-192-GCM", Cipher::Aes192Gcm, 24),
    (oid::AES256_GCM, "AES-256-GCM", Cipher::Aes256Gcm, 32),
    (oid::DES_EDE3_CBC, "3DES-CBC", Cipher::TripleDes3, 24),
    #[cfg(feature = "legacy-pfx")]
    (oid::DES_CBC, "DES-CBC", Cipher::Des, 8),
];

impl Pbes2 {
    /// Reads the parameters and holds them against the limits; `None` if the algorithm is not PBES2.
    pub(super) fn parse(
        algorithm: &AlgorithmIdentifier<'_>,
        field: &'static str,
        walk: &Walk<'_>,
    ) -> Result<Option<Self>, Pkcs12Error> {
        if algorithm.oid != oid::PBES2 {
            return Ok(None);
        }
        let mut reader = algorithm.sequence("PBES2 parameters expected", walk)?;
        let derivation = AlgorithmIdentifier::parse(&mut reader, walk)?;
        let encryption = AlgorithmIdentifier::parse(&mut reader, walk)?;
        reader.finish("PBES2 has more than two parameters")?;
        let kdf = Kdf::parse(&derivation, field, walk)?;
        match encryption.oid {
            #[cfg(feature = "legacy-pfx")]
            oid::RC2_CBC => Self::rc2(kdf, &encryption, walk).map(Some),
            #[cfg(feature = "legacy-pfx")]
            oid::CAST5_CBC => Self::cast5(kdf, &encryption, walk).map(Some),
            other => {
                let Some((_, name, cipher, key_len)) = CIPHERS.iter().find(|(oid, ..)| *oid == other) else {
                    return Err(Pkcs12Error::unsupported(field, other));
                };
                let iv = vector(*cipher, &encryption, walk)?;
                check_len("an initialisation vector", iv.len(), cipher.iv_len(), cipher.iv_len())?;
                Ok(Some(Self { kdf, cipher: *cipher, name, key_len: *key_len, iv }))
            }
        }
    }

    /// RC2-CBC-Parameter (RFC 8018, appendix B.2.3): the version stands for the effective key length.
    #[cfg(feature = "legacy-pfx")]
    fn rc2(kdf: Kdf, encryption: &AlgorithmIdentifier<'_>, walk: &Walk<'_>) -> Result<Self, Pkcs12Error> {
        let mut reader = encryption.sequence("RC2 parameters expected", walk)?;
        let bits = match reader.optional(INTEGER)? {
            None => 32,
            Some(version) => match version.unsigned("the RC2 version")? {
                160 => 40,
                120 => 64,
                58 => 128,
                found @ 256..=1024 => usize::try_from(found).unwrap_or(usize::MAX),
                found => {
                    return Err(Pkcs12Error::Parameter {
                        what: "the RC2 version",
                        found: found.to_string(),
                        allowed: "58, 120, 160, or 256 to 1024".to_owned(),
                    });
                }
            },
        };
        let iv = reader
            .expect(OCTET_STRING, "an initialisation vector expected in RC2")?
            .octets(walk)?
            .into_owned();
        check_len("an initialisation vector", iv.len(), 8, 8)?;
        let key_len = kdf.key_len().unwrap_or_else(|| bits.div_ceil(8));
        check_len("the key of RC2", key_len, 1, 128)?;
        Ok(Self { kdf, cipher: Cipher::Rc2 { bits }, name: "RC2-CBC", key_len, iv })
    }

    /// CAST5: a vector and the key length in bits (RFC 2144), or a vector alone, as OpenSSL writes it.
    #[cfg(feature = "legacy-pfx")]
    fn cast5(kdf: Kdf, encryption: &AlgorithmIdentifier<'_>, walk: &Walk<'_>) -> Result<Self, Pkcs12Error> {
        let (iv, bits) = if encryption.has_octets() {
            (encryption.octets("an initialisation vector expected in CAST5", walk)?, 128)
        } else {
            let mut reader = encryption.sequence("CAST5 parameters expected", walk)?;
            let iv = reader.expect(OCTET_STRING, "an initialisation vector expected in CAST5")?;
            let bits =
                reader.optional(INTEGER)?.map(|bits| bits.unsigned("the CAST5 key length")).transpose()?;
            (iv.octets(walk)?.into_owned(), bits.unwrap_or(128))
        };
        check_len("an initialisation vector", iv.len(), 8, 8)?;
        let key_len = kdf.key_len().unwrap_or_else(|| usize::try_from(bits / 8).unwrap_or(usize::MAX));
        check_len("the key of CAST5", key_len, 5, 16)?;
        Ok(Self { kdf, cipher: Cipher::Cast5, name: "CAST5-CBC", key_len, iv })
    }

    pub(super) fn name(&self) -> String {
        match &self.kdf {
            Kdf::Pbkdf2(kdf) => format!("PBES2 PBKDF2-HMAC-{} {}", kdf.prf.name(), self.name),
            Kdf::Scrypt { .. } => format!("PBES2 scrypt {}", self.name),
        }
    }

    /// The iteration count, or N of scrypt.
    pub(super) fn iterations(&self) -> u64 {
        match &self.kdf {
            Kdf::Pbkdf2(kdf) => u64::from(kdf.iterations),
            Kdf::Scrypt { log_n, .. } => 1 << log_n,
        }
    }

    pub(super) fn is_legacy(&self) -> bool {
        self.cipher.is_legacy()
    }

    /// What one try costs, in iterations.
    pub(super) fn work(&self) -> u64 {
        self.kdf.method().work(self.key_len)
    }

    /// What is derived from a password before anything is decrypted.
    pub(super) fn derivation(&self, password: &Zeroizing<Vec<u8>>) -> Derivation {
        let (Kdf::Pbkdf2(Pbkdf2 { salt, .. }) | Kdf::Scrypt { salt, .. }) = &self.kdf;
        let method = self.kdf.method();
        Derivation { salt: salt.clone(), method, len: self.key_len, password: password.clone() }
    }

    /// Decrypts with what was derived.
    pub(super) fn decrypt(&self, data: &[u8], key: &[u8]) -> Plain {
        self.cipher.decrypt(key, &self.iv, data)
    }
}

/// The vector of CBC by itself, or the nonce in the parameters of GCM (RFC 5084, section 3.2).
fn vector(
    cipher: Cipher,
    encryption: &AlgorithmIdentifier<'_>,
    walk: &Walk<'_>,
) -> Result<Vec<u8>, Pkcs12Error> {
    if !matches!(cipher, Cipher::Aes128Gcm | Cipher::Aes192Gcm | Cipher::Aes256Gcm) {
        return encryption.octets("an initialisation vector expected in PBES2", walk);
    }
    let mut reader = encryption.sequence("GCM parameters expected", walk)?;
    let nonce = reader.expect(OCTET_STRING, "a nonce expected in GCM")?.octets(walk)?.into_owned();
    let tag_len = match reader.optional(INTEGER)? {
        Some(element) => usize::try_from(element.unsigned("the tag length of GCM")?).unwrap_or(usize::MAX),
        None => 12,
    };
    check_len("the tag of GCM", tag_len, GCM_TAG_LEN, GCM_TAG_LEN)?;
    Ok(nonce)
}

impl Pbkdf2 {
    pub(super) fn parse(
        algorithm: &AlgorithmIdentifier<'_>,
        field: &'static str,
        walk: &Walk<'_>,
    ) -> Result<Self, Pkcs12Error> {
        let mut reader = algorithm.sequence("PBKDF2 parameters expected", walk)?;
        let salt = salt(&reader.expect(OCTET_STRING, "a salt expected in PBKDF2")?, walk)?;
        let count = reader.expect(INTEGER, "an iteration count expected in PBKDF2")?;
        let iterations = iterations(&count, "the PBKDF2 iteration count", walk.limits)?;
        let key_len = match reader.optional(INTEGER)? {
            Some(element) => {
                Some(usize::try_from(element.unsigned("the PBKDF2 key length")?).unwrap_or(usize::MAX))
            }
            None => None,
        };
        // The default of the standard is HMAC-SHA-1.
        let prf = if reader.rest().is_empty() {
            Hash::Sha1
        } else {
            let prf = AlgorithmIdentifier::parse(&mut reader, walk)?;
            Hash::from_hmac_oid(prf.oid).ok_or_else(|| Pkcs12Error::unsupported(field, prf.oid))?
        };
        reader.finish("PBKDF2 has more than four parameters")?;
        Ok(Self { salt, iterations, key_len, prf })
    }

    fn method(&self) -> Method {
        Method::Pbkdf2 { prf: self.prf, iterations: self.iterations }
    }

    /// What the derivation of `len` bytes costs, in iterations.
    pub(super) fn work(&self, len: usize) -> u64 {
        self.method().work(len)
    }

    /// The derivation of `len` bytes.
    pub(super) fn derivation(&self, password: &Zeroizing<Vec<u8>>, len: usize) -> Derivation {
        Derivation { salt: self.salt.clone(), method: self.method(), len, password: password.clone() }
    }
}

impl Kdf {
    fn parse(
        algorithm: &AlgorithmIdentifier<'_>,
        field: &'static str,
        walk: &Walk<'_>,
    ) -> Result<Self, Pkcs12Error> {
        match algorithm.oid {
            oid::PBKDF2 => Pbkdf2::parse(algorithm, field, walk).map(Self::Pbkdf2),
            oid::SCRYPT => Self::scrypt(algorithm, walk),
            other => Err(Pkcs12Error::unsupported(field, other)),
        }
    }

    /// The length of key that is asked for, in bytes.
    #[cfg(feature = "legacy-pfx")]
    fn key_len(&self) -> Option<usize> {
        match self {
            Self::Pbkdf2(kdf) => kdf.key_len,
            Self::Scrypt { .. } => None,
        }
    }

    fn scrypt(algorithm: &AlgorithmIdentifier<'_>, walk: &Walk<'_>) -> Result<Self, Pkcs12Error> {
        let mut reader = algorithm.sequence("scrypt parameters expected", walk)?;
        let salt = salt(&reader.expect(OCTET_STRING, "a salt expected in scrypt")?, walk)?;
        let mut number = |what| reader.expect(INTEGER, "a parameter expected in scrypt")?.unsigned(what);
        let n = number("the scrypt cost N")?;
        let r = number("the scrypt block size r")?;
        let p = number("the scrypt parallelism p")?;
        let limit = walk.limits.max_scrypt_memory;
        let table = 128_u64.saturating_mul(n).saturating_mul(r);
        // The p blocks beside the table, and one to work in; they are hashed without being charged.
        let blocks = 128_u64.saturating_mul(r).saturating_mul(p.saturating_add(1));
        if !n.is_power_of_two() || n < 2 || r == 0 || table > limit || blocks > MAX_BLOCKS || p == 0 || p > 16
        {
            return Err(Pkcs12Error::Parameter {
                what: "the scrypt cost",
                found: format!("N={n} r={r} p={p}"),
                allowed: format!(
                    "N a power of two, 128*N*r up to {limit}, 128*r*(p+1) up to {MAX_BLOCKS}, p up to 16"
                ),
            });
        }
        let narrow = |value| u32::try_from(value).unwrap_or(u32::MAX);
        let log_n = u8::try_from(n.trailing_zeros()).unwrap_or(u8::MAX);
        Ok(Self::Scrypt { salt, log_n, r: narrow(r), p: narrow(p) })
    }

    fn method(&self) -> Method {
        match self {
            Self::Pbkdf2(kdf) => kdf.method(),
            Self::Scrypt { log_n, r, p, .. } => Method::Scrypt { log_n: *log_n, r: *r, p: *p },
        }
    }
}

#[cfg(test)]
mod tests;
