//! Reads Java's own keystores, JKS and JCEKS.
//!
//! Takes bytes and a password; gives the [`Contents`] that a PKCS #12 file gives, the alias of each entry as its
//! friendlyName. Three steps: the structure, which no length or count leads astray; the digest, which proves the password
//! and everything else; then the keys. No object of Java is ever deserialised: a secret key ends what is read.

mod error;
mod protector;
mod structure;
mod text;

use sha1::{Digest as _, Sha1};
use subtle::ConstantTimeEq as _;

pub use self::error::JksError;
use self::{
    protector::{Protected, utf16},
    structure::{Entry, Kind, Structure},
};
use crate::{
    limits::{KdfBudget, Limits},
    pkcs12::{Attributes, CertificateBag, Contents, KeyBag, LockedKey, Pkcs12Error},
    secret::Password,
};

/// What the digest is made over besides the password and the file.
const WHITENER: &[u8] = b"Mighty Aphrodite";

/// A keystore of Java that is open.
///
/// ```
/// use strongroom::{Password, jks::JavaKeystore, limits::{KdfBudget, Limits}};
///
/// let bytes = std::fs::read("../../fixtures/other/keytool-17.0.15.rsa2048.jks")?;
/// let limits = Limits::default();
/// let password = Password::new("changeit")?;
/// let opened = JavaKeystore::open(&bytes, &password, &[], &limits, &mut KdfBudget::new(&limits))?;
/// assert_eq!(opened.contents.keys.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct JavaKeystore {
    /// Its keys and certificates: the alias of an entry is the friendlyName of its key and of the first certificate.
    pub contents: Contents,
    /// The secret key at which the reading stopped.
    pub secret: Option<SecretEntry>,
}

/// A secret key of a JCEKS file.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct SecretEntry {
    /// Its alias as written.
    pub alias: String,
    /// How many entries stand behind it and are not read.
    pub after: usize,
}

impl JavaKeystore {
    /// Opens a keystore: `password` proves it, and opens the keys that none of `key_passwords` opens.
    ///
    /// A key that does not open is kept on record as locked, as in a PKCS #12 file.
    ///
    /// # Errors
    ///
    /// [`JksError`] if the file is not whole, the password is wrong, or its keys ask for more work than is allowed.
    pub fn open(
        bytes: &[u8],
        password: &Password,
        key_passwords: &[Password],
        limits: &Limits,
        budget: &mut KdfBudget,
    ) -> Result<Self, JksError> {
        let passwords = key_passwords.iter().chain([password]).collect();
        Self::read(bytes, password, passwords, limits, budget)
    }

    /// The same with every key locked, for callers that want the certificates alone.
    pub(crate) fn open_certificates(
        bytes: &[u8],
        password: &Password,
        limits: &Limits,
    ) -> Result<Self, JksError> {
        Self::read(bytes, password, Vec::new(), limits, &mut KdfBudget::new(limits))
    }

    fn read(
        bytes: &[u8],
        password: &Password,
        passwords: Vec<&Password>,
        limits: &Limits,
        budget: &mut KdfBudget,
    ) -> Result<Self, JksError> {
        if bytes.len() > limits.max_file_len {
            return Err(Pkcs12Error::TooLarge { found: bytes.len(), limit: limits.max_file_len }.into());
        }
        let structure = Structure::read(bytes, limits)?;
        let digest = Sha1::new()
            .chain_update(utf16(password).as_slice())
            .chain_update(WHITENER)
            .chain_update(structure.signed)
            .finalize();
        // A fuzzer would never get behind the digest.
        if !cfg!(strongroom_fuzzing) && !bool::from(digest.as_slice().ct_eq(structure.digest)) {
            return Err(JksError::WrongPassword);
        }
        Opener { passwords, limits, budget, contents: Contents::default() }.read(structure)
    }

    /// Why an entry cannot be chosen without being named: one that was not read may be meant.
    ///
    /// # Errors
    ///
    /// [`JksError::SecretEntry`] if entries were not read.
    pub fn require_all(&self) -> Result<(), JksError> {
        match &self.secret {
            Some(SecretEntry { alias, after }) if *after > 0 => {
                let alias = crate::certificate::printable(alias);
                let keys = self.contents.keys.len() + self.contents.locked.len();
                Err(JksError::SecretEntry { alias, after: *after, keys })
            }
            _ => Ok(()),
        }
    }
}

struct Opener<'r> {
    passwords: Vec<&'r Password>,
    limits: &'r Limits,
    budget: &'r mut KdfBudget,
    contents: Contents,
}

impl Opener<'_> {
    fn read(mut self, structure: Structure<'_>) -> Result<JavaKeystore, JksError> {
        // All that the keys ask for, before the first is tried.
        let mut protected = Vec::new();
        let mut work = 0_u64;
        for Entry { kind, .. } in &structure.entries {
            if let Kind::Key { encrypted, .. } = kind {
                let key = Protected::parse(encrypted, self.limits)?;
                work = work.saturating_add(key.work());
                protected.push(key);
            }
        }
        if !self.passwords.is_empty() {
            self.budget.foresee(work).map_err(Pkcs12Error::from)?;
        }
        let mut keys = protected.into_iter();
        for Entry { alias, kind } in structure.entries {
            match kind {
                Kind::Key { chain, .. } => {
                    if let Some(key) = keys.next() {
                        self.key(&alias, &key)?;
                    }
                    for (n, der) in chain.into_iter().enumerate() {
                        self.certificate((n == 0).then_some(&alias), false, der);
                    }
                }
                Kind::Certificate(der) => self.certificate(Some(&alias), true, der),
                Kind::Foreign(certificate_type) => {
                    let what = crate::certificate::printable(&certificate_type);
                    self.contents.skipped.push(format!("a certificate of the type {what}"));
                }
            }
        }
        let secret = structure.secret.map(|(alias, after)| SecretEntry { alias, after });
        if let Some(SecretEntry { alias, after }) = &secret {
            let alias = crate::certificate::printable(alias);
            self.contents.skipped.push(match after {
                0 => format!("the secret key \"{alias}\""),
                after => format!(
                    "the secret key \"{alias}\", and {} after it that cannot be read",
                    error::entries(*after)
                ),
            });
        }
        Ok(JavaKeystore { contents: self.contents, secret })
    }

    fn key(&mut self, alias: &str, key: &Protected<'_>) -> Result<(), JksError> {
        let attributes = Attributes { friendly_name: Some(alias.to_owned()), ..Attributes::default() };
        let place = self.contents.keys.len() + self.contents.locked.len() + 1;
        let protection = key.encryption().into_iter().collect();
        match key.open(&self.passwords, self.limits, self.budget) {
            Ok(key) => self.contents.keys.push(KeyBag { key, attributes, protection, place }),
            Err(
                reason @ (Pkcs12Error::KeyPassword
                | Pkcs12Error::LegacyAlgorithm { .. }
                | Pkcs12Error::UnsupportedAlgorithm { .. }),
            ) => {
                self.contents.locked.push(LockedKey { reason, attributes, protection, place });
            }
            Err(other) => return Err(other.into()),
        }
        Ok(())
    }

    fn certificate(&mut self, alias: Option<&String>, trusted: bool, der: &[u8]) {
        let attributes = Attributes { friendly_name: alias.cloned(), trusted, ..Attributes::default() };
        self.contents.certificates.push(CertificateBag {
            der: der.to_vec(),
            attributes,
            protection: Vec::new(),
        });
    }
}
