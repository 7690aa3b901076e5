//! What a PFX holds, once it is open.

use serde::{Serialize, Serializer};

use super::{error::Pkcs12Error, password::PasswordReading, pbe::Scheme};
use crate::secret::PrivateKey;

/// Everything that a PFX holds, in the order of the file.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Contents {
    /// Private keys, decrypted.
    pub keys: Vec<KeyBag>,
    /// Private keys that stay locked, with the reason.
    pub locked: Vec<LockedKey>,
    /// X.509 certificates; not parsed yet.
    pub certificates: Vec<CertificateBag>,
    /// The safes, in order.
    pub safes: Vec<Safe>,
    /// What was passed over: the kind of bag, with the reason.
    pub skipped: Vec<String>,
    /// How the password was read where the standard reading did not fit.
    pub readings: Vec<PasswordReading>,
}

/// One ContentInfo of the AuthenticatedSafe.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Safe {
    /// How it is encrypted; `None` if it lies in the clear, or is encrypted to a public key.
    pub encryption: Option<Encryption>,
    /// Its bags by type, for example `certBag`, nested ones included; empty if it could not be opened.
    pub bags: Vec<String>,
    /// Why it stays locked, if it does: nobody knows then what is in it.
    #[serde(serialize_with = "as_code")]
    #[cfg_attr(feature = "schemars", schemars(with = "Option<String>"))]
    pub locked: Option<Pkcs12Error>,
}

#[expect(clippy::ref_option, reason = "serde asks for it")]
fn as_code<S: Serializer>(error: &Option<Pkcs12Error>, serializer: S) -> Result<S::Ok, S::Error> {
    error.as_ref().map(Pkcs12Error::code).serialize(serializer)
}

/// A private key from a keyBag or a pkcs8ShroudedKeyBag.
#[derive(Debug)]
#[non_exhaustive]
pub struct KeyBag {
    /// The key.
    pub key: PrivateKey,
    /// The attributes of the bag.
    pub attributes: Attributes,
    /// The layers of encryption, outermost first; empty if it lay in the clear.
    pub protection: Vec<Encryption>,
    /// Its place among the private keys of the file, the locked ones counted, from 1.
    pub place: usize,
}

/// A private key that does not open.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LockedKey {
    /// Why it stays locked.
    pub reason: Pkcs12Error,
    /// The attributes of the bag.
    pub attributes: Attributes,
    /// The layers of encryption, outermost first, as far as they are known.
    pub protection: Vec<Encryption>,
    /// Its place among the private keys of the file, from 1.
    pub place: usize,
}

/// A certificate from a certBag.
#[derive(Debug)]
#[non_exhaustive]
pub struct CertificateBag {
    /// The certificate in DER, as found.
    pub der: Vec<u8>,
    /// The attributes of the bag.
    pub attributes: Attributes,
    /// The layers of encryption, outermost first; empty if it lay in the clear.
    pub protection: Vec<Encryption>,
}

/// The attributes of a bag (RFC 7292, section 4.2) that are known. They describe, and never decide.
///
/// The first value of each counts; one of another type than it should have is as if absent.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Attributes {
    /// The friendlyName as written; a display string, never an alias.
    pub friendly_name: Option<String>,
    /// Values of friendlyName behind the first, as far as they are text.
    pub other_friendly_names: Vec<String>,
    /// Whether there is a friendlyName that is no text.
    pub friendly_name_unreadable: bool,
    /// The localKeyId: a hint, never a proof.
    pub local_key_id: Option<Vec<u8>>,
    /// The name of the cryptographic provider that Windows would put the key in.
    pub csp_name: Option<String>,
    /// Whether Windows would put the key in the machine's store.
    pub local_key_set: bool,
    /// Whether Java takes the certificate as trusted (Oracle's trustedKeyUsage).
    pub trusted: bool,
}

/// One layer of password-based encryption.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Encryption {
    /// The algorithm as people name it.
    pub algorithm: String,
    /// Iterations of the key derivation, or N of scrypt.
    pub iterations: u64,
    /// Whether the algorithm is one that current programs no longer write (RC2, RC4, DES and the like).
    pub legacy: bool,
}

impl Encryption {
    pub(crate) fn new(algorithm: &str, iterations: u64, legacy: bool) -> Self {
        Self { algorithm: algorithm.to_owned(), iterations, legacy }
    }

    pub(super) fn of(scheme: &Scheme) -> Self {
        Self { algorithm: scheme.name(), iterations: scheme.iterations(), legacy: scheme.is_legacy() }
    }
}

impl Contents {
    /// Whether there is anything to choose a server credential from.
    ///
    /// # Errors
    ///
    /// Why a safe stays locked, if the key may be in it; [`Pkcs12Error::Nothing`], with what was passed over, if the
    /// file holds neither key nor certificate.
    pub fn require_credential(&self) -> Result<(), Pkcs12Error> {
        if !self.keys.is_empty() || !self.locked.is_empty() {
            return Ok(());
        }
        if let Some(reason) = self.locked_safes().next() {
            return Err(reason.clone());
        }
        if self.certificates.is_empty() {
            return Err(Pkcs12Error::Nothing { skipped: self.skipped.clone() });
        }
        Ok(())
    }

    /// Whether anything opened, in a file where something stays locked.
    ///
    /// # Errors
    ///
    /// Why the first part that stays locked does so, if neither a key nor a certificate was had.
    pub fn require_opened(&self) -> Result<(), Pkcs12Error> {
        let keys = self.locked.iter().map(|key| &key.reason);
        match self.locked_safes().chain(keys).next() {
            Some(reason) if self.keys.is_empty() && self.certificates.is_empty() => Err(reason.clone()),
            _ => Ok(()),
        }
    }

    /// Why safes stay locked, one reason a safe.
    pub fn locked_safes(&self) -> impl Iterator<Item = &Pkcs12Error> {
        self.safes.iter().filter_map(|safe| safe.locked.as_ref())
    }

    /// The algorithms of another age that protect a key or a certificate, each once.
    #[must_use]
    pub fn legacy(&self) -> Vec<String> {
        let layers = self.keys.iter().flat_map(|bag| &bag.protection);
        let layers = layers.chain(self.certificates.iter().flat_map(|bag| &bag.protection));
        let mut names: Vec<String> =
            layers.filter(|layer| layer.legacy).map(|layer| layer.algorithm.clone()).collect();
        names.sort();
        names.dedup();
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(algorithms: &[(&str, bool)]) -> KeyBag {
        let protection = algorithms
            .iter()
            .map(|(name, legacy)| Encryption {
                algorithm: (*name).to_owned(),
                iterations: 1,
                legacy: *legacy,
            })
            .collect();
        let key = PrivateKey::from_pkcs8_der(vec![]);
        KeyBag { key, attributes: Attributes::default(), protection, place: 1 }
    }

    fn certificate(algorithms: &[(&str, bool)]) -> CertificateBag {
        let KeyBag { attributes, protection, .. } = key(algorithms);
        CertificateBag { der: vec![], attributes, protection }
    }

    #[test]
    fn what_is_missing_is_blamed_on_what_stays_locked() {
        let skipped = || vec!["secretBag".to_owned()];
        let unsupported = Pkcs12Error::UnsupportedAlgorithm { field: "key bag", name: "Camellia".to_owned() };
        let locked = LockedKey {
            reason: unsupported.clone(),
            attributes: Attributes::default(),
            protection: vec![],
            place: 1,
        };
        let contents =
            |keys, certificates, locked: Option<&LockedKey>, safe: Option<&Pkcs12Error>| Contents {
                keys,
                certificates,
                locked: locked.cloned().into_iter().collect(),
                safes: vec![Safe { encryption: None, bags: vec![], locked: safe.cloned() }],
                skipped: skipped(),
                ..Contents::default()
            };
        let (safe, nothing) = (Pkcs12Error::SafePassword, Pkcs12Error::Nothing { skipped: skipped() });
        let (one_key, one_certificate) = (|| vec![key(&[])], || vec![certificate(&[])]);
        for (found, as_credential, as_opened) in [
            (contents(vec![], vec![], None, None), Err(nothing), Ok(())),
            (contents(one_key(), one_certificate(), None, None), Ok(()), Ok(())),
            (contents(one_key(), vec![], None, None), Ok(()), Ok(())),
            (contents(vec![], one_certificate(), None, None), Ok(()), Ok(())),
            // A locked key is one of those to choose from.
            (contents(vec![], one_certificate(), Some(&locked), None), Ok(()), Ok(())),
            (contents(vec![], vec![], Some(&locked), None), Ok(()), Err(unsupported)),
            // A locked safe may hold the key.
            (contents(vec![], vec![], None, Some(&safe)), Err(safe.clone()), Err(safe.clone())),
            (contents(vec![], one_certificate(), None, Some(&safe)), Err(safe.clone()), Ok(())),
            (contents(one_key(), vec![], None, Some(&safe)), Ok(()), Ok(())),
        ] {
            assert_eq!(found.require_credential(), as_credential, "{found:?}");
            assert_eq!(found.require_opened(), as_opened, "{found:?}");
        }
    }

    #[test]
    fn algorithms_of_another_age_are_named_once() {
        let contents = Contents {
            keys: vec![key(&[("RC4", true), ("AES", false)]), key(&[("RC4", true)])],
            certificates: vec![certificate(&[("DES", true)])],
            ..Contents::default()
        };
        assert_eq!(contents.legacy(), ["DES", "RC4"]);
        assert_eq!(Contents::default().legacy(), [""; 0]);
    }
}
