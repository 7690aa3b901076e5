//! What a PFX holds, once it is open.

use serde::Serialize;

use super::{error::Pkcs12Error, password::PasswordReading, pbe::Scheme};
use crate::secret::PrivateKey;

/// Everything that a PFX holds, in the order of the file.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Contents {
    /// Private keys, decrypted.
    pub keys: Vec<KeyBag>,
    /// X.509 certificates; not parsed yet.
    pub certificates: Vec<CertificateBag>,
    /// The safes, in order.
    pub safes: Vec<Safe>,
    /// What was passed over: the kind of bag, with the reason.
    pub skipped: Vec<String>,
    /// How the password was read where the standard reading did not fit.
    pub readings: Vec<PasswordReading>,
    /// Why a private key could not be had.
    pub(super) key_problem: Option<Pkcs12Error>,
    /// Why a whole safe could not be had.
    pub(super) safe_problem: Option<Pkcs12Error>,
}

/// One ContentInfo of the AuthenticatedSafe.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Safe {
    /// How it is encrypted; `None` if it lies in the clear, or is encrypted to a public key.
    pub encryption: Option<Encryption>,
    /// Its bags by type, for example `certBag`, nested ones included; empty if it could not be opened.
    pub bags: Vec<String>,
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
    pub(super) fn of(scheme: &Scheme) -> Self {
        Self { algorithm: scheme.name(), iterations: scheme.iterations(), legacy: scheme.is_legacy() }
    }
}

impl Contents {
    /// Whether a server credential may be in here: there is a key, or its absence is not for a reason to report.
    ///
    /// # Errors
    ///
    /// Why no key, or no certificate, could be had: another password, an algorithm; or [`Pkcs12Error::Nothing`]
    /// with what was passed over.
    pub fn require_credential(&self) -> Result<(), Pkcs12Error> {
        if self.keys.is_empty()
            && let Some(problem) = &self.key_problem
        {
            return Err(problem.clone());
        }
        if (self.keys.is_empty() || self.certificates.is_empty())
            && let Some(problem) = &self.safe_problem
        {
            return Err(problem.clone());
        }
        if self.keys.is_empty() && self.certificates.is_empty() {
            return Err(Pkcs12Error::Nothing { skipped: self.skipped.clone() });
        }
        Ok(())
    }

    /// Whether the password opened all that a password protects. What no password could have opened is passed over.
    ///
    /// # Errors
    ///
    /// [`Pkcs12Error::KeyPassword`] or [`Pkcs12Error::SafePassword`]; or any problem, if nothing at all was had.
    pub fn require_opened(&self) -> Result<(), Pkcs12Error> {
        let empty = self.keys.is_empty() && self.certificates.is_empty();
        let mut problems = self.safe_problem.iter().chain(&self.key_problem);
        let is_password =
            |problem: &&Pkcs12Error| matches!(problem, Pkcs12Error::KeyPassword | Pkcs12Error::SafePassword);
        match problems.find(|problem| empty || is_password(problem)) {
            Some(problem) => Err(problem.clone()),
            None => Ok(()),
        }
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
        KeyBag { key: PrivateKey::from_pkcs8_der(vec![]), attributes: Attributes::default(), protection }
    }

    fn certificate(algorithms: &[(&str, bool)]) -> CertificateBag {
        let KeyBag { attributes, protection, .. } = key(algorithms);
        CertificateBag { der: vec![], attributes, protection }
    }

    fn unsupported() -> Pkcs12Error {
        Pkcs12Error::UnsupportedAlgorithm { field: "key bag", name: "Camellia".to_owned() }
    }

    #[test]
    fn what_is_missing_is_blamed_on_what_could_not_be_had() {
        let skipped = || vec!["secretBag".to_owned()];
        let contents = |keys, certificates, key_problem, safe_problem| Contents {
            keys,
            certificates,
            key_problem,
            safe_problem,
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
            // An algorithm is passed over where anything else was had.
            (contents(vec![], one_certificate(), Some(unsupported()), None), Err(unsupported()), Ok(())),
            (contents(one_key(), one_certificate(), Some(unsupported()), None), Ok(()), Ok(())),
            (contents(vec![], vec![], Some(unsupported()), None), Err(unsupported()), Err(unsupported())),
            (contents(vec![], vec![], None, Some(unsupported())), Err(unsupported()), Err(unsupported())),
            // A password is not.
            (contents(one_key(), vec![], None, Some(safe.clone())), Err(safe.clone()), Err(safe.clone())),
            (
                contents(vec![], one_certificate(), None, Some(safe.clone())),
                Err(safe.clone()),
                Err(safe.clone()),
            ),
            (contents(one_key(), one_certificate(), None, Some(safe.clone())), Ok(()), Err(safe)),
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
