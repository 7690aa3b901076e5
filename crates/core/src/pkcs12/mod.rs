//! Opens a PKCS #12 file (RFC 7292).
//!
//! Takes bytes and a [`Password`]; gives typed bags. `Pfx` is the outer structure, `VerifiedPfx` one whose MAC
//! matched, and only that gives bags. Knows nothing of trust, sealing or storage.

mod algorithm;
mod attribute;
mod bag;
mod ber;
mod cipher;
mod contents;
mod encrypted_key;
mod error;
mod hash;
mod kdf;
mod mac;
mod oid;
mod password;
mod pbe;
mod pbes1;
mod pbes2;
mod pkcs7;
mod plaintext;
mod writer;

use std::borrow::Cow;

use serde::Serialize;

pub(crate) use self::{
    bag::UNREADABLE_NAME,
    cipher::Cipher,
    encrypted_key::{EncryptedKey, opened_key},
    oid::{JCEKS_PBE, JKS_PROTECTOR},
    pkcs7::{SignedData, read_signed_data},
    writer::{
        Protection, WriteCertificate, WriteKey, WriteMac, WriteScheme, write_encrypted_key, write_pfx,
        write_pkcs7,
    },
};
use self::{
    ber::{CONTEXT_0, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE, Walk},
    error::PFX_BLOCK,
    kdf::Keys,
    mac::MacData,
    password::Octets,
    pbe::Scheme,
};
pub use self::{
    contents::{Attributes, CertificateBag, Contents, Encryption, KeyBag, LockedKey, Safe},
    error::Pkcs12Error,
    mac::MacDescription,
    password::PasswordReading,
};
use crate::{
    file_format::{FileFormat, sniff},
    limits::{KdfBudget, Limits},
    pem::{self, PemError, Text},
    secret::Password,
};

/// The outer structure of a PKCS #12 file, read and bounded; nothing is proved yet.
///
/// ```
/// use strongroom::{Password, limits::{KdfBudget, Limits}, pkcs12::Pfx};
///
/// let bytes = std::fs::read("../../fixtures/pkcs12/www.p12")?;
/// let limits = Limits::default();
/// let mut budget = KdfBudget::new(&limits);
/// let password = Password::new("changeit")?;
/// let contents = Pfx::from_bytes(&bytes, &limits)?
///     .verify(&password, &mut budget)?
///     .decrypt(None, &mut budget)?;
/// assert_eq!((contents.keys.len(), contents.certificates.len()), (1, 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Bags cannot be had from a `Pfx` whose MAC was not verified:
///
/// ```compile_fail
/// # use strongroom::{Password, limits::{KdfBudget, Limits}, pkcs12::Pfx};
/// # let (limits, password) = (Limits::default(), Password::new("")?);
/// # let mut budget = KdfBudget::new(&limits);
/// Pfx::from_bytes(&[], &limits)?.decrypt(None, &mut budget)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Pfx<'a> {
    auth_safe: Cow<'a, [u8]>,
    depth: u16,
    mac: Option<MacData>,
    limits: Limits,
    encoding: Encoding,
    trailing_zeros: usize,
    trailing_line_end: bool,
    armoured: bool,
    /// What else its PEM text holds; none of it is used.
    beside: Vec<FileFormat>,
    /// How its parts are encrypted, as far as their schemes lie in the clear.
    schemes: Vec<Scheme>,
}

/// The labels under which a PFX stands in PEM text.
const PEM_LABELS: [&str; 2] = ["PKCS12", "PFX"];

/// A PFX whose MAC matched: what it holds is what its maker wrote, to all who trust the password.
pub struct VerifiedPfx<'a> {
    pfx: Pfx<'a>,
    /// The readings of the password that may fit: the one that the MAC matched, or all where there is no MAC.
    passwords: Vec<Octets>,
    /// What was derived with the MAC's key.
    keys: Keys,
}

/// How the outer structure is encoded.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Encoding {
    /// Distinguished Encoding Rules throughout the outer structure.
    Der,
    /// Basic Encoding Rules: indefinite lengths or constructed strings were seen.
    Ber,
}

impl<'a> Pfx<'a> {
    /// Reads the outer structure. No key is derived.
    ///
    /// # Errors
    ///
    /// [`Pkcs12Error::NotPkcs12`] says what the file is instead; [`Pkcs12Error::Truncated`],
    /// [`Pkcs12Error::Malformed`], [`Pkcs12Error::Version`], [`Pkcs12Error::TrailingData`] and
    /// [`Pkcs12Error::TooLarge`] say what is wrong with it; [`Pkcs12Error::UnsupportedAlgorithm`] and
    /// [`Pkcs12Error::Parameter`] concern its MAC.
    pub fn from_bytes(bytes: &'a [u8], limits: &Limits) -> Result<Self, Pkcs12Error> {
        if bytes.len() > limits.max_file_len {
            return Err(Pkcs12Error::TooLarge { found: bytes.len(), limit: limits.max_file_len });
        }
        match sniff(bytes) {
            FileFormat::Pkcs12 => {}
            FileFormat::Pem { .. } => return Self::from_pem(bytes, limits),
            FileFormat::Base64 => {
                let (content, _) = pem::decode_bare(&Text::of(bytes))?;
                return Self::from_armour(&content, limits);
            }
            // Cut off inside its first headers; the reader below says so.
            FileFormat::Unknown if bytes.first() == Some(&SEQUENCE) && bytes.len() < 64 => {}
            found => return Err(Pkcs12Error::NotPkcs12 { found }),
        }
        Self::from_der(bytes, limits)
    }

    /// Reads a PFX that is not in PEM armour.
    fn from_der(bytes: &'a [u8], limits: &Limits) -> Result<Self, Pkcs12Error> {
        let walk = Walk::new(limits);
        let mut file = Reader::of_file(bytes, &walk);
        let outer = file.expect(SEQUENCE, "PFX expected")?;
        let trailing = file.rest();
        // A text editor, or a transfer as text, leaves one line end behind the file.
        let trailing_line_end = matches!(trailing, b"\n" | b"\r\n");
        if !trailing_line_end && trailing.iter().any(|byte| *byte != 0) {
            return Err(Pkcs12Error::TrailingData { at: file.position(), length: trailing.len() });
        }
        let mut fields = outer.children(&walk);
        let version = fields.expect(INTEGER, "the version of the PFX expected")?;
        match version.unsigned("the version") {
            Ok(3) => {}
            Ok(found) => return Err(Pkcs12Error::Version { found: found.to_string() }),
            Err(Pkcs12Error::Parameter { found, .. }) => return Err(Pkcs12Error::Version { found }),
            Err(other) => return Err(other),
        }
        let content_info = fields.expect(SEQUENCE, "authSafe expected")?;
        let mac = match fields.optional(SEQUENCE)? {
            Some(element) => Some(MacData::parse(element.children(&walk), &walk)?),
            None => None,
        };
        fields.finish("PFX has more than three fields")?;

        let mut info = content_info.children(&walk);
        match info.expect(OBJECT_IDENTIFIER, "a content type expected")?.content {
            oid::DATA => {}
            oid::SIGNED_DATA => return Err(Pkcs12Error::PublicKeyPrivacy),
            other => {
                return Err(Pkcs12Error::unsupported("container", other));
            }
        }
        let content = info.expect(CONTEXT_0, "the content of authSafe is missing")?;
        info.finish("authSafe has more than two fields")?;
        let mut inner = content.children(&walk);
        let data = inner.expect(OCTET_STRING, "an OCTET STRING expected in authSafe")?;
        inner.finish("authSafe has more than one content")?;
        let auth_safe = data.octets(&walk)?;
        let encoding = if walk.saw_ber() { Encoding::Ber } else { Encoding::Der };
        let depth = data.depth + 1;
        let trailing_zeros = if trailing_line_end { 0 } else { trailing.len() };
        let schemes = bag::foresee(&Walk::new(limits), &auth_safe, depth)?;
        Ok(Self {
            auth_safe,
            depth,
            mac,
            limits: *limits,
            encoding,
            trailing_zeros,
            trailing_line_end,
            armoured: false,
            beside: Vec::new(),
            schemes,
        })
    }

    /// Reads a PFX in PEM armour, as GnuTLS writes it; other PEM is no PKCS #12.
    fn from_pem(bytes: &[u8], limits: &Limits) -> Result<Self, Pkcs12Error> {
        let blocks = match pem::read(&Text::of(bytes)) {
            Ok(read) => read.blocks,
            // What stands beside it does not matter in a file that is refused in any case.
            Err(PemError::Block { label, .. }) if !PEM_LABELS.contains(&label.as_str()) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let (armoured, others): (Vec<_>, Vec<_>) =
            blocks.iter().partition(|block| PEM_LABELS.contains(&block.label.as_str()));
        match armoured.as_slice() {
            [] => {}
            [block] => {
                let mut pfx = Self::from_armour(&block.content, limits)?;
                pfx.beside = others.into_iter().map(FileFormat::of_block).collect();
                return Ok(pfx);
            }
            _ => return Err(Pkcs12Error::TooMany { what: PFX_BLOCK, limit: 1 }),
        }
        let kinds: Vec<FileFormat> = blocks.iter().map(FileFormat::of_block).collect();
        // What has neither certificate nor key is called by what it has.
        let found = match (sniff(bytes), kinds.first()) {
            _ if kinds.contains(&FileFormat::Pkcs12AsCertificate) => FileFormat::Pkcs12AsCertificate,
            (FileFormat::Pem { certificate: false, private_key: false }, Some(kind)) => *kind,
            (FileFormat::Pem { certificate: false, .. }, Some(FileFormat::EncryptedPrivateKey)) => {
                FileFormat::EncryptedPrivateKey
            }
            (format, _) => format,
        };
        Err(Pkcs12Error::NotPkcs12 { found })
    }

    /// Reads a PFX that was decoded from text: one layer of armour, and in it a PFX.
    fn from_armour(content: &[u8], limits: &Limits) -> Result<Self, Pkcs12Error> {
        match sniff(content) {
            FileFormat::Pkcs12 => {}
            found => return Err(Pkcs12Error::NotPkcs12 { found }),
        }
        Ok(Pfx::from_der(content, limits)?.into_armoured())
    }

    /// The same, out of PEM armour that is gone.
    fn into_armoured<'b>(self) -> Pfx<'b> {
        let Self {
            auth_safe, depth, mac, limits, encoding, trailing_zeros, trailing_line_end, schemes, ..
        } = self;
        let auth_safe = Cow::Owned(auth_safe.into_owned());
        Pfx {
            auth_safe,
            depth,
            mac,
            limits,
            encoding,
            trailing_zeros,
            trailing_line_end,
            armoured: true,
            beside: Vec::new(),
            schemes,
        }
    }

    /// How the outer structure is encoded.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The MAC, if there is one.
    #[must_use]
    pub fn mac(&self) -> Option<MacDescription> {
        self.mac.as_ref().map(|mac| MacDescription {
            algorithm: mac.algorithm(),
            iterations: mac.iterations(),
            legacy: mac.is_legacy(),
        })
    }

    /// How many zero bytes follow the PFX; some Windows programs leave them.
    #[must_use]
    pub fn trailing_zeros(&self) -> usize {
        self.trailing_zeros
    }

    /// Whether a line end follows the PFX, as a text editor leaves it.
    #[must_use]
    pub fn has_trailing_line_end(&self) -> bool {
        self.trailing_line_end
    }

    /// Whether the PFX came as text: in PEM armour, or as base64 alone.
    #[must_use]
    pub fn is_armoured(&self) -> bool {
        self.armoured
    }

    /// What stands beside the PFX in its PEM text; none of it is used.
    #[must_use]
    pub fn beside(&self) -> &[FileFormat] {
        &self.beside
    }

    /// What the MAC and all parts that are seen cost, in iterations.
    fn work(&self) -> u64 {
        let parts = self.schemes.iter().map(Scheme::work);
        parts.chain(self.mac.as_ref().map(MacData::work)).fold(0, u64::saturating_add)
    }

    /// Compares the MAC under `password`, before anything is decrypted.
    ///
    /// The keys of the parts that are seen are derived with the MAC's, side by side; they are given up once the MAC does
    /// not match.
    ///
    /// Where the standard reading of the password fails, others are tried; [`Contents::readings`] names the one
    /// that worked.
    ///
    /// # Errors
    ///
    /// [`Pkcs12Error::NoMac`], [`Pkcs12Error::WrongPassword`], [`Pkcs12Error::Work`] if the derivations of the MAC
    /// and of all parts that are seen without decrypting would exceed `budget`, or [`Pkcs12Error::Cancelled`].
    pub fn verify(self, password: &Password, budget: &mut KdfBudget) -> Result<VerifiedPfx<'a>, Pkcs12Error> {
        let mac = self.mac.as_ref().ok_or(Pkcs12Error::NoMac)?;
        budget.foresee(self.work())?;
        let mut keys = Keys::default();
        let matched = mac.verify(&self.auth_safe, Octets::all(password), &self.schemes, &mut keys, budget)?;
        Ok(VerifiedPfx { pfx: self, passwords: vec![matched], keys })
    }
}

impl VerifiedPfx<'_> {
    /// Decrypts the safes and reads their bags.
    ///
    /// `key_passwords` are tried for private keys that do not open under the password of the file. What does not
    /// open is kept on record as locked: [`Contents::require_credential`] and [`Contents::require_opened`] make
    /// errors of it.
    ///
    /// # Errors
    ///
    /// [`Pkcs12Error::Malformed`], [`Pkcs12Error::Parameter`]; [`Pkcs12Error::Work`] and [`Pkcs12Error::TooMany`]
    /// at a limit; [`Pkcs12Error::Cancelled`].
    pub fn decrypt<'p>(
        mut self,
        key_passwords: impl IntoIterator<Item = &'p Password>,
        budget: &mut KdfBudget,
    ) -> Result<Contents, Pkcs12Error> {
        if self.pfx.mac.is_none() {
            budget.foresee(self.pfx.work())?;
        }
        let key_passwords: Vec<Octets> = key_passwords.into_iter().flat_map(Octets::all).collect();
        let mut contents = bag::read(
            &self.pfx.limits,
            (&self.pfx.auth_safe, self.pfx.depth),
            (&self.passwords, &key_passwords),
            &mut self.keys,
            budget,
        )?;
        // The MAC says for certain how the password was read.
        if let ([matched], true) = (self.passwords.as_slice(), self.pfx.mac.is_some())
            && !matches!(matched.reading, PasswordReading::Standard | PasswordReading::NoBytes)
            && !contents.readings.contains(&matched.reading)
        {
            contents.readings.insert(0, matched.reading);
        }
        contents.readings.retain(|reading| *reading != PasswordReading::NoBytes);
        Ok(contents)
    }
}

/// Doors around the MAC. Whoever calls them answers for the file.
pub mod danger {
    use super::{Keys, Octets, Pfx, VerifiedPfx};
    use crate::secret::Password;

    /// Takes a PFX that has no MAC as if one had matched: anybody may have changed it.
    ///
    /// A PFX that has a MAC is given back, for it must be verified.
    ///
    /// # Errors
    ///
    /// The PFX itself, if it has a MAC.
    pub fn skip_absent_mac<'a>(pfx: Pfx<'a>, password: &Password) -> Result<VerifiedPfx<'a>, Box<Pfx<'a>>> {
        if pfx.mac.is_some() {
            return Err(Box::new(pfx));
        }
        Ok(VerifiedPfx { pfx, passwords: Octets::all(password), keys: Keys::default() })
    }
}

#[cfg(test)]
mod tests;
