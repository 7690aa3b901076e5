//! Password-based encryption of one part of a file, whichever scheme it names.

use zeroize::Zeroizing;

use super::{
    algorithm::AlgorithmIdentifier,
    ber::Walk,
    error::Pkcs12Error,
    oid,
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
        Err(Pkcs12Error::UnsupportedAlgorithm { field, name: oid::name(algorithm.oid) })
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

    /// Decrypts `data` under the first reading of the passwords whose plaintext `accept` takes; `None` if none is.
    ///
    /// Each password is tried as it should be read before any other reading. Every try is charged. A budget that
    /// only the other readings exhaust is no error of its own.
    pub(super) fn decrypt(
        &self,
        data: &[u8],
        passwords: &[&Octets],
        budget: &mut KdfBudget,
        accept: impl Fn(&[u8]) -> bool,
    ) -> Result<Option<Opened>, Pkcs12Error> {
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
            let plain = match self {
                Self::Pbes1(scheme) => scheme.decrypt(data, &secret, budget),
                Self::Pbes2(scheme) => scheme.decrypt(data, &secret, budget),
            };
            match plain {
                Ok(Some(plain)) if accept(&plain) => return Ok(Some(Opened { plain, reading })),
                Err(error) if n < usual_count || matches!(error, Pkcs12Error::Cancelled(_)) => {
                    return Err(error);
                }
                Err(_) => return Ok(None),
                Ok(_) => {}
            }
        }
        Ok(None)
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

/// A part of a file in the clear.
pub(super) struct Opened {
    pub(super) plain: Zeroizing<Vec<u8>>,
    pub(super) reading: PasswordReading,
}
