//! Reads an AuthenticatedSafe: SafeContents and their bags (RFC 7292, section 4).
//!
//! One odd bag never spoils the file: it is passed over and counted. A part that does not decrypt is kept as a
//! problem, for the caller to weigh.

use std::borrow::Cow;

use zeroize::Zeroizing;

use super::{
    algorithm::AlgorithmIdentifier,
    attribute,
    ber::{CONTEXT_0, Element, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE, SET, Walk},
    contents::{Attributes, CertificateBag, Contents, Encryption, KeyBag, Safe},
    error::Pkcs12Error,
    oid,
    password::{Octets, PasswordReading},
    pbe::Scheme,
};
use crate::{limits::Budget, secret::PrivateKey};

/// SafeContents inside SafeContents, at most.
const MAX_NESTED_SAFES: usize = 4;
/// ContentInfos in an AuthenticatedSafe, at most.
const MAX_SAFES: usize = 32;

/// Reads the safes of one file, one after the other.
pub(super) struct BagReader<'r, 'l> {
    walk: &'r Walk<'l>,
    /// The readings of the file's password that may fit.
    passwords: Vec<&'r Octets>,
    /// Those, and the readings of the keys' own password.
    key_passwords: Vec<&'r Octets>,
    budget: &'r mut Budget,
    contents: Contents,
    bags: usize,
}

/// SafeContents that were encrypted, and how.
struct OpenedSafe {
    plain: Zeroizing<Vec<u8>>,
    encryption: Encryption,
}

impl<'r, 'l> BagReader<'r, 'l> {
    pub(super) fn new(
        walk: &'r Walk<'l>,
        passwords: &'r [Octets],
        key_passwords: &'r [Octets],
        budget: &'r mut Budget,
    ) -> Self {
        Self {
            walk,
            passwords: passwords.iter().collect(),
            key_passwords: passwords.iter().chain(key_passwords).collect(),
            budget,
            contents: Contents::default(),
            bags: 0,
        }
    }

    /// Reads an AuthenticatedSafe: a SEQUENCE of ContentInfo.
    pub(super) fn read(mut self, auth_safe: &[u8], depth: u16) -> Result<Contents, Pkcs12Error> {
        let mut outer = self.walk.reader(auth_safe, depth);
        let mut safes = outer.expect(SEQUENCE, "AuthenticatedSafe expected")?.children(self.walk);
        outer.finish("bytes after the AuthenticatedSafe")?;
        while let Some(safe) = safes.next()? {
            if self.contents.safes.len() >= MAX_SAFES {
                return Err(Pkcs12Error::TooMany { what: "safes", limit: MAX_SAFES });
            }
            self.contents.safes.push(Safe { encryption: None, bags: Vec::new() });
            self.read_safe(&safe)?;
        }
        Ok(self.contents)
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
                inner.finish("a safe has more than one content")?;
                let octets = data.octets(self.walk)?;
                self.read_safe_contents(&octets, data.depth + 1, &[])
            }
            oid::ENCRYPTED_DATA => {
                let data = inner.expect(SEQUENCE, "EncryptedData expected")?;
                inner.finish("a safe has more than one content")?;
                match self.decrypt_safe(&data)? {
                    Some(safe) => self.read_safe_contents(&safe.plain, data.depth + 1, &[safe.encryption]),
                    None => Ok(()),
                }
            }
            oid::ENVELOPED_DATA => {
                self.contents.safe_problem.get_or_insert(Pkcs12Error::PublicKeyPrivacy);
                self.skip("envelopedData (encrypted to a public key)");
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
                self.skip(&format!("an encrypted safe: {problem}"));
                self.contents.safe_problem.get_or_insert(problem);
                return Ok(None);
            }
            Err(other) => return Err(other),
        };
        let encryption = Encryption::of(&scheme);
        if let Some(safe) = self.contents.safes.last_mut() {
            safe.encryption = Some(encryption.clone());
        }
        let octets = encrypted.octets(self.walk)?;
        if octets.is_empty() {
            return Err(info.malformed("the encrypted content is empty"));
        }
        let walk = self.walk;
        let opened =
            scheme.decrypt(&octets, &self.passwords, self.budget, |plain| is_safe_contents(walk, plain))?;
        Ok(if let Some(opened) = opened {
            self.note(opened.reading);
            Some(OpenedSafe { plain: opened.plain, encryption })
        } else {
            self.skip("an encrypted safe with another password");
            self.contents.safe_problem.get_or_insert(Pkcs12Error::SafePassword);
            None
        })
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
            Some(set) => attribute::read(&set, self.walk)?,
            None => Attributes::default(),
        };
        if let Some(safe) = self.contents.safes.last_mut() {
            safe.bags.push(oid::short_name(bag_id));
        }
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
            other => self.skip(&oid::name(other)),
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
                self.skip(&format!("a private key: {problem}"));
                self.contents.key_problem.get_or_insert(problem);
                return Ok(());
            }
            Err(other) => return Err(other),
        };
        let octets = encrypted.octets(self.walk)?;
        let walk = self.walk;
        let opened = scheme
            .decrypt(&octets, &self.key_passwords, self.budget, |plain| is_private_key_info(walk, plain))?;
        let Some(opened) = opened else {
            self.skip("a private key with a password of its own");
            self.contents.key_problem.get_or_insert(Pkcs12Error::KeyPassword);
            return Ok(());
        };
        self.note(opened.reading);
        let mut layers = protection.to_vec();
        layers.push(Encryption::of(&scheme));
        // Some programs leave bytes after the PrivateKeyInfo.
        let info = self.walk.reader(&opened.plain, 0).next()?;
        let pkcs8 = info.map(|element| element.raw.to_vec()).unwrap_or_default();
        self.push_key(pkcs8, attributes, layers)
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
        self.contents.keys.push(KeyBag { key, attributes, protection });
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
            self.skip(&oid::name(kind));
            return Ok(());
        }
        let content = bag.expect(CONTEXT_0, "the value of a CertBag is missing")?;
        let octets =
            content.children(self.walk).expect(OCTET_STRING, "an OCTET STRING expected in a CertBag")?;
        let der = match octets.octets(self.walk)? {
            Cow::Borrowed(bytes) => bytes.to_vec(),
            Cow::Owned(bytes) => bytes,
        };
        let limits = self.walk.limits;
        if der.len() > limits.max_certificate_len {
            return Err(Pkcs12Error::TooMany {
                what: "bytes in a certificate",
                limit: limits.max_certificate_len,
            });
        }
        if self.contents.certificates.len() >= limits.max_certificates {
            return Err(Pkcs12Error::TooMany { what: "certificates", limit: limits.max_certificates });
        }
        let protection = protection.to_vec();
        self.contents.certificates.push(CertificateBag { der, attributes, protection });
        Ok(())
    }

    fn skip(&mut self, what: &str) {
        self.contents.skipped.push(what.to_owned());
    }

    fn note(&mut self, reading: PasswordReading) {
        if reading != PasswordReading::Standard && !self.contents.readings.contains(&reading) {
            self.contents.readings.push(reading);
        }
    }
}

/// A wrong key passes the padding check once in 256 times, and gives a SEQUENCE that fits in one of thousands; it does
/// not give the first field of a PrivateKeyInfo as well.
fn is_private_key_info(walk: &Walk<'_>, plain: &[u8]) -> bool {
    first_field(walk, plain).is_some_and(|version| version.tag == INTEGER && version.content.len() <= 2)
}

/// SafeContents without a bag, or with one that begins with its type.
fn is_safe_contents(walk: &Walk<'_>, plain: &[u8]) -> bool {
    if plain == [SEQUENCE, 0] || plain == [SEQUENCE, 0x80, 0, 0] {
        return true;
    }
    let bag = first_field(walk, plain).filter(|bag| bag.tag == SEQUENCE);
    bag.and_then(|bag| bag.children(walk).next().ok()?).is_some_and(|bag_id| bag_id.tag == OBJECT_IDENTIFIER)
}

/// The first value in a SEQUENCE.
fn first_field<'a>(walk: &Walk<'_>, plain: &'a [u8]) -> Option<Element<'a>> {
    let outer = walk.reader(plain, 0).next().ok()?.filter(|outer| outer.tag == SEQUENCE)?;
    outer.children(walk).next().ok()?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    #[test]
    fn plaintexts_are_told_from_what_a_wrong_key_gives() {
        let limits = Limits::default();
        let walk = Walk::new(&limits);
        let safe = |plain: &[u8]| is_safe_contents(&walk, plain);
        assert!(safe(b"\x30\x00"), "no bag");
        assert!(safe(b"\x30\x80\x00\x00"), "no bag, of indefinite length");
        assert!(safe(b"\x30\x04\x30\x02\x06\x00"));
        assert!(!safe(b"\x30\x04\x31\x02\x06\x00"), "a SET for a bag");
        assert!(!safe(b"\x30\x04\x30\x02\x04\x00"), "a bag without its type");
        assert!(!safe(b"\x30\x02\x30\x00"), "an empty bag");
        assert!(!safe(b"\x31\x04\x30\x02\x06\x00"), "a SET of bags");
        assert!(!safe(b"\x30\x05\x30\x02\x06\x00"), "cut off");
        let key = |plain: &[u8]| is_private_key_info(&walk, plain);
        assert!(key(b"\x30\x03\x02\x01\x00"));
        assert!(key(b"\x30\x04\x02\x02\x00\x00"));
        assert!(!key(b"\x30\x05\x02\x03\x00\x00\x00"), "a version of three bytes");
        assert!(!key(b"\x30\x03\x04\x01\x00"), "a string for a version");
        assert!(!key(b"\x30\x00"));
    }
}
