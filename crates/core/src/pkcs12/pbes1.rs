//! PBES1: with the derivation of PKCS #12 (RFC 7292, appendix C), and with PBKDF1 (RFC 8018, section 6.1).

use zeroize::Zeroizing;

use super::{
    algorithm::{AlgorithmIdentifier, iterations, salt},
    ber::{INTEGER, OCTET_STRING, Walk},
    cipher::{Cipher, Plain},
    error::Pkcs12Error,
    hash::Hash,
    kdf::{Derivation as Key, Method, Purpose},
    oid,
};

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
    #[cfg(feature = "legacy-pfx")]
    Pbkdf1(Hash),
}

const fn pkcs12(oid: &'static [u8], name: &'static str, cipher: Cipher, key_len: usize) -> Kind {
    Kind { oid, name, derivation: Derivation::Pkcs12, cipher, key_len }
}

#[cfg(feature = "legacy-pfx")]
const fn pkcs5(oid: &'static [u8], name: &'static str, hash: Hash, cipher: Cipher) -> Kind {
    Kind { oid, name, derivation: Derivation::Pbkdf1(hash), cipher, key_len: 8 }
}

const KINDS: &[Kind] = &[
    #[cfg(feature = "legacy-pfx")]
    pkcs12(oid::PBE_RC4_128, "PBES1 SHA-1 RC4-128", Cipher::Rc4, 16),
    #[cfg(feature = "legacy-pfx")]
    pkcs12(oid::PBE_RC4_40, "PBES1 SHA-1 RC4-40", Cipher::Rc4, 5),
    pkcs12(oid::PBE_3DES_3KEY, "PBES1 SHA-1 3DES", Cipher::TripleDes3, 24),
    pkcs12(oid::PBE_3DES_2KEY, "PBES1 SHA-1 2-key 3DES", Cipher::TripleDes2, 16),
    #[cfg(feature = "legacy-pfx")]
    pkcs12(oid::PBE_RC2_128, "PBES1 SHA-1 RC2-128", Cipher::Rc2 { bits: 128 }, 16),
    #[cfg(feature = "legacy-pfx")]
    pkcs12(oid::PBE_RC2_40, "PBES1 SHA-1 RC2-40", Cipher::Rc2 { bits: 40 }, 5),
    #[cfg(feature = "legacy-pfx")]
    pkcs5(oid::PBE_MD5_DES, "PBES1 MD5 DES", Hash::Md5, Cipher::Des),
    #[cfg(feature = "legacy-pfx")]
    pkcs5(oid::PBE_MD5_RC2, "PBES1 MD5 RC2-64", Hash::Md5, Cipher::Rc2 { bits: 64 }),
    #[cfg(feature = "legacy-pfx")]
    pkcs5(oid::PBE_SHA1_DES, "PBES1 SHA-1 DES", Hash::Sha1, Cipher::Des),
    #[cfg(feature = "legacy-pfx")]
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
        let methods = self.methods().into_iter();
        methods.map(|(method, len)| method.work(len)).fold(0, u64::saturating_add)
    }

    /// How key and vector are derived, and how long they are. PBKDF1 gives both at once.
    fn methods(&self) -> Vec<(Method, usize)> {
        let Kind { derivation, cipher, key_len, .. } = *self.kind;
        let iterations = self.iterations;
        match derivation {
            Derivation::Pkcs12 => {
                let of = |purpose| Method::Pkcs12 { hash: Hash::Sha1, purpose, iterations };
                let mut both = vec![(of(Purpose::Key), key_len)];
                // A stream cipher has no vector to pay for.
                if cipher.iv_len() > 0 {
                    both.push((of(Purpose::Iv), cipher.iv_len()));
                }
                both
            }
            #[cfg(feature = "legacy-pfx")]
            Derivation::Pbkdf1(hash) => vec![(Method::Pbkdf1 { hash, iterations }, 16)],
        }
    }

    /// What is derived from a password before anything is decrypted.
    pub(super) fn derivations(&self, password: &Zeroizing<Vec<u8>>) -> Vec<Key> {
        let of = |(method, len)| Key { salt: self.salt.clone(), method, len, password: password.clone() };
        self.methods().into_iter().map(of).collect()
    }

    /// Decrypts with what was derived.
    pub(super) fn decrypt(&self, data: &[u8], keys: &[&[u8]]) -> Plain {
        let (key, iv) = match (self.kind.derivation, keys) {
            (Derivation::Pkcs12, [key]) => (*key, &[][..]),
            (Derivation::Pkcs12, [key, iv]) => (*key, *iv),
            #[cfg(feature = "legacy-pfx")]
            (Derivation::Pbkdf1(_), [both]) => both.split_at_checked(8)?,
            _ => return None,
        };
        self.kind.cipher.decrypt(key, iv, data)
    }
}
