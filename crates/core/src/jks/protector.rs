//! How JKS and JCEKS protect a private key. Read alone; never written.

use md5::Md5;
use sha1::{Digest as _, Sha1};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::{
    limits::{Cancelled, KdfBudget, Limits},
    pkcs12::{Cipher, EncryptedKey, Encryption, JCEKS_PBE, JKS_PROTECTOR, Pkcs12Error, opened_key},
    secret::{Password, PrivateKey},
};

/// The length of a salt, and of a digest, of SHA-1.
const SHA1_LEN: usize = 20;
/// Bytes of key for triple DES, and of its initialisation vector.
const KEY_AND_IV: (usize, usize) = (24, 8);

/// A protected key, taken apart.
pub(super) struct Protected<'a> {
    encrypted: EncryptedKey<'a>,
}

impl<'a> Protected<'a> {
    /// Reads the outside; nothing is derived.
    pub(super) fn parse(der: &'a [u8], limits: &Limits) -> Result<Self, Pkcs12Error> {
        Ok(Self { encrypted: EncryptedKey::parse(der, limits)? })
    }

    /// How it is encrypted, as far as that is known.
    pub(super) fn encryption(&self) -> Option<Encryption> {
        match (self.encrypted.algorithm, &self.encrypted.pbe) {
            (JKS_PROTECTOR, _) => Some(Encryption::new("JKS SHA-1 keystream", 1, true)),
            (JCEKS_PBE, Some((_, iterations))) => {
                Some(Encryption::new("JCEKS MD5 3DES", u64::from(*iterations), true))
            }
            _ => self.encrypted.encryption(),
        }
    }

    /// What one try costs, in iterations: MD5 runs for each half of the salt.
    pub(super) fn work(&self) -> u64 {
        match &self.encrypted.pbe {
            Some((_, iterations)) => u64::from(*iterations).saturating_mul(2),
            None => self.encrypted.work(),
        }
    }

    /// Opens it under the first of the passwords that fits.
    ///
    /// # Errors
    ///
    /// [`Pkcs12Error::KeyPassword`] if none does, or why it cannot be tried.
    pub(super) fn open(
        &self,
        passwords: &[&Password],
        limits: &Limits,
        budget: &mut KdfBudget,
    ) -> Result<PrivateKey, Pkcs12Error> {
        let opened = match (self.encrypted.algorithm, &self.encrypted.pbe) {
            (JKS_PROTECTOR, _) => passwords.iter().find_map(|password| self.jks(password, limits)),
            (JCEKS_PBE, Some((salt, iterations))) => {
                let mut found = None;
                for password in passwords {
                    found = self.jceks(password, salt, *iterations, limits, budget)?;
                    if found.is_some() {
                        break;
                    }
                }
                found
            }
            _ => self.encrypted.open(passwords, limits, budget)?.map(|opened| opened.key),
        };
        opened.ok_or(Pkcs12Error::KeyPassword)
    }

    /// Salt, key, check: SHA-1 over the password and the block before gives the next 20 bytes of a stream.
    fn jks(&self, password: &Password, limits: &Limits) -> Option<PrivateKey> {
        let data = self.encrypted.data.as_ref();
        let (salt, rest) = data.split_at_checked(SHA1_LEN)?;
        let (body, check) = rest.split_at_checked(rest.len().checked_sub(SHA1_LEN)?)?;
        let password = utf16(password);
        let mut plain = Zeroizing::new(Vec::with_capacity(body.len()));
        let mut block: Zeroizing<Vec<u8>> = Zeroizing::new(salt.to_vec());
        for part in body.chunks(SHA1_LEN) {
            let next =
                Sha1::new().chain_update(password.as_slice()).chain_update(block.as_slice()).finalize();
            block = Zeroizing::new(next.to_vec());
            plain.extend(part.iter().zip(block.iter()).map(|(byte, key)| byte ^ key));
        }
        let expected =
            Sha1::new().chain_update(password.as_slice()).chain_update(plain.as_slice()).finalize();
        let fits = cfg!(strongroom_fuzzing) || bool::from(expected.as_slice().ct_eq(check));
        if fits { opened_key(&plain, limits) } else { None }
    }

    /// PBEWithMD5AndTripleDES: MD5 over a half of the salt and the password, again and again; both halves together are
    /// key and initialisation vector.
    fn jceks(
        &self,
        password: &Password,
        salt: &[u8],
        iterations: u32,
        limits: &Limits,
        budget: &mut KdfBudget,
    ) -> Result<Option<PrivateKey>, Pkcs12Error> {
        // EXPOSE: input of the derivation. Java takes printable ASCII alone here.
        let text = password.expose().as_bytes();
        if !text.iter().all(|byte| (0x20..0x7f).contains(byte)) {
            return Ok(None);
        }
        let [a, b, c, d, e, f, g, h] = *salt else {
            let found = format!("{} bytes long", salt.len());
            return Err(Pkcs12Error::Parameter { what: "a salt", found, allowed: "8 bytes".to_owned() });
        };
        let (mut first, second) = ([a, b, c, d], [e, f, g, h]);
        // So does Java, lest both halves give the same.
        if first == second {
            first = [d, c, b, a];
        }
        budget.charge(u64::from(iterations), 2)?;
        let mut derived = Zeroizing::new(Vec::with_capacity(32));
        for half in [first, second] {
            derived.extend_from_slice(&digest(&half, text, iterations, budget)?);
        }
        let (key_len, iv_len) = KEY_AND_IV;
        let (key, iv) = derived.split_at_checked(key_len).unwrap_or((&[], &[]));
        let iv = iv.get(..iv_len).unwrap_or_default();
        let plain = Cipher::TripleDes3.decrypt(key, iv, &self.encrypted.data);
        Ok(plain.and_then(|plain| opened_key(&plain, limits)))
    }
}

fn digest(
    half: &[u8],
    password: &[u8],
    iterations: u32,
    budget: &mut KdfBudget,
) -> Result<Zeroizing<Vec<u8>>, Cancelled> {
    let iterations = if cfg!(strongroom_fuzzing) { iterations.min(16) } else { iterations };
    let mut last = Md5::new().chain_update(half).chain_update(password).finalize();
    let mut run = |times| {
        for _ in 0..times {
            last = Md5::new().chain_update(last).chain_update(password).finalize();
        }
    };
    budget.counting(|progress| progress.repeat(iterations, &mut run))?;
    Ok(Zeroizing::new(last.to_vec()))
}

/// A password as Java hands it to SHA-1: UTF-16, big endian, with nothing at the end.
pub(super) fn utf16(password: &Password) -> Zeroizing<Vec<u8>> {
    // EXPOSE: input of the digest. Full size at once, so that growth leaves no copy behind.
    let text = password.expose();
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len().saturating_mul(2)));
    text.encode_utf16().for_each(|unit| bytes.extend_from_slice(&unit.to_be_bytes()));
    bytes
}
