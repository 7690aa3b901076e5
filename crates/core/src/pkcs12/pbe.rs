//! Password-based encryption of one part of a file, whichever scheme it names.

use zeroize::Zeroizing;

use super::{
    algorithm::AlgorithmIdentifier,
    ber::Walk,
    cipher::Plain,
    error::Pkcs12Error,
    kdf::{Derivation, Keys},
    password::{Octets, PasswordReading},
    pbes1::Pbes1,
    pbes2::Pbes2,
};
use crate::limits::KdfBudget;

/// How one part of a file is encrypted.
pub(super) enum Scheme {
    Pbes1(Pbes1),
    Pbes2(Pbes2),
}

impl Scheme {
    /// Reads the parameters and holds them against the limits; nothing is derived yet.
    pub(super) fn parse(
        algorithm: &AlgorithmIdentifier<'_>,
        field: &'static str,
        walk: &Walk<'_>,
    ) -> Result<Self, Pkcs12Error> {
        if let Some(scheme) = Pbes1::parse(algorithm, walk)? {
            return Ok(Self::Pbes1(scheme));
        }
        if let Some(scheme) = Pbes2::parse(algorithm, field, walk)? {
            return Ok(Self::Pbes2(scheme));
        }
        Err(Pkcs12Error::unsupported(field, algorithm.oid))
    }

    /// The scheme as people name it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Pbes1(scheme) => scheme.name().to_owned(),
            Self::Pbes2(scheme) => scheme.name(),
        }
    }

    /// The iteration count, or N of scrypt.
    pub(super) fn iterations(&self) -> u64 {
        match self {
            Self::Pbes1(scheme) => u64::from(scheme.iterations),
            Self::Pbes2(scheme) => scheme.iterations(),
        }
    }

    pub(super) fn is_legacy(&self) -> bool {
        match self {
            Self::Pbes1(_) => true,
            Self::Pbes2(scheme) => scheme.is_legacy(),
        }
    }

    /// What one try costs, in iterations.
    pub(super) fn work(&self) -> u64 {
        match self {
            Self::Pbes1(scheme) => scheme.work(),
            Self::Pbes2(scheme) => scheme.work(),
        }
    }

    /// Decrypts `data` under the first reading of the passwords whose plaintext `accept` takes.
    ///
    /// Each password is tried as it should be read before any other reading. Every try is charged. A budget that
    /// only the other readings exhaust is no error of its own. A key that is not there is asked for: then it ends there,
    /// and is called again when the key has been derived.
    pub(super) fn decrypt(
        &self,
        data: &[u8],
        passwords: &[&Octets],
        keys: &mut Keys,
        budget: &mut KdfBudget,
        accept: impl Fn(&[u8]) -> bool,
    ) -> Result<Tried, Pkcs12Error> {
        let (mut usual, mut odd) = (Vec::new(), Vec::new());
        for (n, password) in passwords.iter().enumerate() {
            let mut secrets = self.secrets(password).into_iter();
            // The first is what the MAC matched, if there is one.
            let is_usual = n == 0 || password.reading == PasswordReading::Standard;
            if is_usual { &mut usual } else { &mut odd }.extend(secrets.next());
            odd.extend(secrets);
        }
        let usual_count = usual.len();
        for (n, (reading, secret)) in usual.into_iter().chain(odd).enumerate() {
            let derivations = self.derivations(&secret);
            let charged = derivations.iter().try_for_each(|one| keys.want(one.clone(), budget));
            match charged {
                Err(error) if n < usual_count => return Err(error.into()),
                Err(_) => return Ok(Tried::Refused),
                Ok(()) => {}
            }
            let derived: Option<Vec<&[u8]>> = derivations.iter().map(|one| keys.get(one)).collect();
            let Some(derived) = derived else {
                return Ok(Tried::Waiting);
            };
            if let Some(plain) = self.decrypt_with(data, &derived)
                && accept(&plain)
            {
                return Ok(Tried::Opened(Opened { plain, reading }));
            }
        }
        Ok(Tried::Refused)
    }

    /// The same for a part that is no part of a PFX: each key is derived as it is wanted; `None` if no reading is accepted.
    pub(super) fn decrypt_alone(
        &self,
        data: &[u8],
        passwords: &[&Octets],
        budget: &mut KdfBudget,
        accept: impl Fn(&[u8]) -> bool,
    ) -> Result<Option<Opened>, Pkcs12Error> {
        let mut keys = Keys::default();
        loop {
            match self.decrypt(data, passwords, &mut keys, budget, &accept)? {
                Tried::Opened(opened) => return Ok(Some(opened)),
                Tried::Refused => return Ok(None),
                Tried::Waiting => keys.derive(None, budget)?,
            }
            keys.rewind();
        }
    }

    /// What the first try asks for, of what is made of iterations.
    pub(super) fn foreseen(&self, password: &Octets) -> Vec<Derivation> {
        let first = self.secrets(password).into_iter().next();
        let mut all = first.map(|(_, secret)| self.derivations(&secret)).unwrap_or_default();
        all.retain(|derivation| derivation.method.is_iterated());
        all
    }

    fn derivations(&self, secret: &Zeroizing<Vec<u8>>) -> Vec<Derivation> {
        match self {
            Self::Pbes1(scheme) => scheme.derivations(secret),
            Self::Pbes2(scheme) => vec![scheme.derivation(secret)],
        }
    }

    fn decrypt_with(&self, data: &[u8], keys: &[&[u8]]) -> Plain {
        match (self, keys) {
            (Self::Pbes1(scheme), keys) => scheme.decrypt(data, keys),
            (Self::Pbes2(scheme), [key]) => scheme.decrypt(data, key),
            (Self::Pbes2(_), _) => None,
        }
    }

    /// The octets of a password that this scheme may have been given.
    fn secrets(&self, password: &Octets) -> Vec<(PasswordReading, Zeroizing<Vec<u8>>)> {
        if matches!(self, Self::Pbes1(scheme) if scheme.takes_bmp()) {
            return vec![(password.reading, password.bmp.clone())];
        }
        let mut all = vec![(password.reading, password.utf8.clone())];
        all.extend(password.in_place_of_utf8());
        all
    }
}

/// What came of the tries.
pub(super) enum Tried {
    Opened(Opened),
    Refused,
    /// A key has to be derived first.
    Waiting,
}

/// A part of a file in the clear.
pub(super) struct Opened {
    pub(super) plain: Zeroizing<Vec<u8>>,
    pub(super) reading: PasswordReading,
}
