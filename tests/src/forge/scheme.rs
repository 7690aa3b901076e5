//! Password-based encryption with parameters that need not be true: what is written and what is run may differ.

use aes::{Aes128, Aes192, Aes256};
use aes_gcm::{
    AesGcm,
    aead::{Aead, Nonce},
    aes::cipher::consts::U12,
};
use cbc::cipher::{
    BlockCipherEncrypt, BlockModeEncrypt as _, InnerIvInit as _, KeyInit, StreamCipher as _,
    block_padding::Pkcs7,
};
use des::{TdesEde2, TdesEde3};
use rc2::Rc2;
use rc4::Rc4;

use super::{
    Secret,
    der::{algorithm, integer, octets, segmented, sequence, unsigned},
    kdf::{Hash, Purpose},
};

/// A number of a file: how it is written, and what it stands for when this forger computes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Number {
    /// The content of the INTEGER.
    pub written: Vec<u8>,
    /// The value used.
    pub run: u64,
}

impl Number {
    /// An honest number.
    #[must_use]
    pub fn of(value: u64) -> Self {
        Self { written: unsigned(value), run: value }
    }

    /// A number that is only claimed; one round is run.
    #[must_use]
    pub fn claimed(written: &[u8]) -> Self {
        Self { written: written.to_vec(), run: 1 }
    }

    /// The INTEGER.
    #[must_use]
    pub fn der(&self) -> Vec<u8> {
        integer(&self.written)
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Self::of(value)
    }
}

/// The ciphers of PBES1 (RFC 7292, appendix C).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Pbes1 {
    /// RC4 with 128 bits.
    Rc4_128,
    /// RC4 with 40 bits.
    Rc4_40,
    /// Triple DES with three keys.
    TripleDes3,
    /// Triple DES with two keys.
    TripleDes2,
    /// RC2 with 128 bits.
    Rc2_128,
    /// RC2 with 40 bits.
    Rc2_40,
}

/// The ciphers of PBES2 (RFC 8018, appendix B.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Cipher {
    /// AES-128-CBC.
    Aes128,
    /// AES-192-CBC.
    Aes192,
    /// AES-256-CBC.
    Aes256,
    /// AES-128-GCM.
    Aes128Gcm,
    /// AES-192-GCM.
    Aes192Gcm,
    /// AES-256-GCM.
    Aes256Gcm,
    /// DES-EDE3-CBC.
    TripleDes,
}

/// One way to encrypt a part of a file.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Scheme {
    kind: Kind,
    salt: Vec<u8>,
    /// The salt as written.
    salt_der: Option<Vec<u8>>,
    key_len: Option<Number>,
    iv_in_segments: bool,
    /// What was derived elsewhere.
    key: Option<Vec<u8>>,
}

#[derive(Clone, Debug)]
enum Kind {
    Pbes1(Pbes1, Number),
    Pbkdf2(Cipher, Hash, Number),
    Scrypt { cipher: Cipher, n: Number, r: Number, p: Number },
}

/// All vectors are this one: a fixed forgery is a reproducible one.
const IV: [u8; 16] = *b"sixteen bytes IV";

impl Scheme {
    /// PBES1.
    #[must_use]
    pub fn pbes1(cipher: Pbes1, count: impl Into<Number>) -> Self {
        Self::new(Kind::Pbes1(cipher, count.into()))
    }

    /// PBES2 with PBKDF2.
    #[must_use]
    pub fn pbkdf2(cipher: Cipher, prf: Hash, count: impl Into<Number>) -> Self {
        Self::new(Kind::Pbkdf2(cipher, prf, count.into()))
    }

    /// PBES2 with scrypt, for AES-256. Numbers that are only claimed are run as N = 2, r = 1, p = 1.
    #[must_use]
    pub fn scrypt(n: impl Into<Number>, r: impl Into<Number>, p: impl Into<Number>) -> Self {
        Self::new(Kind::Scrypt { cipher: Cipher::Aes256, n: n.into(), r: r.into(), p: p.into() })
    }

    fn new(kind: Kind) -> Self {
        let salt = b"saltsalt".to_vec();
        Self { kind, salt, salt_der: None, key_len: None, iv_in_segments: false, key: None }
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

    /// The optional key length of PBKDF2, as written; the cipher's own is used.
    #[must_use]
    pub fn key_len(mut self, written: &[u8]) -> Self {
        self.key_len = Some(Number::claimed(written));
        self
    }

    /// A key of PBKDF2 that was derived before, with this salt and as many iterations.
    #[must_use]
    pub fn key(mut self, key: Vec<u8>) -> Self {
        self.key = Some(key);
        self
    }

    /// Writes the vector of PBES2 in segments (X.690, section 8.7.3).
    #[must_use]
    pub fn iv_in_segments(mut self) -> Self {
        self.iv_in_segments = true;
        self
    }

    /// The AlgorithmIdentifier.
    #[must_use]
    pub fn algorithm(&self) -> Vec<u8> {
        let salt = self.salt_der.clone().unwrap_or_else(|| octets(&self.salt));
        match &self.kind {
            Kind::Pbes1(cipher, count) => algorithm(cipher.oid(), &sequence(&[salt, count.der()])),
            Kind::Pbkdf2(cipher, prf, count) => {
                let key_len = self.key_len.as_ref().map(Number::der).unwrap_or_default();
                let prf = algorithm(prf.hmac_oid(), &super::der::null());
                let parameters = sequence(&[salt, count.der(), key_len, prf]);
                self.pbes2(&algorithm("1.2.840.113549.1.5.12", &parameters), *cipher)
            }
            Kind::Scrypt { cipher, n, r, p } => {
                let parameters = sequence(&[salt, n.der(), r.der(), p.der()]);
                self.pbes2(&algorithm("1.3.6.1.4.1.11591.4.11", &parameters), *cipher)
            }
        }
    }

    /// Encrypts.
    #[must_use]
    pub fn encrypt(&self, plain: &[u8], secret: &Secret) -> Vec<u8> {
        match &self.kind {
            Kind::Pbes1(cipher, count) => {
                let derive =
                    |purpose, len| Hash::Sha1.pkcs12(purpose, &secret.bmp, &self.salt, count.run, len);
                cipher.encrypt(&derive(Purpose::Key, cipher.key_len()), &derive(Purpose::Iv, 8), plain)
            }
            Kind::Pbkdf2(cipher, prf, count) => {
                let derive = || prf.pbkdf2(&secret.utf8, &self.salt, count.run, cipher.key_len());
                cipher.encrypt(&self.key.clone().unwrap_or_else(derive), plain)
            }
            Kind::Scrypt { cipher, n, r, p } => {
                let log_n = u8::try_from(n.run.max(2).ilog2()).unwrap();
                let [r, p] = [r, p].map(|number| u32::try_from(number.run).unwrap());
                let mut key = vec![0; cipher.key_len()];
                let parameters = scrypt::Params::new(log_n, r, p).unwrap();
                scrypt::scrypt(&secret.utf8, &self.salt, &parameters, &mut key).unwrap();
                cipher.encrypt(&key, plain)
            }
        }
    }

    fn pbes2(&self, derivation: &[u8], cipher: Cipher) -> Vec<u8> {
        let iv = &IV[..cipher.iv_len()];
        let iv = if self.iv_in_segments { segmented(iv, 8) } else { octets(iv) };
        // GCM: with the length of the tag (RFC 5084, section 3.2).
        let parameters = if cipher.is_gcm() { sequence(&[iv, Number::of(16).der()]) } else { iv };
        let encryption = algorithm(cipher.oid(), &parameters);
        algorithm("1.2.840.113549.1.5.13", &sequence(&[derivation, &encryption]))
    }
}

impl Pbes1 {
    /// Every cipher.
    pub const ALL: [Self; 6] =
        [Self::Rc4_128, Self::Rc4_40, Self::TripleDes3, Self::TripleDes2, Self::Rc2_128, Self::Rc2_40];

    fn oid(self) -> &'static str {
        match self {
            Self::Rc4_128 => "1.2.840.113549.1.12.1.1",
            Self::Rc4_40 => "1.2.840.113549.1.12.1.2",
            Self::TripleDes3 => "1.2.840.113549.1.12.1.3",
            Self::TripleDes2 => "1.2.840.113549.1.12.1.4",
            Self::Rc2_128 => "1.2.840.113549.1.12.1.5",
            Self::Rc2_40 => "1.2.840.113549.1.12.1.6",
        }
    }

    fn key_len(self) -> usize {
        match self {
            Self::Rc4_40 | Self::Rc2_40 => 5,
            Self::Rc4_128 | Self::TripleDes2 | Self::Rc2_128 => 16,
            Self::TripleDes3 => 24,
        }
    }

    fn encrypt(self, key: &[u8], iv: &[u8], plain: &[u8]) -> Vec<u8> {
        match self {
            Self::Rc4_128 | Self::Rc4_40 => {
                let mut data = plain.to_vec();
                Rc4::new_from_slice(key).unwrap().apply_keystream(&mut data);
                data
            }
            Self::TripleDes3 => cbc_encrypt(TdesEde3::new_from_slice(key).unwrap(), iv, plain),
            Self::TripleDes2 => cbc_encrypt(TdesEde2::new_from_slice(key).unwrap(), iv, plain),
            Self::Rc2_128 | Self::Rc2_40 => {
                cbc_encrypt(Rc2::new_with_eff_key_len(key, key.len() * 8), iv, plain)
            }
        }
    }
}

impl Cipher {
    /// Every cipher.
    pub const ALL: [Self; 7] = [
        Self::Aes128,
        Self::Aes192,
        Self::Aes256,
        Self::Aes128Gcm,
        Self::Aes192Gcm,
        Self::Aes256Gcm,
        Self::TripleDes,
    ];

    fn oid(self) -> &'static str {
        match self {
            Self::Aes128 => "2.16.840.1.101.3.4.1.2",
            Self::Aes192 => "2.16.840.1.101.3.4.1.22",
            Self::Aes256 => "2.16.840.1.101.3.4.1.42",
            Self::Aes128Gcm => "2.16.840.1.101.3.4.1.6",
            Self::Aes192Gcm => "2.16.840.1.101.3.4.1.26",
            Self::Aes256Gcm => "2.16.840.1.101.3.4.1.46",
            Self::TripleDes => "1.2.840.113549.3.7",
        }
    }

    fn key_len(self) -> usize {
        match self {
            Self::Aes128 | Self::Aes128Gcm => 16,
            Self::Aes192 | Self::Aes192Gcm | Self::TripleDes => 24,
            Self::Aes256 | Self::Aes256Gcm => 32,
        }
    }

    fn is_gcm(self) -> bool {
        matches!(self, Self::Aes128Gcm | Self::Aes192Gcm | Self::Aes256Gcm)
    }

    fn iv_len(self) -> usize {
        match self {
            Self::TripleDes => 8,
            _ if self.is_gcm() => 12,
            _ => 16,
        }
    }

    fn encrypt(self, key: &[u8], plain: &[u8]) -> Vec<u8> {
        let iv = &IV[..self.iv_len()];
        match self {
            Self::Aes128 => cbc_encrypt(Aes128::new_from_slice(key).unwrap(), iv, plain),
            Self::Aes192 => cbc_encrypt(Aes192::new_from_slice(key).unwrap(), iv, plain),
            Self::Aes256 => cbc_encrypt(Aes256::new_from_slice(key).unwrap(), iv, plain),
            Self::Aes128Gcm => gcm_encrypt::<AesGcm<Aes128, U12>>(key, iv, plain),
            Self::Aes192Gcm => gcm_encrypt::<AesGcm<Aes192, U12>>(key, iv, plain),
            Self::Aes256Gcm => gcm_encrypt::<AesGcm<Aes256, U12>>(key, iv, plain),
            Self::TripleDes => cbc_encrypt(TdesEde3::new_from_slice(key).unwrap(), iv, plain),
        }
    }
}

fn cbc_encrypt<C: BlockCipherEncrypt>(cipher: C, iv: &[u8], plain: &[u8]) -> Vec<u8> {
    cbc::Encryptor::inner_iv_slice_init(cipher, iv).unwrap().encrypt_padded_vec::<Pkcs7>(plain)
}

fn gcm_encrypt<A: Aead + KeyInit>(key: &[u8], nonce: &[u8], plain: &[u8]) -> Vec<u8> {
    let nonce = Nonce::<A>::try_from(nonce).unwrap();
    A::new_from_slice(key).unwrap().encrypt(&nonce, plain).unwrap()
}
