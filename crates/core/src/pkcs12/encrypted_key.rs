//! EncryptedPrivateKeyInfo (RFC 5958, section 3) outside a PFX: in a file of its own, or in a keystore of Java.

use std::borrow::Cow;

use zeroize::Zeroizing;

use super::{
    algorithm::{AlgorithmIdentifier, iterations, salt},
    ber::{INTEGER, OCTET_STRING, SEQUENCE, Walk},
    contents::Encryption,
    error::Pkcs12Error,
    oid,
    password::{Octets, PasswordReading},
    pbe::Scheme,
    plaintext::is_private_key_info,
};
use crate::{
    limits::{KdfBudget, Limits},
    secret::{Password, PrivateKey},
};

/// A private key under a password, taken apart.
pub(crate) struct EncryptedKey<'a> {
    /// The content of the algorithm's object identifier.
    pub(crate) algorithm: &'a [u8],
    /// Salt and iterations, where the parameters are those of PBES1 (RFC 8018, appendix A.3).
    pub(crate) pbe: Option<(Vec<u8>, u32)>,
    /// What is encrypted.
    pub(crate) data: Cow<'a, [u8]>,
    /// `None` for an algorithm that PKCS #5 and PKCS #12 do not have.
    scheme: Option<Scheme>,
}

/// A private key that opened.
pub(crate) struct OpenedKey {
    pub(crate) key: PrivateKey,
    /// How the password was read.
    pub(crate) reading: Option<PasswordReading>,
}

impl<'a> EncryptedKey<'a> {
    /// Reads the outside; nothing is derived. Nothing may follow.
    pub(crate) fn parse(der: &'a [u8], limits: &Limits) -> Result<Self, Pkcs12Error> {
        let walk = Walk::new(limits);
        let mut outer = walk.reader(der, 0);
        let mut info = outer.expect(SEQUENCE, "EncryptedPrivateKeyInfo expected")?.children(&walk);
        outer.finish("bytes after the EncryptedPrivateKeyInfo")?;
        let algorithm = AlgorithmIdentifier::parse(&mut info, &walk)?;
        let data = info.expect(OCTET_STRING, "encryptedData expected in an EncryptedPrivateKeyInfo")?;
        info.finish("an EncryptedPrivateKeyInfo has more than two fields")?;
        let scheme = match Scheme::parse(&algorithm, "key bag", &walk) {
            Ok(scheme) => Some(scheme),
            Err(error) if error.is_of_algorithm() => None,
            Err(other) => return Err(other),
        };
        let pbe = if scheme.is_none() && algorithm.oid == oid::JCEKS_PBE {
            let mut parameters = algorithm.sequence("PBE parameters expected", &walk)?;
            let salt = salt(&parameters.expect(OCTET_STRING, "a salt expected in PBE parameters")?, &walk)?;
            let count = parameters.expect(INTEGER, "an iteration count expected in PBE parameters")?;
            parameters.finish("PBE has more than two parameters")?;
            Some((salt, iterations(&count, "the PBE iteration count", limits)?))
        } else {
            None
        };
        Ok(Self { algorithm: algorithm.oid, pbe, data: data.octets(&walk)?, scheme })
    }

    /// How it is encrypted; `None` for an algorithm that PKCS #5 and PKCS #12 do not have.
    pub(crate) fn encryption(&self) -> Option<Encryption> {
        self.scheme.as_ref().map(Encryption::of)
    }

    /// What one try costs, in iterations.
    pub(crate) fn work(&self) -> u64 {
        self.scheme.as_ref().map_or(0, Scheme::work)
    }

    /// That its algorithm is none of those that are implemented.
    pub(crate) fn unsupported(&self) -> Pkcs12Error {
        Pkcs12Error::unsupported("key bag", self.algorithm)
    }

    /// Decrypts it under the first of the passwords that fits; `None` if none does.
    ///
    /// # Errors
    ///
    /// [`Pkcs12Error::UnsupportedAlgorithm`], [`Pkcs12Error::Work`] or [`Pkcs12Error::Cancelled`].
    pub(crate) fn open(
        &self,
        passwords: &[&Password],
        limits: &Limits,
        budget: &mut KdfBudget,
    ) -> Result<Option<OpenedKey>, Pkcs12Error> {
        let scheme = self.scheme.as_ref().ok_or_else(|| self.unsupported())?;
        let octets: Vec<Octets> = passwords.iter().flat_map(|password| Octets::all(password)).collect();
        let walk = Walk::new(limits);
        let accept = |plain: &[u8]| is_private_key_info(&walk, plain);
        let opened = scheme.decrypt_alone(&self.data, &octets.iter().collect::<Vec<_>>(), budget, accept)?;
        Ok(opened.map(|opened| {
            let odd = !matches!(opened.reading, PasswordReading::Standard | PasswordReading::NoBytes);
            OpenedKey { key: private_key(&opened.plain, limits), reading: odd.then_some(opened.reading) }
        }))
    }
}

/// The PrivateKeyInfo at the beginning of a plaintext: some programs leave bytes behind it.
fn private_key(plain: &[u8], limits: &Limits) -> PrivateKey {
    let walk = Walk::new(limits);
    let info = walk.reader(plain, 0).next().ok().flatten();
    PrivateKey::from_pkcs8_der(info.map(|element| element.raw).unwrap_or_default().to_vec())
}

/// The key in what a protector of Java's gave, if it is one.
pub(crate) fn opened_key(plain: &Zeroizing<Vec<u8>>, limits: &Limits) -> Option<PrivateKey> {
    is_private_key_info(&Walk::new(limits), plain).then(|| private_key(plain, limits))
}
