//! Password-based encryption: PBES1 of PKCS #12 (RFC 7292, appendix C) and PBES2 (RFC 8018).

use aes::{Aes128, Aes192, Aes256};
use cbc::cipher::{
    BlockCipherDecrypt, BlockModeDecrypt, InnerIvInit, KeyInit, StreamCipher, block_padding::Pkcs7,
};
use des::{TdesEde2, TdesEde3};
use rc2::Rc2;
use rc4::Rc4;
use zeroize::Zeroizing;

use super::{
    ber::{Element, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE, Walk},
    error::Pkcs12Error,
    kdf::{Hash, PasswordForm, Purpose},
    oid,
};
use crate::{
    limits::{Budget, Limits},
    secret::Password,
};

/// AlgorithmIdentifier (RFC 5280, section 4.1.1.2).
pub(super) struct AlgorithmIdentifier<'a> {
    pub(super) oid: &'a [u8],
    parameters: Option<Element<'a>>,
}

impl<'a> AlgorithmIdentifier<'a> {
    pub(super) fn parse(reader: &mut Reader<'a, '_>, walk: &Walk<'_>) -> Result<Self, Pkcs12Error> {
        let mut inner = reader.expect(SEQUENCE, "an AlgorithmIdentifier expected")?.children(walk);
        let oid = inner.expect(OBJECT_IDENTIFIER, "an algorithm's object identifier expected")?.content;
        let parameters = inner.next()?;
        inner.finish("an AlgorithmIdentifier has more than two fields")?;
        Ok(Self { oid, parameters })
    }

    /// The parameters, which must be a SEQUENCE.
    pub(super) fn sequence<'w>(
        &self,
        what: &'static str,
        walk: &'w Walk<'_>,
    ) -> Result<Reader<'a, 'w>, Pkcs12Error> {
        match &self.parameters {
            Some(element) if element.tag == SEQUENCE => Ok(element.children(walk)),
            Some(element) => Err(Pkcs12Error::Malformed { at: element.at, what }),
            None => Err(Pkcs12Error::Malformed { at: 0, what }),
        }
    }

    fn octets(&self, what: &'static str, walk: &Walk<'_>) -> Result<Vec<u8>, Pkcs12Error> {
        match &self.parameters {
            Some(element) if element.tag == OCTET_STRING => Ok(element.octets(walk)?.into_owned()),
            Some(element) => Err(Pkcs12Error::Malformed { at: element.at, what }),
            None => Err(Pkcs12Error::Malformed { at: 0, what }),
        }
    }
}

/// An iteration count between 1 and the limit.
pub(super) fn iterations(
    element: &Element<'_>,
    what: &'static str,
    limits: &Limits,
) -> Result<u32, Pkcs12Error> {
    let found = element.unsigned(what)?;
    match u32::try_from(found) {
        Ok(count) if count >= 1 && u64::from(count) <= limits.max_iterations => Ok(count),
        _ => Err(Pkcs12Error::Parameter {
            what,
            found: if found == u64::MAX { "more than 2^64".to_owned() } else { found.to_string() },
            allowed: format!("1 to {}", limits.max_iterations),
        }),
    }
}

/// A salt up to the limit. Real files with an empty one exist; that is weak, but opens nothing by itself.
pub(super) fn salt(element: &Element<'_>, walk: &Walk<'_>) -> Result<Vec<u8>, Pkcs12Error> {
    let salt = element.octets(walk)?.into_owned();
    if salt.len() > walk.limits.max_salt_len {
        return Err(Pkcs12Error::Parameter {
            what: "the length of a salt",
            found: format!("{} bytes", salt.len()),
            allowed: format!("up to {} bytes", walk.limits.max_salt_len),
        });
    }
    Ok(salt)
}

/// PBKDF2 with its parameters.
pub(super) struct Pbkdf2 {
    salt: Vec<u8>,
    pub(super) iterations: u32,
    pub(super) key_len: Option<usize>,
    pub(super) prf: Hash,
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
            Hash::from_hmac_oid(prf.oid)
                .ok_or_else(|| Pkcs12Error::UnsupportedAlgorithm { field, name: oid::name(prf.oid) })?
        };
        reader.finish("PBKDF2 has more than four parameters")?;
        Ok(Self { salt, iterations, key_len, prf })
    }

    pub(super) fn derive(
        &self,
        password: &Password,
        len: usize,
        budget: &mut Budget,
    ) -> Result<Zeroizing<Vec<u8>>, Pkcs12Error> {
        budget.charge(u64::from(self.iterations), self.prf.blocks(len))?;
        // EXPOSE: the derivation hashes the password, as UTF-8.
        Ok(self.prf.pbkdf2(password.expose().as_bytes(), &self.salt, self.iterations, len))
    }
}

/// How one part of a file is encrypted.
pub(super) enum Scheme {
    Pbes1 { cipher: Pbes1Cipher, salt: Vec<u8>, iterations: u32 },
    Pbes2 { kdf: Kdf, cipher: Cipher, iv: Vec<u8> },
}

pub(super) enum Kdf {
    Pbkdf2(Pbkdf2),
    Scrypt { salt: Vec<u8>, log_n: u8, r: u32, p: u32 },
}

/// The six schemes of RFC 7292, appendix C.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Pbes1Cipher {
    Rc4 { key_len: usize },
    Rc2 { key_len: usize },
    TripleDes { key_len: usize },
}

/// The block ciphers of PBES2, all in CBC mode.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Cipher {
    Aes128,
    Aes192,
    Aes256,
    TripleDes,
}

const PBES1: [(&[u8], Pbes1Cipher, &str); 6] = [
    (oid::PBE_RC4_128, Pbes1Cipher::Rc4 { key_len: 16 }, "PBES1 SHA-1 RC4-128"),
    (oid::PBE_RC4_40, Pbes1Cipher::Rc4 { key_len: 5 }, "PBES1 SHA-1 RC4-40"),
    (oid::PBE_3DES_3KEY, Pbes1Cipher::TripleDes { key_len: 24 }, "PBES1 SHA-1 3DES"),
    (oid::PBE_3DES_2KEY, Pbes1Cipher::TripleDes { key_len: 16 }, "PBES1 SHA-1 2-key 3DES"),
    (oid::PBE_RC2_128, Pbes1Cipher::Rc2 { key_len: 16 }, "PBES1 SHA-1 RC2-128"),
    (oid::PBE_RC2_40, Pbes1Cipher::Rc2 { key_len: 5 }, "PBES1 SHA-1 RC2-40"),
];

const CIPHERS: [(&[u8], Cipher, &str); 4] = [
    (oid::AES128_CBC, Cipher::Aes128, "AES-128-CBC"),
    (oid::AES192_CBC, Cipher::Aes192, "AES-192-CBC"),
    (oid::AES256_CBC, Cipher::Aes256, "AES-256-CBC"),
    (oid::DES_EDE3_CBC, Cipher::TripleDes, "3DES-CBC"),
];

impl Cipher {
    fn key_len(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::Aes192 | Self::TripleDes => 24,
            Self::Aes256 => 32,
        }
    }

    fn block_len(self) -> usize {
        if self == Self::TripleDes { 8 } else { 16 }
    }
}

impl Scheme {
    /// Reads the parameters and holds them against the limits; nothing is derived yet.
    pub(super) fn parse(
        algorithm: &AlgorithmIdentifier<'_>,
        field: &'static str,
        walk: &Walk<'_>,
    ) -> Result<Self, Pkcs12Error> {
        if let Some((_, cipher, _)) = PBES1.iter().find(|(oid, ..)| *oid == algorithm.oid) {
            let mut reader = algorithm.sequence("PBES1 parameters expected", walk)?;
            let salt = salt(&reader.expect(OCTET_STRING, "a salt expected in PBES1")?, walk)?;
            let count = reader.expect(INTEGER, "an iteration count expected in PBES1")?;
            reader.finish("PBES1 has more than two parameters")?;
            let iterations = iterations(&count, "the PBES1 iteration count", walk.limits)?;
            return Ok(Self::Pbes1 { cipher: *cipher, salt, iterations });
        }
        if algorithm.oid != oid::PBES2 {
            return Err(Pkcs12Error::UnsupportedAlgorithm { field, name: oid::name(algorithm.oid) });
        }
        let mut reader = algorithm.sequence("PBES2 parameters expected", walk)?;
        let derivation = AlgorithmIdentifier::parse(&mut reader, walk)?;
        let encryption = AlgorithmIdentifier::parse(&mut reader, walk)?;
        reader.finish("PBES2 has more than two parameters")?;
        let kdf = Kdf::parse(&derivation, field, walk)?;
        let Some((_, cipher, _)) = CIPHERS.iter().find(|(oid, ..)| *oid == encryption.oid) else {
            return Err(Pkcs12Error::UnsupportedAlgorithm { field, name: oid::name(encryption.oid) });
        };
        let iv = encryption.octets("an initialisation vector expected in PBES2", walk)?;
        if iv.len() != cipher.block_len() {
            return Err(Pkcs12Error::Parameter {
                what: "the length of an initialisation vector",
                found: format!("{} bytes", iv.len()),
                allowed: format!("{} bytes", cipher.block_len()),
            });
        }
        Ok(Self::Pbes2 { kdf, cipher: *cipher, iv })
    }

    /// The scheme as people name it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Pbes1 { cipher, .. } => {
                PBES1.iter().find(|(_, c, _)| c == cipher).map_or("PBES1", |(.., name)| name).to_owned()
            }
            Self::Pbes2 { kdf, cipher, .. } => {
                let cipher = CIPHERS.iter().find(|(_, c, _)| c == cipher).map_or("?", |(.., name)| name);
                match kdf {
                    Kdf::Pbkdf2(kdf) => format!("PBES2 PBKDF2-HMAC-{} {cipher}", kdf.prf.name()),
                    Kdf::Scrypt { .. } => format!("PBES2 scrypt {cipher}"),
                }
            }
        }
    }

    /// The iteration count, or N of scrypt.
    pub(super) fn iterations(&self) -> u64 {
        match self {
            Self::Pbes1 { iterations, .. } => u64::from(*iterations),
            Self::Pbes2 { kdf: Kdf::Pbkdf2(kdf), .. } => u64::from(kdf.iterations),
            Self::Pbes2 { kdf: Kdf::Scrypt { log_n, .. }, .. } => 1 << log_n,
        }
    }

    pub(super) fn is_legacy(&self) -> bool {
        matches!(self, Self::Pbes1 { .. } | Self::Pbes2 { cipher: Cipher::TripleDes, .. })
    }

    /// Decrypts `data`; `None` if the padding says that the password is not the one.
    pub(super) fn decrypt(
        &self,
        data: &[u8],
        password: &Password,
        form: PasswordForm,
        budget: &mut Budget,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, Pkcs12Error> {
        // The fuzzer writes the plaintext itself.
        if cfg!(fuzzing) {
            return Ok(Some(Zeroizing::new(data.to_vec())));
        }
        match self {
            Self::Pbes1 { cipher, salt, iterations } => {
                let bytes = form.encode(password);
                let mut derive = |purpose, len| {
                    budget.charge(u64::from(*iterations), Hash::Sha1.blocks(len))?;
                    Ok::<_, Pkcs12Error>(Hash::Sha1.pkcs12_kdf(purpose, &bytes, salt, *iterations, len))
                };
                match *cipher {
                    Pbes1Cipher::Rc4 { key_len } => Ok(rc4(&derive(Purpose::Key, key_len)?, data)),
                    Pbes1Cipher::Rc2 { key_len } => {
                        let key = derive(Purpose::Key, key_len)?;
                        let iv = derive(Purpose::Iv, 8)?;
                        Ok(cbc(Rc2::new_with_eff_key_len(&key, key_len * 8), &iv, data))
                    }
                    Pbes1Cipher::TripleDes { key_len } => {
                        let key = derive(Purpose::Key, key_len)?;
                        let iv = derive(Purpose::Iv, 8)?;
                        Ok(if key_len == 24 {
                            keyed::<TdesEde3>(&key, &iv, data)
                        } else {
                            keyed::<TdesEde2>(&key, &iv, data)
                        })
                    }
                }
            }
            Self::Pbes2 { kdf, cipher, iv } => {
                let key = kdf.derive(password, cipher.key_len(), budget)?;
                Ok(match cipher {
                    Cipher::Aes128 => keyed::<Aes128>(&key, iv, data),
                    Cipher::Aes192 => keyed::<Aes192>(&key, iv, data),
                    Cipher::Aes256 => keyed::<Aes256>(&key, iv, data),
                    Cipher::TripleDes => keyed::<TdesEde3>(&key, iv, data),
                })
            }
        }
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
            other => Err(Pkcs12Error::UnsupportedAlgorithm { field, name: oid::name(other) }),
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
        let memory = 128_u64.saturating_mul(n).saturating_mul(r);
        if !n.is_power_of_two() || n < 2 || r == 0 || memory > limit || p == 0 || p > 16 {
            return Err(Pkcs12Error::Parameter {
                what: "the scrypt cost",
                found: format!("N={n} r={r} p={p}"),
                allowed: format!("N a power of two, 128*N*r up to {limit}, p up to 16"),
            });
        }
        let narrow = |value| u32::try_from(value).unwrap_or(u32::MAX);
        let log_n = u8::try_from(n.trailing_zeros()).unwrap_or(u8::MAX);
        Ok(Self::Scrypt { salt, log_n, r: narrow(r), p: narrow(p) })
    }

    fn derive(
        &self,
        password: &Password,
        len: usize,
        budget: &mut Budget,
    ) -> Result<Zeroizing<Vec<u8>>, Pkcs12Error> {
        match self {
            Self::Pbkdf2(kdf) => kdf.derive(password, len, budget),
            Self::Scrypt { salt, log_n, r, p } => {
                // One round of N*r*p costs about as much as two SHA-256 iterations for each r.
                budget.charge((1 << log_n) * u64::from(*r), u64::from(*p) * 2)?;
                let mut key = Zeroizing::new(vec![0; len]);
                let failed = || Pkcs12Error::Parameter {
                    what: "the scrypt cost",
                    found: format!("N=2^{log_n} r={r} p={p}"),
                    allowed: "the parameters of RFC 7914".to_owned(),
                };
                let params = scrypt::Params::new(*log_n, *r, *p).map_err(|_| failed())?;
                // EXPOSE: the derivation hashes the password, as UTF-8.
                scrypt::scrypt(password.expose().as_bytes(), salt, &params, &mut key)
                    .map_err(|_| failed())?;
                Ok(key)
            }
        }
    }
}

fn keyed<C: BlockCipherDecrypt + KeyInit>(key: &[u8], iv: &[u8], data: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    cbc(C::new_from_slice(key).ok()?, iv, data)
}

/// CBC with the padding of RFC 8018, section 6.1.1.
fn cbc<C: BlockCipherDecrypt>(cipher: C, iv: &[u8], data: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut buffer = Zeroizing::new(data.to_vec());
    let len = cbc::Decryptor::inner_iv_slice_init(cipher, iv)
        .ok()?
        .decrypt_padded::<Pkcs7>(&mut buffer)
        .ok()?
        .len();
    buffer.truncate(len);
    Some(buffer)
}

fn rc4(key: &[u8], data: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut buffer = Zeroizing::new(data.to_vec());
    Rc4::new_from_slice(key).ok()?.apply_keystream(&mut buffer);
    Some(buffer)
}
