//! The contents of an AuthenticatedSafe: SafeContents and their bags (RFC 7292, section 4.2).
//!
//! One odd bag never spoils the file: it is skipped and counted. A part that does not decrypt is kept as a
//! problem, and becomes the error when nothing else of its kind is left.

use std::borrow::Cow;

use serde::Serialize;
use zeroize::Zeroizing;

use super::{
    ber::{
        BMP_STRING, CONTEXT_0, Element, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE, SET,
        UTF8_STRING, Walk,
    },
    error::Pkcs12Error,
    kdf::PasswordForm,
    oid,
    pbe::{AlgorithmIdentifier, Scheme},
};
use crate::{
    limits::Budget,
    secret::{Password, PrivateKey},
};

/// SafeContents inside SafeContents, at most.
const MAX_NESTED_SAFES: usize = 4;
/// ContentInfos in an AuthenticatedSafe, at most.
const MAX_SAFES: usize = 32;

/// Everything usable that a PFX holds, in the order of the file.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Contents {
    /// Private keys, decrypted.
    pub keys: Vec<KeyBag>,
    /// X.509 certificates; not parsed yet.
    pub certificates: Vec<CertificateBag>,
    /// What was passed over: the kind of bag, with the reason.
    pub skipped: Vec<String>,
}

/// A private key from a keyBag or a pkcs8ShroudedKeyBag.
#[derive(Debug)]
#[non_exhaustive]
pub struct KeyBag {
    /// The key.
    pub key: PrivateKey,
    /// The friendlyName as written; a display string, never an alias.
    pub friendly_name: Option<String>,
    /// The localKeyId: a hint, never a proof.
    pub local_key_id: Option<Vec<u8>>,
    /// The layers of encryption, outermost first; empty if it lay in the clear.
    pub protection: Vec<Encryption>,
}

/// A certificate from a certBag.
#[derive(Debug)]
#[non_exhaustive]
pub struct CertificateBag {
    /// The certificate in DER, as found.
    pub der: Vec<u8>,
    /// The friendlyName as written; a display string, never an alias.
    pub friendly_name: Option<String>,
    /// The localKeyId: a hint, never a proof.
    pub local_key_id: Option<Vec<u8>>,
    /// Whether the bag carries Oracle's trustedKeyUsage attribute.
    pub trusted: bool,
    /// The layers of encryption, outermost first; empty if it lay in the clear.
    pub protection: Vec<Encryption>,
}

/// One layer of password-based encryption.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Encryption {
    /// The algorithm as people name it.
    pub algorithm: String,
    /// Iterations of the key derivation, or N of scrypt.
    pub iterations: u64,
    /// Whether the algorithm is one that current programs no longer write (RC2, RC4, triple DES).
    pub legacy: bool,
}

impl Encryption {
    fn of(scheme: &Scheme) -> Self {
        Self { algorithm: scheme.name(), iterations: scheme.iterations(), legacy: scheme.is_legacy() }
    }
}

/// Reads the safes of one file, one after the other.
pub(super) struct BagReader<'r, 'l> {
    pub(super) walk: &'r Walk<'l>,
    pub(super) password: &'r Password,
    pub(super) form: PasswordForm,
    pub(super) budget: &'r mut Budget,
    contents: Contents,
    bags: usize,
    key_problem: Option<Pkcs12Error>,
    safe_problem: Option<Pkcs12Error>,
}

/// SafeContents that were encrypted, and how.
struct OpenedSafe {
    plain: Zeroizing<Vec<u8>>,
    encryption: Encryption,
}

#[derive(Default)]
struct Attributes {
    friendly_name: Option<String>,
    local_key_id: Option<Vec<u8>>,
    trusted: bool,
}

impl<'r, 'l> BagReader<'r, 'l> {
    pub(super) fn new(
        walk: &'r Walk<'l>,
        password: &'r Password,
        form: PasswordForm,
        budget: &'r mut Budget,
    ) -> Self {
        Self {
            walk,
            password,
            form,
            budget,
            contents: Contents::default(),
            bags: 0,
            key_problem: None,
            safe_problem: None,
        }
    }

    /// Reads an AuthenticatedSafe: a SEQUENCE of ContentInfo.
    pub(super) fn read(mut self, auth_safe: &[u8], depth: u16) -> Result<Contents, Pkcs12Error> {
        let mut outer = self.walk.reader(auth_safe, depth);
        let mut safes = outer.expect(SEQUENCE, "AuthenticatedSafe expected")?.children(self.walk);
        outer.finish("bytes after the AuthenticatedSafe")?;
        let mut count = 0_usize;
        while let Some(safe) = safes.next()? {
            count += 1;
            if count > MAX_SAFES {
                return Err(Pkcs12Error::TooMany { what: "safes", limit: MAX_SAFES });
            }
            self.read_safe(&safe)?;
        }
        self.finish()
    }

    fn finish(self) -> Result<Contents, Pkcs12Error> {
        let Self { contents, key_problem, safe_problem, .. } = self;
        if contents.keys.is_empty()
            && let Some(problem) = key_problem
        {
            return Err(problem);
        }
        if (contents.certificates.is_empty() || contents.keys.is_empty())
            && let Some(problem) = safe_problem
        {
            return Err(problem);
        }
        if contents.keys.is_empty() && contents.certificates.is_empty() {
            return Err(Pkcs12Error::Nothing { skipped: contents.skipped });
        }
        Ok(contents)
    }

    fn read_safe(&mut self, safe: &Element<'_>) -> Result<(), Pkcs12Error> {
        let mut info = safe.children(self.walk);
        let content_type = info.expect(OBJECT_IDENTIFIER, "a content type expected")?.content;
        let content = info.expect(CONTEXT_0, "the content of a safe is missing")?;
        info.finish("a ContentInfo has more than two fields")?;
        let mut inner = content.children(self.walk);
        match content_type {
            oid::DATA => {
                let data = inner.expect(OCTET_STRING, "an OCTET STRING expected in a safe")?;
                let octets = data.octets(self.walk)?;
                self.read_safe_contents(&octets, data.depth + 1, &[])
            }
            oid::ENCRYPTED_DATA => {
                let data = inner.expect(SEQUENCE, "EncryptedData expected")?;
                match self.decrypt_safe(&data)? {
                    Some(safe) => self.read_safe_contents(&safe.plain, data.depth + 1, &[safe.encryption]),
                    None => Ok(()),
                }
            }
            oid::ENVELOPED_DATA => {
                self.safe_problem.get_or_insert(Pkcs12Error::PublicKeyPrivacy);
                self.contents.skipped.push("envelopedData (encrypted to a public key)".to_owned());
                Ok(())
            }
            other => Err(Pkcs12Error::UnsupportedAlgorithm { field: "container", name: oid::name(other) }),
        }
    }

    /// Decrypts an EncryptedData (RFC 5652, section 8); `None` if that fails, which is then on record.
    fn decrypt_safe(&mut self, data: &Element<'_>) -> Result<Option<OpenedSafe>, Pkcs12Error> {
        let mut fields = data.children(self.walk);
        fields.expect(INTEGER, "the version of EncryptedData expected")?;
        let mut info = fields.expect(SEQUENCE, "EncryptedContentInfo expected")?.children(self.walk);
        info.expect(OBJECT_IDENTIFIER, "a content type expected")?;
        let algorithm = AlgorithmIdentifier::parse(&mut info, self.walk)?;
        // [0] IMPLICIT OCTET STRING, primitive or in segments.
        let encrypted = match info.next()? {
            Some(element) if element.tag == 0x80 || element.tag == CONTEXT_0 => element,
            _ => return Err(info.malformed("the encrypted content is missing")),
        };
        let scheme = match Scheme::parse(&algorithm, "certificate bag", self.walk) {
            Ok(scheme) => scheme,
            Err(problem @ Pkcs12Error::UnsupportedAlgorithm { .. }) => {
                self.contents.skipped.push(format!("an encrypted safe: {problem}"));
                self.safe_problem.get_or_insert(problem);
                return Ok(None);
            }
            Err(other) => return Err(other),
        };
        let octets = encrypted.octets(self.walk)?;
        let plain = scheme.decrypt(&octets, self.password, self.form, self.budget)?;
        match plain.filter(|plain| self.is_sequence(plain)) {
            Some(plain) => Ok(Some(OpenedSafe { plain, encryption: Encryption::of(&scheme) })),
            None => {
                self.contents.skipped.push("an encrypted safe with another password".to_owned());
                self.safe_problem.get_or_insert(Pkcs12Error::SafePassword);
                Ok(None)
            }
        }
    }

    /// A wrong key passes the padding check once in 256 times, but does not give a SEQUENCE of fitting length.
    fn is_sequence(&self, plain: &[u8]) -> bool {
        matches!(self.walk.reader(plain, 0).next(), Ok(Some(element)) if element.tag == SEQUENCE)
    }

    /// Reads SafeContents and the ones nested in it.
    fn read_safe_contents(
        &mut self,
        octets: &[u8],
        depth: u16,
        protection: &[Encryption],
    ) -> Result<(), Pkcs12Error> {
        let mut outer = self.walk.reader(octets, depth);
        let mut open = vec![outer.expect(SEQUENCE, "SafeContents expected")?.children(self.walk)];
        while let Some(reader) = open.last_mut() {
            let Some(bag) = reader.next()? else {
                open.pop();
                continue;
            };
            self.bags += 1;
            if self.bags > self.walk.limits.max_bags {
                return Err(Pkcs12Error::TooMany { what: "bags", limit: self.walk.limits.max_bags });
            }
            if let Some(nested) = self.read_bag(&bag, protection)? {
                if open.len() > MAX_NESTED_SAFES {
                    return Err(Pkcs12Error::TooMany {
                        what: "nested SafeContents",
                        limit: MAX_NESTED_SAFES,
                    });
                }
                open.push(nested.children(self.walk));
            }
        }
        Ok(())
    }

    /// Reads one SafeBag; gives the content of a safeContentsBag back to the caller.
    fn read_bag<'a>(
        &mut self,
        bag: &Element<'a>,
        protection: &[Encryption],
    ) -> Result<Option<Element<'a>>, Pkcs12Error> {
        let mut fields = bag.children(self.walk);
        let bag_id = fields.expect(OBJECT_IDENTIFIER, "a bag type expected")?.content;
        let mut value = fields.expect(CONTEXT_0, "the value of a bag is missing")?.children(self.walk);
        let attributes = match fields.optional(SET)? {
            Some(set) => self.attributes(&set)?,
            None => Attributes::default(),
        };
        match bag_id {
            oid::KEY_BAG => {
                let info = value.expect(SEQUENCE, "PrivateKeyInfo expected in a keyBag")?;
                self.push_key(info.raw.to_vec(), attributes, protection.to_vec())?;
            }
            oid::PKCS8_SHROUDED_KEY_BAG => self.shrouded_key(&mut value, attributes, protection)?,
            oid::CERT_BAG => self.certificate(&mut value, attributes, protection)?,
            oid::SAFE_CONTENTS_BAG => {
                return value.expect(SEQUENCE, "SafeContents expected in a bag").map(Some);
            }
            other => self.contents.skipped.push(oid::name(other)),
        }
        Ok(None)
    }

    fn shrouded_key(
        &mut self,
        value: &mut Reader<'_, '_>,
        attributes: Attributes,
        protection: &[Encryption],
    ) -> Result<(), Pkcs12Error> {
        let mut info = value.expect(SEQUENCE, "EncryptedPrivateKeyInfo expected")?.children(self.walk);
        let algorithm = AlgorithmIdentifier::parse(&mut info, self.walk)?;
        let encrypted = info.expect(OCTET_STRING, "encryptedData expected in a pkcs8ShroudedKeyBag")?;
        let scheme = match Scheme::parse(&algorithm, "key bag", self.walk) {
            Ok(scheme) => scheme,
            Err(problem @ Pkcs12Error::UnsupportedAlgorithm { .. }) => {
                self.contents.skipped.push(format!("a private key: {problem}"));
                self.key_problem.get_or_insert(problem);
                return Ok(());
            }
            Err(other) => return Err(other),
        };
        let octets = encrypted.octets(self.walk)?;
        let plain = scheme.decrypt(&octets, self.password, self.form, self.budget)?;
        let pkcs8 = plain.as_ref().and_then(|plain| match self.walk.reader(plain, 0).next() {
            Ok(Some(element)) if element.tag == SEQUENCE => Some(element.raw.to_vec()),
            _ => None,
        });
        match pkcs8 {
            Some(pkcs8) => {
                let mut layers = protection.to_vec();
                layers.push(Encryption::of(&scheme));
                self.push_key(pkcs8, attributes, layers)
            }
            None => {
                self.contents.skipped.push("a private key with a password of its own".to_owned());
                self.key_problem.get_or_insert(Pkcs12Error::KeyPassword);
                Ok(())
            }
        }
    }

    fn push_key(
        &mut self,
        pkcs8: Vec<u8>,
        attributes: Attributes,
        protection: Vec<Encryption>,
    ) -> Result<(), Pkcs12Error> {
        let key = PrivateKey::from_pkcs8_der(pkcs8);
        if self.contents.keys.len() >= self.walk.limits.max_keys {
            return Err(Pkcs12Error::TooMany { what: "private keys", limit: self.walk.limits.max_keys });
        }
        let Attributes { friendly_name, local_key_id, .. } = attributes;
        self.contents.keys.push(KeyBag { key, friendly_name, local_key_id, protection });
        Ok(())
    }

    fn certificate(
        &mut self,
        value: &mut Reader<'_, '_>,
        attributes: Attributes,
        protection: &[Encryption],
    ) -> Result<(), Pkcs12Error> {
        let mut bag = value.expect(SEQUENCE, "CertBag expected")?.children(self.walk);
        let kind = bag.expect(OBJECT_IDENTIFIER, "a certificate type expected")?.content;
        if kind != oid::X509_CERTIFICATE {
            self.contents.skipped.push(oid::name(kind));
            return Ok(());
        }
        let content = bag.expect(CONTEXT_0, "the value of a CertBag is missing")?;
        let octets =
            content.children(self.walk).expect(OCTET_STRING, "an OCTET STRING expected in a CertBag")?;
        let der = match octets.octets(self.walk)? {
            Cow::Borrowed(bytes) => bytes.to_vec(),
            Cow::Owned(bytes) => bytes,
        };
        if der.len() > self.walk.limits.max_certificate_len {
            return Err(Pkcs12Error::TooMany {
                what: "bytes in a certificate",
                limit: self.walk.limits.max_certificate_len,
            });
        }
        if self.contents.certificates.len() >= self.walk.limits.max_certificates {
            return Err(Pkcs12Error::TooMany {
                what: "certificates",
                limit: self.walk.limits.max_certificates,
            });
        }
        let Attributes { friendly_name, local_key_id, trusted } = attributes;
        let protection = protection.to_vec();
        self.contents.certificates.push(CertificateBag {
            der,
            friendly_name,
            local_key_id,
            trusted,
            protection,
        });
        Ok(())
    }

    /// Reads bagAttributes; the first value of each counts, values of another type are as if absent.
    fn attributes(&self, set: &Element<'_>) -> Result<Attributes, Pkcs12Error> {
        let mut found = Attributes::default();
        let mut reader = set.children(self.walk);
        while let Some(attribute) = reader.next()? {
            let mut fields = attribute.children(self.walk);
            let kind = fields.expect(OBJECT_IDENTIFIER, "an attribute type expected")?.content;
            let values = fields.expect(SET, "attribute values expected")?;
            let Some(value) = values.children(self.walk).next()? else {
                continue;
            };
            match kind {
                oid::FRIENDLY_NAME if found.friendly_name.is_none() => {
                    found.friendly_name = match value.tag {
                        BMP_STRING => bmp_text(value.content),
                        UTF8_STRING => String::from_utf8(value.content.to_vec()).ok(),
                        _ => None,
                    };
                }
                oid::LOCAL_KEY_ID if found.local_key_id.is_none() && value.tag & !0x20 == OCTET_STRING => {
                    found.local_key_id = Some(value.octets(self.walk)?.into_owned());
                }
                oid::TRUSTED_KEY_USAGE => found.trusted = true,
                _ => {}
            }
        }
        Ok(found)
    }
}

/// A BMPString as text; surrogate pairs are read, lone ones are not text.
fn bmp_text(bytes: &[u8]) -> Option<String> {
    let (pairs, []) = bytes.as_chunks::<2>() else {
        return None;
    };
    char::decode_utf16(pairs.iter().map(|pair| u16::from_be_bytes(*pair))).collect::<Result<_, _>>().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bmp_text_reads_surrogate_pairs_and_refuses_broken_ones() {
        assert_eq!(bmp_text(b"\0a\xd8\x3d\xde\x00").as_deref(), Some("a😀"));
        assert_eq!(bmp_text(b"\xd8\x3d"), None);
        assert_eq!(bmp_text(b"\0a\0"), None);
        assert_eq!(bmp_text(b"").as_deref(), Some(""));
    }
}
