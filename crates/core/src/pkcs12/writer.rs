//! Writes a PFX (RFC 7292), and private keys under a password (RFC 8018).
//!
//! Certificates in one encrypted safe, the key shrouded in another, a MAC over both. What holds a secret on the way is
//! wiped.

use aes::Aes256;
use cbc::cipher::{BlockCipherEncrypt, BlockModeEncrypt, InnerIvInit, KeyInit, block_padding::Pkcs7};
use des::TdesEde3;
use hmac::{Mac as _, SimpleHmac};
use sha1::Sha1;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{
    ber::{BMP_STRING, CONTEXT_0, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, SET},
    hash::Hash,
    kdf::{Derivation, Method, Purpose, derive_alone},
    oid,
    password::Octets,
};
use crate::{
    encode::{encode, encode_secret},
    limits::{KdfBudget, Limits},
    secret::{InvalidSecret, Password, PrivateKey},
};

/// Why nothing could be written: no random bytes, or a cipher that refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct WriteFailed;

impl From<getrandom::Error> for WriteFailed {
    fn from(_: getrandom::Error) -> Self {
        Self
    }
}

impl From<crate::limits::Cancelled> for WriteFailed {
    fn from(_: crate::limits::Cancelled) -> Self {
        Self
    }
}

impl From<WriteFailed> for InvalidSecret {
    fn from(_: WriteFailed) -> Self {
        Self::NoRandomness
    }
}

/// How a PFX is protected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Protection {
    pub(crate) scheme: WriteScheme,
    pub(crate) mac: WriteMac,
    /// Of the encryption.
    pub(crate) iterations: u32,
    /// Of the MAC.
    pub(crate) mac_iterations: u32,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum WriteScheme {
    /// PBES2 with PBKDF2-HMAC-SHA-256 and AES-256-CBC.
    Aes256,
    /// PBES1 with SHA-1 and triple DES of three keys.
    TripleDes,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum WriteMac {
    /// HMAC-SHA-256 under PKCS #12's own derivation.
    Sha256,
    /// HMAC-SHA-1 under the same.
    Sha1,
    /// PBMAC1 (RFC 9879) with PBKDF2-HMAC-SHA-256 and HMAC-SHA-256.
    Pbmac1,
}

/// The salt of PBKDF2, and of PKCS #12's derivation, in bytes.
const SALT_LEN: usize = 16;
/// The same for the old schemes, of SHA-1's length.
const OLD_SALT_LEN: usize = 20;
/// anyExtendedKeyUsage, which Java's attribute has for a value.
const ANY_PURPOSE: &[u8] = b"\x55\x1d\x25\x00";
/// The salt of a MacData whose own parameters say all (RFC 9879, section 5).
const UNUSED_SALT: &[u8] = b"NOT USED";

/// A certificate with the attributes of its bag.
pub(crate) struct WriteCertificate<'a> {
    pub(crate) der: &'a [u8],
    pub(crate) name: Option<&'a str>,
    pub(crate) local_key_id: Option<&'a [u8]>,
    /// Whether Java is to take it as trusted.
    pub(crate) trusted: bool,
}

/// A private key with the attributes of its bag.
pub(crate) struct WriteKey<'a> {
    pub(crate) key: &'a PrivateKey,
    pub(crate) name: &'a str,
    pub(crate) local_key_id: &'a [u8],
}

/// Writes a PFX.
pub(crate) fn write_pfx(
    key: Option<&WriteKey<'_>>,
    certificates: &[WriteCertificate<'_>],
    password: &Password,
    protection: &Protection,
) -> Result<Zeroizing<Vec<u8>>, WriteFailed> {
    let writer = Writer { password: standard(password)?, protection };
    let bags: Vec<Vec<u8>> = certificates.iter().map(certificate_bag).collect();
    let mut safes = writer.encrypted_safe(&encode(SEQUENCE, &bags.concat()))?;
    if let Some(key) = key {
        // EXPOSE: encrypted.
        let shrouded = writer.encrypted(key.key.expose_pkcs8_der())?;
        let attributes = attributes(Some(key.name), Some(key.local_key_id), false);
        let bag = bag(oid::PKCS8_SHROUDED_KEY_BAG, &shrouded, &attributes);
        safes.extend(data(&encode(SEQUENCE, &bag)));
    }
    let auth_safe = encode(SEQUENCE, &safes);
    let mac = writer.mac(&auth_safe)?;
    Ok(encode_secret(SEQUENCE, &[&encode(INTEGER, &[3]), &data(&auth_safe), &mac]))
}

/// Writes an EncryptedPrivateKeyInfo under PBES2.
pub(crate) fn write_encrypted_key(
    key: &PrivateKey,
    password: &Password,
    iterations: u32,
) -> Result<Vec<u8>, WriteFailed> {
    let protection =
        Protection { scheme: WriteScheme::Aes256, mac: WriteMac::Sha256, iterations, mac_iterations: 1 };
    // EXPOSE: encrypted.
    Writer { password: standard(password)?, protection: &protection }.encrypted(key.expose_pkcs8_der())
}

/// A degenerate SignedData: certificates and nothing else (RFC 5652, section 5).
pub(crate) fn write_pkcs7(certificates: &[&[u8]]) -> Vec<u8> {
    let signed = [
        encode(INTEGER, &[1]),
        encode(SET, &[]),
        encode(SEQUENCE, &object(oid::DATA)),
        encode(CONTEXT_0, &certificates.concat()),
        encode(SET, &[]),
    ];
    let content = encode(CONTEXT_0, &encode(SEQUENCE, &signed.concat()));
    encode(SEQUENCE, &[object(oid::SIGNED_DATA), content].concat())
}

fn standard(password: &Password) -> Result<Octets, WriteFailed> {
    Octets::all(password).into_iter().next().ok_or(WriteFailed)
}

struct Writer<'p> {
    password: Octets,
    protection: &'p Protection,
}

impl Writer<'_> {
    /// An EncryptedPrivateKeyInfo, or what has the same form.
    fn encrypted(&self, plain: &[u8]) -> Result<Vec<u8>, WriteFailed> {
        let (algorithm, cipher) = self.encrypt(plain)?;
        Ok(encode(SEQUENCE, &[algorithm, encode(OCTET_STRING, &cipher)].concat()))
    }

    /// A ContentInfo of encrypted SafeContents.
    fn encrypted_safe(&self, plain: &[u8]) -> Result<Vec<u8>, WriteFailed> {
        let (algorithm, cipher) = self.encrypt(plain)?;
        let content = encode(0x80, &cipher);
        let info = encode(SEQUENCE, &[object(oid::DATA), algorithm, content].concat());
        let encrypted = encode(SEQUENCE, &[encode(INTEGER, &[0]), info].concat());
        Ok(encode(SEQUENCE, &[object(oid::ENCRYPTED_DATA), encode(CONTEXT_0, &encrypted)].concat()))
    }

    /// AlgorithmIdentifier, and the ciphertext.
    fn encrypt(&self, plain: &[u8]) -> Result<(Vec<u8>, Vec<u8>), WriteFailed> {
        let iterations = self.protection.iterations;
        match self.protection.scheme {
            WriteScheme::Aes256 => {
                let (salt, iv) = (random::<SALT_LEN>()?, random::<16>()?);
                let method = Method::Pbkdf2 { prf: Hash::Sha256, iterations };
                let key = derive(method, 32, &self.password.utf8, &salt)?;
                let kdf = pbkdf2(&salt, iterations, None);
                let cipher = algorithm(oid::AES256_CBC, &encode(OCTET_STRING, &iv));
                let parameters = encode(SEQUENCE, &[kdf, cipher].concat());
                Ok((algorithm(oid::PBES2, &parameters), cbc::<Aes256>(&key, &iv, plain)?))
            }
            WriteScheme::TripleDes => {
                let salt = random::<OLD_SALT_LEN>()?;
                let of = |purpose| Method::Pkcs12 { hash: Hash::Sha1, purpose, iterations };
                let key = derive(of(Purpose::Key), 24, &self.password.bmp, &salt)?;
                let iv = derive(of(Purpose::Iv), 8, &self.password.bmp, &salt)?;
                let parameters = [encode(OCTET_STRING, &salt), number(iterations)].concat();
                let identifier = algorithm(oid::PBE_3DES_3KEY, &encode(SEQUENCE, &parameters));
                Ok((identifier, cbc::<TdesEde3>(&key, &iv, plain)?))
            }
        }
    }

    /// MacData.
    fn mac(&self, auth_safe: &[u8]) -> Result<Vec<u8>, WriteFailed> {
        let iterations = self.protection.mac_iterations;
        let null = [5, 0];
        let (digest_algorithm, digest, salt, count) = match self.protection.mac {
            WriteMac::Pbmac1 => {
                let salt = random::<SALT_LEN>()?;
                let method = Method::Pbkdf2 { prf: Hash::Sha256, iterations };
                let key = derive(method, 32, &self.password.utf8, &salt)?;
                let digest = hmac_sha256(&key, auth_safe)?;
                let parameters = [pbkdf2(&salt, iterations, Some(32)), algorithm(oid::HMAC_SHA256, &null)];
                let identifier = algorithm(oid::PBMAC1, &encode(SEQUENCE, &parameters.concat()));
                (identifier, digest, UNUSED_SALT.to_vec(), 1)
            }
            WriteMac::Sha256 => {
                let salt = random::<SALT_LEN>()?;
                let method = Method::Pkcs12 { hash: Hash::Sha256, purpose: Purpose::Mac, iterations };
                let key = derive(method, 32, &self.password.bmp, &salt)?;
                (algorithm(oid::SHA256, &null), hmac_sha256(&key, auth_safe)?, salt.to_vec(), iterations)
            }
            WriteMac::Sha1 => {
                let salt = random::<OLD_SALT_LEN>()?;
                let method = Method::Pkcs12 { hash: Hash::Sha1, purpose: Purpose::Mac, iterations };
                let key = derive(method, 20, &self.password.bmp, &salt)?;
                let mac = SimpleHmac::<Sha1>::new_from_slice(&key).map_err(|_| WriteFailed)?;
                let digest = mac.chain_update(auth_safe).finalize().into_bytes().to_vec();
                (algorithm(oid::SHA1, &null), digest, salt.to_vec(), iterations)
            }
        };
        let digest_info = encode(SEQUENCE, &[digest_algorithm, encode(OCTET_STRING, &digest)].concat());
        let mut fields = [digest_info, encode(OCTET_STRING, &salt)].concat();
        // DEFAULT 1, which DER leaves out.
        if count != 1 {
            fields.extend(number(count));
        }
        Ok(encode(SEQUENCE, &fields))
    }
}

fn derive(
    method: Method,
    len: usize,
    password: &Zeroizing<Vec<u8>>,
    salt: &[u8],
) -> Result<Zeroizing<Vec<u8>>, WriteFailed> {
    let derivation = Derivation { salt: salt.to_vec(), method, len, password: password.clone() };
    derive_alone(derivation, &mut KdfBudget::new(&Limits::default()))?.ok_or(WriteFailed)
}

fn hmac_sha256(key: &[u8], data: &[u8]) -> Result<Vec<u8>, WriteFailed> {
    let mac = SimpleHmac::<Sha256>::new_from_slice(key).map_err(|_| WriteFailed)?;
    Ok(mac.chain_update(data).finalize().into_bytes().to_vec())
}

fn random<const N: usize>() -> Result<[u8; N], WriteFailed> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// CBC with the padding of RFC 8018, section 6.1.1.
fn cbc<C: BlockCipherEncrypt + KeyInit>(key: &[u8], iv: &[u8], plain: &[u8]) -> Result<Vec<u8>, WriteFailed> {
    let cipher = C::new_from_slice(key).map_err(|_| WriteFailed)?;
    let mode = cbc::Encryptor::inner_iv_slice_init(cipher, iv).map_err(|_| WriteFailed)?;
    // Room for the padding, at the most a block.
    let mut buffer = Zeroizing::new(vec![0; plain.len() + 16]);
    buffer.get_mut(..plain.len()).ok_or(WriteFailed)?.copy_from_slice(plain);
    let cipher = mode.encrypt_padded::<Pkcs7>(&mut buffer, plain.len()).map_err(|_| WriteFailed)?;
    Ok(cipher.to_vec())
}

fn pbkdf2(salt: &[u8], iterations: u32, key_len: Option<u32>) -> Vec<u8> {
    let mut parameters = [encode(OCTET_STRING, salt), number(iterations)].concat();
    parameters.extend(key_len.map(number).unwrap_or_default());
    parameters.extend(algorithm(oid::HMAC_SHA256, &[5, 0]));
    algorithm(oid::PBKDF2, &encode(SEQUENCE, &parameters))
}

fn object(bytes: &[u8]) -> Vec<u8> {
    encode(OBJECT_IDENTIFIER, bytes)
}

fn algorithm(bytes: &[u8], parameters: &[u8]) -> Vec<u8> {
    encode(SEQUENCE, &[&object(bytes), parameters].concat())
}

/// An INTEGER that is not negative.
fn number(value: u32) -> Vec<u8> {
    let mut digits: Vec<u8> = value.to_be_bytes().into_iter().skip_while(|digit| *digit == 0).collect();
    if digits.first().is_none_or(|first| *first >= 0x80) {
        digits.insert(0, 0);
    }
    encode(INTEGER, &digits)
}

/// A ContentInfo of type data.
fn data(content: &[u8]) -> Vec<u8> {
    let content = encode(CONTEXT_0, &encode(OCTET_STRING, content));
    encode(SEQUENCE, &[object(oid::DATA), content].concat())
}

fn bag(kind: &[u8], value: &[u8], attributes: &[u8]) -> Vec<u8> {
    encode(SEQUENCE, &[&object(kind), &encode(CONTEXT_0, value), attributes].concat())
}

fn certificate_bag(certificate: &WriteCertificate<'_>) -> Vec<u8> {
    let value = encode(CONTEXT_0, &encode(OCTET_STRING, certificate.der));
    let value = encode(SEQUENCE, &[object(oid::X509_CERTIFICATE), value].concat());
    let WriteCertificate { name, local_key_id, trusted, .. } = *certificate;
    bag(oid::CERT_BAG, &value, &attributes(name, local_key_id, trusted))
}

/// The attributes of a bag, in the order of DER; nothing without any.
fn attributes(name: Option<&str>, local_key_id: Option<&[u8]>, trusted: bool) -> Vec<u8> {
    let attribute =
        |kind: &[u8], value: Vec<u8>| encode(SEQUENCE, &[object(kind), encode(SET, &value)].concat());
    let mut all = Vec::new();
    if let Some(name) = name {
        let text: Vec<u8> = name.encode_utf16().flat_map(u16::to_be_bytes).collect();
        all.push(attribute(oid::FRIENDLY_NAME, encode(BMP_STRING, &text)));
    }
    if let Some(id) = local_key_id {
        all.push(attribute(oid::LOCAL_KEY_ID, encode(OCTET_STRING, id)));
    }
    if trusted {
        all.push(attribute(oid::TRUSTED_KEY_USAGE, object(ANY_PURPOSE)));
    }
    if all.is_empty() {
        return Vec::new();
    }
    all.sort();
    encode(SET, &all.concat())
}
