//! Opens a PKCS #12 file (RFC 7292).
//!
//! Takes bytes and a [`Password`]; gives typed bags. `Pfx` is the outer structure, `VerifiedPfx` one whose MAC
//! matched, and only that gives bags. Knows nothing of trust, sealing or storage.

mod bag;
mod ber;
mod error;
mod kdf;
mod mac;
mod oid;
mod pbe;
mod pkcs7;
mod sniff;

use std::borrow::Cow;

use serde::Serialize;

pub(crate) use self::pkcs7::certificates as pkcs7_certificates;
use self::{
    bag::BagReader,
    ber::{CONTEXT_0, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE, Walk},
    kdf::PasswordForm,
    mac::MacData,
};
pub use self::{
    bag::{CertificateBag, Contents, Encryption, KeyBag},
    error::Pkcs12Error,
    sniff::{FileFormat, sniff},
};
use crate::{
    limits::{Budget, Limits},
    secret::Password,
};

/// The outer structure of a PKCS #12 file, read and bounded; nothing is proved yet.
///
/// ```
/// use strongroom::{Budget, Limits, Password, Pfx};
///
/// let bytes = std::fs::read("../../fixtures/pkcs12/www.p12")?;
/// let limits = Limits::default();
/// let mut budget = Budget::new(&limits);
/// let password = Password::new("changeit")?;
/// let contents = Pfx::from_bytes(&bytes, &limits)?
///     .verify(&password, &mut budget)?
///     .decrypt(&password, &mut budget)?;
/// assert_eq!((contents.keys.len(), contents.certificates.len()), (1, 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Bags cannot be had from a `Pfx` whose MAC was not verified:
///
/// ```compile_fail
/// # use strongroom::{Budget, Limits, Password, Pfx};
/// # let (limits, password) = (Limits::default(), Password::new("")?);
/// # let mut budget = Budget::new(&limits);
/// Pfx::from_bytes(&[], &limits)?.decrypt(&password, &mut budget)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Pfx<'a> {
    auth_safe: Cow<'a, [u8]>,
    depth: u16,
    mac: Option<MacData>,
    limits: Limits,
    encoding: Encoding,
    trailing_zeros: usize,
}

/// A PFX whose MAC matched: what it holds is what its maker wrote, to all who trust the password.
pub struct VerifiedPfx<'a> {
    pfx: Pfx<'a>,
    form: PasswordForm,
}

/// How the outer structure is encoded.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Encoding {
    /// Distinguished Encoding Rules throughout the outer structure.
    Der,
    /// Basic Encoding Rules: indefinite lengths or constructed strings were seen.
    Ber,
}

/// The MAC of a PFX as people name it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MacDescription {
    /// The algorithm, for example `HMAC-SHA-256`.
    pub algorithm: String,
    /// Iterations of its key derivation.
    pub iterations: u64,
    /// Whether the hash is SHA-1.
    pub legacy: bool,
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
            // Cut off inside its first headers; the reader below says so.
            FileFormat::Unknown if bytes.first() == Some(&SEQUENCE) && bytes.len() < 64 => {}
            found => return Err(Pkcs12Error::NotPkcs12 { found }),
        }
        let walk = Walk::new(limits);
        let mut file = Reader::of_file(bytes, &walk);
        let outer = file.expect(SEQUENCE, "PFX expected")?;
        let trailing = file.rest();
        if trailing.iter().any(|byte| *byte != 0) {
            return Err(Pkcs12Error::TrailingData { at: file.position(), length: trailing.len() });
        }
        let mut fields = outer.children(&walk);
        let version = fields.expect(INTEGER, "the version of the PFX expected")?.unsigned("the version")?;
        if version != 3 {
            return Err(Pkcs12Error::Version { found: version });
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
                return Err(Pkcs12Error::UnsupportedAlgorithm { field: "container", name: oid::name(other) });
            }
        }
        let content = info.expect(CONTEXT_0, "the content of authSafe is missing")?;
        let data = content.children(&walk).expect(OCTET_STRING, "an OCTET STRING expected in authSafe")?;
        let auth_safe = data.octets(&walk)?;
        let encoding = if walk.saw_ber() { Encoding::Ber } else { Encoding::Der };
        let depth = data.depth + 1;
        Ok(Self { auth_safe, depth, mac, limits: *limits, encoding, trailing_zeros: trailing.len() })
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

    /// Compares the MAC under `password`, before anything is decrypted.
    ///
    /// # Errors
    ///
    /// [`Pkcs12Error::NoMac`], [`Pkcs12Error::WrongPassword`], or [`Pkcs12Error::Work`] if the derivation
    /// would exceed `budget`.
    pub fn verify(self, password: &Password, budget: &mut Budget) -> Result<VerifiedPfx<'a>, Pkcs12Error> {
        let mac = self.mac.as_ref().ok_or(Pkcs12Error::NoMac)?;
        let form = mac.verify(&self.auth_safe, password, budget)?;
        Ok(VerifiedPfx { pfx: self, form })
    }
}

impl VerifiedPfx<'_> {
    /// Decrypts the safes and reads their bags.
    ///
    /// # Errors
    ///
    /// [`Pkcs12Error::KeyPassword`], [`Pkcs12Error::UnsupportedAlgorithm`] and the like if no key, or no
    /// certificate, is left for that reason; [`Pkcs12Error::Nothing`] if the file is empty;
    /// [`Pkcs12Error::Work`] and [`Pkcs12Error::TooMany`] at a limit.
    pub fn decrypt(self, password: &Password, budget: &mut Budget) -> Result<Contents, Pkcs12Error> {
        let walk = Walk::new(&self.pfx.limits);
        BagReader::new(&walk, password, self.form, budget).read(&self.pfx.auth_safe, self.pfx.depth)
    }
}

/// Doors around the MAC. Whoever calls them answers for the file.
pub mod danger {
    use super::{PasswordForm, Pfx, VerifiedPfx};

    /// Takes a PFX that has no MAC as if one had matched: anybody may have changed it.
    ///
    /// A PFX that has a MAC is given back, for it must be verified.
    ///
    /// # Errors
    ///
    /// The PFX itself, if it has a MAC.
    pub fn skip_absent_mac(pfx: Pfx<'_>) -> Result<VerifiedPfx<'_>, Box<Pfx<'_>>> {
        if pfx.mac.is_some() {
            return Err(Box::new(pfx));
        }
        Ok(VerifiedPfx { pfx, form: PasswordForm::Terminated })
    }
}
