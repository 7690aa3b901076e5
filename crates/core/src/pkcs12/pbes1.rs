//! PBES1: with the derivation of PKCS #12 (RFC 7292, appendix C), and with PBKDF1 (RFC 8018, section 6.1).

use super::{
    algorithm::{AlgorithmIdentifier, iterations, salt},
    ber::{INTEGER, OCTET_STRING, Walk},
    cipher::{Cipher, Plain},
    error::Pkcs12Error,
    hash::Hash,
    kdf::{Input, Purpose},
    oid,
};
use crate::limits::KdfBudget;

/// PBES1 with its parameters.
pub(super) struct Pbes1 {
    kind: &'static Kind,
    salt: Vec<u8>,
    pub(super) iterations: u32,
}

struct Kind {
    oid: &'static [u8],
    name: &'static str,
    derivation: Derivation,
    cipher: Cipher,
    key_len: usize,
}

#[derive(Clone, Copy)]
enum Derivation {
    /// PKCS #12's own, with SHA-1.
    Pkcs12,
    /// PBKDF1 for 8 bytes of key and 8 of initialisation vector.
    Pbkdf1(Hash),
}

const fn pkcs12(oid: &'static [u8], name: &'static str, cipher: Cipher, key_len: usize) -> Kind {
    Kind { oid, name, derivation: Derivation::Pkcs12, cipher, key_len }
}

const fn pkcs5(oid: &'static [u8], name: &'static str, hash: Hash, cipher: Cipher) -> Kind {
    Kind { oid, name, derivation: Derivation::Pbkdf1(hash), cipher, key_len: 8 }
}

const KINDS: [Kind; 10] = [
    pkcs12(oid::PBE_RC4_128, "PBES1 SHA-1 RC4-128", Cipher::Rc4, 16),
    pkcs12(oid::PBE_RC4_40, "PBES1 SHA-1 RC4-40", Cipher::Rc4, 5),
    pkcs12(oid::PBE_3DES_3KEY, "PBES1 SHA-1 3DES", Cipher::TripleDes3, 24),
    pkcs12(oid::PBE_3DES_2KEY, "PBES1 SHA-1 2-key 3DES", Cipher::TripleDes2, 16),
    pkcs12(oid::PBE_RC2_128, "PBES1 SHA-1 RC2-128", Cipher::Rc2 { bits: 128 }, 16),
    pkcs12(oid::PBE_RC2_40, "PBES1 SHA-1 RC2-40", Cipher::Rc2 { bits: 40 }, 5),
    pkcs5(oid::PBE_MD5_DES, "PBES1 MD5 DES", Hash::Md5, Cipher::Des),
    pkcs5(oid::PBE_MD5_RC2, "PBES1 MD5 RC2-64", Hash::Md5, Cipher::Rc2 { bits: 64 }),
    pkcs5(oid::PBE_SHA1_DES, "PBES1 SHA-1 DES", Hash::Sha1, Cipher::Des),
    pkcs5(oid::PBE_SHA1_RC2, "PBES1 SHA-1 RC2-64", Hash::Sha1, Cipher::Rc2 { bits: 64 }),
];

impl Pbes1 {
    /// Reads the parameters; `None` if the algorithm is no PBES1.
    pub(super) fn parse(
        algorithm: &AlgorithmIdentifier<'_>,
        walk: &Walk<'_>,
    ) -> Result<Option<Self>, Pkcs12Error> {
        let Some(kind) = KINDS.iter().find(|kind| kind.oid == algorithm.oid) else {
            return Ok(None);
        };
        let mut reader = algorithm.sequence("PBES1 parameters expected", walk)?;
        let salt = salt(&reader.expect(OCTET_STRING, "a salt expected in PBES1")?, walk)?;
        let count = reader.expect(INTEGER, "an iteration count expected in PBES1")?;
        reader.finish("PBES1 has more than two parameters")?;
        let iterations = iterations(&count, "the PBES1 iteration count", walk.limits)?;
        Ok(Some(Self { kind, salt, iterations }))
    }

    pub(super) fn name(&self) -> &'static str {
        self.kind.name
    }

    /// Whether the password goes in as BMPString, and not as UTF-8.
    pub(super) fn takes_bmp(&self) -> bool {
        matches!(self.kind.derivation, Derivation::Pkcs12)
    }

    /// What one try costs, in iterations.
    pub(super) fn work(&self) -> u64 {
        let Kind { derivation, cipher, key_len, .. } = *self.kind;
        let blocks = match derivation {
            // A stream cipher has no vector to pay for.
            Derivation::Pkcs12 if cipher.iv_len() == 0 => Hash::Sha1.blocks(key_len),
            Derivation::Pkcs12 => Hash::Sha1.blocks(key_len) + Hash::Sha1.blocks(cipher.iv_len()),
            Derivation::Pbkdf1(_) => 1,
        };
        u64::from(self.iterations).saturating_mul(blocks)
    }

    pub(super) fn decrypt(
        &self,
        data: &[u8],
        password: &[u8],
        budget: &mut KdfBudget,
    ) -> Result<Plain, Pkcs12Error> {
        let Kind { derivation, cipher, key_len, .. } = *self.kind;
        let input = Input { password, salt: &self.salt, iterations: self.iterations };
        budget.charge(self.work(), 1)?;
        let (key, iv) = match derivation {
            Derivation::Pkcs12 => {
                let mut derive = |purpose, len| Hash::Sha1.pkcs12_kdf(purpose, input, len, budget);
                let key = derive(Purpose::Key, key_len)?;
                let iv =
                    if cipher.iv_len() == 0 { None } else { Some(derive(Purpose::Iv, cipher.iv_len())?) };
                (key, iv.unwrap_or_default())
            }
            Derivation::Pbkdf1(hash) => {
                let mut key = hash.pbkdf1(input, 16, budget)?;
                let half = key.len().min(8);
                let iv = key.split_off(half).into();
                (key, iv)
            }
        };
        Ok(cipher.decrypt(&key, &iv, data))
    }
}
