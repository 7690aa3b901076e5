//! Reads an AuthenticatedSafe: SafeContents and their bags (RFC 7292, section 4).
//!
//! One odd bag never spoils the file: it is passed over and counted. A key or a safe that does not decrypt is kept
//! on record as locked, for the caller to weigh.

use std::borrow::Cow;

use zeroize::Zeroizing;

use super::{
    algorithm::AlgorithmIdentifier,
    attribute,
    ber::{CONTEXT_0, Element, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE, SET, Walk},
    contents::{Attributes, CertificateBag, Contents, Encryption, KeyBag, LockedKey, Safe},
    error::Pkcs12Error,
    kdf::Keys,
    oid,
    password::{Octets, PasswordReading},
    pbe::{Scheme, Tried},
    plaintext::{is_private_key_info, is_safe_contents},
};
use crate::{
    limits::{KdfBudget, Limits},
    secret::PrivateKey,
};

/// SafeContents inside SafeContents, at most.
const MAX_NESTED_SAFES: usize = 4;

/// Reads the safes of one file, one after the other.
pub(super) struct BagReader<'r, 'l> {
    walk: &'r Walk<'l>,
    /// `None` where it is only seen what the file asks for.
    unlock: Option<Unlock<'r>>,
    /// How the parts are encrypted that are seen without decrypting.
    schemes: Vec<Scheme>,
    /// Whether a part could not be decrypted yet, for want of a key that has to be derived.
    waits: bool,
    contents: Contents,
    bags: usize,
}

/// What parts are decrypted with.
struct Unlock<'r> {
    /// The readings of the file's password that may fit.
    passwords: Vec<&'r Octets>,
    /// Those, and the readings of the keys' own passwords.
    key_passwords: Vec<&'r Octets>,
    keys: &'r mut Keys,
    budget: &'r mut KdfBudget,
}

/// How the parts of an AuthenticatedSafe are encrypted, as far as their schemes lie in the clear, in the order of the file.
///
/// # Errors
///
/// What is beyond a limit, so that it is refused before a key is derived. What is malformed is left to the reading.
pub(super) fn foresee(walk: &Walk<'_>, auth_safe: &[u8], depth: u16) -> Result<Vec<Scheme>, Pkcs12Error> {
    let mut reader = BagReader::new(walk, None);
    match reader.read_all(auth_safe, depth) {
        Err(error @ (Pkcs12Error::TooMany { .. } | Pkcs12Error::Parameter { .. })) => Err(error),
        _ => Ok(reader.schemes),
    }
}

/// Reads an AuthenticatedSafe: a SEQUENCE of ContentInfo.
///
/// It is read until nothing is missing: what a reading would have to derive is collected, and derived together before the
/// next.
///
/// # Errors
///
/// See [`VerifiedPfx::decrypt`](super::VerifiedPfx::decrypt).
pub(super) fn read(
    limits: &Limits,
    (auth_safe, depth): (&[u8], u16),
    (passwords, key_passwords): (&[Octets], &[Octets]),
    keys: &mut Keys,
    budget: &mut KdfBudget,
) -> Result<Contents, Pkcs12Error> {
    loop {
        let unlock = Unlock {
            passwords: passwords.iter().collect(),
            key_passwords: passwords.iter().chain(key_passwords).collect(),
            keys: &mut *keys,
            budget: &mut *budget,
        };
        let walk = Walk::new(limits);
        let mut reader = BagReader::new(&walk, Some(unlock));
        reader.read_all(auth_safe, depth)?;
        if !reader.waits {
            return Ok(reader.contents);
        }
        keys.derive(None, budget)?;
        keys.rewind();
    }
}

/// SafeContents that were encrypted, and how.
struct OpenedSafe {
    plain: Zeroizing<Vec<u8>>,
    encryption: Encryption,
}

impl<'r, 'l> BagReader<'r, 'l> {
    fn new(walk: &'r Walk<'l>, unlock: Option<Unlock<'r>>) -> Self {
        Self { walk, unlock, schemes: Vec::new(), waits: false, contents: Contents::default(), bags: 0 }
    }

    fn read_all(&mut self, auth_safe: &[u8], depth: u16) -> Result<(), Pkcs12Error> {
        let limit = self.walk.limits.max_safes;
        let mut outer = self.walk.reader(auth_safe, depth);
        let mut safes = outer.expect(SEQUENCE, "AuthenticatedSafe expected")?.children(self.walk);
        outer.finish("bytes after the AuthenticatedSafe")?;
        while let Some(safe) = safes.next()? {
            if self.contents.safes.len() >= limit {
                return Err(Pkcs12Error::TooMany { what: "safes", limit });
            }
            self.contents.safes.push(Safe { encryption: None, bags: Vec::new(), locked: None });
            self.read_safe(&safe)?;
        }
        Ok(())
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
                self.lock_safe(Pkcs12Error::PublicKeyPrivacy);
                Ok(())
            }
            other => Err(Pkcs12Error::unsupported("container", other)),
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
            Err(problem) if problem.is_of_algorithm() => {
                self.lock_safe(problem);
                return Ok(None);
            }
            Err(other) => return Err(other),
        };
        let Some(unlock) = &mut self.unlock else {
            self.schemes.push(scheme);
            return Ok(None);
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
        let accept = |plain: &[u8]| is_safe_contents(walk, plain);
        match scheme.decrypt(&octets, &unlock.passwords, unlock.keys, unlock.budget, accept)? {
            Tried::Opened(opened) => {
                self.note(opened.reading);
                return Ok(Some(OpenedSafe { plain: opened.plain, encryption }));
            }
            Tried::Refused => self.lock_safe(Pkcs12Error::SafePassword),
            Tried::Waiting => self.waits = true,
        }
        Ok(None)
    }

    fn lock_safe(&mut self, reason: Pkcs12Error) {
        if let Some(safe) = self.contents.safes.last_mut() {
            safe.locked = Some(reason);
        }
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
        if attributes.friendly_name_unreadable {
            self.skip(UNREADABLE_NAME);
        }
        if let Some(safe) = self.contents.safes.last_mut() {
            safe.bags.push(oid::short_name(bag_id));
        }
        match bag_id {
            oid::KEY_BAG => {
                let info = value.expect(SEQUENCE, "PrivateKeyInfo expected in a keyBag")?;
                self.push_key(info.raw, attributes, protection.to_vec())?;
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
            Err(problem) if problem.is_of_algorithm() => {
                return self.lock_key(problem, attributes, protection.to_vec());
            }
            Err(other) => return Err(other),
        };
        let mut layers = protection.to_vec();
        layers.push(Encryption::of(&scheme));
        let Some(unlock) = &mut self.unlock else {
            self.schemes.push(scheme);
            // Counted, as one that may open.
            return self.lock_key(Pkcs12Error::KeyPassword, attributes, layers);
        };
        let octets = encrypted.octets(self.walk)?;
        let walk = self.walk;
        let accept = |plain: &[u8]| is_private_key_info(walk, plain);
        let opened =
            match scheme.decrypt(&octets, &unlock.key_passwords, unlock.keys, unlock.budget, accept)? {
                Tried::Opened(opened) => opened,
                Tried::Refused => return self.lock_key(Pkcs12Error::KeyPassword, attributes, layers),
                Tried::Waiting => {
                    self.waits = true;
                    return self.lock_key(Pkcs12Error::KeyPassword, attributes, layers);
                }
            };
        self.note(opened.reading);
        // Some programs leave bytes after the PrivateKeyInfo.
        let info = self.walk.reader(&opened.plain, 0).next()?;
        self.push_key(info.map(|element| element.raw).unwrap_or_default(), attributes, layers)
    }

    /// The place of one more key, which is refused beyond the limit.
    fn next_place(&self) -> Result<usize, Pkcs12Error> {
        let (before, limit) =
            (self.contents.keys.len() + self.contents.locked.len(), self.walk.limits.max_keys);
        if before >= limit {
            return Err(Pkcs12Error::TooMany { what: "private keys", limit });
        }
        Ok(before + 1)
    }

    fn push_key(
        &mut self,
        pkcs8: &[u8],
        attributes: Attributes,
        protection: Vec<Encryption>,
    ) -> Result<(), Pkcs12Error> {
        let place = self.next_place()?;
        let key = PrivateKey::from_pkcs8_der(pkcs8.to_vec());
        self.contents.keys.push(KeyBag { key, attributes, protection, place });
        Ok(())
    }

    fn lock_key(
        &mut self,
        reason: Pkcs12Error,
        attributes: Attributes,
        protection: Vec<Encryption>,
    ) -> Result<(), Pkcs12Error> {
        let place = self.next_place()?;
        self.contents.locked.push(LockedKey { reason, attributes, protection, place });
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

/// What is said of a name that is no text.
pub(crate) const UNREADABLE_NAME: &str = "a friendlyName that is no text";
