//! Private keys as files hold them: PKCS #8 (RFC 5958), PKCS #1 (RFC 8017, appendix A.1), SEC 1 (RFC 5915) and OpenSSL's
//! DSA, in the clear or under a password. Whatever the form, PKCS #8 comes out.

use zeroize::Zeroizing;

use super::{
    der::{INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE, only},
    traditional::DekInfo,
};
use crate::{
    encode::{encode, encode_secret},
    limits::{KdfBudget, Limits},
    pkcs12::{EncryptedKey, Encryption, PasswordReading, Pkcs12Error},
    secret::{Password, PrivateKey},
};

/// A private key of a file, not opened yet.
pub(crate) struct KeyFile<'a> {
    /// The content of a block, or a file in DER.
    pub(crate) der: &'a [u8],
    /// What the header of a block says about its encryption.
    pub(crate) dek_info: Option<&'a str>,
    /// Whether it is an EncryptedPrivateKeyInfo.
    pub(crate) encrypted: bool,
    /// The content of the EC PARAMETERS before it.
    pub(crate) parameters: Option<&'a [u8]>,
}

/// What came of opening one.
pub(crate) enum ReadKey {
    /// It is open.
    Open { key: PrivateKey, protection: Vec<Encryption>, reading: Option<PasswordReading> },
    /// It stays locked.
    Locked { reason: Pkcs12Error, protection: Vec<Encryption> },
}

impl KeyFile<'_> {
    /// Opens it under the first of the passwords that fits. That a padding is whole proves nothing: what comes out has
    /// to be a private key.
    ///
    /// # Errors
    ///
    /// [`Pkcs12Error::Malformed`] if it is no private key at all; [`Pkcs12Error::Work`], [`Pkcs12Error::Cancelled`].
    pub(crate) fn open(
        &self,
        passwords: &[&Password],
        limits: &Limits,
        budget: &mut KdfBudget,
    ) -> Result<ReadKey, Pkcs12Error> {
        let wrong = || Pkcs12Error::KeyFilePassword { given: !passwords.is_empty() };
        if let Some(info) = self.dek_info {
            let info = match DekInfo::parse(info) {
                Ok(info) => info,
                Err(reason) => return Ok(ReadKey::Locked { reason, protection: Vec::new() }),
            };
            let protection = vec![info.encryption()];
            let opened = passwords.iter().find_map(|password| {
                let plain = info.decrypt(self.der, password)?;
                self.key_in(&plain)
            });
            return Ok(match opened {
                Some(key) => ReadKey::Open { key, protection, reading: None },
                None => ReadKey::Locked { reason: wrong(), protection },
            });
        }
        if self.encrypted {
            let encrypted = EncryptedKey::parse(self.der, limits)?;
            let protection: Vec<Encryption> = encrypted.encryption().into_iter().collect();
            if protection.is_empty() {
                return Ok(ReadKey::Locked { reason: encrypted.unsupported(), protection });
            }
            return Ok(match encrypted.open(passwords, limits, budget)? {
                Some(opened) => ReadKey::Open { key: opened.key, protection, reading: opened.reading },
                None => ReadKey::Locked { reason: wrong(), protection },
            });
        }
        let key = self.key_in(self.der);
        let key = key.ok_or(Pkcs12Error::Malformed { at: 0, what: "a private key expected" })?;
        Ok(ReadKey::Open { key, protection: Vec::new(), reading: None })
    }

    /// The private key that these bytes are, to the last.
    fn key_in(&self, der: &[u8]) -> Option<PrivateKey> {
        let mut key = Reader::new(only(der, SEQUENCE).ok()?);
        key.content(INTEGER).ok()?;
        let second = key.clone().any().ok()?;
        match second.tag {
            SEQUENCE => {
                key.content(SEQUENCE).ok()?;
                key.content(OCTET_STRING).ok()?;
                Some(PrivateKey::from_pkcs8_der(der.to_vec()))
            }
            INTEGER => integers(der, key),
            OCTET_STRING => self.sec1(der, key),
            _ => None,
        }
    }

    /// ECPrivateKey: its curve stands inside, or in the EC PARAMETERS before it.
    fn sec1(&self, der: &[u8], mut key: Reader<'_>) -> Option<PrivateKey> {
        /// `[0]`, explicit: the parameters.
        const PARAMETERS: u8 = 0xa0;
        key.content(OCTET_STRING).ok()?;
        let inside = key.optional(PARAMETERS).ok()?.map(|value| value.content);
        let curve = inside.or(self.parameters)?;
        // Nothing but a name or the parameters of a curve.
        let first = Reader::new(curve).any().ok()?;
        if !matches!(first.tag, OBJECT_IDENTIFIER | SEQUENCE) {
            return None;
        }
        Some(pkcs8(EC_PUBLIC_KEY, curve, der))
    }
}

/// The contents of OBJECT IDENTIFIERs, encoded.
const EC_PUBLIC_KEY: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01";
const RSA_ENCRYPTION: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
const DSA: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x38\x04\x01";
const NULL: &[u8] = b"\x05\x00";

/// RSAPrivateKey has eight numbers after its version, OpenSSL's DSA key five.
fn integers(der: &[u8], mut rest: Reader<'_>) -> Option<PrivateKey> {
    let mut numbers = Vec::new();
    while !rest.is_empty() {
        let value = rest.any().ok()?;
        // The primes beyond the second (RFC 8017, appendix A.1.2) stand in a SEQUENCE.
        if value.tag != INTEGER && !(value.tag == SEQUENCE && numbers.len() == 8) {
            return None;
        }
        numbers.push(value);
    }
    match numbers.as_slice() {
        [_, _, _, _, _, _, _, _] | [_, _, _, _, _, _, _, _, _] => Some(pkcs8(RSA_ENCRYPTION, NULL, der)),
        [p, q, g, _, x] => {
            let parameters = encode_secret(SEQUENCE, &[p.encoded, q.encoded, g.encoded]);
            Some(pkcs8(DSA, &parameters, x.encoded))
        }
        _ => None,
    }
}

/// A private key in the form of its own algorithm, PKCS #1 or SEC 1, with the label of such a block in PEM; `None` for a
/// kind of key that has no such form.
pub(crate) fn traditional(key: &PrivateKey) -> Option<(&'static str, Zeroizing<Vec<u8>>)> {
    /// `[0]` and `[1]`, explicit: the parameters and the public key.
    const FIELDS: (u8, u8) = (0xa0, 0xa1);
    // EXPOSE: written in another form.
    let mut info = Reader::new(only(key.expose_pkcs8_der(), SEQUENCE).ok()?);
    info.content(INTEGER).ok()?;
    let mut algorithm = Reader::new(info.content(SEQUENCE).ok()?);
    let identifier = algorithm.any().ok()?.encoded;
    let inner = info.content(OCTET_STRING).ok()?;
    if identifier == RSA_ENCRYPTION {
        return Some(("RSA PRIVATE KEY", Zeroizing::new(inner.to_vec())));
    }
    if identifier != EC_PUBLIC_KEY {
        return None;
    }
    // PKCS #8 names the curve outside; a file of SEC 1 has it inside.
    let parameters = encode(FIELDS.0, algorithm.any().ok()?.encoded);
    let mut numbers = Reader::new(only(inner, SEQUENCE).ok()?);
    let (version, number) = (numbers.value(INTEGER).ok()?, numbers.value(OCTET_STRING).ok()?);
    numbers.optional(FIELDS.0).ok()?;
    let public = numbers.optional(FIELDS.1).ok()?.map(|value| value.encoded).unwrap_or_default();
    let parts = [version.encoded, number.encoded, parameters.as_slice(), public];
    Some(("EC PRIVATE KEY", encode_secret(SEQUENCE, &parts)))
}

/// PrivateKeyInfo of version 0.
fn pkcs8(algorithm: &[u8], parameters: &[u8], key: &[u8]) -> PrivateKey {
    let algorithm = encode_secret(SEQUENCE, &[algorithm, parameters]);
    let key = encode_secret(OCTET_STRING, &[key]);
    let info = encode_secret(SEQUENCE, &[b"\x02\x01\x00", &algorithm, &key]);
    PrivateKey::from_pkcs8_der(info.to_vec())
}
